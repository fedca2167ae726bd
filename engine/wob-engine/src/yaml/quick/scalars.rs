//! What stands on one line: keys and scalars.

use std::borrow::Cow;

use memchr::memchr2;

use crate::yaml::{
    emit,
    scalar::{self, Reading},
};

/// The longest key; the parser takes eight times as much.
pub(super) const LONGEST_KEY: usize = 128;

/// The characters of plain keys: letters, digits, `-`, `.`, `/` and `_`.
const IN_KEY: [bool; 256] = {
    let mut in_key = [false; 256];
    let mut it = 0;
    while it < 128 {
        in_key[it as usize] = matches!(it, b'-'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z');
        it += 1;
    }
    in_key
};

/// A scalar that borrows from the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    /// What is written as it was.
    Verbatim(&'t str),
    /// A null, boolean or number.
    Plain(Reading),
    /// A text.
    Text(Cow<'t, str>),
}

/// The key of an entry.
pub(super) struct Key<'t> {
    pub(super) text: Cow<'t, str>,
    /// Whether it surely needs no quotes.
    pub(super) is_plain: bool,
}

impl<'t> Key<'t> {
    /// Takes a key that stood in quotes.
    pub(super) fn quoted(text: Cow<'t, str>) -> Self {
        Self { is_plain: emit::is_surely_plain(text.as_bytes()), text }
    }
}

/// Says whether `text` begins with an ASCII character. The standard library's way compares memory, which takes longer.
fn begins(text: &str, character: u8) -> bool {
    text.as_bytes().first() == Some(&character)
}

/// Returns what follows an ASCII character that `text` begins with.
pub(super) fn strip(text: &str, character: u8) -> Option<&str> {
    begins(text, character).then(|| &text[1..])
}

/// Splits a line into its key and what follows the colon; `None` if it is no entry, or none with a plain enough key.
pub(super) fn entry(written: &str) -> Option<(Key<'_>, &str)> {
    let quoted = |(key, rest)| (Key::quoted(key), rest);
    let (key, rest) = match written.as_bytes().first()? {
        b'"' => double_quoted(written).map(quoted)?,
        b'\'' => single_quoted(written).map(quoted)?,
        _ => {
            let end = written.bytes().position(|it| !IN_KEY[usize::from(it)])?;
            // Most lines that are no entries are seen here.
            if written.as_bytes()[end] != b':' {
                return None;
            }
            let (key, rest) = written.split_at(end);
            // `-` begins items, and what reads as a number or a boolean becomes another key.
            if begins(key, b'-') {
                return None;
            }
            let is_plain = emit::is_surely_plain(key.as_bytes());
            let is_text = is_plain || !key.is_empty() && scalar::read(key) == Reading::Text;
            is_text.then_some((Key { text: key.into(), is_plain }, rest))?
        }
    };
    let rest = strip(rest, b':')?;
    let value = rest.trim_start_matches(' ');
    let is_separate = rest.is_empty() || value.len() < rest.len();
    // A comment is no value.
    let value = if begins(value, b'#') { "" } else { value };
    (is_separate && key.text.len() <= LONGEST_KEY).then_some((key, value))
}

/// Reads a scalar that fills the rest of its line.
pub(super) fn scalar(written: &str) -> Option<Scalar<'_>> {
    let bytes = written.as_bytes();
    match bytes.first()? {
        b'"' => double_quoted(written).filter(|it| ends(it.1)).map(|it| Scalar::Text(it.0)),
        b'\'' => single_quoted(written).filter(|it| ends(it.1)).map(|it| Scalar::Text(it.0)),
        _ if emit::is_surely_plain(bytes) => Some(Scalar::Verbatim(written)),
        first => {
            let written = without_comment(written);
            let bytes = written.as_bytes();
            let begins = first.is_ascii_alphanumeric() || b"_./+~<=($^;\\".contains(first);
            let begins_as_number = *first == b'-' && bytes.get(1).is_some_and(u8::is_ascii_digit);
            let is_plain = (begins || begins_as_number) && !ends_early(bytes);
            is_plain.then(|| plain(written))
        }
    }
}

/// Says whether nothing but a comment is behind a quoted text.
fn ends(rest: &str) -> bool {
    rest.is_empty() || begins(rest, b' ') && begins(rest.trim_start_matches(' '), b'#')
}

/// Returns a plain scalar without the comment behind it.
fn without_comment(written: &str) -> &str {
    let comment = written.as_bytes().windows(2).position(|it| it == b" #");
    comment.map_or(written, |at| written[..at].trim_end_matches(' '))
}

/// Says whether a plain scalar holds `: `, or ends in a colon.
fn ends_early(bytes: &[u8]) -> bool {
    bytes.last() == Some(&b':') || bytes.windows(2).any(|it| it == b": ")
}

/// Returns what a plain scalar is.
pub(super) fn plain(text: &str) -> Scalar<'_> {
    match scalar::read(text) {
        Reading::Text => Scalar::Text(text.into()),
        reading @ (Reading::Null | Reading::Bool(_) | Reading::Int(_) | Reading::Float(_)) => {
            Scalar::Plain(reading)
        }
    }
}

/// Reads a text in `"` and returns what follows it.
pub(super) fn double_quoted(written: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = strip(written, b'"')?;
    let special = memchr2(b'"', b'\\', inner.as_bytes())?;
    if inner.as_bytes()[special] == b'"' {
        return Some((inner[..special].into(), &inner[special + 1..]));
    }
    let mut content = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let special = memchr2(b'"', b'\\', rest.as_bytes())?;
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
    let inner = strip(written, b'\'')?;
    let end = inner.find('\'')?;
    if !begins(&inner[end + 1..], b'\'') {
        return Some((inner[..end].into(), &inner[end + 1..]));
    }
    let mut content = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let end = rest.find('\'')?;
        content.push_str(&rest[..end]);
        let Some(more) = strip(&rest[end + 1..], b'\'') else {
            return Some((content.into(), &rest[end + 1..]));
        };
        content.push('\'');
        rest = more;
    }
}
