//! `wob query`: what depends on what.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{check, copy_example, edit};
use crate::support::{ROOT, commit, git, wob_in};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\n";

fn fleet() -> std::path::PathBuf {
    Path::new(ROOT).join("examples/fleet")
}

fn ask(at: &Path, expression: &str) -> String {
    let seen = wob_in(at, &["query", expression]);
    let answer = seen.strip_prefix("exit: 0\n----- stdout -----\n").expect(&seen);
    answer.split("----- stderr -----").next().unwrap().to_owned()
}

#[test]
fn the_graph_is_answered_from() {
    let kinds = "--output=label-kind";
    check("query-deps", &fleet(), &["query", "deps(//env/prod/kiosk:ticketing-live)", kinds]);
    check(
        "query-affected",
        &fleet(),
        &["query", "assignments(owner(base/templates/kiosk-app.yaml))"],
    );
    check(
        "query-who-has",
        &fleet(),
        &["query", "labels(clusterType, rdeps(//env:prod, //workload:ticketing))"],
    );
    check("query-files", &fleet(), &["query", "kind('output file', //env/prod/kiosk:*)"]);
    check(
        "query-words",
        &fleet(),
        &["query", "//policy/prod:all", "-", "//policy/prod:tickets-at-kiosks"],
    );
    check("query-empty", &fleet(), &["query", "unassigned(//...)"]);
}

#[test]
fn the_answer_has_many_forms() {
    let path = "somepath(//env:prod, //:base/templates/vessel-sync.yaml)";
    for output in ["label", "label-kind", "location", "json", "graph", "mermaid"] {
        check(
            &format!("query-{output}"),
            &fleet(),
            &["query", path, &format!("--output={output}")],
        );
    }
}

#[test]
fn only_queries_have_those_forms() {
    check("query-output-elsewhere", &fleet(), &["check", "--output=graph"]);
    check("query-output-unknown", &fleet(), &["query", "//...", "--output=dot"]);
}

#[test]
fn wrong_expressions_are_marked() {
    for (name, expression) in [
        ("function", "rdep(//..., //workload:ticketing)"),
        ("argument", "deps(//env:prod, deep)"),
        ("label", "deps(//env:prod) - //policy/prod:audits"),
        ("environment", "//env/prd/..."),
        ("pattern", "kind('(config', //...)"),
        ("long", &format!("{} + deep(//env:prod)", "//workload:ticketing".repeat(20))),
    ] {
        check(&format!("query-wrong-{name}"), &fleet(), &["query", expression]);
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    edit(&temp.path().join("app/workload.yaml"), "environment: dev", "enviroment: dev");
    check("query-partial", temp.path(), &["query", "//target/dev:all"]);
    check("query-keep-going", temp.path(), &["query", "//cluster-type:all", "--keep-going"]);
}

#[test]
fn new_labels_can_be_built() {
    let built = |pattern: &str| {
        let seen = wob_in(&fleet(), &["list", pattern]);
        seen.lines().filter(|it| it.trim_start().starts_with("//env/")).count()
    };
    for (pattern, expected) in [
        (
            "//target/prod:ticketing-live",
            ask(&fleet(), "assignments(//target/prod:ticketing-live)"),
        ),
        ("//registration:ticketing", ask(&fleet(), "assignments(//registration:ticketing)")),
        ("//schema/prod:common", ask(&fleet(), "assignments(//schema/prod:common)")),
        ("//gitops-repo/prod:prod", ask(&fleet(), "assignments(//gitops-repo/prod:prod)")),
        ("//:wob.yaml", ask(&fleet(), "assignments(//:wob.yaml)")),
    ] {
        assert!(expected.lines().count() > 0);
        assert_eq!(built(pattern), expected.lines().count(), "{pattern}");
    }
}

/// Where an environment's base is pinned to another commit, its templates are other objects.
#[test]
fn pinned_bases_are_told_apart() {
    let temp = TempDir::new().unwrap();
    let at = temp.path();
    git(at, &["init", "-q"]);
    let template = |text: &str| {
        format!(
            "{API}kind: Template\nmetadata:\n  name: rec\nspec:\n  type: reconciler\n  manifests:\n  - {{a: {text}}}\n"
        )
    };
    let environment = |name: &str| {
        format!(
            "{API}kind: Environment\nmetadata:\n  name: {name}\nspec:\n  controlPlane:\n    repo: https://git.example/fleet\n    branch: {name}\n    path: .\n"
        )
    };
    let first = commit(
        at,
        &[
            ("template.yaml", &template("one")),
            ("environments/dev.yaml", &environment("dev")),
            ("environments/prod.yaml", &environment("prod")),
        ],
    );
    commit(at, &[("template.yaml", &template("two"))]);
    git(at, &["remote", "add", "origin", "https://git.example/fleet"]);
    for (name, pin) in [("dev", ""), ("prod", first.as_str())] {
        git(at, &["checkout", "-q", "-b", name, "main"]);
        for entry in fs::read_dir(at).unwrap().flatten() {
            if entry.file_name() != ".git" {
                let path = entry.path();
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
                    .unwrap();
            }
        }
        let pin = if pin.is_empty() { String::new() } else { format!("  commit: {pin}\n") };
        let base = format!(
            "{API}kind: BaseRepo\nmetadata:\n  name: main\nspec:\n  repo: https://git.example/fleet\n  branch: main\n  path: .\n{pin}"
        );
        let cluster_type =
            format!("{API}kind: ClusterType\nmetadata:\n  name: small\nspec:\n  reconciler: rec\n");
        commit(at, &[("base-repo.yaml", &base), ("small.yaml", &cluster_type)]);
    }
    git(at, &["checkout", "-q", "main"]);
    assert_eq!(ask(at, "kind('^template$', //...)"), "//template/dev:rec\n//template/prod:rec\n");
    assert_eq!(ask(at, "//template:rec"), "//template/dev:rec\n//template/prod:rec\n");
    let files = ask(at, "kind(file, deps(labels(reconciler, //cluster-type/prod:small)))");
    assert_eq!(files, format!("//:{}:template.yaml\n", &first[..10]));
}

/// What the guide shows works as it stands.
#[test]
fn the_recipes_of_the_guide_are_answered() {
    let guide = fs::read_to_string(Path::new(ROOT).join("docs/guides/query.md")).unwrap();
    let questions = guide.lines().filter_map(|it| it.strip_prefix("$ wob query '"));
    let questions: Vec<&str> = questions.filter_map(|it| it.split('\'').next()).collect();
    assert!(questions.len() >= 10, "{questions:?}");
    for question in questions {
        ask(&fleet(), question);
    }
}
