//! `wob wait`: clusters report, and wob believes them or not.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    plane::{Plane, object},
    served::on_a_forge,
    support::{git, with_snapshots_in},
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn check(name: &str, plane: &Plane, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", args.join(" "), plane.wob(args));
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}

/// Writes a program that answers with one line of `answers` after the other; the last one stays. In them, `%` stands for
/// the commit that is asked for.
fn program(plane: &Plane, answers: &[&str]) {
    let fleet = plane.fleet();
    fs::write(fleet.join("answers.txt"), answers.join("\n") + "\n").unwrap();
    let script = "#!/bin/sh
read -r question
commit=$(printf '%s' \"$question\" | sed 's/.*\"commit\":\"\\([0-9a-f]*\\)\".*/\\1/')
sed -n 1p answers.txt | sed \"s/%/$commit/g\"
[ \"$(wc -l < answers.txt)\" -gt 1 ] && sed -i 1d answers.txt
exit 0
";
    fs::write(fleet.join("clusters.sh"), script).unwrap();
    fs::set_permissions(fleet.join("clusters.sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns the document of subscribers, each a name, a commit and a state.
fn document(subscribers: &[(&str, &str, &str)]) -> String {
    let all = subscribers.iter().map(|(name, commit, state)| {
        format!("{{\"name\": \"{name}\", \"commit\": \"{commit}\", \"state\": \"{state}\"}}")
    });
    format!("{{\"subscribers\": [{}]}}", all.collect::<Vec<_>>().join(", "))
}

const BY_PROGRAM: [&str; 8] = [
    "wait",
    "dev",
    "--commit",
    COMMIT,
    "--exec=clusters.sh",
    "--interval=1ms",
    "--tolerate=0",
    "--subscribers=2",
];

#[test]
fn a_program_is_asked_until_all_have_the_commit() {
    let plane = Plane::new();
    let answers = [
        document(&[("east", "old", "success")]),
        document(&[("east", "old", "failure"), ("west", "dev@sha1:%", "pending")]),
        document(&[("east", "%", "success"), ("west", "dev@sha1:%", "success")]),
    ];
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    program(&plane, &answers);
    check("wait", &plane, &BY_PROGRAM);
    program(&plane, &answers);
    check("wait-json", &plane, &[&BY_PROGRAM[..], &["--output=json"]].concat());
}

#[test]
fn a_cluster_that_fails_ends_it() {
    let plane = Plane::new();
    let failing = document(&[("east", "%", "success"), ("west", "%", "failure")]);
    let failing = failing.replace("\"failure\"", "\"failure\", \"message\": \"no disk left\"");
    program(&plane, &[&failing]);
    check("wait-failure", &plane, &BY_PROGRAM);
    // A short one is tolerated.
    let healed = document(&[("east", "%", "success"), ("west", "%", "success")]);
    program(&plane, &[&failing, &failing, &healed]);
    let seen = plane.wob(&[&BY_PROGRAM[..6], &["--tolerate=1h", "--subscribers=2"]].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn time_ends_it() {
    let plane = Plane::new();
    program(&plane, &[&document(&[("east", "%", "success")])]);
    check("wait-timeout", &plane, &[&BY_PROGRAM[..], &["--timeout=0"]].concat());
    program(&plane, &["no JSON"]);
    check("wait-garbage", &plane, &BY_PROGRAM);
    program(&plane, &[&document(&[("east", "%", "success"), ("east", "%", "success")])]);
    let seen = plane.wob(&BY_PROGRAM);
    assert!(seen.starts_with("exit: 32\n") && seen.contains("names `east` twice"), "{seen}");
}

#[test]
fn nobody_is_enough_only_if_that_is_said() {
    let plane = Plane::new();
    fs::write(plane.fleet().join("clusters.json"), document(&[])).unwrap();
    let args = ["wait", "dev", "--commit", COMMIT, "--source=clusters.json"];
    check("wait-for-whom", &plane, &args);
    check("wait-for-nobody", &plane, &[&args[..], &["--subscribers=0"]].concat());
    check("wait-allow-none", &plane, &[&args[..], &["--allow-none"]].concat());
    let seen = plane.wob(&[&args[..], &["--subscribers=1", "--timeout=0"]].concat());
    assert!(
        seen.starts_with("exit: 32\n") && seen.contains("1 subscriber never reported"),
        "{seen}"
    );
}

#[test]
fn settings_say_what_the_command_line_does_not() {
    let plane = Plane::new();
    let settings = "wait: {source: {command: [./clusters.sh]}, subscribers: 3, tolerateSeconds: 0}\n\
                    environments: {dev: {wait: {subscribers: 1, timeoutSeconds: 0}}}\n";
    fs::write(plane.fleet().join("wob.yaml"), settings).unwrap();
    program(&plane, &[&document(&[("east", "%", "success")])]);
    let seen = plane.wob(&["wait", "dev", "--commit", COMMIT]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let seen = plane.wob(&["wait", "stage", "--commit", COMMIT, "--timeout=0"]);
    assert!(seen.starts_with("exit: 32\n") && seen.contains("1 of 3 are at"), "{seen}");
    let wrong =
        "wait: {source: [x], subscribers: many, tolerateSeconds: -1, sorce: {command: []}}\n";
    fs::write(plane.fleet().join("wob.yaml"), wrong).unwrap();
    check("wait-wrong-settings", &plane, &["wait", "dev", "--commit", COMMIT]);
}

#[test]
fn wrong_words_are_usage_errors() {
    let plane = Plane::new();
    check("wait-unknown-environment", &plane, &["wait", "deb", "--commit", COMMIT, "--allow-none"]);
    check("wait-without-forge", &plane, &["wait", "dev", "--commit", COMMIT, "--subscribers=1"]);
    check("wait-short-commit", &plane, &["wait", "dev", "--commit", "0123", "--subscribers=1"]);
    check("wait-wrong-time", &plane, &["wait", "dev", "--timeout", "soon"]);
    let seen = plane.wob(&["wait", "dev", "--commit", COMMIT, "--exec=../x", "--subscribers=1"]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("inside of the workspace"), "{seen}");
    let seen = plane.wob(&["wait", "dev", "--subscribers=1", "--source=x.json"]);
    assert!(
        seen.starts_with("exit: 32\n") && seen.contains("name the commit with --commit"),
        "{seen}"
    );
}

/// An environment may have several GitOpsRepos; each holds another commit.
#[test]
fn one_of_several_repositories_is_chosen() {
    let plane = Plane::new();
    let second = plane.folder().join("second.git").display().to_string();
    git(plane.folder(), &["init", "-q", "--bare", "second.git"]);
    plane.git(&["checkout", "-q", "dev"]);
    let spec = format!("  repo: {second}\n  branch: europe\n  path: .\n");
    plane.commit("a second repository", &[("second.yaml", &object("GitOpsRepo", "second", &spec))]);
    plane.git(&["checkout", "-q", "main"]);
    let mut commits = vec![];
    for (repository, branch) in
        [("gitops.git", "dev"), ("second.git", "europe"), ("second.git", "asia")]
    {
        let into = format!("{}#{branch}", plane.folder().join(repository).display());
        let seen = plane.wob(&["build", "//env:dev", "--into", &into]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let at = plane.folder().join(repository);
        let tree = format!("{branch}^{{tree}}");
        // Equal trees are equal commits, so that each gets another message.
        let id = git(&at, &["commit-tree", "-m", branch, "-p", branch, &tree]);
        git(&at, &["update-ref", &format!("refs/heads/{branch}"), &id]);
        commits.push(id);
    }
    program(&plane, &[&document(&[("east", "%", "success")])]);
    let waited = |repo: &[&str]| {
        let args = ["wait", "dev", "--exec=clusters.sh", "--subscribers=1", "--output=json"];
        plane.wob(&[&args[..], repo].concat())
    };
    let asia = format!("{second}#asia");
    for (repo, commit) in [
        (&[][..], &commits[0]),
        (&["--repo=dev"], &commits[0]),
        (&["--repo=second"], &commits[1]),
        (&["--repo", &second], &commits[1]),
        (&["--repo=../second.git"], &commits[1]),
        (&["--repo", &asia], &commits[2]),
    ] {
        let seen = waited(repo);
        assert!(
            seen.starts_with("exit: 0\n") && seen.contains(commit.as_str()),
            "{repo:?} {commit}: {seen}"
        );
        assert_eq!(
            seen.contains("has several GitOpsRepos, `dev`, `second`"),
            repo.is_empty(),
            "{seen}"
        );
    }
    let seen = waited(&["--repo=secnd"]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("did you mean `second`?"), "{seen}");
    // What wob.yaml says of publishing holds for waiting, too.
    fs::write(plane.fleet().join("wob.yaml"), format!("publish: {{repo: \"{asia}\"}}\n")).unwrap();
    let seen = waited(&[]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains(&commits[2]), "{seen}");
}

#[test]
fn the_forge_says_what_clusters_run_and_hears_of_it() {
    let Some((mut plane, forge)) = on_a_forge("promotion: [dev, stage]\n") else { return };
    let variables = forge.variables();
    let wob = |plane: &Plane, args: &[&str]| forge.wob(plane, args);
    let into = format!(
        "{}#gitops-{{environment}}",
        plane.folder().join("served/org/gitops.git").display()
    );
    let promote = ["promote", "main", "--to"];
    let deploy = |plane: &Plane, name: &str| {
        let seen = wob(plane, &["build", &format!("//env:{name}"), "--into", &into]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let branch = format!("gitops-{name}");
        git(&plane.folder().join("served/org/gitops.git"), &["rev-parse", &branch])
    };
    let two = plane.git(&["rev-parse", "main"]);
    let seen = wob(&plane, &[&promote[..], &["dev"]].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let commit = deploy(&plane, "dev");
    plane.call(&commit, "<gitops>");
    let hide = |text: &str| text.replace(&forge.server.url(), "http://forge.example");
    let check = |name: &str, plane: &Plane, args: &[&str]| {
        let seen = format!("$ wob {}\n{}", args.join(" "), hide(&wob(plane, args)));
        with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
    };
    // Nothing is known of dev yet, so stage does not get it.
    check("promote-not-deployed", &plane, &[&promote[..], &["stage"]].concat());
    check("promote-offline", &plane, &[&promote[..], &["stage", "--offline"]].concat());
    forge.say(&commit, "kustomization/large/1", "success", "applied");
    forge.say(&commit, "kustomization/large/2", "failure", "health check failed");
    forge.say(&commit, "lint", "failure", "too long");
    let wait = ["wait", "dev", "--subscribers=2", "--tolerate=0", "--interval=1ms"];
    fs::write(
        plane.fleet().join("wob.yaml"),
        "promotion: [dev, stage]\nwait: {statuses: [kustomization/*]}\n",
    )
    .unwrap();
    check("wait-forge-failure", &plane, &wait);
    let short = &commit[..10];
    assert_eq!(forge.said(&two), [format!("dev environment: failure: Failed to deploy {short}")]);
    check("promote-failed", &plane, &[&promote[..], &["stage"]].concat());
    forge.say(&commit, "kustomization/large/2", "success", "applied");
    check("wait-forge", &plane, &wait);
    assert_eq!(forge.said(&two), [format!("dev environment: success: Deployed {short}")]);
    forge.server.model(|it| {
        it.branches.insert("deployment/dev/1".to_owned(), commit.clone());
        let [title, body, head, base] =
            ["Deploy dev", "", "deployment/dev/1", "gitops-dev"].map(|it| Some(it.to_owned()));
        it.open([title, body, head, base]).unwrap();
    });
    check("status-forge", &plane, &["status"]);
    let seen = wob(&plane, &[&promote[..], &["stage"]].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    // Who may not say anything there still waits.
    let mine = [(variables[0].0, &*variables[0].1), ("GITHUB_TOKEN", "another")];
    let seen = plane.wob_with(
        &["wait", "dev", "--commit", COMMIT, "--source=x.json", "--allow-none", "--tolerate=0"],
        &mine,
    );
    assert!(seen.starts_with("exit: 32\n") && !seen.contains("another"), "{seen}");
}

#[test]
fn an_address_says_what_clusters_run() {
    let Some((plane, forge)) = on_a_forge("") else { return };
    let source = format!("--source={}/clusters.json", forge.server.url());
    let args = ["wait", "dev", "--commit", COMMIT, "--subscribers=1", "--tolerate=0", &source];
    let seen = plane.wob(&args);
    assert!(seen.starts_with("exit: 32\n") && seen.contains("answers with status 404"), "{seen}");
    let answer = document(&[("east", COMMIT, "success")]);
    fs::write(plane.folder().join("served/clusters.json"), answer).unwrap();
    let seen = plane.wob(&args);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    // What proves who asks is not shown.
    let secret = source.replace("http://", "http://user:hunter2@") + "?key=hunter2";
    let seen = plane.wob(&[&args[..6], &[&secret.replace("clusters", "nothing")]].concat());
    assert!(seen.starts_with("exit: 32\n") && !seen.contains("hunter2"), "{seen}");
}

#[test]
fn a_control_plane_that_cannot_be_read_is_the_reason() {
    let plane = Plane::new();
    let path = plane.fleet().join(".environments/dev.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("branch: dev", "branch: nowhere")).unwrap();
    let seen = plane.wob(&["wait", "dev", "--commit", COMMIT, "--allow-none", "--source=x.json"]);
    assert!(seen.starts_with("exit: 32\n") || seen.starts_with("exit: 1\n"), "{seen}");
    assert!(seen.contains("environment `dev`"), "{seen}");
}
