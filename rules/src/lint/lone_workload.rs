//! A registered workload of which no environment has a deployment target.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Diagnostic, Place, did_you_mean};

use super::{Fleet, Known};
use crate::{
    WorkloadSource, decode_file,
    resource::{Resource, TargetSpec, WorkloadRegistration},
};

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    if !fleet.is_known(Known::Read) {
        return vec![];
    }
    let environments: BTreeSet<&str> =
        fleet.environments.iter().map(|it| it.model.environment.as_str()).collect();
    // A registration of the base is one for all environments.
    let mut registered: BTreeMap<&Place, &WorkloadSource> = BTreeMap::new();
    for facts in &fleet.environments {
        for workload in facts.input.workloads(fleet.db) {
            registered.insert(&workload.registration.meta.place, workload);
        }
    }
    let mut found = vec![];
    for workload in registered.into_values() {
        let Some(targets) = targets(fleet, workload) else { continue };
        if !targets.iter().any(|it| environments.contains(it.environment.as_str())) {
            found.push(warning(&workload.registration, &targets, &environments));
        }
    }
    found
}

/// Returns the targets that a source describes; `None` if it could not be read in whole.
fn targets<'d>(fleet: &Fleet<'d>, workload: &WorkloadSource) -> Option<Vec<&'d TargetSpec>> {
    let mut targets = vec![];
    for file in workload.source.as_ref().ok()?.files(fleet.db) {
        let decoded = decode_file(fleet.db, *file);
        if !decoded.damage.is_empty() {
            return None;
        }
        for resource in &decoded.resources {
            match resource {
                Resource::Workload(it) => targets.extend(&it.targets),
                Resource::DeploymentTarget(it) => targets.push(&it.spec),
                Resource::Environment(_)
                | Resource::BaseRepo(_)
                | Resource::GitOpsRepo(_)
                | Resource::ClusterType(_)
                | Resource::SchedulingPolicy(_)
                | Resource::WorkloadRegistration(_)
                | Resource::Template(_)
                | Resource::Rule(_)
                | Resource::ConfigSchema(_)
                | Resource::ConfigMap(_) => {}
            }
        }
    }
    Some(targets)
}

fn warning(
    registration: &WorkloadRegistration,
    targets: &[&TargetSpec],
    environments: &BTreeSet<&str>,
) -> Diagnostic {
    const SHOWN: usize = 3;
    let name = &registration.meta.name;
    let message = format!("workload `{name}` is registered, but no environment has a target of it");
    let place = registration.meta.place.key("spec").key("workload");
    let diagnostic = Diagnostic::warning("workload-without-target", message);
    let Some(first) = targets.first() else {
        return diagnostic
            .at(place.on_key(), "no Workload is there")
            .help("name the folder that holds its Workload, or remove the registration");
    };
    let guess = did_you_mean(&first.environment, environments.iter().copied());
    let list = || environments.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let help = match guess {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", list()),
    };
    let diagnostic = diagnostic.at(place.on_key(), "registered here").help(help);
    targets.iter().take(SHOWN).fold(diagnostic, |it, target| {
        it.at(target.place.clone(), format!("meant for `{}`", target.environment))
    })
}
