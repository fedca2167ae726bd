//! Records that somebody changed: whatever they say, the sources are asked.

use std::fs;

use serde_json::Value;
use wob_engine::{Blob, Digest, FilePath, Tree};

use super::{
    check, json,
    plane::{Plane, put},
};
use crate::support::{contents, git};

const STAGE: [&str; 3] = ["audit", "--against", "../gitops.git#stage"];
const PATH: &str = "large/app-uat/namespace.yaml";

/// Where the record of the cluster type lies that is tampered with.
const PART: &str = ".wob/parts/large.json";

/// Replaces texts of the record, and files with it: of the head, and of a part, which the head then names as it is.
fn tamper(plane: &Plane, files: &[(&str, &str)], head: &[(&str, &str)], part: &[(&str, &str)]) {
    let was = plane.part("large");
    let part = changed(&was, part);
    let digests = [&was, &part].map(|it| Digest::of(it.as_bytes()).to_string());
    let head = changed(&plane.record(), head);
    assert!(head.contains(&digests[0]), "{head}");
    let head = head.replacen(&digests[0], &digests[1], 1);
    plane.by_hand(put(&[files, &[(".wob/tree.json", &head), (PART, &part)]].concat()));
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replacen(from, to, 1)
    })
}

/// Returns a value of the head as it is written there.
fn of(plane: &Plane, pointer: &str) -> String {
    let record: Value = serde_json::from_str(&plane.record()).unwrap();
    record.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

/// Returns the digest that the record has for the file that is tampered with.
fn recorded(plane: &Plane) -> String {
    let part: Value = serde_json::from_str(&plane.part("large")).unwrap();
    part["files"][PATH.strip_prefix("large/").unwrap()].as_str().unwrap().to_owned()
}

/// Checks that the tree is damaged, for this reason.
fn check_damaged(plane: &Plane, reason: &str) {
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["verdict"]), (40, &"damaged".into()), "{seen}");
    assert!(seen["trees"][0]["reasons"].to_string().contains(reason), "{seen}");
}

#[test]
fn a_digest_alone_gives_it_away() {
    let plane = Plane::new();
    plane.build();
    let mine = Digest::of(b"kind: Mine\n").to_string();
    tamper(&plane, &[(PATH, "kind: Mine\n")], &[], &[(&recorded(&plane), &mine)]);
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
    tree.insert(&FilePath::new(PATH).unwrap(), Blob::new(b"kind: Mine\n".as_slice()));
    let large = tree.folder("large");
    let head = [
        (of(&plane, "/root"), tree.root().to_string()),
        (of(&plane, "/gitTree"), tree.git_id().to_string()),
        (of(&plane, "/parts/large/root"), large.root.to_string()),
        (of(&plane, "/parts/large/gitTree"), large.git_id.to_string()),
    ];
    let head = head.each_ref().map(|(a, b)| (a.as_str(), b.as_str()));
    let mine = Digest::of(b"kind: Mine\n").to_string();
    tamper(&plane, &[(PATH, "kind: Mine\n")], &head, &[(&recorded(&plane), &mine)]);
    let (exit, seen) = json(&plane.root(), &STAGE);
    let found = &seen["trees"][0];
    assert_eq!((exit, &found["verdict"]), (6, &"notReproducible".into()), "{seen}");
    let wob = found["differences"].as_array().unwrap();
    assert!(wob.iter().all(|it| it["by"] == "wob"), "{seen}");
    let paths: Vec<&Value> = wob.iter().map(|it| &it["path"]).collect();
    assert_eq!(paths, [PART, ".wob/tree.json", PATH]);
    check("audit-against-wob", &plane.root(), &STAGE);
}

#[test]
fn a_record_that_is_none_is_damaged() {
    for text in ["", "{", "[]", "{\"version\": 2, \"wob\": \"0.1.0\"}", "\u{0}"] {
        let plane = Plane::new();
        plane.build();
        plane.by_hand(put(&[(".wob/tree.json", text)]));
        let (exit, seen) = json(&plane.root(), &STAGE);
        assert_eq!((exit, &seen["trees"][0]["verdict"]), (40, &"damaged".into()), "{text:?}");
    }
}

