//! A config schema that fits no cluster type and target, so that it can never check anything.

use std::collections::BTreeMap;

use wob_engine::{Diagnostic, Place};

use super::{
    Fleet,
    facts::{Facts, why_nowhere},
};
use crate::{ConfigSchema, SpecialLabels};

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    let mut schemas: BTreeMap<&Place, (&ConfigSchema, Vec<&Facts<'_>>)> = BTreeMap::new();
    for facts in &fleet.environments {
        for schema in &facts.model.config_schemas {
            schemas.entry(&schema.place).or_insert((schema, vec![])).1.push(facts);
        }
    }
    let mut found = vec![];
    for (schema, users) in schemas.into_values() {
        if !fleet.is_judged(&schema.place.file, &users) {
            continue;
        }
        let counted = schema.labels.iter().filter(|it| SpecialLabels::KALYPSO.counts(it.0));
        let labels: Vec<(&str, &str)> =
            counted.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if !users.iter().any(|it| it.could_have(&labels)) {
            found.push(warning(schema, &labels, &users));
        }
    }
    found
}

fn warning(schema: &ConfigSchema, labels: &[(&str, &str)], users: &[&Facts<'_>]) -> Diagnostic {
    let (key, reason, help) = why_nowhere(labels, users);
    let own = schema.place.key("metadata").key("labels");
    let place = key.map_or_else(|| own.on_key(), |key| own.key(key));
    Diagnostic::warning(
        "schema-applies-nowhere",
        format!("schema `{}` checks nothing: {reason}", schema.name),
    )
    .at(place, "matches nothing")
    .help(help)
}
