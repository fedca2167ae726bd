//! The history of one config value: every layer that said something about it, and what became of that.

use std::collections::BTreeSet;

use wob_engine::{Step, Value};

use super::{
    LayerId, Layers, Precedence,
    composition::{MAX_NODES, Say, by_precedence, merge_tree},
    layers::{Entry, Layer},
    merge::Fuel,
};

/// A config value, or a part of one, with all that was said about it.
#[derive(Debug)]
pub(crate) struct History<'l> {
    /// The value.
    pub(crate) value: Value,
    /// What was said, in order of precedence: later wins.
    pub(crate) says: Vec<Said<'l>>,
}

/// What one layer said about a value.
#[derive(Debug)]
pub(crate) struct Said<'l> {
    /// The layer.
    pub(crate) layer: &'l Layer,
    /// Its whole value of the key.
    pub(crate) entry: &'l Entry,
    /// What it says of the part that is asked for.
    pub(crate) value: Value,
    /// The way to that part in the layer's own value, if it can be told.
    pub(crate) path: Option<Vec<Step>>,
    /// What became of it.
    pub(crate) fate: Fate,
}

/// What became of what a layer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is the value.
    Wins,
    /// It was merged with what others said.
    Merged,
    /// Another layer replaced it.
    Lost,
}

/// Returns the history of the part at `path` of `key`; `None` if no layer says it.
pub(crate) fn history<'l>(
    layers: &'l Layers,
    ids: &[LayerId],
    precedence: Precedence,
    key: &str,
    path: &[Step],
) -> Option<History<'l>> {
    let mut says = vec![];
    for layer in by_precedence(layers, ids, precedence) {
        says.extend(
            layer.entries.iter().filter(|it| &**it.key() == key).map(|entry| Say { layer, entry }),
        );
    }
    if says.is_empty() {
        return None;
    }
    let tree = merge_tree(&says, &mut Fuel::new(MAX_NODES));
    let mut node = &tree;
    for step in path {
        node = node.child(step)?;
    }
    let mut left = BTreeSet::new();
    node.visit(&mut |it| {
        left.insert(it.created);
        left.insert(it.latest);
    });
    let won = if left.len() > 1 { Fate::Merged } else { Fate::Wins };
    let whole = tree.to_value();
    let said = |index: usize, value: Option<&Value>, fate| {
        let Say { layer, entry } = says[index];
        let path = own_path(&entry.value, &whole, path);
        let own = path.as_deref().and_then(|it| value_at(&entry.value, it));
        let value = value.or(own).unwrap_or(&entry.value).clone();
        Said { layer, entry, value, path, fate }
    };
    let mut all: Vec<(usize, Said<'l>)> =
        left.iter().map(|it| (*it, said(*it, None, won))).collect();
    for shadow in node.shadowed.iter().filter(|it| !left.contains(&it.layer)) {
        all.push((shadow.layer, said(shadow.layer, Some(&shadow.value), Fate::Lost)));
    }
    all.sort_by_key(|(index, _)| *index);
    // A marked dotted map says its plain keys twice, and so has two layers at one place.
    all.dedup_by(|b, a| {
        a.1.entry.place == b.1.entry.place && {
            a.1.fate = a.1.fate.min(b.1.fate);
            true
        }
    });
    Some(History { value: node.to_value(), says: all.into_iter().map(|it| it.1).collect() })
}

/// Returns the value at `path`.
pub(crate) fn value_at<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.as_map()?.get(key),
        Step::Index(index) => value.as_list()?.get(*index as usize),
    })
}

