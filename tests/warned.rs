//! Builds where only values of config changed, of workspaces that have warnings: they say what a build of everything says,
//! and still build only what an edit concerns.

use std::{collections::BTreeSet, fs, path::Path};

use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{contents, seen, wob_command, wob_in, write},
    watch::Watching,
};

/// How much was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// What an edit concerns was built, and nothing else read.
    Narrow,
    /// What an edit concerns was built, after everything was read.
    Quick,
    /// Everything was composed.
    Whole,
}

const NARROW: &str = "environments/prod/config/region-coast.yaml";
const WIDE: &str = "base/config/zz-wide.yaml";

/// A fleet with warnings of several kinds: a layer of nobody, a label of no use, a field that nobody reads, a layer
/// that wins over a more special one, and settings of a cluster type that is not there.
fn fleet() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    copy_example("fleet", temp.path());
    let at = |path| temp.path().join(path);
    edit(&at("environments/prod/config/size-large.yaml"), "size: large", "size: lagre");
    edit(&at("environments/prod/cluster-types/hub.yaml"), "labels:", "labels:\n    regoin: fjord");
    edit(&at("base/config/company.yaml"), "  labels:", "  lables: {}\n  labels:");
    edit(&at(NARROW), "\ndata:\n", "\ndata:\n  UNREAD: once\n");
    edit(&at("wob.yaml"), "configPrecedence: specificity", "configPrecedence: name");
    let settings = fs::read_to_string(at("wob.yaml")).unwrap();
    fs::write(at("wob.yaml"), format!("{settings}validate:\n  clusterTypes:\n    hbu: off\n"))
        .unwrap();
    let map = |name: &str, labels: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    platform-config: \"true\"\n{labels}\
             data:\n  COMPANY: {value}\n"
        )
    };
    let wide = map("zz-wide", "    workload: timetable\n", "bergen");
    let narrow = map("aa-narrow", "    workload: timetable\n    cluster-type: hub\n", "oslo");
    write(temp.path(), &[(WIDE, &*wide), ("base/config/aa-narrow.yaml", &*narrow)]);
    temp
}

/// Builds, and makes sure that everything is said and written as by a build from nothing; returns what was said.
fn build(at: &Path, pattern: &[&str], way: Way) -> String {
    let said = wob_in(at, &[&["build", "-v", "--timings=t.json"], pattern].concat());
    let stages = fs::read_to_string(at.join("t.json")).unwrap();
    let found = match (stages.contains("\"compose\""), said.contains("no edit concerns them")) {
        (true, _) => Way::Whole,
        (false, false) => Way::Quick,
        (false, true) => Way::Narrow,
    };
    let cache = tempfile::tempdir().unwrap();
    let args = [&["build", "-v", "-o", "fresh/{environment}"], pattern].concat();
    let mut command = wob_command(at, &args);
    let fresh = seen(&command.env("WOB_CACHE_DIR", cache.path()).output().unwrap());
    let built = contents(&at.join("fresh"));
    let there = contents(&at.join("wob-out"));
    assert!(built.iter().all(|(path, it)| there.get(path) == Some(it)), "the trees differ");
    fs::remove_dir_all(at.join("fresh")).unwrap();
    assert_eq!(told(&said), told(&fresh));
    assert_eq!(found, way, "{said}");
    told(&said)
}

/// What is said of the sources, but for the trees.
fn told(said: &str) -> String {
    let stderr = said.split("----- stderr -----\n").nth(1).unwrap();
    let is_of_run = |it: &str| it.contains("no edit concerns them") || it.ends_with(" ms");
    let lines = stderr.lines().filter(|it| !is_of_run(it));
    format!("{}\n{}", said.lines().next().unwrap(), lines.collect::<Vec<_>>().join("\n"))
}

/// Returns the codes of the warnings in what was said.
fn codes(told: &str) -> BTreeSet<String> {
    let known = wob_rules::lint::codes();
    let has = |it: &&&str| told.lines().any(|line| line.split(' ').any(|word| word == **it));
    known.iter().filter(has).map(|it| (*it).to_owned()).collect()
}

