//! The scheduler `placement`: ranks the selected cluster types for each target, and takes the best.
//!
//! **Invariant:** where a policy puts a target depends on the policy, the target, and the cluster types that it selects;
//! on no other target or policy, and on no earlier decision. Ties are broken by rendezvous hashing, so that a cluster
//! type that comes or goes moves only what it takes or leaves; docs/decisions/0016-stateless-placement.md.

mod pick;

use std::cmp::Reverse;

use wob_engine::{Diagnostic, Digest, Hasher};

use self::pick::pick;
use super::{
    Candidates, Effect, Fleet, Pairs, Placement, Schedule, Scheduler, SpreadConstraint, Taint,
    Toleration,
};
use crate::{
    Name,
    model::{Doubt, Target},
    resource::{ClusterType, SchedulingPolicy},
};

/// How many targets a warning names.
const NAMED: usize = 5;

/// Chooses among the selected cluster types: by taints, preferences, spread and a maximum number.
///
/// A policy without `placement` takes all that are not tainted, as `labels` does.
#[derive(Debug)]
pub struct PlacementScheduler;

/// A cluster type that a policy selects for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'m> {
    /// The cluster type.
    pub cluster_type: &'m ClusterType,
    /// How many taints with the effect `PreferNoSchedule` are not tolerated: the fewer, the better.
    pub avoided: usize,
    /// The sum of the weights of the preferences that match: the more, the better.
    pub score: i64,
    /// What decides between equals: the larger wins.
    pub tie: Digest,
    /// What became of it.
    pub fate: Fate<'m>,
}

/// What became of a [`Candidate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'m> {
    /// The target runs there.
    Chosen,
    /// The target does not tolerate this taint.
    Tainted(&'m Taint),
    /// It lacks the label over which targets are spread.
    Unlabelled(&'m SpreadConstraint),
    /// Its domain has enough already.
    Skewed {
        /// The constraint.
        constraint: &'m SpreadConstraint,
        /// How many of its domain are chosen.
        here: u32,
        /// How many are chosen of the domain that has the fewest.
        least: u32,
    },
    /// Others rank better, or spread the target better, and there are enough of them.
    Outranked,
    /// Nothing is chosen, because a cluster type that could not be read might rank better.
    Unsure,
}

impl Scheduler for PlacementScheduler {
    fn name(&self) -> &'static str {
        "placement"
    }

    fn schedule(&self, fleet: Fleet<'_>) -> Schedule {
        let mut pairs = Pairs::default();
        let mut diagnostics = vec![];
        for (name, policy) in fleet.policies {
            let cluster_types = fleet.cluster_types_of(policy);
            let mut short = Short::default();
            for (target_name, target) in fleet.targets_of(policy) {
                let ask = Ask { policy, target, candidates: fleet.candidates };
                let chosen = ask.choose(&cluster_types);
                short.note(policy, target_name, chosen.len(), cluster_types.len());
                for cluster_type in chosen {
                    pairs.add(&cluster_type.meta.name, target_name, name);
                }
            }
            if fleet.candidates == Candidates::Known {
                diagnostics.extend(short.warning(policy));
            }
        }
        let assignments = pairs.into_assignments();
        Schedule { assignments, diagnostics, doubt: Doubt::Nothing, ..Schedule::default() }
    }

    fn rank<'m>(
        &self,
        fleet: Fleet<'m>,
        policy: &'m SchedulingPolicy,
        target: &'m Target,
    ) -> Option<Vec<Candidate<'m>>> {
        let ask = Ask { policy, target, candidates: fleet.candidates };
        Some(ask.rank(&fleet.cluster_types_of(policy)))
    }
}

/// One question: where a policy puts a target.
#[derive(Clone, Copy)]
struct Ask<'m> {
    policy: &'m SchedulingPolicy,
    target: &'m Target,
    candidates: Candidates,
}

