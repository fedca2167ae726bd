//! `wob status`: one table of where environments stand.

use std::fs;

use crate::{
    plane::Plane,
    support::{commit, git, with_snapshots_in, wob_in},
};

fn check(name: &str, plane: &Plane, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", args.join(" "), plane.wob(args));
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}

#[test]
fn drift_is_told_by_its_cause() {
    let mut plane = Plane::with_settings("promotion: [stage, dev]\n");
    check("status-unpublished", &plane, &["status"]);
    let into = format!("{}#dev", plane.folder().join("gitops.git").display());
    let build = |plane: &Plane| {
        let seen = plane.wob(&["build", "//env:dev", "--into", &into]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        git(&plane.folder().join("gitops.git"), &["rev-parse", "dev"])
    };
    let published = build(&plane);
    plane.call(&published, "<published>");
    check("status-published", &plane, &["status", "dev"]);
    let seen = plane.wob(&["promote", "main", "--to", "dev", "--force"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    check("status-promoted", &plane, &["status", "dev"]);
    let clone = plane.folder().join("clone");
    git(plane.folder(), &["clone", "-q", "-b", "dev", "gitops.git", "clone"]);
    let path = "large/app-functional-test/config.yaml";
    let by_hand = commit(&clone, &[(path, "by: hand\n")]);
    git(&clone, &["push", "-q"]);
    plane.call(&by_hand, "<by hand>");
    check("status-edited", &plane, &["status", "dev", "--output=json"]);
    assert!(plane.wob(&["status", "//env:dev"]).contains("unpublished, edited"));
    let seen = plane.wob(&["status", "dve"]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("did you mean `dev`"), "{seen}");
}

#[test]
fn what_cannot_be_had_is_named() {
    let plane = Plane::new();
    plane.git(&["checkout", "-q", "dev"]);
    let path = plane.fleet().join("gitops-repo.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let gitops = plane.folder().join("gitops.git").display().to_string();
    plane.commit(
        "elsewhere",
        &[("gitops-repo.yaml", &text.replace(&gitops, "https://u:pw@git.example.org/org/gitops"))],
    );
    plane.git(&["checkout", "-q", "main"]);
    let seen = plane.wob(&["status", "dev", "--offline"]);
    assert!(seen.starts_with("exit: 32\n") && !seen.contains("pw@"), "{seen}");
    assert!(
        seen.contains(
            "not known: would fetch branch `dev` of `https://git.example.org/org/gitops`"
        ),
        "{seen}"
    );
}

#[test]
fn folders_have_no_promotion_and_still_drift() {
    let folders = tempfile::tempdir().unwrap();
    super::copy_example("minimal", folders.path());
    super::check("status-folders", folders.path(), &["status"]);
    let seen = wob_in(folders.path(), &["status", "--output=json"]);
    assert!(seen.contains("\"trouble\": []") && !seen.contains("promoted"), "{seen}");
}
