//! The way to a field of an object, as people read it: `/spec/template/spec/containers/[name=app]/image`.

use std::{fmt, sync::Arc};

use wob_engine::Value;

/// The way to a field from the root of its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<FieldStep>);

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldStep {
    /// The value of this key.
    Key(Arc<str>),
    /// The item of this index, from 0, of a list whose order counts.
    Index(usize),
    /// The item that has these values, of a list whose order does not count; without a key, the item is this value.
    Item(Vec<(&'static str, Value)>),
}

impl FieldPath {
    /// Returns the steps.
    pub fn steps(&self) -> &[FieldStep] {
        &self.0
    }

    /// Says whether this is the object as a whole.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the keys on the way, the others as `*`, for tables of fields.
    pub(super) fn plain(&self) -> String {
        let step = |step: &FieldStep| match step {
            FieldStep::Key(key) => format!("/{}", escaped(key)),
            FieldStep::Index(_) | FieldStep::Item(_) => "/*".to_owned(),
        };
        self.0.iter().map(step).collect()
    }

    /// Returns the last key on the way.
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|it| match it {
            FieldStep::Key(key) => Some(&**key),
            FieldStep::Index(_) | FieldStep::Item(_) => None,
        })
    }

    pub(super) fn push(&mut self, step: FieldStep) {
        self.0.push(step);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }
}

impl FromIterator<FieldStep> for FieldPath {
    fn from_iter<I: IntoIterator<Item = FieldStep>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// As a JSON pointer, but for the items of lists whose order does not count.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                FieldStep::Key(key) => write!(f, "/{}", escaped(key))?,
                FieldStep::Index(index) => write!(f, "/{index}")?,
                FieldStep::Item(keys) => {
                    write!(f, "/[{}]", keys.iter().map(named).collect::<Vec<_>>().join(","))?;
                }
            }
        }
        Ok(())
    }
}

fn named((key, value): &(&'static str, Value)) -> String {
    let shown = match value.as_str() {
        Some(text) => escaped(text),
        None => serde_json::Value::from(value).to_string(),
    };
    if key.is_empty() { shown } else { format!("{key}={shown}") }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
