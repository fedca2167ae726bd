//! The oracle: what an environment's tree must be, computed from its sources in the most obvious way.
//!
//! It knows no cache, no thread and no query, and shares no code with the rules: only the YAML emitter, the template
//! language and the schema checker, which have their own suites, are the engine's.
#![expect(clippy::wildcard_enum_match_arm, reason = "obvious and short counts more here")]

mod config;
mod language;
pub(crate) mod render;
pub(crate) mod world;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use config::{
    check_schema, compose, labels_from_key, layered, merge, selects, value_of,
};
use world::{Files, Outcome, Profile, World};
pub(crate) use yaml::documents;

const README: &str = "This folder contains deployment targets scheduled on the cluster type";
const OURS: &str = "scheduler.kalypso.io/v1alpha1";

type Labels = BTreeMap<String, String>;

/// One object of the sources.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    /// The whole document.
    pub(crate) body: Value,
}

/// One deployment target of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) environment: String,
    pub(crate) labels: Labels,
    pub(crate) manifests: Labels,
    /// The texts of its own schemas and, after them, of its workload's.
    pub(crate) schemas: Vec<String>,
}

/// Everything that one environment's namespace would hold.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) objects: Vec<Object>,
    pub(crate) targets: Vec<Target>,
}

/// Returns the tree of `world`.
pub(crate) fn evaluate(world: &World) -> Outcome {
    let model = model(world);
    let mut outcome = Outcome::default();
    for cluster_type in model.all("ClusterType") {
        outcome.files.insert(format!("{}/README.md", cluster_type.name), README.to_owned());
    }
    for (cluster_type, target) in assignments(&model) {
        let pair = (cluster_type.name.clone(), target.name.clone());
        match render::files(world, &model, cluster_type, target) {
            Ok(files) => {
                for (name, text) in files {
                    outcome.files.insert(format!("{}/{}/{name}", pair.0, pair.1), text);
                }
            }
            Err(_) => {
                outcome.failed.insert(pair);
            }
        }
    }
    outcome
}

impl Model {
    pub(crate) fn all<'it>(&'it self, kind: &'it str) -> impl Iterator<Item = &'it Object> {
        self.objects.iter().filter(move |it| it.kind == kind)
    }

    pub(crate) fn named(&self, kind: &str, name: &str) -> Option<&Object> {
        self.objects.iter().find(|it| it.kind == kind && it.name == name)
    }
}

/// Reads the sources of `world`.
pub(crate) fn model(world: &World) -> Model {
    let mut objects = objects_of(&world.base);
    objects.extend(objects_of(&world.environment));
    let mut targets = vec![];
    for registration in objects.iter().filter(|it| it.kind == "WorkloadRegistration") {
        let spec = &registration.body["spec"];
        let Some(files) = world.workloads.get(text(&spec["workload"]["repo"])) else { continue };
        let workspace = text(&spec["workspace"]);
        for workload in objects_of(&below(files, text(&spec["workload"]["path"]))) {
            if workload.kind == "Workload" {
                targets.extend(targets_of(&workload, workspace));
            }
        }
    }
    targets.retain(|it: &Target| it.environment == world.env);
    Model { objects, targets }
}

/// Returns the valid objects of `files`.
fn objects_of(files: &Files) -> Vec<Object> {
    let is_yaml = |path: &str| matches!(path.rsplit_once('.'), Some((_, "yaml" | "yml")));
    let yaml = files.iter().filter(|(path, _)| is_yaml(path));
    let documents = yaml.flat_map(|(_, text)| documents(text).unwrap_or_default());
    documents.filter_map(object).collect()
}

/// Returns the files below the folder `path`, which may be written `./a/`.
fn below(files: &Files, path: &str) -> Files {
    let folder: Vec<&str> = path.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
    let inside = |path: &&String| {
        path.split('/').zip(&folder).filter(|(a, b)| a == *b).count() == folder.len()
    };
    files
        .iter()
        .filter(|(path, _)| inside(path))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect()
}

fn object(body: Value) -> Option<Object> {
    let kind = text(&body["kind"]).to_owned();
    let expected = if kind == "ConfigMap" { "v1" } else { OURS };
    let name = text(&body["metadata"]["name"]).to_owned();
    let labels = strings(&body["metadata"]["labels"])?;
    let valid = text(&body["apiVersion"]) == expected
        && is_name(&name)
        && labels.values().all(|it| is_label_value(it))
        && (kind != "ConfigMap" || strings(&body["data"]).is_some());
    valid.then_some(Object { kind, name, labels, body })
}

