//! Writes new objects into a repository: many into one pack, few into a file each.
//!
//! A pack is assembled in a folder of its own beside the others and moved in when it is whole and on disk, so that a crash
//! at any moment leaves either nothing or objects that nothing refers to.

use std::{borrow::Cow, fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use gix::{
    error::ResultExt as _,
    objs::{Kind, Write as _},
};
use wob_engine::{Blob, Folder};

use super::{
    early::EarlyObjects,
    pack::{self, Pack},
};
use crate::{FileSystem, Interrupt, filesystem};

/// More objects than these go into a pack: a file costs much more to create than to fill.
pub(super) const LOOSE: usize = 500;
/// A longer mark is not one of ours.
const MARK_BYTES: u64 = 1 << 10;

/// An object that the repository does not have yet.
pub(super) struct NewObject<'o> {
    pub(super) id: gix::ObjectId,
    pub(super) kind: Kind,
    pub(super) contents: Contents<'o>,
}

/// What is in an object. Bytes that can be made again are made where they are written, on whatever thread that is.
pub(super) enum Contents<'o> {
    Bytes(Cow<'o, [u8]>),
    Blob(&'o Blob),
    Folder(&'o Folder),
}

impl Contents<'_> {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Blob(blob) => blob.bytes(),
            Self::Folder(folder) => Cow::Owned(folder.git_tree()),
        }
    }
}

/// What a repository may hold, known without asking for each object.
pub(super) struct Stored {
    packs: bool,
    /// Whether there are objects with a file each, by the first byte of their ids.
    loose: Vec<bool>,
}

impl Stored {
    pub(super) fn of(repository: &gix::Repository) -> Self {
        let folder = repository.objects.store_ref().path();
        let is_there = |byte: u8| folder.join(format!("{byte:02x}")).exists();
        // Objects may also lie in the repositories that this one borrows from.
        let borrows = folder.join("info/alternates").exists();
        let packs = fs::read_dir(folder.join("pack")).is_ok_and(|mut it| it.next().is_some());
        Self { packs: packs || borrows, loose: (0..=u8::MAX).map(is_there).collect() }
    }

    /// Says whether `repository` has the object.
    pub(super) fn has(&self, repository: &gix::Repository, id: &gix::oid) -> bool {
        (self.packs || self.loose[usize::from(id.first_byte())])
            && repository.objects.exists_without_refresh(id)
    }
}

/// A pack that no collection of garbage takes away until this is dropped; none for objects with a file each.
pub(super) struct Kept<'f> {
    files: &'f dyn FileSystem,
    mark: Option<Utf8PathBuf>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(mark) = &self.mark {
            self.files.remove_file(mark).ok();
        }
    }
}

/// Writes `objects`, of which there are no two of one id, and those that were compressed early, which are others. `scratch` names the folder for
/// what is not whole yet; no two processes may use the same at a time.
pub(super) fn write<'f>(
    repository: &gix::Repository,
    files: &'f dyn FileSystem,
    (objects, early): (&[NewObject<'_>], Option<EarlyObjects>),
    scratch: &str,
    interrupt: &Interrupt,
) -> gix::Result<Kept<'f>> {
    let folder = folder(repository);
    remove_unfinished(files, &folder, scratch);
    if early.is_none() {
        // Nobody else would look for what a process left that was killed.
        remove_folder(files, &early_folder(&folder, scratch));
    }
    if early.is_some() || objects.len() > LOOSE {
        let scratch = Scratch { files, path: folder.join(scratch), objects: folder, name: scratch };
        return scratch.pack((early, objects), interrupt);
    }
    for it in objects {
        if interrupt.is_set() {
            return Err(io::Error::from(io::ErrorKind::Interrupted)).or_error();
        }
        repository.objects.write_buf_with_known_id(it.kind, &it.contents.bytes(), it.id)?;
    }
    Ok(Kept { files, mark: None })
}

/// Returns where the objects of a repository lie.
pub(super) fn folder(repository: &gix::Repository) -> Utf8PathBuf {
    let folder = repository.objects.store_ref().path();
    Utf8PathBuf::from(folder.to_string_lossy().into_owned())
}

/// Removes what a process left that was killed while it wrote with the same `scratch`, or before it did.
pub(super) fn remove_remains(files: &dyn FileSystem, objects: &Utf8Path, scratch: &str) {
    remove_folder(files, &early_folder(objects, scratch));
    remove_unfinished(files, objects, scratch);
}

fn remove_unfinished(files: &dyn FileSystem, objects: &Utf8Path, scratch: &str) {
    remove_folder(files, &objects.join(scratch));
    let packs = objects.join("pack");
    for name in files.list(&packs).unwrap_or_default() {
        let path = packs.join(name);
        let is_ours = || {
            let mark = filesystem::read(files, &path, MARK_BYTES);
            mark.is_ok_and(|it| it.is_some_and(|it| it == scratch.as_bytes()))
        };
        if path.extension() != Some("keep") || !is_ours() {
            continue;
        }
        // Without an index, git knows nothing of the pack.
        let index = files.stat(&path.with_extension("idx"));
        if index.is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
            files.remove_file(&path.with_extension("pack")).ok();
        }
        files.remove_file(&path).ok();
    }
}

/// Returns the folder for what is compressed before it is written.
pub(super) fn early_folder(objects: &Utf8Path, scratch: &str) -> Utf8PathBuf {
    objects.join(format!("{scratch}-early"))
}

/// Removes a folder that holds nothing but files.
pub(super) fn remove_folder(files: &dyn FileSystem, folder: &Utf8Path) {
    for name in files.list(folder).unwrap_or_default() {
        files.remove_file(&folder.join(name)).ok();
    }
    files.remove_folder(folder).ok();
}

/// A folder for what is not whole yet.
struct Scratch<'s, 'f> {
    files: &'f dyn FileSystem,
    path: Utf8PathBuf,
    objects: Utf8PathBuf,
    name: &'s str,
}

impl Drop for Scratch<'_, '_> {
    fn drop(&mut self) {
        remove_folder(self.files, &self.path);
    }
}

impl<'f> Scratch<'_, 'f> {
    fn pack(
        &self,
        objects: (Option<EarlyObjects>, &[NewObject<'_>]),
        interrupt: &Interrupt,
    ) -> gix::Result<Kept<'f>> {
        self.files.create_folder(&self.path).or_error()?;
        let pack = pack::write(self.files, objects, &self.path, interrupt)?;
        self.move_in(&pack).or_error()
    }

    fn move_in(&self, pack: &Pack) -> io::Result<Kept<'f>> {
        let (files, packs) = (self.files, self.objects.join("pack"));
        files.create_folder(&packs)?;
        let to = |extension: &str| packs.join(format!("{}.{extension}", pack.name));
        let mut kept = Kept { files, mark: None };
        // Unless somebody keeps the same pack, and for longer.
        if files.stat(&to("keep")).is_err() {
            let mark = self.path.join("keep");
            files.create(&mark)?.append(self.name.as_bytes())?;
            // A mark that is not whole would not be known for ours.
            files.rename(&mark, &to("keep"))?;
            kept.mark = Some(to("keep"));
        }
        // Git knows a pack by its index, which therefore comes last.
        for (from, extension) in [(&pack.data, "pack"), (&pack.index, "idx")] {
            files.protect(from)?;
            files.rename(from, &to(extension))?;
        }
        files.sync_folder(&packs)?;
        Ok(kept)
    }
}
