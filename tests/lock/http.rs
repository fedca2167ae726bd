//! Locked inputs that are fetched: the cache, the network, and what is never written.

use std::{fmt::Write as _, fs};

use super::{Fleet, json, new_version};
use crate::{
    git_server::GitServer,
    support::{contents, git, write},
};

/// Registers the workload `app` at its address on a server.
fn served(fleet: &Fleet) -> Option<GitServer> {
    let server = GitServer::start(fleet.at().parent().unwrap())?;
    fleet.register_at("app", &server.url("app"), "main", "deploy");
    Some(server)
}

#[test]
fn what_is_locked_is_built_from_the_cache() {
    let fleet = Fleet::new(&["app"]);
    let Some(server) = served(&fleet) else { return };
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    fleet.ends(0, &["lock"]);
    new_version(&fleet, "app", "2");
    let requests = server.requests();
    for args in [&["build"][..], &["build", "--locked"], &["build", "--offline"]] {
        fleet.ends(0, args);
        assert_eq!(fleet.built_at("app"), first);
    }
    assert_eq!(server.requests(), requests, "the cache had all of it");
    let online = contents(&fleet.at().join("wob-out"));
    // Without the cache, the same is fetched; and a build of nothing but the lock needs no network afterwards.
    fs::remove_dir_all(fleet.at().join("home")).unwrap();
    let seen = fleet.ends(1, &["check", "--offline"]);
    assert!(seen.contains(&first) && seen.contains("network may not be used"), "{seen}");
    fleet.ends(0, &["build", "--locked"]);
    assert!(server.requests() > requests);
    assert_eq!(contents(&fleet.at().join("wob-out")), online);
    // What lies between is not known of a clone without history.
    let seen = json(&fleet.ends(0, &["update", "--output=json"]));
    let moved = &seen["locks"][0]["updated"][0];
    assert_eq!((&moved["commits"], &moved["affected"]), (&serde_json::Value::Null, &1.into()));
}

/// Somebody rewrote the branch: whoever has the commit goes on, whoever has not is told.
#[test]
fn a_commit_that_is_gone_upstream_is_built_from_the_cache() {
    let fleet = Fleet::new(&["app"]);
    let Some(_server) = served(&fleet) else { return };
    let first = git(&fleet.app("app"), &["rev-parse", "HEAD"]);
    let second = new_version(&fleet, "app", "2");
    fleet.ends(0, &["lock"]);
    git(&fleet.app("app"), &["reset", "-q", "--hard", &first]);
    git(&fleet.app("app"), &["reflog", "expire", "--expire=now", "--all"]);
    git(&fleet.app("app"), &["gc", "-q", "--prune=now"]);
    fleet.ends(0, &["build"]);
    assert_eq!(fleet.built_at("app"), second);
    fs::remove_dir_all(fleet.at().join("home")).unwrap();
    for _ in 0..2 {
        let seen = fleet.ends(32, &["build", "--locked"]).replace("\n  │ ", " ");
        assert!(seen.contains("is gone") && seen.contains("wob update app"), "{seen}");
    }
}

#[test]
fn secrets_of_addresses_are_written_nowhere() {
    let fleet = Fleet::new(&["app"]);
    let Some(server) = served(&fleet) else { return };
    // Git's own settings lead the address to the server, which wants no password.
    let url = "https://ada:hush@example.invalid/app";
    let there = server.url("");
    let settings = format!("[url \"{there}\"]\n\tinsteadOf = https://ada:hush@example.invalid/\n");
    write(&fleet.at(), &[("home/.gitconfig", &settings)]);
    fleet.register_at("app", url, "main", "deploy");
    let mut all = String::new();
    for args in [
        &["lock", "--check"][..],
        &["lock"],
        &["lock", "--output=json"],
        &["update", "--output=json"],
        &["build", "--locked"],
        &["build", "--offline", "--output=json"],
    ] {
        let seen = fleet.wob(args);
        assert!(!seen.starts_with("exit: 3"), "{seen}");
        all += &seen;
    }
    all += &fleet.lock();
    let home = fleet.at().join("home");
    fs::remove_file(home.join(".gitconfig")).unwrap();
    for (path, bytes) in contents(&home).into_iter().chain(contents(&fleet.at().join("wob-out"))) {
        writeln!(all, "{path}\n{}", String::from_utf8_lossy(&bytes)).unwrap();
    }
    assert!(!all.contains("hush"), "{all}");
    assert!(fleet.lock().contains("url = \"https://example.invalid/app\""), "{}", fleet.lock());
    // The address with and without the user is the same input.
    fleet.ends(0, &["lock", "--check", "--offline"]);
    fleet.register_at("app", "https://example.invalid/app", "main", "deploy");
    fleet.ends(0, &["lock", "--check", "--offline"]);
}

/// A host that is down is no reason to forget what is locked.
#[test]
fn what_cannot_be_reached_stays_locked() {
    let fleet = Fleet::new(&["app", "shop"]);
    let Some(_server) = served(&fleet) else { return };
    fleet.ends(0, &["lock"]);
    let lock = fleet.lock();
    fleet.register_at("wiki", "http://127.0.0.1:1/wiki", "main", "deploy");
    let seen = fleet.ends(32, &["lock"]);
    assert!(seen.contains("not locked: wiki"), "{seen}");
    assert_eq!(fleet.lock(), lock);
    fleet.ends(5, &["lock", "--check"]);
    // What is there is locked all the same.
    fleet.make_app("blog");
    fleet.register("blog", "main", "deploy");
    fleet.ends(32, &["lock"]);
    assert!(fleet.lock().contains("name = \"blog\""), "{}", fleet.lock());
}
