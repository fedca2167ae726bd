//! How Go's `fmt` and `strconv` print values: `%v`, `%q` and the shortest floats.

use super::{
    arguments::{MOST_BYTES, failure},
    letters::is_printable,
    walk::Walk,
};
use crate::{FunctionError, Value};

/// Prints a value as `%v` does.
///
/// # Errors
/// A value that is nested too deeply or too long.
pub(crate) fn print(value: &Value) -> Result<String, FunctionError> {
    if let Value::String(text) = value {
        return Ok(text.to_string());
    }
    let mut out = String::new();
    write(&mut out, value, &mut Walk::new())?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, walk: &mut Walk) -> Result<(), FunctionError> {
    walk.step()?;
    if out.len() > MOST_BYTES {
        return Err(failure(format!("makes a text of more than {MOST_BYTES} bytes")));
    }
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Int(it) | Value::Int64(it) => out.push_str(&it.to_string()),
        Value::Float(it) => out.push_str(&float(*it)),
        Value::String(it) => out.push_str(it),
        Value::Object(it) => out.push_str(&it.display()),
        Value::List(items) => {
            out.push('[');
            walk.within(|walk| {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    write(out, item, walk)?;
                }
                Ok(())
            })?;
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            walk.within(|walk| {
                for (i, (key, item)) in map.entries.borrow().iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    out.push_str(key);
                    out.push(':');
                    write(out, item, walk)?;
                }
                Ok(())
            })?;
            out.push(']');
        }
    }
    Ok(())
}

/// Prints a float as `%v` does: the shortest digits, with an exponent from 1e6 and below 1e-4.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').expect("because `{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("because `{:e}` writes a number after the e");
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Quotes a text as `%q` does.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            _ if is_printable(c) => out.push(c),
            _ => out.push_str(&escaped(c)),
        }
    }
    out.push('"');
    out
}

fn escaped(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0x7f => format!("\\x{code:02x}"),
        code @ 0x80..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}
