//! Missed keys: what a template asked for in vain and did not fail for, in a form that is kept with the result of the render.
//!
//! **Invariant:** nothing in it is a place in a source. That is found anew by the template, whose text the inputs of the render cover.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wob_engine::{At, Diagnostic, Place, Span, Step};

use super::{CompiledTemplate, Inputs, Slot};

/// A key that a template missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedKey {
    /// What the template is used for.
    slot: Slot,
    /// Which of its manifests.
    manifest: u32,
    /// The way from the manifest to the text, if it is an object.
    way: Vec<Step>,
    /// Where in the text.
    span: Span,
    /// The key; empty if that is not known.
    key: Arc<str>,
}

impl MissedKey {
    /// Takes a key that was missed in the text at `place`, somewhere in a manifest of `template`.
    pub(super) fn new(
        (slot, template): (Slot, &CompiledTemplate),
        place: &Place,
        (key, span): (&str, Span),
    ) -> Option<Self> {
        let mut manifests = template.places().iter().enumerate();
        let (manifest, way) =
            manifests.find_map(|(index, it)| Some((index, way(it.as_ref()?, place)?)))?;
        Some(Self { slot, manifest: u32::try_from(manifest).ok()?, way, span, key: key.into() })
    }

    /// Returns what is to be said of it where these are the inputs; `None` if the template has no such text.
    pub(crate) fn diagnostic(&self, inputs: &Inputs) -> Option<Diagnostic> {
        let template = inputs.cluster_type.template(self.slot);
        let manifest = template.places().get(self.manifest as usize)?.clone()?;
        let down = |place: Place, step: &Step| match step {
            Step::Key(key) => place.key(key),
            Step::Index(index) => place.index(*index as usize),
        };
        let place = self.way.iter().fold(manifest, down);
        Some(missing_key(&self.key, place.text(self.span)))
    }
}

/// Returns what is said of a key that is missing at `place`; it is empty if it is not known.
pub(super) fn missing_key(key: &str, place: Place) -> Diagnostic {
    let message = if key.is_empty() {
        "a value is missing, and prints `<no value>`".to_owned()
    } else {
        format!("`{key}` is missing, and prints `<no value>`")
    };
    Diagnostic::warning("missing-key", message)
        .at(place, "no such key")
        .help("set the key, or give a default: `{{ .X | default \"…\" }}`")
}

/// Returns the steps from one node down to another; `None` if that is not below it.
fn way(from: &Place, to: &Place) -> Option<Vec<Step>> {
    let (At::Node { document, path, .. }, At::Node { document: other, path: whole, .. }) =
        (&from.at, &to.at)
    else {
        return None;
    };
    let is_same = from.file == to.file && document == other;
    let below = whole.strip_prefix(&**path).filter(|_| is_same)?;
    Some(below.to_vec())
}
