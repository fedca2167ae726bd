//! Scheduling: which deployment targets run on which cluster types.
//!
//! **Invariant:** a scheduler is a pure function of the fleet; its answer is sorted and free of duplicates. What a
//! program outside says is part of the fleet: the host asked it before.

mod exec;
mod explain;
mod fields;
mod labels;
mod miss;
mod placement;
mod setting;

use std::{collections::BTreeMap, ptr, sync::Arc};

use wob_engine::Diagnostic;

pub use self::{
    exec::{
        Answer, ExecScheduler, ProgramCall, SCHEDULER_REQUEST_SCHEMA, SCHEDULER_RESPONSE_SCHEMA,
        SchedulerRecord,
    },
    explain::{Clause, Explanation, PolicyView, Ranking, Side, Tolerance, explain},
    fields::{
        Effect, Placement, Preference, SpreadConstraint, Taint, Tolerated, Toleration,
        WhenUnsatisfiable,
    },
    labels::LabelScheduler,
    miss::{Nearest, Unassigned, unassigned},
    placement::{Candidate, Fate, PlacementScheduler},
    setting::{ProgramSetting, SchedulerSetting, Scheduling},
};
pub(crate) use self::{
    exec::{record, scheduler_call},
    setting::{program, scheduler_setting},
};
use crate::{
    Name,
    model::{Doubt, Target},
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
    /// Whether these are all cluster types that there are.
    pub candidates: Candidates,
    /// What the workspace says of the scheduler, and what a program answered.
    pub scheduling: &'m Scheduling,
}

/// Whether every cluster type is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Candidates {
    /// Every one.
    #[default]
    Known,
    /// One may be missing that could not be read: who chooses among them would choose wrongly.
    Unsure,
}

/// A deployment target on a cluster type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// The policies that made it, sorted; empty only if a program decided and named none.
    #[serde(serialize_with = "list")]
    pub policies: Arc<[Name]>,
}

fn list<S: serde::Serializer>(names: &[Name], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names)
}

/// What a scheduler decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The assignments, sorted by cluster type, then target, each pair once.
    pub assignments: Vec<Assignment>,
    /// What a program gave as reasons, by cluster type and target.
    pub reasons: BTreeMap<(Name, Name), String>,
    /// What is wrong, or surely not meant.
    pub diagnostics: Vec<Diagnostic>,
    /// [`Doubt::Scheduling`] if it could not decide.
    pub doubt: Doubt,
}

/// Decides which targets run where.
pub trait Scheduler: Sync {
    /// The name by which a workspace chooses it.
    fn name(&self) -> &'static str;

    /// What it takes beside the fleet.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Decides about `fleet`.
    fn schedule(&self, fleet: Fleet<'_>) -> Schedule;

    /// Ranks the cluster types that `policy` selects for `target`, which it selects too, the best first.
    ///
    /// `None` if all of them are alike.
    fn rank<'m>(
        &self,
        _fleet: Fleet<'m>,
        _policy: &'m SchedulingPolicy,
        _target: &'m Target,
    ) -> Option<Vec<Candidate<'m>>> {
        None
    }
}

/// What a scheduler takes beside the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The answer of a program, which `wob.yaml` names.
    Program,
}

/// Every scheduler, in the order help texts list them; the first is the one that is used if none is named.
pub static SCHEDULERS: [&dyn Scheduler; 3] = [&LabelScheduler, &PlacementScheduler, &ExecScheduler];

/// The policies that made each pair of cluster type and target: triples of cluster type, target and policy.
///
/// Sorted at the end, by the numbers of their names, they take a fraction of the memory of a map from pairs to policies.
#[derive(Debug, Default)]
struct Pairs<'m>(Vec<[&'m Name; 3]>);

impl<'m> Pairs<'m> {
    fn add(&mut self, cluster_type: &'m Name, target: &'m Name, policy: &'m Name) {
        self.0.push([cluster_type, target, policy]);
    }

    /// Makes room for so many more.
    fn reserve(&mut self, count: usize) {
        self.0.reserve(count);
    }

    fn into_assignments(self) -> Vec<Assignment> {
        let (names, mut numbered) = self.numbered();
        numbered.sort_unstable();
        let pairs = numbered.chunk_by(|a, b| a[..2] == b[..2]);
        // Most were made by the same policies as the one before.
        let mut policies: Arc<[Name]> = Arc::default();
        let mut of = vec![];
        let name = |number: u32| names[number as usize].clone();
        let assignment = |group: &[[u32; 3]]| {
            let own = group.iter().map(|[_, _, policy]| *policy);
            if !own.clone().eq(of.iter().copied()) {
                policies = own.clone().map(name).collect();
                of = own.collect();
            }
            Assignment {
                cluster_type: name(group[0][0]),
                target: name(group[0][1]),
                policies: policies.clone(),
            }
        };
        let mut assignments: Vec<Assignment> = pairs.map(assignment).collect();
        assignments.shrink_to_fit();
        assignments
    }

    /// Returns the names, sorted, and the triples by their positions: texts are compared once for each name, wherever it
    /// lies, and not once for each pair.
    fn numbered(&self) -> (Vec<&'m Name>, Vec<[u32; 3]>) {
        let runs = || self.0.chunk_by(|a, b| ptr::eq(a[0], b[0]) && ptr::eq(a[2], b[2]));
        let mut places: BTreeMap<*const Name, &Name> = BTreeMap::new();
        for run in runs() {
            let own = [run[0][0], run[0][2]].into_iter().chain(run.iter().map(|it| it[1]));
            places.extend(own.map(|it| (ptr::from_ref(it), it)));
        }
        let mut names: Vec<&Name> = places.values().copied().collect();
        names.sort_unstable();
        names.dedup();
        let position = |it: &Name| names.partition_point(|name| *name < it);
        let number = |it: &Name| u32::try_from(position(it)).expect("because memory is finite");
        let numbers: BTreeMap<*const Name, u32> =
            places.iter().map(|(place, it)| (*place, number(it))).collect();
        let mut numbered = Vec::with_capacity(self.0.len());
        for run in runs() {
            let of = |it: &Name| numbers[&ptr::from_ref(it)];
            let (cluster_type, policy) = (of(run[0][0]), of(run[0][2]));
            numbered.extend(run.iter().map(|it| [cluster_type, of(it[1]), policy]));
        }
        (names, numbered)
    }
}

impl<'m> Fleet<'m> {
    /// Returns the targets that `policy` selects, by name.
    fn targets_of(self, policy: &SchedulingPolicy) -> Vec<(&'m Name, &'m Target)> {
        self.targets.iter().filter(|(_, it)| selects(policy, it)).collect()
    }

    /// Returns the cluster types that `policy` selects, by name.
    fn cluster_types_of(self, policy: &SchedulingPolicy) -> Vec<&'m ClusterType> {
        let matches = |it: &&ClusterType| policy.cluster_types.matches(&it.meta.labels);
        self.cluster_types.values().filter(matches).collect()
    }
}

/// Says whether `policy` selects `target`: its workspace, if it names one, and its labels (design rules 2.2, 2.3).
pub(crate) fn selects(policy: &SchedulingPolicy, target: &Target) -> bool {
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

#[cfg(test)]
mod tests;
