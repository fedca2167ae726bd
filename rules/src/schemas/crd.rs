//! From a CustomResourceDefinition to JSON Schemas that refuse what an API server would refuse or prune.
//!
//! Rules in CEL (`x-kubernetes-validations`) are not run.

use serde_json::{Map, Value as Json, json};

use super::{expression, nullable};

/// The schema of one version of a custom resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CustomSchema {
    /// `group/version`.
    pub(super) api_version: String,
    pub(super) kind: String,
    /// `None` if the definition has no schema for the version.
    pub(super) schema: Option<Json>,
}

/// Keywords that mean in a CRD what they mean in JSON Schema.
const SAME: [&str; 15] = [
    "allOf",
    "anyOf",
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minItems",
    "minLength",
    "minProperties",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "required",
    "uniqueItems",
];

/// Returns the schemas of all versions of `definition`, a CustomResourceDefinition of version `v1`; in written order.
pub(super) fn schemas(definition: &Json) -> Vec<CustomSchema> {
    let spec = &definition["spec"];
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let (group, kind) = (text(&spec["group"]), text(&spec["names"]["kind"]));
    let versions = spec["versions"].as_array().into_iter().flatten();
    let schema = |version: &Json| {
        let api_version = format!("{group}/{}", text(&version["name"]));
        let schema = version["schema"].get("openAPIV3Schema").filter(|it| it.is_object());
        let schema = schema.map(|it| object(it, &api_version, &kind));
        CustomSchema { api_version, kind: kind.clone(), schema }
    };
    versions.map(schema).collect()
}

/// A custom object has metadata like every other; what its definition says of them only narrows their name.
fn object(schema: &Json, api_version: &str, kind: &str) -> Json {
    let mut schema = structural(schema);
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    schema["properties"]["apiVersion"] = json!({"const": api_version});
    schema["properties"]["kind"] = json!({"const": kind});
    schema["properties"]["metadata"] = json!({"$ref": "#/definitions/ObjectMeta"});
    let own = schema["required"].as_array().cloned().unwrap_or_default();
    let mut required: Vec<Json> = ["apiVersion", "kind", "metadata"].map(Json::from).into();
    required.extend(own.into_iter().filter(|it| !required.contains(it)).collect::<Vec<_>>());
    schema["required"] = required.into();
    schema
}

/// Translates one structural schema; what it does not name is refused, unless it keeps unknown fields.
fn structural(schema: &Json) -> Json {
    let flag = |key: &str| schema.get(key).and_then(Json::as_bool) == Some(true);
    let mut result = Map::new();
    for key in SAME {
        if let Some(value) = schema.get(key) {
            result.insert(key.to_owned(), value.clone());
        }
    }
    limits(schema, &mut result);
    let kind = schema.get("type").and_then(Json::as_str);
    if flag("x-kubernetes-int-or-string") {
        // The definition repeats the two types as alternatives, which would hide what is wrong with a value.
        result.remove("anyOf");
        result.insert("type".to_owned(), json!(["integer", "string"]));
    } else if let Some(kind) = kind {
        let format = schema.get("format").and_then(Json::as_str);
        let known = format.and_then(|it| expression::of_format(kind, it));
        let known = known.unwrap_or_else(|| json!({"type": kind}));
        result.extend(known.as_object().cloned().unwrap_or_default());
    }
    if let Some(items) = schema.get("items") {
        result.insert("items".to_owned(), structural(items));
    }
    let fields = schema.get("properties").and_then(Json::as_object);
    let mut properties: Map<String, Json> = fields
        .into_iter()
        .flatten()
        .map(|(name, below)| (name.clone(), structural(below)))
        .collect();
    if flag("x-kubernetes-embedded-resource") {
        for (name, below) in [
            ("apiVersion", json!({"type": "string"})),
            ("kind", json!({"type": "string"})),
            ("metadata", json!({"type": "object"})),
        ] {
            properties.insert(name.to_owned(), below);
        }
    }
    if fields.is_some() || !properties.is_empty() {
        result.insert("properties".to_owned(), properties.into());
    }
    match schema.get("additionalProperties") {
        Some(Json::Object(_)) => {
            let below = structural(&schema["additionalProperties"]);
            result.insert("additionalProperties".to_owned(), below);
        }
        Some(Json::Bool(true)) => {}
        _ if kind == Some("object") && !flag("x-kubernetes-preserve-unknown-fields") => {
            result.insert("additionalProperties".to_owned(), Json::Bool(false));
        }
        _ => {}
    }
    let mut result = Json::Object(result);
    if flag("nullable") {
        nullable(&mut result);
    }
    result
}

/// OpenAPI says by a flag that a limit itself is excluded.
fn limits(schema: &Json, result: &mut Map<String, Json>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(value) = schema.get(limit) {
            let excluded = schema.get(exclusive).and_then(Json::as_bool) == Some(true);
            let key = if excluded { exclusive } else { limit };
            result.insert(key.to_owned(), value.clone());
        }
    }
}
