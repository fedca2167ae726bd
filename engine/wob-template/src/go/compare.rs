//! Go's comparisons: `eq` and `lt` compare values of one basic kind only.

use std::rc::Rc;

use super::builtin::kind;
use crate::{FunctionError, Value};

/// Says whether `first` equals one of `others`.
pub(super) fn equal_any(first: &Value, others: &[Value]) -> Result<bool, FunctionError> {
    comparable(first)?;
    if others.is_empty() {
        return Err(FunctionError("there is nothing to compare with".to_owned()));
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says whether two values are equal; nil equals nothing but nil.
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, FunctionError> {
    comparable(a)?;
    Ok(match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => matches!((a, b), (Value::Nil, Value::Nil)),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "this is Go's comparison")]
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => {
            let by_value = !a.type_name().starts_with('*') && a.type_name() == b.type_name();
            Rc::ptr_eq(a, b) || (by_value && a.display() == b.display())
        }
        (Value::Object(_), _) => {
            comparable(b)?;
            return incompatible(a, b);
        }
        _ => return incompatible(a, b),
    })
}

/// Says whether `a` is less than `b`.
pub(super) fn less(a: &Value, b: &Value) -> Result<bool, FunctionError> {
    match (a, b) {
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::String(a), Value::String(b)) => Ok(a < b),
        _ => incompatible(a, b),
    }
}

/// Says whether `a` is less than `b`, or equal.
pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, FunctionError> {
    Ok(less(a, b)? || equal(a, b)?)
}

fn comparable(value: &Value) -> Result<(), FunctionError> {
    if matches!(value, Value::List(_) | Value::Map(_)) {
        return Err(FunctionError(format!("{} cannot be compared", kind(value))));
    }
    Ok(())
}

fn incompatible(a: &Value, b: &Value) -> Result<bool, FunctionError> {
    Err(FunctionError(format!("{} cannot be compared with {}", kind(a), kind(b))))
}
