//! Packs: files of many records, written once from beginning to end, and found by an index at their end.
//!
//! ```text
//! magic · record … · index entry … · head … · page … · footer
//! record       key (32) · length (4) · payload · check (32, results only)
//! index entry  key (32) · offset of the payload (8) · length (4)       sorted by key
//! head         how the key of an entry begins (4)                      in the order of the entries
//! page         key of its first entry (32) · digest of its entries (32) · digest of their heads (32)
//! footer       offset of the index (8) · entries (8) · digest of kind and pages (32) · magic (8)
//! ```
//!
//! A page is read when one of its entries is asked for: most runs ask for few of very many. Most packs do not have most keys,
//! and say so by the heads of a page, which are an eleventh of its entries: of fifty thousand keys one is not told apart from
//! those of a hundred thousand entries.
//!
//! **Invariant:** a pack that opens has a whole list of pages; an entry that is found, and heads by which there is none, are of
//! the digest that the list names; a payload that is returned has the digest that its key promises.

use std::{fmt, io, sync::OnceLock};

use wob_engine::{Digest, Hasher};

use crate::filesystem::ReadFile;

/// What every pack begins and ends with; the digit is the version of its shape.
pub(super) const MAGIC: &[u8; 8] = b"wobpack4";
/// The bytes of an index entry.
const ENTRY: usize = 32 + 8 + 4;
/// The bytes of a key that tell most keys apart.
const HEAD: usize = 4;
/// How many entries a page has, but for the last.
const PAGE_ENTRIES: usize = 256;
/// The bytes of a page in the list.
const PAGE: usize = 32 + 32 + 32;
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

    /// Returns the extension of the pack's file name. It ends with the version of its shape: another wob leaves the pack alone.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Blobs => "blobs4",
            Self::Results => "results4",
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
    pages: Vec<Page>,
    bytes: u64,
}

