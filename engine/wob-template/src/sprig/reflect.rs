//! What Go's `reflect` knows of a value: its type, its kind and deep equality.

use std::{cmp::Ordering, rc::Rc};

use super::{
    arguments::{Answer, Arguments, text},
    table::{Entry, pure},
    walk::Walk,
};
use crate::{FunctionError, Value, gofmt::type_name};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("deepEqual", pure(2, 2, |a| Ok(Value::Bool(equal(a.any(0), a.any(1))?)))),
    ("kindIs", pure(2, 2, |a| Ok(Value::Bool(a.text(0)? == kind_of(a.any(1)))))),
    ("kindOf", pure(1, 1, |a| text(kind_of(a.any(0))))),
    ("typeIs", pure(2, 2, |a| Ok(Value::Bool(a.text(0)? == type_name(a.any(1)))))),
    ("typeIsLike", pure(2, 2, type_is_like)),
    ("typeOf", pure(1, 1, |a| text(type_name(a.any(0))))),
];

/// Returns the name of the Go kind.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(object) if object.type_name().starts_with('*') => "ptr",
        Value::Object(_) => "struct",
        Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) | Value::String(_) => {
            type_name(value)
        }
    }
}

fn type_is_like(arguments: &[Value]) -> Answer {
    let (wanted, found) = (arguments.text(0)?, type_name(arguments.any(1)));
    Ok(Value::Bool(wanted == found || found.strip_prefix('*') == Some(wanted)))
}

/// Says whether two values are of the same type and equal in all their parts.
///
/// # Errors
/// A value that is nested too deeply.
pub(crate) fn equal(left: &Value, right: &Value) -> Result<bool, FunctionError> {
    compare(left, right, &mut Walk::new())
}

/// Compares within a walk that several comparisons share.
///
/// # Errors
/// There is too much to compare.
pub(super) fn compare(left: &Value, right: &Value, walk: &mut Walk) -> Result<bool, FunctionError> {
    walk.step()?;
    match (left, right) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b) == Some(Ordering::Equal)),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        (Value::List(a), Value::List(b)) => {
            if Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            if a.of != b.of || a.len() != b.len() {
                return Ok(false);
            }
            walk.within(|walk| all(a.iter().zip(b.iter()), walk))
        }
        (Value::Map(a), Value::Map(b)) => {
            if Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            let (left, right) = (a.entries.borrow(), b.entries.borrow());
            if a.of != b.of || !left.keys().eq(right.keys()) {
                return Ok(false);
            }
            walk.within(|walk| all(left.values().zip(right.values()), walk))
        }
        (Value::Object(a), Value::Object(b)) => {
            Ok(Rc::ptr_eq(a, b) || (a.type_name() == b.type_name() && a.display() == b.display()))
        }
        _ => Ok(false),
    }
}

fn all<'a>(
    pairs: impl Iterator<Item = (&'a Value, &'a Value)>,
    walk: &mut Walk,
) -> Result<bool, FunctionError> {
    for (left, right) in pairs {
        if !compare(left, right, walk)? {
            return Ok(false);
        }
    }
    Ok(true)
}
