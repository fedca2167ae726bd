//! Config schemas: JSON Schemas, compiled once, that configs are checked against.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jsonschema::{Draft, PatternOptions, Validator};
use wob_engine::{Diagnostic, Place, Span, did_you_mean};

use super::{
    SpecialLabels, Subject, label_match,
    locate::locate,
    schema_cost::Cost,
    schema_keys::SchemaKeys,
    validate::{depth, nodes},
};

/// The most bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 19;

/// A `ConfigSchema` as composition sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigSchema {
    /// `metadata.name`.
    pub name: String,
    /// The root of its document.
    pub place: Place,
    /// `metadata.labels`: which cluster types and targets it checks, as for config maps.
    pub labels: BTreeMap<String, String>,
    /// `spec.schema`, JSON text.
    pub schema: Arc<str>,
    /// Where that text is.
    pub schema_place: Place,
}

/// A schema that a workload or one of its targets carries itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InlineSchema {
    /// JSON text.
    pub schema: Arc<str>,
    /// Where that text is.
    pub place: Place,
}

/// All schemas of an environment, compiled; equal texts once.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// Sorted by name, then place.
    selected: Vec<ConfigSchema>,
    compiled: BTreeMap<Arc<str>, Result<Arc<Compiled>, Flaw>>,
}

/// Names a schema that labels choose; the order of ids is that of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SchemaId(u32);

/// Schemas are equal if they were made from equal texts: compiling is a function.
impl PartialEq for Schemas {
    fn eq(&self, other: &Self) -> bool {
        self.selected == other.selected && self.compiled.keys().eq(other.compiled.keys())
    }
}

impl Eq for Schemas {}

/// A schema that can check values.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) validator: Validator,
    pub(super) cost: Cost,
    pub(super) keys: SchemaKeys,
}

impl Compiled {
    /// Says whether `value` is small enough for the work that the schema makes.
    pub(crate) fn allows(&self, value: &serde_json::Value) -> bool {
        self.cost.allows(nodes(value), depth(value))
    }
}

/// Why a text is no schema that wob can use.
#[derive(Clone, Debug)]
struct Flaw {
    message: String,
    /// Where in the text.
    span: Span,
    help: Option<String>,
}

/// A schema that applies to a pair.
pub(super) struct Applicable<'s> {
    /// How people call it.
    pub(super) name: String,
    pub(super) text: &'s str,
    pub(super) place: &'s Place,
    pub(super) compiled: Result<&'s Compiled, Diagnostic>,
}

impl Schemas {
    /// Compiles the schemas, and reports those that are none; sorted.
    ///
    /// `inline` holds those of all workloads and targets that [`super::validate`] will be asked about.
    pub fn new(selected: &[ConfigSchema], inline: &[InlineSchema]) -> (Self, Vec<Diagnostic>) {
        let mut sorted = selected.to_vec();
        sorted.sort();
        sorted.dedup();
        let named = sorted.iter().map(|it| (&it.schema, &it.schema_place, named(it)));
        let inline = inline.iter().map(|it| (&it.schema, &it.place, INLINE.to_owned()));
        let mut compiled = BTreeMap::new();
        let mut diagnostics = vec![];
        for (text, place, name) in named.chain(inline) {
            let result =
                compiled.entry(text.clone()).or_insert_with(|| compile(text).map(Arc::new));
            if let Err(flaw) = result {
                diagnostics.push(flaw.diagnostic(&name, place));
            }
        }
        diagnostics.sort();
        diagnostics.dedup();
        (Self { selected: sorted, compiled }, diagnostics)
    }

    /// Returns the schemas whose labels match `subject`, by name.
    pub(crate) fn matching(&self, subject: &Subject<'_>) -> Vec<SchemaId> {
        let all = (0..).map(SchemaId).zip(&self.selected);
        let matching =
            all.filter(|(_, it)| label_match(&it.labels, subject, SpecialLabels::KALYPSO));
        matching.map(|(id, _)| id).collect()
    }

    /// Returns the schemas of an assignment, as [`Schemas::applicable`] does; `None` if one cannot be used.
    pub(super) fn usable(
        &self,
        chosen: &[SchemaId],
        inline: &[InlineSchema],
    ) -> Option<Vec<&Compiled>> {
        let chosen = chosen.iter().filter_map(|id| self.selected.get(id.0 as usize));
        let texts = chosen.map(|it| &it.schema).chain(inline.iter().map(|it| &it.schema));
        texts.map(|it| self.compiled.get(it)?.as_deref().ok()).collect()
    }

    /// Returns the schemas of an assignment: those that [`Schemas::matching`] chose, then `inline` as given.
    pub(super) fn applicable<'s>(
        &'s self,
        chosen: &[SchemaId],
        inline: &'s [InlineSchema],
    ) -> Vec<Applicable<'s>> {
        let chosen = chosen.iter().filter_map(|id| self.selected.get(id.0 as usize));
        let named = chosen.map(|it| (named(it), &it.schema, &it.schema_place));
        let inline = inline.iter().map(|it| (INLINE.to_owned(), &it.schema, &it.place));
        let found = named.chain(inline).filter_map(|(name, text, place)| {
            let compiled = self.compiled.get(text)?.as_deref();
            let compiled = compiled.map_err(|flaw| flaw.diagnostic(&name, place));
            Some(Applicable { name, text, place, compiled })
        });
        found.collect()
    }
}

const INLINE: &str = "the workload's own schema";

fn named(schema: &ConfigSchema) -> String {
    format!("schema `{}`", schema.name)
}

