//! What is chosen here, its states, and what another commit has that it has not, held against git.

use std::collections::BTreeSet;

use wob_host::{GitId, Repository};

use crate::support::{Sandbox, commit, git, repository};

fn id(text: &str) -> GitId {
    GitId::parse(text).unwrap()
}

/// What anybody can put into a clone is not chosen: only what is checked out, and what was the default branch once.
#[test]
fn states_of_what_is_chosen_are_those_of_its_main_line() {
    let sandbox = Sandbox::new();
    let at = sandbox.path().join("own");
    repository(&at, &[("a", "1")]);
    let on = |file: &str, reference: Option<&str>| {
        git(&at, &["checkout", "-q", "--detach", "main"]);
        commit(&at, &[(file, "x")]);
        let id = git(&at, &["rev-parse", "HEAD"]);
        git(&at, &["checkout", "-q", "main"]);
        if let Some(reference) = reference {
            git(&at, &["update-ref", reference, &id]);
        }
        id
    };
    // It was merged, so the branch never was like this.
    let merged = on("merged", None);
    commit(&at, &[("a", "2")]);
    git(&at, &["merge", "-q", "--no-ff", "-m", "a merge", &merged]);
    let mine = on("b", Some("refs/heads/mine"));
    for (file, reference) in [
        ("c", "refs/remotes/origin/team/x"),
        ("d", "refs/remotes/fork/x"),
        ("e", "refs/pull/1/head"),
        ("f", "refs/tags/v1"),
        ("g", "refs/remotes/origin/main"),
    ] {
        on(file, Some(reference));
    }
    let is_chosen = |text: &str| {
        let repository = Repository::open(&at).unwrap();
        let chosen = repository.chosen().unwrap();
        repository.is_state_of(id(text), &chosen).unwrap()
    };
    let check = |tips: &[&str]| {
        let walk = [&["rev-list", "--first-parent"], tips].concat();
        let expected: BTreeSet<String> = git(&at, &walk).lines().map(str::to_owned).collect();
        let all = git(&at, &["rev-list", "--all"]);
        assert!(all.lines().count() > expected.len());
        for commit in all.lines() {
            assert_eq!(is_chosen(commit), expected.contains(commit), "{tips:?}: {commit}");
        }
    };
    check(&["main", "origin/main"]);
    assert!(!is_chosen(&merged) && !is_chosen(&mine));
    // What is checked out runs here anyway.
    git(&at, &["checkout", "-q", &mine]);
    check(&["HEAD", "main", "origin/main"]);
    // The default branch may have another name, and not be here.
    git(&at, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/team/x"]);
    check(&["HEAD", "origin/team/x"]);
    let repository = Repository::open(&at).unwrap();
    let names: Vec<String> =
        repository.chosen().unwrap().into_iter().map(|it| it.revision).collect();
    assert_eq!(names, ["HEAD", "origin/team/x"]);
}

#[test]
fn the_first_difference_is_one_that_git_finds() {
    let sandbox = Sandbox::new();
    let at = sandbox.path().join("own");
    repository(
        &at,
        &[
            ("a.yaml", "1"),
            ("lib/a.sh", "1"),
            ("lib/deep/b.sh", "1"),
            ("lib/deep/c.yaml", "1"),
            ("z", "1"),
        ],
    );
    let states = [
        [("a.yaml", "2")].as_slice(),
        &[("lib/deep/c.yaml", "2")],
        &[("lib/deep/b.sh", "2")],
        &[("lib/new/d.sh", "1")],
        &[("a.yaml/was-a-file.sh", "1")],
        &[("y.yaml", "1"), ("zz", "1")],
    ];
    for files in states {
        if files[0].0.starts_with("a.yaml/") {
            std::fs::remove_file(at.join("a.yaml")).unwrap();
        }
        commit(&at, files);
    }
    git(&at, &["update-index", "--chmod=+x", "z"]);
    git(&at, &["commit", "-q", "-m", "a right"]);
    let count = git(&at, &["rev-list", "--count", "HEAD"]).parse::<usize>().unwrap();
    let repository = Repository::open(&at).unwrap();
    let tree = |back: usize| repository.resolve(&format!("HEAD~{back}")).unwrap().tree;
    let counts = |path: &str| path.rsplit_once('.').is_none_or(|(_, it)| it != "yaml");
    let mut same = 0;
    for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
        let names = git(
            &at,
            &["diff", "--no-renames", "--name-only", &format!("HEAD~{a}"), &format!("HEAD~{b}")],
        );
        let expected: BTreeSet<&str> = names.lines().filter(|it| counts(it)).collect();
        let found = repository.first_difference([tree(a), tree(b)], &counts).unwrap();
        if let Some(path) = found {
            assert!(expected.contains(&*path), "{a} {b}: {path} {expected:?}");
        } else {
            assert!(expected.is_empty(), "{a} {b}: {expected:?}");
            same += usize::from(a != b);
        }
    }
    assert!(same > 0);
}
