//! Go's quoted texts and characters.

use std::fmt::Write as _;

/// Which characters a quoted text escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Those that cannot be printed.
    Unprintable,
    /// Those that are not ASCII, too.
    NonAscii,
}

/// Returns `text` in double quotes, as Go source would have it.
pub(crate) fn quote(text: &str, escape: Escape) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text, escape);
    out
}

/// Appends `text` as [`quote`] returns it.
pub(crate) fn push_quoted(out: &mut String, text: &str, escape: Escape) {
    if text.bytes().all(|it| matches!(it, b' '..=b'~') && !matches!(it, b'"' | b'\\')) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        push_quoted_slowly(out, text.chars(), '"', escape);
    }
}

/// Returns a character in single quotes, as Go source would have it.
pub(crate) fn quote_char(it: char, escape: Escape) -> String {
    let mut out = String::new();
    push_quoted_slowly(&mut out, std::iter::once(it), '\'', escape);
    out
}

fn push_quoted_slowly(
    out: &mut String,
    text: impl Iterator<Item = char>,
    mark: char,
    escape: Escape,
) {
    out.push(mark);
    for it in text {
        match it {
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            _ if it == mark => {
                out.push('\\');
                out.push(it);
            }
            ' '..='~' => out.push(it),
            _ if !it.is_ascii() && escape == Escape::Unprintable && is_printable(it) => {
                out.push(it);
            }
            _ => push_escape(out, u32::from(it)),
        }
    }
    out.push(mark);
}

fn push_escape(out: &mut String, code: u32) {
    let written = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    written.expect("because a string accepts every text");
}

/// Says whether Go's `unicode.IsPrint` holds: a letter, mark, number, punctuation, symbol or the ASCII space.
pub(crate) fn is_printable(it: char) -> bool {
    if it.is_ascii() {
        return matches!(it, ' '..='~');
    }
    // Rust's `Debug` escapes the same categories; a leading letter keeps it from escaping a lone mark.
    let mut text = String::from("a");
    text.push(it);
    !format!("{text:?}").contains('\\')
}

/// Says whether `text` can be written between backquotes.
pub(crate) fn can_backquote(text: &str) -> bool {
    text.chars().all(|it| {
        let control = (it < ' ' && it != '\t') || it == '\u{7f}';
        !control && it != '`' && it != '\u{feff}'
    })
}
