//! Plain text functions: trimming, cutting, quoting, indenting, joining and splitting.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    arguments::{Answer, Arguments, MOST_ITEMS, failure, fits, text, texts},
    print::print,
    table::{ANY, Entry, pure},
    work,
};
use crate::{
    FunctionError, Map, MapOf, Value,
    gofmt::{Escape, push_quoted},
};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("cat", pure(0, ANY, cat)),
    ("contains", pure(2, 2, |a| Ok(Value::Bool(a.text(1)?.contains(a.text(0)?))))),
    ("hasPrefix", pure(2, 2, |a| Ok(Value::Bool(a.text(1)?.starts_with(a.text(0)?))))),
    ("hasSuffix", pure(2, 2, |a| Ok(Value::Bool(a.text(1)?.ends_with(a.text(0)?))))),
    ("hello", pure(0, 0, |_| text("Hello!"))),
    ("indent", pure(2, 2, |a| indent(a, ""))),
    ("join", pure(2, 2, join)),
    ("nindent", pure(2, 2, |a| indent(a, "\n"))),
    ("plural", pure(3, 3, |a| text(if a.int(2)? == 1 { a.text(0)? } else { a.text(1)? }))),
    ("quote", pure(0, ANY, |a| quoted(a, double_quote))),
    ("repeat", pure(2, 2, repeat)),
    ("replace", pure(3, 3, replace)),
    ("split", pure(2, 2, |a| numbered(a.text(1)?, a.text(0)?, -1))),
    ("splitList", pure(2, 2, |a| texts(split(a.text(1)?, a.text(0)?, -1)))),
    ("splitn", pure(3, 3, |a| numbered(a.text(2)?, a.text(0)?, a.int(1)?))),
    ("squote", pure(0, ANY, |a| quoted(a, single_quote))),
    ("substr", pure(3, 3, |a| substr(a.int(0)?, a.int(1)?, a.text(2)?))),
    ("toString", pure(1, 1, |a| text(print(a.any(0))?))),
    ("toStrings", pure(1, 1, |a| texts(strings(a.any(0))?))),
    ("trim", pure(1, 1, |a| text(a.text(0)?.trim()))),
    ("trimAll", pure(2, 2, trim_all)),
    ("trimPrefix", pure(2, 2, trim_prefix)),
    ("trimSuffix", pure(2, 2, trim_suffix)),
    ("trimall", pure(2, 2, trim_all)),
    ("trunc", pure(2, 2, |a| trunc(a.int(0)?, a.text(1)?))),
];

fn cat(arguments: &[Value]) -> Answer {
    let words: Result<Vec<String>, FunctionError> =
        arguments.iter().filter(|it| !matches!(it, Value::Nil)).map(print).collect();
    text(words?.join(" "))
}

fn quoted(arguments: &[Value], quote: fn(&str, &mut String)) -> Answer {
    let mut words = String::new();
    for value in arguments.iter().filter(|it| !matches!(it, Value::Nil)) {
        if !words.is_empty() {
            words.push(' ');
        }
        if let Value::String(word) = value {
            work::count_text(word);
            quote(word, &mut words);
        } else {
            quote(&print(value)?, &mut words);
        }
    }
    text(words)
}

fn double_quote(word: &str, out: &mut String) {
    push_quoted(out, word, Escape::Unprintable);
}

fn single_quote(word: &str, out: &mut String) {
    out.push('\'');
    out.push_str(word);
    out.push('\'');
}

fn indent(arguments: &[Value], before: &str) -> Answer {
    let (width, block) = (arguments.int(0)?, arguments.text(1)?);
    let width = count(width)?;
    let lines = block.matches('\n').count() + 1;
    fits(width.saturating_mul(lines).saturating_add(block.len()))?;
    let pad = " ".repeat(width);
    let mut out = String::with_capacity(width * lines + block.len() + 1);
    out.push_str(before);
    for (i, line) in block.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        out.push_str(&pad);
        out.push_str(line);
    }
    text(out)
}

fn repeat(arguments: &[Value]) -> Answer {
    let (times, word) = (count(arguments.int(0)?)?, arguments.text(1)?);
    fits(word.len().saturating_mul(times))?;
    text(word.repeat(times))
}

fn count(times: i64) -> Result<usize, FunctionError> {
    usize::try_from(times).map_err(|_| failure("strings: negative Repeat count"))
}

