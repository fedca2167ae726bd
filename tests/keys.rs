//! That nothing may be left out of a key: two builds that differ in one part only, and in what they give.
#![cfg(unix)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::edit,
    support::{contents, git, seen, wob_command, wob_in, write},
};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ";

/// A workspace with one assignment, whose templates write down everything that they can see.
fn workspace() -> TempDir {
    let temp = TempDir::new().unwrap();
    let template = |name: &str, kind: &str| {
        let text = "{{ .DeploymentTargetName }} {{ .Environment }} {{ .Workspace }} {{ .Workload }} {{ .ClusterType }} {{ .Labels | toJson }} {{ .Manifests | toJson }} {{ .ConfigData | toJson }}";
        format!(
            "{API}Template\nmetadata: {{name: {name}}}\nspec:\n  type: {kind}\n  manifests:\n  - |\n    apiVersion: v1\n    kind: Secret\n    metadata:\n      name: {name}\n      annotations:\n        namespace: '{{{{ .Namespace }}}}'\n        seen: '{text}'\n"
        )
    };
    let files = [
        (
            "wob.yaml",
            "version: 1\nbase: base\nnamespacePattern: fixed\nenvironments: {dev: own}\ninputs: [{url: 'https://example.org/app', path: app}]\n".to_owned(),
        ),
        (
            "base/registration.yaml",
            format!("{API}WorkloadRegistration\nmetadata: {{name: app}}\nspec:\n  workspace: team\n  workload: {{repo: 'https://example.org/app', branch: main, path: .}}\n"),
        ),
        ("base/sync.yaml", template("sync", "reconciler")),
        ("base/space.yaml", template("space", "namespace")),
        ("base/values.yaml", template("values", "config")),
        (
            "own/type.yaml",
            format!("{API}ClusterType\nmetadata: {{name: edge}}\nspec:\n  reconciler: sync\n  namespaceService: space\n  configType: values\n"),
        ),
        (
            "own/policy.yaml",
            format!("{API}SchedulingPolicy\nmetadata: {{name: all}}\nspec:\n  deploymentTargetSelector: {{labelSelector: {{}}}}\n  clusterTypeSelector: {{labelSelector: {{}}}}\n"),
        ),
        (
            "own/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, labels: {platform-config: 'true'}}\ndata: {VERSION: 'one'}\n".to_owned(),
        ),
        (
            "app/workload.yaml",
            format!("{API}Workload\nmetadata: {{name: shop}}\nspec:\n  deploymentTargets:\n  - name: web-live\n    labels: {{tier: front}}\n    environment: dev\n    manifests: {{repo: 'https://example.org/m', branch: dev, path: ./t}}\n"),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, &**text)).collect();
    write(temp.path(), &files);
    temp
}

/// Which text of which file becomes which.
type Edits = &'static [(&'static str, &'static str, &'static str)];

/// For each part of an action's key: what is made of the workspace first, and what is edited then.
const ACTIONS: [(&str, Edits, Edits); 13] = [
    ("settings", &[], &[("wob.yaml", "version: 1", "version: 1\nconfigFile: other")]),
    ("clusterType", &[], &[("own/type.yaml", "edge", "core")]),
    ("target", &[], &[("app/workload.yaml", "web-live", "web-next")]),
    (
        "workload",
        &[],
        &[
            ("app/workload.yaml", "{name: shop}", "{name: shop-web}"),
            ("app/workload.yaml", "web-live", "live"),
        ],
    ),
    (
        "environment",
        &[],
        &[
            ("wob.yaml", "dev: own", "test: own"),
            ("app/workload.yaml", "environment: dev", "environment: test"),
        ],
    ),
    ("workspace", &[], &[("base/registration.yaml", "team", "crew")]),
    ("label.tier", &[], &[("app/workload.yaml", "front", "back")]),
    ("manifests.branch", &[], &[("app/workload.yaml", "branch: dev", "branch: main")]),
    ("config.VERSION", &[], &[("own/config.yaml", "one", "two")]),
    ("template.reconciler", &[], &[("base/sync.yaml", "seen:", "here:")]),
    ("template.namespaceService", &[], &[("base/space.yaml", "seen:", "here:")]),
    ("template.configType", &[], &[("base/values.yaml", "seen:", "here:")]),
    (
        "param.flux.interval",
        &[
            ("own/type.yaml", "reconciler: sync", "reconciler: flux"),
            ("wob.yaml", "version: 1", "version: 1\nparameters: {flux: {interval: 10m}}"),
        ],
        &[("wob.yaml", "10m", "7m")],
    ),
];

