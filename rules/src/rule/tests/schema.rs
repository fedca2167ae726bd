//! `rule.schema.json`, which is published, and the reader of `rule.yaml` take the same.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value as Json};
use wob_engine::{Diagnostic, FileName, Place, yaml};

use crate::{
    RULE_SCHEMA, Rule,
    decode::{Problems, decode_builtin},
};

/// Rules that have every field between them.
const SAMPLES: [&str; 3] = [
    "apiVersion: wob.dev/v1alpha1\nkind: Rule\nmetadata: {name: own, labels: {a: b}}\nspec:\n  type: config\n  \
     description: x\n  sources: [git]\n  manifests: [a.yaml.j2]\n  parameters:\n    \
     required: {type: string, description: x, required: true, allowed: [a], pattern: a}\n    \
     text: {type: string, description: x, default: '', required: false}\n    \
     list: {type: list, items: string, description: x, required: true, pattern: a}\n    \
     mapping: {type: mapping, items: integer, description: x, default: {}}\n    \
     flag: {type: boolean, description: x, default: true}\n    \
     number: {type: integer, description: x, default: 1}\n",
    "apiVersion: wob.dev/v1alpha1\nkind: Rule\nmetadata: {name: own}\nspec:\n  type: namespace\n  description: x\n  \
     files:\n  - {name: '{stem}.sh', content: text, templates: [a.sh.j2]}\n  - {name: b.yaml, templates: [a.j2, b.j2]}\n",
    "apiVersion: wob.dev/v1alpha1\nkind: Rule\nmetadata: {name: own}\nspec: {type: config, description: x, files: []}\n",
];

fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(RULE_SCHEMA).unwrap()).unwrap()
}

/// Reads a rule as wob does.
fn read(rule: &Json) -> (Option<Rule>, Vec<Diagnostic>) {
    // JSON is YAML.
    let parsed = yaml::parse(&rule.to_string(), &yaml::Limits::default());
    assert!(parsed.problems.is_empty(), "{rule}: {:?}", parsed.problems);
    let mut problems = Problems::default();
    let place = Place::document(&FileName::new("rule.yaml"), 0);
    let rule = decode_builtin(&parsed.documents[0].root, &place, &mut problems);
    (rule, problems.into_diagnostics())
}

fn samples() -> impl Iterator<Item = Json> {
    SAMPLES.iter().map(|it| Json::from(&yaml::parse_value(it).unwrap()))
}

/// Returns the pointers of everything inside `value`, itself first.
fn pointers(value: &Json) -> Vec<String> {
    let below: Vec<(String, &Json)> = match value {
        Json::Object(map) => map.iter().map(|(key, it)| (key.clone(), it)).collect(),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, it)| (index.to_string(), it)).collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => vec![],
    };
    let below = below
        .into_iter()
        .flat_map(|(key, it)| pointers(it).into_iter().map(move |rest| format!("/{key}{rest}")));
    std::iter::once(String::new()).chain(below).collect()
}

fn mapping<'v>(rule: &'v mut Json, pointer: &str) -> Option<&'v mut Map<String, Json>> {
    rule.pointer_mut(pointer)?.as_object_mut()
}

/// Returns `rule` with one field less, one more, or one value of another kind.
fn damaged(rule: &Json) -> Vec<Json> {
    let others =
        serde_json::json!([5, 1.5, true, false, "word", "a/b.j2", [], ["word"], {}, {"a": 1}]);
    let mut damaged = vec![];
    for pointer in pointers(rule) {
        for other in others.as_array().unwrap() {
            let mut changed = rule.clone();
            *changed.pointer_mut(&pointer).unwrap() = other.clone();
            damaged.push(changed);
        }
        let mut longer = rule.clone();
        if let Some(map) = mapping(&mut longer, &pointer) {
            map.insert("zz9zz9".to_owned(), Json::from("word"));
            damaged.push(longer);
        }
        if let Some((parent, key)) = pointer.rsplit_once('/') {
            let mut shorter = rule.clone();
            if let Some(map) = mapping(&mut shorter, parent) {
                map.remove(key);
                damaged.push(shorter);
            }
        }
    }
    damaged
}

#[test]
fn the_schema_and_the_reader_take_the_same() {
    let schema = schema();
    let (mut good, mut bad) = (0, 0);
    for sample in samples() {
        assert!(schema.is_valid(&sample), "{sample}");
        for rule in std::iter::once(sample.clone()).chain(damaged(&sample)) {
            // Whoever asks for a rule has looked at these two.
            if [&rule["apiVersion"], &rule["kind"]] != [&sample["apiVersion"], &sample["kind"]] {
                assert!(!schema.is_valid(&rule), "{rule}");
                continue;
            }
            let (read, problems) = read(&rule);
            let is_good = read.is_some() && problems.is_empty();
            assert_eq!(is_good, schema.is_valid(&rule), "{rule}: {problems:#?}");
            if is_good { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 50 && bad > 500, "{good} {bad}");
}

/// Whoever adds a field to one of them must add it to the other.
#[test]
fn the_schema_and_the_reader_know_the_same_fields() {
    let published: Json = serde_json::from_str(RULE_SCHEMA).unwrap();
    let of_mappings = [
        (0, "", ""),
        (0, "/metadata", "/properties/metadata"),
        (0, "/spec", "/properties/spec"),
        (0, "/spec/parameters/text", "/$defs/parameter"),
        (1, "/spec/files/0", "/$defs/file"),
    ];
    for (sample, at, in_schema) in of_mappings {
        let mut rule = samples().nth(sample).unwrap();
        mapping(&mut rule, at).unwrap().insert("zz9zz9".to_owned(), Json::from(1));
        let (_, problems) = read(&rule);
        let [only] = problems.as_slice() else { panic!("{at}: {problems:#?}") };
        let known = only.help.as_deref().and_then(|it| it.strip_prefix("known fields: ")).unwrap();
        let known: Vec<&str> = known.split(", ").map(|it| it.trim_matches('`')).collect();
        let distinct: BTreeSet<&str> = known.iter().copied().collect();
        assert_eq!(known.len(), distinct.len(), "{at}: each once: {known:?}");
        let fields = published.pointer(in_schema).unwrap()["properties"].as_object().unwrap();
        assert_eq!(distinct, fields.keys().map(String::as_str).collect(), "{at}");
    }
}
