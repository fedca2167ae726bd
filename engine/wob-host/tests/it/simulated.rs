//! A disk in memory that forgets what was not flushed when it crashes, and fails when told to.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_host::{FileSystem, ReadFile, Stat, StatKind, WriteFile};

/// A disk in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What processes see.
    seen: BTreeMap<Utf8PathBuf, Bytes>,
    /// The names that are durable.
    durable: BTreeMap<Utf8PathBuf, Bytes>,
    folders: BTreeSet<Utf8PathBuf>,
    locks: BTreeSet<Utf8PathBuf>,
    calls: usize,
    failure: Option<(Calls, Refusal)>,
    /// A file of somebody else that appears at this call.
    visit: Option<(usize, Utf8PathBuf)>,
    /// Moves at every change, so that no two files are changed at one time.
    clock: u64,
}

/// One file: its bytes, and how many of them are durable.
type Bytes = Arc<Mutex<Contents>>;

#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    durable: usize,
    changed: u64,
}

/// What a crash leaves of bytes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// None of them.
    All,
    /// The first half.
    Half,
    /// All, but the second half as zeroes: the size was written, and not all of the contents.
    Tail,
    /// All, but as zeroes: the size was written, the contents were not.
    Zeroes,
}

/// Which calls fail, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// This one.
    Only(usize),
    /// This one and every later one.
    From(usize),
    /// One of so many, the last.
    Every(usize),
}

impl Calls {
    pub(crate) fn have(self, call: usize) -> bool {
        match self {
            Self::Only(only) => call == only,
            Self::From(first) => call >= first,
            Self::Every(step) => (call + 1).is_multiple_of(step),
        }
    }
}

/// What a call that fails says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Kind(io::ErrorKind),
    /// The number of an error of the operating system.
    Os(i32),
}

impl Refusal {
    pub(crate) fn error(self) -> io::Error {
        match self {
            Self::Kind(kind) => kind.into(),
            Self::Os(number) => io::Error::from_raw_os_error(number),
        }
    }
}

impl SimulatedDisk {
    /// Lets call number `call`, from 0, and every later one fail.
    pub(crate) fn fail_from(&self, call: usize, kind: io::ErrorKind) {
        self.fail(Calls::From(call), Refusal::Kind(kind));
    }

    /// Lets these calls fail, counted from now on.
    pub(crate) fn fail(&self, calls: Calls, refusal: Refusal) {
        let mut state = self.lock();
        state.calls = 0;
        state.failure = Some((calls, refusal));
    }

    /// Lets an empty file of somebody else appear just before this call, counted from now on.
    pub(crate) fn visit(&self, call: usize, path: &Utf8Path) {
        let mut state = self.lock();
        state.calls = 0;
        state.visit = Some((call, path.to_owned()));
    }

    /// Makes everything durable.
    pub(crate) fn settle(&self) {
        let mut state = self.lock();
        for it in state.seen.values() {
            let mut contents = it.lock().unwrap();
            contents.durable = contents.bytes.len();
        }
        state.durable = state.seen.clone();
    }

    /// Writes a file behind everybody's back.
    pub(crate) fn put(&self, path: &Utf8Path, bytes: &[u8]) {
        let mut state = self.lock();
        state.folders.extend(path.ancestors().skip(1).map(Utf8Path::to_owned));
        let contents = Contents { bytes: bytes.to_vec(), durable: bytes.len(), changed: 0 };
        state.seen.insert(path.to_owned(), Arc::new(Mutex::new(contents)));
    }

    /// Returns the bytes of every file below `folder`, by path.
    pub(crate) fn contents(&self, folder: &Utf8Path) -> BTreeMap<String, Vec<u8>> {
        let state = self.lock();
        let below = state.seen.iter().filter_map(|(path, it)| {
            let path = path.strip_prefix(folder).ok()?.to_string();
            Some((path, it.lock().unwrap().bytes.clone()))
        });
        below.collect()
    }

    /// Lets no call fail any more, and returns how many there were since some do.
    pub(crate) fn heal(&self) -> usize {
        let mut state = self.lock();
        state.failure = None;
        state.calls
    }

