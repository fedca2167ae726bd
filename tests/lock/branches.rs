//! A branch for each environment: each has a lock of its own, at its root.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{check, json, registration, workload};
use crate::support::{commit, git, wob_in, write};

const PLANE: &str = "git@example.invalid:org/plane.git";

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
    )
}

/// A control plane with the branches main, dev and stage, and a workload beside it.
struct Plane {
    folder: TempDir,
}

impl Plane {
    fn new() -> Self {
        let plane = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(plane.app()).unwrap();
        git(&plane.app(), &["init", "-q"]);
        commit(&plane.app(), &[("deploy/workload.yaml", &workload("app", "1"))]);
        let at = plane.at();
        fs::create_dir(&at).unwrap();
        git(&at, &["init", "-q"]);
        git(&at, &["remote", "add", "origin", PLANE]);
        fs::write(at.join(".git/info/exclude"), "home/\nwob-out/\n").unwrap();
        let environment = |name: &str| {
            object(
                "Environment",
                name,
                &format!("  controlPlane: {{repo: {PLANE}, branch: {name}, path: .}}\n"),
            )
        };
        let base = commit(
            &at,
            &[
                (".environments/dev.yaml", &environment("dev")),
                (".environments/stage.yaml", &environment("stage")),
                ("app.yaml", &registration("app", "../app", "main", "deploy")),
            ],
        );
        for name in ["dev", "stage"] {
            git(&at, &["checkout", "-q", "--orphan", name]);
            git(&at, &["rm", "-rqf", "."]);
            let policy = "  deploymentTargetSelector: {labelSelector: {}}\n  clusterTypeSelector: {labelSelector: {}}\n";
            commit(
                &at,
                &[
                    (
                        "base-repo.yaml",
                        &object(
                            "BaseRepo",
                            "main",
                            &format!(
                                "  {{repo: {PLANE}, branch: main, path: ., commit: {base}}}\n"
                            ),
                        ),
                    ),
                    ("small.yaml", &object("ClusterType", "small", "  {reconciler: flux}\n")),
                    ("policy.yaml", &object("SchedulingPolicy", "all", policy)),
                ],
            );
        }
        git(&at, &["checkout", "-q", "main"]);
        plane
    }

    fn at(&self) -> PathBuf {
        self.folder.path().join("plane")
    }

    fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    fn ends(&self, exit: i32, args: &[&str]) -> String {
        let seen = wob_in(&self.at(), args);
        assert!(seen.starts_with(&format!("exit: {exit}\n")), "{args:?}: {seen}");
        seen
    }

    fn new_version(&self, folder: &str) -> String {
        commit(&self.app(), &[("deploy/workload.yaml", &workload("app", folder))])
    }

    fn head(&self) -> String {
        git(&self.app(), &["rev-parse", "HEAD"])
    }

    fn built_at(&self, environment: &str) -> String {
        let path = format!("wob-out/{environment}/.wob/tree.json");
        let record = fs::read_to_string(self.at().join(path)).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let sources = record["sources"].as_array().unwrap();
        let source = sources.iter().find(|it| it["role"] == "workload").unwrap();
        source["commit"].as_str().unwrap().to_owned()
    }
}

fn on_branch(at: &Path, branch: &str) -> String {
    git(at, &["show", &format!("{branch}:wob.lock")])
}

#[test]
fn each_environment_has_a_lock_on_its_branch() {
    let plane = Plane::new();
    let (at, first) = (plane.at(), plane.head());
    let clean = |_: &str| git(&at, &["status", "--porcelain"]);
    let mut all = String::new();
    for args in [&["lock", "--check"][..], &["lock"]] {
        writeln!(all, "$ wob {}\n{}", args.join(" "), wob_in(&at, args)).unwrap();
    }
    check("not-checked-out", &all);
    plane.ends(0, &["lock", "--commit"]);
    assert_eq!(clean("nothing is written into the checkout"), "");
    let second = plane.new_version("2");
    // Both stay, and one moves without the other.
    plane.ends(0, &["build", "--locked"]);
    assert_eq!([plane.built_at("dev"), plane.built_at("stage")], [first.clone(), first.clone()]);
    plane.ends(0, &["update", "--env=dev", "--commit"]);
    plane.ends(0, &["build", "--locked"]);
    assert_eq!([plane.built_at("dev"), plane.built_at("stage")], [second.clone(), first.clone()]);
    assert!(on_branch(&at, "dev").contains(&second) && on_branch(&at, "stage").contains(&first));
    let message = git(&at, &["log", "-1", "--format=%B", "dev"]);
    assert!(message.starts_with("wob.lock: update inputs\n\n"), "{message}");
    let moved = format!("app: {} -> {}, 1 commit, affects", &first[..10], &second[..10]);
    assert!(message.contains(&moved), "{message}");
    git(&at, &["fsck", "--strict"]);
    // Twice is once.
    let tip = git(&at, &["rev-parse", "dev"]);
    plane.ends(0, &["lock", "--commit"]);
    assert_eq!(git(&at, &["rev-parse", "dev"]), tip);
    // The lock is no manifest, and no output.
    let files = crate::support::contents(&at.join("wob-out"));
    assert!(files.keys().all(|it| !it.contains("wob.lock")), "{:?}", files.keys());
    let seen = plane.ends(0, &["list", "--ignored"]);
    assert!(!seen.contains("wob.lock"), "{seen}");
}

