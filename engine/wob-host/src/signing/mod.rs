//! Ed25519 keys in files, and what is signed with them.
//!
//! **Invariant:** nothing of a key leaves this module but its public half: no message quotes what a file holds.

mod envelope;

use std::{
    fmt::{self, Write as _},
    fs, io,
    io::Read as _,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use camino::{Utf8Path, Utf8PathBuf};
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _};

pub use envelope::{Envelope, EnvelopeError};

/// A file with a key is much smaller.
const FILE_BYTES: u64 = 64 << 10;
/// How the DER of every ed25519 public key begins; its 32 bytes follow (RFC 8410, section 4).
const PUBLIC_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    exposed: Exposed,
}

/// Whether everybody on this machine may read a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposed {
    /// Everybody may.
    ToAll,
    /// Only some may, or the system does not say.
    No,
}

/// A key that tells whether a signature is good.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    raw: [u8; 32],
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("could not read the key `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The key is protected by a password.
    #[error(
        "the key `{path}` is protected by a password, which wob does not ask for\n  \
         help: `openssl pkey -in {path} -out PLAIN` takes it off"
    )]
    Protected {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The file holds no such key.
    #[error("`{path}` holds no {wanted}\n  help: {help}")]
    NoKey {
        /// The file.
        path: Utf8PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// How such a file is made.
        help: &'static str,
    },
}

impl SigningKey {
    /// Reads a private key: PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// If there is no such key in the file.
    pub fn read(path: &Utf8Path) -> Result<Self, KeyError> {
        let text = read(path)?;
        if contains(&text, b"ENCRYPTED") {
            return Err(KeyError::Protected { path: path.to_owned() });
        }
        let pair = PrivatePkcs8KeyDer::from_pem_slice(&text)
            .ok()
            .and_then(|it| Ed25519KeyPair::from_pkcs8(it.secret_pkcs8_der()).ok());
        let pair = pair.ok_or_else(|| KeyError::NoKey {
            path: path.to_owned(),
            wanted: "private ed25519 key (PKCS #8, PEM)",
            help: "`openssl genpkey -algorithm ed25519 -out KEY` makes one",
        })?;
        Ok(Self { pair, exposed: exposed(path) })
    }

    /// Says whether everybody may read the file that the key was in.
    pub fn exposed(&self) -> Exposed {
        self.exposed
    }

    /// Returns the public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let der: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().expect("because a public key has a DER form");
        VerifyingKey::of_der(der.as_ref()).expect("because it is that of an ed25519 key")
    }

    /// Signs bytes; the same key gives the same signature.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

impl VerifyingKey {
    /// Reads a public key: `SubjectPublicKeyInfo` in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// If there is no such key in the file.
    pub fn read(path: &Utf8Path) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&read(path)?);
        der.ok().and_then(|it| Self::of_der(&it)).ok_or_else(|| KeyError::NoKey {
            path: path.to_owned(),
            wanted: "public ed25519 key (PEM)",
            help: "`openssl pkey -in KEY -pubout -out PUB` makes one",
        })
    }

    /// Wraps the 32 bytes of a public key.
    pub fn of_bytes(raw: [u8; 32]) -> Self {
        Self { raw }
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        let raw = der.strip_prefix(&PUBLIC_PREFIX)?;
        Some(Self { raw: raw.try_into().ok()? })
    }

    /// Returns what the key is called: the SHA-256 of its DER, in hexadecimal.
    pub fn id(&self) -> String {
        sha256(&[&PUBLIC_PREFIX[..], &self.raw].concat())
    }

    /// Says whether `signature` is that of `bytes`.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.raw).verify(bytes, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.verifying_key()).finish()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyingKey").field(&self.id()).finish()
    }
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        write!(text, "{byte:02x}").expect("because a text can always grow");
    }
    text
}

fn read(path: &Utf8Path) -> Result<Vec<u8>, KeyError> {
    let mut text = vec![];
    let read = fs::File::open(path).and_then(|it| it.take(FILE_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(source) => Err(KeyError::Unreadable { path: path.to_owned(), source }),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|it| it == word)
}

#[cfg(unix)]
fn exposed(path: &Utf8Path) -> Exposed {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o004 != 0);
    if is_open { Exposed::ToAll } else { Exposed::No }
}

#[cfg(not(unix))]
fn exposed(_: &Utf8Path) -> Exposed {
    Exposed::No
}
