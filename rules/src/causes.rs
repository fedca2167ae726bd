//! Causes: where in the sources the parts of an assignment's inputs are said, for those who explain what changed.
//!
//! **Invariant:** a cause is a true statement about the sources as they are now, and what it says has changed did. Nothing
//! here decides what is rendered: the digests of the inputs do.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Database, Digest, FileName, Place, Value};

use crate::{
    Layer, LayerId, Model, Name,
    compose::{Entry, Layers, by_precedence},
    graph,
    model::{Definition, Target},
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
    let files = sources.flat_map(|it| it.files(db));
    files.map(|it| (it.name(db).clone(), it.content(db).digest())).collect()
}

/// Returns what those config layers of an environment say that are said in `wanted` files.
pub fn layer_values(
    db: &Database,
    environment: EnvironmentInput,
    wanted: &dyn Fn(&FileName) -> bool,
) -> LayerValues {
    let layers = queries::layers(db, environment).all().iter();
    let layers = layers.filter(|it| wanted(&it.place.file));
    layers.flat_map(|layer| layer.entries.iter().map(move |it| says(layer, it))).collect()
}

fn says(layer: &Layer, entry: &Entry) -> ((String, String, String), Digest) {
    (
        (layer.place.file.to_string(), layer.name.to_string(), entry.key().to_string()),
        entry.value.digest(),
    )
}

/// What was edited, and whom that concerns.
pub struct Edits<'d> {
    db: &'d Database,
    environment: EnvironmentInput,
    files: BTreeSet<FileName>,
    /// What the layers in these files said before.
    before: &'d LayerValues,
    /// What they say now.
    now: LayerValues,
    layers: BTreeSet<LayerId>,
    cluster_types: BTreeSet<&'d Name>,
    targets: BTreeSet<&'d Name>,
    policies: BTreeSet<&'d Name>,
    /// Where the registration stands that brought a file of a workload.
    registrations: BTreeMap<&'d FileName, &'d Place>,
}

