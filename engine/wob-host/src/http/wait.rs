//! Waiting for a host that is busy or broken: as long as it asks, twice as long each time, and not for ever.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Method, Response};
use crate::{Interrupt, Interrupted};

/// How long somebody waits for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often to ask at most.
    pub attempts: u32,
    /// How long to wait before the second time, unless the host says it; each further time twice as long.
    pub first_wait: Duration,
    /// How long to wait at most, whatever the host says.
    pub longest_wait: Duration,
}

/// What an answer says about asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It may help, and nothing says when.
    Anytime,
    /// It helps after this time.
    After(Duration),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    After(Duration),
    /// It was asked often enough.
    Never,
    /// The host asks for more than there is patience.
    TooLong(Duration),
}

/// How often somebody asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    patience: Patience,
    asked: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(90),
        }
    }
}

impl Patience {
    pub(super) fn begin(self) -> Waits {
        Waits { patience: self, asked: 1 }
    }
}

impl Waits {
    pub(super) fn next(&mut self, asked: Asked) -> Next {
        let Patience { attempts, first_wait, longest_wait } = self.patience;
        let wait = match asked {
            Asked::After(time) if time > longest_wait => return Next::TooLong(time),
            Asked::After(time) => time,
            Asked::Anytime => {
                first_wait.saturating_mul(1 << (self.asked - 1).min(16)).min(longest_wait)
            }
        };
        if self.asked >= attempts {
            return Next::Never;
        }
        self.asked += 1;
        Next::After(wait)
    }
}

/// Returns what `response` says about asking again; none if that would not help, or might do something twice.
pub(super) fn asked(method: Method, response: &Response) -> Option<Asked> {
    let number = |name: &str| response.headers.get(name)?.trim().parse::<u64>().ok();
    let retry_after = response.headers.get("retry-after").and_then(|it| retry_after(it));
    let reset = || {
        let used_up = number("x-ratelimit-remaining").or(number("ratelimit-remaining")) == Some(0);
        let at = number("x-ratelimit-reset").or(number("ratelimit-reset")).filter(|_| used_up)?;
        Some(Duration::from_secs(at.saturating_sub(now_s())))
    };
    match response.status {
        // It did nothing, and says so.
        429 => Some(retry_after.or_else(reset).map_or(Asked::Anytime, Asked::After)),
        // GitHub says so of a rate limit too; without either header it is about permissions.
        403 => retry_after.or_else(reset).map(Asked::After),
        503 if retry_after.is_some() => retry_after.map(Asked::After),
        408 | 500 | 502 | 503 | 504 if method.may_be_repeated() => Some(Asked::Anytime),
        _ => None,
    }
}

/// Reads seconds, or the one date format that HTTP still allows to be sent.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = date_s(text.trim())?;
    Some(Duration::from_secs(at.saturating_sub(now_s())))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since 1970.
fn date_s(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = *words.as_slice() else {
        return None;
    };
    let number = |it: &str| it.parse::<u64>().ok();
    let (day, year) = (number(day).filter(|it| (1..=31).contains(it))?, number(year)?);
    let month = u64::try_from(MONTHS.iter().position(|it| *it == month)?).ok()? + 1;
    if !(1970..=9999).contains(&year) {
        return None;
    }
    // Days of the civil calendar, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + number(hour)?) * 60 + number(minute)?) * 60 + number(second)?)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// Waits, unless the user stops it.
pub(super) fn sleep(time: Duration, interrupt: &Interrupt) -> Result<(), Interrupted> {
    interrupt.sleep(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Response { status, headers, body: vec![] }
    }

    #[test]
    fn only_what_may_be_done_twice_is_asked_again() {
        let after = |s| Some(Asked::After(Duration::from_secs(s)));
        let anytime = Some(Asked::Anytime);
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        for (method, status, headers, expected) in [
            (Method::Get, 500, &[][..], anytime),
            (Method::Post, 500, &[], None),
            (Method::Post, 502, &[], None),
            (Method::Post, 503, &[("retry-after", "3")], after(3)),
            (Method::Post, 429, &[("retry-after", "7")], after(7)),
            (Method::Post, 429, &[("retry-after", "soon")], anytime),
            (Method::Post, 403, &used_up, after(0)),
            (Method::Get, 403, &[("x-ratelimit-remaining", "5")], None),
            (Method::Get, 404, &[], None),
            (Method::Get, 200, &[("retry-after", "7")], None),
        ] {
            assert_eq!(asked(method, &answer(status, headers)), expected, "{method:?} {status}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let second = Duration::from_secs(1);
        let patience = Patience { attempts: 4, first_wait: second, longest_wait: 3 * second };
        let mut waits = patience.begin();
        assert_eq!(waits.next(Asked::Anytime), Next::After(second));
        assert_eq!(waits.next(Asked::Anytime), Next::After(2 * second));
        assert_eq!(waits.next(Asked::Anytime), Next::After(3 * second));
        assert_eq!(waits.next(Asked::Anytime), Next::Never);
        let mut waits = patience.begin();
        assert_eq!(waits.next(Asked::After(4 * second)), Next::TooLong(4 * second));
    }

    #[test]
    fn dates_of_http_are_understood() {
        assert_eq!(date_s("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date_s("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date_s("Tue, 29 Feb 2028 12:00:00 GMT"), Some(1_835_438_400));
        for text in ["", "Sun, 06 Nov 94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "a b c"] {
            assert_eq!(date_s(text), None, "{text}");
        }
    }
}
