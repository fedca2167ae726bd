//! Version constraints: `>=1.2 <2 || ~3.1`, `1.x`, `^0.2`, `1.2 - 1.4`.

use std::{cmp::Ordering, sync::LazyLock};

use regex::Regex;

use super::{
    arguments::failure,
    semver::{SUFFIX, Version, order_of_prereleases},
};
use crate::FunctionError;

/// The most bytes of a constraint.
const LONGEST: usize = 4096;

/// Alternatives, each a list of conditions that must all hold.
pub(super) struct Constraint(Vec<Vec<Condition>>);

struct Condition {
    operator: Operator,
    bound: Version,
    precision: Precision,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How much of the bound was written; the rest was left out or is an `x`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Nothing,
    Major,
    Minor,
    Patch,
}

struct Grammar {
    one: Regex,
    each: Regex,
    all: Regex,
    range: Regex,
}

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    let space = r"[\t\n\f\r ]";
    let part = r"[0-9|xX*]+";
    let bound = format!(r"v?({part})(?:\.({part}))?(?:\.({part}))?{SUFFIX}");
    let silent = bound.replace("?:", "").replace('(', "(?:");
    let operator = r"!=|>=|=>|<=|=<|~>|[=<>~^]|";
    let compile = |it: &str| Regex::new(it).expect("because the expression is written here");
    Grammar {
        one: compile(&format!(r"^{space}*({operator}){space}*{bound}{space}*$")),
        each: compile(&format!(r"(?:{operator}){space}*{silent}")),
        all: compile(&format!(
            r"^{space}*(?:{operator}){space}*{silent}{space}*(?:(?:{space}+|,{space}*)(?:{operator}){space}*{silent}{space}*)*$"
        )),
        range: compile(&format!(r"{space}*({silent}){space}+-{space}+({silent}){space}*")),
    }
});

impl Constraint {
    pub(super) fn parse(text: &str) -> Result<Self, FunctionError> {
        if text.len() > LONGEST {
            return Err(failure(format!("a constraint of more than {LONGEST} bytes")));
        }
        let text = GRAMMAR.range.replace_all(text, ">= $1, <= $2");
        text.split("||").map(conditions).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|all| all.iter().all(|it| it.allows(version)))
    }
}

fn conditions(text: &str) -> Result<Vec<Condition>, FunctionError> {
    if !GRAMMAR.all.is_match(text) {
        return Err(failure(format!("improper constraint: {text}")));
    }
    GRAMMAR.each.find_iter(text).map(|it| Condition::parse(it.as_str())).collect()
}

impl Condition {
    fn parse(text: &str) -> Result<Self, FunctionError> {
        let wrong = || failure(format!("improper constraint: {text}"));
        let found = GRAMMAR.one.captures(text).ok_or_else(wrong)?;
        let part = |at: usize| found.get(at).map_or("", |it| it.as_str());
        let open = |at: usize| matches!(part(at), "" | "x" | "X" | "*");
        let prerelease = if part(5).is_empty() { String::new() } else { format!("-{}", part(5)) };
        let (precision, numbers) = if open(2) {
            (Precision::Nothing, "0.0.0".into())
        } else if open(3) {
            (Precision::Major, format!("{}.0.0", part(2)))
        } else if open(4) {
            (Precision::Minor, format!("{}.{}.0", part(2), part(3)))
        } else {
            (Precision::Patch, format!("{}.{}.{}", part(2), part(3), part(4)))
        };
        let bound = Version::parse(&format!("{numbers}{prerelease}"))
            .map_err(|_| failure("constraint Parser Error"))?;
        Ok(Self { operator: operator(part(1)), bound, precision })
    }

    fn allows(&self, version: &Version) -> bool {
        let names_prereleases = !self.bound.prerelease.is_empty();
        let whole = self.precision == Precision::Patch;
        if !version.prerelease.is_empty() && !names_prereleases {
            // Only those who ask for pre-releases get them; but `!=` is asked about one version alone.
            return self.operator == Operator::NotEqual && whole && self.differs(version);
        }
        let order = version.order(&self.bound);
        match self.operator {
            Operator::Equal if whole => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => self.exceeds(version),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::LessOrEqual => self.at_most(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn differs(&self, version: &Version) -> bool {
        let bound = &self.bound;
        match self.precision {
            // A bound without any number is 0.0.0 here, with nothing left open.
            Precision::Patch | Precision::Nothing => version.order(bound) != Ordering::Equal,
            Precision::Major => bound.major != version.major,
            Precision::Minor => {
                (bound.major, bound.minor) != (version.major, version.minor)
                    || order_of_prereleases(&version.prerelease, &bound.prerelease)
                        != Ordering::Equal
            }
        }
    }

    fn exceeds(&self, version: &Version) -> bool {
        match self.precision {
            Precision::Patch | Precision::Nothing => {
                version.order(&self.bound) == Ordering::Greater
            }
            // `>11` begins with 12, and `>11.1` with 11.2.
            Precision::Major => version.major > self.bound.major,
            Precision::Minor => {
                (version.major, version.minor) > (self.bound.major, self.bound.minor)
            }
        }
    }

    fn at_most(&self, version: &Version) -> bool {
        match self.precision {
            Precision::Patch => version.order(&self.bound) != Ordering::Greater,
            Precision::Major => version.major <= self.bound.major,
            Precision::Minor | Precision::Nothing => {
                (version.major, version.minor) <= (self.bound.major, self.bound.minor)
            }
        }
    }

    fn tilde(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if version.order(bound) == Ordering::Less {
            return false;
        }
        let zero = (bound.major, bound.minor, bound.patch) == (0, 0, 0);
        if zero && matches!(self.precision, Precision::Nothing | Precision::Patch) {
            return true;
        }
        version.major == bound.major
            && (version.minor == bound.minor || self.precision == Precision::Major)
    }

    fn caret(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if version.order(bound) == Ordering::Less {
            return false;
        }
        // The first number that is not zero must stay.
        if bound.major > 0 || self.precision == Precision::Major {
            return version.major == bound.major;
        }
        if version.major > 0 {
            return false;
        }
        if bound.minor > 0 || self.precision == Precision::Minor {
            return version.minor == bound.minor;
        }
        version.minor == 0 && version.patch == bound.patch
    }
}

fn operator(text: &str) -> Operator {
    match text {
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        "<" => Operator::Less,
        ">=" | "=>" => Operator::GreaterOrEqual,
        "<=" | "=<" => Operator::LessOrEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => Operator::Equal,
    }
}
