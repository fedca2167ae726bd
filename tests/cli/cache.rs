//! `wob cache`: what is kept between runs can be looked at, checked and removed.

use std::{fs, path::Path};

use crate::support::{wob_command, wob_in};

fn store(home: &Path) -> wob_host::Store {
    let folder = home.join("home/.cache/wob");
    wob_host::Cache::new(folder.to_str().unwrap().into()).store()
}

#[test]
fn a_cache_is_looked_after() {
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| wob_in(home.path(), args);
    let empty = run(&["cache", "info"]);
    assert!(empty.contains("store: 0 B in 0 packs: 0 files, 0 results"), "{empty}");
    assert!(run(&["cache", "gc"]).contains("removed 0 packs (0 B)"));
    assert!(!home.path().join("home").exists(), "looking makes nothing");

    let store = store(home.path());
    let mut batch = store.batch();
    let blob = batch.put_blob(b"contents").unwrap();
    batch.put_result(&blob, b"result").unwrap();
    batch.commit().unwrap();
    let info = run(&["cache", "info"]);
    assert!(info.contains("in 2 packs: 1 file, 1 result\n  repositories: 0"), "{info}");
    let whole = run(&["cache", "verify"]);
    assert!(whole.contains("exit: 0") && whole.contains("2 records of 14 B are whole"), "{whole}");

    let packs = fs::read_dir(home.path().join("home/.cache/wob/store/packs")).unwrap();
    for pack in packs.map(|it| it.unwrap().path()) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes[50] ^= 1;
        fs::write(&pack, bytes).unwrap();
    }
    let damaged = run(&["cache", "verify"]);
    assert!(damaged.contains("exit: 40") && damaged.contains("was damaged and is set aside"));
    assert!(run(&["cache", "info"]).contains("set aside as damaged: 2 packs"));
    assert!(run(&["cache", "clear", "--all"]).contains("removed 2 packs"));
    let json = wob_command(home.path(), &["cache", "info", "--output=json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["store"]["quarantined"], 0, "{json}");
}

#[test]
fn wrong_limits_are_usage_errors() {
    let home = tempfile::tempdir().unwrap();
    for args in
        [["cache", "gc", "--max-size=2"], ["cache", "gc", "--max-age=soon"], ["cache", "info", "x"]]
    {
        assert!(wob_in(home.path(), &args).starts_with("exit: 2\n"), "{args:?}");
    }
}
