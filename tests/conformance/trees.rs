//! Whole environments: the trees of the worlds and of the replayed history.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{Tally, config::worlds, corpus, read_json};
use crate::oracle::{
    self,
    world::{Files, Outcome, Profile, World, read_files},
};

/// Something that builds a tree.
pub(crate) type Evaluate = fn(&World) -> Outcome;

/// Runs the suites on `evaluate`, which the table shall call `name`.
pub(crate) fn run(tally: &mut Tally, name: &str, evaluate: Evaluate) {
    for folder in ["unit/worlds", "worlds"] {
        for (world, json) in worlds(folder) {
            let case = format!("{folder}/{world}");
            let expected = expected(&json);
            let found = evaluate(&World::from_json(&json));
            match expected {
                Some(expected) => {
                    tally.compare(&format!("worlds: {name}"), &case, &found, &expected);
                }
                // The original withholds everything here, for a reason that is a bug.
                None => tally.check(
                    &format!("worlds: {name}"),
                    &case,
                    Err("nothing to compare".to_owned()),
                ),
            }
        }
    }
    for entry in fs::read_dir(corpus().join("cases")).unwrap() {
        let case = entry.unwrap().file_name().into_string().unwrap();
        let suite = format!("cases: {name}");
        if case.starts_with("app-") || case.starts_with("svc-") {
            tally.waits(&format!("cases: {name}"));
        } else {
            replay(tally, &suite, &case, evaluate);
        }
    }
}

/// Returns what the original gave, if it gave anything.
fn expected(json: &Value) -> Option<Outcome> {
    let trees = ["expected_if_one_assignment_per_pair", "expected", "partial"];
    let tree = trees.into_iter().find_map(|it| json.get(it))?;
    let files: Files = serde_json::from_value(tree.clone()).unwrap();
    let mut failed = BTreeSet::new();
    for assignment in oracle::list(&json["assignments"]) {
        if let (Some(cluster_type), true) =
            (assignment["clusterType"].as_str(), assignment["error"].is_string())
        {
            let target = oracle::text(&assignment["deploymentTarget"]);
            failed.insert((cluster_type.to_owned(), target.to_owned()));
        }
    }
    Some(Outcome { files, failed })
}

fn replay(tally: &mut Tally, suite: &str, case: &str, evaluate: Evaluate) {
    let json = read_json(&format!("cases/{case}/case.json"));
    let folder = corpus().join("cases").join(case);
    assert_eq!(json["layout"], "dt", "{case}");
    let era = oracle::text(&json["era"]);
    let profile = if era.starts_with('A') { Profile::Standard } else { Profile::Kalypso };
    let mut world = World::from_folder(oracle::text(&json["env"]), profile, &folder.join("inputs"));
    world.namespace_pattern = json["namespace_pattern"].as_str().map(str::to_owned);
    if era == "B" {
        world.config_file = Some("platform-config".to_owned());
    }
    let mut found = evaluate(&world);
    if era == "A4" {
        // The README came with A5.
        found.files.retain(|path, _| !path.ends_with("/README.md"));
    }
    let expected = Outcome { files: read_files(&folder.join("expected")), failed: BTreeSet::new() };
    tally.compare(suite, case, &found, &expected);
}
