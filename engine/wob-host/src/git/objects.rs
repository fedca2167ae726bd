//! Writes new objects into a repository: many into one pack, few into a file each.
//!
//! A pack is assembled in a folder of its own beside the others and moved in when it is whole and on disk, so that a crash
//! at any moment leaves either nothing or objects that nothing refers to.

use std::{
    borrow::Cow,
    fs,
    io::{self, BufReader, BufWriter},
    path::{Path, PathBuf},
    thread,
};

use gix::{
    error::ResultExt as _,
    objs::{Data, Kind, Write as _},
    odb::pack::{
        self,
        bundle::write::{Options, Outcome},
        data::{Version, output},
    },
    progress::Discard,
    zlib::Compression,
};
use rayon::prelude::*;

use crate::Interrupt;

/// More objects than these go into a pack: a file costs much more to create than to fill.
const LOOSE: usize = 500;
/// How many objects are compressed before they are written.
const CHUNK: usize = 2048;

/// An object that the repository does not have yet.
pub(super) struct NewObject<'o> {
    pub(super) id: gix::ObjectId,
    pub(super) kind: Kind,
    pub(super) bytes: Cow<'o, [u8]>,
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
        let (reader, writer) = io::pipe().or_error()?;
        let outcome = thread::scope(|scope| {
            // What goes wrong here ends the stream, which the reader of the pack notices.
            scope.spawn(move || compress(objects, BufWriter::with_capacity(1 << 16, writer)));
            self.index(BufReader::with_capacity(1 << 16, reader), interrupt)
        })?;
        self.move_in(&outcome).or_error()
    }

    /// Reads the pack, checks it, and writes it with its index.
    fn index(
        &self,
        mut stream: BufReader<io::PipeReader>,
        interrupt: &Interrupt,
    ) -> gix::Result<Outcome> {
        pack::Bundle::write_to_directory(
            &mut stream,
            Some(&self.path),
            &mut Discard,
            interrupt.flag(),
            None::<gix::objs::find::Never>,
            gix::hash::Kind::Sha1,
            Options::default(),
        )
    }

    fn move_in(&self, outcome: &Outcome) -> io::Result<Kept> {
        let (Some(data), Some(index)) = (&outcome.data_path, &outcome.index_path) else {
            return Err(io::Error::other("an empty pack was written"));
        };
        let packs = self.objects.join("pack");
        fs::create_dir_all(&packs)?;
        let to = |from: &Path, extension: &str| {
            let name = from.file_stem().expect("because packs have names");
            packs.join(name).with_extension(extension)
        };
        let keep = to(data, "keep");
        fs::write(&keep, self.name)?;
        let kept = Kept(Some(keep));
        // Git knows a pack by its index, which therefore comes last.
        for (from, extension) in [(data, "pack"), (index, "idx")] {
            self.protect(from)?;
            fs::File::open(from)?.sync_all()?;
            fs::rename(from, to(from, extension))?;
        }
        #[cfg(unix)]
        fs::File::open(&packs)?.sync_all()?;
        Ok(kept)
    }

    /// Gives a file that was private the rights that git gives it: everybody whom the umask lets may read, nobody write.
    #[cfg(unix)]
    fn protect(&self, file: &Path) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&self.path)?.permissions().mode();
        fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o444))
    }

    #[cfg(not(unix))]
    fn protect(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the pack of `objects` into `stream`.
fn compress(objects: &[NewObject<'_>], stream: impl io::Write) -> gix::Result<()> {
    let entry = |it: &NewObject<'_>| {
        let data = Data { kind: it.kind, object_hash: gix::hash::Kind::Sha1, data: &it.bytes };
        let count = output::Count::from_data(it.id, None);
        output::Entry::from_data(&count, &data, Compression::BEST_SPEED)
    };
    let chunks = objects.chunks(CHUNK).map(|it| it.par_iter().map(entry).collect());
    let count = u32::try_from(objects.len()).or_error()?;
    let mut pack = output::bytes::FromEntriesIter::new(
        chunks,
        stream,
        count,
        Version::default(),
        gix::hash::Kind::Sha1,
    );
    for written in &mut pack {
        written?;
    }
    pack.into_write().flush().or_error()
}
