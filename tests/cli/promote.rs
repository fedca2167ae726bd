//! `wob promote`, `wob rollback`, and the history that they make.

use std::fs;

use crate::{
    plane::{Plane, base_repo, config, object},
    support::{git, with_snapshots_in, wob_in},
};

fn check(name: &str, plane: &Plane, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", plane.named(&args.join(" ")), plane.wob(args));
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}

/// A plane whose environments follow each other by what wob.yaml says.
fn chained() -> Plane {
    Plane::with_settings("promotion: [dev, stage]\n")
}

/// An environment is called by its label elsewhere, so it is here.
#[test]
fn labels_name_environments_too() {
    let plane = Plane::with_settings("promotion: [dev, stage]\n");
    for (name, label) in [
        (&["promote", "main", "--to", "dev", "--dry-run"][..], "//env:dev"),
        (&["promote", "--history", "dev"], "//env/dev"),
        (&["promote", "--from", "dev", "--to", "stage", "--dry-run"], "//env:dev"),
        (&["rollback", "dev", "--dry-run"], "//env:dev"),
        (&["plan", "--promote", "main", "--to", "dev"], "//env/dev"),
        (&["wait", "dev", "--subscribers=1", "--exec=nothing", "--timeout=0"], "//env:dev"),
    ] {
        let by_label: Vec<&str> =
            name.iter().map(|it| if *it == "dev" { label } else { it }).collect();
        let (seen, expected) = (plane.wob(&by_label), plane.wob(name));
        assert_eq!(seen, expected, "{by_label:?}");
        assert!(!seen.contains("there is no environment"), "{seen}");
    }
    let seen = plane.wob(&["rollback", "//env:"]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("such as `stage`"), "{seen}");
}

#[test]
fn a_commit_goes_from_environment_to_environment() {
    let plane = chained();
    check("promote-too-early", &plane, &["promote", "main", "--to", "stage"]);
    let before = plane.git(&["rev-parse", "dev"]);
    check("promote-dry-run", &plane, &["promote", "main", "--to", "dev", "--dry-run"]);
    assert_eq!(plane.git(&["rev-parse", "dev"]), before);
    check("promote", &plane, &["promote", "main", "--to", "dev"]);
    assert_eq!(plane.git(&["rev-parse", "dev^"]), before);
    assert_eq!(plane.git(&["diff", "--name-only", "dev^", "dev"]), "base-repo.yaml");
    let two = plane.git(&["rev-parse", "main"]);
    assert_eq!(plane.git(&["show", "dev:base-repo.yaml"]), base_repo(&two).trim_end());
    assert_eq!(
        plane.named(&plane.git(&["log", "-1", "--format=%B", "dev"])),
        "Promote <base two…> to dev\n\nbase two\n\nPromoted: <base two>\nBefore: <base one>"
    );
    check("promote-again", &plane, &["promote", "main", "--to", "dev"]);
    check("promote-from", &plane, &["promote", "--from", "dev", "--to", "stage", "--output=json"]);
    assert_eq!(plane.git(&["show", "stage:base-repo.yaml"]), base_repo(&two).trim_end());
    check("promote-older", &plane, &["promote", "main~1", "--to", "dev"]);
    check("promote-not-on-base", &plane, &["promote", "dev", "--to", "dev"]);
    assert_eq!(plane.git(&["status", "--porcelain"]), "");
    plane.git(&["fsck", "--strict"]);
}

#[test]
fn the_next_environment_is_the_first_that_lacks_it() {
    let plane = chained();
    let next = |expected: &str| {
        let seen = plane.wob(&["promote", "--next"]);
        assert!(seen.starts_with("exit: 0\n") && seen.contains(expected), "{seen}");
    };
    next("Promote <base two…> to dev");
    next("Promote <base two…> to stage");
    next("every environment has had <base two…>");
    check("promote-next-done", &plane, &["promote", "--next", "--output=json"]);
    let three = plane.commit("base three", &[("more.yaml", &config("more", "", "MORE: more"))]);
    let seen = plane.wob(&["promote", "--next", "--from", "dev"]);
    assert!(seen.contains("`stage` has <base two…> already"), "{seen}");
    let seen = plane.wob(&["promote", "--next", "--from", "stage"]);
    assert!(seen.contains("no environment comes behind `stage`"), "{seen}");
    let seen = plane.wob(&["promote", "--next", &three[..8]]);
    assert!(seen.contains("to dev, instead of <base two…>, 1 commit newer: base three"), "{seen}");
}

