//! What `wob lock` writes, and that builds read what is written.

use std::fs;

use super::{Fleet, check, json, new_version, transcript};
use crate::support::{commit, contents, git, without_record, write};

#[test]
fn a_lock_is_made_and_kept() {
    let fleet = Fleet::new(&["app", "shop"]);
    let seen =
        transcript(&fleet, &[&["lock", "--check"], &["lock"], &["lock"], &["lock", "--check"]]);
    check("made", &format!("{seen}{}", fleet.lock()));
}

#[test]
fn what_is_locked_is_built_whatever_the_branch_does() {
    let fleet = Fleet::new(&["app"]);
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    fleet.ends(0, &["lock"]);
    let second = new_version(&fleet, "app", "2");
    fleet.ends(0, &["build"]);
    assert_eq!(fleet.built_at("app"), first);
    let record = fleet.record();
    let sources = record["sources"].as_array().unwrap();
    let source = sources.iter().find(|it| it["role"] == "workload").unwrap();
    // An origin says what was asked for, not only what was found.
    assert_eq!((&source["url"], &source["reference"]), (&"../app".into(), &"main".into()));
    assert_eq!(source["tree"], git(&fleet.app("app"), &["rev-parse", &format!("{first}:deploy")]));
    assert_eq!((&source["dirty"], &record["dirty"]), (&false.into(), &false.into()));

    // `wob lock` never moves it; `wob update` does.
    let before = fleet.lock();
    fleet.ends(0, &["lock"]);
    assert_eq!(fleet.lock(), before);
    fleet.ends(0, &["update"]);
    fleet.ends(0, &["build"]);
    assert_eq!(fleet.built_at("app"), second);
}

#[test]
fn what_is_missing_is_added_and_what_is_unused_removed() {
    let fleet = Fleet::new(&["app", "shop"]);
    fleet.ends(0, &["lock"]);
    let block = |lock: &str, name: &str| {
        let blocks = lock.split("\n[[input]]\n").map(str::to_owned);
        blocks.into_iter().find(|it| it.contains(&format!("name = \"{name}\"")))
    };
    let before = fleet.lock();
    new_version(&fleet, "app", "2");
    fs::remove_file(fleet.at().join("base/workloads/shop.yaml")).unwrap();
    fleet.make_app("wiki");
    fleet.register("wiki", "main", "deploy");
    let seen = transcript(&fleet, &[&["lock", "--check"], &["build"], &["lock"]]);
    check("added-and-removed", &seen);
    let after = fleet.lock();
    assert_eq!(block(&after, "app"), block(&before, "app"));
    assert_eq!(block(&after, "shop"), None);
    assert!(block(&after, "wiki").is_some());
}

#[test]
fn the_text_does_not_depend_on_how_it_came_about() {
    let one = Fleet::new(&["app", "shop", "wiki"]);
    one.ends(0, &["lock"]);
    let other = Fleet::new(&["wiki"]);
    other.ends(0, &["lock"]);
    for name in ["shop", "app"] {
        other.make_app(name);
        other.register(name, "main", "deploy");
        other.ends(0, &["lock"]);
    }
    assert_eq!(other.lock(), one.lock());
    // A text that says the same is made the canonical one.
    let blocks: Vec<String> = one.lock().split("\n[[input]]\n").map(str::to_owned).collect();
    let reversed: Vec<String> =
        blocks[1..].iter().rev().map(|it| format!("\n[[input]]\n{it}")).collect();
    write(&other.at(), &[("wob.lock", &format!("{}{}", blocks[0], reversed.concat()))]);
    other.ends(5, &["lock", "--check"]);
    other.ends(0, &["lock"]);
    assert_eq!(other.lock(), one.lock());
}

/// A commit that touches nothing in the folder changes nothing but what the record says of the commit.
#[test]
fn a_new_commit_beside_the_folder_changes_nothing() {
    let fleet = Fleet::new(&["app"]);
    let built = |commit: &str| {
        fleet.ends(0, &["build"]);
        assert_eq!(fleet.built_at("app"), commit);
        let files = contents(&fleet.at().join("wob-out/dev"));
        (without_record(files), fleet.record())
    };
    fleet.ends(0, &["lock"]);
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    let (files, record) = built(&first);
    let second = commit(&fleet.app("app"), &[("src/main.rs", "fn main() {}")]);
    let seen = json(&fleet.ends(0, &["update", "--output=json"]));
    let moved = &seen["locks"][0]["updated"][0];
    assert_eq!((&moved["affected"], &moved["commits"]), (&0.into(), &1.into()));
    assert_eq!(moved["from"]["tree"], moved["to"]["tree"]);
    let (files_after, mut record_after) = built(&second);
    assert_eq!(files_after, files);
    assert_eq!(record_after["assignments"], record["assignments"], "not even an input is another");
    let sources = record_after["sources"].as_array_mut().unwrap();
    sources.iter_mut().find(|it| it["commit"] == second.as_str()).unwrap()["commit"] = first.into();
    assert_eq!(record_after, record);
}

