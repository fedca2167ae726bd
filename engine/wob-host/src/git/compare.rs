//! Compares a tree with that of a commit: folders that are equal are not looked into.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gix::{bstr::ByteSlice as _, objs::tree::EntryKind};
use wob_engine::{Blob, FilePath, Folder, GitObjectId, Node, OWN_FOLDER, Tree};

use super::{GitError, GitId, Repository};
use crate::{Interrupt, LimitError, ReadLimits};

/// What a commit has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A plain file.
    File(GitId),
    /// A link, a submodule, or a file that is executable.
    Other,
}

/// How the tree of a commit differs from another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison<'t> {
    /// The files of the other one that the commit does not have, byte for byte; by path.
    pub(crate) differing: Vec<(FilePath, &'t Blob)>,
    /// What the commit has in the folders that are not equal, by path; without the root's `.wob`.
    ///
    /// Of names that are not UTF-8, what can be shown, as [`Leaf::Other`].
    pub(crate) found: BTreeMap<String, Leaf>,
}

impl Repository {
    /// Compares the git tree `theirs` with `tree`, which is named on the threads of the current pool.
    ///
    /// # Errors
    /// If an object is missing, or a limit is exceeded.
    pub(crate) fn compare<'t>(
        &self,
        theirs: GitId,
        tree: &'t Tree,
        interrupt: &Interrupt,
    ) -> Result<Comparison<'t>, GitError> {
        let comparison = Comparison::default();
        let mut walk = Walk { local: &self.local(), tree, interrupt, comparison };
        match walk.folder(theirs, Some(tree.root_folder()), "", 0).map_err(self.limited())? {
            Ok(()) => {
                walk.comparison.differing.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                Ok(walk.comparison)
            }
            Err(error) => Err(self.failed("list the files")(error)),
        }
    }
}

struct Walk<'w, 't> {
    local: &'w gix::Repository,
    tree: &'t Tree,
    interrupt: &'w Interrupt,
    comparison: Comparison<'t>,
}

impl<'t> Walk<'_, 't> {
    /// Compares the folder `theirs` with `ours`; `above` is its path with a slash, or empty.
    fn folder(
        &mut self,
        theirs: GitId,
        ours: Option<&'t Arc<Folder>>,
        above: &str,
        depth: usize,
    ) -> Result<gix::Result<()>, LimitError> {
        if ours.is_some_and(|it| is_called(theirs, it.ids().git_id)) {
            return Ok(Ok(()));
        }
        self.interrupt.check()?;
        let limit = ReadLimits::default().depth;
        if depth > limit {
            return Err(LimitError::Depth { path: above.to_owned(), limit });
        }
        let tree = match self.local.find_tree(theirs.0) {
            Ok(tree) => tree,
            Err(error) => return Ok(Err(error)),
        };
        // The names of our files that they have as well, and of our folders that they have a folder for.
        let (mut same, mut both) = (BTreeSet::new(), BTreeSet::new());
        for entry in tree.iter() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let shown = entry.filename().to_str_lossy();
            if above.is_empty() && shown == OWN_FOLDER {
                continue;
            }
            let path = format!("{above}{shown}");
            let name = entry.filename().to_str().ok();
            let id = GitId(entry.object_id());
            match (entry.kind(), name) {
                (EntryKind::Tree, name) => {
                    let ours = name.and_then(|it| ours?.folder(it));
                    both.extend(ours.and(name).map(str::to_owned));
                    if let Err(error) = self.folder(id, ours, &format!("{path}/"), depth + 1)? {
                        return Ok(Err(error));
                    }
                }
                (EntryKind::Blob, Some(name)) => {
                    let ours = ours.and_then(|it| it.file(name));
                    if ours.is_some_and(|it| is_called(id, it.git_id())) {
                        same.insert(name.to_owned());
                    }
                    self.comparison.found.insert(path, Leaf::File(id));
                }
                (
                    EntryKind::Blob
                    | EntryKind::BlobExecutable
                    | EntryKind::Link
                    | EntryKind::Commit,
                    _,
                ) => {
                    self.comparison.found.insert(path, Leaf::Other);
                }
            }
        }
        for (name, node) in ours.iter().flat_map(|it| it.entries()) {
            let path = format!("{above}{name}");
            match node {
                Node::File(_) if same.contains(&**name) => {}
                Node::File(blob) => {
                    let path = FilePath::new(&path).expect("because a tree has paths only");
                    self.comparison.differing.push((path, blob));
                }
                Node::Folder(_) if both.contains(&**name) => {}
                Node::Folder(_) => self.comparison.differing.extend(self.tree.below(&path)),
            }
        }
        Ok(Ok(()))
    }
}

/// Says whether git calls something of ours as it calls something of theirs.
fn is_called(theirs: GitId, ours: GitObjectId) -> bool {
    theirs.0.as_slice() == ours.as_bytes()
}

#[cfg(test)]
mod tests {
    use gix::{
        bstr::BString,
        objs::{Kind, Tree as GitTree, WriteTo as _, tree::Entry},
    };

    use super::{super::object_id, *};

    /// Returns what git's library calls a folder, whose entries it sorts and writes itself.
    fn by_library(folder: &Folder) -> gix::ObjectId {
        let entry = |(name, node): (&Arc<str>, &Node)| {
            let (kind, oid) = match node {
                Node::File(blob) => (EntryKind::Blob, object_id(blob.git_id())),
                Node::Folder(folder) => (EntryKind::Tree, by_library(folder)),
            };
            Entry { mode: kind.into(), filename: BString::from(&**name), oid }
        };
        let mut entries: Vec<Entry> = folder.entries().map(entry).collect();
        entries.sort();
        let mut bytes = vec![];
        GitTree { entries }.write_to(&mut bytes).unwrap();
        assert_eq!(folder.git_tree(), bytes);
        gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Tree, &bytes).unwrap()
    }

    #[test]
    fn a_tree_has_the_ids_that_git_gives_it() {
        let mut tree = Tree::default();
        for path in ["a-b", "a.b", "a/b", "a/c/d", "a/c/e", "a0", "b/é"] {
            tree.insert(&FilePath::new(path).unwrap(), Blob::new(path.as_bytes()));
            assert_eq!(by_library(tree.root_folder()).to_string(), tree.git_id().to_string());
        }
    }
}
