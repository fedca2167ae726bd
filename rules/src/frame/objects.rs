//! Digests of an environment's objects: which of them are other ones says which assignments are.
//!
//! **Invariant:** what an assignment is rendered from, and what is said of it, follows from its cluster type with the templates and
//! parameters that it uses, from its target, from the layers that it has, and from what concerns all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use serde::{Deserialize, Serialize};
use wob_engine::{Database, Digest, FileName, Hasher};

use super::{
    assigned::{Assigned, Reassigned},
    reach::{LayerLabels, Reach, groups, labels_of, part_of},
};
use crate::{
    Name, assignments,
    compose::Layer,
    environment_model,
    model::{Doubt, ModelDamage},
    queries::{self, EnvironmentInput, cluster_type_digest, namespace_text, scheduled},
};

/// The objects of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Objects {
    /// What concerns all assignments.
    all: [u8; 32],
    /// By name.
    cluster_types: BTreeMap<String, [u8; 32]>,
    /// By name.
    targets: BTreeMap<String, [u8; 32]>,
    /// Of the names of all targets, from which their namespaces are made.
    names: [u8; 32],
    layers: Vec<LayerFrame>,
    assigned: Assigned,
}

/// The objects of an environment as they are noted: apart from its frame, as few builds read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedObjects(Vec<u8>);

impl NotedObjects {
    /// Takes the objects of an environment.
    pub fn of(db: &Database, environment: EnvironmentInput) -> Self {
        Objects::of(db, environment).encode()
    }

    /// Takes what was noted; whose it is, a frame tells.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns what is noted.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns what a frame has of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        *Digest::of(&self.0).as_bytes()
    }
}

/// A layer of an [`Objects`], but for its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct LayerFrame {
    /// The file that says it: while that is the same, its values are.
    file: String,
    /// Of its name, its place, and whether it is dotted.
    digest: [u8; 32],
    labels: LayerLabels,
}

impl LayerFrame {
    fn of(layer: &Layer) -> Self {
        Self {
            file: layer.place.file.to_string(),
            digest: digest(&(&layer.name, &layer.place, layer.is_dotted)),
            labels: labels_of(layer),
        }
    }
}

fn digest(it: &dyn Debug) -> [u8; 32] {
    *Hasher::new("wob 2026-11 object").field(format!("{it:?}").as_bytes()).finish().as_bytes()
}

impl Objects {
    /// Takes the objects of an environment.
    pub(super) fn of(db: &Database, environment: EnvironmentInput) -> Self {
        let model = environment_model(db, environment);
        let targets = model.targets.keys().map(Name::as_str);
        let assigned = Assigned::of(assignments(db, environment), targets);
        let cluster_types = model.cluster_types.keys();
        let cluster_types = cluster_types
            .map(|it| (it.to_string(), *cluster_type_digest(db, environment, it).as_bytes()));
        let targets = model.targets.iter().map(|(name, it)| (name.to_string(), digest(it)));
        Self {
            all: of_all(db, environment),
            cluster_types: cluster_types.collect(),
            targets: targets.collect(),
            names: names(db, environment),
            layers: queries::layers(db, environment).all().iter().map(LayerFrame::of).collect(),
            assigned,
        }
    }

    /// Writes it down.
    pub(super) fn encode(&self) -> NotedObjects {
        NotedObjects(postcard::to_stdvec(self).expect("because it is plain data"))
    }

    /// Reads it back; `None` if it is damaged.
    pub(super) fn decode(noted: &NotedObjects) -> Option<Self> {
        postcard::from_bytes(&noted.0).ok()
    }

    /// Returns whom of an environment, whose objects these are, it may concern that they were others `before`, as some `files` have
    /// changed; `None` if it may concern all, or any is in doubt.
    pub(super) fn concerned(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        (before, files): (&Self, &BTreeSet<FileName>),
    ) -> Option<Concerned> {
        let model = environment_model(db, environment);
        let is_sure = model.damage == ModelDamage::default()
            && scheduled(db, environment).doubt == Doubt::Nothing;
        if !is_sure || self.all != before.all {
            return None;
        }
        let reach = Reach::new(db, environment, &self.other_layers(before, files));
        let is_same_type = |it: &str| self.cluster_types.get(it) == before.cluster_types.get(it);
        // There are many more assignments than targets.
        let is_other = |it: &(&String, &[u8; 32])| before.targets.get(it.0) != Some(it.1);
        let other_targets = self.targets.iter().filter(is_other).map(|it| it.0.as_str());
        let other_targets: BTreeSet<&str> = other_targets.collect();
        let all = assignments(db, environment);
        let mut found = vec![];
        let targets: Vec<&str> = before.targets.keys().map(String::as_str).collect();
        let mut reassigned = before.assigned.compare(&targets, all, &mut found)?;
        let mut named = found.clone();
        for group in groups(all) {
            if is_same_type(all[group.start].cluster_type.as_str()) {
                reach.find(all, group.clone(), &mut found);
            } else {
                found.extend(group.clone());
            }
            let others = group.filter(|it| other_targets.contains(all[*it].target.as_str()));
            if self.names != before.names {
                named.extend(others.clone());
            }
            found.extend(others);
        }
        // Some of them are new, or have other names, and no others can have come to share a namespace.
        if shares_namespaces(db, environment, &sorted(named)) {
            return None;
        }
        self.compare_types(before, &mut reassigned);
        let reassigned = Some(reassigned).filter(|it| !it.on.is_empty());
        Some(Concerned { assignments: sorted(found), reassigned })
    }

