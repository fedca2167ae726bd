//! The model of one environment: every object by name, references checked, damage remembered.
//!
//! **Invariant:** building a model never fails. What is wrong becomes a diagnostic, and what it makes unsure becomes
//! [`Damage`], so that an assignment is either built from sources that are whole or not built at all.

mod build;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Diagnostic, Place};

pub(crate) use self::build::duplicate;
use crate::{
    ConfigMap, ConfigSchema, InlineSchema, Name, Rule,
    builtin::{self, Builtin},
    decode::{BrokenLayer, Decoded},
    resource::{
        ClusterType, Labels, Repository, SchedulingPolicy, Template, Workload, WorkloadRegistration,
    },
    schedule::{Candidates, Toleration},
};

/// A deployment target with everything that scheduling and rendering ask of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `<workload>-<target>`.
    pub name: Name,
    /// The workload.
    pub workload: Arc<str>,
    /// The workspace of the registration that brought it; empty without one.
    pub workspace: Arc<str>,
    /// The environment it is meant for.
    pub environment: Arc<str>,
    /// Its own labels, then the workload's, then `workload` and `workspace`: later wins (design rule 1.9).
    pub labels: Arc<Labels>,
    /// Where the manifests are.
    pub manifests: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// Where that mapping stands, or the target itself if it has none.
    pub manifests_place: Place,
    /// JSON Schemas of the target, then those of the workload.
    pub config_schemas: Vec<InlineSchema>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Where its name stands.
    pub place: Place,
}

/// Everything of one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The environment's name.
    pub environment: String,
    /// Cluster types by name.
    pub cluster_types: BTreeMap<Name, ClusterType>,
    /// Policies by name.
    pub policies: BTreeMap<Name, SchedulingPolicy>,
    /// Targets by full name: those meant for this environment.
    pub targets: BTreeMap<Name, Target>,
    /// Templates of the workspace by name.
    pub templates: BTreeMap<Name, Template>,
    /// Rules of the workspace by name, without those that something more specific hides.
    pub rules: BTreeMap<Name, Rule>,
    /// Registrations by name.
    pub registrations: BTreeMap<Name, WorkloadRegistration>,
    /// Workloads by name.
    pub workloads: BTreeMap<Name, Workload>,
    /// ConfigMaps, sorted by name.
    pub config_maps: Vec<ConfigMap>,
    /// ConfigSchemas, sorted by name.
    pub config_schemas: Vec<ConfigSchema>,
    /// BaseRepos by name; the one named `main` is what is promoted.
    pub base_repos: BTreeMap<Name, Repository>,
    /// GitOpsRepos by name.
    pub gitops_repos: BTreeMap<Name, Repository>,
    /// What is unsure.
    pub damage: ModelDamage,
    /// Every problem that building the model met, unsorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// What of a model is unsure, because an object could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDamage {
    /// How much is in doubt.
    pub doubt: Doubt,
    /// Whether a cluster type may be missing.
    pub candidates: Candidates,
    /// Templates and rules that exist but could not be read.
    pub templates: BTreeSet<String>,
    /// ConfigMaps and ConfigSchemas that could not be read; assignments they would match can't be built.
    pub layers: Vec<BrokenLayer>,
}

/// The decoded files of one source, with what the model must know of the source.
#[derive(Clone, Copy, Debug)]
pub enum Part<'d> {
    /// A base: every kind counts.
    Base(&'d [&'d Decoded]),
    /// The environment's control plane: every kind counts, and its rules hide those of the base.
    ControlPlane(&'d [&'d Decoded]),
    /// A workload repository, with the registration that named it: only workloads count.
    Workload(&'d WorkloadRegistration, &'d [&'d Decoded]),
}

/// What a name that a cluster type uses stands for.
#[derive(Clone, Copy, Debug)]
pub enum Definition<'m> {
    /// A Template of the workspace.
    Template(&'m Template),
    /// A rule of the workspace.
    Rule(&'m Rule),
    /// A rule that is built into wob.
    Builtin(&'static Builtin),
}

/// How much of a model is in doubt; each includes the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// Nothing.
    #[default]
    Nothing,
    /// It is not known what is scheduled: nothing that was built before may be deleted.
    Scheduling,
    /// Any config may be missing: no assignment can be built.
    Config,
    /// Nor is it known where in the GitOps repository the tree begins: nothing at all is put there.
    Destination,
}

impl<'m> Definition<'m> {
    /// Returns the rule, if it is one.
    pub fn rule(self) -> Option<&'m Rule> {
        match self {
            Self::Template(_) => None,
            Self::Rule(it) => Some(it),
            Self::Builtin(it) => Some(&it.rule),
        }
    }
}

impl Model {
    /// Joins `parts` (bases first, then the environment's control plane, then workloads) into the model of `environment`.
    pub fn build(environment: &str, parts: &[Part<'_>]) -> Self {
        build::build(environment, parts)
    }

    /// Returns what `name` stands for: a Template, a rule of the environment, of the base, or one that is built in.
    pub fn definition(&self, name: &str) -> Option<Definition<'_>> {
        if let Some(template) = self.templates.get(name) {
            return Some(Definition::Template(template));
        }
        if let Some(rule) = self.rules.get(name) {
            return Some(Definition::Rule(rule));
        }
        let builtin = builtin::find(name)?;
        // Who overrides a built-in rule does so under its other names too.
        Some(match self.rules.get(builtin.rule.name()) {
            Some(rule) => Definition::Rule(rule),
            None => Definition::Builtin(builtin),
        })
    }

    /// Says whether `name` stands for something that could not be read.
    pub fn is_damaged(&self, name: &str) -> bool {
        let damaged = &self.damage.templates;
        let is_own = self.templates.contains_key(name) || self.rules.contains_key(name);
        let of_builtin = || builtin::find(name).is_some_and(|it| damaged.contains(it.rule.name()));
        damaged.contains(name) || (!is_own && of_builtin())
    }

    /// Returns where rendered files go inside the GitOps repository: `path` of the GitOpsRepo, normalized; empty for the root.
    pub fn gitops_path(&self) -> &str {
        self.gitops_repo().map_or("", |it| &it.reference.path)
    }

    /// Returns where the tree goes: the GitOpsRepo named like the environment, or else the first one by name.
    pub fn gitops_repo(&self) -> Option<&Repository> {
        let same_name = self.gitops_repos.get(self.environment.as_str());
        same_name.or_else(|| self.gitops_repos.values().next())
    }

    /// Returns the BaseRepo that is promoted: the one named `main` (design rule 3.9).
    pub fn base_repo(&self) -> Option<&Repository> {
        self.base_repos.get("main")
    }
}
