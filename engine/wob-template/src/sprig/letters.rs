//! Letters as Go's `unicode` package sees them: one letter maps to one letter, whatever a language would write.

use std::sync::LazyLock;

use regex::Regex;

/// Maps a letter to its upper case; `ß` stays, since one letter stays one letter.
pub(super) fn upper(c: char) -> char {
    one(c.to_uppercase()).unwrap_or(match u32::from(c) {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => shifted(c, 8),
        0x1fb3 | 0x1fc3 | 0x1ff3 => shifted(c, 9),
        _ => c,
    })
}

/// Maps a letter to its lower case; `İ` becomes `i`.
pub(super) fn lower(c: char) -> char {
    one(c.to_lowercase()).unwrap_or('i')
}

/// Maps a letter to its title case: upper case, except for digraphs and Georgian letters.
pub(super) fn title(c: char) -> char {
    match u32::from(c) {
        0x1c4..=0x1c6 => '\u{1c5}',
        0x1c7..=0x1c9 => '\u{1c8}',
        0x1ca..=0x1cc => '\u{1cb}',
        0x1f1..=0x1f3 => '\u{1f2}',
        0x10d0..=0x10fa | 0x10fd..=0x10ff => c,
        _ => upper(c),
    }
}

fn one(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next();
    if letters.next().is_none() { first } else { None }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// Says whether Go's `unicode.IsSpace` holds.
pub(super) fn is_space(c: char) -> bool {
    // Rust's notion is the same set of characters.
    c.is_whitespace()
}

/// Says whether a letter is upper case; a digraph in title case is not.
pub(super) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { matches(&UPPER, c) }
}

/// Says whether a letter is lower case.
pub(super) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { matches(&LOWER, c) }
}

/// Says whether a letter is a digraph in title case.
pub(super) fn is_title(c: char) -> bool {
    !c.is_ascii() && matches(&TITLE, c)
}

/// Says whether a character is a letter.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { matches(&LETTER, c) }
}

/// Says whether a character is a decimal digit.
pub(super) fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { matches(&DIGIT, c) }
}

/// Says whether a character is a number, such as `½`.
pub(super) fn is_number(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { matches(&NUMBER, c) }
}

/// Says whether a character is punctuation; `$`, `+`, `<` and their like are symbols.
pub(super) fn is_punctuation(c: char) -> bool {
    matches(&PUNCTUATION, c)
}

fn matches(class: &Regex, c: char) -> bool {
    class.is_match(c.encode_utf8(&mut [0; 4]))
}

macro_rules! classes {
    ($($name:ident = $class:literal;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new($class).expect("because the class is written here")
        });)*
    };
}

classes! {
    UPPER = r"\p{Lu}";
    LOWER = r"\p{Ll}";
    TITLE = r"\p{Lt}";
    LETTER = r"\p{L}";
    DIGIT = r"\p{Nd}";
    NUMBER = r"\p{N}";
    PUNCTUATION = r"\p{P}";
}