const CODES: [&str; 5] = [
    "config-applies-nowhere",
    "config-precedence",
    "unknown-cluster-type",
    "unknown-field",
    "unused-label",
];

fn has(told: &str, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(codes(told), wanted, "{told}");
}

#[test]
fn a_workspace_with_warnings_is_built_as_quickly_and_says_them_all() {
    let folder = fleet();
    let at = folder.path();
    has(&build(at, &[], Way::Whole), &CODES);
    edit(&at.join(NARROW), "once", "twice");
    has(&build(at, &[], Way::Narrow), &CODES);
    // It speaks of itself, whoever has it.
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    has(&build(at, &[], Way::Quick), &CODES);
    edit(&at.join(NARROW), "twice", "thrice");
    has(&build(at, &[], Way::Narrow), &CODES);
    // What is not just a value is read with everything else.
    edit(&at.join("environments/prod/cluster-types/hub.yaml"), "regoin: fjord", "size2: fjord");
    has(&build(at, &[], Way::Quick), &CODES);
}

#[test]
fn warnings_come_and_go_with_values_and_move_with_lines() {
    let folder = fleet();
    let at = folder.path();
    let first = build(at, &[], Way::Whole);
    assert!(first.contains("zz-wide.yaml:9:12"), "{first}");
    // The file is read only because it is spoken of.
    edit(&at.join(WIDE), "apiVersion", "# why\napiVersion");
    let moved = build(at, &[], Way::Narrow);
    assert!(moved.contains("zz-wide.yaml:10:12"), "{moved}");
    edit(&at.join(WIDE), "bergen", "oslo");
    let gone = build(at, &[], Way::Narrow);
    assert!(!gone.contains("config-precedence"), "{gone}");
    edit(&at.join(NARROW), "once", "twice");
    let gone = build(at, &[], Way::Narrow);
    assert!(!gone.contains("config-precedence"), "{gone}");
    edit(&at.join(WIDE), "oslo", "tromso");
    has(&build(at, &[], Way::Narrow), &CODES);
    // Another edit leaves the file alone, of which nothing but the new warning is said.
    edit(&at.join(NARROW), "twice", "thrice");
    let again = build(at, &[], Way::Narrow);
    assert!(again.contains("COMPANY: tromso"), "{again}");
    // What a file itself says in vain is found when the file is edited.
    edit(&at.join(NARROW), "  labels:", "  notes: {}\n  labels:");
    let told = build(at, &[], Way::Narrow);
    assert!(told.contains("metadata.notes"), "{told}");
    edit(&at.join(NARROW), "  notes: {}\n", "");
    assert_eq!(build(at, &[], Way::Narrow), again);
}

#[test]
fn what_is_wrong_is_never_passed_over() {
    let folder = fleet();
    let at = folder.path();
    build(at, &[], Way::Whole);
    edit(&at.join(NARROW), "once", "[once]");
    let told = wob_in(at, &["build"]);
    assert!(told.starts_with("exit: 1\n") && told.contains("wrong-type"), "{told}");
    edit(&at.join(NARROW), "[once]", "twice");
    has(&build(at, &[], Way::Narrow), &CODES);
    edit(&at.join(NARROW), "twice", "thrice");
    has(&build(at, &["--strict"], Way::Quick), &CODES);
}

/// A label is of no use only if no environment uses it: what was found out by some says nothing of all.
#[test]
fn what_is_found_by_looking_at_some_environments_is_of_these() {
    let folder = fleet();
    let at = folder.path();
    for environment in ["//env:dev", "//env:stage", "//env:prod"] {
        build(at, &[environment], Way::Whole);
    }
    edit(&at.join(NARROW), "once", "twice");
    has(&build(at, &[], Way::Quick), &CODES);
    edit(&at.join(NARROW), "twice", "thrice");
    has(&build(at, &[], Way::Narrow), &CODES);
    edit(&at.join(NARROW), "thrice", "four times");
    has(
        &build(at, &["//env:prod"], Way::Quick),
        &["config-applies-nowhere", "config-precedence", "unknown-field"],
    );
}

