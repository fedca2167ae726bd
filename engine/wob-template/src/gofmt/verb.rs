//! The verbs of a format string: one argument, one way to print it.

use std::fmt::Write as _;

use super::{
    DEPTH, Output, deeper, float,
    quote::{Escape, can_backquote, quote, quote_char},
    type_name,
};
use crate::{FunctionError, Value};

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "Go's flags are independent of each other")]
pub(crate) struct Flags {
    pub(crate) plus: bool,
    pub(crate) minus: bool,
    pub(crate) sharp: bool,
    pub(crate) space: bool,
    pub(crate) zero: bool,
    /// `%#v`: as Go source.
    source: bool,
    pub(crate) width: Option<usize>,
    pub(crate) precision: Option<usize>,
}

impl Flags {
    /// For `%v`, `#` and `+` mean something else than for the other verbs.
    pub(crate) fn for_verb(&mut self, verb: char) {
        if verb == 'v' {
            self.source = self.sharp;
            self.sharp = false;
            self.plus = false;
        }
    }

    fn escape(&self) -> Escape {
        if self.plus { Escape::NonAscii } else { Escape::Unprintable }
    }
}

/// Prints one argument.
pub(crate) fn print_argument(
    out: &mut Output,
    argument: &Value,
    verb: char,
    flags: &mut Flags,
) -> Result<(), FunctionError> {
    match (verb, argument) {
        ('T', _) => text(out, type_name(argument), 's', flags),
        ('p', _) => Err(FunctionError("`%p` prints a memory address".to_owned())),
        ('v', Value::Nil) => pad(out, "<nil>", flags),
        (_, Value::Nil) => out.push(&format!("%!{verb}(<nil>)")),
        _ => print(out, argument, verb, flags, DEPTH),
    }
}

/// Prints a value that may stand in a list or a map.
fn print(
    out: &mut Output,
    value: &Value,
    verb: char,
    flags: &mut Flags,
    depth: usize,
) -> Result<(), FunctionError> {
    match value {
        Value::Nil => out.push(if flags.source { "interface {}(nil)" } else { "<nil>" }),
        Value::Bool(it) if matches!(verb, 't' | 'v') => {
            pad(out, if *it { "true" } else { "false" }, flags)
        }
        Value::Int(it) | Value::Int64(it) if "vdboOxXcqU".contains(verb) => {
            integer(out, *it, verb, flags)
        }
        Value::Float(it) if "vbgGxXfFeE".contains(verb) => number(out, *it, verb, flags),
        Value::String(it) if "vsxXq".contains(verb) => text(out, it, verb, flags),
        Value::Object(it) if "vsxXq".contains(verb) => text(out, &it.display(), verb, flags),
        Value::List(_) | Value::Map(_) => {
            if flags.source {
                out.push(type_name(value))?;
            }
            items(out, value, verb, flags, deeper(depth)?)
        }
        Value::Bool(_)
        | Value::Int(_)
        | Value::Int64(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Object(_) => wrong_verb(out, value, verb, flags),
    }
}

fn wrong_verb(
    out: &mut Output,
    value: &Value,
    verb: char,
    flags: &mut Flags,
) -> Result<(), FunctionError> {
    out.push(&format!("%!{verb}({}=", type_name(value)))?;
    print(out, value, 'v', flags, DEPTH)?;
    out.push(")")
}

/// Prints the items of a list, or the entries of a map.
fn items(
    out: &mut Output,
    value: &Value,
    verb: char,
    flags: &mut Flags,
    depth: usize,
) -> Result<(), FunctionError> {
    let (open, between, close) = if flags.source { ("{", ", ", "}") } else { ("[", " ", "]") };
    if let Value::Map(map) = value {
        out.push(if flags.source { open } else { "map[" })?;
        for (i, (key, item)) in map.entries.borrow().iter().enumerate() {
            out.push(if i > 0 { between } else { "" })?;
            print(out, &Value::String(key.clone()), verb, flags, depth)?;
            out.push(":")?;
            print(out, item, verb, flags, depth)?;
        }
    } else if let Value::List(list) = value {
        out.push(open)?;
        for (i, item) in list.iter().enumerate() {
            out.push(if i > 0 { between } else { "" })?;
            print(out, item, verb, flags, depth)?;
        }
    }
    out.push(close)
}

fn text(out: &mut Output, text: &str, verb: char, flags: &Flags) -> Result<(), FunctionError> {
    if matches!(verb, 'x' | 'X') {
        return hexadecimal(out, text, verb, flags);
    }
    let end = flags.precision.and_then(|it| text.char_indices().nth(it)).map(|(at, _)| at);
    let text = end.map_or(text, |end| &text[..end]);
    if verb == 's' || (verb == 'v' && !flags.source) {
        return pad(out, text, flags);
    }
    if flags.sharp && can_backquote(text) {
        return pad(out, &format!("`{text}`"), flags);
    }
    pad(out, &quote(text, flags.escape()), flags)
}

fn hexadecimal(
    out: &mut Output,
    text: &str,
    verb: char,
    flags: &Flags,
) -> Result<(), FunctionError> {
    let bytes = &text.as_bytes()[..flags.precision.unwrap_or(text.len()).min(text.len())];
    let mut written = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        if flags.space && i > 0 {
            written.push(' ');
        }
        if flags.sharp && (i == 0 || flags.space) {
            written.push_str("0x");
        }
        write!(written, "{byte:02x}").expect("because a string accepts every text");
    }
    if verb == 'X' {
        written.make_ascii_uppercase();
    }
    pad(out, &written, flags)
}