    /// Returns the disk after a power failure.
    pub(crate) fn crash(&self, loss: Loss) -> Self {
        let state = self.lock();
        let left = |it: &Bytes| {
            let it = it.lock().unwrap();
            let mut bytes = it.bytes.clone();
            match loss {
                Loss::All => bytes.truncate(it.durable),
                Loss::Half => bytes.truncate(it.durable + (it.bytes.len() - it.durable) / 2),
                Loss::Tail => {
                    let half = it.durable + (it.bytes.len() - it.durable) / 2;
                    bytes[half..].fill(0);
                }
                Loss::Zeroes => bytes[it.durable..].fill(0),
            }
            let durable = bytes.len();
            Arc::new(Mutex::new(Contents { bytes, durable, changed: it.changed }))
        };
        // A rename may be durable before its folder was flushed, or not: `All` loses it, the others keep it.
        let names = if loss == Loss::All { &state.durable } else { &state.seen };
        let files: BTreeMap<_, _> =
            names.iter().map(|(path, it)| (path.clone(), left(it))).collect();
        let above = files.keys().flat_map(|it| it.ancestors().skip(1)).map(Utf8Path::to_owned);
        let mut folders: BTreeSet<Utf8PathBuf> =
            state.folders.iter().cloned().chain(above).collect();
        folders.retain(|it| !files.contains_key(it));
        let state = State { seen: files.clone(), durable: files, folders, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Changes a file behind everybody's back.
    pub(crate) fn tamper(&self, path: &Utf8Path, change: impl FnOnce(&mut Vec<u8>)) {
        let state = self.lock();
        let mut contents = state.seen[path].lock().unwrap();
        change(&mut contents.bytes);
    }

    /// Copies a file behind everybody's back.
    pub(crate) fn copy(&self, from: &Utf8Path, to: &Utf8Path) {
        let mut state = self.lock();
        let bytes = state.seen[from].lock().unwrap().bytes.clone();
        let durable = bytes.len();
        let copied = Arc::new(Mutex::new(Contents { bytes, durable, changed: 0 }));
        state.seen.insert(to.to_owned(), copied);
    }

    /// Lists every folder.
    pub(crate) fn folders(&self) -> Vec<Utf8PathBuf> {
        self.lock().folders.iter().cloned().collect()
    }

    /// Lists every file.
    pub(crate) fn files(&self) -> Vec<Utf8PathBuf> {
        self.lock().seen.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        let call = state.calls;
        state.calls += 1;
        state.clock += 1;
        if let Some((_, path)) = state.visit.take_if(|it| it.0 == call) {
            state.folders.extend(path.ancestors().skip(1).map(Utf8Path::to_owned));
            state.seen.entry(path).or_default();
        }
        match state.failure {
            Some((calls, refusal)) if calls.have(call) => Err(refusal.error()),
            _ => Ok(state),
        }
    }
}

impl State {
    /// Moves a folder with all that is in it; of its files, no name is durable in the new place.
    fn rename_folder(&mut self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
        if self.seen.contains_key(to) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let moved = |path: &Utf8Path| match path.strip_prefix(from) {
            Ok(rest) if rest.as_str().is_empty() => to.to_owned(),
            Ok(rest) => to.join(rest),
            Err(_) => path.to_owned(),
        };
        self.folders = self.folders.iter().map(|it| moved(it)).collect();
        let seen = std::mem::take(&mut self.seen);
        self.seen = seen.into_iter().map(|(path, it)| (moved(&path), it)).collect();
        Ok(())
    }
}

fn missing<T>(found: Option<T>) -> io::Result<T> {
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl FileSystem for SimulatedDisk {
    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.call()?;
        missing(path.parent().filter(|it| state.folders.contains(*it)))?;
        if state.seen.contains_key(path) || state.folders.contains(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = Contents { changed: state.clock, ..Contents::default() };
        let bytes = Arc::new(Mutex::new(contents));
        state.seen.insert(path.to_owned(), Arc::clone(&bytes));
        Ok(Box::new(SimulatedFile { disk: self.clone(), bytes }))
    }

    fn open(&self, path: &Utf8Path) -> io::Result<Box<dyn ReadFile>> {
        let bytes = missing(self.call()?.seen.get(path).cloned())?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), bytes }))
    }

    fn list(&self, folder: &Utf8Path) -> io::Result<Vec<String>> {
        let state = self.call()?;
        missing(state.folders.get(folder))?;
        let below = state.seen.keys().filter(|it| it.parent() == Some(folder));
        Ok(below.filter_map(|it| it.file_name()).map(ToOwned::to_owned).collect())
    }

    fn entries(&self, folder: &Utf8Path) -> io::Result<Vec<(String, StatKind)>> {
        let state = self.call()?;
        missing(state.folders.get(folder))?;
        let files = state.seen.keys().map(|it| (it, StatKind::File));
        let all = files.chain(state.folders.iter().map(|it| (it, StatKind::Folder)));
        let below = all.filter(|(it, _)| it.parent() == Some(folder));
        Ok(below.filter_map(|(it, kind)| Some((it.file_name()?.to_owned(), kind))).collect())
    }

    fn stat(&self, path: &Utf8Path) -> io::Result<Stat> {
        let state = self.call()?;
        if state.folders.contains(path) {
            let changed = SystemTime::UNIX_EPOCH;
            return Ok(Stat { kind: StatKind::Folder, size: 0, changed });
        }
        let contents = missing(state.seen.get(path))?.lock().unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(contents.changed);
        Ok(Stat { kind: StatKind::File, size: contents.bytes.len() as u64, changed })
    }

    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
        let mut state = self.call()?;
        missing(to.parent().filter(|it| state.folders.contains(*it)))?;
        if state.folders.contains(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if state.folders.contains(from) {
            return state.rename_folder(from, to);
        }
        let moved = missing(state.seen.remove(from))?;
        state.seen.insert(to.to_owned(), moved);
        Ok(())
    }

    fn remove_file(&self, path: &Utf8Path) -> io::Result<()> {
        missing(self.call()?.seen.remove(path)).map(drop)
    }

    fn create_folder(&self, path: &Utf8Path) -> io::Result<()> {
        let mut state = self.call()?;
        let above: Vec<Utf8PathBuf> = path.ancestors().map(Utf8Path::to_owned).collect();
        if above.iter().any(|it| state.seen.contains_key(it)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.folders.extend(above);
        Ok(())
    }

    fn remove_folder(&self, path: &Utf8Path) -> io::Result<()> {
        let mut state = self.call()?;
        let is_below = |it: &Utf8PathBuf| it.parent() == Some(path);
        if state.seen.keys().chain(&state.folders).any(is_below) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if state.folders.remove(path) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn protect(&self, path: &Utf8Path) -> io::Result<()> {
        missing(self.call()?.seen.get(path)).map(drop)
    }

    fn sync_folder(&self, folder: &Utf8Path) -> io::Result<()> {
        let mut state = self.call()?;
        let is_here = |path: &Utf8PathBuf| path.parent() == Some(folder);
        state.durable.retain(|path, _| !is_here(path));
        let here: Vec<(Utf8PathBuf, Bytes)> = state
            .seen
            .iter()
            .filter(|it| is_here(it.0))
            .map(|it| (it.0.clone(), Arc::clone(it.1)))
            .collect();
        state.durable.extend(here);
        Ok(())
    }

    fn touch(&self, path: &Utf8Path) -> io::Result<()> {
        let state = self.call()?;
        let clock = state.clock;
        missing(state.seen.get(path))?.lock().unwrap().changed = clock;
        Ok(())
    }

    fn try_lock(&self, path: &Utf8Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let mut state = self.call()?;
        let clock = state.clock;
        state.seen.entry(path.to_owned()).or_insert_with(|| {
            Arc::new(Mutex::new(Contents { changed: clock, ..Contents::default() }))
        });
        if !state.locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(Held { disk: self.clone(), path: path.to_owned() })))
    }
}

struct Held {
    disk: SimulatedDisk,
    path: Utf8PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.lock().locks.remove(&self.path);
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    bytes: Bytes,
}

impl WriteFile for SimulatedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let refused = self.disk.call().err();
        let mut contents = self.bytes.lock().unwrap();
        // A full disk takes what it can.
        let taken = if refused.is_some() { bytes.len() / 2 } else { bytes.len() };
        contents.bytes.extend_from_slice(&bytes[..taken]);
        refused.map_or(Ok(()), Err)
    }

    fn sync(&mut self) -> io::Result<()> {
        drop(self.disk.call()?);
        let mut contents = self.bytes.lock().unwrap();
        contents.durable = contents.bytes.len();
        Ok(())
    }
}

impl ReadFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        drop(self.disk.call()?);
        Ok(self.bytes.lock().unwrap().bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        drop(self.disk.call()?);
        let contents = self.bytes.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let found = contents.bytes.get(start..start + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
