//! The last build of an environment into one place: what it was made from, so that the next build can say what changed.
//!
//! It is a note in the user's cache. Without it, nothing is known of what was before; nothing that is built depends on it.

mod compare;
mod conventions;
mod explanation;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use wob_engine::{Digest, FileName};
use wob_host::{NoteMark, read_marked_note, write_note};
use wob_rules::{
    EnvironmentInput,
    causes::{LayerValues, layer_values},
};

use self::conventions::Conventions;
pub(crate) use self::{
    compare::{BuiltSubtree, Compared, compare},
    explanation::{Doing, Edited, Explanation, ToldCause},
};
use crate::{footprint::PlaceNotes, id::Id, session::Session, workspace};

/// What makes a note a last build of this shape.
const PURPOSE: &str = "last build 4";

/// What a build was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastBuild {
    /// The subtrees: cluster type and digest, in the order of the assignments.
    subtrees: Vec<(String, Id<32>)>,
    /// The source files.
    files: BTreeMap<String, LastFile>,
    /// The conventions of the output.
    conventions: Conventions,
    /// Why each assignment was rendered, or not.
    #[serde(with = "as_json")]
    pub(crate) explanation: Explanation,
}

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LastFile {
    /// The digest of its bytes.
    digest: Id<32>,
    /// What the config layers in it said, as [`Said`] in a form that is only read for files that were edited; empty if it has none.
    said: ByteBuf,
}

/// What the config layers in one file said: layer, key, and a digest.
type Said = Vec<(String, String, Id<32>)>;

/// Explanations leave out what is not there, which only a format can hold that names its fields.
mod as_json {
    use serde::{Deserialize as _, Deserializer, Serializer, de, ser};

    use super::Explanation;

    pub(super) fn serialize<S: Serializer>(it: &Explanation, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(it).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Explanation, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

impl LastBuild {
    fn new(
        subtrees: impl Iterator<Item = (String, Digest)>,
        files: &BTreeMap<FileName, Digest>,
        conventions: Conventions,
        explanation: Explanation,
    ) -> Self {
        let file = |it: &Digest| LastFile { digest: Id::of(it), said: ByteBuf::new() };
        Self {
            subtrees: subtrees.map(|(on, it)| (on, Id::of(&it))).collect(),
            files: files.iter().map(|(name, it)| (name.to_string(), file(it))).collect(),
            conventions,
            explanation,
        }
    }

    /// Notes what config layers say now: of files that are as they were `before`, what was noted then.
    fn take_values(
        &mut self,
        session: &Session<'_>,
        input: EnvironmentInput,
        before: Option<Self>,
    ) {
        let mut before = before.map(|it| it.files).unwrap_or_default();
        let digest_in =
            |files: &BTreeMap<String, LastFile>, file: &str| files.get(file).map(|it| it.digest);
        // The settings decide what a text means; there may be none.
        if digest_in(&before, workspace::FILE) == digest_in(&self.files, workspace::FILE) {
            before.retain(|file, it| digest_in(&self.files, file) == Some(it.digest));
        } else {
            before.clear();
        }
        let wanted = |it: &FileName| !before.contains_key(it.as_str());
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        for ((file, layer, key), it) in layer_values(&session.loaded.db, input, &wanted) {
            said.entry(file).or_default().push((layer, key, Id::of(&it)));
        }
        for (file, said) in &said {
            let encoded = postcard::to_stdvec(said).expect("because it is plain data");
            if let Some(it) = self.files.get_mut(file) {
                it.said = encoded.into();
            }
        }
        for (file, it) in before {
            self.files.insert(file, it);
        }
    }

    /// Reads the note; `None` if there is none, or it is damaged.
    pub(crate) fn read(notes: &PlaceNotes) -> Option<Self> {
        Self::read_marked(notes).map(|(last, _)| last)
    }

    /// Does the same, and returns its mark, too.
    pub(crate) fn read_marked(notes: &PlaceNotes) -> Option<(Self, NoteMark)> {
        let (bytes, mark) = read_marked_note(&Self::path(notes), PURPOSE)?;
        Some((postcard::from_bytes(&bytes).ok()?, mark))
    }

    /// Returns where the note lies.
    pub(crate) fn path(notes: &PlaceNotes) -> Utf8PathBuf {
        notes.path("last")
    }

    /// Replaces the note.
    pub(crate) fn write(&self, notes: &PlaceNotes) {
        Self::write_text(&self.to_text(), notes);
    }

    /// Returns what is noted.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        // To grow a text of a megabyte takes as long as to write it.
        let files = self.files.iter().map(|(name, it)| name.len() + 40 + it.said.len());
        let room = Vec::with_capacity(files.sum::<usize>() + self.subtrees.len() * 64 + 4096);
        postcard::to_extend(self, room).expect("because it is plain data")
    }

    /// Replaces the note by what [`LastBuild::to_text`] returned.
    pub(crate) fn write_text(text: &[u8], notes: &PlaceNotes) {
        // Without it the next build knows less of what changed.
        write_note(&Self::path(notes), PURPOSE, text).unwrap_or_default();
    }

    /// Returns the subtrees: cluster type and digest, in the order of the assignments.
    pub(crate) fn subtrees(&self) -> Vec<(String, Digest)> {
        self.subtrees.iter().map(|(on, it)| (on.clone(), it.digest())).collect()
    }

    /// Returns what the config layers in some files said.
    fn values_of<'f>(&self, files: impl Iterator<Item = &'f str>) -> LayerValues {
        let mut values = LayerValues::new();
        for file in files {
            let said = self.files.get(file).and_then(|it| postcard::from_bytes(&it.said).ok());
            let said: Said = said.unwrap_or_default();
            values.extend(
                said.into_iter()
                    .map(|(layer, key, digest)| ((file.to_owned(), layer, key), digest.digest())),
            );
        }
        values
    }
}
