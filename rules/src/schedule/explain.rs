//! Why a target runs on a cluster type, or why not: clause by clause, policy by policy.
//!
//! **Invariant:** what is explained is what decides: the clauses of the selectors, and the ranking of the scheduler itself.

use wob_engine::Place;

use super::{Candidate, Fate, Fleet, Preference, Schedule, Taint};
use crate::{
    model::Target,
    resource::{ClusterType, SchedulingPolicy},
    selector::{Operator, Requirement},
};

/// Why a target runs on a cluster type, or why not.
#[derive(Clone, Debug)]
pub struct Explanation<'m> {
    /// Whether it does.
    pub assigned: bool,
    /// What the program said, if one decides and gave a reason.
    pub reason: Option<&'m str>,
    /// Every policy: first those that made the assignment, then those that miss the pair by the fewest clauses.
    pub policies: Vec<PolicyView<'m>>,
}

/// What one policy makes of a pair.
#[derive(Clone, Debug)]
pub struct PolicyView<'m> {
    /// The policy.
    pub policy: &'m SchedulingPolicy,
    /// Whether it made the assignment.
    pub made_it: bool,
    /// Its clauses: those on the target first, each in written order.
    pub clauses: Vec<Clause<'m>>,
    /// How the scheduler ranked the cluster type for the target; `None` if it ranks nothing, or a clause failed.
    pub ranking: Option<Ranking<'m>>,
}

/// Whose labels a clause is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The deployment target's.
    Target,
    /// The cluster type's.
    ClusterType,
}

/// One clause of a selector, and what it found.
#[derive(Clone, Debug)]
pub struct Clause<'m> {
    /// Whose label it asks for.
    pub side: Side,
    /// The label.
    pub key: &'m str,
    /// What is wanted of it: `` `west` or `east` ``.
    pub wanted: String,
    /// What the label is; `None` if there is none.
    pub found: Option<&'m str>,
    /// Whether that is what is wanted.
    pub holds: bool,
    /// Where the clause stands.
    pub place: Place,
    /// Where the label stands, or the object that lacks it.
    pub found_at: Place,
    /// What would make it hold.
    pub way_out: String,
}

/// Where a cluster type stands among those that a policy selects for a target.
#[derive(Clone, Debug)]
pub struct Ranking<'m> {
    /// Its rank, from 1.
    pub rank: usize,
    /// How many there are.
    pub of: usize,
    /// The cluster type, with its score and its fate.
    pub candidate: Candidate<'m>,
    /// The preferences that match it.
    pub preferences: Vec<&'m Preference>,
    /// Its taints, and whether the target tolerates them as this policy places it.
    pub taints: Vec<(&'m Taint, Tolerance)>,
    /// How many cluster types the target gets at most; `None` for all.
    pub number: Option<u32>,
}

/// Whether a taint is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// It keeps nothing away.
    Tolerated,
    /// It keeps the target away, as its effect says.
    Repelled,
}

impl PolicyView<'_> {
    /// Returns how many clauses fail.
    pub fn failing(&self) -> usize {
        self.clauses.iter().filter(|it| !it.holds).count()
    }
}

impl Clause<'_> {
    /// Says what is wanted and what is there, in a short phrase.
    pub fn phrase(&self) -> String {
        let whose = match self.side {
            Side::Target => "the target's",
            Side::ClusterType => "the cluster type's",
        };
        let found = match self.found {
            Some(value) => format!("is `{value}`"),
            None => "is not set".to_owned(),
        };
        format!("{whose} `{}` {found}, wanted is {}", self.key, self.wanted)
    }
}

