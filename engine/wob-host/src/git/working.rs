//! Reads the checkout of a repository: its last commit, overlaid with what is not committed yet.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use gix::bstr::{BString, ByteSlice as _};
use wob_engine::{Content, FilePath, Origin, Refusal};

use super::{
    Commit, GitError, Head, Repository,
    tree::{Leaf, load_blob},
};
use crate::{
    ReadOptions, Snapshot, SnapshotFile,
    folder::{node_at, unreadable},
    listing::{Folder, Node, Reader},
    snapshot::content_of,
};

/// A checkout as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingTree {
    /// Its files, as committing all of them would store them.
    pub snapshot: Snapshot,
    /// The files that differ from the last commit, sorted by path: those that were read, and those that are gone.
    /// Empty if and only if the snapshot is that of the last commit.
    pub changed: Vec<FilePath>,
}

type Filters<'f> = (gix::filter::Pipeline<'f>, gix::worktree::IndexPersistedOrInMemory);

impl Repository {
    /// Reads what is checked out, those files below `folder` whose names are wanted, with uncommitted edits.
    ///
    /// Files that git ignores are left out unless they are committed; so are submodules. Files are read as `git add` would store
    /// them, so that line ends are those of the commit.
    ///
    /// # Errors
    /// [`GitError::Bare`]; if an object is missing; if a limit on the whole is exceeded.
    pub fn read_working(
        &self,
        folder: Option<&FilePath>,
        options: &ReadOptions<'_>,
    ) -> Result<WorkingTree, GitError> {
        let local = self.local();
        let bare = || GitError::Bare { repository: self.address().to_owned() };
        let root = fs::canonicalize(local.workdir().ok_or_else(bare)?).map_err(|_| bare())?;
        let commit = self.checked_out()?;
        let whole = commit.as_ref().map(|it| it.tree);
        let committed = match whole {
            Some(tree) => self.listing(&local, tree, options)?,
            None => Folder::new(),
        };
        let edited = self.edited_paths(&local, options)?;
        let mut working = committed.clone();
        for path in &edited {
            overlay(&mut working, &root, path);
        }
        let prefix = folder.map_or("", FilePath::as_str);
        let (before, after) = (below(committed, prefix), below(working, prefix));

        let filters = local.filter_pipeline(None);
        let (pipeline, index) = filters.map_err(self.failed("read the attributes"))?;
        let mut filters: Filters<'_> = (pipeline, index);
        let mut failure = None;
        let mut load = |leaf: &Leaf| match leaf {
            Leaf::Blob(id) => load_blob(&local, *id, &options.limits, &mut failure),
            Leaf::Disk(path) => load_edited(&root, path, &mut filters, options),
        };
        let mut reader = Reader::new(*options, &mut load);
        let files = reader.read(&after).map_err(self.limited())?;
        let changed = if edited.is_empty() {
            vec![]
        } else {
            let before = reader.read(&before).map_err(self.limited())?;
            differing(&before.visible, &files.visible)
        };
        if let Some(error) = failure {
            return Err(self.failed("read a file")(error));
        }
        let origin = self.working_origin(commit.as_ref(), folder, &changed)?;
        let snapshot = Snapshot { origin, files: files.visible, ignored: files.ignored };
        Ok(WorkingTree { snapshot, changed })
    }

    pub(super) fn checked_out(&self) -> Result<Option<Commit>, GitError> {
        let revision = match self.head()? {
            Head::Branch(name) => name,
            Head::Detached(id) => id.to_string(),
            Head::Unborn(_) => return Ok(None),
        };
        let commit = self.resolve("HEAD")?;
        Ok(Some(Commit { revision, ..commit }))
    }

    fn working_origin(
        &self,
        commit: Option<&Commit>,
        folder: Option<&FilePath>,
        changed: &[FilePath],
    ) -> Result<Origin, GitError> {
        let dirty = !changed.is_empty();
        let Some(commit) = commit else {
            return Ok(Origin { url: self.address().to_owned(), dirty, ..Origin::default() });
        };
        if dirty {
            return Ok(Origin { tree: None, dirty, ..self.origin(commit, commit.tree) });
        }
        Ok(self.origin(commit, self.folder_id(commit, folder)?))
    }

