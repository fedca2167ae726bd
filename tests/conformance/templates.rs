//! Template cases of the original templater: its data, nested rendering and joined documents.

use serde_json::{Value, json};

use super::{Tally, config::pair, read_json};
use crate::{
    engine,
    oracle::{
        self,
        render::{Data, join, render},
        world::{Profile, World},
    },
};

/// Runs the suites, and counts the cases that wait.
pub(crate) fn run(tally: &mut Tally) {
    let suite = read_json("unit/templater.json");
    for case in oracle::list(&suite["cases"]) {
        check(tally, "templater", oracle::text(&case["name"]), &suite, case);
    }
    for case in oracle::list(&read_json("templates.json")) {
        match oracle::text(&case["kind"]) {
            "kalypso" => {
                check(tally, "templates kalypso", oracle::text(&case["id"]), case, case);
            }
            "helm" => tally.waits("templates helm"),
            // The template crate answers these by itself.
            "gotemplate" => {}
            other => panic!("a case of kind {other}"),
        }
    }
}

/// Renders the manifests of `case` for the pair that `shared` names, by the oracle and by the engine.
fn check(tally: &mut Tally, suite: &str, name: &str, shared: &Value, case: &Value) {
    for (who, found) in [
        ("oracle", by_oracle(shared, case)),
        ("engine", by_engine(shared, &case["manifests"], &[&case["config"]], None)),
    ] {
        let suite = format!("{suite}: {who}");
        match (case["expected"]["joined"].as_str(), found) {
            (Some(expected), found) => {
                tally.compare(&suite, name, &found, &Some(expected.to_owned()));
            }
            (None, None) => tally.check(&suite, name, Ok(())),
            (None, found) => {
                tally.check(&suite, name, Err(format!("expected an error, found {found:?}")));
            }
        }
    }
}

/// Returns the joined documents, or nothing if a template failed.
fn by_oracle(shared: &Value, case: &Value) -> Option<String> {
    let (cluster_type, target) = pair(shared);
    let config = case["config"].as_object().expect("because every case has one");
    let value = |it: &Value| oracle::value_of(oracle::text(it), Profile::Kalypso);
    let data = Data {
        namespace: format!("{}-{}-{}", target.environment, cluster_type.name, target.name),
        cluster_type: cluster_type.name.clone(),
        config: config.iter().map(|(key, it)| (key.clone(), value(it))).collect(),
        target: &target,
    };
    let mut parts = vec![];
    for manifest in oracle::list(&case["manifests"]) {
        parts.push(render(oracle::text(manifest), &data, Profile::Kalypso).ok()?);
    }
    parts.retain(|it| !it.trim().is_empty());
    Some(join(&parts))
}

/// Builds a world in which the manifests are a reconciler's, and the target stands alone; returns the joined
/// documents, or nothing if the assignment failed.
pub(crate) fn by_engine(
    shared: &Value,
    manifests: &Value,
    configs: &[&Value],
    schema: Option<&str>,
) -> Option<String> {
    let object = |kind: &str, metadata: &Value, spec: &Value| {
        let version = "scheduler.kalypso.io/v1alpha1";
        json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}).to_string()
    };
    let (cluster_type, target) = pair(shared);
    let names = json!({"reconciler": "rec", "namespaceService": "other", "configType": "other"});
    let selector = json!({"labelSelector": {}});
    let policy = json!({"deploymentTargetSelector": selector, "clusterTypeSelector": selector});
    let target_json = &shared["deploymentTarget"];
    let template = json!({"type": "reconciler", "manifests": manifests});
    let other = json!({"type": "namespace", "manifests": ["kind: Other\n"]});
    let mut objects = vec![
        object("ClusterType", &shared["clusterType"]["metadata"], &names),
        object("DeploymentTarget", &target_json["metadata"], &target_json["spec"]),
        object("SchedulingPolicy", &json!({"name": "all"}), &policy),
        object("Template", &json!({"name": "rec"}), &template),
        object("Template", &json!({"name": "other"}), &other),
    ];
    for (index, data) in configs.iter().enumerate() {
        let labels = json!({"platform-config": "true"});
        let metadata = json!({"name": format!("config-{index}"), "labels": labels});
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        objects.push(map.to_string());
    }
    if let Some(schema) = schema {
        objects.push(object(
            "ConfigSchema",
            &json!({"name": "schema"}),
            &json!({"schema": schema}),
        ));
    }
    let mut world = World::new(&target.environment, Profile::Kalypso);
    world.environment.insert("all.yaml".to_owned(), objects.join("\n---\n"));
    let outcome = engine::evaluate(&world);
    outcome.files.get(&format!("{}/{}/reconciler.yaml", cluster_type.name, target.name)).cloned()
}
