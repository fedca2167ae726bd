//! The escapes of `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::gofmt::is_printable;

/// Escapes a text for HTML.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(it),
        }
    }
    out
}

/// Escapes a text for a JavaScript string.
pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..' ' => push_unicode(&mut out, it),
            _ if !it.is_ascii() && !is_printable(it) => push_unicode(&mut out, it),
            _ => out.push(it),
        }
    }
    out
}

fn push_unicode(out: &mut String, it: char) {
    write!(out, "\\u{:04X}", u32::from(it)).expect("because a string accepts every text");
}

/// Escapes a text for the query of a URL.
pub(super) fn urlquery(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("because a string accepts every text"),
        }
    }
    out
}
