//! The examples are test cases: each builds without a remark, and its trees are those of snapshots/examples/.

use std::{fmt::Write as _, path::Path};

use tempfile::TempDir;
use wob_engine::Digest;

use crate::{
    cli::copy_example,
    support::{contents, record, with_snapshots_in, wob_in},
};

#[test]
fn every_example_builds_to_its_snapshot() {
    insta::glob!("../examples", "*/wob.yaml", |settings| {
        let folder = settings.parent().and_then(Path::file_name).and_then(|it| it.to_str());
        let name = folder.expect("because the pattern has a folder");
        let temp = TempDir::new().unwrap();
        copy_example(name, temp.path());
        let seen = wob_in(temp.path(), &["build", "--quiet"]);
        assert!(seen.starts_with("exit: 0\n") && seen.ends_with("----- stderr -----\n"), "{seen}");
        let checked = wob_in(temp.path(), &["check"]);
        assert!(
            checked.ends_with("----- stderr -----\n"),
            "an example warns of nothing: {checked}"
        );
        let listing = listing(&temp.path().join("wob-out"));
        with_snapshots_in("examples", || insta::assert_snapshot!(name, listing));
    });
}

/// Lists the trees below `out`: the ids of each, and the digest of each file as it lies on disk.
fn listing(out: &Path) -> String {
    let files = contents(out);
    let mut text = String::new();
    for path in files.keys() {
        let Some(environment) = path.strip_suffix("/.wob/tree.json") else { continue };
        let record = record(&out.join(environment));
        let id = |name: &str| record[name].as_str().unwrap().to_owned();
        writeln!(text, "{environment}").unwrap();
        writeln!(text, "  root {}\n  git  {}", id("root"), id("gitTree")).unwrap();
        let below = format!("{environment}/");
        let own =
            files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(&below)?, bytes)));
        for (path, bytes) in own.filter(|it| !it.0.starts_with(".wob/")) {
            let digest = Digest::of(bytes).to_string();
            assert_eq!(record["files"][path], digest.as_str(), "{path}");
            writeln!(text, "  {} {path}", &digest[..16]).unwrap();
        }
    }
    text
}

/// What a new user copies from the README works in the example that it names.
#[test]
fn commands_of_the_readme_work_in_the_fleet() {
    /// Those that need another repository, a network or a key, or that go on for ever.
    const ELSEWHERE: [&str; 12] = [
        "init", "publish", "watch", "attest", "diff", "affected", "plan", "lock", "update",
        "promote", "wait", "status",
    ];
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let readme = include_str!("../README.md");
    let mut tried = 0;
    for line in readme.lines().filter_map(|it| it.strip_prefix("$ wob ")) {
        let command = line.split(" # ").next().unwrap_or(line).trim();
        let words: Vec<&str> = command.split_whitespace().map(|it| it.trim_matches('\'')).collect();
        if ELSEWHERE.contains(&words[0]) || command.contains("../") {
            continue;
        }
        let seen = wob_in(temp.path(), &words);
        assert!(seen.starts_with("exit: 0\n"), "wob {command}: {seen}");
        tried += 1;
    }
    assert!(tried >= 12, "only {tried} commands were found");
}
