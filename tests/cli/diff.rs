//! `wob diff`, `wob affected` and `wob plan`: what a change does, in a git repository of the test's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{branches, check, copy_example, edit};
use crate::git_server::GitServer;
use crate::support::{commit, contents, git, wob_command, wob_in, write};

/// The fleet in a repository of its own, with one commit.
fn fleet() -> (TempDir, PathBuf) {
    let temp = TempDir::new().expect("because tests have a temporary folder");
    let fleet = temp.path().join("fleet");
    copy_example("fleet", &fleet);
    git(&fleet, &["init", "-q"]);
    commit(&fleet, &[(".gitignore", "home/\nwob-out/\n")]);
    (temp, fleet)
}

/// Changes config, a label of every namespace, what runs where, and a comment.
fn edit_fleet(fleet: &Path) {
    let config = fleet.join("environments/prod/config/prod.yaml");
    edit(&config, "LOG_LEVEL: warn", "LOG_LEVEL: info");
    edit(&config, "port: 5432", "port: 5433");
    edit(&fleet.join("base/templates/default.yaml"), "ferry.example/team", "ferry.example/squad");
    fs::remove_file(fleet.join("environments/prod/scheduling/tickets-at-kiosks.yaml")).unwrap();
    edit(
        &fleet.join("base/templates/env-file.yaml"),
        "# {{ .Workload }} on",
        "# for {{ .Workload }} on",
    );
    let depot = fleet.join("environments/stage/cluster-types/depot.yaml");
    let other = fs::read_to_string(&depot).unwrap().replace("name: depot", "name: yard");
    fs::write(depot.with_file_name("yard.yaml"), other).unwrap();
}

#[test]
fn edits_are_compared_with_the_last_commit() {
    let (_temp, fleet) = fleet();
    check("diff-nothing", &fleet, &["diff", "--exit-code"]);
    edit_fleet(&fleet);
    check("diff", &fleet, &["diff"]);
    check("diff-exit-code", &fleet, &["diff", "--exit-code", "//env/prod/hub:all", "-q"]);
    check("diff-excluded", &fleet, &["diff", "//env:prod", "--", "-//workload:telemetry"]);
    check("diff-only-new", &fleet, &["diff", "//env/stage/yard:all"]);
}

#[test]
fn differences_have_many_forms() {
    let (_temp, fleet) = fleet();
    edit_fleet(&fleet);
    for output in ["json", "markdown", "html", "unified"] {
        let name = format!("diff-{output}");
        check(&name, &fleet, &["diff", "//env:prod", &format!("--output={output}")]);
    }
    check("diff-matrix", &fleet, &["diff", "--output=matrix"]);
    check("diff-output-elsewhere", &fleet, &["check", "--output=markdown"]);
}

/// Git turns the old trees into the new ones by what is told line by line, so nothing is left out.
#[test]
fn the_lines_that_differ_are_all_of_them() {
    let (temp, fleet) = fleet();
    wob_in(&fleet, &["build", "-o", "../old/{environment}"]);
    edit_fleet(&fleet);
    wob_in(&fleet, &["build", "-o", "../new/{environment}"]);
    let run = wob_command(&fleet, &["diff", "--output=unified"]).output().unwrap();
    let (old, new) = (temp.path().join("old"), temp.path().join("new"));
    fs::write(temp.path().join("patch"), &run.stdout).unwrap();
    let trees = || {
        let [mut old, mut new] = [&old, &new].map(|it| contents(it));
        for tree in [&mut old, &mut new] {
            tree.retain(|path, _| !path.contains(".wob/"));
        }
        (old, new)
    };
    let (before, after) = trees();
    assert_ne!(before, after);
    git(&old, &["apply", "../patch"]);
    let (before, after) = trees();
    assert_eq!(before, after);
}

#[test]
fn revisions_are_compared() {
    let (_temp, fleet) = fleet();
    edit_fleet(&fleet);
    commit(&fleet, &[]);
    edit(&fleet.join("environments/prod/config/prod.yaml"), "LOG_LEVEL: info", "LOG_LEVEL: debug");
    let hub = "//env/prod/hub:timetable-live";
    check("diff-revision", &fleet, &["diff", "HEAD~1", hub]);
    check("diff-revisions", &fleet, &["diff", "HEAD~1", "HEAD", hub]);
    let there = wob_in(&fleet, &["diff", "HEAD", "HEAD~1", "--output=json"]);
    let back = wob_in(&fleet, &["diff", "HEAD~1", "HEAD", "--output=json"]);
    let files = |seen: &str| seen.split("\"files\": ").nth(1).unwrap()[..3].to_owned();
    assert_eq!(files(&there), files(&back));
}

