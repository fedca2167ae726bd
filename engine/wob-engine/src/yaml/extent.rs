//! Where a scalar begins and ends: the parser's marks begin at its tag or anchor, and may end after a comment.

use super::ScalarStyle;
use crate::Span;

/// Returns the bytes of a scalar alone, without comment and the white space around; its tag and anchor end before `start`.
pub(super) fn of_scalar(bytes: &[u8], style: ScalarStyle, start: usize, end: usize) -> Span {
    let bytes = &bytes[..end];
    match style {
        ScalarStyle::Single => Span::new(start, after_single_quoted(bytes, start)),
        ScalarStyle::Double => Span::new(start, after_double_quoted(bytes, start)),
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
            trimmed(bytes, start, end)
        }
    }
}

/// Returns the position after tags and anchors, and the white space after them.
pub(super) fn after_properties(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'&' | b'!')) {
        let rest = &bytes[at..];
        let word = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let blank = rest[word..].iter().position(|it| !it.is_ascii_whitespace());
        at += word + blank.unwrap_or(rest.len() - word);
    }
    at
}

/// Returns the bytes from `start` to `end` without the white space at their end.
pub(super) fn trimmed(bytes: &[u8], start: usize, end: usize) -> Span {
    let end = end.min(bytes.len()).max(start);
    let blank = bytes[start..end].iter().rev().take_while(|it| it.is_ascii_whitespace()).count();
    Span::new(start, end - blank)
}

fn after_single_quoted(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(quote) = bytes.get(at..).and_then(|it| it.iter().position(|it| *it == b'\'')) {
        at += quote + 1;
        if bytes.get(at) != Some(&b'\'') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

fn after_double_quoted(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
