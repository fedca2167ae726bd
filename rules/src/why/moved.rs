//! Why an assignment is there on one side of a comparison only: which lines that decide about it the other side lacks.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Database, Place};

use super::{Cause, Side, TemplatePlace, case::Case};
use crate::{
    Assignment, EnvironmentInput, Model, Name, Target,
    resource::{ClusterType, SchedulingPolicy},
    selector::LabelSelector,
};

/// What decides about assignments, without places, so that it can be compared with another state of the sources.
#[derive(Clone, Debug, Default)]
pub struct Deciding(BTreeMap<(Kind, Name), BTreeSet<String>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ClusterType,
    Target,
    Policy,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClusterType => "cluster type",
            Self::Target => "target",
            Self::Policy => "policy",
        }
    }
}

impl Deciding {
    /// Says whether the cluster type or target of `assignment` has a label of this value.
    pub(super) fn has_label(
        &self,
        assignment: &Assignment,
        side: Side,
        label: &str,
        value: &str,
    ) -> bool {
        let key = match side {
            Side::ClusterTypeLabel => (Kind::ClusterType, assignment.cluster_type.clone()),
            Side::TargetLabel => (Kind::Target, assignment.target.clone()),
            // By these the two sides were put together.
            Side::ClusterTypeName | Side::TargetName | Side::WorkloadName => return true,
        };
        self.0.get(&key).is_some_and(|it| it.contains(&label_fact(label, value)))
    }

    /// Returns the labels of an assignment's cluster type and target here that `other` does not have.
    pub(super) fn new_labels(&self, assignment: &Assignment, other: &Self) -> Vec<String> {
        let keys = [
            (Kind::ClusterType, assignment.cluster_type.clone()),
            (Kind::Target, assignment.target.clone()),
        ];
        let facts = keys
            .iter()
            .flat_map(|key| self.0.get(key).into_iter().flatten().map(move |it| (key, it)));
        let new =
            facts.filter(|(key, it)| !other.0.get(key).is_some_and(|there| there.contains(*it)));
        new.map(|(_, it)| it.clone()).collect()
    }
}

fn label_fact(key: &str, value: &str) -> String {
    format!("label {key}={value}")
}

/// Something that an object says, and where.
type Fact = (String, Place);

impl Deciding {
    /// Takes it from a model.
    pub fn of(model: &Model) -> Self {
        let texts = |facts: Vec<Fact>| facts.into_iter().map(|it| it.0).collect();
        let cluster_types = model
            .cluster_types
            .iter()
            .map(|(name, it)| ((Kind::ClusterType, name.clone()), texts(of_cluster_type(it))));
        let policies = model
            .policies
            .iter()
            .map(|(name, it)| ((Kind::Policy, name.clone()), texts(of_policy(it))));
        let targets = model.targets.iter().map(|(name, it)| {
            ((Kind::Target, name.clone()), texts(of_target(it, &|_| it.place.clone())))
        });
        Self(cluster_types.chain(policies).chain(targets).collect())
    }
}

