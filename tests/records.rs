//! Records of trees that another version wrote, and those of fleets that are not as others are.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{commit, contents, git, record, seen, wob_in, write},
};

/// Writes the record of a tree as version 1 had it: one file that lists everything.
fn make_first_version(tree: &Path) {
    let mut whole = record(tree);
    whole["version"] = 1.into();
    whole.as_object_mut().unwrap().remove("parts");
    fs::remove_dir_all(tree.join(".wob/parts")).unwrap();
    fs::write(tree.join(".wob/tree.json"), format!("{whole:#}\n")).unwrap();
}

fn builds(at: &Path, args: &[&str]) -> String {
    let seen = wob_in(at, &[&["build", "//env:dev"], args].concat());
    assert!(seen.starts_with("exit: 0\n"), "{args:?}: {seen}");
    seen
}

/// Checks that a tree is what a build into an empty folder gives.
fn assert_fresh(at: &Path, tree: &Path) {
    let fresh = TempDir::new().unwrap();
    builds(at, &["-o", fresh.path().to_str().unwrap()]);
    let (mut found, wanted) = (contents(tree), contents(fresh.path()));
    found.retain(|path, _| !path.starts_with(".git/") && path != ".wob/lock");
    let differing =
        wanted.keys().chain(found.keys()).filter(|it| found.get(*it) != wanted.get(*it));
    assert_eq!(differing.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(found.keys().any(|it| it.starts_with(".wob/parts/")), "{:?}", found.keys());
}

/// Changes some files of the tree, and takes a cluster type out of it.
fn change(at: &Path) {
    let environment = at.join("environments/dev");
    edit(&environment.join("config/dev.yaml"), "REGION: Fjord", "REGION: Sound");
    fs::remove_file(environment.join("cluster-types/preview.yaml")).unwrap();
}

#[test]
fn a_folder_with_a_record_of_version_1_is_still_wobs_own() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let out = at.join("wob-out/dev");
    builds(at, &[]);
    make_first_version(&out);
    let seen = builds(at, &[]);
    assert!(seen.contains(" 0 files written"), "{seen}");
    assert_fresh(at, &out);

    make_first_version(&out);
    change(at);
    // What somebody edited since is still known to be edited.
    let edited = out.join("preview/README.md");
    let was = fs::read(&edited).unwrap();
    fs::write(&edited, "by hand\n").unwrap();
    let before = contents(&out);
    let seen = wob_in(at, &["build", "//env:dev"]);
    assert!(!seen.starts_with("exit: 0\n") && seen.contains("preview/README.md"), "{seen}");
    assert_eq!(contents(&out), before, "{seen}");
    fs::write(&edited, was).unwrap();
    builds(at, &[]);
    assert!(!out.join("preview").exists());
    assert_fresh(at, &out);
}

#[test]
fn a_branch_with_a_record_of_version_1_is_still_wobs_own() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    git(at, &["init", "-q", "--bare", "gitops.git"]);
    let into = ["--into", "gitops.git#dev"];
    builds(at, &into);
    let checkout = || {
        let checkout = TempDir::new().unwrap();
        let address = at.join("gitops.git").display().to_string();
        git(checkout.path(), &["clone", "-q", "-b", "dev", &address, "."]);
        checkout
    };
    for change in [|_: &Path| {}, change] {
        let older = checkout();
        make_first_version(older.path());
        commit(older.path(), &[]);
        git(older.path(), &["push", "-q", "origin", "dev"]);
        change(at);
        builds(at, &into);
        assert_fresh(at, checkout().path());
    }
}

fn cluster_type(name: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ClusterType\nmetadata:\n  name: {name}\nspec:\n  \
         reconciler: argocd\n  namespaceService: namespace\n  configType: configmap\n"
    )
}

/// There is a record for each, and all are flushed.
#[cfg(unix)]
#[test]
fn many_cluster_types_need_few_open_files() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    copy_example("minimal", at);
    let all: Vec<String> = (0..300).map(|it| cluster_type(&format!("c{it}"))).collect();
    write(at, &[("environments/dev/cluster-types/many.yaml", &all.join("---\n"))]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 200; exec \"$0\" build"]).arg(env!("CARGO_BIN_EXE_wob"));
    let seen =
        seen(&shell.current_dir(at).env_clear().env("HOME", at.join("home")).output().unwrap());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert_eq!(fs::read_dir(at.join("wob-out/dev/.wob/parts")).unwrap().count(), 301);
}

/// The name of its folder is as long as that of a file may nearly be.
#[test]
fn the_longest_name_of_a_cluster_type_has_a_place_in_the_record() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    copy_example("minimal", at);
    for length in [250, 251, 253] {
        let name = "a".repeat(length);
        write(at, &[("environments/dev/cluster-types/long.yaml", &cluster_type(&name))]);
        builds(at, &[]);
        let out = at.join("wob-out/dev");
        let record = record(&out);
        assert!(!record["files"][format!("{name}/README.md")].is_null(), "{length}");
        let assignments = record["assignments"].as_array().unwrap();
        assert!(assignments.iter().any(|it| it["clusterType"] == *name), "{length}");
        assert!(builds(at, &[]).contains(" 0 files written"), "{length}");
        assert_fresh(at, &out);
    }
}
