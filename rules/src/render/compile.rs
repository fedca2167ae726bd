//! Compiling templates: once per template and settings, rendered many times.

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{Diagnostic, Digest, Hasher, Place, Span, Value};
use wob_template::{
    ErrorKind, Functions, Jinja, Limits, Template as GoTemplate, TemplateError, TemplateReads,
};

use super::{
    data::{FIELDS, JINJA_FIELDS, Names},
    file_key::FileReads,
    made::MadeFiles,
};
use crate::{
    Profile, Rule, SourceKind,
    builtin::Builtin,
    resource::{Language, Manifest, Template},
    rule::{FileContent, OutputName},
};

/// A template, ready to render.
///
/// **Invariant:** two of equal digest render alike; equality is that of digests and places.
#[derive(Debug)]
pub struct CompiledTemplate {
    name: String,
    content_type: Option<String>,
    origin: TemplateOrigin,
    raw: bool,
    sources: BTreeSet<SourceKind>,
    names: Names,
    files: Vec<CompiledFile>,
    /// What of config its files can read.
    config_reads: Arc<TemplateReads>,
    digest: Digest,
    places: Vec<Option<Place>>,
    profile: Profile,
}

/// What was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TemplateOrigin {
    Template,
    Rule,
    Builtin,
}

/// One file that a template makes.
#[derive(Debug)]
pub(super) struct CompiledFile {
    pub(super) name: OutputName,
    pub(super) content: FileContent,
    pub(super) manifests: Vec<CompiledManifest>,
    /// What it can depend on.
    pub(super) reads: FileReads,
    /// Those that were made of it.
    pub(super) made: MadeFiles,
}

impl CompiledFile {
    fn new(
        name: OutputName,
        content: FileContent,
        manifests: Vec<CompiledManifest>,
        profile: Profile,
    ) -> Self {
        let reads = FileReads::of(&manifests, profile);
        Self { name, content, manifests, reads, made: MadeFiles::default() }
    }
}

/// The text of one template file of a rule.
#[derive(Clone, Debug)]
pub(crate) struct TemplateText {
    /// The text.
    pub(crate) text: Arc<str>,
    /// The file; none if it is built into wob.
    pub(crate) place: Option<Place>,
}

/// One manifest of a template.
#[derive(Debug)]
pub(super) enum CompiledManifest {
    /// A Go template.
    Go { template: Box<GoTemplate>, place: Place },
    /// An object; every text in it is a Go template.
    Object { value: CompiledValue },
    /// A jinja template; those of built-in rules have no place in the sources.
    Jinja { name: Arc<str>, template: Box<Jinja>, place: Option<Place> },
}

/// A value with templates in the place of texts.
#[derive(Debug)]
pub(super) enum CompiledValue {
    Plain(Value),
    Text { template: Box<GoTemplate>, place: Place },
    List(Vec<Self>),
    Map(Vec<(Arc<str>, Self)>),
}

impl CompiledManifest {
    /// Returns the fields of the data that it sees.
    pub(super) fn fields(&self) -> &'static [&'static str] {
        match self {
            Self::Go { .. } | Self::Object { .. } => &FIELDS,
            Self::Jinja { .. } => &JINJA_FIELDS,
        }
    }

    /// Returns which keys of a field of the data it can read, if no value is a template itself.
    pub(super) fn reads(&self, field: &str) -> TemplateReads {
        match self {
            Self::Go { template, .. } => template.reads(field),
            Self::Object { value } => {
                let mut reads = TemplateReads::default();
                value.reads(field, &mut reads);
                reads
            }
            Self::Jinja { name, template, .. } if template.mentions(name, field) => {
                TemplateReads::All
            }
            Self::Jinja { .. } => TemplateReads::default(),
        }
    }
}

impl CompiledValue {
    /// Adds what its texts read; values come from parsers that bound their depth.
    fn reads(&self, field: &str, reads: &mut TemplateReads) {
        match self {
            Self::Plain(_) => {}
            Self::Text { template, .. } => reads.add(template.reads(field)),
            Self::List(items) => items.iter().for_each(|it| it.reads(field, reads)),
            Self::Map(entries) => entries.iter().for_each(|(_, it)| it.reads(field, reads)),
        }
    }
}