impl<'d> Edits<'d> {
    /// Looks for what those `files` of an environment say whose bytes are other ones now; `before` is what their layers said then.
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
        let registrations = registrations(db, environment);
        let is_registered_anew =
            |it: &FileName| registrations.get(it).copied().is_some_and(is_edited);
        let targets = model
            .targets
            .iter()
            .filter(|(_, it)| is_edited(&it.place) || is_registered_anew(&it.place.file));
        let policies = model.policies.iter().filter(|(_, it)| is_edited(&it.meta.place));
        Self {
            db,
            environment,
            before,
            now: layer_values(db, environment, &|it| files.contains(it)),
            layers: layers.map(|it| it.0).collect(),
            cluster_types: cluster_types.map(|it| it.0).collect(),
            targets: targets.map(|it| it.0).collect(),
            policies: policies.map(|it| it.0).collect(),
            registrations,
            files,
        }
    }

    /// Says whether an edited file says something about an assignment.
    pub fn concern(&self, assignment: &Assignment) -> bool {
        self.files.contains(&FileName::new(SETTINGS))
            || self.concern_object_of(assignment)
            || (!self.layers.is_empty()
                && queries::layers_of(self.db, self.environment, assignment)
                    .1
                    .iter()
                    .any(|it| self.layers.contains(it)))
    }

    /// Says whether an edited file says something about the cluster type, the target or a policy of an assignment.
    pub fn concern_object_of(&self, assignment: &Assignment) -> bool {
        let Assignment { cluster_type, target, policies } = assignment;
        self.cluster_types.contains(cluster_type)
            || self.targets.contains(target)
            || policies.iter().any(|it| self.policies.contains(it))
    }

    /// Says whether an edited file says something about any cluster type, target or policy.
    pub fn concern_objects(&self) -> bool {
        !(self.cluster_types.is_empty() && self.targets.is_empty() && self.policies.is_empty())
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
                Some(self.place_of(target)),
            ),
            "manifests" => cause(
                format!("`{key}` of the manifests of `{}` is another", target.name),
                Some(target.manifests_place.clone()),
            ),
            "wob" => cause("another version of wob renders".to_owned(), None),
            "settings" => cause("settings of the output are other ones".to_owned(), settings()),
            "check" => cause("what files are checked against is another".to_owned(), settings()),
            name => cause(format!("the {name} is another"), Some(self.place_of(target))),
        }
    }

    /// Returns why there is an assignment that was not there before.
    pub fn new_assignment(&self, assignment: &Assignment) -> Vec<Cause> {
        let policies = assignment.policies.iter().filter_map(|it| {
            let policy = self.model().policies.get(it)?;
            let place = policy.meta.place.clone();
            Some(Cause { text: format!("new: policy `{it}` assigns it"), place: Some(place) })
        });
        let mut causes: Vec<Cause> = policies.collect();
        if !assignment.policies.iter().any(|it| self.policies.contains(it)) {
            causes.extend(self.edited_sides(assignment));
        }
        causes
    }

    /// Returns that the cluster type or the target of an assignment was edited, if they were.
    fn edited_sides(&self, assignment: &Assignment) -> impl Iterator<Item = Cause> {
        let model = self.model();
        let Assignment { cluster_type, target, .. } = assignment;
        let cluster_type = self.cluster_types.contains(cluster_type).then(|| Cause {
            text: format!("cluster type `{cluster_type}` was edited"),
            place: Some(model.cluster_types[cluster_type].meta.place.clone()),
        });
        let target = self.targets.contains(target).then(|| Cause {
            text: format!("deployment target `{target}` was edited"),
            place: Some(self.place_of(&model.targets[target])),
        });
        cluster_type.into_iter().chain(target)
    }

    /// Returns where a target is said: its registration has a say, too.
    fn place_of(&self, target: &Target) -> Place {
        let is_edited = |it: &&Place| self.files.contains(&it.file);
        let by = || self.registrations.get(&target.place.file).copied().filter(is_edited);
        let own = Some(&target.place).filter(is_edited);
        own.or_else(by).unwrap_or(&target.place).clone()
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
            layer.entries.iter().filter(|it| &**it.key() == key).map(move |it| (layer, it))
        };
        let all: Vec<(&Layer, &Entry)> = chosen.into_iter().flat_map(of_layer).collect();
        let is_merged =
            |it: &&(&Layer, &Entry)| matches!(**it.1.value, Value::List(_) | Value::Map(_));
        let merged = all.iter().rev().take_while(is_merged).count();
        let heard = &all[all.len() - merged.max(1).min(all.len())..];
        let mut causes = vec![];
        for (layer, entry) in heard {
            if !self.files.contains(&layer.place.file) {
                continue;
            }
            let (identity, digest) = says(layer, entry);
            let verb = match self.before.get(&identity) {
                Some(before) if *before == digest => continue,
                Some(_) => "changed",
                None => "sets",
            };
            let text = format!("config `{}` {verb} {key}", layer.name);
            causes.push(Cause { text, place: Some(entry.place.on_key()) });
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
        if causes.is_empty() {
            causes.push(match all.last() {
                Some((layer, entry)) => Cause {
                    text: format!("other layers apply: {key} is what config `{}` says", layer.name),
                    place: Some(entry.place.on_key()),
                },
                None => Cause { text: format!("other layers apply: none sets {key}"), place: None },
            });
            causes.extend(self.edited_sides(assignment));
            causes.extend(self.edited_layers(layers, &ids, key));
        }
        causes
    }

    /// Returns the layers that were edited and set `key`, but do not apply.
    fn edited_layers(&self, layers: &Layers, ids: &[LayerId], key: &str) -> Vec<Cause> {
        let others = self.layers.iter().filter(|it| !ids.contains(it));
        let others = others.filter_map(|it| layers.get(*it));
        let others = others.filter(|it| it.entries.iter().any(|entry| &**entry.key() == key));
        let cause = |it: &Layer| Cause {
            text: format!("config `{}` was edited", it.name),
            place: Some(it.place.clone()),
        };
        others.map(cause).collect()
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

/// Returns where the registration stands that brought each file of a workload.
fn registrations(db: &Database, environment: EnvironmentInput) -> BTreeMap<&FileName, &Place> {
    let mut registrations = BTreeMap::new();
    for it in environment.workloads(db) {
        let files = it.source.as_ref().map_or(&[][..], |source| source.files(db));
        let place = &it.registration.meta.place;
        registrations.extend(files.iter().map(|file| (file.name(db), place)));
    }
    registrations
}