/// What was found of several environments holds only while each is as it was, whether it is built with the others or only read.
#[test]
fn what_is_found_by_looking_at_environments_together_is_of_these() {
    let folder = fleet();
    let at = folder.path();
    edit(&at.join("wob.yaml"), "hbu: off", "kiosk: off");
    let kiosk = at.join("environments/prod/cluster-types/kiosk.yaml");
    let some: &[&str] = &["//...", "--", "-//env/prod/...", "-//env/stage/..."];
    let dev = at.join("environments/dev/config/dev.yaml");
    for (pattern, first_way, way, wanted) in [
        (&[][..], Way::Whole, Way::Narrow, "unused-label"),
        // Everything that is built needs what is edited, so that nothing can be left out.
        (some, Way::Quick, Way::Quick, "unknown-cluster-type"),
    ] {
        let first = build(at, pattern, first_way);
        edit(&dev, "db.dev.", "db2.dev.");
        assert_eq!(build(at, pattern, way), first);
        // Another environment is not what it was, and is not built with this one.
        edit(&kiosk, "name: kiosk", "name: stall");
        edit(&kiosk, "labels:", "labels:\n    regoin: fjord");
        build(at, &["//env:prod"], Way::Quick);
        edit(&dev, "db2.dev.", "db.dev.");
        let told = build(at, pattern, Way::Quick);
        assert!(told != first && told.contains(wanted), "{told}");
        edit(&kiosk, "name: stall", "name: kiosk");
        edit(&kiosk, "\n    regoin: fjord", "");
        build(at, &["//env:prod"], Way::Quick);
    }
}

/// A file of which something is said is read, though no edit concerns it.
#[test]
fn what_is_said_of_a_file_that_no_edit_concerns_is_said_again() {
    let folder = fleet();
    let at = folder.path();
    let preview = at.join("environments/dev/config/preview.yaml");
    edit(&preview, "  labels:", "  notes: {}\n  labels:");
    let first = build(at, &[], Way::Whole);
    assert!(first.contains("preview.yaml"), "{first}");
    edit(&at.join(NARROW), "once", "twice");
    assert_eq!(build(at, &[], Way::Narrow), first);
}

#[test]
fn what_is_silenced_is_not_said_by_any_way() {
    let folder = fleet();
    let at = folder.path();
    build(at, &[], Way::Whole);
    let settings = fs::read_to_string(at.join("wob.yaml")).unwrap();
    let off = "warnings: {config-precedence: off, unused-label: off, unknown-field: off}\n";
    fs::write(at.join("wob.yaml"), format!("{settings}{off}")).unwrap();
    let left = ["config-applies-nowhere", "unknown-cluster-type"];
    has(&build(at, &[], Way::Whole), &left);
    edit(&at.join(NARROW), "once", "twice");
    has(&build(at, &[], Way::Narrow), &left);
    fs::write(at.join("wob.yaml"), settings).unwrap();
    has(&build(at, &[], Way::Whole), &CODES);
}

#[test]
fn a_watch_shows_warnings_and_clears_them() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &[]);
    let first = watching.next();
    let told = |it: &serde_json::Value| -> BTreeSet<String> {
        let all = it["diagnostics"].as_array().unwrap().iter();
        all.map(|it| it["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told(&first), CODES.map(str::to_owned).into());
    edit(&at.join(WIDE), "bergen", "oslo");
    let gone = watching.next();
    assert!(!told(&gone).contains("config-precedence") && told(&gone).len() == 4, "{gone}");
    edit(&at.join(WIDE), "oslo", "bergen");
    let again = watching.next();
    assert_eq!(again["diagnostics"], first["diagnostics"]);
    watching.settle(at);
}
