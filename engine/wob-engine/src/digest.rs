//! Content digests: the names of everything wob stores.

use std::fmt;

/// A BLAKE3 digest, printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the plain BLAKE3 of `bytes`, as `b3sum` prints it: for contents that others may check.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Wraps 32 bytes that were a digest before.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn parse(hex: &str) -> Option<Self> {
        blake3::Hash::from_hex(hex).ok().map(|hash| Self(*hash.as_bytes()))
    }

    /// Returns the digest as it is printed: 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> [u8; 64] {
        // Without a table, the compiler works on many bytes at once.
        let digit = |it: u8| it + if it < 10 { b'0' } else { b'a' - 10 };
        let mut hex = [0; 64];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        hex
    }

    /// Returns the first bytes, by which most others are told apart.
    pub fn begin(&self) -> u64 {
        self.0.first_chunk().map_or(0, |it| u64::from_be_bytes(*it))
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).expect("because digits are text"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("expected a digest: 64 lower-case hexadecimal digits")
        })
    }
}

/// Hashes a record of fields: framed, so that no two different records feed the same bytes.
///
/// **Invariant:** every record names its domain first, so that two kinds of record never collide.
#[derive(Debug)]
pub struct Hasher {
    domain: &'static str,
    /// Those that make more than [`PENDING`] bytes: most records are short, and need no state of two kilobytes.
    long: Option<Box<blake3::Hasher>>,
    /// What is not hashed yet: many fields are short, and hashing them together is much faster.
    pending: Vec<u8>,
}

/// How many bytes wait to be hashed together.
const PENDING: usize = 4096;

/// How many bytes most records have at most.
const USUAL: usize = 512;

impl Hasher {
    /// Starts a record of kind `domain`, such as `"wob 2026-11 tree"`.
    pub fn new(domain: &'static str) -> Self {
        Self { domain, long: None, pending: Vec::with_capacity(USUAL) }
    }

    /// Adds one field, its length first.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.add(bytes);
        self
    }

    /// Adds one field as [`Hasher::field`] does, in place.
    pub fn add(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        if self.pending.len() + bytes.len() > PENDING {
            let hasher = self.long.get_or_insert_with(|| start(self.domain));
            hasher.update(&self.pending);
            self.pending.clear();
            if bytes.len() > PENDING {
                hasher.update(bytes);
                return;
            }
        }
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the digest of the record.
    pub fn finish(self) -> Digest {
        match self.long {
            Some(mut hasher) => Digest(*hasher.update(&self.pending).finalize().as_bytes()),
            None => Digest(blake3::derive_key(self.domain, &self.pending)),
        }
    }
}

fn start(domain: &str) -> Box<blake3::Hasher> {
    Box::new(blake3::Hasher::new_derive_key(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_framed() {
        let split = |a: &[u8], b: &[u8]| Hasher::new("test").field(a).field(b).finish();
        assert_ne!(split(b"ab", b"c"), split(b"a", b"bc"));
        assert_ne!(split(b"", b"x"), split(b"x", b""));
        assert_ne!(Hasher::new("one").finish(), Hasher::new("two").finish());
    }

    #[test]
    fn what_waits_is_hashed_too() {
        let lengths = [0, 1, PENDING - 8, PENDING - 7, PENDING, PENDING + 1, 3 * PENDING];
        for (first, second) in lengths.iter().flat_map(|a| lengths.iter().map(move |b| (a, b))) {
            let (first, second) = (vec![1; *first], vec![2; *second]);
            let mut at_once = blake3::Hasher::new_derive_key("test");
            for field in [&first, &second] {
                at_once.update(&(field.len() as u64).to_le_bytes()).update(field);
            }
            let found = Hasher::new("test").field(&first).field(&second).finish();
            assert_eq!(found.as_bytes(), at_once.finalize().as_bytes());
        }
    }

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(digest.to_string(), blake3::hash(b"x").to_hex().as_str());
        assert_eq!(Digest::parse("zz"), None);
    }
}
