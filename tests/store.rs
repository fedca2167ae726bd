//! What builds remember in the user's store: shared by workspaces, bounded, and never needed.

use std::{fs, path::Path, process::Command};

use crate::{
    cli::{copy_example, edit},
    support::{contents, seen, wob_command, wob_in},
};

/// Runs `wob build` in `at` with the cache of `home`.
fn build(at: &Path, home: &Path) -> String {
    let mut command: Command = wob_command(at, &["build"]);
    seen(&command.env("HOME", home).output().unwrap())
}

#[test]
fn workspaces_share_what_was_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    copy_example("fleet", &one);
    copy_example("fleet", &two);
    let first = build(&one, folder.path());
    assert!(first.contains("29 assignments: 0 unchanged, 29 rendered; 96 files"), "{first}");
    let second = build(&two, folder.path());
    let expected = "29 assignments: 0 unchanged, 0 rendered, 29 from the store; 96 files";
    assert!(second.contains(expected), "{second}");
    assert_eq!(contents(&one.join("wob-out")), contents(&two.join("wob-out")));
}

#[test]
fn one_key_renders_only_those_that_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    build(at, at);
    edit(&at.join("base/templates/kiosk-app.yaml"), "manifests:", "manifests:\n    - \"# why\"");
    let seen = build(at, at);
    assert!(seen.contains("29 assignments: 27 unchanged, 2 rendered; 0 files written"), "{seen}");
    edit(&at.join("environments/dev/config/dev.yaml"), "  REGION", "  # why\n  REGION");
    let seen = build(at, at);
    let expected = "29 assignments: 21 unchanged, 0 rendered, 8 cut off early; 0 files written";
    assert!(seen.contains(expected), "{seen}");
}

/// A store that cannot be used costs time only.
#[test]
fn a_store_need_not_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    // A file where the folder should be: even root cannot write below it.
    fs::write(at.join("no-cache"), "").unwrap();
    for _ in 0..2 {
        let mut command = wob_command(at, &["build", "-v"]);
        let seen = seen(&command.env("WOB_CACHE_DIR", at.join("no-cache/wob")).output().unwrap());
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        assert!(seen.contains("29 assignments: 0 unchanged, 29 rendered"), "{seen}");
    }
}

/// Each build adds at most a pack; many of them become one.
#[test]
fn packs_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("minimal", at);
    wob_in(at, &["build"]);
    let packs = at.join("home/.cache/wob/store/packs");
    let count = || fs::read_dir(&packs).unwrap().count();
    let mut most = 0;
    let config = at.join("environments/dev/config/dev-config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    for round in 0..80 {
        let key = format!("\ndata:\n  ROUND: \"{round}\"");
        fs::write(&config, text.replace("\ndata:", &key)).unwrap();
        let seen = wob_in(at, &["build"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        most = most.max(count());
    }
    assert!((30..70).contains(&most), "{most} packs");
    assert!(count() < 30, "{} packs are left", count());
}
