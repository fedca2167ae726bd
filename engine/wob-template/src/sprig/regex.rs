//! Regular expressions: Go's syntax, matches and replacements on top of the `regex` crate.

use std::{cell::RefCell, collections::BTreeMap};

use regex::{Captures, Regex};

use super::{
    arguments::{Answer, Arguments, MOST_BYTES, failure, text, texts},
    letters::{is_digit, is_letter},
    regex_syntax::translate,
    table::{Entry, pure},
};
use crate::{Function, FunctionError, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("mustRegexFind", FIND),
    ("mustRegexFindAll", FIND_ALL),
    ("mustRegexMatch", pure(2, 2, |a| Ok(Value::Bool(compile(a.text(0)?)?.is_match(a.text(1)?))))),
    ("mustRegexReplaceAll", REPLACE_ALL),
    ("mustRegexReplaceAllLiteral", REPLACE_ALL_LITERAL),
    ("mustRegexSplit", SPLIT),
    ("regexFind", FIND),
    ("regexFindAll", FIND_ALL),
    ("regexMatch", pure(2, 2, matches)),
    ("regexQuoteMeta", pure(1, 1, |a| text(quote_meta(a.text(0)?)))),
    ("regexReplaceAll", REPLACE_ALL),
    ("regexReplaceAllLiteral", REPLACE_ALL_LITERAL),
    ("regexSplit", SPLIT),
];

const FIND: Function =
    pure(2, 2, |a| text(compile(a.text(0)?)?.find(a.text(1)?).map_or("", |it| it.as_str())));
const FIND_ALL: Function = pure(3, 3, |a| {
    let most = at_most(a.int(2)?);
    texts(compile(a.text(0)?)?.find_iter(a.text(1)?).take(most).map(|it| it.as_str()))
});
const REPLACE_ALL: Function = pure(3, 3, |a| {
    let template = a.text(2)?;
    replace_all(&compile(a.text(0)?)?, a.text(1)?, |found, out| expand(template, found, out))
});
const REPLACE_ALL_LITERAL: Function = pure(3, 3, |a| {
    let literal = a.text(2)?;
    replace_all(&compile(a.text(0)?)?, a.text(1)?, |_, out| out.push_str(literal))
});
const SPLIT: Function = pure(3, 3, |a| split(&compile(a.text(0)?)?, a.text(1)?, a.int(2)?));

/// How many compiled expressions a thread keeps: templates use the same few in loops.
const KEPT: usize = 64;

thread_local! {
    static COMPILED: RefCell<BTreeMap<String, Regex>> = const { RefCell::new(BTreeMap::new()) };
}

fn compile(pattern: &str) -> Result<Regex, FunctionError> {
    if let Some(regex) = COMPILED.with_borrow(|kept| kept.get(pattern).cloned()) {
        return Ok(regex);
    }
    let translated = translate(pattern)?;
    let regex = Regex::new(&translated).map_err(|_| {
        failure(format!(
            "error parsing regexp: `{pattern}` is no regular expression that can be used"
        ))
    })?;
    COMPILED.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

fn at_most(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Unlike its sister with `must`, this one answers a wrong expression with false.
fn matches(arguments: &[Value]) -> Answer {
    let (pattern, word) = (arguments.text(0)?, arguments.text(1)?);
    Ok(Value::Bool(compile(pattern).is_ok_and(|regex| regex.is_match(word))))
}

fn quote_meta(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn replace_all(regex: &Regex, word: &str, replace: impl Fn(&Captures<'_>, &mut String)) -> Answer {
    let mut out = String::new();
    let mut end = 0;
    for found in regex.captures_iter(word) {
        let whole = found.get(0).expect("because group 0 is the whole match");
        out.push_str(&word[end..whole.start()]);
        replace(&found, &mut out);
        end = whole.end();
        if out.len() > MOST_BYTES {
            break;
        }
    }
    out.push_str(&word[end..]);
    text(out)
}

/// Writes a replacement: `$1`, `$name` and `${name}` are groups, `$$` is a dollar; names are as long as they can be.
fn expand(template: &str, found: &Captures<'_>, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = group_name(rest) {
            out.push_str(group(name, found));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
}

fn group_name(template: &str) -> Option<(&str, &str)> {
    let inner = template.strip_prefix('{').unwrap_or(template);
    let is_part = |c: char| c == '_' || is_letter(c) || is_digit(c);
    let (name, after) = inner.split_at(inner.find(|c| !is_part(c)).unwrap_or(inner.len()));
    if name.is_empty() {
        return None;
    }
    if inner.len() == template.len() {
        Some((name, after))
    } else {
        Some((name, after.strip_prefix('}')?))
    }
}

fn group<'a>(name: &str, found: &Captures<'a>) -> &'a str {
    let is_number =
        name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let group = match name.parse() {
        Ok(number) if is_number => found.get(number),
        _ => found.name(name),
    };
    group.map_or("", |it| it.as_str())
}

/// Splits as Go's `Regexp.Split` does: into at most `most` parts, all if that is negative.
fn split(regex: &Regex, word: &str, most: i64) -> Answer {
    if most == 0 {
        return texts::<&str>([]);
    }
    if word.is_empty() && !regex.as_str().is_empty() {
        return texts([""]);
    }
    let mut parts = vec![];
    let (mut start, mut end) = (0, 0);
    for found in regex.find_iter(word).take(at_most(most)) {
        if most > 0 && parts.len() + 1 == at_most(most) {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(&word[start..end]);
        }
        start = found.end();
    }
    if end != word.len() {
        parts.push(&word[start..]);
    }
    texts(parts)
}
