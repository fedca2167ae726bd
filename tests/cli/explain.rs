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
