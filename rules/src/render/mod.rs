//! Rendering: from the inputs of one assignment to its files.
//!
//! **Invariant:** [`render`] is a pure function of [`Inputs`]. Everything that a file depends on is in there, it is
//! what the action's digest covers, and it is what explanations print.

mod compile;
mod data;
mod files;
mod inputs;
mod manifest;
mod parameters;
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::sync::Arc;

use wob_engine::{Blob, Diagnostic, Place, Recipe, Value, yaml};

use compile::CompiledFile;
pub use compile::CompiledTemplate;
pub(crate) use compile::{TemplateText, compile_builtin, compile_rule, compile_template};
use data::Sibling;
pub use files::Files;
pub use inputs::{
    ClusterTypeFields, ClusterTypeInputs, InputPart, Inputs, TargetFields, TargetInputs,
};
pub use parameters::Parameters;
pub use shared::{Config, HashedSettings};

use crate::{Profile, rule::FileContent};

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
    name: &'i Arc<str>,
}

impl<'i> OutputFile<'i> {
    /// Returns its name.
    pub(crate) fn name(self) -> &'i Arc<str> {
        self.name
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
    render_with(inputs, &|_, text| Blob::new(text.into_bytes()))
}

/// Renders the files of one assignment, whose bytes can be made again once somebody has taken them.
pub(crate) fn render_digests(inputs: &Arc<Inputs>) -> Rendered {
    render_with(inputs, &|number, text| {
        Blob::made(text.into_bytes(), Arc::<Inputs>::clone(inputs), number)
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
                siblings.push(output.sibling());
                files.push((output.name.clone(), blob(number, text)));
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
