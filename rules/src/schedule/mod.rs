//! Scheduling: which deployment targets run on which cluster types.
//!
//! **Invariant:** a scheduler is a pure function of the fleet; its answer is sorted and free of duplicates.

use std::collections::BTreeMap;

use wob_engine::Diagnostic;

use crate::{
    Name,
    model::Target,
    resource::{ClusterType, SchedulingPolicy},
};

/// What a scheduler decides about: everything of one environment that takes part in scheduling.
#[derive(Clone, Copy, Debug)]
pub struct Fleet<'m> {
    /// The cluster types, by name.
    pub cluster_types: &'m BTreeMap<Name, ClusterType>,
    /// The deployment targets, by full name.
    pub targets: &'m BTreeMap<Name, Target>,
    /// The policies, by name.
    pub policies: &'m BTreeMap<Name, SchedulingPolicy>,
}

/// A deployment target on a cluster type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// The policies that made it, sorted; never empty.
    pub policies: Vec<Name>,
}

/// Decides which targets run where.
pub trait Scheduler: Sync {
    /// The name by which a workspace chooses it.
    fn name(&self) -> &'static str;

    /// Returns the assignments of `fleet`, sorted by cluster type, then target, each pair once.
    fn schedule(&self, fleet: Fleet<'_>) -> Vec<Assignment>;
}

/// Every scheduler, in the order help texts list them; the first is the one that environments use.
pub static SCHEDULERS: [&dyn Scheduler; 1] = [&LabelScheduler];

/// Kalypso's scheduler: for each policy, the selected targets on the selected cluster types.
///
/// Policies that overlap make one assignment, which remembers them all (design rule 2.6, replaced).
#[derive(Debug)]
pub struct LabelScheduler;

impl Scheduler for LabelScheduler {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn schedule(&self, fleet: Fleet<'_>) -> Vec<Assignment> {
        let mut pairs: BTreeMap<(&Name, &Name), Vec<Name>> = BTreeMap::new();
        for (name, policy) in fleet.policies {
            let targets = fleet.targets.iter().filter(|(_, it)| selects(policy, it));
            let targets: Vec<&Name> = targets.map(|(name, _)| name).collect();
            let matches = |it: &ClusterType| policy.cluster_types.matches(&it.meta.labels);
            let cluster_types = fleet.cluster_types.iter().filter(|(_, it)| matches(it));
            let products =
                cluster_types.flat_map(|(it, _)| targets.iter().map(move |target| (it, *target)));
            for pair in products {
                pairs.entry(pair).or_default().push(name.clone());
            }
        }
        let assignment = |((cluster_type, target), policies): ((&Name, &Name), Vec<Name>)| {
            Assignment { cluster_type: cluster_type.clone(), target: target.clone(), policies }
        };
        pairs.into_iter().map(assignment).collect()
    }
}

/// Says whether `policy` selects `target`: its workspace, if it names one, and its labels (design rules 2.2, 2.3).
fn selects(policy: &SchedulingPolicy, target: &Target) -> bool {
    let workspace = policy.workspace.as_deref();
    // The label is compared, not the registration: a target's own labels never override it (rule 1.9).
    let same = workspace.is_none_or(|it| target.labels.get("workspace").is_some_and(|w| w == it));
    same && policy.targets.matches(&target.labels)
}

/// Returns a warning for each policy that schedules nothing, because no target or no cluster type fits it.
pub(crate) fn idle(fleet: Fleet<'_>) -> Vec<Diagnostic> {
    let mut diagnostics = vec![];
    for (name, policy) in fleet.policies {
        let targets = fleet.targets.values().filter(|it| selects(policy, it)).count();
        let labels = fleet.cluster_types.values().map(|it| &it.meta.labels);
        let cluster_types = labels.filter(|it| policy.cluster_types.matches(it)).count();
        let (what, field, total) = match (targets, cluster_types) {
            (1.., 1..) => continue,
            (0, _) => ("deployment target", "deploymentTargetSelector", fleet.targets.len()),
            (_, 0) => ("cluster type", "clusterTypeSelector", fleet.cluster_types.len()),
        };
        let help = if total == 0 {
            format!("add a {what}, or remove the policy")
        } else {
            format!("mend `{field}`, or remove the policy")
        };
        let message = format!("policy `{name}` schedules nothing: it selects no {what}");
        diagnostics.push(
            Diagnostic::warning("policy-selects-nothing", message)
                .at(policy.meta.place.key("spec").key(field).on_key(), format!("fits no {what}"))
                .help(help),
        );
    }
    diagnostics
}
