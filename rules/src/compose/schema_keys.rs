//! Which keys of a config a schema can have an opinion about: most know a few of many, and the others need not be checked.

use std::collections::BTreeSet;

use serde_json::Value;

/// Keywords that say nothing about the value that the whole schema is for.
const SILENT: [&str; 10] = [
    "$schema",
    "$id",
    "id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "definitions",
    "$defs",
];

/// The keys of a config on which it depends what a schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SchemaKeys {
    /// Any may count.
    All,
    /// No others count than these, which are sorted.
    Some(Box<[Box<str>]>),
}

impl SchemaKeys {
    /// Reads them off the keywords at the top of a schema; any that is not known to look at single keys looks at all.
    pub(super) fn of(schema: &Value) -> Self {
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    keys.extend(properties.keys().map(String::as_str));
                }
                ("required", Value::Array(required)) => {
                    keys.extend(required.iter().filter_map(Value::as_str));
                }
                // A config is a mapping, whatever it holds.
                ("type", _) | ("additionalProperties", Value::Bool(true)) => {}
                (keyword, _) if SILENT.contains(&keyword) => {}
                _ => return Self::All,
            }
        }
        Self::Some(keys.into_iter().map(Box::from).collect())
    }
}
