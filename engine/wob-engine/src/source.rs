//! What a source is made of: origins, contents and paths.

use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{Digest, GitObjectId};

/// Where a source comes from: what an auditor needs to get it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The repository's address, or the folder as the user wrote it.
    pub url: String,
    /// The branch, tag or revision that was asked for.
    pub reference: Option<String>,
    /// The git commit, in hexadecimal; none for a folder.
    pub commit: Option<String>,
    /// The git id of the tree that was read, in hexadecimal; none for a folder or with uncommitted edits.
    pub tree: Option<String>,
    /// Whether the result may not be published: an override, or uncommitted edits.
    pub dirty: bool,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// UTF-8 text.
    Text {
        /// The text, without a byte order mark.
        text: Arc<str>,
        /// BLAKE3 of the file's bytes.
        digest: Digest,
    },
    /// UTF-8 text that was not read this time: it is as a run before read it, and nobody needs what it says.
    Unread {
        /// BLAKE3 of the file's bytes.
        digest: Digest,
        /// What git calls them.
        git_id: GitObjectId,
    },
    /// It was not read, or not as text; why.
    Refused(Refusal),
}

impl Content {
    /// Returns the digest of the file's bytes, or of why there are none: what is equal in it is equal.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Text { digest, .. } | Self::Unread { digest, .. } => *digest,
            Self::Refused(why) => Digest::of(format!("{why:?}").as_bytes()),
        }
    }
}

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Not UTF-8: the offset of the first bad byte.
    NotUtf8 {
        /// The offset of the first bad byte.
        offset: u64,
    },
    /// Larger than the limit.
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A symbolic link that leads out of the source.
    LinkLeaves {
        /// Where it points, as written.
        target: String,
    },
    /// The operating system refused.
    Unreadable {
        /// What it said.
        reason: String,
    },
}

/// A path inside a source or a tree: relative, `/`-separated.
///
/// **Invariant:** never empty; no component is empty, `.` or `..`, and none holds a separator, a NUL or another control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(Arc<str>);

/// Why a text is not a [`FilePath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The component that is wrong, escaped.
    pub component: String,
}

impl FilePath {
    /// Checks `path`.
    ///
    /// # Errors
    /// If the invariant does not hold; the offending component is named.
    pub fn new(path: &str) -> Result<Self, PathError> {
        let plain = |it: u8| matches!(it, b' '..=b'~') && it != b'\\';
        let is_plain = path.bytes().all(plain);
        let wrong = |component: &&str| {
            matches!(*component, "" | "." | "..")
                || !is_plain && component.contains(|it: char| it.is_control() || it == '\\')
        };
        match path.split('/').find(wrong) {
            Some(component) => Err(PathError { component: component.escape_debug().to_string() }),
            None => Ok(Self(path.into())),
        }
    }

    /// Takes a path that is made of components of others.
    pub(crate) fn of_names(path: &str) -> Self {
        debug_assert!(Self::new(path).is_ok(), "{path:?}");
        Self(path.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for good in ["a", "a/b.yaml", ".github/x", "a..b", "ü"] {
            assert!(FilePath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b", "a\nb", "a\\b"] {
            assert!(FilePath::new(bad).is_err(), "{bad:?}");
        }
    }
}
