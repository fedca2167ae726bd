//! Rendering: from the inputs of one assignment to its files.
//!
//! **Invariant:** [`render`] is a pure function of [`Inputs`]. Everything that a file depends on is in there, it is
//! what the action's digest covers, and it is what explanations print.

mod compile;
mod data;
mod file_key;
mod files;
mod inputs;
mod made;
mod manifest;
mod missed;
mod parameters;
mod parts;
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::sync::Arc;

use wob_engine::{Blob, Diagnostic, Digest, Place, Recipe, Value, yaml};

use compile::CompiledFile;
pub use compile::CompiledTemplate;
pub(crate) use compile::{TemplateText, compile_builtin, compile_rule, compile_template};
use data::Sibling;
pub use files::Files;
pub(crate) use inputs::CHECK;
pub use inputs::{ClusterTypeFields, ClusterTypeInputs, Inputs, TargetFields, TargetInputs};
pub use missed::MissedKey;
pub use parameters::Parameters;
pub use parts::{GroupDigests, InputPart, PartGroup, Parts};
pub use shared::{Config, HashedSettings};

use crate::{Profile, known::Before, rule::FileContent};

/// The files of one assignment, by name; or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What each file depends on.
    pub grain: Grain,
    /// File name to contents; empty if a template failed.
    pub files: Files,
    /// What the templates complained about.
    pub diagnostics: Vec<Diagnostic>,
    /// The keys that they missed without failing, in the same order: of each is a complaint.
    pub missed: Box<[MissedKey]>,
}

/// What the files of an assignment depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Grain {
    /// All on all inputs.
    #[default]
    Assignment,
    /// Each on those that its template can read.
    File,
}

impl Rendered {
    /// Says whether a template failed, so that the assignment has no files.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// What a cluster type uses a template for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Slot {
    Namespace,
    Config,
    Reconciler,
}

impl Slot {
    /// Returns the field of a cluster type that says it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Reconciler => "reconciler",
            Self::Namespace => "namespaceService",
            Self::Config => "configType",
        }
    }
}

/// One file that an assignment may have: which template makes it, and which of that one's files it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputFile<'i> {
    /// The template.
    pub(crate) template: &'i CompiledTemplate,
    slot: Slot,
    index: usize,
    name: &'i Arc<str>,
}

impl<'i> OutputFile<'i> {
    /// Returns its name.
    pub(crate) fn name(self) -> &'i Arc<str> {
        self.name
    }

    /// Returns the field of a cluster type that names the template.
    pub(crate) fn role(self) -> &'static str {
        self.slot.as_str()
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

    fn sibling(self) -> Sibling {
        Sibling { name: self.name.clone(), content: content(self.template, self.file()) }
    }
}

impl Inputs {
    /// Returns the files that the reconciler comes with, if its templates look at them.
    fn siblings(&self) -> Vec<Sibling> {
        if !self.cluster_type.reconciler.names().have_files() {
            return vec![];
        }
        let others = self.output_files().filter(|it| it.slot != Slot::Reconciler);
        let written = others.filter(|it| {
            let text = file_text_among(self, *it, &[], &mut vec![]);
            it.is_always_written() || text.is_some_and(|it| !it.is_empty())
        });
        written.map(OutputFile::sibling).collect()
    }
}

/// Renders the files of one assignment, and keeps their bytes.
pub fn render(inputs: &Inputs) -> Rendered {
    render_with(inputs, Keep::Bytes)
}

/// Renders the files of one assignment, but for those that another one has, too. Their bytes can be made again once somebody
/// has taken them.
pub(crate) fn render_digests(inputs: &Arc<Inputs>) -> Rendered {
    render_with(inputs, Keep::Digests(inputs, None))
}

/// Renders as [`render_digests`] does, but for the files that depend on nothing that is not as it was `before`.
pub(crate) fn render_changed(inputs: &Arc<Inputs>, before: &Before) -> Rendered {
    render_with(inputs, Keep::Digests(inputs, Some(before)))
}

/// What is kept of a file that was rendered.
#[derive(Clone, Copy)]
enum Keep<'i> {
    Bytes,
    /// And the inputs, to make the bytes again; and what there was before.
    Digests(&'i Arc<Inputs>, Option<&'i Before>),
}

impl Keep<'_> {
    /// Returns the key by which others may have a file; `None` if nobody can.
    fn key(self, inputs: &Inputs, output: OutputFile<'_>, siblings: &[Sibling]) -> Option<Digest> {
        let reads = &output.file().reads;
        let is_shared = matches!(self, Self::Digests(..)) && reads.can_be_shared();
        is_shared.then(|| reads.key(inputs, output.slot, siblings))
    }

    /// Returns the file that there was before, if it depends on nothing that has changed.
    fn before(self, number: u32, output: OutputFile<'_>) -> Option<Blob> {
        let Self::Digests(inputs, Some(before)) = self else { return None };
        let of = (output.template, output.slot);
        if !output.file().reads.is_unaffected(of, &before.changed) {
            return None;
        }
        let file = before.files.iter().find(|it| it.name == *output.name)?;
        Some(Blob::known((file.digest, file.git_id), Arc::<Inputs>::clone(inputs), number))
    }

    fn blob(self, number: u32, text: String) -> Blob {
        match self {
            Self::Bytes => Blob::new(text.into_bytes()),
            Self::Digests(inputs, _) => {
                Blob::made(text.into_bytes(), Arc::<Inputs>::clone(inputs), number)
            }
        }
    }
}

fn render_with(inputs: &Inputs, keep: Keep<'_>) -> Rendered {
    let mut result = Rendered::default();
    let mut files = vec![];
    let mut siblings: Vec<Sibling> = vec![];
    let mut failed = false;
    let mut is_by_key = true;
    let mut missed = vec![];
    let all: Vec<OutputFile<'_>> = inputs.output_files().collect();
    let mut numbers = 0..;
    for of_one in all.chunk_by(|a, b| a.slot == b.slot) {
        let (slot, template) = (of_one[0].slot, of_one[0].template);
        let listed = if slot == Slot::Reconciler { siblings.clone() } else { vec![] };
        let diagnostics = &mut result.diagnostics;
        let mut renderer = manifest::Renderer::new(template, inputs, &listed, diagnostics);
        for (output, number) in of_one.iter().zip(&mut numbers) {
            let file = output.file();
            let mut blob = keep.before(number, *output);
            let key = if blob.is_none() { keep.key(inputs, *output, &listed) } else { None };
            blob = blob.or_else(|| file.made.find(key.as_ref()?));
            if blob.is_none() {
                let text = renderer.file(file);
                failed |= text.is_none();
                let text = text.unwrap_or_default();
                let is_written = output.is_always_written() || !text.is_empty();
                blob = is_written.then(|| keep.blob(number, text));
                is_by_key &= renderer.is_by_key();
                if let Some(key) = key.filter(|_| is_by_key) {
                    blob = blob.map(|it| file.made.share(key, it));
                }
            }
            if let Some(blob) = blob {
                siblings.push(output.sibling());
                files.push((output.name.clone(), blob));
            }
        }
        missed.extend(renderer.missed(slot));
    }
    result.missed = missed.into();
    if !failed {
        result.files = files.into_iter().collect();
    }
    result.grain = if is_by_key { Grain::File } else { Grain::Assignment };
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

/// Says whether a file is the one that all configs have: named by the settings, or a shell script.
fn is_file_of_config(template: &CompiledTemplate, file: &CompiledFile) -> bool {
    template.content_type() == Some("sh") || file.name.is_standard()
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
