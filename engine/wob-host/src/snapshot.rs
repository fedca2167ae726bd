//! What reading a source gives: plain data that the caller pushes into the engine.

use std::sync::Arc;

use wob_engine::{Content, Digest, FilePath, Origin, Refusal};

use crate::{Interrupt, Interrupted, LeftOut};

/// A source as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it comes from.
    pub origin: Origin,
    /// Its files, sorted by path, without those that `.sourceignore` hides.
    pub files: Vec<SnapshotFile>,
    /// The files that `.sourceignore` hides, sorted by path.
    pub ignored: Vec<SnapshotFile>,
}

/// One file of a source, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Where it lies in its source. Characters that a path must not hold are replaced by U+FFFD; the content is
    /// then refused.
    pub path: FilePath,
    /// What it holds.
    pub content: Content,
}

/// How much of a source is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The largest file that is read, in bytes; larger ones become [`Refusal::TooLarge`].
    pub file_bytes: u64,
    /// The number of files and folders of a source, those behind links counted each time.
    pub entries: usize,
    /// The sum of the sizes of all files that are read, in bytes.
    pub total_bytes: u64,
    /// How many folders may lie in each other.
    pub depth: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { file_bytes: 10 << 20, entries: 1_000_000, total_bytes: 2 << 30, depth: 100 }
    }
}

/// What to read, and how much of it.
#[derive(Clone, Copy)]
pub struct ReadOptions<'o> {
    /// Says by the name of a file, such as `drone.yaml`, whether its content is wanted; other files are not opened.
    pub wanted: &'o (dyn Fn(&str) -> bool + Sync),
    /// The limits.
    pub limits: ReadLimits,
    /// Files on disk that are not read, as long as they are as they were.
    pub unneeded: Option<LeftOut<'o>>,
    /// Ends reading early.
    pub interrupt: &'o Interrupt,
}

/// Why a source as a whole cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// More files and folders than the limit.
    #[error("stopped reading after {limit} files and folders; is this the right folder?")]
    Entries {
        /// The limit.
        limit: usize,
    },
    /// More bytes than the limit.
    #[error("stopped reading after {limit} bytes of files; is this the right folder?")]
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// More patterns in all `.sourceignore` files than the limit.
    #[error("stopped reading at `{path}`: all `.sourceignore` files have more than {limit} lines")]
    Patterns {
        /// The file that goes beyond it.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// Folders nested deeper than the limit.
    #[error("stopped reading at `{path}`: more than {limit} folders lie in each other")]
    Depth {
        /// The first folder that is too deep.
        path: String,
        /// The limit.
        limit: usize,
    },
}

/// Says whether a file of this name can hold resources: `*.yaml`, `*.yml` or `*.json`, in any case.
pub fn is_manifest_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["yaml", "yml", "json"].iter().any(|it| extension.eq_ignore_ascii_case(it))
}

/// Says whether a file of this name can be a template that lies beside a rule: `*.j2`.
fn is_template_name(name: &str) -> bool {
    name.strip_suffix(".j2").is_some_and(|stem| !stem.is_empty())
}

/// Says whether sources are read for files of this name.
pub fn is_source_name(name: &str) -> bool {
    is_manifest_name(name) || is_template_name(name)
}

/// Makes a file's bytes the content that the engine sees; the digest covers the bytes, a byte order mark included.
pub(crate) fn content_of(bytes: &[u8]) -> Content {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(text) {
        Ok(text) => Content::Text { text: Arc::from(text), digest: Digest::of(bytes) },
        Err(error) => {
            let mark = bytes.len() - text.len();
            let offset = (mark + error.valid_up_to()) as u64;
            Content::Refused(Refusal::NotUtf8 { offset })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_hashed_and_not_read() {
        let Content::Text { text, digest } = content_of(b"\xef\xbb\xbfa: 1\n") else { panic!() };
        assert_eq!(&*text, "a: 1\n");
        assert_eq!(digest, Digest::of(b"\xef\xbb\xbfa: 1\n"));
    }

    #[test]
    fn the_first_bad_byte_is_named() {
        let refused = |offset| Content::Refused(Refusal::NotUtf8 { offset });
        assert_eq!(content_of(b"a: \xff\n"), refused(3));
        assert_eq!(content_of(b"\xef\xbb\xbfa\xff"), refused(4));
        assert_eq!(content_of(b"\xff\xfea\0"), refused(0), "UTF-16");
    }

    #[test]
    fn manifests_go_by_their_extension() {
        for name in ["a.yaml", "a.YML", "a.b.json", ".yaml"] {
            assert!(is_manifest_name(name), "{name}");
        }
        for name in ["yaml", "a.yaml.bak", "a.yaml.j2", "a.md", ""] {
            assert!(!is_manifest_name(name), "{name}");
        }
    }

    #[test]
    fn templates_are_read_too() {
        for name in ["a.yaml.j2", "a.j2", "a.yaml"] {
            assert!(is_source_name(name), "{name}");
        }
        for name in [".j2", "j2", "a.J2", "a.j2.bak", "a.jinja"] {
            assert!(!is_source_name(name), "{name}");
        }
    }
}
