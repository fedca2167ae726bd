//! Small texts: counts with their nouns, and foreign text made safe for a terminal.

use std::borrow::Cow;

/// Returns `1 error` or `2 errors`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Returns `text` with every character replaced that could command a terminal or reorder what is read.
///
/// Line feeds and tabs stay. Each character is replaced by one, so columns still hold.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(commands) {
        Cow::Owned(text.replace(commands, "\u{fffd}"))
    } else {
        text.into()
    }
}

fn commands(it: char) -> bool {
    let reorders = matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || (it.is_control() && !matches!(it, '\n' | '\t'))
}
