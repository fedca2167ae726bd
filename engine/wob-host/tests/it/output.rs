//! Writing trees into folders.

use std::{fs, time::SystemTime};

use camino::Utf8Path;
use wob_engine::{Blob, Tree};
use wob_host::{Counts, Interrupt, Manifest, OutputError, OutputFolder, Overwrite, Plan, Standing};

use crate::support::{Sandbox, path, record, skipped, write};

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, text) in files {
        tree.insert(&path(name), Blob::new(text.as_bytes()));
    }
    tree
}

fn plan(folder: &Utf8Path, files: &[(&str, &str)]) -> Plan {
    try_plan(folder, files).unwrap()
}

fn try_plan(folder: &Utf8Path, files: &[(&str, &str)]) -> Result<Plan, OutputError> {
    let tree = tree(files);
    OutputFolder::new(folder, None).plan(
        &tree,
        &record(&tree),
        &Standing::Unknown,
        &Interrupt::default(),
    )
}

fn build(folder: &Utf8Path, files: &[(&str, &str)]) -> Result<Counts, OutputError> {
    let plan = try_plan(folder, files)?;
    plan.apply(Overwrite::Nothing, &Interrupt::default()).map(|it| it.counts)
}

fn force(folder: &Utf8Path, files: &[(&str, &str)]) {
    plan(folder, files).apply(Overwrite::Conflicts, &Interrupt::default()).unwrap();
}

/// Lists the changes as `path change`.
fn changes(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|(path, change)| format!("{path} {change:?}")).collect()
}

/// Lists everything below `folder` with contents, `.wob` by name only and without the records of parts.
fn disk(folder: &Utf8Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in at.read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(folder).unwrap();
            if name.as_str().contains(".wob/parts") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path().to_owned());
                found.push(format!("{name}/"));
            } else if name.starts_with(".wob") {
                found.push(name.to_string());
            } else {
                found.push(format!("{name}: {}", fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn modified(path: &Utf8Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_tree_is_written_changed_and_cleaned() {
    let sandbox = Sandbox::new();
    let out = sandbox.join("out/dev");
    build(&out, &[("a/b/x.yaml", "1"), ("a/c.yaml", "1"), ("d.yaml", "1")]).unwrap();
    let expected =
        [".wob/", ".wob/tree.json", "a/", "a/b/", "a/b/x.yaml: 1", "a/c.yaml: 1", "d.yaml: 1"];
    assert_eq!(disk(&out), expected);

    let next = [("a/c.yaml", "2"), ("d.yaml", "1"), ("e/f.yaml", "1")];
    let planned = plan(&out, &next);
    assert_eq!(changes(&planned), ["a/b/x.yaml Deleted", "a/c.yaml Changed", "e/f.yaml Added"]);
    assert_eq!(disk(&out), expected, "a plan changes nothing");
    let counts = build(&out, &next).unwrap();
    assert_eq!(
        counts,
        Counts { added: 1, changed: 1, unchanged: 1, deleted: 1, foreign: 0, edited: 0 }
    );
    let expected =
        [".wob/", ".wob/tree.json", "a/", "a/c.yaml: 2", "d.yaml: 1", "e/", "e/f.yaml: 1"];
    assert_eq!(disk(&out), expected);
    let text = fs::read_to_string(out.join(".wob/tree.json")).unwrap();
    assert_eq!(text, record(&tree(&next)).head);
}

#[test]
fn equal_bytes_are_not_rewritten() {
    let sandbox = Sandbox::new();
    let files = [("a.yaml", "1"), ("b.yaml", "1")];
    build(sandbox.path(), &files).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH;
    for name in ["a.yaml", "b.yaml", ".wob/tree.json"] {
        fs::File::open(sandbox.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
    assert!(plan(sandbox.path(), &files).is_done());
    build(sandbox.path(), &files).unwrap();
    assert_eq!(modified(&sandbox.join(".wob/tree.json")), long_ago);
    build(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "2")]).unwrap();
    assert_eq!(modified(&sandbox.join("a.yaml")), long_ago);
    assert_ne!(modified(&sandbox.join("b.yaml")), long_ago);
}

#[test]
fn files_of_others_stay() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("README.md", "mine"), ("a/own.txt", "mine"), (".git/x", "git's")]);
    build(sandbox.path(), &[("a/x.yaml", "1")]).unwrap();
    let planned = plan(sandbox.path(), &[]);
    assert_eq!(
        (planned.others.count, planned.others.examples.join(" ")),
        (2, "README.md a/own.txt".to_owned())
    );
    build(sandbox.path(), &[]).unwrap();
    let expected = [
        ".git/",
        ".git/x: git's",
        ".wob/",
        ".wob/tree.json",
        "README.md: mine",
        "a/",
        "a/own.txt: mine",
    ];
    assert_eq!(disk(sandbox.path()), expected);
}

#[test]
fn a_folder_of_another_tool_is_adopted_where_bytes_are_equal() {
    let sandbox = Sandbox::new();
    write(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "old"), ("c.yaml", "left over")]);
    let files = [("a.yaml", "1"), ("b.yaml", "new"), ("d.yaml", "new")];
    let before = disk(sandbox.path());
    let planned = plan(sandbox.path(), &files);
    assert_eq!(changes(&planned), ["b.yaml Foreign", "d.yaml Added"]);
    assert_eq!(planned.others.count, 1);
    let error = build(sandbox.path(), &files).unwrap_err();
    assert!(matches!(error, OutputError::Conflicts { count: 1, .. }), "{error}");
    assert_eq!(disk(sandbox.path()), before, "nothing was written");
    force(sandbox.path(), &files);
    let expected =
        [".wob/", ".wob/tree.json", "a.yaml: 1", "b.yaml: new", "c.yaml: left over", "d.yaml: new"];
    assert_eq!(disk(sandbox.path()), expected);
    build(sandbox.path(), &[]).unwrap();
    assert_eq!(disk(sandbox.path()), [".wob/", ".wob/tree.json", "c.yaml: left over"]);
}