fn targets_of(workload: &Object, workspace: &str) -> Vec<Target> {
    let spec = &workload.body["spec"];
    let mut targets = vec![];
    for target in list(&spec["deploymentTargets"]) {
        let Some(mut labels) = strings(&target["labels"]) else { return vec![] };
        let Some(manifests) = strings(&target["manifests"]) else { return vec![] };
        labels.extend(workload.labels.clone());
        labels.insert("workload".to_owned(), workload.name.clone());
        labels.insert("workspace".to_owned(), workspace.to_owned());
        let schemas = list(&target["configSchemas"]).iter().chain(list(&spec["configSchemas"]));
        targets.push(Target {
            name: format!("{}-{}", workload.name, text(&target["name"])),
            environment: text(&target["environment"]).to_owned(),
            labels,
            manifests,
            schemas: schemas.map(|it| text(it).to_owned()).collect(),
        });
    }
    targets
}

/// Returns the pairs that at least one policy asks for, each once.
pub(crate) fn assignments(model: &Model) -> Vec<(&Object, &Target)> {
    let mut pairs = BTreeMap::new();
    for policy in model.all("SchedulingPolicy") {
        // A policy with an invalid selector asks for nothing.
        for (cluster_type, target) in pairs_of(model, policy).unwrap_or_default() {
            pairs.insert((&cluster_type.name, &target.name), (cluster_type, target));
        }
    }
    pairs.into_values().collect()
}

fn pairs_of<'it>(
    model: &'it Model,
    policy: &Object,
) -> Result<Vec<(&'it Object, &'it Target)>, String> {
    let clusters = &policy.body["spec"]["clusterTypeSelector"];
    let targets = &policy.body["spec"]["deploymentTargetSelector"];
    let workspace = text(&targets["workspace"]);
    let mut pairs = vec![];
    for cluster_type in model.all("ClusterType") {
        for target in &model.targets {
            let is_cluster = matches(&clusters["labelSelector"], &cluster_type.labels)?;
            let is_target = matches(&targets["labelSelector"], &target.labels)?;
            let in_workspace = workspace.is_empty() || target.labels["workspace"] == workspace;
            if is_cluster && is_target && in_workspace {
                pairs.push((cluster_type, target));
            }
        }
    }
    Ok(pairs)
}

fn matches(selector: &Value, labels: &Labels) -> Result<bool, String> {
    let wanted =
        strings(&selector["matchLabels"]).ok_or("matchLabels holds something that is no text")?;
    let mut all = wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
    for it in list(&selector["matchExpressions"]) {
        all &= expression(it, labels)?;
    }
    Ok(all)
}

fn expression(expression: &Value, labels: &Labels) -> Result<bool, String> {
    let label = labels.get(text(&expression["key"]));
    let values: BTreeSet<&str> = list(&expression["values"]).iter().map(text).collect();
    let listed = label.is_some_and(|it| values.contains(it.as_str()));
    match (text(&expression["operator"]), values.is_empty()) {
        ("In", false) => Ok(listed),
        ("NotIn", false) => Ok(!listed),
        ("Exists", true) => Ok(label.is_some()),
        ("DoesNotExist", true) => Ok(label.is_none()),
        (operator, _) => Err(format!("{operator} with {} values", values.len())),
    }
}

/// Returns a text field, `""` for an absent one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Returns a list field, empty for an absent one.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a field that maps texts to texts, empty for an absent one, or nothing if it holds anything else.
pub(crate) fn strings(value: &Value) -> Option<Labels> {
    match value {
        Value::Null => Some(Labels::new()),
        Value::Object(map) => {
            map.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    let inner = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let is_part = |it: &str| {
        !it.is_empty() && it.chars().all(inner) && !it.starts_with('-') && !it.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

fn is_label_value(value: &str) -> bool {
    let ends = |it: Option<char>| it.is_none_or(|it| it.is_ascii_alphanumeric());
    let inner = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    value.len() <= 63
        && value.chars().all(inner)
        && ends(value.chars().next())
        && ends(value.chars().last())
}

/// Returns the namespace of a pair.
///
/// # Errors
/// If it is no valid name of a namespace.
pub(crate) fn namespace(
    world: &World,
    cluster_type: &Object,
    target: &Target,
) -> Result<String, String> {
    let pattern = world.namespace_pattern.as_deref().unwrap_or(match world.profile {
        Profile::Standard => "{environment}-{workspace}-{deploymentTarget}",
        Profile::Kalypso => "{environment}-{clusterType}-{deploymentTarget}",
    });
    let namespace = pattern
        .replace("{environment}", &target.environment)
        .replace("{workspace}", &target.labels["workspace"])
        .replace("{clusterType}", &cluster_type.name)
        .replace("{deploymentTarget}", &target.name);
    if namespace.len() > 63 { Err(format!("{namespace} is too long")) } else { Ok(namespace) }
}
