//! Whom an edit of an object concerns: for each part of what an assignment depends on, exactly those that do, or everything.

use std::{collections::BTreeSet, path::Path};

use wob_rules::assignments;

use crate::{
    engine::{Framed, Workspace},
    oracle::world::{self, World, read_files},
};

/// An edit: a file, a text in it, and what stands there then; an empty file is a new one, and an empty text all of it.
type Edit = (&'static str, &'static str, &'static str);

const GOLD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gold, labels: {platform-config: 'true', size: small}}\ndata: {GOLD: one}\n";

/// Edits, and how whom they concern is named: by beginnings of `<cluster type>:<target>`.
const CONCERN_SOME: [(&str, Edit, &[&str]); 14] = [
    ("a comment", ("env/cluster-types/hub.yaml", "kind", "# A comment.\nkind"), &[]),
    (
        "a label",
        ("env/cluster-types/hub.yaml", "size: large", "size: large\n    tier: gold"),
        &["hub:"],
    ),
    ("a reconciler", ("env/cluster-types/hub.yaml", "flux", "argocd"), &["hub:"]),
    (
        "where it stands",
        ("env/cluster-types/hub.yaml", "apiVersion", "---\n---\napiVersion"),
        &["hub:"],
    ),
    (
        "a comment in a template",
        ("base/templates/kiosk-app.yaml", "kind: Template", "kind: Template # A comment."),
        &[],
    ),
    (
        "its text",
        ("base/templates/kiosk-app.yaml", "{{ .Namespace }}", "x{{ .Namespace }}"),
        &["kiosk:"],
    ),
    (
        "manifests",
        ("timetable/deploy/workload.yaml", "branch: prod", "branch: live"),
        &["depot:timetable", "hub:timetable"],
    ),
    (
        "a target's label",
        ("timetable/deploy/workload.yaml", "purpose: live", "purpose: lively"),
        &["depot:timetable", "hub:timetable"],
    ),
    (
        "another environment's",
        ("timetable/deploy/workload.yaml", "purpose: test", "purpose: trial"),
        &[],
    ),
    ("a value", ("env/config/kiosk.yaml", "\"8\"", "\"9\""), &["kiosk:"]),
    ("a key", ("env/config/kiosk.yaml", "data:", "data:\n  NEW: one"), &["kiosk:"]),
    (
        "a layer's label",
        ("env/config/kiosk.yaml", "cluster-type: kiosk", "cluster-type: hub"),
        &["hub:", "kiosk:"],
    ),
    ("a layer", ("env/config/gold.yaml", "", GOLD), &["kiosk:", "vessel:"]),
    ("none any more", ("env/config/kiosk.yaml", "", ""), &["kiosk:"]),
];

/// A cluster type that policies select as they do the hub.
const SILVER: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ClusterType\nmetadata: {name: silver, labels: {size: large}}\nspec: {reconciler: flux, namespaceService: default, configType: configmap}\n";

/// A copy of a policy under another name.
const AGAIN: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata: {name: again}\nspec:\n  deploymentTargetSelector: {workspace: platform-team, labelSelector: {}}\n  clusterTypeSelector: {labelSelector: {matchLabels: {size: large}}}\n";

/// Edits by which assignments come and go: whom they concern of those that are there then, and who is gone.
const REASSIGN: [(&str, Edit, &[&str], &[&str]); 8] = [
    (
        "more assignments",
        ("env/scheduling/audits-on-large.yaml", "[large]", "[large, small]"),
        &["kiosk:night-audit"],
        &[],
    ),
    (
        "fewer assignments",
        ("env/scheduling/audits-on-large.yaml", "[large]", "[small]"),
        &["kiosk:night-audit"],
        &["depot:night-audit", "hub:night-audit"],
    ),
    (
        "another policy",
        ("env/scheduling/passengers-on-land.yaml", "name: passengers-on-land", "name: other"),
        &["depot:ti", "hub:ti"],
        &[],
    ),
    ("one policy more", ("env/scheduling/again.yaml", "", AGAIN), &["depot:tele", "hub:tele"], &[]),
    (
        "a workspace",
        ("base/registrations/timetable.yaml", "passenger-team", "crew"),
        &[],
        &["depot:timetable", "hub:timetable"],
    ),
    ("a cluster type", ("env/cluster-types/silver.yaml", "", SILVER), &["silver:"], &[]),
    (
        "no cluster type any more",
        ("env/cluster-types/vessel.yaml", "", ""),
        &[],
        &["vessel:telemetry"],
    ),
    (
        "a target of another name",
        ("timetable/deploy/workload.yaml", "name: live", "name: lively"),
        &["depot:timetable", "hub:timetable"],
        &["depot:timetable", "hub:timetable"],
    ),
];