#[test]
fn edits_by_hand_are_neither_overwritten_nor_deleted() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "1"), ("c.yaml", "1"), ("d.yaml", "1")])
        .unwrap();
    let edits = [("a.yaml", "mine"), ("b.yaml", "mine"), ("c.yaml", "2")];
    write(sandbox.path(), &edits);
    fs::remove_file(sandbox.join("d.yaml")).unwrap();
    let next = [("a.yaml", "2"), ("c.yaml", "2"), ("d.yaml", "1")];
    let planned = plan(sandbox.path(), &next);
    assert_eq!(changes(&planned), ["a.yaml Edited", "b.yaml Edited", "d.yaml Added"]);
    let before = disk(sandbox.path());
    assert!(matches!(build(sandbox.path(), &next), Err(OutputError::Conflicts { count: 2, .. })));
    assert_eq!(disk(sandbox.path()), before);
    force(sandbox.path(), &next);
    assert_eq!(
        disk(sandbox.path()),
        [".wob/", ".wob/tree.json", "a.yaml: 2", "c.yaml: 2", "d.yaml: 1"]
    );
}

#[test]
fn without_a_readable_manifest_nothing_is_owned() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "1")]).unwrap();
    for damaged in ["", "{", r#"{"files":{"../x":"00"}}"#] {
        fs::write(sandbox.join(".wob/tree.json"), damaged).unwrap();
        let planned = plan(sandbox.path(), &[("a.yaml", "2")]);
        assert_eq!(changes(&planned), ["a.yaml Foreign"], "{damaged}");
        assert_eq!(planned.others.count, 1);
    }
    build(sandbox.path(), &[("a.yaml", "1")]).unwrap();
    assert_eq!(changes(&plan(sandbox.path(), &[("a.yaml", "2")])), ["a.yaml Changed"]);
}

