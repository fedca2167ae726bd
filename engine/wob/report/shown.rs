//! Places and values as people and programs see them: places found in their files, secrets masked.

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;
use wob_engine::{Place, Step, Value, looks_secret, mask_line, mask_text};
use wob_rules::why::TemplatePlace;

use super::Files;

/// How much of a value is shown, in characters.
const LONGEST: usize = 60;
/// What stands in the place of a secret.
pub(crate) const MASK: &str = "•••";

/// A place that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AtView {
    /// The built-in rule whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// The file.
    pub(crate) file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u32>,
    /// The line, without the space around it and with secrets masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    /// How many characters of space were in front of the text.
    #[serde(skip)]
    pub(crate) indent: usize,
}

/// A value, or what may be shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ValueView {
    /// The value, without what is masked.
    pub(crate) value: Json,
    /// Whether some of it is masked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) masked: bool,
}

impl AtView {
    /// Finds a place in the files that were read.
    pub(crate) fn of(place: &Place, files: &mut Files<'_>) -> Self {
        let range = files.find(place);
        let start = range.as_ref().map(|it| it.start);
        let line = range.as_ref().map_or("", |it| &*it.line);
        Self {
            rule: None,
            file: place.file.to_string(),
            line: start.map(|it| it.line),
            column: start.map(|it| it.column),
            text: mask_line(line.trim()).into_owned(),
            indent: line.chars().take_while(|it| it.is_whitespace()).count(),
        }
    }

    /// Finds a place of a template, be it in a source or in a built-in rule.
    pub(crate) fn of_template(place: &TemplatePlace, files: &mut Files<'_>) -> Self {
        match place {
            TemplatePlace::Source(place) => Self::of(place, files),
            TemplatePlace::Rule { rule, file, line, column, text } => Self {
                rule: Some(rule.clone()),
                file: file.clone(),
                line: Some(*line),
                column: Some(*column),
                text: mask_line(text.trim()).into_owned(),
                indent: text.chars().take_while(|it| it.is_whitespace()).count(),
            },
        }
    }
}

impl fmt::Display for AtView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ValueView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Json::String(text) = &self.value
            && self.masked
            && text.starts_with('•')
        {
            return f.write_str(text);
        }
        f.write_str(&shortened(&self.value.to_string()))
    }
}

/// Whether a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// As it is, but for what in it looks like a secret.
    Open,
    /// Masked as a whole.
    Secret,
}

impl Secrecy {
    /// Says whether a value of this key, or at this path, most likely is a secret.
    pub(crate) fn of(key: &str, path: &[Step]) -> Self {
        let is_secret = |step: &Step| matches!(step, Step::Key(key) if looks_secret(key));
        if looks_secret(key) || path.iter().any(is_secret) { Self::Secret } else { Self::Open }
    }
}

/// Returns what may be shown of a value.
pub(crate) fn shown(value: Option<&Value>, secrecy: Secrecy) -> ValueView {
    let Some(value) = value else { return ValueView { value: Json::Null, masked: false } };
    if secrecy == Secrecy::Secret {
        return ValueView { value: Json::from(MASK), masked: true };
    }
    let json = Json::from(value);
    let masked = mask(value);
    ValueView { masked: masked != json, value: masked }
}

/// Masks the secrets in a value: those of keys that look like one, and those in addresses.
fn mask(value: &Value) -> Json {
    match value {
        Value::Map(entries) => {
            // A variable of a container says its name beside its value.
            let named = entries.get("name").and_then(Value::as_str).is_some_and(looks_secret);
            let entry = |(key, it): (&std::sync::Arc<str>, &Value)| {
                let is_secret = looks_secret(key) || (named && &**key == "value");
                let it = if is_secret { Json::from(MASK) } else { mask(it) };
                (key.to_string(), it)
            };
            Json::Object(entries.iter().map(entry).collect())
        }
        Value::List(items) => Json::Array(items.iter().map(mask).collect()),
        Value::String(text) => {
            let end = if text.ends_with('\n') { "\n" } else { "" };
            Json::from(mask_text(text).join("\n") + end)
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Json::from(value),
    }
}

/// Returns the line of a place, from the place on if it is long.
pub(crate) fn around(at: &AtView) -> String {
    let column = at.column.map_or(0, |it| it as usize - 1).saturating_sub(at.indent);
    if at.text.chars().count() <= LONGEST || column < LONGEST / 2 {
        return shortened(&at.text);
    }
    let rest: String = at.text.chars().skip(column).collect();
    format!("…{}", shortened(&rest))
}

/// Returns the beginning of a text.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
