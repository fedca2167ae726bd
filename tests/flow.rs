//! The tutorial from its first step to its last: real git repositories, the command only, trees and commits at each step.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    plane::{Plane, base_repo, config, object},
    support::git,
};

struct Fleet {
    plane: Plane,
}

const HELLO: &str = "This folder contains deployment targets scheduled on the cluster type";

impl Fleet {
    fn gitops(&self, args: &[&str]) -> String {
        git(&self.plane.folder().join("gitops.git"), args)
    }

    /// Publishes an environment to its branch of the GitOps repository, and returns the branch's commit.
    fn publish(&self, environment: &str) -> String {
        self.run(&["publish", &format!("//env:{environment}"), "--auto-merge"]);
        self.gitops(&["rev-parse", environment])
    }

    /// Runs wob, which must succeed.
    fn run(&self, args: &[&str]) -> String {
        let seen = self.plane.wob(args);
        assert!(seen.starts_with("exit: 0\n"), "wob {args:?}: {seen}");
        seen
    }

    /// Runs wob, which must refuse.
    fn refused(&self, args: &[&str], code: u8, reason: &str) {
        let seen = self.plane.wob(args);
        assert!(
            seen.starts_with(&format!("exit: {code}\n")) && seen.contains(reason),
            "wob {args:?}: {seen}"
        );
    }

    /// Returns the JSON that wob prints.
    fn json(&self, args: &[&str]) -> Value {
        let seen = self.run(&[args, &["--output=json"]].concat());
        let json = seen.split("----- stdout -----\n").nth(1).unwrap();
        serde_json::from_str(json.split("----- stderr -----").next().unwrap()).unwrap()
    }

    /// Lists the files on a branch of the GitOps repository but those of the record.
    fn files(&self, environment: &str) -> Vec<String> {
        let all = self.gitops(&["ls-tree", "-r", "--name-only", environment]);
        all.lines().filter(|it| !it.starts_with(".wob/")).map(str::to_owned).collect()
    }

    fn read(&self, environment: &str, path: &str) -> String {
        self.gitops(&["show", &format!("{environment}:{path}")])
    }

    /// Commits files to a branch of the control plane.
    fn commit(&self, branch: &str, subject: &str, files: &[(&str, &str)]) -> String {
        self.plane.git(&["checkout", "-q", branch]);
        let commit = self.plane.commit(subject, files);
        self.plane.git(&["checkout", "-q", "main"]);
        commit
    }

    /// Returns what `wob status` says of an environment's promotion and of its GitOps branch.
    fn status(&self, environment: &str) -> (String, String) {
        let status = self.json(&["status", environment]);
        let state = &status["environments"][0];
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        (text(&state["promoted"]["subject"]), text(&state["gitops"][0]["drift"]))
    }
}

/// The files of assignments, beside what every tree has.
pub(crate) fn expected(cluster_types: &[&str], assignments: &[&str]) -> Vec<String> {
    let mut files = vec![".github/tracking/Promoted_Commit_Id".to_owned()];
    files.extend(cluster_types.iter().map(|it| format!("{it}/README.md")));
    for assignment in assignments {
        let names = ["config.yaml", "namespace.yaml", "reconciler.yaml"];
        files.extend(names.iter().map(|it| format!("{assignment}/{it}")));
    }
    files.sort();
    files
}

pub(crate) fn policy(name: &str, purpose: &str, cluster_type: &str) -> String {
    let spec = format!(
        "  deploymentTargetSelector:\n    workspace: team\n    labelSelector: {{matchLabels: {{purpose: {purpose}}}}}\n  \
         clusterTypeSelector:\n    labelSelector: {{matchLabels: {{kind: {cluster_type}}}}}\n"
    );
    object("SchedulingPolicy", name, &spec)
}

pub(crate) fn cluster_type(name: &str) -> String {
    object("ClusterType", name, "  reconciler: flux\n").replace(
        &format!("name: {name}\n"),
        &format!("name: {name}\n  labels: {{kind: {name}, region: west-us}}\n"),
    )
}

