//! A label of cluster types or targets that nothing selects by.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Diagnostic, Place};
use wob_template::TemplateReads;

use super::{Fleet, Known, facts::Facts};
use crate::{LabelSelector, SpecialLabels, queries};

/// Who has a label of this key: how many, and where the first one has it.
struct Owners {
    what: &'static str,
    names: BTreeSet<String>,
    first: Place,
}

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    if !fleet.is_known(Known::Sure) {
        return vec![];
    }
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut read = TemplateReads::default();
    let mut of_policies: BTreeSet<&str> = BTreeSet::new();
    for facts in &fleet.environments {
        // The others look at labels in ways of their own.
        if facts.input.scheduling(fleet.db).scheduler().name() != "labels" {
            return vec![];
        }
        for policy in facts.model.policies.values() {
            used.extend(keys_of(&policy.cluster_types));
            of_policies.extend(keys_of(&policy.targets));
        }
        used.extend(facts.layers.all().iter().flat_map(|it| it.labels.keys()).map(|it| &**it));
        let schemas = facts.model.config_schemas.iter();
        used.extend(schemas.flat_map(|it| it.labels.keys()).map(String::as_str));
        read.add(read_by_templates(fleet, facts));
    }
    // Where nothing is selected by labels, they are for people.
    let is_selecting = |keys: &BTreeSet<&str>| keys.iter().any(|it| counts(it));
    let (by_label, by_target_label) = (is_selecting(&used), is_selecting(&of_policies));
    used.append(&mut of_policies);
    let is_unused = |key: &str| !used.contains(key);
    let mut found = vec![];
    if by_label {
        let unused = cluster_types(fleet).into_iter().filter(|it| is_unused(it.0));
        found.extend(unused.map(|(key, owners)| warning(key, &owners)));
    }
    if by_target_label {
        let unused = targets(fleet).into_iter().filter(|it| is_unused(it.0) && !read.has(it.0));
        found.extend(unused.map(|(key, owners)| warning(key, &owners)));
    }
    found
}

/// Returns the keys of labels that a selector looks at.
fn keys_of(selector: &LabelSelector) -> impl Iterator<Item = &str> {
    selector.requirements.iter().map(|it| it.key.as_str())
}

/// Returns which labels of targets the templates in use can read.
fn read_by_templates(fleet: &Fleet<'_>, facts: &Facts<'_>) -> TemplateReads {
    let names: BTreeSet<&str> = facts.combinations.iter().flat_map(|it| it.templates).collect();
    let mut reads = TemplateReads::default();
    for name in names {
        match queries::template(fleet.db, facts.input, name) {
            Some(template) if template.is_raw() || !facts.has_templates_in_values() => {
                reads.add(template.reads("Labels"));
            }
            Some(_) | None => reads.add(TemplateReads::All),
        }
    }
    reads
}

/// Labels with a prefix belong to other tools, and what `SpecialLabels` lists means names.
fn counts(key: &str) -> bool {
    let special = SpecialLabels::KALYPSO;
    let known = [
        special.cluster_type,
        special.deployment_target,
        special.workload,
        special.platform_config,
        "workspace",
    ];
    !key.contains('/') && !known.contains(&key)
}

fn cluster_types<'f>(fleet: &'f Fleet<'_>) -> BTreeMap<&'f str, Owners> {
    let mut owners = BTreeMap::new();
    for facts in &fleet.environments {
        for (name, it) in &facts.model.cluster_types {
            let labels = it.meta.place.key("metadata").key("labels");
            let name = format!("{}:{name}", facts.model.environment);
            for key in it.meta.labels.keys().filter(|it| counts(it)) {
                note(&mut owners, key, "cluster type", &name, &labels.key(key).on_key());
            }
        }
    }
    owners
}

/// Only the labels that a target itself has: those of its workload are of more use than scheduling.
fn targets<'f>(fleet: &'f Fleet<'_>) -> BTreeMap<&'f str, Owners> {
    let mut owners = BTreeMap::new();
    for facts in &fleet.environments {
        let model = facts.model;
        for workload in model.workloads.values() {
            for spec in workload.targets.iter().filter(|it| it.environment == model.environment) {
                let name = format!("{}:{}-{}", model.environment, workload.meta.name, spec.name);
                for key in spec.labels.keys().filter(|it| counts(it)) {
                    note(&mut owners, key, "target", &name, &spec.place);
                }
            }
        }
    }
    owners
}

fn note<'k>(
    owners: &mut BTreeMap<&'k str, Owners>,
    key: &'k str,
    what: &'static str,
    name: &str,
    place: &Place,
) {
    let owners = owners.entry(key).or_insert_with(|| Owners {
        what,
        names: BTreeSet::new(),
        first: place.clone(),
    });
    owners.names.insert(name.to_owned());
    if *place < owners.first {
        owners.first = place.clone();
    }
}

fn warning(key: &str, owners: &Owners) -> Diagnostic {
    let Owners { what, names, first } = owners;
    let (who, text) = match names.len() {
        1 => (format!("a {what}"), "this one"),
        many => (format!("{many} {what}s"), "one of them"),
    };
    let message = format!("label `{key}` of {who} is used by no policy, config layer or schema");
    Diagnostic::warning("unused-label", message)
        .at(first.clone(), text)
        .help("select by it, mend its key, or remove it")
}
