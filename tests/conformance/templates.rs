//! Template cases of the original templater: its data, nested rendering and joined documents.

use serde_json::Value;

use super::{Tally, config::pair, read_json};
use crate::oracle::{
    self,
    render::{Data, join, render},
    world::Profile,
};

/// Runs the suites on the oracle, and counts those that wait.
pub(crate) fn run(tally: &mut Tally) {
    let suite = read_json("unit/templater.json");
    for case in oracle::list(&suite["cases"]) {
        check(tally, "templater: oracle", oracle::text(&case["name"]), &suite, case);
    }
    for case in oracle::list(&read_json("templates.json")) {
        match oracle::text(&case["kind"]) {
            "kalypso" => {
                check(tally, "templates kalypso: oracle", oracle::text(&case["id"]), case, case);
            }
            "helm" => tally.waits("templates helm"),
            // The template crate answers these by itself.
            "gotemplate" => {}
            other => panic!("a case of kind {other}"),
        }
    }
}

/// Renders the manifests of `case` for the pair that `shared` names.
fn check(tally: &mut Tally, suite: &str, name: &str, shared: &Value, case: &Value) {
    let (cluster_type, target) = pair(shared);
    let config = case["config"].as_object().expect("because every case has one");
    let config = config
        .iter()
        .map(|(key, value)| (key.clone(), oracle::value_of(oracle::text(value), Profile::Kalypso)));
    let data = Data {
        namespace: format!("{}-{}-{}", target.environment, cluster_type.name, target.name),
        cluster_type: cluster_type.name.clone(),
        config: config.collect(),
        target: &target,
    };
    let manifests = oracle::list(&case["manifests"]).iter().map(oracle::text);
    let parts: Result<Vec<String>, String> =
        manifests.map(|it| render(it, &data, Profile::Kalypso)).collect();
    let found = parts.map(|mut parts| {
        parts.retain(|it| !it.trim().is_empty());
        join(&parts)
    });
    match case["expected"]["joined"].as_str() {
        Some(expected) => tally.compare(suite, name, &found, &Ok(expected.to_owned())),
        None if found.is_err() => tally.check(suite, name, Ok(())),
        None => tally.check(suite, name, Err(format!("expected an error, found {found:?}"))),
    }
}
