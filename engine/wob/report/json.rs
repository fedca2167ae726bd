//! Diagnostics as programs read them; docs/output.md documents this shape, which only grows.

use serde::Serialize;

use super::{Item, Mark};

/// One diagnostic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonDiagnostic<'i> {
    severity: wob_engine::Severity,
    code: &'static str,
    message: &'i str,
    /// The main place; absent if no source is to blame.
    #[serde(flatten)]
    place: Option<JsonPlace<'i>>,
    /// All places, the main one first.
    labels: Vec<JsonLabel<'i>>,
    help: Option<&'i str>,
    notes: &'i [String],
}

#[derive(Debug, Serialize)]
struct JsonLabel<'i> {
    #[serde(flatten)]
    place: JsonPlace<'i>,
    text: &'i str,
}

/// A place; without numbers it is the file as a whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPlace<'i> {
    file: &'i str,
    #[serde(flatten)]
    range: Option<JsonRange>,
}

/// Lines and columns from 1; columns count Unicode scalar values, and the end is the character behind the last one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRange {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

impl<'i> JsonDiagnostic<'i> {
    /// Returns `item` in the documented shape.
    pub(crate) fn new(item: &'i Item) -> Self {
        let label = |mark: &'i Mark| JsonLabel { place: JsonPlace::new(mark), text: &mark.text };
        Self {
            severity: item.diagnostic.severity,
            code: item.diagnostic.code,
            message: &item.diagnostic.message,
            place: item.marks.first().map(JsonPlace::new),
            labels: item.marks.iter().map(label).collect(),
            help: item.diagnostic.help.as_deref(),
            notes: &item.diagnostic.notes,
        }
    }
}

impl<'i> JsonPlace<'i> {
    fn new(mark: &'i Mark) -> Self {
        let range = mark.range.as_ref().map(|range| JsonRange {
            line: range.start.line,
            column: range.start.column,
            end_line: range.end.line,
            end_column: range.end.column,
        });
        Self { file: mark.file.as_str(), range }
    }
}
