//! Laws of scheduling, on random fleets.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{naive, *};
use crate::{
    schedule::explain::Side,
    schedule::{Fate, explain, unassigned},
};

const REGIONS: [&str; 4] = ["region=north", "region=south", "region=west", ""];
const SIZES: [&str; 3] = ["size=large", "size=small", ""];

fn any_cluster_type(index: usize) -> impl Strategy<Value = ClusterType> {
    let taints =
        select(vec!["", "", "gpu=a:NoSchedule", "gpu=b:NoSchedule", "old:PreferNoSchedule"]);
    (select(&REGIONS[..]), select(&SIZES[..]), taints).prop_map(move |(region, size, text)| {
        let mut one = cluster_type(&format!("c{index}"), &format!("{region} {size}"));
        one.taints = Some(text).filter(|it| !it.is_empty()).map(taint).into_iter().collect();
        one
    })
}

fn any_tolerations() -> impl Strategy<Value = Vec<Toleration>> {
    let one = select(vec!["", "gpu=a", "gpu", "old", "old:NoSchedule"]);
    vec(one, 0..2).prop_map(|it| it.into_iter().map(toleration).collect())
}

fn any_target(index: usize) -> impl Strategy<Value = Target> {
    (select(&SIZES[..]), any_tolerations()).prop_map(move |(size, tolerations)| Target {
        tolerations,
        ..target(&format!("t{index}"), size)
    })
}

fn any_spread() -> impl Strategy<Value = SpreadConstraint> {
    let way = select(vec![WhenUnsatisfiable::DoNotSchedule, WhenUnsatisfiable::ScheduleAnyway]);
    (select(vec!["region", "size"]), 1..3_u32, way)
        .prop_map(|(key, skew, way)| spread(key, skew, way))
}

fn any_placement() -> impl Strategy<Value = Placement> {
    let preference = (-100..=100_i64, select(&REGIONS[..])).prop_map(|(it, with)| prefer(it, with));
    let parts =
        (option::of(1..5_u32), vec(preference, 0..3), vec(any_spread(), 0..3), any_tolerations());
    parts.prop_map(|(number, preferences, spread, tolerations)| Placement {
        number,
        preferences,
        spread,
        tolerations,
        place: place("placement"),
    })
}

fn any_policy(index: usize) -> impl Strategy<Value = SchedulingPolicy> {
    let selectors = (select(&SIZES[..]), select(&REGIONS[..]));
    (selectors, option::weighted(0.8, any_placement())).prop_map(
        move |((targets, cluster_types), placement)| SchedulingPolicy {
            placement,
            ..policy(&format!("p{index}"), targets, cluster_types)
        },
    )
}

fn any_ship() -> impl Strategy<Value = Ship> {
    let cluster_types =
        (0..12_usize).prop_flat_map(|it| (0..it).map(any_cluster_type).collect::<Vec<_>>());
    let targets = (0..6_usize).prop_flat_map(|it| (0..it).map(any_target).collect::<Vec<_>>());
    let policies = (0..4_usize).prop_flat_map(|it| (0..it).map(any_policy).collect::<Vec<_>>());
    (cluster_types, targets, policies).prop_map(|(cluster_types, targets, policies)| {
        Ship { scheduling: scheduling("placement"), ..Ship::default() }
            .with(cluster_types, policies)
            .aboard(targets)
    })
}

/// Returns what one policy of `ship` makes of one target, as the scheduler ranks it.
fn chosen(ship: &Ship, policy: &SchedulingPolicy, target: &Target) -> BTreeSet<Name> {
    let ranked = scheduler_named("placement").rank(ship.fleet(), policy, target).unwrap();
    let chosen = ranked.iter().filter(|it| it.fate == Fate::Chosen);
    chosen.map(|it| it.cluster_type.meta.name.clone()).collect()
}

