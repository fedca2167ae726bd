//! How plain data enters the evaluator; `sprig/plain.rs` has the way out.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use crate::{List, ListOf, Map, MapOf, Value};

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
                entries.iter().map(|(key, value)| (Arc::from(&**key), Self::from(value))).collect()
            }
        }
    }
}

impl Value {
    /// Converts plain data as `Value::from` does, but shares its texts. Whoever traces a render must not: there, each
    /// value of the data is known by its address.
    pub fn sharing(value: &wob_engine::Value) -> Self {
        use wob_engine::Value as Plain;
        match value {
            Plain::String(it) => Self::String(Arc::clone(it)),
            Plain::List(items) => items.iter().map(Self::sharing).collect(),
            Plain::Map(entries) => {
                entries.iter().map(|(key, it)| (Arc::clone(key), Self::sharing(it))).collect()
            }
            Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) => Self::from(value),
        }
    }
}

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

impl FromIterator<(Arc<str>, Self)> for Value {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Self)>>(entries: I) -> Self {
        let entries = RefCell::new(entries.into_iter().collect());
        Self::Map(Rc::new(Map { entries, of: MapOf::Any }))
    }
}