#[test]
fn environments_may_say_who_is_next_themselves() {
    let plane = Plane::new();
    check("promote-without-order", &plane, &["promote", "--next"]);
    let path = plane.fleet().join(".environments/dev.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let annotation = "name: dev\n  annotations: {wob.dev/next-environment: stage}\n";
    plane.commit(
        "an order",
        &[(".environments/dev.yaml", &text.replace("name: dev\n", annotation))],
    );
    let seen = plane.wob(&["promote", "main", "--to", "stage"]);
    assert!(seen.contains("which comes before `stage`"), "{seen}");
    let path = plane.fleet().join(".environments/stage.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let annotation = "name: stage\n  annotations: {wob.dev/next-environment: dev}\n";
    plane.commit(
        "a circle",
        &[(".environments/stage.yaml", &text.replace("name: stage\n", annotation))],
    );
    check("promote-in-a-circle", &plane, &["promote", "--next"]);
    fs::write(plane.fleet().join("wob.yaml"), "promotion: [dev, stge, dev]\npromotionGate: no\n")
        .unwrap();
    check("promote-wrong-order", &plane, &["promote", "--next"]);
}

#[test]
fn what_was_there_before_comes_back() {
    let mut plane = chained();
    check("rollback-nothing", &plane, &["rollback", "dev"]);
    let three = plane.commit("base three", &[("more.yaml", &config("more", "", "MORE: more"))]);
    plane.call(&three, "<base three>");
    for commit in ["main~1", "main"] {
        let seen = plane.wob(&["promote", commit, "--to", "dev"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
    }
    check("rollback-dry-run", &plane, &["rollback", "dev", "--dry-run"]);
    let policy = plane.git(&["rev-parse", "dev:policy.yaml"]);
    for name in ["<base two…>", "<base one…>"] {
        let seen = plane.wob(&["rollback", "dev"]);
        assert!(
            seen.starts_with("exit: 0\n") && seen.contains(&format!("Roll dev back to {name}")),
            "{seen}"
        );
    }
    assert_eq!(plane.git(&["rev-parse", "dev:policy.yaml"]), policy);
    let seen = plane.wob(&["rollback", "dev"]);
    assert!(seen.starts_with("exit: 4\n"), "{seen}");
    let times = |it: &str| {
        let words = it.split_inclusive([' ', '\n', '"']);
        let is_new =
            |it: &&str| it.len() == 21 && it.contains('T') && !it.starts_with("2026-01-01T");
        let words: Vec<String> = words
            .map(|it| if is_new(&it) { "<now>".to_owned() + &it[20..] } else { it.to_owned() })
            .collect();
        words.concat()
    };
    let seen = times(&plane.wob(&["promote", "--history", "dev"]));
    with_snapshots_in("cli", || insta::assert_snapshot!("promote-history", seen));
    let seen = times(&plane.wob(&["promote", "--history", "stage", "--output=json"]));
    with_snapshots_in("cli", || insta::assert_snapshot!("promote-history-json", seen));
    // A commit that was rolled back is not good for the next environment.
    check("promote-went-back", &plane, &["promote", "main", "--to", "stage"]);
    check("rollback-to", &plane, &["rollback", "dev", "--to", "main", "--output=json"]);
    let seen = plane.wob(&["promote", "main", "--to", "stage"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    check("rollback-never-there", &plane, &["rollback", "stage", "--to", "main~1"]);
}

#[test]
fn what_breaks_an_assignment_is_not_promoted() {
    let plane = Plane::new();
    let broken =
        object("Template", "flux", "  type: reconciler\n  manifests: [\"a: {{ .No }}\"]\n");
    plane.commit("a broken template", &[("flux.yaml", &broken)]);
    let before = plane.git(&["rev-parse", "dev"]);
    let seen = plane.wob(&["promote", "main", "--to", "dev", "--dry-run"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    check("promote-broken", &plane, &["promote", "main", "--to", "dev"]);
    assert_eq!(plane.git(&["rev-parse", "dev"]), before);
    let seen = plane.wob(&["promote", "main", "--to", "dev", "--force"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    // What was broken before is no reason to keep anything back.
    plane
        .commit("a mistake elsewhere", &[("config.yaml", &config("shared", "", "VERSION: three"))]);
    let seen = plane.wob(&["promote", "main", "--to", "dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn what_cannot_be_promoted_says_why() {
    let plane = Plane::new();
    check("promote-unknown-commit", &plane, &["promote", "1234567", "--to", "dev"]);
    check("promote-unknown-environment", &plane, &["promote", "main", "--to", "stge"]);
    check("promote-nothing-said", &plane, &["promote", "main"]);
    plane.git(&["checkout", "-q", "dev"]);
    check("promote-checked-out", &plane, &["promote", "main", "--to", "dev"]);
    let pin = fs::read_to_string(plane.fleet().join("base-repo.yaml")).unwrap();
    plane.commit("two of them", &[("more.yaml", &pin)]);
    check("promote-two-pins", &plane, &["promote", "main", "--to", "dev", "--force"]);
    plane.git(&["rm", "-q", "more.yaml"]);
    let alias = pin.replace("  commit: ", "  commit: &it ") + "again: *it\n";
    plane.commit("an alias", &[("base-repo.yaml", &alias)]);
    check("promote-alias", &plane, &["promote", "main", "--to", "dev"]);
    let folders = tempfile::tempdir().unwrap();
    super::copy_example("minimal", folders.path());
    for args in [
        ["promote", "x", "--to=dev"],
        ["rollback", "dev", "--dry-run"],
        ["promote", "--next", "-q"],
    ] {
        let seen = wob_in(folders.path(), &args);
        assert!(seen.starts_with("exit: 2\n") && seen.contains("are folders"), "{seen}");
    }
}

#[test]
fn a_new_environment_gets_its_pin() {
    let plane = Plane::new();
    plane.git(&["checkout", "-q", "dev"]);
    plane.git(&["rm", "-q", "base-repo.yaml"]);
    plane.commit("no pin yet", &[]);
    plane.git(&["checkout", "-q", "main"]);
    let seen = plane.wob(&["promote", "main", "--to", "dev"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("the first one: base two"), "{seen}");
    let two = plane.git(&["rev-parse", "main"]);
    let text = plane.git(&["show", "dev:base-repo.yaml"]);
    let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(value["spec"]["commit"].as_str(), Some(&*two));
    assert_eq!(value["spec"]["branch"].as_str(), Some("main"));
    let seen = plane.wob(&["list", "//env:dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn the_newer_of_both_branches_counts() {
    let plane = Plane::new();
    let (fleet, there) = (plane.fleet(), plane.folder().join("there"));
    git(plane.folder(), &["clone", "-q", "fleet", "there"]);
    git(&there, &["checkout", "-q", "dev"]);
    git(&there, &["commit", "-q", "--allow-empty", "-m", "somebody else"]);
    let address = there.display().to_string();
    git(&fleet, &["fetch", "-q", &address, "dev:refs/remotes/origin/dev"]);
    let seen = plane.wob(&["promote", "main", "--to", "dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert_eq!(plane.git(&["log", "-1", "--format=%s", "dev^"]), "somebody else");
    git(&there, &["commit", "-q", "--allow-empty", "-m", "and again"]);
    git(&fleet, &["fetch", "-q", &address, "dev:refs/remotes/origin/dev"]);
    check("promote-diverged", &plane, &["rollback", "dev"]);
    // A clone that has only the branches of origin makes its own.
    git(plane.folder(), &["clone", "-q", "--no-local", "there", "clone"]);
    git(&plane.folder().join("clone"), &["remote", "set-url", "origin", crate::plane::ADDRESS]);
    git(&plane.folder().join("clone"), &["checkout", "-q", "--detach", "origin/main"]);
    git(&plane.folder().join("clone"), &["branch", "-qD", "dev"]);
    let app = "--override-input=https://git.example.org/example-org/app=../app";
    let seen = wob_in(&plane.folder().join("clone"), &["promote", "origin/main", "--to=dev", app]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn a_base_repo_may_follow_another_branch() {
    let plane = Plane::new();
    plane.git(&["checkout", "-q", "-b", "release", "main~1"]);
    let fix = plane.commit("a fix", &[("config.yaml", &config("shared", "", "VERSION: fixed"))]);
    plane.git(&["checkout", "-q", "dev"]);
    let pin = fs::read_to_string(plane.fleet().join("base-repo.yaml")).unwrap();
    plane.commit(
        "releases only",
        &[("base-repo.yaml", &pin.replace("branch: main", "branch: release"))],
    );
    plane.git(&["checkout", "-q", "main"]);
    let seen = plane.wob(&["promote", "main", "--to", "dev"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("is not on `release`"), "{seen}");
    let seen = plane.wob(&["promote", &fix, "--to", "dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn a_base_that_was_rewritten_is_not_promoted_from() {
    let plane = Plane::new();
    let two = plane.git(&["rev-parse", "main"]);
    plane.git(&["commit", "-q", "--amend", "-m", "base two, again"]);
    let seen = plane.wob(&["promote", &two, "--to", "dev", "--output=json"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("is not on `main`"), "{seen}");
    assert!(seen.contains("\"promoted\": false") && seen.contains("\"exitCode\": 1"), "{seen}");
    let seen = plane.wob(&["promote", &two, "--to", "dev", "--force"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("warning: "), "{seen}");
    // Nor is it gone back to, unless that is meant.
    let seen = plane.wob(&["promote", "main", "--to", "dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let seen = plane.wob(&["rollback", "dev"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("is not on `main`"), "{seen}");
}

#[test]
fn what_a_clone_lacks_is_said_with_the_way_out() {
    let plane = Plane::with_settings("promotion: [dev, stage]\n");
    let address = format!("file://{}", plane.fleet().display());
    git(plane.folder(), &["clone", "-q", "--depth=1", "--no-single-branch", &address, "shallow"]);
    let shallow = plane.folder().join("shallow");
    git(&shallow, &["remote", "set-url", "origin", crate::plane::ADDRESS]);
    let app = "--override-input=https://git.example.org/example-org/app=../app";
    let seen = wob_in(&shallow, &["promote", "main", "--to=stage", app]);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("shallow clone"), "{seen}");
    let seen = wob_in(&shallow, &["promote", "--history=stage"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("git fetch --unshallow"), "{seen}");
    plane.git(&["branch", "-qD", "stage"]);
    plane.git(&["branch", "-q", "stage-2", "dev"]);
    let output =
        crate::support::wob_command(&plane.fleet(), &["promote", "main", "--to=stage"]).output();
    let seen = crate::support::seen(&output.unwrap());
    assert!(
        seen.starts_with("exit: 36\n")
            && seen.contains("the branch `stage` of environment `stage`"),
        "{seen}"
    );
}
