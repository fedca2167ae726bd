//! The scheduler `placement` on fleets that are written down.

use super::*;
use crate::schedule::explain;

/// One policy for everything, with this placement.
fn ship(cluster_types: Vec<ClusterType>, placement: Placement) -> Ship {
    let mut all = policy("all", "", "");
    all.placement = Some(placement);
    Ship { scheduling: scheduling("placement"), ..Ship::default() }
        .with(cluster_types, vec![all])
        .aboard(vec![target("app", "")])
}

fn app(ship: &Ship) -> Vec<String> {
    ship.placed().remove("app").unwrap_or_default().into_iter().collect()
}

#[test]
fn preferences_add_up() {
    let types = vec![
        cluster_type("cheap", "price=10 region=north"),
        cluster_type("fast", "disk=ssd region=south"),
        cluster_type("both", "price=10 disk=ssd region=south"),
        cluster_type("far", "price=10 disk=ssd region=moon"),
    ];
    let mut wish = placement(Some(1));
    wish.preferences =
        vec![prefer(10, "price=10"), prefer(20, "disk=ssd"), prefer(-25, "region=moon")];
    assert_eq!(app(&ship(types.clone(), wish.clone())), ["both"]);
    wish.number = Some(2);
    assert_eq!(app(&ship(types.clone(), wish.clone())), ["both", "fast"]);
    wish.number = Some(3);
    assert_eq!(app(&ship(types, wish)), ["both", "cheap", "fast"]);
}

#[test]
fn numbers_are_compared_as_numbers() {
    let types = ["9", "10", "80", "many", "-3"].map(|it| {
        let mut one = cluster_type(&format!("c{}", it.trim_start_matches('-')), "");
        one.meta.labels.insert("cores".to_owned(), it.to_owned());
        one
    });
    let mut wish = placement(Some(2));
    let operator = Operator::Gt(9);
    let requirement = Requirement { key: "cores".to_owned(), operator, place: place("selector") };
    let selector = LabelSelector { requirements: vec![requirement] };
    wish.preferences = vec![Preference { weight: 1, selector, place: place("preference") }];
    assert_eq!(app(&ship(types.to_vec(), wish.clone())), ["c10", "c80"]);
    wish.preferences[0].selector.requirements[0].operator = Operator::Lt(10);
    assert_eq!(app(&ship(types.to_vec(), wish)), ["c3", "c9"]);
}

#[test]
fn taints_keep_away_who_does_not_tolerate_them() {
    let tainted = |text: &str, taints: &[&str]| {
        let mut one = cluster_type(text, "");
        one.taints = taints.iter().map(|it| taint(it)).collect();
        one
    };
    let types = vec![
        tainted("free", &[]),
        tainted("gpu", &["gpu=a100:NoSchedule"]),
        tainted("old", &["old:PreferNoSchedule"]),
        tainted("two", &["gpu=a100:NoSchedule", "old:PreferNoSchedule"]),
    ];
    let cases: [(&[&str], &[&str], &[&str]); 8] = [
        (&[], &["free", "old"], &["free"]),
        (&["gpu=a100"], &["free", "gpu", "old", "two"], &["free", "gpu"]),
        (&["gpu=h100"], &["free", "old"], &["free"]),
        (&["gpu"], &["free", "gpu", "old", "two"], &["free", "gpu"]),
        (&["gpu:NoSchedule"], &["free", "gpu", "old", "two"], &["free", "gpu"]),
        (&["gpu:PreferNoSchedule"], &["free", "old"], &["free"]),
        (&["old"], &["free", "old"], &["free", "old"]),
        (&[""], &["free", "gpu", "old", "two"], &["free", "gpu", "old", "two"]),
    ];
    for (tolerations, all, at_ease) in cases {
        let tolerations: Vec<Toleration> = tolerations.iter().map(|it| toleration(it)).collect();
        let mut by_policy = placement(None);
        by_policy.tolerations.clone_from(&tolerations);
        assert_eq!(app(&ship(types.clone(), by_policy.clone())), all, "{tolerations:?}");
        let mut by_target = ship(types.clone(), placement(None));
        by_target.targets.values_mut().for_each(|it| it.tolerations.clone_from(&tolerations));
        assert_eq!(app(&by_target), all, "{tolerations:?}");
        // What is merely avoided comes last, however much it is preferred.
        by_policy.number = u32::try_from(at_ease.len()).ok();
        assert_eq!(app(&ship(types.clone(), by_policy)), at_ease, "{tolerations:?}");
    }
}

#[test]
fn a_taint_holds_for_policies_without_placement_too() {
    let mut gpu = cluster_type("gpu", "");
    gpu.taints = vec![taint("gpu:NoSchedule")];
    let mut ship = ship(vec![gpu, cluster_type("free", "")], placement(None));
    ship.policies.values_mut().for_each(|it| it.placement = None);
    assert_eq!(app(&ship), ["free"]);
}

