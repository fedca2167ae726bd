//! Writes new objects into a repository: many into one pack, few into a file each.
//!
//! A pack is assembled in a folder of its own beside the others and moved in when it is whole and on disk, so that a crash
//! at any moment leaves either nothing or objects that nothing refers to.

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use gix::{
    error::ResultExt as _,
    objs::{Kind, Write as _},
};

use super::pack::{self, Pack};
use crate::Interrupt;

/// More objects than these go into a pack: a file costs much more to create than to fill.
const LOOSE: usize = 500;

/// An object that the repository does not have yet.
pub(super) struct NewObject<'o> {
    pub(super) id: gix::ObjectId,
    pub(super) kind: Kind,
    pub(super) bytes: Cow<'o, [u8]>,
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
pub(super) struct Kept(Option<PathBuf>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            fs::remove_file(path).ok();
        }
    }
}

/// Writes `objects`, of which there are no two of one id. `scratch` names the folder for what is not whole yet; no two
/// processes may use the same at a time.
pub(super) fn write(
    repository: &gix::Repository,
    objects: &[NewObject<'_>],
    scratch: &str,
    interrupt: &Interrupt,
) -> gix::Result<Kept> {
    let folder = folder(repository);
    remove_remains(&folder, scratch);
    if objects.len() > LOOSE {
        let scratch = Scratch { path: folder.join(scratch), objects: folder, name: scratch };
        return scratch.pack(objects, interrupt);
    }
    for it in objects {
        if interrupt.is_set() {
            return Err(io::Error::from(io::ErrorKind::Interrupted)).or_error();
        }
        repository.objects.write_buf_with_known_id(it.kind, &it.bytes, it.id)?;
    }
    Ok(Kept(None))
}

/// Returns where the objects of a repository lie.
pub(super) fn folder(repository: &gix::Repository) -> PathBuf {
    repository.objects.store_ref().path().to_owned()
}

/// Removes what a process left that was killed while it wrote with the same `scratch`.
pub(super) fn remove_remains(objects: &Path, scratch: &str) {
    fs::remove_dir_all(objects.join(scratch)).ok();
    for entry in fs::read_dir(objects.join("pack")).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_keep = path.extension().is_some_and(|it| it == "keep");
        if !is_keep || !fs::read_to_string(&path).is_ok_and(|it| it == scratch) {
            continue;
        }
        // Without an index, git knows nothing of the pack.
        if !path.with_extension("idx").exists() {
            fs::remove_file(path.with_extension("pack")).ok();
        }
        fs::remove_file(path).ok();
    }
}

/// A folder for what is not whole yet.
struct Scratch<'s> {
    path: PathBuf,
    objects: PathBuf,
    name: &'s str,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

impl Scratch<'_> {
    fn pack(&self, objects: &[NewObject<'_>], interrupt: &Interrupt) -> gix::Result<Kept> {
        fs::create_dir(&self.path).or_error()?;
        let pack = pack::write(objects, &self.path, interrupt)?;
        self.move_in(&pack).or_error()
    }

    fn move_in(&self, pack: &Pack) -> io::Result<Kept> {
        let packs = self.objects.join("pack");
        fs::create_dir_all(&packs)?;
        let to = |extension: &str| packs.join(format!("{}.{extension}", pack.name));
        let kept = Kept(Some(to("keep")));
        fs::write(to("keep"), self.name)?;
        // Git knows a pack by its index, which therefore comes last.
        for (from, extension) in [(&pack.data, "pack"), (&pack.index, "idx")] {
            protect(from)?;
            fs::rename(from, to(extension))?;
        }
        #[cfg(unix)]
        fs::File::open(&packs)?.sync_all()?;
        Ok(kept)
    }
}

/// Lets nobody write into a file, as git does: what a pack holds never changes.
fn protect(file: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(file, permissions)
}
