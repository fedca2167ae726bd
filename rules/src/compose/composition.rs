//! Compositions: the merged config of a list of layers, where each value knows where it comes from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Diagnostic, Place, Step, Value};

use super::{
    ConfigValue, LayerId, Layers, Precedence,
    layers::{Entry, Layer},
    merge::{Fuel, Node},
};

/// The most nodes that one composition may make: lists of equal names multiply, so size needs a bound of its own.
pub(super) const MAX_NODES: usize = 1_000_000;

/// What a list of layers adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composition {
    /// The values, by key.
    pub values: BTreeMap<Arc<str>, Composed>,
    /// The layers that took part, in the order in which they were merged: later wins.
    pub layers: Vec<Applied>,
    /// What is wrong with this list of layers, whatever the subject; sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// A layer that took part in a composition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The name of the config map, with the dotted labels if they make the layer.
    pub name: Arc<str>,
    /// The root of the map's document.
    pub place: Place,
}

/// One merged value and its provenance. Places are those of config map data keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The value.
    pub value: Value,
    /// Where the value, and each part of it, was said: the last layer that had a say.
    pub provenance: Provenance,
    /// Every layer of which something is left in the value, in order of precedence.
    pub contributors: Vec<Place>,
    /// Every layer of which nothing is left, in order of precedence.
    pub shadowed: Vec<Place>,
}

/// Where a value was said, and which parts of it were said elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Where the value was said; of a merged value, where its last part was.
    pub place: Place,
    /// The parts with another place, themselves or below. All others share this one's.
    pub parts: BTreeMap<Step, Self>,
}

impl Composed {
    /// Returns where the value was said: in the last layer that had a say.
    pub fn origin(&self) -> &Place {
        &self.provenance.place
    }

    /// Returns where the part of the value at JSON `pointer` was said: `""` is the whole, `/a/0` the first item in `a`.
    ///
    /// A part that does not exist was said where the part around it was.
    pub fn origin_of(&self, pointer: &str) -> &Place {
        let mut at = &self.provenance;
        for step in pointer.split('/').skip(1) {
            let key = Step::Key(step.replace("~1", "/").replace("~0", "~").into());
            let index = step.parse().ok().map(Step::Index);
            let part = at.parts.get(&key).or_else(|| at.parts.get(&index?));
            match part {
                Some(part) => at = part,
                None => break,
            }
        }
        &at.place
    }
}

/// One layer's say about a key.
#[derive(Clone, Copy)]
pub(super) struct Say<'l> {
    pub(super) layer: &'l Layer,
    pub(super) entry: &'l Entry,
}

/// The values of a composition alone: most of them are those of a layer, and shared with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// The values, sorted by key.
    pub(crate) values: Vec<Arc<ConfigValue>>,
    /// As [`Composition::diagnostics`].
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Merges layers, which [`super::select`] returned for the same `layers`.
pub fn merge(layers: &Layers, ids: &[LayerId], precedence: Precedence) -> Composition {
    let chosen = by_precedence(layers, ids, precedence);
    let (values, diagnostics) = each_key(&chosen, precedence, &|says, conflicts, fuel| {
        let value = replaced(says, conflicts).unwrap_or_else(|| merged(says, conflicts, fuel));
        (says[0].entry.key().clone(), value)
    });
    let applied = |it: &&Layer| Applied { name: it.name.clone(), place: it.place.clone() };
    Composition {
        values: values.into_iter().collect(),
        layers: chosen.iter().map(applied).collect(),
        diagnostics,
    }
}

/// Merges layers as [`merge`] does, without asking where values come from.
pub(crate) fn values(layers: &Layers, ids: &[LayerId], precedence: Precedence) -> Values {
    let chosen = by_precedence(layers, ids, precedence);
    let (values, diagnostics) = each_key(&chosen, precedence, &|says, conflicts, fuel| {
        if let Some(say) = last_one(says, conflicts) {
            return Arc::clone(&say.entry.value);
        }
        let value = merged_tree(says, conflicts, fuel).to_value();
        Arc::new(ConfigValue::new(says[0].entry.key().clone(), value))
    });
    Values { values, diagnostics }
}

