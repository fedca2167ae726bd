//! The pipelines of examples/: their grammar, their shell, and that wob understands what they ask of it.

mod github;
mod gitlab;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{ROOT, wob_in};

/// Reads the pipelines of a folder of examples.
fn pipelines(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(ROOT).join("examples").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|it| it.extension().is_some_and(|it| it == extension)).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn the_workflows_for_github_are_well_formed() {
    for (path, text) in pipelines("github-actions", "yaml") {
        let workflow = serde_yaml::from_str(&text).unwrap();
        assert_eq!(github::problems(&workflow), [""; 0], "{}", path.display());
        for script in github::scripts(&workflow) {
            assert_eq!(shell_problems(&script), [""; 0], "{}", path.display());
        }
    }
}

#[test]
fn the_pipeline_for_gitlab_is_well_formed() {
    for (path, text) in pipelines("gitlab-ci", "yml") {
        let pipeline = serde_yaml::from_str(&text).unwrap();
        assert_eq!(gitlab::problems(&pipeline), [""; 0], "{}", path.display());
        for script in gitlab::scripts(&pipeline) {
            assert_eq!(shell_problems(&script), [""; 0], "{}", path.display());
        }
    }
}

/// A linter that knows far more than we do, where it is installed.
#[test]
fn actionlint_agrees() {
    let paths = pipelines("github-actions", "yaml").into_iter().map(|it| it.0);
    let Ok(output) = Command::new("actionlint").args(paths).output() else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// Each of these is one mistake, and each is found.
#[test]
fn mistakes_are_found() {
    let (_, text) = pipelines("github-actions", "yaml").pop().unwrap();
    for (from, to) in [
        ("pull_request:", "pull_requests:"),
        ("runs-on: ubuntu-latest", "run-on: ubuntu-latest"),
        ("needs: check", "needs: chek"),
        ("steps.affected.outputs", "steps.afected.outputs"),
        ("needs.check.outputs.matrix", "needs.check.outputs.matrx"),
        ("actions/checkout@v6", "actions/checkout"),
        ("${{ github.token }}", "${{ gihub.token }}"),
        ("${{ github.token }}", "${{ github.token }"),
        ("permissions:\n  contents: read\n", ""),
        ("contents: read", "contents: reed"),
        ("timeout-minutes: 15", "timeout: 15"),
        ("run: wob check --schemas", "run: wob check --schemas ${{ github.head_ref }}"),
        ("        run: wob check --schemas", "        uses: a/b@v1\n        run: wob check"),
    ] {
        assert!(text.contains(from), "{from}");
        let workflow = serde_yaml::from_str(&text.replacen(from, to, 1)).unwrap();
        assert_ne!(github::problems(&workflow), [""; 0], "{to}");
    }
    let (_, text) = pipelines("gitlab-ci", "yml").pop().unwrap();
    for (from, to) in [
        ("stages: [validate,", "stages: [validated,"),
        ("extends: .merge_request", "extends: .merge_requests"),
        ("  script:\n    - git fetch", "  scripts:\n    - git fetch"),
        ("resource_group:", "resourcegroup:"),
        ("    - if: $CI_COMMIT_BRANCH\n", "    - when: somtimes\n"),
    ] {
        assert!(text.contains(from), "{from}");
        let pipeline = serde_yaml::from_str(&text.replacen(from, to, 1)).unwrap();
        assert_ne!(gitlab::problems(&pipeline), [""; 0], "{to}");
    }
    for script in
        ["if true; then", "echo $(wob", "wob chekc", "wob publish --isues", "x=$(wob list --jsn)"]
    {
        assert_ne!(shell_problems(script), [""; 0], "{script}");
    }
}

/// Returns what is wrong with a script: its grammar, and how it calls wob.
fn shell_problems(script: &str) -> Vec<String> {
    let mut problems = vec![];
    let mut shell = Command::new("bash");
    shell.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Ok(mut shell) = shell.spawn() {
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        if !output.status.success() {
            problems.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    let words = |line: &str| -> Vec<String> {
        line.split([' ', '(', ')', ';', '|']).map(str::to_owned).collect()
    };
    for line in script.lines().map(words) {
        for at in 0..line.len() {
            // A file called so is no call of it.
            if line[at] == "wob" && at + 1 < line.len() {
                problems.extend(call_problems(&line[at + 1], &line[at + 2..]));
            }
        }
    }
    problems
}

/// Returns what wob would say about a call of it.
fn call_problems(command: &str, words: &[String]) -> Vec<String> {
    let help = wob_in(Path::new(ROOT), &["help", command]);
    if !help.starts_with("exit: 0\n") {
        return vec![format!("no command `{command}`")];
    }
    let flags =
        words.iter().filter_map(|it| it.split('=').next().filter(|it| it.starts_with("--")));
    let unknown = flags.filter(|flag| {
        !help.split_whitespace().any(|it| it.trim_end_matches(',').split('=').next() == Some(flag))
    });
    unknown.map(|flag| format!("`wob {command}` has no `{flag}`")).collect()
}

/// Returns the keys of a mapping; none if it is something else.
fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|it| it.0.as_str()).collect()
}

/// Says which keys of `value` are not `known`.
fn unknown(what: &str, value: &Value, known: &[&str]) -> Vec<String> {
    let unknown = keys(value).into_iter().filter(|it| !known.contains(it));
    unknown.map(|key| format!("{what}: unknown key `{key}`")).collect()
}

/// Returns the texts of a text or a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![],
    }
}
