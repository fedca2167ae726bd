//! Schemas: which apply, what they refuse, and what they cannot do.

use wob_engine::{At, Diagnostic, FileName, Place};

use super::{Pair, labels, map, said};
use crate::compose::{
    Composition, ConfigMap, ConfigSchema, InlineSchema, Layers, Precedence, Reading, Schemas,
    merge, select, validate,
};

pub(super) fn schema(name: &str, wanted: &[(&str, &str)], text: &str) -> ConfigSchema {
    let place = Place::document(&FileName::new(name), 0);
    ConfigSchema {
        name: name.to_owned(),
        labels: labels(wanted),
        schema: text.into(),
        schema_place: place.key("spec").key("schema"),
        place,
    }
}

fn composed(maps: &[ConfigMap]) -> Composition {
    let layers = Layers::new(maps, Reading::Standard);
    merge(&layers, &select(&layers, &Pair::new().subject()), Precedence::Name)
}

/// Checks a config map with `data` against one schema that applies to everybody.
fn check(text: &str, data: &[(&str, &str)]) -> Vec<Diagnostic> {
    let (schemas, _) = Schemas::new(&[schema("s", &[], text)], &[]);
    validate(&schemas, &[], &Pair::new().subject(), &composed(&[map("c", &[], data)]))
}

fn messages(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|it| it.message.as_str()).collect()
}

fn flaw(text: &str) -> Diagnostic {
    let (_, mut diagnostics) = Schemas::new(&[schema("s", &[], text)], &[]);
    assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
    diagnostics.remove(0)
}

