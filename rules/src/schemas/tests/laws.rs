//! Laws that hold for every schema that comes with wob, whatever it states.
//!
//! From each schema an object with every field is made; each change that must be refused is then tried.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::super::{KubernetesVersion, bundled, schema::Schema};

/// Texts of which one fits each pattern that a schema has.
const TEXTS: [&str; 10] =
    ["", "a", "5m", "https://a", "oci://a", "A", ".a", "aa", "2026-01-01T00:00:00Z", "1"];

/// How often a type may hold itself.
const DEPTH: usize = 2;

/// Calls `check` with the name of each kind and its schema, in each of `versions`.
fn for_every_schema(versions: &[KubernetesVersion], mut check: impl FnMut(&str, &Schema)) {
    for version in versions.iter().copied() {
        for (api_version, kind) in bundled::kinds(version) {
            let schema = bundled::of_kind(api_version, kind, version).unwrap();
            check(&format!("{api_version} {kind} {version}"), schema);
        }
        for file in ["fleet.yaml", "kustomization.yaml", "zarf.yaml"] {
            check(file, bundled::of_file(file, version).unwrap());
        }
    }
}

/// A place in an object, and what the schema says of it.
struct Part {
    /// JSON pointer.
    pointer: String,
    schema: Json,
}

/// Makes values that a schema takes, and remembers their parts.
struct Sampler<'s> {
    root: &'s Json,
    open: Vec<String>,
    parts: Vec<Part>,
}

impl Sampler<'_> {
    fn value(&mut self, schema: &Json, pointer: &str) -> Option<Json> {
        if let Some(name) = schema["$ref"].as_str() {
            if self.open.iter().filter(|it| *it == name).count() >= DEPTH {
                return None;
            }
            self.open.push(name.to_owned());
            let target = self.root.pointer(name.trim_start_matches('#')).unwrap().clone();
            let value = self.value(&target, pointer);
            self.open.pop();
            return value;
        }
        self.parts.push(Part { pointer: pointer.to_owned(), schema: schema.clone() });
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        if let Some(values) = schema["enum"].as_array() {
            return Some(values[0].clone());
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
        Some(match kind {
            Some("object") => self.object(schema, pointer)?,
            Some("array") => {
                let item = self.value(&schema["items"], &format!("{pointer}/0"));
                if item.is_none() && schema["minItems"].is_u64() {
                    return None;
                }
                item.into_iter().collect()
            }
            Some("string") => text(schema).into(),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            None => json!({"anything": ["goes"]}),
            Some(other) => panic!("{other}"),
        })
    }

    fn object(&mut self, schema: &Json, pointer: &str) -> Option<Json> {
        let mut fields = Map::new();
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let value = self.value(below, &format!("{pointer}/{name}"));
            let is_required =
                schema["required"].as_array().is_some_and(|it| it.contains(&json!(name)));
            match value {
                Some(value) => drop(fields.insert(name.clone(), value)),
                None if is_required => return None,
                None => {}
            }
        }
        if schema["additionalProperties"].is_object() {
            let value = self.value(&schema["additionalProperties"], &format!("{pointer}/key"));
            fields.extend(value.map(|it| ("key".to_owned(), it)));
        }
        Some(fields.into())
    }
}

fn text(schema: &Json) -> &'static str {
    let fits = |it: &&&str| {
        jsonschema::is_valid(schema, &json!(it))
            && (schema["format"].is_null() || it.ends_with('Z'))
    };
    TEXTS.iter().find(fits).unwrap_or_else(|| panic!("no text fits {schema}"))
}

fn sample(schema: &Schema) -> (Json, Vec<Part>) {
    let mut sampler = Sampler { root: schema.json(), open: vec![], parts: vec![] };
    let object = sampler.value(schema.json(), "").unwrap();
    let mut seen = BTreeSet::new();
    let mut parts = sampler.parts;
    // Parts that were left out again have no value; those that are said alike are one.
    parts.retain(|it| object.pointer(&it.pointer).is_some() && seen.insert(it.schema.to_string()));
    (object, parts)
}

