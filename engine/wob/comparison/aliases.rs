//! Counterparts: which assignment of one environment stands for which of another, whose names differ.

use std::collections::BTreeMap;

use wob_engine::FilePath;
use wob_rules::Built;

use super::SideEnvironment;

/// What targets of an environment are called where it is compared with another one: as their counterparts there.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases {
    /// By cluster type and own name.
    by_own: BTreeMap<(String, String), String>,
    /// By cluster type and alias.
    by_alias: BTreeMap<(String, String), String>,
}

impl Aliases {
    /// Pairs assignments of `own` with those of `other`: of one workload on one cluster type, if each has only one.
    pub(super) fn new(own: &SideEnvironment, other: &SideEnvironment) -> Self {
        let by_workload = |side: &SideEnvironment| {
            let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
            for ((cluster_type, target), inputs) in &side.inputs {
                let key = (cluster_type.to_string(), inputs.target.workload.to_string());
                found.entry(key).or_default().push(target.to_string());
            }
            found
        };
        let (owns, theirs) = (by_workload(own), by_workload(other));
        let mut aliases = Self::default();
        for (key, targets) in owns {
            if let ([own], Some([alias])) =
                (targets.as_slice(), theirs.get(&key).map(Vec::as_slice))
            {
                aliases.by_own.insert((key.0.clone(), own.clone()), alias.clone());
                aliases.by_alias.insert((key.0, alias.clone()), own.clone());
            }
        }
        aliases
    }

    /// Says whether every target has its own name.
    pub(super) fn is_empty(&self) -> bool {
        self.by_own.is_empty()
    }

    /// Returns the own name of the target that is called `target`.
    pub(super) fn own<'t>(&'t self, cluster_type: &str, target: &'t str) -> &'t str {
        let key = (cluster_type.to_owned(), target.to_owned());
        self.by_alias.get(&key).map_or(target, String::as_str)
    }

    /// Returns where a file of `built` lies if its target has the name of its counterpart.
    pub(super) fn path(&self, built: &Built, path: &FilePath) -> FilePath {
        let renamed = || {
            let (cluster_type, target) = built.assignment_of(path)?;
            let alias = self.by_own.get(&(cluster_type.to_owned(), target.to_owned()))?;
            let from = format!("{cluster_type}/{target}/");
            let to = format!("{cluster_type}/{alias}/");
            FilePath::new(&path.as_str().replacen(&from, &to, 1)).ok()
        };
        if self.is_empty() { path.clone() } else { renamed().unwrap_or_else(|| path.clone()) }
    }
}
