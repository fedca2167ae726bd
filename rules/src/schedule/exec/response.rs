//! What a program answers: JSON in the shape of `wob schema scheduler-response`, checked against the fleet.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use wob_engine::{Diagnostic, did_you_mean};

use crate::{
    Name,
    decode::shown,
    schedule::{Assignment, Fleet, ProgramSetting, Schedule},
};

/// How many problems of one answer are reported.
const REPORTED: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Response {
    version: u32,
    assignments: Vec<Given>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    cluster_type: String,
    target: String,
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(super) struct Wrong {
    message: String,
    help: String,
    note: Option<String>,
}

impl Wrong {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { message, help: help.into(), note: None }
    }

    /// Reports it where `program` is named.
    pub(super) fn diagnostic(self, program: &ProgramSetting) -> Diagnostic {
        let message = format!("the scheduler `{}` {}", program.path, self.message);
        let diagnostic = Diagnostic::error("scheduler-answer", message)
            .at(program.place.clone(), "of the answer of this program nothing is used")
            .help(self.help);
        self.note.into_iter().fold(diagnostic, Diagnostic::note)
    }
}

/// Reads the answer of a program about `fleet`; either all of it is sound, or nothing is used.
pub(super) fn read(output: &[u8], fleet: Fleet<'_>) -> Result<Schedule, Vec<Wrong>> {
    let text = str::from_utf8(output).map_err(|error| {
        let message = format!("answers no UTF-8 text: byte {} is wrong", error.valid_up_to());
        vec![Wrong::new(message, "write JSON in UTF-8 to standard output, and nothing else")]
    })?;
    let response: Response = serde_json::from_str(text).map_err(|it| vec![not_json(text, &it)])?;
    if response.version != 1 {
        let message = format!("answers in version {}", response.version);
        return Err(vec![Wrong::new(message, "write `\"version\": 1`")]);
    }
    let mut reader = Reader { fleet, pairs: BTreeMap::new(), wrong: vec![] };
    for (index, given) in response.assignments.iter().enumerate() {
        reader.add(index, given);
    }
    let Reader { pairs, mut wrong, .. } = reader;
    if wrong.is_empty() {
        return Ok(schedule(pairs));
    }
    let more = wrong.len().saturating_sub(REPORTED);
    wrong.truncate(REPORTED);
    if let Some(last) = wrong.last_mut().filter(|_| more > 0) {
        last.note = Some(format!("{more} more assignments of the answer are wrong"));
    }
    Err(wrong)
}

/// Says what JSON misses, with the line as the program wrote it.
fn not_json(text: &str, error: &serde_json::Error) -> Wrong {
    if text.trim().is_empty() {
        let help =
            "write the answer to standard output; `wob schema scheduler-response` describes it";
        return Wrong::new("answers nothing".to_owned(), help);
    }
    let message = format!("gives an answer that cannot be read: {error}");
    let mut wrong = Wrong::new(message, "`wob schema scheduler-response` describes the answer");
    let line = error.line().checked_sub(1).and_then(|it| text.lines().nth(it));
    wrong.note = line.map(|it| {
        // Around the column, because a program may well write one line.
        let from = error.column().saturating_sub(40);
        let part: String = it.chars().skip(from).take(80).collect();
        format!("line {} of the answer: {}", error.line(), part.trim())
    });
    wrong
}

/// The assignments that are sound so far, by cluster type and target.
type Sound<'f> = BTreeMap<(&'f Name, &'f Name), (BTreeSet<Name>, Option<String>)>;

struct Reader<'f> {
    fleet: Fleet<'f>,
    pairs: Sound<'f>,
    wrong: Vec<Wrong>,
}

impl<'f> Reader<'f> {
    fn add(&mut self, index: usize, given: &Given) {
        let fleet = self.fleet;
        let at = |field: &str| format!("assignments[{index}].{field}");
        let cluster_type =
            self.name(fleet.cluster_types, &given.cluster_type, &at("clusterType"), "cluster type");
        let target = self.name(fleet.targets, &given.target, &at("target"), "deployment target");
        let mut policies = BTreeSet::new();
        for (number, text) in given.policies.iter().enumerate() {
            let at = at(&format!("policies[{number}]"));
            policies.extend(self.name(fleet.policies, text, &at, "policy").cloned());
        }
        let (Some(cluster_type), Some(target)) = (cluster_type, target) else { return };
        let entry = (policies, given.reason.clone());
        if self.pairs.insert((cluster_type, target), entry).is_some() {
            let message = format!(
                "assigns `{target}` to `{cluster_type}` twice, again in `{}`",
                at("target")
            );
            self.wrong.push(Wrong::new(message, "name each pair once"));
        }
    }

    /// Returns the name of `known` that is `text`.
    fn name<T>(
        &mut self,
        known: &'f BTreeMap<Name, T>,
        text: &str,
        at: &str,
        what: &str,
    ) -> Option<&'f Name> {
        if let Some((name, _)) = known.get_key_value(text) {
            return Some(name);
        }
        let names = known.keys().map(Name::as_str);
        let help = match did_you_mean(text, names) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => "use the names of the request".to_owned(),
        };
        let message = format!("names an unknown {what} `{}` in `{at}`", shown(text));
        self.wrong.push(Wrong::new(message, help));
        None
    }
}

fn schedule(pairs: Sound<'_>) -> Schedule {
    let mut schedule = Schedule::default();
    for ((cluster_type, target), (policies, reason)) in pairs {
        if let Some(reason) = reason {
            schedule.reasons.insert((cluster_type.clone(), target.clone()), shown(&reason));
        }
        schedule.assignments.push(Assignment {
            cluster_type: cluster_type.clone(),
            target: target.clone(),
            policies: policies.into_iter().collect(),
        });
    }
    schedule
}
