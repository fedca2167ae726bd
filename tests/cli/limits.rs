//! `limits.fileBytes` in wob.yaml, and `--jobs`.

use std::fs;

use tempfile::TempDir;

use super::{check, copy_example};
use crate::support::{contents, wob_in};

#[test]
fn a_file_over_the_limit_is_refused_by_name() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let settings = fs::read_to_string(temp.path().join("wob.yaml")).unwrap();
    let config = temp.path().join("environments/dev/config/dev-config.yaml");
    let size = fs::metadata(&config).unwrap().len();
    let largest = contents(temp.path()).into_iter();
    let largest =
        largest.filter(|it| !it.0.ends_with("README.md")).map(|it| it.1.len()).max().unwrap();
    let limit = |bytes: &str| {
        let text = format!("{settings}limits: {{fileBytes: {bytes}}}\n");
        fs::write(temp.path().join("wob.yaml"), text).unwrap();
    };
    limit(&largest.to_string());
    let seen = wob_in(temp.path(), &["check"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    // Longer by a comment, so that this file alone is over the limit.
    let text = fs::read_to_string(&config).unwrap();
    let padding = "x".repeat(largest - usize::try_from(size).unwrap());
    fs::write(&config, format!("{text}# {padding}\n")).unwrap();
    check("limit-exceeded", temp.path(), &["build"]);
    limit(&(largest + 3).to_string());
    let seen = wob_in(temp.path(), &["build"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    limit("0");
    check("limit-wrong", temp.path(), &["check"]);
}

#[test]
fn jobs_are_a_number_of_threads() {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    let mut trees = vec![];
    for jobs in ["1", "2", "1024"] {
        let seen = wob_in(temp.path(), &["build", "--jobs", jobs, "--force"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        trees.push(contents(&temp.path().join("wob-out")));
        fs::remove_dir_all(temp.path().join("wob-out")).unwrap();
    }
    assert!(trees.iter().all(|it| *it == trees[0] && !it.is_empty()));
    for jobs in ["0", "1025", "-1", "many", ""] {
        let seen = wob_in(temp.path(), &["build", &format!("--jobs={jobs}")]);
        assert!(seen.starts_with("exit: 2\n") && seen.contains("--jobs"), "{seen}");
    }
    assert!(!temp.path().join("wob-out").exists());
}
