//! `wob rules`, and what the built-in rules emit.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::check;
use crate::support::ROOT;

fn example() -> PathBuf {
    Path::new(ROOT).join("examples/reconcilers")
}

#[test]
fn rules_are_listed() {
    check("rules-list", &example(), &["rules", "list"]);
    check("rules-list-no-workspace", TempDir::new().unwrap().path(), &["rules", "list"]);
}

#[test]
fn one_rule_is_shown() {
    check("rules-show", &example(), &["rules", "show", "flux"]);
    check("rules-show-json", &example(), &["rules", "show", "script", "--output=json"]);
    check("rules-show-own", &example(), &["rules", "show", "namespace"]);
    check("rules-show-twice", &example(), &["rules", "show", "properties"]);
    check("rules-show-alias", TempDir::new().unwrap().path(), &["rules", "show", "configMap"]);
    check("rules-show-unknown", &example(), &["rules", "show", "fluxx"]);
}

#[test]
fn every_reconciler_is_rendered() {
    for cluster_type in
        ["large", "old", "small", "edge", "store", "vessel", "lab", "kiosk", "cloud"]
    {
        let label = format!("//env/test/{cluster_type}:all");
        check(&format!("rules-render-{cluster_type}"), &example(), &["render", &label]);
    }
    check("rules-render-live", &example(), &["render", "//env:live"]);
}