fn replace(arguments: &[Value]) -> Answer {
    let (old, new, text_) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let found = if old.is_empty() { text_.chars().count() + 1 } else { text_.matches(old).count() };
    fits(found.saturating_mul(new.len()).saturating_add(text_.len()))?;
    text(text_.replace(old, new))
}

fn trim_all(arguments: &[Value]) -> Answer {
    let letters = arguments.text(0)?;
    text(arguments.text(1)?.trim_matches(|c| letters.contains(c)))
}

fn trim_prefix(arguments: &[Value]) -> Answer {
    let (prefix, word) = (arguments.text(0)?, arguments.text(1)?);
    text(word.strip_prefix(prefix).unwrap_or(word))
}

fn trim_suffix(arguments: &[Value]) -> Answer {
    let (suffix, word) = (arguments.text(0)?, arguments.text(1)?);
    text(word.strip_suffix(suffix).unwrap_or(word))
}

/// Cuts a text to its first bytes, or with a negative number to its last ones.
fn trunc(bytes: i64, word: &str) -> Answer {
    let length = i64::try_from(word.len()).unwrap_or(i64::MAX);
    if bytes < 0 && length.saturating_add(bytes) > 0 {
        return cut(word, length + bytes, length);
    }
    if bytes >= 0 && length > bytes {
        return cut(word, 0, bytes);
    }
    text(word)
}

fn substr(start: i64, end: i64, word: &str) -> Answer {
    let length = i64::try_from(word.len()).unwrap_or(i64::MAX);
    if start < 0 {
        return cut(word, 0, end);
    }
    if end < 0 || end > length {
        return cut(word, start, length);
    }
    cut(word, start, end)
}

/// Cuts a text at byte positions, as Go's `word[start:end]` does.
///
/// # Errors
/// The positions are out of bounds, or inside a character: Go would make bytes there that are no text.
pub(super) fn cut(word: &str, start: i64, end: i64) -> Answer {
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some((from, to)) = bounds.filter(|(from, to)| from <= to && *to <= word.len()) else {
        let length = word.len();
        return Err(failure(format!(
            "slice bounds out of range [{start}:{end}] with length {length}"
        )));
    };
    match word.get(from..to) {
        Some(part) => text(part),
        None => Err(failure(format!("cutting at [{start}:{end}] splits a character"))),
    }
}

fn join(arguments: &[Value]) -> Answer {
    let (separator, words) = (arguments.text(0)?, strings(arguments.any(1))?);
    let length: usize = words.iter().map(String::len).sum();
    fits(length.saturating_add(separator.len().saturating_mul(words.len())))?;
    text(words.join(separator))
}

/// Returns the items of a list as texts, without nils; anything else is a list of one.
pub(super) fn strings(value: &Value) -> Result<Vec<String>, FunctionError> {
    if matches!(value, Value::Nil) {
        return Ok(vec![]);
    }
    let Value::List(items) = value else { return Ok(vec![print(value)?]) };
    items.iter().filter(|it| !matches!(it, Value::Nil)).map(print).collect()
}

/// Splits as Go's `strings.SplitN` does: into at most `most` parts, all if that is negative, none if it is zero.
fn split<'a>(word: &'a str, separator: &str, most: i64) -> Vec<&'a str> {
    let most = usize::try_from(most).unwrap_or(MOST_ITEMS + 1);
    if most == 0 {
        return vec![];
    }
    if !separator.is_empty() {
        return word.splitn(most, separator).collect();
    }
    let mut parts = vec![];
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        if parts.len() + 1 == most {
            break;
        }
        let (letter, after) = rest.split_at(first.len_utf8());
        parts.push(letter);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// Splits into a `map[string]string` with the keys `_0`, `_1` and so on.
fn numbered(word: &str, separator: &str, most: i64) -> Answer {
    let parts = split(word, separator, most);
    if parts.len() > MOST_ITEMS {
        return Err(failure(format!("makes more than {MOST_ITEMS} parts")));
    }
    let entries: BTreeMap<Arc<str>, Value> = parts
        .into_iter()
        .enumerate()
        .map(|(i, part)| (format!("_{i}").into(), Value::String(part.into())))
        .collect();
    Ok(Value::Map(Rc::new(Map { entries: entries.into(), of: MapOf::Strings })))
}
