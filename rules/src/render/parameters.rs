//! The parameters of the rules that a cluster type uses, shared by all of its assignments.

use std::collections::BTreeMap;

use wob_engine::{Digest, Map};

use super::{InputPart, shared::canonical};

/// Parameters by rule, with their parts of the inputs: what is hashed is what templates see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, Map>,
    parts: Vec<InputPart>,
}

impl Parameters {
    /// Returns the parameters of a cluster type, by the names of the rules that it uses.
    pub(crate) fn new(values: BTreeMap<String, Map>) -> Self {
        let mut parts = vec![];
        for (rule, parameters) in &values {
            parts.extend(parameters.iter().map(|(key, value)| InputPart {
                name: format!("param.{rule}.{key}"),
                digest: Digest::of(canonical(value).as_bytes()),
            }));
        }
        Self { values, parts }
    }

    /// Returns those of one rule; none for a Template.
    pub fn of(&self, rule: &str) -> Option<&Map> {
        self.values.get(rule)
    }

    /// Lists the parts: `param.flux.interval`.
    pub fn parts(&self) -> &[InputPart] {
        &self.parts
    }
}
