//! Renders one template's manifests into the text of one file.

use std::{rc::Rc, sync::Arc};

use wob_engine::{Diagnostic, Place, Severity, Span, Value, mask_line, yaml};
use wob_template::{
    ErrorKind, JinjaData, MissingKey, Options, Template as GoTemplate, TemplateError,
};

use super::{
    Form, Inputs, MissedKey, Slot,
    compile::{CompiledFile, CompiledManifest, CompiledTemplate, CompiledValue, template_problem},
    data::{Root, Sibling, jinja},
    emit,
    missed::missing_key,
};
use crate::Profile;

/// How often a result that still holds `{{` is rendered again (design rule 6.6, bounded).
pub(super) const MAX_ROUNDS: usize = 16;

/// Returns how a profile's Go templates behave.
pub(super) fn options(profile: Profile) -> Options {
    let missing_key = match profile {
        Profile::Standard => MissingKey::Error,
        Profile::Kalypso => MissingKey::Warn,
    };
    Options { missing_key, ..Options::default() }
}

/// Renders the files of one template.
pub(super) struct Renderer<'r> {
    template: &'r CompiledTemplate,
    inputs: &'r Inputs,
    siblings: &'r [Sibling],
    root: Option<Rc<Root>>,
    data: Option<JinjaData>,
    /// Whether a result held `{{`, so that more may have been read than the templates say.
    is_nested: bool,
    diagnostics: &'r mut Vec<Diagnostic>,
    /// The keys that were missed: where the text is, and where in it.
    missed: Vec<(Place, String, Span)>,
}

impl<'r> Renderer<'r> {
    /// Returns a renderer of `template`, which may refer to its `siblings`.
    pub(super) fn new(
        template: &'r CompiledTemplate,
        inputs: &'r Inputs,
        siblings: &'r [Sibling],
        diagnostics: &'r mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            template,
            inputs,
            siblings,
            root: None,
            data: None,
            is_nested: false,
            diagnostics,
            missed: vec![],
        }
    }

    /// Renders a file; `None`, with diagnostics, if a manifest fails.
    pub(super) fn file(&mut self, file: &CompiledFile) -> Option<String> {
        let form = Form::of(self.template, file, self.inputs.cluster_type.settings.profile);
        let mut documents = String::new();
        let mut failed = false;
        for manifest in &file.manifests {
            failed |= self.manifest(manifest, form, &mut documents).is_none();
        }
        (!failed).then_some(documents)
    }

    /// Returns the keys that were missed where the template is used for `slot`.
    pub(super) fn missed(&self, slot: Slot) -> impl Iterator<Item = MissedKey> {
        let new = move |(place, key, span): &(Place, String, Span)| {
            MissedKey::new((slot, self.template), place, (key, *span))
        };
        self.missed.iter().filter_map(new)
    }

    /// Says whether the files so far are what whoever has the same key has: nothing was said, and only the templates were read.
    pub(super) fn is_by_key(&self) -> bool {
        self.diagnostics.is_empty() && !self.is_nested
    }
}

