//! The oracle's rendering: from an assignment to its files.

use serde_json::{Map, Value, json};
use wob_engine::yaml;
use wob_template::{MissingKey, Options, Template};

use super::{
    Model, Object, Target, compose, documents, language, list, namespace, text,
    world::{Files, Profile, World},
};

/// What a template sees.
pub(crate) struct Data<'it> {
    pub(crate) target: &'it Target,
    pub(crate) namespace: String,
    pub(crate) cluster_type: String,
    pub(crate) config: Map<String, Value>,
}

/// Returns the files of an assignment by name.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn files(
    world: &World,
    model: &Model,
    cluster_type: &Object,
    target: &Target,
) -> Result<Files, String> {
    let data = Data {
        target,
        namespace: namespace(world, cluster_type, target)?,
        cluster_type: cluster_type.name.clone(),
        config: compose(world, model, cluster_type, target)?,
    };
    let spec = &cluster_type.body["spec"];
    let mut files = Files::new();
    let (reconciler, _) = file(world, model, or(text(&spec["reconciler"]), ""), &data)?;
    let (namespace, _) = file(world, model, or(text(&spec["namespaceService"]), "default"), &data)?;
    let (config, content_type) =
        file(world, model, or(text(&spec["configType"]), "configmap"), &data)?;
    files.insert("reconciler.yaml".to_owned(), reconciler);
    files.insert("namespace.yaml".to_owned(), namespace);
    if !config.is_empty() {
        let stem = world.config_file.as_deref().unwrap_or(match world.profile {
            Profile::Standard => "config",
            Profile::Kalypso => "platform-config",
        });
        let extension = if content_type == "sh" { "sh" } else { "yaml" };
        files.insert(format!("{stem}.{extension}"), config);
    }
    Ok(files)
}

fn or<'it>(name: &'it str, default: &'it str) -> &'it str {
    if name.is_empty() { default } else { name }
}

/// Renders the template `name`, and returns its content type too.
fn file(
    world: &World,
    model: &Model,
    name: &str,
    data: &Data<'_>,
) -> Result<(String, String), String> {
    let Some(template) = model.named("Template", name) else {
        return Ok((built_in(name, data)?, String::new()));
    };
    let spec = &template.body["spec"];
    let content_type = text(&spec["contentType"]).to_owned();
    let is_canonical = world.profile == Profile::Standard && content_type != "sh";
    let mut parts = vec![];
    for manifest in list(&spec["manifests"]) {
        match manifest {
            Value::String(manifest) => {
                let rendered = if spec["raw"] == json!(true) {
                    render_once(manifest, data, world.profile)?
                } else {
                    render(manifest, data, world.profile)?
                };
                if is_canonical {
                    let values = documents(&rendered)?;
                    parts.extend(values.iter().filter(|it| !it.is_null()).map(emit));
                } else if !rendered.trim().is_empty() {
                    parts.push(rendered);
                }
            }
            object => parts.push(emit(&render_inside(object, data, world.profile)?)),
        }
    }
    Ok((join(&parts), content_type))
}

/// Joins documents by `---` lines.
pub(crate) fn join(parts: &[String]) -> String {
    let mut joined = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            if !joined.ends_with('\n') {
                joined.push('\n');
            }
            joined.push_str("---\n");
        }
        joined.push_str(part);
    }
    joined
}

/// The only built-in rule that random worlds leave out of their templates.
fn built_in(name: &str, data: &Data<'_>) -> Result<String, String> {
    if name != "configmap" {
        return Err(format!("no template {name}"));
    }
    let metadata = json!({"name": "platform-config", "namespace": data.namespace});
    let mut texts = Map::new();
    for (key, value) in &data.config {
        // A ConfigMap holds texts only.
        let text = match value {
            Value::String(text) => text.clone(),
            other => yaml::emit(&other.clone().into(), yaml::Style::Helm).trim_end().to_owned(),
        };
        texts.insert(key.clone(), Value::String(text));
    }
    Ok(emit(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": texts})))
}

/// Renders every string in an object, but no key.
fn render_inside(value: &Value, data: &Data<'_>, profile: Profile) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(render(text, data, profile)?),
        Value::Array(items) => Value::Array(
            items.iter().map(|it| render_inside(it, data, profile)).collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => {
            let mut rendered = Map::new();
            for (key, value) in map {
                rendered.insert(key.clone(), render_inside(value, data, profile)?);
            }
            Value::Object(rendered)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Renders `template`, and again while `{{` is left.
pub(crate) fn render(template: &str, data: &Data<'_>, profile: Profile) -> Result<String, String> {
    let mut output = template.to_owned();
    for _ in 0..16 {
        output = render_once(&output, data, profile)?;
        if !output.contains("{{") {
            return Ok(output);
        }
    }
    Err("still a template after 16 rounds".to_owned())
}

fn render_once(template: &str, data: &Data<'_>, profile: Profile) -> Result<String, String> {
    let missing_key = match profile {
        Profile::Standard => MissingKey::Error,
        Profile::Kalypso => MissingKey::NoValue,
    };
    let options = Options { missing_key, ..Options::default() };
    let template = Template::compile("template", template, &language::functions(profile));
    let rendered = template.and_then(|it| it.render(&language::root(data, profile), &options));
    rendered.map(|it| it.text).map_err(|it| it.message)
}

/// Writes a document canonically.
fn emit(value: &Value) -> String {
    yaml::emit(&value.clone().into(), yaml::Style::Canonical)
}
