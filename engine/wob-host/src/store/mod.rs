//! A store of contents and results, shared by workspaces and by processes. Deleting any of it at any time costs time only.
//!
//! Readers take no locks: a pack is written under another name, made durable, and then renamed. What is read is checked
//! against its key; what does not fit is moved aside, and counts as not there.
//!
//! **Invariant:** no failure of the disk, and nothing that lies in the folder, makes a wrong answer: at worst none.

mod batch;
mod lease;
mod pack;
mod upkeep;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use wob_engine::Digest;

use self::pack::{Damage, Entry, Kind, Pack};
use crate::filesystem::{FileSystem, RealFileSystem};

pub use batch::Batch;
pub use lease::Lease;
pub use upkeep::{GcLimits, Removed, StoreInfo, Verified};

/// Where damaged packs are moved.
const QUARANTINE: &str = "quarantine";

/// A store of contents and results in a folder.
#[derive(Debug)]
pub struct Store {
    fs: Arc<dyn FileSystem>,
    folder: Utf8PathBuf,
    /// Contents are looked for only when a result was found, so their packs are opened late.
    blobs: RwLock<Option<Vec<Arc<OpenPack>>>>,
    results: RwLock<Option<Vec<Arc<OpenPack>>>>,
    /// What was moved aside by this process: pack and reason.
    quarantined: Mutex<Vec<(String, String)>>,
}

#[derive(Debug)]
struct OpenPack {
    name: String,
    pack: Pack,
    used: std::sync::atomic::AtomicBool,
}

/// Why something could not be added or removed.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempt} `{path}` of the store: {source}")]
pub struct StoreError {
    attempt: &'static str,
    path: Utf8PathBuf,
    source: io::Error,
}

impl StoreError {
    fn failed(attempt: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { attempt, path, source }
    }
}

impl Store {
    /// Names the folder on disk; it need not exist.
    pub fn new(folder: &Utf8Path) -> Self {
        Self::on(Arc::new(RealFileSystem), folder)
    }

    /// Names a folder of `fs`.
    pub fn on(fs: Arc<dyn FileSystem>, folder: &Utf8Path) -> Self {
        Self {
            fs,
            folder: folder.to_owned(),
            blobs: RwLock::new(None),
            results: RwLock::new(None),
            quarantined: Mutex::default(),
        }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns the folder for notes of one run for the next, which `gc` and `clear` look after.
    pub fn notes_folder(&self) -> Utf8PathBuf {
        self.folder.join("notes")
    }

    /// Returns the contents of this digest, if the store has them whole.
    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.get(Kind::Blobs, digest)
    }

