//! `--locked`, continuous integration, the journal and the watcher.

use std::fs;

use super::{Fleet, check, new_version, transcript};
use crate::support::{seen, wob_command};

/// Runs `wob` as continuous integration does.
fn in_ci(fleet: &Fleet, args: &[&str]) -> String {
    seen(&wob_command(&fleet.at(), args).env("CI", "true").output().unwrap())
}

#[test]
fn what_is_demanded_is_said() {
    let fleet = Fleet::new(&["app"]);
    check("demanded-without-lock", &transcript(&fleet, &[&["check", "--locked"]]));
    fleet.ends(0, &["lock"]);
    fleet.ends(0, &["build", "--locked"]);
    fleet.make_app("shop");
    fleet.register("shop", "main", "deploy");
    check("demanded-and-stale", &transcript(&fleet, &[&["check", "--locked"], &["check"]]));
    fleet.ends(2, &["check", "--locked", "--no-locked"]);
}

/// Who never heard of locks goes on as before; who has one gets what is committed.
#[test]
fn continuous_integration_demands_a_lock_where_there_is_one() {
    let fleet = Fleet::new(&["app"]);
    let seen = in_ci(&fleet, &["build"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("`wob lock` pins them"), "{seen}");
    assert!(!fleet.wob(&["build"]).contains("wob lock"), "nobody is told at home");
    fleet.ends(0, &["lock"]);
    let seen = in_ci(&fleet, &["build"]);
    assert!(seen.starts_with("exit: 0\n") && !seen.contains("note:"), "{seen}");
    fleet.make_app("shop");
    fleet.register("shop", "main", "deploy");
    let seen = in_ci(&fleet, &["build"]);
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("is not locked in `wob.lock`"),
        "{seen}"
    );
    let seen = in_ci(&fleet, &["build", "--no-locked"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("`wob lock` adds"), "{seen}");
    let seen = fleet.ends(0, &["build"]);
    assert!(seen.contains("`wob lock` adds"), "{seen}");
}

#[test]
fn the_journal_sees_the_lock() {
    let fleet = Fleet::new(&["app"]);
    let told = "nothing has changed since the last run, so nothing was read\n";
    let is_unchanged = || fleet.ends(0, &["build", "-v"]).contains(told);
    let settle = || {
        is_unchanged();
        assert!(is_unchanged());
    };
    settle();
    fleet.ends(0, &["lock"]);
    assert!(!is_unchanged(), "a lock that is new");
    settle();
    let second = new_version(&fleet, "app", "2");
    fleet.ends(0, &["update"]);
    assert!(!is_unchanged(), "a lock that moved");
    assert_eq!(fleet.built_at("app"), second);
    settle();
    let lock = fleet.lock();
    fs::remove_file(fleet.at().join("wob.lock")).unwrap();
    assert!(!is_unchanged(), "a lock that is gone");
    fs::write(fleet.at().join("wob.lock"), lock.replace("version = 1", "version = 2")).unwrap();
    fleet.ends(1, &["build"]);
}

/// The result of a watch depends on the lock as that of a build does.
#[test]
fn a_watch_reacts_to_the_lock() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    new_version(&fleet, "app", "2");
    let watching = crate::watch::Watching::start(&fleet.at(), &[]);
    assert_eq!(watching.next()["exitCode"], 0);
    fleet.ends(0, &["update"]);
    let round = watching.next();
    assert!(round.to_string().contains("reconciler.yaml"), "{round}");
    watching.settle(&fleet.at());
}