impl Ranking<'_> {
    /// Says what became of the cluster type, in a short phrase.
    pub fn phrase(&self) -> String {
        let Self { rank, of, .. } = self;
        match self.candidate.fate {
            Fate::Chosen => format!("it ranks {rank} of {of}, and is chosen"),
            Fate::Tainted(taint) => format!("its taint `{taint}` is not tolerated"),
            Fate::Unlabelled(constraint) => {
                format!("it has no label `{}`, over which targets are spread", constraint.key)
            }
            Fate::Skewed { constraint, here, least } => {
                let (key, most) = (&constraint.key, constraint.max_skew);
                let labels = &self.candidate.cluster_type.meta.labels;
                let domain = labels.get(key).map_or("", String::as_str);
                format!(
                    "it ranks {rank} of {of}, but when it was its turn, `{key}: {domain}` had {here} already and others \
                     {least}: one more would have gone beyond a skew of {most}"
                )
            }
            Fate::Outranked => match self.number {
                Some(number) if usize::try_from(number).is_ok_and(|it| *rank > it) => {
                    format!("it ranks {rank} of {of}, beyond `numberOfClusterTypes: {number}`")
                }
                Some(_) | None => {
                    format!("it ranks {rank} of {of}, but others spread the target better")
                }
            },
            Fate::Unsure => {
                "nothing is chosen, because a cluster type could not be read that might rank better"
                    .to_owned()
            }
        }
    }

    /// Says what would make it be chosen; `None` if it is.
    pub fn way_out(&self) -> Option<String> {
        Some(match self.candidate.fate {
            Fate::Chosen => return None,
            Fate::Tainted(taint) => format!(
                "tolerate `{taint}` by `tolerations` of the target or of the policy's `placement`, or remove the taint"
            ),
            Fate::Unlabelled(constraint) => format!(
                "give the cluster type a label `{}`, or write `whenUnsatisfiable: ScheduleAnyway`",
                constraint.key
            ),
            Fate::Skewed { .. } => {
                "raise `maxSkew`, or write `whenUnsatisfiable: ScheduleAnyway`".to_owned()
            }
            Fate::Outranked => {
                "raise `numberOfClusterTypes`, or prefer it by `preferences`".to_owned()
            }
            Fate::Unsure => "mend what `wob check` reports".to_owned(),
        })
    }
}

/// Explains why `target` runs on `cluster_type`, or why not, by `schedule`, which was made of `fleet`.
pub fn explain<'m>(
    fleet: Fleet<'m>,
    schedule: &'m Schedule,
    cluster_type: &'m ClusterType,
    target: &'m Target,
) -> Explanation<'m> {
    let assignment = schedule
        .assignments
        .iter()
        .find(|it| it.cluster_type == cluster_type.meta.name && it.target == target.name);
    let made = |policy: &SchedulingPolicy| {
        assignment.is_some_and(|it| it.policies.contains(&policy.meta.name))
    };
    let view = |policy| view(fleet, policy, cluster_type, target);
    let mut policies: Vec<PolicyView<'m>> = fleet
        .policies
        .values()
        .map(|policy| PolicyView { made_it: made(policy), ..view(policy) })
        .collect();
    // Policies come sorted by name, and equals stay so.
    policies.sort_by_key(|it| (!it.made_it, it.failing()));
    let pair = (cluster_type.meta.name.clone(), target.name.clone());
    let reason = schedule.reasons.get(&pair).map(String::as_str);
    Explanation { assigned: assignment.is_some(), reason, policies }
}

/// Says what `policy` makes of a pair, without regard to what was decided.
pub(super) fn view<'m>(
    fleet: Fleet<'m>,
    policy: &'m SchedulingPolicy,
    cluster_type: &'m ClusterType,
    target: &'m Target,
) -> PolicyView<'m> {
    let clauses = clauses(policy, cluster_type, target);
    let holds = clauses.iter().all(|it| it.holds);
    let ranking = if holds { ranking(fleet, policy, cluster_type, target) } else { None };
    PolicyView { policy, made_it: false, clauses, ranking }
}

