//! `wob check`, `wob list` and `wob render`: looking without writing.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{check, copy_example, edit};
use crate::support::{ROOT, contents, seen, wob_command, wob_in};

fn fleet() -> std::path::PathBuf {
    Path::new(ROOT).join("examples/fleet")
}

fn broken() -> TempDir {
    let temp = TempDir::new().expect("because tests have a temporary folder");
    copy_example("minimal", temp.path());
    let at = |path| temp.path().join(path);
    edit(&at("environments/dev/cluster-types/small.yaml"), "argocd\n", "argcd\n");
    edit(&at("environments/dev/config/dev-config.yaml"), "debug", "on");
    edit(&at("app/workload.yaml"), "environment: dev", "enviroment: dev");
    temp
}

#[test]
fn the_examples_are_in_order() {
    check("check", &fleet(), &["check"]);
    check("check-json", &fleet(), &["check", "//env:stage", "--output=json"]);
}

#[test]
fn every_problem_is_found_in_one_run() {
    check("check-broken", broken().path(), &["check"]);
    check("check-broken-quiet", broken().path(), &["check", "--quiet"]);
    check("check-broken-json", broken().path(), &["check", "--output=json"]);
}

#[test]
fn github_gets_annotations() {
    let temp = broken();
    let mut wob = wob_command(temp.path(), &["check", "--quiet"]);
    wob.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", temp.path().parent().unwrap());
    let seen = seen(&wob.output().unwrap());
    let folder = temp.path().canonicalize().unwrap();
    let folder = folder.file_name().unwrap().to_str().unwrap();
    let expected =
        format!("::error file={folder}/environments/dev/cluster-types/small.yaml,line=10,col=15,");
    assert!(seen.contains(&expected), "{expected}\n{seen}");
}

#[test]
fn settings_are_checked_too() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    edit(&temp.path().join("wob.yaml"), "base: base", "bases: base\nprofile: kalipso");
    check("check-settings", temp.path(), &["check"]);
    edit(&temp.path().join("wob.yaml"), "environments/dev", "environments/deve");
    check("check-missing-folder", temp.path(), &["check"]);
}

#[test]
fn without_a_workspace_there_is_nothing_to_check() {
    let temp = TempDir::new().unwrap();
    check("check-no-workspace", temp.path(), &["check"]);
    check("check-no-folder", temp.path(), &["-C", "nowhere", "check"]);
}

#[test]
fn what_there_is_can_be_listed() {
    check("list", &fleet(), &["list", "//env:prod"]);
    check("list-part", &fleet(), &["list", "//workload:night-audit"]);
    check("list-json", &fleet(), &["list", "//env/prod/kiosk:all", "--output=json"]);
}

#[test]
fn what_is_not_used_can_be_listed() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let deployment =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n---\njust: data\n";
    fs::write(temp.path().join("app/deployment.yaml"), deployment).unwrap();
    fs::write(temp.path().join("base/.sourceignore"), "drafts/\n").unwrap();
    fs::create_dir(temp.path().join("base/drafts")).unwrap();
    fs::write(temp.path().join("base/drafts/new.yaml"), "a: 1\n").unwrap();
    check("list-ignored", temp.path(), &["list", "--ignored"]);
    check("list-ignored-json", temp.path(), &["list", "--ignored", "--output=json"]);
}

#[test]
fn documents_are_printed() {
    check("render", &fleet(), &["render", "//env/prod/kiosk:ticketing-live"]);
    check("render-file", &fleet(), &["render", "//env/prod/kiosk:ticketing-live/config.sh"]);
    check("render-object", &fleet(), &["render", "//template:vessel-sync"]);
    check("render-json", &fleet(), &["render", "//env/prod/vessel:all", "--output=json"]);
    check("render-no-file", &fleet(), &["render", "//env/prod/kiosk:ticketing-live/confg.sh"]);
    check(
        "render-kalypso",
        &fleet(),
        &["render", "//env/dev/lab:telemetry-agent", "--profile=kalypso"],
    );
}

/// With settings that cannot be read, nothing is known, and that is all there is to say: in either shape.
#[test]
fn settings_that_are_no_yaml_are_reported_by_every_command() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let seen = wob_in(temp.path(), &["build"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let before = contents(&temp.path().join("wob-out"));
    fs::write(temp.path().join("wob.yaml"), "version: 1\nbase: [\n").unwrap();
    for command in ["check", "build", "list", "render"] {
        for target in ["//...", "//env:dev", "//env/dev/small:hello-test"] {
            let seen = wob_in(temp.path(), &[command, target]);
            assert!(seen.starts_with("exit: 1\n") && seen.contains("[wob.yaml:2:7]"), "{seen}");
            let output = wob_command(temp.path(), &[command, target, "--output=json"]).output();
            let json: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
            assert_eq!(json["diagnostics"][0]["code"], "yaml-syntax", "{command} {target}");
            assert_eq!(json["exitCode"], 1, "{command} {target}");
        }
    }
    assert_eq!(contents(&temp.path().join("wob-out")), before);
}
