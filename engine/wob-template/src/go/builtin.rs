//! The functions that every Go template has.

use std::{rc::Rc, sync::Arc};

use super::{compare, escape, truth};
use crate::{FunctionError, List, MapOf, Value, gofmt};

/// A built-in function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

const NAMES: [(&str, Builtin); 19] = [
    ("and", Builtin::And),
    ("call", Builtin::Call),
    ("eq", Builtin::Eq),
    ("ge", Builtin::Ge),
    ("gt", Builtin::Gt),
    ("html", Builtin::Html),
    ("index", Builtin::Index),
    ("js", Builtin::Js),
    ("le", Builtin::Le),
    ("len", Builtin::Len),
    ("lt", Builtin::Lt),
    ("ne", Builtin::Ne),
    ("not", Builtin::Not),
    ("or", Builtin::Or),
    ("print", Builtin::Print),
    ("printf", Builtin::Printf),
    ("println", Builtin::Println),
    ("slice", Builtin::Slice),
    ("urlquery", Builtin::Urlquery),
];

impl Builtin {
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|it| it.0)
    }

    /// Returns the fewest and the most arguments.
    pub(super) fn arity(self) -> (usize, usize) {
        match self {
            Self::And | Self::Or | Self::Call | Self::Eq | Self::Index | Self::Slice => {
                (1, usize::MAX)
            }
            Self::Printf => (1, usize::MAX),
            Self::Print | Self::Println | Self::Html | Self::Js | Self::Urlquery => (0, usize::MAX),
            Self::Len | Self::Not => (1, 1),
            Self::Ge | Self::Gt | Self::Le | Self::Lt | Self::Ne => (2, 2),
        }
    }

    /// Calls the function with as many arguments as it takes; a text may have `limit` bytes.
    ///
    /// `and` and `or` are the evaluator's, because they do not evaluate all arguments.
    pub(super) fn call(self, arguments: &[Value], limit: usize) -> Result<Value, FunctionError> {
        let first = arguments.first().unwrap_or(&Value::Nil);
        let second = arguments.get(1).unwrap_or(&Value::Nil);
        let rest = arguments.get(1..).unwrap_or_default();
        match self {
            Self::And | Self::Or => Ok(first.clone()),
            Self::Call => fail(format!("{} is not a function", kind(first))),
            Self::Eq => compare::equal_any(first, rest).map(Value::Bool),
            Self::Ne => compare::equal(first, second).map(|it| Value::Bool(!it)),
            Self::Lt => compare::less(first, second).map(Value::Bool),
            Self::Le => compare::less_or_equal(first, second).map(Value::Bool),
            Self::Gt => compare::less_or_equal(first, second).map(|it| Value::Bool(!it)),
            Self::Ge => compare::less(first, second).map(|it| Value::Bool(!it)),
            Self::Html => Ok(escape::html(&escapable(arguments, limit)?).into()),
            Self::Js => Ok(escape::js(&escapable(arguments, limit)?).into()),
            Self::Urlquery => Ok(escape::urlquery(&escapable(arguments, limit)?).into()),
            Self::Index => rest.iter().try_fold(non_nil(first)?.clone(), index),
            Self::Len => len(first),
            Self::Not => Ok(Value::Bool(!truth(first))),
            Self::Print => gofmt::sprint(arguments, limit).map(Value::from),
            Self::Println => gofmt::sprintln(arguments, limit).map(Value::from),
            Self::Printf => {
                let Value::String(template) = first else {
                    return fail(format!("the format must be a text, not {}", kind(first)));
                };
                gofmt::sprintf(template, rest, limit).map(Value::from)
            }
            Self::Slice => slice(non_nil(first)?, rest),
        }
    }
}

fn fail<T>(message: impl Into<String>) -> Result<T, FunctionError> {
    Err(FunctionError(message.into()))
}

