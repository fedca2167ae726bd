//! A config layer that fits no cluster type and target, so that it can never apply.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Diagnostic, Place};

use super::{
    Fleet,
    facts::{Facts, why_nowhere},
};
use crate::{Layer, LayerId};

/// A layer of one or more environments.
struct Uses<'f, 'd> {
    layer: &'d Layer,
    users: Vec<&'f Facts<'d>>,
    /// Whether an assignment has it.
    is_applied: bool,
}

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    let mut layers: BTreeMap<(&Place, &str), Uses<'_, '_>> = BTreeMap::new();
    for facts in &fleet.environments {
        let applied: BTreeSet<LayerId> =
            facts.combinations.iter().flat_map(|it| it.layers.iter().copied()).collect();
        for (id, layer) in facts.layers.ids() {
            let uses = layers.entry((&layer.place, &layer.name));
            let new = || Uses { layer, users: vec![], is_applied: false };
            let uses = uses.or_insert_with(new);
            uses.users.push(facts);
            uses.is_applied |= applied.contains(&id);
        }
    }
    let mut found = vec![];
    // To look who could have a layer takes long, and nearly all are applied.
    for Uses { layer, users, .. } in layers.into_values().filter(|it| !it.is_applied) {
        let labels: Vec<(&str, &str)> =
            layer.labels.iter().map(|(key, value)| (&**key, &**value)).collect();
        let is_judged = fleet.is_judged(&layer.place.file, &users);
        if is_judged && !users.iter().any(|it| it.could_have(&labels)) {
            found.push(warning(layer, &labels, &users));
        }
    }
    found
}

fn warning(layer: &Layer, labels: &[(&str, &str)], users: &[&Facts<'_>]) -> Diagnostic {
    let (key, reason, help) = why_nowhere(labels, users);
    let own = layer.place.key("metadata").key("labels");
    let place = match key {
        _ if layer.is_dotted => layer.entries[0].place.on_key(),
        Some(key) => own.key(key),
        None => own.on_key(),
    };
    Diagnostic::warning(
        "config-applies-nowhere",
        format!("config `{}` never applies: {reason}", layer.name),
    )
    .at(place, "matches nothing")
    .help(help)
}
