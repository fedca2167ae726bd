//! Rendering: from the inputs of one assignment to its files.
//!
//! **Invariant:** [`render`] is a pure function of [`Inputs`]. Everything that a file depends on is in there, it is
//! what the action's digest covers, and it is what explanations print.

mod compile;
mod data;
mod files;
mod manifest;
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Blob, Diagnostic, Digest, Hasher, Map, Recipe, Value, yaml};

pub use compile::CompiledTemplate;
pub(crate) use compile::{compile_builtin, compile_template};
pub use files::Files;
pub use shared::{Config, HashedSettings};

use crate::{Name, Profile, resource::Labels};

/// Everything that the files of one assignment depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// The namespace, by the settings' pattern.
    pub namespace: Arc<str>,
    /// The environment.
    pub environment: Arc<str>,
    /// The workspace.
    pub workspace: Arc<str>,
    /// The workload.
    pub workload: Arc<str>,
    /// The target's labels.
    pub labels: Arc<Labels>,
    /// Where the workload's manifests are.
    pub manifests: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The composed config.
    pub config: Arc<Config>,
    /// The template of `reconciler.yaml`.
    pub reconciler: Arc<CompiledTemplate>,
    /// The template of `namespace.yaml`.
    pub namespace_service: Arc<CompiledTemplate>,
    /// The template of the config file.
    pub config_type: Arc<CompiledTemplate>,
    /// The conventions of the output.
    pub settings: Arc<HashedSettings>,
    /// What the files are checked against; none if they are not checked.
    pub check: Option<Digest>,
}

/// The files of one assignment, by name; or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// File name to contents; empty if a template failed.
    pub files: Files,
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
        let mut parts = vec![];
        self.each_part(&mut |name, digest| parts.push(InputPart { name: name.to_owned(), digest }));
        parts
    }

    /// Returns the digest over [`Inputs::parts`]: the key of the action.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 action");
        self.each_part(&mut |name, digest| {
            hasher.add(name.as_bytes());
            hasher.add(digest.as_bytes());
        });
        hasher.finish()
    }

    /// Hands over the name and digest of each part, in a fixed order: what is hashed is what is explained.
    fn each_part(&self, part: &mut dyn FnMut(&str, Digest)) {
        part("wob", Digest::of(env!("CARGO_PKG_VERSION").as_bytes()));
        part("settings", self.settings.digest());
        let own = [
            ("clusterType", self.cluster_type.as_str()),
            ("target", self.target.as_str()),
            ("namespace", &*self.namespace),
            ("environment", &*self.environment),
            ("workspace", &*self.workspace),
            ("workload", &*self.workload),
        ];
        for (name, text) in own {
            part(name, Digest::of(text.as_bytes()));
        }
        if let Some(digest) = self.check {
            part("check", digest);
        }
        part("template.reconciler", self.reconciler.digest());
        part("template.namespaceService", self.namespace_service.digest());
        part("template.configType", self.config_type.digest());
        let mut name = String::new();
        let mut named = |kind: &str, key: &str, digest| {
            name.clear();
            name.push_str(kind);
            name.push_str(key);
            part(&name, digest);
        };
        for (key, it) in &*self.labels {
            named("label.", key, Digest::of(it.as_bytes()));
        }
        for (key, it) in &*self.manifests {
            named("manifests.", key, Digest::of(it.as_bytes()));
        }
        for (key, digest) in self.config.digests() {
            named("config.", key, digest);
        }
    }
}

/// The files of an assignment, by what they are for; the numbers are those of its [`Recipe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Reconciler = 0,
    Namespace = 1,
    Config = 2,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Reconciler, Self::Namespace, Self::Config];

    fn template(self, inputs: &Inputs) -> &CompiledTemplate {
        match self {
            Self::Reconciler => &inputs.reconciler,
            Self::Namespace => &inputs.namespace_service,
            Self::Config => &inputs.config_type,
        }
    }

    fn file_name(self, inputs: &Inputs) -> Arc<str> {
        match self {
            Self::Reconciler => inputs.settings.reconciler_file().clone(),
            Self::Namespace => inputs.settings.namespace_file().clone(),
            // Only the config's content type counts (rule 3.3).
            Self::Config => inputs.settings.config_file(inputs.config_type.content_type()).clone(),
        }
    }
}

/// Renders the files of one assignment, and keeps their bytes.
pub fn render(inputs: &Inputs) -> Rendered {
    render_with(inputs, &|_, text| Blob::new(text.into_bytes()))
}

/// Renders the files of one assignment, and keeps their digests: whoever needs the bytes renders them again.
pub(crate) fn render_digests(inputs: &Arc<Inputs>) -> Rendered {
    render_with(inputs, &|purpose, text| {
        Blob::made(text.as_bytes(), Arc::<Inputs>::clone(inputs), purpose as u32)
    })
}

fn render_with(inputs: &Inputs, blob: &dyn Fn(Purpose, String) -> Blob) -> Rendered {
    let mut rendered = Rendered::default();
    let texts = Purpose::ALL.map(|purpose| {
        manifest::render(purpose.template(inputs), inputs, &mut rendered.diagnostics)
            .map(|text| (purpose, text))
    });
    if texts.iter().any(Option::is_none) {
        return rendered;
    }
    // The first two are written even if empty (rule 3.2).
    let is_written =
        |(purpose, text): &(Purpose, String)| *purpose != Purpose::Config || !text.is_empty();
    let written = texts.into_iter().flatten().filter(is_written);
    rendered.files =
        written.map(|(purpose, text)| (purpose.file_name(inputs), blob(purpose, text))).collect();
    rendered
}

/// Returns the name of the config file: only the config's content type counts (rule 3.3).
pub(crate) fn config_file(inputs: &Inputs) -> String {
    Purpose::Config.file_name(inputs).to_string()
}

/// Returns what templates see, with these parameters.
pub(crate) fn data(inputs: &Inputs, params: &Map) -> Value {
    data::plain(inputs, params, &data::Names::all())
}

/// Returns the text that `template` gives; `None` if it fails.
pub(crate) fn file_text(inputs: &Inputs, template: &CompiledTemplate) -> Option<String> {
    manifest::render(template, inputs, &mut vec![])
}

impl Recipe for Inputs {
    fn make(&self, number: u32) -> Vec<u8> {
        let purpose = Purpose::ALL.into_iter().find(|it| *it as u32 == number);
        let purpose = purpose.expect("because it was a number when the file was made first");
        let text = manifest::render(purpose.template(self), self, &mut vec![]);
        text.expect("because rendering is pure, and succeeded before").into_bytes()
    }
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
