//! Selection, precedence, merging and provenance.

use std::sync::Arc;

use super::{Pair, compose, json, map, messages, said};
use crate::compose::{ConfigMap, Layers, Precedence, Reading, config_value, merge, select};
use wob_engine::Value;

fn read(text: &str, reading: Reading) -> String {
    serde_json::Value::from(&config_value(&Arc::from(text), reading)).to_string()
}

#[test]
fn values_are_texts_unless_they_are_lists_or_mappings() {
    for reading in [Reading::Standard, Reading::Kalypso] {
        assert_eq!(read("5", reading), r#""5""#);
        assert_eq!(read(" true\n", reading), r#"" true\n""#);
        assert_eq!(read("'a: 1'", reading), r#""a: 1""#);
        assert_eq!(read("{a: [1, x]}", reading), r#"{"a":[1,"x"]}"#);
        assert_eq!(read("- a\n- b", reading), r#"["a","b"]"#);
        assert_eq!(read("- a", reading), r#"["a"]"#);
        assert_eq!(read("a: 1\n", reading), r#"{"a":1}"#);
        assert_eq!(read("{bad", reading), r#""{bad""#);
    }
}

#[test]
fn prose_on_one_line_stays_a_text_in_the_standard_reading() {
    assert_eq!(read("Note: see docs", Reading::Standard), r#""Note: see docs""#);
    assert_eq!(read("Note: see docs", Reading::Kalypso), r#"{"Note":"see docs"}"#);
}

#[test]
fn a_value_beyond_the_limits_is_a_text_and_an_error() {
    let bomb = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let composition = compose(&[map("a", &[], &[("K", &bomb)])], Precedence::Name);
    assert_eq!(composition.values["K"].value, Value::from(bomb.as_str()));
    assert!(composition.diagnostics[0].is_error());
    assert_eq!(said(&composition.diagnostics[0].labels[0].place), "a:data/K");
}

#[test]
fn only_marked_maps_whose_labels_hold_are_layers() {
    let maps = [
        map("all", &[], &[("A", "1")]),
        map("west", &[("region", "west"), ("purpose", "test")], &[("B", "1")]),
        map("east", &[("region", "east")], &[("C", "1")]),
        map("none", &[("platform-config", "false")], &[("D", "1")]),
        map("empty", &[("zone", "")], &[("E", "1")]),
    ];
    let composition = compose(&maps, Precedence::Name);
    assert_eq!(composition.values.keys().map(|key| &**key).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(composition.layers.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["all", "west"]);
}

#[test]
fn the_later_name_wins_and_a_less_specific_winner_is_warned_about() {
    let specific = map("a-specific", &[("region", "west")], &[("K", "a"), ("SAME", "x")]);
    let general = map("b-general", &[], &[("K", "b"), ("SAME", "x")]);
    let composition = compose(&[general, specific], Precedence::Name);
    assert_eq!(json(&composition, "K"), r#""b""#);
    assert_eq!(said(composition.values["K"].origin()), "b-general:data/K");
    assert_eq!(said(&composition.values["K"].shadowed[0]), "a-specific:data/K");
    assert_eq!(
        messages(&composition),
        ["config `b-general` overrides `K` of the more specific `a-specific`"]
    );
    assert!(!composition.diagnostics[0].is_error());
}

#[test]
fn nothing_is_said_if_the_most_specific_layer_wins_in_the_end() {
    let maps = [
        map("a", &[("region", "west"), ("size", "l")], &[("K", "a")]),
        map("b", &[], &[("K", "b")]),
        map("c", &[("region", "west"), ("size", "l"), ("purpose", "test")], &[("K", "c")]),
    ];
    assert_eq!(messages(&compose(&maps, Precedence::Name)), [""; 0]);
}

#[test]
fn specificity_sorts_by_labels_and_refuses_ties() {
    let specific = map("a-specific", &[("region", "west")], &[("K", "a"), ("T", "1"), ("S", "x")]);
    let general = map("b-general", &[], &[("K", "b")]);
    let tied = map("c-tied", &[("size", "l")], &[("T", "2"), ("S", "x"), ("L", "[1]")]);
    let composition = compose(&[specific, general, tied], Precedence::Specificity);
    assert_eq!(json(&composition, "K"), r#""a""#);
    assert_eq!(
        messages(&composition),
        ["config `a-specific` and `c-tied` are equally specific and disagree about `T`"]
    );
    let places = composition.diagnostics[0].labels.iter().map(|label| said(&label.place));
    assert_eq!(places.collect::<Vec<_>>(), ["c-tied:data/T", "a-specific:data/T"]);
    assert!(composition.diagnostics[0].is_error());
}

#[test]
fn a_tie_below_a_more_specific_layer_is_no_tie() {
    let maps = [
        map("a", &[("region", "west")], &[("K", "a")]),
        map("b", &[("size", "l")], &[("K", "b")]),
        map("c", &[("region", "west"), ("size", "l")], &[("K", "c")]),
    ];
    assert_eq!(messages(&compose(&maps, Precedence::Specificity)), [""; 0]);
}

fn dotted(data: &[(&str, &str)]) -> ConfigMap {
    map("azure-app-config-x", &[("platform-config", "no"), ("region", "elsewhere")], data)
}

#[test]
fn dotted_keys_come_last_and_the_longer_ones_win() {
    let maps = [
        dotted(&[
            ("K", "short"),
            ("size.l.K", "one label"),
            ("size.l.region.west.K", "two labels"),
            ("size.s.K", "other"),
            ("odd.D", "dropped"),
        ]),
        map("zz-last-name", &[], &[("K", "map")]),
    ];
    let composition = compose(&maps, Precedence::Name);
    assert_eq!(json(&composition, "K"), r#""two labels""#);
    assert_eq!(json(&composition, "D"), r#""dropped""#);
    assert_eq!(
        said(composition.values["K"].origin()),
        "azure-app-config-x:data/size.l.region.west.K"
    );
    assert_eq!(composition.values["K"].shadowed.len(), 3);
}

#[test]
fn dotted_keys_of_one_length_follow_byte_order() {
    let composition = compose(
        &[dotted(&[("size.l.K", "first"), ("both.x.K", "no"), ("zise.l.K", "no")])],
        Precedence::Name,
    );
    assert_eq!(json(&composition, "K"), r#""first""#);
    let tied = dotted(&[("region.west.K", "z"), ("purpose.test.K", "longer"), ("target.K", "-")]);
    assert_eq!(json(&compose(&[tied], Precedence::Name), "K"), r#""longer""#);
    let tied = dotted(&[("workload.app.K", "w"), ("purpose.test.K", "p")]);
    assert_eq!(json(&compose(&[tied], Precedence::Name), "K"), r#""w""#);
}

#[test]
fn a_marked_dotted_map_is_also_a_plain_layer() {
    let both = map("azure-app-config", &[], &[("size.l.K", "x")]);
    let composition = compose(&[both], Precedence::Name);
    assert_eq!(json(&composition, "K"), r#""x""#);
    assert_eq!(json(&composition, "size.l.K"), r#""x""#);
}

#[test]
fn list_items_merge_by_name_and_those_without_are_appended() {
    let maps = [
        map("a", &[], &[("L", "[{name: x, v: 1}, {v: 1}, {name: [1]}]")]),
        map(
            "b",
            &[],
            &[("L", "[{name: x, w: 2}, {w: 2}, {name: [1]}, {name: new}, {name: new, z: 1}]")],
        ),
    ];
    let composition = compose(&maps, Precedence::Name);
    let list = r#"[{"name":"x","v":1,"w":2},{"v":1},{"name":[1]},{"w":2},{"name":[1]},{"name":"new","z":1}]"#;
    assert_eq!(json(&composition, "L"), list);
    let composed = &composition.values["L"];
    assert_eq!(said(composed.origin_of("/0/v")), "a:data/L");
    assert_eq!(said(composed.origin_of("/0/w")), "b:data/L");
    assert_eq!(said(composed.origin_of("/1")), "a:data/L");
    assert_eq!(said(composed.origin_of("/3/w")), "b:data/L");
    assert_eq!(composed.contributors.len(), 2);
    assert!(composed.shadowed.is_empty());
}

#[test]
fn a_replaced_part_is_shadowed_and_the_rest_keeps_its_origin() {
    let maps = [
        map("a", &[("region", "west")], &[("M", "{x: 1, y/z: {p: 1}}")]),
        map("b", &[], &[("M", "{x: 2, q: 3}")]),
        map("c", &[], &[("M", "{x: 2}")]),
    ];
    let composition = compose(&maps, Precedence::Name);
    let composed = &composition.values["M"];
    assert_eq!(said(composed.origin_of("/x")), "c:data/M");
    assert_eq!(said(composed.origin_of("/y~1z/p")), "a:data/M");
    assert_eq!(said(composed.origin_of("/q")), "b:data/M");
    assert_eq!(messages(&composition), ["config `c` overrides `M` of the more specific `a`"]);
}

#[test]
fn lists_that_multiply_end_in_an_error() {
    let many = |what: &str| format!("[{}]", vec![what; 1500].join(", "));
    let maps = [
        map("a", &[], &[("L", &many("{name: x, l: []}"))]),
        map("b", &[], &[("L", &many("{name: x, l: [1]}"))]),
    ];
    let composition = compose(&maps, Precedence::Name);
    assert_eq!(messages(&composition), ["config `L` grows beyond 1000000 values when merged"]);
    assert!(composition.diagnostics[0].is_error());
}

#[test]
fn equal_lists_of_layers_can_be_shared() {
    let maps = [map("a", &[], &[("K", "1")]), map("b", &[("region", "east")], &[("K", "2")])];
    let layers = Layers::new(&maps, Reading::Standard);
    let pair = Pair::new();
    let other = crate::compose::Subject { cluster_type: "small", ..pair.subject() };
    let ids = select(&layers, &pair.subject());
    assert_eq!(ids, select(&layers, &other));
    assert_eq!(merge(&layers, &ids, Precedence::Name), merge(&layers, &ids, Precedence::Name));
}
