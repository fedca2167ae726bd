//! What `wob wait` tells of each look: a line that stays up to date on a terminal, a line for each change elsewhere.

use serde::Serialize;

use crate::{
    exit::Exit,
    progress::Progress,
    promotion::short,
    report::{count, printable},
    stream::Streams,
    waiting::{Aim, Asked, Condition, Judge, Subscriber, Verdict},
};

/// How many subscribers are named.
const NAMED: usize = 5;

/// One look, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLook<'l> {
    #[serde(flatten)]
    asked: Asked<'l>,
    /// `waiting`, `success`, `failure`, `timeout` or `silence`.
    verdict: &'static str,
    /// How many subscribers have the commit and are well.
    done: usize,
    /// How many must be.
    expected: usize,
    subscribers: &'l [Subscriber],
    /// Why nobody answered the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'l str>,
    /// Only of the last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
}

/// Tells what is seen.
pub(super) struct Teller<'t> {
    asked: Asked<'t>,
    aim: Aim,
    source: String,
    streams: &'t Streams,
    progress: Progress,
    last: Option<String>,
}

impl<'t> Teller<'t> {
    pub(super) fn new(asked: Asked<'t>, aim: Aim, source: String, streams: &'t Streams) -> Self {
        let progress = Progress::start(streams.wants_progress(), "asking");
        Self { asked, aim, source, streams, progress, last: None }
    }

    /// Tells of one look.
    pub(super) fn tell(&mut self, judge: &Judge, verdict: &Verdict) {
        let text = self.text(judge, verdict);
        let is_news = self.last.as_deref() != Some(&text);
        if self.streams.is_json() {
            if is_news || *verdict != Verdict::Waiting {
                self.streams.json_line(&self.json(judge, verdict));
            }
        } else if *verdict == Verdict::Success {
            self.streams.result(&printable(&format!("{text}\n")));
        } else if *verdict != Verdict::Waiting {
            self.streams.fail(&text);
        } else if self.progress.is_shown() {
            self.progress.now(&printable(&text));
        } else if is_news {
            self.streams.say(&text);
        }
        self.last = Some(text);
    }

    fn json<'j>(&'j self, judge: &'j Judge, verdict: &Verdict) -> JsonLook<'j> {
        let verdict_name = match verdict {
            Verdict::Waiting => "waiting",
            Verdict::Success => "success",
            Verdict::Failure(_) => "failure",
            Verdict::TimedOut => "timeout",
            Verdict::Silent(_) => "silence",
        };
        JsonLook {
            asked: self.asked,
            verdict: verdict_name,
            done: judge.done(),
            expected: self.aim.subscribers,
            subscribers: judge.seen(),
            trouble: judge.trouble(),
            exit_code: (*verdict != Verdict::Waiting).then(|| exit(verdict).number()),
        }
    }

    fn text(&self, judge: &Judge, verdict: &Verdict) -> String {
        let environment = self.asked.environment;
        let commit = self.aim.commit.to_string();
        let commit = short(&commit);
        let (done, seen) = (judge.done(), judge.seen());
        let all = seen.len().max(self.aim.subscribers);
        let subscribers = |n| count(n, "subscriber", "subscribers");
        match verdict {
            Verdict::Success => format!("`{environment}`: {} at {commit}", subscribers(done)),
            Verdict::Failure(failed) => {
                let lines = failed.iter().map(|it| format!("\n    {}", line(it)));
                let lines: String = lines.take(NAMED).collect();
                let more = failed.len().saturating_sub(NAMED);
                let more = if more > 0 { format!("\n    and {more} more") } else { String::new() };
                format!(
                    "`{environment}` fails at {commit}: {}{lines}{more}",
                    subscribers(failed.len())
                )
            }
            Verdict::TimedOut => {
                let missing = self.aim.subscribers.saturating_sub(seen.len());
                let missing = match missing {
                    0 => String::new(),
                    n => format!("; {} never reported to {}", subscribers(n), self.source),
                };
                format!(
                    "`{environment}`: time is over, and {done} of {all} are at {commit}{missing}{}",
                    self.lacking(seen)
                )
            }
            Verdict::Silent(reason) => {
                format!("`{environment}`: nobody says what clusters run: {reason}")
            }
            Verdict::Waiting => match judge.trouble() {
                Some(trouble) => format!("no answer: {trouble}"),
                None => format!("{done} of {all} at {commit}{}", self.lacking(seen)),
            },
        }
    }

    /// Names those who are not done.
    fn lacking(&self, seen: &[Subscriber]) -> String {
        let is_done = |it: &&Subscriber| it.has(self.aim.commit) && it.state == Condition::Success;
        let lacking: Vec<&Subscriber> = seen.iter().filter(|it| !is_done(it)).collect();
        let named: Vec<String> = lacking.iter().take(NAMED).map(|it| self.brief(it)).collect();
        match lacking.len() {
            0 => String::new(),
            n if n > NAMED => format!("; not yet: {}, {} more", named.join(", "), n - NAMED),
            _ => format!("; not yet: {}", named.join(", ")),
        }
    }

    fn brief(&self, it: &Subscriber) -> String {
        let state = match it.state {
            Condition::Failure if it.has(self.aim.commit) => " (fails)",
            Condition::Pending if it.has(self.aim.commit) => " (pending)",
            Condition::Pending | Condition::Success | Condition::Failure => "",
        };
        format!("{}{state}", it.name)
    }
}

fn line(it: &Subscriber) -> String {
    if it.message.is_empty() { it.name.clone() } else { format!("{}: {}", it.name, it.message) }
}

/// Returns how to end.
pub(super) fn exit(verdict: &Verdict) -> Exit {
    match verdict {
        Verdict::Waiting | Verdict::Success => Exit::Ok,
        Verdict::Failure(_) => Exit::Sources,
        Verdict::TimedOut | Verdict::Silent(_) => Exit::Outside,
    }
}
