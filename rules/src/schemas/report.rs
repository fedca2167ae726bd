//! From findings in rendered files to diagnostics at the templates that made them.

use wob_engine::{At, Blob, Diagnostic, Place};

use super::{
    Checker,
    check::{CHANGE, Finding},
};
use crate::render::{CompiledTemplate, Inputs};

impl Checker<'_> {
    /// Checks rendered `files` of an assignment; `cluster_type` is where its cluster type stands.
    ///
    /// All of them are errors, sorted, and say the same of every assignment that has the same problem, but for their notes.
    pub(crate) fn diagnostics<'f>(
        &self,
        files: impl Iterator<Item = (&'f str, &'f Blob)>,
        inputs: &Inputs,
        cluster_type: &Place,
    ) -> Vec<Diagnostic> {
        let mut diagnostics = vec![];
        for (name, blob) in files {
            let bytes = blob.bytes();
            let text = String::from_utf8_lossy(&bytes);
            let output = inputs.output_files().find(|it| **it.name() == *name);
            let output = output.expect("because every file is rendered from one of them");
            for finding in self.file(name, &text) {
                let place = manifest_place(output.places(), &finding)
                    .unwrap_or_else(|| cluster_type.key("spec").key(output.role()));
                diagnostics.push(finding.into_diagnostic(output.template, place));
            }
        }
        diagnostics.sort();
        diagnostics.dedup();
        diagnostics
    }
}

/// Returns the manifest that made a document. A built-in rule has none.
///
/// Of several manifests it is the one in the same position, if there are as many documents; else it is all of them.
fn manifest_place(places: &[Option<Place>], finding: &Finding) -> Option<Place> {
    match places {
        [only] => only.clone(),
        all if all.len() == finding.documents => all.get(finding.document)?.clone(),
        all => all.first()?.as_ref().map(list_of),
    }
}

/// Returns the list that an item is in.
fn list_of(item: &Place) -> Place {
    let mut list = item.clone();
    if let At::Node { path, .. } = &mut list.at {
        *path = path[..path.len().saturating_sub(1)].into();
    }
    list
}

impl Finding {
    fn into_diagnostic(self, template: &CompiledTemplate, place: Place) -> Diagnostic {
        let what = if template.is_builtin() { "rule" } else { "template" };
        let label = format!("rendered by {what} `{}`", template.name());
        let message = self.message();
        let diagnostic = match self.code {
            "schema-missing" => Diagnostic::error("schema-missing", message),
            _ => Diagnostic::error("manifest-invalid", message),
        };
        let help = if self.help == CHANGE && template.is_builtin() {
            "change the value that the rule prints: of the target, of the config or of a parameter"
                .to_owned()
        } else {
            self.help
        };
        diagnostic.at(place, label).help(help).note(self.note)
    }
}
