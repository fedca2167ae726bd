//! The digest of what wob reads of a tree, which does not rest on SHA-1 as git's own ids do.

use gix::{bstr::ByteSlice as _, objs::tree::EntryKind};
use wob_engine::{Digest, Hasher};

use super::{GitError, GitId, Repository};
use crate::{Interrupt, is_source_name};

/// A file that is larger than this, in bytes, counts by its git id only: no source is.
const LARGEST: u64 = 64 << 20;
/// Folders that lie in each other deeper than this are no source.
const DEEPEST: usize = 1000;

impl Repository {
    /// Returns the BLAKE3 of a tree: over the paths, kinds and contents of all files that sources are read for, and of all
    /// links. Whatever limits and `.sourceignore` say, equal trees have equal digests.
    ///
    /// # Errors
    /// If an object is missing, or the user stops it.
    pub fn content_digest(&self, tree: GitId, interrupt: &Interrupt) -> Result<Digest, GitError> {
        let local = self.local();
        let mut hasher = Hasher::new("wob 2026-11 input content");
        let mut folders = vec![(String::new(), tree, 0)];
        // In the order of git, which is one of the tree itself.
        while let Some((path, tree, depth)) = folders.pop() {
            interrupt.check().map_err(|it| self.limited()(it.into()))?;
            let below =
                add(&local, &mut hasher, &path, tree).map_err(self.failed("read the files"))?;
            if depth < DEEPEST {
                folders.extend(below.into_iter().rev().map(|(path, id)| (path, id, depth + 1)));
            }
        }
        Ok(hasher.finish())
    }
}

/// Adds the files of one folder; returns the folders in it.
fn add(
    local: &gix::Repository,
    hasher: &mut Hasher,
    path: &str,
    tree: GitId,
) -> gix::Result<Vec<(String, GitId)>> {
    let mut folders = vec![];
    for entry in local.find_tree(tree.0)?.iter() {
        let entry = entry?;
        let name = entry.filename().to_str_lossy();
        let (kind, id) = (entry.kind(), entry.object_id());
        let here = format!("{path}{name}");
        let label: &[u8] = match kind {
            EntryKind::Tree => {
                folders.push((format!("{here}/"), GitId(id)));
                continue;
            }
            EntryKind::Blob | EntryKind::BlobExecutable if is_source_name(&name) => b"file",
            EntryKind::Link => b"link",
            EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Commit => continue,
        };
        hasher.add(label);
        hasher.add(here.as_bytes());
        if local.find_header(id)?.size() > LARGEST {
            hasher.add(id.as_bytes());
        } else {
            hasher.add(Digest::of(&local.find_blob(id)?.data).as_bytes());
        }
    }
    Ok(folders)
}
