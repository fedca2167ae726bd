//! How Kubernetes reads scalars: as yaml.v2 does, a mixture of YAML 1.1 and 1.2.

use super::{Tag, number};

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    Null,
    Bool(bool),
    Int(i64),
    /// Every other number, also integers beyond 64 bits.
    Float(f64),
    Text,
}

/// Reads a plain scalar.
pub(super) fn read(text: &str) -> Reading {
    let Some(first) = text.bytes().next() else { return Reading::Null };
    match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => word(text),
        b'.' => special_float(text).unwrap_or_else(|| decimal_float(text)),
        b'+' | b'-' | b'0'..=b'9' => {
            special_float(text).unwrap_or_else(|| number(text).unwrap_or(Reading::Text))
        }
        _ => Reading::Text,
    }
}

/// Reads a scalar whose tag says what it is; `None` if it is not.
pub(super) fn read_as(text: &str, tag: Tag) -> Option<Reading> {
    match (tag, read(text)) {
        (Tag::Text | Tag::Binary, _) => Some(Reading::Text),
        (Tag::Null, it @ Reading::Null)
        | (Tag::Bool, it @ Reading::Bool(_))
        | (Tag::Int, it @ Reading::Int(_))
        | (Tag::Float, it @ Reading::Float(_)) => Some(it),
        (Tag::Float, Reading::Int(it)) => Some(Reading::Float(float_of(&it.to_string())?)),
        (Tag::Null | Tag::Bool | Tag::Int | Tag::Float, _) => None,
    }
}

/// Returns the text of a key that is a boolean or number: Kubernetes' JSON has no such keys. `None` for the others.
pub(super) fn key_text(reading: Reading) -> Option<String> {
    match reading {
        Reading::Bool(it) => Some(it.to_string()),
        Reading::Int(it) => Some(it.to_string()),
        // sigs.k8s.io/yaml prints float keys with 32 bits.
        Reading::Float(it) => Some(number::go_float32(it)),
        Reading::Null | Reading::Text => None,
    }
}

fn word(text: &str) -> Reading {
    match text {
        "~" | "null" | "Null" | "NULL" => Reading::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Reading::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Reading::Bool(false)
        }
        _ => Reading::Text,
    }
}

fn special_float(text: &str) -> Option<Reading> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(Reading::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Some(Reading::Float(f64::INFINITY))
        }
        "-.inf" | "-.Inf" | "-.INF" => Some(Reading::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

/// Reads what begins with a sign or a digit.
fn number(text: &str) -> Option<Reading> {
    let without;
    let plain = if text.contains('_') {
        without = text.replace('_', "");
        &without
    } else {
        text
    };
    integer(plain).or_else(|| Some(decimal_float(plain)).filter(|it| *it != Reading::Text))
}

/// Reads an integer with an optional sign and base; a leading zero means octal, as in C.
fn integer(plain: &str) -> Option<Reading> {
    let (sign, digits) = match plain.as_bytes().first()? {
        b'-' => (-1, &plain[1..]),
        b'+' => (1, &plain[1..]),
        _ => (0, plain),
    };
    let bytes = digits.as_bytes();
    let (base, digits) = match (bytes.first()?, bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, &digits[2..]),
        (b'0', Some(b'o' | b'O')) => (8, &digits[2..]),
        (b'0', Some(b'b' | b'B')) => (2, &digits[2..]),
        (b'0', Some(_)) => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.bytes().next()?.is_ascii_hexdigit() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    let signed = if sign < 0 { -i128::from(magnitude) } else { i128::from(magnitude) };
    match i64::try_from(signed) {
        Ok(it) => Some(Reading::Int(it)),
        // Go has unsigned integers for these, if no sign is written; JSON and we have floats.
        Err(_) if sign == 0 => float_of(&magnitude.to_string()).map(Reading::Float),
        Err(_) => None,
    }
}

/// Reads a decimal fraction: a sign, digits with at most one dot, an exponent. Infinite results are texts.
fn decimal_float(plain: &str) -> Reading {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_is_fine = exponent.is_none_or(|it| {
        let it = it.strip_prefix(['-', '+']).unwrap_or(it);
        !it.is_empty() && digits(it)
    });
    let empty = whole.is_empty() && fraction.is_empty();
    if empty || !digits(whole) || !digits(fraction) || !exponent_is_fine {
        return Reading::Text;
    }
    float_of(plain).map_or(Reading::Text, Reading::Float)
}

fn float_of(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|it| it.is_finite())
}

/// Decodes Base64, line breaks and blanks ignored; `None` if it is not, or not UTF-8 inside.
pub(super) fn decode_base64(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut bits = 0_u32;
    let mut count = 0;
    let mut padding = 0;
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(six);
        count += 1;
        if count % 4 == 0 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push(bits.to_be_bytes()[2] << 4 | bits.to_be_bytes()[3] >> 4),
        (3, 1) => bytes.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    String::from_utf8(bytes).ok()
}
/// Says whether yaml.v2 takes `text` for a time: a date, or a date and a time of day.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((date, rest)) = split_date(text) else { return false };
    let Some(separator) = rest.chars().next() else { return date };
    date && match separator {
        'T' | 't' => {
            zone_start(&rest[1..]).is_some_and(|(time, zone)| is_time(time) && is_zone(zone))
        }
        ' ' => is_time(&rest[1..]),
        _ => false,
    }
}

/// Splits `2006-1-2` off, and says whether it is a day of the calendar.
fn split_date(text: &str) -> Option<(bool, &str)> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = one_or_two_digits(&text[5..])?;
    let (day, rest) = one_or_two_digits(rest.strip_prefix('-')?)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    Some(((1..=days).contains(&day), rest))
}

/// Checks `15:4:5` with an optional fraction.
fn is_time(text: &str) -> bool {
    let Some((hour, rest)) = one_or_two_digits(text) else { return false };
    let minutes = rest.strip_prefix(':').and_then(one_or_two_digits);
    let Some((minute, rest)) = minutes else { return false };
    let seconds = rest.strip_prefix(':').and_then(one_or_two_digits);
    let Some((second, rest)) = seconds else { return false };
    let fraction = match rest.strip_prefix(['.', ',']) {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()),
        None => rest.is_empty(),
    };
    hour < 24 && minute < 60 && second < 60 && fraction
}

/// Splits the time of day from the zone.
fn zone_start(text: &str) -> Option<(&str, &str)> {
    text.find(['Z', '+', '-']).map(|at| text.split_at(at))
}

fn is_zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let offset = || {
        let hours = text.get(1..3)?.parse::<u8>().ok()?;
        let minutes = text.get(4..6)?.parse::<u8>().ok()?;
        Some(bytes.len() == 6 && bytes[3] == b':' && hours < 25 && minutes < 61)
    };
    text == "Z" || offset().unwrap_or(false)
}

fn one_or_two_digits(text: &str) -> Option<(u32, &str)> {
    let count = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(count);
    Some((digits.parse().ok()?, rest))
}
