//! What many assignments share: configs and settings, with digests that are taken once.

use std::{ops::Deref, sync::Arc};

use wob_engine::{Digest, Map, Value};

use crate::Settings;

/// The values of a composition, which many assignments share.
///
/// **Invariant:** the digests are those of the values: they are taken once, in the only constructor.
#[derive(Debug)]
pub struct Config {
    values: Map,
    digests: Vec<Digest>,
}

impl Config {
    /// Takes the digest of each value.
    pub fn new(values: Map) -> Self {
        let digest = |it: &Value| Digest::of(canonical(it).as_bytes());
        Self { digests: values.values().map(digest).collect(), values }
    }

    /// Returns each key with the digest of its value, in the order of the keys.
    pub(super) fn digests(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.values.keys().map(|key| &**key).zip(self.digests.iter().copied())
    }
}

impl Deref for Config {
    type Target = Map;

    fn deref(&self) -> &Map {
        &self.values
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Config {}

/// Settings, their digest, and the names of files that follow from them.
///
/// **Invariant:** all are those of the settings.
#[derive(Debug)]
pub struct HashedSettings {
    settings: Arc<Settings>,
    digest: Digest,
    reconciler_file: Arc<str>,
    namespace_file: Arc<str>,
    config_file: Arc<str>,
    config_script: Arc<str>,
}

impl HashedSettings {
    /// Takes the digest.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            digest: Digest::of(format!("{settings:?}").as_bytes()),
            reconciler_file: "reconciler.yaml".into(),
            namespace_file: "namespace.yaml".into(),
            config_file: format!("{}.yaml", settings.config_file).into(),
            config_script: format!("{}.sh", settings.config_file).into(),
            settings,
        }
    }

    pub(super) fn reconciler_file(&self) -> &Arc<str> {
        &self.reconciler_file
    }

    pub(super) fn namespace_file(&self) -> &Arc<str> {
        &self.namespace_file
    }

    /// Returns the name of the config file, which depends on its content type.
    pub(super) fn config_file(&self, content_type: Option<&str>) -> &Arc<str> {
        if content_type == Some("sh") { &self.config_script } else { &self.config_file }
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }
}

impl Deref for HashedSettings {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl PartialEq for HashedSettings {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for HashedSettings {}

/// JSON tells a text from the number it looks like, and sorts keys.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        // JSON has no infinities; Rust's printing tells every float from every other.
        Value::Float(it) => format!("float {it:?}"),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_) => serde_json::Value::from(value).to_string(),
    }
}
