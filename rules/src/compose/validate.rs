//! Checking a composition against the schemas that apply to its subject.

use std::sync::Arc;

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Map, Value};
use wob_engine::{Diagnostic, did_you_mean, looks_secret};

use super::{
    Composition, ConfigValue, Subject,
    locate::locate,
    schema::{Applicable, Compiled, InlineSchema, SchemaId, Schemas, shorten},
    schema_keys::SchemaKeys,
    typing::Readings,
};

/// How many problems one schema may report; the rest are counted.
const MAX_REPORTED: usize = 100;
/// How many characters of a value a message shows.
const EXCERPT: usize = 40;
/// How many layers a note names.
const MAX_LAYERS: usize = 10;

/// Checks `composition` against all schemas that apply to `subject`: those whose labels match, and `inline`,
/// the target's own first and then its workload's.
///
/// Returns all problems, sorted. A schema that cannot be used is reported as [`Schemas::new`] did, so that a
/// config is never taken for checked.
pub fn validate(
    schemas: &Schemas,
    inline: &[InlineSchema],
    subject: &Subject<'_>,
    composition: &Composition,
) -> Vec<Diagnostic> {
    let applicable = schemas.applicable(&schemas.matching(subject), inline);
    let values = composition.values.iter().map(|(key, it)| (&**key, &it.value));
    check(&applicable, &values.collect::<Vec<_>>(), &|| composition)
}

/// Does what [`validate`] does for every assignment that has these schemas and values; `composition` is asked for only
/// if something is wrong with them.
pub(crate) fn validate_all<'c>(
    (schemas, chosen, inline): (&Schemas, &[SchemaId], &[InlineSchema]),
    values: &SharedValues,
    composition: &dyn Fn() -> &'c Composition,
) -> Vec<Diagnostic> {
    let values = values.iter().map(|it| (&**it.key(), &***it));
    check(&schemas.applicable(chosen, inline), &values.collect::<Vec<_>>(), composition)
}

/// Values that are shared, sorted by key.
pub(crate) type SharedValues = [Arc<ConfigValue>];

/// Returns those of `values` on which alone it depends whether they pass some schemas; `None` if one cannot be used, looks at
/// all keys, or would have too much work with all of the values.
pub(crate) fn looked_at(
    (schemas, chosen, inline): (&Schemas, &[SchemaId], &[InlineSchema]),
    values: &SharedValues,
) -> Option<Vec<Arc<ConfigValue>>> {
    let usable = schemas.usable(chosen, inline)?;
    let (nodes, depth) = size(values.iter().map(|it| &***it));
    let mut found = vec![];
    for schema in usable {
        let SchemaKeys::Some(keys) = &schema.keys else { return None };
        if !schema.cost.allows(nodes, depth) {
            return None;
        }
        let positions = keys.iter().map(|key| values.binary_search_by(|it| (**it.key()).cmp(key)));
        found.extend(positions.filter_map(Result::ok));
    }
    found.sort_unstable();
    found.dedup();
    Some(found.into_iter().map(|at| values[at].clone()).collect())
}

/// Says whether [`validate_all`] finds nothing wrong with values, which [`looked_at`] returned.
pub(crate) fn passes(
    (schemas, chosen, inline): (&Schemas, &[SchemaId], &[InlineSchema]),
    values: &SharedValues,
) -> bool {
    let values: Vec<_> = values.iter().map(|it| (&**it.key(), &***it)).collect();
    let passes = |schema: &Compiled| {
        let config = Readings::of(texts(&values, &schema.keys)).decide(&schema.validator);
        schema.validator.is_valid(&config)
    };
    let usable = schemas.usable(chosen, inline);
    usable.is_some_and(|all| all.into_iter().all(passes))
}

/// Checks `values`, which are sorted by key.
fn check<'c>(
    applicable: &[Applicable<'_>],
    values: &[(&str, &wob_engine::Value)],
    composition: &dyn Fn() -> &'c Composition,
) -> Vec<Diagnostic> {
    if applicable.is_empty() {
        return vec![];
    }
    let (nodes, depth) = size(values.iter().map(|(_, it)| *it));
    let mut diagnostics = vec![];
    for schema in applicable {
        let compiled = match &schema.compiled {
            Ok(compiled) => compiled,
            Err(flaw) => {
                diagnostics.push(flaw.clone());
                continue;
            }
        };
        let report = Report { schema, composition };
        if !compiled.cost.allows(nodes, depth) {
            diagnostics.push(report.too_costly());
            continue;
        }
        let texts = texts(values, &compiled.keys);
        let config = Readings::of(texts).decide(&compiled.validator);
        let mut found: Vec<Diagnostic> = compiled
            .validator
            .iter_errors(&config)
            .flat_map(|error| report.diagnostics(&error))
            .collect();
        found.sort();
        found.dedup();
        let more = found.len().saturating_sub(MAX_REPORTED);
        found.truncate(MAX_REPORTED);
        if let (Some(last), 1..) = (found.last_mut(), more) {
            last.notes.push(format!("{more} more problems with {} are not shown", schema.name));
        }
        diagnostics.extend(found);
    }
    diagnostics.sort();
    diagnostics.dedup();
    diagnostics
}

