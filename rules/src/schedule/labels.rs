//! The scheduler `labels`: for each policy, the selected targets on the selected cluster types.

use wob_engine::{Diagnostic, Place};

use super::{Fleet, Pairs, Schedule, Scheduler};

/// How many places one warning points at.
const SHOWN: usize = 5;

/// Kalypso's scheduler: for each policy, the selected targets on the selected cluster types.
///
/// Policies that overlap make one assignment, which remembers them all (design rule 2.6, replaced).
#[derive(Debug)]
pub struct LabelScheduler;

impl Scheduler for LabelScheduler {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn schedule(&self, fleet: Fleet<'_>) -> Schedule {
        let mut pairs = Pairs::default();
        for (name, policy) in fleet.policies {
            let targets = fleet.targets_of(policy);
            let cluster_types = fleet.cluster_types_of(policy);
            pairs.reserve(targets.len() * cluster_types.len());
            for cluster_type in cluster_types {
                for (target, _) in &targets {
                    pairs.add(&cluster_type.meta.name, target, name);
                }
            }
        }
        let assignments = pairs.into_assignments();
        Schedule { assignments, diagnostics: ignored(fleet), ..Schedule::default() }
    }
}

/// Warns of what only the scheduler `placement` reads: one warning for policies, cluster types and targets each.
fn ignored(fleet: Fleet<'_>) -> Vec<Diagnostic> {
    let policies = fleet
        .policies
        .iter()
        .filter_map(|(name, it)| Some((name.as_str(), it.placement.as_ref()?.place.on_key())));
    let tainted = fleet.cluster_types.iter().filter(|(_, it)| !it.taints.is_empty());
    let tainted =
        tainted.map(|(name, it)| (name.as_str(), it.meta.place.key("spec").key("taints").on_key()));
    let tolerant = fleet.targets.iter().filter(|(_, it)| !it.tolerations.is_empty());
    let tolerant = tolerant.map(|(name, it)| (name.as_str(), it.place.clone()));
    let kinds = [
        ("`placement` of policy", policies.collect::<Vec<_>>()),
        ("`taints` of cluster type", tainted.collect()),
        ("`tolerations` of target", tolerant.collect()),
    ];
    kinds.into_iter().filter_map(|(what, found)| warning(what, &found)).collect()
}

fn warning(what: &str, found: &[(&str, Place)]) -> Option<Diagnostic> {
    let (first, _) = found.first()?;
    let others = match found.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message = format!("the scheduler `labels` ignores {what} `{first}`{others}");
    let warning = Diagnostic::warning("placement-ignored", message)
        .help("write `scheduler: placement` in wob.yaml, for this environment or for all");
    let places = found.iter().take(SHOWN);
    Some(places.fold(warning, |it, (_, place)| it.at(place.clone(), "not used")))
}
