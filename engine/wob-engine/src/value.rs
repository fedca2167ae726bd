//! Plain data: what YAML, JSON and config values mean once they have no place any more.

use std::{collections::BTreeMap, sync::Arc};

/// A mapping, in the byte order of its keys.
pub type Map = BTreeMap<Arc<str>, Value>;

/// A value as Kubernetes reads it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// Any other number; infinities and NaN included.
    Float(f64),
    /// A text.
    String(Arc<str>),
    /// A sequence.
    List(Vec<Self>),
    /// A mapping from texts.
    Map(Map),
}

/// Floats are equal if their bits are: so equality is total, and NaN equals itself.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (
                Self::Null
                | Self::Bool(_)
                | Self::Int(_)
                | Self::Float(_)
                | Self::String(_)
                | Self::List(_)
                | Self::Map(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Value {}

impl Value {
    /// Returns the text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Returns the integer, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// Returns the mapping, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// Returns the items, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns what a person calls this kind of value: `a list`, `a text`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(it) => Self::Bool(it),
            serde_json::Value::Number(it) => it
                .as_i64()
                .map_or_else(|| Self::Float(it.as_f64().unwrap_or(f64::INFINITY)), Self::Int),
            serde_json::Value::String(it) => Self::from(it),
            serde_json::Value::Array(it) => Self::List(it.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(it) => {
                Self::Map(it.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
        }
    }
}

impl From<&Value> for serde_json::Value {
    /// Infinities and NaN, which JSON lacks, become null.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(it) => Self::Bool(*it),
            Value::Int(it) => Self::from(*it),
            Value::Float(it) => Self::from(*it),
            Value::String(it) => Self::String(it.to_string()),
            Value::List(it) => Self::Array(it.iter().map(Self::from).collect()),
            Value::Map(it) => Self::Object(
                it.iter().map(|(key, value)| (key.to_string(), value.into())).collect(),
            ),
        }
    }
}
