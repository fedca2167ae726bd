//! Records that somebody changed: whatever they say, the sources are asked.

use serde_json::Value;
use wob_engine::{Blob, Digest, FilePath, Tree};

use super::{
    check, json,
    plane::{Plane, put},
};
use crate::support::{contents, git};

const STAGE: [&str; 3] = ["audit", "--against", "../gitops.git#stage"];
const PATH: &str = "large/app-uat/namespace.yaml";

/// Replaces texts of the record, and files with it.
fn tamper(plane: &Plane, files: &[(&str, &str)], changes: &[(&str, &str)]) {
    let mut text = plane.record();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replacen(from, to, 1);
    }
    plane.by_hand(put(&[files, &[(".wob/tree.json", &text)]].concat()));
}

/// Returns a value of the record as it is written there.
fn of(plane: &Plane, pointer: &str) -> String {
    let record: Value = serde_json::from_str(&plane.record()).unwrap();
    record.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

/// Returns the digest that the record has for the file that is tampered with.
fn recorded(plane: &Plane) -> String {
    of(plane, &format!("/files/{}", PATH.replace('/', "~1")))
}

#[test]
fn a_digest_alone_gives_it_away() {
    let plane = Plane::new();
    plane.build();
    let mine = Digest::of(b"kind: Mine\n").to_string();
    tamper(&plane, &[(PATH, "kind: Mine\n")], &[(&recorded(&plane), &mine)]);
    check("audit-against-damaged", &plane.root(), &STAGE);
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["verdict"]), (40, &"damaged".into()));
}

/// The whole record agrees with the tree; the sources do not.
#[test]
fn a_record_without_a_seam_is_not_reproducible() {
    let plane = Plane::new();
    plane.build();
    let checkout = plane.path("before");
    git(&plane.path("."), &["clone", "-q", "-b", "stage", "gitops.git", "before"]);
    let files = contents(&checkout).into_iter();
    let mut tree: Tree = files
        .filter(|(path, _)| !path.starts_with(".git/") && !path.starts_with(".wob/"))
        .map(|(path, bytes)| (FilePath::new(&path).unwrap(), Blob::new(bytes)))
        .collect();
    assert_eq!(tree.root().to_string(), of(&plane, "/root"));
    tree.insert(FilePath::new(PATH).unwrap(), Blob::new(b"kind: Mine\n".as_slice()));
    let changes = [
        (recorded(&plane), Digest::of(b"kind: Mine\n").to_string()),
        (of(&plane, "/root"), tree.root().to_string()),
        (of(&plane, "/gitTree"), tree.git_id().to_string()),
    ];
    let changes = changes.each_ref().map(|(a, b)| (a.as_str(), b.as_str()));
    tamper(&plane, &[(PATH, "kind: Mine\n")], &changes);
    let (exit, seen) = json(&plane.root(), &STAGE);
    let found = &seen["trees"][0];
    assert_eq!((exit, &found["verdict"]), (6, &"notReproducible".into()), "{seen}");
    let wob = found["differences"].as_array().unwrap();
    assert!(wob.iter().all(|it| it["by"] == "wob"), "{seen}");
    assert_eq!(wob.iter().map(|it| &it["path"]).collect::<Vec<_>>(), [".wob/tree.json", PATH]);
    check("audit-against-wob", &plane.root(), &STAGE);
}

#[test]
fn a_record_that_is_none_is_damaged() {
    for text in ["", "{", "[]", "{\"version\": 1, \"wob\": \"0.1.0\"}", "\u{0}"] {
        let plane = Plane::new();
        plane.build();
        plane.by_hand(put(&[(".wob/tree.json", text)]));
        let (exit, seen) = json(&plane.root(), &STAGE);
        assert_eq!((exit, &seen["trees"][0]["verdict"]), (40, &"damaged".into()), "{text:?}");
    }
}

#[test]
fn what_the_record_says_beside_the_files_counts_too() {
    let plane = Plane::new();
    plane.build();
    tamper(&plane, &[], &[("\"all\"", "\"other\"")]);
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["differences"][0]["path"]), (6, &".wob/tree.json".into()));
    assert!(seen["trees"][0]["reasons"].to_string().contains("`assignments`"), "{seen}");
    // What would be a pattern is no name.
    let plane = Plane::new();
    plane.build();
    tamper(&plane, &[], &[("\"environment\": \"stage\"", "\"environment\": \"*/...\"")]);
    assert_eq!(json(&plane.root(), &STAGE).0, 40);
    // Only its look: no build writes it so.
    let plane = Plane::new();
    plane.build();
    let record: Value = serde_json::from_str(&plane.record()).unwrap();
    plane.by_hand(put(&[(".wob/tree.json", &record.to_string())]));
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["differences"][0]["by"]), (5, &"hand".into()), "{seen}");
}

#[test]
fn another_version_is_said() {
    let own = format!("\"wob\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let with = |from: &str, to: &str| {
        let plane = Plane::new();
        plane.build();
        let text = plane.record();
        assert!(text.contains(from));
        let text = text.replacen(from, to, 1);
        plane.by_hand(put(&[(".wob/tree.json", &text)]));
        json(&plane.root(), &STAGE)
    };
    let (exit, seen) = with(&own, "\"wob\": \"0.0.9\"");
    assert!(exit == 0 && seen["trees"][0]["reasons"].to_string().contains("wob 0.0.9"), "{seen}");
    let (exit, seen) =
        with(&format!("\"version\": 1,\n  {own}"), "\"version\": 2,\n  \"wob\": \"9.0.0\"");
    assert_eq!((exit, &seen["trees"][0]["verdict"]), (36, &"notCheckable".into()), "{seen}");
    assert!(seen["trees"][0]["reasons"].to_string().contains("wob 9.0.0"), "{seen}");
}

/// The commits of another release, which are there, do not give this tree.
#[test]
fn other_sources_do_not_prove() {
    let plane = Plane::new();
    plane.build();
    let base = git(&plane.root(), &["rev-parse", "main"]);
    let tree = git(&plane.root(), &["rev-parse", "main^{tree}"]);
    plane.promote("second");
    plane.build();
    let of = |part: &str| git(&plane.root(), &["rev-parse", &format!("main{part}")]);
    tamper(
        &plane,
        &[],
        &[
            (&format!("\"{}\",\n      \"tree\"", of("")), &format!("\"{base}\",\n      \"tree\"")),
            (&of("^{tree}"), &tree),
        ],
    );
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_ne!(exit, 0);
    assert_eq!(exit, 36, "the control plane pins another base: {seen}");
}
