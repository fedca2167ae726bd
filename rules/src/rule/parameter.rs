//! Parameters: what a rule lets a workspace set, and what a value for it must be.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use wob_engine::{Place, Value, looks_secret};

use crate::decode::shown;

/// The most bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 19;

/// One of `spec.parameters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// Where the rule declares it.
    pub place: Place,
    /// What kind of value it takes.
    pub kind: ParameterType,
    /// Of a list or mapping: what each item or value must be; anything if it is not said.
    pub items: Option<ParameterType>,
    /// What it does, in one sentence.
    pub description: String,
    /// What holds if nobody sets it.
    pub presence: Presence,
    /// The texts or integers that it takes; empty for all.
    pub allowed: Vec<Value>,
    /// What a text, or each text in a list or mapping, must match somewhere; a regular expression.
    pub pattern: Option<Arc<str>>,
}

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// A text.
    String,
    /// A truth value.
    Boolean,
    /// An integer of 64 bits.
    Integer,
    /// A list.
    List,
    /// A mapping from texts.
    Mapping,
}

/// What holds if nobody sets a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// This value.
    Default(Value),
    /// The rule can't be used.
    Required,
}

impl ParameterType {
    /// Every type, in the order in which help texts list them.
    pub const ALL: [Self; 5] =
        [Self::String, Self::Boolean, Self::Integer, Self::List, Self::Mapping];

    /// Returns the word in `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::List => "list",
            Self::Mapping => "mapping",
        }
    }

    /// Returns the type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// Says whether it holds other values.
    pub fn has_items(self) -> bool {
        matches!(self, Self::List | Self::Mapping)
    }

    fn noun(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Float(_) => false,
            Value::Bool(_) => self == Self::Boolean,
            Value::Int(_) => self == Self::Integer,
            Value::String(_) => self == Self::String,
            Value::List(_) => self == Self::List,
            Value::Map(_) => self == Self::Mapping,
        }
    }
}

impl Parameter {
    /// Checks a value.
    ///
    /// # Errors
    /// With what it must be, to be shown behind the parameter's name: `must be a text, not a number`.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if !self.kind.takes(value) {
            return Err(wrong("", self.kind, value));
        }
        match value {
            Value::List(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, it)| (index.to_string(), it)).try_for_each(|it| self.item(&it))
            }
            Value::Map(entries) => {
                let entries = entries.iter();
                entries.map(|(key, it)| (shown(key), it)).try_for_each(|it| self.item(&it))
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                self.scalar("", value)
            }
        }
    }

    fn item(&self, (key, value): &(String, &Value)) -> Result<(), String> {
        match self.items {
            Some(kind) if !kind.takes(value) => Err(wrong(&path_of(key), kind, value)),
            Some(_) | None => self.scalar(key, value),
        }
    }

    /// Checks a value that holds no others; of a list or mapping, with its key.
    fn scalar(&self, key: &str, value: &Value) -> Result<(), String> {
        let path = path_of(key);
        let is_secret = looks_secret(&self.name) || looks_secret(key);
        let but = |word: &str| {
            if is_secret { String::new() } else { format!(", {word} `{}`", plain(value)) }
        };
        if !self.allowed.is_empty() && !self.allowed.contains(value) {
            let known: Vec<String> =
                self.allowed.iter().map(|it| format!("`{}`", plain(it))).collect();
            return Err(format!("{path}must be one of {}{}", known.join(", "), but("not")));
        }
        let (Some(pattern), Some(text)) = (&self.pattern, value.as_str()) else { return Ok(()) };
        let validator = matcher(pattern).expect("because patterns are compiled when they are read");
        if validator.is_valid(&serde_json::Value::from(text)) {
            return Ok(());
        }
        let pattern = shown(pattern).replace("\\\\", "\\");
        Err(format!("{path}must match `{pattern}`{}", but("unlike")))
    }
}

fn path_of(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}` of it ") }
}

/// Compiles a pattern; matching takes time in proportion to the text.
pub(crate) fn matcher(pattern: &str) -> Result<Validator, String> {
    let options = jsonschema::options()
        .offline()
        // What checks the schema itself is a tenth of that of later drafts, and is made for configs' schemas, too.
        .with_draft(Draft::Draft7)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES));
    options.build(&serde_json::json!({ "pattern": pattern })).map_err(|it| it.to_string())
}

/// Returns a value as people write it on one line.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => shown(text),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => shown(&serde_json::Value::from(value).to_string()),
    }
}

fn wrong(path: &str, kind: ParameterType, found: &Value) -> String {
    format!("{path}must be {}, not {}", kind.noun(), found.kind())
}