/// Edits of which it cannot be told, or that concern all.
const CONCERN_ALL: [(&str, Edit); 4] = [
    ("a schema", ("base/schemas/common.yaml", "\"maximum\": 20", "\"maximum\": 21")),
    ("where the tree begins", ("env/gitops-repo.yaml", "path: .", "path: clusters")),
    ("an error", ("env/cluster-types/hub.yaml", "spec:", "spec: [")),
    ("a field of the wrong kind", ("env/cluster-types/hub.yaml", "flux", "[flux]")),
];

fn fleet() -> World {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet");
    let mut world = World::new("prod", world::Profile::Standard);
    world.base = read_files(&folder.join("base"));
    world.environment = read_files(&folder.join("environments/prod"));
    for name in ["night-audit", "telemetry", "ticketing", "timetable"] {
        let address = format!("https://github.com/example-org/{name}");
        let files = read_files(&folder.join("workloads").join(name));
        world.workloads.insert(address, files);
    }
    world
}

fn edited(world: &World, (file, from, to): Edit) -> World {
    let mut world = world.clone();
    let (place, path) = file.split_once('/').unwrap();
    let files = match place {
        "base" => &mut world.base,
        "env" => &mut world.environment,
        name => world.workloads.get_mut(&format!("https://github.com/example-org/{name}")).unwrap(),
    };
    let path = path.to_owned();
    if to.is_empty() {
        files.remove(&path).unwrap();
    } else if from.is_empty() {
        files.insert(path, to.to_owned());
    } else {
        let text = files.get_mut(&path).unwrap();
        assert!(text.contains(from), "`{from}` in {path}");
        *text = text.replace(from, to);
    }
    world
}

/// Returns whom an edit concerns, and who is gone, as `<cluster type>:<target>`.
fn judged(before: &World, edit: Edit) -> Option<[BTreeSet<String>; 2]> {
    let (before, after) = (Workspace::new(before), Workspace::new(&edited(before, edit)));
    let (db, input) = before.parts();
    assert_eq!(assignments(db, input).len(), 11);
    let edit = Framed::of(&before, "").edit(&after, "")?;
    assert_eq!(edit.frame, Framed::of(&after, "").frame);
    let (db, input) = after.parts();
    let all = assignments(db, input);
    let name = |it: &usize| format!("{}:{}", all[*it].cluster_type, all[*it].target);
    let reassigned = edit.reassigned.unwrap_or_default();
    let names = |(on, gone): (&String, &BTreeSet<String>)| -> Vec<String> {
        gone.iter().map(|it| format!("{on}:{it}")).collect()
    };
    let gone = reassigned.on.iter().flat_map(names).collect();
    Some([edit.concerned.iter().map(name).collect(), gone])
}

/// Checks that all names begin as is `expected`, and that each of these does begin one.
fn check_names(what: &str, found: &BTreeSet<String>, expected: &[&str]) {
    let begins = |it: &String| expected.iter().any(|begin| it.starts_with(begin));
    assert!(found.iter().all(begins), "{what}: {found:?}");
    for begin in expected {
        assert!(found.iter().any(|it| it.starts_with(begin)), "{what}: {found:?}");
    }
}

#[test]
fn who_comes_and_goes_is_told() {
    let world = fleet();
    for (what, edit, expected, expected_gone) in REASSIGN {
        let judged = judged(&world, edit);
        let [concerned, gone] = judged.unwrap_or_else(|| panic!("{what} concerns all"));
        check_names(what, &concerned, expected);
        check_names(&format!("{what}: gone"), &gone, expected_gone);
    }
}

#[test]
fn an_edit_of_an_object_concerns_those_that_depend_on_it() {
    let world = fleet();
    for (what, edit, expected) in CONCERN_SOME {
        let judged = judged(&world, edit);
        let [found, gone] = judged.unwrap_or_else(|| panic!("{what} concerns all"));
        assert!(gone.is_empty(), "{what}: {gone:?}");
        check_names(what, &found, expected);
    }
}

#[test]
fn what_concerns_all_is_not_told_as_if_it_did_not() {
    let world = fleet();
    for (what, edit) in CONCERN_ALL {
        assert_eq!(judged(&world, edit), None, "{what}");
    }
}
