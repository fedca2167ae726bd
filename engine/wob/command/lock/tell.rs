//! Tells what a lock file holds, what changed in it, and where it was written.

use serde::Serialize;

use super::{
    plan::{Fit, LockPlan, MovedInput},
    write::Written,
};
use crate::{
    exit::Exit,
    lock::{LockedInput, time_text},
    report::{Report, count},
    session::JsonResult,
    stream::{Results, Streams, json_diagnostics},
    workspace::Asked,
};

/// What is told of a lock file.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    name: String,
    environment: Option<String>,
    inputs: usize,
    fit: Fit,
    text: String,
    added: Vec<LockedInput>,
    removed: Vec<LockedInput>,
    unread: Vec<Asked>,
    doubtful: Vec<LockedInput>,
    /// What moved, each with what is said of it.
    pub(crate) moved: Vec<(MovedInput, Effect)>,
    /// Where it was written.
    pub(crate) written: Option<Written>,
}

/// What moving an input does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// How many commits the new one has that the old one has not; none if the history is not here.
    pub(crate) commits: Option<usize>,
    /// Whether the old one is not among those that the new one was made from.
    pub(crate) rewritten: Option<bool>,
    /// How many assignments it affects; none if that was not asked.
    pub(crate) affected: Option<usize>,
}

/// All lock files, as programs read them.
#[derive(Debug, Serialize)]
struct JsonLocks<'t> {
    locks: Vec<JsonLock<'t>>,
}

/// A lock file, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLock<'t> {
    file: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'t str>,
    stale: bool,
    /// The file on disk; absent if it was not written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'t str>,
    /// The commit on its branch; absent if there is no new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'t str>,
    added: Vec<JsonLockedInput<'t>>,
    removed: Vec<JsonLockedInput<'t>>,
    updated: Vec<JsonMoved<'t>>,
    unread: Vec<JsonUnread<'t>>,
    text: &'t str,
}

/// A block of a lock file, as programs read it.
#[derive(Debug, Serialize)]
struct JsonLockedInput<'t> {
    name: &'t str,
    url: &'t str,
    #[serde(rename = "ref")]
    reference: &'t str,
    path: &'t str,
    commit: String,
    tree: String,
    blake3: String,
    time: String,
}

#[derive(Debug, Serialize)]
struct JsonMoved<'t> {
    from: JsonLockedInput<'t>,
    to: JsonLockedInput<'t>,
    /// Null if it is not known.
    commits: Option<usize>,
    rewritten: Option<bool>,
    affected: Option<usize>,
}

#[derive(Debug, Serialize)]
struct JsonUnread<'t> {
    names: Vec<&'t str>,
    url: &'t str,
}

/// Writes what became of lock files; for people, each as `text` shows it.
pub(crate) fn tell(
    told: &[Told],
    text: fn(&Told) -> String,
    report: &Report,
    exit: Exit,
    streams: &Streams,
) {
    if streams.is_json() {
        streams.json(&JsonResult {
            result: JsonLocks { locks: told.iter().map(JsonLock::of).collect() },
            diagnostics: json_diagnostics(report),
            exit_code: exit.number(),
        });
    }
    streams.report(report, Results::Talk, "");
    if streams.is_json() {
        return;
    }
    for it in told {
        streams.result(&text(it));
    }
    if told.is_empty() {
        streams.result("nothing to lock: no source names a branch of another repository\n");
    }
}

impl Told {
    /// Begins with what is planned.
    pub(crate) fn of(plan: &LockPlan<'_>) -> Self {
        let moved = plan.moved.iter().map(|it| (it.clone(), Effect::default()));
        Self {
            name: plan.lock.name.to_string(),
            environment: plan.lock.environment.as_ref().map(ToString::to_string),
            inputs: plan.next.inputs.len(),
            fit: plan.fit(),
            text: plan.next.to_text(),
            added: plan.added.clone(),
            removed: plan.removed.clone(),
            unread: plan.unread.clone(),
            doubtful: plan.doubtful.clone(),
            moved: moved.collect(),
            written: None,
        }
    }

    /// Returns what people read after it was written.
    pub(crate) fn to_text(&self) -> String {
        let inputs = count(self.inputs, "input", "inputs");
        let place = match &self.written {
            Some(Written::File(path)) if *path != self.name => format!(" -> {path}"),
            Some(Written::Commit { branch, id }) => {
                format!(" -> commit {} of branch {branch}", short(id))
            }
            Some(Written::File(_)) | None => String::new(),
        };
        let state = match (&self.written, self.fit) {
            (None, Fit::Stale) => ", not written",
            (None, Fit::Same | Fit::Unread) => ", as before",
            (Some(_), _) => "",
        };
        format!("{}: {inputs}{state}{place}\n{}", self.name, indented(&self.lines()))
    }

