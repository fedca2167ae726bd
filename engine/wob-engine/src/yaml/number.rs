//! Numbers as Go prints them.

/// Prints `value` with the fewest digits that read back to it, as Go's `FormatFloat(value, 'g', -1, 64)`, with YAML's
/// names for what is not finite.
pub(super) fn go_float(value: f64) -> String {
    general(&format!("{value:e}"))
}

/// As [`go_float`], with the digits of a 32-bit float.
pub(super) fn go_float32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "fewer digits are the purpose")]
    let value = value as f32;
    general(&format!("{value:e}"))
}

/// Prints `value` as Go's `encoding/json` does; `None` for what is not finite, which JSON lacks.
pub(super) fn json_float(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let Decimal { sign, digits, exponent } = Decimal::parse(&format!("{value:e}"));
    if digits != "0" && !(-6..21).contains(&exponent) {
        return Some(format!("{sign}{}", scientific_text(&digits, exponent, 1)));
    }
    Some(format!("{sign}{}", fixed_text(&digits, exponent)))
}

fn general(scientific: &str) -> String {
    match scientific {
        "NaN" => return ".nan".to_owned(),
        "inf" => return ".inf".to_owned(),
        "-inf" => return "-.inf".to_owned(),
        _ => {}
    }
    let Decimal { sign, digits, exponent } = Decimal::parse(scientific);
    if digits != "0" && !(-4..6).contains(&exponent) {
        return format!("{sign}{}", scientific_text(&digits, exponent, 2));
    }
    format!("{sign}{}", fixed_text(&digits, exponent))
}

/// A finite number in decimal.
struct Decimal {
    sign: &'static str,
    /// The digits, without a dot.
    digits: String,
    /// The power of ten of the first digit.
    exponent: i32,
}

impl Decimal {
    /// Reads what `{:e}` prints.
    fn parse(scientific: &str) -> Self {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |it| ("-", it));
        let exponent = exponent.parse().unwrap_or_default();
        Self { sign, digits: unsigned.replace('.', ""), exponent }
    }
}

/// `width` is the least number of digits of the exponent.
fn scientific_text(digits: &str, exponent: i32, width: usize) -> String {
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{dot}{rest}e{sign}{:0width$}", exponent.unsigned_abs())
}

fn fixed_text(digits: &str, exponent: i32) -> String {
    let Ok(exponent) = usize::try_from(exponent) else {
        let zeros = exponent.unsigned_abs() as usize - 1;
        return format!("0.{}{digits}", "0".repeat(zeros));
    };
    let whole = exponent + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}
