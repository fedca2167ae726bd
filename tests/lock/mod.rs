//! `wob.lock`, end to end: real git repositories, the command only.

mod branches;
mod damage;
mod demand;
mod http;
mod merge;
mod update;
mod write;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::copy_example,
    support::{ROOT, commit, git, record, with_snapshots_in, wob_in, write},
};

/// A workspace with its environment in a folder, and a repository for each workload.
///
/// Addresses are paths relative to the workspace, so that no text depends on where the test runs.
pub(super) struct Fleet {
    folder: TempDir,
}

impl Fleet {
    /// Makes a workspace in which these workloads are registered.
    pub(super) fn new(workloads: &[&str]) -> Self {
        let fleet = Self { folder: TempDir::new().unwrap() };
        let at = fleet.at();
        copy_example("minimal", &at);
        fs::remove_dir_all(at.join("app")).unwrap();
        fs::remove_file(at.join("base/workloads/hello.yaml")).unwrap();
        let settings = fs::read_to_string(at.join("wob.yaml")).unwrap();
        let settings = settings.split("\n# Other repositories").next().unwrap();
        write(&at, &[("wob.yaml", settings), (".gitignore", "home/\nwob-out/\n")]);
        for name in workloads {
            fleet.make_app(name);
            fleet.register(name, "main", "deploy");
        }
        fleet
    }

    pub(super) fn at(&self) -> PathBuf {
        self.folder.path().join("fleet")
    }

    pub(super) fn app(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the repository of a workload.
    pub(super) fn make_app(&self, name: &str) {
        let app = self.app(name);
        fs::create_dir(&app).unwrap();
        git(&app, &["init", "-q"]);
        commit(&app, &[("deploy/workload.yaml", &workload(name, "1"))]);
    }

    /// Registers a folder of a branch of a workload's repository.
    pub(super) fn register(&self, name: &str, branch: &str, path: &str) {
        self.register_at(name, &format!("../{name}"), branch, path);
    }

    pub(super) fn register_at(&self, name: &str, url: &str, branch: &str, path: &str) {
        let file = format!("base/workloads/{name}.yaml");
        let text = registration(name, url, branch, path);
        write(&self.at(), &[(&file, &text)]);
    }

    /// Runs `wob`; returns everything a user sees.
    pub(super) fn wob(&self, args: &[&str]) -> String {
        wob_in(&self.at(), args)
    }

    /// Runs `wob`, which must end with `exit`.
    pub(super) fn ends(&self, exit: i32, args: &[&str]) -> String {
        let seen = self.wob(args);
        assert!(seen.starts_with(&format!("exit: {exit}\n")), "{args:?}: {seen}");
        seen
    }

    pub(super) fn lock(&self) -> String {
        fs::read_to_string(self.at().join("wob.lock")).unwrap()
    }

    /// Returns the record of the last build.
    pub(super) fn record(&self) -> Value {
        record(&self.at().join("wob-out/dev"))
    }

    /// Returns the commit at which a workload was read by the last build.
    pub(super) fn built_at(&self, name: &str) -> String {
        let record = self.record();
        let sources = record["sources"].as_array().unwrap();
        let source = sources.iter().find(|it| it["role"] == "workload" && it["name"] == name);
        source.unwrap()["commit"].as_str().unwrap().to_owned()
    }
}

/// Returns a workload with one target, whose manifests lie in a folder of this name.
pub(super) fn workload(name: &str, folder: &str) -> String {
    let example = fs::read_to_string(Path::new(ROOT).join("examples/minimal/app/workload.yaml"));
    example
        .unwrap()
        .replace("name: hello\n", &format!("name: {name}\n"))
        .replace("path: ./test", &format!("path: ./{folder}"))
}

pub(super) fn registration(name: &str, url: &str, branch: &str, path: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: WorkloadRegistration\nmetadata:\n  name: {name}\n\
         spec:\n  workload:\n    repo: {url}\n    branch: {branch}\n    path: {path}\n  workspace: team\n"
    )
}

/// Returns the JSON that a run printed.
pub(super) fn json(seen: &str) -> Value {
    let stdout = seen.split("----- stdout -----\n").nth(1).unwrap();
    serde_json::from_str(stdout.split("----- stderr -----\n").next().unwrap()).unwrap()
}

/// Compares what users see of several runs with `snapshots/lock/<name>.snap`.
pub(super) fn check(name: &str, seen: &str) {
    with_snapshots_in("lock", || insta::assert_snapshot!(name, seen));
}

/// Runs each line as a user would, and returns what they would see.
pub(super) fn transcript(fleet: &Fleet, runs: &[&[&str]]) -> String {
    let run = |args: &&[&str]| format!("$ wob {}\n{}\n", args.join(" "), fleet.wob(args));
    runs.iter().map(run).collect()
}

/// Commits a new version of a workload; returns the commit.
pub(super) fn new_version(fleet: &Fleet, name: &str, folder: &str) -> String {
    commit(&fleet.app(name), &[("deploy/workload.yaml", &workload(name, folder))])
}
