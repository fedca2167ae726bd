//! Causes: where in the sources the parts of an assignment's inputs are said, for those who explain what changed.
//!
//! **Invariant:** a cause is a true statement about the sources as they are now, and what it says has changed did. Nothing
//! here decides what is rendered: the digests of the inputs do.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Content, Database, Digest, FileName, Place, Value};

use crate::{
    Layer, LayerId, Model, Name,
    compose::{Entry, by_precedence},
    graph,
    model::Definition,
    queries::{self, EnvironmentInput},
    resource::ClusterType,
    rule::ParameterLevel,
    schedule::Assignment,
};

/// The file of the workspace's settings, which concern every assignment.
const SETTINGS: &str = "wob.yaml";

/// Why a part of an assignment's inputs is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// One statement, without its place.
    pub text: String,
    /// Where it stands now; none if no source says it.
    pub place: Option<Place>,
}

/// Values of config layers by file, layer and key, with the digest of what each says.
pub type LayerValues = BTreeMap<(String, String, String), Digest>;

/// Returns the files that an environment is built from, with the digests of their bytes.
pub fn source_files(db: &Database, environment: EnvironmentInput) -> BTreeMap<FileName, Digest> {
    let bases = environment.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let workloads = environment.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
    let folders = environment.validation(db).folders();
    let own = [environment.control_plane(db)];
    let sources = bases.chain(&own).chain(workloads).chain(&folders);
    let files = sources.flat_map(|it| it.files(db)).map(|file| {
        let digest = match file.content(db) {
            Content::Text { digest, .. } => *digest,
            Content::Refused(why) => Digest::of(format!("{why:?}").as_bytes()),
        };
        (file.name(db).clone(), digest)
    });
    files.collect()
}

/// Returns what every config layer of an environment says.
pub fn layer_values(db: &Database, environment: EnvironmentInput) -> LayerValues {
    let layers = queries::layers(db, environment).all().iter();
    layers.flat_map(|layer| layer.entries.iter().map(move |it| says(layer, it))).collect()
}

fn says(layer: &Layer, entry: &Entry) -> ((String, String, String), Digest) {
    (
        (layer.place.file.to_string(), layer.name.to_string(), entry.key.to_string()),
        entry.value.digest(),
    )
}

/// What was edited, and whom that concerns.
pub struct Edits<'d> {
    db: &'d Database,
    environment: EnvironmentInput,
    files: BTreeSet<FileName>,
    /// What layers said before.
    before: &'d LayerValues,
    /// What they say now.
    now: LayerValues,
    layers: BTreeSet<LayerId>,
    cluster_types: BTreeSet<&'d Name>,
    targets: BTreeSet<&'d Name>,
    policies: BTreeSet<&'d Name>,
}

impl<'d> Edits<'d> {
    /// Looks for what those `files` of an environment say whose bytes are other ones now; `before` is what layers said then.
    pub fn new(
        db: &'d Database,
        environment: EnvironmentInput,
        files: BTreeSet<FileName>,
        before: &'d LayerValues,
    ) -> Self {
        let model = queries::environment_model(db, environment);
        let is_edited = |it: &Place| files.contains(&it.file);
        let layers = queries::layers(db, environment).ids().filter(|(_, it)| is_edited(&it.place));
        let definition = |name: &str| {
            model.definition(name).is_some_and(|it| graph::said_in(it).iter().any(is_edited))
        };
        let cluster_types = model.cluster_types.iter().filter(|(_, it)| {
            is_edited(&it.meta.place) || it.templates().into_iter().any(definition)
        });
        let registered = registered_by(db, environment, &files);
        let targets = model
            .targets
            .iter()
            .filter(|(_, it)| is_edited(&it.place) || registered.contains(&it.place.file));
        let policies = model.policies.iter().filter(|(_, it)| is_edited(&it.meta.place));
        Self {
            db,
            environment,
            before,
            now: layer_values(db, environment),
            layers: layers.map(|it| it.0).collect(),
            cluster_types: cluster_types.map(|it| it.0).collect(),
            targets: targets.map(|it| it.0).collect(),
            policies: policies.map(|it| it.0).collect(),
            files,
        }
    }

    /// Says whether an edited file says something about an assignment.
    pub fn concern(&self, assignment: &Assignment) -> bool {
        let Assignment { cluster_type, target, policies } = assignment;
        self.files.contains(&FileName::new(SETTINGS))
            || self.cluster_types.contains(cluster_type)
            || self.targets.contains(target)
            || policies.iter().any(|it| self.policies.contains(it))
            || (!self.layers.is_empty()
                && queries::layers_of(self.db, self.environment, assignment)
                    .1
                    .iter()
                    .any(|it| self.layers.contains(it)))
    }

    /// Returns why the part called `part` of an assignment's inputs is not what it was.
    pub fn causes(&self, assignment: &Assignment, part: &str) -> Vec<Cause> {
        let model = self.model();
        let cluster_type = &model.cluster_types[&assignment.cluster_type];
        let target = &model.targets[&assignment.target];
        let (kind, key) = part.split_once('.').unwrap_or((part, ""));
        let settings = || Some(Place::file(&FileName::new(SETTINGS)));
        let cause = |text: String, place| vec![Cause { text, place }];
        match kind {
            "config" => self.config(assignment, key),
            "template" => vec![self.template(cluster_type, key)],
            "param" => vec![self.parameter(cluster_type, key)],
            "label" => cause(
                format!("label `{key}` of deployment target `{}` is another", target.name),
                Some(target.place.clone()),
            ),
            "manifests" => cause(
                format!("`{key}` of the manifests of `{}` is another", target.name),
                Some(target.manifests_place.clone()),
            ),
            "wob" => cause("another version of wob renders".to_owned(), None),
            "settings" => cause("settings of the output are other ones".to_owned(), settings()),
            "check" => cause("what files are checked against is another".to_owned(), settings()),
            name => cause(format!("the {name} is another"), Some(target.place.clone())),
        }
    }

