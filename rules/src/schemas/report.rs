//! From findings in rendered files to diagnostics at the templates that made them.

use std::collections::BTreeMap;

use wob_engine::{Blob, Diagnostic, Place};

use super::{Checker, check::Finding};
use crate::render::{CompiledTemplate, Inputs};

impl Checker<'_> {
    /// Checks the rendered `files` of an assignment; `cluster_type` is where its cluster type stands.
    ///
    /// All of them are errors, sorted, and say the same of every assignment that has the same problem, but for their notes.
    pub(crate) fn diagnostics(
        &self,
        files: &BTreeMap<String, Blob>,
        inputs: &Inputs,
        cluster_type: &Place,
    ) -> Vec<Diagnostic> {
        let mut diagnostics = vec![];
        for (name, blob) in files {
            let text = String::from_utf8_lossy(blob.bytes());
            let (template, field) = maker(name, inputs);
            for finding in self.file(name, &text) {
                let place = template_place(template, &finding)
                    .unwrap_or_else(|| cluster_type.key("spec").key(field));
                diagnostics.push(finding.into_diagnostic(template, place));
            }
        }
        diagnostics.sort();
        diagnostics.dedup();
        diagnostics
    }
}

/// Returns the template that made a file, and the field of a cluster type that names it.
fn maker<'i>(file: &str, inputs: &'i Inputs) -> (&'i CompiledTemplate, &'static str) {
    let stem = file.split('.').next().unwrap_or_default();
    if stem == inputs.settings.config_file {
        (&inputs.config_type, "configType")
    } else if stem == "namespace" {
        (&inputs.namespace_service, "namespaceService")
    } else {
        (&inputs.reconciler, "reconciler")
    }
}

/// Returns the manifest that made a document; of several the one in the same position. A built-in rule has none.
fn template_place(template: &CompiledTemplate, finding: &Finding) -> Option<Place> {
    let places = template.places();
    places.get(finding.document).or(places.first())?.clone()
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
        diagnostic.at(place, label).help(self.help).note(self.note)
    }
}
