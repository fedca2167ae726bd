//! What many assignments share: configs and settings, with digests that are taken once.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use wob_engine::{Digest, Hasher, Map, Value};

use crate::{
    Settings,
    compose::{ConfigValue, Values},
};

/// The values of a composition, which many assignments share, as it shares most of them with the layers that say them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Sorted by key, each key once.
    entries: Box<[Arc<ConfigValue>]>,
    /// Of all entries, once somebody asked for it.
    digest: OnceLock<Digest>,
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Config {}

impl Config {
    /// Takes the digest of each value.
    pub fn new(values: Map) -> Self {
        let value = |(key, it)| Arc::new(ConfigValue::new(key, it));
        Self { entries: values.into_iter().map(value).collect(), digest: OnceLock::new() }
    }

    /// Takes the values of a composition.
    pub(crate) fn of(values: Values) -> Self {
        Self { entries: values.values.into(), digest: OnceLock::new() }
    }

    /// Lists keys and values, in byte order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> + Send + Sync {
        self.entries.iter().map(|it| (it.key(), &***it))
    }

    /// Lists keys and values as [`Config::iter`] does, lists and mappings as YAML text.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> + Send + Sync {
        self.entries.iter().map(|it| (it.key(), it.as_text()))
    }

    /// Returns the value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key).map(|it| &***it)
    }

    /// Returns `key` with its value.
    pub(super) fn entry(&self, key: &str) -> Option<(&Arc<str>, &Value)> {
        self.find(key).map(|it| (it.key(), &***it))
    }

    /// Returns the value of `key`, a list or mapping as YAML text.
    pub(super) fn get_text(&self, key: &str) -> Option<&Value> {
        self.find(key).map(|it| it.as_text())
    }

    fn find(&self, key: &str) -> Option<&Arc<ConfigValue>> {
        let found = self.entries.binary_search_by(|it| (**it.key()).cmp(key));
        found.ok().map(|it| &self.entries[it])
    }

    /// Returns the values as a mapping of their own.
    pub fn to_map(&self) -> Map {
        self.iter().map(|(key, it)| (key.clone(), it.clone())).collect()
    }

    /// Returns keys with values.
    pub(crate) fn entries(&self) -> &[Arc<ConfigValue>] {
        &self.entries
    }

    /// Returns the digest of all keys and values.
    pub(super) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut hasher = Hasher::new("wob 2026-11 config");
            for (key, digest) in self.digests() {
                hasher.add(key.as_bytes());
                hasher.add(digest.as_bytes());
            }
            hasher.finish()
        })
    }

    /// Returns the digest of the value of `key`.
    pub(super) fn digest_of(&self, key: &str) -> Option<Digest> {
        self.find(key).map(|it| it.digest())
    }

    /// Returns each key with the digest of its value, in the order of the keys.
    pub(super) fn digests(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.entries.iter().map(|it| (&**it.key(), it.digest()))
    }
}

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
