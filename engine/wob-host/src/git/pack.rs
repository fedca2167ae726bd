//! Packs: many objects in one file, and the index by which git finds them.
//!
//! Objects are whole, never differences from others: `git gc` finds those at leisure. The format is that of git's
//! documentation (gitformat-pack), version 2 of both.

use std::io::{self, BufWriter, Write};

use camino::{Utf8Path, Utf8PathBuf};
use gix::{error::ResultExt as _, objs::Kind, odb::pack::data::entry::Header};
use rayon::prelude::*;
use sha1::{Digest as _, Sha1};

use super::{deflate::Compressor, early::EarlyObjects, objects::NewObject};
use crate::{FileSystem, Interrupt, WriteFile};

/// How many objects are compressed while as many are written.
const BATCH: usize = 8192;
/// How many of them one thread takes at a time: some are records of parts, hundreds of times as large as the others.
const SHARE: usize = 64;
/// Offsets from here on stand in a table of their own.
const LARGE: u64 = 1 << 31;

/// A pack and its index, on disk but not yet where git looks for them.
pub(super) struct Pack {
    pub(super) data: Utf8PathBuf,
    pub(super) index: Utf8PathBuf,
    /// How both are called, without what tells them apart.
    pub(super) name: String,
}

/// How many bytes of objects that were compressed early are copied at a time.
const COPIED: usize = 1 << 20;

/// An object as the pack has it.
struct Packed {
    id: gix::ObjectId,
    crc32: u32,
    bytes: Box<[u8]>,
}

/// Where an object lies in a pack, or behind the beginning of the first one.
pub(super) struct Entry {
    pub(super) id: gix::ObjectId,
    pub(super) crc32: u32,
    pub(super) offset: u64,
}

