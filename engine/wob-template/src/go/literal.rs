//! What the constants of a template mean: numbers, characters, texts.

use super::tree::Constant;

/// Reads a number as Go reads an untyped constant; `None` if it is not one.
pub(super) fn number(text: &str) -> Option<Constant> {
    if text.ends_with('i') {
        return complex(text);
    }
    if let Some(integer) = integer(text) {
        return Some(integer);
    }
    let float = float(text)?;
    // Without a point or an exponent it is an integer that is too large even for Go's parser.
    text.contains(['.', 'e', 'E', 'p', 'P']).then_some(Constant::Float(float))
}

fn integer(text: &str) -> Option<Constant> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (base, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    let size = u64::from_str_radix(&without_underscores(digits, base)?, base).ok()?;
    let signed = if negative { 0_i64.checked_sub_unsigned(size) } else { size.try_into().ok() };
    match signed {
        Some(it) => Some(Constant::Int(it)),
        None if negative => None,
        None => Some(Constant::TooLarge),
    }
}

/// Removes underscores, each of which must stand between digits, or behind a prefix.
fn without_underscores(digits: &str, base: u32) -> Option<String> {
    let mut before = base != 10;
    for (i, it) in digits.bytes().enumerate() {
        let last = i + 1 == digits.len();
        match it {
            b'_' if !before || last => return None,
            b'_' => before = false,
            b'+' | b'-' => return None,
            _ => before = it.is_ascii_alphanumeric(),
        }
    }
    Some(digits.replace('_', ""))
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if unsigned.len() + 1 < text.len() {
        return None;
    }
    let hexadecimal = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let size = match hexadecimal {
        Some(digits) => hexadecimal_float(digits)?,
        // Go allows underscores in a float only if it has a base prefix.
        None if unsigned.contains('_') => return None,
        None => {
            let digits = |it: char| it.is_ascii_digit();
            unsigned.starts_with(|it| digits(it) || it == '.').then_some(())?;
            unsigned.contains(digits).then(|| unsigned.parse::<f64>().ok())??
        }
    };
    let float = size.copysign(if text.starts_with('-') { -1.0 } else { 1.0 });
    float.is_finite().then_some(float)
}

#[expect(clippy::float_arithmetic, reason = "powers of two are exact")]
#[expect(clippy::cast_precision_loss, reason = "a longer mantissa is refused before")]
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = without_underscores(&format!("{whole}{fraction}"), 16)?;
    let mantissa = u64::from_str_radix(&digits, 16).ok().filter(|it| *it < 1 << 53)?;
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(mantissa as f64 * 2_f64.powi(exponent.checked_sub(places)?))
}

/// Reads `1i` or `1+2i`.
fn complex(text: &str) -> Option<Constant> {
    let body = text.strip_suffix('i')?;
    let signs = body.char_indices().skip(1).filter(|(_, it)| matches!(it, '+' | '-'));
    let split = signs.filter(|(at, _)| !body[..*at].ends_with(['e', 'E', 'p', 'P'])).last();
    let (real, imaginary) = body.split_at(split.map_or(0, |(at, _)| at));
    let real = if real.is_empty() { 0.0 } else { part(real)? };
    let imaginary = part(imaginary)?;
    if imaginary == 0.0 {
        return Some(Constant::Float(real));
    }
    Some(Constant::Complex(real, imaginary))
}

fn part(text: &str) -> Option<f64> {
    if let Some(it) = float(text) {
        return Some(it);
    }
    let Constant::Int(it) = integer(text)? else {
        return None;
    };
    #[expect(clippy::cast_precision_loss, reason = "Go rounds here, too")]
    Some(it as f64)
}

/// Reads a character constant, with its quotes.
pub(super) fn character(text: &str) -> Option<Constant> {
    let body = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut units = Units { rest: body, mark: '\'' };
    let code = match units.next()? {
        Unit::Char(it) => i64::from(u32::from(it)),
        Unit::Byte(it) => i64::from(it),
        Unit::Bad => return None,
    };
    units.rest.is_empty().then_some(Constant::Int(code))
}

