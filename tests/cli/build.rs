//! `wob build`: what is written, what is kept, and what is refused.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{check, copy_example, edit};
use crate::support::wob_in;

fn fleet() -> TempDir {
    let temp = TempDir::new().expect("because tests have a temporary folder");
    copy_example("fleet", temp.path());
    temp
}

fn built(at: &Path, args: &[&str]) -> String {
    let seen = wob_in(at, args);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    seen
}

#[test]
fn everything_is_built_once() {
    let fleet = fleet();
    check("build", fleet.path(), &["build"]);
    check("build-again", fleet.path(), &["build", "//..."]);
}

#[test]
fn only_what_differs_is_written() {
    let fleet = fleet();
    built(fleet.path(), &["build"]);
    edit(&fleet.path().join("environments/prod/config/kiosk.yaml"), "\"8\"", "\"12\"");
    check("build-changed", fleet.path(), &["build", "//env:prod"]);
    fs::remove_file(fleet.path().join("environments/prod/cluster-types/kiosk.yaml")).unwrap();
    check("build-deleted", fleet.path(), &["build", "//env:prod"]);
    assert!(!fleet.path().join("wob-out/prod/kiosk").exists());
}

#[test]
fn a_part_leaves_the_rest_alone() {
    let fleet = fleet();
    built(fleet.path(), &["build", "//env:prod"]);
    let other = fleet.path().join("wob-out/prod/hub/ticketing-live/config.yaml");
    let before = fs::read(&other).unwrap();
    edit(&fleet.path().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    check("build-part", fleet.path(), &["build", "//env/prod/kiosk:all"]);
    assert_eq!(fs::read(&other).unwrap(), before);
    let kiosk = fleet.path().join("wob-out/prod/kiosk/ticketing-live/config.sh");
    assert!(fs::read_to_string(kiosk).unwrap().contains("Bergen"));
    check("build-dependents", fleet.path(), &["build", "//:base/config/company.yaml"]);
    assert!(fs::read_to_string(other).unwrap().contains("Bergen"));
}

#[test]
fn exclusions_leave_out() {
    check(
        "build-excluded",
        fleet().path(),
        &["build", "//...", "--", "-//env/prod/...", "-//env/stage/hub:all"],
    );
    check("build-nothing", fleet().path(), &["build", "//env:dev", "--", "-//env:dev"]);
}

#[test]
fn unknown_targets_are_usage_errors() {
    let fleet = fleet();
    for (name, pattern) in [
        ("environment", "//env:prd"),
        ("cluster-type", "//env/prod/hubs:all"),
        ("assignment", "//env/prod/hub:ticketing-life"),
        ("object", "//workload:ticket"),
        ("file", "//:base/config/companies.yaml"),
        ("word", "//envs:prod"),
        ("slashes", "prod"),
    ] {
        check(&format!("build-unknown-{name}"), fleet.path(), &["build", pattern]);
    }
}

#[test]
fn one_bad_workload_keeps_its_last_good_output() {
    let fleet = fleet();
    built(fleet.path(), &["build", "//env:prod"]);
    let config = fleet.path().join("wob-out/prod/hub/ticketing-live/config.yaml");
    let before = fs::read(&config).unwrap();
    edit(
        &fleet.path().join("environments/prod/config/ticketing-live-on-large.yaml"),
        "\"12\"",
        "\"many\"",
    );
    edit(&fleet.path().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    check("build-one-bad", fleet.path(), &["build", "//env:prod"]);
    assert_eq!(fs::read(&config).unwrap(), before);
    let other = fleet.path().join("wob-out/prod/hub/timetable-live/config.yaml");
    assert!(fs::read_to_string(&other).unwrap().contains("Bergen"));
    edit(&fleet.path().join("base/config/company.yaml"), "Europe/Bergen", "Europe/Paris");
    check("build-strict", fleet.path(), &["build", "//env:prod", "--strict"]);
    assert!(fs::read_to_string(&other).unwrap().contains("Bergen"));
    check("build-keep-going", fleet.path(), &["build", "//env:prod", "--keep-going", "--quiet"]);
}

#[test]
fn what_wob_did_not_write_is_not_lost() {
    let fleet = fleet();
    built(fleet.path(), &["build", "//env:dev"]);
    let (edited, mine) =
        (fleet.path().join("wob-out/dev/lab/README.md"), fleet.path().join("wob-out/dev/mine"));
    fs::write(&edited, "edited").unwrap();
    fs::write(&mine, "mine").unwrap();
    check("build-conflict", fleet.path(), &["build", "//env:dev", "-v"]);
    assert_eq!(fs::read_to_string(&edited).unwrap(), "edited");
    check("build-force", fleet.path(), &["build", "//env:dev", "--force"]);
    assert!(fs::read_to_string(&edited).unwrap().starts_with("This folder"));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
}

#[test]
fn the_output_folder_can_be_chosen() {
    let fleet = fleet();
    check("build-out", fleet.path(), &["build", "//env:dev", "-o", "gitops"]);
    assert!(fleet.path().join("gitops/.wob/tree.json").is_file());
    check("build-out-ambiguous", fleet.path(), &["build", "-o", "gitops"]);
    check("build-out-each", fleet.path(), &["build", "-o", "out/{environment}", "--quiet"]);
    assert!(fleet.path().join("out/stage/.wob/tree.json").is_file());
}

#[test]
fn programs_read_what_was_built() {
    check("build-json", fleet().path(), &["build", "//env/prod/kiosk:all", "--output=json"]);
}

#[test]
fn what_init_writes_builds() {
    let temp = TempDir::new().unwrap();
    built(temp.path(), &["init", "fleet"]);
    check("init-build", temp.path(), &["-C", "fleet", "build", "//env:dev"]);
    assert!(temp.path().join("fleet/wob-out/dev/.wob/tree.json").is_file());
}
