//! Go's `fmt`: how values become text.

use crate::{FunctionError, ListOf, MapOf, Value};

mod directive;
mod float;
mod quote;
mod verb;

pub(crate) use directive::sprintf;
pub(crate) use quote::{Escape, is_printable, push_quoted, quote};

/// How deep a value may be nested to be printed; a map may contain itself.
const DEPTH: usize = 256;

/// A text that refuses to grow beyond a limit.
pub(crate) struct Output {
    /// What was written.
    pub(crate) text: String,
    limit: usize,
}

impl Output {
    /// Returns an empty text that may have `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// Appends `piece`.
    pub(crate) fn push(&mut self, piece: &str) -> Result<(), FunctionError> {
        self.text.push_str(piece);
        self.check()
    }

    /// Fails if the text has become too long.
    pub(crate) fn check(&self) -> Result<(), FunctionError> {
        if self.text.len() <= self.limit {
            return Ok(());
        }
        Err(FunctionError(format!("makes a text of more than {} bytes", self.limit)))
    }
}

/// Returns the arguments as `fmt.Sprint` prints them: a space between two of which neither is a text.
pub(crate) fn sprint(arguments: &[Value], limit: usize) -> Result<String, FunctionError> {
    let mut out = Output::new(limit);
    let is_text = |value: &Value| matches!(value, Value::String(_));
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 && !is_text(argument) && !is_text(&arguments[i - 1]) {
            out.push(" ")?;
        }
        write(&mut out, argument)?;
    }
    Ok(out.text)
}

/// Returns the arguments as `fmt.Sprintln` prints them.
pub(crate) fn sprintln(arguments: &[Value], limit: usize) -> Result<String, FunctionError> {
    let mut out = Output::new(limit);
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            out.push(" ")?;
        }
        write(&mut out, argument)?;
    }
    out.push("\n")?;
    Ok(out.text)
}

/// Appends `value` as `%v` prints it.
pub(crate) fn write(out: &mut Output, value: &Value) -> Result<(), FunctionError> {
    write_nested(out, value, DEPTH)
}

fn write_nested(out: &mut Output, value: &Value, depth: usize) -> Result<(), FunctionError> {
    match value {
        Value::Nil => out.text.push_str("<nil>"),
        Value::Bool(it) => out.text.push_str(if *it { "true" } else { "false" }),
        Value::Int(it) | Value::Int64(it) => push_integer(&mut out.text, *it),
        Value::Float(it) => out.text.push_str(&float::shortest(*it)),
        Value::String(it) => out.text.push_str(it),
        Value::Object(it) => out.text.push_str(&it.display()),
        Value::List(items) => {
            let depth = deeper(depth)?;
            out.push("[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.text.push(' ');
                }
                write_nested(out, item, depth)?;
            }
            out.text.push(']');
        }
        Value::Map(map) => {
            let depth = deeper(depth)?;
            out.push("map[")?;
            for (i, (key, item)) in map.entries.borrow().iter().enumerate() {
                if i > 0 {
                    out.text.push(' ');
                }
                out.text.push_str(key);
                out.text.push(':');
                write_nested(out, item, depth)?;
            }
            out.text.push(']');
        }
    }
    out.check()
}

/// Appends a decimal number; much faster than the formatting machinery.
fn push_integer(out: &mut String, number: i64) {
    let mut digits = [b'0'; 20];
    let mut rest = number.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("because it is a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push('-');
    }
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

fn deeper(depth: usize) -> Result<usize, FunctionError> {
    let error = || FunctionError(format!("the value is nested more than {DEPTH} deep"));
    depth.checked_sub(1).ok_or_else(error)
}

/// Returns a complex number as `%v` prints it.
pub(crate) fn complex(re: f64, im: f64) -> String {
    let sign = if im.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}i)", float::shortest(re), float::shortest(im))
}

/// Returns the name of the value's Go type, as `%T` prints it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Int64(_) => "int64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::List(list) => match list.of {
            ListOf::Any => "[]interface {}",
            ListOf::Ints => "[]int",
            ListOf::Strings => "[]string",
            ListOf::Lists => "[][]interface {}",
        },
        Value::Map(map) => match map.of {
            MapOf::Any => "map[string]interface {}",
            MapOf::Strings => "map[string]string",
            MapOf::Interfaces => "map[interface {}]interface {}",
        },
        Value::Object(it) => it.type_name(),
    }
}

#[cfg(test)]
mod tests;