impl PartialEq for CompiledTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.places == other.places
    }
}

impl Eq for CompiledTemplate {}

impl CompiledTemplate {
    /// Returns the name that cluster types use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `spec.contentType`.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns where each manifest stands in the sources; empty for a built-in rule.
    pub(crate) fn places(&self) -> &[Option<Place>] {
        &self.places
    }

    /// Says whether this is a built-in rule.
    pub fn is_builtin(&self) -> bool {
        self.origin == TemplateOrigin::Builtin
    }

    /// Returns the digest of everything that shapes what this renders, but for the data.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns which keys of a field of the data its manifests can read, if no value is a template itself.
    pub(crate) fn reads(&self, field: &str) -> TemplateReads {
        let mut reads = TemplateReads::default();
        for manifest in self.files.iter().flat_map(|it| &it.manifests) {
            match manifest {
                CompiledManifest::Go { template, .. } => reads.add(template.reads(field)),
                CompiledManifest::Object { value } => value.reads(field, &mut reads),
                CompiledManifest::Jinja { name, template, .. } => {
                    reads.add(template.reads(name, field));
                }
            }
        }
        reads
    }

    /// Says whether the result is taken as it is, also where it holds `{{`.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw
    }

    /// Says whether this is a rule, built in or not.
    pub fn is_rule(&self) -> bool {
        self.origin != TemplateOrigin::Template
    }

    /// Returns the manifest sources that it can express; empty if it does not look at them.
    pub fn sources(&self) -> &BTreeSet<SourceKind> {
        &self.sources
    }

    /// Returns which of the fields that are dear to make its jinja templates name.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns what of config its files can read.
    pub(super) fn config_reads(&self) -> &Arc<TemplateReads> {
        &self.config_reads
    }

    pub(super) fn files(&self) -> &[CompiledFile] {
        &self.files
    }

    pub(super) fn functions(&self) -> &'static Functions {
        functions(self.profile)
    }
}

/// Returns the functions that Go templates may call in `profile`.
fn functions(profile: Profile) -> &'static Functions {
    use std::sync::OnceLock;

    use wob_template::kalypso::{self, ToYamlStyle};
    static STANDARD: OnceLock<Functions> = OnceLock::new();
    static KALYPSO: OnceLock<Functions> = OnceLock::new();
    match profile {
        Profile::Standard => STANDARD.get_or_init(|| kalypso::functions(ToYamlStyle::Helm)),
        Profile::Kalypso => KALYPSO.get_or_init(|| kalypso::functions(ToYamlStyle::GoYamlV3)),
    }
}

