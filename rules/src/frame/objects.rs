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

use super::reach::{LayerLabels, Reach, groups, labels_of};
use crate::{
    assignments,
    compose::Layer,
    environment_model,
    model::{Doubt, ModelDamage},
    queries::{self, EnvironmentInput, cluster_type_digest, scheduled},
};

/// The objects of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Objects {
    /// What concerns all assignments, and which of them there are.
    all: [u8; 32],
    /// By name.
    cluster_types: BTreeMap<String, [u8; 32]>,
    /// By name.
    targets: BTreeMap<String, [u8; 32]>,
    layers: Vec<LayerFrame>,
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
        let cluster_types = model.cluster_types.keys();
        let cluster_types = cluster_types
            .map(|it| (it.to_string(), *cluster_type_digest(db, environment, it).as_bytes()));
        let targets = model.targets.iter().map(|(name, it)| (name.to_string(), digest(it)));
        Self {
            all: of_all(db, environment),
            cluster_types: cluster_types.collect(),
            targets: targets.collect(),
            layers: queries::layers(db, environment).all().iter().map(LayerFrame::of).collect(),
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

    /// Returns the positions of the assignments of an environment, whose objects these are, that may be other ones than they were
    /// `before`, as some `files` have changed; `None` if there are others than before, or all may be, or any is in doubt.
    pub(super) fn concerned(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        (before, files): (&Self, &BTreeSet<FileName>),
    ) -> Option<Vec<usize>> {
        let model = environment_model(db, environment);
        let is_sure = model.damage == ModelDamage::default()
            && scheduled(db, environment).doubt == Doubt::Nothing;
        if !is_sure || self.all != before.all {
            return None;
        }
        let reach = Reach::new(db, environment, &self.other_layers(before, files));
        let is_same_type = |it: &str| self.cluster_types.get(it) == before.cluster_types.get(it);
        let is_same_target = |it: &str| self.targets.get(it) == before.targets.get(it);
        let all = assignments(db, environment);
        let mut found = vec![];
        for group in groups(all) {
            if !is_same_type(all[group.start].cluster_type.as_str()) {
                found.extend(group);
                continue;
            }
            reach.find(all, group.clone(), &mut found);
            found.extend(group.filter(|it| !is_same_target(all[*it].target.as_str())));
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
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

/// Returns the digest of what concerns all assignments of an environment, and of which there are.
fn of_all(db: &Database, environment: EnvironmentInput) -> [u8; 32] {
    let model = environment_model(db, environment);
    let mut hasher = Hasher::new("wob 2026-11 objects");
    let mut add = |it: &dyn Debug| hasher.add(format!("{it:?}").as_bytes());
    add(&model.config_schemas);
    add(&model.base_repos);
    add(&model.gitops_repos);
    // Each has a folder; and namespaces are made from names alone.
    add(&model.cluster_types.keys());
    for it in model.targets.values() {
        add(&(&it.name, &it.workload, &it.workspace, &it.environment));
    }
    for it in assignments(db, environment) {
        hasher.add(it.cluster_type.as_str().as_bytes());
        hasher.add(it.target.as_str().as_bytes());
        hasher.add(&(it.policies.len() as u64).to_le_bytes());
        for policy in &*it.policies {
            hasher.add(policy.as_str().as_bytes());
        }
    }
    *hasher.finish().as_bytes()
}
