//! What a file of a tree holds: objects, variables of a shell script, or text.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{FilePath, Severity, Value, yaml};

use super::ObjectName;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    /// The documents of YAML or JSON.
    Documents(Vec<Document>),
    /// Each variable that a script sets, with its value and its line.
    Variables(Variables),
    /// Any other text.
    Text(Arc<str>),
    /// No text.
    Bytes,
}

/// The variables of a script, with their values and lines.
pub(super) type Variables = BTreeMap<Arc<str>, (Arc<str>, u32)>;

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: ObjectName,
    /// Its number, without those that are empty.
    pub(super) number: usize,
    pub(super) value: Value,
}

impl Content {
    /// Reads a file by its name and its bytes.
    pub(super) fn read(path: &FilePath, bytes: &[u8]) -> Self {
        let Ok(text) = str::from_utf8(bytes) else { return Self::Bytes };
        let extension = path.as_str().rsplit_once('.').map_or("", |it| it.1);
        let read = match extension {
            "yaml" | "yml" | "json" => documents(text).map(Self::Documents),
            "sh" | "env" => variables(text).map(Self::Variables),
            _ => None,
        };
        read.unwrap_or_else(|| Self::Text(text.into()))
    }
}

impl ObjectName {
    /// Reads what names an object.
    pub(super) fn of(object: &Value) -> Self {
        let text = |path: &[&str]| -> Arc<str> {
            let mut at = Some(object);
            for key in path {
                at = at.and_then(Value::as_map).and_then(|it| it.get(*key));
            }
            at.and_then(Value::as_str).unwrap_or_default().into()
        };
        Self {
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]),
        }
    }
}

/// `None` if it cannot be read, so that a cluster would not take it either.
fn documents(text: &str) -> Option<Vec<Document>> {
    let parsed = yaml::parse(text, &yaml::Limits::default());
    if parsed.problems.iter().any(|it| it.severity == Severity::Error) {
        return None;
    }
    let held = parsed.documents.iter().filter(|it| !it.root.is_null());
    let document = |(number, it): (usize, &yaml::Document)| {
        let value = it.root.to_value();
        Document { name: ObjectName::of(&value), number, value }
    };
    Some(held.enumerate().map(document).collect())
}

/// `None` if a line is anything but `KEY=value`, a comment or blank, or a variable is set twice.
fn variables(text: &str) -> Option<Variables> {
    let mut found = Variables::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) =
            line.strip_prefix("export ").unwrap_or(line).trim_start().split_once('=')?;
        let is_name = !key.is_empty()
            && key.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
            && !key.as_bytes()[0].is_ascii_digit();
        let value = unquoted(value)?;
        if !is_name || found.insert(key.into(), (value.into(), number)).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Returns a value without its quotes; `None` if a shell would read on, or compute it.
fn unquoted(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let inner = inner.strip_suffix(quote)?;
            let is_plain =
                !inner.contains(quote) && (quote == '\'' || !inner.contains(['$', '`', '\\']));
            return is_plain.then_some(inner);
        }
    }
    let is_plain = |it: char| it.is_alphanumeric() || "_-./:,@%+=".contains(it);
    value.chars().all(is_plain).then_some(value)
}