#[test]
fn files_and_folders_change_places() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a", "1"), ("b/c/d", "1"), ("b/e", "1")]).unwrap();
    build(sandbox.path(), &[("a/b/c", "2"), ("a/d", "2"), ("b", "2")]).unwrap();
    let expected = [".wob/", ".wob/tree.json", "a/", "a/b/", "a/b/c: 2", "a/d: 2", "b: 2"];
    assert_eq!(disk(sandbox.path()), expected);

    // What is not wob's is not moved out of the way.
    write(sandbox.path(), &[("a/mine", "x"), ("f", "x")]);
    let error = try_plan(sandbox.path(), &[("a", "3")]).unwrap_err();
    assert!(matches!(error, OutputError::FolderInTheWay { .. }), "{error}");
    let planned = plan(sandbox.path(), &[("a/b/c", "2"), ("a/d", "2"), ("b", "2"), ("f/g", "3")]);
    assert_eq!(changes(&planned), ["f Foreign", "f/g Added"]);
    force(sandbox.path(), &[("a/b/c", "2"), ("f/g", "3")]);
    let expected =
        [".wob/", ".wob/tree.json", "a/", "a/b/", "a/b/c: 2", "a/mine: x", "f/", "f/g: 3"];
    assert_eq!(disk(sandbox.path()), expected);
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    let sandbox = Sandbox::new();
    let (out, outside) = (sandbox.join("out"), sandbox.join("outside"));
    write(&outside, &[("x.yaml", "precious"), (".wob/tree.json", "{}")]);
    build(&out, &[("a/x.yaml", "1"), ("b.yaml", "1")]).unwrap();
    fs::remove_dir_all(out.join("a")).unwrap();
    write(&out, &[("a", "-> ../outside")]);
    for files in [&[("a/x.yaml", "2"), ("b.yaml", "1")][..], &[("b.yaml", "1")]] {
        let error = try_plan(&out, files).unwrap_err();
        assert!(matches!(error, OutputError::Link { .. }), "{error}");
    }
    fs::remove_file(out.join("a")).unwrap();
    fs::remove_file(out.join("b.yaml")).unwrap();
    write(&out, &[("b.yaml", "-> ../outside/x.yaml")]);
    assert_eq!(changes(&plan(&out, &[("b.yaml", "1")])), ["b.yaml Edited"]);
    force(&out, &[("b.yaml", "1")]);
    assert!(fs::symlink_metadata(out.join("b.yaml")).unwrap().is_file());

    let wob = sandbox.join("wob");
    write(&wob, &[(".wob", "-> ../outside")]);
    let error = try_plan(&wob, &[("x", "1")]).unwrap_err();
    assert!(matches!(error, OutputError::Link { .. }), "{error}");
    write(sandbox.path(), &[("prefixed/clusters", "-> ../outside")]);
    let prefixed = OutputFolder::new(&sandbox.join("prefixed"), Some(&path("clusters")));
    let error = prefixed.previous().unwrap_err();
    assert!(matches!(error, OutputError::Link { .. }), "{error}");
    assert_eq!(fs::read_to_string(outside.join("x.yaml")).unwrap(), "precious");

    // The folder itself may be a link: the user wrote it.
    write(sandbox.path(), &[("alias", "-> out")]);
    build(&sandbox.join("alias"), &[("b.yaml", "2")]).unwrap();
    assert_eq!(fs::read_to_string(out.join("b.yaml")).unwrap(), "2");
}

/// Between looking and writing, anybody may have put a link there.
#[test]
fn a_link_that_appears_after_planning_is_not_followed() {
    for swapped in ["a", "a/b", ".wob"] {
        let sandbox = Sandbox::new();
        let (out, outside) = (sandbox.join("out"), sandbox.join("outside"));
        write(&outside, &[("x.yaml", "precious"), ("b/x.yaml", "precious")]);
        build(&out, &[("a/b/x.yaml", "1"), ("gone/x.yaml", "1"), ("y.yaml", "1")]).unwrap();
        let plan = plan(&out, &[("a/b/x.yaml", "2"), ("a/b/new.yaml", "2"), ("y.yaml", "1")]);
        let before = disk(&outside);
        fs::remove_dir_all(out.join(swapped)).unwrap();
        write(&out, &[(swapped, &format!("-> {outside}"))]);
        let error = plan.apply(Overwrite::Conflicts, &Interrupt::default()).unwrap_err();
        assert!(matches!(error, OutputError::Link { .. }), "{swapped}: {error}");
        assert_eq!(disk(&outside), before, "{swapped}");
    }
}

#[test]
fn a_prefix_moves_the_tree_and_its_manifest() {
    let sandbox = Sandbox::new();
    let tree = tree(&[("a.yaml", "1")]);
    let output = OutputFolder::new(sandbox.path(), Some(&path("clusters/dev")));
    let plan =
        output.plan(&tree, &record(&tree), &Standing::Unknown, &Interrupt::default()).unwrap();
    plan.apply(Overwrite::Nothing, &Interrupt::default()).unwrap();
    let expected = [
        "clusters/",
        "clusters/dev/",
        "clusters/dev/.wob/",
        "clusters/dev/.wob/tree.json: {\"a.yaml\"",
        "clusters/dev/a.yaml: 1",
    ];
    let found: Vec<String> = disk(sandbox.path())
        .iter()
        .map(|it| it.replace("{\"files\":", "").split(":\"").next().unwrap().to_owned())
        .collect();
    assert_eq!(found, expected);
    let previous = output.previous().unwrap();
    let blob = output.read_owned(&path("a.yaml"), &previous).unwrap().unwrap();
    assert_eq!(&*blob.bytes(), b"1");
    write(sandbox.path(), &[("clusters/dev/a.yaml", "edited")]);
    assert_eq!(output.read_owned(&path("a.yaml"), &previous).unwrap(), None);
}

