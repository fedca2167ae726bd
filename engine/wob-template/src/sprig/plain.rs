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

#[cfg(test)]
mod tests {
    use std::{rc::Rc, sync::Arc};

    use super::*;
    use crate::Map;

    #[test]
    fn plain_data_comes_back_as_it_went_in() {
        let json = serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": {}}});
        let data = Plain::from(json);
        assert_eq!(plain(&Value::from(&data)), Ok(data));
    }

    #[test]
    fn a_map_that_contains_itself_is_not_plain() {
        let map = Rc::new(Map::default());
        map.entries.borrow_mut().insert("self".into(), Value::Map(Rc::clone(&map)));
        assert!(plain(&Value::Map(Rc::clone(&map))).is_err());
        map.entries.borrow_mut().clear();
    }

    #[test]
    fn a_shared_map_is_not_plain_if_its_tree_is_endless() {
        let mut value = Value::from("leaf");
        for _ in 0..64 {
            value = ["a", "b"].map(|key| (Arc::from(key), value.clone())).into_iter().collect();
        }
        assert!(plain(&value).is_err());
    }
}
