//! Writes what a commit has into a folder on disk, for programs that read files by themselves.
//!
//! **Invariant:** nothing is written outside of the folder, and nothing that is there is replaced: folders, files and links
//! are only ever created, so no link is followed that the commit brought along.

use std::{ffi::OsStr, fs, io, path::Path};

use camino::Utf8Path;
use gix::{bstr::ByteSlice as _, error::ResultExt as _, objs::tree::EntryKind};
use wob_engine::FilePath;

use super::{Commit, GitError, GitId, Repository};
use crate::{LimitError, ReadOptions};

impl Repository {
    /// Writes the files of `commit`, or of `folder` in it, whose names are wanted into the empty folder `into`: with the right to run them, where the
    /// commit has it, and links as they are written. Submodules are left out, and filters of `.gitattributes` are not applied.
    ///
    /// # Errors
    /// If there is no such folder, an object is missing, the operating system refuses, a limit on the whole is exceeded, or the
    /// user stops it.
    pub fn export(
        &self,
        commit: &Commit,
        folder: Option<&FilePath>,
        into: &Utf8Path,
        options: &ReadOptions<'_>,
    ) -> Result<(), GitError> {
        let tree = self.folder_id(commit, folder)?;
        let local = self.local();
        let mut export = Export { local: &local, options, entries: 0, bytes: 0 };
        export.folder(tree, into.as_std_path(), 0).map_err(|stop| match stop {
            Stop::Limit(error) => self.limited()(error),
            Stop::Failed(error) => self.failed("write the files")(error),
        })
    }
}

/// Why writing ends early.
enum Stop {
    Limit(LimitError),
    Failed(gix::Error),
}

impl From<LimitError> for Stop {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<gix::Error> for Stop {
    fn from(error: gix::Error) -> Self {
        Self::Failed(error)
    }
}

struct Export<'e> {
    local: &'e gix::Repository,
    options: &'e ReadOptions<'e>,
    entries: usize,
    bytes: u64,
}

impl Export<'_> {
    fn folder(&mut self, tree: GitId, into: &Path, depth: usize) -> Result<(), Stop> {
        self.options.interrupt.check().map_err(LimitError::from)?;
        if depth > self.options.limits.depth {
            let path = format!("tree {tree}");
            return Err(LimitError::Depth { path, limit: self.options.limits.depth }.into());
        }
        for entry in self.local.find_tree(tree.0)?.iter() {
            let entry = entry?;
            self.entries += 1;
            if self.entries > self.options.limits.entries {
                return Err(LimitError::Entries { limit: self.options.limits.entries }.into());
            }
            // A hostile tree may hold names that no checkout would write.
            let Some(name) = plain_name(entry.filename()) else { continue };
            let is_wanted = || name.to_str().is_none_or(|it| (self.options.wanted)(it));
            let (path, id) = (into.join(name), entry.object_id());
            match entry.kind() {
                EntryKind::Tree => {
                    fs::create_dir(&path).or_error()?;
                    self.folder(GitId(id), &path, depth + 1)?;
                }
                EntryKind::Blob | EntryKind::BlobExecutable if !is_wanted() => {}
                EntryKind::Blob => drop(self.file(id, &path)?),
                EntryKind::BlobExecutable => {
                    let file = self.file(id, &path)?;
                    allow_running(&file).or_error()?;
                }
                EntryKind::Link => {
                    let target = self.blob(id)?;
                    link(&target, &path).or_error()?;
                }
                EntryKind::Commit => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, id: gix::ObjectId, path: &Path) -> Result<fs::File, Stop> {
        let bytes = self.blob(id)?;
        let mut file = fs::File::create_new(path).or_error()?;
        io::Write::write_all(&mut file, &bytes).or_error()?;
        Ok(file)
    }

    fn blob(&mut self, id: gix::ObjectId) -> Result<Vec<u8>, Stop> {
        let limit = self.options.limits.total_bytes;
        self.bytes = self.bytes.saturating_add(self.local.find_header(id)?.size());
        if self.bytes > limit {
            return Err(LimitError::Bytes { limit }.into());
        }
        Ok(self.local.find_blob(id)?.take_data())
    }
}

/// Returns the name of a file or folder; none if it would not be one of this folder.
fn plain_name(name: &gix::bstr::BStr) -> Option<&OsStr> {
    let is_plain = !matches!(name.as_bytes(), b"" | b"." | b"..")
        && !name.eq_ignore_ascii_case(b".git")
        && !name.contains(&b'/');
    name.to_os_str().ok().filter(|_| is_plain)
}

#[cfg(unix)]
fn allow_running(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    file.set_permissions(fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn allow_running(_: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn link(target: &[u8], path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target.to_os_str().map_err(io::Error::other)?, path)
}

/// Where links are not for everybody, git writes their targets into files.
#[cfg(not(unix))]
fn link(target: &[u8], path: &Path) -> io::Result<()> {
    fs::write(path, target)
}
