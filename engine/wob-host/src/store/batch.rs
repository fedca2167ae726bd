//! Batches: what one process adds to a store, in one pack of contents and one of results.
//!
//! **Invariant:** contents are durable before the results that name them can be seen.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use camino::Utf8PathBuf;
use wob_engine::Digest;

use super::{
    Store, StoreError,
    pack::{self, Entry, Kind, MAGIC, RECORD_HEAD},
};
use crate::filesystem::{FileSystem, WriteFile};

/// How the names of packs begin that are being written.
pub(super) const DRAFT: &str = ".new-";
/// How many bytes are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// What one process adds to a store; dropping it without [`Batch::commit`] adds nothing.
#[derive(Debug)]
pub struct Batch<'s> {
    store: &'s Store,
    blobs: Draft,
    results: Draft,
}

/// A pack that is being written.
pub(super) struct Draft {
    fs: Arc<dyn FileSystem>,
    kind: Kind,
    path: Utf8PathBuf,
    /// Made by the first record, so that an empty batch touches nothing.
    file: Option<Box<dyn WriteFile>>,
    buffer: Vec<u8>,
    /// How many bytes there are, the buffer's included.
    bytes: u64,
    /// What is in it: where the payload begins, and its length.
    entries: Vec<Entry>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<'s> Batch<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        Self {
            store,
            blobs: Draft::new(store, Kind::Blobs),
            results: Draft::new(store, Kind::Results),
        }
    }

    /// Adds contents, unless the store has them, and returns their digest.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn put_blob(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if !self.store.has_blob(&digest) {
            self.blobs.put(self.store, digest, bytes)?;
        }
        Ok(digest)
    }

    /// Adds the result of `key`; of two results of one key in one batch, the first counts.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put_result(&mut self, key: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        self.results.put(self.store, *key, bytes)
    }

    /// Makes everything durable, then visible: contents first.
    ///
    /// # Errors
    /// If a pack cannot be written; contents may then be there without the results that name them, which is no harm.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.blobs.commit(self.store)?;
        self.results.commit(self.store)?;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed now is removed by a later `gc`.
            self.fs.remove_file(&self.path).unwrap_or_default();
        }
    }
}

impl Draft {
    pub(super) fn new(store: &Store, kind: Kind) -> Self {
        Self {
            fs: Arc::clone(&store.fs),
            kind,
            path: store.packs_folder().join(draft_name()),
            file: None,
            buffer: vec![],
            bytes: 0,
            entries: vec![],
        }
    }

    pub(super) fn put(
        &mut self,
        store: &Store,
        key: Digest,
        payload: &[u8],
    ) -> Result<(), StoreError> {
        let path = &self.path;
        let failed = |attempt| StoreError::failed(attempt, path);
        let length = u32::try_from(payload.len())
            .map_err(|_| failed("write")(io::ErrorKind::FileTooLarge.into()))?;
        if self.file.is_none() {
            let folder = store.packs_folder();
            store.fs.create_folder(&folder).map_err(StoreError::failed("create", &folder))?;
            self.file = Some(store.fs.create(path).map_err(failed("create"))?);
            self.buffer.extend_from_slice(MAGIC);
            self.bytes = MAGIC.len() as u64;
        }
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(payload);
        self.entries.push(Entry { key, offset: self.bytes + RECORD_HEAD as u64, length });
        self.bytes += RECORD_HEAD as u64 + u64::from(length);
        if let Some(check) = self.kind.check(&key, payload) {
            self.buffer.extend_from_slice(check.as_bytes());
            self.bytes += 32;
        }
        if self.buffer.len() >= BUFFER {
            self.flush().map_err(StoreError::failed("write", &self.path))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Ends the pack and makes it visible; returns its name, if there is anything in it.
    pub(super) fn commit(&mut self, store: &Store) -> Result<Option<String>, StoreError> {
        if self.file.is_none() {
            return Ok(None);
        }
        let (end, name) = pack::end(self.kind, std::mem::take(&mut self.entries), self.bytes);
        self.buffer.extend_from_slice(&end);
        self.flush().map_err(StoreError::failed("write", &self.path))?;
        if let Some(file) = &mut self.file {
            file.sync().map_err(StoreError::failed("flush", &self.path))?;
        }
        let folder = store.packs_folder();
        let place = folder.join(&name);
        store.fs.rename(&self.path, &place).map_err(StoreError::failed("rename", &self.path))?;
        // From here on there is no draft to remove.
        self.file = None;
        store.fs.sync_folder(&folder).map_err(StoreError::failed("flush", &folder))?;
        store.add(&name, self.kind);
        Ok(Some(name))
    }
}

/// Returns a name that no other draft has; one that another process left is an error when the file is created.
fn draft_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{DRAFT}{}-{now}-{next}", std::process::id())
}
