//! `wob explain build`: what the last build did, and why.

use std::fs;

use super::{check, copy_example, edit};
use crate::support::wob_in;

#[test]
fn what_a_build_did_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    check("explain-build-before", at, &["explain", "build", "//env:dev"]);
    wob_in(at, &["build"]);
    check("explain-build-first", at, &["explain", "build", "//env:dev"]);
    // A value, a comment, a template, and a policy less.
    edit(&at.join("environments/dev/config/dev.yaml"), "REGION: Fjord", "REGION: Coast");
    edit(&at.join("base/config/company.yaml"), "apiVersion: v1", "# why\napiVersion: v1");
    edit(&at.join("base/templates/kiosk-app.yaml"), "manifests:", "manifests:\n    - \"a: 1\"");
    let policies = at.join("environments/stage/scheduling");
    let policy = fs::read_dir(policies).unwrap().map(|it| it.unwrap().path()).min().unwrap();
    fs::remove_file(policy).unwrap();
    wob_in(at, &["build"]);
    check("explain-build", at, &["explain", "build"]);
    check("explain-build-one", at, &["explain", "build", "//env/dev/lab:ticketing-test"]);
    check("explain-build-json", at, &["explain", "build", "//env:prod", "--output=json"]);
    check("explain-build-elsewhere", at, &["explain", "build", "//env:dev", "-o", "elsewhere"]);
    check("explain-build-typo", at, &["explain", "build", "//env:devv"]);
}

/// What the command line chose is on the command line, not in a file.
#[test]
fn a_profile_of_the_command_line_is_the_cause_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let (plain, other) = (["build", "//env:dev"], ["build", "//env:dev", "--profile=kalypso"]);
    let explained = |args: &[&str]| {
        wob_in(at, args);
        wob_in(at, &["explain", "build", "//env:dev"])
    };
    explained(&plain);
    for (args, cause) in [
        (&other[..], "`--profile=kalypso` wins over wob.yaml\n"),
        (&plain, "`--profile=kalypso` is not there any more, as it was before\n"),
    ] {
        let seen = explained(args);
        assert!(seen.contains("no source was edited") && seen.contains(cause), "{seen}");
        assert!(!seen.contains("at wob.yaml"), "{seen}");
    }
    // Both have a part in it.
    let settings = fs::read_to_string(at.join("wob.yaml")).unwrap();
    fs::write(at.join("wob.yaml"), format!("configFile: settings\n{settings}")).unwrap();
    let seen = explained(&other);
    assert!(seen.contains("`--profile=kalypso` wins over wob.yaml\n"), "{seen}");
    assert!(seen.contains("settings of the output are other ones at wob.yaml\n"), "{seen}");
    // An option that says what wob.yaml says has no part in anything.
    explained(&plain);
    edit(&at.join("wob.yaml"), "profile: standard", "profile: kalypso");
    let seen = explained(&other);
    assert!(seen.contains("settings of the output are other ones at wob.yaml\n"), "{seen}");
    assert!(!seen.contains("--profile"), "{seen}");
}

/// A text of several lines begins below its key, which is what is named.
#[test]
fn a_text_of_several_lines_is_named_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let config = at.join("environments/dev/config/dev.yaml");
    edit(&config, "REGION: Fjord", "REGION: |-\n    Fjord\n    and");
    wob_in(at, &["build", "//env:dev"]);
    edit(&config, "    Fjord\n", "    Coast\n");
    wob_in(at, &["build", "//env:dev"]);
    let seen = wob_in(at, &["explain", "build", "//env:dev"]);
    let text = fs::read_to_string(&config).unwrap();
    let line = text.lines().position(|it| it.contains("REGION: |-")).unwrap() + 1;
    let cause = format!("changed REGION at environments/dev/config/dev.yaml:{line}:");
    assert!(seen.contains(&cause), "{cause}: {seen}");
}

/// Two cluster types with the same config are each told of the edit of their own.
#[test]
fn who_shares_a_config_is_told_of_their_own_edits() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let environment = at.join("environments/dev");
    fs::remove_file(environment.join("config/preview.yaml")).unwrap();
    let layer = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\n  labels: {platform-config: \"true\", size: large}\n\
                 data:\n  REPLICAS: \"7\"\n";
    fs::write(environment.join("config/large.yaml"), layer).unwrap();
    wob_in(at, &["build", "//env:dev"]);
    let types = ["lab", "preview"];
    for it in types {
        let file = environment.join(format!("cluster-types/{it}.yaml"));
        edit(&file, "size: small", "size: large");
    }
    wob_in(at, &["build", "//env:dev"]);
    for (one, other) in [("lab", "preview"), ("preview", "lab")] {
        let label = format!("//env/dev/{one}:ticketing-test");
        let seen = wob_in(at, &["explain", "build", &label]);
        assert!(seen.contains(&format!("cluster type `{one}` was edited")), "{seen}");
        assert!(!seen.contains(&format!("cluster type `{other}`")), "{seen}");
    }
}