/// Returns the way to the part at `path` of the merged value in what one layer says: its lists have other indices.
fn own_path(own: &Value, merged: &Value, path: &[Step]) -> Option<Vec<Step>> {
    let (mut own, mut merged) = (own, merged);
    let mut way = vec![];
    for step in path {
        merged = value_at(merged, std::slice::from_ref(step))?;
        let step = match step {
            Step::Key(_) => step.clone(),
            Step::Index(_) => {
                let name = |it: &Value| it.as_map().and_then(|it| it.get("name")).cloned();
                let is_it = |it: &Value| match name(merged) {
                    Some(wanted) => name(it) == Some(wanted),
                    None => it == merged,
                };
                let index = own.as_list()?.iter().position(is_it)?;
                Step::Index(u32::try_from(index).ok()?)
            }
        };
        own = value_at(own, std::slice::from_ref(&step))?;
        way.push(step);
    }
    Some(way)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use wob_engine::{FileName, Place};

    use super::*;
    use crate::{ConfigMap, Reading, Subject, compose::select};

    /// Composes `VALUE` of these layers, in order of precedence, and tells who said what about `path`.
    fn told(texts: &[&str], path: &[Step]) -> Vec<String> {
        let map = |(index, text): (usize, &&str)| ConfigMap {
            name: format!("layer-{index}"),
            place: Place::document(&FileName::new(&format!("{index}.yaml")), 0),
            labels: BTreeMap::from([("platform-config".to_owned(), "true".to_owned())]),
            data: BTreeMap::from([("VALUE".to_owned(), Arc::from(*text))]),
        };
        let maps: Vec<ConfigMap> = texts.iter().enumerate().map(map).collect();
        let layers = Layers::new(&maps, Reading::Standard);
        let none = BTreeMap::new();
        let subject = Subject {
            cluster_type: "c",
            cluster_labels: &none,
            target: "t",
            target_labels: &none,
            workload: "w",
        };
        let ids = select(&layers, &subject);
        let Some(found) = history(&layers, &ids, Precedence::Name, "VALUE", path) else {
            return vec![];
        };
        let line = |it: &Said<'_>| {
            let value = serde_json::Value::from(&it.value);
            format!("{} {:?} {value}", it.layer.name, it.fate)
        };
        let value = serde_json::Value::from(&found.value).to_string();
        std::iter::once(value).chain(found.says.iter().map(line)).collect()
    }

    fn key(key: &str) -> Step {
        Step::Key(key.into())
    }

    #[test]
    fn a_text_replaces_all_before_it() {
        assert_eq!(
            told(&["a", "b", "b"], &[]),
            ["\"b\"", "layer-0 Lost \"a\"", "layer-1 Lost \"b\"", "layer-2 Wins \"b\""]
        );
    }

    #[test]
    fn each_part_of_a_mapping_has_its_own_history() {
        let layers = ["{a: 1, b: 1}", "{a: 2, c: {d: 3}}", "{a: 3}"];
        assert_eq!(
            told(&layers, &[key("a")]),
            ["3", "layer-0 Lost 1", "layer-1 Lost 2", "layer-2 Wins 3"]
        );
        assert_eq!(told(&layers, &[key("b")]), ["1", "layer-0 Wins 1"]);
        assert_eq!(told(&layers, &[key("c"), key("d")]), ["3", "layer-1 Wins 3"]);
        assert_eq!(told(&layers, &[key("z")]), [""; 0]);
        assert_eq!(
            told(&layers, &[]),
            [
                "{\"a\":3,\"b\":1,\"c\":{\"d\":3}}",
                "layer-0 Merged {\"a\":1,\"b\":1}",
                "layer-1 Merged {\"a\":2,\"c\":{\"d\":3}}",
                "layer-2 Merged {\"a\":3}",
            ]
        );
    }

    #[test]
    fn items_of_lists_are_found_by_their_names() {
        let layers = ["[{name: x, v: 1}]", "[{name: y, v: 2}, {name: x, v: 3}]"];
        assert_eq!(
            told(&layers, &[Step::Index(0), key("v")]),
            ["3", "layer-0 Lost 1", "layer-1 Wins 3"]
        );
        assert_eq!(told(&layers, &[Step::Index(1), key("v")]), ["2", "layer-1 Wins 2"]);
    }
}
