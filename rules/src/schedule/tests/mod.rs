//! Schedulers on small fleets, written down or drawn at random.

mod answers;
mod laws;
mod naive;
mod placement;

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{FileName, Place};

use super::{
    Candidates, Effect, Fleet, Placement, Preference, SCHEDULERS, Schedule, SchedulerSetting,
    Scheduling, SpreadConstraint, Taint, Tolerated, Toleration, WhenUnsatisfiable,
};
use crate::{
    Name,
    model::Target,
    resource::{ClusterType, Labels, Meta, SchedulingPolicy},
    selector::{LabelSelector, Operator, Requirement},
};

/// A fleet that owns what it holds.
#[derive(Clone, Debug, Default)]
struct Ship {
    cluster_types: BTreeMap<Name, ClusterType>,
    targets: BTreeMap<Name, Target>,
    policies: BTreeMap<Name, SchedulingPolicy>,
    candidates: Candidates,
    scheduling: Scheduling,
}

impl Ship {
    fn fleet(&self) -> Fleet<'_> {
        Fleet {
            cluster_types: &self.cluster_types,
            targets: &self.targets,
            policies: &self.policies,
            candidates: self.candidates,
            scheduling: &self.scheduling,
        }
    }

    fn with(mut self, cluster_types: Vec<ClusterType>, policies: Vec<SchedulingPolicy>) -> Self {
        self.cluster_types.extend(cluster_types.into_iter().map(|it| (it.meta.name.clone(), it)));
        self.policies.extend(policies.into_iter().map(|it| (it.meta.name.clone(), it)));
        self
    }

    fn aboard(mut self, targets: Vec<Target>) -> Self {
        self.targets.extend(targets.into_iter().map(|it| (it.name.clone(), it)));
        self
    }

    fn schedule(&self, scheduler: &str) -> Schedule {
        scheduler_named(scheduler).schedule(self.fleet())
    }

    /// Returns the cluster types of each target, by the scheduler `placement`.
    fn placed(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut placed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for it in self.schedule("placement").assignments {
            placed.entry(it.target.to_string()).or_default().insert(it.cluster_type.to_string());
        }
        placed
    }
}

fn scheduler_named(name: &str) -> &'static dyn super::Scheduler {
    SCHEDULERS.into_iter().find(|it| it.name() == name).unwrap()
}

/// What `wob.yaml` says: `scheduler: <name>`.
fn scheduling(name: &'static str) -> Scheduling {
    let setting = SchedulerSetting { name: Some(name), program: None, place: place("wob.yaml") };
    Scheduling { setting: Some(setting), answer: None }
}

fn place(file: &str) -> Place {
    Place::document(&FileName::new(file), 0)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Reads `a=1 b=2`.
fn labels(text: &str) -> Labels {
    let pairs = text.split_whitespace().map(|it| it.split_once('=').unwrap());
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn meta(text: &str, with: &str) -> Meta {
    Meta { name: name(text), labels: labels(with), place: place(text) }
}

fn cluster_type(text: &str, with: &str) -> ClusterType {
    ClusterType {
        meta: meta(text, with),
        reconciler: "flux".to_owned(),
        namespace_service: "default".to_owned(),
        config_type: "configmap".to_owned(),
        taints: vec![],
    }
}

/// Reads a taint as `kubectl` writes it: `key=value:Effect`.
fn taint(text: &str) -> Taint {
    let (key, effect) = text.split_once(':').unwrap();
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    let effect =
        [Effect::NoSchedule, Effect::PreferNoSchedule].into_iter().find(|it| it.as_str() == effect);
    Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.unwrap(),
        place: place("taint"),
    }
}

/// Reads `key=value`, `key` or nothing at all, each with an optional `:Effect`.
fn toleration(text: &str) -> Toleration {
    let (matches, effect) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
    let matches = match matches.split_once('=') {
        Some((key, value)) => Tolerated::Equal { key: key.to_owned(), value: value.to_owned() },
        None if matches.is_empty() => Tolerated::Everything,
        None => Tolerated::Key(matches.to_owned()),
    };
    Toleration { matches, effect: effect.map(|it| taint(&format!("x:{it}")).effect) }
}

fn target(text: &str, with: &str) -> Target {
    Target {
        name: name(text),
        workload: text.into(),
        workspace: "team".into(),
        environment: "dev".into(),
        labels: labels(with).into(),
        manifests: BTreeMap::new().into(),
        manifests_place: place("manifests"),
        config_schemas: vec![],
        tolerations: vec![],
        place: place(text),
    }
}

/// Reads `a=1 b=2` as `matchLabels`.
fn selector(text: &str) -> LabelSelector {
    let requirement = |(key, value)| Requirement {
        key,
        operator: Operator::In(BTreeSet::from([value])),
        place: place("selector"),
    };
    LabelSelector { requirements: labels(text).into_iter().map(requirement).collect() }
}

fn policy(text: &str, targets: &str, cluster_types: &str) -> SchedulingPolicy {
    SchedulingPolicy {
        meta: meta(text, ""),
        workspace: None,
        targets: selector(targets),
        cluster_types: selector(cluster_types),
        placement: None,
    }
}

fn placement(number: Option<u32>) -> Placement {
    Placement {
        number,
        preferences: vec![],
        spread: vec![],
        tolerations: vec![],
        place: place("placement"),
    }
}

fn prefer(weight: i64, with: &str) -> Preference {
    Preference { weight, selector: selector(with), place: place("preference") }
}

fn spread(key: &str, max_skew: u32, when_unsatisfiable: WhenUnsatisfiable) -> SpreadConstraint {
    let place = place("spread");
    SpreadConstraint { key: key.to_owned(), max_skew, when_unsatisfiable, place }
}
