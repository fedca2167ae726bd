//! Locks that are damaged, hostile, or not what the repositories hold.

use std::{fmt::Write as _, fs};

use super::{Fleet, check, new_version};
use crate::support::git;

/// Replaces the value of a field in the lock.
fn set(lock: &str, field: &str, value: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((name, _)) if name == field => format!("{field} = {value}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    lock.lines().map(line).collect()
}

fn without(lock: &str, field: &str) -> String {
    lock.split_inclusive('\n').filter(|it| !it.starts_with(field)).collect()
}

#[test]
fn whatever_is_wrong_has_a_place_and_a_way_out() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    let good = fleet.lock();
    let block = good.split_once("[[input]]").unwrap().1;
    let cases = [
        ("an empty file", String::new()),
        ("no TOML", good.replace("[[input]]", "[[input")),
        ("a newer version", good.replace("version = 1", "version = 2")),
        (
            "a list",
            good.replace("version = 1", "version = 1\ninput = []")
                .split("\n[[")
                .next()
                .unwrap()
                .to_owned(),
        ),
        ("a field that is missing", without(&good, "tree")),
        ("a field with a typo", good.replace("ref =", "reff =")),
        ("an unknown field", good.replace("ref =", "note = \"x\"\nref =")),
        ("half an id", set(&good, "commit", "\"0123456789\"")),
        ("an id in capitals", set(&good, "tree", &format!("\"{}\"", "A".repeat(40)))),
        ("a number", set(&good, "name", "7")),
        ("a digest that is none", set(&good, "blake3", "\"x\"")),
        ("a time that is none", set(&good, "time", "\"yesterday\"")),
        ("a local time", set(&good, "time", "2026-01-01T00:00:00")),
        ("a path that leaves", set(&good, "path", "\"../../etc\"")),
        ("an absolute path", set(&good, "path", "\"/etc\"")),
        ("an address with a password", set(&good, "url", "\"https://ada:hush@example.org/app\"")),
        (
            "an address with a token",
            set(&good, "url", "\"https://example.org/app?private_token=hush\""),
        ),
        ("a control character", set(&good, "name", "\"a\\u001B[2J\"")),
        ("a branch that is an option", set(&good, "ref", "\"--upload-pack=touch\"")),
        ("a branch that is a pattern", set(&good, "ref", "\"*\"")),
        ("the same twice", format!("{good}\n[[input]]{block}")),
        (
            "the same in another spelling",
            format!("{good}\n[[input]]{}", block.replace("\"../app\"", "\"../app/\"")),
        ),
    ];
    let mut all = String::new();
    for (what, text) in cases {
        assert_ne!(text, good, "{what} changes nothing");
        fs::write(fleet.at().join("wob.lock"), text).unwrap();
        let seen = fleet.wob(&["check"]);
        assert!(!seen.contains('\u{1b}') && !seen.contains("hush"), "{what}: {seen}");
        writeln!(all, "# {what}\n{seen}").unwrap();
        assert!(fleet.wob(&["lock"]).lines().next() == seen.lines().next(), "{what}");
    }
    check("damaged", &all);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let fleet = Fleet::new(&["app"]);
    let lock = fleet.at().join("wob.lock");
    fs::write(&lock, b"version = 1\n# \xff\n").unwrap();
    let seen = fleet.ends(1, &["check"]);
    assert!(seen.contains("not-utf8") && seen.contains("wob.lock"), "{seen}");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    fleet.ends(1, &["check"]);
    fs::remove_dir(&lock).unwrap();
    #[cfg(unix)]
    {
        fs::write(fleet.app("outside"), "version = 1\n").unwrap();
        std::os::unix::fs::symlink("../outside", &lock).unwrap();
        let seen = fleet.ends(1, &["check"]);
        assert!(seen.contains("link-leaves-source"), "{seen}");
    }
}

/// A lock says what a commit holds; if it holds something else, nothing is built.
#[test]
fn what_is_not_as_it_was_locked_is_refused() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    let good = fleet.lock();
    let other = new_version(&fleet, "app", "2");
    let tree = git(&fleet.app("app"), &["rev-parse", "HEAD:deploy"]);
    for (field, value) in [
        ("commit", format!("\"{other}\"")),
        ("tree", format!("\"{tree}\"")),
        ("blake3", format!("\"{}\"", "0".repeat(64))),
        ("time", "2026-01-02T00:00:00Z".to_owned()),
    ] {
        fs::write(fleet.at().join("wob.lock"), set(&good, field, &value)).unwrap();
        for args in
            [&["build"][..], &["check", "--output=json"], &["lock"], &["update", "--dry-run"]]
        {
            let seen = fleet.ends(40, args);
            assert!(seen.contains("wob.lock:4: commit"), "{field}: {seen}");
            assert!(seen.contains("should be") && seen.contains("help:"), "{field}: {seen}");
        }
        assert!(!fleet.at().join("wob-out").exists(), "{field}");
    }
    fs::write(
        fleet.at().join("wob.lock"),
        set(&good, "blake3", &format!("\"{}\"", "0".repeat(64))),
    )
    .unwrap();
    check("mismatch", &format!("$ wob build\n{}", fleet.wob(&["build"])));
}

/// A commit of the same repository whose branch was rewritten, and that was thrown away.
#[test]
fn a_commit_that_is_gone_is_an_outside_failure_with_a_way_out() {
    let fleet = Fleet::new(&["app"]);
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    new_version(&fleet, "app", "2");
    fleet.ends(0, &["lock"]);
    git(&fleet.app("app"), &["reset", "-q", "--hard", &first]);
    fleet.ends(0, &["build"]);
    git(&fleet.app("app"), &["reflog", "expire", "--expire=now", "--all"]);
    git(&fleet.app("app"), &["gc", "-q", "--prune=now"]);
    let seen = fleet.ends(32, &["check"]);
    check("gone", &format!("$ wob check\n{seen}"));
    fleet.ends(0, &["update", "app"]);
    fleet.ends(0, &["build", "--locked"]);
    assert_eq!(fleet.built_at("app"), first);
}

/// An id of something else is no commit.
#[test]
fn a_tree_is_no_commit() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    let good = fleet.lock();
    for object in ["HEAD:deploy", "HEAD:deploy/workload.yaml"] {
        let id = git(&fleet.app("app"), &["rev-parse", object]);
        let lock = set(&good, "commit", &format!("\"{id}\""));
        fs::write(fleet.at().join("wob.lock"), lock).unwrap();
        let seen = fleet.ends(32, &["check"]);
        assert!(seen.contains("is gone"), "{seen}");
    }
}

/// A lock chooses commits of repositories that sources name, and brings no others.
#[test]
fn what_no_source_names_is_never_read() {
    let fleet = Fleet::new(&["app"]);
    fleet.ends(0, &["lock"]);
    let good = fleet.lock();
    let block = good.split_once("[[input]]").unwrap().1;
    let hostile = block.replace("\"../app\"", "\"http://127.0.0.1:1/never\"");
    fs::write(fleet.at().join("wob.lock"), format!("{good}\n[[input]]{hostile}")).unwrap();
    fleet.ends(0, &["build", "--locked"]);
    let seen = fleet.ends(0, &["lock"]);
    assert!(seen.contains("removed app"), "{seen}");
    assert_eq!(fleet.lock(), good);
}
