//! Trees: the files of a result, with a BLAKE3 root and the id that git gives the same files.

use std::{collections::BTreeMap, fmt, sync::Arc};

use sha1::{Digest as _, Sha1};

use crate::{Digest, FilePath, Hasher};

/// The bytes of one file, with their digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Blob {
    /// Hashes `bytes`.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the plain BLAKE3 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

/// Files by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<FilePath, Blob>,
}

/// A git object id (SHA-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitObjectId([u8; 20]);

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

impl Tree {
    /// Puts `blob` at `path`, and returns what lay there before.
    pub fn insert(&mut self, path: FilePath, blob: Blob) -> Option<Blob> {
        self.files.insert(path, blob)
    }

    /// Returns the file at `path`.
    pub fn get(&self, path: &FilePath) -> Option<&Blob> {
        self.files.get(path)
    }

    /// Lists the files in byte order of their paths.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&FilePath, &Blob)> {
        self.files.iter()
    }

    /// Returns the number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Says whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the BLAKE3 Merkle root: a folder's digest covers its entries' names, kinds and digests.
    pub fn root(&self) -> Digest {
        self.folder().digest()
    }

    /// Returns the id of the git tree that holds exactly these files, as mode 100644.
    pub fn git_id(&self) -> GitObjectId {
        self.folder().git_id()
    }

    fn folder(&self) -> Folder<'_> {
        let mut root = Folder::default();
        for (path, blob) in &self.files {
            let mut folder = &mut root;
            let mut components = path.as_str().split('/').peekable();
            while let Some(name) = components.next() {
                if components.peek().is_none() {
                    folder.entries.insert(name, Entry::File(blob));
                    break;
                }
                let entry =
                    folder.entries.entry(name).or_insert_with(|| Entry::Folder(Folder::default()));
                match entry {
                    Entry::Folder(below) => folder = below,
                    // A file where a folder must be: the later path wins, as `insert` would on disk fail.
                    // Layout refuses such trees, so this never meets one.
                    Entry::File(_) => break,
                }
            }
        }
        root
    }
}

#[derive(Default)]
struct Folder<'t> {
    entries: BTreeMap<&'t str, Entry<'t>>,
}

enum Entry<'t> {
    File(&'t Blob),
    Folder(Folder<'t>),
}

impl Folder<'_> {
    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 tree");
        for (name, entry) in &self.entries {
            let (kind, digest) = match entry {
                Entry::File(blob) => (b"file", blob.digest()),
                Entry::Folder(folder) => (b"tree", folder.digest()),
            };
            hasher = hasher.field(name.as_bytes()).field(kind).field(digest.as_bytes());
        }
        hasher.finish()
    }

    fn git_id(&self) -> GitObjectId {
        let mut entries: Vec<(Vec<u8>, &str, &str, GitObjectId)> = self
            .entries
            .iter()
            .map(|(name, entry)| match entry {
                Entry::File(blob) => {
                    (name.as_bytes().to_vec(), "100644", *name, git_blob_id(blob.bytes()))
                }
                // Git sorts a folder as if its name ended in a slash.
                Entry::Folder(folder) => {
                    ([name.as_bytes(), b"/"].concat(), "40000", *name, folder.git_id())
                }
            })
            .collect();
        entries.sort();
        let mut body = vec![];
        for (_, mode, name, id) in entries {
            body.extend_from_slice(mode.as_bytes());
            body.push(b' ');
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(&id.0);
        }
        git_object_id("tree", &body)
    }
}

/// Returns the id that git gives a file of these bytes.
pub fn git_blob_id(bytes: &[u8]) -> GitObjectId {
    git_object_id("blob", bytes)
}

fn git_object_id(kind: &str, body: &[u8]) -> GitObjectId {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", body.len()));
    hasher.update(body);
    GitObjectId(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(FilePath::new(path).unwrap(), Blob::new(text.as_bytes()));
        }
        tree
    }

    #[test]
    fn git_gives_the_same_ids() {
        // `git hash-object --stdin </dev/null` and `git mktree </dev/null`.
        assert_eq!(git_blob_id(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(tree(&[]).git_id().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn a_root_covers_names_kinds_and_bytes() {
        let base = tree(&[("a/b", "x"), ("c", "y")]);
        for other in [
            tree(&[("a/b", "x"), ("c", "z")]),
            tree(&[("a/b", "x"), ("d", "y")]),
            tree(&[("a", "x"), ("c", "y")]),
            tree(&[("a/b", "x")]),
        ] {
            assert_ne!(base.root(), other.root());
            assert_ne!(base.git_id(), other.git_id());
        }
    }
}
