//! Builds a graph from the queries of each environment.
//!
//! Labels say the environment of an object only where it is needed: a template, workload or registration that is one object
//! in all environments is one node. Where they differ, because their bases are pinned to other commits, each has its own.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Database, FileName, Place, Source};

use super::{Edges, Graph, Node, NodeId, NodeKind};
use crate::{
    Definition, EnvironmentInput, LayerId, Model, Name, Rule, SpecialLabels, Subject, builtin,
    label_match, queries, resource::ClusterType, schedule::Assignment,
};

/// One environment of a workspace, to be made part of a graph.
#[derive(Clone, Debug)]
pub struct GraphEnvironment {
    /// Its name.
    pub name: Name,
    /// What it is built from; none if its control plane could not be read.
    pub input: Option<EnvironmentInput>,
    /// Where the workspace says that it exists, and what it is built like.
    pub declared: Vec<Place>,
}

/// Whether a graph holds the files that are built: to name them, every assignment has to be rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFiles {
    /// They are nodes.
    Added,
    /// They are not.
    LeftOut,
}

impl<'d> Graph<'d> {
    /// Builds the graph of `environments`, of which there are fewer than 65536.
    pub fn build(
        db: &'d Database,
        environments: &[GraphEnvironment],
        output_files: OutputFiles,
    ) -> Self {
        let names = SharedNames::of(db, environments);
        let mut builder = Builder { db, names, ..Builder::new(db) };
        for (index, environment) in (0..).zip(environments) {
            builder.environment(index, environment, output_files);
        }
        builder.finish(environments)
    }
}

/// An index of a node before nodes are sorted.
type Draft = u32;

struct Builder<'d> {
    db: &'d Database,
    names: SharedNames,
    nodes: Vec<Node>,
    edges: Vec<(Draft, Draft)>,
    /// The nodes that several environments may have, by label.
    shared: BTreeMap<String, Draft>,
    models: Vec<Option<&'d Model>>,
}

/// The nodes of one environment that assignments refer to.
#[derive(Default)]
struct Here<'d> {
    index: u16,
    declared: Vec<Draft>,
    gitops_repos: Vec<Draft>,
    cluster_types: BTreeMap<&'d Name, Draft>,
    policies: BTreeMap<&'d Name, Draft>,
    targets: BTreeMap<&'d Name, Draft>,
    templates: BTreeMap<&'d str, Draft>,
    configs: BTreeMap<&'d Place, Draft>,
    /// As the model's schemas are.
    schemas: Vec<Draft>,
    /// The BaseRepo, if one names it, of each file of a base.
    bases: BTreeMap<&'d FileName, Draft>,
    /// The registration that each file of a workload's repository was read for.
    registrations: BTreeMap<&'d FileName, Draft>,
}

impl<'d> Builder<'d> {
    fn new(db: &'d Database) -> Self {
        Self {
            db,
            names: SharedNames::default(),
            nodes: vec![],
            edges: vec![],
            shared: BTreeMap::new(),
            models: vec![],
        }
    }

    /// Adds a node that only the environment `index` has.
    fn add(&mut self, index: u16, label: String, kind: NodeKind, place: Option<&Place>) -> Draft {
        let draft = Draft::try_from(self.nodes.len()).expect("because nodes are counted by u32");
        let environments = Box::from([index]);
        self.nodes.push(Node { label: label.into(), kind, place: place.cloned(), environments });
        draft
    }

    /// Adds a node, or the environment `index` to the one that is there.
    fn share(&mut self, index: u16, label: String, kind: NodeKind, place: Option<&Place>) -> Draft {
        let Some(draft) = self.shared.get(&label).copied() else {
            let draft = self.add(index, label.clone(), kind, place);
            self.shared.insert(label, draft);
            return draft;
        };
        let environments = &mut self.nodes[draft as usize].environments;
        if !environments.contains(&index) {
            *environments = environments.iter().copied().chain([index]).collect();
        }
        draft
    }

    fn edge(&mut self, from: Draft, to: Draft) {
        self.edges.push((from, to));
    }

    /// Adds an edge from an object to the file that says it.
    fn said_in(&mut self, object: Draft, index: u16, place: &Place) {
        let file = self.file(index, &place.file);
        self.edge(object, file);
    }

    fn file(&mut self, index: u16, name: &FileName) -> Draft {
        let place = Place::file(name);
        self.share(index, format!("//:{name}"), NodeKind::SourceFile, Some(&place))
    }