/// What decides need not be a value: a name, a label, a pattern.
#[test]
fn causes_are_where_the_difference_was_made() {
    let (_temp, fleet) = fleet();
    let hub = fleet.join("environments/prod/cluster-types/hub.yaml");
    let assignment = "//env/prod/hub:timetable-live";
    let texts = [&hub, &fleet.join("wob.yaml")].map(|it| fs::read_to_string(it).unwrap());
    edit(&hub, "reconciler: flux", "reconciler: argocd");
    check("diff-cause-reconciler", &fleet, &["diff", assignment]);
    fs::write(&hub, &texts[0]).unwrap();
    edit(&hub, "region: fjord", "region: coast");
    check("diff-cause-label", &fleet, &["diff", assignment]);
    fs::write(&hub, &texts[0]).unwrap();
    let pattern = "namespacePattern: \"x-{environment}-{deploymentTarget}\"\n";
    fs::write(fleet.join("wob.yaml"), format!("{}{pattern}", texts[1])).unwrap();
    check("diff-cause-pattern", &fleet, &["diff", assignment]);
    let parameter = "parameters:\n  flux:\n    interval: 7m\n";
    fs::write(fleet.join("wob.yaml"), format!("{}{parameter}", texts[1])).unwrap();
    check("diff-cause-parameter", &fleet, &["diff", assignment]);
}

#[test]
fn environments_are_compared() {
    let (_temp, fleet) = fleet();
    check("diff-environments", &fleet, &["diff", "env:stage", "env:prod"]);
}

#[test]
fn what_was_published_is_compared_with_a_fresh_render() {
    let (temp, fleet) = fleet();
    wob_in(&fleet, &["build", "//env:prod", "-o", "../published"]);
    check("diff-against-nothing", &fleet, &["diff", "--against", "../published", "//env:prod"]);
    edit_fleet(&fleet);
    check("diff-against", &fleet, &["diff", "--against", "../published", "//env:prod"]);
    git(temp.path(), &["init", "-q", "--bare", "gitops.git"]);
    wob_in(&fleet, &["build", "--into", "../gitops.git#{environment}"]);
    check("diff-published", &fleet, &["diff", "../gitops.git#{environment}"]);
    git(&fleet, &["stash", "-q", "-u"]);
    check("diff-published-old", &fleet, &["diff", "../gitops.git#stage", "HEAD", "//env:stage"]);
    check("diff-published-unknown", &fleet, &["diff", "../gitops.git#nowhere", "//env:stage"]);
    check("diff-published-url", &fleet, &["diff", "--against", "https://u:pw@example.org/x"]);
    let offline = ["diff", "--against", "https://u:pw@example.org/x#main", "--offline"];
    check("diff-published-offline", &fleet, &[&offline[..], &["//env:stage"]].concat());
}