#[test]
fn the_lock_of_a_checkout_is_written_into_it() {
    let plane = Plane::new();
    let at = plane.at();
    git(&at, &["checkout", "-q", "dev"]);
    let seen = plane.ends(0, &["lock", "--env=dev"]);
    assert!(seen.contains("wob.lock: 1 input\n"), "{seen}");
    assert_eq!(git(&at, &["status", "--porcelain"]), "?? wob.lock");
    // It counts before it is committed, which is said.
    let first = plane.head();
    plane.new_version("2");
    let seen = plane.ends(0, &["build", "//env:dev", "--locked"]);
    assert!(seen.contains("uncommitted edits of branch `dev`"), "{seen}");
    assert_eq!(plane.built_at("dev"), first);
    commit(&at, &[]);
    let seen = plane.ends(0, &["build", "//env:dev", "--locked"]);
    assert!(!seen.contains("uncommitted"), "{seen}");
    // In a worktree beside it, too.
    let stage = plane.folder.path().join("stage");
    git(&at, &["worktree", "add", "-q", stage.to_str().unwrap(), "stage"]);
    plane.ends(0, &["lock"]);
    assert!(stage.join("wob.lock").is_file());
    plane.ends(2, &["lock", "--env=stagee"]);
}

/// A tip that only the remote has is nobody's to move.
#[test]
fn a_branch_of_the_remote_is_not_written() {
    let plane = Plane::new();
    let at = plane.at();
    git(&at, &["update-ref", "refs/remotes/origin/dev", "dev"]);
    git(&at, &["branch", "-qD", "dev"]);
    let seen = plane.ends(36, &["lock", "--env=dev", "--commit"]);
    assert!(seen.contains("git branch dev origin/dev"), "{seen}");
    git(&at, &["branch", "-q", "dev", "refs/remotes/origin/dev"]);
    plane.ends(0, &["lock", "--env=dev", "--commit"]);
}

/// One broken lock is the trouble of one environment.
#[test]
fn a_broken_lock_stops_its_environment_only() {
    let plane = Plane::new();
    let at = plane.at();
    plane.ends(0, &["lock", "--commit"]);
    git(&at, &["checkout", "-q", "dev"]);
    let good = fs::read_to_string(at.join("wob.lock")).unwrap();
    commit(&at, &[("wob.lock", &good.replace("commit = \"", "commit = \"x"))]);
    git(&at, &["checkout", "-q", "main"]);
    let seen = plane.ends(1, &["build"]);
    assert!(seen.contains("dev:wob.lock:9:10") && seen.contains("lock-invalid"), "{seen}");
    assert!(!at.join("wob-out/dev").exists() && at.join("wob-out/stage").exists());
    plane.ends(0, &["build", "//env:stage"]);
}

/// A control plane in another repository is pinned by the lock of the base, and pins its own inputs.
#[test]
fn environments_elsewhere_are_locked_by_the_base() {
    let plane = Plane::new();
    let at = plane.at();
    let elsewhere = plane.folder.path().join("elsewhere");
    git(
        &at,
        &["clone", "-q", "--no-hardlinks", "--branch", "dev", ".", elsewhere.to_str().unwrap()],
    );
    let spec = "  controlPlane: {repo: ../elsewhere, branch: dev, path: .}\n";
    let base = commit(&at, &[(".environments/dev.yaml", &object("Environment", "dev", spec))]);
    assert!(!base.is_empty());
    let seen = plane.ends(36, &["lock", "--env=dev"]);
    assert!(seen.contains("wob.lock: 1 input\n"), "the base is checked out: {seen}");
    assert!(seen.contains("it lies in branch `dev` of `../elsewhere`"), "{seen}");
    let seen = json(&plane.ends(36, &["lock", "--env=dev", "--output=json"]));
    let text = seen["locks"][1]["text"].as_str().unwrap();
    let pinned = git(&elsewhere, &["rev-parse", "HEAD"]);
    commit(&elsewhere, &[("wob.lock", text)]);
    // The base still pins the commit without the lock.
    let seen = plane.ends(1, &["build", "//env:dev", "--locked"]).replace("\n  │ ", " ");
    assert!(seen.contains("there is no `../elsewhere@dev:wob.lock`"), "{seen}");
    let seen = plane.ends(0, &["update", "dev", "--env=dev"]);
    assert!(seen.contains(&format!("dev: {} -> ", &pinned[..10])), "{seen}");
    plane.ends(0, &["build", "//env:dev", "--locked"]);
    assert_eq!(plane.built_at("dev"), plane.head());
    // Nothing else will do: not even the branch of this repository, which has the same name.
    fs::rename(&elsewhere, plane.folder.path().join("away")).unwrap();
    plane.ends(1, &["build", "//env:dev", "--locked"]);
}

/// Who locks for one environment leaves alone what the base has locked for the others.
#[test]
fn one_environment_elsewhere_is_locked_without_the_others() {
    let plane = Plane::new();
    let at = plane.at();
    for name in ["dev", "stage"] {
        let elsewhere = plane.folder.path().join(name);
        let folder = elsewhere.to_str().unwrap();
        git(&at, &["clone", "-q", "--no-hardlinks", "--branch", name, ".", folder]);
        let spec = format!("  controlPlane: {{repo: ../{name}, branch: {name}, path: .}}\n");
        let file = format!(".environments/{name}.yaml");
        write(&at, &[(&file, &object("Environment", name, &spec))]);
    }
    commit(&at, &[]);
    plane.ends(36, &["lock"]);
    let both = fs::read_to_string(at.join("wob.lock")).unwrap();
    assert_eq!(both.matches("[[input]]").count(), 2);
    let seen = plane.ends(36, &["lock", "--env=dev"]);
    assert!(seen.contains("wob.lock: 2 inputs, as before\n"), "{seen}");
    assert_eq!(fs::read_to_string(at.join("wob.lock")).unwrap(), both);
    git(&at, &["rm", "-q", ".environments/stage.yaml"]);
    commit(&at, &[]);
    let seen = plane.ends(36, &["lock"]);
    assert!(seen.contains("removed stage"), "{seen}");
}
