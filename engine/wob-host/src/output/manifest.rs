//! Ownership: which files of an output folder wob wrote, and what it wrote into them.
//!
//! `.wob/tree.json` says it of some files, and names parts, folders which have a record of their own. A part's record is read
//! when it is asked for: of a tree of which little changes, most are not.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    sync::{Arc, OnceLock},
};

use rayon::prelude::*;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use wob_engine::{Digest, FilePath, Tree, part_path};

use super::is_reserved;

/// Reads a file where a tree lies; none if it is not there, or cannot be read.
pub type ReadPart = Arc<dyn Fn(&FilePath) -> Option<Vec<u8>> + Send + Sync>;

/// The part of `.wob/tree.json` that says what wob owns: the field `files`, BLAKE3 by path, and `parts`.
///
/// Whoever builds the file embeds this with `#[serde(flatten)]`; all other fields are theirs.
///
/// **Invariant:** no path leads into `.git` or `.wob`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Manifest {
    #[serde(serialize_with = "by_text")]
    files: BTreeMap<FilePath, Digest>,
    #[serde(skip)]
    parts: BTreeMap<FilePath, Part>,
}

/// A folder that has a record of its own.
#[derive(Clone)]
pub(super) struct Part {
    /// BLAKE3 of that record, as `.wob/tree.json` has it.
    record: Digest,
    read: ReadPart,
    found: Arc<OnceLock<PartFiles>>,
}

/// What the record of a part says.
#[derive(Default)]
struct PartFiles {
    files: BTreeMap<FilePath, Digest>,
    /// Whether it is the record that `.wob/tree.json` names.
    is_named: bool,
}

fn by_text<S: Serializer>(
    files: &BTreeMap<FilePath, Digest>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(files.iter().map(|(path, digest)| (path.as_str(), digest)))
}

impl Manifest {
    /// Returns the manifest of `tree`, without parts.
    pub fn of(tree: &Tree) -> Self {
        let owned = tree.files().filter(|(path, _)| !is_reserved(path));
        Self::of_files(owned.map(|(path, blob)| (path, blob.digest())))
    }

    /// Returns the manifest of some files.
    pub(super) fn of_files(files: impl Iterator<Item = (FilePath, Digest)>) -> Self {
        Self { files: files.collect(), parts: BTreeMap::new() }
    }

    /// Reads the text of a `.wob/tree.json`, whose parts' records are had by `read`; `None` if it is damaged, so that nothing
    /// is owned. Of a part whose record is damaged, nothing is.
    pub fn parse(text: &str, read: &ReadPart) -> Option<Self> {
        #[derive(Deserialize)]
        struct Raw {
            files: Files,
            #[serde(default)]
            parts: BTreeMap<String, RawPart>,
        }
        #[derive(Deserialize)]
        struct RawPart {
            record: String,
        }
        let raw: Raw = serde_json::from_str(text).ok()?;
        let part = |(folder, part): (String, RawPart)| {
            let folder = FilePath::new(&folder).ok().filter(|it| !is_reserved(it))?;
            let record = Digest::parse(&part.record)?;
            Some((folder, Part { record, read: read.clone(), found: Arc::default() }))
        };
        let parts: Option<BTreeMap<FilePath, Part>> = raw.parts.into_iter().map(part).collect();
        Some(Self { files: raw.files.0, parts: parts? })
    }

    /// Says whether a file at `path` can be one that wob wrote.
    pub fn may_own(path: &str) -> bool {
        FilePath::new(path).is_ok_and(|it| !is_reserved(&it))
    }

    /// Says whether it is the manifest of `tree`.
    pub(super) fn lists(&self, tree: &Tree) -> bool {
        let owned = tree.files().filter(|(path, _)| !is_reserved(path));
        let digests = owned.map(|(path, blob)| (path, blob.digest()));
        let listed = self.paths().into_iter();
        listed
            .map(|it| (it.clone(), self.digest(it)))
            .eq(digests.map(|(path, it)| (path, Some(it))))
    }

    /// Returns the BLAKE3 of the file at `path`, if wob owns it.
    pub fn digest(&self, path: &FilePath) -> Option<Digest> {
        if let Some(digest) = self.files.get(path) {
            return Some(*digest);
        }
        let (folder, part) = self.part_of(path)?;
        part.files(folder).files.get(path).copied()
    }

