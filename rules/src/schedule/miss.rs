//! What nothing selects: targets that run nowhere, cluster types that run nothing, and how near each came.

use std::collections::BTreeSet;

use wob_engine::Place;

use super::{
    Fleet, Schedule,
    explain::{PolicyView, Side, view},
};
use crate::{
    Name,
    model::{Doubt, Target},
    resource::{ClusterType, SchedulingPolicy},
};

/// A target or a cluster type without an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unassigned<'m> {
    /// Which of both.
    pub side: Side,
    /// Its name.
    pub name: &'m Name,
    /// The policy that came nearest; `None` if there is no pair that one could select.
    pub nearest: Option<Nearest<'m>>,
}

/// How a policy missed a target or a cluster type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest<'m> {
    /// The policy.
    pub policy: &'m Name,
    /// The other half of the pair that it nearly selected.
    pub with: &'m Name,
    /// What stands in the way: the first of what does, in a short phrase.
    pub reason: String,
    /// How many clauses fail; 0 if the policy selects the pair, but the scheduler chose others.
    pub failing: usize,
    /// Where the clause stands, or the policy.
    pub place: Place,
}

/// Returns the targets and cluster types that have no assignment in `schedule`, sorted by side and name.
pub fn unassigned<'m>(fleet: Fleet<'m>, schedule: &Schedule) -> Vec<Unassigned<'m>> {
    let assignments = &schedule.assignments;
    let used: BTreeSet<&Name> = assignments.iter().map(|it| &it.target).collect();
    let targets = fleet.targets.values().filter(|it| !used.contains(&it.name));
    let used: BTreeSet<&Name> = assignments.iter().map(|it| &it.cluster_type).collect();
    let cluster_types = fleet.cluster_types.values().filter(|it| !used.contains(&it.meta.name));
    let policies: Vec<Misses<'m>> =
        fleet.policies.values().filter_map(|it| Misses::of(fleet, it)).collect();
    let mut all: Vec<Unassigned<'m>> = targets
        .map(|it| Unassigned {
            side: Side::Target,
            name: &it.name,
            nearest: of_target(fleet, &policies, it),
        })
        .collect();
    all.extend(cluster_types.map(|it| Unassigned {
        side: Side::ClusterType,
        name: &it.meta.name,
        nearest: of_cluster_type(fleet, &policies, it),
    }));
    if schedule.doubt >= Doubt::Scheduling {
        let nearest = all.iter_mut().filter_map(|it| it.nearest.as_mut());
        for it in nearest.filter(|it| it.failing == 0) {
            "the scheduler did not decide".clone_into(&mut it.reason);
        }
    }
    all
}

/// What a policy selects best: so that pairs need not be tried one by one.
struct Misses<'m> {
    policy: &'m SchedulingPolicy,
    /// The cluster type that fails the fewest clauses, and how many.
    cluster_type: (usize, &'m ClusterType),
    /// The target that fails the fewest clauses, and how many.
    target: (usize, &'m Target),
}

impl<'m> Misses<'m> {
    /// `None` without a target or without a cluster type.
    fn of(fleet: Fleet<'m>, policy: &'m SchedulingPolicy) -> Option<Self> {
        let cluster_types = fleet.cluster_types.values();
        let targets = fleet.targets.values();
        // The first of equals is the one whose name comes first.
        Some(Self {
            policy,
            cluster_type: cluster_types
                .map(|it| (cluster_type_fails(policy, it), it))
                .min_by_key(|it| it.0)?,
            target: targets.map(|it| (target_fails(policy, it), it)).min_by_key(|it| it.0)?,
        })
    }
}

fn of_target<'m>(
    fleet: Fleet<'m>,
    policies: &[Misses<'m>],
    target: &'m Target,
) -> Option<Nearest<'m>> {
    let fails = |it: &&Misses<'m>| it.cluster_type.0 + target_fails(it.policy, target);
    let nearest = policies.iter().min_by_key(fails)?;
    let cluster_type = nearest.cluster_type.1;
    let view = view(fleet, nearest.policy, cluster_type, target);
    Some(near(&view, &cluster_type.meta.name))
}

fn of_cluster_type<'m>(
    fleet: Fleet<'m>,
    policies: &[Misses<'m>],
    cluster_type: &'m ClusterType,
) -> Option<Nearest<'m>> {
    let fails = |it: &&Misses<'m>| it.target.0 + cluster_type_fails(it.policy, cluster_type);
    let nearest = policies.iter().min_by_key(fails)?;
    let target = nearest.target.1;
    let view = view(fleet, nearest.policy, cluster_type, target);
    Some(near(&view, &target.name))
}

fn near<'m>(view: &PolicyView<'m>, with: &'m Name) -> Nearest<'m> {
    let policy = &view.policy.meta;
    let first = view.clauses.iter().find(|it| !it.holds);
    let (reason, place) = match (first, &view.ranking) {
        (Some(clause), _) => (clause.phrase(), clause.place.clone()),
        (None, Some(ranking)) => (ranking.phrase(), policy.place.key("metadata").key("name")),
        (None, None) => {
            ("the scheduler left it out".to_owned(), policy.place.key("metadata").key("name"))
        }
    };
    Nearest { policy: &policy.name, with, reason, failing: view.failing(), place }
}

fn target_fails(policy: &SchedulingPolicy, target: &Target) -> usize {
    let workspace = policy.workspace.as_ref();
    let fails = workspace.is_some_and(|it| target.labels.get("workspace") != Some(it));
    let clauses = policy.targets.requirements.iter();
    clauses.filter(|it| !it.matches(&target.labels)).count() + usize::from(fails)
}

fn cluster_type_fails(policy: &SchedulingPolicy, cluster_type: &ClusterType) -> usize {
    let clauses = policy.cluster_types.requirements.iter();
    clauses.filter(|it| !it.matches(&cluster_type.meta.labels)).count()
}
