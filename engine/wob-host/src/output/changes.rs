//! What happens to files, and which of them a tree has.

use std::collections::BTreeMap;

use serde::Serialize;
use wob_engine::{FilePath, Tree};

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
    fn of<'c>(unchanged: usize, changes: impl Iterator<Item = &'c Change>) -> Self {
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

/// What happens to the files of a tree, and to those that wob wrote before, by path; those that stay as they are are left out.
#[derive(Clone, Debug)]
pub struct Changes(Which);

#[derive(Clone, Debug)]
enum Which {
    /// Every file of this tree is added, and nothing else happens: a list of them would take more memory than the tree.
    AllAdded(Tree),
    These(BTreeMap<FilePath, Change>),
}

impl Changes {
    /// Says that every file of `tree` is added.
    pub(super) fn all_added(tree: &Tree) -> Self {
        Self(Which::AllAdded(tree.clone()))
    }

    /// Lists the changes, in byte order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (FilePath, Change)> {
        let (all, these) = match &self.0 {
            Which::AllAdded(tree) => (Some(tree.files()), None),
            Which::These(these) => (None, Some(these.iter())),
        };
        let all = all.into_iter().flatten().map(|(path, _)| (path, Change::Added));
        all.chain(these.into_iter().flatten().map(|(path, it)| (path.clone(), *it)))
    }

    /// Lists the paths, in byte order.
    pub(super) fn paths(&self) -> impl Iterator<Item = FilePath> {
        self.iter().map(|(path, _)| path)
    }

    /// Returns what happens at `path`.
    pub fn get(&self, path: &FilePath) -> Option<Change> {
        match &self.0 {
            Which::AllAdded(tree) => tree.get(path).map(|_| Change::Added),
            Which::These(these) => these.get(path).copied(),
        }
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Which::AllAdded(tree) => tree.len(),
            Which::These(these) => these.len(),
        }
    }

    /// Says whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many files of `tree`, of which these are the changes, are there already.
    pub(super) fn unchanged_of(&self, tree: &Tree) -> usize {
        match &self.0 {
            Which::AllAdded(_) => 0,
            Which::These(these) => {
                tree.len() - these.keys().filter(|it| tree.get(it).is_some()).count()
            }
        }
    }

    /// Counts them, beside which some files stay.
    pub(super) fn counts(&self, unchanged: usize) -> Counts {
        match &self.0 {
            Which::AllAdded(tree) => Counts { added: tree.len(), unchanged, ..Counts::default() },
            Which::These(these) => Counts::of(unchanged, these.values()),
        }
    }

    /// Says whether files are replaced, and nothing else happens.
    pub(super) fn only_replace(&self) -> bool {
        match &self.0 {
            Which::AllAdded(tree) => tree.is_empty(),
            Which::These(these) => these.values().all(|it| *it == Change::Changed),
        }
    }

    /// Lists what would be lost of others, by path.
    pub(super) fn conflicts(&self) -> impl Iterator<Item = (&FilePath, Change)> {
        let these = match &self.0 {
            Which::AllAdded(_) => None,
            Which::These(these) => Some(these),
        };
        let these = these.into_iter().flatten().map(|(path, it)| (path, *it));
        these.filter(|(_, it)| it.is_conflict())
    }
}

impl From<BTreeMap<FilePath, Change>> for Changes {
    fn from(these: BTreeMap<FilePath, Change>) -> Self {
        Self(Which::These(these))
    }
}

#[cfg(test)]
mod tests {
    use wob_engine::Blob;

    use super::*;

    #[test]
    fn all_that_is_added_is_what_a_list_of_it_would_be() {
        let path = |it: &str| FilePath::new(it).unwrap();
        let tree: Tree =
            ["b/x", "a", "b-"].iter().map(|it| (path(it), Blob::new(it.as_bytes()))).collect();
        let listed: BTreeMap<_, _> = tree.files().map(|(it, _)| (it, Change::Added)).collect();
        let (all, listed) = (Changes::all_added(&tree), Changes::from(listed));
        assert_eq!(all.iter().collect::<Vec<_>>(), listed.iter().collect::<Vec<_>>());
        assert_eq!((all.len(), all.counts(0)), (listed.len(), listed.counts(0)));
        assert_eq!(all.unchanged_of(&tree), listed.unchanged_of(&tree));
        assert_eq!(all.only_replace(), listed.only_replace());
        for it in ["a", "b", "b/x", "c"] {
            assert_eq!(all.get(&path(it)), listed.get(&path(it)), "{it}");
        }
        assert!(all.conflicts().next().is_none());
        let nothing = Changes::all_added(&Tree::default());
        assert!(nothing.is_empty() && nothing.only_replace());
    }
}
