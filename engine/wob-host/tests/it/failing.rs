//! A real disk some of whose calls fail.

use std::{
    any::Any,
    io,
    sync::{Arc, Mutex},
};

use camino::Utf8Path;
use wob_host::{FileSystem, ReadFile, RealFileSystem, Stat, StatKind, WriteFile};

use crate::simulated::{Calls, Refusal};

/// The operating system's file system, but for the calls that fail. Clones share what fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailingDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: usize,
    failure: Option<(Calls, Refusal)>,
}

impl FailingDisk {
    /// Lets these calls fail, counted from now on.
    pub(crate) fn fail(&self, calls: Calls, refusal: Refusal) {
        *self.0.lock().unwrap() = State { calls: 0, failure: Some((calls, refusal)) };
    }

    /// Lets no call fail any more, and returns how many there were since some do.
    pub(crate) fn heal(&self) -> usize {
        std::mem::take(&mut *self.0.lock().unwrap()).calls
    }

    fn call(&self) -> io::Result<RealFileSystem> {
        let mut state = self.0.lock().unwrap();
        let call = state.calls;
        state.calls += 1;
        match state.failure {
            Some((calls, refusal)) if calls.have(call) => Err(refusal.error()),
            Some(_) | None => Ok(RealFileSystem),
        }
    }
}

impl FileSystem for FailingDisk {
    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn WriteFile>> {
        let file = self.call()?.create(path)?;
        Ok(Box::new(FailingFile { disk: self.clone(), file }))
    }

    fn open(&self, path: &Utf8Path) -> io::Result<Box<dyn ReadFile>> {
        let file = self.call()?.open(path)?;
        Ok(Box::new(FailingFile { disk: self.clone(), file }))
    }

    fn list(&self, folder: &Utf8Path) -> io::Result<Vec<String>> {
        self.call()?.list(folder)
    }

    fn entries(&self, folder: &Utf8Path) -> io::Result<Vec<(String, StatKind)>> {
        self.call()?.entries(folder)
    }

    fn stat(&self, path: &Utf8Path) -> io::Result<Stat> {
        self.call()?.stat(path)
    }

    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
        self.call()?.rename(from, to)
    }

    fn remove_file(&self, path: &Utf8Path) -> io::Result<()> {
        self.call()?.remove_file(path)
    }

    fn remove_folder(&self, path: &Utf8Path) -> io::Result<()> {
        self.call()?.remove_folder(path)
    }

    fn protect(&self, path: &Utf8Path) -> io::Result<()> {
        self.call()?.protect(path)
    }

    fn create_folder(&self, path: &Utf8Path) -> io::Result<()> {
        self.call()?.create_folder(path)
    }

    fn sync_folder(&self, folder: &Utf8Path) -> io::Result<()> {
        self.call()?.sync_folder(folder)
    }

    fn touch(&self, path: &Utf8Path) -> io::Result<()> {
        self.call()?.touch(path)
    }

    fn try_lock(&self, path: &Utf8Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.call()?.try_lock(path)
    }
}

struct FailingFile<F> {
    disk: FailingDisk,
    file: F,
}

impl WriteFile for FailingFile<Box<dyn WriteFile>> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let refused = self.disk.call().err();
        // A full disk takes what it can.
        let taken = if refused.is_some() { bytes.len() / 2 } else { bytes.len() };
        self.file.append(&bytes[..taken])?;
        refused.map_or(Ok(()), Err)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.call()?;
        self.file.sync()
    }
}

impl ReadFile for FailingFile<Box<dyn ReadFile>> {
    fn size(&self) -> io::Result<u64> {
        self.disk.call()?;
        self.file.size()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.call()?;
        self.file.read_at(offset, bytes)
    }
}
