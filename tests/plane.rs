//! A control plane in branches, with an application and a GitOps repository, for the tests of promotion.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::support::{commit, git, seen, wob_command};

/// Where the control plane is said to be; no forge is known by this name.
pub(crate) const ADDRESS: &str = "https://git.example.org/example-org/fleet";
const APP: &str = "https://git.example.org/example-org/app";

/// The folders `fleet` (the control plane), `app` and `gitops.git` in a temporary one.
pub(crate) struct Plane {
    folder: TempDir,
    /// Ids of commits, and what snapshots call them.
    names: Vec<(String, String)>,
}

/// Writes an object of the scheduler's API.
pub(crate) fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}"
    )
}

/// A ConfigMap of the platform.
pub(crate) fn config(name: &str, labels: &str, data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{platform-config: \"true\"{labels}}}\ndata: {{{data}}}\n"
    )
}

/// A BaseRepo as a person would write it.
pub(crate) fn base_repo(commit: &str) -> String {
    let spec = format!(
        "  repo: {ADDRESS} # the control plane\n  branch: main\n  path: .\n  commit: {commit} # what is promoted\n"
    );
    format!("# Set by wob promote.\n{}", object("BaseRepo", "main", &spec))
}

impl Plane {
    /// Makes branches main, dev and stage. The base has two commits, the first of which is promoted everywhere.
    pub(crate) fn new() -> Self {
        Self::with_settings("")
    }

    /// Makes the same, with this wob.yaml on the base branch.
    pub(crate) fn with_settings(settings: &str) -> Self {
        let folder = TempDir::new().expect("because tests have a temporary folder");
        let mut plane = Self { folder, names: vec![] };
        plane.make_application();
        git(plane.folder.path(), &["init", "-q", "--bare", "gitops.git"]);
        fs::create_dir(plane.fleet()).expect("because it is temporary");
        plane.git(&["init", "-q"]);
        let environments = ["dev", "stage"].map(|name| {
            let spec = format!("  controlPlane: {{repo: {ADDRESS}, branch: {name}, path: .}}\n");
            (format!(".environments/{name}.yaml"), object("Environment", name, &spec))
        });
        let registration = object(
            "WorkloadRegistration",
            "app",
            &format!(
                "  workspace: team\n  workload: {{repo: {APP}, branch: main, path: deploy}}\n"
            ),
        );
        let first = [
            (&*environments[0].0, &*environments[0].1),
            (&*environments[1].0, &*environments[1].1),
            (".sourceignore", ".environments/\n"),
            ("app.yaml", &registration),
            ("config.yaml", &config("shared", "", "VERSION: one")),
            ("wob.yaml", settings),
        ];
        let first: Vec<_> = first.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let one = plane.commit("base one", &first);
        plane.call(&one, "<base one>");
        plane.git(&["remote", "add", "origin", ADDRESS]);
        for name in ["dev", "stage"] {
            plane.make_environment(name, &one);
        }
        plane.git(&["checkout", "-q", "main"]);
        let two = [("config.yaml", &*config("shared", "", "VERSION: two"))];
        let two = plane.commit("base two", &two);
        plane.call(&two, "<base two>");
        plane
    }

    /// Returns the control plane's folder.
    pub(crate) fn fleet(&self) -> PathBuf {
        self.folder.path().join("fleet")
    }

    /// Returns the folder that all is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn make_application(&self) {
        let targets = |environment: &str, name: &str| {
            format!(
                "    - name: {name}\n      environment: {environment}\n      labels: {{purpose: {name}}}\n      \
                 manifests: {{repo: '{APP}-manifests', branch: {environment}, path: ./{name}}}\n"
            )
        };
        let spec = format!(
            "  deploymentTargets:\n{}{}{}",
            targets("dev", "functional-test"),
            targets("dev", "performance-test"),
            targets("stage", "uat-test")
        );
        let app = self.folder.path().join("app");
        fs::create_dir(&app).expect("because it is temporary");
        git(&app, &["init", "-q"]);
        commit(&app, &[("deploy/workload.yaml", &object("Workload", "app", &spec))]);
    }

    fn make_environment(&mut self, name: &str, base: &str) {
        self.git(&["checkout", "-q", "--orphan", name]);
        self.git(&["rm", "-rqf", "."]);
        let all = "  deploymentTargetSelector: {labelSelector: {}}\n  clusterTypeSelector: {labelSelector: {}}\n";
        let gitops = self.folder.path().join("gitops.git");
        let gitops = format!("  repo: {}\n  branch: {name}\n  path: .\n", gitops.display());
        let files = [
            ("base-repo.yaml", &*base_repo(base)),
            ("gitops-repo.yaml", &object("GitOpsRepo", name, &gitops)),
            ("clusters/large.yaml", &object("ClusterType", "large", "  reconciler: flux\n")),
            ("policy.yaml", &object("SchedulingPolicy", "all", all)),
        ];
        let made = self.commit(&format!("environment {name}"), &files);
        self.call(&made, &format!("<{name}>"));
    }

    /// Runs git in the control plane.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.fleet(), args)
    }

    /// Commits files to the branch that is checked out; returns the commit.
    pub(crate) fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        crate::support::write(&self.fleet(), files);
        self.git(&["add", "-A", "--", ".", ":!home"]);
        self.git(&["commit", "-q", "-m", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Gives a commit a name for snapshots.
    pub(crate) fn call(&mut self, id: &str, name: &str) {
        self.names.push((id.to_owned(), name.to_owned()));
    }

    /// Runs wob in the control plane, with the application from next door; returns everything a user sees, with names
    /// instead of ids.
    pub(crate) fn wob(&self, args: &[&str]) -> String {
        self.wob_with(args, &[])
    }

    /// Runs wob with more variables in its environment.
    pub(crate) fn wob_with(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = wob_command(&self.fleet(), args);
        command.arg(format!("--override-input={APP}=../app"));
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path().join("home"));
        command.envs(variables.iter().copied());
        self.named(&seen(&command.output().expect("because cargo built wob")))
    }

    /// Puts names in place of ids, and `…` in place of what differs from run to run.
    pub(crate) fn named(&self, text: &str) -> String {
        let mut text = text.replace(&self.folder.path().display().to_string(), "[tmp]");
        let branches =
            ["dev", "stage"].map(|it| (self.git(&["rev-parse", it]), format!("<new {it}>")));
        for (id, name) in self.names.iter().chain(&branches) {
            text = text
                .replace(id, name)
                .replace(&id[..10], &format!("{}…>", &name[..name.len() - 1]));
        }
        text
    }
}
