//! How notes and stored records hold digests and ids of git's.

use serde::{Deserialize, Serialize};
use wob_engine::{Digest, GitObjectId};

/// A digest or an id of git's, written at once, as bytes: as an array it would be written one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id<const N: usize>(#[serde(with = "serde_bytes")] [u8; N]);

impl Id<32> {
    /// Takes a digest.
    pub(crate) fn of(digest: &Digest) -> Self {
        Self(*digest.as_bytes())
    }

    /// Returns the digest.
    pub(crate) fn digest(self) -> Digest {
        Digest::from_bytes(self.0)
    }
}

impl Id<20> {
    /// Takes an id of git's.
    pub(crate) fn of_git(id: &GitObjectId) -> Self {
        Self(*id.as_bytes())
    }

    /// Returns the id of git's.
    pub(crate) fn git_id(self) -> GitObjectId {
        GitObjectId::from_bytes(self.0)
    }
}
