//! `wob help`, `--help`, `version`, `completion` and `schema`: what wob says about itself.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use super::check;
use crate::support::{ROOT, seen, wob_command, wob_in};

fn root() -> &'static Path {
    Path::new(ROOT)
}

#[test]
fn the_overview() {
    check("help", root(), &["--help"]);
    check("help-short", root(), &["-h"]);
}

#[test]
fn every_command_has_help_with_examples() {
    let overview = wob_in(root(), &["-h"]);
    let commands = overview.lines().skip_while(|it| *it != "Commands:").skip(1);
    let commands =
        commands.map_while(|line| line.trim().split(' ').next().filter(|it| !it.is_empty()));
    let mut count = 0;
    for command in commands {
        check(&format!("help-{command}"), root(), &["help", command]);
        count += 1;
    }
    assert!(count >= 5, "{overview}");
}

#[test]
fn unknown_words_are_usage_errors() {
    check("unknown-command", root(), &["biuld"]);
    check("unknown-topic", root(), &["help", "completoin"]);
    check("unknown-option", root(), &["version", "--ofline"]);
    check("no-command", root(), &[]);
    check("bad-override", root(), &["version", "--override-input", "x"]);
    check("bad-jobs", root(), &["version", "--jobs=0"]);
}

#[test]
fn the_version() {
    check("version", root(), &["version"]);
    check("version-json", root(), &["version", "--output=json"]);
}

#[test]
fn every_shell_gets_a_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let seen = wob_in(root(), &["completion", shell]);
        assert!(
            seen.starts_with("exit: 0\n") && seen.contains("override-input"),
            "{shell}: {seen}"
        );
    }
}

#[test]
fn every_page_can_be_read() {
    let codes = wob_in(root(), &["help", "codes"]);
    for entry in fs::read_dir(root().join("docs/diagnostics")).unwrap() {
        let path = entry.unwrap().path();
        let code = path.file_stem().unwrap().to_str().unwrap();
        assert!(codes.lines().any(|it| it == code), "engine/wob/pages.rs lacks `{code}`");
        let page = fs::read_to_string(&path).unwrap();
        assert!(wob_in(root(), &["help", code]).contains(&page), "{code}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut wob =
        wob_command(root(), &["completion", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, wob.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = wob.wait_with_output().unwrap();
    assert_eq!(seen(&output), "exit: 0\n----- stdout -----\n----- stderr -----\n");
}

/// Returns a schema that wob prints.
fn schema(of: &str) -> jsonschema::Validator {
    let seen = wob_in(root(), &["schema", of]);
    let schema = seen.split("----- stdout -----\n").nth(1).unwrap();
    let schema = schema.split("----- stderr -----").next().unwrap();
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// Holds every file called `name` below `folder` against `schema`; returns how many there are.
fn fits(schema: &jsonschema::Validator, folder: &Path, name: &str) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += fits(schema, &path, name);
        } else if path.file_name().is_some_and(|it| it == name) {
            let file = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            schema.validate(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            count += 1;
        }
    }
    count
}

/// The schemas are held against every such file in the repository.
#[test]
fn the_schemas_fit_what_is_there() {
    let (workspace, rule) = (schema("workspace"), schema("rule"));
    assert!(fits(&workspace, &root().join("examples"), "wob.yaml") >= 4);
    assert!(!workspace.is_valid(&serde_json::json!({ "version": 1, "enviroments": {} })));
    assert!(fits(&rule, &root().join("examples"), "rule.yaml") >= 3);
    assert!(fits(&rule, &root().join("rules/reconcilers"), "rule.yaml") >= 12);
    assert!(!rule.is_valid(&serde_json::json!({ "kind": "Rule" })));
}

#[test]
fn the_schema_knows_promotion_and_waiting() {
    let schema = schema("workspace");
    let wait =
        |it: serde_json::Value| serde_json::json!({ "environments": { "dev": { "wait": it } } });
    for right in [
        serde_json::json!({ "promotion": ["dev", "stage"], "promotionGate": "status" }),
        wait(serde_json::json!({ "source": "forge", "subscribers": 0, "statuses": ["flux/*"] })),
        wait(serde_json::json!({ "source": { "command": ["./x", "y"] }, "timeoutSeconds": 5 })),
    ] {
        schema.validate(&right).unwrap_or_else(|error| panic!("{right}: {error}"));
    }
    for wrong in [
        serde_json::json!({ "promotion": ["dev", "dev"] }),
        serde_json::json!({ "promotionGate": "never" }),
        wait(serde_json::json!({ "subscribers": "1" })),
        wait(serde_json::json!({ "source": { "command": [] } })),
        wait(serde_json::json!({ "sauce": "forge" })),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }
}
