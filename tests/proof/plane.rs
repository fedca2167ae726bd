//! A control plane with a branch per environment, an application, and the GitOps repository that both end up in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::support::{commit, git, wob_in, write};

pub(super) struct Plane {
    folder: TempDir,
}

const TEMPLATE: &str = "apiVersion: scheduler.kalypso.io/v1alpha1
kind: Template
metadata: {name: agent}
spec:
  type: reconciler
  manifests:
    - |
      kind: Agent
      metadata: {name: '{{ .DeploymentTargetName }}', namespace: '{{ .Namespace }}'}
      spec: {path: '{{ .Manifests.path }}', release: 'first'}
";

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n  labels: {{size: {name}}}\nspec:\n{spec}"
    )
}

impl Plane {
    /// A plane whose application is in a repository on this machine.
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let app = folder.path().join("app").display().to_string();
        Self::with_application(folder, &app)
    }

    /// A plane that knows its application by `address`.
    pub(super) fn with_application(folder: TempDir, address: &str) -> Self {
        let plane = Self { folder };
        plane.make_application();
        git(plane.folder.path(), &["init", "-q", "--bare", "gitops.git"]);
        let at = plane.path("plane");
        fs::create_dir(&at).unwrap();
        git(&at, &["init", "-q"]);
        fs::write(at.join(".git/info/exclude"), "home/\n").unwrap();
        let control_plane =
            "  controlPlane: {repo: 'https://plane.invalid/x', branch: stage, path: .}\n";
        let workload = format!(
            "  workload: {{repo: '{address}', branch: main, path: ./workload}}\n  workspace: team\n"
        );
        let base = commit(
            &at,
            &[
                (".sourceignore", ".environments/\n"),
                (".environments/stage.yaml", &object("Environment", "stage", control_plane)),
                ("templates/agent.yaml", TEMPLATE),
                ("workloads/app.yaml", &object("WorkloadRegistration", "app", &workload)),
            ],
        );
        git(&at, &["checkout", "-q", "--orphan", "stage"]);
        git(&at, &["rm", "-rqf", "."]);
        let policy = "  deploymentTargetSelector: {workspace: team}\n  clusterTypeSelector: {labelSelector: {matchLabels: {size: large}}}\n";
        let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\n  labels: {platform-config: 'true'}\ndata:\n  REPLICAS: '1'\n  DB_PASSWORD: hunter2\n";
        commit(
            &at,
            &[
                ("base-repo.yaml", &base_repo(&base)),
                (
                    "cluster-types/large.yaml",
                    &object("ClusterType", "large", "  reconciler: agent\n"),
                ),
                (
                    "cluster-types/small.yaml",
                    &object("ClusterType", "small", "  reconciler: agent\n"),
                ),
                ("policy.yaml", &object("SchedulingPolicy", "all", policy)),
                ("config.yaml", config),
            ],
        );
        git(&at, &["checkout", "-q", "main"]);
        plane
    }

    fn make_application(&self) {
        let at = self.path("app");
        fs::create_dir(&at).unwrap();
        git(&at, &["init", "-q"]);
        let target = |name| {
            format!(
                "  - name: {name}\n    environment: stage\n    manifests: {{repo: 'https://app.invalid/x', branch: main, path: ./{name}}}\n"
            )
        };
        let targets = format!("  deploymentTargets:\n{}{}", target("uat"), target("load"));
        commit(&at, &[("workload/workload.yaml", &object("Workload", "app", &targets))]);
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path("plane")
    }

    /// Runs `wob` in the control plane; returns everything a user sees.
    pub(super) fn wob(&self, args: &[&str]) -> String {
        wob_in(&self.root(), args)
    }

    /// Builds `stage` into the GitOps repository; returns the commit.
    pub(super) fn build(&self) -> String {
        let seen = self.wob(&["build", "//env:stage", "--into=../gitops.git#stage", "--force"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        self.tip()
    }

    /// Returns the last commit of the GitOps branch.
    pub(super) fn tip(&self) -> String {
        git(&self.path("gitops.git"), &["rev-parse", "stage"])
    }

    /// Makes another release of the template, and pins it in `stage`; returns the base's commit.
    pub(super) fn promote(&self, release: &str) -> String {
        let at = self.root();
        let base = commit(&at, &[("templates/agent.yaml", &TEMPLATE.replace("first", release))]);
        self.pin(&base);
        base
    }

    /// Pins a commit of the base in `stage`.
    pub(super) fn pin(&self, base: &str) {
        self.on_stage(&[("base-repo.yaml", &base_repo(base))]);
    }

    /// Commits files on the environment's branch.
    pub(super) fn on_stage(&self, files: &[(&str, &str)]) -> String {
        let at = self.root();
        git(&at, &["checkout", "-q", "stage"]);
        let id = commit(&at, files);
        git(&at, &["checkout", "-q", "main"]);
        id
    }

    /// Returns a new checkout of the GitOps branch.
    fn checkout(&self) -> PathBuf {
        let at = self.path("checkout");
        fs::remove_dir_all(&at).unwrap_or_default();
        git(self.folder.path(), &["clone", "-q", "-b", "stage", "gitops.git", "checkout"]);
        at
    }

    /// Changes the GitOps branch by hand; returns the commit.
    pub(super) fn by_hand(&self, change: impl FnOnce(&Path)) -> String {
        let at = self.checkout();
        change(&at);
        git(&at, &["add", "-A"]);
        git(&at, &["-c", "user.name=Ada", "commit", "-q", "-m", "quick fix"]);
        git(&at, &["push", "-q", "origin", "stage"]);
        self.tip()
    }

    /// Returns the head of the record of the GitOps branch.
    pub(super) fn record(&self) -> String {
        git(&self.path("gitops.git"), &["show", "stage:.wob/tree.json"]) + "\n"
    }

    /// Returns the record of a cluster type on the GitOps branch.
    pub(super) fn part(&self, cluster_type: &str) -> String {
        let path = format!("stage:.wob/parts/{cluster_type}.json");
        git(&self.path("gitops.git"), &["show", &path]) + "\n"
    }
}

fn base_repo(commit: &str) -> String {
    let spec =
        format!("  repo: https://plane.invalid/x\n  branch: main\n  path: .\n  commit: {commit}\n");
    object("BaseRepo", "main", &spec)
}

/// Writes files below a checkout.
pub(super) fn put(files: &[(&str, &str)]) -> impl FnOnce(&Path) {
    move |at| write(at, files)
}
