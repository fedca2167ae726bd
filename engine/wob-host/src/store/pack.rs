//! Packs: files of many records, written once from beginning to end, and found by an index at their end.
//!
//! ```text
//! magic · record … · index entry … · head … · page … · footer
//! record       key (32) · length (4) · payload · check (32, results only)
//! index entry  key (32) · offset of the payload (8) · length (4)       sorted by key
//! head         how the key of an entry begins (4)                      in the order of the entries
//! page         key of its first entry (32) · digest of its entries (32)
//! footer       offset of the index (8) · entries (8) · digest of the heads (32) · digest of kind, heads and pages (32) · magic (8)
//! ```
//!
//! The entries of a page are read when the first of them is asked for: most runs ask for few of very many. Who asks for many,
//! which most packs do not have, looks at the heads: an eleventh of the index, and of fifty thousand keys one is not told
//! apart from those of a hundred thousand entries.
//!
//! **Invariant:** a pack that opens has a whole list of pages; an entry that is found is in a page of the digest that the list
//! names; a payload that is returned has the digest that its key promises.

use std::{cmp::Ordering, fmt, io, sync::OnceLock};

use wob_engine::{Digest, Hasher};

use crate::filesystem::ReadFile;

/// What every pack begins and ends with; the digit is the version of its shape.
pub(super) const MAGIC: &[u8; 8] = b"wobpack3";
/// The bytes of an index entry.
const ENTRY: usize = 32 + 8 + 4;
/// The bytes of a key that tell most keys apart.
const HEAD: usize = 4;
/// How many entries a page has, but for the last.
const PAGE_ENTRIES: usize = 256;
/// The bytes of a page in the list.
const PAGE: usize = 32 + 32;
/// The bytes of a footer.
const FOOTER: usize = 8 + 8 + 32 + 32 + 8;
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

    /// Returns the extension of the pack's file name. It ends with the version of its shape: another wob leaves the pack alone.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Blobs => "blobs3",
            Self::Results => "results3",
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
    /// Where the index begins.
    start: u64,
    /// How many entries it has.
    len: usize,
    /// The digest of the heads.
    heads: Digest,
    /// The list of pages.
    pages: Vec<u8>,
    /// The entries of the pages that were asked for.
    read: Vec<OnceLock<Vec<u8>>>,
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
    /// Reads the footer and the list of pages of the pack whose file is called `name`.
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
        if footer[80..] != *MAGIC {
            return Err(Damage::Wrong("it does not end as a pack"));
        }
        let size = count.checked_mul(ENTRY as u64).filter(|it| *it <= LARGEST_INDEX);
        let list = count.div_ceil(PAGE_ENTRIES as u64) * PAGE as u64;
        let heads = count.checked_mul(HEAD as u64);
        let end = size.and_then(|it| it.checked_add(heads?)?.checked_add(start)?.checked_add(list));
        if end != Some(bytes - FOOTER as u64) {
            return Err(Damage::Wrong("its footer does not fit its size"));
        }
        let mut pages = vec![0; usize::try_from(list).unwrap_or(0)];
        file.read_at(bytes - FOOTER as u64 - list, &mut pages)?;
        let heads = Digest::from_bytes(array(&footer[16..]));
        let digest = list_digest(kind, &heads, &pages);
        if footer[48..80] != *digest.as_bytes() {
            return Err(Damage::Wrong("its index is damaged"));
        }
        if name != file_name(kind, &digest) {
            return Err(Damage::Wrong("it has the name of another pack"));
        }
        let read = (0..pages.len() / PAGE).map(|_| OnceLock::new()).collect();
        let len = usize::try_from(count).unwrap_or(0);
        Ok(Self { kind, file, start, len, heads, pages, read, bytes })
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the size of the file in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the entries, sorted by key. The whole index is read and checked.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Damage> {
        self.heads()?;
        let mut all = Vec::with_capacity(self.len);
        for page in 0..self.read.len() {
            all.extend(self.page(page)?.chunks_exact(ENTRY).map(entry));
        }
        Ok(all)
    }

    /// Finds the entry of a key; `None` if there is none.
    pub(super) fn find(&self, key: &Digest) -> Result<Option<Entry>, Damage> {
        let key_bytes = key.as_bytes().as_slice();
        // Keys are digests, so that they are spread evenly.
        let part = u64::from(u32::from_be_bytes(array(key_bytes)));
        let likely = |of: usize| usize::try_from((part * of as u64) >> 32).unwrap_or(of);
        let first = |page: usize| &self.pages[page * PAGE..][..32];
        let after = partition_point(self.read.len(), likely(self.read.len()), |page| {
            first(page) <= key_bytes
        });
        let Some(page) = after.checked_sub(1) else { return Ok(None) };
        let entries = self.page(page)?;
        let key_of = |index: usize| &entries[index * ENTRY..][..32];
        let within = likely(self.len).saturating_sub(page * PAGE_ENTRIES);
        let index = partition_point(entries.len() / ENTRY, within, |it| key_of(it) < key_bytes);
        let found = entries.chunks_exact(ENTRY).nth(index).map(entry);
        Ok(found.filter(|it| it.key == *key))
    }

    /// Finds the entries of those of `keys`, sorted, that have one.
    pub(super) fn find_all(&self, keys: &[Digest]) -> Result<Vec<Entry>, Damage> {
        // Few keys have few pages.
        let likely = if keys.len() * (ENTRY / HEAD) < self.read.len() {
            keys.iter().collect()
        } else {
            self.with_known_heads(keys)?
        };
        likely.into_iter().filter_map(|it| self.find(it).transpose()).collect()
    }

    /// Returns those of `keys`, sorted, that begin as the key of an entry does.
    fn with_known_heads<'k>(&self, keys: &'k [Digest]) -> Result<Vec<&'k Digest>, Damage> {
        let heads = self.heads()?;
        let mut heads = heads.chunks_exact(HEAD).peekable();
        let mut found = vec![];
        for key in keys {
            let wanted = &key.as_bytes()[..HEAD];
            while heads.next_if(|it| (*it).cmp(wanted) == Ordering::Less).is_some() {}
            if heads.peek() == Some(&wanted) {
                found.push(key);
            }
        }
        Ok(found)
    }

    fn heads(&self) -> Result<Vec<u8>, Damage> {
        let mut heads = vec![0; self.len * HEAD];
        self.file.read_at(self.start + (self.len * ENTRY) as u64, &mut heads)?;
        if heads_digest(&heads) != self.heads {
            return Err(Damage::Wrong("the heads of its index are damaged"));
        }
        Ok(heads)
    }

    /// Returns the entries of a page.
    fn page(&self, page: usize) -> Result<&[u8], Damage> {
        if let Some(entries) = self.read[page].get() {
            return Ok(entries);
        }
        let before = page * PAGE_ENTRIES;
        let count = PAGE_ENTRIES.min(self.len - before);
        let mut entries = vec![0; count * ENTRY];
        self.file.read_at(self.start + (before * ENTRY) as u64, &mut entries)?;
        let (first, digest) = self.pages[page * PAGE..][..PAGE].split_at(32);
        if page_digest(&entries).as_bytes() != digest || entries[..32] != *first {
            return Err(Damage::Wrong("a page of its index is damaged"));
        }
        Ok(self.read[page].get_or_init(|| entries))
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
}

