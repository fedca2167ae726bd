//! New contents that lie beside their places until all of them are there, and then move.

use std::{io, num::NonZeroU32};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use wob_engine::{Blob, FilePath, OWN_FOLDER};

use super::{
    OutputError, Plan,
    disk::Disk,
    drafts::{Draft, Scaffold, WAITING, is_folder, remove_drafts, remove_empty, temporary_name},
    failed, folders_above,
    ground::{Ground as _, Kind},
    half_written,
};
use crate::{FileSystem, Interrupt};

/// How many files are written at a time, by several threads if they are more than [`FEW`].
const BATCH: usize = 4096;
const FEW: usize = 256;

/// New contents of the files of a tree, in the order of the changes; dropping it deletes those that wait.
///
/// A file whose folder exists waits in that one. All files below a folder that does not exist yet wait in a folder of their own, which
/// is moved as a whole: in a first build, that saves two looks and a move for each file. There can be very many files, so it is only
/// kept where each waits, and their paths are listed again.
pub(super) struct Waiting<'f> {
    plan: &'f Plan,
    scaffold: &'f Scaffold<'f>,
    root: &'f Utf8Path,
    interrupt: &'f Interrupt,
    /// The new folders, by path.
    folders: Vec<NewFolder>,
    /// For each file, the number of its new folder, from 1; none if it lies in a folder that exists.
    homes: Vec<Option<NonZeroU32>>,
    /// How many of them are in their places.
    placed: usize,
    /// Those that are to be written next.
    batch: Vec<Next<'f>>,
}

/// A folder that does not exist yet, in one that does.
struct NewFolder {
    /// Where it is to be.
    path: String,
    /// Where it waits.
    waits: Utf8PathBuf,
    /// Whether it was moved as a whole.
    is_placed: bool,
}

struct Next<'f> {
    path: FilePath,
    blob: &'f Blob,
    home: Option<NonZeroU32>,
}

impl<'f> Waiting<'f> {
    /// Begins with none of what `plan` writes below `root`.
    pub(super) fn new(
        plan: &'f Plan,
        scaffold: &'f Scaffold<'f>,
        root: &'f Utf8Path,
        interrupt: &'f Interrupt,
    ) -> Self {
        let (folders, homes, batch) = (vec![], vec![], vec![]);
        Self { plan, scaffold, root, interrupt, folders, homes, placed: 0, batch }
    }

    /// Adds the next file, which is written sooner or later; `folder` exists, and is the one it lies in, or the nearest one above that.
    pub(super) fn add(
        &mut self,
        path: FilePath,
        folder: &str,
        blob: &'f Blob,
    ) -> Result<(), OutputError> {
        let text = path.as_str();
        let rest = below(text, folder).unwrap_or(text);
        let home = match rest.find('/') {
            Some(end) => self.begin(&text[..text.len() - rest.len() + end])?,
            None => None,
        };
        self.push(Next { path, blob, home })
    }

    /// Adds the next file if it lies in the new folder that came last, and says whether it does.
    pub(super) fn add_below(
        &mut self,
        path: &FilePath,
        blob: &'f Blob,
    ) -> Result<bool, OutputError> {
        let last = self.folders.last();
        if last.is_none_or(|it| below(path.as_str(), &it.path).is_none()) {
            return Ok(false);
        }
        let home = self.last_folder();
        self.push(Next { path: path.clone(), blob, home })?;
        Ok(true)
    }

    /// Begins a new folder. Nothing may lie where it waits: neither what another process writes, nor a link to somewhere else.
    fn begin(&mut self, path: &str) -> Result<Option<NonZeroU32>, OutputError> {
        let waits = self.root.join(new_folder(path).as_str());
        let files = self.scaffold.files();
        match files.stat(&waits) {
            Ok(_) => return Err(OutputError::Busy { path: waits }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look at", &waits)(error)),
        }
        if self.folders.is_empty() {
            // A disk that kept the folder and lost the journal would leave what the next run takes for another process's.
            let own = self.root.join(OWN_FOLDER);
            files.sync_folder(&own).map_err(failed("write", own))?;
        }
        files.create_folder(&waits).map_err(failed("create", self.root.join(path)))?;
        self.folders.push(NewFolder { path: path.to_owned(), waits, is_placed: false });
        Ok(self.last_folder())
    }

    fn last_folder(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(self.folders.len()).expect("because there are fewer files"))
    }

    fn push(&mut self, next: Next<'f>) -> Result<(), OutputError> {
        self.batch.push(next);
        if self.batch.len() < BATCH { Ok(()) } else { self.write() }
    }

    /// Writes those that were added; what fails leaves none of them.
    pub(super) fn write(&mut self) -> Result<(), OutputError> {
        let batch = std::mem::take(&mut self.batch);
        let is_together = |a: &Next<'_>, b: &Next<'_>| folder_of(&a.path) == folder_of(&b.path);
        let write = |together: &[Next<'_>]| self.write_together(together);
        // In turn, calls to the disk have an order that a test can rely on.
        let drafts: Vec<Vec<Draft<'_>>> = if batch.len() < FEW {
            batch.chunk_by(is_together).map(write).collect::<Result<_, OutputError>>()?
        } else {
            batch.par_chunk_by(is_together).map(write).collect::<Result<_, OutputError>>()?
        };
        drafts.into_iter().flatten().for_each(Draft::hand_over);
        self.homes.extend(batch.iter().map(|it| it.home));
        Ok(())
    }

