//! Config composition: which layers of platform config reach a cluster type and target, and what they add up to.
//!
//! Two stages, so that results can be shared: [`select`] looks at a pair and is cheap; [`merge`] looks only at
//! the list of layers, which is the same for most pairs.

mod brought;
mod composition;
mod history;
mod labels;
mod layers;
mod locate;
mod merge;
mod schema;
mod schema_cost;
mod schema_keys;
mod typing;
mod validate;
mod value;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::Place;

pub(crate) use brought::Brought;
pub(crate) use composition::by_precedence;
pub use composition::{Applied, Composed, Composition, Provenance, merge};
pub(crate) use composition::{Values, values};
pub use history::Fate;
pub(crate) use history::{History, Said, history, value_at};
pub(crate) use labels::Side;
pub use labels::{SpecialLabels, label_match, labels_from_key};
pub(crate) use layers::is_dotted;
pub(crate) use layers::{Entry, Layer};
pub use layers::{LayerId, Layers, select};
pub(crate) use schema::{Compiled, SchemaId, Unusable, compile_schema, shorten};
pub use schema::{ConfigSchema, InlineSchema, Schemas};
pub use validate::validate;
pub(crate) use validate::{complaint, dotted, looked_at, passes, validate_all};
pub use value::config_value;
pub(crate) use value::{ConfigValue, digest};

/// A `ConfigMap` as composition sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigMap {
    /// `metadata.name`.
    pub name: String,
    /// The root of its document.
    pub place: Place,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `data`.
    pub data: BTreeMap<String, Arc<str>>,
}

/// The pair that config is composed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The name of the cluster type.
    pub cluster_type: &'a str,
    /// The labels of the cluster type.
    pub cluster_labels: &'a BTreeMap<String, String>,
    /// The full name of the deployment target: `<workload>-<target>`.
    pub target: &'a str,
    /// The labels of the deployment target, with those it has from its workload.
    pub target_labels: &'a BTreeMap<String, String>,
    /// The name of the workload that the target belongs to.
    pub workload: &'a str,
}

/// Which of two layers wins where both set the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precedence {
    /// The later name, in byte order; `azure-app-config*` after all others.
    #[default]
    Name,
    /// The one with more labels; a tie with different values is an error.
    Specificity,
}

/// How the text of a config value is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// As people mean it: `Note: see docs` on one line is a text.
    #[default]
    Standard,
    /// As Kalypso's scheduler does: whatever YAML reads as a list or a mapping is one.
    Kalypso,
}
