//! How the rendered files of one environment are checked.

use std::collections::BTreeMap;

use wob_engine::{Digest, Hasher, Source};

use super::{Checker, KubernetesVersion, own_schemas};
use crate::Name;

/// Whether rendered files are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckMode {
    /// They are not.
    #[default]
    Off,
    /// They are, and an assignment with an invalid one fails.
    On,
}

/// How the files of the assignments on one cluster type are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Whether they are.
    pub mode: CheckMode,
    /// The version of Kubernetes that the clusters run.
    pub kubernetes: KubernetesVersion,
    /// Folders with schemas, the one asked first first; after them come wob's own.
    pub folders: Vec<Source>,
}

/// How the rendered files of an environment are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// On every cluster type that is not named.
    pub every: Check,
    /// On these cluster types.
    pub cluster_types: BTreeMap<Name, Check>,
}

impl Validation {
    /// Returns how files on `cluster_type` are checked.
    pub fn of(&self, cluster_type: &Name) -> &Check {
        self.cluster_types.get(cluster_type).unwrap_or(&self.every)
    }

    /// Returns the same checks, all of them on.
    #[must_use]
    pub fn always(&self) -> Self {
        let mut all = self.clone();
        for check in std::iter::once(&mut all.every).chain(all.cluster_types.values_mut()) {
            check.mode = CheckMode::On;
        }
        all
    }

    /// Returns every folder with schemas that a check may ask, each once.
    pub fn folders(&self) -> Vec<Source> {
        let checks = std::iter::once(&self.every).chain(self.cluster_types.values());
        let mut folders = vec![];
        for folder in checks.filter(|it| it.mode == CheckMode::On).flat_map(|it| &it.folders) {
            if !folders.contains(folder) {
                folders.push(*folder);
            }
        }
        folders
    }
}

impl Check {
    /// Says whether they are checked.
    pub(crate) fn is_on(&self) -> bool {
        self.mode == CheckMode::On
    }

    /// Returns what checks files; `None` if they are not checked.
    pub(crate) fn checker<'db>(&self, db: &'db dyn salsa::Database) -> Option<Checker<'db>> {
        let own = || self.folders.iter().map(|it| own_schemas(db, *it)).collect();
        (self.mode == CheckMode::On).then(|| Checker { own: own(), kubernetes: self.kubernetes })
    }

    /// Returns the digest of everything that the check depends on, but for what comes with wob; `None` if it is off.
    pub(crate) fn digest(&self, db: &dyn salsa::Database) -> Option<Digest> {
        if self.mode == CheckMode::Off {
            return None;
        }
        let mut hasher =
            Hasher::new("wob 2026-11 check").field(self.kubernetes.to_string().as_bytes());
        for folder in &self.folders {
            let folder = folder_digest(db, *folder);
            hasher = hasher.field(folder.as_bytes());
        }
        Some(hasher.finish())
    }
}

/// The digest of the names and bytes of a folder's files.
#[salsa::tracked]
fn folder_digest(db: &dyn salsa::Database, folder: Source) -> Digest {
    let mut hasher = Hasher::new("wob 2026-11 schemas");
    for file in folder.files(db) {
        let digest = file.content(db).digest();
        hasher = hasher.field(file.path(db).as_str().as_bytes()).field(digest.as_bytes());
    }
    hasher.finish()
}
