//! Reads the tree of a commit.

use gix::{bstr::ByteSlice as _, objs::tree::EntryKind};
use wob_engine::{Content, FilePath, Origin, Refusal};

use super::{Commit, GitError, GitId, Repository, reason};
use crate::{
    LimitError, ReadLimits, ReadOptions, Snapshot,
    listing::{Folder, Node, Reader},
    snapshot::content_of,
};

/// Where the bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    Blob(GitId),
    /// In the checkout, by its path in the repository.
    Disk(String),
}

/// The longest link target that is read, in bytes: what Linux allows.
const LINK_BYTES: u64 = 4096;

impl Repository {
    /// Reads the files of `commit` whose names are wanted, those below `folder` if one is given; their paths begin there.
    ///
    /// The folder is then the source: links that lead out of it leave the source. Submodules are left out.
    ///
    /// # Errors
    /// If the folder or an object is missing, or a limit on the whole is exceeded.
    pub fn read(
        &self,
        commit: &Commit,
        folder: Option<&FilePath>,
        options: &ReadOptions<'_>,
    ) -> Result<Snapshot, GitError> {
        let tree = self.folder_id(commit, folder)?;
        let local = self.local();
        let listing = self.listing(&local, tree, options)?;
        let mut failure = None;
        let mut load = |leaf: &Leaf| match leaf {
            Leaf::Blob(id) => load_blob(&local, *id, &options.limits, &mut failure),
            Leaf::Disk(_) => unreachable!("because a commit's listing holds blobs only"),
        };
        let files = Reader::new(*options, &mut load).read(&listing).map_err(self.limited())?;
        if let Some(error) = failure {
            return Err(self.failed("read a file")(error));
        }
        let origin = self.origin(commit, tree);
        Ok(Snapshot { origin, files: files.visible, ignored: files.ignored })
    }

    /// Reads the file at `path` of `commit`; none if there is no plain file.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn file(
        &self,
        commit: &Commit,
        path: &FilePath,
        limits: &ReadLimits,
    ) -> Result<Option<Content>, GitError> {
        let local = self.local();
        let find = || local.find_tree(commit.tree.0)?.lookup_entry(path.as_str().split('/'));
        let id = match find().map_err(self.failed("read a folder"))? {
            Some(entry) if entry.mode().is_blob() => GitId(entry.object_id()),
            Some(_) | None => return Ok(None),
        };
        let mut failure = None;
        let content = load_blob(&local, id, limits, &mut failure);
        match failure {
            Some(error) => Err(self.failed("read a file")(error)),
            None => Ok(Some(content)),
        }
    }

    /// Returns the id of the tree of `folder` in `commit`, or of the whole commit.
    ///
    /// # Errors
    /// If there is no such folder, or an object is missing.
    pub fn folder_id(&self, commit: &Commit, folder: Option<&FilePath>) -> Result<GitId, GitError> {
        let Some(path) = folder else { return Ok(commit.tree) };
        let local = self.local();
        let read = || local.find_tree(commit.tree.0)?.lookup_entry(path.as_str().split('/'));
        let entry = read().map_err(self.failed("read a folder"))?;
        match entry {
            Some(entry) if entry.mode().is_tree() => Ok(GitId(entry.object_id())),
            Some(_) | None => Err(GitError::NoSuchFolder {
                commit: commit.id,
                path: path.clone(),
                repository: self.address.clone(),
            }),
        }
    }

    /// Says whether a folder could be made at `folder` in `commit`, where nothing lies yet.
    pub(crate) fn is_free(&self, commit: &Commit, folder: &FilePath) -> Result<bool, GitError> {
        let local = self.local();
        let root = local.find_tree(commit.tree.0).map_err(|it| self.failed("read a folder")(it))?;
        let parts: Vec<&str> = folder.as_str().split('/').collect();
        for length in 1..=parts.len() {
            let entry = root.lookup_entry(parts[..length].iter().copied());
            match entry.map_err(self.failed("read a folder"))? {
                None => return Ok(true),
                Some(entry) if entry.mode().is_tree() => {}
                Some(_) => return Ok(false),
            }
        }
        Ok(false)
    }

    pub(super) fn origin(&self, commit: &Commit, tree: GitId) -> Origin {
        Origin {
            url: self.address.clone(),
            reference: Some(commit.revision.clone()),
            commit: Some(commit.id.to_string()),
            tree: Some(tree.to_string()),
            dirty: false,
        }
    }

    /// Lists the names below `tree`.
    pub(super) fn listing(
        &self,
        local: &gix::Repository,
        tree: GitId,
        options: &ReadOptions<'_>,
    ) -> Result<Folder<Leaf>, GitError> {
        let mut lister = Lister { local, options, entries: 0 };
        match lister.list(tree.0, 0).map_err(self.limited())? {
            Ok(folder) => Ok(folder),
            Err(error) => Err(self.failed("list the files")(error)),
        }
    }
}