impl Flaw {
    fn diagnostic(&self, name: &str, place: &Place) -> Diagnostic {
        let diagnostic =
            Diagnostic::error("schema-invalid", format!("{name} cannot be used: {}", self.message))
                .at(place.text(self.span), "here");
        match &self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

fn compile(text: &str) -> Result<Compiled, Flaw> {
    let schema: serde_json::Value = serde_json::from_str(text).map_err(|error| Flaw {
        message: format!("it is not JSON: {}", without_position(&error)),
        span: error_span(text, &error),
        help: Some("write the schema as JSON text; YAML is not read here".to_owned()),
    })?;
    compile_schema(&schema).map_err(|unusable| Flaw {
        message: unusable.message,
        span: unusable.pointer.map_or_else(Span::default, |it| locate(text, &it)),
        help: Some(unusable.help),
    })
}

/// Why a JSON value is no schema that wob can use.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    /// What is wrong with it.
    pub(crate) message: String,
    /// The JSON pointer of what is wrong; none if it is the schema as a whole.
    pub(crate) pointer: Option<String>,
    /// The way out.
    pub(crate) help: String,
}

/// Makes a schema ready to check values.
pub(crate) fn compile_schema(schema: &serde_json::Value) -> Result<Compiled, Unusable> {
    let cost = Cost::of(schema).map_err(|message| Unusable {
        message,
        pointer: None,
        help: "refer only to parts of the schema itself: `#/...`".to_owned(),
    })?;
    let declared = schema.get("$schema").is_some();
    // Without `$schema` the dialects up to draft 7 are one: only draft 4 has a boolean `exclusiveMinimum`.
    let validator = if declared {
        build(schema, None)
    } else {
        let first = build(schema, Some(Draft::Draft7));
        first.or_else(|error| build(schema, Some(Draft::Draft4)).map_err(|_| error))
    };
    match validator {
        Ok(validator) => Ok(Compiled { validator, cost, keys: SchemaKeys::of(schema) }),
        Err(error) => {
            let (message, help) = explain(&error);
            let pointer = Some(error.instance_path().as_str().to_owned());
            Err(Unusable { message, pointer, help })
        }
    }
}

/// Says what is wrong with a schema, and the way out.
fn explain(error: &jsonschema::ValidationError<'_>) -> (String, String) {
    const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let path = error.instance_path().as_str();
    let message = shorten(&error.to_string(), 200);
    if is_pattern(error) {
        let help = "do without look-around and back-references: patterns run in linear time";
        return (message, help.to_owned());
    }
    let mut steps = path.rsplit('/').filter(|it| it.parse::<usize>().is_err());
    let keyword = shorten(steps.next().unwrap_or_default(), 40);
    if let (serde_json::Value::String(name), "type") = (&**error.instance(), &*keyword) {
        let help = did_you_mean(name, TYPES).map_or_else(
            || format!("write one of `{}`", TYPES.join("`, `")),
            |guess| format!("did you mean `{guess}`?"),
        );
        return (format!("there is no type `{}`", shorten(name, 40)), help);
    }
    let help = match &*keyword {
        "" => "write a JSON Schema".to_owned(),
        keyword => format!("write what JSON Schema takes for `{keyword}`"),
    };
    (message, help)
}

fn build(
    schema: &serde_json::Value,
    draft: Option<Draft>,
) -> Result<Validator, jsonschema::ValidationError<'static>> {
    let options = jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES));
    let options = match draft {
        Some(draft) => options.with_draft(draft),
        None => options,
    };
    // Formats that some drafts lack are checked in all of them.
    let options = FORMATS.iter().fold(options, |options, (name, check)| {
        options.with_format(*name, |text: &str| check.is_valid(&text.into()))
    });
    options.build(schema)
}

/// A format, and the schema that checks it, which is made when one is to be checked: most schemas name none.
type Format = (&'static str, LazyLock<Validator>);

static FORMATS: [Format; 7] = [
    ("uuid", LazyLock::new(|| format("uuid"))),
    ("uri-reference", LazyLock::new(|| format("uri-reference"))),
    ("iri", LazyLock::new(|| format("iri"))),
    ("iri-reference", LazyLock::new(|| format("iri-reference"))),
    ("uri-template", LazyLock::new(|| format("uri-template"))),
    ("json-pointer", LazyLock::new(|| format("json-pointer"))),
    ("relative-json-pointer", LazyLock::new(|| format("relative-json-pointer"))),
];

fn format(name: &str) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&serde_json::json!({"format": name}))
        .expect("because a format alone is a schema")
}

fn is_pattern(error: &jsonschema::ValidationError<'_>) -> bool {
    let path = error.instance_path().as_str();
    path.ends_with("/pattern") || path.contains("/patternProperties/")
}

/// Returns the error's text without the line and column, which a label shows.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split(" at line ").next().unwrap_or_default() {
        "expected ident" => "this word is no value; texts need quotes".to_owned(),
        other => other.to_owned(),
    }
}

fn error_span(text: &str, error: &serde_json::Error) -> Span {
    let before: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = text.floor_char_boundary((before + error.column().saturating_sub(1)).min(text.len()));
    let is_word = |it: char| it.is_alphanumeric();
    let start = text[..at].trim_end_matches(is_word).len();
    let word = text[at..].find(|it| !is_word(it)).unwrap_or(text.len() - at);
    let other = text[at..].chars().next().map_or(0, char::len_utf8);
    Span::new(start, at + if word > 0 || start < at { word } else { other })
}

/// Cuts `text` to at most `limit` characters, on one line.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut characters = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    let mut short: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}
