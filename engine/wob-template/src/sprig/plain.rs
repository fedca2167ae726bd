//! Values as plain data, for functions that write or hash them.

use std::sync::Arc;

use wob_engine::Value as Plain;

use super::{arguments::fits, json::object_text, walk::Walk};
use crate::{FunctionError, Value};

/// Returns a value as plain data; times and versions become texts.
///
/// # Errors
/// The value holds another object, or is too deep or too long to be written.
pub(crate) fn plain(value: &Value) -> Result<Plain, FunctionError> {
    let mut converter = Converter { walk: Walk::new(), bytes: 0 };
    converter.convert(value)
}

struct Converter {
    walk: Walk,
    /// The most bytes that the texts so far can take, indentation included.
    bytes: usize,
}

impl Converter {
    fn convert(&mut self, value: &Value) -> Result<Plain, FunctionError> {
        self.walk.step()?;
        self.spend(4 * self.walk.depth())?;
        Ok(match value {
            Value::Nil => Plain::Null,
            Value::Bool(it) => Plain::Bool(*it),
            Value::Int(it) | Value::Int64(it) => Plain::Int(*it),
            Value::Float(it) => Plain::Float(*it),
            Value::String(it) => Plain::String(self.text(it)?),
            Value::Object(it) => Plain::String(self.text(&object_text(&**it)?)?),
            Value::List(items) => {
                self.walk.enter()?;
                let items = items.iter().map(|it| self.convert(it)).collect::<Result<_, _>>()?;
                self.walk.leave();
                Plain::List(items)
            }
            Value::Map(map) => {
                self.walk.enter()?;
                let entries = map.entries.borrow();
                let entries = entries
                    .iter()
                    .map(|(key, it)| Ok((self.text(key)?, self.convert(it)?)))
                    .collect::<Result<_, FunctionError>>()?;
                self.walk.leave();
                Plain::Map(entries)
            }
        })
    }

    fn text(&mut self, text: &str) -> Result<Arc<str>, FunctionError> {
        let lines = text.matches('\n').count();
        let indentation = lines.saturating_mul(4 * self.walk.depth());
        self.spend(text.len().saturating_add(indentation))?;
        Ok(text.into())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), FunctionError> {
        self.bytes = self.bytes.saturating_add(bytes);
        fits(self.bytes)
    }
}