/// Returns what messages call this kind of value.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Int(_) | Value::Int64(_) => "an integer".to_owned(),
        Value::Float(_) => "a float".to_owned(),
        Value::String(_) => "a text".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Object(it) => it.noun(),
    }
}

/// Returns the arguments of an escaping function as one text.
fn escapable(arguments: &[Value], limit: usize) -> Result<Arc<str>, FunctionError> {
    if let [Value::String(text)] = arguments {
        return Ok(Arc::clone(text));
    }
    let printable = |it: &Value| {
        if matches!(it, Value::Nil) { Value::from("<no value>") } else { it.clone() }
    };
    let arguments: Vec<Value> = arguments.iter().map(printable).collect();
    Ok(gofmt::sprint(&arguments, limit)?.into())
}

fn non_nil(value: &Value) -> Result<&Value, FunctionError> {
    if matches!(value, Value::Nil) { fail("the value is nil") } else { Ok(value) }
}

fn len(value: &Value) -> Result<Value, FunctionError> {
    let length = match value {
        Value::String(it) => it.len(),
        Value::List(it) => it.len(),
        Value::Map(it) => it.entries.borrow().len(),
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Int64(_)
        | Value::Float(_)
        | Value::Object(_) => return fail(format!("{} has no length", kind(value))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the fold's accumulator")]
fn index(item: Value, key: &Value) -> Result<Value, FunctionError> {
    match (&item, key) {
        (Value::Map(map), Value::String(key)) => {
            let found = map.entries.borrow().get(key).cloned();
            Ok(found.unwrap_or_else(|| match map.of {
                MapOf::Any | MapOf::Interfaces => Value::Nil,
                MapOf::Strings => Value::from(""),
            }))
        }
        (Value::Map(_), _) => fail(format!("a map has no {} as a key", kind(key))),
        (Value::List(items), _) => {
            let at = position(key, items.len())?;
            items.get(at).cloned().map_or_else(|| fail(out_of_range(at)), Ok)
        }
        (Value::String(text), _) => {
            let at = position(key, text.len())?;
            let byte = text.as_bytes().get(at).map(|it| Value::Int(i64::from(*it)));
            byte.map_or_else(|| fail(out_of_range(at)), Ok)
        }
        _ => fail(format!("{} has no items", kind(&item))),
    }
}

fn out_of_range(at: impl std::fmt::Display) -> String {
    format!("index out of range: {at}")
}

fn position(key: &Value, most: usize) -> Result<usize, FunctionError> {
    let (Value::Int(at) | Value::Int64(at)) = key else {
        return fail(format!("the index is {}, not an integer", kind(key)));
    };
    let position = usize::try_from(*at).ok().filter(|it| *it <= most);
    position.map_or_else(|| fail(out_of_range(at)), Ok)
}

fn slice(item: &Value, bounds: &[Value]) -> Result<Value, FunctionError> {
    if let Value::String(text) = item {
        if bounds.len() > 2 {
            return fail("a text is sliced with at most two indexes");
        }
        let (start, end) = span(bounds, text.len())?;
        return Ok(Value::from(&*String::from_utf8_lossy(&text.as_bytes()[start..end])));
    }
    let Value::List(items) = item else {
        return fail(format!("{} has no slices", kind(item)));
    };
    if bounds.len() > 3 {
        return fail("a list is sliced with at most three indexes");
    }
    let (start, end) = span(bounds, items.len())?;
    Ok(Value::List(Rc::new(List { items: items[start..end].to_vec(), of: items.of })))
}

/// Returns start and end; a third bound would be the capacity, which nothing can see.
fn span(bounds: &[Value], length: usize) -> Result<(usize, usize), FunctionError> {
    let mut all = vec![0, length];
    for (i, bound) in bounds.iter().enumerate() {
        let position = position(bound, length)?;
        if i < 2 {
            all[i] = position;
        } else {
            all.push(position);
        }
    }
    if all.is_sorted() { Ok((all[0], all[1])) } else { fail("the indexes of a slice must grow") }
}
