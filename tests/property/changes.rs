//! What differs between two builds: exactly the files that do, whoever is asked.

use std::collections::{BTreeMap, BTreeSet};

use wob_rules::{
    Built,
    changes::{self, Change, Pairing, Side, collapse},
};

use super::{for_each_seed, scene::Scene};
use crate::engine::Workspace;

/// Files by assignment, or by themselves if they are of none, as someone would sort them who knows nothing of builds.
type Files = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

fn files(built: &Built) -> Files {
    let mut files = Files::new();
    for (path, blob) in built.tree.files() {
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let owner = match parts.as_slice() {
            [cluster_type, target, _] if !cluster_type.starts_with('.') => {
                format!("{cluster_type}:{target}")
            }
            _ => path.to_string(),
        };
        files.entry(owner).or_default().insert(path.to_string(), blob.bytes().into_owned());
    }
    files
}

/// Returns the owners of files that are not the same byte for byte.
fn true_difference(old: &Built, new: &Built) -> BTreeSet<String> {
    let (old, new) = (files(old), files(new));
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.into_iter().filter(|it| old.get(*it) != new.get(*it)).cloned().collect()
}

fn affected(old: &Built, new: &Built) -> BTreeSet<String> {
    let found = changes::affected(Some(old), Some(new));
    let assignments =
        found.assignments.iter().map(|(cluster_type, target)| format!("{cluster_type}:{target}"));
    assignments.chain(found.other_files.iter().cloned()).collect()
}

fn told(old: &Built, new: &Built) -> (BTreeSet<String>, Vec<Change>) {
    let side = |built: &'_ Built| (built.tree.clone(), built.prefix.clone());
    let ((old_tree, old_prefix), (new_tree, new_prefix)) = (side(old), side(new));
    let found = changes::changes(
        "dev",
        Side { tree: &old_tree, prefix: &old_prefix },
        Side { tree: &new_tree, prefix: &new_prefix },
        Pairing::Identity,
    );
    let owner = |it: &Change| match (&it.site.cluster_type, &it.site.target) {
        (Some(cluster_type), Some(target)) => format!("{cluster_type}:{target}"),
        (Some(cluster_type), None) => format!("{cluster_type}/README.md"),
        (None, _) => it.site.path.clone(),
    };
    (found.iter().map(owner).collect(), found)
}

/// What is affected is told by digests of a database that was edited; the truth is in the bytes of two builds from nothing.
#[test]
fn what_is_affected_is_what_differs_in_two_full_builds() {
    let (mut differing, mut total) = (0, 0);
    for_each_seed(20, |random| {
        let mut scene = Scene::draw(random);
        let mut edited = Workspace::new(&scene.lay_out(1));
        let mut before = edited.build();
        let mut fresh_before = Workspace::new(&scene.lay_out(1)).build();
        for step in 0..6 {
            scene.edit(random);
            let world = scene.lay_out(1);
            edited.set(&world);
            let after = edited.build();
            let fresh = Workspace::new(&world).build();
            let truth = true_difference(&fresh_before, &fresh);
            assert_eq!(affected(&before, &after), truth, "after edit {step}");
            let (owners, found) = told(&before, &after);
            assert_eq!(owners, truth, "after edit {step}: {found:#?}");
            let groups = collapse(found.clone());
            assert_eq!(groups.iter().map(|it| it.sites.len()).sum::<usize>(), found.len());
            differing += truth.len();
            total += after.assignments.len();
            (before, fresh_before) = (after, fresh);
        }
    });
    if std::env::var_os("WOB_PROPERTY_SEED").is_none() {
        // Edits that change everything, or nothing, would prove little.
        assert!(differing > total / 20 && differing < total * 3 / 4, "{differing} of {total}");
    }
}
