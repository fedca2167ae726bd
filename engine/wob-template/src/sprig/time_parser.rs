//! Reading dates by a layout, as Go's `time.Parse` does.

use super::{
    arguments::failure,
    layout::{Element, Offset, Utc, cut},
    print::quote,
    time::{MONTHS, Time, WEEKDAYS, Zone, days_since_epoch},
};
use crate::FunctionError;

/// Reads a date; what the layout does not say is zero or one, and the zone is UTC.
///
/// # Errors
/// The text does not follow the layout, or there is no such date.
pub(super) fn parse(layout: &str, written: &str) -> Result<Time, FunctionError> {
    let mut parser = Parser { rest: written, found: Found::default() };
    let read = parser.follow(layout).and_then(|()| parser.found.time());
    read.map_err(|problem| {
        failure(format!("parsing time {} as {}: {problem}", quote(written), quote(layout)))
    })
}

/// What went wrong, without the texts.
type Problem = String;

#[derive(Default)]
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    half: Option<Half>,
    offset: Option<i32>,
    zone: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

struct Parser<'a> {
    rest: &'a str,
    found: Found,
}

impl Parser<'_> {
    fn follow(&mut self, layout: &str) -> Result<(), Problem> {
        let mut layout = layout;
        loop {
            let next = cut(layout);
            self.skip(next.before)?;
            let Some(element) = next.element else { break };
            self.read(element)?;
            let is_second = matches!(element, Element::Second | Element::ZeroSecond);
            if is_second
                && !matches!(
                    cut(next.after).element,
                    Some(Element::Decimals(_) | Element::TrimmedDecimals(_))
                )
            {
                // Decimals may follow a second even if the layout has none.
                self.trimmed_decimals()?;
            }
            layout = next.after;
        }
        if self.rest.is_empty() { Ok(()) } else { Err(format!("extra text: {}", quote(self.rest))) }
    }

    /// Skips what stands between elements; a space stands for any number of them.
    fn skip(&mut self, between: &str) -> Result<(), Problem> {
        let mut between = between;
        while let Some(c) = between.chars().next() {
            if c == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return Err(format!("cannot parse {} as {}", quote(self.rest), quote(between)));
                }
                between = between.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
                continue;
            }
            let Some(rest) = self.rest.strip_prefix(c) else {
                return Err(format!("cannot parse {} as {}", quote(self.rest), quote(between)));
            };
            self.rest = rest;
            between = &between[c.len_utf8()..];
        }
        Ok(())
    }

    fn read(&mut self, element: Element) -> Result<(), Problem> {
        match element {
            Element::Year => {
                let year = self.digits(2, 2)?;
                self.found.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Element::LongYear => self.found.year = self.digits(4, 4)?,
            Element::LongMonth => self.found.month = Some(self.name(&MONTHS, None)?),
            Element::Month => self.found.month = Some(self.name(&MONTHS, Some(3))?),
            Element::NumericMonth => self.month(1)?,
            Element::ZeroMonth => self.month(2)?,
            Element::LongWeekday => drop(self.name(&WEEKDAYS, None)?),
            Element::Weekday => drop(self.name(&WEEKDAYS, Some(3))?),
            Element::Day => self.found.day = Some(self.digits(1, 2)?),
            Element::SpacedDay => {
                self.spaces(1);
                self.found.day = Some(self.digits(1, 2)?);
            }
            Element::ZeroDay => self.found.day = Some(self.digits(2, 2)?),
            Element::SpacedYearDay => {
                self.spaces(2);
                self.found.year_day = Some(self.digits(1, 3)?);
            }
            Element::ZeroYearDay => self.found.year_day = Some(self.digits(3, 3)?),
            Element::Hour => self.found.hour = self.below(1, 24, "hour")?,
            Element::Hour12 => self.found.hour = self.below(1, 13, "hour")?,
            Element::ZeroHour12 => self.found.hour = self.below(2, 13, "hour")?,
            Element::Minute => self.found.minute = self.below(1, 60, "minute")?,
            Element::ZeroMinute => self.found.minute = self.below(2, 60, "minute")?,
            Element::Second => self.found.second = self.below(1, 60, "second")?,
            Element::ZeroSecond => self.found.second = self.below(2, 60, "second")?,
            Element::UpperHalf => self.half("AM", "PM")?,
            Element::LowerHalf => self.half("am", "pm")?,
            Element::ZoneName => self.zone()?,
            Element::Offset(style) => self.offset(style)?,
            Element::Decimals(places) => self.decimals(places)?,
            Element::TrimmedDecimals(_) => self.trimmed_decimals()?,
        }
        Ok(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Result<i64, Problem> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return Err(format!("cannot parse {} as a number", quote(self.rest)));
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        digits.parse().map_err(|_| "a number is missing".into())
    }

    fn below(&mut self, least: usize, end: i64, what: &str) -> Result<i64, Problem> {
        let number = self.digits(least, 2)?;
        if number < end { Ok(number) } else { Err(format!("{what} out of range")) }
    }

    fn month(&mut self, least: usize) -> Result<(), Problem> {
        let month = self.digits(least, 2)?;
        if !(1..=12).contains(&month) {
            return Err("month out of range".into());
        }
        self.found.month = Some(month);
        Ok(())
    }

    fn spaces(&mut self, most: usize) {
        for _ in 0..most {
            self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        }
    }

    /// Reads a name in any case, or its first letters; answers its position from one.
    fn name(&mut self, names: &[&str], letters: Option<usize>) -> Result<i64, Problem> {
        for (at, name) in (1..).zip(names) {
            let name = &name[..letters.unwrap_or(name.len())];
            if self.rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Ok(at);
            }
        }
        Err(format!("cannot parse {} as a name", quote(self.rest)))
    }

    fn half(&mut self, morning: &str, afternoon: &str) -> Result<(), Problem> {
        for (word, half) in [(morning, Half::Morning), (afternoon, Half::Afternoon)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                self.found.half = Some(half);
                return Ok(());
            }
        }
        Err(format!("cannot parse {} as {}", quote(self.rest), quote(afternoon)))
    }

    fn offset(&mut self, style: Offset) -> Result<(), Problem> {
        if style.utc == Utc::Letter
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            self.found.offset = Some(0);
            return Ok(());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        let Some(rest) = self.rest.strip_prefix(['+', '-']) else {
            return Err(format!("cannot parse {} as an offset", quote(self.rest)));
        };
        self.rest = rest;
        let mut seconds = 0;
        for (at, (unit, end)) in [(3600, 25), (60, 60), (1, 60)].into_iter().enumerate() {
            if at == style.fields {
                break;
            }
            if at > 0 {
                self.skip(style.separator)?;
            }
            seconds += unit * self.below(2, end, "time zone offset")?;
        }
        self.found.offset = i32::try_from(sign * seconds).ok();
        Ok(())
    }

    /// Reads an abbreviation: `UTC`, three to five capitals, or an offset such as `+03`.
    fn zone(&mut self) -> Result<(), Problem> {
        let length = zone_length(self.rest)
            .ok_or_else(|| format!("cannot parse {} as \"MST\"", quote(self.rest)))?;
        let (zone, rest) = self.rest.split_at(length);
        self.rest = rest;
        if zone == "UTC" {
            self.found.offset = Some(0);
        } else {
            self.found.zone = Some(zone.to_owned());
        }
        Ok(())
    }

    fn decimals(&mut self, places: usize) -> Result<(), Problem> {
        let Some(rest) = self.rest.strip_prefix(['.', ',']) else {
            return Err(format!("cannot parse {} as decimals", quote(self.rest)));
        };
        let digits = rest.get(..places).filter(|it| it.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits else {
            return Err(format!("cannot parse {} as decimals", quote(self.rest)));
        };
        self.found.nanoseconds = nanoseconds(digits)?;
        self.rest = &rest[places..];
        Ok(())
    }

    /// Reads decimals if there are any.
    fn trimmed_decimals(&mut self) -> Result<(), Problem> {
        let Some(rest) = self.rest.strip_prefix(['.', ',']) else { return Ok(()) };
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Ok(());
        }
        self.found.nanoseconds = nanoseconds(&rest[..count])?;
        self.rest = &rest[count..];
        Ok(())
    }
}

