//! Packs: files of many records, written once from beginning to end, and found by an index at their end.
//!
//! ```text
//! magic · record … · index entry … · footer
//! record       key (32) · length (4) · payload · check (32, results only)
//! index entry  key (32) · offset of the payload (8) · length (4)       sorted by key
//! footer       offset of the index (8) · entries (8) · digest of kind and index (32) · magic (8)
//! ```
//!
//! **Invariant:** a pack that opens has a whole index; a payload that is returned has the digest that its key promises.

use std::{fmt, io, ops::Range};

use wob_engine::{Digest, Hasher};

use crate::filesystem::ReadFile;

/// What every pack begins and ends with; the digit is the version of its shape.
pub(super) const MAGIC: &[u8; 8] = b"wobpack1";
/// The bytes of an index entry.
const ENTRY: usize = 32 + 8 + 4;
/// The bytes of a footer.
const FOOTER: usize = 8 + 8 + 32 + 8;
/// The bytes of a record before its payload.
pub(super) const RECORD_HEAD: usize = 32 + 4;
/// No index is larger: some ten million records.
const LARGEST_INDEX: u64 = 512 << 20;

/// What a pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Contents, by the BLAKE3 of their bytes.
    Blobs,
    /// Results, by the digest of what they were made from.
    Results,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Blobs, Self::Results];

    /// Returns the extension of the pack's file name.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Results => "results",
        }
    }

    /// Returns what follows a payload in its record.
    pub(super) fn check(self, key: &Digest, payload: &[u8]) -> Option<Digest> {
        match self {
            // The key itself is the check.
            Self::Blobs => None,
            Self::Results => Some(
                Hasher::new("wob 2026-11 stored result")
                    .field(key.as_bytes())
                    .field(payload)
                    .finish(),
            ),
        }
    }
}

/// Where a record's payload lies in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: Digest,
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// A pack, open for reading.
pub(super) struct Pack {
    kind: Kind,
    file: Box<dyn ReadFile>,
    index: Vec<u8>,
    bytes: u64,
}

/// Why a pack or a record of it is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    /// It is not what it should be.
    #[error("{0}")]
    Wrong(&'static str),
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack")
            .field("kind", &self.kind)
            .field("records", &self.len())
            .finish_non_exhaustive()
    }
}

impl Pack {
    /// Reads the footer and the index of the pack whose file is called `name`.
    pub(super) fn open(name: &str, kind: Kind, file: Box<dyn ReadFile>) -> Result<Self, Damage> {
        let bytes = file.size()?;
        let least = (MAGIC.len() + FOOTER) as u64;
        if bytes < least {
            return Err(Damage::Wrong("it is shorter than an empty pack"));
        }
        let mut footer = [0; FOOTER];
        file.read_at(bytes - FOOTER as u64, &mut footer)?;
        let number = |at: usize| u64::from_le_bytes(array(&footer[at..]));
        let (start, count) = (number(0), number(8));
        if footer[48..] != *MAGIC {
            return Err(Damage::Wrong("it does not end as a pack"));
        }
        let size = count.checked_mul(ENTRY as u64).filter(|it| *it <= LARGEST_INDEX);
        let end = size.and_then(|it| it.checked_add(start));
        let (Some(size), true) = (size, end == Some(bytes - FOOTER as u64)) else {
            return Err(Damage::Wrong("its footer does not fit its size"));
        };
        let mut index = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_at(start, &mut index)?;
        let digest = index_digest(kind, &index);
        if footer[16..48] != *digest.as_bytes() {
            return Err(Damage::Wrong("its index is damaged"));
        }
        if name != file_name(kind, &digest) {
            return Err(Damage::Wrong("it has the name of another pack"));
        }
        Ok(Self { kind, file, index, bytes })
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.index.len() / ENTRY
    }

    /// Returns the size of the file in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the entries, sorted by key.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).map(|it| self.entry(it))
    }

    pub(super) fn find(&self, key: &Digest) -> Option<Entry> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let entry = &self.index[entry_range(middle)];
            match entry[..32].cmp(key.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.entry(middle)),
            }
        }
        None
    }

    /// Reads the payload of `entry`, and checks that it is what its key promises.
    pub(super) fn read(&self, entry: &Entry) -> Result<Vec<u8>, Damage> {
        let length = entry.length as usize;
        let tail = if self.kind == Kind::Results { 32 } else { 0 };
        let end = entry.offset.checked_add((length + tail) as u64);
        let start = entry.offset.checked_sub(RECORD_HEAD as u64);
        let (Some(start), true) = (start, end.is_some_and(|it| it <= self.bytes)) else {
            return Err(Damage::Wrong("a record lies outside of it"));
        };
        let mut record = vec![0; RECORD_HEAD + length + tail];
        self.file.read_at(start, &mut record)?;
        if record[..32] != *entry.key.as_bytes() || record[32..36] != entry.length.to_le_bytes() {
            return Err(Damage::Wrong("a record is not the one that the index names"));
        }
        let check = record.split_off(RECORD_HEAD + length);
        let payload = record.split_off(RECORD_HEAD);
        let is_right = match self.kind.check(&entry.key, &payload) {
            Some(wanted) => check == wanted.as_bytes(),
            None => Digest::of(&payload) == entry.key,
        };
        if is_right { Ok(payload) } else { Err(Damage::Wrong("a record's bytes are damaged")) }
    }

    fn entry(&self, index: usize) -> Entry {
        let entry = &self.index[entry_range(index)];
        Entry {
            key: Digest::from_bytes(array(entry)),
            offset: u64::from_le_bytes(array(&entry[32..])),
            length: u32::from_le_bytes(array(&entry[40..])),
        }
    }
}

/// Returns the index and the footer that end a pack, and the name of its file; `start` is where the index begins.
pub(super) fn end(kind: Kind, mut entries: Vec<Entry>, start: u64) -> (Vec<u8>, String) {
    entries.sort_unstable();
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY + FOOTER);
    for entry in &entries {
        bytes.extend_from_slice(entry.key.as_bytes());
        bytes.extend_from_slice(&entry.offset.to_le_bytes());
        bytes.extend_from_slice(&entry.length.to_le_bytes());
    }
    let digest = index_digest(kind, &bytes);
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(MAGIC);
    (bytes, file_name(kind, &digest))
}

fn index_digest(kind: Kind, index: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 pack index").field(kind.extension().as_bytes()).field(index).finish()
}

/// Packs are named by their index, so that a copy under another name, or of another pack, is noticed.
fn file_name(kind: Kind, digest: &Digest) -> String {
    format!("{}.{}", &digest.to_string()[..40], kind.extension())
}

fn entry_range(index: usize) -> Range<usize> {
    index * ENTRY..(index + 1) * ENTRY
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("because the slice has that length")
}
