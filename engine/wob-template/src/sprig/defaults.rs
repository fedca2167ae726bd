//! Choosing between values: defaults, emptiness, conditions and `fail`.

use super::{
    arguments::{Answer, Arguments, failure},
    table::{ANY, Entry, pure},
};
use crate::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("all", pure(0, ANY, |a| Ok(Value::Bool(!a.iter().any(is_empty))))),
    ("any", pure(0, ANY, |a| Ok(Value::Bool(a.iter().any(|it| !is_empty(it)))))),
    ("coalesce", pure(0, ANY, coalesce)),
    ("default", pure(1, ANY, default)),
    ("empty", pure(1, 1, |a| Ok(Value::Bool(is_empty(a.any(0)))))),
    ("fail", pure(1, 1, |a| Err(failure(a.text(0)?)))),
    ("ternary", pure(3, 3, |a| Ok(a.any(usize::from(!a.truth(2)?)).clone()))),
];

/// Says whether a value is the zero value of its type.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::Bool(it) => !it,
        Value::Int(it) | Value::Int64(it) => *it == 0,
        Value::Float(it) => *it == 0.0,
        Value::String(it) => it.is_empty(),
        Value::List(it) => it.is_empty(),
        Value::Map(it) => it.entries.borrow().is_empty(),
        Value::Object(_) => false,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the table wants functions that may fail")]
fn coalesce(arguments: &[Value]) -> Answer {
    Ok(arguments.iter().find(|it| !is_empty(it)).cloned().unwrap_or_default())
}

#[expect(clippy::unnecessary_wraps, reason = "the table wants functions that may fail")]
fn default(arguments: &[Value]) -> Answer {
    let given = arguments.get(1).filter(|it| !is_empty(it));
    Ok(given.unwrap_or(arguments.any(0)).clone())
}
