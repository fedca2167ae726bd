//! Durations in nanoseconds, as Go reads, writes and rounds them.

use super::{
    arguments::{Answer, Arguments, failure, text},
    table::{Entry, pure},
    time::Time,
};
use crate::{FunctionError, Value};

pub(super) const FUNCTIONS: &[Entry] =
    &[("duration", pure(1, 1, duration)), ("durationRound", pure(1, 1, round))];

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Only texts and `int64` count: sprig forgot the `int` of a literal, and reads it as 0.
fn duration(arguments: &[Value]) -> Answer {
    let value = arguments.any(0);
    let seconds = if let Value::Int64(seconds) = value {
        *seconds
    } else if let Value::String(digits) = value {
        digits.parse().unwrap_or(0)
    } else {
        0
    };
    text(display(seconds.wrapping_mul(SECOND)))
}

fn round(arguments: &[Value]) -> Answer {
    let value = arguments.any(0);
    let nanoseconds = if let Value::Int64(nanoseconds) = value {
        *nanoseconds
    } else if let Value::String(written) = value {
        parse(written).unwrap_or(0)
    } else if Time::of(value).is_some() {
        return Err(failure("the time since a date reads the clock"));
    } else {
        0
    };
    let units = [
        (365 * 24 * HOUR, "y"),
        (30 * 24 * HOUR, "mo"),
        (24 * HOUR, "d"),
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
    ];
    let magnitude = nanoseconds.unsigned_abs();
    for (unit, name) in units {
        if magnitude > unit.unsigned_abs() {
            return text(format!("{}{name}", magnitude / unit.unsigned_abs()));
        }
    }
    text("0s")
}

/// Writes a duration: `1h0m0s`, `1.5s`, `20ms`.
pub(super) fn display(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (second, minute, hour) =
        (SECOND.unsigned_abs(), MINUTE.unsigned_abs(), HOUR.unsigned_abs());
    let written = match magnitude {
        0 => "0s".into(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(magnitude, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", fraction(magnitude, 1_000_000)),
        _ => {
            let seconds = fraction(magnitude % minute, second);
            match (magnitude / hour, magnitude % hour / minute) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{written}")
}

/// Writes a number of units with as many decimals as it needs.
fn fraction(nanoseconds: u64, unit: u64) -> String {
    let (whole, rest) = (nanoseconds / unit, nanoseconds % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0places$}").trim_end_matches('0'))
}

/// Reads a duration such as `1h30m`, `-1.5h` or `300ms`.
///
/// # Errors
/// It is none, or does not fit 64 bits of nanoseconds.
pub(super) fn parse(written: &str) -> Result<i64, FunctionError> {
    let wrong = || failure(format!("time: invalid duration {}", super::print::quote(written)));
    let (negative, mut rest) = match written.as_bytes().first() {
        Some(b'-') => (true, &written[1..]),
        Some(b'+') => (false, &written[1..]),
        _ => (false, written),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        rest = after;
        let part = nanoseconds(number, unit).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| wrong())
}

fn nanoseconds(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND.into(),
        "m" => MINUTE.into(),
        "h" => HOUR.into(),
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && decimals.is_empty() || decimals.contains('.') {
        return None;
    }
    // More decimals than this are below a nanosecond, whatever the unit.
    let decimals = &decimals[..decimals.len().min(18)];
    let places = u32::try_from(decimals.len()).ok()?;
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    let rest: i128 = if decimals.is_empty() { 0 } else { decimals.parse::<i64>().ok()?.into() };
    Some(whole.checked_mul(unit)? + rest * unit / 10_i128.pow(places))
}
