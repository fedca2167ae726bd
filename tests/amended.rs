//! Builds where only values of config changed: what they write and say is what a build of everything does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    cli::{copy, copy_example, edit},
    property::Random,
    support::{contents, seen, wob_command, wob_in, write},
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

/// What is stored together with an assignment that changed is not built again, and stored as if it had been.
#[test]
fn of_a_subtree_only_what_changed_is_built_and_all_is_stored() {
    let folder = fleet();
    let at = folder.path();
    put(at, "one");
    build(at);
    // Some targets of each cluster type.
    put(at, "two");
    let (seen, all) = build(at);
    assert!(seen.starts_with("exit: 0\n") && !all, "{seen}");
    assert!(seen.contains("11 assignments: 9 unchanged, 1 rendered, 1 cut off early"), "{seen}");
    fresh(at);
    let said = wob_in(at, &["explain", "build", "//env:prod"]);
    assert!(said.contains("zz-wide"), "{said}");
    fs::remove_dir_all(at.join("wob-out")).unwrap();
    let (seen, _) = build(at);
    assert!(seen.contains("11 assignments: 11 unchanged, 0 rendered;"), "{seen}");
    put(at, "one");
    let (seen, all) = build(at);
    assert!(seen.contains("0 rendered, 1 from the store") && !all, "{seen}");
    fresh(at);
    // Without what was stored, all is built that was stored together.
    fs::remove_dir_all(at.join("home/.cache/wob/store/packs")).unwrap();
    put(at, "three");
    let (seen, _) = build(at);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    fresh(at);
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
    // Another assignment that is stored together with the one that is warned of.
    let audit = at.join("environments/prod/config/workload-night-audit.yaml");
    let text = fs::read_to_string(&audit).unwrap();
    write(
        at,
        &[("environments/prod/config/workload-night-audit.yaml", &format!("{text}  NEW: one\n"))],
    );
    build(at);
    edit(&audit, "NEW: one", "NEW: two");
    let (seen, all) = build(at);
    assert!(!all && seen.contains("2 rendered"), "{seen}");
    assert!(has(&seen) && has(&fresh(at)), "{seen}");
}

/// Returns what a build of everything says is wrong, by which what failed keeps what lies there; the tree is the same.
fn again(at: &Path) -> String {
    let (cache, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&at.join("wob-out/prod"), out.path());
    let mut command = wob_command(at, &["build", "//env:prod", "-o"]);
    command.arg(out.path()).env("WOB_CACHE_DIR", cache.path());
    let wanted = seen(&command.output().unwrap());
    let (whole, alone) = (contents(out.path()), contents(&at.join("wob-out/prod")));
    for (path, whole) in &whole {
        let alone = alone.get(path).map(|it| String::from_utf8_lossy(it));
        assert_eq!(alone.unwrap_or_default(), String::from_utf8_lossy(whole), "{path}: {wanted}");
    }
    assert_eq!(whole.len(), alone.len(), "{wanted}");
    wrong(&wanted)
}

/// Returns how a build ended, and what it says is wrong.
fn wrong(seen: &str) -> String {
    let (head, rest) = seen.split_once("----- stderr -----\n").unwrap();
    let exit = head.lines().next().unwrap();
    let said = rest.rsplit_once("\n11 assignments").map_or(rest, |it| it.0);
    let said: Vec<&str> = said.lines().filter(|it| !it.starts_with("11 assign")).collect();
    format!("{exit}\n{}", said.join("\n"))
}

/// A value that some assignments cannot take is told as fast as another one, and mended as fast.
#[test]
fn a_mistake_in_a_value_is_built_alone() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build", "//env:prod"]);
    let large = at.join("environments/prod/config/size-large.yaml");
    let company = at.join("base/config/company.yaml");
    let mut value = "8";
    let mut check = |new: &'static str, counts: &str| {
        edit(&large, &format!("REPLICAS: \"{value}\""), &format!("REPLICAS: \"{new}\""));
        value = new;
        let (seen, all) = build(at);
        assert!(!all && seen.contains(counts), "{new}: {seen}");
        assert_eq!(wrong(&seen), again(at), "{new}: {seen}");
    };
    check("90", "6 failed");
    check("91", "6 failed");
    let seen = wob_in(at, &["build", "//env:prod"]);
    assert!(seen.contains("6 failed; 0 files written"), "nothing to do: {seen}");
    edit(&company, "Europe/Oslo", "Europe/Bergen");
    check("92", "6 failed");
    check("9", "rendered");
    check("93", "6 failed");
    check("9", "0 rendered");
    check("94", "6 failed");
    check("9", "0 rendered");
    edit(&company, "Europe/Bergen", "Europe/Oslo");
    check("96", "6 failed");
    edit(&company, "Europe/Oslo", "Europe/Paris");
    check("97", "6 failed");
    check("10", "rendered");
    check("8", "rendered");
    let before = contents(&at.join("wob-out/prod"));
    // Nobody has this layer, so that nothing fails, and yet it cannot be read.
    let nobody = gold("region: nowhere", "one");
    let gold = "environments/prod/config/gold.yaml";
    write(at, &[(gold, &nobody)]);
    wob_in(at, &["build", "//env:prod"]);
    write(at, &[(gold, &nobody.replace("GOLD: one", "GOLD: 1"))]);
    let (seen, all) = build(at);
    assert!(!all && seen.contains("wrong-type"), "{seen}");
    assert_eq!(wrong(&seen), again(at));
    let seen = wob_in(at, &["build", "//env:prod", "--strict"]);
    assert!(seen.contains("--strict, and there are errors"), "{seen}");
    fs::remove_file(at.join(gold)).unwrap();
    wob_in(at, &["build", "//env:prod"]);
    edit(&large, "REPLICAS: \"8\"", "REPLICAS: \"98\"");
    let seen = wob_in(at, &["build", "//env:prod", "--strict"]);
    assert!(seen.contains("--strict, and there are errors"), "{seen}");
    assert_eq!(contents(&at.join("wob-out/prod")), before);
    // Whoever asks about everything builds everything, and leaves notes of his own.
    for arguments in [&["--explain=e.json"][..], &[]] {
        wob_in(at, &[&["build", "//env:prod"], arguments].concat());
        again(at);
    }
    edit(&large, "REPLICAS: \"98\"", "REPLICAS: \"8\"");
    wob_in(at, &["build", "//env:prod"]);
    fresh(at);
}

