//! Which quotes a text needs.

use super::{
    super::scalar::{self, Reading},
    Style,
};

/// The ways to write a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    Single,
    Double,
    Literal,
}

/// Where a text stands: a key on one line with its value cannot be a block or be broken; one after `?` can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Position {
    Key,
    LongKey,
    Value,
}

/// Says whether `key` fits on one line before its colon.
pub(in super::super) fn is_simple_key(key: &str) -> bool {
    key.len() <= 128 && !key.contains('\n')
}

/// Returns how to write `text`.
pub(super) fn shape(text: &str, style: Style, position: Position) -> Shape {
    if is_surely_plain(text.as_bytes()) {
        return Shape::Plain;
    }
    if text.contains('\n') {
        let block = position != Position::Key && is_whole_in_a_block(text, style);
        return if block { Shape::Literal } else { Shape::Double };
    }
    if is_misread(text, style) || !text.chars().all(is_printable) {
        Shape::Double
    } else if text.starts_with(' ') || text.ends_with(' ') || has_indicators(text) {
        Shape::Single
    } else {
        Shape::Plain
    }
}

/// Says whether a text is one of the many that need no quotes in any style: words of ASCII that no reader takes for
/// anything else. The other checks say the same of it, slowly.
pub(in super::super) fn is_surely_plain(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    // What begins with a letter or a slash is no number and no date; only short words are booleans or null.
    let begins = match first {
        b'/' => true,
        b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => !is_constant(bytes),
        b'1'..=b'9' => is_amount(bytes),
        _ => first.is_ascii_alphabetic(),
    };
    if !begins || matches!(last, b' ' | b':') {
        return false;
    }
    let mut from = 0;
    while let Some(special) = bytes[from..].iter().position(|it| !ORDINARY[usize::from(*it)]) {
        // What ends a plain scalar: `: ` and ` #`.
        let at = from + special;
        let is_part = match bytes[at] {
            b':' => bytes.get(at + 1) != Some(&b' '),
            b'#' => at == 0 || bytes[at - 1] != b' ',
            _ => false,
        };
        if !is_part {
            return false;
        }
        from = at + 1;
    }
    true
}

/// The printable characters of ASCII that mean nothing inside of a plain scalar.
const ORDINARY: [bool; 256] = {
    let mut ordinary = [false; 256];
    let mut it = b' ';
    while it <= b'~' {
        ordinary[it as usize] = !matches!(it, b':' | b'#');
        it += 1;
    }
    ordinary
};

/// Says whether some reader may take a word for a boolean or null.
fn is_constant(word: &[u8]) -> bool {
    let constants: [&[u8]; 9] =
        [b"y", b"n", b"yes", b"no", b"on", b"off", b"true", b"false", b"null"];
    word.len() <= 5 && constants.iter().any(|it| word.eq_ignore_ascii_case(it))
}

/// Says whether there are digits, the first of which is no zero, and then letters that no number has: `10m`, `128Mi`.
fn is_amount(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
    let unit = &bytes[digits..];
    !unit.is_empty() && unit.iter().all(|it| it.is_ascii_alphabetic() && !matches!(it, b'e' | b'E'))
}

/// Says whether `text`, written plain, would be read as anything but a text.
fn is_misread(text: &str, style: Style) -> bool {
    let go = scalar::read(text) != Reading::Text
        || is_sexagesimal(text)
        || scalar::is_timestamp(text)
        || text == "<<";
    go || style == Style::Canonical && (text == "=" || looks_like_a_number(text))
}

/// Says whether YAML 1.1 has `text` as a number to base 60, such as `12:30`.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !first.starts_with(|it: char| it.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let mut parts = parts.peekable();
    let mut any = false;
    while let Some(part) = parts.next() {
        any = true;
        let part = match part.split_once('.') {
            Some((whole, fraction)) if parts.peek().is_none() && digits(fraction) => whole,
            Some(_) => return false,
            None => part,
        };
        let bytes = part.as_bytes();
        let fits = match bytes {
            [only] => only.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    any
}

/// Says whether some reader may take `text` for a number, however large.
fn looks_like_a_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if let Some(digits) = ["0x", "0o", "0b"].iter().find_map(|base| lower.strip_prefix(base)) {
        let fits = |it: u8| it.is_ascii_hexdigit() || it == b'_';
        return !digits.is_empty() && digits.bytes().all(fits);
    }
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let any = mantissa.trim_start_matches('.').starts_with(|it: char| it.is_ascii_digit());
    any && digits(whole) && digits(fraction) && !exponent.is_empty() && digits(exponent)
}

/// Says whether a literal block of `text` reads back as `text`.
fn is_whole_in_a_block(text: &str, style: Style) -> bool {
    // yaml.v2 escapes tabs; at the beginning of a block all readers take one for indentation.
    let tab = text.contains('\t')
        && (style != Style::GoYamlV3 || text.trim_start_matches(['\n', ' ']).starts_with('\t'));
    let plain = |it: u8| matches!(it, b'\t' | b'\n' | b' '..=b'~');
    let printable =
        text.bytes().all(plain) || text.chars().all(|it| it == '\t' || is_printable(it));
    printable && !tab && !text.contains(" \n") && !text.ends_with(' ')
}

/// Says whether characters of `text` would mean something to the parser if it were plain.
fn has_indicators(text: &str) -> bool {
    let blank = |it: Option<&u8>| matches!(it, None | Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    let first = match bytes.first() {
        Some(
            b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`',
        ) => true,
        Some(b'?' | b':' | b'-') => blank(bytes.get(1)),
        _ => false,
    };
    let later = |(at, byte): (usize, &u8)| match byte {
        b':' => blank(bytes.get(at + 1)),
        b'#' => at > 0 && blank(bytes.get(at - 1)),
        _ => false,
    };
    first
        || text.starts_with("---")
        || text.starts_with("...")
        || bytes.iter().enumerate().any(later)
}

/// Says whether `character` is written as it is: as in libyaml, without what lies beyond the basic plane; and without
/// Unicode's own line separators, which YAML 1.1 breaks lines at.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_surely_plain_is_plain(text in "[/a-zA-Z.][ -~]{0,9}|[nNtTfFyYoO][a-zA-Z]{0,5}|[0-9]{1,3}[a-zA-Z0-9_:.]{0,4}") {
            if is_surely_plain(text.as_bytes()) {
                for style in [Style::Canonical, Style::Helm, Style::GoYamlV3] {
                    prop_assert!(!is_misread(&text, style), "{text}");
                }
                prop_assert!(!has_indicators(&text) && !text.ends_with(' '), "{text}");
            }
        }
    }
}