/// Reads a text, with its double quotes.
///
/// Bytes that are not UTF-8 become the replacement character: our texts are Unicode.
pub(super) fn quoted(text: &str) -> Option<String> {
    let body = text.strip_prefix('"')?.strip_suffix('"')?;
    if !body.contains('\\') {
        return Some(body.to_owned());
    }
    let mut bytes = vec![];
    for unit in (Units { rest: body, mark: '"' }) {
        match unit {
            Unit::Char(it) => bytes.extend(it.encode_utf8(&mut [0; 4]).bytes()),
            Unit::Byte(it) => bytes.push(it),
            Unit::Bad => return None,
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// One character or escape of a quoted text.
enum Unit {
    Char(char),
    Byte(u8),
    Bad,
}

struct Units<'t> {
    rest: &'t str,
    mark: char,
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let mut rest = self.rest.chars();
        let first = rest.next()?;
        self.rest = rest.as_str();
        if first == self.mark {
            return Some(Unit::Bad);
        }
        if first != '\\' {
            return Some(Unit::Char(first));
        }
        Some(self.escape().unwrap_or(Unit::Bad))
    }
}

impl Units<'_> {
    /// Reads what stands behind a backslash.
    fn escape(&mut self) -> Option<Unit> {
        let mut rest = self.rest.chars();
        let letter = rest.next()?;
        if letter.is_digit(8) {
            let code = self.digits(3, 8)?;
            return u8::try_from(code).ok().map(Unit::Byte);
        }
        self.rest = rest.as_str();
        Some(Unit::Char(match letter {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            '\'' | '"' if letter == self.mark => letter,
            'x' => return self.digits(2, 16).and_then(|it| u8::try_from(it).ok()).map(Unit::Byte),
            'u' => char::from_u32(self.digits(4, 16)?)?,
            'U' => char::from_u32(self.digits(8, 16)?)?,
            _ => return None,
        }))
    }

    fn digits(&mut self, count: usize, base: u32) -> Option<u32> {
        let digits = self.rest.get(..count)?;
        self.rest = &self.rest[count..];
        let good = digits.chars().all(|it| it.is_digit(base));
        good.then(|| u32::from_str_radix(digits, base).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("1", Some(Constant::Int(1))),
            ("-0x1F", Some(Constant::Int(-31))),
            ("0b101", Some(Constant::Int(5))),
            ("017", Some(Constant::Int(15))),
            ("0_17", Some(Constant::Int(15))),
            ("1_000", Some(Constant::Int(1000))),
            ("1__0", None),
            ("1_", None),
            ("0x", None),
            ("+", None),
            (".", None),
            ("08", None),
            ("0", Some(Constant::Int(0))),
            ("-9223372036854775808", Some(Constant::Int(i64::MIN))),
            ("9223372036854775808", Some(Constant::TooLarge)),
            ("99999999999999999999", None),
            ("1e3", Some(Constant::Float(1000.0))),
            (".5", Some(Constant::Float(0.5))),
            ("5.", Some(Constant::Float(5.0))),
            ("08.5", Some(Constant::Float(8.5))),
            ("0x1p-2", Some(Constant::Float(0.25))),
            ("1e999", None),
            ("2i", Some(Constant::Complex(0.0, 2.0))),
            ("1.5-2i", Some(Constant::Complex(1.5, -2.0))),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn quoted_texts_and_characters() {
        assert_eq!(quoted(r#""a\tb\u00e9\x41\101\"""#).as_deref(), Some("a\tbéAA\""));
        assert_eq!(quoted(r#""\xc3\xa9""#).as_deref(), Some("é"));
        for bad in [r#""\q""#, r#""\'""#, r#""\ud800""#, r#""\x4""#, r#""\400""#] {
            assert_eq!(quoted(bad), None, "{bad}");
        }
        assert_eq!(character("'é'"), Some(Constant::Int(233)));
        assert_eq!(character(r"'\''"), Some(Constant::Int(39)));
        assert_eq!(character("'ab'"), None);
        assert_eq!(character("''"), None);
    }
}
