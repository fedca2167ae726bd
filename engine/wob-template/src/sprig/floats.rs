//! Arithmetic on floats: rounding in binary, sums and products in decimal, as sprig does them.
#![expect(
    clippy::float_arithmetic,
    reason = "these are the template's own floats, on one thread, in order"
)]

use super::{
    arguments::{Answer, Arguments, failure},
    decimal::Decimal,
    integers::without_underscores,
    table::{ANY, Entry, pure},
};
use crate::{FunctionError, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("add1f", pure(1, 1, |a| decimal(&[a.any(0).clone(), Value::Int(1)], Decimal::plus))),
    ("addf", pure(0, ANY, |a| decimal_from(Value::Float(0.0), a, Decimal::plus))),
    ("ceil", pure(1, 1, |a| Ok(Value::Float(to_float(a.any(0)).ceil())))),
    ("divf", pure(1, ANY, |a| decimal(a, Decimal::over))),
    ("float64", pure(1, 1, |a| Ok(Value::Float(to_float(a.any(0)))))),
    ("floor", pure(1, 1, |a| Ok(Value::Float(to_float(a.any(0)).floor())))),
    ("maxf", pure(1, ANY, |a| Ok(fold(a, larger)))),
    ("minf", pure(1, ANY, |a| Ok(fold(a, |a, b| -larger(-a, -b))))),
    ("mulf", pure(1, ANY, |a| decimal(a, Decimal::times))),
    ("round", pure(2, 3, round)),
    ("subf", pure(1, ANY, |a| decimal(a, Decimal::minus))),
];

/// Makes a float of anything; what is no number is 0.
#[expect(clippy::cast_precision_loss, reason = "Go converts integers the same way")]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(it) => *it,
        Value::Int(it) | Value::Int64(it) => *it as f64,
        Value::Bool(it) => f64::from(u8::from(*it)),
        Value::String(it) => parse(it).unwrap_or(0.0),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_) => 0.0,
    }
}

/// Reads a float as Go's `strconv.ParseFloat` does; one that is out of range is none.
fn parse(text: &str) -> Option<f64> {
    let number: f64 = without_underscores_after_sign(text)?.parse().ok()?;
    let named = text.trim_start_matches(['+', '-']).starts_with(['i', 'I', 'n', 'N']);
    (named || number.is_finite()).then_some(number)
}

fn without_underscores_after_sign(text: &str) -> Option<String> {
    let (sign, digits) =
        text.split_at(text.bytes().take_while(|b| matches!(b, b'+' | b'-')).count());
    Some(format!("{sign}{}", without_underscores(digits)?))
}

fn fold(arguments: &[Value], step: fn(f64, f64) -> f64) -> Value {
    let mut numbers = arguments.iter().map(to_float);
    let first = numbers.next().unwrap_or(0.0);
    Value::Float(numbers.fold(first, step))
}

/// Go's `math.Max`: NaN wins, unlike in Rust.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn round(arguments: &[Value]) -> Answer {
    let (number, places) = (to_float(arguments.any(0)), arguments.int(1)?);
    let threshold = if arguments.len() > 2 { arguments.float(2)? } else { 0.5 };
    let power = 10_f64.powi(i32::try_from(places).unwrap_or(i32::MAX));
    let digits = power * number;
    let rounded = if digits.fract() >= threshold { digits.ceil() } else { digits.floor() };
    Ok(Value::Float(rounded / power))
}

fn decimal(
    arguments: &[Value],
    step: fn(&Decimal, &Decimal) -> Result<Decimal, FunctionError>,
) -> Answer {
    let (first, rest) = arguments.split_first().ok_or_else(|| failure("needs a number"))?;
    decimal_from(first.clone(), rest, step)
}

#[expect(clippy::needless_pass_by_value, reason = "the start is made for this call")]
fn decimal_from(
    first: Value,
    rest: &[Value],
    step: fn(&Decimal, &Decimal) -> Result<Decimal, FunctionError>,
) -> Answer {
    let mut total = Decimal::of(to_float(&first))?;
    for value in rest {
        total = step(&total, &Decimal::of(to_float(value))?)?;
    }
    Ok(Value::Float(total.to_float()))
}
