//! Schedulers as their users meet them: `wob explain assignment`, `wob list --unassigned`, and programs that decide.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{branches, check, copy_example, edit};
use crate::support::{ROOT, commit, contents, git, without_record, wob_in, write};

fn copied() -> TempDir {
    let temp = TempDir::new().unwrap();
    copy_example("placement", temp.path());
    temp
}

/// Replaces the program of the example.
fn program(at: &Path, body: &str) {
    let path = at.join("scheduler.sh");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn json(at: &Path, args: &[&str]) -> Value {
    let seen = wob_in(at, args);
    let stdout = seen.split("----- stdout -----\n").nth(1).unwrap();
    let stdout = stdout.split("----- stderr -----").next().unwrap();
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

#[test]
fn assignments_are_explained() {
    let example = copied();
    for (name, args) in [
        ("assigned", ["prod", "north-a", "shop-web-live"]),
        ("skewed", ["prod", "north-b", "shop-web-live"]),
        ("tainted", ["prod", "west-gpu", "analytics-nightly"]),
        ("preferred", ["prod", "west-gpu", "analytics-training"]),
        ("labels", ["dev", "large", "shop-web-dev"]),
        ("exec", ["edge", "store-2", "shop-till"]),
        ("unknown-environment", ["prd", "north-a", "shop-web-live"]),
        ("unknown-cluster-type", ["prod", "north-aa", "shop-web-live"]),
        ("unknown-target", ["prod", "north-a", "shop-web-life"]),
        ("other-environment", ["prod", "north-a", "shop-web-dev"]),
    ] {
        let args = [&["explain", "assignment"], &args[..]].concat();
        check(&format!("explain-assignment-{name}"), example.path(), &args);
    }
    let args = ["explain", "assignment", "prod", "west-gpu", "analytics-training", "--output=json"];
    check("explain-assignment-json", example.path(), &args);
    check("explain-nothing", example.path(), &["explain"]);
}

/// The nearest miss comes first, each clause with its place and a way out.
#[test]
fn misses_are_explained() {
    let fleet = Path::new(ROOT).join("examples/fleet");
    let args = ["explain", "assignment", "prod", "vessel", "ticketing-live"];
    check("explain-assignment-missed", &fleet, &args);
}

#[test]
fn what_nothing_selects_can_be_listed() {
    check("list-unassigned", copied().path(), &["list", "--unassigned"]);
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    for policy in ["tickets-at-kiosks", "platform-everywhere"] {
        let policies = temp.path().join("environments/prod/scheduling");
        fs::remove_file(policies.join(policy).with_extension("yaml")).unwrap();
    }
    check("list-unassigned-fleet", temp.path(), &["list", "//env:prod", "--unassigned"]);
    let args = ["list", "//env:prod", "--unassigned", "--output=json"];
    check("list-unassigned-json", temp.path(), &args);
    for policy in fs::read_dir(temp.path().join("environments/dev/scheduling")).unwrap() {
        fs::remove_file(policy.unwrap().path()).unwrap();
    }
    check("list-unassigned-no-policy", temp.path(), &["list", "//env:dev", "--unassigned"]);
}

/// Whatever is wrong with a program: nothing is built, nothing is deleted, and the report says why.
#[test]
fn a_program_that_fails_changes_nothing() {
    let temp = copied();
    let seen = wob_in(temp.path(), &["build", "//env:edge"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let out = temp.path().join("wob-out/edge");
    let manifests = || without_record(contents(&out));
    let before = manifests();
    assert!(before.keys().any(|it| it.ends_with("shop-till/namespace.yaml")), "{before:?}");
    for (name, body) in [
        (
            "fails",
            "echo 'reading licence…' >&2\nprintf '\\033[31mno licence\\033[0m\\n' >&2\nexit 7",
        ),
        ("silent", "cat > /dev/null"),
        ("cut", "printf '{\"version\": 1, \"assignments\": [\\n  {\"clusterType\": \"store-1\",'"),
        (
            "wrong",
            "echo '{\"version\": 1, \"assignments\": [{\"clusterType\": \"stor-1\", \"target\": \"shop-til\"}, {\"clusterType\": \"store-1\", \"target\": \"shop-till\", \"policies\": [\"store\"]}]}'",
        ),
        (
            "twice",
            "echo '{\"version\": 1, \"assignments\": [{\"clusterType\": \"store-1\", \"target\": \"shop-till\"}, {\"clusterType\": \"store-1\", \"target\": \"shop-till\"}]}'",
        ),
    ] {
        program(temp.path(), body);
        check(&format!("exec-{name}"), temp.path(), &["build", "//env:edge"]);
        assert_eq!(manifests(), before, "{name}");
    }
    program(temp.path(), "sleep 60");
    edit(&temp.path().join("wob.yaml"), "timeoutSeconds: 30", "timeoutSeconds: 1");
    check("exec-slow", temp.path(), &["build", "//env:edge"]);
    assert_eq!(manifests(), before, "slow");
    check("exec-list", temp.path(), &["list", "//env:edge", "--unassigned"]);
    // The other environments do not need the program.
    let seen = wob_in(temp.path(), &["build", "//env:prod", "//env:dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

/// While a cluster type can't be read, programs are not asked, and who chooses among cluster types waits.
#[test]
fn nothing_moves_because_of_a_slip() {
    let temp = copied();
    assert!(wob_in(temp.path(), &["build"]).starts_with("exit: 0\n"));
    let files = |environment: &str| {
        let files = contents(&temp.path().join("wob-out").join(environment));
        without_record(files).keys().cloned().collect::<Vec<_>>()
    };
    let before = (files("prod"), files("edge"));
    edit(
        &temp.path().join("environments/prod/cluster-types/south-a.yaml"),
        "reconciler",
        "reconsiler",
    );
    edit(
        &temp.path().join("environments/edge/cluster-types/store-1.yaml"),
        "reconciler",
        "reconsiler",
    );
    program(temp.path(), "echo asked > asked; exit 1");
    let seen = wob_in(temp.path(), &["build"]);
    assert!(seen.starts_with("exit: 1\n") && !seen.contains("scheduler-failed"), "{seen}");
    assert_eq!((files("prod"), files("edge")), before);
    assert!(!temp.path().join("asked").exists());
    let args = ["explain", "assignment", "prod", "north-a", "shop-web-live"];
    check("explain-assignment-unsure", temp.path(), &args);
}

/// Where each environment is a branch, the settings are those of the checkout, and the program is that of its base.
#[test]
fn branches_have_schedulers_too() {
    let temp = TempDir::new().unwrap();
    branches::fill(temp.path());
    let fleet = temp.path().join("fleet");
    let list = |settings: &str| {
        fs::write(fleet.join("wob.yaml"), settings).unwrap();
        wob_in(&fleet, &["list", branches::OVERRIDE])
    };
    assert!(!list("version: 1\n").contains("assignments: 0"));
    program(&fleet, "echo '{\"version\": 1, \"assignments\": []}'");
    let settings = "scheduler: {name: exec, command: [scheduler.sh]}\n";
    // The base that the environment pins is older.
    let seen = list(settings);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("there is no such file"), "{seen}");
    write(&fleet, &[(".git/info/exclude", "home/\n")]);
    commit(&fleet, &[]);
    let promote = ["promote", "main", "--to", "dev", "--force", branches::OVERRIDE];
    let seen = wob_in(&fleet, &promote);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let seen = list(settings);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("assignments: 0"), "{seen}");
    // Settings that cannot be read may have named any scheduler, so that nothing is scheduled.
    let seen = list("scheduler: [\n");
    assert!(seen.starts_with("exit: 1\n") && !seen.contains("//env/"), "{seen}");
}

/// What a program reads fits the published schema, and holds no config.
#[test]
fn programs_are_told_what_the_schema_says() {
    let temp = copied();
    let secret = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: all\n  labels:\n    platform-config: \"true\"\n\
                  data:\n  PASSWORD: hunter2\n";
    fs::write(temp.path().join("environments/edge/config.yaml"), secret).unwrap();
    let answer = "{\"version\": 1, \"assignments\": []}";
    program(temp.path(), &format!("cat > request.json\nprintf '%s' '{answer}'"));
    let seen = wob_in(temp.path(), &["build", "//env:edge"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let request = fs::read_to_string(temp.path().join("request.json")).unwrap();
    assert!(!request.contains("hunter2") && !request.contains("PASSWORD"), "{request}");
    for (schema, document) in
        [("scheduler-request", request.as_str()), ("scheduler-response", answer)]
    {
        let schema = json(temp.path(), &["schema", schema]);
        let schema = jsonschema::validator_for(&schema).unwrap();
        schema.validate(&serde_json::from_str(document).unwrap()).unwrap();
    }
}

/// The record of a tree names everything that the answer depends on, and nothing else.
#[test]
fn the_key_of_an_answer_is_recorded() {
    let temp = copied();
    let root = temp.path();
    let scheduler = || {
        assert!(wob_in(root, &["build", "//env:edge"]).starts_with("exit: 0\n"));
        let record = fs::read(root.join("wob-out/edge/.wob/tree.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let part = |name: &str| record["scheduler"][name].as_str().unwrap().to_owned();
        assert_eq!(part("name"), "exec");
        (part("inputs"), part("answer"))
    };
    let first = scheduler();
    assert_eq!(scheduler(), first);
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: all\n  labels:\n    platform-config: \"true\"\n\
                  data:\n  A: b\n";
    fs::write(root.join("environments/edge/config.yaml"), config).unwrap();
    assert_eq!(scheduler(), first, "config takes no part in scheduling");
    let mut keys = vec![first.0.clone()];
    edit(&root.join("wob.yaml"), "[./scheduler.sh]", "[./scheduler.sh, --now]");
    keys.push(scheduler().0);
    edit(&root.join("scheduler.sh"), "set -eu", "set -eu # carefully");
    keys.push(scheduler().0);
    edit(
        &root.join("environments/edge/cluster-types/store-1.yaml"),
        "kind: store",
        "kind: store\n    a: b",
    );
    let last = scheduler();
    assert_eq!(last.1, first.1, "the answer is the same in each case");
    keys.push(last.0);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "each change is another key");
}

/// A program is a source as the folders are: an edit of it makes the tree dirty, and its commit is recorded.
#[test]
fn the_program_is_a_source() {
    let temp = copied();
    let root = temp.path();
    git(root, &["init", "-q", "-b", "main"]);
    let id = commit(root, &[]);
    let built = || {
        let seen = wob_in(root, &["build", "//env:edge"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let record = fs::read(root.join("wob-out/edge/.wob/tree.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        (
            seen,
            record["sources"].as_array().unwrap().last().unwrap().clone(),
            record["dirty"].clone(),
        )
    };
    let source = |dirty: bool| {
        serde_json::json!({
            "role": "scheduler", "name": "scheduler.sh", "url": "scheduler.sh", "commit": id, "dirty": dirty,
        })
    };
    let (_, recorded, dirty) = built();
    assert_eq!((recorded, dirty), (source(false), Value::Bool(false)));
    edit(&root.join("scheduler.sh"), "set -eu", "set -eu # carefully");
    let (seen, recorded, dirty) = built();
    assert_eq!((recorded, dirty), (source(true), Value::Bool(true)));
    assert!(seen.contains("note: uncommitted edits are built too: in `scheduler.sh`"), "{seen}");
    // Committing it changes no file that is read, but where it comes from.
    let id = commit(root, &[]);
    let (_, recorded, dirty) = built();
    assert_eq!((&recorded["commit"], dirty), (&Value::from(id), Value::Bool(false)));
}

/// What the guide shows is what the example has, and it does what the guide says.
#[test]
fn the_guide_can_be_followed() {
    let guide = fs::read_to_string(Path::new(ROOT).join("docs/guides/new-scheduler.md")).unwrap();
    let blocks: BTreeMap<&str, &str> = guide
        .split("\n```")
        .filter_map(|it| it.split_once("\n# file: "))
        .filter_map(|(_, it)| it.split_once('\n'))
        .collect();
    assert!(blocks.len() >= 4, "{blocks:?}");
    let temp = TempDir::new().unwrap();
    for (path, text) in &blocks {
        let path = temp.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{text}\n")).unwrap();
        if path.extension().is_some_and(|it| it == "sh") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    check("guide-scheduler", temp.path(), &["list"]);
    check("guide-scheduler-check", temp.path(), &["check"]);
}