#[test]
fn a_part_that_is_not_the_one_that_the_head_names_is_damaged() {
    let plane = Plane::new();
    plane.build();
    let (part, other) = (plane.part("large"), plane.part("small"));
    let mine = Digest::of(b"kind: Mine\n").to_string();
    let edited = changed(&part, &[(&recorded(&plane), &mine)]);
    let reason = "the record of its part `large` is not the one that it names";
    for text in ["", "{", &edited, &format!("{part}\n"), &other] {
        plane.by_hand(put(&[(PATH, "kind: Mine\n"), (PART, text)]));
        check_damaged(&plane, reason);
    }
    plane.by_hand(|at| fs::remove_file(at.join(PART)).unwrap());
    check_damaged(&plane, "the record of its part `large` is not there");
    // Two parts that changed their places, files and all.
    let plane = Plane::new();
    plane.build();
    plane.by_hand(|at| {
        for (one, two) in [("large", "small"), (PART, ".wob/parts/small.json")] {
            fs::rename(at.join(one), at.join("moved")).unwrap();
            fs::rename(at.join(two), at.join(one)).unwrap();
            fs::rename(at.join("moved"), at.join(two)).unwrap();
        }
    });
    check_damaged(&plane, "is not the one that it names");
}

/// The head names what lies there, but that is no record of this part.
#[test]
fn a_part_that_the_head_names_must_be_about_its_folder() {
    let with = |change: &dyn Fn(&str, &str) -> String| {
        let plane = Plane::new();
        plane.build();
        let (part, other) = (plane.part("large"), plane.part("small"));
        let next = change(&part, &other);
        let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
        let head = changed(&plane.record(), &[(&digest(&part), &digest(&next))]);
        plane.by_hand(put(&[(".wob/tree.json", &head), (PART, &next)]));
        plane
    };
    check_damaged(&with(&|_, other| other.to_owned()), "is about something else");
    check_damaged(&with(&|_, _| "{}".to_owned()), "does not hold what a record holds");
    // What another part says, under the name of this one.
    let renamed = |_: &str, other: &str| changed(other, &[("\"small\"", "\"large\"")]);
    check_damaged(&with(&renamed), "");
    for outside in ["../small/README.md", "/etc/passwd", "x/.git/config", ""] {
        let claims =
            |part: &str, _: &str| changed(part, &[("\"README.md\"", &format!("\"{outside}\""))]);
        check_damaged(&with(&claims), "it names a file that wob cannot have written");
    }
}

#[test]
fn what_the_record_says_beside_the_files_counts_too() {
    let plane = Plane::new();
    plane.build();
    tamper(&plane, &[], &[], &[("\"all\"", "\"other\"")]);
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["differences"][0]["path"]), (6, &PART.into()), "{seen}");
    assert_eq!(seen["trees"][0]["differences"][1]["path"], ".wob/tree.json", "{seen}");
    assert!(seen["trees"][0]["reasons"].to_string().contains("`assignments`"), "{seen}");
    // What would be a pattern is no name.
    let plane = Plane::new();
    plane.build();
    tamper(&plane, &[], &[("\"environment\": \"stage\"", "\"environment\": \"*/...\"")], &[]);
    assert_eq!(json(&plane.root(), &STAGE).0, 40);
    // How much a part holds is said in the head only.
    let plane = Plane::new();
    plane.build();
    tamper(&plane, &[], &[("\"assignments\": 2", "\"assignments\": 3")], &[]);
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["verdict"]), (6, &"notReproducible".into()), "{seen}");
    assert!(seen["trees"][0]["reasons"].to_string().contains("`parts`"), "{seen}");
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
        with(&format!("\"version\": 2,\n  {own}"), "\"version\": 3,\n  \"wob\": \"9.0.0\"");
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
        &[],
    );
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_ne!(exit, 0);
    assert_eq!(exit, 36, "the control plane pins another base: {seen}");
}