    /// Notes which cluster types are new and gone, be they scheduled on or not: each has a folder.
    fn compare_types(&self, before: &Self, reassigned: &mut Reassigned) {
        let gone = before.cluster_types.keys().filter(|it| !self.cluster_types.contains_key(*it));
        reassigned.gone = gone.cloned().collect();
        let new = self.cluster_types.keys().filter(|it| !before.cluster_types.contains_key(*it));
        reassigned.new = new.cloned().collect();
        for it in reassigned.gone.iter().chain(&reassigned.new) {
            reassigned.on.entry(it.clone()).or_default();
        }
    }

    /// Returns the labels of layers that are there now or were there before, and not the same.
    fn other_layers(&self, before: &Self, files: &BTreeSet<FileName>) -> Vec<LayerLabels> {
        let files: BTreeSet<&str> = files.iter().map(FileName::as_str).collect();
        let kept = |it: &Self| -> BTreeSet<LayerFrame> {
            it.layers.iter().filter(|it| !files.contains(it.file.as_str())).cloned().collect()
        };
        let (now, then) = (kept(self), kept(before));
        let edited = self.layers.iter().chain(&before.layers);
        let edited = edited.filter(|it| files.contains(it.file.as_str()));
        let moved = now.symmetric_difference(&then);
        let labels: BTreeSet<&LayerLabels> = edited.chain(moved).map(|it| &it.labels).collect();
        labels.into_iter().cloned().collect()
    }
}

/// Whom an edit concerns.
pub(super) struct Concerned {
    /// The positions of the assignments, in order.
    pub(super) assignments: Vec<usize>,
    /// How there are others than before; none if there are the same.
    pub(super) reassigned: Option<Reassigned>,
}

/// Says whether one of the assignments at `some` positions shares its namespace with another one on its cluster type.
pub(super) fn shares_namespaces(
    db: &Database,
    environment: EnvironmentInput,
    some: &[usize],
) -> bool {
    let settings = environment.settings(db);
    if !settings.namespace_pattern.names_the_target() {
        return false;
    }
    let (model, all) = (environment_model(db, environment), assignments(db, environment));
    groups(all).any(|group| {
        let cluster_type = &model.cluster_types[&all[group.start].cluster_type];
        let namespace =
            |it: usize| namespace_text(settings, cluster_type, &model.targets[&all[it].target]);
        let own = part_of(some, &group);
        let mut seen = BTreeSet::new();
        let are_distinct = own.iter().all(|it| seen.insert(namespace(*it)));
        let mut others = group.filter(|it| !own.is_empty() && own.binary_search(it).is_err());
        !are_distinct || others.any(|it| seen.contains(&namespace(it)))
    })
}

fn sorted(mut positions: Vec<usize>) -> Vec<usize> {
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// Returns the digest of all that namespaces of targets are made from.
fn names(db: &Database, environment: EnvironmentInput) -> [u8; 32] {
    let targets = environment_model(db, environment).targets.values();
    let names = targets.map(|it| (&it.name, &it.workload, &it.workspace, &it.environment));
    digest(&names.collect::<Vec<_>>())
}

/// Returns the digest of what concerns all assignments of an environment.
fn of_all(db: &Database, environment: EnvironmentInput) -> [u8; 32] {
    let model = environment_model(db, environment);
    let mut hasher = Hasher::new("wob 2026-11 objects");
    let mut add = |it: &dyn Debug| hasher.add(format!("{it:?}").as_bytes());
    add(&model.config_schemas);
    add(&model.base_repos);
    add(&model.gitops_repos);
    *hasher.finish().as_bytes()
}
