//! Rendering: from the inputs of one assignment to its files.
//!
//! **Invariant:** [`render`] is a pure function of [`Inputs`]. Everything that a file depends on is in there, it is
//! what the action's digest covers, and it is what explanations print.

mod compile;
mod data;
mod manifest;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Blob, Diagnostic, Digest, Hasher, Map, Value, yaml};

pub use compile::CompiledTemplate;
pub(crate) use compile::{compile_builtin, compile_template};

use crate::{Name, Profile, Settings, resource::Labels};

/// Everything that the files of one assignment depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// The namespace, by the settings' pattern.
    pub namespace: String,
    /// The environment.
    pub environment: String,
    /// The workspace.
    pub workspace: String,
    /// The workload.
    pub workload: String,
    /// The target's labels.
    pub labels: Labels,
    /// Where the workload's manifests are.
    pub manifests: BTreeMap<Arc<str>, Arc<str>>,
    /// The composed config.
    pub config: Arc<Map>,
    /// The template of `reconciler.yaml`.
    pub reconciler: Arc<CompiledTemplate>,
    /// The template of `namespace.yaml`.
    pub namespace_service: Arc<CompiledTemplate>,
    /// The template of the config file.
    pub config_type: Arc<CompiledTemplate>,
    /// The conventions of the output.
    pub settings: Arc<Settings>,
    /// What the files are checked against; none if they are not checked.
    pub check: Option<Digest>,
}

/// The files of one assignment, by name; or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// File name to contents; empty if a template failed.
    pub files: BTreeMap<String, Blob>,
    /// What the templates complained about.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rendered {
    /// Says whether a template failed, so that the assignment has no files.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// One named part of an action's inputs: what is hashed, and what is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InputPart {
    /// What it is: `config.DATABASE_URL`, `template.reconciler`.
    pub name: String,
    /// The digest of its value.
    pub digest: Digest,
}

impl Inputs {
    /// Lists the parts, in a fixed order.
    pub fn parts(&self) -> Vec<InputPart> {
        let part = |name: &str, bytes: &[u8]| InputPart {
            name: name.to_owned(),
            digest: Digest::of(bytes),
        };
        let mut parts = vec![
            part("wob", env!("CARGO_PKG_VERSION").as_bytes()),
            part("settings", format!("{:?}", self.settings).as_bytes()),
            part("clusterType", self.cluster_type.as_str().as_bytes()),
            part("target", self.target.as_str().as_bytes()),
            part("namespace", self.namespace.as_bytes()),
            part("environment", self.environment.as_bytes()),
            part("workspace", self.workspace.as_bytes()),
            part("workload", self.workload.as_bytes()),
        ];
        let check = self.check.map(|digest| InputPart { name: "check".to_owned(), digest });
        parts.extend(check);
        let templates = [
            ("template.reconciler", &self.reconciler),
            ("template.namespaceService", &self.namespace_service),
            ("template.configType", &self.config_type),
        ];
        for (name, template) in templates {
            parts.push(InputPart { name: name.to_owned(), digest: template.digest() });
        }
        parts.extend(
            self.labels.iter().map(|(key, it)| part(&format!("label.{key}"), it.as_bytes())),
        );
        parts.extend(
            self.manifests.iter().map(|(key, it)| part(&format!("manifests.{key}"), it.as_bytes())),
        );
        let config = self.config.iter();
        parts.extend(
            config.map(|(key, it)| part(&format!("config.{key}"), canonical(it).as_bytes())),
        );
        parts
    }

    /// Returns the digest over [`Inputs::parts`]: the key of the action.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 action");
        for part in self.parts() {
            hasher = hasher.field(part.name.as_bytes()).field(part.digest.as_bytes());
        }
        hasher.finish()
    }
}

/// JSON tells a text from the number it looks like, and sorts keys.
fn canonical(value: &Value) -> String {
    match value {
        // JSON has no infinities; Rust's printing tells every float from every other.
        Value::Float(it) => format!("float {it:?}"),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => serde_json::Value::from(value).to_string(),
    }
}

/// Renders the files of one assignment.
pub fn render(inputs: &Inputs) -> Rendered {
    let mut rendered = Rendered::default();
    let reconciler = manifest::render(&inputs.reconciler, inputs, &mut rendered.diagnostics);
    let namespace = manifest::render(&inputs.namespace_service, inputs, &mut rendered.diagnostics);
    let config = manifest::render(&inputs.config_type, inputs, &mut rendered.diagnostics);
    let (Some(reconciler), Some(namespace), Some(config)) = (reconciler, namespace, config) else {
        return rendered;
    };
    let mut put = |name: String, text: String| {
        rendered.files.insert(name, Blob::new(text.into_bytes()));
    };
    // These two are written even if empty (rule 3.2).
    put("reconciler.yaml".to_owned(), reconciler);
    put("namespace.yaml".to_owned(), namespace);
    if !config.is_empty() {
        put(config_file(inputs), config);
    }
    rendered
}

/// Returns the name of the config file: only the config's content type counts (rule 3.3).
pub(crate) fn config_file(inputs: &Inputs) -> String {
    let extension = if inputs.config_type.content_type() == Some("sh") { "sh" } else { "yaml" };
    format!("{}.{extension}", inputs.settings.config_file)
}

/// Returns what templates see, with these parameters.
pub(crate) fn data(inputs: &Inputs, params: &Map) -> Value {
    data::plain(inputs, params)
}

/// Returns the text that `template` gives; `None` if it fails.
pub(crate) fn file_text(inputs: &Inputs, template: &CompiledTemplate) -> Option<String> {
    manifest::render(template, inputs, &mut vec![])
}

/// What becomes of a rendered text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// It is parsed as YAML and emitted again.
    Canonical,
    /// It is kept byte for byte.
    Verbatim,
}

impl Form {
    fn of(template: &CompiledTemplate, profile: Profile) -> Self {
        let is_ours = template.is_builtin() || profile == Profile::Standard;
        if is_yaml(template) && is_ours { Self::Canonical } else { Self::Verbatim }
    }
}

/// Says whether a template gives YAML.
pub(crate) fn is_yaml(template: &CompiledTemplate) -> bool {
    matches!(template.content_type(), None | Some("yaml" | "json" | "configMap"))
}

/// Emits one document as every reader reads it alike.
fn emit(value: &Value) -> String {
    yaml::emit(value, yaml::Style::Canonical)
}
