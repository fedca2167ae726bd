//! `wob update`: what it moves, and what it says of it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{Fleet, check, json, new_version, transcript};
use crate::support::{commit, git, write};

#[test]
fn what_moves_is_said() {
    let fleet = Fleet::new(&["app", "shop"]);
    fleet.ends(0, &["lock"]);
    new_version(&fleet, "app", "2");
    new_version(&fleet, "app", "3");
    commit(&fleet.app("shop"), &[("README.md", "read by people")]);
    let seen = transcript(
        &fleet,
        &[
            &["update", "--dry-run"],
            &["update", "app"],
            &["update"],
            &["update"],
            &["update", "ap"],
        ],
    );
    check("update", &seen);
    fleet.ends(0, &["lock", "--check"]);
}

#[test]
fn a_branch_that_was_rewritten_is_said() {
    let fleet = Fleet::new(&["app"]);
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    new_version(&fleet, "app", "2");
    fleet.ends(0, &["lock"]);
    git(&fleet.app("app"), &["reset", "-q", "--hard", &first]);
    let seen = fleet.ends(0, &["update", "--dry-run"]);
    assert!(seen.contains("back to an earlier commit"), "{seen}");
    new_version(&fleet, "app", "3");
    let seen = fleet.ends(0, &["update", "../app"]);
    assert!(seen.contains("1 new commit and the branch was rewritten"), "{seen}");
    // The history is not there to be counted.
    let old = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    new_version(&fleet, "app", "4");
    fs::write(fleet.app("app").join(".git/shallow"), format!("{old}\n")).unwrap();
    let seen = fleet.ends(0, &["update"]);
    assert!(seen.contains("an unknown number of commits"), "{seen}");
}

/// The number of assignments is that of two full builds whose records differ.
#[test]
fn the_number_of_assignments_is_that_of_two_builds() {
    let fleet = Fleet::new(&["app", "shop", "wiki"]);
    let at = fleet.at();
    let small = fs::read_to_string(at.join("environments/dev/cluster-types/small.yaml")).unwrap();
    for name in ["large", "huge"] {
        let text = small.replace("name: small", &format!("name: {name}"));
        write(&at, &[(&format!("environments/dev/cluster-types/{name}.yaml"), &text)]);
    }
    let inputs = || {
        fleet.ends(0, &["build"]);
        let record = fleet.record();
        let assignments = record["assignments"].as_array().unwrap().clone();
        let shown = |it: Value| (it["target"].to_string(), it.to_string());
        assignments.into_iter().map(shown).collect::<BTreeSet<_>>()
    };
    fleet.ends(0, &["lock"]);
    let before = inputs();
    assert!(before.len() >= 9, "{before:?}");
    // One changes what it deploys, one only what nobody reads, one gets a target that no policy had before.
    new_version(&fleet, "app", "2");
    commit(&fleet.app("shop"), &[("deploy/values.txt", "1")]);
    let more = super::workload("wiki", "1");
    let target = more.split("  deploymentTargets:\n").nth(1).unwrap();
    let second = target.replace("name: test", "name: second").replace("path: ./test", "path: ./x");
    commit(&fleet.app("wiki"), &[("deploy/workload.yaml", &format!("{more}{second}"))]);
    let seen = json(&fleet.ends(0, &["update", "--output=json"]));
    let after = inputs();
    let differing: BTreeSet<_> = before.symmetric_difference(&after).collect();
    for name in ["app", "shop", "wiki"] {
        let updated = seen["locks"][0]["updated"].as_array().unwrap();
        let moved = updated.iter().find(|it| it["to"]["name"] == name).unwrap();
        // A target on one cluster type counts once, whether it is in both builds or in one.
        let pairs: BTreeSet<String> = differing
            .iter()
            .filter(|(target, _)| target.starts_with(&format!("\"{name}-")))
            .map(|(target, record)| {
                let record: Value = serde_json::from_str(record).unwrap();
                format!("{target}{}", record["clusterType"])
            })
            .collect();
        assert_eq!(moved["affected"], pairs.len(), "{name}: {differing:?}");
    }
}

/// What is locked then may be wrong: it is said, and the others move.
#[test]
fn an_update_that_breaks_something_says_so() {
    let fleet = Fleet::new(&["app", "shop"]);
    fleet.ends(0, &["lock"]);
    let broken = super::workload("app", "2").replace("deploymentTargets:", "deploymentTargets: [");
    let bad = commit(&fleet.app("app"), &[("deploy/workload.yaml", &broken)]);
    let good = new_version(&fleet, "shop", "2");
    let seen = fleet.ends(1, &["update"]);
    assert!(seen.contains("../app@main:deploy/workload.yaml"), "{seen}");
    assert!(fleet.lock().contains(&bad) && fleet.lock().contains(&good), "{}", fleet.lock());
}

#[test]
fn names_and_addresses_are_checked() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    let lock = fleet.lock();
    for (args, part) in [
        (&["update", "apq"][..], "did you mean `app`?"),
        (&["update", "https://u:hush@example.org/x"], "no input is called `https://example.org/x`"),
        (&["update", "zzzzzzzz"], "there are `app`"),
        (&["update", "--env=dev"], "all share one wob.lock"),
        (&["update", "--dry-run", "--commit"], "cannot be used with"),
    ] {
        let seen = fleet.ends(2, args);
        assert!(seen.contains(part) && !seen.contains("hush"), "{args:?}: {seen}");
    }
    assert_eq!(fleet.lock(), lock);
}