    /// Lists the files with their digests, but for those in parts.
    pub(super) fn files(&self) -> impl Iterator<Item = (FilePath, Digest)> {
        self.files.iter().map(|(path, it)| (path.clone(), *it))
    }

    /// Lists the files in byte order of their paths.
    pub fn paths(&self) -> Vec<&FilePath> {
        let of_parts = self.parts.iter().flat_map(|(folder, it)| it.files(folder).files.keys());
        let mut paths: Vec<&FilePath> = self.files.keys().chain(of_parts).collect();
        paths.sort_unstable();
        paths
    }

    /// Lists the parts that may have other files in `next`, or are not there; looks at many at a time.
    pub(super) fn parts_beside<'m>(&'m self, next: &Self) -> BTreeSet<&'m FilePath> {
        let is_other = |(folder, part): &(&FilePath, &Part)| {
            let next = next.parts.get(*folder);
            next.is_none_or(|it| it.record != part.record && !part.says_the_same(it, folder))
        };
        self.parts.par_iter().filter(is_other).map(|(folder, _)| folder).collect()
    }

    /// Lists the files of some `parts`, and those that are in none.
    pub(super) fn paths_in<'m>(
        &'m self,
        parts: &'m BTreeSet<&FilePath>,
    ) -> impl Iterator<Item = &'m FilePath> {
        self.loose().chain(parts.iter().flat_map(|it| self.paths_of(it)))
    }

    /// Lists the files that are in no part.
    pub(super) fn loose(&self) -> impl Iterator<Item = &FilePath> {
        self.files.keys()
    }

    /// Lists the files of the part in `folder`.
    pub(super) fn paths_of(&self, folder: &FilePath) -> impl Iterator<Item = &FilePath> {
        let part = self.parts.get_key_value(folder);
        part.into_iter().flat_map(|(folder, it)| it.files(folder).files.keys())
    }

    /// Reads the records of all parts, many at a time.
    pub(super) fn read_parts(&self) {
        self.parts.par_iter().for_each(|(folder, it)| _ = it.files(folder));
    }

    /// Says whether nothing is owned.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.parts.is_empty()
    }

    /// Lists the folders that have a record of their own.
    pub(super) fn folders(&self) -> impl Iterator<Item = &FilePath> {
        self.parts.keys()
    }

    /// Returns the digest of the record of the part in `folder`.
    pub(super) fn record_of(&self, folder: &FilePath) -> Option<Digest> {
        self.parts.get(folder).map(|it| it.record)
    }

    /// Says whether the record of the part in `folder` can be read, and is the one that `.wob/tree.json` names.
    pub(super) fn is_whole(&self, folder: &FilePath) -> bool {
        self.parts.get(folder).is_some_and(|it| it.files(folder).is_named)
    }

    fn part_of(&self, path: &FilePath) -> Option<(&FilePath, &Part)> {
        let text = path.as_str();
        let mut above = text.match_indices('/').map(|(end, _)| &text[..end]);
        above.find_map(|it| self.parts.get_key_value(it))
    }
}