/// Returns those of the values that count for a schema.
fn texts(values: &[(&str, &wob_engine::Value)], keys: &SchemaKeys) -> Map<String, Value> {
    let text = |(key, it): &(&str, &wob_engine::Value)| ((*key).to_owned(), Value::from(*it));
    match keys {
        SchemaKeys::All => values.iter().map(text).collect(),
        SchemaKeys::Some(keys) => {
            let found = keys.iter().filter_map(|key| {
                let at = values.binary_search_by(|(it, _)| (*it).cmp(key)).ok()?;
                Some(text(&values[at]))
            });
            found.collect()
        }
    }
}

/// Returns the [`nodes`] and the [`depth`] of a list or mapping of these `values`.
fn size<'v>(values: impl Iterator<Item = &'v wob_engine::Value>) -> (u64, u32) {
    use wob_engine::Value;
    let of = |value: &Value| match value {
        Value::List(items) => size(items.iter()),
        Value::Map(map) => size(map.values()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => (1, 0),
    };
    let (nodes, depth) =
        values.map(of).fold((0, 0), |(nodes, depth), it| (nodes + it.0, depth.max(it.1)));
    (nodes + 1, depth + 1)
}

/// Levels of lists and mappings; values come from parsers that bound them.
pub(super) fn depth(value: &Value) -> u32 {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Lists, mappings and what they hold.
pub(super) fn nodes(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(nodes).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(nodes).sum::<u64>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// What the messages about one schema have in common.
struct Report<'r, 'c> {
    schema: &'r Applicable<'r>,
    composition: &'r dyn Fn() -> &'c Composition,
}

impl Report<'_, '_> {
    fn too_costly(&self) -> Diagnostic {
        let message = format!("the config is too large to be checked by {}", self.schema.name);
        Diagnostic::error("schema-too-costly", message)
            .at(self.schema.place.clone(), "would need too many checks")
            .help("let the schema refer to itself less, or nest the values less deeply")
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "jsonschema's enum, of which few matter here"
    )]
    fn diagnostics(&self, error: &ValidationError<'_>) -> Vec<Diagnostic> {
        match error.kind() {
            ValidationErrorKind::Required { property } => vec![self.missing(error, property)],
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().map(|key| self.unexpected(error, key)).collect()
            }
            _ => vec![self.invalid(error)],
        }
    }

    fn missing(&self, error: &ValidationError<'_>, property: &Value) -> Diagnostic {
        let pointer = error.instance_path().as_str();
        let key = dotted(&format!("{pointer}/{}", property.as_str().unwrap_or_default()));
        let message = format!("config `{key}` is missing, and {} requires it", self.schema.name);
        let diagnostic = Diagnostic::error("config-missing", message);
        let place = self.schema.place.text(locate(self.schema.text, error.schema_path().as_str()));
        let diagnostic = match self.value_place(pointer) {
            Some(within) => diagnostic.at(within, "missing in here").at(place, "required here"),
            None => diagnostic.at(place, "required here"),
        };
        diagnostic
            .note(self.layers())
            .help(format!("set `{key}` in a config map that matches, or take it from `required`"))
    }

    fn unexpected(&self, error: &ValidationError<'_>, key: &str) -> Diagnostic {
        let step = key.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{}/{step}", error.instance_path().as_str());
        let key = dotted(&pointer);
        let message = format!("config `{key}` is not allowed by {}", self.schema.name);
        let help = format!("remove `{key}`, or let the schema's `properties` name it");
        self.at_value(Diagnostic::error("config-invalid", message).help(help), &pointer, error)
    }

    fn invalid(&self, error: &ValidationError<'_>) -> Diagnostic {
        let pointer = error.instance_path().as_str();
        let complaint = complaint(error);
        let help = wanted(error);
        let message = if pointer.is_empty() {
            format!("the config {complaint}, as {} demands", self.schema.name)
        } else {
            let key = dotted(pointer);
            // A message ends up in logs.
            let value = if looks_secret(&key) {
                "a secret".to_owned()
            } else {
                let value = shorten(&error.instance().to_string(), EXCERPT).replace('`', "'");
                format!("`{value}`")
            };
            format!("config `{key}` is {value}, which {complaint}, as {} demands", self.schema.name)
        };
        let diagnostic =
            self.at_value(Diagnostic::error("config-invalid", message).help(help), pointer, error);
        if pointer.is_empty() { diagnostic.note(self.layers()) } else { diagnostic }
    }

    fn at_value(
        &self,
        diagnostic: Diagnostic,
        pointer: &str,
        error: &ValidationError<'_>,
    ) -> Diagnostic {
        let rule = self.schema.place.text(locate(self.schema.text, error.schema_path().as_str()));
        let diagnostic = match self.value_place(pointer) {
            Some(place) => diagnostic.at(place, "this value"),
            None => diagnostic,
        };
        diagnostic.at(rule, "demanded here")
    }

    /// Returns where the part of the config at `pointer` was said; `None` for the config as a whole.
    fn value_place(&self, pointer: &str) -> Option<wob_engine::Place> {
        let (key, below) = pointer
            .strip_prefix('/')?
            .split_at_checked(pointer[1..].find('/').unwrap_or(pointer.len() - 1))?;
        let key = key.replace("~1", "/").replace("~0", "~");
        let composed = (self.composition)().values.get(key.as_str())?;
        Some(composed.origin_of(below).clone())
    }

    fn layers(&self) -> String {
        let layers = &(self.composition)().layers;
        if layers.is_empty() {
            return "no config map applies to this pair".to_owned();
        }
        let named = layers.iter().take(MAX_LAYERS).map(|layer| format!("`{}`", layer.name));
        let named: Vec<String> = named.collect();
        let more = match layers.len().saturating_sub(MAX_LAYERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("these config maps apply: {}{more}", named.join(", "))
    }
}

/// Writes a JSON pointer as people do: `/a/0` is `a.0`.
pub(crate) fn dotted(pointer: &str) -> String {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    shorten(&path.replace("~1", "/").replace("~0", "~"), 80)
}

/// Says what is wrong, to follow "which".
#[expect(clippy::wildcard_enum_match_arm, reason = "jsonschema's enum, of which few matter here")]
pub(crate) fn complaint(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let short = |value: &Value| shorten(&value.to_string(), 60);
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("is not {}", noun(*kind)),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let nouns: Vec<&str> = kinds.iter().map(noun).collect();
            format!("is neither {}", nouns.join(" nor "))
        }
        Kind::Maximum { limit } => format!("is more than {limit}"),
        Kind::Minimum { limit } => format!("is less than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("is not less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("is not more than {limit}"),
        Kind::MaxLength { limit } => format!("is longer than {limit}"),
        Kind::MinLength { limit } => format!("is shorter than {limit}"),
        Kind::MaxItems { limit } => format!("has more than {limit} items"),
        Kind::MinItems { limit } => format!("has less than {limit} items"),
        Kind::MaxProperties { limit } => format!("has more than {limit} keys"),
        Kind::MinProperties { limit } => format!("has less than {limit} keys"),
        Kind::Pattern { pattern } => format!("does not match `{}`", shorten(pattern, 60)),
        Kind::Format { format } => format!("is no valid `{}`", shorten(format, 60)),
        Kind::Enum { options } => format!("is none of {}", short(options)),
        Kind::Constant { expected_value } => format!("is not {}", short(expected_value)),
        Kind::UniqueItems => "has equal items".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits no alternative".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits more than one alternative".to_owned(),
        Kind::FalseSchema => "must not be there".to_owned(),
        _ => format!("does not fulfil `{}`", shorten(error.kind().keyword(), 60)),
    }
}

/// Returns the way out: what the schema would take.
#[expect(clippy::wildcard_enum_match_arm, reason = "jsonschema's enum, of which few matter here")]
fn wanted(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let wanted = match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => noun(*kind).to_owned(),
        Kind::Enum { options } => {
            let options = options.as_array().into_iter().flatten();
            let texts: Vec<&str> = options.filter_map(Value::as_str).collect();
            let value = error.instance().as_str().unwrap_or_default();
            if let Some(guess) = did_you_mean(value, texts.iter().copied()) {
                return format!("did you mean `{}`?", shorten(guess, 60));
            }
            format!("one of {}", shorten(&texts.join(", "), 100))
        }
        Kind::Constant { expected_value } => shorten(&expected_value.to_string(), 60),
        _ => return "set another value, or let the schema demand less".to_owned(),
    };
    format!("set {wanted}, or let the schema demand less")
}

fn noun(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text",
    }
}
