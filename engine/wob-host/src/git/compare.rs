//! Compares a tree with that of a commit: folders that are equal are not looked into.

use std::{collections::BTreeMap, ops::Range};

use gix::{
    bstr::{BString, ByteSlice as _},
    objs::{
        Tree as GitTree, WriteTo as _,
        tree::{Entry, EntryKind},
    },
};
use rayon::prelude::*;
use wob_engine::{Blob, Tree, git_tree_id};

use super::{GitError, GitId, Repository};
use crate::{Interrupt, LimitError, ReadLimits};

/// The ids that git gives the files and folders of a tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeIds {
    /// In the order of [`Tree::files`].
    pub(crate) files: Vec<GitId>,
    root: FolderIds,
}

#[derive(Clone, Debug)]
struct FolderIds {
    id: GitId,
    /// Which files lie below it: in byte order of paths they are neighbours.
    files: Range<usize>,
    folders: BTreeMap<String, Self>,
}

/// What a commit has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A plain file.
    File(GitId),
    /// A link, a submodule, or a file that is executable.
    Other,
}

/// How the tree of a commit differs from another one.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// For each file of [`Tree::files`], whether the commit has it, byte for byte.
    pub(crate) same: Vec<bool>,
    /// What the commit has in the folders that are not equal, by path; without the root's `.wob`.
    ///
    /// Of names that are not UTF-8, what can be shown, as [`Leaf::Other`].
    pub(crate) found: BTreeMap<String, Leaf>,
}

impl TreeIds {
    /// Hashes the files on the threads of the current pool.
    pub(crate) fn of(tree: &Tree) -> Self {
        let files = Self::of_files(tree);
        let paths: Vec<&str> = tree.files().map(|(path, _)| path.as_str()).collect();
        let root = FolderIds::of(&paths, &files, 0..paths.len(), 0);
        Self { files, root }
    }

    /// Returns the ids of the files alone.
    pub(crate) fn of_files(tree: &Tree) -> Vec<GitId> {
        let blobs: Vec<&Blob> = tree.files().map(|(_, blob)| blob).collect();
        let id = |blob: &&Blob| GitId(gix::ObjectId::Sha1(*blob.git_id().as_bytes()));
        blobs.par_iter().map(id).collect()
    }
}

impl FolderIds {
    /// Hashes the folder that holds `files` and whose own path, with its slash, is `depth` bytes long.
    fn of(paths: &[&str], ids: &[GitId], files: Range<usize>, depth: usize) -> Self {
        let mut entries = vec![];
        let mut folders = BTreeMap::new();
        let mut at = files.start;
        while at < files.end {
            let path = paths[at];
            let Some(length) = path[depth..].find('/') else {
                entries.push(entry(EntryKind::Blob, &path[depth..], ids[at]));
                at += 1;
                continue;
            };
            let (name, below) = (&path[depth..depth + length], &path[..=depth + length]);
            let begin = at;
            while at < files.end && paths[at].starts_with(below) {
                at += 1;
            }
            let folder = Self::of(paths, ids, begin..at, below.len());
            entries.push(entry(EntryKind::Tree, name, folder.id));
            folders.insert(name.to_owned(), folder);
        }
        // Git sorts a folder as if its name ended in a slash, and so do whole paths.
        let tree = GitTree { entries };
        let mut bytes = vec![];
        let written = tree.write_to(&mut bytes);
        debug_assert!(written.is_ok(), "memory can always be written to");
        let id = gix::ObjectId::Sha1(*git_tree_id(&bytes).as_bytes());
        Self { id: GitId(id), files, folders }
    }
}

fn entry(kind: EntryKind, name: &str, id: GitId) -> Entry {
    Entry { mode: kind.into(), filename: BString::from(name), oid: id.0 }
}

impl Repository {
    /// Compares the git tree `theirs` with `tree`, whose ids are `ids`.
    ///
    /// # Errors
    /// If an object is missing, or a limit is exceeded.
    pub(crate) fn compare(
        &self,
        theirs: GitId,
        tree: &Tree,
        ids: &TreeIds,
        interrupt: &Interrupt,
    ) -> Result<Comparison, GitError> {
        let paths: Vec<&str> = tree.files().map(|(path, _)| path.as_str()).collect();
        let found = BTreeMap::new();
        let comparison = Comparison { same: vec![false; paths.len()], found };
        let local = self.local();
        let mut walk = Walk { local: &local, paths, ids, interrupt, comparison };
        match walk.folder(theirs, Some(&ids.root), "", 0).map_err(self.limited())? {
            Ok(()) => Ok(walk.comparison),
            Err(error) => Err(self.failed("list the files")(error)),
        }
    }
}

struct Walk<'w> {
    local: &'w gix::Repository,
    paths: Vec<&'w str>,
    ids: &'w TreeIds,
    interrupt: &'w Interrupt,
    comparison: Comparison,
}

impl Walk<'_> {
    /// Compares the folder `theirs` with `ours`; `above` is its path with a slash, or empty.
    fn folder(
        &mut self,
        theirs: GitId,
        ours: Option<&FolderIds>,
        above: &str,
        depth: usize,
    ) -> Result<gix::Result<()>, LimitError> {
        if let Some(ours) = ours.filter(|it| it.id == theirs) {
            self.comparison.same[ours.files.clone()].fill(true);
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
        for entry in tree.iter() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let name = entry.filename().to_str_lossy();
            if above.is_empty() && name == ".wob" {
                continue;
            }
            let path = format!("{above}{name}");
            let id = GitId(entry.object_id());
            match entry.kind() {
                EntryKind::Tree => {
                    let ours = ours.and_then(|it| it.folders.get(&*name));
                    if let Err(error) = self.folder(id, ours, &format!("{path}/"), depth + 1)? {
                        return Ok(Err(error));
                    }
                }
                EntryKind::Blob if entry.filename().to_str().is_ok() => self.file(path, id),
                EntryKind::Blob
                | EntryKind::BlobExecutable
                | EntryKind::Link
                | EntryKind::Commit => {
                    self.comparison.found.insert(path, Leaf::Other);
                }
            }
        }
        Ok(Ok(()))
    }

    fn file(&mut self, path: String, id: GitId) {
        if let Ok(index) = self.paths.binary_search(&path.as_str())
            && self.ids.files[index] == id
        {
            self.comparison.same[index] = true;
        }
        self.comparison.found.insert(path, Leaf::File(id));
    }
}

#[cfg(test)]
mod tests {
    use wob_engine::FilePath;

    use super::*;

    #[test]
    fn a_tree_has_the_ids_that_git_gives_it() {
        let mut tree = Tree::default();
        for path in ["a-b", "a.b", "a/b", "a/c/d", "a/c/e", "a0", "b/é"] {
            tree.insert(FilePath::new(path).unwrap(), Blob::new(path.as_bytes()));
            assert_eq!(TreeIds::of(&tree).root.id.to_string(), tree.git_id().to_string());
        }
        let ids = TreeIds::of(&tree);
        assert_eq!(ids.root.folders["a"].folders["c"].files, 3..5);
    }
}
