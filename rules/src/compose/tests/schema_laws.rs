//! Laws of schemas, on random ones and random configs.

use proptest::prelude::*;
use wob_engine::{Diagnostic, FileName, Place};

use super::{Pair, map, schemas::schema};
use crate::compose::{
    InlineSchema, Layers, Precedence, Reading, Schemas, looked_at, merge, passes, select, validate,
    validate_all, values,
};

const KEYS: [&str; 5] = ["A", "B", "C", "D", "E"];

fn check(text: &str, data: &[(&str, &str)]) -> Vec<Diagnostic> {
    let (schemas, flaws) = Schemas::new(&[schema("s", &[], text)], &[]);
    assert_eq!(flaws, [], "{text}");
    let pair = Pair::new();
    let layers = Layers::new(&[map("c", &[], data)], Reading::Standard);
    let ids = select(&layers, &pair.subject());
    validate(&schemas, &[], &pair.subject(), &merge(&layers, &ids, Precedence::Name))
}

/// What may stand at the top of a schema; each at most once.
fn keywords() -> impl Strategy<Value = Vec<String>> {
    let key = prop::sample::select(&KEYS[..]);
    let rule = prop::sample::select(vec![
        r#"{"type": "integer"}"#,
        r#"{"type": "boolean"}"#,
        r#"{"enum": ["1", true, 12]}"#,
        r#"{"required": ["A"], "additionalProperties": false}"#,
        r##"{"$ref": "#"}"##,
        r##"{"$ref": "#/definitions/n"}"##,
        r#"{"not": {"type": "string"}}"#,
        "false",
    ]);
    let properties = prop::collection::btree_map(key.clone(), rule, 0..4).prop_map(|it| {
        let rules: Vec<String> = it.iter().map(|(key, it)| format!("\"{key}\": {it}")).collect();
        format!("\"properties\": {{{}}}", rules.join(", "))
    });
    let required = prop::collection::btree_set(key, 0..3)
        .prop_map(|it| format!("\"required\": {:?}", it.into_iter().collect::<Vec<_>>()));
    let other = prop::sample::subsequence(
        vec![
            r#""type": "object""#,
            r#""title": "T""#,
            r#""additionalProperties": true"#,
            r#""dependencies": {"A": ["B"], "C": {"required": ["D"]}}"#,
            r#""anyOf": [{"required": ["E"]}, {"maxProperties": 2}]"#,
            r#""propertyNames": {"pattern": "^[A-D]$"}"#,
            r#""if": {"required": ["D"]}, "then": {"properties": {"E": {"type": "integer"}}}"#,
        ],
        0..4,
    );
    let definitions = Just(r#""definitions": {"n": {"type": "number", "minimum": 5}}"#.to_owned());
    (properties, required, other, definitions).prop_map(|(properties, required, other, last)| {
        let other = other.into_iter().map(str::to_owned);
        [properties, required].into_iter().chain(other).chain([last]).collect()
    })
}

fn config() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let value = prop::sample::select(vec!["1", "12", "true", "x", "", "{A: 1}", "{B: [1], A: {}}"]);
    let pairs = prop::collection::btree_map(prop::sample::select(&KEYS[..]), value, 0..6);
    pairs.prop_map(|it| it.into_iter().collect())
}

proptest! {
    #[test]
    fn what_a_schema_does_not_look_at_changes_nothing(keywords in keywords(), data in config()) {
        let short = format!("{{{}}}", keywords.join(", "));
        // It holds for every config, but it looks at all keys.
        let whole = format!("{{{}, \"minProperties\": 0}}", keywords.join(", "));
        prop_assert_eq!(check(&short, &data), check(&whole, &data));
    }
    #[test]
    fn what_schemas_look_at_tells_who_passes(
        keywords in prop::collection::vec(keywords(), 0..3),
        data in config(),
        inline in any::<bool>(),
    ) {
        let texts: Vec<String> =
            keywords.iter().map(|it| format!("{{{}}}", it.join(", "))).collect();
        let all: Vec<_> = texts.iter().map(|it| schema(it, &[], it)).collect();
        let inline: Vec<InlineSchema> = if inline {
            let place = Place::document(&FileName::new("workload"), 0);
            vec![InlineSchema { schema: r#"{"required": ["B"]}"#.into(), place }]
        } else {
            vec![]
        };
        let (schemas, _) = Schemas::new(&all, &inline);
        let pair = Pair::new();
        let layers = Layers::new(&[map("c", &[], &data)], Reading::Standard);
        let ids = select(&layers, &pair.subject());
        let values = values(&layers, &ids, Precedence::Name).values;
        let composition = merge(&layers, &ids, Precedence::Name);
        let chosen = schemas.matching(&pair.subject());
        let applicable = (&schemas, &*chosen, &*inline);
        let found = validate_all(applicable, &values, &|| &composition);
        if let Some(seen) = looked_at(applicable, &values) {
            prop_assert_eq!(passes(applicable, &seen), found.is_empty());
        } else {
            let looks_at_all = ["dependencies", "anyOf", "propertyNames", "if"];
            prop_assert!(texts.iter().any(|it| looks_at_all.iter().any(|word| it.contains(word))));
        }
    }
}