fn nanoseconds(digits: &str) -> Result<u32, Problem> {
    let digits = &digits[..digits.len().min(9)];
    format!("{digits:0<9}").parse().map_err(|_| "fractional second out of range".into())
}

fn zone_length(text: &str) -> Option<usize> {
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    let signed = |at: usize| {
        let after = text.get(at..)?.strip_prefix(['+', '-'])?;
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        after[..count].parse().ok().filter(|hours: &u32| *hours < 24).map(|_| at + 1 + count)
    };
    if text.starts_with("GMT") {
        return Some(signed(3).unwrap_or(3));
    }
    if text.starts_with(['+', '-']) {
        return signed(0);
    }
    let capitals = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match capitals {
        3 => Some(3),
        4 if text[..4].ends_with('T') || text.starts_with("WITA") => Some(4),
        5 if text[..5].ends_with('T') => Some(5),
        _ => None,
    }
}

impl Found {
    fn time(&self) -> Result<Time, Problem> {
        let days = self.days()?;
        let hour = match self.half {
            Some(Half::Afternoon) if self.hour < 12 => self.hour + 12,
            Some(Half::Morning) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let wall = days * 86_400 + hour * 3600 + self.minute * 60 + self.second;
        let at = |seconds, zone| Time { seconds, nanoseconds: self.nanoseconds, zone };
        if let Some(offset) = self.offset {
            let zone = match &self.zone {
                None if offset == 0 => Zone::utc(),
                name => Zone { name: name.as_deref().unwrap_or("").into(), offset },
            };
            return Ok(at(wall - i64::from(offset), zone));
        }
        let Some(name) = &self.zone else { return Ok(at(wall, Zone::utc())) };
        // Only `GMT+3` tells its offset; any other abbreviation is kept as a name.
        let hours: i32 = name.strip_prefix("GMT").and_then(|it| it.parse().ok()).unwrap_or(0);
        Ok(at(wall, Zone { name: name.as_str().into(), offset: hours * 3600 }))
    }

    fn days(&self) -> Result<i64, Problem> {
        let start = days_since_epoch(self.year, 1, 1);
        let Some(year_day) = self.year_day else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            let first = days_since_epoch(self.year, month, 1);
            let next = days_since_epoch(self.year + month / 12, month % 12 + 1, 1);
            if day < 1 || day > next - first {
                return Err("day out of range".into());
            }
            return Ok(first + day - 1);
        };
        if year_day < 1 || year_day > days_since_epoch(self.year + 1, 1, 1) - start {
            return Err("day-of-year out of range".into());
        }
        let days = start + year_day - 1;
        if let Some(month) = self.month {
            let first = days_since_epoch(self.year, month, 1);
            let next = days_since_epoch(self.year + month / 12, month % 12 + 1, 1);
            let agrees =
                (first..next).contains(&days) && self.day.is_none_or(|it| first + it - 1 == days);
            if !agrees {
                return Err("day-of-year does not match month or day".into());
            }
        }
        Ok(days)
    }
}