#[test]
fn trees_that_cannot_lie_on_disk_are_refused() {
    let sandbox = Sandbox::new();
    for files in [&[("a", ""), ("a/b", "")][..], &[(".git/hooks/x", "")], &[(".wob/tree.json", "")]]
    {
        let error = try_plan(sandbox.path(), files).unwrap_err();
        assert!(matches!(error, OutputError::Path { .. }), "{error}");
    }
}

#[test]
fn an_interrupt_leaves_the_previous_tree_whole() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "1")]).unwrap();
    let before = disk(sandbox.path());
    let interrupt = Interrupt::default();
    let plan = plan(sandbox.path(), &[("a.yaml", "2"), ("c.yaml", "2")]);
    interrupt.set();
    let error = plan.apply(Overwrite::Nothing, &interrupt).unwrap_err();
    assert!(matches!(error, OutputError::Interrupted(_)), "{error}");
    assert_eq!(disk(sandbox.path()), before);
}

/// Makes the state that a crash leaves: the journal is there, some files are replaced and some are not, one waits.
fn crash(folder: &Utf8Path, next: &[(&str, &str)], replaced: &[(&str, &str)]) {
    let journal = folder.join(".wob/journal.json");
    let before = fs::read_to_string(&journal).unwrap_or_default();
    let owned = serde_json::to_string(&Manifest::of(&tree(next))).unwrap();
    fs::write(journal, format!("{before}{owned}\n")).unwrap();
    write(folder, replaced);
}

#[test]
fn a_crash_between_renames_is_finished_by_the_next_run() {
    let sandbox = Sandbox::new();
    let old = [("a.yaml", "1"), ("b.yaml", "1"), ("c.yaml", "1"), ("z/y.yaml", "1")];
    build(sandbox.path(), &old).unwrap();
    let next = [("a.yaml", "2"), ("b.yaml", "2"), ("d.yaml", "2")];
    crash(sandbox.path(), &next, &[("a.yaml", "2"), ("d.yaml", "2"), ("b.yaml", "")]);
    // The name of a waiting file depends on its path only.
    let waiting = {
        let digest = wob_engine::Digest::of(b"b.yaml").to_string();
        format!(".wob-new-{}", &digest[..16])
    };
    write(sandbox.path(), &[(&waiting, "half")]);

    // A third tree: neither the one before the crash nor the one that was being written.
    let third = [("a.yaml", "3"), ("b.yaml", "2"), ("c.yaml", "1")];
    let planned = plan(sandbox.path(), &third);
    assert!(planned.unfinished);
    assert_eq!(planned.others.count, 0);
    let expected = ["a.yaml Changed", "b.yaml Changed", "d.yaml Deleted", "z/y.yaml Deleted"];
    assert_eq!(changes(&planned), expected);
    // That run crashes too.
    crash(sandbox.path(), &third, &[("a.yaml", "3")]);

    build(sandbox.path(), &next).unwrap();
    let expected = [".wob/", ".wob/tree.json", "a.yaml: 2", "b.yaml: 2", "d.yaml: 2"];
    assert_eq!(disk(sandbox.path()), expected);
    assert!(plan(sandbox.path(), &next).is_done());
}

