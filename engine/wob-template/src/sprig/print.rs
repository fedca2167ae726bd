//! Printing for functions that answer texts.

use super::{arguments::MOST_BYTES, work};
use crate::{
    FunctionError, Value,
    gofmt::{self, Escape, Output},
};

/// Prints a value as `%v` does.
///
/// # Errors
/// A value that is nested too deeply or too long.
pub(crate) fn print(value: &Value) -> Result<String, FunctionError> {
    let mut out = Output::new(MOST_BYTES);
    gofmt::write(&mut out, value)?;
    work::count_text(&out.text);
    Ok(out.text)
}

/// Quotes a text as `%q` does.
pub(crate) fn quote(text: &str) -> String {
    gofmt::quote(text, Escape::Unprintable)
}