    /// Returns why there is an assignment that was not there before.
    pub fn new_assignment(&self, assignment: &Assignment) -> Vec<Cause> {
        let policies = assignment.policies.iter().filter_map(|it| {
            let policy = self.model().policies.get(it)?;
            let place = policy.meta.place.clone();
            Some(Cause { text: format!("new: policy `{it}` assigns it"), place: Some(place) })
        });
        policies.collect()
    }

    fn model(&self) -> &'d Model {
        queries::environment_model(self.db, self.environment)
    }

    /// Those layers count of which something can be left in the value: all, if they are merged, or else the last.
    fn config(&self, assignment: &Assignment, key: &str) -> Vec<Cause> {
        let precedence = self.environment.settings(self.db).config_precedence;
        let (layers, ids) = queries::layers_of(self.db, self.environment, assignment);
        let chosen = by_precedence(layers, &ids, precedence);
        let of_layer = |layer: &'d Layer| {
            layer.entries.iter().filter(|it| &*it.key == key).map(move |it| (layer, it))
        };
        let all: Vec<(&Layer, &Entry)> = chosen.into_iter().flat_map(of_layer).collect();
        let is_merged =
            |it: &&(&Layer, &Entry)| matches!(**it.1.value, Value::List(_) | Value::Map(_));
        let merged = all.iter().rev().take_while(is_merged).count();
        let heard = &all[all.len() - merged.max(1).min(all.len())..];
        let mut causes = vec![];
        for (layer, entry) in heard {
            let (identity, digest) = says(layer, entry);
            let verb = match self.before.get(&identity) {
                Some(before) if *before == digest => continue,
                Some(_) => "changed",
                None => "sets",
            };
            let text = format!("config `{}` {verb} {key}", layer.name);
            causes.push(Cause { text, place: Some(entry.place.clone()) });
        }
        if !causes.is_empty() {
            return causes;
        }
        let is_gone = |it: &&(String, String, String)| it.2 == key && !self.now.contains_key(*it);
        let gone = self.before.keys().filter(is_gone).map(|(file, layer, _)| {
            let place = Some(Place::file(&FileName::new(file)));
            Cause { text: format!("config `{layer}` no longer sets {key}"), place }
        });
        causes.extend(gone);
        let other = || match all.last() {
            Some((layer, entry)) => Cause {
                text: format!("other layers apply: {key} is what config `{}` says", layer.name),
                place: Some(entry.place.clone()),
            },
            None => Cause { text: format!("other layers apply: none sets {key}"), place: None },
        };
        if causes.is_empty() {
            causes.push(other());
        }
        causes
    }

    fn template(&self, cluster_type: &ClusterType, role: &str) -> Cause {
        let name = match role {
            "reconciler" => &cluster_type.reconciler,
            "namespaceService" => &cluster_type.namespace_service,
            _ => &cluster_type.config_type,
        };
        let definition = self.model().definition(name);
        let said = definition.map(graph::said_in).unwrap_or_default();
        let edited = said.iter().find(|it| self.files.contains(&it.file));
        let kind =
            if definition.and_then(Definition::rule).is_some() { "rule" } else { "template" };
        if let Some(place) = edited {
            return Cause { text: format!("{kind} `{name}` changed"), place: Some(place.clone()) };
        }
        let user = &cluster_type.meta.name;
        let place = cluster_type.meta.place.key("spec").key(role);
        Cause {
            text: format!("cluster type `{user}` has {kind} `{name}` as its {role}"),
            place: Some(place),
        }
    }

    fn parameter(&self, cluster_type: &ClusterType, key: &str) -> Cause {
        let (rule, parameter) = key.split_once('.').unwrap_or((key, ""));
        let settings = self.environment.parameters(self.db);
        let applies = |it: Option<&Name>| it.is_none_or(|it| *it == cluster_type.meta.name);
        let set: Option<(ParameterLevel, Place)> = settings
            .all()
            .filter(|(_, of, _)| applies(*of))
            .filter_map(|(level, _, values)| {
                Some((level, values.0.get(rule)?.values.get(parameter)?.place.clone()))
            })
            .max_by_key(|(level, _)| *level);
        let said = || graph::said_in(self.model().definition(rule)?).first().cloned();
        Cause {
            text: format!("parameter `{parameter}` of rule `{rule}` is another"),
            place: set.map(|it| it.1).or_else(said),
        }
    }
}

/// Returns the files of workloads whose registration stands in one of `files`.
fn registered_by(
    db: &Database,
    environment: EnvironmentInput,
    files: &BTreeSet<FileName>,
) -> BTreeSet<FileName> {
    let edited = environment
        .workloads(db)
        .iter()
        .filter(|it| files.contains(&it.registration.meta.place.file));
    let sources = edited.filter_map(|it| it.source.as_ref().ok());
    sources.flat_map(|it| it.files(db)).map(|it| it.name(db).clone()).collect()
}