#[test]
fn a_failure_between_renames_is_finished_by_the_next_run() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "1"), ("c.yaml", "1")]).unwrap();
    let next = [("a.yaml", "2"), ("b.yaml", "2"), ("c.yaml", "2")];
    let planned = plan(sandbox.path(), &next);
    // Since the plan was made, somebody put a folder there.
    fs::remove_file(sandbox.join("b.yaml")).unwrap();
    write(sandbox.path(), &[("b.yaml/x", "")]);
    let error = planned.apply(Overwrite::Nothing, &Interrupt::default()).unwrap_err();
    assert!(matches!(error, OutputError::HalfWritten { .. }), "{error}");
    assert_eq!(fs::read_to_string(sandbox.join("a.yaml")).unwrap(), "2");
    assert_eq!(fs::read_to_string(sandbox.join("c.yaml")).unwrap(), "1");
    fs::remove_dir_all(sandbox.join("b.yaml")).unwrap();
    let planned = plan(sandbox.path(), &next);
    assert!(planned.unfinished);
    assert_eq!(changes(&planned), ["b.yaml Added", "c.yaml Changed"]);
    build(sandbox.path(), &next).unwrap();
    assert_eq!(
        disk(sandbox.path()),
        [".wob/", ".wob/tree.json", "a.yaml: 2", "b.yaml: 2", "c.yaml: 2"]
    );
}

#[test]
fn a_crash_after_the_last_rename_is_cleaned_up() {
    let sandbox = Sandbox::new();
    let files = [("a.yaml", "1")];
    build(sandbox.path(), &files).unwrap();
    crash(sandbox.path(), &files, &[]);
    assert!(!plan(sandbox.path(), &files).is_done());
    build(sandbox.path(), &files).unwrap();
    assert_eq!(disk(sandbox.path()), [".wob/", ".wob/tree.json", "a.yaml: 1"]);
}

