//! The first publication of a large tree: what is compressed while it is rendered ends in the repositories, or leaves nothing.

use std::{fs, path::Path};

use super::{DEV, World};
use crate::support::{git, wob_in, write};

/// A world in which `dev` has so many cluster types that its files go into a pack.
fn large() -> World {
    let world = World::by_path();
    let folder = world.plane().join("environments/dev/cluster-types");
    let lab = fs::read_to_string(folder.join("lab.yaml")).unwrap();
    for index in 0..60 {
        let name = format!("lab-{index:02}");
        let text = lab.replace("name: lab", &format!("name: {name}"));
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }
    git(&world.gitops(), &["branch", "stage", "dev"]);
    world.commit();
    world
}

/// Lists the folders of a repository's objects that git does not know.
fn remains(repository: &Path) -> Vec<String> {
    let entries = fs::read_dir(repository.join("objects")).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|it| it.len() > 2 && it != "pack" && it != "info").collect()
}

/// Makes sure that the copies in the cache are whole, and hold nothing but objects.
fn assert_whole(world: &World) {
    for copy in fs::read_dir(world.path("home/.cache/wob/git")).unwrap() {
        let copy = copy.unwrap().path();
        if copy.join("objects").exists() {
            assert_eq!(remains(&copy), [""; 0]);
            assert_eq!(git(&copy, &["fsck", "--strict", "--no-dangling"]), "");
        }
    }
}

#[test]
fn a_large_tree_is_what_a_build_commits() {
    let world = large();
    let told = world.published(&[DEV, "//env:stage", "--auto-merge"]);
    assert!(told.contains("806 added"), "{told}");
    assert_whole(&world);
    assert_eq!(git(&world.gitops(), &["fsck", "--strict", "--no-dangling"]), "");
    git(world.folder.path(), &["init", "-q", "--bare", "built.git"]);
    let all = ["build", DEV, "//env:stage", "--into", "../built.git#{environment}"];
    let built = wob_in(&world.plane(), &all);
    assert!(built.starts_with("exit: 0\n"), "{built}");
    for branch in ["dev", "stage"] {
        let tree = format!("{branch}^{{tree}}");
        let wanted = git(&world.path("built.git"), &["rev-parse", &tree]);
        assert_eq!(git(&world.gitops(), &["rev-parse", &tree]), wanted);
    }
}

#[test]
fn what_is_not_published_leaves_nothing() {
    let world = large();
    world.published(&[DEV, "--dry-run"]);
    assert_whole(&world);
    // An error that only shows when it is rendered.
    let failing = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: failing\n  labels:\n    platform-config: \"true\"\n    \
                   workload: ticketing\ndata:\n  REPLICAS: many\n";
    write(&world.plane(), &[("environments/dev/config/zz.yaml", failing)]);
    world.commit();
    let before = world.references();
    let told = world.publish(&[DEV, "--strict"]);
    assert!(told.starts_with("exit: 1\n") && told.contains("--strict, and there are"), "{told}");
    assert_whole(&world);
    assert_eq!(world.references(), before);
}
