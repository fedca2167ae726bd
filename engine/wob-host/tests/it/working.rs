//! Reading the checkout with uncommitted edits.

use std::fs;

use camino::Utf8Path;
use wob_engine::FilePath;
use wob_host::{Interrupt, Repository, WorkingTree};

use crate::support::{Sandbox, commit, git, listing, options, path, repository, write};

fn read(folder: &Utf8Path) -> WorkingTree {
    let repository = Repository::open(folder).unwrap();
    repository.read_working(None, &options(&Interrupt::default())).unwrap()
}

fn changed(working: &WorkingTree) -> Vec<&str> {
    working.changed.iter().map(FilePath::as_str).collect()
}

#[test]
fn a_clean_checkout_is_its_commit() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "a"), ("b/c.yaml", "c")]);
    let working = read(sandbox.path());
    let repository = Repository::open(sandbox.path()).unwrap();
    let main = repository.resolve("main").unwrap();
    let committed = repository.read(&main, None, &options(&Interrupt::default())).unwrap();
    assert_eq!(working.snapshot, committed);
    assert_eq!(working.changed, []);
}

#[test]
fn edits_overlay_the_commit() {
    let sandbox = Sandbox::new();
    let files = [
        ("edited.yaml", "1"),
        ("staged.yaml", "1"),
        ("deleted.yaml", "1"),
        ("same.yaml", "1"),
        ("gone/x.yaml", "1"),
        ("README.md", "1"),
        (".gitignore", "ignored*\n/wob-out/\n"),
        ("ignored-but-committed.yaml", "1"),
    ];
    repository(sandbox.path(), &files);
    let edits = [
        ("edited.yaml", "2"),
        ("staged.yaml", "2"),
        ("new/n.yaml", "2"),
        ("ignored.yaml", "2"),
        ("ignored-but-committed.yaml", "2"),
        ("README.md", "2"),
    ];
    write(sandbox.path(), &edits);
    fs::remove_file(sandbox.join("deleted.yaml")).unwrap();
    fs::remove_dir_all(sandbox.join("gone")).unwrap();
    git(sandbox.path(), &["add", "staged.yaml"]);
    let working = read(sandbox.path());
    let expected = [
        "edited.yaml: 2",
        "ignored-but-committed.yaml: 2",
        "new/n.yaml: 2",
        "same.yaml: 1",
        "staged.yaml: 2",
    ];
    assert_eq!(listing(&working.snapshot), expected);
    let expected = [
        "deleted.yaml",
        "edited.yaml",
        "gone/x.yaml",
        "ignored-but-committed.yaml",
        "new/n.yaml",
        "staged.yaml",
    ];
    assert_eq!(changed(&working), expected);
    assert!(working.snapshot.origin.dirty);
    assert_eq!(working.snapshot.origin.tree, None);
    assert_eq!(working.snapshot.origin.reference.as_deref(), Some("main"));
}

#[test]
fn what_is_not_read_makes_nothing_dirty() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1"), ("README.md", "1"), (".sourceignore", "/x\n")]);
    let edits = [
        ("README.md", "2"),
        ("wob-out/dev/.wob/tree.json", "{}"),
        ("wob-out/dev/a.yaml", "rendered"),
        ("x/hidden.yaml", "2"),
        ("nested/.git/HEAD", "ref: refs/heads/main"),
    ];
    write(sandbox.path(), &edits);
    // Staged, and undone on disk.
    write(sandbox.path(), &[("a.yaml", "2")]);
    git(sandbox.path(), &["add", "a.yaml"]);
    write(sandbox.path(), &[("a.yaml", "1")]);
    let working = read(sandbox.path());
    assert_eq!(changed(&working), [""; 0]);
    assert!(!working.snapshot.origin.dirty);
    assert!(working.snapshot.origin.tree.is_some());
    assert_eq!(listing(&working.snapshot), ["a.yaml: 1", "#x/hidden.yaml: 2"]);
}

