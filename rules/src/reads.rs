//! Reads: which files each subtree of an environment is made from, so that who builds some of them need read no others.
//!
//! **Invariant:** an environment that lacks files of [`Reads`] has, of a subtree that needs none of these, the same assignments
//! with the same inputs, and every layer that could set what one of its layers does.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use rayon::prelude::*;
use wob_engine::{Database, FileName, SourceFile};

use crate::{
    Assignment, LayerId, assignments,
    compose::Layers,
    decode_file, environment_model,
    known::subtrees,
    model::Model,
    queries::{self, EnvironmentInput, source_files},
    resource::Resource,
    schedule::{LabelScheduler, Scheduler},
};

/// The files that can be left out, and who needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The files that only those subtrees need that are said to, sorted.
    pub files: Vec<FileName>,
    /// The files that are always needed.
    pub always: BTreeSet<FileName>,
    /// For each [subtree](subtrees) the positions of the files that it needs, sorted.
    pub subtrees: Vec<Vec<u32>>,
}

const CONFIG: &str = "config";
const CLUSTER_TYPE: &str = "cluster type";

/// What a file says that another one may say too.
type Said<'r> = (&'static str, &'r str);

/// Finds out who needs which files of an environment in which nothing is wrong but assignments; `None` if every subtree may need all.
pub fn reads(db: &Database, environment: EnvironmentInput) -> Option<Reads> {
    let scheduling = environment.scheduling(db);
    if scheduling.setting.as_ref().is_some_and(|it| it.program.is_some()) {
        return None;
    }
    let model = environment_model(db, environment);
    let layers = queries::layers(db, environment);
    let all = assignments(db, environment);
    let ranges: Vec<Range<usize>> =
        subtrees(all.iter().map(|it| (it, None))).into_iter().map(|it| it.assignments).collect();
    let needs: Vec<BTreeSet<Need<'_>>> = ranges
        .into_par_iter()
        .map_with(db.clone(), |db, it| needs(db, (environment, model), &all[it]))
        .collect();
    let used: BTreeSet<LayerId> = needs
        .iter()
        .flatten()
        .filter_map(|it| match it {
            Need::Layer(id) => Some(*id),
            Need::File(_) => None,
        })
        .collect();
    // Other schedulers may weigh one cluster type against the others.
    let compares = scheduling.scheduler().name() != Scheduler::name(&LabelScheduler);
    let files = dispensable(db, environment, layers, &used);
    let files: Vec<&FileName> = files
        .into_iter()
        .filter(|(_, kinds)| !(compares && kinds.contains(CLUSTER_TYPE)))
        .map(|(name, _)| name)
        .collect();
    let position = |it: &FileName| {
        files.binary_search(&it).ok().map(|it| u32::try_from(it).expect("because files are few"))
    };
    let of_subtree = |needs: BTreeSet<Need<'_>>| {
        let positions: BTreeSet<u32> = needs
            .into_iter()
            .filter_map(|it| match it {
                Need::Layer(id) => position(&layers.get(id)?.place.file),
                Need::File(file) => position(file),
            })
            .collect();
        positions.into_iter().collect()
    };
    let subtrees = needs.into_par_iter().map(of_subtree).collect();
    let all = source_files(db, environment).map(|it| it.name(db));
    let always = all.filter(|it| files.binary_search(it).is_err()).cloned().collect();
    Some(Reads { files: files.into_iter().cloned().collect(), always, subtrees })
}

/// Something that a subtree is made from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need<'m> {
    File(&'m FileName),
    Layer(LayerId),
}

fn needs<'m>(
    db: &Database,
    (environment, model): (EnvironmentInput, &'m Model),
    of: &[Assignment],
) -> BTreeSet<Need<'m>> {
    let mut needs = BTreeSet::new();
    for it in of {
        needs.insert(Need::File(&model.cluster_types[&it.cluster_type].meta.place.file));
        needs.insert(Need::File(&model.targets[&it.target].place.file));
        needs.extend(queries::layer_ids(db, environment, it).into_iter().map(Need::Layer));
    }
    needs
}

/// Returns the files that say nothing but cluster types, workloads, and config that some assignment has, and nothing that
/// another file says too; sorted, with the kinds of what they say.
fn dispensable<'d>(
    db: &'d Database,
    environment: EnvironmentInput,
    layers: &Layers,
    used: &BTreeSet<LayerId>,
) -> BTreeMap<&'d FileName, BTreeSet<&'static str>> {
    let mut found: BTreeMap<&FileName, BTreeSet<&'static str>> = BTreeMap::new();
    let mut refused: BTreeSet<&FileName> = BTreeSet::new();
    let mut said_in: BTreeMap<Said<'_>, &FileName> = BTreeMap::new();
    for file in source_files(db, environment) {
        let name = file.name(db);
        let Some(said) = said_by(db, file) else {
            refused.insert(name);
            continue;
        };
        let kinds = said.iter().map(|(kind, _)| *kind).collect();
        if found.insert(name, kinds).is_some() {
            refused.insert(name);
        }
        for it in said {
            // Which of two hides the other, or whether both are wrong, is known only by both.
            if let Some(other) = said_in.insert(it, name)
                && other != name
            {
                refused.extend([name, other]);
            }
        }
    }
    let mut plain: BTreeMap<&FileName, usize> = BTreeMap::new();
    for (id, layer) in layers.ids() {
        if layer.is_dotted {
            // One map has such layers of many, some of which nobody may have.
            refused.insert(&layer.place.file);
        } else if used.contains(&id) {
            *plain.entry(&layer.place.file).or_default() += 1;
        }
    }
    let mut configs: BTreeMap<&FileName, usize> = BTreeMap::new();
    for (said, file) in &said_in {
        *configs.entry(file).or_default() += usize::from(said.0 == CONFIG);
    }
    found.retain(|name, _| {
        // A layer that nobody has is compared with all others like it.
        !refused.contains(name) && configs[name] == plain.get(name).copied().unwrap_or(0)
    });
    found
}

/// Returns what a file says, none if it must always be read.
fn said_by(db: &Database, file: SourceFile) -> Option<BTreeSet<Said<'_>>> {
    let decoded = decode_file(db, file);
    // What says nothing may be the template of a rule. Objects of no kind of ours concern nobody.
    if decoded.resources.is_empty() {
        return None;
    }
    let all: Option<Vec<Said<'_>>> = decoded.resources.iter().map(said).collect();
    let all = all?;
    let distinct: BTreeSet<Said<'_>> = all.iter().copied().collect();
    (distinct.len() == all.len()).then_some(distinct)
}

fn said(resource: &Resource) -> Option<Said<'_>> {
    match resource {
        Resource::ConfigMap(it) => Some((CONFIG, &it.name)),
        Resource::ClusterType(it) => Some((CLUSTER_TYPE, it.meta.name.as_str())),
        Resource::Workload(it) => Some(("workload", it.meta.name.as_str())),
        Resource::Environment(_)
        | Resource::BaseRepo(_)
        | Resource::GitOpsRepo(_)
        | Resource::SchedulingPolicy(_)
        | Resource::WorkloadRegistration(_)
        | Resource::DeploymentTarget(_)
        | Resource::Template(_)
        | Resource::ConfigSchema(_)
        | Resource::Rule(_) => None,
    }
}