impl<'m> Ask<'m> {
    /// Returns those of `cluster_types` that the target runs on, in no particular order.
    fn choose(self, cluster_types: &[&'m ClusterType]) -> Vec<&'m ClusterType> {
        if self.is_choosy() {
            let ranked = self.rank(cluster_types).into_iter();
            return ranked.filter(|it| it.fate == Fate::Chosen).map(|it| it.cluster_type).collect();
        }
        // Without a choice there is no need to rank.
        cluster_types.iter().copied().filter(|it| self.repelled(it).is_none()).collect()
    }

    /// Says whether the policy takes less than everything that it could have.
    fn is_choosy(self) -> bool {
        self.policy
            .placement
            .as_ref()
            .is_some_and(|it| it.number.is_some() || !it.spread.is_empty())
    }

    /// Ranks `cluster_types` and says what becomes of each: the best first, the tainted last.
    fn rank(self, cluster_types: &[&'m ClusterType]) -> Vec<Candidate<'m>> {
        let mut ranked: Vec<Candidate<'m>> =
            cluster_types.iter().map(|it| self.candidate(it)).collect();
        ranked.sort_by_cached_key(|it| {
            let is_tainted = matches!(it.fate, Fate::Tainted(_));
            let tie = Reverse(*it.tie.as_bytes());
            (is_tainted, it.avoided, Reverse(it.score), tie, it.cluster_type.meta.name.clone())
        });
        let unsure = self.candidates == Candidates::Unsure && self.is_choosy();
        let open = ranked.iter().take_while(|it| !matches!(it.fate, Fate::Tainted(_))).count();
        let open = &mut ranked[..open];
        match &self.policy.placement {
            Some(_) if unsure => open.iter_mut().for_each(|it| it.fate = Fate::Unsure),
            Some(placement) => pick(placement, open),
            None => open.iter_mut().for_each(|it| it.fate = Fate::Chosen),
        }
        ranked
    }

    fn candidate(self, cluster_type: &'m ClusterType) -> Candidate<'m> {
        let score = self.preferences(|it| it.selector.matches(&cluster_type.meta.labels));
        let soft = cluster_type.taints.iter().filter(|it| it.effect == Effect::PreferNoSchedule);
        Candidate {
            cluster_type,
            avoided: soft.filter(|it| !self.tolerates(it)).count(),
            score,
            tie: tie(&self.target.name, &cluster_type.meta.name),
            fate: self.repelled(cluster_type).map_or(Fate::Outranked, Fate::Tainted),
        }
    }

    fn preferences(self, matches: impl Fn(&super::Preference) -> bool) -> i64 {
        let all = self.policy.placement.iter().flat_map(|it| &it.preferences);
        all.filter(|it| matches(it)).map(|it| it.weight).sum()
    }

    /// Returns the first taint that keeps the target away from `cluster_type`.
    fn repelled(self, cluster_type: &'m ClusterType) -> Option<&'m Taint> {
        let hard = |it: &&Taint| it.effect == Effect::NoSchedule && !self.tolerates(it);
        cluster_type.taints.iter().find(hard)
    }

    fn tolerates(self, taint: &Taint) -> bool {
        let of_policy: &[Toleration] =
            self.policy.placement.as_ref().map_or(&[], |it: &Placement| &it.tolerations);
        self.target.tolerations.iter().chain(of_policy).any(|it| it.tolerates(taint))
    }
}

/// What decides between cluster types that are equally good for a target.
///
/// Each pair has a number of its own, so that one pair more or less changes the order of no others. The policy's name
/// is not part of it: a renamed policy moves nothing.
fn tie(target: &Name, cluster_type: &Name) -> Digest {
    Hasher::new("wob 2026-11 rendezvous")
        .field(target.as_str().as_bytes())
        .field(cluster_type.as_str().as_bytes())
        .finish()
}

/// The targets of one policy that get fewer cluster types than it says.
#[derive(Debug, Default)]
struct Short<'m> {
    targets: Vec<&'m Name>,
    least: usize,
}

impl<'m> Short<'m> {
    /// Notes that `target` got `chosen` of `selected` cluster types.
    fn note(
        &mut self,
        policy: &SchedulingPolicy,
        target: &'m Name,
        chosen: usize,
        selected: usize,
    ) {
        let wanted = wanted(policy);
        // That a policy selects nothing is said elsewhere.
        if chosen < wanted && selected > 0 {
            self.least = if self.targets.is_empty() { chosen } else { self.least.min(chosen) };
            self.targets.push(target);
        }
    }

    fn warning(&self, policy: &SchedulingPolicy) -> Option<Diagnostic> {
        let first = self.targets.first()?;
        let (name, spec) = (&policy.meta.name, policy.meta.place.key("spec"));
        let wanted = wanted(policy);
        let others = match self.targets.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let message = format!(
            "policy `{name}` finds {} of {wanted} cluster types for target `{first}`{others}",
            self.least
        );
        let place = match &policy.placement {
            Some(Placement { number: Some(_), place, .. }) => place.key("numberOfClusterTypes"),
            Some(Placement { place, .. }) => place.on_key(),
            None => spec.key("clusterTypeSelector").on_key(),
        };
        let help = "select more cluster types, tolerate their taints, or ask for fewer; \
                    `wob explain assignment` says what stands in the way";
        let warning = Diagnostic::warning("placement-short", message);
        let warning = warning.at(place, "more are wanted").help(help);
        let listed: Vec<String> =
            self.targets.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
        Some(match self.targets.len() {
            1 => warning,
            few if few <= NAMED => warning.note(format!("the targets: {}", listed.join(", "))),
            many => {
                let more = many - NAMED;
                warning.note(format!("the targets: {} and {more} more", listed.join(", ")))
            }
        })
    }
}

/// Returns how many cluster types each target surely ought to get.
fn wanted(policy: &SchedulingPolicy) -> usize {
    let number = policy.placement.as_ref().and_then(|it| it.number).unwrap_or(1);
    usize::try_from(number).unwrap_or(usize::MAX)
}
