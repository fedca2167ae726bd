//! Warnings: what they leave alone, and how they are turned off.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{copy_example, edit};
use crate::support::{ROOT, wob_in};

/// A fleet of which a layer fits nobody, and a cluster type has a label that nothing selects by.
fn fleet() -> TempDir {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let at = |path| temp.path().join(path);
    edit(&at("environments/prod/config/size-large.yaml"), "size: large", "size: lagre");
    edit(&at("environments/prod/cluster-types/hub.yaml"), "labels:", "labels:\n    regoin: fjord");
    temp
}

/// Returns the codes of the warnings that `wob check` prints.
fn codes(at: &Path, args: &[&str]) -> Vec<String> {
    let seen = wob_in(at, &[&["check", "--output=json"], args].concat());
    assert!(seen.starts_with("exit: 0\n"), "warnings never change an exit code: {seen}");
    let text = seen.split("----- stdout -----\n").nth(1).unwrap();
    let json = text.split("----- stderr -----").next().unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    let found = json["diagnostics"].as_array().unwrap().iter();
    found.map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn warnings_are_for_builds_and_checks() {
    let fleet = fleet();
    assert_eq!(codes(fleet.path(), &[]), ["unused-label", "config-applies-nowhere"]);
    let built = wob_in(fleet.path(), &["build", "--strict"]);
    assert!(built.starts_with("exit: 0\n") && built.contains("config-applies-nowhere"), "{built}");
    for other in ["list", "render"] {
        let seen = wob_in(fleet.path(), &[other, "//env/prod/hub:all"]);
        assert!(seen.ends_with("----- stderr -----\n"), "{seen}");
    }
}

/// A label may be used by an environment that is not looked at; a layer of prod is nobody else's.
#[test]
fn what_is_not_looked_at_may_explain() {
    assert_eq!(codes(fleet().path(), &["//env:prod"]), ["config-applies-nowhere"]);
    assert_eq!(codes(fleet().path(), &["//env:dev"]), [""; 0]);
}

#[test]
fn a_code_can_be_turned_off() {
    let fleet = fleet();
    let settings = fleet.path().join("wob.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\nwarnings:\n  unused-label: off\n")).unwrap();
    assert_eq!(codes(fleet.path(), &[]), ["config-applies-nowhere"]);
    fs::write(
        &settings,
        format!("{text}\nwarnings: {{unused-label: 'off', config-applies-nowhere: false}}\n"),
    )
    .unwrap();
    assert_eq!(codes(fleet.path(), &[]), [""; 0]);
    fs::write(&settings, format!("{text}\nwarnings: {{unused-label: on}}\n")).unwrap();
    assert_eq!(codes(fleet.path(), &[]).len(), 2);
}

/// Nothing can be turned off that is an error, and everything that is a warning.
#[test]
fn the_codes_of_warnings_are_known() {
    let mut of_pages = vec![];
    for entry in fs::read_dir(Path::new(ROOT).join("docs/diagnostics")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let severity = text.lines().find(|it| it.starts_with("Severity:")).unwrap();
        if severity.contains("warning") {
            of_pages.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    of_pages.sort();
    assert_eq!(of_pages, wob_rules::lint::codes());
    let schema: Value = serde_json::from_str(wob_rules::WORKSPACE_SCHEMA).unwrap();
    let of_schema = &schema["properties"]["warnings"]["propertyNames"]["enum"];
    assert_eq!(*of_schema, Value::from(of_pages));
}
