//! Config values: what the text under a `ConfigMap` key means.

use std::{
    hash::{Hash, Hasher},
    ops::Deref,
    sync::{Arc, OnceLock},
};

use wob_engine::{
    Diagnostic, Digest, Place, Value,
    yaml::{self, Problem, ProblemKind},
};

use super::Reading;

/// The value of a key, with its digest: many compositions share it, each for no more than a pointer.
///
/// **Invariant:** the digest is that of the value: it is taken once, in the only constructor.
#[derive(Debug)]
pub(crate) struct ConfigValue {
    key: Arc<str>,
    value: Value,
    digest: Digest,
    /// A list or mapping as a text, once somebody asked for it.
    text: OnceLock<Value>,
}

impl ConfigValue {
    /// Takes the digest.
    pub(crate) fn new(key: Arc<str>, value: Value) -> Self {
        Self { key, digest: digest(&value), value, text: OnceLock::new() }
    }

    /// Returns the key.
    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Returns the value with a list or mapping turned into YAML text: a ConfigMap holds texts only.
    pub(crate) fn as_text(&self) -> &Value {
        let text = || yaml::emit(&self.value, yaml::Style::Canonical);
        match &self.value {
            Value::List(_) | Value::Map(_) => {
                self.text.get_or_init(|| Value::from(text().trim_end_matches('\n')))
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                &self.value
            }
        }
    }

    /// Returns the digest.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl Deref for ConfigValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl PartialEq for ConfigValue {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, &self.value) == (&other.key, &other.value)
    }
}

impl Eq for ConfigValue {}

impl Hash for ConfigValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.key, self.digest).hash(state);
    }
}

/// Returns the digest of a value: a text's is not that of the number it looks like.
pub(crate) fn digest(value: &Value) -> Digest {
    let canonical = match value {
        // JSON has no infinities; Rust's printing tells every float from every other.
        Value::Float(it) => format!("float {it:?}"),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => serde_json::Value::from(value).to_string(),
    };
    Digest::of(canonical.as_bytes())
}

/// Reads one config value.
///
/// A text in single quotes loses them and stays a text. A YAML list or mapping becomes one.
/// Everything else, well-formed or not, is the text as it stands, untrimmed.
pub fn config_value(text: &Arc<str>, reading: Reading) -> Value {
    read(text, reading).0
}

/// Reads one config value at `place`; reports one that is too large to read, which stays a text.
pub(super) fn config_value_at(
    text: &Arc<str>,
    reading: Reading,
    place: &Place,
) -> (Value, Option<Diagnostic>) {
    let (value, problem) = read(text, reading);
    let diagnostic = problem.map(|problem| {
        let message = format!("a config value cannot be read: {}", problem.message);
        let diagnostic =
            Diagnostic::error(problem.kind.code(), message).at(place.text(problem.span), "here");
        diagnostic.help(problem.help.unwrap_or_else(|| "make it smaller, or split it".to_owned()))
    });
    (value, diagnostic)
}

fn read(text: &Arc<str>, reading: Reading) -> (Value, Option<Problem>) {
    let as_text = || Value::String(text.clone());
    let trimmed = text.trim();
    if trimmed.starts_with('\'') && trimmed.ends_with('\'') {
        return (Value::from(trimmed.trim_matches('\'')), None);
    }
    if reading == Reading::Standard && is_prose(text, trimmed) {
        return (as_text(), None);
    }
    match yaml::parse_value(text) {
        Ok(value @ (Value::List(_) | Value::Map(_))) => (value, None),
        Ok(Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_)) => {
            (as_text(), None)
        }
        Err(problem) => (as_text(), is_limit(problem.kind).then_some(problem)),
    }
}

/// Says whether a text might be a value that is only too large, and so must not pass for a text in silence.
fn is_limit(kind: ProblemKind) -> bool {
    matches!(kind, ProblemKind::Depth | ProblemKind::Nodes | ProblemKind::AliasExpansion)
}

/// Says whether a text is one line of words: not a list, and a mapping only in braces.
///
/// A mapping that is meant as one and written in block style spans lines, or ends in the line break
/// that a block scalar leaves.
fn is_prose(text: &str, trimmed: &str) -> bool {
    !text.contains(['\n', '\r']) && !trimmed.starts_with(['{', '[']) && !trimmed.starts_with("- ")
}
