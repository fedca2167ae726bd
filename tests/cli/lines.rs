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
    for args in [&[][..], &["--against", "../gitops"]] {
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
                // What is published says from which commit it was made.
                (3, Some(("before", number(&old, "GOING"))))
            };
            seen[kind] += 1;
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(side, at)| (side.to_owned(), at)).collect();
            assert_eq!(lines, expected, "{args:?}: {text}");
        }
        assert!(seen.iter().all(|it| *it > 0), "{args:?}: {seen:?}");
    }
}

/// Of what cannot be built again, or is not what was built, no line is told, but why not.
#[test]
fn lines_of_what_is_gone_are_those_of_what_is_there() {
    let temp = edited();
    let at = temp.path().join("fleet");
    let label = "//env/prod/depot:night-audit-books";
    let gone = |seen: &str| seen.contains("- ConfigMap") && seen.contains("GOING");
    let diff = || wob_in(&at, &["diff", label, "--against", "../gitops"]);
    let by = "(in the sources of ../gitops): GOING: away";
    let seen = diff();
    assert!(gone(&seen) && seen.contains(by), "{seen}");
    // Its file is another by hand, so that it is not known which line of the sources says what in it.
    let folder = temp.path().join("gitops/depot/night-audit-books");
    let file = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| fs::read_to_string(it).unwrap().contains("GOING"))
        .unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# by hand\n{text}")).unwrap();
    let seen = diff();
    assert!(gone(&seen) && !seen.contains(by), "{seen}");
    fs::write(&file, text).unwrap();
    // It was made from what nobody else has.
    let config = at.join("environments/prod/config/prod.yaml");
    edit(&config, "  COMING: soon\n", "  GOING: away\n");
    let seen = wob_in(&at, &["build", "//env:prod", "-o", "../gitops"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    edit(&config, "  GOING: away\n", "");
    let seen = diff();
    let reason = "note: which lines said what is gone from //env:prod is not known: controlPlane `prod` was overridden, or edited and not committed";
    assert!(gone(&seen) && !seen.contains(by) && seen.contains(reason), "{seen}");
    fs::remove_dir_all(temp.path().join("gitops/.wob")).unwrap();
    let seen = diff();
    assert!(!seen.contains(by), "{seen}");
}
