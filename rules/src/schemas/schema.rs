//! One schema of objects, ready to check them.

use serde_json::{Map, Value as Json};

use crate::compose::{Compiled, Unusable, compile_schema};

/// A schema of objects.
#[derive(Debug)]
pub(super) struct Schema {
    json: Json,
    pub(super) compiled: Compiled,
    nulls: Nulls,
}

/// What a field that is null is to an API server; in the metadata it is always absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    /// It has a value, which the schema must allow: custom objects.
    Kept,
    /// It is absent: Kubernetes' own kinds, which are decoded by Go.
    Dropped,
}

impl Schema {
    /// Compiles `json`.
    pub(super) fn new(json: Json, nulls: Nulls) -> Result<Self, Unusable> {
        let compiled = compile_schema(&json)?;
        Ok(Self { json, compiled, nulls })
    }

    /// Returns the JSON Schema.
    pub(super) fn json(&self) -> &Json {
        &self.json
    }

    /// Returns the fields that the schema knows beside the keyword at `keyword_path`, such as `…/additionalProperties`.
    pub(super) fn siblings(&self, keyword_path: &str) -> Vec<&str> {
        let parent = keyword_path.rsplit_once('/').map_or("", |it| it.0);
        let fields = self.json.pointer(parent).and_then(|it| it.get("properties"));
        fields.and_then(Json::as_object).into_iter().flatten().map(|(name, _)| &**name).collect()
    }

    /// Returns `object` as an API server decodes it: without the fields that are null, where those count as absent.
    pub(super) fn decoded(&self, mut object: Json) -> Json {
        match self.nulls {
            Nulls::Dropped => drop_nulls(&mut object),
            Nulls::Kept => object.get_mut("metadata").into_iter().for_each(drop_nulls),
        }
        object
    }
}

fn drop_nulls(value: &mut Json) {
    match value {
        Json::Object(fields) => {
            let kept = std::mem::take(fields).into_iter().filter(|(_, it)| !it.is_null());
            *fields = kept.collect::<Map<_, _>>();
            fields.values_mut().for_each(drop_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_nulls),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