    /// Says whether the store claims to have these contents; only reading them shows whether they are whole.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        let packs = self.packs(Kind::Blobs);
        packs.iter().any(|it| matches!(it.pack.find(digest), Ok(Some(_))))
    }

    /// Returns the result of `key`, if the store has it whole.
    pub fn result(&self, key: &Digest) -> Option<Vec<u8>> {
        self.get(Kind::Results, key)
    }

    /// Returns what `read` makes of the result of each of `keys`, in their order; `None` where the store does not have it whole. Of
    /// many keys it is faster than asking for each, as most packs that have none of them say so at once.
    pub fn results<T: Send>(
        &self,
        keys: &[Digest],
        read: impl Fn(Vec<u8>) -> Option<T> + Sync,
    ) -> Vec<Option<T>> {
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let packs = self.packs(Kind::Results);
        let entries = |open: &Arc<OpenPack>| {
            open.pack.find_all(&sorted).unwrap_or_else(|damage| {
                self.quarantine(Kind::Results, &open.name, &damage);
                vec![]
            })
        };
        let found = |open| entries(open).into_iter().map(move |it| (it.key, (open, it)));
        let found: BTreeMap<Digest, (&Arc<OpenPack>, Entry)> =
            packs.par_iter().flat_map_iter(found).collect();
        let result = |key: &Digest| {
            let (open, entry) = found.get(key)?;
            let payload = self.read(Kind::Results, open, Ok(*entry));
            read(payload.or_else(|| self.result(key))?)
        };
        keys.par_iter().map(result).collect()
    }

    /// Says whether there is any pack of results.
    pub fn has_results(&self) -> bool {
        !self.packs(Kind::Results).is_empty()
    }

    /// Begins to add.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Lists what this process found damaged and moved aside: the pack, and why.
    pub fn quarantined(&self) -> Vec<(String, String)> {
        locked(&self.quarantined).clone()
    }

    fn get(&self, kind: Kind, key: &Digest) -> Option<Vec<u8>> {
        let read = |open: &Arc<OpenPack>| self.read(kind, open, open.pack.find(key).transpose()?);
        self.packs(kind).iter().find_map(read)
    }

    /// Returns the payload of what was found in a pack, if it is whole.
    fn read(&self, kind: Kind, open: &OpenPack, found: Result<Entry, Damage>) -> Option<Vec<u8>> {
        match found.and_then(|it| open.pack.read(&it)) {
            Ok(payload) => {
                self.note_use(open);
                Some(payload)
            }
            Err(damage) => {
                self.quarantine(kind, &open.name, &damage);
                None
            }
        }
    }

    /// Returns the packs of a kind, opening them if this is the first question; newest first does not matter, since
    /// equal keys have equal payloads.
    fn packs(&self, kind: Kind) -> Vec<Arc<OpenPack>> {
        if let Some(packs) = read(self.of(kind)).as_ref() {
            return packs.clone();
        }
        let opened = self.open_all(kind);
        let mut slot = write(self.of(kind));
        slot.get_or_insert(opened).clone()
    }

    fn open_all(&self, kind: Kind) -> Vec<Arc<OpenPack>> {
        let mut names = self.pack_names(kind);
        names.sort_unstable();
        names.into_iter().filter_map(|name| self.open(kind, name)).map(Arc::new).collect()
    }

    /// Lists the packs of a kind by their names; none if the folder cannot be read.
    fn pack_names(&self, kind: Kind) -> Vec<String> {
        let is_pack = |name: &String| {
            name.strip_suffix(kind.extension()).is_some_and(|it| it.ends_with('.'))
                && !name.starts_with('.')
        };
        let names = self.fs.list(&self.packs_folder()).unwrap_or_default();
        names.into_iter().filter(is_pack).collect()
    }

    fn open(&self, kind: Kind, name: String) -> Option<OpenPack> {
        // A file that is gone, or may not be read, is nobody's damage.
        let file = self.fs.open(&self.packs_folder().join(&name)).ok()?;
        match Pack::open(&name, kind, file) {
            Ok(pack) => Some(OpenPack { name, pack, used: false.into() }),
            Err(damage) => {
                self.quarantine(kind, &name, &damage);
                None
            }
        }
    }

    /// Makes a pack that was just written known to this process.
    fn add(&self, name: &str, kind: Kind) {
        if let Some(pack) = self.open(kind, name.to_owned()).map(Arc::new)
            && let Some(packs) = write(self.of(kind)).as_mut()
        {
            packs.push(pack);
        }
    }

    /// Moves a damaged pack aside, so that nobody asks it again. What cannot be moved is forgotten by this process.
    fn quarantine(&self, kind: Kind, name: &str, damage: &Damage) {
        if let Some(packs) = write(self.of(kind)).as_mut() {
            packs.retain(|it| it.name != name);
        }
        if let Damage::Io(error) = damage
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            // The disk fails now; it need not tomorrow.
            return;
        }
        let folder = self.folder.join(QUARANTINE);
        let moved = self
            .fs
            .create_folder(&folder)
            .and_then(|()| self.fs.rename(&self.packs_folder().join(name), &folder.join(name)));
        // Another process may have moved it first.
        moved.unwrap_or_default();
        locked(&self.quarantined).push((name.to_owned(), damage.to_string()));
    }

    fn of(&self, kind: Kind) -> &RwLock<Option<Vec<Arc<OpenPack>>>> {
        match kind {
            Kind::Blobs => &self.blobs,
            Kind::Results => &self.results,
        }
    }

    fn packs_folder(&self) -> Utf8PathBuf {
        self.folder.join("packs")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
