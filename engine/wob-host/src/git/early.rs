//! Files that are compressed while they are made, so that they need not be made again for a pack.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use gix::{hashtable::HashSet, objs::Kind};
use wob_engine::{Blob, Folder, GitObjectId};

use super::{
    deflate::Compressor,
    object_id, objects,
    pack::{self, Entry},
};
use crate::{FileSystem, ReadFile, WriteFile};

/// How many bytes are written at a time.
const BUFFER: usize = 1 << 20;

/// Files that will surely be written to a branch, compressed before anybody knows what else will be in their pack.
///
/// They lie in a folder beside the repository's objects, which is removed when this is dropped. If that fails, they are made again.
pub struct EarlyFiles {
    files: Arc<dyn FileSystem>,
    folder: Utf8PathBuf,
    /// What compresses is costly to make: each is used by one thread at a time, with what it gave last.
    compressors: Mutex<Vec<(Compressor, Vec<u8>)>>,
    state: Mutex<State>,
}

enum State {
    /// There is none yet.
    Empty,
    Open(Spill),
    /// Something failed: nothing of it may be used.
    Broken,
}

/// A pack's objects, without what stands before and behind them.
struct Spill {
    file: Box<dyn WriteFile>,
    buffer: Vec<u8>,
    size: u64,
    entries: Vec<Entry>,
    ids: HashSet,
}

/// All compressed files, as they stand in a pack.
pub(super) struct EarlyObjects {
    pub(super) data: Box<dyn ReadFile>,
    pub(super) size: u64,
    /// In the order of the bytes.
    pub(super) entries: Vec<Entry>,
    /// Their ids.
    pub(super) ids: HashSet,
}

impl EarlyFiles {
    /// Returns a place for files of a commit in the repository whose objects lie in `objects`; `scratch` names a folder for what is
    /// not whole yet, which no two processes may use at a time.
    pub(crate) fn new(files: Arc<dyn FileSystem>, objects: &Utf8Path, scratch: &str) -> Self {
        let folder = objects::early_folder(objects, scratch);
        let state = Mutex::new(State::Empty);
        Self { files, folder, compressors: Mutex::default(), state }
    }

    /// Compresses a file of these bytes.
    pub fn add(&self, id: GitObjectId, bytes: &[u8]) {
        let id = object_id(id);
        if self.is_wanted(&id) {
            self.compress(id, Kind::Blob, bytes);
        }
    }

    /// Compresses a file whose bytes were kept since they were made, and takes these.
    pub fn take_file(&self, blob: &Blob) {
        if let Some(bytes) = blob.take_made() {
            self.add(blob.git_id(), &bytes);
        }
    }

    /// Does so with the files of a folder, and compresses the folder itself; those in it are left alone.
    pub fn take_folder(&self, folder: &Folder) {
        for blob in folder.entries().filter_map(|(_, it)| it.file()) {
            self.take_file(blob);
        }
        let id = object_id(folder.ids().git_id);
        if self.is_wanted(&id) {
            self.compress(id, Kind::Tree, &folder.git_tree());
        }
    }

    /// Says whether an object would be used that is not there yet.
    fn is_wanted(&self, id: &gix::ObjectId) -> bool {
        match &*self.state() {
            State::Open(spill) => !spill.ids.contains(id),
            State::Empty => true,
            State::Broken => false,
        }
    }

    fn compress(&self, id: gix::ObjectId, kind: Kind, bytes: &[u8]) {
        let idle = locked(&self.compressors).pop();
        let (mut compress, mut packed) = idle.unwrap_or_else(|| (Compressor::new(), vec![]));
        packed.clear();
        // What fails here fails again, and is told, where it is written.
        if pack::pack(kind, bytes, &mut compress, &mut packed).is_ok() {
            let crc32 = crc32fast::hash(&packed);
            let mut state = self.state();
            if self.put(&mut state, (id, crc32), &packed).is_err() {
                *state = State::Broken;
            }
        }
        locked(&self.compressors).push((compress, packed));
    }

    fn put(
        &self,
        state: &mut State,
        (id, crc32): (gix::ObjectId, u32),
        packed: &[u8],
    ) -> io::Result<()> {
        if matches!(state, State::Empty) {
            objects::remove_folder(&*self.files, &self.folder);
            self.files.create_folder(&self.folder)?;
            let file = self.files.create(&self.path())?;
            let buffer = Vec::with_capacity(BUFFER);
            let (entries, ids) = (vec![], HashSet::default());
            *state = State::Open(Spill { file, buffer, size: 0, entries, ids });
        }
        let State::Open(spill) = state else { return Ok(()) };
        // Another thread may have had the same bytes.
        if !spill.ids.insert(id) {
            return Ok(());
        }
        if spill.buffer.len() + packed.len() > BUFFER {
            spill.flush()?;
        }
        spill.buffer.extend(packed);
        spill.entries.push(Entry { id, crc32, offset: spill.size });
        spill.size += packed.len() as u64;
        Ok(())
    }

    /// Lets everything go, as it will not be written; what is added from now on is let go, too.
    pub fn abandon(&self) {
        *self.state() = State::Broken;
        objects::remove_folder(&*self.files, &self.folder);
    }

    /// Takes all that was compressed, if that alone is worth a pack; none if something failed.
    pub(super) fn take_many(&self) -> Option<EarlyObjects> {
        let state = std::mem::replace(&mut *self.state(), State::Broken);
        let State::Open(mut spill) = state else { return None };
        if spill.entries.len() <= objects::LOOSE {
            return None;
        }
        spill.flush().ok()?;
        let data = self.files.open(&self.path()).ok()?;
        Some(EarlyObjects { data, size: spill.size, entries: spill.entries, ids: spill.ids })
    }

    fn path(&self) -> Utf8PathBuf {
        self.folder.join("objects")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Spill {
    fn flush(&mut self) -> io::Result<()> {
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for EarlyFiles {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for EarlyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyFiles").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
