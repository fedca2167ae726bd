//! `wob audit`: builds under conditions that must not matter are compared.

use std::fs;

use super::{check, copy_example, edit};
use crate::support::{contents, wob_in};

#[test]
fn what_is_reproducible_is_said_so() {
    let temp = tempfile::tempdir().unwrap();
    copy_example("fleet", temp.path());
    check("audit", temp.path(), &["audit"]);
    check("audit-json", temp.path(), &["audit", "//env:dev", "--output=json"]);
    check("audit-unknown", temp.path(), &["audit", "//env:develop"]);
    assert!(!temp.path().join("wob-out").exists(), "the output is left alone");
}

#[test]
fn the_trees_can_be_kept() {
    let temp = tempfile::tempdir().unwrap();
    copy_example("fleet", temp.path());
    let seen = wob_in(temp.path(), &["audit", "//env:dev", "--keep", "kept"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let [usual, varied, again] = ["usual", "varied", "again"].map(|it| {
        let tree = contents(&temp.path().join("kept").join(it).join("trees/dev"));
        tree.into_iter().filter(|(path, _)| path != ".wob/tree.json").collect::<Vec<_>>()
    });
    assert!(!usual.is_empty() && usual == varied && usual == again);
    let seen = wob_in(temp.path(), &["audit", "//env:dev", "--keep", "kept"]);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("exists already"), "{seen}");
}

/// What is wrong is wrong in every build; what is right is compared.
#[test]
fn wrong_sources_are_said_and_the_rest_is_compared() {
    let temp = tempfile::tempdir().unwrap();
    copy_example("fleet", temp.path());
    let cluster_type = fs::read_dir(temp.path().join("environments/dev/cluster-types")).unwrap();
    let cluster_type = cluster_type.map(|it| it.unwrap().path()).min().unwrap();
    edit(&cluster_type, "reconciler:", "reconciler: nope #");
    let seen = wob_in(temp.path(), &["audit"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("are the same in 3 builds"), "{seen}");
}
