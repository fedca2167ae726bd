//! Says which commit a folder on disk belongs to.

use std::{collections::BTreeMap, fs};

use camino::Utf8Path;
use gix::objs::tree::EntryKind;
use wob_engine::{Content, Digest, FilePath, Origin, git_blob_id};

use super::{
    GitError, GitId, Repository,
    tree::{Leaf, load_blob},
};
use crate::{ReadOptions, Snapshot, listing::Reader};

/// How many links may lead from one to the next: as many as Linux follows.
const MOST_LINKS: usize = 40;

impl Repository {
    /// Says where a folder that was read from disk comes from: the last commit of the checkout that it lies in.
    ///
    /// `snapshot` is what [`read_folder`](crate::read_folder) made of it. Its origin is dirty if those files are not what the
    /// commit has there, files that git ignores included: whoever gets the commit would not read the same. The origin
    /// names no branch, for a folder is no matter of branches. `None` if there is no commit, or the folder is not in the
    /// checkout.
    ///
    /// # Errors
    /// If an object is missing, or a limit on the whole is exceeded.
    pub fn origin_of(
        &self,
        folder: &Utf8Path,
        snapshot: &Snapshot,
        options: &ReadOptions<'_>,
    ) -> Result<Option<Origin>, GitError> {
        let Some(below) = self.below_work_folder(folder) else { return Ok(None) };
        let Some(commit) = self.checked_out()? else { return Ok(None) };
        let origin = |tree| Origin { reference: None, ..self.origin(&commit, tree) };
        let below = match below.as_str() {
            "" => None,
            below => match FilePath::new(below) {
                Ok(below) => Some(below),
                Err(_) => return Ok(None),
            },
        };
        let tree = match self.folder_id(&commit, below.as_ref()) {
            Ok(tree) => tree,
            Err(GitError::NoSuchFolder { .. }) => {
                return Ok(Some(Origin { tree: None, dirty: true, ..origin(commit.tree) }));
            }
            Err(error) => return Err(error),
        };
        let local = self.local();
        let listing = self.listing(&local, tree, options)?;
        let known = by_git_id(snapshot);
        let mut failure = None;
        let mut load = |leaf: &Leaf| match leaf {
            // What is on disk already need not be read again from the object store.
            Leaf::Blob(id) => match known.get(id) {
                Some(content) => (*content).clone(),
                None => load_blob(&local, *id, &options.limits, &mut failure),
            },
            Leaf::Disk(_) => unreachable!("because a commit's listing holds blobs only"),
        };
        let files = Reader::new(*options, &mut load).read(&listing).map_err(self.limited())?;
        if let Some(error) = failure {
            return Err(self.failed("read a file")(error));
        }
        let same = files.visible == snapshot.files;
        let origin = origin(tree);
        Ok(Some(if same { origin } else { Origin { tree: None, dirty: true, ..origin } }))
    }

    /// Says where a program comes from that was run from disk: the last commit of the checkout that it lies in.
    ///
    /// `digest` is that of its bytes, and `file` has links only below the checkout. Its origin is dirty unless the commit
    /// has the same bytes there, as a file that can be run, and every link on the way. It names no tree: a file is none.
    /// `None` if there is no commit, or the file is not in the checkout.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn origin_of_program(
        &self,
        file: &Utf8Path,
        digest: Digest,
    ) -> Result<Option<Origin>, GitError> {
        let Some(root) = self.work_folder().and_then(|it| it.canonicalize_utf8().ok()) else {
            return Ok(None);
        };
        let Ok(below) = file.strip_prefix(&root) else { return Ok(None) };
        let Some(commit) = self.checked_out()? else { return Ok(None) };
        let local = self.local();
        let read = || -> gix::Result<bool> {
            let tree = local.find_tree(commit.tree.0)?;
            let Some(path) = committed_way(&tree, &root, below)? else { return Ok(false) };
            let Some(entry) = tree.lookup_entry(path.split('/'))? else { return Ok(false) };
            let is_program = entry.mode().kind() == EntryKind::BlobExecutable;
            Ok(is_program && Digest::of(&entry.object()?.data) == digest)
        };
        let same = read().map_err(self.failed("read a file"))?;
        let origin = self.origin(&commit, commit.tree);
        Ok(Some(Origin { reference: None, tree: None, dirty: !same, ..origin }))
    }

    /// Returns the path of `folder` from the root of the checkout, empty for the root itself.
    fn below_work_folder(&self, folder: &Utf8Path) -> Option<String> {
        let root = fs::canonicalize(self.work_folder()?).ok()?;
        let folder = fs::canonicalize(folder).ok()?;
        let below = folder.strip_prefix(root).ok()?;
        let names: Option<Vec<&str>> = below.iter().map(|it| it.to_str()).collect();
        Some(names?.join("/"))
    }
}

/// Follows the links on the way to `path` below `root`; returns where it ends, or `None` if `tree` lacks one of them.
fn committed_way(
    tree: &gix::Tree<'_>,
    root: &Utf8Path,
    path: &Utf8Path,
) -> gix::Result<Option<String>> {
    let mut left: Vec<String> = path.as_str().rsplit('/').map(ToOwned::to_owned).collect();
    let mut way: Vec<String> = vec![];
    let mut links = 0;
    while let Some(name) = left.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." if way.pop().is_some() => continue,
            ".." => return Ok(None),
            _ => way.push(name),
        }
        let Ok(target) = fs::read_link(root.join(way.join("/"))) else { continue };
        links += 1;
        let entry = tree.lookup_entry(way.iter().map(String::as_str))?;
        let committed = match entry {
            Some(entry) if entry.mode().is_link() => entry.object()?.data.clone(),
            Some(_) | None => return Ok(None),
        };
        match target.to_str() {
            Some(target)
                if target.as_bytes() == committed
                    && !target.starts_with('/')
                    && links <= MOST_LINKS =>
            {
                way.pop();
                left.extend(target.rsplit('/').map(ToOwned::to_owned));
            }
            Some(_) | None => return Ok(None),
        }
    }
    Ok(Some(way.join("/")))
}

/// Returns the files of `snapshot` by the ids that git gives them.
fn by_git_id(snapshot: &Snapshot) -> BTreeMap<GitId, &Content> {
    let mut known = BTreeMap::new();
    for file in snapshot.files.iter().chain(&snapshot.ignored) {
        let id = match &file.content {
            // Of a file with a byte order mark, the text is not all.
            Content::Text { text, digest } if Digest::of(text.as_bytes()) == *digest => {
                git_blob_id(text.as_bytes())
            }
            Content::Unread { git_id, .. } => *git_id,
            Content::Text { .. } | Content::Refused(_) => continue,
        };
        known.insert(GitId(gix::ObjectId::from(*id.as_bytes())), &file.content);
    }
    known
}
