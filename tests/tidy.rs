//! House rules that no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A reader who opens any file learns in one line what it is for.
#[test]
fn every_module_says_what_it_is_for() {
    let mut silent = vec![];
    for path in rust_files() {
        if !fs::read_to_string(&path).unwrap().starts_with("//! ") {
            silent.push(path);
        }
    }
    assert!(silent.is_empty(), "begin these files with a `//!` line: {silent:#?}");
}

/// The pure crates depend on each other in one direction, and never on the host.
#[test]
fn crates_depend_downwards() {
    let allowed = [
        ("engine/wob-engine", &[][..]),
        ("engine/wob-template", &["wob-engine"]),
        ("engine/wob-host", &["wob-engine"]),
        ("rules", &["wob-engine", "wob-template"]),
        (".", &["wob-engine", "wob-host", "wob-rules"]),
        // Nothing depends on it.
        ("engine/wob-bench", &["wob-engine", "wob-host", "wob-rules", "wob-template"]),
    ];
    for (package, allowed) in allowed {
        let manifest =
            fs::read_to_string(Path::new(ROOT).join(package).join("Cargo.toml")).unwrap();
        let used: Vec<&str> = manifest
            .lines()
            .skip_while(|line| *line != "[dependencies]")
            .take_while(|line| *line != "[dev-dependencies]")
            .filter_map(|line| line.strip_suffix(".workspace = true"))
            .filter(|name| name.starts_with("wob-"))
            .collect();
        assert_eq!(used, allowed, "in {package}/Cargo.toml");
    }
}

/// Every exit code is documented, once, and no other.
#[test]
fn the_exit_codes_are_those_of_the_docs() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let (source, docs) = (read("engine/wob/exit.rs"), read("docs/output.md"));
    let numbers = source.lines().filter_map(|it| it.trim().strip_prefix("Self::"));
    let numbers = numbers.filter_map(|it| it.strip_suffix(',')?.split_once(" => "));
    let mut numbers: Vec<u8> = numbers.map(|(_, number)| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.len() >= 13, "{numbers:?}");
    let table = docs.split("## Exit codes").nth(1).unwrap();
    let rows = table.lines().filter_map(|it| it.strip_prefix("| ")?.split_once(" | "));
    let rows: Vec<u8> = rows.filter_map(|(code, _)| code.parse().ok()).collect();
    assert_eq!(rows, numbers);
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = vec![];
    let mut dirs: Vec<PathBuf> =
        ["engine", "rules", "tests"].map(|dir| Path::new(ROOT).join(dir)).into();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
