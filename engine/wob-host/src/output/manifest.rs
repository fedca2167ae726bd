//! Ownership: which files of an output folder wob wrote, and what it wrote into them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wob_engine::{Digest, FilePath, Tree};

use super::is_reserved;

/// The part of `.wob/tree.json` that says what wob owns: the field `files`, BLAKE3 by path.
///
/// Whoever builds the file embeds this with `#[serde(flatten)]`; all other fields are theirs.
///
/// **Invariant:** no path leads into `.git` or `.wob`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Manifest {
    files: BTreeMap<String, Digest>,
}

impl Manifest {
    /// Returns the manifest of `tree`.
    pub fn of(tree: &Tree) -> Self {
        let owned = tree.files().filter(|(path, _)| !is_reserved(path));
        Self { files: owned.map(|(path, blob)| (path.to_string(), blob.digest())).collect() }
    }

    /// Reads the text of a `.wob/tree.json`; `None` if it is damaged, so that nothing is owned.
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Raw {
            files: BTreeMap<String, String>,
        }
        let raw: Raw = serde_json::from_str(text).ok()?;
        let mut files = BTreeMap::new();
        for (path, digest) in raw.files {
            // One entry that wob cannot have written makes all others doubtful.
            let checked = FilePath::new(&path).ok().filter(|it| !is_reserved(it))?;
            files.insert(checked.to_string(), Digest::parse(&digest)?);
        }
        Some(Self { files })
    }

    /// Returns the BLAKE3 of the file at `path`, if wob owns it.
    pub fn digest(&self, path: &FilePath) -> Option<Digest> {
        self.files.get(path.as_str()).copied()
    }

    /// Lists the files in byte order of their paths.
    pub fn paths(&self) -> impl Iterator<Item = FilePath> {
        self.files.keys().filter_map(|it| FilePath::new(it).ok())
    }

    /// Says whether nothing is owned.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Returns the text of a journal: one manifest on each line.
pub(super) fn journal<'m>(manifests: impl Iterator<Item = &'m Manifest>) -> String {
    let line = |it: &Manifest| serde_json::json!(it).to_string() + "\n";
    manifests.map(line).collect()
}

/// Reads a journal; damaged lines own nothing.
pub(super) fn parse_journal(text: &str) -> Vec<Manifest> {
    text.lines().map(|it| Manifest::parse(it).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use wob_engine::Blob;

    use super::*;

    #[test]
    fn a_manifest_reads_back() {
        let mut tree = Tree::default();
        tree.insert(FilePath::new("a/b").unwrap(), Blob::new(b"x".as_slice()));
        let manifest = Manifest::of(&tree);
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(Manifest::parse(&text), Some(manifest));
    }

    #[test]
    fn a_damaged_manifest_owns_nothing() {
        let digest = Digest::of(b"");
        for path in ["../x", "/etc/passwd", "a//b", "", ".git/config", "a/.GIT/x", ".wob/tree.json"]
        {
            let text = serde_json::json!({ "files": { "good": digest, path: digest } }).to_string();
            assert_eq!(Manifest::parse(&text), None, "{path}");
        }
        for text in ["", "{", "[]", "{}", r#"{"files":{"a":"xyz"}}"#, r#"{"files":{"a":1}}"#] {
            assert_eq!(Manifest::parse(text), None, "{text}");
        }
        assert!(Manifest::parse(&"[".repeat(100_000)).is_none());
    }
}
