//! What `--timings` writes: events of every stage, as JSON that is whole at any moment.

use std::{collections::BTreeSet, fs, path::Path, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::{
    cli::copy_example,
    support::{wob_command, wob_in},
};

fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn names(path: &Path) -> BTreeSet<String> {
    events(path).iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_stage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let seen = wob_in(at, &["build", "--timings=t.json"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let stages = [
        "amend",
        "build",
        "compose",
        "explain",
        "journal",
        "lint",
        "look",
        "look up",
        "model",
        "parse and decode",
        "plan",
        "prepare",
        "read",
        "render",
        "report",
        "schedule",
        "store",
        "write",
    ];
    assert_eq!(names(&at.join("t.json")), stages.map(str::to_owned).into());
    let all = events(&at.join("t.json"));
    let rendered = all.iter().filter(|it| it["name"] == "render");
    let rendered: u64 = rendered.map(|it| it["args"]["assignments"].as_u64().unwrap()).sum();
    assert_eq!(rendered, 29, "each assignment is rendered once");
    for it in &all {
        assert_eq!(it["ph"], "X");
        assert!(it["ts"].is_u64() && it["dur"].is_u64() && it["tid"].is_u64(), "{it}");
    }
    // With nothing to do, nothing is done.
    wob_in(at, &["build", "--timings=t.json"]);
    assert_eq!(names(&at.join("t.json")), ["journal".to_owned()].into());
}

#[test]
fn a_run_that_is_killed_leaves_its_timings() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let mut command = wob_command(at, &["watch", "--timings=t.json"]);
    let mut watch = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let path = at.join("t.json");
    while !fs::read_to_string(&path).is_ok_and(|it| it.contains("\"write\"")) {
        assert!(watch.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(5));
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert!(names(&path).contains("render"));
}

#[test]
fn a_file_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let seen = wob_in(at, &["build", "--timings=no/such/folder/t.json"]);
    assert!(seen.starts_with("exit: 36\n"), "{seen}");
    assert!(seen.contains("could not write `no/such/folder/t.json`"), "{seen}");
    assert!(!at.join("wob-out").exists());
}
