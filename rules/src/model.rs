//! The model of one environment: every object by name, references checked, damage remembered.
//!
//! **Invariant:** building a model never fails. What is wrong becomes a diagnostic, and what it makes unsure becomes
//! [`Damage`], so that an assignment is either built from sources that are whole or not built at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Diagnostic, Place, did_you_mean};

use crate::{
    ConfigMap, ConfigSchema, InlineSchema, Name, builtin,
    decode::{BrokenLayer, Damage, Decoded},
    resource::{
        ClusterType, DeploymentTarget, Labels, Meta, Repository, Resource, SchedulingPolicy,
        TargetSpec, Template, Workload, WorkloadRegistration,
    },
};

/// A deployment target with everything that scheduling and rendering ask of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `<workload>-<target>`.
    pub name: Name,
    /// The workload.
    pub workload: String,
    /// The workspace of the registration that brought it; empty without one.
    pub workspace: String,
    /// The environment it is meant for.
    pub environment: String,
    /// Its own labels, then the workload's, then `workload` and `workspace`: later wins (design rule 1.9).
    pub labels: Labels,
    /// Where the manifests are.
    pub manifests: BTreeMap<Arc<str>, Arc<str>>,
    /// JSON Schemas of the target, then those of the workload.
    pub config_schemas: Vec<InlineSchema>,
    /// Where it stands.
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
    /// Templates that exist but could not be read.
    pub templates: BTreeSet<String>,
    /// ConfigMaps and ConfigSchemas that could not be read; assignments they would match can't be built.
    pub layers: Vec<BrokenLayer>,
}