impl Renderer<'_> {
    /// Appends the documents of a manifest; one that lacks its final line break gets it, lest `a: 1---` come out (design
    /// rule 3.5, replaced).
    fn manifest(
        &mut self,
        manifest: &CompiledManifest,
        form: Form,
        documents: &mut String,
    ) -> Option<()> {
        let (text, place) = match manifest {
            CompiledManifest::Object { value } => {
                let value = self.value(value)?;
                append(documents, &emit(&value));
                return Some(());
            }
            CompiledManifest::Go { template, place } => (self.go(template, place)?, Some(place)),
            CompiledManifest::Jinja { name, template, place } => {
                match template.render(name, &self.data()) {
                    Ok(text) => (text, place.as_ref()),
                    Err(error) => {
                        self.jinja_problem(&error, place.as_ref());
                        return None;
                    }
                }
            }
        };
        // A document of white space is nothing (rule 6.7, replaced).
        if text.trim().is_empty() {
            return Some(());
        }
        match form {
            Form::Canonical => return self.canonical(&text, place, documents),
            Form::Verbatim => append(documents, &text),
        }
        Some(())
    }

    fn go(&mut self, template: &GoTemplate, place: &Place) -> Option<String> {
        let mut text = self.execute(template, place)?;
        // Config values may use template fields: what still holds a template is rendered again (rule 6.6).
        let mut round = 1;
        while !self.template.is_raw() && text.contains("{{") {
            if round == MAX_ROUNDS {
                self.diagnostics.push(endless(self.template.name(), place));
                return None;
            }
            round += 1;
            self.is_nested = true;
            self.root().complete();
            let again = GoTemplate::compile(self.template.name(), &text, self.template.functions());
            let again = again.map_err(|error| self.nested_problem(&error, place)).ok()?;
            let options = options(self.inputs.cluster_type.settings.profile);
            let result = again.render(&data(self.root()), &options);
            text = result.map_err(|error| self.nested_problem(&error, place)).ok()?.text;
        }
        Some(text)
    }

    fn execute(&mut self, template: &GoTemplate, place: &Place) -> Option<String> {
        let options = options(self.inputs.cluster_type.settings.profile);
        let root = self.root();
        let rendered = template.render(&data(root), &options).map_err(|error| {
            // What is said of an error may name keys that the template does not read.
            let again = || template.render(&data(root), &options).err();
            root.complete().then(again).flatten().unwrap_or(error)
        });
        let rendered = match rendered {
            Ok(it) => it,
            Err(error) => {
                self.diagnostics.push(template_problem(&error, place));
                return None;
            }
        };
        for warning in &rendered.warnings {
            self.diagnostics.push(missing_key(&warning.key, place.text(warning.span)));
            self.missed.push((place.clone(), warning.key.clone(), warning.span));
        }
        Some(rendered.text)
    }

    fn data(&mut self) -> JinjaData {
        let (inputs, template, siblings) = (self.inputs, self.template, self.siblings);
        self.data.get_or_insert_with(|| jinja(inputs, template, siblings)).clone()
    }

    /// The data is made once per file: a template cannot change what a later one sees, as the scheduler makes it anew too.
    fn root(&mut self) -> &Rc<Root> {
        let (inputs, reads) = (self.inputs, self.template.config_reads());
        self.root.get_or_insert_with(|| Rc::new(Root::of_few(inputs, reads)))
    }

    fn value(&mut self, value: &CompiledValue) -> Option<Value> {
        Some(match value {
            CompiledValue::Plain(it) => it.clone(),
            CompiledValue::Text { template, place } => Value::from(self.go(template, place)?),
            CompiledValue::List(items) => {
                Value::List(items.iter().map(|it| self.value(it)).collect::<Option<_>>()?)
            }
            CompiledValue::Map(entries) => {
                let entry =
                    |(key, it): &(Arc<str>, CompiledValue)| Some((key.clone(), self.value(it)?));
                Value::Map(entries.iter().map(entry).collect::<Option<_>>()?)
            }
        })
    }

    fn canonical(
        &mut self,
        text: &str,
        place: Option<&Place>,
        documents: &mut String,
    ) -> Option<()> {
        if yaml::canonical(text, documents) {
            return Some(());
        }
        let parsed = yaml::parse(text, &yaml::Limits::default());
        let problem = parsed.problems.iter().find(|it| it.severity == Severity::Error);
        if let Some(problem) = problem {
            self.diagnostics.push(self.not_yaml(text, problem, place));
            return None;
        }
        let values = parsed.documents.iter().map(|it| it.root.to_value());
        values.filter(|it| *it != Value::Null).for_each(|it| append(documents, &emit(&it)));
        Some(())
    }

    fn not_yaml(&self, text: &str, problem: &yaml::Problem, place: Option<&Place>) -> Diagnostic {
        let index = wob_engine::LineIndex::new(text);
        let at = index.line_column(text, problem.span.start);
        let line = index.line(text, at.line).unwrap_or_default();
        let shown: String = mask_line(line.trim()).chars().take(100).collect();
        let message =
            format!("template `{}` renders to something that is not YAML", self.template.name());
        let diagnostic = Diagnostic::error("rendered-not-yaml", message)
            .note(format!("line {} of the result, `{shown}`: {}", at.line, problem.message))
            .help("quote values that come from outside: `{{ .X | quote }}`, and indent blocks with `nindent`");
        match place {
            Some(place) => diagnostic.at(place.clone(), "rendered from here"),
            None => diagnostic,
        }
    }

    fn nested_problem(&mut self, error: &TemplateError, place: &Place) {
        let mut diagnostic = template_problem(error, place);
        // The text that failed is a result, so its offsets mean nothing in the source.
        diagnostic.labels.clear();
        let diagnostic = diagnostic
            .at(place.clone(), "the result of this still held `{{` and was rendered again")
            .help("a config value may hold template fields; to keep `{{` as it is, set `raw: true` on the Template");
        self.diagnostics.push(diagnostic);
    }

    fn jinja_problem(&mut self, error: &TemplateError, place: Option<&Place>) {
        let diagnostic = if let Some(place) = place {
            template_problem(error, place)
        } else {
            // A built-in rule has no place in the sources; who builds the assignment adds that of the target.
            let rule = self.template.name();
            let help = if error.kind == ErrorKind::Limit {
                "make the config of this target smaller".to_owned()
            } else {
                format!("`wob rules show {rule}` says what it takes")
            };
            let message = format!("rule `{rule}` can't render this target: {}", error.message);
            Diagnostic::error("rule-failed", message)
                .note(format!("in {} of the built-in rule `{rule}`", error.template))
                .help(help)
        };
        self.diagnostics.push(diagnostic);
    }
}

fn data(root: &Rc<Root>) -> wob_template::Value {
    wob_template::Value::Object(root.clone())
}

fn append(documents: &mut String, document: &str) {
    yaml::separate(documents);
    documents.push_str(document);
}

fn endless(name: &str, place: &Place) -> Diagnostic {
    let message = format!("template `{name}` still holds `{{{{` after {MAX_ROUNDS} rounds");
    Diagnostic::error("endless-template", message).at(place.clone(), "rendered from here").help(
        "let no config value yield itself; to keep `{{` as it is, set `raw: true` on the Template",
    )
}
