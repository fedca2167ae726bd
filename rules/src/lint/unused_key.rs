//! A key of a config layer that no template reads, so that it reaches no cluster.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Diagnostic, Place};
use wob_template::TemplateReads;

use super::{Fleet, facts::Facts};
use crate::{Layer, queries};

/// How many keys of one layer a warning names.
const NAMED: usize = 5;

/// A layer, who has it, and what is read of it where it applies; nothing if it applies nowhere.
struct Uses<'f, 'd> {
    layer: &'d Layer,
    users: Vec<&'f Facts<'d>>,
    reads: Option<TemplateReads>,
}

pub(super) fn find(fleet: &Fleet<'_>) -> Vec<Diagnostic> {
    let mut layers: BTreeMap<(&Place, &str), Uses<'_, '_>> = BTreeMap::new();
    for facts in &fleet.environments {
        let read = read_of(fleet, facts);
        for (index, layer) in facts.layers.all().iter().enumerate() {
            let uses = layers.entry((&layer.place, &layer.name));
            let uses = uses.or_insert_with(|| Uses { layer, users: vec![], reads: None });
            uses.users.push(facts);
            if let Some(reads) = read.get(&index) {
                uses.reads.get_or_insert_default().add(reads.clone());
            }
        }
    }
    let checked = checked(fleet);
    let mut found = vec![];
    for Uses { layer, users, reads } in layers.into_values() {
        let Some(reads) = reads.filter(|_| fleet.is_judged(&layer.place.file, &users)) else {
            continue;
        };
        let unused = layer.entries.iter().filter(|it| {
            let quoted = || format!("\"{}\"", it.key());
            !reads.has(it.key()) && !checked.iter().any(|text| text.contains(&quoted()))
        });
        let unused: Vec<(&str, &Place)> = unused.map(|it| (&**it.key(), &it.place)).collect();
        found.extend(warning(layer, &unused));
    }
    found
}

/// Returns what is read of each layer that applies anywhere, by its position.
fn read_of(fleet: &Fleet<'_>, facts: &Facts<'_>) -> BTreeMap<usize, TemplateReads> {
    let mut of_templates: BTreeMap<[&str; 3], TemplateReads> = BTreeMap::new();
    let mut of_layers: BTreeMap<usize, TemplateReads> = BTreeMap::new();
    for combination in &facts.combinations {
        let reads = of_templates
            .entry(combination.templates)
            .or_insert_with(|| read_by(fleet, facts, &combination.templates));
        for id in &combination.layers {
            of_layers.entry(id.index()).or_default().add(reads.clone());
        }
    }
    of_layers
}

fn read_by(fleet: &Fleet<'_>, facts: &Facts<'_>, templates: &[&str; 3]) -> TemplateReads {
    let mut reads = TemplateReads::default();
    for name in templates {
        let Some(template) = queries::template(fleet.db, facts.input, name) else {
            return TemplateReads::All;
        };
        if !template.is_raw() && facts.has_templates_in_values() {
            return TemplateReads::All;
        }
        for field in ["ConfigData", "ConfigTexts"] {
            reads.add(template.reads(field));
        }
    }
    reads
}

/// Returns the texts of all schemas: a key that one of them names is there to be checked.
fn checked<'d>(fleet: &Fleet<'d>) -> BTreeSet<&'d str> {
    let mut texts = BTreeSet::new();
    for facts in &fleet.environments {
        let model = facts.model;
        texts.extend(model.config_schemas.iter().map(|it| &*it.schema));
        let inline = model.targets.values().flat_map(|it| &it.config_schemas);
        texts.extend(inline.map(|it| &*it.schema));
    }
    texts
}

fn warning(layer: &Layer, unused: &[(&str, &Place)]) -> Option<Diagnostic> {
    let (first, rest) = unused.split_first()?;
    let keys = match rest.len() {
        0 => format!("`{}`, which no template reads", first.0),
        more => format!("`{}` and {more} more, which no template reads", first.0),
    };
    let message = format!("config `{}` sets {keys}", layer.name);
    let diagnostic = Diagnostic::warning("unused-config-key", message)
        .help("read it in a template where the config applies, mend its name, or remove it");
    let named = unused.iter().take(NAMED);
    Some(named.fold(diagnostic, |it, (_, place)| it.at(place.on_key(), "read by no template")))
}
