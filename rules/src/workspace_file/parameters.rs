//! `parameters` and `clusterTypes` of wob.yaml: what a workspace sets for rules.
//!
//! What the values must be is known to the rules only, and is checked where they are.

use std::collections::BTreeMap;

use wob_engine::{Diagnostic, Place, yaml};

use crate::{
    Name,
    decode::{Fields, Problems},
    rule::{ParameterValues, SetParameter, SetParameters},
};

/// Parameters of one level: those for all cluster types, and those for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterEntries {
    /// `parameters`.
    pub all: ParameterValues,
    /// `clusterTypes.<name>.parameters`.
    pub cluster_types: BTreeMap<Name, ParameterValues>,
}

/// Reads both fields.
pub(super) fn entries(fields: &mut Fields<'_>, problems: &mut Problems) -> ParameterEntries {
    let all = values(fields, problems);
    let mut cluster_types = BTreeMap::new();
    if let Some(entries) = fields.optional_mapping("clusterTypes", problems) {
        for (key, node, place) in entries.entries() {
            if let Some((name, values)) = cluster_type(key, node, place, problems) {
                cluster_types.insert(name, values);
            }
        }
    }
    ParameterEntries { all, cluster_types }
}

fn cluster_type(
    key: &str,
    node: &yaml::Node,
    place: Place,
    problems: &mut Problems,
) -> Option<(Name, ParameterValues)> {
    let name = Name::new(key).map_err(|reason| {
        problems.push(
            Diagnostic::error(
                "bad-name",
                format!("cluster type `{}` {reason}", key.escape_debug()),
            )
            .at(place.on_key(), "here")
            .help("write the `metadata.name` of a ClusterType"),
        );
    });
    let owner = "the settings of a cluster type".into();
    let mut fields = Fields::open(node, place, "", &owner, problems)?;
    let values = values(&mut fields, problems);
    fields.finish(&[], problems);
    Some((name.ok()?, values))
}

fn values(fields: &mut Fields<'_>, problems: &mut Problems) -> ParameterValues {
    let mut all = ParameterValues::default();
    let Some(rules) = fields.optional_mapping("parameters", problems) else { return all };
    for (rule, node, place) in rules.entries() {
        let name = format!("parameters.{rule}");
        let owner = "wob.yaml".into();
        let Some(fields) = Fields::open(node, place.clone(), &name, &owner, problems) else {
            continue;
        };
        let values = fields
            .entries()
            .map(|(key, node, place)| (key.into(), SetParameter { value: node.to_value(), place }));
        all.0.insert(rule.into(), SetParameters { place, values: values.collect() });
    }
    all
}
