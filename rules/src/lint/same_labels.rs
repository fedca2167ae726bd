//! A key that two layers set which always apply together, so that one of the values is never used.
//!
//! Only layers of one source: that an environment's layer overrides one of the base is what layers are for.

use std::collections::BTreeMap;

use wob_engine::{Diagnostic, Value};

use super::{Fleet, facts::Facts};
use crate::{Layer, Precedence};

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    let mut found = vec![];
    for facts in &fleet.environments {
        // By specificity, this is a tie, which is an error.
        if facts.input.settings(fleet.db).config_precedence == Precedence::Name {
            found.extend(of_environment(facts));
        }
    }
    found
}

fn of_environment(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut groups: BTreeMap<_, Vec<&Layer>> = BTreeMap::new();
    for layer in facts.layers.all() {
        let key = (facts.source(&layer.place.file), layer.is_dotted, &layer.labels);
        groups.entry(key).or_default().push(layer);
    }
    let mut found = vec![];
    for layers in groups.values().filter(|it| it.len() > 1) {
        let mut keys: BTreeMap<&str, Vec<&Layer>> = BTreeMap::new();
        for layer in layers {
            for entry in &layer.entries {
                keys.entry(entry.key()).or_default().push(layer);
            }
        }
        for (key, layers) in keys {
            let Some((winner, losers)) = layers.split_last() else { continue };
            let is_lost = |it: &&&Layer| it.place != winner.place && disagree(it, winner, key);
            let lost = losers.iter().filter(is_lost);
            found.extend(lost.map(|loser| warning(key, winner, loser)));
        }
    }
    found
}

fn disagree(one: &Layer, other: &Layer, key: &str) -> bool {
    let value = |layer: &Layer| {
        layer.entries.iter().find(|it| &**it.key() == key).map(|it| it.value.clone())
    };
    match (value(one), value(other)) {
        (Some(one), Some(other)) => replaces(&one, &other),
        (None, _) | (_, None) => false,
    }
}

/// Says whether nothing is left of a part of `one` when `other` is merged into it; values have a bounded depth.
fn replaces(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Map(one), Value::Map(other)) => {
            one.iter().any(|(key, it)| other.get(key).is_some_and(|other| replaces(it, other)))
        }
        (Value::List(_), Value::List(_)) => false,
        _ => one != other,
    }
}

fn warning(key: &str, winner: &Layer, loser: &Layer) -> Diagnostic {
    let place = |layer: &Layer| {
        let entry = layer.entries.iter().find(|it| &**it.key() == key);
        entry.map_or_else(|| layer.place.clone(), |it| it.place.clone())
    };
    let message = format!(
        "config `{}` sets `{key}` in vain: `{}` has the same labels and overrides it",
        loser.name, winner.name
    );
    Diagnostic::warning("config-shadowed", message)
        .at(place(loser), "this value is never used")
        .at(place(winner), "because this one wins wherever it applies")
        .help("remove one of them, or add a label to the one that is the exception")
        .note("the layer whose name sorts last wins")
}
