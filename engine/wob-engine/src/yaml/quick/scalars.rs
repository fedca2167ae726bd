//! What stands on one line: keys, scalars and JSON.

use std::borrow::Cow;

use super::{Quick, plain};
use crate::yaml::scalar::{self, Reading};

/// The longest key; the parser takes eight times as much.
const LONGEST_KEY: usize = 128;

/// Splits a line into its key and what follows the colon; `None` if it is no entry, or none with a plain enough key.
pub(super) fn entry(written: &str) -> Option<(Cow<'_, str>, &str)> {
    let (key, rest) = match written.as_bytes().first()? {
        b'"' => double_quoted(written)?,
        b'\'' => single_quoted(written)?,
        _ => {
            let is_key = |it: u8| matches!(it, b'-'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z');
            let end = written.bytes().position(|it| !is_key(it))?;
            let (key, rest) = written.split_at(end);
            // `-` begins items, and what reads as a number or a boolean becomes another key.
            let is_text = !key.is_empty() && !key.starts_with('-');
            (is_text && scalar::read(key) == Reading::Text).then_some((key.into(), rest))?
        }
    };
    let rest = rest.strip_prefix(':')?;
    let value = rest.trim_start_matches(' ');
    let is_separate = rest.is_empty() || value.len() < rest.len();
    // A comment is no value.
    let is_entry = is_separate && key.len() <= LONGEST_KEY && !value.starts_with('#');
    is_entry.then_some((key, value))
}

/// Reads a scalar that fills the rest of its line.
pub(super) fn scalar(written: &str) -> Option<Quick<'_>> {
    let bytes = written.as_bytes();
    match bytes.first()? {
        b'"' => double_quoted(written).filter(|it| it.1.is_empty()).map(|it| Quick::Text(it.0)),
        b'\'' => single_quoted(written).filter(|it| it.1.is_empty()).map(|it| Quick::Text(it.0)),
        first => {
            let begins = first.is_ascii_alphanumeric() || b"_./+~<=($^;\\".contains(first);
            let begins_as_number = *first == b'-' && bytes.get(1).is_some_and(u8::is_ascii_digit);
            let is_plain = (begins || begins_as_number) && !ends_early(bytes);
            is_plain.then(|| plain(written))
        }
    }
}

/// Says whether a plain scalar holds `: ` or ` #`, or ends in a colon.
fn ends_early(bytes: &[u8]) -> bool {
    let ends =
        |pair: &[u8]| pair[1] == b' ' && pair[0] == b':' || pair[1] == b'#' && pair[0] == b' ';
    bytes.last() == Some(&b':') || bytes.windows(2).any(ends)
}

/// Reads a text in `"` and returns what follows it.
fn double_quoted(written: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = written.strip_prefix('"')?;
    let special = inner.find(['"', '\\'])?;
    if inner.as_bytes()[special] == b'"' {
        return Some((inner[..special].into(), &inner[special + 1..]));
    }
    let mut content = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let special = rest.find(['"', '\\'])?;
        content.push_str(&rest[..special]);
        if rest.as_bytes()[special] == b'"' {
            return Some((content.into(), &rest[special + 1..]));
        }
        let escape = &rest[special + 1..];
        let (character, length) = match escape.as_bytes().first()? {
            b'n' => ('\n', 1),
            b't' => ('\t', 1),
            it @ (b'"' | b'\\' | b'/') => (char::from(*it), 1),
            b'u' => {
                let digits = escape.get(1..5)?;
                let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
                (char::from_u32(code)?, 5)
            }
            _ => return None,
        };
        content.push(character);
        rest = &escape[length..];
    }
}

/// Reads a text in `'` and returns what follows it.
fn single_quoted(written: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = written.strip_prefix('\'')?;
    let end = inner.find('\'')?;
    if !inner[end + 1..].starts_with('\'') {
        return Some((inner[..end].into(), &inner[end + 1..]));
    }
    let mut content = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let end = rest.find('\'')?;
        content.push_str(&rest[..end]);
        let Some(more) = rest[end + 1..].strip_prefix('\'') else {
            return Some((content.into(), &rest[end + 1..]));
        };
        content.push('\'');
        rest = more;
    }
}

/// JSON on one line.
pub(super) struct Flow<'t> {
    rest: &'t str,
}

impl<'t> Flow<'t> {
    /// Reads a list or mapping that fills the rest of its line, with at most `depth` levels.
    pub(super) fn read(written: &'t str, depth: usize) -> Option<Quick<'t>> {
        let mut flow = Self { rest: written };
        let value = flow.value(depth)?;
        flow.rest.is_empty().then_some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Quick<'t>> {
        match self.rest.as_bytes().first()? {
            b'{' => self.mapping(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            b'"' => self.text().map(Quick::Text),
            _ => {
                let is_word = |it: u8| it.is_ascii_alphanumeric() || b"+-._".contains(&it);
                let end = self.rest.bytes().position(|it| !is_word(it))?;
                let (word, rest) = self.rest.split_at(end);
                let begins = |it: u8| it.is_ascii_alphanumeric() || it == b'-' && word.len() > 1;
                word.bytes().next().filter(|it| begins(*it))?;
                // After a dash only a number is sure to be a plain scalar.
                let is_doubtful = word.starts_with('-') && !word.as_bytes()[1].is_ascii_digit();
                self.rest = rest;
                (!is_doubtful).then(|| plain(word))
            }
        }
    }

    fn text(&mut self) -> Option<Cow<'t, str>> {
        let (text, rest) = double_quoted(self.rest)?;
        self.rest = rest;
        Some(text)
    }

    fn list(&mut self, depth: usize) -> Option<Quick<'t>> {
        let mut items = vec![];
        self.open('[');
        while !self.take(']') {
            if !items.is_empty() && !self.comma() {
                return None;
            }
            items.push(self.value(depth)?);
            self.skip();
        }
        Some(Quick::List(items))
    }

    fn mapping(&mut self, depth: usize) -> Option<Quick<'t>> {
        let mut entries: Vec<(Cow<'t, str>, Quick<'t>)> = vec![];
        self.open('{');
        while !self.take('}') {
            if !entries.is_empty() && !self.comma() {
                return None;
            }
            let key = self.text().filter(|it| it.len() <= LONGEST_KEY)?;
            self.rest = self.rest.strip_prefix(':')?;
            self.skip();
            if entries.len() >= super::MOST_ENTRIES || entries.iter().any(|(it, _)| *it == key) {
                return None;
            }
            entries.push((key, self.value(depth)?));
            self.skip();
        }
        Some(Quick::Map(entries))
    }

    fn open(&mut self, bracket: char) {
        self.rest = self.rest.strip_prefix(bracket).unwrap_or(self.rest);
        self.skip();
    }

    fn take(&mut self, bracket: char) -> bool {
        let after = self.rest.strip_prefix(bracket);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn comma(&mut self) -> bool {
        let has = self.take(',');
        self.skip();
        has
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }
}