/// Compiles a template of the workspace.
///
/// # Errors
/// Every problem of every manifest, at its place.
pub(crate) fn compile_template(
    template: &Template,
    profile: Profile,
) -> Result<CompiledTemplate, Vec<Diagnostic>> {
    let functions = functions(profile);
    let name = template.meta.name.to_string();
    let mut diagnostics = vec![];
    let mut manifests = vec![];
    let mut places = vec![];
    let mut names = Names::default();
    let mut hasher = Hasher::new("wob 2026-11 template")
        .field(profile.as_str().as_bytes())
        .field(template.content_type.as_deref().unwrap_or_default().as_bytes())
        .field(&[u8::from(template.raw), u8::from(template.language == Language::Jinja)]);
    for manifest in &template.manifests {
        let compiled = match manifest {
            Manifest::Text { text, place } => {
                hasher = hasher.field(b"text").field(text.as_bytes());
                names.note(text);
                compile_text(&name, text, place, template.language, functions)
            }
            Manifest::Object { value, place } => {
                hasher = hasher
                    .field(b"object")
                    .field(serde_json::Value::from(value).to_string().as_bytes());
                compile_value(&name, value, place, functions)
                    .map(|value| CompiledManifest::Object { value })
            }
        };
        match compiled {
            Ok(it) => manifests.push(it),
            Err(mut errors) => diagnostics.append(&mut errors),
        }
        let (Manifest::Text { place, .. } | Manifest::Object { place, .. }) = manifest;
        places.push(Some(place.clone()));
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let files =
        vec![CompiledFile::new(OutputName::standard(), FileContent::Yaml, manifests, profile)];
    Ok(CompiledTemplate {
        name,
        content_type: template.content_type.clone(),
        origin: TemplateOrigin::Template,
        raw: template.raw,
        sources: BTreeSet::new(),
        names,
        config_reads: config_reads(&files),
        files,
        digest: hasher.finish(),
        places,
        profile,
    })
}

/// Compiles a built-in rule.
pub(crate) fn compile_builtin(builtin: &Builtin) -> CompiledTemplate {
    let text = |name: &str| {
        let (_, text) = builtin.templates.iter().find(|it| it.0 == name)?;
        Some(TemplateText { text: (*text).into(), place: None })
    };
    let compiled = compile_rule(&builtin.rule, |name| text(name).ok_or_else(Vec::new));
    let compiled = compiled.expect("because a test renders every built-in rule");
    CompiledTemplate { origin: TemplateOrigin::Builtin, ..compiled }
}

/// Compiles a rule, whose template files `text` reads.
///
/// # Errors
/// Every problem of every template, at its place.
pub(crate) fn compile_rule(
    rule: &Rule,
    text: impl Fn(&str) -> Result<TemplateText, Vec<Diagnostic>>,
) -> Result<CompiledTemplate, Vec<Diagnostic>> {
    let mut hasher = Hasher::new("wob 2026-11 rule").field(rule.name().as_bytes());
    for kind in &rule.sources {
        hasher = hasher.field(kind.as_str().as_bytes());
    }
    let mut places = vec![];
    let mut files = vec![];
    let mut names = Names::default();
    let mut diagnostics = vec![];
    for file in &rule.files {
        hasher = hasher
            .field(file.name.as_str().as_bytes())
            .field(&[u8::from(file.content == FileContent::Yaml)])
            .field(&(file.templates.len() as u64).to_le_bytes());
        let mut manifests = vec![];
        for template in &file.templates {
            let compiled = match text(&template.name) {
                Ok(it) => {
                    hasher = hasher.field(it.text.as_bytes());
                    names.note(&it.text);
                    places.push(it.place.clone());
                    compile_jinja(&template.name, it)
                }
                Err(errors) => Err(errors),
            };
            match compiled {
                Ok(it) => manifests.push(it),
                Err(mut errors) => diagnostics.append(&mut errors),
            }
        }
        let (name, content) = (file.name.clone(), file.content);
        files.push(CompiledFile::new(name, content, manifests, Profile::Standard));
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    Ok(CompiledTemplate {
        name: rule.name().to_owned(),
        content_type: None,
        origin: TemplateOrigin::Rule,
        raw: true,
        sources: rule.sources.clone(),
        names,
        config_reads: config_reads(&files),
        files,
        digest: hasher.finish(),
        places,
        profile: Profile::Standard,
    })
}

fn config_reads(files: &[CompiledFile]) -> Arc<TemplateReads> {
    let mut reads = TemplateReads::default();
    for file in files {
        reads.add(file.reads.config().clone());
    }
    Arc::new(reads)
}

fn compile_jinja(name: &Arc<str>, text: TemplateText) -> Result<CompiledManifest, Vec<Diagnostic>> {
    let template = jinja(name, &text.text).map_err(|error| match &text.place {
        Some(place) => {
            let mut problem = template_problem(&error, place);
            let help = "close every `{{`, and every `{% if %}` and `{% for %}` by its `{% end… %}`";
            problem.help.get_or_insert_with(|| help.to_owned());
            vec![problem]
        }
        None => unreachable!("because a test renders every built-in rule: {error}"),
    })?;
    Ok(CompiledManifest::Jinja {
        name: name.clone(),
        template: Box::new(template),
        place: text.place,
    })
}

/// The name under which a jinja text is compiled, when it has no file of its own.
const MAIN: &str = "template";

fn jinja(name: &str, text: &str) -> Result<Jinja, TemplateError> {
    let mut jinja = Jinja::new(&Limits::default());
    jinja.add(name, text)?;
    Ok(jinja)
}

fn compile_text(
    name: &str,
    text: &str,
    place: &Place,
    language: Language,
    functions: &Functions,
) -> Result<CompiledManifest, Vec<Diagnostic>> {
    let wrong = |error: TemplateError| vec![template_problem(&error, place)];
    Ok(match language {
        Language::Go => {
            let template = GoTemplate::compile(name, text, functions).map_err(wrong)?;
            CompiledManifest::Go { template: Box::new(template), place: place.clone() }
        }
        Language::Jinja => {
            let template = jinja(MAIN, text).map_err(wrong)?;
            CompiledManifest::Jinja {
                name: MAIN.into(),
                template: Box::new(template),
                place: Some(place.clone()),
            }
        }
    })
}

/// Every text is a template, list items too; keys are not.
fn compile_value(
    name: &str,
    value: &Value,
    place: &Place,
    functions: &Functions,
) -> Result<CompiledValue, Vec<Diagnostic>> {
    match value {
        Value::String(text) if text.contains("{{") => {
            match GoTemplate::compile(name, text, functions) {
                Ok(template) => {
                    Ok(CompiledValue::Text { template: Box::new(template), place: place.clone() })
                }
                Err(error) => Err(vec![template_problem(&error, place)]),
            }
        }
        Value::List(items) => {
            let items = items.iter().enumerate();
            gather(items.map(|(index, it)| compile_value(name, it, &place.index(index), functions)))
                .map(CompiledValue::List)
        }
        Value::Map(entries) => gather(entries.iter().map(|(key, it)| {
            compile_value(name, it, &place.key(key), functions).map(|it| (key.clone(), it))
        }))
        .map(CompiledValue::Map),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            Ok(CompiledValue::Plain(value.clone()))
        }
    }
}

/// Like collecting into a `Result`, but with the errors of all items instead of the first one's.
fn gather<T>(
    items: impl Iterator<Item = Result<T, Vec<Diagnostic>>>,
) -> Result<Vec<T>, Vec<Diagnostic>> {
    let mut good = vec![];
    let mut bad = vec![];
    for item in items {
        match item {
            Ok(it) => good.push(it),
            Err(mut errors) => bad.append(&mut errors),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// Returns the diagnostic of a template error, at its place inside the manifest's text.
pub(super) fn template_problem(error: &TemplateError, place: &Place) -> Diagnostic {
    let code = match error.kind {
        ErrorKind::Syntax => "template-syntax",
        ErrorKind::UnknownFunction => "unknown-function",
        ErrorKind::RefusedFunction => "refused-function",
        ErrorKind::MissingKey => "missing-key",
        ErrorKind::UnknownField => "unknown-template-field",
        ErrorKind::UnknownTemplate => "undefined-template",
        ErrorKind::Function | ErrorKind::Value => "template-error",
        ErrorKind::Limit => "template-limit",
    };
    let span = if error.span.is_empty() {
        Span { start: error.span.start, end: error.span.start + 1 }
    } else {
        error.span
    };
    let mut diagnostic =
        Diagnostic::error(code, error.message.clone()).at(place.text(span), "here");
    let help = error.help.clone().unwrap_or_else(|| usual_way_out(error.kind).to_owned());
    diagnostic.help = Some(help);
    diagnostic
}

/// Returns the way out of errors that know none of their own.
fn usual_way_out(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Syntax => "see the examples of `wob help template-syntax`",
        ErrorKind::UnknownFunction => "use a function of sprig, or remove the call",
        ErrorKind::RefusedFunction => "put the value into the config instead",
        ErrorKind::MissingKey => {
            "set the key where the value comes from, or ask first: `{{ if hasKey .ConfigData \"KEY\" }}`"
        }
        ErrorKind::UnknownField => {
            "use a field that templates have: `wob help unknown-template-field`"
        }
        ErrorKind::UnknownTemplate => "define it in the same manifest: `{{ define \"name\" }}`",
        ErrorKind::Function | ErrorKind::Value => {
            "mend the template, or the value that it gets; `{{ printf \"%#v\" .X }}` shows it"
        }
        ErrorKind::Limit => "make the template, or what it renders, smaller",
    }
}

#[cfg(test)]
impl CompiledTemplate {
    /// Lets it see all of config, whatever it reads.
    pub(super) fn seeing_all(self) -> Self {
        Self { config_reads: Arc::new(TemplateReads::All), ..self }
    }
}
