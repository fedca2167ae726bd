//! Arithmetic on 64-bit integers, and how anything becomes one.

use super::{
    arguments::{Answer, Arguments, MOST_ITEMS, failure, list_of, text},
    floats::to_float,
    print::print,
    table::{ANY, Entry, pure},
};
use crate::{FunctionError, ListOf, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("add", pure(0, ANY, |a| Ok(fold(0, a, i64::wrapping_add)))),
    ("add1", pure(1, 1, |a| Ok(Value::Int64(to_int(a.any(0)).wrapping_add(1))))),
    ("atoi", pure(1, 1, |a| Ok(Value::Int(a.text(0)?.parse().unwrap_or(0))))),
    ("biggest", pure(1, ANY, |a| Ok(fold(to_int(a.any(0)), a, i64::max)))),
    ("div", pure(2, 2, |a| divide(a, i64::wrapping_div))),
    ("int", pure(1, 1, |a| Ok(Value::Int(to_int(a.any(0)))))),
    ("int64", pure(1, 1, |a| Ok(Value::Int64(to_int(a.any(0)))))),
    ("max", pure(1, ANY, |a| Ok(fold(to_int(a.any(0)), a, i64::max)))),
    ("min", pure(1, ANY, |a| Ok(fold(to_int(a.any(0)), a, i64::min)))),
    ("mod", pure(2, 2, |a| divide(a, i64::wrapping_rem))),
    ("mul", pure(1, ANY, |a| Ok(fold(1, a, i64::wrapping_mul)))),
    ("seq", pure(0, ANY, seq)),
    ("sub", pure(2, 2, |a| Ok(Value::Int64(to_int(a.any(0)).wrapping_sub(to_int(a.any(1))))))),
    ("toDecimal", pure(1, 1, |a| Ok(Value::Int64(octal(a.any(0))?)))),
    ("until", pure(1, 1, |a| range(0, a.int(0)?, if a.int(0)? < 0 { -1 } else { 1 }))),
    ("untilStep", pure(3, 3, |a| range(a.int(0)?, a.int(1)?, a.int(2)?))),
];

fn fold(first: i64, arguments: &[Value], step: fn(i64, i64) -> i64) -> Value {
    Value::Int64(arguments.iter().map(to_int).fold(first, step))
}

fn divide(arguments: &[Value], step: fn(i64, i64) -> i64) -> Answer {
    let divisor = to_int(arguments.any(1));
    if divisor == 0 {
        return Err(failure("runtime error: integer divide by zero"));
    }
    Ok(Value::Int64(step(to_int(arguments.any(0)), divisor)))
}

/// Makes an integer of anything; what is no number is 0.
#[expect(clippy::cast_possible_truncation, reason = "Go cuts off the fraction too")]
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(it) | Value::Int64(it) => *it,
        Value::Bool(it) => i64::from(*it),
        Value::Float(_) => {
            let number = to_float(value);
            // What amd64 answers for numbers out of range; Rust would take the nearest.
            let in_range =
                (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
            if in_range { number as i64 } else { i64::MIN }
        }
        Value::String(it) => parse_literal(it).unwrap_or(0),
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_) => 0,
    }
}

/// Reads an integer as a Go literal: `0x1f`, `0b11`, `0o17`, `017`, `1_000`.
fn parse_literal(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, &lower[..])
    };
    // After a prefix the first digit may stand behind an underscore.
    let body = if body.len() < lower.len() { body.strip_prefix('_').unwrap_or(body) } else { body };
    let body = without_underscores(body)?;
    let magnitude = i128::from(u64::from_str_radix(&body, radix).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Removes underscores that stand between digits; any other makes the number wrong.
pub(super) fn without_underscores(digits: &str) -> Option<String> {
    let wrong =
        digits.starts_with(['_', '+', '-']) || digits.ends_with('_') || digits.contains("__");
    if wrong { None } else { Some(digits.replace('_', "")) }
}

fn octal(value: &Value) -> Result<i64, FunctionError> {
    let digits = print(value)?;
    Ok(i64::from_str_radix(&digits, 8).unwrap_or(0))
}

/// Counts from `start` by `step`, short of `until`; a step in the wrong direction gives nothing.
fn steps(start: i64, until: i64, step: i64) -> Result<impl Iterator<Item = i64>, FunctionError> {
    let (distance, stride) = (i128::from(until) - i128::from(start), i128::from(step));
    let towards = (distance < 0 && stride < 0) || (distance > 0 && stride > 0);
    let stride = if stride == 0 { 1 } else { stride };
    let count = if towards { (distance + stride - stride.signum()) / stride } else { 0 };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MOST_ITEMS {
        return Err(failure(format!("makes a list of more than {MOST_ITEMS} items")));
    }
    let mut next = start;
    Ok((0..count).map(move |_| {
        let now = next;
        next = next.wrapping_add(step);
        now
    }))
}

fn range(start: i64, until: i64, step: i64) -> Answer {
    list_of(ListOf::Ints, steps(start, until, step)?.map(Value::Int))
}

fn seq(arguments: &[Value]) -> Answer {
    let numbers: Result<Vec<i64>, FunctionError> =
        (0..arguments.len()).map(|at| arguments.int(at)).collect();
    let (start, step, end) = match numbers?[..] {
        [end] => (1, if end < 1 { -1 } else { 1 }, end),
        [start, end] => (start, if end < start { -1 } else { 1 }, end),
        [start, step, end] if end >= start || step <= 0 => (start, step, end),
        _ => return text(""),
    };
    let inclusive = end.wrapping_add(if end < start { -1 } else { 1 });
    let words: Vec<String> = steps(start, inclusive, step)?.map(|it| it.to_string()).collect();
    text(words.join(" "))
}
