//! Kubernetes label selectors.

use std::{collections::BTreeSet, fmt};

use wob_engine::Place;

use crate::resource::Labels;

/// `matchLabels` and `matchExpressions`, all of which must hold; empty selects everything.
///
/// Source: `metav1.LabelSelector`; design rule 2.3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// The requirements, in written order, `matchLabels` first.
    pub requirements: Vec<Requirement>,
}

/// One clause of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is asked of its value.
    pub operator: Operator,
    /// Where the clause stands.
    pub place: Place,
}

/// What a clause asks of a label; prints as what is wanted: `` `west` or `east` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there, with one of these values.
    In(BTreeSet<String>),
    /// The label is absent, or has none of these values.
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label is a whole number above this one; only preferences ask so.
    Gt(i64),
    /// The label is a whole number below this one; only preferences ask so.
    Lt(i64),
}

impl LabelSelector {
    /// Says whether `labels` meet every clause.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|it| it.matches(labels))
    }
}

impl Requirement {
    /// Says whether `labels` meet this clause.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.key).map(String::as_str))
    }

    /// Says whether `value`, that of the clause's label, meets this clause.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|it| it.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|it| values.contains(it)),
            Operator::NotIn(values) => value.is_none_or(|it| !values.contains(it)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt(bound) => number().is_some_and(|it| it > *bound),
            Operator::Lt(bound) => number().is_some_and(|it| it < *bound),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| {
            values.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::In(values) => f.write_str(&list(values)),
            Self::NotIn(values) => write!(f, "anything but {}", list(values)),
            Self::Exists => f.write_str("any value"),
            Self::DoesNotExist => f.write_str("no such label"),
            Self::Gt(bound) => write!(f, "a number above {bound}"),
            Self::Lt(bound) => write!(f, "a number below {bound}"),
        }
    }
}
