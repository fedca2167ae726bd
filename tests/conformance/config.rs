//! Config values, merging, selection and schemas, function by function, and the composed config of every assignment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use wob_rules::{Reading, SpecialLabels, Subject};

use super::{Tally, corpus, read_json, templates::by_engine};
use crate::oracle::{
    self, Object, Target,
    world::{Profile, World},
};

/// Runs the suites on the oracle, and those of single functions on the engine too.
pub(crate) fn run(tally: &mut Tally) {
    values(tally);
    merges(tally);
    labels(tally);
    keys(tally);
    schemas(tally);
    for folder in ["unit/worlds", "worlds"] {
        for (name, world) in worlds(folder) {
            assignments(tally, &format!("{folder}/{name}"), &world);
        }
    }
}

/// Lists the world files of a folder by their names.
pub(crate) fn worlds(folder: &str) -> BTreeMap<String, Value> {
    let entries = std::fs::read_dir(corpus().join(folder)).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names
        .map(|it| (it.trim_end_matches(".json").to_owned(), read_json(&format!("{folder}/{it}"))))
        .collect()
}

fn values(tally: &mut Tally) {
    for case in oracle::list(&read_json("unit/config_value.json")["cases"]) {
        let text = oracle::text(&case["text"]);
        let found = oracle::value_of(text, Profile::Kalypso);
        tally.compare("config_value: oracle", text, &found, &case["expected"]["value"]);
        let found = Value::from(&wob_rules::config_value(&text.into(), Reading::Kalypso));
        tally.compare("config_value: engine", text, &found, &case["expected"]["value"]);
    }
}

fn merges(tally: &mut Tally) {
    // Any pair will do.
    let shared = read_json("unit/templater.json");
    for case in oracle::list(&read_json("unit/merge_objects.json")["cases"]) {
        let name = oracle::text(&case["name"]);
        let inputs: Vec<Value> =
            oracle::list(&case["inputs"]).iter().map(|it| json!({"v": it})).collect();
        let printed = json!(["{{ toYaml .ConfigData.v }}"]);
        let found = by_engine(&shared, &printed, &inputs.iter().collect::<Vec<_>>(), None);
        let found = found.map_or(Value::Null, |it| oracle::documents(&it).unwrap().remove(0));
        tally.compare("merge_objects: engine", name, &found, &case["expected"]);
        let inputs = oracle::list(&case["inputs"]).iter().map(oracle::text);
        let values = inputs.map(|it| oracle::documents(it).unwrap().remove(0));
        let found = values.reduce(oracle::merge).unwrap();
        tally.compare("merge_objects: oracle", name, &found, &case["expected"]);
    }
}

fn labels(tally: &mut Tally) {
    let suite = read_json("unit/label_match.json");
    let (cluster_type, target) = pair(&suite);
    for case in oracle::list(&suite["cases"]) {
        let labels = oracle::strings(&case["labels"]).unwrap();
        let found = json!(oracle::selects(&labels, &cluster_type, &target));
        let subject = Subject {
            cluster_type: &cluster_type.name,
            cluster_labels: &cluster_type.labels,
            target: &target.name,
            target_labels: &target.labels,
            workload: &target.labels["workload"],
        };
        let by_engine = json!(wob_rules::label_match(&labels, &subject, SpecialLabels::KALYPSO));
        let name = oracle::text(&case["name"]);
        tally.compare("label_match: engine", name, &by_engine, &case["expected"]);
        tally.compare(
            "label_match: oracle",
            oracle::text(&case["name"]),
            &found,
            &case["expected"],
        );
    }
}

/// Reads the cluster type and the target that all cases of a suite share.
pub(crate) fn pair(suite: &Value) -> (Object, Target) {
    let metadata = &suite["clusterType"]["metadata"];
    let cluster_type = Object {
        kind: "ClusterType".to_owned(),
        name: oracle::text(&metadata["name"]).to_owned(),
        labels: oracle::strings(&metadata["labels"]).unwrap(),
        body: suite["clusterType"].clone(),
    };
    let target = &suite["deploymentTarget"];
    let target = Target {
        name: oracle::text(&target["metadata"]["name"]).to_owned(),
        environment: oracle::text(&target["spec"]["environment"]).to_owned(),
        labels: oracle::strings(&target["metadata"]["labels"]).unwrap(),
        manifests: oracle::strings(&target["spec"]["manifests"]).unwrap(),
        schemas: vec![],
    };
    (cluster_type, target)
}

fn keys(tally: &mut Tally) {
    for case in oracle::list(&read_json("unit/labels_from_key.json")["cases"]) {
        let key = oracle::text(&case["key"]);
        let (labels, rest) = oracle::labels_from_key(key);
        let found = json!({"key": rest, "labels": labels});
        let (labels, rest) = wob_rules::labels_from_key(key);
        let by_engine = json!({"key": rest, "labels": labels});
        tally.compare("labels_from_key: engine", key, &by_engine, &case["expected"]);
        tally.compare("labels_from_key: oracle", key, &found, &case["expected"]);
    }
}

fn schemas(tally: &mut Tally) {
    let shared = read_json("unit/templater.json");
    for case in oracle::list(&read_json("unit/config_validator.json")["cases"]) {
        let schema = oracle::text(&case["schema"]);
        let config = case["values"].as_object().unwrap();
        let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
        let data =
            json!(config.iter().map(|(key, it)| (key, text(it))).collect::<BTreeMap<_, _>>());
        let printed = json!(["kind: Printed\n"]);
        let by_engine = by_engine(&shared, &printed, &[&data], Some(schema)).is_some();
        let found = oracle::check_schema(schema, config).is_ok();
        let expected = case["expected"]["ok"].as_bool().unwrap();
        let name = oracle::text(&case["name"]);
        tally.compare("config_validator: engine", name, &by_engine, &expected);
        tally.compare("config_validator: oracle", oracle::text(&case["name"]), &found, &expected);
    }
}

/// Compares which pairs are assigned, and what config each gets.
fn assignments(tally: &mut Tally, name: &str, json: &Value) {
    let world = World::from_json(json);
    let model = oracle::model(&world);
    let mut found = BTreeMap::new();
    for (cluster_type, target) in oracle::assignments(&model) {
        let config = oracle::layered(&world, &model, cluster_type, target).unwrap();
        found.insert((cluster_type.name.clone(), target.name.clone()), Value::Object(config));
    }
    let pairs =
        oracle::list(&json["assignments"]).iter().filter(|it| it["clusterType"].is_string());
    let pair = |it: &Value| {
        (
            oracle::text(&it["clusterType"]).to_owned(),
            oracle::text(&it["deploymentTarget"]).to_owned(),
        )
    };
    let expected = pairs.map(|it| (pair(it), it["config"].clone())).collect();
    tally.compare("assignments: oracle", name, &found, &expected);
}