/// Returns the first of `count` numbers for which `is_before` does not hold; it is near the one that is `likely`.
fn partition_point(count: usize, likely: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (likely.min(count), likely.min(count));
    let mut step = 1;
    while low > 0 && !is_before(low - 1) {
        high = low - 1;
        low = low.saturating_sub(step);
        step *= 2;
    }
    step = 1;
    while high < count && is_before(high) {
        low = high + 1;
        high = (high + step).min(count);
        step *= 2;
    }
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn entry(bytes: &[u8]) -> Entry {
    Entry {
        key: Digest::from_bytes(array(bytes)),
        offset: u64::from_le_bytes(array(&bytes[32..])),
        length: u32::from_le_bytes(array(&bytes[40..])),
    }
}

/// Returns the index, its heads and pages and the footer that end a pack, and the name of its file; `start` is where the index
/// begins.
pub(super) fn end(kind: Kind, mut entries: Vec<Entry>, start: u64) -> (Vec<u8>, String) {
    entries.sort_unstable();
    // Of several records with one key the first one counts; the others lie there, and nothing leads to them.
    entries.dedup_by_key(|it| it.key);
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY + FOOTER);
    for entry in &entries {
        bytes.extend_from_slice(entry.key.as_bytes());
        bytes.extend_from_slice(&entry.offset.to_le_bytes());
        bytes.extend_from_slice(&entry.length.to_le_bytes());
    }
    let mut pages = vec![];
    for page in bytes.chunks(PAGE_ENTRIES * ENTRY) {
        pages.extend_from_slice(&page[..32]);
        pages.extend_from_slice(page_digest(page).as_bytes());
    }
    let heads: Vec<u8> =
        entries.iter().flat_map(|it| &it.key.as_bytes()[..HEAD]).copied().collect();
    let of_heads = heads_digest(&heads);
    let digest = list_digest(kind, &of_heads, &pages);
    bytes.extend_from_slice(&heads);
    bytes.extend_from_slice(&pages);
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend_from_slice(of_heads.as_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(MAGIC);
    (bytes, file_name(kind, &digest))
}

fn page_digest(entries: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 pack page").field(entries).finish()
}

fn heads_digest(heads: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 pack heads").field(heads).finish()
}

fn list_digest(kind: Kind, heads: &Digest, pages: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 pack index")
        .field(kind.extension().as_bytes())
        .field(heads.as_bytes())
        .field(pages)
        .finish()
}

/// Packs are named by their index, so that a copy under another name, or of another pack, is noticed.
fn file_name(kind: Kind, digest: &Digest) -> String {
    format!("{}.{}", &digest.to_string()[..40], kind.extension())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("because the slice has that length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_likely_the_same_is_found() {
        for count in 0..40 {
            for wanted in 0..=count {
                for likely in 0..=count + 2 {
                    assert_eq!(partition_point(count, likely, |it| it < wanted), wanted);
                }
            }
        }
    }
}
