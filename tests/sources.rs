//! What `.wob/tree.json` says of the folders that a tree was made from, when they lie in git repositories.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{commit, git, wob_in, write},
};

const SHARED: &str = "https://github.com/example-org/fleet";

fn fleet() -> TempDir {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    temp
}

fn committed() -> TempDir {
    let fleet = fleet();
    git(fleet.path(), &["init", "-q"]);
    commit(fleet.path(), &[]);
    fleet
}

/// Builds `prod` and returns its record, and everything the user saw.
fn record(at: &Path, args: &[&str]) -> (Value, String) {
    let seen = wob_in(at, &[&["build", "//env:prod"], args].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let text = fs::read_to_string(at.join("wob-out/prod/.wob/tree.json")).unwrap();
    (serde_json::from_str(&text).unwrap(), seen)
}

/// Returns what the record says of the source of this role and name.
fn source(record: &Value, role: &str, name: &str) -> Value {
    let all = record["sources"].as_array().unwrap();
    all.iter().find(|it| it["role"] == role && it["name"] == name).unwrap().clone()
}

/// The sources of `prod`, with the folder of each.
const SOURCES: [(&str, &str, &str); 6] = [
    ("base", "base", "base"),
    ("controlPlane", "prod", "environments/prod"),
    ("workload", "timetable", "workloads/timetable/deploy"),
    ("workload", "ticketing", "workloads/ticketing"),
    ("workload", "telemetry", "workloads/telemetry/deploy"),
    ("workload", "night-audit", "workloads/night-audit"),
];

#[test]
fn every_folder_is_named_by_commit_and_tree() {
    let fleet = committed();
    let revision = |it: &str| git(fleet.path(), &["rev-parse", it]);
    let (found, seen) = record(fleet.path(), &[]);
    for (role, name, folder) in SOURCES {
        let wanted = json!({
            "role": role, "name": name, "url": folder, "dirty": false,
            "commit": revision("HEAD"), "tree": revision(&format!("HEAD:{folder}")),
        });
        assert_eq!(source(&found, role, name), wanted);
    }
    let settings = json!({
        "role": "settings", "name": "wob.yaml", "url": "wob.yaml", "dirty": false,
        "commit": revision("HEAD"), "digest": digest(&fleet.path().join("wob.yaml")),
    });
    assert_eq!(source(&found, "settings", "wob.yaml"), settings);
    assert_eq!(found["sources"].as_array().unwrap().len(), SOURCES.len() + 1);
    assert_eq!(found["dirty"], false);
    assert!(!seen.contains("uncommitted") && !seen.contains("dirty"), "{seen}");
    // An address that others can reach says more than a folder's name.
    git(
        fleet.path(),
        &["remote", "add", "origin", &format!("https://ada:secret@{}", &SHARED[8..])],
    );
    let (found, _) = record(fleet.path(), &[]);
    for (role, name, _) in SOURCES {
        assert_eq!(source(&found, role, name)["url"], SHARED, "{name}");
    }
    // The files are the same wherever the workspace lies; a branch's name does not matter.
    git(fleet.path(), &["checkout", "-q", "--detach"]);
    assert_eq!(record(fleet.path(), &[]).0, found);
}

fn digest(file: &Path) -> String {
    wob_engine::Digest::of(&fs::read(file).unwrap()).to_string()
}

#[test]
fn settings_and_schemas_are_sources_too() {
    let fleet = committed();
    let settings = fleet.path().join("wob.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\nvalidate: {{schemas: [own, other]}}\n")).unwrap();
    write(fleet.path(), &[("own/none.yaml", "# none\n"), ("other/none.yaml", "# none\n")]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!(source(&found, "settings", "wob.yaml")["dirty"], true);
    assert_eq!(found["dirty"], true, "nobody else can build this");
    commit(fleet.path(), &[]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!(found["dirty"], false);
    assert_eq!(source(&found, "settings", "wob.yaml")["digest"], digest(&settings));
    for folder in ["other", "own"] {
        let tree = git(fleet.path(), &["rev-parse", &format!("HEAD:{folder}")]);
        assert_eq!(source(&found, "schemas", folder)["tree"], tree);
    }
    write(fleet.path(), &[("own/none.yaml", "# still none\n")]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!(source(&found, "schemas", "own")["dirty"], true);
    assert_eq!(source(&found, "schemas", "other")["dirty"], false);
}

#[test]
fn uncommitted_edits_make_their_folder_dirty_and_no_other() {
    let fleet = committed();
    let (clean, _) = record(fleet.path(), &[]);
    write(fleet.path(), &[("workloads/ticketing/README.md", "read by people only")]);
    git(fleet.path(), &["commit", "-q", "--allow-empty", "-m", "nothing"]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!((&found["dirty"], &found["files"]), (&clean["dirty"], &clean["files"]));
    edit(&fleet.path().join("environments/prod/config/kiosk.yaml"), "\"8\"", "\"12\"");
    let (found, seen) = record(fleet.path(), &[]);
    assert_eq!(found["dirty"], true);
    assert!(
        seen.contains("note: uncommitted edits are built too: in `environments/prod`\n"),
        "{seen}"
    );
    for (role, name, folder) in SOURCES {
        let source = source(&found, role, name);
        assert_eq!(source["commit"], git(fleet.path(), &["rev-parse", "HEAD"]), "{name}");
        assert_eq!(source["dirty"], folder == "environments/prod", "{name}");
        assert_eq!(source.get("tree").is_none(), folder == "environments/prod", "{name}");
    }
    commit(fleet.path(), &[]);
    assert_eq!(record(fleet.path(), &[]).0["dirty"], false);
}

#[test]
fn what_git_ignores_is_read_and_makes_dirty() {
    let fleet = fleet();
    git(fleet.path(), &["init", "-q"]);
    commit(fleet.path(), &[(".gitignore", "mine.yaml\n")]);
    let config =
        fs::read_to_string(fleet.path().join("environments/prod/config/prod.yaml")).unwrap();
    let mine = config.replacen("name: ", "name: zz-", 1).replace(": \"prod\"", ": \"mine\"");
    write(fleet.path(), &[("environments/prod/config/mine.yaml", &mine)]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!(source(&found, "controlPlane", "prod")["dirty"], true);
    assert_eq!(source(&found, "base", "base")["dirty"], false);
}

#[test]
fn without_a_repository_or_a_commit_folders_are_plain() {
    let fleet = fleet();
    let (plain, seen) = record(fleet.path(), &[]);
    assert!(!seen.contains("note:"), "{seen}");
    for (role, name, folder) in SOURCES {
        let wanted = json!({ "role": role, "name": name, "url": folder, "dirty": false });
        assert_eq!(source(&plain, role, name), wanted);
    }
    git(fleet.path(), &["init", "-q"]);
    assert_eq!(record(fleet.path(), &[]).0, plain, "a repository without a commit");
    commit(fleet.path(), &[]);
    let (found, _) = record(fleet.path(), &[]);
    assert_eq!((&found["root"], &found["files"]), (&plain["root"], &plain["files"]));
}

#[test]
fn a_folder_that_overrides_an_input_is_named_and_dirty() {
    let (fleet, app) = (committed(), TempDir::new().unwrap());
    let deploy = fs::read_to_string(fleet.path().join("workloads/timetable/deploy/workload.yaml"));
    git(app.path(), &["init", "-q"]);
    git(app.path(), &["remote", "add", "origin", "git@github.com:example-org/timetable.git"]);
    let head = commit(app.path(), &[("deploy/workload.yaml", &deploy.unwrap())]);
    let instead = format!(
        "--override-input=https://github.com/example-org/timetable={}",
        app.path().display()
    );
    let (found, seen) = record(fleet.path(), &[&instead]);
    let wanted = json!({
        "role": "workload", "name": "timetable", "dirty": true, "commit": head,
        "url": "git@github.com:example-org/timetable.git",
        "tree": git(app.path(), &["rev-parse", "HEAD:deploy"]),
    });
    assert_eq!(source(&found, "workload", "timetable"), wanted);
    assert!(!seen.contains("uncommitted"), "{seen}");
}
