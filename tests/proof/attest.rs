//! `wob attest`: what it says is held against git, who signed it against openssl.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{
    check, json,
    plane::{Plane, put},
};
use crate::{
    cli::copy_example,
    support::{commit, git, seen, wob_command, wob_in, write},
};

const STAGE: &str = "--against=../gitops.git#stage";

/// Runs `wob`, which must end well, and returns what it printed on standard output.
fn printed(at: &Path, args: &[&str]) -> String {
    let output = wob_command(at, args).output().unwrap();
    assert!(output.status.success(), "{}", seen(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Says whether this machine has an openssl that knows ed25519, and makes a pair of keys with it.
fn keys(at: &Path) -> bool {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(at).output();
        output.is_ok_and(|it| it.status.success())
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"])
        && openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"])
}

/// Returns a plane that is built, with keys beside it; none where they cannot be made.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn with_keys() -> Option<(Plane, PathBuf)> {
    let plane = Plane::new();
    plane.build();
    let root = plane.root();
    if !keys(&root) {
        eprintln!("skipped: there is no openssl that knows ed25519");
        return None;
    }
    Some((plane, root))
}

#[test]
fn a_statement_names_the_tree_and_its_sources() {
    let plane = Plane::new();
    let root = plane.root();
    let before = printed(&root, &["attest", "//env:stage"]);
    plane.build();
    let after = printed(&root, &["attest", STAGE]);
    assert_eq!(before, after, "what is there is what was built");
    assert_eq!(after, printed(&root, &["attest", "//env:stage", STAGE, "--output=json"]));
    let statement: Value = serde_json::from_str(&after).unwrap();
    let gitops = |revision: &str| git(&plane.path("gitops.git"), &["rev-parse", revision]);
    let subject = |at: usize, digest: &str| statement["subject"][at]["digest"][digest].clone();
    assert_eq!(subject(0, "gitTree"), gitops("stage^{tree}"));
    assert_eq!(subject(2, "gitBlob"), gitops("stage:.wob/tree.json"));
    let record: Value = serde_json::from_str(&plane.record()).unwrap();
    assert_eq!(
        (&subject(1, "gitTree"), &subject(1, "wobRoot")),
        (&record["gitTree"], &record["root"])
    );
    let definition = &statement["predicate"]["buildDefinition"];
    let dependency = |name: &str| {
        let all = definition["resolvedDependencies"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap()["digest"].clone()
    };
    let own = |revision: &str| git(&root, &["rev-parse", revision]);
    assert_eq!(dependency("base/main")["gitCommit"], own("main"));
    assert_eq!(dependency("controlPlane/stage")["gitTree"], own("stage^{tree}"));
    let app = git(&plane.path("app"), &["rev-parse", "main:workload"]);
    assert_eq!(dependency("workload/app")["gitTree"], app);
    assert_eq!(definition["resolvedDependencies"].as_array().unwrap().len(), 3);
}

/// The fields of in-toto's `Statement` and `ResourceDescriptor` (spec/v1) and of SLSA's provenance v1, and no others.
#[test]
fn a_statement_has_the_shape_of_the_standards() {
    let (temp, at) = fleet();
    let statement = printed(&at, &["attest", "//env:prod"]);
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let fields = |of: &Value, known: &[&str], required: &[&str]| {
        let found: BTreeSet<&str> = of.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(found.iter().all(|it| known.contains(it)), "{found:?}");
        assert!(required.iter().all(|it| found.contains(it)), "{found:?}");
    };
    let top = ["_type", "subject", "predicateType", "predicate"];
    fields(&statement, &top, &top);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let predicate = &statement["predicate"];
    fields(predicate, &["buildDefinition", "runDetails"], &["buildDefinition", "runDetails"]);
    let definition = &predicate["buildDefinition"];
    let required = ["buildType", "externalParameters", "resolvedDependencies"];
    fields(definition, &[&required[..], &["internalParameters"]].concat(), &required);
    fields(&predicate["runDetails"], &["builder", "metadata", "byproducts"], &["builder"]);
    let builder = &predicate["runDetails"]["builder"];
    fields(builder, &["id", "version", "builderDependencies"], &["id", "version"]);
    let descriptor =
        ["name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"];
    let dependencies = definition["resolvedDependencies"].as_array().unwrap();
    for it in statement["subject"].as_array().unwrap().iter().chain(dependencies) {
        fields(it, &descriptor, &["digest", "name"]);
        for (algorithm, digest) in it["digest"].as_object().unwrap() {
            let length = if algorithm.starts_with("git") { 40 } else { 64 };
            let digest = digest.as_str().unwrap();
            assert!(digest.len() == length && digest.bytes().all(|it| it.is_ascii_hexdigit()));
            assert_eq!(digest, digest.to_lowercase());
        }
    }
    check("attest", &at, &["attest", "//env:prod"]);
    drop(temp);
}

/// An example of its own repository.
fn fleet() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let at = temp.path().join("fleet");
    copy_example("fleet", &at);
    git(&at, &["init", "-q"]);
    write(&at, &[(".git/info/exclude", "home/\nwob-out/\n*.pem\n*.pub\n*.json\n")]);
    commit(&at, &[]);
    git(&at, &["remote", "add", "origin", "https://git.example.org/org/fleet"]);
    (temp, at)
}

#[test]
fn a_signature_holds_and_openssl_agrees() {
    let Some((_plane, root)) = with_keys() else { return };
    let envelope = printed(&root, &["attest", STAGE, "--key=key.pem"]);
    assert_eq!(envelope, printed(&root, &["attest", STAGE, "--key=key.pem"]), "no time is in it");
    let plain = printed(&root, &["attest", STAGE]);
    fs::write(root.join("stage.json"), &envelope).unwrap();
    check("attest-verify", &root, &["attest", "verify", "stage.json", STAGE]);
    let verify = ["attest", "verify", "stage.json", "--key=key.pub", STAGE];
    let (exit, seen) = json(&root, &verify);
    assert_eq!((exit, &seen["signature"]), (0, &"good".into()), "{seen}");
    // Without wob: what is signed is put together by hand, and openssl looks at it.
    let parsed: Value = serde_json::from_str(&envelope).unwrap();
    let decoded = |text: &Value, to: &str| {
        fs::write(root.join("encoded"), text.as_str().unwrap()).unwrap();
        run(&root, &["base64", "-d", "-A", "-in", "encoded", "-out", to]);
        fs::read(root.join(to)).unwrap()
    };
    let payload = decoded(&parsed["payload"], "payload");
    assert_eq!(payload, plain.as_bytes());
    decoded(&parsed["signatures"][0]["sig"], "signature");
    let kind = parsed["payloadType"].as_str().unwrap();
    let signed = format!("DSSEv1 {} {kind} {} {plain}", kind.len(), payload.len());
    fs::write(root.join("signed"), signed).unwrap();
    run(
        &root,
        &[
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-inkey",
            "key.pub",
            "-in",
            "signed",
            "-sigfile",
            "signature",
        ],
    );
    run(&root, &["pkey", "-pubin", "-in", "key.pub", "-outform", "DER", "-out", "der"]);
    let digest = run(&root, &["dgst", "-sha256", "-r", "der"]);
    let id = parsed["signatures"][0]["keyid"].as_str().unwrap();
    assert!(digest.starts_with(id), "{digest} {id}");
    // Of a pipe, too.
    let mut child = wob_command(&root, &["attest", "verify", "-", "--key=key.pub"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(envelope.as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

fn run(at: &Path, args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).current_dir(at).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_is_signed_by_others_or_changed_does_not_hold() {
    let Some((plane, root)) = with_keys() else { return };
    let envelope = printed(&root, &["attest", STAGE, "--key=key.pem"]);
    let plain = printed(&root, &["attest", STAGE]);
    let verify = |text: &str| {
        fs::write(root.join("it.json"), text).unwrap();
        let (exit, seen) = json(&root, &["attest", "verify", "it.json", "--key=key.pub", STAGE]);
        (exit, seen["problems"].to_string())
    };
    assert_eq!(verify(&envelope), (0, "[]".to_owned()));
    let (exit, problems) = verify(&plain);
    assert!(exit == 40 && problems.contains("is not signed"), "{problems}");
    // Of the payload, one letter; of the signature, one.
    for field in ["payload", "sig"] {
        let begin = envelope.find(&format!("\"{field}\": \"")).unwrap() + field.len() + 60;
        let letter = &envelope[begin..=begin];
        let other = if letter == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &envelope[..begin], &envelope[begin + 1..]);
        fs::write(root.join("it.json"), changed).unwrap();
        let seen = plane.wob(&["attest", "verify", "it.json", "--key=key.pub"]);
        assert!(seen.starts_with("exit: 40\n"), "{field}: {seen}");
    }
    fs::rename(root.join("key.pub"), root.join("first.pub")).unwrap();
    assert!(keys(&root));
    let (exit, problems) = verify(&envelope);
    assert!(exit == 40 && problems.contains("is not signed by key"), "{problems}");
    fs::write(root.join("it.json"), "{\"some\": \"json\"}").unwrap();
    let seen = plane.wob(&["attest", "verify", "it.json", "--key=key.pub"]);
    assert!(seen.starts_with("exit: 40\n") && seen.contains("is no attestation"), "{seen}");
}

#[test]
fn another_tree_or_other_sources_do_not_hold() {
    let plane = Plane::new();
    let root = plane.root();
    plane.build();
    let statement = printed(&root, &["attest", STAGE]);
    fs::write(root.join("it.json"), &statement).unwrap();
    let verify = ["attest", "verify", "it.json", STAGE];
    assert_eq!(json(&root, &verify).0, 0);
    // A dependency that was not it.
    let app = git(&plane.path("app"), &["rev-parse", "main"]);
    let base = git(&root, &["rev-parse", "main"]);
    fs::write(root.join("it.json"), statement.replace(&app, &base)).unwrap();
    let (exit, seen) = json(&root, &verify);
    let problems = seen["problems"].to_string();
    assert!(exit == 40 && problems.contains("workload/app"), "{problems}");
    // Another environment, with another profile.
    fs::write(root.join("it.json"), statement.replace("\"standard\"", "\"kalypso\"")).unwrap();
    assert_eq!(json(&root, &verify).0, 40);
    fs::write(root.join("it.json"), &statement).unwrap();
    // The next release is another tree, and the first one still is the first.
    let first = plane.tip();
    plane.promote("second");
    plane.build();
    assert_eq!(json(&root, &verify).0, 40);
    let first = format!("--against=../gitops.git#{first}");
    assert_eq!(json(&root, &["attest", "verify", "it.json", &first]).0, 0);
    // By hand.
    fs::write(root.join("it.json"), printed(&root, &["attest", STAGE])).unwrap();
    assert_eq!(json(&root, &verify).0, 0);
    plane.by_hand(put(&[
        ("large/app-uat/more.yaml", "kind: More\n"),
        ("README.md", "about this\n"),
    ]));
    check("attest-verify-edited", &root, &verify);
    let seen = plane.wob(&["attest", STAGE]);
    assert!(seen.starts_with("exit: 5\n") && seen.contains("nothing is attested"), "{seen}");
    assert!(!seen.contains("_type"), "{seen}");
}

#[test]
fn only_what_others_can_have_is_attested() {
    let (_temp, at) = fleet();
    let attest = ["attest", "//env:prod"];
    printed(&at, &attest);
    let text = fs::read_to_string(at.join("wob.yaml")).unwrap();
    fs::write(at.join("wob.yaml"), format!("{text}\n# mine\n")).unwrap();
    let seen = wob_in(&at, &attest);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("commit it first"), "{seen}");
    fs::write(at.join("wob.yaml"), &text).unwrap();
    // What fails is not attested; what stays of it is no work of these sources.
    let seen = wob_in(&at, &["build", "//env:prod", "-o", "../gitops"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let from_folder = printed(&at, &["attest", "-o", "../gitops"]);
    assert_eq!(from_folder, printed(&at, &attest));
    write(
        &at,
        &[(
            "environments/prod/broken.yaml",
            "kind: ClusterTypo\napiVersion: scheduler.kalypso.io/v1alpha1\n",
        )],
    );
    commit(&at, &[]);
    let seen = wob_in(&at, &attest);
    assert!(seen.starts_with("exit: 1\n") && !seen.contains("_type"), "{seen}");
}

#[test]
fn what_cannot_be_attested_is_said() {
    let plane = Plane::new();
    plane.build();
    let root = plane.root();
    write(&root, &[("key.pem", "hunter2\n"), ("it.json", "{}")]);
    for (args, exit, says) in [
        (&["attest"][..], 2, "nothing to attest"),
        (&["attest", "//env/stage/large:app-uat"], 2, "is no environment"),
        (&["attest", "//env:stag"], 2, "stage"),
        (&["attest", "//env:dev", STAGE], 2, "is a tree of `stage`"),
        (&["attest", "--against=../gitops.git#..stage"], 2, "is a history"),
        (&["attest", "-o", "../nope"], 2, "there is no folder"),
        (&["attest", STAGE, "--builder=me"], 2, "expected a URI"),
        (&["attest", STAGE, "--key=key.pem"], 36, "openssl genpkey"),
        (&["attest", STAGE, "--key=nope.pem"], 36, "could not read the key"),
        (&["attest", "verify", "it.json"], 2, "--key"),
        (&["attest", "verify", "nope.json", STAGE], 36, "could not read"),
        (&["attest", "verify", "it.json", STAGE], 40, "is no attestation"),
        (&["attest", "verify", "it.json", "--key=key.pem"], 36, "openssl pkey"),
    ] {
        let seen = plane.wob(args);
        assert!(
            seen.starts_with(&format!("exit: {exit}\n")) && seen.contains(says),
            "{args:?}: {seen}"
        );
        assert!(!seen.contains("hunter2"), "{seen}");
    }
}
