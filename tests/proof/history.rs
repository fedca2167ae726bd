//! A whole history: each commit has a verdict, the same as it has alone.

use super::{
    check, json,
    plane::{Plane, put},
};
use crate::{git_server::GitServer, support::git};

#[test]
fn five_promotions_with_one_bad_commit() {
    let plane = Plane::new();
    let mut commits = vec![plane.build()];
    for release in ["second", "third"] {
        plane.promote(release);
        commits.push(plane.build());
    }
    let good = ["audit", "--against", "../gitops.git#..stage"];
    assert_eq!(json(&plane.root(), &good).0, 0);
    commits.push(plane.by_hand(put(&[("large/app-uat/namespace.yaml", "kind: Mine\n")])));
    for release in ["fourth", "fifth"] {
        plane.promote(release);
        commits.push(plane.build());
    }
    check("audit-against-history", &plane.root(), &good);
    let (exit, seen) = json(&plane.root(), &good);
    let verdicts: Vec<_> = seen["trees"].as_array().unwrap().iter().collect();
    assert_eq!((exit, verdicts.len()), (5, 6));
    for (tree, id) in verdicts.iter().zip(&commits) {
        let (_, alone) =
            json(&plane.root(), &["audit", "--against", &format!("../gitops.git#{id}")]);
        assert_eq!(**tree, alone["trees"][0], "what was made before does not matter");
    }
    let after = format!("../gitops.git#{}..stage", commits[3]);
    let (exit, seen) = json(&plane.root(), &["audit", "--against", &after]);
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (0, 2));
    let other = format!("../gitops.git#{}..{}", commits[4], commits[1]);
    let seen = plane.wob(&["audit", "--against", &other]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("is not before"), "{seen}");
}

/// Of a host, the history is fetched too, also where only a commit was before.
#[test]
fn the_history_is_fetched() {
    let plane = Plane::new();
    plane.build();
    plane.promote("second");
    plane.build();
    let Some(server) = GitServer::start(&plane.path(".")) else { return };
    let url = server.url("gitops.git");
    let audit = |what: &str| json(&plane.root(), &["audit", "--against", &format!("{url}#{what}")]);
    let (exit, seen) = audit("stage");
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (0, 1), "{seen}");
    let (exit, seen) = audit("..stage");
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (0, 2), "{seen}");
    let (exit, seen) = audit(&format!("{}..stage", seen["trees"][0]["commit"].as_str().unwrap()));
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (0, 1), "{seen}");
    let seen = plane.wob(&["audit", "--against", &format!("{url}#nope")]);
    assert!(seen.starts_with("exit: 2\n"), "{seen}");
}

/// A branch begins with an empty commit, as the guide says; a commit that empties it is something else.
#[test]
fn the_empty_beginning_of_a_branch_is_no_tree() {
    let plane = Plane::new();
    let gitops = plane.path("gitops.git");
    let empty = git(&gitops, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let make = |arguments: &[&str]| git(&gitops, &[&["commit-tree", &empty], arguments].concat());
    let first = make(&["-m", "empty"]);
    git(&gitops, &["update-ref", "refs/heads/stage", &first]);
    let built = plane.build();
    assert_eq!(git(&gitops, &["rev-parse", &format!("{built}^")]), first);
    let range = ["audit", "--against", "../gitops.git#..stage"];
    let (exit, seen) = json(&plane.root(), &range);
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (0, 1), "{seen}");
    let (exit, _) = json(&plane.root(), &["audit", "--against", &format!("../gitops.git#{first}")]);
    assert_eq!(exit, 36);
    let last = make(&["-p", &built, "-m", "all gone"]);
    git(&gitops, &["update-ref", "refs/heads/stage", &last]);
    let (exit, seen) = json(&plane.root(), &range);
    assert_eq!((exit, seen["trees"].as_array().unwrap().len()), (36, 2), "{seen}");
}
