//! Rules: templates with typed parameters, declared in a `rule.yaml`; built into wob, or of a workspace.
//!
//! One reader serves both, so what a built-in rule can do, a workspace's can do too.

mod decode;
mod parameter;
mod settings;
mod source;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, sync::Arc};

use wob_engine::{FileName, Place};

pub(crate) use self::decode::{decode, strict};
#[cfg(test)]
pub(crate) use self::parameter::matcher;
pub use self::{
    decode::is_template_name,
    parameter::{Parameter, ParameterType, Presence},
    settings::{ParameterLevel, ParameterSettings, ParameterValues, SetParameter, SetParameters},
    source::{Artifact, GitRevision, ManifestSource, OciReference, SourceKind},
};
use crate::resource::Meta;

/// The API group and version of [`Rule`].
pub const RULE_API_VERSION: &str = "wob.dev/v1alpha1";

/// The kind of [`Rule`].
pub const RULE_KIND: &str = "Rule";

/// The JSON Schema of `rule.yaml`.
pub const RULE_SCHEMA: &str = include_str!("rule.schema.json");

/// Where built-in rules are; no branch, address or folder is named so.
const BUILTIN: &str = "<wob>/rules/";

/// What a `rule.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name, labels, place.
    pub meta: Meta,
    /// `spec.type`: what it is written for.
    pub kind: RuleKind,
    /// `spec.description`: what it does, in one sentence.
    pub description: String,
    /// `spec.sources`: which manifest sources it can express; empty if it does not look at them.
    pub sources: BTreeSet<SourceKind>,
    /// `spec.parameters`, in written order.
    pub parameters: Vec<Parameter>,
    /// `spec.files`, or the one file that `spec.manifests` make.
    pub files: Vec<RuleFile>,
}

/// What a rule is written for; cluster types may use any rule anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// `spec.reconciler` of a cluster type.
    Reconciler,
    /// `spec.namespaceService`.
    Namespace,
    /// `spec.configType`.
    Config,
}

/// One file that a rule emits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// Its name.
    pub name: OutputName,
    /// What it holds.
    pub content: FileContent,
    /// The template files that make it, in order; they lie beside the `rule.yaml`.
    pub templates: Vec<TemplateFile>,
}

/// The name of a template file, without folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFile {
    /// `application.yaml.j2`.
    pub name: Arc<str>,
    /// Where the rule names it.
    pub place: Place,
}

/// What an emitted file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileContent {
    /// Kubernetes manifests: parsed, and emitted as every reader reads them alike.
    Yaml,
    /// Text that is kept byte for byte.
    Text,
}

/// The name of an emitted file, such as `pull.sh` or `{stem}.sh`.
///
/// **Invariant:** filled with a [`crate::Name`] it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputName(Arc<str>);

impl OutputName {
    /// What stands for `reconciler`, `namespace`, or the name of the config file.
    pub const STEM: &'static str = "{stem}";

    /// The name of what only lists manifests.
    pub(crate) fn standard() -> Self {
        Self("{stem}.yaml".into())
    }

    /// Checks `text`.
    ///
    /// # Errors
    /// With the rule that is broken, to be shown beside the text.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        crate::Name::new(&text.replacen(Self::STEM, "stem", 1))?;
        Ok(Self(text.into()))
    }

    /// Returns the text as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether this is what a rule that only lists manifests emits.
    pub fn is_standard(&self) -> bool {
        *self == Self::standard()
    }

    /// Returns the name of the file.
    pub fn fill(&self, stem: &str) -> String {
        self.0.replacen(Self::STEM, stem, 1)
    }
}

impl RuleKind {
    /// Every kind, in the order in which help texts list them.
    pub const ALL: [Self; 3] = [Self::Reconciler, Self::Namespace, Self::Config];

    /// Returns the word in `spec.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconciler => "reconciler",
            Self::Namespace => "namespace",
            Self::Config => "config",
        }
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Rule {
    /// Returns the name that cluster types use.
    pub fn name(&self) -> &str {
        self.meta.name.as_str()
    }

    /// Returns the name that the file of a built-in rule has in places.
    pub(crate) fn builtin_file(name: &str) -> FileName {
        FileName::new(&format!("{BUILTIN}{name}/rule.yaml"))
    }

    /// Says whether a file of this name is that of a built-in rule.
    pub(crate) fn is_builtin_file(name: &FileName) -> bool {
        name.as_str().starts_with(BUILTIN)
    }

    /// Says whether it is built into wob: then no place of it is in the sources.
    pub fn is_builtin(&self) -> bool {
        Self::is_builtin_file(&self.meta.place.file)
    }

    /// Returns the name of a file beside the rule's own.
    pub fn beside(&self, name: &str) -> FileName {
        let own = self.meta.place.file.as_str();
        // Before a file at the root of a branch or of another repository stands no slash, but a colon.
        let folder = own.rfind(['/', ':']).map_or("", |it| &own[..=it]);
        FileName::new(&format!("{folder}{name}"))
    }

    /// Returns the names of its template files, each once, in the order of their use.
    pub fn templates(&self) -> Vec<&TemplateFile> {
        let mut seen = BTreeSet::new();
        let all = self.files.iter().flat_map(|it| &it.templates);
        all.filter(|it| seen.insert(&it.name)).collect()
    }
}
