//! Maps: `set`, `unset` and the merges change the map that they are given, all others make a new one.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    arguments::{Answer, Arguments, failure, list, texts},
    defaults::is_empty,
    print::print,
    table::{ANY, Entry, pure},
    walk::Walk,
};
use crate::{Function, FunctionError, List, Map, MapOf, Value, gofmt::type_name};

/// Where Go's order of keys is random, this is the byte order.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("deepCopy", DEEP_COPY),
    ("dict", pure(0, ANY, dict)),
    ("dig", pure(3, ANY, dig)),
    ("get", pure(2, 2, get)),
    ("hasKey", pure(2, 2, has_key)),
    ("keys", pure(0, ANY, keys)),
    ("merge", MERGE),
    ("mergeOverwrite", MERGE_OVERWRITE),
    ("mustDeepCopy", DEEP_COPY),
    ("mustMerge", MERGE),
    ("mustMergeOverwrite", MERGE_OVERWRITE),
    ("omit", pure(1, ANY, omit)),
    ("pick", pure(1, ANY, pick)),
    ("pluck", pure(1, ANY, pluck)),
    ("set", pure(3, 3, set)),
    ("unset", pure(2, 2, unset)),
    ("values", pure(1, 1, |a| list(a.map(0)?.entries.borrow().values().cloned()))),
];

const DEEP_COPY: Function = pure(1, 1, |a| copy(a.any(0), &mut Walk::new()));
const MERGE: Function = pure(1, ANY, |a| merge_all(a, Winner::Destination));
const MERGE_OVERWRITE: Function = pure(1, ANY, |a| merge_all(a, Winner::Source));

fn dict(arguments: &[Value]) -> Answer {
    let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for pair in arguments.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::from(""));
        entries.insert(print(&pair[0])?.into(), value);
    }
    Ok(entries.into_iter().collect())
}

fn dig(arguments: &[Value]) -> Answer {
    let (last, rest) = arguments.split_last().ok_or_else(|| failure("dig needs arguments"))?;
    let (default, keys) = rest.split_last().ok_or_else(|| failure("dig needs a default"))?;
    let mut found = last.clone();
    for at in 0..keys.len() {
        let key = keys.text(at)?;
        let Value::Map(map) = &found else {
            return Err(failure(format!(
                "interface conversion: interface {{}} is {}, not map[string]interface {{}}",
                type_name(&found)
            )));
        };
        let Some(next) = map.entries.borrow().get(key).cloned() else {
            return Ok(default.clone());
        };
        found = next;
    }
    Ok(found)
}

fn get(arguments: &[Value]) -> Answer {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    let found = map.entries.borrow().get(key).cloned();
    Ok(found.unwrap_or_else(|| Value::from("")))
}

fn has_key(arguments: &[Value]) -> Answer {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    let found = map.entries.borrow().contains_key(key);
    Ok(Value::Bool(found))
}

fn keys(arguments: &[Value]) -> Answer {
    let mut keys: Vec<Arc<str>> = vec![];
    for map in arguments.maps(0)? {
        keys.extend(map.entries.borrow().keys().cloned());
    }
    texts(keys)
}

fn omit(arguments: &[Value]) -> Answer {
    let mut entries = arguments.map(0)?.entries.borrow().clone();
    for at in 1..arguments.len() {
        entries.remove(arguments.text(at)?);
    }
    Ok(entries.into_iter().collect())
}

fn pick(arguments: &[Value]) -> Answer {
    let map = arguments.map(0)?;
    let entries = map.entries.borrow();
    let mut picked: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for at in 1..arguments.len() {
        if let Some((key, value)) = entries.get_key_value(arguments.text(at)?) {
            picked.insert(Arc::clone(key), value.clone());
        }
    }
    Ok(picked.into_iter().collect())
}

fn pluck(arguments: &[Value]) -> Answer {
    let key = arguments.text(0)?;
    let maps = arguments.maps(1)?;
    list(maps.iter().filter_map(|map| map.entries.borrow().get(key).cloned()))
}

fn set(arguments: &[Value]) -> Answer {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    if matches!(arguments.any(0), Value::Nil) {
        return Err(failure("assignment to entry in nil map"));
    }
    map.entries.borrow_mut().insert(key.into(), arguments.any(2).clone());
    Ok(Value::Map(map))
}

fn unset(arguments: &[Value]) -> Answer {
    let (map, key) = (arguments.map(0)?, arguments.text(1)?);
    let removed = map.entries.borrow_mut().remove(key);
    drop(removed);
    Ok(Value::Map(map))
}

fn copy(value: &Value, walk: &mut Walk) -> Answer {
    walk.step()?;
    if let Value::List(items) = value {
        let copies: Result<Vec<Value>, FunctionError> =
            walk.within(|walk| items.iter().map(|it| copy(it, walk)).collect());
        return Ok(Value::List(Rc::new(List { items: copies?, of: items.of })));
    }
    let Value::Map(map) = value else { return Ok(value.clone()) };
    let entries: Result<BTreeMap<Arc<str>, Value>, FunctionError> = walk.within(|walk| {
        let entries = map.entries.borrow();
        entries.iter().map(|(key, value)| Ok((Arc::clone(key), copy(value, walk)?))).collect()
    });
    Ok(Value::Map(Rc::new(Map { entries: entries?.into(), of: map.of })))
}

/// Which side of a merge keeps its value when both have one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Winner {
    Destination,
    Source,
}

fn merge_all(arguments: &[Value], winner: Winner) -> Answer {
    let destination = arguments.map(0)?;
    for source in arguments.maps(1)? {
        merge(&destination, &source, winner, &mut Walk::new())?;
    }
    Ok(Value::Map(destination))
}

/// Merges `source` into `destination`, in place, down to the maps that both share.
///
/// As in the original, a map never replaces a value that is set and no map, and empty values count as missing.
fn merge(
    destination: &Rc<Map>,
    source: &Rc<Map>,
    winner: Winner,
    walk: &mut Walk,
) -> Result<(), FunctionError> {
    if Rc::ptr_eq(destination, source) {
        return Ok(());
    }
    // A copy, because the maps inside may be the destination itself.
    let entries = source.entries.borrow().clone();
    for (key, value) in entries {
        walk.step()?;
        let old = destination.entries.borrow().get(&key).cloned();
        if matches!(value, Value::Nil) && winner == Winner::Destination {
            continue;
        }
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &value)
            && old.of == MapOf::Any
        {
            walk.within(|walk| merge(old, new, winner, walk))?;
        }
        let is_set = old.as_ref().is_some_and(|it| !is_empty(it));
        let overwrites = winner == Winner::Source && !matches!(value, Value::Map(_));
        if !is_set || overwrites {
            destination.entries.borrow_mut().insert(key, value);
        }
    }
    Ok(())
}