    /// Returns what people read if nothing was to be written.
    pub(crate) fn to_check(&self) -> String {
        if self.fit == Fit::Same {
            return format!(
                "{} is up to date: {}\n",
                self.name,
                count(self.inputs, "input", "inputs")
            );
        }
        let line = |what: &str, it: &LockedInput| {
            format!("{what} {}: branch {} of {}", it.name, it.reference, it.url)
        };
        let missing = self.added.iter().map(|it| line("missing", it));
        let unused = self.removed.iter().map(|it| line("unused", it));
        let mut lines: Vec<String> = missing.chain(unused).chain(self.trouble()).collect();
        if lines.is_empty() {
            lines.push("its text is not as wob writes it".to_owned());
        }
        format!("{} is stale; `wob lock` mends it\n{}", self.name, indented(&lines))
    }

    /// Returns a line for everything that changes.
    pub(crate) fn lines(&self) -> Vec<String> {
        let added = self.added.iter().map(|it| {
            let commit = it.pin.commit.to_string();
            let commit = short(&commit);
            format!("added {} at {commit}: branch {} of {}", it.name, it.reference, it.url)
        });
        let moved = self.moved.iter().map(|(MovedInput { from, to, .. }, effect)| {
            let (old, new) = (from.pin.commit.to_string(), to.pin.commit.to_string());
            let same = if from.pin.tree == to.pin.tree { "; its files are the same" } else { "" };
            format!("{}: {} -> {}{}{same}", to.name, short(&old), short(&new), effect.to_text())
        });
        let removed = self.removed.iter();
        let removed = removed.map(|it| format!("removed {}: no source names it any more", it.name));
        added.chain(moved).chain(removed).chain(self.trouble()).collect()
    }

    fn trouble(&self) -> impl Iterator<Item = String> {
        let unread = self.unread.iter().map(|it| {
            let names: Vec<&str> = it.names.iter().map(String::as_str).collect();
            format!("not locked: {}, which could not be read", names.join(", "))
        });
        let doubtful = self.doubtful.iter();
        let doubtful = doubtful
            .map(|it| format!("kept {}: sources that could not be read may name it", it.name));
        unread.chain(doubtful)
    }
}

impl Effect {
    fn to_text(self) -> String {
        let commits = match (self.commits, self.rewritten, self.affected) {
            (Some(0), Some(true), _) => ", back to an earlier commit".to_owned(),
            (Some(n), Some(true), _) => {
                format!(", {} and the branch was rewritten", count(n, "new commit", "new commits"))
            }
            (Some(n), _, _) => format!(", {}", count(n, "commit", "commits")),
            (None, _, Some(_)) => ", an unknown number of commits".to_owned(),
            (None, _, None) => String::new(),
        };
        match self.affected {
            Some(n) => format!("{commits}, affects {}", count(n, "assignment", "assignments")),
            None => commits,
        }
    }
}

impl<'t> JsonLock<'t> {
    fn of(told: &'t Told) -> Self {
        let inputs = |all: &'t [LockedInput]| all.iter().map(JsonLockedInput::of).collect();
        let (written, commit) = match &told.written {
            Some(Written::File(path)) => (Some(path.as_str()), None),
            Some(Written::Commit { id, .. }) => (None, Some(id.as_str())),
            None => (None, None),
        };
        Self {
            file: &told.name,
            environment: told.environment.as_deref(),
            stale: told.fit != Fit::Same,
            written,
            commit,
            added: inputs(&told.added),
            removed: inputs(&told.removed),
            updated: told.moved.iter().map(JsonMoved::of).collect(),
            unread: told.unread.iter().map(JsonUnread::of).collect(),
            text: &told.text,
        }
    }
}

impl<'t> JsonLockedInput<'t> {
    fn of(input: &'t LockedInput) -> Self {
        let LockedInput { name, url, reference, path, pin } = input;
        Self {
            name,
            url,
            reference,
            path,
            commit: pin.commit.to_string(),
            tree: pin.tree.to_string(),
            blake3: pin.content.to_string(),
            time: time_text(pin.time_s),
        }
    }
}

impl<'t> JsonMoved<'t> {
    fn of((moved, effect): &'t (MovedInput, Effect)) -> Self {
        Self {
            from: JsonLockedInput::of(&moved.from),
            to: JsonLockedInput::of(&moved.to),
            commits: effect.commits,
            rewritten: effect.rewritten,
            affected: effect.affected,
        }
    }
}

impl<'t> JsonUnread<'t> {
    fn of(asked: &'t Asked) -> Self {
        Self { names: asked.names.iter().map(String::as_str).collect(), url: &asked.url }
    }
}

/// Returns a commit as people read it.
pub(crate) fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

fn indented(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "  " + line + "\n")
}