proptest! {
    #[test]
    fn it_chooses_as_the_obvious_way_does(ship in any_ship()) {
        let mut pairs: BTreeMap<(Name, Name), Vec<Name>> = BTreeMap::new();
        for policy in ship.policies.values() {
            for target in ship.targets.values().filter(|it| policy.targets.matches(&it.labels)) {
                let expected = naive::chosen(&ship, policy, target);
                prop_assert_eq!(&chosen(&ship, policy, target), &expected);
                for it in expected {
                    let policies = pairs.entry((it, target.name.clone())).or_default();
                    policies.push(policy.meta.name.clone());
                }
            }
        }
        let found = ship.schedule("placement").assignments;
        let found: Vec<_> = found.into_iter().map(|it| ((it.cluster_type, it.target), it.policies.to_vec())).collect();
        prop_assert_eq!(found, pairs.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn without_fields_it_is_labels(mut ship in any_ship()) {
        ship.cluster_types.values_mut().for_each(|it| it.taints.clear());
        ship.targets.values_mut().for_each(|it| it.tolerations.clear());
        ship.policies.values_mut().for_each(|it| it.placement = None);
        prop_assert_eq!(ship.schedule("placement"), ship.schedule("labels"));
        // An empty `placement` asks for nothing either.
        ship.policies.values_mut().for_each(|it| it.placement = Some(placement(None)));
        prop_assert_eq!(ship.schedule("placement").assignments, ship.schedule("labels").assignments);
    }

    #[test]
    fn labels_ignores_all_fields(ship in any_ship()) {
        let mut plain = ship.clone();
        plain.cluster_types.values_mut().for_each(|it| it.taints.clear());
        plain.targets.values_mut().for_each(|it| it.tolerations.clear());
        plain.policies.values_mut().for_each(|it| it.placement = None);
        prop_assert_eq!(ship.schedule("labels").assignments, plain.schedule("labels").assignments);
        prop_assert!(plain.schedule("labels").diagnostics.is_empty());
    }

    /// Without spread, a target that loses its cluster type gets the next best one, and keeps all others.
    #[test]
    fn who_goes_moves_only_what_was_there(mut ship in any_ship(), pick in any::<prop::sample::Index>()) {
        prop_assume!(!ship.cluster_types.is_empty());
        for it in ship.policies.values_mut().filter_map(|it| it.placement.as_mut()) {
            it.spread.clear();
        }
        let gone = pick.index(ship.cluster_types.len());
        let gone = ship.cluster_types.keys().nth(gone).unwrap().clone();
        let mut smaller = ship.clone();
        smaller.cluster_types.remove(&gone);
        for (policy, target) in pairs(&ship) {
            let (mut before, after) = (chosen(&ship, policy, target), chosen(&smaller, policy, target));
            if before.remove(&gone) {
                prop_assert!(before.is_subset(&after), "{:?} -> {:?}", before, after);
                prop_assert!(after.len() <= before.len() + 1);
            } else {
                prop_assert_eq!(before, after);
            }
        }
    }

    /// With spread too, as long as its domains keep somebody.
    #[test]
    fn who_goes_moves_nobody_else_under_spread(ship in any_ship(), pick in any::<prop::sample::Index>()) {
        prop_assume!(!ship.cluster_types.is_empty());
        let gone = pick.index(ship.cluster_types.len());
        let gone = ship.cluster_types.keys().nth(gone).unwrap().clone();
        let mut smaller = ship.clone();
        let lost = smaller.cluster_types.remove(&gone).unwrap();
        // A twin under another name, which ranks last, keeps the domains.
        let mut twin = lost.clone();
        twin.meta.name = name("twin");
        for it in [&ship, &smaller].map(|it| it.clone().with(vec![twin.clone()], vec![])).windows(2) {
            let [whole, smaller] = it else { unreachable!("because windows have two") };
            for (policy, target) in pairs(whole) {
                let before = chosen(whole, policy, target);
                if !before.contains(&gone) {
                    prop_assert_eq!(before, chosen(smaller, policy, target));
                }
            }
        }
    }

    #[test]
    fn limits_hold(ship in any_ship()) {
        for (policy, target) in pairs(&ship) {
            let Some(placement) = &policy.placement else { continue };
            let chosen = chosen(&ship, policy, target);
            prop_assert!(chosen.len() <= placement.number.map_or(usize::MAX, |it| it as usize));
            for it in placement.spread.iter().filter(|it| it.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule) {
                let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
                for name in &chosen {
                    *counts.entry(&ship.cluster_types[name].meta.labels[&it.key]).or_default() += 1;
                }
                let most = counts.values().max().copied().unwrap_or(0);
                let least = counts.values().min().copied().unwrap_or(0);
                prop_assert!(most - least <= it.max_skew, "{:?}", counts);
            }
        }
    }

    /// What could not be read might have been chosen: who chooses waits, and nobody else does.
    #[test]
    fn nobody_chooses_in_doubt(ship in any_ship()) {
        let mut unsure = ship.clone();
        unsure.candidates = Candidates::Unsure;
        for (policy, target) in pairs(&ship) {
            let choosy = policy.placement.as_ref().is_some_and(|it| it.number.is_some() || !it.spread.is_empty());
            let expected = if choosy { BTreeSet::new() } else { chosen(&ship, policy, target) };
            prop_assert_eq!(chosen(&unsure, policy, target), expected);
        }
    }

    #[test]
    fn what_is_explained_is_what_was_decided(ship in any_ship()) {
        for scheduler in ["labels", "placement"] {
            let ship = Ship { scheduling: scheduling(scheduler), ..ship.clone() };
            let schedule = ship.schedule(scheduler);
            let mut left: BTreeSet<(Side, Name)> = BTreeSet::new();
            left.extend(ship.targets.keys().map(|it| (Side::Target, it.clone())));
            left.extend(ship.cluster_types.keys().map(|it| (Side::ClusterType, it.clone())));
            for cluster_type in ship.cluster_types.values() {
                for target in ship.targets.values() {
                    let it = explain(ship.fleet(), &schedule, cluster_type, target);
                    for view in &it.policies {
                        let chosen = view.ranking.as_ref().is_none_or(|it| it.candidate.fate == Fate::Chosen);
                        prop_assert_eq!(view.made_it, view.failing() == 0 && chosen);
                    }
                    prop_assert_eq!(it.assigned, it.policies.iter().any(|it| it.made_it));
                    let misses: Vec<_> = it.policies.iter().map(|it| (!it.made_it, it.failing())).collect();
                    prop_assert!(misses.is_sorted());
                    if it.assigned {
                        left.remove(&(Side::Target, target.name.clone()));
                        left.remove(&(Side::ClusterType, cluster_type.meta.name.clone()));
                    }
                }
            }
            let found = unassigned(ship.fleet(), &schedule);
            for it in &found {
                let least = nearest(&ship, &schedule, it.side, it.name);
                prop_assert_eq!(it.nearest.as_ref().map(|it| it.failing), least);
            }
            let found: BTreeSet<_> = found.into_iter().map(|it| (it.side, it.name.clone())).collect();
            prop_assert_eq!(found, left);
        }
    }
}

/// Returns how many clauses the nearest miss of a target or cluster type fails, by trying all pairs.
fn nearest(ship: &Ship, schedule: &Schedule, side: Side, wanted: &Name) -> Option<usize> {
    let pairs =
        ship.cluster_types.values().flat_map(|a| ship.targets.values().map(move |b| (a, b)));
    let pairs = pairs.filter(|(a, b)| match side {
        Side::Target => b.name == *wanted,
        Side::ClusterType => a.meta.name == *wanted,
    });
    let views = pairs.flat_map(|(a, b)| explain(ship.fleet(), schedule, a, b).policies);
    views.map(|it| it.failing()).min()
}

/// Returns every policy with each target that it selects.
fn pairs(ship: &Ship) -> Vec<(&SchedulingPolicy, &Target)> {
    let selected = |policy: &SchedulingPolicy| {
        ship.targets.values().filter(|it| policy.targets.matches(&it.labels)).collect::<Vec<_>>()
    };
    ship.policies
        .values()
        .flat_map(|policy| selected(policy).into_iter().map(move |it| (policy, it)))
        .collect()
}

/// Without preferences, everybody gets a fair share; a newcomer takes no more than that, and only for itself.
#[test]
fn shares_are_fair() {
    const TARGETS: usize = 20_000;
    let targets = (0..TARGETS).map(|it| target(&format!("target-{it}"), "")).collect();
    let mut all = policy("all", "", "");
    all.placement = Some(placement(Some(2)));
    let types = (0..10).map(|it| cluster_type(&format!("c{it}"), "")).collect();
    let before = Ship { scheduling: scheduling("placement"), ..Ship::default() }
        .with(types, vec![all])
        .aboard(targets);
    let after = before.clone().with(vec![cluster_type("newcomer", "")], vec![]);
    let (before, after) = (before.placed(), after.placed());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut moved = 0;
    for (target, now) in &after {
        for it in now {
            *counts.entry(it).or_default() += 1;
        }
        let gone = before[target].difference(now).count();
        assert_eq!(gone, usize::from(now.contains("newcomer")), "{target}");
        moved += gone;
    }
    let fair = TARGETS * 2 / 11;
    assert_eq!(counts["newcomer"], moved);
    for (name, count) in counts {
        assert!(count.abs_diff(fair) < fair / 16, "{name}: {count}, fair is {fair}");
    }
}
