//! What the scheduler `placement` reads of policies, cluster types and targets.
//!
//! The names are those of Kubernetes and of the multi-cluster schedulers that borrow them; docs/guides/new-scheduler.md
//! says from where each comes.

use std::fmt;

use wob_engine::Place;

use crate::selector::LabelSelector;

/// `SchedulingPolicy.spec.placement`: on how many of the selected cluster types a target runs, and on which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// `numberOfClusterTypes`: the most that each target gets, at least 1; `None` for all that are left.
    pub number: Option<u32>,
    /// `preferences`, in written order.
    pub preferences: Vec<Preference>,
    /// `topologySpreadConstraints`, in written order.
    pub spread: Vec<SpreadConstraint>,
    /// `tolerations`, for every target that the policy selects.
    pub tolerations: Vec<Toleration>,
    /// Where the mapping stands.
    pub place: Place,
}

/// One of `placement.preferences`: cluster types that match are worth more, or less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What a match adds to the score: -100 to 100.
    pub weight: i64,
    /// `labelSelector`; may compare numbers.
    pub selector: LabelSelector,
    /// Where it stands.
    pub place: Place,
}

/// One of `placement.topologySpreadConstraints`: keeps the values of a label of the cluster types in balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// `topologyKey`: the label whose values are the domains.
    pub key: String,
    /// `maxSkew`, at least 1: how many more cluster types a domain may have than the one with the fewest.
    pub max_skew: u32,
    /// `whenUnsatisfiable`.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Where it stands.
    pub place: Place,
}

/// What becomes of a cluster type that would break a [`SpreadConstraint`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnsatisfiable {
    /// It is not chosen.
    #[default]
    DoNotSchedule,
    /// It is chosen after those that would not.
    ScheduleAnyway,
}

/// One of `ClusterType.spec.taints`: keeps away the targets that do not tolerate it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// The key.
    pub key: String,
    /// The value; may be empty.
    pub value: String,
    /// What it does to targets that do not tolerate it.
    pub effect: Effect,
    /// Where it stands.
    pub place: Place,
}

/// What a [`Taint`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The cluster type is not chosen.
    NoSchedule,
    /// The cluster type is chosen last.
    PreferNoSchedule,
}

/// One of the `tolerations` of a policy or a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Which keys and values.
    pub matches: Tolerated,
    /// The effect; `None` for every one.
    pub effect: Option<Effect>,
}

/// The taints that a [`Toleration`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tolerated {
    /// Operator `Exists` without a key: all.
    Everything,
    /// Operator `Exists`: those with this key.
    Key(String),
    /// Operator `Equal`: those with this key and value.
    Equal {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
}

impl WhenUnsatisfiable {
    /// Returns the word in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DoNotSchedule => "DoNotSchedule",
            Self::ScheduleAnyway => "ScheduleAnyway",
        }
    }
}

impl Effect {
    /// Returns the word in taints and tolerations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
        }
    }
}

impl Toleration {
    /// Says whether a target with this toleration may run where `taint` is.
    ///
    /// Source: Kubernetes' taints and tolerations; an absent effect tolerates every effect.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let matches = match &self.matches {
            Tolerated::Everything => true,
            Tolerated::Key(key) => *key == taint.key,
            Tolerated::Equal { key, value } => *key == taint.key && *value == taint.value,
        };
        matches && self.effect.is_none_or(|it| it == taint.effect)
    }
}

/// As `kubectl` writes taints: `key=value:Effect`.
impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if !self.value.is_empty() {
            write!(f, "={}", self.value)?;
        }
        write!(f, ":{}", self.effect.as_str())
    }
}