/// Writes `objects` into a pack in `folder`, behind those that were compressed `early`, and flushes it. There are no two of one
/// id among all of them.
pub(super) fn write(
    files: &dyn FileSystem,
    (early, objects): (Option<EarlyObjects>, &[NewObject<'_>]),
    folder: &Utf8Path,
    interrupt: &Interrupt,
) -> gix::Result<Pack> {
    let (data, index) = (folder.join("pack"), folder.join("idx"));
    let count = objects.len() + early.as_ref().map_or(0, |it| it.entries.len());
    let mut writer = Writer::new(files, &data, count).or_error()?;
    let mut early = early;
    let mut ready: gix::Result<Vec<Packed>> = Ok(vec![]);
    for batch in objects.chunks(BATCH).chain([&[][..]]) {
        if interrupt.is_set() {
            return Err(io::Error::from(io::ErrorKind::Interrupted)).or_error();
        }
        let packed = ready?;
        let mut append = || {
            early.take().map_or(Ok(()), |it| writer.copy(it, interrupt))?;
            writer.write(&packed)
        };
        let (written, next) = rayon::join(&mut append, || compress(batch));
        written.or_error()?;
        ready = next;
    }
    let (out, entries) = (writer.out, writer.entries);
    let (mut out, checksum) = end(out).or_error()?;
    // The disk works meanwhile.
    let synced = rayon::join(|| out.sync(), || write_index(files, &index, entries, checksum));
    synced.0.or_error()?;
    synced.1?;
    Ok(Pack { data, index, name: format!("pack-{checksum}") })
}

fn compress(objects: &[NewObject<'_>]) -> gix::Result<Vec<Packed>> {
    let share = |objects: &[NewObject<'_>]| {
        let (mut compress, mut packed) = (Compressor::new(), vec![]);
        let mut one = |it: &NewObject<'_>| {
            packed.clear();
            pack(it.kind, &it.contents.bytes(), &mut compress, &mut packed)?;
            let (crc32, bytes) = (crc32fast::hash(&packed), packed.as_slice().into());
            Ok(Packed { id: it.id, crc32, bytes })
        };
        objects.iter().map(&mut one).collect::<gix::Result<Vec<Packed>>>()
    };
    let shares = objects.par_chunks(SHARE).with_max_len(1).map(share);
    let shares: Vec<Vec<Packed>> = shares.collect::<gix::Result<_>>()?;
    Ok(shares.into_iter().flatten().collect())
}

/// Appends an object that holds `contents` as a pack has it.
pub(super) fn pack(
    kind: Kind,
    contents: &[u8],
    compress: &mut Compressor,
    out: &mut Vec<u8>,
) -> gix::Result<()> {
    let header = match kind {
        Kind::Blob => Header::Blob,
        Kind::Tree => Header::Tree,
        Kind::Commit => Header::Commit,
        Kind::Tag => Header::Tag,
    };
    header.write_to(contents.len() as u64, &mut *out).or_error()?;
    compress.append(contents, out);
    Ok(())
}

/// A file that is being written, as the standard library has it.
struct Bytes(Box<dyn WriteFile>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Some of the bytes may be there, and whoever hears of an interrupt tries again with all of them.
        let whole = |it: io::Error| {
            if it.kind() == io::ErrorKind::Interrupted { io::Error::other(it) } else { it }
        };
        self.0.append(bytes).map_err(whole)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A new file with the checksum of what was written into it. That is for damage, not against attacks, so that it need not look for
/// signs of one, as ids of objects do.
struct Hashed {
    file: BufWriter<Bytes>,
    hash: Sha1,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn create(files: &dyn FileSystem, path: &Utf8Path) -> io::Result<Hashed> {
    let file = BufWriter::with_capacity(1 << 16, Bytes(files.create(path)?));
    Ok(Hashed { file, hash: Sha1::new() })
}

/// A pack that is being written.
struct Writer {
    out: Hashed,
    offset: u64,
    entries: Vec<Entry>,
}

impl Writer {
    fn new(files: &dyn FileSystem, path: &Utf8Path, objects: usize) -> io::Result<Self> {
        let mut out = create(files, path)?;
        let count = u32::try_from(objects).map_err(io::Error::other)?;
        let mut header = b"PACK\0\0\0\x02".to_vec();
        header.extend(count.to_be_bytes());
        out.write_all(&header)?;
        Ok(Self { out, offset: header.len() as u64, entries: vec![] })
    }

    fn write(&mut self, objects: &[Packed]) -> io::Result<()> {
        for it in objects {
            self.entries.push(Entry { id: it.id, crc32: it.crc32, offset: self.offset });
            self.out.write_all(&it.bytes)?;
            self.offset += it.bytes.len() as u64;
        }
        Ok(())
    }

    /// Copies objects that were compressed early.
    fn copy(&mut self, early: EarlyObjects, interrupt: &Interrupt) -> io::Result<()> {
        let begin = self.offset;
        let mut moved = early.entries;
        for it in &mut moved {
            it.offset += begin;
        }
        // As they come first, they are most often all that there is, and need not be copied.
        moved.splice(..0, self.entries.drain(..));
        self.entries = moved;
        let mut buffer = vec![0; COPIED];
        while self.offset < begin + early.size {
            if interrupt.is_set() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let copied = self.offset - begin;
            let left = usize::try_from(early.size - copied).unwrap_or(usize::MAX);
            let bytes = &mut buffer[..left.min(COPIED)];
            early.data.read_at(copied, bytes)?;
            self.out.write_all(bytes)?;
            self.offset += bytes.len() as u64;
        }
        Ok(())
    }
}

fn write_index(
    files: &dyn FileSystem,
    path: &Utf8Path,
    mut entries: Vec<Entry>,
    pack: gix::ObjectId,
) -> gix::Result<()> {
    entries.sort_unstable_by_key(|it| it.id);
    let mut out = vec![];
    out.extend(b"\xfftOc\0\0\0\x02");
    let mut counts = [0_u32; 256];
    for it in &entries {
        counts[usize::from(it.id.first_byte())] += 1;
    }
    let mut sum = 0;
    for count in counts {
        sum += count;
        out.extend(sum.to_be_bytes());
    }
    for it in &entries {
        out.extend(it.id.as_slice());
    }
    for it in &entries {
        out.extend(it.crc32.to_be_bytes());
    }
    let mut large: Vec<u64> = vec![];
    for it in &entries {
        let offset = match u32::try_from(it.offset) {
            Ok(offset) if it.offset < LARGE => offset,
            Ok(_) | Err(_) => {
                large.push(it.offset);
                let place = u32::try_from(large.len() - 1).or_error()?;
                place | 1 << 31
            }
        };
        out.extend(offset.to_be_bytes());
    }
    for it in large {
        out.extend(it.to_be_bytes());
    }
    out.extend(pack.as_slice());
    let mut file = create(files, path).or_error()?;
    file.write_all(&out).or_error()?;
    end(file).and_then(|(mut file, _)| file.sync()).or_error()
}

/// Writes the checksum of what was written behind it, and returns both; the file is not on disk for good yet.
fn end(out: Hashed) -> io::Result<(Box<dyn WriteFile>, gix::ObjectId)> {
    let Hashed { mut file, hash } = out;
    let checksum = gix::ObjectId::from_bytes_or_panic(&hash.finalize());
    file.write_all(checksum.as_slice())?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((file.0, checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compressed_is_packed_too() {
        let mut compress = Compressor::new();
        // A sequence without repetition, of no block, of one, and of many.
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        for length in [0, 1, 100, 300_000] {
            let bytes: Vec<u8> = (0..length).map(|_| next()).collect();
            let mut out = b"before".to_vec();
            compress.append(&bytes, &mut out);
            let mut back = vec![0; length + 1];
            let mut inflate = gix::zlib::Decompress::new();
            let end = gix::zlib::FlushDecompress::Finish;
            inflate.decompress(&out[6..], &mut back, end).unwrap();
            assert_eq!(&back[..length], bytes);
            assert_eq!(inflate.total_out(), length as u64);
        }
    }
}
