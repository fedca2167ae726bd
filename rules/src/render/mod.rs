//! Rendering: from the inputs of one assignment to its files.
//!
//! **Invariant:** [`render`] is a pure function of [`Inputs`]. Everything that a file depends on is in there, it is
//! what the action's digest covers, and it is what explanations print.

mod compile;
mod data;
mod files;
mod manifest;
mod parameters;
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Blob, Diagnostic, Digest, Hasher, Place, Recipe, Value, yaml};

use compile::CompiledFile;
pub use compile::CompiledTemplate;
pub(crate) use compile::{TemplateText, compile_builtin, compile_rule, compile_template};
use data::Sibling;
pub use files::Files;
pub use parameters::Parameters;
pub use shared::{Config, HashedSettings};

use crate::{ManifestSource, Name, Profile, resource::Labels, rule::FileContent};

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
    /// The same, read; none if no template is a rule that looks at it.
    pub source: Option<ManifestSource>,
    /// The composed config.
    pub config: Arc<Config>,
    /// The template of `reconciler.yaml`.
    pub reconciler: Arc<CompiledTemplate>,
    /// The template of `namespace.yaml`.
    pub namespace_service: Arc<CompiledTemplate>,
    /// The template of the config file.
    pub config_type: Arc<CompiledTemplate>,
    /// The parameters of those that are rules.
    pub parameters: Arc<Parameters>,
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
        // `source` says nothing that `manifests` and the templates don't.
        for it in self.parameters.parts() {
            named("", &it.name, it.digest);
        }
    }
}

/// What a cluster type uses a template for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Namespace,
    Config,
    Reconciler,
}

/// One file that an assignment may have: which template makes it, and which of that one's files it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputFile<'i> {
    /// The template.
    pub(crate) template: &'i CompiledTemplate,
    slot: Slot,
    index: usize,
}

impl<'i> OutputFile<'i> {
    /// Returns its name.
    pub(crate) fn name(self, inputs: &Inputs) -> Arc<str> {
        let (settings, file) = (&inputs.settings, self.file());
        // Of Templates, only the config's content type counts (rule 3.3).
        let content_type = self.template.content_type();
        match self.slot {
            Slot::Config if content_type == Some("sh") => {
                settings.config_file(content_type).clone()
            }
            Slot::Reconciler if file.name.is_standard() => settings.reconciler_file().clone(),
            Slot::Namespace if file.name.is_standard() => settings.namespace_file().clone(),
            Slot::Config if file.name.is_standard() => settings.config_file(None).clone(),
            Slot::Reconciler => file.name.fill("reconciler").into(),
            Slot::Namespace => file.name.fill("namespace").into(),
            Slot::Config => file.name.fill(&settings.config_file).into(),
        }
    }

    /// Returns the field of a cluster type that names the template.
    pub(crate) fn role(self) -> &'static str {
        match self.slot {
            Slot::Reconciler => "reconciler",
            Slot::Namespace => "namespaceService",
            Slot::Config => "configType",
        }
    }

    /// Says whether it holds YAML.
    pub(crate) fn is_yaml(self) -> bool {
        content(self.template, self.file()) == FileContent::Yaml
    }

    /// Returns where its manifests stand in the sources; none is known of a built-in rule.
    pub(crate) fn places(self) -> &'i [Option<Place>] {
        let files = self.template.files();
        let start = files[..self.index].iter().map(|it| it.manifests.len()).sum();
        &self.template.places()[start..][..files[self.index].manifests.len()]
    }

    fn file(self) -> &'i CompiledFile {
        &self.template.files()[self.index]
    }

    /// Says whether it is written even if it is empty (rule 3.2).
    fn is_always_written(self) -> bool {
        self.slot != Slot::Config && self.file().name.is_standard()
    }

    /// Says whether it is among the files of the assignment, or would be if no template failed.
    pub(crate) fn is_written(self, inputs: &Inputs) -> bool {
        self.is_always_written() || file_text(inputs, self).is_none_or(|it| !it.is_empty())
    }

    fn sibling(self, inputs: &Inputs) -> Sibling {
        Sibling { name: self.name(inputs), content: content(self.template, self.file()) }
    }
}

