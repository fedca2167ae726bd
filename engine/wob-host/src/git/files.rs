//! Reads single files of a commit's tree.

use std::collections::BTreeMap;

use gix::{bstr::ByteSlice as _, objs::tree::EntryKind};
use wob_engine::FilePath;

use super::{GitError, GitId, Repository};

impl Repository {
    /// Reads a file by its id; none if it has more than `limit` bytes.
    ///
    /// # Errors
    /// If the object is missing.
    pub(crate) fn blob(&self, id: GitId, limit: u64) -> Result<Option<Vec<u8>>, GitError> {
        blob(&self.local(), id, limit).map_err(self.failed("read a file"))
    }

    /// Reads those of `paths` that are plain files of `tree` with at most `limit` bytes, and gives each to `take`.
    ///
    /// Paths that are sorted are read fast: a folder is looked up once.
    ///
    /// # Errors
    /// If an object is missing.
    pub(crate) fn read_files(
        &self,
        tree: GitId,
        paths: impl Iterator<Item = FilePath>,
        limit: u64,
        take: &mut dyn FnMut(FilePath, Vec<u8>),
    ) -> Result<(), GitError> {
        let local = self.local();
        let mut last: Option<(String, BTreeMap<String, GitId>)> = None;
        let mut read = |path: FilePath| -> gix::Result<()> {
            let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
            if last.as_ref().is_none_or(|(it, _)| it != folder) {
                last = Some((folder.to_owned(), files_in(&local, tree, folder)?));
            }
            let id = last.as_ref().and_then(|(_, files)| files.get(name)).copied();
            if let Some(id) = id
                && let Some(bytes) = blob(&local, id, limit)?
            {
                take(path, bytes);
            }
            Ok(())
        };
        for path in paths {
            read(path).map_err(self.failed("read a file"))?;
        }
        Ok(())
    }
}

/// Lists the plain files in one folder of `tree`; none if there is no such folder.
fn files_in(
    local: &gix::Repository,
    tree: GitId,
    folder: &str,
) -> gix::Result<BTreeMap<String, GitId>> {
    let mut found = local.find_tree(tree.0)?;
    if !folder.is_empty() {
        match found.lookup_entry(folder.split('/'))? {
            Some(entry) if entry.mode().is_tree() => found = local.find_tree(entry.object_id())?,
            Some(_) | None => return Ok(BTreeMap::new()),
        }
    }
    let mut files = BTreeMap::new();
    for entry in found.iter() {
        let entry = entry?;
        if entry.kind() == EntryKind::Blob
            && let Ok(name) = entry.filename().to_str()
        {
            files.insert(name.to_owned(), GitId(entry.object_id()));
        }
    }
    Ok(files)
}

fn blob(local: &gix::Repository, id: GitId, limit: u64) -> gix::Result<Option<Vec<u8>>> {
    if local.find_header(id.0)?.size() > limit {
        return Ok(None);
    }
    Ok(Some(local.find_blob(id.0)?.take_data()))
}
