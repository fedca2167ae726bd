//! What composition promises, on small cases.

mod laws;
mod layers;
mod schema_laws;
mod schemas;

mod labels;

use std::collections::BTreeMap;

use wob_engine::{At, FileName, Place, Step, Value};

use super::{Composition, ConfigMap, Layers, Precedence, Reading, Subject, merge, select};

/// Target `app-test` of workload `app` on cluster type `large` in the west.
pub(super) struct Pair {
    cluster: BTreeMap<String, String>,
    target: BTreeMap<String, String>,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self {
            cluster: labels(&[
                ("region", "west"),
                ("size", "l"),
                ("both", "cluster"),
                ("blank", ""),
            ]),
            target: labels(&[("purpose", "test"), ("both", "target"), ("workload", "other")]),
        }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            cluster_type: "large",
            cluster_labels: &self.cluster,
            target: "app-test",
            target_labels: &self.target,
            workload: "app",
        }
    }
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
}

/// A config map in a file of its name, marked as platform config.
pub(super) fn map(name: &str, wanted: &[(&str, &str)], data: &[(&str, &str)]) -> ConfigMap {
    let mut labels = labels(wanted);
    labels.entry("platform-config".to_owned()).or_insert_with(|| "true".to_owned());
    ConfigMap {
        name: name.to_owned(),
        place: Place::document(&FileName::new(name), 0),
        labels,
        data: data.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect(),
    }
}

/// Composes for [`Pair`].
pub(super) fn compose(maps: &[ConfigMap], precedence: Precedence) -> Composition {
    let layers = Layers::new(maps, Reading::Kalypso);
    merge(&layers, &select(&layers, &Pair::new().subject()), precedence)
}

/// Prints a place as `file:path/to/node`.
pub(super) fn said(place: &Place) -> String {
    let path = match &place.at {
        At::Node { path, .. } | At::Text { path, .. } => path.to_vec(),
        At::File | At::Bytes(_) => vec![],
    };
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => key.to_string(),
        Step::Index(index) => index.to_string(),
    });
    format!("{}:{}", place.file, steps.collect::<Vec<_>>().join("/"))
}

/// The value at `key`, as JSON.
pub(super) fn json(composition: &Composition, key: &str) -> String {
    let value = composition.values.get(key).map_or(&Value::Null, |composed| &composed.value);
    serde_json::Value::from(value).to_string()
}

pub(super) fn messages(composition: &Composition) -> Vec<&str> {
    composition.diagnostics.iter().map(|it| it.message.as_str()).collect()
}
