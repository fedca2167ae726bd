//! The one value type of the evaluator: what Go's `interface{}` holds when a template runs.
//!
//! Values live on one thread and die with the render. Maps are shared and mutable, because sprig's `set` and `unset`
//! change the map that they are given.

use std::{cell::RefCell, collections::BTreeMap, fmt, ops::Deref, rc::Rc, sync::Arc};

/// A value as Go's `text/template` sees it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// The untyped nil, and what a missing map key yields.
    #[default]
    Nil,
    /// Go `bool`.
    Bool(bool),
    /// Go `int`: literals, and numbers from YAML.
    Int(i64),
    /// Go `int64`: what sprig's arithmetic returns.
    Int64(i64),
    /// Go `float64`.
    Float(f64),
    /// Go `string`.
    String(Arc<str>),
    /// Go `[]interface{}`, `[]string` or another slice; functions return new lists.
    List(Rc<List>),
    /// Go `map[string]interface{}` or `map[string]string`.
    Map(Rc<Map>),
    /// A Go struct or another type with fields and methods: the data root, a time, a semantic version.
    Object(Rc<dyn Object>),
}

/// A list that never changes.
#[derive(Debug, Default)]
pub struct List {
    /// The items.
    pub items: Vec<Value>,
    /// The Go type of its items.
    pub of: ListOf,
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

/// The Go type of a list's items; only `typeOf`, `%T` and deep equality see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListOf {
    /// `[]interface{}`.
    #[default]
    Any,
    /// `[]int`.
    Ints,
    /// `[]string`.
    Strings,
    /// `[][]interface{}`.
    Lists,
}

/// A mutable mapping from texts, in byte order of its keys (Go's template package sorts them too).
#[derive(Debug, Default)]
pub struct Map {
    /// The entries.
    pub entries: RefCell<BTreeMap<Arc<str>, Value>>,
    /// The type of its values.
    pub of: MapOf,
}

/// Deep maps are taken apart one by one: the default drop would recurse, and overflow the stack.
impl Drop for Map {
    fn drop(&mut self) {
        let entries = std::mem::take(self.entries.get_mut());
        let nested = |value: &Value| matches!(value, Value::Map(_) | Value::List(_));
        let mut doomed: Vec<Value> = entries.into_values().filter(nested).collect();
        while let Some(value) = doomed.pop() {
            if let Value::Map(map) = value {
                if let Some(mut map) = Rc::into_inner(map) {
                    let entries = std::mem::take(map.entries.get_mut());
                    doomed.extend(entries.into_values().filter(nested));
                }
            } else if let Value::List(items) = value {
                let items = Rc::into_inner(items).unwrap_or_default().items;
                doomed.extend(items.into_iter().filter(nested));
            }
        }
    }
}

/// The Go type of a map's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapOf {
    /// `map[string]interface{}`.
    #[default]
    Any,
    /// `map[string]string`: most sprig functions refuse it.
    Strings,
    /// `map[interface {}]interface {}`, as yaml.v2 reads mappings: sprig's functions on maps refuse it, and JSON
    /// can't hold it.
    Interfaces,
}

/// A value with fields and methods.
pub trait Object: fmt::Debug {
    /// The name of the Go type, as `%T` prints it: `time.Time`, `*semver.Version`.
    fn type_name(&self) -> &'static str;

    /// Returns what messages call the value: ``a `time.Time` ``.
    fn noun(&self) -> String {
        format!("a `{}`", self.type_name())
    }

    /// Returns a field; `None` if the type has no such field, which is an error in Go.
    fn field(&self, name: &str) -> Option<Value>;

    /// Returns the names of all fields, to guess what a misspelt one meant.
    fn field_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Calls a method; `None` if the type has no such method.
    ///
    /// # Errors
    /// What the method says.
    fn call(&self, _method: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        None
    }

    /// Returns what printing shows.
    fn display(&self) -> String;

    /// Says whether `if` takes it as true; Go structs always are.
    fn truth(&self) -> bool {
        true
    }

    /// Lets a function get its own type back.
    fn as_any(&self) -> &dyn std::any::Any;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_map_is_dropped_without_recursion() {
        let mut value = Value::Nil;
        for _ in 0..200_000 {
            value =
                [(Arc::from("k"), [value].into_iter().collect::<Value>())].into_iter().collect();
        }
        drop(value);
    }
}