    fn environment(&mut self, index: u16, it: &GraphEnvironment, output_files: OutputFiles) {
        let label = format!("//env:{}", it.name);
        let node = self.add(index, label, NodeKind::Environment, it.declared.first());
        let mut here = Here { index, ..Here::default() };
        for place in &it.declared {
            let file = self.file(index, &place.file);
            here.declared.push(file);
            self.edge(node, file);
        }
        self.models.push(it.input.map(|input| queries::environment_model(self.db, input)));
        let Some(input) = it.input else { return };
        let model = queries::environment_model(self.db, input);
        self.repositories(&mut here, node, input, model);
        self.templates(&mut here, model);
        self.cluster_types(&mut here, node, model);
        self.configs(&mut here, model);
        self.targets(&mut here, model);
        self.assignments(&here, node, input, output_files);
    }

    /// Adds source files, registrations, BaseRepos and GitOpsRepos.
    fn repositories(
        &mut self,
        here: &mut Here<'d>,
        environment: Draft,
        input: EnvironmentInput,
        model: &'d Model,
    ) {
        let db = self.db;
        let index = here.index;
        let repositories = [
            ("base-repo", NodeKind::BaseRepo, &model.base_repos),
            ("gitops-repo", NodeKind::GitOpsRepo, &model.gitops_repos),
        ];
        let mut base_repos = BTreeMap::new();
        for (word, kind, objects) in repositories {
            for (name, it) in objects {
                let label = format!("//{word}/{}:{name}", model.environment);
                let node = self.add(index, label, kind, Some(&it.meta.place));
                self.said_in(node, index, &it.meta.place);
                self.edge(environment, node);
                if kind == NodeKind::BaseRepo {
                    base_repos.insert(name, node);
                } else {
                    // Its path says where every file goes.
                    here.gitops_repos.push(node);
                }
            }
        }
        let read = |builder: &mut Self, source: Source| {
            for file in source.files(db) {
                builder.file(index, file.name(db));
            }
            source.files(db).iter().map(|it| it.name(db))
        };
        read(self, input.control_plane(db)).for_each(drop);
        for base in input.bases(db) {
            let Ok(source) = base.source else { continue };
            let repository = base.repository.as_ref();
            let node = repository.and_then(|it| base_repos.get(&it.meta.name)).copied();
            for name in read(self, source) {
                here.bases.extend(node.map(|it| (name, it)));
            }
        }
        let mut nodes = BTreeMap::new();
        for (name, it) in &model.registrations {
            let label = self.names.label(NodeKind::Registration, name.as_str(), &model.environment);
            let node = self.share(index, label, NodeKind::Registration, Some(&it.meta.place));
            self.said_in(node, index, &it.meta.place);
            nodes.insert(name, node);
        }
        for workload in input.workloads(db) {
            let Ok(source) = workload.source else { continue };
            let node = nodes.get(&workload.registration.meta.name).copied();
            for name in read(self, source) {
                here.registrations.extend(node.map(|it| (name, it)));
            }
        }
    }

    /// Adds what cluster types may name: Templates, and rules under each of their names.
    fn templates(&mut self, here: &mut Here<'d>, model: &'d Model) {
        for name in definition_names(model) {
            let Some(definition) = model.definition(name) else { continue };
            let label = self.names.label(NodeKind::Template, name, &model.environment);
            let kind = match definition {
                Definition::Template(_) => NodeKind::Template,
                Definition::Rule(_) | Definition::Builtin(_) => NodeKind::Rule,
            };
            let said = said_in(definition);
            let node = self.share(here.index, label, kind, said.first());
            for place in &said {
                self.said_in(node, here.index, place);
            }
            here.templates.insert(name, node);
        }
        for (name, node) in &here.templates {
            let own = model.definition(name).and_then(Definition::rule).map(Rule::name);
            // Another name of a rule depends on the rule.
            if let Some(rule) = own.filter(|it| it != name).and_then(|it| here.templates.get(it)) {
                self.edges.push((*node, *rule));
            }
        }
    }

    fn cluster_types(&mut self, here: &mut Here<'d>, environment: Draft, model: &'d Model) {
        for (name, it) in &model.cluster_types {
            let label = format!("//cluster-type/{}:{name}", model.environment);
            let place = &it.meta.place;
            let node = self.add(here.index, label, NodeKind::ClusterType, Some(place));
            self.said_in(node, here.index, place);
            // Its folder has a README, whether anything is scheduled on it or not.
            self.edge(environment, node);
            for template in templates_of(it) {
                if let Some(template) = here.templates.get(template) {
                    self.edge(node, *template);
                }
            }
            here.cluster_types.insert(name, node);
        }
        for (name, it) in &model.policies {
            let label = format!("//policy/{}:{name}", model.environment);
            let node = self.add(here.index, label, NodeKind::Policy, Some(&it.meta.place));
            self.said_in(node, here.index, &it.meta.place);
            here.policies.insert(name, node);
        }
    }

