//! Trees: the files of a result, with a BLAKE3 root and the id that git gives the same files.

use std::collections::BTreeMap;

use crate::{Blob, Digest, FilePath, GitObjectId, Hasher};

/// Files by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<FilePath, Blob>,
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
        let files: Vec<(&str, &Blob)> =
            self.files.iter().map(|(path, blob)| (path.as_str(), blob)).collect();
        Folder::of(&files)
    }
}

/// The entries of a folder, sorted by name.
struct Folder<'t>(Vec<(&'t str, Entry<'t>)>);

enum Entry<'t> {
    File(&'t Blob),
    Folder(Folder<'t>),
}

impl<'t> Folder<'t> {
    /// Takes files sorted by path, which are relative to this folder: those of one folder stand side by side.
    fn of(files: &[(&'t str, &'t Blob)]) -> Self {
        let mut entries = vec![];
        let mut rest = files;
        while let Some((path, blob)) = rest.first() {
            let Some((name, _)) = path.split_once('/') else {
                entries.push((*path, Entry::File(blob)));
                rest = &rest[1..];
                continue;
            };
            let below = |path: &&'t str| path.strip_prefix(name)?.strip_prefix('/');
            let inside = rest.iter().map_while(|(path, blob)| Some((below(path)?, *blob)));
            let inside: Vec<(&str, &Blob)> = inside.collect();
            rest = &rest[inside.len()..];
            entries.push((name, Entry::Folder(Self::of(&inside))));
        }
        entries.sort_by_key(|(name, _)| *name);
        // Layout refuses a file and a folder of one name; if it did not, the file would stay, as on disk.
        entries.dedup_by_key(|(name, _)| *name);
        Self(entries)
    }

    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 tree");
        for (name, entry) in &self.0 {
            let (kind, digest) = match entry {
                Entry::File(blob) => (b"file", blob.digest()),
                Entry::Folder(folder) => (b"tree", folder.digest()),
            };
            hasher.add(name.as_bytes());
            hasher.add(kind);
            hasher.add(digest.as_bytes());
        }
        hasher.finish()
    }

    fn git_id(&self) -> GitObjectId {
        let entry = |(name, entry): &(&'t str, Entry<'t>)| match entry {
            Entry::File(blob) => (*name, "", "100644", blob.git_id()),
            // Git sorts a folder as if its name ended in a slash.
            Entry::Folder(folder) => (*name, "/", "40000", folder.git_id()),
        };
        let mut entries: Vec<(&str, &str, &str, GitObjectId)> = self.0.iter().map(entry).collect();
        entries.sort_by(|a, b| {
            let bytes = |it: &(&'t str, &'static str, &str, _)| it.0.bytes().chain(it.1.bytes());
            bytes(a).cmp(bytes(b))
        });
        let mut body = vec![];
        for (name, _, mode, id) in entries {
            body.extend_from_slice(mode.as_bytes());
            body.push(b' ');
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(id.as_bytes());
        }
        GitObjectId::of("tree", &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git_blob_id;

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
