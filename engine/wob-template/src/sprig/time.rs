//! A point in time and the zone that it is shown in, as Go's `time.Time`.

use std::{any::Any, rc::Rc, sync::Arc};

use super::{
    arguments::Arguments,
    layout::{Element, Offset, Utc, cut},
};
use crate::{Object, Value};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// Seconds since 1970.
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
    pub(super) zone: Zone,
}

/// A fixed offset from UTC, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: Arc<str>,
    /// In seconds, positive to the east.
    pub(super) offset: i32,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Self { name: "UTC".into(), offset: 0 }
    }
}

/// A date and time of day on a wall clock.
struct Wall {
    year: i64,
    month: i64,
    day: i64,
    year_day: i64,
    weekday: i64,
    second_of_day: i64,
}

impl Time {
    /// Go's zero time: the first of January of the year 1.
    pub(super) fn zero() -> Self {
        Self { seconds: -62_135_596_800, nanoseconds: 0, zone: Zone::utc() }
    }

    /// Returns the time that a value holds.
    pub(super) fn of(value: &Value) -> Option<&Self> {
        if let Value::Object(object) = value { object.as_any().downcast_ref() } else { None }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// Returns the time some nanoseconds later.
    pub(super) fn plus(&self, nanoseconds: i64) -> Self {
        let total = i128::from(self.nanoseconds) + i128::from(nanoseconds);
        let seconds = i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(0);
        let rest = u32::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds: self.seconds.wrapping_add(seconds), nanoseconds: rest, ..self.clone() }
    }

    pub(super) fn rfc3339(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    pub(super) fn format(&self, layout: &str) -> String {
        let wall = self.wall();
        let mut out = String::new();
        let mut rest = layout;
        loop {
            let found = cut(rest);
            out.push_str(found.before);
            let Some(element) = found.element else { return out };
            let mark = found.written.chars().next().unwrap_or('.');
            out.push_str(&self.show(&wall, element, mark));
            rest = found.after;
        }
    }

    fn show(&self, wall: &Wall, element: Element, mark: char) -> String {
        let (hour, minute) = (wall.second_of_day / 3600, wall.second_of_day / 60 % 60);
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let second = wall.second_of_day % 60;
        match element {
            Element::LongMonth => name(&MONTHS, wall.month - 1).into(),
            Element::Month => name(&MONTHS, wall.month - 1)[..3].into(),
            Element::NumericMonth => wall.month.to_string(),
            Element::ZeroMonth => two(wall.month),
            Element::LongWeekday => name(&WEEKDAYS, wall.weekday).into(),
            Element::Weekday => name(&WEEKDAYS, wall.weekday)[..3].into(),
            Element::Day => wall.day.to_string(),
            Element::SpacedDay => format!("{:2}", wall.day),
            Element::ZeroDay => two(wall.day),
            Element::SpacedYearDay => format!("{:3}", wall.year_day),
            Element::ZeroYearDay => format!("{:03}", wall.year_day),
            Element::Hour => two(hour),
            Element::Hour12 => hour12.to_string(),
            Element::ZeroHour12 => two(hour12),
            Element::Minute => minute.to_string(),
            Element::ZeroMinute => two(minute),
            Element::Second => second.to_string(),
            Element::ZeroSecond => two(second),
            Element::LongYear if wall.year < 0 => format!("-{:04}", -wall.year),
            Element::LongYear => format!("{:04}", wall.year),
            Element::Year => two(wall.year.max(0) % 100),
            Element::UpperHalf => if hour < 12 { "AM" } else { "PM" }.into(),
            Element::LowerHalf => if hour < 12 { "am" } else { "pm" }.into(),
            Element::ZoneName => self.zone_name(),
            Element::Offset(offset) => self.offset(offset),
            Element::Decimals(places) => format!("{mark}{}", self.decimals(places)),
            Element::TrimmedDecimals(places) => {
                let decimals = self.decimals(places);
                let decimals = decimals.trim_end_matches('0');
                if decimals.is_empty() { String::new() } else { format!("{mark}{decimals}") }
            }
        }
    }

    fn decimals(&self, places: usize) -> String {
        let digits = format!("{:09}", self.nanoseconds);
        format!("{:0<places$}", &digits[..places.min(9)])
    }

    fn zone_name(&self) -> String {
        if !self.zone.name.is_empty() {
            return self.zone.name.to_string();
        }
        let fields = if self.zone.offset % 3600 == 0 { 1 } else { 2 };
        self.offset(Offset { utc: Utc::Digits, fields, separator: "" })
    }

    fn offset(&self, style: Offset) -> String {
        let offset = self.zone.offset;
        if offset == 0 && style.utc == Utc::Letter {
            return "Z".into();
        }
        let sign = if offset < 0 { '-' } else { '+' };
        let magnitude = offset.abs();
        let fields = [magnitude / 3600, magnitude / 60 % 60, magnitude % 60];
        let fields: Vec<String> =
            fields[..style.fields].iter().map(|it| two((*it).into())).collect();
        format!("{sign}{}", fields.join(style.separator))
    }

    fn wall(&self) -> Wall {
        let local = i128::from(self.seconds) + i128::from(self.zone.offset);
        let days = i64::try_from(local.div_euclid(86_400)).unwrap_or(0);
        let (year, month, day) = civil(days);
        Wall {
            year,
            month,
            day,
            year_day: days - days_since_epoch(year, 1, 1) + 1,
            // The first of January 1970 was a Thursday.
            weekday: (days + 4).rem_euclid(7),
            second_of_day: i64::try_from(local.rem_euclid(86_400)).unwrap_or(0),
        }
    }

    fn add_date(&self, arguments: &[Value]) -> Result<Value, String> {
        let number = |at| arguments.int(at).map_err(|error| error.0);
        let far = |it: i64| it.clamp(-1_000_000, 1_000_000);
        let (years, months, days) = (far(number(0)?), far(number(1)?), far(number(2)?));
        let wall = self.wall();
        let month = wall.month - 1 + months;
        let year = wall.year.saturating_add(years).saturating_add(month.div_euclid(12));
        let day = days_since_epoch(year, month.rem_euclid(12) + 1, 1) + wall.day - 1 + days;
        let seconds = day * 86_400 + wall.second_of_day - i64::from(self.zone.offset);
        Ok(Self { seconds, ..self.clone() }.into_value())
    }

    fn compare(&self, arguments: &[Value]) -> Result<std::cmp::Ordering, String> {
        let other = Self::of(arguments.any(0)).ok_or("expected time.Time")?;
        Ok((self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds)))
    }
}

