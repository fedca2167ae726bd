//! What happens to files, and which of them a tree has.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;
use wob_engine::{Blob, FilePath, Tree};

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is written for the first time.
    Added,
    /// It is replaced; wob wrote what is there.
    Changed,
    /// Wob wrote it, and the tree no longer has it.
    Deleted,
    /// Something that wob did not write lies at the path of a file of the tree: a conflict.
    Foreign,
    /// Wob wrote it, and somebody changed it since: a conflict.
    Edited,
}

/// How many files change in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// See [`Change::Added`].
    pub added: usize,
    /// See [`Change::Changed`].
    pub changed: usize,
    /// See [`super::Plan::unchanged`].
    pub unchanged: usize,
    /// See [`Change::Deleted`].
    pub deleted: usize,
    /// See [`Change::Foreign`].
    pub foreign: usize,
    /// See [`Change::Edited`].
    pub edited: usize,
}

impl Counts {
    /// Counts changes, beside which some files stay.
    pub(super) fn of<'c>(unchanged: usize, changes: impl Iterator<Item = &'c Change>) -> Self {
        let mut counts = Self { unchanged, ..Self::default() };
        for change in changes {
            *match change {
                Change::Added => &mut counts.added,
                Change::Changed => &mut counts.changed,
                Change::Deleted => &mut counts.deleted,
                Change::Foreign => &mut counts.foreign,
                Change::Edited => &mut counts.edited,
            } += 1;
        }
        counts
    }
}

impl Change {
    /// Says whether a file of somebody else's making would be lost.
    pub fn is_conflict(self) -> bool {
        matches!(self, Self::Foreign | Self::Edited)
    }
}

/// A path at which something changes, or the tree has a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'p> {
    pub(super) path: &'p FilePath,
    pub(super) change: Option<Change>,
    /// The file that the tree has there.
    pub(super) blob: Option<&'p Blob>,
}

/// Lists all that changes, and all files of a tree, by path. Both are sorted, so that neither is searched for what the other has.
pub(super) fn beside<'p>(
    changes: &'p BTreeMap<FilePath, Change>,
    tree: &'p Tree,
) -> impl Iterator<Item = Beside<'p>> {
    let (mut changes, mut files) = (changes.iter().peekable(), tree.files().peekable());
    std::iter::from_fn(move || {
        let first = match (changes.peek(), files.peek()) {
            (Some((change, _)), Some((file, _))) => change.cmp(file),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let change = if first.is_le() { changes.next() } else { None };
        let file = if first.is_ge() { files.next() } else { None };
        let path = change.map(|it| it.0).or(file.map(|it| it.0))?;
        Some(Beside { path, change: change.map(|it| *it.1), blob: file.map(|it| it.1) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_files_are_listed_side_by_side() {
        let path = |it: &str| FilePath::new(it).unwrap();
        let changes = ["a", "b/x", "c", "e"].map(|it| (path(it), Change::Changed)).into();
        let files = ["b", "b/x", "c", "d"].map(|it| (path(it), Blob::new(it.as_bytes())));
        let tree = files.into_iter().collect();
        let listed: Vec<(&str, bool, bool)> = beside(&changes, &tree)
            .map(|it| (it.path.as_str(), it.change.is_some(), it.blob.is_some()))
            .collect();
        let expected = [
            ("a", true, false),
            ("b", false, true),
            ("b/x", true, true),
            ("c", true, true),
            ("d", false, true),
            ("e", true, false),
        ];
        assert_eq!(listed, expected);
        assert_eq!(beside(&BTreeMap::new(), &tree).count(), 4);
        assert_eq!(beside(&changes, &Tree::default()).count(), 4);
    }
}
