//! What the warnings ask of one environment, found in one pass over its assignments.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use rayon::prelude::*;
use wob_engine::{Database, FileName, did_you_mean};

use crate::{
    EnvironmentInput, LayerId, Layers, Model, SpecialLabels, compose::Side, model::Doubt, queries,
    resource::ClusterType, schedule::Assignment,
};

/// How many assignments are looked at by one thread.
const ASSIGNMENTS: usize = 2048;

/// Facts about one environment.
pub(super) struct Facts<'d> {
    pub(super) input: EnvironmentInput,
    pub(super) model: &'d Model,
    pub(super) layers: &'d Layers,
    pub(super) assignments: &'d [Assignment],
    /// How much is known.
    pub(super) known: Known,
    /// The layers that some assignment has together, with the templates that see them; each combination once.
    pub(super) combinations: BTreeSet<Combination<'d>>,
    /// The labels that cluster types and targets have, whether anything is scheduled or not.
    pub(super) present: BTreeMap<&'d str, BTreeSet<&'d str>>,
    /// The source that each file of a base is from, counted from 1, and 0 for the environment's own control plane.
    sources: BTreeMap<&'d FileName, usize>,
    /// See [`Facts::has_templates_in_values`]; once somebody asked.
    templates_in_values: OnceCell<bool>,
}

/// How much is known of an environment; each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    /// Something could not be read.
    Partly,
    /// Everything could be read.
    Read,
    /// Moreover, there is something that could be scheduled at all.
    Sure,
}

/// What some assignments have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Combination<'d> {
    /// The reconciler, the namespace service and the config type.
    pub(super) templates: [&'d str; 3],
    /// The layers of the config.
    pub(super) layers: Vec<LayerId>,
}

impl<'d> Facts<'d> {
    pub(super) fn new(db: &'d Database, input: EnvironmentInput) -> Self {
        let model = queries::environment_model(db, input);
        let layers = queries::layers(db, input);
        let assignments = queries::assignments(db, input);
        let damage = &model.damage;
        let is_read = damage.doubt == Doubt::Nothing && damage.layers.is_empty();
        let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
        let mut sources = BTreeMap::new();
        for (index, source) in [&input.control_plane(db)].into_iter().chain(bases).enumerate() {
            let names = source.files(db).iter().map(|it| it.name(db));
            sources.extend(names.map(|it| (it, index)));
        }
        let mut facts = Self {
            input,
            model,
            layers,
            assignments,
            known: if !is_read {
                Known::Partly
            } else if model.cluster_types.is_empty() || model.targets.is_empty() {
                Known::Read
            } else {
                Known::Sure
            },
            combinations: BTreeSet::new(),
            present: BTreeMap::new(),
            sources,
            templates_in_values: OnceCell::new(),
        };
        facts.look(db);
        facts
    }

    fn look(&mut self, db: &Database) {
        let model = self.model;
        let combination = |db: &Database, assignment: &Assignment| {
            let cluster_type = &model.cluster_types[&assignment.cluster_type];
            let layers = queries::layer_ids(db, self.input, assignment);
            Combination { templates: templates_of(cluster_type), layers }
        };
        let distinct = |db: &mut Database, some: &'d [Assignment]| -> BTreeSet<Combination<'d>> {
            some.iter().map(|it| combination(db, it)).collect()
        };
        let distinct: Vec<BTreeSet<Combination<'d>>> =
            self.assignments.par_chunks(ASSIGNMENTS).map_with(db.clone(), distinct).collect();
        self.combinations = distinct.into_iter().flatten().collect();
        let special = SpecialLabels::KALYPSO;
        for cluster_type in model.cluster_types.values() {
            self.note(special.cluster_type, cluster_type.meta.name.as_str());
            for (key, value) in &cluster_type.meta.labels {
                self.note(key, value);
            }
        }
        for target in model.targets.values() {
            for (key, value) in target.labels.iter() {
                self.note(key, value);
            }
            // These three mean names, whatever the labels say.
            self.note(special.deployment_target, target.name.as_str());
            self.note(special.workload, &target.workload);
        }
    }

    fn note(&mut self, key: &'d str, value: &'d str) {
        self.present.entry(key).or_default().insert(value);
    }

    /// Says whether a file is one of the environment's own control plane.
    pub(super) fn owns(&self, file: &FileName) -> bool {
        self.source(file) == Some(0)
    }

    /// Returns which of its sources a file is from; none for one of a workload.
    pub(super) fn source(&self, file: &FileName) -> Option<usize> {
        self.sources.get(file).copied()
    }

    /// Says whether a value may itself be a template, which is rendered again and then reads what it likes.
    pub(super) fn has_templates_in_values(&self) -> bool {
        *self.templates_in_values.get_or_init(|| {
            let maps = self.model.config_maps.iter().flat_map(|it| it.data.values());
            let targets = self.model.targets.values();
            let manifests = targets.flat_map(|it| it.manifests.values());
            maps.chain(manifests).any(|it| it.contains("{{"))
        })
    }

    /// Says whether any cluster type and target, scheduled together or not, have all of `labels`.
    pub(super) fn could_have(&self, labels: &[(&str, &str)]) -> bool {
        let model = self.model;
        // Whatever is on neither side is in nobody's pair, so that each side is looked at once.
        let special = SpecialLabels::KALYPSO;
        let holding = |side: Side<'_>| {
            let holds = |it: &(&str, &str)| special.holds_by(it.0, it.1, side);
            labels.iter().map(holds).collect::<Vec<bool>>()
        };
        let cluster_types = model.cluster_types.values().map(queries::cluster_side);
        let of_cluster_types: BTreeSet<Vec<bool>> = cluster_types.map(holding).collect();
        let targets = model.targets.values().map(queries::target_side);
        let of_targets: BTreeSet<Vec<bool>> = targets.map(holding).collect();
        let both = |(one, other): (&Vec<bool>, &Vec<bool>)| {
            one.iter().zip(other).all(|(one, other)| *one || *other)
        };
        of_cluster_types.iter().any(|one| of_targets.iter().any(|other| both((one, other))))
    }
}

fn templates_of(cluster_type: &ClusterType) -> [&str; 3] {
    [&cluster_type.reconciler, &cluster_type.namespace_service, &cluster_type.config_type]
        .map(String::as_str)
}

/// Says which of `labels` nothing in `users` has, and what might be meant: a reason and a way out.
pub(super) fn why_nowhere<'l>(
    labels: &[(&'l str, &'l str)],
    users: &[&Facts<'_>],
) -> (Option<&'l str>, String, String) {
    let mut all = vec![];
    for (key, value) in labels.iter().copied() {
        all.push(format!("`{key}: {value}`"));
        let values: BTreeSet<&str> =
            users.iter().filter_map(|it| it.present.get(key)).flatten().copied().collect();
        if values.contains(value) {
            continue;
        }
        let keys = || users.iter().flat_map(|it| it.present.keys().copied());
        let guess = if values.is_empty() {
            did_you_mean(key, keys())
        } else {
            did_you_mean(value, values.iter().copied())
        };
        let listed = || values.iter().take(5).map(|it| format!("`{it}`")).collect::<Vec<_>>();
        let help = match (guess, values.is_empty()) {
            (Some(guess), _) => format!("did you mean `{guess}`?"),
            (None, true) => format!("there is no label `{key}` at all"),
            (None, false) => format!("`{key}` is {} there", listed().join(", ")),
        };
        return (Some(key), format!("no cluster type or target has `{key}: {value}`"), help);
    }
    let reason = format!("no cluster type has {} together with a target", all.join(" and "));
    (None, reason, "mend the labels, or remove it".to_owned())
}