    fn configs(&mut self, here: &mut Here<'d>, model: &'d Model) {
        for it in &model.config_maps {
            let label = format!("//config/{}:{}", model.environment, it.name);
            let node = self.add(here.index, label, NodeKind::Config, Some(&it.place));
            self.said_in(node, here.index, &it.place);
            here.configs.insert(&it.place, node);
        }
        for it in &model.config_schemas {
            let label = format!("//schema/{}:{}", model.environment, it.name);
            let node = self.add(here.index, label, NodeKind::Schema, Some(&it.place));
            self.said_in(node, here.index, &it.place);
            here.schemas.push(node);
        }
    }

    fn targets(&mut self, here: &mut Here<'d>, model: &'d Model) {
        let mut workloads = BTreeMap::new();
        for (name, it) in &model.workloads {
            let label = self.names.label(NodeKind::Workload, name.as_str(), &model.environment);
            let node = self.share(here.index, label, NodeKind::Workload, Some(&it.meta.place));
            self.said_in(node, here.index, &it.meta.place);
            if let Some(registration) = here.registrations.get(&it.meta.place.file) {
                self.edge(node, *registration);
            }
            workloads.insert(name.as_str(), node);
        }
        for (name, it) in &model.targets {
            let label = format!("//target/{}:{name}", model.environment);
            let node = self.add(here.index, label, NodeKind::Target, Some(&it.place));
            self.said_in(node, here.index, &it.place);
            let registration = here.registrations.get(&it.place.file);
            let edges = workloads.get(&*it.workload).into_iter().chain(registration);
            self.edges.extend(edges.map(|to| (node, *to)));
            here.targets.insert(name, node);
        }
    }

    fn assignments(
        &mut self,
        here: &Here<'d>,
        environment: Draft,
        input: EnvironmentInput,
        output_files: OutputFiles,
    ) {
        let db = self.db;
        let model = queries::environment_model(db, input);
        let layers = queries::layers(db, input);
        let config_of = |id: &LayerId| here.configs.get(&layers.get(*id)?.place).copied();
        for assignment in queries::assignments(db, input) {
            let Assignment { cluster_type, target, .. } = assignment;
            let label = format!("//env/{}/{cluster_type}:{target}", model.environment);
            let (Some(cluster), Some(aim)) =
                (model.cluster_types.get(cluster_type), model.targets.get(target))
            else {
                continue;
            };
            let node = self.add(here.index, label.clone(), NodeKind::Assignment, Some(&aim.place));
            self.edge(environment, node);
            let subject = queries::subject(cluster, aim);
            let mut uses: Vec<Draft> = here.objects_of(assignment, cluster);
            uses.extend(queries::layer_ids(db, input, assignment).iter().filter_map(config_of));
            uses.extend(here.schemas_of(model, &subject));
            uses.extend(here.bases_of(&uses, &self.nodes));
            uses.extend(here.declared.iter().chain(&here.gitops_repos));
            self.edges.extend(uses.into_iter().map(|to| (node, to)));
            if output_files == OutputFiles::Added {
                for file in queries::output_files(db, input, assignment) {
                    let label = format!("{label}/{file}");
                    let file = self.add(here.index, label, NodeKind::OutputFile, None);
                    self.edge(file, node);
                }
            }
        }
    }

    fn finish(self, environments: &[GraphEnvironment]) -> Graph<'d> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_unstable_by(|a, b| self.nodes[*a].label.cmp(&self.nodes[*b].label));
        let mut ids = vec![NodeId(0); order.len()];
        for (position, draft) in order.iter().enumerate() {
            ids[*draft] = NodeId::new(position);
        }
        let mut drafts: Vec<Option<Node>> = self.nodes.into_iter().map(Some).collect();
        let nodes: Vec<Node> = order.iter().filter_map(|it| drafts[*it].take()).collect();
        let is_sorted = nodes.windows(2).all(|it| it[0].label < it[1].label);
        assert!(is_sorted, "because every label is made of names that are unique in a model");
        let pair = |(from, to): &(Draft, Draft)| (ids[*from as usize], ids[*to as usize]);
        let edges: Vec<(NodeId, NodeId)> = self.edges.iter().map(pair).collect();
        let dependencies = Edges::new(nodes.len(), &edges);
        Graph {
            dependents: dependencies.turned(),
            dependencies,
            nodes,
            environments: environments.iter().map(|it| it.name.clone()).collect(),
            models: self.models,
        }
    }
}

