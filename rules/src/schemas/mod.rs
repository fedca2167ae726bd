//! Valid output: the schemas of what rules emit, and the check of rendered files against them.
//!
//! **Invariant:** a document of a kind that has no schema is an error, never a silent pass. No schema is ever fetched.

mod bundled;
mod check;
mod crd;
mod expression;
mod identity;
mod own;
mod report;
mod schema;
mod settings;
mod stated;
#[cfg(test)]
mod tests;
mod validation;
mod version;

pub(crate) use check::Checker;
pub(crate) use own::own_schemas;
pub(crate) use settings::validate_settings;
pub use settings::{SchemaFolder, ValidateSettings};
pub use validation::{Check, CheckMode, Validation};
pub use version::KubernetesVersion;

/// Returns the JSON Schema of a kind that comes with wob.
pub fn stated_schema(
    api_version: &str,
    kind: &str,
    version: KubernetesVersion,
) -> Option<serde_json::Value> {
    bundled::of_kind(api_version, kind, version).map(|it| it.json().clone())
}

/// Returns `apiVersion`, `kind` and JSON Schema of each version that `definition`, a CustomResourceDefinition, defines.
pub fn custom_schemas(definition: &serde_json::Value) -> Vec<(String, String, serde_json::Value)> {
    let schemas = crd::schemas(definition).into_iter();
    schemas.filter_map(|it| Some((it.api_version, it.kind, it.schema?))).collect()
}

/// Lets `schema` take null too.
fn nullable(schema: &mut serde_json::Value) {
    use serde_json::Value as Json;
    match &mut schema["type"] {
        Json::String(kind) => {
            let kind = std::mem::take(kind);
            schema["type"] = serde_json::json!([kind, "null"]);
        }
        Json::Array(kinds) => kinds.push(Json::from("null")),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            // Without a type everything is taken anyway.
            schema.as_object_mut().map(|it| it.remove("type"));
        }
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
}
