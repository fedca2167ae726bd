//! The last build of an environment into one place: what it was made from, so that the next build can say what changed.
//!
//! It is a note in the user's cache. Without it, nothing is known of what was before; nothing that is built depends on it.

mod compare;
mod explanation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wob_engine::{Digest, FileName};
use wob_host::{read_note, write_note};
use wob_rules::causes::LayerValues;

pub(crate) use self::{
    compare::{Compared, compare},
    explanation::{Doing, Edited, Explanation, ToldCause},
};
use crate::footprint::PlaceNotes;

/// What makes a note a last build of this shape.
const PURPOSE: &str = "last build 1";

/// What a build was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastBuild {
    /// The subtrees: cluster type and digest, in the order of the assignments.
    subtrees: Vec<(String, [u8; 32])>,
    /// The digests of the source files' bytes.
    files: BTreeMap<String, [u8; 32]>,
    /// What config layers said: file, layer, key, and a digest.
    values: Vec<(String, String, String, [u8; 32])>,
    /// Why each assignment was rendered, or not.
    #[serde(with = "as_json")]
    pub(crate) explanation: Explanation,
}

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
        values: LayerValues,
        explanation: Explanation,
    ) -> Self {
        let files = files.iter().map(|(name, it)| (name.to_string(), *it.as_bytes()));
        let values =
            values.into_iter().map(|((file, layer, key), it)| (file, layer, key, *it.as_bytes()));
        Self {
            subtrees: subtrees.map(|(on, it)| (on, *it.as_bytes())).collect(),
            files: files.collect(),
            values: values.collect(),
            explanation,
        }
    }

    /// Reads the note; `None` if there is none, or it is damaged.
    pub(crate) fn read(notes: &PlaceNotes) -> Option<Self> {
        postcard::from_bytes(&read_note(&notes.path("last"), PURPOSE)?).ok()
    }

    /// Replaces the note.
    pub(crate) fn write(&self, notes: &PlaceNotes) {
        if let Ok(bytes) = postcard::to_stdvec(self) {
            // Without it the next build knows less of what changed.
            write_note(&notes.path("last"), PURPOSE, &bytes).unwrap_or_default();
        }
    }

    /// Returns the subtrees: cluster type and digest, in the order of the assignments.
    pub(crate) fn subtrees(&self) -> Vec<(String, Digest)> {
        self.subtrees.iter().map(|(on, it)| (on.clone(), Digest::from_bytes(*it))).collect()
    }

    fn values(&self) -> LayerValues {
        let value = |(file, layer, key, digest): &(String, String, String, [u8; 32])| {
            ((file.clone(), layer.clone(), key.clone()), Digest::from_bytes(*digest))
        };
        self.values.iter().map(value).collect()
    }
}