#[test]
fn a_folder_of_the_checkout_is_judged_alone() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a/x.yaml", "1"), ("b/y.yaml", "1")]);
    write(sandbox.path(), &[("b/y.yaml", "2")]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let interrupt = Interrupt::default();
    let a = repository.read_working(Some(&path("a")), &options(&interrupt)).unwrap();
    assert_eq!((listing(&a.snapshot), changed(&a)), (vec!["x.yaml: 1".to_owned()], vec![]));
    assert_eq!(a.snapshot.origin.tree.unwrap(), git(sandbox.path(), &["rev-parse", "HEAD:a"]));
    let b = repository.read_working(Some(&path("b")), &options(&interrupt)).unwrap();
    assert_eq!((listing(&b.snapshot), changed(&b)), (vec!["y.yaml: 2".to_owned()], vec!["y.yaml"]));
}

#[test]
fn line_ends_are_those_of_the_commit() {
    let sandbox = Sandbox::new();
    let files =
        [(".gitattributes", "*.yaml text eol=crlf\n"), ("a.yaml", "a\n"), ("b.yaml", "b\n")];
    repository(sandbox.path(), &files);
    fs::remove_file(sandbox.join("a.yaml")).unwrap();
    git(sandbox.path(), &["checkout", "a.yaml"]);
    assert_eq!(fs::read(sandbox.join("a.yaml")).unwrap(), b"a\r\n");
    write(sandbox.path(), &[("b.yaml", "b\r\nc\r\n")]);
    let working = read(sandbox.path());
    assert_eq!(changed(&working), ["b.yaml"]);
    assert_eq!(listing(&working.snapshot), ["a.yaml: a", "b.yaml: b\nc"]);
}

#[test]
fn a_checkout_without_a_commit_is_all_new() {
    let sandbox = Sandbox::new();
    git(sandbox.path(), &["init", "-q", "-b", "trunk"]);
    write(sandbox.path(), &[("a.yaml", "1"), ("b.yaml", "2")]);
    git(sandbox.path(), &["add", "a.yaml"]);
    let working = read(sandbox.path());
    assert_eq!(listing(&working.snapshot), ["a.yaml: 1", "b.yaml: 2"]);
    assert_eq!(changed(&working), ["a.yaml", "b.yaml"]);
    assert_eq!(working.snapshot.origin.commit, None);
    assert!(working.snapshot.origin.dirty);
}

#[cfg(unix)]
#[test]
fn folders_files_and_links_may_take_each_others_place() {
    let sandbox = Sandbox::new();
    repository(
        sandbox.path(),
        &[("a.yaml", "1"), ("b/x.yaml", "1"), ("c/x.yaml", "1"), ("d.yaml", "1")],
    );
    fs::remove_file(sandbox.join("a.yaml")).unwrap();
    fs::remove_dir_all(sandbox.join("b")).unwrap();
    fs::remove_dir_all(sandbox.join("c")).unwrap();
    fs::remove_file(sandbox.join("d.yaml")).unwrap();
    let edits = [
        ("a.yaml/x.yaml", "2"),
        ("b", "a file"),
        ("real/x.yaml", "2"),
        ("c", "-> real"),
        ("d.yaml", "-> real/x.yaml"),
    ];
    write(sandbox.path(), &edits);
    let expected = ["a.yaml/x.yaml: 2", "c/x.yaml: 2", "d.yaml: 2", "real/x.yaml: 2"];
    assert_eq!(listing(&read(sandbox.path()).snapshot), expected);
    git(sandbox.path(), &["add", "-A"]);
    assert_eq!(listing(&read(sandbox.path()).snapshot), expected, "staged");
    commit(sandbox.path(), &[]);
    let working = read(sandbox.path());
    assert_eq!(
        (listing(&working.snapshot), changed(&working)),
        (expected.map(str::to_owned).to_vec(), vec![])
    );
}
