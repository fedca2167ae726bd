//! Builds where only values of config changed: what they write and say is what a build of everything does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{contents, wob_command, wob_in, write},
};

/// Two layers that apply together wherever the second does; by name the first one wins.
fn layers(wide: &str) -> [(&'static str, String); 2] {
    let map = |name: &str, labels: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    platform-config: \"true\"\n{labels}\
             data:\n  COMPANY: {value}\n"
        )
    };
    [
        ("base/config/zz-wide.yaml", map("zz-wide", "    workload: timetable\n", wide)),
        (
            "base/config/aa-narrow.yaml",
            map("aa-narrow", "    workload: timetable\n    cluster-type: hub\n", "oslo"),
        ),
    ]
}

fn put(at: &Path, wide: &str) {
    let files = layers(wide);
    write(at, &files.each_ref().map(|(path, text)| (*path, text.as_str())));
}

fn stages(at: &Path) -> String {
    fs::read_to_string(at.join("t.json")).unwrap()
}

/// Returns what a build says, and whether it composed everything.
fn build(at: &Path) -> (String, bool) {
    let seen = wob_in(at, &["build", "//env:prod", "--timings=t.json"]);
    let all = stages(at).contains("\"compose\"");
    (seen, all)
}

/// Returns what a build from nothing says.
fn fresh(at: &Path) -> String {
    let cache = tempfile::tempdir().unwrap();
    let mut command = wob_command(at, &["build", "//env:prod", "-o", "fresh"]);
    let output = command.env("WOB_CACHE_DIR", cache.path()).output().unwrap();
    let (wanted, found) = (contents(&at.join("fresh")), contents(&at.join("wob-out/prod")));
    assert!(wanted == found, "the trees differ");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn fleet() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_example("fleet", folder.path());
    folder
}

#[test]
fn a_value_is_built_alone_and_what_it_brings_up_is_said() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build", "//env:prod"]);
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    let (seen, all) = build(at);
    assert!(seen.starts_with("exit: 0\n") && !all, "{seen}");
    fresh(at);
}

/// Whatever else is edited, only those are composed whom it may concern.
#[test]
fn objects_are_built_alone() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build", "//env:prod"]);
    let check = |what: &str, counts: &str| {
        let (seen, all) = build(at);
        assert!(seen.starts_with("exit: 0\n") && !all, "{what}: {seen}");
        assert!(seen.contains(counts), "{what}: {seen}");
        fresh(at);
    };
    let hub = at.join("environments/prod/cluster-types/hub.yaml");
    edit(&hub, "    size: large\n", "    size: large\n    tier: gold\n");
    check("a label that nobody asks for", "0 rendered, 4 cut off early");
    edit(
        &at.join("environments/prod/config/size-large.yaml"),
        "\ndata:\n",
        "\ndata:\n  NEW: one\n",
    );
    check("another key", "8 rendered");
    write(at, &[("base/config/gold.yaml", &gold("tier: gold", "one"))]);
    check("another layer", "4 rendered");
    write(at, &[("base/config/gold.yaml", &gold("tier: gold", "two"))]);
    check("its value", "4 rendered");
    write(at, &[("base/config/gold.yaml", &gold("tier: bronze", "two"))]);
    check("its label", "4 from the store");
    write(at, &[("base/config/gold.yaml", &gold("tier: gold", "two"))]);
    check("and back", "4 from the store");
    fs::rename(at.join("base/config/gold.yaml"), at.join("base/config/other.yaml")).unwrap();
    check("its place", "0 rendered, 4 cut off early");
    fs::remove_file(at.join("base/config/other.yaml")).unwrap();
    check("gone", "4 from the store");
    edit(&hub, "region: fjord", "region: coast");
    let (seen, _) = build(at);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    fresh(at);
    edit(&hub, "region: coast", "region: fjord");
    build(at);
    edit(&hub, "reconciler: flux", "reconciler: argocd");
    check("another reconciler", "4 rendered");
    let workload = at.join("workloads/night-audit/workload.yaml");
    edit(&workload, "branch: ", "branch: other-");
    check("where manifests are", "rendered");
    let template = at.join("base/templates/vessel-sync.yaml");
    edit(&template, "interval: ", "interval: 1");
    check("a template", "rendered");
    let said = wob_in(at, &["explain", "build", "//env:prod"]);
    assert!(said.contains("vessel-sync.yaml"), "{said}");
}