#[test]
fn a_second_process_is_noticed() {
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[]).unwrap();
    let digest = wob_engine::Digest::of(b"a.yaml").to_string();
    write(sandbox.path(), &[(&format!(".wob-new-{}", &digest[..16]), "")]);
    let error = build(sandbox.path(), &[("a.yaml", "1")]).unwrap_err();
    assert!(matches!(error, OutputError::Busy { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_fails_before_anything_changes() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1"), ("z/x.yaml", "1")]).unwrap();
    let closed = sandbox.join("z");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        skipped("this user may write everywhere");
        return;
    }
    let before = disk(sandbox.path());
    for files in [&[("a.yaml", "2"), ("z/x.yaml", "2")][..], &[("a.yaml", "2")]] {
        let error = build(sandbox.path(), files).unwrap_err();
        assert!(matches!(error, OutputError::Failed { .. }), "{error}");
        assert_eq!(disk(sandbox.path()), before);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn files_are_as_readable_as_the_umask_says() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    build(sandbox.path(), &[("a.yaml", "1")]).unwrap();
    write(sandbox.path(), &[("plain", "")]);
    let mode = |name| fs::metadata(sandbox.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("a.yaml"), mode("plain"));
    assert_eq!(mode(".wob/tree.json"), mode("plain"));
}

/// Says whether what lies at `folder` is exactly what a build into an empty folder gives.
fn is_fresh(folder: &Utf8Path, files: &[(&str, &str)]) -> bool {
    let fresh = Sandbox::new();
    build(fresh.path(), files).unwrap();
    disk(folder) == disk(fresh.path()) && parts(folder) == parts(fresh.path())
}

/// Lists the records of parts with their texts.
fn parts(folder: &Utf8Path) -> Vec<(String, String)> {
    let entries = folder.join(".wob/parts").read_dir_utf8().into_iter().flatten();
    let part =
        |path: &Utf8Path| (path.file_name().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    let mut parts: Vec<_> = entries.map(|it| part(it.unwrap().path())).collect();
    parts.sort();
    parts
}

#[test]
fn records_of_parts_come_and_go_with_them() {
    let sandbox = Sandbox::new();
    let out = sandbox.path();
    for files in [
        &[("a/x", "1"), ("b/x", "1"), ("c", "1")][..],
        &[("a/x", "2"), ("b/x", "1"), ("c", "1")],
        &[("b/x", "1"), ("d/x", "1")],
        &[("b", "1")],
        &[],
    ] {
        build(out, files).unwrap();
        assert!(is_fresh(out, files), "{files:?}: {:?}", disk(out));
        assert!(plan(out, files).is_done());
    }
}

/// The part's record is written anew; until then what it should say is nobody's.
#[test]
fn a_damaged_record_of_a_part_is_mended() {
    let files = [("a/x", "1"), ("a/y", "1"), ("b/x", "9")];
    let other = parts_of(&files)["b.json"].clone();
    for damage in [None, Some(""), Some("{"), Some("\0\0\0"), Some("{\"files\":{}}"), Some(&*other)]
    {
        let sandbox = Sandbox::new();
        let out = sandbox.path();
        build(out, &files).unwrap();
        let record = out.join(".wob/parts/a.json");
        match damage {
            Some(text) => fs::write(&record, text).unwrap(),
            None => fs::remove_file(&record).unwrap(),
        }
        let planned = plan(out, &files);
        assert!(!planned.is_done() && !planned.differs(), "{damage:?}");
        // What is not known to be wob's is neither changed nor deleted.
        let next = [("a/x", "2"), ("b/x", "9")];
        let conflicts = build(out, &next);
        let is_conflict = matches!(&conflicts, Err(OutputError::Conflicts { first, .. }) if first.as_str() == "a/x");
        assert!(is_conflict, "{damage:?}: {conflicts:?}");
        assert_eq!(fs::read_to_string(out.join("a/y")).unwrap(), "1");
        build(out, &files).unwrap();
        assert!(is_fresh(out, &files), "{damage:?}");
        build(out, &next).unwrap();
        assert!(is_fresh(out, &next), "{damage:?}");
    }
}

fn parts_of(files: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let sandbox = Sandbox::new();
    build(sandbox.path(), files).unwrap();
    parts(sandbox.path()).into_iter().collect()
}

/// A record that claims what is not in its folder owns nothing at all.
#[test]
fn a_part_claims_nothing_outside_of_its_folder() {
    let files = [("a/x", "1"), ("b/x", "1")];
    let mine = wob_engine::Digest::of(b"mine").to_string();
    for path in ["../mine", "../b/mine", "/mine", ".git/mine", "x/.GIT/mine", "./mine", ""] {
        let sandbox = Sandbox::new();
        let out = sandbox.path();
        build(out, &files).unwrap();
        write(out, &[("mine", "mine"), ("b/mine", "mine"), ("a/.git/mine", "mine")]);
        let claim = serde_json::json!({ "files": { path: mine } }).to_string();
        let digest = |text: &str| wob_engine::Digest::of(text.as_bytes()).to_string();
        let was = fs::read_to_string(out.join(".wob/parts/a.json")).unwrap();
        let head = fs::read_to_string(out.join(".wob/tree.json")).unwrap();
        let head = head.replace(&digest(&was), &digest(&claim));
        write(out, &[(".wob/parts/a.json", &claim), (".wob/tree.json", &head)]);
        force(out, &[("b/x", "1")]);
        for stays in ["mine", "b/mine", "a/.git/mine"] {
            assert_eq!(fs::read_to_string(out.join(stays)).unwrap(), "mine", "{path}");
        }
    }
}

/// Whatever stands where records of parts must be, it is found before any file is replaced.
#[test]
fn what_is_in_the_way_of_records_is_found_first() {
    let before = [("a/x", "1"), ("b", "1")];
    let after = [("a/x", "2"), ("b", "2")];
    let cases: [&[(&str, &str)]; 5] = [
        &[(".wob/parts/a.json/mine", "mine")],
        &[(".wob/parts", "mine")],
        &[(".wob/parts", "-> ../elsewhere")],
        &[(".wob/parts", "-> nowhere")],
        &[(".wob/new", "-> ../elsewhere")],
    ];
    for case in cases {
        let sandbox = Sandbox::new();
        let out = sandbox.join("out");
        build(&out, &before).unwrap();
        write(sandbox.path(), &[("elsewhere/a.json", "mine"), ("elsewhere/.wob-new-0", "mine")]);
        if case[0].0 != ".wob/new" {
            fs::remove_dir_all(out.join(".wob/parts")).unwrap();
        }
        write(&out, case);
        let planned = try_plan(&out, &after);
        let result = planned.and_then(|it| it.apply(Overwrite::Conflicts, &Interrupt::default()));
        let error = result.expect_err("because something is in the way");
        assert!(!matches!(error, OutputError::HalfWritten { .. }), "{case:?}: {error}");
        assert_eq!(fs::read_to_string(out.join("a/x")).unwrap(), "1", "{case:?}: {error}");
        assert_eq!(fs::read_to_string(out.join("b")).unwrap(), "1", "{case:?}: {error}");
        let elsewhere: Vec<String> = disk(&sandbox.join("elsewhere"));
        assert_eq!(elsewhere, [".wob-new-0: mine", "a.json: mine"], "{case:?}: {error}");
    }
}
