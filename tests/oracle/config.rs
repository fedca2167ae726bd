//! The oracle's config: which layers concern a pair, what their values mean, how they merge, and whether schemas hold.

use std::cmp::Reverse;

use serde_json::{Map, Number, Value};

use super::{
    Labels, Model, Object, Target, documents, strings, text,
    world::{Precedence, Profile, World},
};

type Config = Map<String, Value>;

/// Returns the merged config of a pair, checked.
///
/// # Errors
/// If a schema does not hold, or as [`layered`] says.
pub(crate) fn compose(
    world: &World,
    model: &Model,
    cluster_type: &Object,
    target: &Target,
) -> Result<Config, String> {
    let config = layered(world, model, cluster_type, target)?;
    let shared = model.all("ConfigSchema").filter(|it| selects(&it.labels, cluster_type, target));
    let shared = shared.map(|it| text(&it.body["spec"]["schema"]));
    for schema in shared.chain(target.schemas.iter().map(String::as_str)) {
        check_schema(schema, &config)?;
    }
    Ok(config)
}

/// Returns the merged config of a pair.
///
/// # Errors
/// If two equally specific layers disagree under `configPrecedence: specificity`.
pub(crate) fn layered(
    world: &World,
    model: &Model,
    cluster_type: &Object,
    target: &Target,
) -> Result<Config, String> {
    let mut layers: Vec<(usize, Labels)> = vec![];
    let mut config_maps: Vec<&Object> = model.all("ConfigMap").collect();
    config_maps.sort_by_key(|it| &it.name);
    for map in &config_maps {
        let is_config = map.labels.get("platform-config").is_some_and(|it| it == "true");
        if is_config && selects(&map.labels, cluster_type, target) {
            layers.push((effective(&map.labels), strings(&map.body["data"]).unwrap_or_default()));
        }
    }
    for map in config_maps.iter().filter(|it| it.name.starts_with("azure-app-config")) {
        let mut entries: Vec<_> =
            strings(&map.body["data"]).unwrap_or_default().into_iter().collect();
        entries.sort_by_key(|(key, _)| (key.len(), key.clone()));
        for (key, value) in entries {
            let (labels, key) = labels_from_key(&key);
            if selects(&labels, cluster_type, target) {
                layers.push((effective(&labels), Labels::from([(key, value)])));
            }
        }
    }
    if world.precedence == Precedence::Specificity {
        layers.sort_by_key(|(labels, _)| *labels);
        refuse_ties(world, &layers)?;
    }
    let mut config = Config::new();
    for (_, data) in layers {
        for (key, value) in data {
            let value = value_of(&value, world.profile);
            let merged = match config.remove(&key) {
                Some(before) => merge(before, value),
                None => value,
            };
            config.insert(key, merged);
        }
    }
    Ok(config)
}

/// Says whether an object with `labels` concerns the pair.
pub(crate) fn selects(labels: &Labels, cluster_type: &Object, target: &Target) -> bool {
    labels.iter().filter(|(key, _)| !is_skipped(key)).all(|(key, value)| match key.as_str() {
        "cluster-type" => *value == cluster_type.name,
        "deployment-target" => *value == target.name,
        "workload" => target.labels.get("workload") == Some(value),
        _ => cluster_type.labels.get(key) == Some(value) || target.labels.get(key) == Some(value),
    })
}

fn is_skipped(label: &str) -> bool {
    matches!(
        label,
        "platform-config"
            | "kustomize.toolkit.fluxcd.io/name"
            | "kustomize.toolkit.fluxcd.io/namespace"
    )
}

fn effective(labels: &Labels) -> usize {
    labels.keys().filter(|it| !is_skipped(it)).count()
}

/// A text is a tie if an equally specific layer says something else; structures, which merge, are not looked into.
fn refuse_ties(world: &World, layers: &[(usize, Labels)]) -> Result<(), String> {
    for (index, (labels, data)) in layers.iter().enumerate() {
        for (key, value) in data {
            let is_last = layers[index + 1..].iter().all(|(_, it)| !it.contains_key(key));
            let differs =
                |other: &String| value_of(other, world.profile) != value_of(value, world.profile);
            let mut equals = layers[..index].iter().filter(|(it, _)| it == labels);
            if is_last && equals.any(|(_, it)| it.get(key).is_some_and(differs)) {
                return Err(format!("{key} is set twice by {labels} labels"));
            }
        }
    }
    Ok(())
}

