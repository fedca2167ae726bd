//! What planning asks about the place that a tree is written to, be it a disk or the tree of a commit.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use wob_engine::{Digest, FilePath};

use super::OutputError;
use crate::Interrupt;

/// Larger files are never compared: they count as edited.
pub(super) const FILE_BYTES: u64 = 256 << 20;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Absent,
    File,
    Folder,
    /// On disk a link, a pipe, a socket, or a device; in a commit a link, a submodule, or a file that is executable.
    Other,
    /// Nothing can lie there, because a file stands where a folder must be; the number of components of that file's path.
    Blocked(usize),
}

/// A file's bytes, as far as ownership depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// None: overwriting it loses nothing. A power failure may leave such a file.
    Empty,
    /// Zeroes only, which a power failure may leave of what wob wrote.
    Zeroes(Digest),
    /// Something with zeroes at its end, which no manifest has: what a power failure may leave, too.
    Torn(Digest),
    Digest(Digest),
    TooLarge,
}

impl Bytes {
    /// Says whether they have this digest.
    pub(super) fn is(self, wanted: Digest) -> bool {
        match self {
            Self::Empty => wanted == Digest::of(b""),
            Self::Zeroes(it) | Self::Torn(it) | Self::Digest(it) => it == wanted,
            Self::TooLarge => false,
        }
    }
}

/// A place that may hold files of others.
pub(super) trait Ground {
    /// Returns what people call `path`.
    fn shown(&self, path: &FilePath) -> Utf8PathBuf;

    /// Says what lies at `path`; a folder on the way that is a link is an error.
    fn kind(&mut self, path: &FilePath) -> Result<Kind, OutputError>;

    /// Reads the file at `path`; `None` if none is there, or one that is too large.
    fn read(&mut self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError>;

    /// Lists what is no folder below `top`, sorted; if `top` is empty, everything, without `.git` and the root's `.wob`.
    ///
    /// Names that are not UTF-8 are shown as they can be.
    fn files_below(
        &self,
        top: &str,
        interrupt: &Interrupt,
    ) -> Result<BTreeSet<String>, OutputError>;

    /// Says what is in the file at `path`.
    fn bytes(&mut self, path: &FilePath) -> Result<Bytes, OutputError> {
        Ok(match self.read(path)? {
            None => Bytes::TooLarge,
            Some(bytes) if bytes.is_empty() => Bytes::Empty,
            Some(bytes) if bytes.iter().all(|it| *it == 0) => Bytes::Zeroes(Digest::of(&bytes)),
            Some(bytes) if bytes.ends_with(b"\0") => Bytes::Torn(Digest::of(&bytes)),
            Some(bytes) => Bytes::Digest(Digest::of(&bytes)),
        })
    }
}
