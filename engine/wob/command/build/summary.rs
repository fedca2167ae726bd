//! What people read of a build: a few lines for each tree, and at the end how much was done.

use std::time::Instant;

use super::write::Outcome;
use crate::{journal::Journal, report::count, stream::Streams};

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
        let all = self.on.iter().map(|(_, n)| n).sum();
        let on: Vec<String> = self.on.iter().map(|(name, n)| format!("{name} {n}")).collect();
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

/// How much was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    assignments: usize,
    unchanged: usize,
    rendered: usize,
    failed: usize,
    files_written: usize,
}

impl Work {
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let mut work = Self::default();
        for outcome in outcomes {
            let failed = outcome.record.assignments.iter().filter(|it| it.failed).count();
            work.assignments += outcome.record.assignments.len();
            work.failed += failed;
            work.rendered += outcome.record.assignments.len() - failed;
            if outcome.written {
                work.files_written += outcome.counts.added + outcome.counts.changed;
            }
        }
        work
    }

    pub(crate) fn to_text(self, begin: Instant) -> String {
        let failed =
            if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        format!(
            "{}: {} unchanged, {} rendered{failed}; {} written; {} ms",
            count(self.assignments, "assignment", "assignments"),
            self.unchanged,
            self.rendered,
            count(self.files_written, "file", "files"),
            begin.elapsed().as_millis(),
        )
    }
}

/// Tells that everything is as the last run left it, in the words of a run that found so by building.
pub(super) fn tell_unchanged(journal: &Journal, begin: Instant, streams: &Streams) {
    for remark in &journal.remarks {
        streams.say(&format!("note: {remark}"));
    }
    let mut work = Work::default();
    for it in &journal.outputs {
        let on: Vec<(&str, usize)> =
            it.assignments.iter().map(|(on, n)| (on.as_str(), *n)).collect();
        let all: usize = it.assignments.values().sum();
        work.assignments += all;
        work.unchanged += all;
        let files = format!("{} unchanged", it.file_count());
        let text = TreeText { environment: &it.environment, root: &it.root, dirty: it.dirty, on };
        streams.result(&text.to_text(&format!(" -> {}", it.shown), "", &files));
    }
    streams.say(&work.to_text(begin));
}
