//! Explanations of a build: what was done about each assignment, and why.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use crate::report::{Position, count};

/// Why each assignment of an environment was rendered, or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// How many assignments there are.
    pub(crate) assignments: usize,
    /// The files whose bytes are not those of the build before; none if there was none, as far as is known.
    pub(crate) edited: Option<Vec<Edited>>,
    /// What was done, and why. Assignments that are unchanged are not listed.
    pub(crate) groups: Vec<Group>,
    /// The assignments that there were before.
    pub(crate) gone: Vec<String>,
}

/// A file that was edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edited {
    pub(crate) file: String,
    pub(crate) change: EditKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EditKind {
    Added,
    Changed,
    Deleted,
}

/// Assignments about which the same was done for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) doing: Doing,
    pub(crate) causes: Vec<ToldCause>,
    /// As `<cluster type>:<target>`, sorted.
    pub(crate) assignments: Vec<String>,
}

/// What was done about an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Doing {
    /// Nothing: its inputs are those of the build before, and no file that says something about it was edited.
    Unchanged,
    /// Its templates ran.
    Rendered,
    /// Its inputs are other ones than before, but it was rendered from them once.
    FromStore,
    /// A file that says something about it was edited, but its inputs are those of the build before.
    CutOffEarly,
    /// It could not be built.
    Failed,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ToldCause {
    /// The part of the inputs that is another; none if it is about the assignment as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<String>,
    pub(crate) text: String,
    #[serde(flatten)]
    pub(crate) at: Option<Position>,
}

impl ToldCause {
    fn to_text(&self) -> String {
        self.at.as_ref().map_or_else(|| self.text.clone(), |at| format!("{} at {at}", self.text))
    }
}

impl Doing {
    /// Returns what people read of assignments about which this was done.
    fn words(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Rendered => "rendered",
            Self::FromStore => "from the store",
            Self::CutOffEarly => "cut off early",
            Self::Failed => "failed",
        }
    }
}

impl Explanation {
    /// Returns how many assignments it was done about.
    pub(crate) fn number(&self, doing: Doing) -> usize {
        if doing == Doing::Unchanged {
            let others: usize = self.groups.iter().map(|it| it.assignments.len()).sum();
            return self.assignments - others;
        }
        let groups = self.groups.iter().filter(|it| it.doing == doing);
        groups.map(|it| it.assignments.len()).sum()
    }

    /// Returns the group of each assignment that is not unchanged.
    pub(crate) fn by_assignment(&self) -> BTreeMap<&str, &Group> {
        let groups = self.groups.iter();
        groups.flat_map(|it| it.assignments.iter().map(move |of| (of.as_str(), it))).collect()
    }

    /// Leaves out what is about other assignments than those that are `wanted`.
    pub(crate) fn retain(&mut self, wanted: &dyn Fn(&str) -> bool) {
        for group in &mut self.groups {
            group.assignments.retain(|it| wanted(it));
        }
        self.groups.retain(|it| !it.assignments.is_empty());
        self.gone.retain(|it| wanted(it));
    }

    /// Returns what people read.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |indent: usize, it: &str| {
            writeln!(text, "{:indent$}{it}", "").expect("because a string takes all");
        };
        match self.edited.as_deref() {
            None => line(2, "nothing is known of a build before it"),
            Some([]) => line(2, "no source was edited since the build before"),
            Some(edited) => {
                line(2, "edited since the build before:");
                for it in edited {
                    let how = match it.change {
                        EditKind::Added => " (new)",
                        EditKind::Changed => "",
                        EditKind::Deleted => " (gone)",
                    };
                    line(4, &format!("{}{how}", it.file));
                }
            }
        }
        for group in &self.groups {
            let all = count(group.assignments.len(), "assignment", "assignments");
            line(2, &format!("{all} {}: {}", group.doing.words(), some(&group.assignments)));
            group.causes.iter().for_each(|it| line(4, &it.to_text()));
        }
        if !self.gone.is_empty() {
            let all = count(self.gone.len(), "assignment", "assignments");
            line(2, &format!("{all} gone: {}", some(&self.gone)));
        }
        text
    }
}

/// Returns the first of many names.
fn some(names: &[String]) -> String {
    const NAMED: usize = 5;
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
