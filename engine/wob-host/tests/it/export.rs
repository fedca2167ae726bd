//! What a commit has is written to disk as git itself checks it out.
#![cfg(unix)]

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use camino::Utf8Path;
use wob_engine::FilePath;
use wob_host::{GitError, Interrupt, LimitError, ReadLimits, ReadOptions, Repository};

use crate::support::{Sandbox, commit, git, repository};

/// What lies below a folder: of each path, a link's target, or the bytes and whether they may be run.
fn lies(at: &Utf8Path) -> BTreeMap<String, (Vec<u8>, char)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![at.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().unwrap() {
            let path = entry.unwrap().path().to_owned();
            let name = path.strip_prefix(at).unwrap().to_string();
            let kind = path.symlink_metadata().unwrap();
            if kind.is_symlink() {
                found.insert(name, (path.read_link_utf8().unwrap().to_string().into_bytes(), 'l'));
            } else if kind.is_dir() {
                folders.push(path);
            } else {
                let runs = if kind.permissions().mode() & 0o100 == 0 { 'f' } else { 'x' };
                found.insert(name, (fs::read(&path).unwrap(), runs));
            }
        }
    }
    found
}

fn options(limits: ReadLimits, interrupt: &Interrupt) -> ReadOptions<'_> {
    ReadOptions { wanted: &|_| true, limits, unneeded: None, interrupt }
}

fn sources(at: &Utf8Path) -> Repository {
    repository(at, &[("a/run.sh", "#!/bin/sh\n"), ("a/b/data.bin", "\u{0}\u{1}"), ("c", "c\n")]);
    fs::set_permissions(at.join("a/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    for (target, link) in [("run.sh", "a/there"), ("../../c", "a/b/out"), ("/etc/hosts", "a/far")] {
        std::os::unix::fs::symlink(target, at.join(link)).unwrap();
    }
    commit(at, &[]);
    Repository::open(at).unwrap()
}

#[test]
fn it_is_what_git_checks_out() {
    let sandbox = Sandbox::new();
    let from = sandbox.path().join("from");
    let repository = sources(&from);
    let head = repository.resolve("HEAD").unwrap();
    for (name, folder) in [("whole", None), ("part", Some(FilePath::new("a").unwrap()))] {
        let (ours, theirs) = (sandbox.path().join(name), sandbox.path().join("git").join(name));
        fs::create_dir_all(&ours).unwrap();
        fs::create_dir_all(&theirs).unwrap();
        let (limits, interrupt) = (ReadLimits::default(), Interrupt::default());
        repository.export(&head, folder.as_ref(), &ours, &options(limits, &interrupt)).unwrap();
        git(&from, &["--work-tree", theirs.as_str(), "checkout", "-q", "HEAD", "--", "."]);
        let theirs = folder.map_or(theirs.clone(), |it| theirs.join(it.as_str()));
        let ours = lies(&ours);
        assert!(ours.len() >= 5, "{ours:?}");
        assert_eq!(ours, lies(&theirs), "{name}");
    }
}

#[test]
fn limits_hold() {
    let sandbox = Sandbox::new();
    let repository = sources(&sandbox.path().join("from"));
    let head = repository.resolve("HEAD").unwrap();
    let whole = ReadLimits::default();
    for (name, limits) in [
        ("entries", ReadLimits { entries: 3, ..whole }),
        ("bytes", ReadLimits { total_bytes: 12, ..whole }),
        ("depth", ReadLimits { depth: 1, ..whole }),
    ] {
        let into = sandbox.path().join(name);
        fs::create_dir(&into).unwrap();
        let ended = repository.export(&head, None, &into, &options(limits, &Interrupt::default()));
        assert!(matches!(ended, Err(GitError::Limit { .. })), "{name}: {ended:?}");
    }
    let (into, interrupt) = (sandbox.path().join("stopped"), Interrupt::default());
    fs::create_dir(&into).unwrap();
    interrupt.set();
    let ended = repository.export(&head, None, &into, &options(whole, &interrupt));
    let stopped =
        |it: &GitError| matches!(it, GitError::Limit { source: LimitError::Interrupted(_), .. });
    assert!(ended.as_ref().is_err_and(stopped), "{ended:?}");
}

/// A tree may name a link and a folder alike: the link is not followed.
#[test]
fn nothing_is_written_outside() {
    let sandbox = Sandbox::new();
    let from = sandbox.path().join("from");
    repository(&from, &[("folder/file", "theirs")]);
    let outside = sandbox.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(from.join("target"), outside.as_str()).unwrap();
    let blob = git(&from, &["hash-object", "-w", "target"]);
    let folder = git(&from, &["rev-parse", "HEAD:folder"]);
    let tree = format!("120000 blob {blob}\tname\n040000 tree {folder}\tname\n");
    fs::write(from.join("tree"), tree).unwrap();
    let script = "git mktree --missing < tree";
    let output = std::process::Command::new("sh").current_dir(&from).args(["-c", script]).output();
    let tree = String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned();
    let commit = git(&from, &["commit-tree", "-m", "hostile", &tree]);
    let repository = Repository::open(&from).unwrap();
    let commit = repository.resolve(&commit).unwrap();
    let into = sandbox.path().join("into");
    fs::create_dir(&into).unwrap();
    let (limits, interrupt) = (ReadLimits::default(), Interrupt::default());
    let ended = repository.export(&commit, None, &into, &options(limits, &interrupt));
    assert!(matches!(ended, Err(GitError::Failed { .. })), "{ended:?}");
    assert!(lies(&outside).is_empty());
}
