//! `wob audit`: builds under conditions that must not matter are compared.

use std::fs;

use super::{check, copy_example, edit};
use crate::support::{contents, without_record, wob_in};

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
    let [usual, varied, again] = ["usual", "varied", "again"]
        .map(|it| without_record(contents(&temp.path().join("kept").join(it).join("trees/dev"))));
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

/// A program that schedules is not wob's own, so that only an audit tells what its answer depends on.
#[test]
fn a_program_that_looks_at_times_is_found() {
    let conditions = [
        ("times of files", "find environments -mtime +900 | grep -q yaml"),
        ("the clock", "test $(date +%N | tail -c 2) -lt 5"),
    ];
    for (what, condition) in conditions {
        let temp = tempfile::tempdir().unwrap();
        copy_example("placement", temp.path());
        let none = "{\"version\": 1, \"assignments\": []}";
        let program = format!(
            "#!/bin/sh\nif {condition}; then printf '%s' '{none}'; exit; fi\nexec ./told.sh\n"
        );
        let at = |path: &str| temp.path().join(path);
        fs::rename(at("scheduler.sh"), at("told.sh")).unwrap();
        fs::write(at("scheduler.sh"), program).unwrap();
        fs::set_permissions(at("scheduler.sh"), fs::metadata(at("told.sh")).unwrap().permissions())
            .unwrap();
        let audited = || wob_in(temp.path(), &["audit", "//env:edge"]);
        // A clock may say alike three times, but not again and again.
        let seen = (0..20).map(|_| audited()).find(|it| it.starts_with("exit: 6\n"));
        let seen = seen.unwrap_or_else(|| panic!("{what} is not found: {}", audited()));
        assert!(seen.contains("//env/edge/"), "{what}: {seen}");
    }
}