/// Makes something of what layers say about each key, in byte order of the keys; returns what is wrong with it, too.
fn each_key<T>(
    chosen: &[&Layer],
    precedence: Precedence,
    make: &dyn Fn(&[Say<'_>], &mut Conflicts<'_>, &mut Fuel) -> T,
) -> (Vec<T>, Vec<Diagnostic>) {
    let mut diagnostics = vec![];
    let mut all: Vec<Say<'_>> = vec![];
    for layer in chosen {
        for entry in &layer.entries {
            diagnostics.extend(entry.problem.clone());
            all.push(Say { layer, entry });
        }
    }
    // The sort is stable: of each key, the layers stay in their order.
    all.sort_by(|a, b| a.entry.key().cmp(b.entry.key()));
    let mut fuel = Fuel::new(MAX_NODES);
    let mut values = Vec::with_capacity(all.len());
    for says in all.chunk_by(|a, b| a.entry.key() == b.entry.key()) {
        let key = says[0].entry.key();
        let mut conflicts = Conflicts { key, says, precedence, seen: BTreeSet::new() };
        values.push(make(says, &mut conflicts, &mut fuel));
        diagnostics.append(&mut conflicts.diagnostics());
        if fuel.is_empty() {
            diagnostics.push(too_large(key, says));
            break;
        }
    }
    diagnostics.sort();
    diagnostics.dedup();
    (values, diagnostics)
}

/// Returns the layers in the order in which they are merged: later wins.
pub(crate) fn by_precedence<'l>(
    layers: &'l Layers,
    ids: &[LayerId],
    precedence: Precedence,
) -> Vec<&'l Layer> {
    let mut chosen: Vec<&Layer> = ids.iter().filter_map(|id| layers.get(*id)).collect();
    if precedence == Precedence::Specificity {
        chosen.sort_by_key(|layer| layer.labels.len());
    }
    chosen
}

/// The common case: the last layer says a text, or there is only one, and so nothing is left of the others.
fn last_one<'l>(says: &[Say<'l>], conflicts: &mut Conflicts<'_>) -> Option<Say<'l>> {
    let (last, before) = says.split_last()?;
    let value = &last.entry.value;
    if !before.is_empty() && matches!(***value, Value::List(_) | Value::Map(_)) {
        return None;
    }
    for (index, say) in before.iter().enumerate() {
        if say.entry.value != *value {
            conflicts.add(before.len(), index);
        }
    }
    Some(*last)
}