/// Returns what lets `assignment` be on this side, and the other side, whose facts are `other`, does not say; never empty.
pub fn moved(
    db: &Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
    other: &Deciding,
) -> Vec<Cause> {
    let case = Case::without_inputs(db, environment, assignment);
    let mut causes = vec![];
    let mut look = |kind: Kind, name: &Name, whole: Place, rest: Place, facts: Vec<Fact>| {
        let what = kind.as_str();
        match other.0.get(&(kind, name.clone())) {
            None => causes.push(cause(what, whole)),
            Some(there) => {
                let count = facts.len();
                let new: Vec<Fact> =
                    facts.into_iter().filter(|it| !there.contains(&it.0)).collect();
                // Where only the other side says more, it is the object that says less.
                if new.is_empty() && there.len() > count {
                    causes.push(cause(what, rest));
                }
                causes.extend(new.into_iter().map(|(_, place)| cause(what, place)));
            }
        }
    };
    for (name, policy) in
        assignment.policies.iter().filter_map(|it| Some((it, case.model.policies.get(it)?)))
    {
        let place = &policy.meta.place;
        let named = place.key("metadata").key("name");
        look(Kind::Policy, name, named, place.key("spec"), of_policy(policy));
    }
    let place = &case.cluster_type.meta.place;
    let named = place.key("metadata").key("name");
    let facts = of_cluster_type(case.cluster_type);
    look(Kind::ClusterType, &assignment.cluster_type, named, place.clone(), facts);
    let target = case.target;
    let label = |key: &str| case.label(key).unwrap_or_else(|| target.place.clone());
    let facts = of_target(target, &label);
    look(Kind::Target, &assignment.target, target.place.clone(), target.place.clone(), facts);
    if causes.is_empty() {
        // A scheduler that weighs all of them against each other may have decided by any line.
        let policies = assignment.policies.iter().filter_map(|it| case.model.policies.get(it));
        let spec = |it: &SchedulingPolicy| cause(Kind::Policy.as_str(), it.meta.place.key("spec"));
        causes.extend(policies.map(spec));
    }
    if causes.is_empty() {
        causes.push(cause(Kind::Target.as_str(), target.place.clone()));
    }
    causes
}

fn cause(what: &str, place: Place) -> Cause {
    Cause { what: what.to_owned(), place: Some(TemplatePlace::Source(place)) }
}

fn of_cluster_type(cluster_type: &ClusterType) -> Vec<Fact> {
    let labels = cluster_type.meta.place.key("metadata").key("labels");
    let label = |(key, value): (&String, &String)| (label_fact(key, value), labels.key(key));
    let taint = |it: &crate::Taint| (format!("taint {it}"), it.place.clone());
    cluster_type
        .meta
        .labels
        .iter()
        .map(label)
        .chain(cluster_type.taints.iter().map(taint))
        .collect()
}

fn of_target(target: &Target, label: &dyn Fn(&str) -> Place) -> Vec<Fact> {
    let labels = target.labels.iter().map(|(key, value)| (label_fact(key, value), label(key)));
    let tolerations = target.tolerations.iter();
    let toleration = |it| (format!("toleration {it:?}"), target.place.clone());
    labels.chain(tolerations.map(toleration)).collect()
}

fn of_policy(policy: &SchedulingPolicy) -> Vec<Fact> {
    let spec = policy.meta.place.key("spec");
    let clauses = |of: &'static str, selector: &LabelSelector| {
        let clause = |it: &crate::Requirement| {
            (format!("{of} {} {}", it.key, it.operator), it.place.clone())
        };
        selector.requirements.iter().map(clause).collect::<Vec<Fact>>()
    };
    let mut facts = clauses("target", &policy.targets);
    facts.extend(clauses("cluster type", &policy.cluster_types));
    if let Some(workspace) = &policy.workspace {
        let place = spec.key("deploymentTargetSelector").key("workspace");
        facts.push((format!("workspace {workspace}"), place));
    }
    let Some(placement) = &policy.placement else { return facts };
    facts.extend(placement.number.map(|it| (format!("number {it}"), placement.place.clone())));
    for it in &placement.preferences {
        let clauses = clauses("preference", &it.selector);
        let clauses: Vec<String> = clauses.into_iter().map(|it| it.0).collect();
        facts.push((format!("{} {}", it.weight, clauses.join(", ")), it.place.clone()));
    }
    for it in &placement.spread {
        let unsatisfiable = it.when_unsatisfiable.as_str();
        facts
            .push((format!("spread {} {} {unsatisfiable}", it.key, it.max_skew), it.place.clone()));
    }
    let toleration = |it| (format!("toleration {it:?}"), placement.place.clone());
    facts.extend(placement.tolerations.iter().map(toleration));
    facts
}
