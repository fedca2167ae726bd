//! Drafts: new contents that lie beside their places, until all are there.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, Digest};

use super::{OutputError, TEMPORARY, failed};
use crate::{FileSystem, StatKind, WriteFile};

/// Where new folders wait whose place is in the root, and records of parts.
pub(super) const WAITING: &str = ".wob/new";

/// Where drafts are written.
pub(super) struct Scaffold<'f> {
    files: &'f dyn FileSystem,
    is_left: AtomicBool,
}

/// A new file that waits for its place; dropping it deletes it.
pub(super) struct Draft<'f> {
    scaffold: &'f Scaffold<'f>,
    path: Utf8PathBuf,
    is_placed: bool,
}

impl<'f> Scaffold<'f> {
    pub(super) fn new(files: &'f dyn FileSystem) -> Self {
        Self { files, is_left: AtomicBool::new(false) }
    }

    pub(super) fn files(&self) -> &'f dyn FileSystem {
        self.files
    }

    /// Says whether a draft could not be deleted, so that the next run must.
    pub(super) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Relaxed)
    }

    /// Notes that a draft could not be deleted.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }

    /// Creates a draft at `path`, where no file may be, and lets `write` fill it.
    pub(super) fn draft(
        &self,
        path: Utf8PathBuf,
        write: impl FnOnce(Box<dyn WriteFile>) -> io::Result<()>,
    ) -> io::Result<Draft<'_>> {
        let file = self.files.create(&path)?;
        let draft = Draft { scaffold: self, path, is_placed: false };
        write(file)?;
        Ok(draft)
    }

    /// Writes `blob` to `path`, where it waits to be moved to `place`.
    pub(super) fn wait(
        &self,
        path: Utf8PathBuf,
        place: &Utf8Path,
        blob: &Blob,
    ) -> Result<Draft<'_>, OutputError> {
        let draft = self.draft(path.clone(), |mut file| file.append(&blob.bytes()));
        draft.map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return OutputError::Busy { path };
            }
            failed("write", place)(error)
        })
    }
}

impl Draft<'_> {
    /// Moves it over whatever file is at `place`.
    pub(super) fn persist(mut self, place: &Utf8Path) -> io::Result<()> {
        self.scaffold.files.rename(&self.path, place)?;
        self.is_placed = true;
        Ok(())
    }

    pub(super) fn delete(mut self) -> io::Result<()> {
        self.scaffold.files.remove_file(&self.path)?;
        self.is_placed = true;
        Ok(())
    }

    /// Leaves it to somebody else to move or delete it.
    pub(super) fn hand_over(mut self) {
        self.is_placed = true;
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_placed && self.scaffold.files.remove_file(&self.path).is_err() {
            self.scaffold.leave();
        }
    }
}

/// A file that is written by pieces.
pub(super) struct Appending(pub(super) Box<dyn WriteFile>);

impl io::Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Names the new content of a file, or a new folder, while it waits: the same in every run, so that the next one finds what a crash left.
pub(super) fn temporary_name(path: &str) -> String {
    let digest = Digest::of(path.as_bytes()).to_string();
    format!("{TEMPORARY}{}", &digest[..16])
}

pub(super) fn is_folder(files: &dyn FileSystem, path: &Utf8Path) -> bool {
    files.stat(path).is_ok_and(|it| it.kind == StatKind::Folder)
}

/// Removes a new folder that waits, and the files in it; says whether all of it is gone.
pub(super) fn remove_drafts(files: &dyn FileSystem, folder: &Utf8Path) -> bool {
    for (name, kind) in files.entries(folder).unwrap_or_default() {
        let path = folder.join(name);
        match kind {
            StatKind::Folder => {
                remove_drafts(files, &path);
            }
            StatKind::File => {
                files.remove_file(&path).ok();
            }
            // Not wob's own: then the folder stays, too.
            StatKind::Other => {}
        }
    }
    files.remove_folder(folder).is_ok()
}

/// Removes a folder that holds nothing but empty folders and what runs that crashed left; what is not empty stays.
pub(super) fn remove_empty(files: &dyn FileSystem, folder: &Utf8Path) {
    for (name, kind) in files.entries(folder).unwrap_or_default() {
        let path = folder.join(&name);
        match (kind, name.starts_with(TEMPORARY)) {
            (StatKind::Folder, true) => {
                remove_drafts(files, &path);
            }
            (StatKind::Folder, false) => remove_empty(files, &path),
            (StatKind::File | StatKind::Other, true) => {
                files.remove_file(&path).ok();
            }
            (StatKind::File | StatKind::Other, false) => {}
        }
    }
    files.remove_folder(folder).ok();
}