/// A page as the list has it.
struct Page {
    /// The key of its first entry.
    first: Digest,
    /// The digest of its entries.
    entries: Digest,
    /// The digest of their heads.
    heads: Digest,
    /// Its entries, once they were asked for.
    read: OnceLock<Vec<u8>>,
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
        if footer[48..] != *MAGIC {
            return Err(Damage::Wrong("it does not end as a pack"));
        }
        let size = count.checked_mul(ENTRY as u64).filter(|it| *it <= LARGEST_INDEX);
        let list = count.div_ceil(PAGE_ENTRIES as u64) * PAGE as u64;
        let heads = count.checked_mul(HEAD as u64);
        let end = size.and_then(|it| it.checked_add(heads?)?.checked_add(start)?.checked_add(list));
        if end != Some(bytes - FOOTER as u64) {
            return Err(Damage::Wrong("its footer does not fit its size"));
        }
        let mut list = vec![0; usize::try_from(list).unwrap_or(0)];
        file.read_at(bytes - (FOOTER + list.len()) as u64, &mut list)?;
        let digest = list_digest(kind, &list);
        if footer[16..48] != *digest.as_bytes() {
            return Err(Damage::Wrong("its index is damaged"));
        }
        if name != file_name(kind, &digest) {
            return Err(Damage::Wrong("it has the name of another pack"));
        }
        let pages = list.chunks_exact(PAGE).map(Page::listed).collect();
        let len = usize::try_from(count).unwrap_or(0);
        Ok(Self { kind, file, start, len, pages, bytes })
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
        let mut all = Vec::with_capacity(self.len);
        for page in 0..self.pages.len() {
            self.heads(page)?;
            all.extend(self.page(page)?.iter().map(entry));
        }
        Ok(all)
    }

    /// Finds the entry of a key; `None` if there is none.
    pub(super) fn find(&self, key: &Digest) -> Result<Option<Entry>, Damage> {
        Ok(self.find_all(std::slice::from_ref(key))?.pop())
    }

    /// Finds the entries of those of `keys`, sorted, that have one.
    pub(super) fn find_all(&self, keys: &[Digest]) -> Result<Vec<Entry>, Damage> {
        let mut found = vec![];
        let mut rest = keys;
        while let Some(key) = rest.first() {
            let after = self.pages.partition_point(|it| it.first <= *key);
            let next = self.pages.get(after).map(|it| it.first);
            let here = next.map_or(rest.len(), |next| rest.partition_point(|it| *it < next));
            let (here, others) = rest.split_at(here);
            rest = others;
            if let Some(page) = after.checked_sub(1) {
                self.find_on(page, here, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Finds the entries of those of `keys`, sorted, that have one on a page.
    fn find_on(&self, page: usize, keys: &[Digest], found: &mut Vec<Entry>) -> Result<(), Damage> {
        let likely = self.likely_on(page, keys)?;
        if likely.is_empty() {
            return Ok(());
        }
        let entries = self.page(page)?;
        found.extend(likely.into_iter().filter_map(|key| {
            let index = entries.binary_search_by(|it| it[..32].cmp(key.as_bytes())).ok()?;
            Some(entry(&entries[index]))
        }));
        Ok(())
    }

    /// Returns those of `keys`, sorted, that begin as the key of an entry of a page does.
    fn likely_on<'k>(&self, page: usize, keys: &'k [Digest]) -> Result<Vec<&'k Digest>, Damage> {
        // Entries that were read say it all.
        if self.pages[page].read.get().is_some() {
            return Ok(keys.iter().collect());
        }
        let heads = self.heads(page)?;
        let mut heads = heads.iter().peekable();
        let mut likely = vec![];
        for key in keys {
            let wanted = &array(key.as_bytes());
            while heads.next_if(|it| *it < wanted).is_some() {}
            if heads.peek() == Some(&wanted) {
                likely.push(key);
            }
        }
        Ok(likely)
    }

    /// Reads the heads of a page.
    fn heads(&self, page: usize) -> Result<Vec<[u8; HEAD]>, Damage> {
        let (before, count) = self.place(page);
        let mut heads = vec![0; count * HEAD];
        let start = self.start + ((self.len * ENTRY) + before * HEAD) as u64;
        self.file.read_at(start, &mut heads)?;
        if heads_digest(&heads) != self.pages[page].heads {
            return Err(Damage::Wrong("the heads of its index are damaged"));
        }
        Ok(heads.as_chunks().0.to_vec())
    }

    /// Returns the entries of a page.
    fn page(&self, page: usize) -> Result<&[[u8; ENTRY]], Damage> {
        let (before, count) = self.place(page);
        let page = &self.pages[page];
        if let Some(entries) = page.read.get() {
            return Ok(entries.as_chunks().0);
        }
        let mut entries = vec![0; count * ENTRY];
        self.file.read_at(self.start + (before * ENTRY) as u64, &mut entries)?;
        if page_digest(&entries) != page.entries || entries[..32] != *page.first.as_bytes() {
            return Err(Damage::Wrong("a page of its index is damaged"));
        }
        Ok(page.read.get_or_init(|| entries).as_chunks().0)
    }

    /// Returns how many entries there are before those of a page, and how many these are.
    fn place(&self, page: usize) -> (usize, usize) {
        let before = page * PAGE_ENTRIES;
        (before, PAGE_ENTRIES.min(self.len - before))
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

impl Page {
    fn listed(bytes: &[u8]) -> Self {
        let digest = |at: usize| Digest::from_bytes(array(&bytes[at..]));
        let (first, entries, heads) = (digest(0), digest(32), digest(64));
        Self { first, entries, heads, read: OnceLock::new() }
    }
}

fn entry(bytes: &[u8; ENTRY]) -> Entry {
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
    let heads: Vec<u8> =
        entries.iter().flat_map(|it| &it.key.as_bytes()[..HEAD]).copied().collect();
    let mut pages = vec![];
    let of_pages = bytes.chunks(PAGE_ENTRIES * ENTRY).zip(heads.chunks(PAGE_ENTRIES * HEAD));
    for (page, heads) in of_pages {
        pages.extend_from_slice(&page[..32]);
        pages.extend_from_slice(page_digest(page).as_bytes());
        pages.extend_from_slice(heads_digest(heads).as_bytes());
    }
    let digest = list_digest(kind, &pages);
    bytes.extend_from_slice(&heads);
    bytes.extend_from_slice(&pages);
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
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

fn list_digest(kind: Kind, pages: &[u8]) -> Digest {
    Hasher::new("wob 2026-11 pack index").field(kind.extension().as_bytes()).field(pages).finish()
}

/// Packs are named by their index, so that a copy under another name, or of another pack, is noticed.
fn file_name(kind: Kind, digest: &Digest) -> String {
    format!("{}.{}", &digest.to_string()[..40], kind.extension())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("because the slice has that length")
}