#[test]
fn spread_evens_out() {
    let types: Vec<ClusterType> = ["north-1", "north-2", "north-3", "south-1", "south-2", "west-1"]
        .iter()
        .map(|it| cluster_type(it, &format!("region={}", it.split('-').next().unwrap())))
        .collect();
    let regions = |found: Vec<String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for it in found {
            *counts.entry(it.split('-').next().unwrap().to_owned()).or_default() += 1;
        }
        counts.into_values().collect::<Vec<_>>()
    };
    let mut wish = placement(Some(3));
    wish.spread = vec![spread("region", 1, WhenUnsatisfiable::DoNotSchedule)];
    assert_eq!(regions(app(&ship(types.clone(), wish.clone()))), [1, 1, 1]);
    // `west` has one only, so the others get one more at most.
    wish.number = None;
    assert_eq!(regions(app(&ship(types.clone(), wish.clone()))), [2, 2, 1]);
    wish.spread[0].max_skew = 2;
    assert_eq!(regions(app(&ship(types.clone(), wish.clone()))), [3, 2, 1]);
    wish.spread[0] = spread("region", 1, WhenUnsatisfiable::ScheduleAnyway);
    assert_eq!(regions(app(&ship(types.clone(), wish.clone()))), [3, 2, 1]);
    wish.number = Some(5);
    assert_eq!(regions(app(&ship(types.clone(), wish.clone()))), [2, 2, 1]);
    // Spread comes before preference.
    wish.number = Some(3);
    wish.preferences = vec![prefer(100, "region=north")];
    assert_eq!(regions(app(&ship(types, wish))), [1, 1, 1]);
}

#[test]
fn who_has_no_domain_is_out_or_last() {
    let types =
        vec![cluster_type("a", "zone=1"), cluster_type("b", "zone=1"), cluster_type("c", "")];
    let mut wish = placement(None);
    wish.spread = vec![spread("zone", 1, WhenUnsatisfiable::DoNotSchedule)];
    assert_eq!(app(&ship(types.clone(), wish.clone())), ["a", "b"]);
    wish.spread = vec![spread("zone", 1, WhenUnsatisfiable::ScheduleAnyway)];
    assert_eq!(app(&ship(types.clone(), wish.clone())), ["a", "b", "c"]);
    wish.number = Some(2);
    assert_eq!(app(&ship(types, wish)), ["a", "b"]);
}

#[test]
fn each_fate_is_explained() {
    let mut tainted = cluster_type("tainted", "region=east");
    tainted.taints = vec![taint("full:NoSchedule")];
    let types = vec![
        tainted,
        cluster_type("lost", ""),
        cluster_type("best", "region=west good=very"),
        cluster_type("next", "region=west good=somewhat"),
        cluster_type("third", "region=east good=hardly"),
        cluster_type("last", "region=east"),
    ];
    let mut wish = placement(Some(2));
    wish.preferences =
        vec![prefer(9, "good=very"), prefer(8, "good=somewhat"), prefer(1, "good=hardly")];
    wish.spread = vec![spread("region", 1, WhenUnsatisfiable::DoNotSchedule)];
    let ship = ship(types, wish);
    let schedule = ship.schedule("placement");
    let said = |text: &str| {
        let cluster_type = &ship.cluster_types[text];
        let it = explain(ship.fleet(), &schedule, cluster_type, &ship.targets["app"]);
        let ranking = it.policies[0].ranking.as_ref().unwrap().phrase();
        assert_eq!(ranking.contains("chosen"), it.assigned, "{text}: {ranking}");
        ranking
    };
    assert_eq!(said("best"), "it ranks 1 of 6, and is chosen");
    assert_eq!(said("third"), "it ranks 3 of 6, and is chosen");
    assert_eq!(
        said("next"),
        "it ranks 2 of 6, but when it was its turn, `region: west` had 1 already and others 0: \
         one more would have gone beyond a skew of 1"
    );
    assert!(said("last").ends_with("beyond `numberOfClusterTypes: 2`"), "{}", said("last"));
    assert_eq!(said("lost"), "it has no label `region`, over which targets are spread");
    assert_eq!(said("tainted"), "its taint `full:NoSchedule` is not tolerated");
}

#[test]
fn too_few_are_warned_of() {
    let said = |ship: &Ship| {
        let diagnostics = ship.schedule("placement").diagnostics;
        diagnostics.into_iter().map(|it| it.message).collect::<Vec<_>>()
    };
    let types = || vec![cluster_type("a", ""), cluster_type("b", "")];
    assert!(said(&ship(types(), placement(Some(2)))).is_empty());
    let mut short = ship(types(), placement(Some(3)));
    assert_eq!(said(&short), ["policy `all` finds 2 of 3 cluster types for target `app`"]);
    short = short.aboard(vec![target("bpp", ""), target("cpp", "")]);
    assert_eq!(
        said(&short),
        ["policy `all` finds 2 of 3 cluster types for target `app` and 2 more"]
    );
    short.candidates = Candidates::Unsure;
    assert!(said(&short).is_empty(), "what could not be read might be enough");
    let mut full = ship(types(), placement(None));
    full.cluster_types.values_mut().for_each(|it| it.taints = vec![taint("full:NoSchedule")]);
    assert_eq!(said(&full), ["policy `all` finds 0 of 1 cluster types for target `app`"]);
}