/// Applies edits.
fn apply(at: &Path, edits: Edits) {
    for (file, from, to) in edits {
        edit(&at.join(file), from, to);
    }
}

/// Builds into the folder `out`; returns the digests of the parts that the one assignment was made from, and how it ended.
fn build(at: &Path, out: &str) -> (BTreeMap<String, Value>, i64) {
    let explain = format!("{out}.json");
    let args = ["build", "-o", out, "--explain", &explain, "--output=json"];
    let output = wob_command(at, &args).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = fs::read_to_string(at.join(&explain)).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["assignments"].as_array().unwrap().len(), 1, "{document:#}");
    let parts = told["assignments"][0]["parts"].as_array().unwrap();
    let part = |it: &Value| (it["name"].as_str().unwrap().to_owned(), it["digest"].clone());
    (parts.iter().map(part).collect(), document["exitCode"].as_i64().unwrap())
}

/// Builds before and after some edits with one store, and then with an empty one; returns the names of the parts that differ.
fn differing(at: &Path, edits: Edits, what: &str) -> BTreeSet<String> {
    let (parts, _) = build(at, "before");
    apply(at, edits);
    let (parts_after, exit) = build(at, "after");
    fs::remove_dir_all(at.join("home")).unwrap();
    let (_, exit_anew) = build(at, "anew");
    let tree = |out: &str| {
        let mut files = contents(&at.join(out));
        files.retain(|path, _| !path.starts_with(".wob/"));
        files
    };
    assert_ne!(tree("before"), tree("after"), "{what} makes no difference");
    assert!(tree("after") == tree("anew"), "{what}: what was stored is not what is made");
    assert_eq!(exit, exit_anew, "{what}");
    let names = parts.keys().chain(parts_after.keys());
    names.filter(|it| parts.get(*it) != parts_after.get(*it)).cloned().collect()
}

#[test]
fn an_action_without_any_part_of_its_key_gives_what_another_gave() {
    for (part, first, then) in ACTIONS {
        let temp = workspace();
        apply(temp.path(), first);
        let differing = differing(temp.path(), then, part);
        // What a target belongs to is among its labels, too.
        let label = format!("label.{part}");
        let names: Vec<&String> = differing.iter().filter(|it| **it != label).collect();
        assert_eq!(names, [part]);
    }
}

/// What is valid for one check is not for another.
#[test]
fn what_was_not_checked_is_not_taken_for_checked() {
    let temp = workspace();
    let at = temp.path();
    edit(
        &at.join("base/space.yaml"),
        "      annotations:",
        "      nonsense: 1\n      annotations:",
    );
    let differing =
        differing(at, &[("wob.yaml", "version: 1", "version: 1\nvalidate: on")], "check");
    assert_eq!(differing.into_iter().collect::<Vec<_>>(), ["check"]);
}

/// Where, with which arguments and variables.
type Run<'r> = (&'r Path, &'r [&'r str], &'r [(&'r str, &'r str)]);

/// A run, and whether another run that differs from it in one thing says the same at once.
fn says(at: &Path, args: &[&str], variables: &[(&str, &str)]) -> (String, bool) {
    let mut command = wob_command(at, args);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let seen = seen(&output);
    let at_once = "nothing has changed since the last run, so nothing was read\n";
    (seen.replace(at_once, ""), seen.contains(at_once))
}