fn replaced(says: &[Say<'_>], conflicts: &mut Conflicts<'_>) -> Option<Composed> {
    let entry = last_one(says, conflicts)?.entry;
    let (_, before) = says.split_last()?;
    let place = entry.place.clone();
    let mut shadowed: Vec<Place> = before.iter().map(|say| say.entry.place.clone()).collect();
    shadowed.dedup();
    // A marked dotted map says its plain keys twice, and so has two layers at one place.
    shadowed.retain(|it| *it != place);
    Some(Composed {
        value: Value::clone(&entry.value),
        contributors: vec![place.clone()],
        provenance: Provenance { place, parts: BTreeMap::new() },
        shadowed,
    })
}

fn merged_tree(says: &[Say<'_>], conflicts: &mut Conflicts<'_>, fuel: &mut Fuel) -> Node {
    let tree = merge_tree(says, fuel);
    tree.visit(&mut |node| {
        for shadow in node.shadowed.iter().filter(|shadow| !node.is_equal(&shadow.value)) {
            conflicts.add(node.created, shadow.layer);
        }
    });
    tree
}

fn merged(says: &[Say<'_>], conflicts: &mut Conflicts<'_>, fuel: &mut Fuel) -> Composed {
    let tree = merged_tree(says, conflicts, fuel);
    let place = |index: usize| says[index].entry.place.clone();
    let mut left = BTreeSet::new();
    tree.visit(&mut |node| {
        left.insert(node.latest);
        left.insert(node.created);
    });
    let mut contributors: Vec<Place> = left.into_iter().map(place).collect();
    contributors.dedup();
    let kept: BTreeSet<&Place> = contributors.iter().collect();
    let all = (0..says.len()).map(place);
    let mut shadowed: Vec<Place> = all.filter(|it| !kept.contains(it)).collect();
    shadowed.dedup();
    Composed { value: tree.to_value(), provenance: tree.provenance(&place), contributors, shadowed }
}

pub(super) fn merge_tree(says: &[Say<'_>], fuel: &mut Fuel) -> Node {
    let mut values = says.iter().map(|say| &**say.entry.value).enumerate();
    let mut tree = match values.next() {
        Some((index, first)) => Node::new(first, index, fuel),
        None => Node::new(&Value::Null, 0, fuel),
    };
    for (index, value) in values {
        tree.merge(value, index, fuel);
    }
    tree
}

/// Where, for one key, a layer wins that should not by its labels.
struct Conflicts<'c> {
    key: &'c str,
    says: &'c [Say<'c>],
    precedence: Precedence,
    /// Winner and loser.
    seen: BTreeSet<(usize, usize)>,
}

impl Conflicts<'_> {
    /// Notes that `winner` replaced a different value of `loser`.
    fn add(&mut self, winner: usize, loser: usize) {
        let count = |index: usize| self.says[index].layer.labels.len();
        let is_wrong = match self.precedence {
            Precedence::Name => count(winner) < count(loser),
            Precedence::Specificity => count(winner) == count(loser),
        };
        if is_wrong {
            self.seen.insert((winner, loser));
        }
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let pairs =
            self.seen.iter().map(|(winner, loser)| (&self.says[*winner], &self.says[*loser]));
        let diagnostic = |(winner, loser)| match self.precedence {
            Precedence::Name => less_specific(self.key, winner, loser),
            Precedence::Specificity => tie(self.key, winner, loser),
        };
        pairs.map(diagnostic).collect()
    }
}

fn less_specific(key: &str, winner: &Say<'_>, loser: &Say<'_>) -> Diagnostic {
    let labels = |say: &Say<'_>| labels_of(say.layer);
    let message = format!(
        "config `{}` overrides `{key}` of the more specific `{}`",
        winner.layer.name, loser.layer.name
    );
    Diagnostic::warning("config-precedence", message)
        .at(winner.entry.place.clone(), format!("this value wins: {}", labels(winner)))
        .at(loser.entry.place.clone(), format!("this value is lost: {}", labels(loser)))
        .help("rename one of them so that it sorts last, or set `configPrecedence: specificity`")
        .note("the layer whose name sorts last wins, and `azure-app-config*` keys win over all others")
}

fn tie(key: &str, winner: &Say<'_>, loser: &Say<'_>) -> Diagnostic {
    let with_labels = |say: &Say<'_>| format!("`{}` has {}", say.layer.name, labels_of(say.layer));
    let message = format!(
        "config `{}` and `{}` are equally specific and disagree about `{key}`",
        loser.layer.name, winner.layer.name
    );
    Diagnostic::error("config-tie", message)
        .at(winner.entry.place.clone(), with_labels(winner))
        .at(loser.entry.place.clone(), with_labels(loser))
        .help("add a label to the one that should win, or remove the key from the other")
}

fn too_large(key: &str, says: &[Say<'_>]) -> Diagnostic {
    let message = format!("config `{key}` grows beyond {MAX_NODES} values when merged");
    let diagnostic = Diagnostic::error("config-too-large", message)
        .help("remove list items of equal `name`: later layers merge into each of them");
    let last = says.last().map(|say| say.entry.place.clone());
    last.into_iter().fold(diagnostic, |it, place| it.at(place, "merged last"))
}

fn labels_of(layer: &Layer) -> String {
    match layer.labels.len() {
        0 => "no labels".to_owned(),
        1 => "1 label".to_owned(),
        more => format!("{more} labels"),
    }
}
