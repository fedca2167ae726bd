//! Doubtful scalars: legal, but not every reader of YAML reads them alike.

use super::{
    Problem, ProblemKind,
    scalar::{self, Reading},
};
use crate::Span;

/// How many lints of one text are kept.
pub(super) const MOST: usize = 100;

/// Looks at a plain scalar without a tag, a key or a value.
pub(super) fn scalar(text: &str, span: Span) -> Option<Problem> {
    let first = *text.as_bytes().first()?;
    // Most scalars are words; this keeps them cheap.
    if !matches!(first, b'.' | b'+' | b'-' | b'0'..=b'9' | b'y' | b'Y' | b'n' | b'N' | b'o' | b'O')
    {
        return None;
    }
    match scalar::read(text) {
        Reading::Bool(value) => Some(boolean(text, &value.to_string(), span)),
        Reading::Int(value) => leading_zero_or_underscore(text)
            .then(|| number(text, &format!("as {value}"), "as something else", span)),
        Reading::Float(value) if !value.is_finite() => {
            Some(number(text, "not at all", "as a number", span))
        }
        Reading::Float(value) => {
            let integer = !text.contains(['.', 'e', 'E']);
            let read = format!("as {}", super::number::go_float(value));
            (integer || text.contains('_')).then(|| number(text, &read, "as something else", span))
        }
        Reading::Null | Reading::Text => None,
    }
}

fn leading_zero_or_underscore(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']).as_bytes();
    let octal = digits[0] == b'0' && digits.get(1).is_some_and(u8::is_ascii_digit);
    octal || digits.contains(&b'_')
}

fn boolean(text: &str, value: &str, span: Span) -> Problem {
    let message = format!("Kubernetes reads `{text}` as {value}, other readers as a text");
    Problem::warning(ProblemKind::AmbiguousBoolean, span, message)
        .help(format!("write `{value}`, or `\"{text}\"` for the text"))
}

fn number(text: &str, kubernetes: &str, others: &str, span: Span) -> Problem {
    let message = format!("Kubernetes reads `{text}` {kubernetes}, other readers {others}");
    Problem::warning(ProblemKind::AmbiguousNumber, span, message)
        .help(format!("write the number in plain digits, or `\"{text}\"` for the text"))
}
