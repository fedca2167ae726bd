//! Which commit a folder or a program on disk belongs to.

use std::fs;

use camino::Utf8Path;
use wob_engine::{Digest, Origin};
use wob_host::{Interrupt, Repository, read_folder};

use crate::support::{Sandbox, commit, git, options, repository, write};

/// Changes a checkout.
type Edit = fn(&Utf8Path);

fn origin(root: &Utf8Path, folder: &str) -> Option<Origin> {
    let interrupt = Interrupt::default();
    let folder = root.join(folder);
    let snapshot = read_folder(&folder, &options(&interrupt)).unwrap();
    Repository::open(root).unwrap().origin_of(&folder, &snapshot, &options(&interrupt)).unwrap()
}

#[test]
fn a_folder_is_that_of_the_commit() {
    let sandbox = Sandbox::new();
    let files = [
        ("a/x.yaml", "1"),
        ("a/marked.yaml", "\u{feff}1"),
        ("a/.sourceignore", "hidden/\n"),
        ("a/hidden/h.yaml", "1"),
        ("b/y.yaml", "1"),
    ];
    repository(sandbox.path(), &files);
    // What is not read, or is elsewhere, matters to nobody.
    write(
        sandbox.path(),
        &[("a/README.md", "2"), ("b/y.yaml", "2"), ("a/wob-out/dev/.wob/tree.json", "{}")],
    );
    write(sandbox.path(), &[("a/wob-out/dev/x.yaml", "2"), ("a/hidden/h.yaml", "2")]);
    let revision = |it| git(sandbox.path(), &["rev-parse", it]);
    for (folder, tree) in [("a", "HEAD:a"), ("./a/../a/", "HEAD:a"), ("a/hidden/..", "HEAD:a")] {
        let found = origin(sandbox.path(), folder).unwrap();
        let wanted = Origin {
            url: sandbox.path().to_string(),
            reference: None,
            commit: Some(revision("HEAD")),
            tree: Some(revision(tree)),
            dirty: false,
        };
        assert_eq!(found, wanted, "{folder}");
    }
    for folder in ["b", "a/hidden", "."] {
        let found = origin(sandbox.path(), folder).unwrap();
        assert_eq!((found.commit, found.tree), (Some(revision("HEAD")), None), "{folder}");
        assert!(found.dirty, "{folder}");
    }
    commit(sandbox.path(), &[]);
    let found = origin(sandbox.path(), ".").unwrap();
    assert_eq!((found.tree, found.dirty), (Some(revision("HEAD^{tree}")), false));
}

#[test]
fn whatever_the_commit_does_not_have_makes_a_folder_dirty() {
    let files =
        [(".gitignore", "ignored*\n"), ("a/x.yaml", "1"), ("a/y.yaml", "1"), ("c/z.yaml", "1")];
    let dirty: [(&str, Edit); 6] = [
        ("edited", |it| write(it, &[("a/x.yaml", "2")])),
        ("untracked", |it| write(it, &[("a/new.yaml", "1")])),
        ("ignored by git and read all the same", |it| write(it, &[("a/ignored.yaml", "1")])),
        ("deleted", |it| fs::remove_file(it.join("a/x.yaml")).unwrap()),
        ("hidden", |it| write(it, &[("a/.sourceignore", "x.yaml\n")])),
        ("line ends", |it| write(it, &[("a/x.yaml", "1\r\n")])),
    ];
    for (what, edit) in dirty {
        let sandbox = Sandbox::new();
        repository(sandbox.path(), &files);
        edit(sandbox.path());
        let found = origin(sandbox.path(), "a").unwrap();
        assert_eq!((found.dirty, found.tree), (true, None), "{what}");
        assert!(!origin(sandbox.path(), "c").unwrap().dirty, "{what}");
    }
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &files);
    write(sandbox.path(), &[("new/x.yaml", "1")]);
    assert!(origin(sandbox.path(), "new").unwrap().dirty, "a folder that no commit has");
}

#[test]
fn without_a_commit_a_folder_is_plain() {
    let sandbox = Sandbox::new();
    git(sandbox.path(), &["init", "-q", "-b", "trunk"]);
    write(sandbox.path(), &[("a/x.yaml", "1")]);
    assert_eq!(origin(sandbox.path(), "a"), None);
    let elsewhere = Sandbox::new();
    repository(&elsewhere.join("repository"), &[("x.yaml", "1")]);
    let interrupt = Interrupt::default();
    let snapshot = read_folder(sandbox.path(), &options(&interrupt)).unwrap();
    let other = Repository::open(&elsewhere.join("repository")).unwrap();
    assert_eq!(other.origin_of(sandbox.path(), &snapshot, &options(&interrupt)).unwrap(), None);
}

/// Puts a link where a file is.
#[cfg(unix)]
fn replace(root: &Utf8Path, path: &str, target: &str) {
    fs::remove_file(root.join(path)).unwrap();
    write(root, &[(path, &format!("-> {target}"))]);
}

#[test]
#[cfg(unix)]
fn a_program_is_that_of_the_commit() {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = |path: &Utf8Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let fresh = || {
        let sandbox = Sandbox::new();
        git(sandbox.path(), &["init", "-q", "-b", "main"]);
        write(
            sandbox.path(),
            &[
                ("bin/program", "1"),
                ("bin/other", "1"),
                ("bin/data", "1"),
                ("link", "-> bin/program"),
                ("round", "-> round"),
            ],
        );
        executable(&sandbox.join("bin/program"), 0o755);
        executable(&sandbox.join("bin/other"), 0o755);
        commit(sandbox.path(), &[]);
        sandbox
    };
    let origin = |sandbox: &Sandbox, path: &str| {
        let file = sandbox.join(path);
        let digest = Digest::of(&fs::read(&file).unwrap_or_default());
        Repository::open(sandbox.path()).unwrap().origin_of_program(&file, digest).unwrap()
    };
    let dirty = |sandbox: &Sandbox, path: &str| {
        let found = origin(sandbox, path).unwrap();
        assert_eq!(found.commit, Some(git(sandbox.path(), &["rev-parse", "HEAD"])), "{path}");
        assert_eq!((found.tree, found.reference), (None, None), "{path}");
        found.dirty
    };
    let sandbox = fresh();
    for path in ["bin/program", "./bin/../bin/program", "link"] {
        assert!(!dirty(&sandbox, path), "{path}");
    }
    for path in ["bin/data", "round", "bin/absent"] {
        assert!(dirty(&sandbox, path), "{path}");
    }
    let edits: [(&str, Edit); 6] = [
        ("bin/program", |it| write(it, &[("bin/program", "2")])),
        ("link", |it| write(it, &[("bin/program", "2")])),
        ("link", |it| replace(it, "link", "bin/other")),
        ("bin/other", |it| replace(it, "bin/other", "program")),
        ("link", |it| replace(it, "link", it.join("bin/program").as_str())),
        ("new", |it| assert_eq!(fs::copy(it.join("bin/program"), it.join("new")).unwrap(), 1)),
    ];
    for (index, (path, edit)) in edits.into_iter().enumerate() {
        let sandbox = fresh();
        edit(sandbox.path());
        assert!(dirty(&sandbox, path), "{index}: {path}");
    }
    let elsewhere = Sandbox::new();
    write(elsewhere.path(), &[("program", "1")]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let found = repository.origin_of_program(&elsewhere.join("program"), Digest::of(b"1"));
    assert_eq!(found.unwrap(), None);
}
