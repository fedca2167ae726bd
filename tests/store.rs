//! What builds remember in the user's store: shared by workspaces, bounded, and never needed.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    cli::{copy_example, edit},
    keys,
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

/// Builds, and makes sure that what is said, to people and to programs, is what a build from nothing says; returns how many
/// assignments were rendered, and what was said.
fn said_as_from_nothing(at: &Path) -> (u64, String) {
    let run = |args: &[&str], home: &Path| {
        let mut command = wob_command(at, &[&["build", "--force"], args].concat());
        command.env("HOME", home).output().unwrap()
    };
    let document = |args: &[&str], home: &Path| -> Value {
        serde_json::from_slice(&run(args, home).stdout).unwrap()
    };
    let told = |args: &[&str], home: &Path| -> String {
        let stderr = String::from_utf8(run(args, home).stderr).unwrap();
        let of_run = |it: &&str| !it.ends_with(" ms");
        stderr.lines().filter(of_run).collect::<Vec<_>>().join("\n")
    };
    let (own, nothing) = (at.join("home"), tempfile::tempdir().unwrap());
    let first = document(&["--output=json"], &own);
    let told_first = told(&["-o", "again"], &own);
    let fresh = document(&["--output=json", "-o", "fresh"], nothing.path());
    fs::remove_dir_all(nothing.path()).unwrap();
    let told_fresh = told(&["-o", "fresh"], nothing.path());
    assert_eq!(first["diagnostics"], fresh["diagnostics"]);
    assert_eq!(first["exitCode"], fresh["exitCode"]);
    assert_eq!(first["environments"][0]["root"], fresh["environments"][0]["root"]);
    assert_eq!(told_first, told_fresh);
    assert_eq!(contents(&at.join("wob-out/dev")), contents(&at.join("fresh")));
    (first["work"]["rendered"].as_u64().unwrap(), told_first)
}

/// Under the profile of Kalypso a key that a template misses is a warning. It is said each time, where the template stands now, and
/// nothing is rendered for it.
#[test]
fn what_templates_missed_is_said_though_they_are_not_rendered() {
    let temp = keys::workspace();
    let at = temp.path();
    edit(&at.join("wob.yaml"), "version: 1", "version: 1\nprofile: kalypso");
    edit(&at.join("wob.yaml"), "namespacePattern: fixed\n", "");
    let sync = at.join("base/sync.yaml");
    edit(&sync, "seen: '", "seen: '{{ .ConfigData.NOPE }} {{ .ConfigData.NOPE }} ");
    let object = "  - kind: Thing\n    items: [plain, '{{ .ConfigData.LACKING }}']\n";
    let text = fs::read_to_string(&sync).unwrap() + object;
    fs::write(&sync, &text).unwrap();
    edit(&at.join("base/values.yaml"), "seen: '", "seen: '{{ .ConfigData.ABSENT }} ");
    let has = |told: &str, wanted: &[&str]| {
        for it in wanted {
            assert!(told.contains(it), "{it} in {told}");
        }
    };
    let (rendered, told) = said_as_from_nothing(at);
    assert_eq!(rendered, 1, "{told}");
    has(
        &told,
        &["`NOPE` is missing", "`LACKING` is missing", "`ABSENT` is missing", "sync.yaml:14:"],
    );
    assert_eq!(said_as_from_nothing(at), (0, told));

    // Lines move, and the template goes to another file.
    fs::write(&sync, format!("# why\n{text}")).unwrap();
    let (rendered, told) = said_as_from_nothing(at);
    assert_eq!(rendered, 0, "{told}");
    has(&told, &["sync.yaml:15:"]);
    fs::rename(&sync, at.join("base/moved.yaml")).unwrap();
    let (rendered, told) = said_as_from_nothing(at);
    assert_eq!(rendered, 0, "{told}");
    has(&told, &["moved.yaml:15:"]);

    // Two uses of one template, and then two templates that say the same.
    edit(&at.join("own/type.yaml"), "namespaceService: space", "namespaceService: sync");
    let (rendered, told) = said_as_from_nothing(at);
    assert_eq!(rendered, 1, "{told}");
    fs::write(at.join("base/twin.yaml"), text.replacen("name: sync", "name: twin", 1)).unwrap();
    edit(&at.join("own/type.yaml"), "namespaceService: sync", "namespaceService: twin");
    let (rendered, told) = said_as_from_nothing(at);
    assert_eq!(rendered, 0, "{told}");
    has(&told, &["moved.yaml:15:", "twin.yaml:14:"]);

    // Somebody sets one of them.
    edit(&at.join("own/config.yaml"), "VERSION: 'one'", "VERSION: 'one', NOPE: 'here'");
    let (rendered, told) = said_as_from_nothing(at);
    assert!(rendered == 1 && !told.contains("NOPE"), "{told}");
    has(&told, &["`LACKING` is missing", "`ABSENT` is missing"]);
}
