//! Lists: every function gives a new one and leaves the old one alone.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    arguments::{Answer, Arguments, failure, list, list_of, texts},
    defaults::is_empty,
    integers::to_int,
    print::print,
    reflect::{compare, equal, kind_of},
    strings::strings,
    table::{ANY, Entry, pure},
    walk::Walk,
};
use crate::{Function, FunctionError, ListOf, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("append", APPEND),
    ("chunk", CHUNK),
    ("compact", COMPACT),
    ("concat", pure(0, ANY, concat)),
    ("first", FIRST),
    ("has", HAS),
    ("initial", INITIAL),
    ("last", LAST),
    ("list", pure(0, ANY, |a| list(a.iter().cloned()))),
    ("mustAppend", APPEND),
    ("mustChunk", CHUNK),
    ("mustCompact", COMPACT),
    ("mustFirst", FIRST),
    ("mustHas", HAS),
    ("mustInitial", INITIAL),
    ("mustLast", LAST),
    ("mustPrepend", PREPEND),
    ("mustPush", APPEND),
    ("mustRest", REST),
    ("mustReverse", REVERSE),
    ("mustSlice", SLICE),
    ("mustUniq", UNIQ),
    ("mustWithout", WITHOUT),
    ("prepend", PREPEND),
    ("push", APPEND),
    ("rest", REST),
    ("reverse", REVERSE),
    ("slice", SLICE),
    ("sortAlpha", pure(1, 1, sort_alpha)),
    ("tuple", pure(0, ANY, |a| list(a.iter().cloned()))),
    ("uniq", UNIQ),
    ("without", WITHOUT),
];

// In Go only the `must` functions return errors, but the others panic, which the template engine turns into one.
const APPEND: Function =
    pure(2, 2, |a| list(a.items(0, "Cannot push on type")?.iter().chain([a.any(1)]).cloned()));
const CHUNK: Function = pure(2, 2, chunk);
const COMPACT: Function = pure(1, 1, |a| {
    list(a.items(0, "Cannot compact on type")?.iter().filter(|it| !is_empty(it)).cloned())
});
const FIRST: Function = pure(1, 1, |a| {
    Ok(a.items(0, "Cannot find first on type")?.first().cloned().unwrap_or_default())
});
const HAS: Function = pure(2, 2, has);
const INITIAL: Function = pure(1, 1, |a| {
    let items = a.items(0, "Cannot find initial on type")?;
    list(items.split_last().map_or(&[][..], |(_, initial)| initial).iter().cloned())
});
const LAST: Function =
    pure(1, 1, |a| Ok(a.items(0, "Cannot find last on type")?.last().cloned().unwrap_or_default()));
const PREPEND: Function = pure(2, 2, |a| {
    let items = a.items(0, "Cannot prepend on type")?;
    list([a.any(1)].into_iter().chain(items.iter()).cloned())
});
const REST: Function =
    pure(1, 1, |a| list(a.items(0, "Cannot find rest on type")?.iter().skip(1).cloned()));
const REVERSE: Function =
    pure(1, 1, |a| list(a.items(0, "Cannot find reverse on type")?.iter().rev().cloned()));
const SLICE: Function = pure(1, ANY, slice);
const UNIQ: Function = pure(1, 1, uniq);
const WITHOUT: Function = pure(1, ANY, without);

fn chunk(arguments: &[Value]) -> Answer {
    let size = usize::try_from(arguments.int(0)?).unwrap_or(0);
    let items = arguments.items(1, "Cannot chunk type")?;
    if size == 0 {
        return Err(failure("a chunk needs at least one item"));
    }
    let chunks: Result<Vec<Value>, FunctionError> =
        items.chunks(size).map(|chunk| list(chunk.iter().cloned())).collect();
    list_of(ListOf::Lists, chunks?)
}

fn concat(arguments: &[Value]) -> Answer {
    let mut joined = vec![];
    for value in arguments {
        let Value::List(items) = value else {
            return Err(failure(format!("Cannot concat type {} as list", kind_of(value))));
        };
        joined.extend(items.iter().cloned());
    }
    list(joined)
}

fn has(arguments: &[Value]) -> Answer {
    if matches!(arguments.any(1), Value::Nil) {
        return Ok(Value::Bool(false));
    }
    for item in arguments.items(1, "Cannot find has on type")?.iter() {
        if equal(arguments.any(0), item)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn slice(arguments: &[Value]) -> Answer {
    let items = arguments.items(0, "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = arguments.get(1).map_or(0, to_int);
    let end = arguments.get(2).map_or_else(|| i64::try_from(items.len()).unwrap_or(0), to_int);
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match bounds.filter(|(from, to)| from <= to).and_then(|(from, to)| items.get(from..to)) {
        Some(part) => list_of(items.of, part.iter().cloned()),
        None => Err(failure(format!(
            "slice bounds out of range [{start}:{end}] with length {}",
            items.len()
        ))),
    }
}

fn sort_alpha(arguments: &[Value]) -> Answer {
    let value = arguments.any(0);
    if !matches!(value, Value::List(_)) {
        return texts([print(value)?]);
    }
    let mut words = strings(value)?;
    words.sort();
    texts(words)
}

fn uniq(arguments: &[Value]) -> Answer {
    let mut known = Known::default();
    let mut kept = vec![];
    for item in arguments.items(0, "Cannot find uniq on type")?.iter() {
        if known.insert(item)? {
            kept.push(item.clone());
        }
    }
    list(kept)
}

fn without(arguments: &[Value]) -> Answer {
    let items = arguments.items(0, "Cannot find without on type")?;
    let mut omitted = Known::default();
    for value in arguments.iter().skip(1) {
        omitted.insert(value)?;
    }
    let mut kept = vec![];
    for item in items.iter() {
        if !omitted.contains(item)? {
            kept.push(item.clone());
        }
    }
    list(kept)
}

/// A set of values that are deeply different; texts and integers, the common ones, are found at once.
#[derive(Default)]
struct Known {
    texts: BTreeSet<Arc<str>>,
    integers: BTreeSet<i64>,
    others: Vec<Value>,
    walk: Walk,
}

impl Known {
    fn contains(&mut self, value: &Value) -> Result<bool, FunctionError> {
        if let Value::String(text) = value {
            return Ok(self.texts.contains(text));
        }
        if let Value::Int(number) = value {
            return Ok(self.integers.contains(number));
        }
        for other in &self.others {
            if compare(other, value, &mut self.walk)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds a value; says whether it was new.
    fn insert(&mut self, value: &Value) -> Result<bool, FunctionError> {
        if self.contains(value)? {
            return Ok(false);
        }
        if let Value::String(text) = value {
            self.texts.insert(Arc::clone(text));
        } else if let Value::Int(number) = value {
            self.integers.insert(*number);
        } else {
            self.others.push(value.clone());
        }
        Ok(true)
    }
}