/// Says whether `schema` refuses `object` after a change of one part; puts the part back.
fn is_refused(
    schema: &Schema,
    object: &mut Json,
    part: &Part,
    change: impl FnOnce(&mut Json),
) -> bool {
    let value = object.pointer_mut(&part.pointer).unwrap();
    let before = value.clone();
    change(value);
    let refused = !schema.compiled.validator.is_valid(object);
    *object.pointer_mut(&part.pointer).unwrap() = before;
    refused
}

#[test]
fn every_schema_takes_an_object_with_every_field() {
    let mut count = 0;
    for_every_schema(&[KubernetesVersion::FIRST, KubernetesVersion::LAST], |name, schema| {
        let (object, parts) = sample(schema);
        let errors: Vec<String> = schema
            .compiled
            .validator
            .iter_errors(&object)
            .map(|it| format!("{} {it}", it.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert!(parts.len() > 4, "{name}");
        assert!(schema.compiled.allows(&object), "{name}");
        count += 1;
    });
    assert!(count > 100, "{count}");
}

/// Free-form mappings are the exception: what they hold is up to others.
#[test]
fn every_schema_refuses_a_field_that_it_does_not_name() {
    let mut refused = 0;
    for_every_schema(&[KubernetesVersion::LAST], |name, schema| {
        let (mut object, parts) = sample(schema);
        for part in parts.iter().filter(|it| it.schema["additionalProperties"] == json!(false)) {
            let change = |it: &mut Json| it["tYpo"] = json!("x");
            assert!(is_refused(schema, &mut object, part, change), "{name} {}", part.pointer);
            refused += 1;
        }
        let is_struct = |it: &Part| it.schema["properties"].is_object();
        for part in parts.iter().filter(|it| is_struct(it)) {
            assert_eq!(
                part.schema["additionalProperties"],
                json!(false),
                "{name} {}",
                part.pointer
            );
        }
    });
    assert!(refused > 500, "{refused}");
}

#[test]
fn every_schema_refuses_an_object_without_a_required_field() {
    let mut refused = 0;
    for_every_schema(&[KubernetesVersion::LAST], |name, schema| {
        let (mut object, parts) = sample(schema);
        for part in &parts {
            for field in part.schema["required"].as_array().into_iter().flatten() {
                let change = |it: &mut Json| {
                    assert!(it.as_object_mut().unwrap().remove(field.as_str().unwrap()).is_some());
                };
                let at = &part.pointer;
                assert!(is_refused(schema, &mut object, part, change), "{name} {at} {field}");
                refused += 1;
            }
        }
    });
    assert!(refused > 300, "{refused}");
}

#[test]
fn every_schema_refuses_values_of_another_type() {
    let mut refused = 0;
    for_every_schema(&[KubernetesVersion::LAST], |name, schema| {
        let (mut object, parts) = sample(schema);
        for part in &parts {
            let takes = |kind: &str| match &part.schema["type"] {
                Json::String(it) => it == kind,
                Json::Array(all) => all.contains(&json!(kind)),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
                    part.schema.get("const").is_none()
                }
            };
            let wrong = [
                ("object", json!({"tYpo": 1})),
                ("array", json!([["x"]])),
                ("string", json!("\u{1}no")),
                ("boolean", json!(false)),
                ("number", json!(0.5)),
            ];
            for (kind, value) in wrong.into_iter().filter(|(kind, _)| !takes(kind)) {
                let change = |it: &mut Json| *it = value;
                let at = &part.pointer;
                assert!(is_refused(schema, &mut object, part, change), "{name} {at} takes {kind}");
                refused += 1;
            }
        }
    });
    assert!(refused > 3000, "{refused}");
}

#[test]
fn every_statement_can_be_used_in_every_version() {
    for version in KubernetesVersion::all() {
        for (api_version, kind) in bundled::kinds(version) {
            assert!(bundled::of_kind(api_version, kind, version).is_some());
        }
    }
}
