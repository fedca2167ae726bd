//! Checks the documents of one rendered file against the schemas of their kinds.

use std::{borrow::Cow, ops::Deref};

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value as Json;
use wob_engine::{
    At, Code, LineIndex, Part, Severity, Step, did_you_mean, looks_secret, mask_line,
    yaml::{self, Node, Parsed},
};

use super::{
    KubernetesVersion, bundled, expression, identity,
    own::{Found, OwnSchemas},
    schema::Schema,
};
use crate::compose::{complaint, dotted, shorten};

/// How many problems one document may report; the rest are counted.
const MAX_REPORTED: usize = 20;
/// How many fields a help text lists.
const MAX_LISTED: usize = 12;
/// How many characters of a line a note shows.
const EXCERPT: usize = 100;

/// The way out where nothing better is known.
pub(super) const CHANGE: &str = "change the template, or the value that it prints";

/// Checks files.
#[derive(Clone, Debug)]
pub(crate) struct Checker<'s> {
    /// The workspace's own schemas; those of the first folder that has a kind count.
    pub(super) own: Vec<&'s OwnSchemas>,
    /// The version whose kinds are known.
    pub(super) kubernetes: KubernetesVersion,
}

/// One problem of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Its kind.
    pub(super) code: Code,
    /// What is wrong; in front of it belongs what is wrong with what.
    pub(super) reason: String,
    /// Where in the document, as a JSON pointer.
    pointer: String,
    /// The way out.
    pub(super) help: String,
    /// Which document of the file, from 0, and how many there are.
    pub(super) document: usize,
    pub(super) documents: usize,
    /// The kind of the document; empty if it says none.
    pub(super) kind: String,
    /// Where in the file, and what stands there.
    pub(super) note: String,
}

impl Finding {
    /// Returns a problem at `pointer`, for `manifest-invalid`.
    pub(super) fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            code: "manifest-invalid",
            reason: reason.into(),
            pointer: pointer.into(),
            help: String::new(),
            document: 0,
            documents: 1,
            kind: String::new(),
            note: String::new(),
        }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Returns the message: what is wrong with what.
    pub(super) fn message(&self) -> String {
        let kind = if self.kind.is_empty() { "a document" } else { &self.kind };
        match dotted(&self.pointer) {
            path if path.is_empty() => format!("{kind} {}", self.reason),
            path => format!("{kind} `{path}` {}", self.reason),
        }
    }
}

/// A schema, wherever it lies.
enum Known<'s> {
    Own(&'s Schema),
    Bundled(&'static Schema),
}

impl Deref for Known<'_> {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        match self {
            Self::Own(it) | Self::Bundled(it) => it,
        }
    }
}