/// The objects are many, and stand in a note of their own: it is written where they change, and that of another tree is believed by
/// nobody.
#[test]
fn objects_are_noted_apart() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build", "//env:prod"]);
    let mut notes = fs::read_dir(at.join("home/.cache/wob/store/notes")).unwrap();
    let is_it = |it: &PathBuf| it.extension().is_some_and(|it| it == "objects");
    let note = notes.find_map(|it| Some(it.unwrap().path()).filter(is_it)).unwrap();
    let first = fs::read(&note).unwrap();
    let written = || fs::metadata(&note).unwrap().modified().unwrap();
    let before = written();
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    let (seen, all) = build(at);
    assert!(seen.starts_with("exit: 0\n") && !all, "{seen}");
    assert_eq!(written(), before, "a value");
    let hub = at.join("environments/prod/cluster-types/hub.yaml");
    edit(&hub, "    size: large\n", "    size: large\n    tier: gold\n");
    let (seen, all) = build(at);
    assert!(seen.starts_with("exit: 0\n") && !all, "{seen}");
    assert_ne!(fs::read(&note).unwrap(), first, "a label");
    fs::write(&note, first).unwrap();
    edit(&hub, "tier: gold", "tier: bronze");
    let (seen, all) = build(at);
    assert!(seen.starts_with("exit: 0\n") && all, "{seen}");
    fresh(at);
}

/// A layer of those with a label.
fn gold(label: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: gold\n  labels:\n    platform-config: \"true\"\n    \
         {label}\ndata:\n  GOLD: {value}\n"
    )
}

/// What was built of several environments is stored of each, so that nobody renders it again.
#[test]
fn what_is_built_alone_is_stored() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build"]);
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    let seen = wob_in(at, &["build"]);
    assert!(seen.contains("29 rendered"), "{seen}");
    fs::remove_dir_all(at.join("wob-out")).unwrap();
    let seen = wob_in(at, &["build"]);
    assert!(seen.contains("29 assignments: 29 unchanged, 0 rendered;"), "{seen}");
}

/// Returns how many source files a build left out, which says so.
fn left_out(at: &Path, arguments: &[&str]) -> usize {
    let seen = wob_in(at, &[&["build", "//env:prod", "-v"], arguments].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let said = seen.split_once("no edit concerns them: ");
    said.map_or(0, |it| it.1.split_once(' ').unwrap().0.parse().unwrap())
}

#[test]
fn sources_that_no_edit_concerns_are_not_read() {
    let folder = fleet();
    let at = folder.path();
    assert_eq!(left_out(at, &[]), 0);
    // Everybody has the company's layer, and few have that of one cluster type.
    let company = at.join("base/config/company.yaml");
    edit(&company, "Europe/Oslo", "Europe/Bergen");
    let by_all = left_out(at, &[]);
    fresh(at);
    let (_, one) = &layers("one")[0];
    write(at, &[("base/config/zz-wide.yaml", one)]);
    assert_eq!(left_out(at, &[]), 0, "a new file says what nobody knows of");
    fresh(at);
    write(at, &[("base/config/zz-wide.yaml", &one.replace("one", "two"))]);
    let by_few = left_out(at, &[]);
    assert!(by_few > by_all && by_few > 3, "{by_few} and {by_all} files");
    fresh(at);

    // Another command line that writes to the same place goes on from there, once it knows the place.
    write(at, &[("base/config/zz-wide.yaml", &one.replace("one", "three"))]);
    assert_eq!(left_out(at, &["--trust-output"]), 0);
    for value in ["four", "five"] {
        write(at, &[("base/config/zz-wide.yaml", &one.replace("one", value))]);
        assert_eq!(left_out(at, &["--trust-output"]), by_few);
        write(at, &[("base/config/zz-wide.yaml", &one.replace("one", &format!("{value}s")))]);
        assert_eq!(left_out(at, &[]), by_few);
        fresh(at);
    }

    // Two files that change at once, and one that is only touched.
    edit(&company, "Europe/Bergen", "Europe/Paris");
    write(at, &[("base/config/zz-wide.yaml", &one.replace("one", "six"))]);
    assert_eq!(left_out(at, &[]), by_all);
    fresh(at);
    let text = fs::read_to_string(&company).unwrap();
    fs::write(&company, &text).unwrap();
    assert!(left_out(at, &[]) > by_few, "nothing is concerned");
    fresh(at);
    edit(&company, "Europe/Paris", "Europe/Oslo");
    assert_eq!(left_out(at, &[]), by_all);
    fresh(at);

    // Whoever hides a layer must be read with it.
    write(at, &[("prod/config/again.yaml", &one.replace("one", "hidden"))]);
    assert_eq!(left_out(at, &[]), 0);
    fresh(at);
    write(at, &[("prod/config/again.yaml", &one.replace("one", "still hidden"))]);
    left_out(at, &[]);
    fresh(at);
}

/// No assignment fails, and nothing is wrong with a file: the warning is about two layers together.
#[test]
fn a_warning_about_layers_together_is_given() {
    let folder = fleet();
    let at = folder.path();
    edit(&at.join("wob.yaml"), "configPrecedence: specificity", "configPrecedence: name");
    put(at, "oslo");
    let told = wob_in(at, &["build", "//env:prod"]);
    assert!(told.starts_with("exit: 0\n") && !told.contains("warning"), "{told}");
    put(at, "bergen");
    let (seen, _) = build(at);
    let wanted = fresh(at);
    let has = |text: &str| text.contains("config-precedence");
    assert_eq!(has(&seen), has(&wanted), "{seen}\n{wanted}");
    assert!(has(&wanted), "{wanted}");
}
