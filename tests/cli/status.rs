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

/// A pipeline asks whether anything is to be done; only what drifts among what it asks for counts.
#[test]
fn drift_ends_with_its_own_exit_code() {
    let plane = Plane::with_settings("promotion: [stage, dev]\n");
    let exit = |args: &[&str]| {
        let seen = plane.wob(&[&["status"], args].concat());
        let code = seen.strip_prefix("exit: ").and_then(|it| it.lines().next()).map(str::to_owned);
        code.unwrap_or_default()
    };
    // Nothing is published.
    assert_eq!((exit(&["dev"]), exit(&["dev", "--exit-code"])), ("0".to_owned(), "5".to_owned()));
    let into = format!("{}#{{environment}}", plane.folder().join("gitops.git").display());
    let build = |label: &str| {
        let seen = plane.wob(&["build", label, "--into", &into]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
    };
    build("//env:dev");
    assert_eq!((exit(&["dev", "--exit-code"]), exit(&["--exit-code"])), ("0".into(), "5".into()));
    build("//env:stage");
    assert_eq!(exit(&["--exit-code", "--output=json"]), "0");
    // It is no drift that the base went on; but what is not pushed is where nobody else sees it.
    plane.commit("the base goes on", &[("new.txt", "x")]);
    assert_eq!(exit(&["--exit-code"]), "0");
    let fetch = || {
        for name in ["dev", "stage"] {
            plane.git(&["update-ref", &format!("refs/remotes/origin/{name}"), name]);
        }
    };
    fetch();
    assert_eq!(exit(&["--exit-code"]), "0");
    plane.git(&["checkout", "-q", "dev"]);
    plane.commit("here only", &[("note.txt", "x")]);
    plane.git(&["checkout", "-q", "main"]);
    assert_eq!(
        (exit(&["dev", "--exit-code"]), exit(&["stage", "--exit-code"])),
        ("5".into(), "0".into())
    );
    fetch();
    // A promotion that was merged elsewhere, and fetched: what is built here is older.
    plane.git(&["branch", "-q", "-f", "dev", "dev~1"]);
    let seen = plane.wob(&["status", "dev", "--exit-code"]);
    assert!(
        seen.starts_with("exit: 5\n")
            && seen.contains("1 commit of `origin` is not in your own branch"),
        "{seen}"
    );
    plane.git(&["branch", "-q", "-f", "dev", "origin/dev"]);
    assert_eq!(exit(&["dev", "--exit-code"]), "0");
    // Somebody edits the GitOps branch.
    let clone = plane.folder().join("clone");
    git(plane.folder(), &["clone", "-q", "-b", "stage", "gitops.git", "clone"]);
    commit(&clone, &[("large/app-uat-test/config.yaml", "by: hand\n")]);
    git(&clone, &["push", "-q"]);
    assert_eq!((exit(&["--exit-code"]), exit(&[])), ("5".into(), "0".into()));
    // What cannot be had is worse, and so is what cannot be built.
    fs::rename(plane.folder().join("gitops.git"), plane.folder().join("gone.git")).unwrap();
    assert_eq!(exit(&["--exit-code"]), "32");
}

/// What wob.yaml says of where trees go holds for whoever looks there, as for whoever publishes.
#[test]
fn what_wob_yaml_publishes_to_is_looked_at() {
    let settings = "publish: {repo: ../elsewhere.git}\nenvironments: {stage: {publish: {repo: '../elsewhere.git#live'}}}\n";
    let plane = Plane::with_settings(settings);
    git(plane.folder(), &["init", "-q", "--bare", "elsewhere.git"]);
    let elsewhere = plane.folder().join("elsewhere.git");
    // What the GitOpsRepo says, and publishing does not read.
    for (environment, branch) in [("dev", "dev"), ("stage", "live")] {
        let build = |repository: &str, branch: &str| {
            let into = format!("{}#{branch}", plane.folder().join(repository).display());
            let seen = plane.wob(&["build", &format!("//env:{environment}"), "--into", &into]);
            assert!(seen.starts_with("exit: 0\n"), "{seen}");
        };
        build("gitops.git", environment);
        let status = || plane.wob(&["status", environment, "--output=json", "--exit-code"]);
        let seen = status();
        assert!(seen.starts_with("exit: 5\n") && !seen.contains("gitops.git"), "{seen}");
        build("elsewhere.git", branch);
        let seen = status();
        let published = git(&elsewhere, &["rev-parse", branch]);
        let expected = format!(
            "\"repository\": \"[tmp]/fleet/../elsewhere.git\",\n          \"branch\": \"{branch}\",\n          \"commit\": \"{published}\""
        );
        assert!(seen.starts_with("exit: 0\n") && seen.contains(&expected), "{seen}");
    }
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
