//! That a workspace read at commits is read with the lock files of those commits.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use clap::Parser as _;
use wob_host::{GitId, Interrupt};

use super::{State, Workspace, load};
use crate::args::Args;

/// Runs git with an identity of its own; returns what it printed.
fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(at)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(at: &Path, files: &[(&str, &str)]) -> GitId {
    for (path, text) in files {
        let path = at.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", "a change"]);
    GitId::parse(&git(at, &["rev-parse", "HEAD"])).unwrap()
}

/// Returns a lock whose only input has this name.
fn lock(name: &str) -> String {
    let (id, digest) = ("0".repeat(40), "0".repeat(64));
    format!(
        "version = 1\n\n[[input]]\nname = \"{name}\"\nurl = \"https://example.org/{name}\"\nref = \"main\"\n\
         commit = \"{id}\"\ntree = \"{id}\"\nblake3 = \"{digest}\"\ntime = 2026-01-01T00:00:00Z\n"
    )
}

/// Returns the names that the lock files of the workspace hold, by the names of the files.
fn locked(at: &Path, state: State) -> BTreeMap<String, Vec<String>> {
    let args = Args::parse_from(["wob", "-C", at.to_str().unwrap(), "check"]);
    let interrupt = Interrupt::default();
    let workspace = Workspace::find(&args.common, state, &interrupt).unwrap();
    let loaded = load(&workspace, None, &|_| true, (None, None), &interrupt).unwrap();
    assert_eq!(loaded.diagnostics, []);
    let names = |it: &super::AskedLock| {
        let inputs = it.file.iter().flat_map(|it| it.lock.inputs.values());
        (it.name.to_string(), inputs.map(|it| it.name.clone()).collect())
    };
    loaded.locks.iter().map(names).collect()
}

#[test]
fn folders_are_read_with_the_lock_of_their_commit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q"]);
    let settings = "version: 1\nbase: base\nenvironments: {dev: dev}\n";
    let none = commit(at, &[("wob.yaml", settings), ("base/a.yaml", ""), ("dev/a.yaml", "")]);
    let first = commit(at, &[("wob.lock", &lock("first"))]);
    commit(at, &[("wob.lock", &lock("second"))]);
    fs::write(at.join("wob.lock"), lock("edited")).unwrap();
    for (own, names) in [(Some(none), vec![]), (Some(first), vec!["first"]), (None, vec!["edited"])]
    {
        let found = locked(at, State { own, ..State::default() });
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(found, BTreeMap::from([("wob.lock".to_owned(), names)]));
    }
}

#[test]
fn branches_are_read_with_the_lock_of_their_commit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q"]);
    git(at, &["remote", "add", "origin", "git@example.invalid:org/plane.git"]);
    let environment = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: Environment\nmetadata: {name: dev}\n\
                       spec:\n  controlPlane: {repo: git@example.invalid:org/plane.git, branch: dev, path: .}\n";
    commit(at, &[("dev.yaml", environment)]);
    git(at, &["checkout", "-q", "--orphan", "dev"]);
    git(at, &["rm", "-rqf", "."]);
    let first = commit(at, &[("wob.lock", &lock("first"))]);
    commit(at, &[("wob.lock", &lock("second"))]);
    git(at, &["checkout", "-q", "main"]);
    for (pinned, name) in [(Some(first), "first"), (None, "second")] {
        let branches = pinned.map(|it| ("dev".to_owned(), it)).into_iter().collect();
        let found = locked(at, State { branches, ..State::default() });
        assert_eq!(found["dev:wob.lock"], [name]);
        assert_eq!(found["wob.lock"], Vec::<String>::new(), "the base has none");
    }
}
