//! Laws of selection and merging, on random config maps.

use proptest::prelude::*;
use wob_engine::{Place, Value};

use super::{Pair, map};
use crate::compose::{
    Composed, ConfigMap, Layers, Precedence, Reading, SpecialLabels, digest, label_match, merge,
    select, values,
};

fn config_map() -> impl Strategy<Value = ConfigMap> {
    let label = prop::sample::select(vec![
        ("region", "west"),
        ("region", "east"),
        ("size", "l"),
        ("both", "target"),
        ("zone", ""),
        ("cluster-type", "large"),
        ("workload", "app"),
        ("deployment-target", "app-test"),
    ]);
    let key =
        prop::sample::select(vec!["K", "M", "size.l.K", "region.west.M", "size.s.M", "odd.K"]);
    let value = prop::sample::select(vec![
        "text",
        "[1, {name: x, v: [1]}]",
        "[{name: x, v: [2], w: {p: 1}}, {name: y}, {z: 1}]",
        "{a: 1, b: {c: [1], d: x}}",
        "{a: 2, b: {c: [2], e: null}, f: {}}",
        "{b: text}",
    ]);
    let name = prop::sample::select(vec!["a", "b", "c", "azure-app-config", "azure-app-config-z"]);
    (name, prop::collection::vec(label, 0..3), prop::collection::vec((key, value), 0..4))
        .prop_map(|(name, labels, data)| map(name, &labels, &data))
}

/// Config maps of distinct places, as the maps of one environment are, and another order of them.
fn shuffled() -> impl Strategy<Value = (Vec<ConfigMap>, Vec<ConfigMap>)> {
    let maps = prop::collection::vec(config_map(), 0..8).prop_map(|mut maps| {
        for (index, map) in maps.iter_mut().enumerate() {
            map.place = map.place.index(index);
        }
        maps
    });
    maps.prop_flat_map(|maps| (Just(maps.clone()), Just(maps).prop_shuffle()))
}

fn leaves(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Map(map) if !map.is_empty() => {
            for (key, item) in map {
                leaves(item, &format!("{pointer}/{key}"), found);
            }
        }
        leaf @ (Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)) => found.push((pointer.to_owned(), leaf.clone())),
    }
}

/// Says whether a value somewhere inside `said` is `leaf`.
fn says(said: &Value, leaf: &Value) -> bool {
    let mut found = vec![];
    leaves(said, "", &mut found);
    found.iter().any(|(_, it)| it == leaf)
}

fn value_at<'m>(maps: &'m [(Place, Value)], place: &Place) -> &'m Value {
    maps.iter().find(|(it, _)| it == place).map(|(_, value)| value).unwrap()
}

fn all_values(maps: &[ConfigMap]) -> Vec<(Place, Value)> {
    let of_map = |map: &ConfigMap| {
        let data = map.place.key("data");
        let value = |text| crate::compose::config_value(text, Reading::Kalypso);
        map.data.iter().map(|(key, text)| (data.key(key), value(text))).collect::<Vec<_>>()
    };
    maps.iter().flat_map(of_map).collect()
}

/// Every leaf has an origin that says it, and the contributors and the shadowed are all there is.
fn provenance_holds(composed: &Composed, said: &[(Place, Value)]) {
    let mut found = vec![];
    leaves(&composed.value, "", &mut found);
    for (pointer, leaf) in found {
        let origin = composed.origin_of(&pointer);
        assert!(says(value_at(said, origin), &leaf), "{pointer} = {leaf:?} from {origin:?}");
        assert!(composed.contributors.contains(origin));
    }
    assert!(composed.shadowed.iter().all(|place| !composed.contributors.contains(place)));
}

proptest! {
    #[test]
    fn the_order_of_maps_changes_nothing((maps, shuffled) in shuffled()) {
        let pair = Pair::new();
        let (a, b) = (Layers::new(&maps, Reading::Kalypso), Layers::new(&shuffled, Reading::Kalypso));
        prop_assert_eq!(&a, &b);
        let ids = select(&a, &pair.subject());
        prop_assert_eq!(&ids, &select(&b, &pair.subject()));
        for precedence in [Precedence::Name, Precedence::Specificity] {
            prop_assert_eq!(merge(&a, &ids, precedence), merge(&b, &ids, precedence));
        }
    }

    #[test]
    fn the_index_finds_what_a_scan_finds((maps, _) in shuffled()) {
        let pair = Pair::new();
        let marked = maps.iter().filter(|map| {
            map.labels["platform-config"] == "true"
                && label_match(&map.labels, &pair.subject(), SpecialLabels::KALYPSO)
        });
        let layers = Layers::new(&maps, Reading::Kalypso);
        let ids = select(&layers, &pair.subject());
        let chosen = merge(&layers, &ids, Precedence::Name).layers;
        for map in marked {
            prop_assert!(chosen.iter().any(|it| it.place == map.place && *it.name == *map.name));
        }
        prop_assert!(ids.is_sorted() && ids.windows(2).all(|two| two[0] != two[1]));
    }

    #[test]
    fn values_alone_are_those_of_the_composition((maps, _) in shuffled()) {
        let layers = Layers::new(&maps, Reading::Kalypso);
        let ids = select(&layers, &Pair::new().subject());
        for precedence in [Precedence::Name, Precedence::Specificity] {
            let whole = merge(&layers, &ids, precedence);
            let alone = values(&layers, &ids, precedence);
            let keys: Vec<_> = alone.values.iter().map(|(key, it)| (key, &***it)).collect();
            prop_assert_eq!(keys, whole.values.iter().map(|(key, it)| (key, &it.value)).collect::<Vec<_>>());
            for (_, it) in &alone.values {
                prop_assert_eq!(it.digest(), digest(it));
            }
            prop_assert_eq!(alone.diagnostics, whole.diagnostics);
        }
    }

    #[test]
    fn every_leaf_has_an_origin_that_says_it((maps, _) in shuffled()) {
        let layers = Layers::new(&maps, Reading::Kalypso);
        let ids = select(&layers, &Pair::new().subject());
        let said = all_values(&maps);
        for precedence in [Precedence::Name, Precedence::Specificity] {
            for composed in merge(&layers, &ids, precedence).values.values() {
                provenance_holds(composed, &said);
            }
        }
    }
}

#[test]
fn labels_that_hold_for_nobody_select_nothing() {
    let lost = map("a", &[("cluster-type", "none")], &[("K", "1")]);
    let layers = Layers::new(&[lost], Reading::Standard);
    assert_eq!(select(&layers, &Pair::new().subject()), []);
}
