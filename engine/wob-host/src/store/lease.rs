//! Leases: a running build keeps what it uses, however small the store must become.

use std::{
    any::Any,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use camino::Utf8PathBuf;

use super::{OpenPack, Store, StoreError};
use crate::filesystem::FileSystem;

/// Says that a build is running; dropping it says that it ended. A process that dies loses it, too.
pub struct Lease {
    fs: Arc<dyn FileSystem>,
    path: Utf8PathBuf,
    /// The lock itself.
    held: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Whoever finds it unlocked removes it.
        self.fs.remove_file(&self.path).unwrap_or_default();
        self.held = None;
    }
}

impl Store {
    /// Begins a build: until the lease is dropped, `gc` keeps every pack that is used from now on.
    ///
    /// # Errors
    /// If the lease cannot be written; the build may go on, and `gc` may cost it time.
    pub fn lease(&self) -> Result<Lease, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = self.leases_folder();
        self.fs.create_folder(&folder).map_err(StoreError::failed("create", &folder))?;
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{next}", std::process::id()));
        let held = self.fs.try_lock(&path).map_err(StoreError::failed("lock", &path))?;
        if held.is_none() {
            let source = io::ErrorKind::WouldBlock.into();
            return Err(StoreError { attempt: "lock", path, source });
        }
        // The file may be one that a dead process of the same number left.
        self.fs.touch(&path).map_err(StoreError::failed("touch", &path))?;
        Ok(Lease { fs: Arc::clone(&self.fs), path, held })
    }

    /// Returns when the oldest build that still runs began, and how many run; removes what dead processes left.
    pub(super) fn running(&self) -> (Option<SystemTime>, usize) {
        let folder = self.leases_folder();
        let mut oldest = None;
        let mut count = 0;
        for name in self.fs.list(&folder).unwrap_or_default() {
            let path = folder.join(name);
            let Ok(stat) = self.fs.stat(&path) else { continue };
            if let Ok(Some(dead)) = self.fs.try_lock(&path) {
                self.fs.remove_file(&path).unwrap_or_default();
                drop(dead);
                continue;
            }
            count += 1;
            oldest = oldest.min(Some(stat.changed)).or(Some(stat.changed));
        }
        (oldest, count)
    }

    /// Notes that a pack is in use, once in a process.
    pub(super) fn note_use(&self, open: &OpenPack) {
        if !open.used.swap(true, Ordering::Relaxed) {
            // In a store that may only be read nothing is removed either.
            self.fs.touch(&self.packs_folder().join(&open.name)).unwrap_or_default();
        }
    }

    pub(super) fn leases_folder(&self) -> Utf8PathBuf {
        self.folder.join("leases")
    }
}
