//! Drafts: new contents that lie beside their places, until all are there.

use std::{cell::Cell, io};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, Digest, FilePath};

use super::{OutputError, Plan, TEMPORARY, failed};
use crate::{FileSystem, StatKind, WriteFile};

/// Where new contents wait whose folder does not exist yet, and records of parts.
pub(super) const WAITING: &str = ".wob/new";

/// Where drafts are written.
pub(super) struct Scaffold<'f> {
    files: &'f dyn FileSystem,
    is_left: Cell<bool>,
}

/// A new file that waits for its place; dropping it deletes it.
pub(super) struct Draft<'f> {
    scaffold: &'f Scaffold<'f>,
    path: Utf8PathBuf,
    is_placed: bool,
}

impl<'f> Scaffold<'f> {
    pub(super) fn new(files: &'f dyn FileSystem) -> Self {
        Self { files, is_left: Cell::new(false) }
    }

    pub(super) fn files(&self) -> &'f dyn FileSystem {
        self.files
    }

    /// Says whether a draft could not be deleted, so that the next run must.
    pub(super) fn is_left(&self) -> bool {
        self.is_left.get()
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
    fn hand_over(mut self) {
        self.is_placed = true;
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_placed && self.scaffold.files.remove_file(&self.path).is_err() {
            self.scaffold.is_left.set(true);
        }
    }
}

/// Drafts of the files of a tree, in the order of the changes; dropping it deletes those that wait.
///
/// There can be very many, so it is only kept where each waits, and their paths are listed again.
pub(super) struct Waiting<'f> {
    plan: &'f Plan,
    scaffold: &'f Scaffold<'f>,
    root: &'f Utf8Path,
    /// How long the paths of the folders are in which they wait, each of which begins the file's own; none for wob's own folder.
    folders: Vec<Option<u32>>,
    /// How many of them are in their places.
    placed: usize,
}

impl<'f> Waiting<'f> {
    /// Begins with none of what `plan` writes below `root`.
    pub(super) fn new(plan: &'f Plan, scaffold: &'f Scaffold<'f>, root: &'f Utf8Path) -> Self {
        Self { plan, scaffold, root, folders: vec![], placed: 0 }
    }

    /// Writes the next one, which waits in `folder`.
    pub(super) fn add(
        &mut self,
        path: &FilePath,
        folder: Option<&str>,
        blob: &Blob,
    ) -> Result<(), OutputError> {
        let length = folder.map(|it| u32::try_from(it.len()).expect("because it is short"));
        wait(self.scaffold, &self.folder(path, length), path, blob)?.hand_over();
        self.folders.push(length);
        Ok(())
    }

    /// Lists the files, in the order of the changes.
    pub(super) fn paths(&self) -> impl Iterator<Item = FilePath> + use<'f> {
        let plan = self.plan;
        plan.changes.paths().filter(|it| plan.tree.get(it).is_some())
    }

    /// Moves the next one, which is to be at `path`, over whatever file is at `place`.
    pub(super) fn persist_next(&mut self, path: &FilePath, place: &Utf8Path) -> io::Result<()> {
        let from = self.folder(path, self.folders[self.placed]).join(temporary_name(path));
        self.scaffold.files.rename(&from, place)?;
        self.placed += 1;
        Ok(())
    }

    fn folder(&self, path: &FilePath, length: Option<u32>) -> Utf8PathBuf {
        let folder = length.map(|it| &path.as_str()[..it as usize]);
        below(self.root, folder.unwrap_or(WAITING))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        for (path, length) in self.paths().zip(&self.folders).skip(self.placed) {
            let waiting = self.folder(&path, *length).join(temporary_name(&path));
            if self.scaffold.files.remove_file(&waiting).is_err() {
                self.scaffold.is_left.set(true);
            }
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

/// Writes `blob` into `folder`, where it waits to be moved to `path`.
pub(super) fn wait<'f>(
    scaffold: &'f Scaffold<'f>,
    folder: &Utf8Path,
    path: &FilePath,
    blob: &Blob,
) -> Result<Draft<'f>, OutputError> {
    let place = folder.join(temporary_name(path));
    let draft = scaffold.draft(place.clone(), |mut file| file.append(&blob.bytes()));
    draft.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return OutputError::Busy { path: place };
        }
        failed("write", folder.join(path.file_name()))(error)
    })
}

/// Returns the folder of `path`, or the nearest one above that exists; none if that is the root, which is not filled with
/// what waits: a folder of many names stays slow when they are gone.
pub(super) fn existing_folder<'p>(
    files: &dyn FileSystem,
    root: &Utf8Path,
    path: &'p FilePath,
) -> Option<&'p str> {
    let text = path.as_str();
    if !text.contains('/') {
        return Some("");
    }
    let mut above = text.rmatch_indices('/').map(|(end, _)| &text[..end]);
    above.find(|it| is_folder(files, &root.join(it)))
}

/// Returns a folder below `root`, or that itself if its path is empty.
pub(super) fn below(root: &Utf8Path, folder: &str) -> Utf8PathBuf {
    if folder.is_empty() { root.to_owned() } else { root.join(folder) }
}

/// Names the new content of `path` while it waits: the same in every run, so that the next one finds what a crash left.
pub(super) fn temporary_name(path: &FilePath) -> String {
    let digest = Digest::of(path.as_str().as_bytes()).to_string();
    format!("{TEMPORARY}{}", &digest[..16])
}

pub(super) fn is_folder(files: &dyn FileSystem, path: &Utf8Path) -> bool {
    files.stat(path).is_ok_and(|it| it.kind == StatKind::Folder)
}
