//! Laws of selection and merging, on random config maps.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use wob_engine::{Place, Value};

use super::{Pair, labels, map};
use crate::compose::{
    Applied, Composed, ConfigMap, Layers, Precedence, Reading, SpecialLabels, Subject, digest,
    label_match, merge, select, values,
};

/// A pair whose sides share some labels, some of which mean names.
#[derive(Debug)]
struct AnyPair {
    names: [&'static str; 3],
    labels: [BTreeMap<String, String>; 2],
}

impl AnyPair {
    fn subject(&self) -> Subject<'_> {
        let [cluster_type, target, workload] = self.names;
        let [cluster_labels, target_labels] = &self.labels;
        Subject { cluster_type, cluster_labels, target, target_labels, workload }
    }
}

fn any_pair() -> impl Strategy<Value = AnyPair> {
    let side = || prop::collection::vec(label(), 0..6).prop_map(|it| labels(&it));
    let name = |one, other| prop::sample::select(vec![one, other]);
    let names = [name("large", "small"), name("app-test", "app-live"), name("app", "web")];
    (names, [side(), side()]).prop_map(|(names, labels)| AnyPair { names, labels })
}

fn label() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("region", "west"),
        ("region", "east"),
        ("size", "l"),
        ("both", "target"),
        ("zone", ""),
        ("cluster-type", "large"),
        ("workload", "app"),
        ("deployment-target", "app-test"),
        (SpecialLabels::KALYPSO.ignored[0], "x"),
    ])
}

fn config_map() -> impl Strategy<Value = ConfigMap> {
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
    (name, prop::collection::vec(label(), 0..4), prop::collection::vec((key, value), 0..4))
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
    fn the_sides_of_a_pair_bring_what_a_scan_finds((maps, _) in shuffled(), pair in any_pair()) {
        let subject = pair.subject();
        let layers = Layers::new(&maps, Reading::Kalypso);
        let ids = select(&layers, &subject);
        let applies = |labels: &BTreeMap<Arc<str>, Arc<str>>| {
            let labels = labels.iter().map(|(label, value)| (label.to_string(), value.to_string()));
            label_match(&labels.collect(), &subject, SpecialLabels::KALYPSO)
        };
        let scanned = layers.ids().filter(|(_, it)| applies(&it.labels)).map(|it| it.0);
        prop_assert_eq!(&ids, &scanned.collect::<Vec<_>>());
        let chosen = merge(&layers, &ids, Precedence::Name).layers;
        for map in maps.iter().filter(|it| it.labels["platform-config"] == "true") {
            let is_chosen = |it: &Applied| it.place == map.place && *it.name == *map.name;
            let applies = label_match(&map.labels, &subject, SpecialLabels::KALYPSO);
            // What a dotted map says without dots makes a layer of its name too, for everybody.
            prop_assert!(map.name.starts_with("azure") || chosen.iter().any(is_chosen) == applies);
        }
    }

    #[test]
    fn values_alone_are_those_of_the_composition((maps, _) in shuffled()) {
        let layers = Layers::new(&maps, Reading::Kalypso);
        let ids = select(&layers, &Pair::new().subject());
        for precedence in [Precedence::Name, Precedence::Specificity] {
            let whole = merge(&layers, &ids, precedence);
            let alone = values(&layers, &ids, precedence);
            let keys: Vec<_> = alone.values.iter().map(|it| (it.key(), &***it)).collect();
            prop_assert_eq!(keys, whole.values.iter().map(|(key, it)| (key, &it.value)).collect::<Vec<_>>());
            for it in &alone.values {
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
