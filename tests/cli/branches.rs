//! The branches layout: each environment is a branch of a git repository, and workloads are in other repositories.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{check, edit};
use crate::support::{commit, git, wob_in, write};

const ENVIRONMENT: &str = "\
apiVersion: scheduler.kalypso.io/v1alpha1
kind: Environment
metadata: {name: dev}
spec:
  controlPlane: {repo: https://github.com/example-org/fleet, branch: dev, path: .}
";
const REGISTRATION: &str = "\
apiVersion: scheduler.kalypso.io/v1alpha1
kind: WorkloadRegistration
metadata: {name: app}
spec:
  workspace: team
  workload:
    repo: https://github.com/example-org/app
    branch: main
    path: deploy
";
const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shared
  labels: {platform-config: \"true\"}
data:
  VERSION: \"1\"
";
const CLUSTER_TYPE: &str = "\
apiVersion: scheduler.kalypso.io/v1alpha1
kind: ClusterType
metadata: {name: small}
spec: {reconciler: flux}
";
const POLICY: &str = "\
apiVersion: scheduler.kalypso.io/v1alpha1
kind: SchedulingPolicy
metadata: {name: all}
spec:
  deploymentTargetSelector: {labelSelector: {}}
  clusterTypeSelector: {labelSelector: {}}
";
const WORKLOAD: &str = "\
apiVersion: scheduler.kalypso.io/v1alpha1
kind: Workload
metadata: {name: app}
spec:
  deploymentTargets:
    - name: test
      environment: dev
      manifests: {repo: https://github.com/example-org/app-manifests, branch: dev, path: ./test}
";

fn base_repo(commit: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: BaseRepo\nmetadata: {{name: main}}\nspec:\n  \
         repo: https://github.com/example-org/fleet\n  branch: main\n  path: .\n  commit: {commit}\n"
    )
}

/// A control plane with the branches main and dev in `fleet`, a workload in `app`, both cloned from nowhere.
fn workspace() -> TempDir {
    let temp = TempDir::new().expect("because tests have a temporary folder");
    fill(temp.path());
    temp
}

/// Makes the repositories of [`workspace`] in a folder.
pub(crate) fn fill(folder: &Path) {
    let (fleet, app) = (folder.join("fleet"), folder.join("app"));
    for folder in [&fleet, &app] {
        fs::create_dir(folder).expect("because it is temporary");
        git(folder, &["init", "-q"]);
    }
    let base = [
        (".environments/dev.yaml", ENVIRONMENT),
        ("app.yaml", REGISTRATION),
        ("config.yaml", CONFIG),
    ];
    let pinned = commit(&fleet, &base);
    git(&fleet, &["remote", "add", "origin", "git@github.com:example-org/fleet.git"]);
    edit(&fleet.join("config.yaml"), "\"1\"", "\"2\"");
    commit(&fleet, &[(".sourceignore", ".environments/\n")]);
    git(&fleet, &["checkout", "-q", "--orphan", "dev"]);
    git(&fleet, &["rm", "-rqf", "."]);
    let base_repo = base_repo(&pinned);
    commit(
        &fleet,
        &[("base.yaml", &base_repo), ("small.yaml", CLUSTER_TYPE), ("all.yaml", POLICY)],
    );
    git(&fleet, &["checkout", "-q", "main"]);
    commit(&app, &[("deploy/workload.yaml", WORKLOAD)]);
}

pub(crate) const OVERRIDE: &str = "--override-input=https://github.com/example-org/app=../app";

#[test]
fn branches_are_read_without_a_checkout() {
    let temp = workspace();
    let fleet = temp.path().join("fleet");
    check("branches", &fleet, &["build", "//env:dev", OVERRIDE]);
    assert_eq!(git(&fleet, &["status", "--porcelain", "-uall", "--", ":!wob-out", ":!home"]), "");
    // The base is read at the commit that is pinned, not at its branch.
    let config = fs::read_to_string(fleet.join("wob-out/dev/small/app-test/config.yaml")).unwrap();
    assert!(config.contains("VERSION: \"1\""), "{config}");
    let promoted =
        fs::read_to_string(fleet.join("wob-out/dev/.github/tracking/Promoted_Commit_Id"));
    assert_eq!(promoted.unwrap(), git(&fleet, &["rev-parse", "main~1"]));
    let record = fs::read_to_string(fleet.join("wob-out/dev/.wob/tree.json")).unwrap();
    assert!(record.contains(&git(&fleet, &["rev-parse", "dev"])), "{record}");
    assert!(record.contains(&git(&fleet, &["rev-parse", "dev^{tree}"])), "{record}");
}

#[test]
fn uncommitted_edits_of_the_branch_are_built() {
    let temp = workspace();
    let fleet = temp.path().join("fleet");
    git(&fleet, &["checkout", "-q", "dev"]);
    let broken = CLUSTER_TYPE.replace("flux", "fluxx");
    write(
        &fleet,
        &[("small.yaml", &broken), ("large.yaml", &CLUSTER_TYPE.replace("small", "large"))],
    );
    check("branches-edited", &fleet, &["build", OVERRIDE]);
}

#[test]
fn a_missing_input_is_named_at_its_registration() {
    let temp = workspace();
    let fleet = temp.path().join("fleet");
    check("branches-offline", &fleet, &["check", "--offline"]);
    let missing = "--override-input=https://github.com/example-org/app=../nowhere";
    check("branches-bad-override", &fleet, &["check", missing]);
}

#[test]
fn overrides_may_name_repositories() {
    let temp = workspace();
    let (fleet, app) = (temp.path().join("fleet"), temp.path().join("app"));
    git(&app, &["checkout", "-q", "-b", "next"]);
    commit(&app, &[("deploy/workload.yaml", &WORKLOAD.replace("name: test", "name: trial"))]);
    git(&app, &["checkout", "-q", "main"]);
    let url = format!(
        "--override-input=https://github.com/example-org/app=file://{}@next",
        app.display()
    );
    let seen = wob_in(&fleet, &["list", &url]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("//env/dev/small:app-trial"), "{seen}");
    fs::write(
        fleet.join("wob.local.yaml"),
        "inputs:\n- {url: https://github.com/example-org/app, path: ../app}\n",
    )
    .unwrap();
    let seen = wob_in(&fleet, &["list"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("//env/dev/small:app-test"), "{seen}");
}

#[test]
fn a_clone_reads_the_branches_of_origin() {
    let temp = workspace();
    git(temp.path(), &["clone", "-q", "fleet", "clone"]);
    check("branches-clone", &temp.path().join("clone"), &["build", "--offline", OVERRIDE]);
}

#[test]
fn a_repository_without_a_base_says_so() {
    let temp = workspace();
    let fleet = temp.path().join("fleet");
    git(&fleet, &["checkout", "-q", "dev"]);
    git(&fleet, &["branch", "-q", "-m", "main", "trunk"]);
    check("branches-no-base", &fleet, &["check"]);
    fs::write(fleet.join("wob.yaml"), "baseBranch: trunk\n").unwrap();
    let seen = wob_in(&fleet, &["check", OVERRIDE]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}