fn name(names: &[&'static str], at: i64) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("???")
}

fn two(number: i64) -> String {
    format!("{number:02}")
}

/// Returns the days from 1970 to a date of the Gregorian calendar.
pub(super) fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns year, month and day of a number of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        use std::cmp::Ordering;
        let wall = self.wall();
        let nanoseconds = i64::from(self.nanoseconds);
        let scaled = |unit: i64| {
            Value::Int64(
                self.seconds.wrapping_mul(unit).wrapping_add(nanoseconds / (1_000_000_000 / unit)),
            )
        };
        let is = |order: Ordering| self.compare(arguments).map(|it| Value::Bool(it == order));
        Some(match method {
            "Format" => arguments.text(0).map(|it| Value::from(self.format(it))).map_err(|it| it.0),
            "String" => Ok(Value::from(self.display())),
            "Year" => Ok(Value::Int(wall.year)),
            "Month" => Ok(Value::from(name(&MONTHS, wall.month - 1))),
            "Day" => Ok(Value::Int(wall.day)),
            "YearDay" => Ok(Value::Int(wall.year_day)),
            "Weekday" => Ok(Value::from(name(&WEEKDAYS, wall.weekday))),
            "Hour" => Ok(Value::Int(wall.second_of_day / 3600)),
            "Minute" => Ok(Value::Int(wall.second_of_day / 60 % 60)),
            "Second" => Ok(Value::Int(wall.second_of_day % 60)),
            "Nanosecond" => Ok(Value::Int(nanoseconds)),
            "Unix" => Ok(Value::Int64(self.seconds)),
            "UnixMilli" => Ok(scaled(1_000)),
            "UnixMicro" => Ok(scaled(1_000_000)),
            "UnixNano" => Ok(scaled(1_000_000_000)),
            "UTC" => Ok(Self { zone: Zone::utc(), ..self.clone() }.into_value()),
            "IsZero" => {
                let zero = Self::zero();
                Ok(Value::Bool(self.seconds == zero.seconds && self.nanoseconds == 0))
            }
            "AddDate" => self.add_date(arguments),
            "Before" => is(Ordering::Less),
            "After" => is(Ordering::Greater),
            "Equal" => is(Ordering::Equal),
            _ => return None,
        })
    }

    fn display(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
