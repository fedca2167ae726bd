//! Merging locks: by git alone, and by git with our merge driver.

use std::{fs, process::Command};

use super::{Fleet, check, new_version};
use crate::support::{ROOT, commit, git, write};

/// Makes a repository of the workspace, in which git merges locks by `wob lock merge`.
fn committed(fleet: &Fleet) {
    let at = fleet.at();
    git(&at, &["init", "-q"]);
    fleet.ends(0, &["lock"]);
    commit(&at, &[(".gitattributes", "wob.lock merge=wob-lock\n")]);
}

/// Merges `branch` as the guide sets git up; returns whether that went well, and what git and wob said.
fn merge(fleet: &Fleet, branch: &str) -> (bool, String) {
    let driver = format!("'{}' lock merge %O %A %B", env!("CARGO_BIN_EXE_wob"));
    let output = Command::new("git")
        .current_dir(fleet.at())
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-c", &format!("merge.wob-lock.driver={driver}")])
        .args(["merge", "-q", "--no-edit", branch])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Registers a new workload on a branch of its own, and locks it there.
fn on_branch(fleet: &Fleet, branch: &str, change: impl FnOnce()) {
    git(&fleet.at(), &["checkout", "-q", "-b", branch, "main"]);
    change();
    commit(&fleet.at(), &[]);
    git(&fleet.at(), &["checkout", "-q", "main"]);
}

#[test]
fn two_branches_that_each_lock_something_do_not_conflict() {
    // `mine` and `shop` end up beside each other, where git alone cannot merge.
    let fleet = Fleet::new(&["app", "wiki"]);
    committed(&fleet);
    for name in ["mine", "shop"] {
        fleet.make_app(name);
        on_branch(&fleet, name, || {
            fleet.register(name, "main", "deploy");
            fleet.ends(0, &["lock"]);
        });
    }
    for name in ["mine", "shop"] {
        let (merged, said) = merge(&fleet, name);
        assert!(merged && !said.contains("warning"), "{said}");
    }
    // The merged file is what `wob lock` itself would write.
    fleet.ends(0, &["lock", "--check"]);
    fleet.ends(0, &["build", "--locked"]);
    assert_eq!(fleet.lock().matches("[[input]]").count(), 4);
}

#[test]
fn without_the_driver_blocks_apart_from_each_other_merge_too() {
    let fleet = Fleet::new(&["green", "red"]);
    committed(&fleet);
    fs::remove_file(fleet.at().join(".gitattributes")).unwrap();
    commit(&fleet.at(), &[]);
    for name in ["app", "zoo"] {
        fleet.make_app(name);
        on_branch(&fleet, name, || {
            fleet.register(name, "main", "deploy");
            fleet.ends(0, &["lock"]);
        });
    }
    git(&fleet.at(), &["merge", "-q", "--no-edit", "app"]);
    git(&fleet.at(), &["merge", "-q", "--no-edit", "zoo"]);
    fleet.ends(0, &["lock", "--check"]);
}

#[test]
fn of_two_moves_the_later_commit_stays_and_that_is_said() {
    let fleet = Fleet::new(&["app"]);
    committed(&fleet);
    let early = new_version(&fleet, "app", "2");
    on_branch(&fleet, "early", || drop(fleet.ends(0, &["update"])));
    write(&fleet.app("app"), &[("deploy/workload.yaml", &super::workload("app", "3"))]);
    git(&fleet.app("app"), &["add", "-A"]);
    // One with a clock that goes on.
    let made = Command::new("git")
        .current_dir(fleet.app("app"))
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "commit",
            "-q",
            "-m",
            "later",
        ])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2026-02-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-02-01T00:00:00Z")
        .status();
    assert!(made.unwrap().success());
    let late = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    on_branch(&fleet, "late", || drop(fleet.ends(0, &["update"])));
    for branches in [["early", "late"], ["late", "early"]] {
        git(&fleet.at(), &["checkout", "-q", "--detach", "main"]);
        for branch in branches {
            let (merged, said) = merge(&fleet, branch);
            assert!(merged, "{said}");
            if branch == branches[1] {
                assert!(said.contains("both sides moved `app`"), "{said}");
                assert!(said.contains(&format!("{} stays", &late[..10])), "{said}");
                assert!(said.contains(&early[..10]), "{said}");
            }
        }
        fleet.ends(0, &["build", "--locked"]);
        assert_eq!(fleet.built_at("app"), late);
    }
}

#[test]
fn a_conflict_that_is_left_is_told_with_its_place() {
    let fleet = Fleet::new(&["app"]);
    committed(&fleet);
    fs::remove_file(fleet.at().join(".gitattributes")).unwrap();
    commit(&fleet.at(), &[]);
    for (branch, folder) in [("one", "2"), ("two", "3")] {
        new_version(&fleet, "app", folder);
        on_branch(&fleet, branch, || drop(fleet.ends(0, &["update"])));
    }
    git(&fleet.at(), &["merge", "-q", "--no-edit", "one"]);
    let (merged, _) = merge(&fleet, "two");
    assert!(!merged);
    let seen = fleet.ends(1, &["build"]);
    check("conflict", &format!("$ wob build\n{seen}"));
    assert!(!fleet.at().join("wob-out").exists(), "nothing is built of it");
}

/// A driver that fails leaves the file to git, which reports a conflict.
#[test]
fn a_side_that_cannot_be_read_is_a_conflict() {
    let fleet = Fleet::new(&["app"]);
    let at = fleet.at();
    fleet.ends(0, &["lock"]);
    let good = fleet.lock();
    write(&at, &[("old", ""), ("ours", &good), ("theirs", &good.replace("commit =", "comit ="))]);
    let seen = fleet.ends(1, &["lock", "merge", "old", "ours", "theirs"]);
    assert!(seen.contains("theirs:4") && seen.contains("did you mean `commit`?"), "{seen}");
    assert_eq!(fs::read_to_string(at.join("ours")).unwrap(), good);
    fleet.ends(36, &["lock", "merge", "old", "ours", "nowhere"]);
    fleet.ends(2, &["lock", "merge", "old", "ours"]);
    fleet.ends(0, &["lock", "merge", "old", "ours", "old"]);
}

/// The guide shows what these tests do.
#[test]
fn the_guide_sets_git_up_as_tested() {
    let guide = fs::read_to_string(format!("{ROOT}/docs/guides/lock.md")).unwrap();
    assert!(guide.contains("wob.lock merge=wob-lock"));
    assert!(guide.contains("git config merge.wob-lock.driver 'wob lock merge %O %A %B'"));
}
