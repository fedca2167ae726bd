//! Go's date layouts: the reference time `Mon Jan 2 15:04:05 MST 2006`, cut into elements.

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumericMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpacedDay,
    ZeroDay,
    SpacedYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(Offset),
    /// Decimals of a second: as many as written.
    Decimals(usize),
    /// Decimals of a second without zeros at the end.
    TrimmedDecimals(usize),
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// Whether `Z` stands for no offset.
    pub(super) utc: Utc,
    /// Hours only, or minutes too, or seconds too.
    pub(super) fields: usize,
    /// What stands between the fields.
    pub(super) separator: &'static str,
}

/// How an offset of zero is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Utc {
    Letter,
    Digits,
}

/// A layout cut at its first element.
pub(super) struct Cut<'a> {
    /// What stands before the element.
    pub(super) before: &'a str,
    pub(super) element: Option<Element>,
    /// The element as written.
    pub(super) written: &'a str,
    /// What follows it.
    pub(super) after: &'a str,
}

/// Finds the first element of a layout.
pub(super) fn cut(layout: &str) -> Cut<'_> {
    for (at, _) in layout.char_indices() {
        if let Some((element, length)) = element(&layout[at..]) {
            return Cut {
                before: &layout[..at],
                element: Some(element),
                written: &layout[at..at + length],
                after: &layout[at + length..],
            };
        }
    }
    Cut { before: layout, element: None, written: "", after: "" }
}

/// Longer spellings come first.
const SPELLINGS: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumericMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::SpacedYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
];

/// The spellings of offsets behind `-07` and `Z07`, longest first.
const OFFSETS: &[(&str, usize, &str)] =
    &[("0000", 3, ""), (":00:00", 3, ":"), ("00", 2, ""), (":00", 2, ":"), ("", 1, "")];

fn element(layout: &str) -> Option<(Element, usize)> {
    if let Some((spelling, element)) = SPELLINGS.iter().find(|(it, _)| layout.starts_with(it)) {
        return Some((*element, spelling.len()));
    }
    // A short name must end there: `Mondial` is no day.
    for (spelling, element) in [("Jan", Element::Month), ("Mon", Element::Weekday)] {
        if let Some(after) = layout.strip_prefix(spelling)
            && !after.starts_with(|c: char| c.is_ascii_lowercase())
        {
            return Some((element, spelling.len()));
        }
    }
    if layout.starts_with("_2") && !layout.starts_with("_2006") {
        return Some((Element::SpacedDay, 2));
    }
    for (start, utc) in [("-07", Utc::Digits), ("Z07", Utc::Letter)] {
        if let Some(after) = layout.strip_prefix(start) {
            let (rest, fields, separator) = OFFSETS.iter().find(|it| after.starts_with(it.0))?;
            let offset = Offset { utc, fields: *fields, separator };
            return Some((Element::Offset(offset), start.len() + rest.len()));
        }
    }
    decimals(layout)
}

fn decimals(layout: &str) -> Option<(Element, usize)> {
    let after = layout.strip_prefix(['.', ','])?;
    let digit = after.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = after.len() - after.trim_start_matches(digit).len();
    if after[count..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let element =
        if digit == '0' { Element::Decimals(count) } else { Element::TrimmedDecimals(count) };
    Some((element, 1 + count))
}
