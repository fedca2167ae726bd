//! `validate` in `wob.yaml`: whether and how rendered files are checked.

use std::collections::BTreeMap;

use wob_engine::{Diagnostic, FilePath, Place, Source, Value, yaml::Node};

use super::{Check, CheckMode, KubernetesVersion, Validation};
use crate::{
    Name,
    decode::{Fields, Problems, shown},
};

/// One `validate`; what is not set is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidateSettings {
    /// `mode`, or the whole value if that is only `on` or `off`.
    mode: Option<CheckMode>,
    /// `kubernetes`.
    kubernetes: Option<KubernetesVersion>,
    /// `schemas`.
    schemas: Vec<SchemaFolder>,
    /// `clusterTypes`.
    cluster_types: BTreeMap<Name, OfClusterType>,
}

/// What `validate` says of one cluster type.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OfClusterType {
    /// Where the cluster type is named.
    place: Place,
    settings: ValidateSettings,
}

/// A folder with schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFolder {
    /// Its path below the workspace.
    pub path: FilePath,
    /// Where it is named.
    pub place: Place,
}

impl ValidateSettings {
    /// Returns every folder that is named, in written order.
    pub fn folders(&self) -> impl Iterator<Item = &SchemaFolder> {
        let below = self.cluster_types.values().flat_map(|it| &it.settings.schemas);
        self.schemas.iter().chain(below)
    }

    /// Returns every cluster type that is named, and where; sorted by name.
    pub(crate) fn cluster_types(&self) -> impl Iterator<Item = (&Name, &Place)> {
        self.cluster_types.iter().map(|(name, it)| (name, &it.place))
    }

    /// Joins these settings of the workspace with those of an environment; `sources` are their folders.
    ///
    /// What is said of a cluster type wins over what is said of all, then the environment over the workspace. Folders add up.
    pub fn resolve(&self, own: Option<&Self>, sources: &BTreeMap<FilePath, Source>) -> Validation {
        let general: Vec<&Self> = own.into_iter().chain([self]).collect();
        let names = general.iter().flat_map(|it| it.cluster_types.keys());
        let of = |name: &Name| {
            let special = general.iter().filter_map(|it| it.cluster_types.get(name));
            let special = special.map(|it| &it.settings);
            join(&special.chain(general.iter().copied()).collect::<Vec<_>>(), sources)
        };
        Validation {
            every: join(&general, sources),
            cluster_types: names.map(|name| (name.clone(), of(name))).collect(),
        }
    }
}

/// Joins settings, those that win first.
fn join(settings: &[&ValidateSettings], sources: &BTreeMap<FilePath, Source>) -> Check {
    let mut folders: Vec<Source> = vec![];
    let named = settings.iter().flat_map(|it| &it.schemas);
    for source in named.filter_map(|it| sources.get(&it.path)) {
        if !folders.contains(source) {
            folders.push(*source);
        }
    }
    Check {
        mode: settings.iter().find_map(|it| it.mode).unwrap_or_default(),
        kubernetes: settings.iter().find_map(|it| it.kubernetes).unwrap_or_default(),
        folders,
    }
}

/// Reads `validate` of the workspace or of an environment. Who writes more than `off` wants it, unless `mode` says no.
pub(crate) fn validate_settings(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<ValidateSettings> {
    let (node, place) = fields.node("validate")?;
    if let Some(mode) = mode(node) {
        return Some(ValidateSettings { mode: Some(mode), ..ValidateSettings::default() });
    }
    let (mut fields, mut settings) = common(node, place, "validate", problems)?;
    settings.mode = settings.mode.or(Some(CheckMode::On));
    if let Some(entries) = fields.optional_mapping("clusterTypes", problems) {
        for (key, node, place) in entries.entries() {
            if let Some((name, of)) = cluster_type(key, node, place.clone(), problems) {
                settings.cluster_types.insert(name, OfClusterType { place, settings: of });
            }
        }
    }
    fields.finish(&[], problems);
    Some(settings)
}

/// Reads what is said of one cluster type, which inherits the mode.
fn cluster_type(
    key: &str,
    node: &Node,
    place: Place,
    problems: &mut Problems,
) -> Option<(Name, ValidateSettings)> {
    let name = match Name::new(key) {
        Ok(name) => name,
        Err(reason) => {
            let message = format!("cluster type name `{}` {reason}", shown(key));
            problems.push(
                Diagnostic::error("bad-name", message)
                    .at(place.on_key(), "here")
                    .help("write the `metadata.name` of a ClusterType"),
            );
            return None;
        }
    };
    if let Some(mode) = mode(node) {
        return Some((name, ValidateSettings { mode: Some(mode), ..ValidateSettings::default() }));
    }
    let (fields, settings) = common(node, place, "clusterTypes", problems)?;
    fields.finish(&[], problems);
    Some((name, settings))
}

/// Reads what both have.
fn common<'n>(
    node: &'n Node,
    place: Place,
    name: &str,
    problems: &mut Problems,
) -> Option<(Fields<'n>, ValidateSettings)> {
    let mut fields = Fields::open(node, place, name, &"wob.yaml".into(), problems)?;
    let mut settings = ValidateSettings::default();
    if let Some((node, place)) = fields.node("mode") {
        settings.mode = mode(node);
        if settings.mode.is_none() {
            problems.push(
                Diagnostic::error("unknown-value", "`validate.mode` must be `on` or `off`")
                    .at(place, "here")
                    .help("write `mode: on`"),
            );
        }
    }
    if let Some(text) = fields.optional_text("kubernetes", problems) {
        match KubernetesVersion::parse(&text) {
            Ok(version) => settings.kubernetes = Some(version),
            Err(reason) => {
                let message = format!("Kubernetes version `{}` {reason}", shown(&text));
                let known = KubernetesVersion::LAST;
                problems.push(
                    Diagnostic::error("unknown-value", message)
                        .at(fields.place.key("kubernetes"), "here")
                        .help(format!("write a minor version in quotes, such as `\"{known}\"`")),
                );
            }
        }
    }
    settings.schemas = folders(&mut fields, problems);
    Some((fields, settings))
}

fn folders(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<SchemaFolder> {
    let mut folders = vec![];
    for (node, place) in fields.list("schemas", problems) {
        let Some(text) =
            crate::decode::as_text(node, place.clone(), "schemas", "wob.yaml", problems)
        else {
            continue;
        };
        let path = text.strip_prefix("./").unwrap_or(&text).trim_end_matches('/');
        match FilePath::new(path) {
            Ok(path) => folders.push(SchemaFolder { path, place }),
            Err(_) => problems.push(
                Diagnostic::error("bad-path", format!("schema folder `{}` is not inside of the workspace", shown(&text)))
                    .at(place, "here")
                    .help("write the path of a folder below wob.yaml, such as `schemas`; a copy of the schemas belongs to the workspace, so that everybody checks alike"),
            ),
        }
    }
    folders
}

/// Reads `on` or `off`, which YAML may take for truth values.
fn mode(node: &Node) -> Option<CheckMode> {
    match node.to_value() {
        Value::Bool(true) => Some(CheckMode::On),
        Value::Bool(false) => Some(CheckMode::Off),
        Value::String(text) if &*text == "on" => Some(CheckMode::On),
        Value::String(text) if &*text == "off" => Some(CheckMode::Off),
        Value::Null
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}