/// Whether a repository is next door or on a host makes no difference but its name, and no password is in that.
#[test]
fn what_was_published_elsewhere_is_fetched() {
    let (temp, fleet) = fleet();
    git(temp.path(), &["init", "-q", "--bare", "gitops.git"]);
    let seen = wob_in(&fleet, &["build", "//env:prod", "--into", "../gitops.git#prod"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    edit_fleet(&fleet);
    let Some(server) = GitServer::start(temp.path()) else { return };
    let url = server.url("gitops.git");
    let near = wob_in(&fleet, &["diff", "../gitops.git#{environment}", "//env:prod"]);
    assert!(near.starts_with("exit: 0\n") && near.contains("in the sources of"), "{near}");
    let far = wob_in(&fleet, &["diff", &format!("{url}#{{environment}}"), "//env:prod"]);
    assert_eq!(far.replace(&url, "../gitops.git"), near);
    let seen = wob_in(&fleet, &["diff", &format!("{url}#nowhere"), "//env:prod"]);
    assert!(seen.starts_with("exit: 2\n"), "{seen}");
    // It is not sent in the clear, and not shown either.
    let with_secret = url.replace("://", "://u:hunter2@");
    let seen = wob_in(&fleet, &["diff", &format!("{with_secret}#prod"), "//env:prod"]);
    assert!(seen.starts_with("exit: 32\n") && !seen.contains("hunter2"), "{seen}");
}

#[test]
fn wrong_questions_are_answered_with_a_way_out() {
    let (temp, fleet) = fleet();
    for (name, args) in [
        ("revision", &["diff", "nowhere"][..]),
        ("third", &["diff", "HEAD", "HEAD", "HEAD"]),
        ("empty", &["diff", ""]),
        ("one-environment", &["diff", "env:prod"]),
        ("environment", &["diff", "env:prod", "env:stagee"]),
        ("environment-pattern", &["diff", "env:prod", "env:stage", "//env/prod/hub:all"]),
        ("pattern", &["diff", "HEAD", "//env:prd"]),
        ("published", &["diff", "../a#b", "../c#d"]),
        ("folder", &["diff", "--against", "../nowhere", "//env:prod"]),
    ] {
        check(&format!("diff-wrong-{name}"), &fleet, args);
    }
    check("affected-no-base", &fleet, &["affected"]);
    check("affected-wrong", &fleet, &["affected", "--base", "nowhere"]);
    check("plan-folders", &fleet, &["plan", "--promote", "HEAD", "--to", "prod"]);
    let alone = temp.path().join("alone");
    copy_example("minimal", &alone);
    check("diff-no-repository", &alone, &["diff"]);
    git(&alone, &["init", "-q"]);
    check("diff-unborn", &alone, &["diff"]);
    let settings = fs::read(alone.join("wob.yaml")).unwrap();
    fs::remove_file(alone.join("wob.yaml")).unwrap();
    commit(&alone, &[(".gitignore", "home/\n")]);
    fs::write(alone.join("wob.yaml"), settings).unwrap();
    check("diff-no-workspace-yet", &alone, &["diff"]);
}

#[test]
fn a_side_that_cannot_be_built_is_said() {
    let (_temp, fleet) = fleet();
    edit(&fleet.join("environments/prod/config/prod.yaml"), "REPLICAS: \"2\"", "REPLICAS: many");
    edit(&fleet.join("base/templates/vessel-sync.yaml"), "{{", "{{ .Nonsense }}{{");
    check("diff-broken", &fleet, &["diff", "//env:prod"]);
    commit(&fleet, &[]);
    git(&fleet, &["revert", "--no-edit", "HEAD"]);
    check("diff-mended", &fleet, &["diff", "HEAD~1", "//env:prod"]);
    // "Nothing differs" is said to a check only of what was looked at.
    check("diff-mended-exit-code", &fleet, &["diff", "HEAD~1", "//env:prod", "--exit-code"]);
    for output in ["markdown", "html"] {
        let name = format!("diff-mended-{output}");
        check(&name, &fleet, &["diff", "HEAD~1", "//env:prod", &format!("--output={output}")]);
    }
    let exit = |args: &[&str]| {
        let seen = wob_in(&fleet, &[&["diff", "--exit-code", "HEAD~1"], args].concat());
        seen.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(exit(&["//env:prod", "--keep-going"]), "exit: 3");
    assert_eq!(exit(&["//env:prod", "--output=json", "-q"]), "exit: 1");
    let elsewhere = ["//env/prod/hub:all", "//env/prod/depot:all"];
    assert_eq!(exit(&elsewhere), "exit: 0");
    edit(&fleet.join("environments/prod/config/prod.yaml"), "LOG_LEVEL: warn", "LOG_LEVEL: info");
    assert_eq!(exit(&["//env:prod"]), "exit: 5");
    git(&fleet, &["checkout", "-q", "--", "."]);
    // With settings that cannot be read, nobody knows which environments there are; none is taken for deleted.
    write(&fleet, &[("wob.yaml", "environments: [\n")]);
    check("diff-misread", &fleet, &["diff"]);
    check("affected-misread", &fleet, &["affected", "--base", "HEAD"]);
    commit(&fleet, &[]);
    git(&fleet, &["revert", "--no-edit", "HEAD"]);
    check("affected-misread-base", &fleet, &["affected", "--base", "HEAD~1"]);
}

#[test]
fn what_is_affected_is_listed() {
    let (_temp, fleet) = fleet();
    edit(&fleet.join("environments/prod/config/prod.yaml"), "LOG_LEVEL: warn", "LOG_LEVEL: info");
    edit_comment(&fleet);
    let base = ["affected", "--base", "HEAD"];
    check("affected", &fleet, &base);
    for (name, more) in [
        ("environments", &["--by", "environment"][..]),
        ("cluster-types", &["--by", "cluster-type", "--output=label"]),
        ("json", &["--output=json", "//env/prod/kiosk:all"]),
        ("matrix", &["--output=matrix", "--by", "environment"]),
        ("nothing", &["--output=matrix", "//env:dev"]),
    ] {
        check(&format!("affected-{name}"), &fleet, &[&base[..], more].concat());
    }
    commit(&fleet, &[]);
    check(
        "affected-head",
        &fleet,
        &["affected", "--base", "HEAD~1", "--head", "HEAD", "--by", "environment"],
    );
    check("affected-same", &fleet, &["affected", "--base", "HEAD"]);
}

/// An edit that changes nothing.
fn edit_comment(fleet: &Path) {
    edit(&fleet.join("environments/dev/config/dev.yaml"), "apiVersion", "# A comment.\napiVersion");
}

#[test]
fn a_shallow_clone_says_how_it_is_mended() {
    let (temp, fleet) = fleet();
    edit_fleet(&fleet);
    let last = commit(&fleet, &[]);
    let first = git(&fleet, &["rev-parse", "HEAD~1"]);
    let url = format!("file://{}", fleet.display());
    git(temp.path(), &["clone", "-q", "--depth=1", &url, "clone"]);
    let clone = temp.path().join("clone");
    check("affected-shallow", &clone, &["affected", "--base", "HEAD~1"]);
    let seen = wob_in(&clone, &["affected", "--base", &first]);
    assert!(seen.starts_with("exit: 36\n"), "{seen}");
    let command = seen.split("help: `").nth(1).unwrap().split('`').next().unwrap();
    assert_eq!(command, format!("git fetch --depth=1 origin {first}"));
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    git(&clone, &words);
    let seen = wob_in(&clone, &["affected", "--base", &first, "--head", &last, "--by=environment"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("//env:prod\n"), "{seen}");
}

#[test]
fn branches_are_compared() {
    let temp = TempDir::new().unwrap();
    branches::fill(temp.path());
    let fleet = temp.path().join("fleet");
    let o = branches::OVERRIDE;
    check("diff-branches-nothing", &fleet, &["diff", o]);
    edit(&fleet.join("config.yaml"), "\"2\"", "\"3\"");
    commit(&fleet, &[]);
    // The base is pinned, so that a commit of its branch changes nothing yet.
    check("diff-branches-base", &fleet, &["diff", "main~1", o]);
    git(&fleet, &["checkout", "-q", "dev"]);
    write(&fleet, &[("config.yaml", &config("dev-only"))]);
    check("diff-branches-edited", &fleet, &["diff", o]);
    commit(&fleet, &[]);
    check("diff-branches-revisions", &fleet, &["diff", "dev~1", "dev", o]);
    git(&fleet, &["checkout", "-q", "main"]);
    let before = git(&fleet, &["rev-parse", "dev~1"]);
    let found = wob_in(&fleet, &["diff", &before, o]);
    assert!(found.contains("/data/KEY: \"dev-only\""), "{found}");
    let explicit = wob_in(&fleet, &["diff", &format!("dev@{before},main@main~1"), o]);
    assert!(explicit.contains("/data/KEY: \"dev-only\""), "{explicit}");
    check("diff-branches-unknown", &fleet, &["diff", "devv@dev~1", o]);
    git(&fleet, &["checkout", "-q", "--orphan", "alone"]);
    commit(&fleet, &[]);
    check("diff-branches-alone", &fleet, &["diff", "alone", o]);
    check("diff-branches-not-checked-out", &fleet, &["diff", o]);
    let stands_for = wob_in(&fleet, &["diff", "main@alone", o]);
    assert!(stands_for.starts_with("exit: 0\n"), "{stands_for}");
}

/// A commit that is on no branch yet, as in a pull request, stands for the branch that it began at.
#[test]
fn a_commit_of_a_pull_request_stands_for_the_branch_that_it_began_at() {
    let temp = TempDir::new().unwrap();
    branches::fill(temp.path());
    let fleet = temp.path().join("fleet");
    git(&fleet, &["checkout", "-q", "-b", "topic", "dev"]);
    commit(&fleet, &[("config.yaml", &config("topic"))]);
    git(&fleet, &["checkout", "-q", "--detach"]);
    let o = branches::OVERRIDE;
    check("affected-topic", &fleet, &["affected", "--base", "dev", "--head", "HEAD", o]);
}

#[test]
fn a_promotion_is_planned() {
    let temp = TempDir::new().unwrap();
    branches::fill(temp.path());
    let fleet = temp.path().join("fleet");
    let o = branches::OVERRIDE;
    check("plan", &fleet, &["plan", "--promote", "main", "--to", "dev", "--exit-code", o]);
    check("plan-same", &fleet, &["plan", "--promote", "main~1", "--to", "dev", o]);
    check("plan-wrong-commit", &fleet, &["plan", "--promote", "nowhere", "--to", "dev", o]);
    check("plan-wrong-environment", &fleet, &["plan", "--promote", "main", "--to", "devv", o]);
    // What is planned is what happens.
    let planned =
        wob_in(&fleet, &["plan", "--promote", "main", "--to", "dev", "--output=unified", o]);
    let (old, new) = (git(&fleet, &["rev-parse", "main~1"]), git(&fleet, &["rev-parse", "main"]));
    git(&fleet, &["checkout", "-q", "dev"]);
    edit(&fleet.join("base.yaml"), &old, &new);
    assert_eq!(
        without_notes(&planned),
        without_notes(&wob_in(&fleet, &["diff", "--output=unified", o]))
    );
    git(&fleet, &["rm", "-q", "-f", "base.yaml"]);
    commit(&fleet, &[]);
    check("plan-no-base", &fleet, &["plan", "--promote", "main", "--to", "dev", o]);
}

fn without_notes(seen: &str) -> &str {
    seen.split("----- stderr -----").next().unwrap()
}

fn config(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: own, labels: {{platform-config: \"true\"}}}}\ndata: {{KEY: {value}}}\n"
    )
}

/// Secrets, and texts that would like to be markup.
#[test]
fn secrets_are_masked_and_markup_is_text() {
    let (_temp, fleet) = fleet();
    let secret = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: Template\nmetadata: {name: default}\nspec:\n  type: namespace\n  manifests:\n  - |\n    apiVersion: v1\n    kind: Namespace\n    metadata: {name: \"{{ .Namespace }}\"}\n    ---\n    apiVersion: v1\n    kind: Secret\n    metadata: {name: s, namespace: \"{{ .Namespace }}\"}\n    stringData: {user: \"login-{{ .ConfigData.DB_USER }}\"}\n    ---\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: c, namespace: \"{{ .Namespace }}\"}\n    data: {connection: \"to={{ .ConfigData.DB_PASSWORD }}\", note: {{ .ConfigData.NOTE | toJson }}}\n";
    write(&fleet, &[("base/templates/default.yaml", secret)]);
    let config = fleet.join("environments/dev/config/dev.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let with = |user: &str, password: &str, note: &str| {
        format!(
            "{}\n  DB_USER: {user}\n  DB_PASSWORD: {password}\n  NOTE: \"{note}\"\n",
            text.trim_end()
        )
    };
    fs::write(&config, with("anna-1", "hunter-one", "plain")).unwrap();
    commit(&fleet, &[]);
    let note = r"```\n</details><script>alert(1)</script> @team\e[2J";
    fs::write(&config, with("anna-2", "hunter-two", note)).unwrap();
    for output in ["text", "markdown", "html", "unified", "json"] {
        let args = ["diff", "//env/dev/lab:telemetry-agent", &format!("--output={output}")];
        let run = wob_command(&fleet, &args).output().unwrap();
        let seen = String::from_utf8(run.stdout).unwrap();
        assert!(seen.contains("connection"), "{seen}");
        for hidden in ["hunter", "login-", "\u{1b}"] {
            assert!(!seen.contains(hidden), "{output} shows {hidden:?}: {seen}");
        }
        assert!(output != "html" || !seen.contains("<script>"), "{seen}");
        check(&format!("diff-secrets-{output}"), &fleet, &args);
    }
}

/// A comment must not be longer than forges take, whatever changed.
#[test]
fn markdown_fits_a_comment() {
    let (_temp, fleet) = fleet();
    let config = fleet.join("environments/dev/config/dev.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let keys = |value: &str| {
        let lines = (0..600).map(|it| format!("\n  KEY_{it}: {value}-{it}"));
        lines.collect::<Vec<_>>().concat()
    };
    fs::write(&config, format!("{}{}\n", text.trim_end(), keys("a"))).unwrap();
    commit(&fleet, &[]);
    fs::write(&config, format!("{}{}\n", text.trim_end(), keys("b"))).unwrap();
    let seen = wob_in(&fleet, &["diff", "//env/dev/lab:telemetry-agent", "--output=markdown"]);
    let markdown = seen.split("----- stdout -----\n").nth(1).unwrap();
    let markdown = markdown.split("----- stderr -----").next().unwrap();
    assert!((50_000..=60_000).contains(&markdown.chars().count()), "{}", markdown.chars().count());
    assert!(
        markdown.contains("more changes do not fit here"),
        "{}",
        &markdown[markdown.len() - 300..]
    );
}
