//! What is noted of a published tree is believed only of that tree.

use std::fs;

use super::{DEV, World};
use crate::{
    cli::copy,
    support::{git, write},
};

/// A layer that one cluster type has.
fn layer(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: lab-only\n  labels:\n    platform-config: \"true\"\n    cluster-type: lab\n\
         data:\n  ONLY: {value}\n"
    )
}

fn stages(world: &World) -> String {
    fs::read_to_string(world.path("t.json")).unwrap()
}

/// Publishes onto the branch itself; returns the tree that it has then, and whether everything was composed.
fn publish(world: &World, home: &str) -> (String, bool) {
    let args = ["publish", DEV, "--auto-merge", "--timings=../t.json"];
    let mut command = world.command(&world.plane(), &args);
    let output = command.env("HOME", world.path(home)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = git(&world.gitops(), &["rev-parse", "dev^{tree}"]);
    (tree, stages(world).contains("\"compose\""))
}

fn put(world: &World, value: &str) {
    let path = "environments/dev/config/lab-only.yaml";
    write(&world.plane(), &[(path, &layer(value))]);
    world.commit();
}

/// Publishes a value of one cluster type, and wants what a publication without notes makes of it; returns whether everything was
/// composed.
fn published_as_anew(world: &World, value: &str) -> bool {
    put(world, value);
    let (now, before) = (world.path("org"), world.path("before"));
    fs::remove_dir_all(&before).unwrap_or_default();
    copy(&now, &before);
    let (wanted, _) = publish(world, &format!("anew-{value}"));
    fs::remove_dir_all(&now).unwrap();
    copy(&before, &now);
    let (found, is_whole) = publish(world, "home");
    assert_eq!(found, wanted, "{value}");
    is_whole
}

#[test]
fn a_record_that_somebody_edited_is_mended_although_nothing_of_its_part_changes() {
    let world = World::by_path();
    put(&world, "one");
    publish(&world, "home");
    assert!(!published_as_anew(&world, "two"), "a value that few have");
    let parts = git(&world.gitops(), &["ls-tree", "-r", "--name-only", "dev", ".wob/parts"]);
    let other = parts.lines().find(|it| !it.contains("lab.json")).unwrap();
    let text = world.show(&format!("dev:{other}"));
    world.by_hand(&[(other, &format!("{text}\n\n"))]);
    assert!(published_as_anew(&world, "three"), "a record that is none of wob's");
    assert_eq!(world.show(&format!("dev:{other}")), text);
}
