//! Files of a result: their digests, and their bytes or the way to make them again.

use std::{
    borrow::Cow,
    fmt,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use sha1::{Digest as _, Sha1};

use crate::Digest;

/// The contents of one file, named by their digest; cloning is cheap.
///
/// **Invariant:** the digest is that of the bytes; bytes that are made again are checked against it.
#[derive(Clone)]
pub struct Blob(Arc<Stored>);

/// A [`Blob`] for as long as somebody has it.
#[derive(Clone)]
pub struct WeakBlob(Weak<Stored>);

impl WeakBlob {
    /// Returns the blob; `None` if nobody has it any more.
    pub fn upgrade(&self) -> Option<Blob> {
        self.0.upgrade().map(Blob)
    }
}

impl fmt::Debug for WeakBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakBlob").field(&self.upgrade().map(|it| it.digest())).finish()
    }
}

struct Stored {
    digest: Digest,
    bytes: Bytes,
}

enum Bytes {
    Held(Box<[u8]>),
    /// They were made and hashed, and are let go: a tree of many files is mostly asked for digests.
    Made {
        git_id: GitObjectId,
        recipe: Arc<dyn Recipe>,
        number: u32,
        /// Until they are let go.
        held: Mutex<Option<Box<[u8]>>>,
    },
}

/// What can make the bytes of some files, and makes the same whenever it is asked.
pub trait Recipe: Send + Sync {
    /// Makes the bytes of file `number`.
    fn make(&self, number: u32) -> Vec<u8>;
}

impl Blob {
    /// Hashes `bytes` and keeps them.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self(Arc::new(Stored { digest: Digest::of(&bytes), bytes: Bytes::Held(bytes) }))
    }

    /// Hashes `bytes` and keeps them until somebody takes them: then `recipe` makes them again as its file `number`.
    pub fn made(bytes: impl Into<Box<[u8]>>, recipe: Arc<dyn Recipe>, number: u32) -> Self {
        let bytes = bytes.into();
        let (digest, git_id) = (Digest::of(&bytes), git_blob_id(&bytes));
        Self::of_recipe((digest, git_id), recipe, number, Some(bytes))
    }

    /// Takes the word of an earlier build for the digest and git's id of what `recipe` makes as its file `number`.
    pub fn known(
        (digest, git_id): (Digest, GitObjectId),
        recipe: Arc<dyn Recipe>,
        number: u32,
    ) -> Self {
        Self::of_recipe((digest, git_id), recipe, number, None)
    }

    fn of_recipe(
        (digest, git_id): (Digest, GitObjectId),
        recipe: Arc<dyn Recipe>,
        number: u32,
        held: Option<Box<[u8]>>,
    ) -> Self {
        let held = Mutex::new(held);
        Self(Arc::new(Stored { digest, bytes: Bytes::Made { git_id, recipe, number, held } }))
    }

    /// Returns a way to the blob that does not keep it.
    pub fn downgrade(&self) -> WeakBlob {
        WeakBlob(Arc::downgrade(&self.0))
    }

    /// Returns the bytes; makes them again if they were let go.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0.bytes {
            Bytes::Held(bytes) => Cow::Borrowed(bytes),
            Bytes::Made { recipe, number, held, .. } => {
                if let Some(bytes) = &*held.lock().unwrap_or_else(PoisonError::into_inner) {
                    return Cow::Owned(bytes.to_vec());
                }
                let bytes = recipe.make(*number);
                assert_eq!(Digest::of(&bytes), self.0.digest, "because recipes are pure functions");
                Cow::Owned(bytes)
            }
        }
    }

    /// Takes the bytes that were kept since they were made, if nobody did so before; of what has no recipe, none.
    pub fn take_made(&self) -> Option<Box<[u8]>> {
        match &self.0.bytes {
            Bytes::Held(_) => None,
            Bytes::Made { held, .. } => held.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }

    /// Returns the plain BLAKE3 of the bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns the id that git gives a file of these bytes.
    pub fn git_id(&self) -> GitObjectId {
        match &self.0.bytes {
            Bytes::Held(bytes) => git_blob_id(bytes),
            Bytes::Made { git_id, .. } => *git_id,
        }
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        // What two builds share need not be looked at.
        Arc::ptr_eq(&self.0, &other.0) || self.digest() == other.digest()
    }
}

impl Eq for Blob {}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes()))
    }
}

/// A git object id (SHA-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitObjectId([u8; 20]);

impl GitObjectId {
    /// Returns the id of an object of `kind` that holds `body`.
    pub(crate) fn of(kind: &str, body: &[u8]) -> Self {
        // Without allocating: there are hundreds of thousands.
        let mut header = [0; 32];
        let mut rest = &mut header[..];
        write!(rest, "{kind} {}\0", body.len()).expect("because a length has at most 20 digits");
        let left = rest.len();
        let mut hasher = Sha1::new();
        hasher.update(&header[..header.len() - left]);
        hasher.update(body);
        Self(hasher.finalize().into())
    }

    /// Wraps 20 bytes that were an id before.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Reads 40 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        let is_hex = digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit);
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok();
        if !is_hex {
            return None;
        }
        let mut bytes = [0; 20];
        for (at, it) in bytes.iter_mut().enumerate() {
            *it = byte(at)?;
        }
        Some(Self(bytes))
    }

    /// Returns the 20 bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for GitObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GitObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Returns the id that git gives a file of these bytes.
pub fn git_blob_id(bytes: &[u8]) -> GitObjectId {
    GitObjectId::of("blob", bytes)
}

/// Returns the id that git gives a folder whose tree object has these bytes.
pub fn git_tree_id(bytes: &[u8]) -> GitObjectId {
    GitObjectId::of("tree", bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts from its number; or, if it is not pure, from another.
    struct Counting(u32);

    impl Recipe for Counting {
        fn make(&self, number: u32) -> Vec<u8> {
            format!("{}", number + self.0).into_bytes()
        }
    }

    #[test]
    fn what_is_made_again_is_as_if_it_had_been_kept() {
        let (kept, made) =
            (Blob::new(b"7".as_slice()), Blob::made(*b"7", Arc::new(Counting(0)), 7));
        assert_eq!((kept.digest(), kept.git_id()), (made.digest(), made.git_id()));
        for taken in [Some(b"7".as_slice().into()), None] {
            assert_eq!(kept.bytes(), made.bytes());
            assert_eq!(kept, made);
            assert_eq!(made.take_made(), taken);
        }
        assert_eq!((kept.take_made(), kept.bytes()), (None, made.bytes()));
        let known = Blob::known((made.digest(), made.git_id()), Arc::new(Counting(0)), 7);
        assert_eq!((known.bytes(), known.git_id()), (made.bytes(), made.git_id()));
    }

    #[test]
    fn a_recipe_that_makes_something_else_is_caught() {
        let blob = Blob::made(*b"7", Arc::new(Counting(1)), 7);
        blob.take_made();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| blob.bytes().len())).unwrap_err();
    }
}