/// Whatever mistake is made in config, and whatever else is edited meanwhile, the tree is what a build of everything makes, and so is what
/// is said.
#[test]
fn mistakes_are_built_as_everything_is() {
    make_mistakes(&fleet());
}

/// What is warned of where all is read, and not where anything might explain it.
#[test]
fn mistakes_are_built_as_everything_is_where_there_are_warnings() {
    let folder = fleet();
    let policies = folder.path().join("environments/prod/scheduling");
    let text = fs::read_to_string(policies.join("audits-on-large.yaml")).unwrap();
    let nobody = text.replace("audits-on-large", "nobody").replace("large", "none");
    fs::write(policies.join("nobody.yaml"), nobody).unwrap();
    let nobody = gold("region: nowhere", "one");
    write(folder.path(), &[("environments/prod/config/gold.yaml", &nobody)]);
    let seen = wob_in(folder.path(), &["build", "//env:prod"]);
    for warning in ["policy-selects-nothing", "config-applies-nowhere"] {
        assert!(seen.contains(warning), "{seen}");
    }
    make_mistakes(&folder);
}

fn make_mistakes(folder: &TempDir) {
    const FILES: [(&str, &str); 3] = [
        ("environments/prod/config/size-large.yaml", "REPLICAS"),
        ("environments/prod/config/prod.yaml", "LOG_LEVEL"),
        ("environments/prod/config/region-fjord.yaml", "REGION"),
    ];
    let at = folder.path();
    for (file, key) in FILES {
        assert!(fs::read_to_string(at.join(file)).unwrap().contains(&format!("  {key}: ")));
    }
    wob_in(at, &["build", "//env:prod"]);
    let mut alone = 0;
    let mut random = Random::new(std::env::var("SEED").map_or(7, |it| it.parse().unwrap()));
    let mut texts = FILES.map(|(file, _)| fs::read_to_string(at.join(file)).unwrap());
    let sound = texts.clone();
    for step in 0..40 {
        let index = random.below(FILES.len());
        let (file, key) = FILES[index];
        // A text, what a schema refuses, what is no text, what is no YAML, and what it was.
        let value = ["\"11\"", "\"99\"", "info", "debug", "17", "\"x", "{{y", ""][random.below(8)];
        let line = |it: &str| match it.split_once(": ") {
            Some((name, _)) if name.trim() == key => format!("  {key}: {value}"),
            Some(_) | None => it.to_owned(),
        };
        texts[index] = match value {
            "" => sound[index].clone(),
            _ => sound[index].lines().map(line).collect::<Vec<String>>().join("\n") + "\n",
        };
        fs::write(at.join(file), &texts[index]).unwrap();
        let (seen, all) = build(at);
        alone += usize::from(!all);
        assert_eq!(wrong(&seen), again(at), "step {step}, {file}: {value}: {seen}");
    }
    assert!(alone > 30, "{alone}");
    for ((file, _), text) in FILES.iter().zip(sound) {
        fs::write(at.join(file), text).unwrap();
    }
    let (seen, _) = build(at);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    fresh(at);
}

/// What fails from the first build on is built each time, with what is edited, and nothing else is.
#[test]
fn what_fails_all_along_costs_no_more() {
    let folder = fleet();
    let at = folder.path();
    let large = at.join("environments/prod/config/size-large.yaml");
    edit(&large, "REPLICAS: \"8\"", "REPLICAS: \"90\"");
    wob_in(at, &["build", "//env:prod"]);
    let check = |what: &str, counts: &str| {
        let (seen, all) = build(at);
        assert!(!all && seen.contains(counts), "{what}: {seen}");
        assert_eq!(wrong(&seen), again(at), "{what}: {seen}");
    };
    let kiosk = at.join("environments/prod/config/kiosk.yaml");
    edit(&kiosk, "\ndata:\n", "\ndata:\n  # a comment\n");
    check("a comment", "0 rendered");
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    check("a value of all", "5 rendered, 6 failed");
    let hub = at.join("environments/prod/cluster-types/hub.yaml");
    edit(&hub, "    size: large\n", "    size: large\n    tier: gold\n");
    wob_in(at, &["build", "//env:prod"]);
    again(at);
    edit(&large, "REPLICAS: \"90\"", "REPLICAS: \"91\"");
    check("another mistake", "0 rendered");
    edit(&large, "REPLICAS: \"91\"", "REPLICAS: 91");
    check("no text", "8 failed");
    edit(&large, "REPLICAS: 91", "REPLICAS: \"8\"");
    wob_in(at, &["build", "//env:prod"]);
    fresh(at);
    edit(&large, "REPLICAS: \"8\"", "REPLICAS: \"92\"");
    check("and again", "6 failed");
}