/// A platform without any application: two environments with a cluster type each, and an empty base.
fn platform() -> Fleet {
    let plane = Plane::with_settings("promotion: [dev, stage]\n");
    plane.git(&["rm", "-q", "app.yaml", "config.yaml"]);
    let empty = plane.commit("a platform without applications", &[]);
    let fleet = Fleet { plane };
    for environment in ["dev", "stage"] {
        fleet.plane.git(&["checkout", "-q", environment]);
        fleet.plane.git(&["rm", "-q", "policy.yaml", "clusters/large.yaml"]);
        let base = base_repo(&empty);
        fleet.plane.commit(
            "a cluster type",
            &[("clusters/drone.yaml", &cluster_type("drone")), ("base-repo.yaml", &base)],
        );
        fleet.plane.git(&["checkout", "-q", "main"]);
        fleet.publish(environment);
        assert_eq!(fleet.files(environment), expected(&["drone"], &[]));
        assert_eq!(fleet.read(environment, "drone/README.md"), HELLO);
        assert_eq!(fleet.read(environment, ".github/tracking/Promoted_Commit_Id"), empty);
        assert_eq!(
            fleet.status(environment),
            ("a platform without applications".to_owned(), "none".to_owned())
        );
    }
    fleet
}

#[test]
#[expect(clippy::too_many_lines, reason = "the steps of one story, which depend on each other")]
fn the_tutorial_from_onboarding_to_a_new_cluster_type() {
    let fleet = platform();
    let before: BTreeMap<&str, String> =
        ["dev", "stage"].map(|it| (it, fleet.gitops(&["rev-parse", it]))).into();

    // An application is onboarded on the base, and promoted to dev; nothing runs before a policy says where.
    let app = fleet.plane.folder().join("app");
    let registration = object(
        "WorkloadRegistration",
        "app",
        &format!(
            "  workspace: team\n  workload: {{repo: {}, branch: main, path: deploy}}\n",
            app.display()
        ),
    );
    let onboarded = fleet.commit("main", "onboard app", &[("workloads/app.yaml", &registration)]);
    fleet.refused(&["promote", &onboarded, "--to", "stage"], 1, "has not been promoted to `dev`");
    let promotion = fleet.json(&["promote", "--next"]);
    assert_eq!(promotion["environment"], "dev");
    assert_eq!(promotion["effect"]["files"], 1, "only the promoted commit is noted: {promotion}");
    fleet.publish("dev");
    assert_eq!(fleet.files("dev"), expected(&["drone"], &[]));
    assert_eq!(fleet.read("dev", ".github/tracking/Promoted_Commit_Id"), onboarded);
    assert_eq!(fleet.gitops(&["rev-list", "--count", "dev"]), "2");
    assert_eq!(fleet.gitops(&["rev-parse", "dev^"]), before["dev"]);
    assert_eq!(fleet.gitops(&["rev-parse", "stage"]), before["stage"]);

    // Policies on dev: they are dev's own, and not promoted.
    fleet.commit(
        "dev",
        "policies of dev",
        &[
            ("policies/functional.yaml", &policy("functional", "functional-test", "drone")),
            ("policies/performance.yaml", &policy("performance", "performance-test", "drone")),
        ],
    );
    assert_eq!(fleet.status("dev"), ("onboard app".to_owned(), "unpublished".to_owned()));
    fleet.publish("dev");
    let both = ["drone/app-functional-test", "drone/app-performance-test"];
    assert_eq!(fleet.files("dev"), expected(&["drone"], &both));
    let reconciler = fleet.read("dev", "drone/app-functional-test/reconciler.yaml");
    assert!(
        reconciler.contains("https://git.example.org/example-org/app-manifests"),
        "{reconciler}"
    );
    assert_eq!(fleet.status("dev"), ("onboard app".to_owned(), "none".to_owned()));

    // The same commit is promoted to stage, where no policy wants anything yet.
    let promotion = fleet.json(&["promote", "--from", "dev", "--to", "stage"]);
    assert_eq!(promotion["promoted"], true);
    assert_eq!(
        fleet.plane.git(&["log", "-1", "--format=%s", "stage"]),
        format!("Promote {} to stage", &onboarded[..10])
    );
    assert_eq!(
        fleet.plane.git(&["show", "stage:base-repo.yaml"]),
        base_repo(&onboarded).trim_end()
    );
    fleet.publish("stage");
    assert_eq!(fleet.files("stage"), expected(&["drone"], &[]));

    // A policy for the user acceptance test on stage.
    fleet.commit(
        "stage",
        "policy of stage",
        &[("policies/uat.yaml", &policy("uat", "uat-test", "drone"))],
    );
    fleet.publish("stage");
    assert_eq!(fleet.files("stage"), expected(&["drone"], &["drone/app-uat-test"]));
    let namespace = fleet.read("stage", "drone/app-uat-test/namespace.yaml");
    assert!(namespace.contains("name: stage-team-app-uat-test"), "{namespace}");

    // A config change on the base goes through both; one of an environment stays there.
    let shared = config("shared", ", region: west-us", "REGION: west-us");
    let configured = fleet.commit("main", "config of west-us", &[("config.yaml", &shared)]);
    let dev_before = fleet.gitops(&["rev-parse", "dev"]);
    fleet.publish("dev");
    assert_eq!(
        fleet.gitops(&["rev-parse", "dev"]),
        dev_before,
        "what is not promoted changes nothing"
    );
    fleet.run(&["promote", "--next"]);
    fleet.publish("dev");
    for target in both {
        let text = fleet.read("dev", &format!("{target}/config.yaml"));
        assert!(text.contains("REGION: west-us"), "{text}");
    }
    let own = config("stage", "", "STAGE: yes-it-is");
    fleet.commit("stage", "config of stage", &[("config.yaml", &own)]);
    fleet.publish("stage");
    let text = fleet.read("stage", "drone/app-uat-test/config.yaml");
    assert!(text.contains("STAGE: yes-it-is") && !text.contains("REGION"), "{text}");
    assert_eq!(fleet.read("stage", ".github/tracking/Promoted_Commit_Id"), onboarded);
    fleet.run(&["promote", "--next", &configured]);
    fleet.publish("stage");
    let text = fleet.read("stage", "drone/app-uat-test/config.yaml");
    assert!(text.contains("STAGE: yes-it-is") && text.contains("REGION: west-us"), "{text}");

    // A new cluster type on dev, with a policy that wants it.
    fleet.commit(
        "dev",
        "large clusters",
        &[
            ("clusters/large.yaml", &cluster_type("large")),
            ("policies/large.yaml", &policy("large", "performance-test", "large")),
        ],
    );
    fleet.publish("dev");
    let three = [both[0], both[1], "large/app-performance-test"];
    assert_eq!(fleet.files("dev"), expected(&["drone", "large"], &three));
    assert_eq!(fleet.files("stage"), expected(&["drone"], &["drone/app-uat-test"]));

    // Stage goes back, and the history says so; dev does not care.
    fleet.run(&["rollback", "stage"]);
    fleet.publish("stage");
    let text = fleet.read("stage", "drone/app-uat-test/config.yaml");
    assert!(text.contains("STAGE: yes-it-is") && !text.contains("REGION"), "{text}");
    let history = fleet.json(&["promote", "--history", "stage"]);
    let history = history["promotions"].as_array().unwrap().iter();
    let subjects: Vec<&str> = history.map(|it| it["subject"].as_str().unwrap()).collect();
    let first = "a platform without applications";
    assert_eq!(subjects, ["onboard app", "config of west-us", "onboard app", first, "base one"]);
    assert_eq!(fleet.status("dev"), ("config of west-us".to_owned(), "none".to_owned()));
    assert_eq!(fleet.status("stage"), ("onboard app".to_owned(), "none".to_owned()));

    // All of it is sound, and every commit of the GitOps branches is wob's.
    for folder in [fleet.plane.fleet(), fleet.plane.folder().join("gitops.git")] {
        assert_eq!(git(&folder, &["fsck", "--strict", "--no-dangling"]), "");
    }
    for environment in ["dev", "stage"] {
        let subjects = fleet.gitops(&["log", "--format=%s", environment]);
        let own = format!("Deploy {environment}: ");
        assert!(subjects.lines().all(|it| it.starts_with(&own)), "{subjects}");
        assert_eq!(subjects.lines().count(), if environment == "dev" { 5 } else { 6 });
    }
}