/// A journal is of one command line, in one folder and environment, drawn in one way.
#[test]
fn a_run_says_what_another_said_only_if_nothing_differs() {
    let (temp, other) = (workspace(), workspace());
    let at = temp.path();
    // Something is to be said, with places.
    for it in [&temp, &other] {
        edit(&it.path().join("own/type.yaml"), "reconciler: sync", "reconciler: nope");
    }
    edit(&other.path().join("own/type.yaml"), "nope", "none-such");
    let home = at.join("home").to_str().unwrap().to_owned();
    let elsewhere = at.join("elsewhere").to_str().unwrap().to_owned();
    let root = at.parent().unwrap().to_str().unwrap().to_owned();
    let args = ["build", "-v"];
    let of_home = [("HOME", &*home)];
    let of_action = [("HOME", &*home), ("GITHUB_ACTIONS", "true")];
    let of_checkout = [("GITHUB_WORKSPACE", &*root), of_action[0], of_action[1]];
    let of_another = [("GITHUB_WORKSPACE", "/other"), of_action[0], of_action[1]];
    let of_other_name = [("GITHUB_WORKSPACES", &*root), of_action[0], of_action[1]];
    let of_elsewhere = [("HOME", &*home), ("XDG_CONFIG_HOME", &*elsewhere)];
    let first: Run<'_> = (at, &args, &of_home);
    let checkout: Run<'_> = (at, &args, &of_checkout);
    let runs: [(&str, Run<'_>, Run<'_>); 7] = [
        ("how it is drawn", first, (at, &args, &of_action)),
        ("arguments", first, (at, &["build", "-v", "-o", "out"], &of_home)),
        ("folder", first, (other.path(), &args, &of_home)),
        ("environment", (at, &args, &of_action), checkout),
        ("value of a variable", checkout, (at, &args, &of_another)),
        ("name of a variable", checkout, (at, &args, &of_other_name)),
        ("place of git's settings", first, (at, &args, &of_elsewhere)),
    ];
    for (what, (at, args, variables), (other, other_args, other_variables)) in runs {
        says(at, args, variables);
        let (told, is_at_once) = says(at, args, variables);
        assert!(is_at_once, "{what}: {told}");
        let (anew, is_at_once) = says(other, other_args, other_variables);
        assert!(!is_at_once, "{what}: {anew}");
        assert!(other_variables == of_elsewhere || told != anew, "{what} makes no difference");
        assert_eq!(says(at, args, variables).0, told, "{what}");
    }
}

/// A journal is of one program: another wob may have more to say.
#[test]
fn another_program_reads_what_another_has_read() {
    let temp = workspace();
    let at = temp.path();
    // Beside the workspace: a new file in it would be seen.
    let programs = TempDir::new().unwrap();
    // By processes of their own: whoever writes a program that another thread starts is in the way.
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(programs.path()).status().unwrap();
        assert!(done.success(), "{program} {args:?}");
    };
    let is_at_once = |program: &str| {
        let mut wob = Command::new(programs.path().join(program));
        wob.arg0("wob");
        let wob =
            wob.args(["build", "-v"]).current_dir(at).env_clear().env("HOME", at.join("home"));
        seen(&wob.output().unwrap()).contains("nothing has changed since the last run")
    };
    run("cp", &[env!("CARGO_BIN_EXE_wob"), "one"]);
    run("touch", &["-d", "2020-01-01 00:00:00 UTC", "one"]);
    let settle = || {
        is_at_once("one");
        assert!(is_at_once("one"));
    };
    settle();
    run("cp", &["-p", "one", "two"]);
    assert!(!is_at_once("two"), "another path");
    settle();
    run("truncate", &["-s", "+1", "one"]);
    run("touch", &["-d", "2020-01-01 00:00:00 UTC", "one"]);
    assert!(!is_at_once("one"), "another size");
    settle();
    run("touch", &["-d", "2020-01-01 00:00:01 UTC", "one"]);
    assert!(!is_at_once("one"), "another time");
}

/// What is known of the last build is of one environment, in one folder or branch.
#[test]
fn what_was_built_elsewhere_is_not_what_was_built_here() {
    let temp = workspace();
    let at = temp.path();
    git(at, &["init", "-q", "--bare", "gitops.git"]);
    edit(&at.join("wob.yaml"), "dev: own", "dev: own, test: own");
    let places: [&[&str]; 5] = [
        &["//env:dev", "-o", "here"],
        &["//env:test", "-o", "here"],
        &["//env:dev", "-o", "there"],
        &["//env:dev", "--into", "gitops.git#one"],
        &["//env:dev", "--into", "gitops.git#two"],
    ];
    let explain = |place: &[&str]| wob_in(at, &[&["explain", "build"], place].concat());
    for place in places {
        let before = explain(place);
        assert!(before.starts_with("exit: 2\n"), "{place:?} is known already: {before}");
        let seen = wob_in(at, &[&["build", "--force"], place].concat());
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        assert!(explain(place).starts_with("exit: 0\n"), "{}", explain(place));
    }
}