/// Reads one file, unless it is larger than the limit; puts the first error into `failure`.
pub(super) fn load_blob(
    local: &gix::Repository,
    id: GitId,
    limits: &ReadLimits,
    failure: &mut Option<gix::Error>,
) -> Content {
    let limit = limits.file_bytes;
    let read = || -> gix::Result<Content> {
        let size = local.find_header(id.0)?.size();
        if size > limit {
            return Ok(Content::Refused(Refusal::TooLarge { size, limit }));
        }
        Ok(content_of(&local.find_blob(id.0)?.data))
    };
    read().unwrap_or_else(|error| {
        let reason = reason(&error);
        failure.get_or_insert(error);
        Content::Refused(Refusal::Unreadable { reason })
    })
}

struct Lister<'l> {
    local: &'l gix::Repository,
    options: &'l ReadOptions<'l>,
    entries: usize,
}

impl Lister<'_> {
    fn list(
        &mut self,
        tree: gix::ObjectId,
        depth: usize,
    ) -> Result<gix::Result<Folder<Leaf>>, LimitError> {
        self.options.interrupt.check()?;
        let limits = &self.options.limits;
        if depth > limits.depth {
            let path = format!("tree {tree}");
            return Err(LimitError::Depth { path, limit: limits.depth });
        }
        let tree = match self.local.find_tree(tree) {
            Ok(tree) => tree,
            Err(error) => return Ok(Err(error)),
        };
        let mut folder = Folder::new();
        for entry in tree.iter() {
            self.entries += 1;
            if self.entries > limits.entries {
                return Err(LimitError::Entries { limit: limits.entries });
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let node = match entry.kind() {
                EntryKind::Tree => self.list(entry.object_id(), depth + 1)?.map(Node::Folder),
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    Ok(Node::File(Leaf::Blob(GitId(entry.object_id()))))
                }
                EntryKind::Link => self.link(entry.object_id()),
                EntryKind::Commit => continue,
            };
            match (entry.filename().to_str(), node) {
                (_, Err(error)) => return Ok(Err(error)),
                // A hostile tree may hold names that no checkout would write.
                (Ok("" | "." | ".." | ".git"), Ok(_)) => {}
                (Ok(name), Ok(_)) if name.contains('/') => {}
                (Ok(name), Ok(node)) => {
                    folder.insert(name.to_owned(), node);
                }
                (Err(_), Ok(_)) => {
                    let name = entry.filename().to_str_lossy().replace('/', "\u{fffd}");
                    let reason = "its name is not UTF-8".to_owned();
                    folder.insert(name, Node::Refused(Refusal::Unreadable { reason }));
                }
            }
        }
        Ok(Ok(folder))
    }

    fn link(&self, id: gix::ObjectId) -> gix::Result<Node<Leaf>> {
        if self.local.find_header(id)?.size() > LINK_BYTES {
            let reason = "the link's target is too long".to_owned();
            return Ok(Node::Refused(Refusal::Unreadable { reason }));
        }
        let blob = self.local.find_blob(id)?;
        let written = blob.data.to_str_lossy().into_owned();
        // The root of a tree is nowhere on disk, so every absolute path leads out of it.
        let inside = blob.data.to_str().is_ok() && !written.starts_with('/');
        let target = inside.then(|| written.clone());
        Ok(Node::Link { written, target })
    }
}
