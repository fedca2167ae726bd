//! The parameters of the rules that a cluster type uses, shared by all of its assignments.

use std::collections::BTreeMap;

use wob_engine::{Digest, Map, Value};
use wob_template::JinjaData;

use super::InputPart;
use crate::compose::digest;

/// Parameters by rule, with their parts of the inputs: what is hashed is what templates see.
#[derive(Clone, Debug)]
pub struct Parameters {
    values: BTreeMap<String, Map>,
    parts: Vec<InputPart>,
    /// Of all parts.
    digest: Digest,
    /// The values, as jinja templates see them.
    data: BTreeMap<String, JinjaData>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Parameters {}

impl Parameters {
    /// Returns the parameters of a cluster type, by the names of the rules that it uses.
    pub(crate) fn new(values: BTreeMap<String, Map>) -> Self {
        let mut parts = vec![];
        for (rule, parameters) in &values {
            parts.extend(parameters.iter().map(|(key, value)| InputPart {
                name: format!("param.{rule}.{key}"),
                digest: digest(value),
            }));
        }
        let data =
            |(rule, it): (&String, &Map)| (rule.clone(), JinjaData::from(&Value::Map(it.clone())));
        let digest = InputPart::digest_of(&parts);
        Self { data: values.iter().map(data).collect(), values, parts, digest }
    }

    /// Returns those of one rule; none for a Template.
    pub fn of(&self, rule: &str) -> Option<&Map> {
        self.values.get(rule)
    }

    /// Returns those of one rule as jinja templates see them; an empty mapping for a Template.
    pub(super) fn data_of(&self, rule: &str) -> JinjaData {
        let none = || JinjaData::from(&Value::Map(Map::new()));
        self.data.get(rule).cloned().unwrap_or_else(none)
    }

    /// Returns the digest of all of them.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Lists the parts: `param.flux.interval`.
    pub fn parts(&self) -> &[InputPart] {
        &self.parts
    }
}