    /// Writes files of one folder.
    fn write_together(&self, together: &[Next<'_>]) -> Result<Vec<Draft<'f>>, OutputError> {
        if let Some(Next { path, home: Some(home), .. }) = together.first() {
            let waits = self.place(path, Some(*home));
            let (folder, place) = (waits.parent(), self.root.join(folder_of(path)));
            let create = |it| self.scaffold.files().create_folder(it);
            folder.map_or(Ok(()), create).map_err(failed("create", place))?;
        }
        let write = |it: &Next<'_>| {
            self.interrupt.check()?;
            self.scaffold.wait(
                self.place(&it.path, it.home),
                &self.root.join(it.path.as_str()),
                it.blob,
            )
        };
        together.iter().map(write).collect()
    }

    /// Returns where the new content of a file waits.
    fn place(&self, path: &FilePath, home: Option<NonZeroU32>) -> Utf8PathBuf {
        match home {
            Some(home) => {
                let folder = &self.folders[index(home)];
                let rest = below(path.as_str(), &folder.path);
                folder.waits.join(rest.expect("because it lies below its new folder"))
            }
            None => self.root.join(draft(path).as_str()),
        }
    }

    /// Lists the files, in the order of the changes.
    fn paths(&self) -> impl Iterator<Item = FilePath> + use<'f> {
        let plan = self.plan;
        plan.changes.paths().filter(|it| plan.tree.get(it).is_some())
    }

    /// Moves all of them to their places, over whatever file lies there; an error leaves the tree half written.
    pub(super) fn persist(&mut self) -> Result<(), OutputError> {
        let mut disk = Disk::new(self.scaffold.files(), self.root);
        let mut last = None;
        for path in self.paths() {
            let home = self.homes[self.placed];
            let begins = home.filter(|_| home != last);
            last = home;
            if let Some(home) = begins {
                // Somebody may have put a link on the way since the content was written.
                disk.kind(&path)?;
                self.persist_folder(home)?;
            }
            if home.is_none_or(|it| !self.folders[index(it)].is_placed) {
                self.persist_file(&path, home, &mut disk)?;
            }
            self.placed += 1;
        }
        Ok(())
    }

    /// Moves a new folder to its place, unless somebody else made one there since.
    fn persist_folder(&mut self, home: NonZeroU32) -> Result<(), OutputError> {
        let files = self.scaffold.files();
        let folder = &mut self.folders[index(home)];
        let place = self.root.join(&folder.path);
        if is_folder(files, &place) {
            return Ok(());
        }
        // What was deleted before may have been all that the folder above held.
        let above = place.parent().unwrap_or(self.root);
        files.create_folder(above).map_err(half_written("create", above))?;
        files.rename(&folder.waits, &place).map_err(half_written("create", &place))?;
        folder.is_placed = true;
        Ok(())
    }

    fn persist_file(
        &self,
        path: &FilePath,
        home: Option<NonZeroU32>,
        disk: &mut Disk<'_>,
    ) -> Result<(), OutputError> {
        let files = self.scaffold.files();
        disk.kind(path)?;
        let place = self.root.join(path.as_str());
        let folder = place.parent().unwrap_or(self.root);
        files.create_folder(folder).map_err(half_written("create", folder))?;
        // A folder that held only files of wob is empty by now.
        if is_folder(files, &place) {
            remove_empty(files, &place);
        }
        files.rename(&self.place(path, home), &place).map_err(half_written("replace", &place))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let files = self.scaffold.files();
        for (path, home) in self.paths().zip(&self.homes).skip(self.placed) {
            if home.is_none() && files.remove_file(&self.place(&path, None)).is_err() {
                self.scaffold.leave();
            }
        }
        for it in self.folders.iter().filter(|it| !it.is_placed) {
            if !remove_drafts(files, &it.waits) {
                self.scaffold.leave();
            }
        }
    }
}

/// Removes what a run that crashed left of the new contents of `paths`, which are sorted.
pub(super) fn remove_stale(files: &dyn FileSystem, root: &Utf8Path, paths: &[&FilePath]) {
    let mut before = "";
    for path in paths {
        // A folder may have become a link since.
        let mut disk = Disk::new(files, root);
        let draft = draft(path);
        if matches!(disk.kind(&draft), Ok(Kind::File)) {
            files.remove_file(&disk.path(&draft)).ok();
        }
        for folder in folders_above(path).filter(|it| below(before, it).is_none()) {
            let folder = new_folder(folder);
            if matches!(disk.kind(&folder), Ok(Kind::Folder)) {
                remove_drafts(files, &disk.path(&folder));
            }
        }
        before = path.as_str();
    }
}

/// Returns where the new content of a file waits whose folder exists: in that one, and in every run under the same name, so that the
/// next one finds what a crash left.
fn draft(path: &FilePath) -> FilePath {
    named(folder_of(path), path.as_str())
}

/// Returns where a new folder waits: beside its place, so that who may not write there learns it before anything is replaced; or in
/// wob's own folder if its place is in the root, which people look at.
fn new_folder(path: &str) -> FilePath {
    named(path.rsplit_once('/').map_or(WAITING, |it| it.0), path)
}

/// Returns where in `folder` the new content of `path` waits.
pub(super) fn named(folder: &str, path: &str) -> FilePath {
    let name = temporary_name(path);
    let place = if folder.is_empty() { name } else { format!("{folder}/{name}") };
    FilePath::new(&place).expect("because it is made of names of others")
}

/// Returns which of the new folders a file lies in.
fn index(home: NonZeroU32) -> usize {
    home.get() as usize - 1
}

/// Returns what follows a folder in a path below it.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

fn folder_of(path: &FilePath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |it| it.0)
}
