//! Builds a model: objects become entries by name, and what clashes is used by nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Diagnostic, Place, did_you_mean};

use super::{Doubt, Model, Part, Target};
use crate::{
    Name, Rule, builtin,
    decode::{BrokenLayer, Damage, Decoded},
    name::reserved_name_problem,
    resource::{
        DeploymentTarget, Labels, Meta, Resource, TargetSpec, Workload, WorkloadRegistration,
    },
    rule::RULE_KIND,
    schedule::Candidates,
};

/// How many names are searched for one that was meant, and how many are listed.
const GUESSED: usize = 500;
const LISTED: usize = 20;
/// With more broken layers than this, each assignment would have to be held against too many.
const BROKEN_LAYERS: usize = 1000;

/// A model in the making.
#[derive(Default)]
struct Builder {
    model: Model,
    base_rules: BTreeMap<Name, Rule>,
    clashes: Clashes,
}

/// Objects of one kind and name.
///
/// Which of them a cluster would end up with depends on who comes last, so none is used.
#[derive(Default)]
struct Clashes {
    names: BTreeSet<(&'static str, Name)>,
    diagnostics: Vec<Diagnostic>,
}

/// Where a file comes from.
#[derive(Clone, Copy)]
enum From<'r> {
    Base,
    ControlPlane,
    Workload(&'r WorkloadRegistration),
}

pub(super) fn build(environment: &str, parts: &[Part<'_>]) -> Model {
    let mut builder = Builder::default();
    environment.clone_into(&mut builder.model.environment);
    for part in parts {
        match part {
            Part::Base(files) => {
                files.iter().for_each(|it| builder.add_file(it, From::Base));
            }
            Part::ControlPlane(files) => {
                files.iter().for_each(|it| builder.add_file(it, From::ControlPlane));
            }
            Part::Workload(registration, files) => {
                files.iter().for_each(|it| builder.add_file(it, From::Workload(registration)));
            }
        }
    }
    builder.finish()
}

impl Builder {
    fn finish(mut self) -> Model {
        self.settle_rules();
        self.drop_clashing();
        // The file that can't be read may be the one that says where the tree goes.
        if self.model.damage.doubt == Doubt::Config && self.model.gitops_repos.is_empty() {
            self.doubt(Doubt::Destination);
        }
        self.refuse_duplicate_configs();
        if self.model.damage.layers.len() > BROKEN_LAYERS {
            self.model.damage.layers.clear();
            self.doubt(Doubt::Config);
        }
        // What could not be read may be what a name refers to.
        if self.model.damage.doubt < Doubt::Config {
            self.model.check_references();
        }
        let Self { mut model, clashes, .. } = self;
        model.diagnostics.extend(clashes.diagnostics);
        model
    }

    fn doubt(&mut self, doubt: Doubt) {
        self.model.damage.doubt = self.model.damage.doubt.max(doubt);
    }

    fn add_file(&mut self, decoded: &Decoded, from: From<'_>) {
        for damage in &decoded.damage {
            self.add_damage(damage, from);
        }
        for resource in &decoded.resources {
            match (from, resource) {
                (From::Base, Resource::Rule(it)) => {
                    insert(&mut self.base_rules, RULE_KIND, it, |it| &it.meta, &mut self.clashes);
                }
                (From::Base | From::ControlPlane, _) => self.add(resource),
                (From::Workload(registration), _) => {
                    self.add_workload_part(resource, &registration.workspace);
                }
            }
        }
    }

    fn add_damage(&mut self, damage: &Damage, from: From<'_>) {
        let may_be_a_cluster_type = matches!(damage, Damage::Scheduling | Damage::Config);
        if !matches!(from, From::Workload(_)) && may_be_a_cluster_type {
            self.model.damage.candidates = Candidates::Unsure;
        }
        let doubt = match damage {
            // A workload repository brings workloads only, whatever else lies in it.
            _ if matches!(from, From::Workload(_)) => Doubt::Scheduling,
            Damage::Scheduling => Doubt::Scheduling,
            Damage::Config => Doubt::Config,
            Damage::Destination => Doubt::Destination,
            // It is read before there is a model.
            Damage::Environment => Doubt::Nothing,
            Damage::Template(name) => {
                self.model.damage.templates.insert(name.clone());
                Doubt::Nothing
            }
            Damage::Layer(layer) => {
                self.model.damage.layers.push(layer.clone());
                Doubt::Nothing
            }
        };
        self.doubt(doubt);
    }

    fn add(&mut self, resource: &Resource) {
        match resource {
            // Environments say where control planes lie; they are read before there is a model.
            Resource::Environment(_) => {}
            Resource::BaseRepo(it) => {
                insert(
                    &mut self.model.base_repos,
                    "BaseRepo",
                    it,
                    |it| &it.meta,
                    &mut self.clashes,
                );
            }
            Resource::GitOpsRepo(it) => {
                insert(
                    &mut self.model.gitops_repos,
                    "GitOpsRepo",
                    it,
                    |it| &it.meta,
                    &mut self.clashes,
                );
            }
            Resource::ClusterType(it) => {
                insert(
                    &mut self.model.cluster_types,
                    "ClusterType",
                    it,
                    |it| &it.meta,
                    &mut self.clashes,
                );
            }
            Resource::SchedulingPolicy(it) => {
                insert(
                    &mut self.model.policies,
                    "SchedulingPolicy",
                    it,
                    |it| &it.meta,
                    &mut self.clashes,
                );
            }
            Resource::WorkloadRegistration(it) => {
                insert(
                    &mut self.model.registrations,
                    "WorkloadRegistration",
                    it,
                    |it| &it.meta,
                    &mut self.clashes,
                );
            }
            Resource::Template(it) => {
                insert(&mut self.model.templates, "Template", it, |it| &it.meta, &mut self.clashes);
            }
            Resource::Rule(it) => {
                insert(&mut self.model.rules, RULE_KIND, it, |it| &it.meta, &mut self.clashes);
            }
            Resource::ConfigMap(it) => self.model.config_maps.push(it.clone()),
            Resource::ConfigSchema(it) => self.model.config_schemas.push(it.clone()),
            Resource::Workload(_) | Resource::DeploymentTarget(_) => {
                self.add_workload_part(resource, "");
            }
        }
    }

    fn add_workload_part(&mut self, resource: &Resource, workspace: &str) {
        match resource {
            Resource::Workload(it) => {
                insert(&mut self.model.workloads, "Workload", it, |it| &it.meta, &mut self.clashes);
                for target in &it.targets {
                    self.add_target(workload_target(it, target, workspace));
                }
            }
            Resource::DeploymentTarget(it) => self.add_target(lone_target(it, workspace)),
            Resource::Environment(_)
            | Resource::BaseRepo(_)
            | Resource::GitOpsRepo(_)
            | Resource::ClusterType(_)
            | Resource::SchedulingPolicy(_)
            | Resource::WorkloadRegistration(_)
            | Resource::Template(_)
            | Resource::Rule(_)
            | Resource::ConfigSchema(_)
            | Resource::ConfigMap(_) => {}
        }
    }

    fn add_target(&mut self, target: Result<Target, Box<Diagnostic>>) {
        match target {
            Ok(target) if *target.environment != *self.model.environment => {}
            Ok(target) => {
                let clashes = &mut self.clashes;
                if let Some(other) = self.model.targets.get(&target.name) {
                    clashes.names.insert(("target", target.name.clone()));
                    // Two workloads of one name are one mistake, not one for each of their targets.
                    if !clashes
                        .names
                        .iter()
                        .any(|it| it.0 == "Workload" && it.1.as_str() == &*target.workload)
                    {
                        clashes.diagnostics.push(duplicate_target(&target, other));
                    }
                } else {
                    self.model.targets.insert(target.name.clone(), target);
                }
            }
            Err(diagnostic) => {
                self.model.diagnostics.push(*diagnostic);
                self.doubt(Doubt::Scheduling);
            }
        }
    }

    /// Templates and rules of the environment hide rules of the base; with each other they clash.
    fn settle_rules(&mut self) {
        let Self { model, base_rules, clashes } = self;
        for (name, rule) in &model.rules {
            if let Some(template) = model.templates.get(name) {
                let message = format!(
                    "a Template and a Rule of this environment are named `{name}`, so neither is used"
                );
                clashes.diagnostics.push(
                    Diagnostic::error("duplicate-name", message)
                        .at(rule.meta.place.key("metadata").key("name"), "the Rule")
                        .at(template.meta.place.key("metadata").key("name"), "the Template")
                        .help("rename or remove one of them"),
                );
                clashes.names.insert((RULE_KIND, name.clone()));
            }
        }
        for (name, rule) in std::mem::take(base_rules) {
            if !model.templates.contains_key(&name) {
                model.rules.entry(name).or_insert(rule);
            }
        }
    }

    /// Nobody gets what clashes: a template fails what uses it, all else leaves in doubt what is scheduled.
    fn drop_clashing(&mut self) {
        for (kind, name) in std::mem::take(&mut self.clashes.names) {
            let model = &mut self.model;
            match kind {
                "Template" | RULE_KIND => {
                    model.templates.remove(&name);
                    model.rules.remove(&name);
                    model.damage.templates.insert(name.to_string());
                    continue;
                }
                "ClusterType" => {
                    model.cluster_types.remove(&name);
                    model.damage.candidates = Candidates::Unsure;
                }
                "SchedulingPolicy" => drop(model.policies.remove(&name)),
                "target" => drop(model.targets.remove(&name)),
                "Workload" => {
                    model.workloads.remove(&name);
                    model.targets.retain(|_, it| &*it.workload != name.as_str());
                }
                // What the first one names was read already, and where the tree goes must be somewhere.
                _ => {}
            }
            self.doubt(Doubt::Scheduling);
        }
    }

    /// Two ConfigMaps of one name would take turns in a cluster; which one counts can't be known.
    fn refuse_duplicate_configs(&mut self) {
        let model = &mut self.model;
        model.config_maps.sort_by(|a, b| a.name.cmp(&b.name));
        model.config_schemas.sort_by(|a, b| a.name.cmp(&b.name));
        let maps = model.config_maps.iter().map(|it| (&it.name, &it.place, &it.labels));
        let maps = duplicates(maps, "ConfigMap");
        let schemas = model.config_schemas.iter().map(|it| (&it.name, &it.place, &it.labels));
        let schemas = duplicates(schemas, "ConfigSchema");
        for (diagnostic, layers) in maps.into_iter().chain(schemas) {
            self.clashes.diagnostics.push(diagnostic);
            model.damage.layers.extend(layers);
        }
        model.config_maps.dedup_by(|b, a| a.name == b.name);
        model.config_schemas.dedup_by(|b, a| a.name == b.name);
    }
}

impl Model {
    fn check_references(&mut self) {
        for cluster_type in self.cluster_types.values() {
            let spec = cluster_type.meta.place.key("spec");
            let uses = [
                ("reconciler", &cluster_type.reconciler),
                ("namespaceService", &cluster_type.namespace_service),
                ("configType", &cluster_type.config_type),
            ];
            for (field, name) in uses {
                if self.definition(name).is_none() && !self.is_damaged(name) {
                    let place = spec.key(field);
                    let owner = &cluster_type.meta.name;
                    let names = self.templates.keys().chain(self.rules.keys());
                    let unknown = unknown_template(name, owner, field, place, names);
                    self.diagnostics.push(unknown);
                }
            }
        }
    }
}

fn unknown_template<'n>(
    name: &str,
    owner: &Name,
    field: &str,
    place: Place,
    names: impl Iterator<Item = &'n Name>,
) -> Diagnostic {
    let builtin_names = builtin::names();
    let names = builtin_names.map(|it| -> &str { it }).chain(names.map(Name::as_str));
    // Names of thousands of templates would be written for each of thousands of cluster types.
    let known: BTreeSet<&str> = names.take(GUESSED).collect();
    let mut list: Vec<String> = known.iter().take(LISTED).map(|it| format!("`{it}`")).collect();
    if known.len() > LISTED {
        list.push("…".to_owned());
    }
    let list = list.join(", ");
    let help = match did_you_mean(name, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`? Known templates: {list}"),
        None => format!("add a Template or a Rule of this name, or use one of {list}"),
    };
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("cluster type `{owner}` names an unknown {field} `{shown}`");
    Diagnostic::error("unknown-template", message)
        .at(place, "no template or rule has this name")
        .help(help)
}

fn insert<T: Clone>(
    map: &mut BTreeMap<Name, T>,
    kind: &'static str,
    value: &T,
    meta: impl Fn(&T) -> &Meta,
    clashes: &mut Clashes,
) {
    let Meta { name, place, .. } = meta(value);
    if let Some(other) = map.get(name) {
        clashes.diagnostics.push(duplicate(kind, name.as_str(), place, &meta(other).place));
        clashes.names.insert((kind, name.clone()));
    } else {
        map.insert(name.clone(), value.clone());
    }
}

/// Returns the problem of two objects of one kind and name.
pub(crate) fn duplicate(kind: &str, name: &str, second: &Place, first: &Place) -> Diagnostic {
    let message = format!("two objects of kind {kind} are named `{name}`, so neither is used");
    Diagnostic::error("duplicate-name", message)
        .at(second.key("metadata").key("name"), "the second one")
        .at(first.key("metadata").key("name"), "the first one")
        .help("rename or remove one of them")
}

fn duplicate_target(second: &Target, first: &Target) -> Diagnostic {
    let name = &second.name;
    let message = format!("two deployment targets have the full name `{name}`, so neither is used");
    Diagnostic::error("duplicate-target", message)
        .at(second.place.clone(), format!("of workload `{}`", second.workload))
        .at(first.place.clone(), format!("of workload `{}`", first.workload))
        .help("rename one of them: a full name is `<workload>-<target>`")
}

fn duplicates<'a>(
    sorted: impl Iterator<Item = (&'a String, &'a Place, &'a Labels)>,
    kind: &str,
) -> Vec<(Diagnostic, [BrokenLayer; 2])> {
    let layer = |(name, place, labels): (&String, &Place, &Labels)| BrokenLayer {
        name: name.clone(),
        place: place.clone(),
        labels: labels.clone(),
    };
    let mut found = vec![];
    let mut previous: Option<(&String, &Place, &Labels)> = None;
    for object in sorted {
        match previous {
            Some(first) if first.0 == object.0 => {
                let diagnostic = duplicate(kind, object.0, object.1, first.1);
                found.push((diagnostic, [layer(first), layer(object)]));
            }
            _ => previous = Some(object),
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
    let checked = Name::new(&text).and_then(|name| match target_name_problem(&name) {
        Some(reason) => Err(reason),
        None => Ok(name),
    });
    let name = checked.map_err(|reason| {
        Box::new(
            Diagnostic::error("bad-name", format!("the target's full name `{text}` {reason}"))
                .at(target.place.clone(), "the target")
                .at(workload.meta.place.key("metadata").key("name"), "the workload")
                .help("shorten or change one of the names"),
        )
    })?;
    let mut labels = target.labels.clone();
    labels.extend(workload.meta.labels.clone());
    labels.insert("workload".to_owned(), workload.meta.name.to_string());
    labels.insert("workspace".to_owned(), workspace.to_owned());
    Ok(Target {
        name,
        workload: workload.meta.name.as_str().into(),
        workspace: workspace.into(),
        environment: target.environment.as_str().into(),
        labels: Arc::new(labels),
        manifests: Arc::new(target.manifests.clone()),
        manifests_place: target.manifests_place.clone(),
        config_schemas: target
            .config_schemas
            .iter()
            .chain(&workload.config_schemas)
            .cloned()
            .collect(),
        tolerations: target.tolerations.clone(),
        place: target.place.clone(),
    })
}

/// A target's folder lies beside the `README.md` of its cluster type, and must be one on every system.
fn target_name_problem(name: &Name) -> Option<&'static str> {
    if name.as_str() == "readme.md" {
        return Some("differs from `README.md`, beside which its folder lies, only in case");
    }
    reserved_name_problem(name.as_str())
}

/// A lone target keeps the `workload` and `workspace` of its own labels; a registration's workspace wins.
fn lone_target(target: &DeploymentTarget, workspace: &str) -> Result<Target, Box<Diagnostic>> {
    if let Some(reason) = target_name_problem(&target.meta.name) {
        let message = format!("the name of the deployment target `{}` {reason}", target.meta.name);
        return Err(Box::new(
            Diagnostic::error("bad-name", message)
                .at(target.spec.place.clone(), "becomes a folder of the tree")
                .help("choose another name"),
        ));
    }
    let mut labels = target.spec.labels.clone();
    labels.extend(target.meta.labels.clone());
    if !workspace.is_empty() {
        labels.insert("workspace".to_owned(), workspace.to_owned());
    }
    let label = |key: &str| labels.get(key).map_or("", |it| it).into();
    Ok(Target {
        name: target.meta.name.clone(),
        workload: label("workload"),
        workspace: label("workspace"),
        environment: target.spec.environment.as_str().into(),
        manifests: Arc::new(target.spec.manifests.clone()),
        manifests_place: target.spec.manifests_place.clone(),
        config_schemas: target.spec.config_schemas.clone(),
        tolerations: target.spec.tolerations.clone(),
        place: target.spec.place.clone(),
        labels: Arc::new(labels),
    })
}
