//! What a function is given, checked as Go's reflection checks it, and how it answers.

use std::{rc::Rc, sync::Arc};

use super::{reflect::kind_of, work};
use crate::gofmt::type_name;
use crate::{FunctionError, List, ListOf, Map, MapOf, Value};

/// What a function answers.
pub(crate) type Answer = Result<Value, FunctionError>;

/// The longest text that a function may make, in bytes: a template is untrusted.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// The longest list that a function may make.
pub(crate) const MOST_ITEMS: usize = 1 << 20;

/// Typed access to the arguments of a function whose Go twin has typed parameters.
///
/// The evaluator has checked their number, so a position that is not there is an optional one: it reads as nil.
pub(crate) trait Arguments {
    /// Returns the argument as it is.
    fn any(&self, at: usize) -> &Value;

    /// Returns an argument of the Go type `string`.
    fn text(&self, at: usize) -> Result<&str, FunctionError>;

    /// Returns an argument of the Go type `int`; an `int64` is another type.
    fn int(&self, at: usize) -> Result<i64, FunctionError>;

    /// Returns an argument of the Go type `float64`; whole literals are taken too.
    fn float(&self, at: usize) -> Result<f64, FunctionError>;

    /// Returns an argument of the Go type `bool`.
    fn truth(&self, at: usize) -> Result<bool, FunctionError>;

    /// Returns an argument of the Go type `map[string]interface {}`; nil is an empty one.
    fn map(&self, at: usize) -> Result<Rc<Map>, FunctionError>;

    /// Returns the arguments from a position on, all of the Go type `map[string]interface {}`.
    fn maps(&self, from: usize) -> Result<Vec<Rc<Map>>, FunctionError>;

    /// Returns an argument that Go inspects with `reflect` and wants to be a list.
    fn items(&self, at: usize, complaint: &str) -> Result<Rc<List>, FunctionError>;
}

impl Arguments for [Value] {
    fn any(&self, at: usize) -> &Value {
        self.get(at).unwrap_or(&Value::Nil)
    }

    fn text(&self, at: usize) -> Result<&str, FunctionError> {
        let value = self.any(at);
        let Value::String(text) = value else { return Err(mismatch("string", value)) };
        work::count_text(text);
        Ok(text)
    }

    fn int(&self, at: usize) -> Result<i64, FunctionError> {
        let value = self.any(at);
        if let Value::Int(number) = value { Ok(*number) } else { Err(mismatch("int", value)) }
    }

    #[expect(clippy::cast_precision_loss, reason = "Go converts the literal the same way")]
    fn float(&self, at: usize) -> Result<f64, FunctionError> {
        let value = self.any(at);
        if let Value::Float(number) = value {
            Ok(*number)
        } else if let Value::Int(number) = value {
            Ok(*number as f64)
        } else {
            Err(mismatch("float64", value))
        }
    }

    fn truth(&self, at: usize) -> Result<bool, FunctionError> {
        let value = self.any(at);
        if let Value::Bool(truth) = value { Ok(*truth) } else { Err(mismatch("bool", value)) }
    }

    fn map(&self, at: usize) -> Result<Rc<Map>, FunctionError> {
        let value = self.any(at);
        if let Value::Map(map) = value
            && map.of == MapOf::Any
        {
            return Ok(Rc::clone(map));
        }
        if matches!(value, Value::Nil) {
            return Ok(Rc::default());
        }
        Err(mismatch("map[string]interface {}", value))
    }

    fn maps(&self, from: usize) -> Result<Vec<Rc<Map>>, FunctionError> {
        (from..self.len()).map(|at| self.map(at)).collect()
    }

    fn items(&self, at: usize, complaint: &str) -> Result<Rc<List>, FunctionError> {
        let value = self.any(at);
        if let Value::List(items) = value {
            work::count(items.len());
            return Ok(Rc::clone(items));
        }
        Err(failure(format!("{complaint} {}", kind_of(value))))
    }
}

fn mismatch(expected: &str, found: &Value) -> FunctionError {
    if matches!(found, Value::Nil) {
        return failure(format!("invalid value; expected {expected}"));
    }
    failure(format!("wrong type for value; expected {expected}; got {}", type_name(found)))
}

/// Makes an error.
pub(crate) fn failure(message: impl Into<String>) -> FunctionError {
    FunctionError(message.into())
}

/// Makes a text, unless it is too long to be meant.
pub(crate) fn text(text: impl Into<Arc<str>>) -> Answer {
    let text = text.into();
    fits(text.len())?;
    Ok(Value::String(text))
}

/// Checks the length of a text before it is made.
pub(crate) fn fits(bytes: usize) -> Result<(), FunctionError> {
    if bytes > MOST_BYTES {
        return Err(failure(format!("makes a text of more than {MOST_BYTES} bytes")));
    }
    Ok(())
}

/// Makes a list of anything, unless it is too long to be meant.
pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Answer {
    list_of(ListOf::Any, items)
}

/// Makes a list of texts.
pub(crate) fn texts<T: Into<Arc<str>>>(texts: impl IntoIterator<Item = T>) -> Answer {
    list_of(ListOf::Strings, texts.into_iter().map(|it| Value::String(it.into())))
}

/// Makes a list of a type.
pub(crate) fn list_of(of: ListOf, items: impl IntoIterator<Item = Value>) -> Answer {
    let items: Vec<Value> = items.into_iter().take(MOST_ITEMS + 1).collect();
    if items.len() > MOST_ITEMS {
        return Err(failure(format!("makes a list of more than {MOST_ITEMS} items")));
    }
    Ok(Value::List(Rc::new(List { items, of })))
}
