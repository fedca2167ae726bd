//! Dates that depend on their arguments alone: "local" time is UTC, and there is no zone database.

use super::{
    arguments::{Answer, Arguments, failure, text},
    durations,
    table::{Entry, pure},
    time::{Time, Zone},
    time_parser,
};
use crate::{Function, FunctionError, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("date", pure(2, 2, |a| format(a.text(0)?, a.any(1), "Local"))),
    ("dateInZone", IN_ZONE),
    ("dateModify", MODIFY),
    ("date_in_zone", IN_ZONE),
    ("date_modify", MODIFY),
    ("htmlDate", pure(1, 1, |a| format("2006-01-02", a.any(0), "Local"))),
    ("htmlDateInZone", pure(2, 2, |a| format("2006-01-02", a.any(0), a.text(1)?))),
    ("mustDateModify", MUST_MODIFY),
    ("mustToDate", pure(2, 2, |a| Ok(time_parser::parse(a.text(0)?, a.text(1)?)?.into_value()))),
    ("must_date_modify", MUST_MODIFY),
    ("toDate", pure(2, 2, to_date)),
    ("unixEpoch", pure(1, 1, |a| text(time(a.any(0))?.seconds.to_string()))),
];

const IN_ZONE: Function = pure(3, 3, |a| format(a.text(0)?, a.any(1), a.text(2)?));
const MODIFY: Function = pure(2, 2, |a| {
    let (change, date) = (a.text(0)?, time(a.any(1))?);
    Ok(durations::parse(change).map_or_else(|_| date.clone(), |it| date.plus(it)).into_value())
});
const MUST_MODIFY: Function = pure(2, 2, |a| {
    let (change, date) = (a.text(0)?, time(a.any(1))?);
    Ok(date.plus(durations::parse(change)?).into_value())
});

fn time(value: &Value) -> Result<&Time, FunctionError> {
    Time::of(value).ok_or_else(|| {
        failure(format!(
            "wrong type for value; expected time.Time; got {}",
            crate::gofmt::type_name(value)
        ))
    })
}

fn to_date(arguments: &[Value]) -> Answer {
    let (layout, written) = (arguments.text(0)?, arguments.text(1)?);
    Ok(time_parser::parse(layout, written).unwrap_or_else(|_| Time::zero()).into_value())
}

/// Formats a time, or seconds since 1970.
fn format(layout: &str, date: &Value, zone: &str) -> Answer {
    let zone = zone_of(zone)?;
    let time = if let Value::Int(seconds) | Value::Int64(seconds) = date {
        Time { seconds: *seconds, nanoseconds: 0, zone }
    } else if let Some(time) = Time::of(date) {
        Time { zone, ..time.clone() }
    } else {
        return Err(failure(format!(
            "a {} is no date, and the date of today would be read from the clock",
            crate::gofmt::type_name(date)
        )));
    };
    text(time.format(layout))
}

fn zone_of(name: &str) -> Result<Zone, FunctionError> {
    let fixed = |name: &str, offset| Ok(Zone { name: name.into(), offset });
    match name {
        "" | "UTC" | "Local" | "Etc/UTC" | "Etc/UCT" | "Etc/Universal" | "Etc/Zulu" | "UCT"
        | "Universal" | "Zulu" => return Ok(Zone::utc()),
        "GMT" | "Etc/GMT" | "Etc/GMT0" | "Etc/GMT+0" | "Etc/GMT-0" | "Etc/Greenwich" | "GMT0"
        | "GMT+0" | "GMT-0" | "Greenwich" => return fixed("GMT", 0),
        "EST" => return fixed("EST", -5 * 3600),
        "MST" => return fixed("MST", -7 * 3600),
        "HST" => return fixed("HST", -10 * 3600),
        _ => {}
    }
    // `Etc/GMT+5` is five hours behind: POSIX counts westwards.
    let hours = name.strip_prefix("Etc/GMT").and_then(|it| it.parse::<i32>().ok());
    if let Some(hours) = hours.filter(|it| (-14..=12).contains(it)) {
        return fixed(&format!("{:+03}", -hours), -hours * 3600);
    }
    Err(failure(format!(
        "time zone `{name}` needs a zone database, which differs between machines; use UTC or a fixed offset"
    )))
}
