//! Layers: the config maps, taken apart once so that choosing among them is cheap for every pair.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Diagnostic, Place};

use super::{
    Brought, ConfigMap, ConfigValue, Reading, SpecialLabels, Subject, labels_from_key,
    value::config_value_at,
};

/// Config maps whose name starts so hold all their keys under dotted labels.
const DOTTED_PREFIX: &str = "azure-app-config";

/// Says whether keys of a map with this name have labels in front of them.
pub(crate) fn is_dotted(name: &str) -> bool {
    name.starts_with(DOTTED_PREFIX)
}

/// Names a layer; the order of ids is the order of precedence by name, later wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(u32);

impl LayerId {
    /// Returns the layer's position among all.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// All layers of an environment: config maps, and groups of equally labelled keys of `azure-app-config*` maps.
///
/// **Invariant:** sorted by precedence, so that the order in which the maps came in changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    all: Vec<Layer>,
    /// Layers by one of their labels and its value; a layer applies only to subjects that have it.
    by_label: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<LayerId>>>,
    /// Layers without labels, which apply to everybody.
    unlabelled: Vec<LayerId>,
}

/// Values that apply together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// What people call it: the name of the map, with the dotted labels if they make the group.
    pub(crate) name: Arc<str>,
    /// The root of the map's document.
    pub(crate) place: Place,
    /// The labels that must hold.
    pub(crate) labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Whether dotted labels in front of its keys make it, instead of the labels of its map.
    pub(crate) is_dotted: bool,
    /// The values, sorted by key, no key twice.
    pub(crate) entries: Vec<Entry>,
}

/// One value of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key, without dotted labels, and what the text means.
    pub(crate) value: Arc<ConfigValue>,
    /// Where the text is.
    pub(crate) place: Place,
    /// Why the text could not be read.
    pub(crate) problem: Option<Diagnostic>,
}

impl Entry {
    fn new(key: &str, text: &Arc<str>, reading: Reading, place: Place) -> Self {
        let (value, problem) = config_value_at(text, reading, &place);
        Self { value: Arc::new(ConfigValue::new(key.into(), value)), place, problem }
    }

    /// Returns the key, without dotted labels.
    pub(crate) fn key(&self) -> &Arc<str> {
        self.value.key()
    }
}

impl Layers {
    /// Parses the values, keys and labels of `maps` once.
    pub fn new(maps: &[ConfigMap], reading: Reading) -> Self {
        let special = SpecialLabels::KALYPSO;
        let mut sorted: Vec<&ConfigMap> = maps.iter().collect();
        sorted.sort();
        sorted.dedup();
        let plain = sorted.iter().filter(|map| {
            map.labels.get(special.platform_config).is_some_and(|value| value == "true")
        });
        let mut layers: Vec<Layer> = plain.map(|map| plain_layer(map, reading)).collect();
        for map in sorted.iter().filter(|map| is_dotted(&map.name)) {
            layers.extend(dotted_layers(map, reading));
        }
        Self::indexed(layers)
    }

    fn indexed(layers: Vec<Layer>) -> Self {
        let mut index = Self { all: layers, by_label: BTreeMap::new(), unlabelled: vec![] };
        for (id, layer) in (0..).map(LayerId).zip(&index.all) {
            match rarest_label(&layer.labels) {
                None => index.unlabelled.push(id),
                Some((label, value)) => {
                    let values = index.by_label.entry(label.clone()).or_default();
                    values.entry(value.clone()).or_default().push(id);
                }
            }
        }
        index
    }

    /// Returns a layer.
    pub(crate) fn get(&self, id: LayerId) -> Option<&Layer> {
        self.all.get(id.index())
    }

    /// Returns all layers, in order of precedence by name.
    pub(crate) fn all(&self) -> &[Layer] {
        &self.all
    }

    /// Returns all layers with their ids, in order of precedence by name.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (LayerId, &Layer)> {
        (0..).map(LayerId).zip(&self.all)
    }

    /// Returns the layers without labels.
    pub(super) fn unlabelled(&self) -> &[LayerId] {
        &self.unlabelled
    }

    /// Returns the layers that are found by `label` with `value`; they may have others, too.
    pub(super) fn with_label(&self, label: &str, value: &str) -> &[LayerId] {
        let values = self.by_label.get(label);
        values.and_then(|values| values.get(value)).map_or(&[], Vec::as_slice)
    }
}

/// Returns the layers that apply to `subject`, in precedence order by name: later wins.
pub fn select(layers: &Layers, subject: &Subject<'_>) -> Vec<LayerId> {
    let [by_cluster_type, by_target] = subject.sides().map(|side| Brought::by(layers, side));
    by_cluster_type.join(&by_target, || subject.sides())
}

/// Returns the label to find a layer by: the one that the fewest subjects have.
fn rarest_label(labels: &BTreeMap<Arc<str>, Arc<str>>) -> Option<(&Arc<str>, &Arc<str>)> {
    let special = SpecialLabels::KALYPSO;
    let rank = [special.deployment_target, special.workload, special.cluster_type];
    labels.iter().min_by_key(|(label, _)| rank.iter().position(|it| **it == ***label).unwrap_or(3))
}

fn plain_layer(map: &ConfigMap, reading: Reading) -> Layer {
    let labels = map.labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
    let data = map.place.key("data");
    let entry = |(key, text): (&String, &Arc<str>)| Entry::new(key, text, reading, data.key(key));
    Layer {
        name: map.name.as_str().into(),
        place: map.place.clone(),
        labels: effective(labels),
        is_dotted: false,
        entries: map.data.iter().map(entry).collect(),
    }
}

/// Groups the keys of an `azure-app-config*` map by the labels in front of them.
///
/// Shorter dotted keys come first, then byte order; between keys that end alike the parts in front decide.
fn dotted_layers(map: &ConfigMap, reading: Reading) -> Vec<Layer> {
    let data = map.place.key("data");
    let mut groups: BTreeMap<(usize, &str), Layer> = BTreeMap::new();
    for (dotted, text) in &map.data {
        let (labels, key) = labels_from_key(dotted);
        let prefix = &dotted[..dotted.len() - key.len()];
        let group = groups.entry((prefix.len(), prefix)).or_insert_with(|| Layer {
            name: group_name(&map.name, prefix),
            place: map.place.clone(),
            labels: effective(labels.into_iter()),
            is_dotted: true,
            entries: vec![],
        });
        group.entries.push(Entry::new(key, text, reading, data.key(dotted)));
    }
    groups.into_values().collect()
}

fn group_name(map: &str, prefix: &str) -> Arc<str> {
    if prefix.is_empty() { map.into() } else { format!("{map} ({prefix}*)").into() }
}

fn effective<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<Arc<str>, Arc<str>> {
    let special = SpecialLabels::KALYPSO;
    labels
        .filter(|(label, _)| special.counts(label))
        .map(|(label, value)| (label.into(), value.into()))
        .collect()
}