/// The part of `text` that the diagnostic's label at place `index` points at.
fn pointed<'t>(text: &'t str, diagnostic: &Diagnostic, index: usize) -> &'t str {
    match &diagnostic.labels[index].place.at {
        At::Text { span, .. } => &text[span.start as usize..span.end as usize],
        other @ (At::File | At::Bytes(_) | At::Node { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_value_points_at_the_layer_that_won_and_at_the_rule() {
    let text = r#"{"properties": {"PORT": {"type": "integer", "maximum": 65535}}}"#;
    let (schemas, none) = Schemas::new(&[schema("ports", &[("size", "l")], text)], &[]);
    assert_eq!(none, []);
    let maps = [map("a", &[], &[("PORT", "1")]), map("b", &[], &[("PORT", "70000")])];
    let found = validate(&schemas, &[], &Pair::new().subject(), &composed(&maps));
    assert_eq!(
        messages(&found),
        ["config `PORT` is `70000`, which is more than 65535, as schema `ports` demands"]
    );
    assert_eq!(said(&found[0].labels[0].place), "b:data/PORT");
    assert_eq!(pointed(text, &found[0], 1), "65535");
    assert_eq!(found[0].notes, [""; 0]);
}

#[test]
fn a_missing_key_points_at_the_schema_and_names_the_layers() {
    let text = r#"{"required": ["DB"], "properties": {"M": {"required": ["x"]}}}"#;
    let found = check(text, &[("M", "{y: 1}")]);
    assert_eq!(
        messages(&found),
        [
            "config `DB` is missing, and schema `s` requires it",
            "config `M.x` is missing, and schema `s` requires it",
        ]
    );
    assert_eq!(pointed(text, &found[0], 0), r#"["DB"]"#);
    assert_eq!(found[0].notes[0], "these config maps apply: `c`");
    assert_eq!(said(&found[1].labels[0].place), "c:data/M");
}

#[test]
fn nested_values_keep_their_layer_and_their_type() {
    let text = r#"{"properties": {"M": {"properties": {"k": {"type": "integer"}}}}}"#;
    let (schemas, _) = Schemas::new(&[schema("s", &[], text)], &[]);
    let maps = [map("a", &[], &[("M", r#"{k: "5"}"#)]), map("b", &[], &[("M", "{x: 1}")])];
    let found = validate(&schemas, &[], &Pair::new().subject(), &composed(&maps));
    let message = r#"config `M.k` is `"5"`, which is not an integer, as schema `s` demands"#;
    assert_eq!(messages(&found), [message]);
    assert_eq!(said(&found[0].labels[0].place), "a:data/M");
}

#[test]
fn a_value_passes_as_text_or_number_or_boolean() {
    let types = r#"{"properties": {"T": {"type": "string", "pattern": "^[0-9]+$"}, "N": {"type": "number"},
        "B": {"type": "boolean"}, "E": {"enum": ["1"]}, "F": {"enum": [1]}, "X": {"type": "string"}}}"#;
    let data = [("T", "8080"), ("N", "1e3"), ("B", "true"), ("E", "1"), ("F", "1"), ("X", "NaN")];
    assert_eq!(check(types, &data), []);
    let found = check(types, &[("B", "yes"), ("N", "inf")]);
    assert_eq!(
        messages(&found),
        [
            r#"config `B` is `"yes"`, which is not a boolean, as schema `s` demands"#,
            r#"config `N` is `"inf"`, which is not a number, as schema `s` demands"#,
        ]
    );
}

#[test]
fn formats_are_checked_and_keys_that_a_schema_forbids_are_named() {
    let text = r#"{"properties": {"U": {"format": "uri"}}, "additionalProperties": false}"#;
    let found = check(text, &[("U", "not a uri"), ("Y", "1"), ("Z", "1")]);
    assert_eq!(
        messages(&found),
        [
            "config `U` is `\"not a uri\"`, which is no valid `uri`, as schema `s` demands",
            "config `Y` is not allowed by schema `s`",
            "config `Z` is not allowed by schema `s`",
        ]
    );
    assert_eq!(said(&found[2].labels[0].place), "c:data/Z");
}

#[test]
fn formats_are_those_of_all_drafts() {
    let four = |format: &str| {
        let draft = "http://json-schema.org/draft-04/schema#";
        format!(r#"{{"$schema": "{draft}", "properties": {{"K": {{"format": "{format}"}}}}}}"#)
    };
    assert_eq!(check(&four("uuid"), &[("K", "123")]).len(), 0, "a number has no format");
    assert_eq!(check(&four("uuid"), &[("K", "x")]).len(), 1);
    assert_eq!(check(&four("uuid"), &[("K", "4f1b3c52-0f7e-4d5a-9c1e-0a2b3c4d5e6f")]), []);
    assert_eq!(check(&four("uri-reference"), &[("K", "\\\\")]).len(), 1);
    assert_eq!(check(&four("ipv4"), &[("K", "300.1.1.1")]).len(), 1);
}

#[test]
fn a_long_value_is_only_quoted_in_part() {
    let found = check(r#"{"properties": {"K": {"type": "integer"}}}"#, &[("K", &"x".repeat(9999))]);
    assert!(found[0].message.len() < 150, "{}", found[0].message);
}

#[test]
fn schemas_apply_by_label_and_from_the_workload() {
    let inline = InlineSchema {
        schema: r#"{"required": ["W"]}"#.into(),
        place: Place::document(&FileName::new("workload"), 0).key("configSchemas").index(0),
    };
    let listed = [
        schema("east", &[("region", "east")], r#"{"required": ["E"]}"#),
        schema("west", &[("region", "west")], r#"{"required": ["V"]}"#),
    ];
    let inline = [inline];
    let (schemas, _) = Schemas::new(&listed, &inline);
    let found = validate(&schemas, &inline, &Pair::new().subject(), &composed(&[]));
    assert_eq!(
        messages(&found),
        [
            "config `V` is missing, and schema `west` requires it",
            "config `W` is missing, and the workload's own schema requires it",
        ]
    );
    assert_eq!(said(&found[1].labels[0].place), "workload:configSchemas/0");
    assert_eq!(found[0].notes[0], "no config map applies to this pair");
}

#[test]
fn a_text_that_is_no_schema_is_reported_where_it_goes_wrong() {
    let text = "{\"a\":\n  nope}";
    assert_eq!(
        flaw(text).message,
        "schema `s` cannot be used: it is not JSON: this word is no value; texts need quotes"
    );
    let text = r#"{"properties": {"a": {"type": "bogus"}}}"#;
    assert_eq!(pointed(text, &flaw(text), 0), r#""bogus""#);
    let text = r#"{"properties": {"a": {"pattern": "(?=x)y"}}}"#;
    assert_eq!(pointed(text, &flaw(text), 0), r#""(?=x)y""#);
    assert!(flaw(text).help.unwrap().contains("linear time"));
    for text in [
        "[1]",
        "type: object",
        r#"{"$ref": "http://example.com/s.json"}"#,
        r##"{"$ref": "#/nowhere"}"##,
        r#"{"$schema": "http://example.com/unknown"}"#,
        r#"{"pattern": "((a{100}){100}){100}"}"#,
    ] {
        assert!(flaw(text).is_error(), "{text}");
    }
}

#[test]
fn a_config_is_never_taken_for_checked_by_a_broken_schema() {
    let broken = flaw("{");
    assert_eq!(check("{", &[]), [broken]);
}

#[test]
fn drafts_follow_the_schema() {
    let four =
        r#"{"properties": {"n": {"type": "number", "minimum": 1, "exclusiveMinimum": true}}}"#;
    assert_eq!(check(four, &[("n", "1")]).len(), 1);
    let latest = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"l": {"prefixItems": [{"type": "integer"}]}}}"#;
    assert_eq!(check(latest, &[("l", "[x]")]).len(), 1);
    let seven = r#"{"properties": {"l": {"items": [{"type": "integer"}]}}}"#;
    assert_eq!(check(seven, &[("l", "[x]")]).len(), 1);
}

#[test]
fn references_that_multiply_or_chain_are_refused() {
    let define = |count: usize, body: &dyn Fn(usize) -> String| {
        let all: Vec<String> = (0..count).map(|n| format!("\"d{n}\": {}", body(n))).collect();
        format!(
            "{{\"$ref\": \"#/definitions/d0\", \"definitions\": {{{}, \"d{count}\": {{}}}}}}",
            all.join(",")
        )
    };
    let next = |n: usize| format!("{{\"$ref\": \"#/definitions/d{}\"}}", n + 1);
    let doubling = define(30, &|n| format!("{{\"allOf\": [{0}, {0}]}}", next(n)));
    assert!(flaw(&doubling).message.contains("multiply"), "{}", flaw(&doubling).message);
    assert!(flaw(&define(5000, &next)).message.contains("nest"));
    assert_eq!(check(&define(50, &next), &[("a", "1")]), []);
}

#[test]
fn a_recursive_schema_checks_deep_values_unless_it_branches() {
    let deep = format!("{}{}", "{a: ".repeat(30), "}".repeat(30));
    let tree =
        r##"{"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "type": ["object", "null"]}"##;
    assert_eq!(check(tree, &[("a", &deep)]), []);
    let branching = r##"{"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}"##;
    let found = check(branching, &[("a", &deep)]);
    assert_eq!(messages(&found), ["the config is too large to be checked by schema `s`"]);
    assert_eq!(check(branching, &[("a", "{a: {a: x}}")]), []);
}

#[test]
fn schemas_at_the_limits_fit_the_stack_of_a_thread() {
    let chain = |count: usize, end: &str| {
        let link = |n: usize| format!("\"d{n}\": {{\"$ref\": \"#/definitions/d{}\"}}", n + 1);
        let links: Vec<String> = (0..count).map(link).collect();
        let links = links.join(",");
        format!(
            "{{\"$ref\": \"#/definitions/d0\", \"definitions\": {{{links}, \"d{count}\": {end}}}}}"
        )
    };
    let found = check(&chain(250, r#"{"required": ["Z"]}"#), &[("a", "1")]);
    assert_eq!(messages(&found), ["config `Z` is missing, and schema `s` requires it"]);
    let deep = format!("{}1{}", "{a: ".repeat(60), "}".repeat(60));
    let circle = r##"{"type": "object", "properties": {"a": {"$ref": "#/definitions/d0"}}}"##;
    let found = check(&chain(12, circle), &[("a", &deep)]);
    assert!(found[0].message.ends_with("`1`, which is not a mapping, as schema `s` demands"));
    let nested = format!("{}{{\"type\": \"null\"}}{}", "{\"allOf\": [".repeat(60), "]}".repeat(60));
    assert_eq!(check(&nested, &[("a", "1")]).len(), 1);
}

#[test]
fn the_value_of_a_secret_is_not_said() {
    let text = r#"{"properties": {"DB_PASSWORD": {"minLength": 12}}}"#;
    let found = check(text, &[("DB_PASSWORD", "hunter2")]);
    let message =
        "config `DB_PASSWORD` is a secret, which is shorter than 12, as schema `s` demands";
    assert_eq!(messages(&found), [message]);
    assert!(!format!("{found:?}").contains("hunter2"));
}
