//! `wob audit --against` and `wob attest`: trees that lie in real git repositories are proven, or what is wrong with them is found.

mod attest;
mod audit;
mod history;
mod plane;
mod tampered;

use std::path::Path;

use serde_json::Value;

use crate::support::{with_snapshots_in, wob_in};

/// Runs `wob` with `--output=json`, and returns how it ended and what it printed.
fn json(at: &Path, args: &[&str]) -> (i64, Value) {
    let seen = wob_in(at, &[args, &["--output=json"]].concat());
    let stdout = seen.split("----- stdout -----\n").nth(1).unwrap();
    let stdout = stdout.split("----- stderr -----").next().unwrap();
    let parsed: Value = serde_json::from_str(stdout).unwrap_or_else(|it| panic!("{it}: {seen}"));
    let exit = parsed["exitCode"].as_i64().unwrap();
    assert!(seen.starts_with(&format!("exit: {exit}\n")), "{seen}");
    (exit, parsed)
}

/// Compares what a user sees with a snapshot, in which ids are no ids.
fn check(name: &str, at: &Path, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", args.join(" "), wob_in(at, args));
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{64}", "[DIGEST]");
    settings.add_filter("[0-9a-f]{40}", "[COMMIT]");
    settings.add_filter(r"\b[0-9a-f]{10}\b", "[COMMIT]");
    settings.add_filter(r"`?[^`\s]*/\.tmp[A-Za-z0-9]+/", "[TEMP]/");
    settings.bind(|| with_snapshots_in("cli", || insta::assert_snapshot!(name, seen)));
}