fn integer(out: &mut Output, it: i64, verb: char, flags: &mut Flags) -> Result<(), FunctionError> {
    let code = u32::try_from(it).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    match verb {
        'c' => return pad(out, code.encode_utf8(&mut [0; 4]), flags),
        'q' => return pad(out, &quote_char(code, flags.escape()), flags),
        'U' => {
            let mut text = format!("U+{it:0width$X}", width = flags.precision.unwrap_or(4).max(4));
            if flags.sharp && super::is_printable(code) {
                write!(text, " '{code}'").expect("because a string accepts every text");
            }
            return pad(&mut *out, &text, &Flags { zero: false, ..*flags });
        }
        _ => {}
    }
    if flags.precision == Some(0) && it == 0 {
        return pad(out, "", &Flags { zero: false, ..*flags });
    }
    let size = it.unsigned_abs();
    let digits = match verb {
        'b' => format!("{size:b}"),
        'o' | 'O' => format!("{size:o}"),
        'x' => format!("{size:x}"),
        'X' => format!("{size:X}"),
        _ => size.to_string(),
    };
    let sign = match () {
        () if it < 0 => "-",
        () if flags.plus => "+",
        () if flags.space => " ",
        () => "",
    };
    let room = flags.width.filter(|_| flags.zero).map(|it| it.saturating_sub(sign.len()));
    let least = flags.precision.or(room).unwrap_or(0);
    let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
    let prefix = match verb {
        'O' => "0o",
        'b' if flags.sharp => "0b",
        'o' if flags.sharp && !digits.starts_with('0') => "0",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        _ => "",
    };
    pad(out, &format!("{sign}{prefix}{digits}"), &Flags { zero: false, ..*flags })
}

fn number(out: &mut Output, it: f64, verb: char, flags: &mut Flags) -> Result<(), FunctionError> {
    let standard = matches!(verb, 'f' | 'F' | 'e' | 'E').then_some(6);
    let notation = if verb == 'v' { 'g' } else { verb };
    let precision = flags.precision.or(standard);
    let mut digits = float::format(it, notation, precision);
    let negative = digits.starts_with('-');
    digits = digits.trim_start_matches(['-', '+']).to_owned();
    let sign = match () {
        () if negative => "-",
        () if flags.plus => "+",
        () if flags.space => " ",
        () if it.is_infinite() => "+",
        () => "",
    };
    if !it.is_finite() {
        return pad(out, &format!("{sign}{digits}"), &Flags { zero: false, ..*flags });
    }
    if flags.sharp && verb != 'b' {
        digits = with_point(&digits, notation, precision);
    }
    let width = flags.width.unwrap_or(0).saturating_sub(sign.len());
    let zeros = if flags.zero { width.saturating_sub(digits.len()) } else { 0 };
    pad(out, &format!("{sign}{}{digits}", "0".repeat(zeros)), flags)
}

/// What `#` adds: a decimal point, and for `%g` the zeros up to the precision.
fn with_point(digits: &str, verb: char, precision: Option<usize>) -> String {
    let hexadecimal = matches!(verb, 'x' | 'X');
    let ends: &[char] = if hexadecimal { &['p', 'P'] } else { &['e', 'E'] };
    let (mantissa, tail) = digits.split_at(digits.find(ends).unwrap_or(digits.len()));
    let wanted = if matches!(verb, 'g' | 'G' | 'x' | 'X') { precision.unwrap_or(6) } else { 0 };
    let significant = mantissa.trim_start_matches(['0', '.']);
    let mut count = significant.bytes().filter(|it| *it != b'.').count();
    let mut text = mantissa.to_owned();
    if !text.contains('.') {
        count += usize::from(text == "0");
        text.push('.');
    }
    text.push_str(&"0".repeat(wanted.saturating_sub(count)));
    text.push_str(tail);
    text
}

/// Writes `text` in the width that the flags ask for, counted in characters.
fn pad(out: &mut Output, text: &str, flags: &Flags) -> Result<(), FunctionError> {
    let Some(width) = flags.width else {
        return out.push(text);
    };
    let missing = width.saturating_sub(text.chars().count());
    let padding = if flags.zero { "0" } else { " " }.repeat(missing);
    if flags.minus {
        out.push(text)?;
        return out.push(&padding);
    }
    out.push(&padding)?;
    out.push(text)
}
