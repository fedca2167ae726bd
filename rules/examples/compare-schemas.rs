//! Compares what rules/schemas/ states with a CustomResourceDefinition, or with Zarf's JSON Schema.
//!
//! `cargo run -p wob-rules --example compare-schemas -- FILE...` prints every field that only one of both has, and
//! every type, requirement, value or limit that differs; it ends with 1 if there is any. Kinds that are not stated
//! are named and passed over.
#![expect(clippy::print_stdout, reason = "the comparison is what this prints")]

use std::{collections::BTreeSet, fs, process::ExitCode};

use serde_json::{Map, Value, json};
use wob_engine::yaml;
use wob_rules::{KubernetesVersion, custom_schemas, stated_schema};

/// Notes for people and tools, which say nothing about what is valid.
const NOTES: [&str; 8] =
    ["$id", "$schema", "default", "deprecated", "description", "examples", "format", "title"];

fn main() -> ExitCode {
    let (mut compared, mut differences) = (0, 0);
    for path in std::env::args().skip(1) {
        let text = fs::read_to_string(&path).expect("because the files to compare can be read");
        for (api_version, kind, theirs) in schemas(&text) {
            let name = format!("{api_version} {kind}");
            let Some(ours) = stated_schema(&api_version, &kind, KubernetesVersion::LAST) else {
                println!("{name}: not stated");
                continue;
            };
            let mut found = vec![];
            let ours = plain(&ours, &ours, Level::Object);
            compare("", &ours, &plain(&theirs, &theirs, Level::Object), &mut found);
            compared += 1;
            differences += found.len();
            println!("{name}: {} differences", found.len());
            for difference in found {
                println!("  {difference}");
            }
        }
    }
    println!("{compared} kinds compared, {differences} differences");
    if compared > 0 && differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns `apiVersion`, `kind` and JSON Schema of everything that a file defines.
fn schemas(text: &str) -> Vec<(String, String, Value)> {
    let parsed = yaml::parse(text, &yaml::Limits::default());
    let documents = parsed.documents.iter().map(|it| Value::from(&it.root.to_value()));
    documents
        .flat_map(|document| {
            if document["kind"] == "CustomResourceDefinition" {
                return custom_schemas(&document);
            }
            let values = |name: &str| -> Vec<String> {
                let values = document["properties"][name]["enum"].as_array();
                values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let versions = values("apiVersion");
            let one = |kind: String| Some((versions.first()?.clone(), kind, document.clone()));
            values("kind").into_iter().filter_map(one).collect()
        })
        .collect()
}

/// What a schema is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// A whole object.
    Object,
    /// A part of one.
    Below,
}

/// Returns a schema with every reference written out, without notes and in one order.
///
/// At the top, what all objects have is left out, and the status, which nobody but a controller writes.
fn plain(schema: &Value, root: &Value, level: Level) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#'));
        return plain(target.expect("because references lead somewhere"), root, Level::Below);
    }
    let mut result = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("$defs" | "definitions", _) => continue,
            (note, _) if NOTES.contains(&note) => continue,
            ("properties" | "patternProperties", Value::Object(fields)) => {
                let of_all = ["apiVersion", "kind", "status"];
                let is_left_out = |name: &str| {
                    level == Level::Object
                        && (of_all.contains(&name) || name == "metadata" && is_object_meta(fields))
                };
                let fields = fields.iter().filter(|(name, _)| !is_left_out(name));
                fields.map(|(name, it)| (name.clone(), plain(it, root, Level::Below))).collect()
            }
            ("required" | "enum" | "type", Value::Array(values)) => {
                let of_all = ["apiVersion", "kind", "metadata"];
                let left_out =
                    |it: &&Value| level == Level::Object && of_all.iter().any(|all| *it == all);
                let mut sorted: Vec<Value> =
                    values.iter().filter(|it| !left_out(it)).cloned().collect();
                sorted.sort_by_key(ToString::to_string);
                if key == "required" && sorted.is_empty() {
                    continue;
                }
                sorted.into()
            }
            ("items" | "additionalProperties", below) => plain(below, root, Level::Below),
            (_, other) => other.clone(),
        };
        result.insert(key.clone(), value);
    }
    Value::Object(result)
}

fn is_object_meta(fields: &Map<String, Value>) -> bool {
    fields["metadata"]["$ref"] == "#/definitions/ObjectMeta"
}

fn compare(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    let (Value::Object(a), Value::Object(b)) = (ours, theirs) else {
        if ours != theirs {
            found.push(format!("{path}: ours {ours}, theirs {theirs}"));
        }
        return;
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for key in keys {
        let path = format!("{path}/{key}");
        match (a.get(key), b.get(key)) {
            (Some(a), Some(b)) => compare(&path, a, b, found),
            (Some(a), None) => found.push(format!("{path}: only ours: {}", short(a))),
            (None, Some(b)) => found.push(format!("{path}: only theirs: {}", short(b))),
            (None, None) => unreachable!("because the key is of one of both"),
        }
    }
}

fn short(value: &Value) -> String {
    json!(value).to_string().chars().take(120).collect()
}
