//! Says which commit a folder on disk belongs to.

use std::{collections::BTreeMap, fs};

use camino::Utf8Path;
use wob_engine::{Content, Digest, FilePath, Origin};

use super::{
    GitError, GitId, Repository,
    tree::{Leaf, load_blob},
};
use crate::{ReadOptions, Snapshot, listing::Reader};

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

    /// Returns the path of `folder` from the root of the checkout, empty for the root itself.
    fn below_work_folder(&self, folder: &Utf8Path) -> Option<String> {
        let root = fs::canonicalize(self.work_folder()?).ok()?;
        let folder = fs::canonicalize(folder).ok()?;
        let below = folder.strip_prefix(root).ok()?;
        let names: Option<Vec<&str>> = below.iter().map(|it| it.to_str()).collect();
        Some(names?.join("/"))
    }
}

/// Returns the files of `snapshot` by the ids that git gives them.
fn by_git_id(snapshot: &Snapshot) -> BTreeMap<GitId, &Content> {
    let mut known = BTreeMap::new();
    for file in snapshot.files.iter().chain(&snapshot.ignored) {
        let Content::Text { text, digest } = &file.content else { continue };
        let bytes = text.as_bytes();
        // Of a file with a byte order mark, the text is not all.
        if Digest::of(bytes) != *digest {
            continue;
        }
        if let Ok(id) = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes)
        {
            known.insert(GitId(id), &file.content);
        }
    }
    known
}
