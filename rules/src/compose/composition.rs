//! Compositions: the merged config of a list of layers, where each value knows where it comes from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Diagnostic, Place, Step, Value};

use super::{
    LayerId, Layers, Precedence,
    layers::{Entry, Layer},
    merge::{Fuel, Node},
};

/// The most nodes that one composition may make: lists of equal names multiply, so size needs a bound of its own.
const MAX_NODES: usize = 1_000_000;

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
struct Say<'l> {
    layer: &'l Layer,
    entry: &'l Entry,
}

/// Merges layers, which [`super::select`] returned for the same `layers`.
pub fn merge(layers: &Layers, ids: &[LayerId], precedence: Precedence) -> Composition {
    let mut chosen: Vec<&Layer> = ids.iter().filter_map(|id| layers.get(*id)).collect();
    if precedence == Precedence::Specificity {
        chosen.sort_by_key(|layer| layer.labels.len());
    }
    let mut result = Composition::default();
    let mut by_key: BTreeMap<&Arc<str>, Vec<Say<'_>>> = BTreeMap::new();
    for layer in &chosen {
        for entry in &layer.entries {
            result.diagnostics.extend(entry.problem.clone());
            by_key.entry(&entry.key).or_default().push(Say { layer, entry });
        }
    }
    let mut fuel = Fuel::new(MAX_NODES);
    for (key, says) in by_key {
        let tree = merge_key(&says, &mut fuel);
        conflicts(key, &tree, &says, precedence, &mut result.diagnostics);
        result.values.insert(key.clone(), composed(&tree, &says));
        if fuel.is_empty() {
            result.diagnostics.push(too_large(key, &says));
            break;
        }
    }
    let applied = |it: &&Layer| Applied { name: it.name.clone(), place: it.place.clone() };
    result.layers = chosen.iter().map(applied).collect();
    result.diagnostics.sort();
    result.diagnostics.dedup();
    result
}

fn merge_key(says: &[Say<'_>], fuel: &mut Fuel) -> Node {
    let mut values = says.iter().map(|say| &say.entry.value).enumerate();
    let mut tree = match values.next() {
        Some((index, first)) => Node::new(first, index, fuel),
        None => Node::new(&Value::Null, 0, fuel),
    };
    for (index, value) in values {
        tree.merge(value, index, fuel);
    }
    tree
}

fn composed(tree: &Node, says: &[Say<'_>]) -> Composed {
    let place = |index: usize| says[index].entry.place.clone();
    let mut left = BTreeSet::new();
    tree.visit(&mut |node| {
        left.insert(node.latest);
        left.insert(node.created);
    });
    // A marked dotted map says its plain keys twice, and so has two layers at one place.
    let mut contributors: Vec<Place> = left.iter().copied().map(place).collect();
    contributors.dedup();
    let all = (0..says.len()).map(place);
    let mut shadowed: Vec<Place> = all.filter(|it| !contributors.contains(it)).collect();
    shadowed.dedup();
    Composed { value: tree.to_value(), provenance: tree.provenance(&place), contributors, shadowed }
}

/// Reports where a layer wins that, by its labels, should not.
fn conflicts(
    key: &str,
    tree: &Node,
    says: &[Say<'_>],
    precedence: Precedence,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen = BTreeSet::new();
    let count = |index: usize| says[index].layer.labels.len();
    tree.visit(&mut |node| {
        for shadow in &node.shadowed {
            let (winner, loser) = (node.created, shadow.layer);
            let wrong = match precedence {
                Precedence::Name => count(winner) < count(loser),
                Precedence::Specificity => count(winner) == count(loser),
            };
            if wrong && !node.is_equal(&shadow.value) && seen.insert((winner, loser)) {
                diagnostics.push(match precedence {
                    Precedence::Name => less_specific(key, &says[winner], &says[loser]),
                    Precedence::Specificity => tie(key, &says[winner], &says[loser]),
                });
            }
        }
    });
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
    let message = format!(
        "config `{}` and `{}` are equally specific and disagree about `{key}`",
        loser.layer.name, winner.layer.name
    );
    Diagnostic::error("config-tie", message)
        .at(winner.entry.place.clone(), labels_of(winner.layer))
        .at(loser.entry.place.clone(), labels_of(loser.layer))
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