impl Inputs {
    /// Lists the files that there may be; the reconciler's come last, because it may list the others.
    pub(crate) fn output_files(&self) -> impl Iterator<Item = OutputFile<'_>> {
        let slots = [
            (Slot::Namespace, &*self.namespace_service),
            (Slot::Config, &*self.config_type),
            (Slot::Reconciler, &*self.reconciler),
        ];
        slots.into_iter().flat_map(|(slot, template)| {
            (0..template.files().len()).map(move |index| OutputFile { template, slot, index })
        })
    }

    /// Returns the names of files that two templates, or two files of one, would write; sorted, each once.
    pub(crate) fn contested_names(&self) -> Vec<String> {
        let mut names: Vec<Arc<str>> = self.output_files().map(|it| it.name(self)).collect();
        names.sort();
        let twice = names.windows(2).filter(|it| it[0] == it[1]).map(|it| it[0].to_string());
        let mut contested: Vec<String> = twice.collect();
        contested.dedup();
        contested
    }

    /// Returns the files that the reconciler comes with, if its templates look at them.
    fn siblings(&self) -> Vec<Sibling> {
        if !self.reconciler.names().have_files() {
            return vec![];
        }
        let others = self.output_files().filter(|it| it.slot != Slot::Reconciler);
        let written = others.filter(|it| {
            let text = file_text_among(self, *it, &[], &mut vec![]);
            it.is_always_written() || text.is_some_and(|it| !it.is_empty())
        });
        written.map(|it| it.sibling(self)).collect()
    }
}

/// Renders the files of one assignment, and keeps their bytes.
pub fn render(inputs: &Inputs) -> Rendered {
    render_with(inputs, &|_, text| Blob::new(text.into_bytes()))
}

/// Renders the files of one assignment, and keeps their digests: whoever needs the bytes renders them again.
pub(crate) fn render_digests(inputs: &Arc<Inputs>) -> Rendered {
    render_with(inputs, &|number, text| {
        Blob::made(text.as_bytes(), Arc::<Inputs>::clone(inputs), number)
    })
}

fn render_with(inputs: &Inputs, blob: &dyn Fn(u32, String) -> Blob) -> Rendered {
    let mut result = Rendered::default();
    let mut files = vec![];
    let mut siblings: Vec<Sibling> = vec![];
    let mut failed = false;
    let all: Vec<OutputFile<'_>> = inputs.output_files().collect();
    let mut numbers = 0..;
    for of_one in all.chunk_by(|a, b| a.slot == b.slot) {
        let (slot, template) = (of_one[0].slot, of_one[0].template);
        let listed = if slot == Slot::Reconciler { siblings.clone() } else { vec![] };
        let diagnostics = &mut result.diagnostics;
        let mut renderer = manifest::Renderer::new(template, inputs, &listed, diagnostics);
        for (output, number) in of_one.iter().zip(&mut numbers) {
            let text = renderer.file(output.file());
            failed |= text.is_none();
            let text = text.unwrap_or_default();
            if output.is_always_written() || !text.is_empty() {
                siblings.push(output.sibling(inputs));
                files.push((output.name(inputs), blob(number, text)));
            }
        }
    }
    if !failed {
        result.files = files.into_iter().collect();
    }
    result
}

/// Returns the text of a file; `None` if a template fails.
pub(crate) fn file_text(inputs: &Inputs, output: OutputFile<'_>) -> Option<String> {
    let siblings = if output.slot == Slot::Reconciler { inputs.siblings() } else { vec![] };
    file_text_among(inputs, output, &siblings, &mut vec![])
}

fn file_text_among(
    inputs: &Inputs,
    output: OutputFile<'_>,
    siblings: &[Sibling],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    manifest::Renderer::new(output.template, inputs, siblings, diagnostics).file(output.file())
}

/// The number of a file is its place in `Inputs::output_files`.
impl Recipe for Inputs {
    fn make(&self, number: u32) -> Vec<u8> {
        let output = self.output_files().nth(number as usize);
        let output = output.expect("because it was a number when the file was made first");
        let text = file_text(self, output);
        text.expect("because rendering is pure, and succeeded before").into_bytes()
    }
}

/// Returns all that jinja templates of `template` can see.
pub(crate) fn data(inputs: &Inputs, template: &CompiledTemplate) -> Value {
    data::plain(inputs, template, &data::Names::all(), &inputs.siblings())
}

/// Returns what a file really holds.
fn content(template: &CompiledTemplate, file: &CompiledFile) -> FileContent {
    match template.content_type() {
        None | Some("yaml" | "json" | "configMap") => file.content,
        Some(_) => FileContent::Text,
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
    fn of(template: &CompiledTemplate, file: &CompiledFile, profile: Profile) -> Self {
        let is_yaml = content(template, file) == FileContent::Yaml;
        let is_ours = template.is_rule() || profile == Profile::Standard;
        if is_yaml && is_ours { Self::Canonical } else { Self::Verbatim }
    }
}

/// Emits one document as every reader reads it alike.
fn emit(value: &Value) -> String {
    yaml::emit(value, yaml::Style::Canonical)
}
