//! What people read of a build: a few lines for each tree, and at the end how much was done.

use std::time::Instant;

use super::write::Outcome;
use crate::{
    journal::Journal,
    last::{Doing, Explanation},
    report::count,
    stream::Streams,
};

/// What people read of a tree.
pub(super) struct TreeText<'t> {
    pub(super) environment: &'t str,
    pub(super) root: &'t str,
    pub(super) dirty: bool,
    /// How many assignments each cluster type has.
    pub(super) on: Vec<(&'t str, usize)>,
}

impl TreeText<'_> {
    pub(super) fn to_text(&self, to: &str, failed: &str, files: &str) -> String {
        const NAMED: usize = 10;
        let all = self.on.iter().map(|(_, n)| n).sum();
        let named = self.on.iter().take(NAMED);
        let mut on: Vec<String> = named.map(|(name, n)| format!("{name} {n}")).collect();
        if let more @ 1.. = self.on.len().saturating_sub(NAMED) {
            on.push(format!("and on {}", count(more, "other cluster type", "other cluster types")));
        }
        let assigned = count(all, "assignment", "assignments");
        let assigned =
            if on.is_empty() { assigned } else { format!("{assigned}: {}", on.join(", ")) };
        let dirty = if self.dirty { " (dirty: overridden or edited sources)" } else { "" };
        format!(
            "//env:{}{to}\n  {assigned}\n{failed}  files: {files}\n  root: {}{dirty}\n",
            self.environment, self.root,
        )
    }
}

/// Returns the line that names what failed; empty if nothing did.
pub(super) fn failed_text(failed: &[String]) -> String {
    const NAMED: usize = 5;
    let mut names = failed.to_vec();
    let all = names.len();
    if all > NAMED {
        names.truncate(NAMED);
        names.push(format!("{} more", all - NAMED));
    }
    match all {
        0 => String::new(),
        _ => format!("  failed; what was built of them before stays: {}\n", names.join(", ")),
    }
}

/// How much was done; docs/output.md says what each number counts.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Work {
    assignments: usize,
    unchanged: usize,
    rendered: usize,
    from_store: usize,
    cut_off_early: usize,
    failed: usize,
    /// None if no files are spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    files_written: Option<usize>,
}

impl Work {
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let mut work = Self::default();
        for outcome in outcomes {
            work.add(&outcome.explanation);
        }
        let written = outcomes.iter().filter(|it| it.written).map(|it| &it.counts);
        // What was in the way, and yet was written to, was overwritten on demand.
        let files = written.map(|it| it.added + it.changed + it.edited + it.foreign);
        work.files_written = Some(files.sum());
        work
    }

    /// Returns that nothing was done about so many assignments, of which some had `failed`.
    pub(super) fn nothing(assignments: usize, failed: usize) -> Self {
        let unchanged = assignments - failed;
        Self { assignments, unchanged, failed, files_written: Some(0), ..Self::default() }
    }

    /// Returns what an explanation is about; it knows of no files.
    pub(crate) fn explained(explanation: &Explanation) -> Self {
        let mut work = Self::default();
        work.add(explanation);
        work
    }

    fn add(&mut self, explanation: &Explanation) {
        let number = |it| explanation.number(it);
        self.assignments += explanation.assignments;
        self.unchanged += number(Doing::Unchanged);
        self.rendered += number(Doing::Rendered);
        self.from_store += number(Doing::FromStore);
        self.cut_off_early += number(Doing::CutOffEarly);
        self.failed += number(Doing::Failed);
    }

    pub(crate) fn to_text(self, begin: Instant) -> String {
        let written = count(self.files_written.unwrap_or_default(), "file", "files");
        format!("{}; {written} written; {} ms", self.counts(), begin.elapsed().as_millis())
    }

    /// Returns what was done about the assignments; what seldom happens is said only if it did.
    pub(crate) fn counts(self) -> String {
        let rare = [
            (self.from_store, "from the store"),
            (self.cut_off_early, "cut off early"),
            (self.failed, "failed"),
        ];
        let rare = rare.into_iter().filter(|it| it.0 > 0);
        let rare = rare.map(|(number, what)| format!("{number} {what}"));
        let often =
            [format!("{} unchanged", self.unchanged), format!("{} rendered", self.rendered)];
        let all: Vec<String> = often.into_iter().chain(rare).collect();
        let assignments = count(self.assignments, "assignment", "assignments");
        format!("{assignments}: {}", all.join(", "))
    }
}

/// Tells that everything is as the last run left it, in the words of a run that found so by building.
pub(super) fn tell_unchanged(journal: &Journal, begin: Instant, streams: &Streams) {
    streams.say_more("nothing has changed since the last run, so nothing was read");
    for remark in &journal.remarks {
        streams.say(&format!("note: {remark}"));
    }
    if let Some(json) = &journal.json {
        streams.result(json);
    }
    streams.tell(&journal.report);
    let (mut assignments, mut failed) = (0, 0);
    for it in &journal.outputs {
        let on: Vec<(&str, usize)> =
            it.assignments.iter().map(|(on, n)| (on.as_str(), *n)).collect();
        assignments += it.assignments.values().sum::<usize>();
        failed += it.failed.len();
        let files = match it.files {
            0 => "none".to_owned(),
            files => format!("{files} unchanged"),
        };
        let text = TreeText { environment: &it.environment, root: &it.root, dirty: it.dirty, on };
        if journal.json.is_none() {
            streams.result(&text.to_text(
                &format!(" -> {}", it.shown),
                &failed_text(&it.failed),
                &files,
            ));
        }
    }
    streams.say(&Work::nothing(assignments, failed).to_text(begin));
}
