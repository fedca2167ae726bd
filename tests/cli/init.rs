//! `wob init`: what it writes, and what it refuses.

use std::fs;

use tempfile::TempDir;

use super::check;
use crate::support::wob_in;

#[test]
fn a_missing_folder_is_made() {
    let temp = TempDir::new().unwrap();
    check("init", temp.path(), &["init", "fleet"]);
    assert!(temp.path().join("fleet/wob.yaml").is_file());
}

#[test]
fn an_empty_folder_and_a_fresh_clone_are_filled() {
    let temp = TempDir::new().unwrap();
    fs::create_dir(temp.path().join(".git")).unwrap();
    check("init-here", temp.path(), &["init"]);
    assert!(temp.path().join("wob.yaml").is_file());
}

#[test]
fn nothing_is_overwritten() {
    let temp = TempDir::new().unwrap();
    fs::write(temp.path().join("wob.yaml"), "mine").unwrap();
    check("init-refused", temp.path(), &["init"]);
    assert_eq!(fs::read_to_string(temp.path().join("wob.yaml")).unwrap(), "mine");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn the_global_folder_is_where_it_starts() {
    let temp = TempDir::new().unwrap();
    let seen = wob_in(temp.path(), &["init", "-C", "a", "b", "--quiet"]);
    assert_eq!(seen, "exit: 0\n----- stdout -----\n----- stderr -----\n");
    assert!(temp.path().join("a/b/wob.yaml").is_file());
}
