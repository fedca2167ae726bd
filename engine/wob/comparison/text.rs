//! What differs, for people at a terminal: one line for each change, then where, then because of which lines.

use wob_rules::changes::Class;

use super::{
    Change, Compared,
    lines::Lines,
    view::{CauseView, Kind, SideName},
};
use crate::report::{around, count, printable};

/// How many places of a change are named.
const PLACES: usize = 3;
/// How many causes of a change are named.
const CAUSES: usize = 4;
/// How many lines of a text are shown.
const LINES: usize = 20;

impl Compared {
    /// Returns the whole answer.
    pub(crate) fn to_text(&self) -> String {
        if !self.differs() {
            let nothing = self.nothing_in_words();
            return format!("{}: {nothing}\n", printable(&self.names.join(" → ")));
        }
        let mut text = Lines(format!("{}: {}\n", self.names.join(" → "), self.in_words()));
        for class in Class::ALL {
            let mut of_class = self.changes.iter().filter(|it| it.class == class).peekable();
            if of_class.peek().is_some() {
                text.add(format_args!("\n{}\n", class.title()));
            }
            of_class.for_each(|it| text.push_str(&self.change(it)));
        }
        printable(&text.0).into_owned()
    }

    /// Says that nothing differs.
    pub(super) fn nothing_in_words(&self) -> &'static str {
        if self.uncompared.is_empty() {
            "nothing differs"
        } else {
            "nothing differs of what can be compared"
        }
    }

    /// Returns the labels of what was not compared, the first few by name; none if all was.
    pub(crate) fn uncompared_in_words(&self, show: impl Fn(&str) -> String) -> Option<String> {
        let all = &self.uncompared;
        (!all.is_empty()).then(|| first_of(all, show))
    }

    /// Returns how much differs: `3 changes in 5 files of 4 assignments`.
    pub(crate) fn in_words(&self) -> String {
        let summary = &self.summary;
        let changes = count(summary.changes, "change", "changes");
        let files = count(summary.files, "file", "files");
        let assignments = count(summary.assignments, "assignment", "assignments");
        match summary.assignments {
            0 => format!("{changes} in {files}"),
            _ => format!("{changes} in {files} of {assignments}"),
        }
    }

    fn change(&self, change: &Change) -> String {
        let mut text =
            Lines(format!("  {} {}{}\n", change.sign(), change.title(), change.values()));
        let left = change.lines.len().saturating_sub(LINES);
        for line in change.lines.iter().take(LINES) {
            text.add(format_args!("      {line}\n"));
        }
        if left > 0 {
            text.add(format_args!("      … {left} more lines\n"));
        }
        text.add(format_args!("      on {}\n", change.places_in_words(PLACES)));
        for cause in change.causes.iter().take(CAUSES) {
            text.add(format_args!("      by {}\n", self.cause(cause)));
        }
        let left = change.causes.len().saturating_sub(CAUSES);
        if left > 0 {
            text.add(format_args!("      by {}\n", count(left, "more line", "more lines")));
        }
        text.0
    }

    /// Returns a cause on one line: where it is, and what stands there.
    pub(super) fn cause(&self, cause: &CauseView) -> String {
        let side = match cause.side {
            SideName::Before => format!(" (in {})", self.lines_before),
            SideName::After => String::new(),
        };
        match &cause.at {
            Some(at) if at.text.is_empty() => format!("{at}{side}"),
            Some(at) => format!("{at}{side}: {}", around(at)),
            None => format!("{}{side}", cause.what),
        }
    }
}

/// Returns the first few labels, and how many more there are.
pub(crate) fn first_of(labels: &[String], show: impl Fn(&str) -> String) -> String {
    /// How many labels are named.
    const NAMED: usize = 5;
    let mut words: Vec<String> = labels.iter().take(NAMED).map(|it| show(it)).collect();
    let left = labels.len().saturating_sub(NAMED);
    words.extend((left > 0).then(|| format!("{left} more")));
    words.join(", ")
}

impl Change {
    /// Returns what a field was and is; nothing if its lines say it.
    pub(super) fn value_pair(&self) -> Vec<String> {
        if self.kind != Kind::Field || !self.lines.is_empty() {
            return vec![];
        }
        [&self.before, &self.after].into_iter().flatten().map(ToString::to_string).collect()
    }

    /// Returns the same in one text, after a colon.
    pub(super) fn values(&self) -> String {
        let values = self.value_pair();
        if values.is_empty() { String::new() } else { format!(": {}", values.join(" → ")) }
    }

    /// Returns the first of the places, and how many more there are.
    pub(super) fn places_in_words(&self, named: usize) -> String {
        let labels = self.labels();
        let mut words: Vec<String> = labels.iter().take(named).map(|it| (*it).to_owned()).collect();
        let left = labels.len().saturating_sub(named);
        if left > 0 {
            words.push(format!("{left} more"));
        }
        words.join(", ")
    }
}