impl Checker<'_> {
    /// Checks the file called `name`; sorted by document. Only YAML and JSON files hold manifests.
    pub(crate) fn file(&self, name: &str, text: &str) -> Vec<Finding> {
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|it| name.ends_with(it));
        if !is_manifest {
            return vec![];
        }
        let parsed = yaml::parse(text, &yaml::Limits::default());
        if let Some(problem) = parsed.problems.iter().find(|it| it.severity == Severity::Error) {
            let line = LineIndex::new(text).line_column(text, problem.span.start).line;
            let mut finding = Finding::new("", format!("is not YAML: {}", problem.message))
                .help("quote values that come from outside, and indent blocks with `nindent`");
            finding.note = format!("line {line} of {name}");
            return vec![finding];
        }
        let file = File { name, text, parsed: &parsed, lines: LineIndex::new(text) };
        let documents = parsed.documents.iter().enumerate();
        let found = documents.flat_map(|(index, document)| {
            let object = Json::from(&document.root.to_value());
            let mut findings = self.document(name, object);
            for finding in &mut findings {
                finding.document = index;
                finding.documents = parsed.documents.len();
                finding.note = file.note(finding);
            }
            findings
        });
        found.collect()
    }

    fn document(&self, file: &str, object: Json) -> Vec<Finding> {
        if object.is_null() {
            return vec![];
        }
        let text = |key: &str| object[key].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
        let (api_version, kind) = match (text("apiVersion"), text("kind")) {
            (Some(api_version), Some(kind)) => (api_version, kind),
            (None, _) if let Some(schema) = bundled::of_file(file, self.kubernetes) => {
                return limited(violations(schema, &schema.decoded(object)));
            }
            (None, _) => return vec![no_kind(&object, "apiVersion")],
            (Some(_), None) => return vec![no_kind(&object, "kind")],
        };
        let mut findings = match (api_version.as_str(), kind.as_str(), &object["items"]) {
            ("v1", "List", Json::Array(items)) => return self.list(file, items),
            _ => self.object(&api_version, &kind, object),
        };
        for finding in &mut findings {
            finding.kind.clone_from(&kind);
        }
        findings
    }

    /// A `List` is nothing but its items.
    fn list(&self, file: &str, items: &[Json]) -> Vec<Finding> {
        let items = items.iter().enumerate();
        let found = items.flat_map(|(index, item)| {
            let is_list = item["kind"] == "List";
            let mut findings = if is_list {
                let help = "put the items into one list";
                let finding = Finding::new("/kind", "is a list in a list").help(help);
                vec![Finding { kind: "List".to_owned(), ..finding }]
            } else {
                self.document(file, item.clone())
            };
            for finding in &mut findings {
                finding.pointer = format!("/items/{index}{}", finding.pointer);
            }
            findings
        });
        found.collect()
    }

    fn object(&self, api_version: &str, kind: &str, object: Json) -> Vec<Finding> {
        let own = self.own.iter().find_map(|it| it.find(api_version, kind, self.kubernetes));
        let schema = match own {
            Some(Found::Schema(it)) => Some(Known::Own(it)),
            Some(Found::Unusable) => {
                let reason = "cannot be checked: its schema cannot be used";
                return vec![
                    Finding::new("", reason).help("mend the schema, which is reported too"),
                ];
            }
            None => bundled::of_kind(api_version, kind, self.kubernetes).map(Known::Bundled),
        };
        let Some(schema) = schema else { return vec![self.unknown(api_version, kind)] };
        let object = schema.decoded(object);
        if !schema.compiled.allows(&object) {
            let reason = "is too large to be checked by its schema";
            return vec![Finding::new("", reason).help("let the schema refer to itself less")];
        }
        let mut findings = violations(&schema, &object);
        if !is_only_a_file(api_version) {
            findings.extend(identity::findings(api_version, kind, &object));
        }
        limited(findings)
    }

    fn unknown(&self, api_version: &str, kind: &str) -> Finding {
        let shown = |it: &str| shorten(it, 80).replace('`', "'");
        let same_kind: Vec<&str> =
            bundled::kinds(self.kubernetes).filter(|it| it.1 == kind).map(|it| it.0).collect();
        let of_group = || bundled::kinds(self.kubernetes).filter(|it| it.0 == api_version);
        let help = if let Some(versions) = bundled::other_versions(api_version, kind) {
            let now = self.kubernetes;
            format!(
                "Kubernetes has it {versions}, and the check is for {now}; set `validate.kubernetes` in wob.yaml"
            )
        } else if let Some(guess) = did_you_mean(kind, of_group().map(|it| it.1)) {
            format!("did you mean `{guess}`?")
        } else if same_kind.is_empty() {
            "put its CustomResourceDefinition into a folder that `validate.schemas` in wob.yaml names"
                .to_owned()
        } else {
            format!("`{}` is known as {}", shown(kind), quoted(&same_kind))
        };
        let reason = format!("of `{}` has no schema, so it cannot be checked", shown(api_version));
        Finding { code: "schema-missing", ..Finding::new("", reason).help(help) }
    }
}

/// Says whether no API server ever sees objects of this group: a tool reads them from a file.
fn is_only_a_file(api_version: &str) -> bool {
    ["kustomize.config.k8s.io/", "zarf.dev/"].iter().any(|it| api_version.starts_with(it))
}

/// A document that has no `missing` is no object.
fn no_kind(object: &Json, missing: &str) -> Finding {
    if !object.is_object() {
        return Finding::new("", "is no object")
            .help("write a mapping with `apiVersion` and `kind`");
    }
    Finding::new("", format!("has no `{missing}`"))
        .help(format!("write `{missing}:`; what is no manifest belongs into another kind of file"))
}

/// Keeps the first problems of one document; the last one says how many more there are.
fn limited(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort();
    findings.dedup();
    let more = findings.len().saturating_sub(MAX_REPORTED);
    findings.truncate(MAX_REPORTED);
    if let (Some(last), 1..) = (findings.last_mut(), more) {
        last.help = format!("{}; {more} more problems of this document are not shown", last.help);
    }
    findings
}

fn violations(schema: &Schema, object: &Json) -> Vec<Finding> {
    let validator = &schema.compiled.validator;
    if validator.is_valid(object) {
        return vec![];
    }
    validator.iter_errors(object).flat_map(|error| violation(schema, &error)).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "jsonschema's enum, of which few matter here")]
