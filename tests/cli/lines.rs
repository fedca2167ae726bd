//! Which lines changes are told with: of values that are new or other those of the new side, of values that are gone those of the
//! old side, be it built or published.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{copy_example, edit};
use crate::support::{commit, git, wob_in, write};

/// The example in a repository, published, and edited since: a value of each kind is new, other and gone.
fn edited() -> TempDir {
    let temp = TempDir::new().unwrap();
    let at = temp.path().join("fleet");
    copy_example("fleet", &at);
    git(&at, &["init", "-q"]);
    write(&at, &[(".git/info/exclude", "home/\nwob-out/\n")]);
    let config = at.join("environments/prod/config/prod.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}  GOING: away\n")).unwrap();
    commit(&at, &[]);
    let seen = wob_in(&at, &["build", "//env:prod", "-o", "../gitops"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    edit(&config, "LOG_LEVEL: warn", "LOG_LEVEL: info");
    edit(&config, "port: 5432", "port: 5433");
    edit(&config, "  GOING: away\n", "  COMING: soon\n");
    temp
}

/// Returns the changes of config values: the path, and the lines with their side.
fn told(at: &Path, args: &[&str]) -> Vec<(Value, Vec<(String, String)>)> {
    let seen = wob_in(at, &[&["diff", "//env:prod", "--output=json"], args].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let json = seen.split("----- stdout -----\n").nth(1).unwrap();
    let json: Value =
        serde_json::from_str(json.split("----- stderr -----").next().unwrap()).unwrap();
    let changes = json["changes"].as_array().unwrap().iter();
    let changes = changes.filter(|it| it["class"] == "configValue");
    let line = |cause: &Value| {
        let at = &cause["at"];
        (
            cause["side"].as_str().unwrap().to_owned(),
            format!("{}:{}", at["file"].as_str().unwrap_or("?"), at["line"]),
        )
    };
    changes
        .map(|it| (it.clone(), it["causes"].as_array().unwrap().iter().map(line).collect()))
        .collect()
}

#[test]
fn every_value_has_the_line_of_its_side() {
    let temp = edited();
    let at = temp.path().join("fleet");
    let config = "environments/prod/config/prod.yaml";
    let number = |text: &str, word: &str| {
        let index = text.lines().position(|it| it.contains(word)).unwrap();
        format!("{config}:{}", index + 1)
    };
    let new = fs::read_to_string(at.join(config)).unwrap();
    let old = git(&at, &["show", &format!("HEAD:{config}")]);
    for (args, is_built) in [(&[][..], true), (&["--against", "../gitops"], false)] {
        let mut seen = [0; 4];
        for (change, lines) in told(&at, args) {
            let text = change.to_string();
            let (kind, expected) = if text.contains("COMING") {
                (0, Some(("after", number(&new, "COMING"))))
            } else if text.contains("LOG_LEVEL") {
                (1, Some(("after", number(&new, "LOG_LEVEL"))))
            } else if text.contains("5433") {
                (2, Some(("after", number(&new, "port: 5433"))))
            } else {
                assert!(text.contains("GOING"), "{text}");
                // Of what is gone from files, nothing here says where it came from.
                (3, is_built.then(|| ("before", number(&old, "GOING"))))
            };
            seen[kind] += 1;
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(side, at)| (side.to_owned(), at)).collect();
            assert_eq!(lines, expected, "{args:?}: {text}");
        }
        assert!(seen.iter().all(|it| *it > 0), "{args:?}: {seen:?}");
    }
}