/// The decoded files of one source, with what the model must know of the source.
#[derive(Clone, Copy, Debug)]
pub enum Part<'d> {
    /// A base or a control plane: every kind counts.
    ControlPlane(&'d [&'d Decoded]),
    /// A workload repository, with the registration that named it: only workloads count.
    Workload(&'d WorkloadRegistration, &'d [&'d Decoded]),
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
}

impl Model {
    /// Joins `parts` (bases first, then the environment's control plane, then workloads) into the model of `environment`.
    pub fn build(environment: &str, parts: &[Part<'_>]) -> Self {
        let mut model = Self { environment: environment.to_owned(), ..Self::default() };
        for part in parts {
            match part {
                Part::ControlPlane(files) => {
                    for decoded in *files {
                        model.add_file(decoded, None);
                    }
                }
                Part::Workload(registration, files) => {
                    for decoded in *files {
                        model.add_file(decoded, Some(registration));
                    }
                }
            }
        }
        model.config_maps.sort_by(|a, b| a.name.cmp(&b.name));
        model.config_schemas.sort_by(|a, b| a.name.cmp(&b.name));
        model.refuse_duplicate_configs();
        model.check_references();
        model
    }

    fn add_file(&mut self, decoded: &Decoded, registration: Option<&WorkloadRegistration>) {
        for damage in &decoded.damage {
            self.add_damage(damage, registration);
        }
        for resource in &decoded.resources {
            match registration {
                None => self.add(resource),
                Some(registration) => self.add_workload_part(resource, &registration.workspace),
            }
        }
    }

    fn add_damage(&mut self, damage: &Damage, registration: Option<&WorkloadRegistration>) {
        let doubt = match damage {
            // A workload repository brings workloads only, whatever else lies in it.
            _ if registration.is_some() => Doubt::Scheduling,
            Damage::Scheduling => Doubt::Scheduling,
            Damage::Config => Doubt::Config,
            Damage::Template(name) => {
                self.damage.templates.insert(name.clone());
                Doubt::Nothing
            }
            Damage::Layer(layer) => {
                self.damage.layers.push(layer.clone());
                Doubt::Nothing
            }
        };
        self.damage.doubt = self.damage.doubt.max(doubt);
    }

    fn add(&mut self, resource: &Resource) {
        match resource {
            // Environments say where control planes lie; they are read before there is a model.
            Resource::Environment(_) => {}
            Resource::BaseRepo(it) => {
                insert(&mut self.base_repos, "BaseRepo", it, |it| &it.meta, &mut self.diagnostics);
            }
            Resource::GitOpsRepo(it) => {
                insert(
                    &mut self.gitops_repos,
                    "GitOpsRepo",
                    it,
                    |it| &it.meta,
                    &mut self.diagnostics,
                );
            }
            Resource::ClusterType(it) => {
                insert(
                    &mut self.cluster_types,
                    "ClusterType",
                    it,
                    |it| &it.meta,
                    &mut self.diagnostics,
                );
            }
            Resource::SchedulingPolicy(it) => {
                insert(
                    &mut self.policies,
                    "SchedulingPolicy",
                    it,
                    |it| &it.meta,
                    &mut self.diagnostics,
                );
            }
            Resource::WorkloadRegistration(it) => {
                insert(
                    &mut self.registrations,
                    "WorkloadRegistration",
                    it,
                    |it| &it.meta,
                    &mut self.diagnostics,
                );
            }
            Resource::Template(it) => {
                insert(&mut self.templates, "Template", it, |it| &it.meta, &mut self.diagnostics);
            }
            Resource::ConfigMap(it) => self.config_maps.push(it.clone()),
            Resource::ConfigSchema(it) => self.config_schemas.push(it.clone()),
            Resource::Workload(_) | Resource::DeploymentTarget(_) => {
                self.add_workload_part(resource, "");
            }
        }
    }

    fn add_workload_part(&mut self, resource: &Resource, workspace: &str) {
        match resource {
            Resource::Workload(it) => {
                let before = self.workloads.len();
                insert(&mut self.workloads, "Workload", it, |it| &it.meta, &mut self.diagnostics);
                if self.workloads.len() > before {
                    for target in &it.targets {
                        self.add_target(workload_target(it, target, workspace));
                    }
                }
            }
            Resource::DeploymentTarget(it) => self.add_target(Ok(lone_target(it, workspace))),
            Resource::Environment(_)
            | Resource::BaseRepo(_)
            | Resource::GitOpsRepo(_)
            | Resource::ClusterType(_)
            | Resource::SchedulingPolicy(_)
            | Resource::WorkloadRegistration(_)
            | Resource::Template(_)
            | Resource::ConfigSchema(_)
            | Resource::ConfigMap(_) => {}
        }
    }

    fn add_target(&mut self, target: Result<Target, Box<Diagnostic>>) {
        match target {
            Ok(target) if target.environment != self.environment => {}
            Ok(target) => {
                if let Some(other) = self.targets.get(&target.name) {
                    let message =
                        format!("two deployment targets have the full name `{}`", target.name);
                    self.diagnostics.push(
                        Diagnostic::error("duplicate-target", message)
                            .at(target.place, "the second one, which is not used")
                            .at(other.place.clone(), "the first one")
                            .help("rename one of them: a full name is `<workload>-<target>`"),
                    );
                } else {
                    self.targets.insert(target.name.clone(), target);
                }
            }
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                self.damage.doubt = self.damage.doubt.max(Doubt::Scheduling);
            }
        }
    }

    /// Two ConfigMaps of one name would take turns in a cluster; which one counts can't be known.
    fn refuse_duplicate_configs(&mut self) {
        let maps = duplicates(
            self.config_maps.iter().map(|it| (&it.name, &it.place, &it.labels)),
            "ConfigMap",
        );
        let schemas = duplicates(
            self.config_schemas.iter().map(|it| (&it.name, &it.place, &it.labels)),
            "ConfigSchema",
        );
        for (diagnostic, layer) in maps.into_iter().chain(schemas) {
            self.diagnostics.push(diagnostic);
            self.damage.layers.push(layer);
        }
        self.config_maps.dedup_by(|b, a| a.name == b.name);
        self.config_schemas.dedup_by(|b, a| a.name == b.name);
    }

    fn check_references(&mut self) {
        for cluster_type in self.cluster_types.values() {
            let spec = cluster_type.meta.place.key("spec");
            let uses = [
                ("reconciler", &cluster_type.reconciler),
                ("namespaceService", &cluster_type.namespace_service),
                ("configType", &cluster_type.config_type),
            ];
            for (field, name) in uses {
                if !self.has_template(name) && !self.damage.templates.contains(name) {
                    let place = spec.key(field);
                    let owner = &cluster_type.meta.name;
                    self.diagnostics.push(unknown_template(
                        name,
                        owner,
                        field,
                        place,
                        &self.templates,
                    ));
                }
            }
        }
    }

    fn has_template(&self, name: &str) -> bool {
        self.templates.contains_key(name) || builtin::find(name).is_some()
    }

    /// Returns where rendered files go inside the GitOps repository: `path` of the GitOpsRepo, normalized; empty for the root.
    pub fn gitops_path(&self) -> &str {
        let same_name = self.gitops_repos.get(self.environment.as_str());
        same_name.or_else(|| self.gitops_repos.values().next()).map_or("", |it| &it.reference.path)
    }

    /// Returns the BaseRepo that is promoted: the one named `main` (design rule 3.9).
    pub fn base_repo(&self) -> Option<&Repository> {
        self.base_repos.get("main")
    }
}

fn unknown_template(
    name: &str,
    owner: &Name,
    field: &str,
    place: Place,
    templates: &BTreeMap<Name, Template>,
) -> Diagnostic {
    let builtin_names = builtin::names();
    let known: BTreeSet<&str> =
        templates.keys().map(Name::as_str).chain(builtin_names.map(|it| -> &str { it })).collect();
    let list = known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let help = match did_you_mean(name, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`? Known templates: {list}"),
        None => format!("add a Template of this name, or use one of {list}"),
    };
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("cluster type `{owner}` names an unknown {field} `{shown}`");
    Diagnostic::error("unknown-template", message)
        .at(place, "no template or rule has this name")
        .help(help)
}

fn insert<T: Clone>(
    map: &mut BTreeMap<Name, T>,
    kind: &str,
    value: &T,
    meta: impl Fn(&T) -> &Meta,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Meta { name, place, .. } = meta(value);
    if let Some(other) = map.get(name) {
        diagnostics.push(duplicate(kind, name.as_str(), place, &meta(other).place));
    } else {
        map.insert(name.clone(), value.clone());
    }
}

fn duplicate(kind: &str, name: &str, second: &Place, first: &Place) -> Diagnostic {
    Diagnostic::error("duplicate-name", format!("two objects of kind {kind} are named `{name}`"))
        .at(second.key("metadata").key("name"), "the second one, which is not used")
        .at(first.key("metadata").key("name"), "the first one")
        .help("rename or remove one of them")
}

fn duplicates<'a>(
    sorted: impl Iterator<Item = (&'a String, &'a Place, &'a Labels)>,
    kind: &str,
) -> Vec<(Diagnostic, BrokenLayer)> {
    let mut found = vec![];
    let mut previous: Option<(&String, &Place)> = None;
    for (name, place, labels) in sorted {
        match previous {
            Some((other, first)) if other == name => {
                let layer = BrokenLayer {
                    name: name.clone(),
                    place: place.clone(),
                    labels: labels.clone(),
                };
                found.push((duplicate(kind, name, place, first), layer));
            }
            _ => previous = Some((name, place)),
        }
    }
    found
}

fn workload_target(
    workload: &Workload,
    target: &TargetSpec,
    workspace: &str,
) -> Result<Target, Box<Diagnostic>> {
    let text = format!("{}-{}", workload.meta.name, target.name);
    let name = Name::new(&text).map_err(|reason| {
        Box::new(
            Diagnostic::error("bad-name", format!("the target's full name `{text}` {reason}"))
                .at(target.place.key("name"), "the target")
                .at(workload.meta.place.key("metadata").key("name"), "the workload")
                .help("shorten one of the names"),
        )
    })?;
    let mut labels = target.labels.clone();
    labels.extend(workload.meta.labels.clone());
    labels.insert("workload".to_owned(), workload.meta.name.to_string());
    labels.insert("workspace".to_owned(), workspace.to_owned());
    Ok(Target {
        name,
        workload: workload.meta.name.to_string(),
        workspace: workspace.to_owned(),
        environment: target.environment.clone(),
        labels,
        manifests: target.manifests.clone(),
        config_schemas: target
            .config_schemas
            .iter()
            .chain(&workload.config_schemas)
            .cloned()
            .collect(),
        place: target.place.clone(),
    })
}

/// A lone target keeps the `workload` and `workspace` of its own labels; a registration's workspace wins.
fn lone_target(target: &DeploymentTarget, workspace: &str) -> Target {
    let mut labels = target.spec.labels.clone();
    labels.extend(target.meta.labels.clone());
    if !workspace.is_empty() {
        labels.insert("workspace".to_owned(), workspace.to_owned());
    }
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    Target {
        name: target.meta.name.clone(),
        workload: label("workload"),
        workspace: label("workspace"),
        environment: target.spec.environment.clone(),
        manifests: target.spec.manifests.clone(),
        config_schemas: target.spec.config_schemas.clone(),
        place: target.spec.place.clone(),
        labels,
    }
}
