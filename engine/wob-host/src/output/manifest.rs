//! Ownership: which files of an output folder wob wrote, and what it wrote into them.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};
use wob_engine::{Digest, FilePath, Tree};

use super::is_reserved;

/// The part of `.wob/tree.json` that says what wob owns: the field `files`, BLAKE3 by path.
///
/// Whoever builds the file embeds this with `#[serde(flatten)]`; all other fields are theirs.
///
/// **Invariant:** no path leads into `.git` or `.wob`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Manifest {
    #[serde(serialize_with = "by_text")]
    files: BTreeMap<FilePath, Digest>,
}

fn by_text<S: Serializer>(
    files: &BTreeMap<FilePath, Digest>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(files.iter().map(|(path, digest)| (path.as_str(), digest)))
}

impl Manifest {
    /// Returns the manifest of `tree`.
    pub fn of(tree: &Tree) -> Self {
        let owned = tree.files().filter(|(path, _)| !is_reserved(path));
        Self { files: owned.map(|(path, blob)| (path.clone(), blob.digest())).collect() }
    }

    /// Reads the text of a `.wob/tree.json`; `None` if it is damaged, so that nothing is owned.
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Raw {
            files: Files,
        }
        let raw: Raw = serde_json::from_str(text).ok()?;
        Some(Self { files: raw.files.0 })
    }

    /// Says whether it is the manifest of `tree`.
    pub(super) fn lists(&self, tree: &Tree) -> bool {
        let owned = tree.files().filter(|(path, _)| !is_reserved(path));
        let digests = owned.map(|(path, blob)| (path, blob.digest()));
        self.files.iter().map(|(path, digest)| (path, *digest)).eq(digests)
    }

    /// Returns the BLAKE3 of the file at `path`, if wob owns it.
    pub fn digest(&self, path: &FilePath) -> Option<Digest> {
        self.files.get(path).copied()
    }

    /// Lists the files in byte order of their paths.
    pub fn paths(&self) -> impl Iterator<Item = &FilePath> {
        self.files.keys()
    }

    /// Says whether nothing is owned.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// The field `files` as it is read: without a copy of the whole in between, for it can be long.
struct Files(BTreeMap<FilePath, Digest>);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FilesVisitor)
    }
}

struct FilesVisitor;

impl<'de> Visitor<'de> for FilesVisitor {
    type Value = Files;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("digests by path")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Files, M::Error> {
        let mut files = BTreeMap::new();
        while let Some((path, digest)) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()? {
            // One entry that wob cannot have written makes all others doubtful.
            let wrong = || M::Error::custom("wob cannot have written this");
            let path = FilePath::new(&path).ok().filter(|it| !is_reserved(it)).ok_or_else(wrong)?;
            files.insert(path, Digest::parse(&digest).ok_or_else(wrong)?);
        }
        Ok(Files(files))
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
