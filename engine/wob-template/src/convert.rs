//! Between the evaluator's values and plain data.

use std::{cell::RefCell, error, fmt, rc::Rc};

use crate::{List, ListOf, Map, MapOf, Value};

/// How deep plain data may be nested when it leaves the evaluator.
const DEPTH: usize = 128;

impl From<&wob_engine::Value> for Value {
    fn from(value: &wob_engine::Value) -> Self {
        use wob_engine::Value as Plain;
        match value {
            Plain::Null => Self::Nil,
            Plain::Bool(it) => Self::Bool(*it),
            Plain::Int(it) => Self::Int(*it),
            Plain::Float(it) => Self::Float(*it),
            Plain::String(it) => Self::from(&**it),
            Plain::List(items) => items.iter().map(Self::from).collect(),
            Plain::Map(entries) => {
                entries.iter().map(|(key, value)| (Rc::from(&**key), Self::from(value))).collect()
            }
        }
    }
}

impl TryFrom<&Value> for wob_engine::Value {
    type Error = NotPlain;

    fn try_from(value: &Value) -> Result<Self, NotPlain> {
        plain(value, DEPTH)
    }
}

fn plain(value: &Value, depth: usize) -> Result<wob_engine::Value, NotPlain> {
    use wob_engine::Value as Plain;
    let depth = depth.checked_sub(1).ok_or(NotPlain::TooDeep)?;
    Ok(match value {
        Value::Nil => Plain::Null,
        Value::Bool(it) => Plain::Bool(*it),
        Value::Int(it) | Value::Int64(it) => Plain::Int(*it),
        Value::Float(it) => Plain::Float(*it),
        Value::String(it) => Plain::from(&**it),
        Value::List(items) => {
            Plain::List(items.iter().map(|it| plain(it, depth)).collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let entries = map.entries.borrow();
            let entries = entries.iter().map(|(key, it)| Ok(((&**key).into(), plain(it, depth)?)));
            Plain::Map(entries.collect::<Result<_, _>>()?)
        }
        Value::Object(object) => return Err(NotPlain::Object(object.type_name())),
    })
}

/// Why a value cannot leave the evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlain {
    /// It is nested too deep, or contains itself.
    TooDeep,
    /// It holds an object of this Go type.
    Object(&'static str),
}

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(f, "the value is nested more than {DEPTH} deep"),
            Self::Object(name) => write!(f, "the value holds a `{name}`"),
        }
    }
}

impl error::Error for NotPlain {}

impl From<bool> for Value {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}

impl From<i64> for Value {
    fn from(it: i64) -> Self {
        Self::Int(it)
    }
}

impl From<f64> for Value {
    fn from(it: f64) -> Self {
        Self::Float(it)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::List(Rc::new(List { items: items.into_iter().collect(), of: ListOf::Any }))
    }
}

impl FromIterator<(Rc<str>, Self)> for Value {
    fn from_iter<I: IntoIterator<Item = (Rc<str>, Self)>>(entries: I) -> Self {
        let entries = RefCell::new(entries.into_iter().collect());
        Self::Map(Rc::new(Map { entries, of: MapOf::Any }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_data_comes_back_as_it_went_in() {
        let json = serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": {}}});
        let plain = wob_engine::Value::from(json);
        assert_eq!(wob_engine::Value::try_from(&Value::from(&plain)), Ok(plain));
    }

    #[test]
    fn a_map_that_contains_itself_is_not_plain() {
        let map = Rc::new(Map::default());
        map.entries.borrow_mut().insert("self".into(), Value::Map(Rc::clone(&map)));
        let error = wob_engine::Value::try_from(&Value::Map(Rc::clone(&map)));
        assert_eq!(error, Err(NotPlain::TooDeep));
        map.entries.borrow_mut().clear();
    }
}