impl Part {
    /// Says whether the record of another tree, for the same `folder`, lists the same files. To see that the text of both is the same is
    /// much less work than to read them.
    fn says_the_same(&self, other: &Self, folder: &FilePath) -> bool {
        #[derive(Deserialize)]
        struct Raw<'b> {
            #[serde(borrow)]
            files: &'b RawValue,
        }
        fn files(bytes: &[u8]) -> Option<&str> {
            serde_json::from_slice::<Raw<'_>>(bytes).ok().map(|it| it.files.get())
        }
        let path = part_path(folder);
        let texts = (self.read)(&path).zip((other.read)(&path));
        texts.is_some_and(|(a, b)| files(&a).is_some_and(|it| Some(it) == files(&b)))
    }

    fn files(&self, folder: &FilePath) -> &PartFiles {
        self.found.get_or_init(|| {
            let found = (self.read)(&part_path(folder));
            let parsed = found.and_then(|bytes| {
                let files = parse_part(folder, &bytes)?;
                Some(PartFiles { files, is_named: Digest::of(&bytes) == self.record })
            });
            parsed.unwrap_or_default()
        })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Reads the record of a part; `None` if it is damaged.
fn parse_part(folder: &FilePath, bytes: &[u8]) -> Option<BTreeMap<FilePath, Digest>> {
    #[derive(Deserialize)]
    struct Raw {
        files: Files,
    }
    let raw: Raw = serde_json::from_slice(bytes).ok()?;
    let whole = |(path, digest): (FilePath, Digest)| {
        let path = FilePath::new(&format!("{folder}/{path}")).ok()?;
        (!is_reserved(&path)).then_some((path, digest))
    };
    raw.files.0.into_iter().map(whole).collect()
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

/// Writes a line of a journal that says of some files what they hold. They are not listed first: there can be many.
pub(super) fn write_line(
    mut to: impl io::Write,
    files: impl Iterator<Item = (FilePath, Digest)>,
) -> io::Result<()> {
    to.write_all(b"{\"files\":")?;
    serde_json::Serializer::new(&mut to).collect_map(files.map(|(path, it)| (Text(path), it)))?;
    to.write_all(b"}\n")
}

/// A path as a text.
struct Text(FilePath);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// Reads a journal; damaged lines own nothing.
pub(super) fn parse_journal(text: &str) -> Vec<Manifest> {
    let nothing: ReadPart = Arc::new(|_| None);
    text.lines().map(|it| Manifest::parse(it, &nothing).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use wob_engine::Blob;

    use super::*;

    fn parse(text: &str) -> Option<Manifest> {
        let part = r#"{"files":{"x":"DIGEST"}}"#.replace("DIGEST", &Digest::of(b"x").to_string());
        let read: ReadPart = Arc::new(move |_| Some(part.clone().into_bytes()));
        Manifest::parse(text, &read)
    }

    fn path(text: &str) -> FilePath {
        FilePath::new(text).unwrap()
    }

    #[test]
    fn a_manifest_reads_back() {
        let mut tree = Tree::default();
        tree.insert(&path("a/b"), Blob::new(b"x".as_slice()));
        let manifest = Manifest::of(&tree);
        let text = serde_json::to_string(&manifest).unwrap();
        assert!(parse(&text).unwrap().lists(&tree));
        tree.insert(&path("c/x"), Blob::new(b"x".as_slice()));
        assert!(!parse(&text).unwrap().lists(&tree));
        let parts = serde_json::json!({ "c": { "record": Digest::of(b"") } });
        let files = serde_json::to_value(&manifest).unwrap()["files"].clone();
        let text = serde_json::json!({ "files": files, "parts": parts }).to_string();
        let manifest = parse(&text).unwrap();
        assert!(manifest.lists(&tree));
        assert!(!manifest.is_whole(&path("c")), "its record is not the one that is named");
    }

    #[test]
    fn a_damaged_manifest_owns_nothing() {
        let digest = Digest::of(b"");
        for path in ["../x", "/etc/passwd", "a//b", "", ".git/config", "a/.GIT/x", ".wob/tree.json"]
        {
            let files = serde_json::json!({ "files": { "good": digest, path: digest } });
            assert!(parse(&files.to_string()).is_none(), "{path}");
            let parts = serde_json::json!({ "files": {}, "parts": { path: { "record": digest } } });
            assert!(parse(&parts.to_string()).is_none(), "{path}");
        }
        for text in ["", "{", "[]", "{}", r#"{"files":{"a":"xyz"}}"#, r#"{"files":{"a":1}}"#] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
    }

    #[test]
    fn a_damaged_part_owns_nothing() {
        let text =
            format!(r#"{{"files":{{}},"parts":{{"c":{{"record":"{}"}}}}}}"#, Digest::of(b""));
        for part in [None, Some(""), Some("{}"), Some(r#"{"files":{"../../x":"0"}}"#)] {
            let read: ReadPart = Arc::new(move |_| part.map(|it| it.as_bytes().to_vec()));
            let manifest = Manifest::parse(&text, &read).unwrap();
            assert!(manifest.paths().is_empty() && manifest.digest(&path("c/x")).is_none());
        }
    }
}