    /// Lists the paths where the checkout or the index may differ from the last commit, sorted.
    fn edited_paths(
        &self,
        local: &gix::Repository,
        options: &ReadOptions<'_>,
    ) -> Result<Vec<String>, GitError> {
        let failed = || self.failed("find uncommitted edits");
        let status = local
            .status(gix::progress::Discard)
            .map_err(failed())?
            .untracked_files(gix::status::UntrackedFiles::Files)
            .index_worktree_submodules(None)
            .tree_index_track_renames(gix::status::tree_index::TrackRenames::Disabled)
            .should_interrupt_owned(options.interrupt.shared_flag());
        let mut paths = vec![];
        for item in status.into_iter(None).map_err(failed())? {
            let path: BString = item.map_err(failed())?.location().to_owned();
            // What is not UTF-8 is shown as it can be; `overlay` then finds nothing there, or refuses it.
            paths.push(path.to_str_lossy().into_owned());
            options.interrupt.check().map_err(|it| self.limited()(it.into()))?;
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

/// Puts what lies on disk at `path` into the listing, in place of what was committed there.
fn overlay(listing: &mut Folder<Leaf>, root: &Path, path: &str) {
    let components: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let Some((name, above)) = components.split_last() else { return };
    let node = disk_node(root, path, above);
    let mut folder = listing;
    for component in above {
        if node.is_none() && !matches!(folder.get(*component), Some(Node::Folder(_))) {
            return;
        }
        let entry =
            folder.entry((*component).to_owned()).or_insert_with(|| Node::Folder(Folder::new()));
        if !matches!(entry, Node::Folder(_)) {
            *entry = Node::Folder(Folder::new());
        }
        let Node::Folder(below) = entry else { return };
        folder = below;
    }
    match node {
        Some(node) => folder.insert((*name).to_owned(), node),
        // A folder may stand where a file was; its own paths put it there.
        None if matches!(folder.get(*name), Some(Node::Folder(_))) => None,
        None => folder.remove(*name),
    };
}

fn disk_node(root: &Path, path: &str, above: &[&str]) -> Option<Node<Leaf>> {
    let mut folder = root.to_owned();
    for component in above {
        folder.push(component);
        // Behind a link lies another folder's file, not this one's.
        if fs::symlink_metadata(&folder).is_ok_and(|it| it.is_symlink()) {
            return None;
        }
    }
    match node_at(root, &root.join(path)) {
        Ok(Some(Node::File(_))) => Some(Node::File(Leaf::Disk(path.to_owned()))),
        Ok(Some(Node::Link { written, target })) => Some(Node::Link { written, target }),
        Ok(Some(Node::Folder(_) | Node::Refused(_)) | None) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => None,
        Err(error) => Some(Node::Refused(unreadable(&error))),
    }
}

/// Returns the listing of the folder at `prefix`; empty if there is none.
fn below(mut listing: Folder<Leaf>, prefix: &str) -> Folder<Leaf> {
    for component in prefix.split('/').filter(|it| !it.is_empty()) {
        listing = match listing.remove(component) {
            Some(Node::Folder(below)) => below,
            Some(Node::File(_) | Node::Link { .. } | Node::Refused(_)) | None => {
                return Folder::new();
            }
        };
    }
    listing
}

fn load_edited(
    root: &Path,
    path: &str,
    (pipeline, index): &mut Filters<'_>,
    options: &ReadOptions<'_>,
) -> Content {
    let limit = options.limits.file_bytes;
    let full: PathBuf = root.join(path);
    let mut read = || -> Result<Content, String> {
        let file = fs::File::open(&full).map_err(|it| it.to_string())?;
        let size = file.metadata().map_err(|it| it.to_string())?.len();
        if size > limit {
            return Ok(Content::Refused(Refusal::TooLarge { size, limit }));
        }
        let stored = pipeline
            .convert_to_git(file, Path::new(path), index)
            .map_err(|it| super::reason(&it))?;
        let mut bytes = vec![];
        let mut stored = stored.take(limit.saturating_add(1));
        stored.read_to_end(&mut bytes).map_err(|it| it.to_string())?;
        let size = bytes.len() as u64;
        if size > limit {
            return Ok(Content::Refused(Refusal::TooLarge { size, limit }));
        }
        Ok(content_of(&bytes))
    };
    read().unwrap_or_else(|reason| Content::Refused(Refusal::Unreadable { reason }))
}

/// Lists the paths whose content is not the same in `before` and `after`.
fn differing(before: &[SnapshotFile], after: &[SnapshotFile]) -> Vec<FilePath> {
    let mut left: BTreeMap<&FilePath, &Content> =
        before.iter().map(|it| (&it.path, &it.content)).collect();
    let mut changed: Vec<FilePath> = after
        .iter()
        .filter(|file| left.remove(&file.path) != Some(&file.content))
        .map(|file| file.path.clone())
        .collect();
    changed.extend(left.into_keys().cloned());
    changed.sort();
    changed
}
