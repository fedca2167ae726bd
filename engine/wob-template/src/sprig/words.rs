//! Words and their letters: case, initials, abbreviations and line wrapping.

use super::{
    arguments::{Answer, Arguments, failure, fits, text},
    letters::{is_digit, is_letter, is_lower, is_space, is_title, is_upper, lower, title, upper},
    strings::cut,
    table::{Entry, pure},
};
use crate::{FunctionError, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("abbrev", pure(2, 2, |a| abbrev(a.int(0)?, a.text(1)?))),
    ("abbrevboth", pure(3, 3, |a| abbrev_both(a.int(0)?, a.int(1)?, a.text(2)?))),
    ("initials", pure(1, 1, |a| text(initials(a.text(0)?)))),
    ("lower", pure(1, 1, |a| text(a.text(0)?.chars().map(lower).collect::<String>()))),
    ("nospace", pure(1, 1, |a| text(without_space(a.text(0)?)))),
    ("swapcase", pure(1, 1, |a| text(swap_case(a.text(0)?)))),
    ("title", pure(1, 1, |a| text(titled(a.text(0)?)))),
    ("untitle", pure(1, 1, |a| text(untitled(a.text(0)?)))),
    ("upper", pure(1, 1, |a| text(a.text(0)?.chars().map(upper).collect::<String>()))),
    ("wrap", pure(2, 2, |a| wrap(a.text(1)?, a.int(0)?, "", LongWords::Keep))),
    ("wrapWith", pure(3, 3, |a| wrap(a.text(2)?, a.int(0)?, a.text(1)?, LongWords::Break))),
];

fn abbrev(width: i64, word: &str) -> Answer {
    if width < 4 { text(word) } else { text(shorten(word, 0, width)?) }
}

fn abbrev_both(left: i64, right: i64, word: &str) -> Answer {
    if right < 4 || (left > 0 && right < 7) {
        return text(word);
    }
    text(shorten(word, left, right)?)
}

/// Shortens to `width` bytes, dots included, keeping what stands at byte `offset`.
fn shorten(word: &str, offset: i64, width: i64) -> Result<String, FunctionError> {
    let length = i64::try_from(word.len()).unwrap_or(i64::MAX);
    if length <= width {
        return Ok(word.to_owned());
    }
    let offset = offset.min(length).min(length - (width - 3));
    if offset <= 4 {
        return Ok(piece(word, 0, width - 3)? + "...");
    }
    if offset + width - 3 < length {
        let rest = piece(word, offset, length)?;
        return Ok(format!("...{}", shorten(&rest, 0, width - 3)?));
    }
    Ok(format!("...{}", piece(word, length - (width - 3), length)?))
}

fn piece(word: &str, start: i64, end: i64) -> Result<String, FunctionError> {
    let Value::String(part) = cut(word, start, end)? else {
        return Err(failure("cutting a text gives a text"));
    };
    Ok(part.to_string())
}

/// Reads a text byte by byte, as the original does: a letter beyond ASCII falls apart into Latin-1 letters.
fn latin1(word: &str) -> impl Iterator<Item = char> {
    word.bytes().map(char::from)
}

fn initials(word: &str) -> String {
    let mut out = String::new();
    let mut after_gap = true;
    for c in latin1(word) {
        if is_space(c) {
            after_gap = true;
        } else if after_gap {
            out.push(c);
            after_gap = false;
        }
    }
    out
}

fn without_space(word: &str) -> String {
    if !latin1(word).any(is_space) {
        return word.to_owned();
    }
    latin1(word).filter(|c| !is_space(*c)).collect()
}

fn swap_case(word: &str) -> String {
    let mut after_space = true;
    word.chars()
        .map(|c| {
            if is_upper(c) || is_title(c) {
                after_space = false;
                lower(c)
            } else if is_lower(c) {
                let first = std::mem::replace(&mut after_space, false);
                if first { title(c) } else { upper(c) }
            } else {
                after_space = is_space(c);
                c
            }
        })
        .collect()
}

fn titled(word: &str) -> String {
    let mut after_gap = true;
    word.chars()
        .map(|c| {
            let first = std::mem::replace(&mut after_gap, separates(c));
            if first { title(c) } else { c }
        })
        .collect()
}

/// Says whether a new word begins after a character.
fn separates(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && c != '_';
    }
    !is_letter(c) && !is_digit(c) && is_space(c)
}

fn untitled(word: &str) -> String {
    let mut after_gap = true;
    word.chars()
        .map(|c| {
            if is_space(c) {
                after_gap = true;
                c
            } else if std::mem::replace(&mut after_gap, false) {
                lower(c)
            } else {
                c
            }
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LongWords {
    Keep,
    Break,
}

/// Breaks a text into lines of at most `width` bytes, at spaces.
fn wrap(word: &str, width: i64, newline: &str, long_words: LongWords) -> Answer {
    let newline = if newline.is_empty() { "\n" } else { newline };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let bytes = word.as_bytes();
    let mut lines: Vec<&[u8]> = vec![];
    let mut at = 0;
    while bytes.len() - at > width {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let window = &bytes[at..=at + width];
        if let Some(space) = window.iter().rposition(|b| *b == b' ') {
            lines.push(&bytes[at..at + space]);
            at += space + 1;
        } else if long_words == LongWords::Break {
            lines.push(&bytes[at..at + width]);
            at += width;
        } else if let Some(space) = bytes[at + width..].iter().position(|b| *b == b' ') {
            lines.push(&bytes[at..at + width + space]);
            at += width + space + 1;
        } else {
            break;
        }
    }
    lines.push(&bytes[at..]);
    fits(lines.iter().map(|it| it.len().saturating_add(newline.len())).sum())?;
    let wrapped = lines.join(newline.as_bytes());
    text(String::from_utf8(wrapped).map_err(|_| failure("wrapping splits a character"))?)
}
