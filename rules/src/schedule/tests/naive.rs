//! What `placement` means, in the most obvious way: one more cluster type at a time, everything counted anew.

use super::*;

/// Returns the cluster types that `policy` puts `target` on.
pub(super) fn chosen(ship: &Ship, policy: &SchedulingPolicy, target: &Target) -> BTreeSet<Name> {
    let Some(placement) = &policy.placement else {
        let all =
            ship.cluster_types.values().filter(|it| policy.cluster_types.matches(&it.meta.labels));
        return all
            .filter(|it| !bad(it, placement_of(policy), target, Effect::NoSchedule).0)
            .map(|it| it.meta.name.clone())
            .collect();
    };
    let open: Vec<&ClusterType> = ship
        .cluster_types
        .values()
        .filter(|it| policy.cluster_types.matches(&it.meta.labels))
        .filter(|it| !bad(it, Some(placement), target, Effect::NoSchedule).0)
        .filter(|it| {
            let mut hard = placement.spread.iter().filter(|it| is_hard(it));
            hard.all(|constraint| it.meta.labels.contains_key(&constraint.key))
        })
        .collect();
    let mut chosen: Vec<&ClusterType> = vec![];
    while chosen.len() < placement.number.map_or(usize::MAX, |it| it as usize) {
        let left =
            open.iter().filter(|it| !chosen.iter().any(|other| other.meta.name == it.meta.name));
        let fitting = left.filter(|it| {
            let mut hard = placement.spread.iter().filter(|it| is_hard(it));
            hard.all(|constraint| excess(constraint, &open, &chosen, it) == 0)
        });
        let best = fitting.min_by_key(|it| {
            let soft = placement.spread.iter().filter(|it| !is_hard(it));
            let excess: u64 = soft.map(|constraint| excess(constraint, &open, &chosen, it)).sum();
            let score: i64 = placement
                .preferences
                .iter()
                .filter(|one| one.selector.matches(&it.meta.labels))
                .map(|one| one.weight)
                .sum();
            let avoided = bad(it, Some(placement), target, Effect::PreferNoSchedule).1;
            let tie = wob_engine::Hasher::new("wob 2026-11 rendezvous")
                .field(target.name.as_str().as_bytes())
                .field(it.meta.name.as_str().as_bytes())
                .finish();
            (excess, avoided, -score, std::cmp::Reverse(*tie.as_bytes()))
        });
        let Some(best) = best else { break };
        chosen.push(best);
    }
    chosen.into_iter().map(|it| it.meta.name.clone()).collect()
}

fn placement_of(policy: &SchedulingPolicy) -> Option<&Placement> {
    policy.placement.as_ref()
}

fn is_hard(constraint: &SpreadConstraint) -> bool {
    constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule
}

/// Says whether there is a taint of this effect that is not tolerated, and how many.
fn bad(
    it: &ClusterType,
    placement: Option<&Placement>,
    target: &Target,
    effect: Effect,
) -> (bool, usize) {
    let mut count = 0;
    for taint in it.taints.iter().filter(|it| it.effect == effect) {
        let own = target.tolerations.iter();
        let all = own.chain(placement.iter().flat_map(|it| &it.tolerations));
        if !all.into_iter().any(|it| it.tolerates(taint)) {
            count += 1;
        }
    }
    (count > 0, count)
}

/// Says by how much choosing `next` would go beyond the skew.
fn excess(
    constraint: &SpreadConstraint,
    open: &[&ClusterType],
    chosen: &[&ClusterType],
    next: &ClusterType,
) -> u64 {
    let domain = |it: &ClusterType| it.meta.labels.get(&constraint.key).cloned();
    let Some(own) = domain(next) else { return u64::from(u32::MAX) };
    let count = |wanted: &String| {
        chosen.iter().filter(|it| domain(it).as_ref() == Some(wanted)).count() as u64
    };
    let domains: BTreeSet<String> = open.iter().filter_map(|it| domain(it)).collect();
    let least = domains.iter().map(count).min().unwrap_or(0);
    (count(&own) + 1 - least).saturating_sub(u64::from(constraint.max_skew))
}