/// The lock is for everybody: what one user reads instead does not count, and is kept apart.
#[test]
fn overrides_of_one_user_do_not_count() {
    let fleet = Fleet::new(&["app"]);
    write(&fleet.at(), &[("wob.local.yaml", "inputs:\n  - {url: ../app, path: ../elsewhere}\n")]);
    write(&fleet.app("elsewhere"), &[("deploy/workload.yaml", &super::workload("app", "9"))]);
    fleet.ends(0, &["lock"]);
    assert!(fleet.lock().contains("name = \"app\""), "{}", fleet.lock());
    fleet.ends(0, &["build", "--locked"]);
    assert_eq!(fleet.record()["dirty"], true, "an override wins over the lock");
    let seen = fleet.ends(2, &["lock", "--override-input=../app=../elsewhere"]);
    assert!(seen.contains("wob.lock is for everybody"), "{seen}");
    fleet.ends(2, &["lock", "--env=dev"]);
    // What the workspace itself reads instead need not be locked.
    let settings = fs::read_to_string(fleet.at().join("wob.yaml")).unwrap();
    write(
        &fleet.at(),
        &[
            ("wob.yaml", &format!("{settings}\ninputs:\n  - {{url: ../app, path: own}}\n")),
            ("own/deploy/workload.yaml", &super::workload("app", "9")),
            ("wob.local.yaml", ""),
        ],
    );
    let seen = fleet.ends(0, &["lock"]);
    assert!(seen.contains("removed app"), "{seen}");
    fleet.ends(0, &["build", "--locked"]);
}

/// Two folders of one branch are of one commit, even if one is locked later.
#[test]
fn folders_of_a_branch_stay_together() {
    let fleet = Fleet::new(&["app"]);
    let first = commit(&fleet.app("app"), &[("more/workload.yaml", &super::workload("more", "1"))]);
    fleet.ends(0, &["lock"]);
    let second = new_version(&fleet, "app", "2");
    fleet.register_at("more", "../app", "main", "more");
    fleet.ends(0, &["build"]);
    assert_eq!(fleet.built_at("more"), first);
    fleet.ends(0, &["lock"]);
    assert_eq!(fleet.lock().matches(&format!("commit = \"{first}\"")).count(), 2);
    fleet.ends(0, &["update", "more"]);
    assert_eq!(fleet.lock().matches(&format!("commit = \"{second}\"")).count(), 2);
    // A folder that the locked commit does not have needs a newer one.
    commit(&fleet.app("app"), &[("late/workload.yaml", &super::workload("late", "1"))]);
    fleet.register_at("late", "../app", "main", "late");
    let seen = fleet.ends(1, &["lock"]);
    assert!(seen.contains("no folder `late`") && seen.contains("wob update late"), "{seen}");
    fleet.ends(0, &["update", "late"]);
    fleet.ends(0, &["build", "--locked"]);
}

/// What cannot be read may name inputs, so nothing is removed.
#[test]
fn nothing_is_removed_while_sources_are_wrong() {
    let fleet = Fleet::new(&["app", "shop"]);
    fleet.ends(0, &["lock"]);
    let before = fleet.lock();
    let file = fleet.at().join("base/workloads/shop.yaml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("metadata:", "metadata: [")).unwrap();
    let seen = fleet.ends(1, &["lock"]);
    assert!(seen.contains("kept shop"), "{seen}");
    assert_eq!(fleet.lock(), before);
    fs::write(&file, good).unwrap();
    fleet.ends(0, &["lock", "--check"]);
}

#[test]
fn a_workspace_without_other_repositories_needs_no_lock() {
    let fleet = Fleet::new(&[]);
    for args in [&["lock"][..], &["lock", "--check"], &["update"], &["build", "--locked"]] {
        fleet.ends(0, args);
    }
    assert!(!fleet.at().join("wob.lock").exists());
    check("nothing-to-lock", &transcript(&fleet, &[&["lock"], &["update"]]));
}
