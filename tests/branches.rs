//! The branches layout, end to end: real git repositories, the command only, trees compared byte for byte.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::wob_in;

/// A control plane with branches main, dev and stage, and the repository of an application.
pub(crate) struct Fleet {
    folder: tempfile::TempDir,
}

const TEMPLATES: &str = "apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata:
  name: agent
spec:
  type: reconciler
  manifests:
    - |
      kind: Agent
      metadata:
        name: {{ .DeploymentTargetName }}
        namespace: {{ .Namespace }}
      spec: {repo: \"{{ .Manifests.repo }}\", path: \"{{ .Manifests.path }}\"}
";

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n  labels:\n    size: {name}\nspec:\n{spec}"
    )
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let fleet = Self { folder: tempfile::tempdir().unwrap() };
        fleet.make_application();
        fleet.make_control_plane();
        fleet
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn plane(&self) -> PathBuf {
        self.path("plane")
    }

    fn make_application(&self) {
        let targets = "  deploymentTargets:
  - name: test
    environment: dev
    manifests: {repo: 'https://example.org/app-gitops', branch: dev, path: ./test}
  - name: uat
    environment: stage
    manifests: {repo: 'https://example.org/app-gitops', branch: stage, path: ./uat}
";
        write(&self.path("app/workload/workload.yaml"), &object("Workload", "app", targets));
        write(&self.path("app/helm/templates/broken.yaml"), "{{ not: yaml\n");
        git(&self.path("app"), &["init", "-q", "-b", "main"]);
        commit(&self.path("app"), "the application");
    }

    fn make_control_plane(&self) {
        let plane = self.plane();
        for environment in ["dev", "stage"] {
            let spec = format!(
                "  controlPlane:\n    repo: https://example.invalid/org/plane\n    branch: {environment}\n    path: .\n"
            );
            write(
                &plane.join(format!(".environments/{environment}.yaml")),
                &object("Environment", environment, &spec),
            );
        }
        write(&plane.join(".sourceignore"), ".environments/\n.github/\n");
        write(&plane.join(".github/workflows/ci.yaml"), "on: [push]\njobs: {\n");
        write(&plane.join("templates/agent.yaml"), TEMPLATES);
        let registration = format!(
            "  workload:\n    repo: {}\n    branch: main\n    path: ./workload/\n  workspace: team\n",
            self.path("app").display()
        );
        write(
            &plane.join("workloads/app.yaml"),
            &object("WorkloadRegistration", "app", &registration),
        );
        git(&plane, &["init", "-q", "-b", "main"]);
        commit(&plane, "the base");
        let base = git(&plane, &["rev-parse", "HEAD"]);
        for environment in ["dev", "stage"] {
            git(&plane, &["checkout", "-q", "--orphan", environment]);
            git(&plane, &["rm", "-rqf", "."]);
            let spec = format!(
                "  repo: https://example.invalid/org/plane\n  branch: main\n  path: .\n  commit: {base}\n"
            );
            write(&plane.join("base-repo.yaml"), &object("BaseRepo", "main", &spec));
            for size in ["small", "large"] {
                write(
                    &plane.join(format!("cluster-types/{size}.yaml")),
                    &object("ClusterType", size, "  reconciler: agent\n"),
                );
            }
            let spec = "  deploymentTargetSelector:\n    workspace: team\n  clusterTypeSelector:\n    labelSelector:\n      matchLabels: {size: large}\n";
            write(&plane.join("policy.yaml"), &object("SchedulingPolicy", "all", spec));
            let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\n  labels: {platform-config: 'true'}\ndata:\n  STAGE: ";
            write(&plane.join("config.yaml"), &format!("{config}{environment}\n"));
            commit(&plane, environment);
        }
        git(&plane, &["checkout", "-q", "main"]);
    }

    /// Runs `wob` in the control plane; returns everything a user sees.
    fn wob(&self, args: &[&str]) -> String {
        wob_in(&self.plane(), args)
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(at: &Path, message: &str) {
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", message]);
}

/// Every file below `folder` but `.wob`, as `path` and text.
fn tree(folder: &Path) -> String {
    let mut paths = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    paths.sort();
    let own = |it: &&PathBuf| !it.strip_prefix(folder).unwrap().starts_with(".wob");
    let shown = |it: &PathBuf| {
        format!(
            "--- {}\n{}\n",
            it.strip_prefix(folder).unwrap().display(),
            fs::read_to_string(it).unwrap()
        )
    };
    paths.iter().filter(own).map(shown).collect()
}

#[test]
fn every_environment_builds_from_its_branch_without_touching_the_checkout() {
    let fleet = Fleet::new();
    // The tests' home folder lies in the checkout.
    write(&fleet.plane().join(".git/info/exclude"), "home/\n");
    let before = git(&fleet.plane(), &["status", "--porcelain=v2", "--branch"]);
    let seen = fleet.wob(&["build", "//..."]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let base = git(&fleet.plane(), &["rev-parse", "main"]);
    let expected = |environment: &str, target: &str| {
        let short = target.trim_start_matches("app-");
        format!(
            "--- .github/tracking/Promoted_Commit_Id\n{base}\n\
             --- large/README.md\nThis folder contains deployment targets scheduled on the cluster type\n\
             --- large/{target}/config.yaml\napiVersion: v1\ndata:\n  STAGE: {environment}\nkind: ConfigMap\nmetadata:\n  name: platform-config\n  namespace: {environment}-team-{target}\n\n\
             --- large/{target}/namespace.yaml\napiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    deploymentTarget: {target}\n    environment: {environment}\n    workload: app\n    workspace: team\n  name: {environment}-team-{target}\n\n\
             --- large/{target}/reconciler.yaml\nkind: Agent\nmetadata:\n  name: {target}\n  namespace: {environment}-team-{target}\nspec:\n  path: ./{short}\n  repo: https://example.org/app-gitops\n\n\
             --- small/README.md\nThis folder contains deployment targets scheduled on the cluster type\n"
        )
    };
    assert_eq!(tree(&fleet.plane().join("wob-out/dev")), expected("dev", "app-test"));
    assert_eq!(tree(&fleet.plane().join("wob-out/stage")), expected("stage", "app-uat"));
    // Not even the output shows up.
    assert_eq!(git(&fleet.plane(), &["status", "--porcelain=v2", "--branch"]), before);
}

#[test]
fn the_promoted_commit_counts_not_the_head_of_the_base() {
    let fleet = Fleet::new();
    fleet.wob(&["build", "//env:dev"]);
    let before = tree(&fleet.plane().join("wob-out/dev"));
    write(
        &fleet.plane().join("templates/agent.yaml"),
        &TEMPLATES.replace("kind: Agent", "kind: Other"),
    );
    git(&fleet.plane(), &["add", "templates"]);
    git(&fleet.plane(), &["commit", "-q", "-m", "not promoted yet"]);
    fleet.wob(&["build", "//env:dev"]);
    assert_eq!(tree(&fleet.plane().join("wob-out/dev")), before);
}

#[test]
fn uncommitted_edits_of_the_checked_out_branch_are_built_and_said_so() {
    let fleet = Fleet::new();
    git(&fleet.plane(), &["checkout", "-q", "dev"]);
    write(
        &fleet.plane().join("config.yaml"),
        &fs::read_to_string(fleet.plane().join("config.yaml"))
            .unwrap()
            .replace("STAGE: dev", "STAGE: edited"),
    );
    let seen = fleet.wob(&["build", "//env:dev"]);
    assert!(seen.contains("uncommitted"), "{seen}");
    assert!(tree(&fleet.plane().join("wob-out/dev")).contains("STAGE: edited"));
    let record = fs::read_to_string(fleet.plane().join("wob-out/dev/.wob/tree.json")).unwrap();
    assert!(record.contains("\"dirty\": true"), "{record}");
}

#[test]
fn an_override_reads_a_folder_or_another_revision() {
    let fleet = Fleet::new();
    let app = fleet.path("app");
    let url = app.display().to_string();
    let text = fs::read_to_string(app.join("workload/workload.yaml")).unwrap();
    write(
        &fleet.path("elsewhere/workload/workload.yaml"),
        &text.replace("./test", "./from-a-folder"),
    );
    let folder = format!("{url}=../elsewhere");
    let seen = fleet.wob(&["build", "//env:dev", "--override-input", &folder]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert!(tree(&fleet.plane().join("wob-out/dev")).contains("./from-a-folder"));

    git(&app, &["checkout", "-q", "-b", "feature"]);
    write(&app.join("workload/workload.yaml"), &text.replace("./test", "./from-a-branch"));
    commit(&app, "a feature");
    let revision = format!("{url}=file://{url}@feature");
    let seen = fleet.wob(&["build", "//env:dev", "--override-input", &revision]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert!(tree(&fleet.plane().join("wob-out/dev")).contains("./from-a-branch"));
}

#[test]
fn offline_names_the_registration_and_keeps_the_last_good_output() {
    let fleet = Fleet::new();
    fleet.wob(&["build", "//env:dev"]);
    let before = tree(&fleet.plane().join("wob-out/dev"));
    // The base moves to an application that is not on this machine.
    let plane = fleet.plane();
    let registration = plane.join("workloads/app.yaml");
    let text = fs::read_to_string(&registration).unwrap();
    write(
        &registration,
        &text.replace(&fleet.path("app").display().to_string(), "https://example.invalid/org/app"),
    );
    git(&plane, &["add", "workloads"]);
    git(&plane, &["commit", "-q", "-m", "moved"]);
    let base = git(&plane, &["rev-parse", "HEAD"]);
    git(&plane, &["checkout", "-q", "dev"]);
    let pin = fs::read_to_string(plane.join("base-repo.yaml")).unwrap();
    let old = pin.lines().find_map(|it| it.strip_prefix("  commit: ")).unwrap().to_owned();
    write(&plane.join("base-repo.yaml"), &pin.replace(&old, &base));
    let seen = fleet.wob(&["build", "//env:dev", "--offline"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    assert!(seen.contains("workloads/app.yaml:9:11"), "{seen}");
    assert!(seen.contains("--override-input"), "{seen}");
    assert_eq!(tree(&fleet.plane().join("wob-out/dev")).replace(&base, &old), before);
}

#[test]
fn the_record_names_every_source_by_commit_and_tree() {
    let fleet = Fleet::new();
    fleet.wob(&["build", "//env:dev"]);
    let record = fs::read_to_string(fleet.plane().join("wob-out/dev/.wob/tree.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let source = |role: &str| {
        let sources = record["sources"].as_array().unwrap();
        sources.iter().find(|it| it["role"] == role).unwrap().clone()
    };
    let plane = fleet.plane();
    for (role, at, revision, tree) in [
        ("base", &plane, "main", "main^{tree}"),
        ("controlPlane", &plane, "dev", "dev^{tree}"),
        ("workload", &fleet.path("app"), "main", "main:workload"),
    ] {
        assert_eq!(source(role)["commit"], git(at, &["rev-parse", revision]), "{role}");
        assert_eq!(source(role)["tree"], git(at, &["rev-parse", tree]), "{role}");
    }
    assert_eq!(record["dirty"], false);
    // Real git agrees on the id of what was written.
    let out = plane.join("wob-out/dev");
    git(&out, &["init", "-q"]);
    write(&out.join(".git/info/exclude"), ".wob/\n");
    git(&out, &["add", "-A"]);
    assert_eq!(record["gitTree"], git(&out, &["write-tree"]));
}

#[test]
fn only_the_environments_that_are_asked_for_are_read() {
    let fleet = Fleet::new();
    git(&fleet.plane(), &["branch", "-qD", "stage"]);
    let seen = fleet.wob(&["build", "//env:dev"]);
    assert!(seen.starts_with("exit: 0\n") && !seen.contains("stage"), "{seen}");
    let seen = fleet.wob(&["build", "//..."]);
    assert!(seen.starts_with("exit: 32\n") && seen.contains("environment `stage`"), "{seen}");
}

#[test]
fn the_path_of_the_gitops_repository_is_honoured() {
    let fleet = Fleet::new();
    let plane = fleet.plane();
    fleet.wob(&["build", "//env:dev"]);
    assert!(plane.join("wob-out/dev/large/README.md").is_file());
    git(&plane, &["checkout", "-q", "dev"]);
    let spec = "  repo: https://example.invalid/org/gitops\n  branch: dev\n  path: ./fleet/dev/\n";
    write(&plane.join("gitops.yaml"), &object("GitOpsRepo", "dev", spec));
    let seen = fleet.wob(&["build", "//env:dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let out = plane.join("wob-out/dev");
    assert!(out.join("fleet/dev/large/app-test/reconciler.yaml").is_file());
    assert!(out.join(".github/tracking/Promoted_Commit_Id").is_file());
    assert!(!out.join("large").exists(), "what wob wrote elsewhere before is gone");
    // A failing assignment keeps its files below the path, too.
    let config = fs::read_to_string(plane.join("config.yaml")).unwrap();
    write(&plane.join("config.yaml"), &config.replace("STAGE: dev", "STAGE: [a]"));
    let before = tree(&out);
    let seen = fleet.wob(&["build", "//env:dev"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    assert_eq!(tree(&out), before);
}