fn violation(schema: &Schema, error: &ValidationError<'_>) -> Vec<Finding> {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let pointer = below(pointer, property.as_str().unwrap_or_default());
            let help = format!("set `{}`", dotted(&pointer));
            vec![Finding::new(pointer, "is missing").help(help)]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = schema.siblings(error.schema_path().as_str());
            unexpected.iter().map(|key| unknown_field(pointer, key, &known)).collect()
        }
        _ => vec![Finding::new(pointer, demand(error)).help(way_out(error))],
    }
}

/// Says what is wrong with a value; well-known patterns have a name.
fn demand(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::Pattern { pattern } = error.kind()
        && let Some(name) = expression::name_of_pattern(pattern)
    {
        return format!("is not {name}");
    }
    complaint(error)
}

/// Returns the way out, without the value itself, which may be a secret.
#[expect(clippy::wildcard_enum_match_arm, reason = "jsonschema's enum, of which few matter here")]
fn way_out(error: &ValidationError<'_>) -> String {
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().into_iter().flatten().filter_map(Json::as_str);
            let guess = did_you_mean(value.as_str().unwrap_or_default(), options);
            if let Some(guess) = guess {
                return format!("did you mean `{guess}`?");
            }
        }
        ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::String) }
            if value.is_number() || value.is_boolean() =>
        {
            return "quote it in the template: `{{ .X | quote }}`, or `{{ X | tojson }}` in jinja"
                .to_owned();
        }
        _ => {}
    }
    CHANGE.to_owned()
}

fn unknown_field(pointer: &str, key: &str, known: &[&str]) -> Finding {
    let help = match did_you_mean(key, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known fields: {}", quoted(known)),
    };
    Finding::new(below(pointer, key), "is an unknown field").help(help)
}

/// Returns the JSON pointer of a field of what is at `pointer`.
fn below(pointer: &str, field: &str) -> String {
    format!("{pointer}/{}", field.replace('~', "~0").replace('/', "~1"))
}

fn quoted(words: &[&str]) -> String {
    let mut shown: Vec<String> =
        words.iter().take(MAX_LISTED).map(|it| format!("`{it}`")).collect();
    if words.len() > MAX_LISTED {
        shown.push(format!("{} more", words.len() - MAX_LISTED));
    }
    shown.join(", ")
}

/// A rendered file, to show where in it a problem is.
struct File<'f> {
    name: &'f str,
    text: &'f str,
    parsed: &'f Parsed,
    lines: LineIndex,
}

impl File<'_> {
    /// Says on which line of which file a problem is, and shows the line unless a secret may stand there.
    fn note(&self, finding: &Finding) -> String {
        let (place, is_secret) = self.place(finding);
        let span = yaml::resolve(self.parsed, self.text, &place);
        let line = self.lines.line_column(self.text, span.start).line;
        let pointer = match &*finding.pointer {
            "" => String::new(),
            pointer => format!("`{}` on ", shorten(pointer, 120)),
        };
        let note = format!("{pointer}line {line} of {}", self.name);
        if finding.kind == "Secret" || is_secret {
            return note;
        }
        let text = self.lines.line(self.text, line).unwrap_or_default().trim();
        let masked = mask_line(text);
        // Only the first key of a line is masked.
        let words =
            |it: &str| it.split(['{', '}', '[', ']', ',', ':', ' ', '"', '\'']).any(looks_secret);
        if matches!(masked, Cow::Borrowed(_)) && words(text) {
            return note;
        }
        format!("{note}: `{}`", shorten(&masked, EXCERPT).replace('`', "'"))
    }

    /// Turns the pointer into a way through the document, and says whether it leads to a secret; numbers are keys in
    /// mappings.
    fn place(&self, finding: &Finding) -> (At, bool) {
        let mut node = self.parsed.documents.get(finding.document).map(|it| &it.root);
        let mut is_secret = looks_secret(&finding.pointer);
        let mut way = vec![];
        for step in finding.pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let Some(here) = node else { break };
            // `{name: DB_PASSWORD, value: …}`
            let name = here.get("name").and_then(Node::scalar);
            is_secret |= name.is_some_and(|it| looks_secret(&it.text));
            let index = step.parse::<u32>().ok().filter(|_| !here.items().is_empty());
            if let Some(index) = index {
                node = here.items().get(index as usize);
                way.push(Step::Index(index));
            } else {
                node = here.get(&step);
                way.push(Step::Key(step.into()));
            }
        }
        let document = u32::try_from(finding.document).unwrap_or(u32::MAX);
        (At::Node { document, path: way.into(), part: Part::Value }, is_secret)
    }
}
