//! Floats as Go's `strconv` writes them.

use std::fmt::Write as _;

/// The digits of a finite float: `0.d1d2d3… * 10^point`, without trailing zeros; none for zero.
struct Digits {
    digits: String,
    point: i32,
}

/// Returns the shortest text that reads back as `number`, in `%v` notation.
pub(crate) fn shortest(number: f64) -> String {
    format(number, 'g', None)
}

/// Returns `number` in the notation `verb` (`e E f F g G b x X`) with `precision`, or the shortest precision.
pub(crate) fn format(number: f64, verb: char, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match verb {
        'e' | 'E' => scientific(number, precision),
        'f' | 'F' => precision.map_or_else(|| format!("{number}"), |it| format!("{number:.it$}")),
        'b' => binary(number),
        'x' | 'X' => hexadecimal(number, precision),
        _ => general(number, precision),
    };
    if matches!(verb, 'E' | 'G' | 'X') { text.to_uppercase() } else { text }
}

/// `%e`: Rust writes `1.5e3` where Go writes `1.5e+03`.
fn scientific(number: f64, precision: Option<usize>) -> String {
    let text = precision.map_or_else(|| format!("{number:e}"), |it| format!("{number:.it$e}"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(mantissa, 'e', exponent.parse().unwrap_or_default())
}

fn with_exponent(mantissa: &str, letter: char, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.unsigned_abs())
}

/// `%g`: the exponent decides whether it looks like `%e` or like `%f`.
fn general(number: f64, precision: Option<usize>) -> String {
    let precision = precision.map(|it| it.max(1));
    let Digits { digits, point } = digits(number.abs(), precision);
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let mut threshold = precision.map_or(6, |it| i32::try_from(it).unwrap_or(i32::MAX));
    if precision.is_some() && threshold > count && count >= point {
        threshold = count;
    }
    let exponent = point - 1;
    if !digits.is_empty() && (exponent < -4 || exponent >= threshold) {
        let (first, rest) = digits.split_at(digits.len().min(1));
        let dot = if rest.is_empty() { "" } else { "." };
        return with_exponent(&format!("{sign}{first}{dot}{rest}"), 'e', exponent);
    }
    format!("{sign}{}", plain(&digits, point))
}

/// Writes `0.digits * 10^point` without an exponent.
fn plain(digits: &str, point: i32) -> String {
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let Ok(whole) = usize::try_from(point) else {
        return format!("0.{}{digits}", zeros(-point));
    };
    if digits.is_empty() {
        return "0".to_owned();
    }
    if whole >= digits.len() {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (before, after) = digits.split_at(whole);
    format!("{}.{after}", if before.is_empty() { "0" } else { before })
}

fn digits(number: f64, precision: Option<usize>) -> Digits {
    let text = match precision {
        Some(it) => format!("{number:.*e}", it.saturating_sub(1)),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0').to_owned();
    let point = if digits.is_empty() { 0 } else { exponent.parse().unwrap_or(0) + 1 };
    Digits { digits, point }
}

/// Splits a finite float into sign, mantissa and binary exponent: `mantissa * 2^exponent`.
fn parts(number: f64) -> (&'static str, u64, i32) {
    let bits = number.to_bits();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let biased = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let fraction = bits & ((1 << 52) - 1);
    if biased == 0 {
        return (sign, fraction, -1074);
    }
    (sign, fraction | (1 << 52), biased - 1075)
}

/// `%b`: mantissa and exponent of two in decimal.
fn binary(number: f64) -> String {
    let (sign, mantissa, exponent) = parts(number);
    format!("{sign}{mantissa}p{exponent:+}")
}

/// `%x`: the mantissa in hexadecimal, normalized to one bit before the point.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (sign, mut mantissa, mut exponent) = parts(number);
    if mantissa == 0 {
        exponent = 0;
    } else {
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - i32::try_from(shift).unwrap_or_default();
    }
    // One bit, then 15 hexadecimal digits, in bits 60 and 0..60.
    if let Some(digits) = precision.filter(|it| *it < 15) {
        let drop = 60 - 4 * u32::try_from(digits).unwrap_or_default();
        let half = 1_u64 << (drop - 1);
        let (kept, rest) = (mantissa >> drop, mantissa & ((1 << drop) - 1));
        let up = rest > half || (rest == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << drop;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = String::new();
    write!(fraction, "{:015x}", mantissa & ((1 << 60) - 1)).expect("because a string takes all");
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(it) if it <= fraction.len() => fraction.truncate(it),
        Some(it) => fraction.push_str(&"0".repeat(it - fraction.len())),
    }
    let dot = if fraction.is_empty() { "" } else { "." };
    with_exponent(&format!("{sign}0x{}{dot}{fraction}", mantissa >> 60), 'p', exponent)
}
