//! Semantic versions: parsing, order, and the object that `semver` answers.

use std::{any::Any, cmp::Ordering, rc::Rc, sync::LazyLock};

use regex::Regex;

use super::{
    arguments::{Answer, Arguments, failure},
    constraint::Constraint,
    table::{Entry, pure},
};
use crate::{FunctionError, Object, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("semver", pure(1, 1, |a| Ok(Value::Object(Rc::new(Version::parse(a.text(0)?)?))))),
    ("semverCompare", pure(2, 2, compare)),
];

/// A pre-release and build metadata, as they follow the numbers.
pub(super) const SUFFIX: &str =
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?";

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{SUFFIX}$"))
        .expect("because the expression is written here")
});

fn compare(arguments: &[Value]) -> Answer {
    let constraint = Constraint::parse(arguments.text(0)?)?;
    Ok(Value::Bool(constraint.allows(&Version::parse(arguments.text(1)?)?)))
}

/// A semantic version; minor and patch may be left out, and a `v` may stand before it.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: String,
    metadata: String,
    original: String,
    type_name: &'static str,
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, FunctionError> {
        let found = VERSION.captures(text).ok_or_else(|| failure("Invalid Semantic Version"))?;
        let part = |at: usize| found.get(at).map_or("", |it| it.as_str());
        let number = |at: usize| match part(at) {
            "" => Ok(0),
            digits => digits.parse().map_err(|_| {
                failure(format!("Error parsing version segment: `{digits}` is too large"))
            }),
        };
        let version = Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            prerelease: part(4).to_owned(),
            metadata: part(5).to_owned(),
            original: text.to_owned(),
            type_name: "*semver.Version",
        };
        let padded = |it: &str| it.len() > 1 && it.starts_with('0') && is_number(it);
        if version.prerelease.split('.').any(padded) {
            return Err(failure("Version segment starts with 0"));
        }
        Ok(version)
    }

    /// Orders by precedence; metadata does not count.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => order_of_prereleases(&self.prerelease, &other.prerelease),
            })
    }

    /// Makes the next version, a value and no pointer in Go.
    fn next(&self, step: Step) -> Self {
        let mut next = Self {
            prerelease: String::new(),
            metadata: String::new(),
            type_name: "semver.Version",
            ..self.clone()
        };
        match step {
            Step::Major => {
                (next.major, next.minor, next.patch) = (self.major.wrapping_add(1), 0, 0);
            }
            Step::Minor => (next.minor, next.patch) = (self.minor.wrapping_add(1), 0),
            // A pre-release comes before its version, which is therefore the next one.
            Step::Patch if !self.prerelease.is_empty() => {}
            Step::Patch => next.patch = self.patch.wrapping_add(1),
        }
        next.renamed()
    }

    fn with(&self, prerelease: &str, metadata: &str) -> Result<Self, String> {
        let is_part =
            |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !(prerelease.is_empty() || prerelease.split('.').all(is_part)) {
            return Err("Invalid Prerelease string".into());
        }
        if !(metadata.is_empty() || metadata.split('.').all(is_part)) {
            return Err("Invalid Metadata string".into());
        }
        let next = Self {
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            type_name: "semver.Version",
            ..self.clone()
        };
        Ok(next.renamed())
    }

    fn renamed(mut self) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{prefix}{}", self.display());
        self
    }
}

#[derive(Clone, Copy)]
enum Step {
    Major,
    Minor,
    Patch,
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_digit())
}

/// Orders dotted parts: numbers by value and before names, and more parts after fewer.
pub(super) fn order_of_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let number = |it: u64| Ok(Value::Int64(i64::try_from(it).unwrap_or(i64::MAX)));
        let object = |it: Self| Ok(Value::Object(Rc::new(it)));
        let other = || version_of(arguments.any(0));
        let word = || arguments.text(0).map_err(|error| error.0);
        Some(match method {
            "Major" => number(self.major),
            "Minor" => number(self.minor),
            "Patch" => number(self.patch),
            "Prerelease" => Ok(Value::from(&*self.prerelease)),
            "Metadata" => Ok(Value::from(&*self.metadata)),
            "Original" => Ok(Value::from(&*self.original)),
            "String" => Ok(Value::from(self.display())),
            "IncMajor" => object(self.next(Step::Major)),
            "IncMinor" => object(self.next(Step::Minor)),
            "IncPatch" => object(self.next(Step::Patch)),
            "SetPrerelease" => word().and_then(|it| self.with(it, &self.metadata)).and_then(object),
            "SetMetadata" => word().and_then(|it| self.with(&self.prerelease, it)).and_then(object),
            "Compare" => other().map(|it| Value::Int(self.order(&it) as i64)),
            "Equal" => other().map(|it| Value::Bool(self.order(&it) == Ordering::Equal)),
            "LessThan" => other().map(|it| Value::Bool(self.order(&it) == Ordering::Less)),
            "GreaterThan" => other().map(|it| Value::Bool(self.order(&it) == Ordering::Greater)),
            _ => return None,
        })
    }

    fn display(&self) -> String {
        let mut out = format!("{}.{}.{}", self.major, self.minor, self.patch);
        if !self.prerelease.is_empty() {
            out = format!("{out}-{}", self.prerelease);
        }
        if !self.metadata.is_empty() {
            out = format!("{out}+{}", self.metadata);
        }
        out
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn version_of(value: &Value) -> Result<Version, String> {
    let version = if let Value::Object(object) = value {
        object.as_any().downcast_ref::<Version>().cloned()
    } else {
        None
    };
    version.ok_or_else(|| "expected *semver.Version".into())
}