/// Splits `label1.value1.label2.value2.KEY`.
pub(crate) fn labels_from_key(key: &str) -> (Labels, String) {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().unwrap_or("").to_owned();
    let labels = parts.chunks_exact(2).map(|it| (it[0].to_owned(), it[1].to_owned())).collect();
    (labels, name)
}

/// Returns what the text of a config value means.
pub(crate) fn value_of(value: &str, profile: Profile) -> Value {
    let trimmed = value.trim();
    if trimmed.starts_with('\'') && trimmed.ends_with('\'') {
        return Value::String(trimmed.trim_matches('\'').to_owned());
    }
    let is_data = ["{", "[", "- "].iter().any(|it| trimmed.starts_with(it));
    // A block scalar's own line break shows that a mapping of one line is meant as one.
    if profile == Profile::Standard && !is_data && !value.contains(['\n', '\r']) {
        return Value::String(value.to_owned());
    }
    let mut documents = documents(value).unwrap_or_default();
    match documents.drain(..).next() {
        Some(structure @ (Value::Array(_) | Value::Object(_))) => structure,
        _ => Value::String(value.to_owned()),
    }
}

/// Merges a later value into an earlier one.
pub(crate) fn merge(before: Value, after: Value) -> Value {
    match (before, after) {
        (Value::Object(mut before), Value::Object(after)) => {
            for (key, value) in after {
                let merged = match before.remove(&key) {
                    Some(old) => merge(old, value),
                    None => value,
                };
                before.insert(key, merged);
            }
            Value::Object(before)
        }
        (Value::Array(before), Value::Array(after)) => Value::Array(merge_lists(before, after)),
        (_, after) => after,
    }
}

fn merge_lists(mut before: Vec<Value>, after: Vec<Value>) -> Vec<Value> {
    let old = before.len();
    for item in after {
        let mut found = false;
        for existing in &mut before[..old] {
            if !item["name"].is_null() && existing["name"] == item["name"] {
                *existing = merge(existing.take(), item.clone());
                found = true;
            }
        }
        if !found {
            before.push(item);
        }
    }
    before
}

/// Checks a config against one schema.
///
/// # Errors
/// If the schema is none, or does not hold.
pub(crate) fn check_schema(schema: &str, config: &Config) -> Result<(), String> {
    let schema: Value = serde_json::from_str(schema).map_err(|it| it.to_string())?;
    let mut options = jsonschema::options().should_validate_formats(true);
    if schema.get("$schema").is_none() {
        options = options.with_draft(jsonschema::Draft::Draft7);
    }
    let validator = options.build(&schema).map_err(|it| it.to_string())?;
    if readings(config).iter().any(|it| validator.is_valid(it)) {
        return Ok(());
    }
    Err("the config breaks a schema".to_owned())
}

/// Returns every way to read the top-level texts of `config` as text, number or boolean.
fn readings(config: &Config) -> Vec<Value> {
    let mut readings = vec![config.clone()];
    for (key, value) in config {
        let Some(other) = value.as_str().and_then(other_reading) else { continue };
        assert!(readings.len() < 1 << 14, "a world with fewer numeric config values is needed");
        for index in 0..readings.len() {
            let mut reading = readings[index].clone();
            reading.insert(key.clone(), other.clone());
            readings.push(reading);
        }
    }
    readings.sort_by_key(|it| Reverse(it.values().filter(|it| it.is_string()).count()));
    readings.into_iter().map(Value::Object).collect()
}

fn other_reading(text: &str) -> Option<Value> {
    if let "true" | "false" = text {
        return Some(Value::Bool(text == "true"));
    }
    let digits = text.replace('_', "");
    if let Ok(integer) = digits.parse::<i64>() {
        return Some(Value::Number(integer.into()));
    }
    let numeric = digits.starts_with(|it: char| it.is_ascii_digit() || "+-.".contains(it))
        && digits.contains(|it: char| it.is_ascii_digit())
        && !digits.contains("inf");
    digits.parse().ok().filter(|_| numeric).and_then(Number::from_f64).map(Value::Number)
}