fn clauses<'m>(
    policy: &'m SchedulingPolicy,
    cluster_type: &'m ClusterType,
    target: &'m Target,
) -> Vec<Clause<'m>> {
    let mut clauses = vec![];
    if let Some(workspace) = &policy.workspace {
        let found = target.labels.get("workspace").map(String::as_str);
        clauses.push(Clause {
            side: Side::Target,
            key: "workspace",
            wanted: format!("`{workspace}`"),
            found,
            holds: found == Some(workspace),
            place: policy.meta.place.key("spec").key("deploymentTargetSelector").key("workspace"),
            found_at: target.place.clone(),
            way_out: format!(
                "write `workspace: {workspace}` in the workload's registration, or another workspace in the policy"
            ),
        });
    }
    let targets = policy.targets.requirements.iter();
    clauses.extend(targets.map(|it| {
        let found = target.labels.get(&it.key).map(String::as_str);
        clause(Side::Target, it, found, target.place.clone())
    }));
    let labels = &cluster_type.meta.labels;
    let metadata = cluster_type.meta.place.key("metadata");
    let cluster_types = policy.cluster_types.requirements.iter();
    clauses.extend(cluster_types.map(|it| {
        let found = labels.get(&it.key).map(String::as_str);
        let found_at = match (found, labels.is_empty()) {
            (Some(_), _) => metadata.key("labels").key(&it.key),
            (None, false) => metadata.key("labels").on_key(),
            (None, true) => metadata.key("name"),
        };
        clause(Side::ClusterType, it, found, found_at)
    }));
    clauses
}

fn clause<'m>(
    side: Side,
    requirement: &'m Requirement,
    found: Option<&'m str>,
    found_at: Place,
) -> Clause<'m> {
    Clause {
        side,
        key: &requirement.key,
        wanted: requirement.operator.to_string(),
        found,
        holds: requirement.accepts(found),
        place: requirement.place.clone(),
        found_at,
        way_out: way_out(side, requirement, found),
    }
}

/// Says how a clause could be made to hold: by the label, or by the policy.
fn way_out(side: Side, requirement: &Requirement, found: Option<&str>) -> String {
    let (who, key) = match side {
        Side::Target => ("target", &requirement.key),
        Side::ClusterType => ("cluster type", &requirement.key),
    };
    let by_label = match &requirement.operator {
        Operator::In(values) => match values.first() {
            Some(value) => format!("set the label `{key}: {value}` on the {who}"),
            None => format!("set the label `{key}` on the {who}"),
        },
        Operator::Exists => format!("set a label `{key}` on the {who}"),
        Operator::NotIn(_) | Operator::DoesNotExist => {
            format!("change or remove the label `{key}` of the {who}")
        }
        Operator::Gt(_) | Operator::Lt(_) => format!("change the label `{key}` of the {who}"),
    };
    match (found, &requirement.operator) {
        (Some(value), Operator::In(_)) => {
            format!("{by_label}, or let the policy select `{value}` too")
        }
        _ => format!("{by_label}, or change the policy"),
    }
}

fn ranking<'m>(
    fleet: Fleet<'m>,
    policy: &'m SchedulingPolicy,
    cluster_type: &'m ClusterType,
    target: &'m Target,
) -> Option<Ranking<'m>> {
    let ranked = fleet.scheduling.scheduler().rank(fleet, policy, target)?;
    let index = ranked.iter().position(|it| it.cluster_type.meta.name == cluster_type.meta.name)?;
    let of = ranked.len();
    let placement = policy.placement.as_ref();
    let preferences = placement.iter().flat_map(|it| &it.preferences);
    let matching = preferences.filter(|it| it.selector.matches(&cluster_type.meta.labels));
    let of_policy = placement.iter().flat_map(|it| &it.tolerations);
    let tolerations: Vec<_> = target.tolerations.iter().chain(of_policy).collect();
    let taint = |it: &'m Taint| {
        let tolerated = tolerations.iter().any(|toleration| toleration.tolerates(it));
        (it, if tolerated { Tolerance::Tolerated } else { Tolerance::Repelled })
    };
    Some(Ranking {
        rank: index + 1,
        of,
        candidate: ranked.into_iter().nth(index)?,
        preferences: matching.collect(),
        taints: cluster_type.taints.iter().map(taint).collect(),
        number: placement.and_then(|it| it.number),
    })
}
