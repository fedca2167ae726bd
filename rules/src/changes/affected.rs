//! What a change affects: the labels whose output is not the same, by digests alone.

use std::{cmp::Ordering, collections::BTreeSet};

use wob_engine::{Digest, FilePath, Tree};

use super::differing;
use crate::{Built, BuiltAssignment, Name};

/// What of an environment is not the same in two builds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The assignments, by cluster type and target, whose files differ, or which have files in one build only; sorted.
    pub assignments: BTreeSet<(Name, Name)>,
    /// The paths of files that differ and belong to no assignment; sorted.
    pub other_files: BTreeSet<String>,
}

impl Affected {
    /// Says whether everything is the same.
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.other_files.is_empty()
    }
}

/// Returns what is not the same in two builds of an environment; without a build, there is nothing.
pub fn affected(old: Option<&Built>, new: Option<&Built>) -> Affected {
    let (olds, news) =
        (old.map_or(&[][..], |it| &it.assignments), new.map_or(&[][..], |it| &it.assignments));
    let mut found = Affected::default();
    let (mut a, mut b) = (olds.iter().peekable(), news.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => name(a).cmp(&name(b)),
        };
        let before = if order.is_le() { a.next() } else { None };
        let after = if order.is_ge() { b.next() } else { None };
        // What failed has no files, be it there or not.
        let is_same = files(before, old).eq(files(after, new));
        if let Some(it) = after.or(before).filter(|_| !is_same) {
            found
                .assignments
                .insert((it.assignment.cluster_type.clone(), it.assignment.target.clone()));
        }
    }
    let empty = Tree::default();
    let is_told = |built: Option<&Built>, path: &FilePath| {
        built.and_then(|it| it.assignment_of(path)).is_some_and(|it| !it.0.starts_with('.'))
    };
    for file in differing(old.map_or(&empty, |it| &it.tree), new.map_or(&empty, |it| &it.tree)) {
        if !is_told(old, &file.path) && !is_told(new, &file.path) {
            found.other_files.insert(file.path.to_string());
        }
    }
    found
}

fn name(built: &BuiltAssignment) -> (&Name, &Name) {
    (&built.assignment.cluster_type, &built.assignment.target)
}

/// Returns the files of an assignment with their digests, and where they lie; none if it is not there.
fn files<'b>(
    assignment: Option<&'b BuiltAssignment>,
    built: Option<&'b Built>,
) -> impl Iterator<Item = (&'b str, &'b str, Digest)> {
    let prefix = built.map_or("", |it| it.prefix.as_str());
    let files = assignment.into_iter().flat_map(|it| it.files.iter());
    files.map(move |(name, blob)| (prefix, name, blob.digest()))
}