impl Here<'_> {
    /// Returns the cluster type, the target, the policies and the templates of an assignment.
    fn objects_of(&self, assignment: &Assignment, cluster_type: &ClusterType) -> Vec<Draft> {
        let policies = assignment.policies.iter().filter_map(|it| self.policies.get(it));
        let templates = templates_of(cluster_type);
        let templates = templates.iter().filter_map(|it| self.templates.get(it));
        let cluster_type = self.cluster_types.get(&assignment.cluster_type);
        let target = self.targets.get(&assignment.target);
        cluster_type.into_iter().chain(target).chain(policies).chain(templates).copied().collect()
    }

    fn schemas_of(&self, model: &Model, subject: &Subject<'_>) -> Vec<Draft> {
        let all = model.config_schemas.iter().zip(&self.schemas);
        let applicable =
            all.filter(|(it, _)| label_match(&it.labels, subject, SpecialLabels::KALYPSO));
        applicable.map(|(_, node)| *node).collect()
    }

    /// Returns the BaseRepos that pin the files of `objects`.
    fn bases_of(&self, objects: &[Draft], nodes: &[Node]) -> BTreeSet<Draft> {
        if self.bases.is_empty() {
            return BTreeSet::new();
        }
        let places = objects.iter().filter_map(|it| nodes[*it as usize].place.as_ref());
        places.filter_map(|it| self.bases.get(&it.file)).copied().collect()
    }
}

fn templates_of(cluster_type: &ClusterType) -> [&str; 3] {
    [&cluster_type.reconciler, &cluster_type.namespace_service, &cluster_type.config_type]
        .map(String::as_str)
}

/// Returns every name that stands for a Template or a rule; sorted.
fn definition_names(model: &Model) -> BTreeSet<&str> {
    let own = model.templates.keys().chain(model.rules.keys()).map(Name::as_str);
    own.chain(builtin::names().map(|it| -> &str { it })).collect()
}

/// Returns where a definition stands, first of all its own place; nowhere if it is built in.
pub(crate) fn said_in(definition: Definition<'_>) -> Vec<Place> {
    match definition {
        Definition::Template(it) => vec![it.meta.place.clone()],
        Definition::Rule(it) => {
            let beside = it.templates().into_iter().map(|of| Place::file(&it.beside(&of.name)));
            [it.meta.place.clone()].into_iter().chain(beside).collect()
        }
        Definition::Builtin(_) => vec![],
    }
}

/// Which templates, workloads and registrations are the same object wherever their name is used.
#[derive(Default)]
struct SharedNames {
    /// What stands behind each name; `None` if that differs.
    objects: BTreeMap<(NodeKind, String), Option<Identity>>,
}

/// What makes two objects of two environments one: where they are said, and what they depend on.
type Identity = Vec<Place>;

impl SharedNames {
    fn of(db: &Database, environments: &[GraphEnvironment]) -> Self {
        let mut names = Self::default();
        for input in environments.iter().filter_map(|it| it.input) {
            let model = queries::environment_model(db, input);
            for (name, it) in &model.registrations {
                let identity = vec![it.meta.place.clone()];
                names.note(NodeKind::Registration, name.as_str(), &identity);
            }
            for name in definition_names(model) {
                let identity = model.definition(name).map(said_in).unwrap_or_default();
                names.note(NodeKind::Template, name, &identity);
            }
            let registered = registered(db, input, model);
            for (name, it) in &model.workloads {
                let place = &it.meta.place;
                let by = registered.get(&place.file).copied().into_iter();
                let identity = by.chain([place]).cloned().collect();
                names.note(NodeKind::Workload, name.as_str(), &identity);
            }
        }
        names
    }

    fn note(&mut self, kind: NodeKind, name: &str, identity: &Identity) {
        let key = (kind, name.to_owned());
        let known = self.objects.entry(key).or_insert_with(|| Some(identity.clone()));
        if known.as_ref() != Some(identity) {
            *known = None;
        }
    }

    fn label(&self, kind: NodeKind, name: &str, environment: &str) -> String {
        let word = kind.as_str();
        match self.objects.get(&(kind, name.to_owned())) {
            Some(Some(_)) => format!("//{word}:{name}"),
            Some(None) | None => format!("//{word}/{environment}:{name}"),
        }
    }
}

/// Returns where the registration stands that each file of a workload's repository was read for.
fn registered<'d>(
    db: &'d Database,
    input: EnvironmentInput,
    model: &'d Model,
) -> BTreeMap<&'d FileName, &'d Place> {
    let mut registered = BTreeMap::new();
    for workload in input.workloads(db) {
        let registration = model.registrations.get(&workload.registration.meta.name);
        if let (Some(registration), Ok(source)) = (registration, workload.source.as_ref()) {
            let names = source.files(db).iter().map(|it| it.name(db));
            registered.extend(names.map(|it| (it, &registration.meta.place)));
        }
    }
    registered
}
