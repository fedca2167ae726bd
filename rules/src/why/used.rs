//! Where a thing is used: from a line of a source, a config key or a template to the assignments and files it shapes.

use std::sync::Arc;

use rayon::prelude::*;
use wob_engine::{At, Database, FileName, LineIndex, Part as Side, Place, Span, Step, yaml};
use wob_template::DataPath;

use super::{
    Descent, Fate,
    case::{Case, File},
    config::is_container,
    scalar::all_reads,
};
use crate::{
    Assignment, ConfigSchema, EnvironmentInput, Name, assignments,
    compose::{Layer, SpecialLabels, history, label_match},
    environment_model, queries,
    render::trace::{TemplateText, TracedManifest, TracedValue},
};

/// What somebody asks the uses of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A node of a source, and which bytes of its text if it is a text of several lines.
    Node(Place, Option<Span>),
    /// A key of a config map.
    Key {
        /// The name of the map.
        map: String,
        /// The key, with dotted labels if the map has them.
        key: String,
    },
    /// A config map.
    Map(String),
    /// A template of the workspace, or a rule.
    Template(String),
    /// A config schema.
    Schema(String),
}

/// An assignment that depends on a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// How it depends on the thing.
    pub how: How,
    /// The files that the thing goes into; none if only whether or how there is an assignment depends on it.
    pub files: Vec<String>,
}

/// How an assignment depends on a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A layer says this config key.
    Config {
        /// The key.
        key: Arc<str>,
        /// What becomes of what the layer says.
        fate: Fate,
    },
    /// The config map applies.
    Layer,
    /// The template is the cluster type's.
    Template,
    /// Its config is checked against the schema.
    Schema,
    /// It is the deployment target, its workload, or the registration that brought it.
    Target,
    /// It is the cluster type.
    ClusterType,
    /// It is one of the policies.
    Policy,
    /// It concerns the whole environment.
    Environment,
}

/// Returns what `text` may name: `ConfigMap/KEY`, a template or rule, a config map, or a config schema.
pub fn things_named(db: &Database, environment: EnvironmentInput, text: &str) -> Vec<Thing> {
    let model = environment_model(db, environment);
    let mut things = vec![];
    if let Some((name, key)) = text.split_once('/') {
        let has = |it: &crate::ConfigMap| it.name == name && it.data.contains_key(key);
        if model.config_maps.iter().any(has) {
            things.push(Thing::Key { map: name.to_owned(), key: key.to_owned() });
        }
        return things;
    }
    if model.templates.contains_key(text) || model.definition(text).is_some() {
        things.push(Thing::Template(text.to_owned()));
    }
    if model.config_maps.iter().any(|it| it.name == text) {
        things.push(Thing::Map(text.to_owned()));
    }
    if model.config_schemas.iter().any(|it| it.name == text) {
        things.push(Thing::Schema(text.to_owned()));
    }
    things
}

/// Returns what stands on `line` (from 1) of a source; `None` if nothing does.
pub fn thing_at(file: &FileName, text: &str, line: u32) -> Option<Thing> {
    let parsed = yaml::parse(text, &yaml::Limits::default());
    let index = LineIndex::new(text);
    for (document, it) in (0..).zip(&parsed.documents) {
        let mut path = vec![];
        if !node_on(&it.root, text, &index, line, &mut path) {
            continue;
        }
        let at = At::Node { document, path: path.clone().into(), part: Side::Value };
        let place = Place { file: file.clone(), at };
        let (node, _) = it.root.at(&path)?;
        return Some(Thing::Node(place, content_on(node, text, &index, line)));
    }
    None
}

/// Returns the assignments of an environment that depend on `thing`, by cluster type, then target.
///
/// `is_stopped` is asked again and again; once it says yes, the rest is left out.
pub fn uses(
    db: &Database,
    environment: EnvironmentInput,
    thing: &Thing,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Vec<Use> {
    let used = |db: &Database, it: &Assignment| {
        if is_stopped() {
            return None;
        }
        Case::without_inputs(db, environment, it).used(thing)
    };
    let parts: Vec<Vec<Use>> = assignments(db, environment)
        .par_chunks(16)
        .map_with(db.clone(), |db, chunk| chunk.iter().filter_map(|it| used(db, it)).collect())
        .collect();
    parts.into_iter().flatten().collect()
}

impl Case<'_> {
    /// Says how the assignment depends on `thing`.
    fn used(&self, thing: &Thing) -> Option<Use> {
        let Assignment { cluster_type, target, .. } = self.assignment;
        let (how, files) = match thing {
            Thing::Node(place, content) => self.used_node(place, *content)?,
            Thing::Key { map, key } => {
                let map = self.model.config_maps.iter().find(|it| it.name == *map)?;
                self.used_key(&map.place.key("data").key(key), &[])?
            }
            Thing::Map(map) => {
                let map = self.model.config_maps.iter().find(|it| it.name == *map)?;
                self.used_map(&map.place)?
            }
            Thing::Template(name) => self.used_template(name, None)?,
            Thing::Schema(name) => {
                let mut schemas = self.schemas();
                schemas.find(|it| it.name == *name).map(|_| (How::Schema, vec![]))?
            }
        };
        Some(Use { cluster_type: cluster_type.clone(), target: target.clone(), how, files })
    }

    fn used_node(&self, place: &Place, content: Option<Span>) -> Option<(How, Vec<String>)> {
        let At::Node { path, .. } = &place.at else { return None };
        let is_here = |root: &Place| is_same_document(root, place);
        if let Some(map) = self.model.config_maps.iter().find(|it| is_here(&it.place)) {
            return match &**path {
                [Step::Key(data), Step::Key(key), ..] if **data == *"data" => {
                    let inside = inside_of(map.data.get(&**key)?, content);
                    self.used_key(&map.place.key("data").key(key), &inside)
                }
                _ => self.used_map(&map.place),
            };
        }
        if let Some(template) = self.model.templates.values().find(|it| is_here(&it.meta.place)) {
            let is_manifest = matches!(&**path, [Step::Key(spec), Step::Key(manifests), ..]
                if **spec == *"spec" && **manifests == *"manifests");
            let part = is_manifest.then_some((place, content));
            return self.used_template(template.meta.name.as_str(), part);
        }
        if is_here(&self.cluster_type.meta.place) {
            return Some((How::ClusterType, self.files_of_cluster_type(place)));
        }
        let mut own = self.target.config_schemas.iter();
        if self.schemas().any(|it| is_here(&it.place)) || own.any(|it| below(&it.place, place)) {
            return Some((How::Schema, vec![]));
        }
        let is_policy =
            |it: &&Name| self.model.policies.get(*it).is_some_and(|it| is_here(&it.meta.place));
        if self.assignment.policies.iter().any(|it| is_policy(&it)) {
            return Some((How::Policy, vec![]));
        }
        if is_here(&self.target.place) {
            return self.used_target(place);
        }
        if self.registration().is_some_and(|it| is_here(&it.meta.place)) {
            return Some((How::Target, self.files_reading(place)));
        }
        let repositories = self.model.base_repos.values().chain(self.model.gitops_repos.values());
        let shared = repositories.map(|it| &it.meta.place).any(is_here);
        shared.then_some((How::Environment, vec![]))
    }

    /// A line of another target of the same workload does not matter.
    fn used_target(&self, place: &Place) -> Option<(How, Vec<String>)> {
        if self.workload().is_some() {
            let own = self.target.place.parent().map(|(_, it)| it)?;
            let list = own.parent().map(|(_, it)| it)?;
            if below(&list, place) && *place != list && !below(&own, place) && !below(place, &own) {
                return None;
            }
        }
        Some((How::Target, self.files_reading(place)))
    }

    fn used_map(&self, place: &Place) -> Option<(How, Vec<String>)> {
        let layers: Vec<&Layer> = self.applied().filter(|it| it.place == *place).collect();
        if layers.is_empty() {
            return None;
        }
        let keys = layers.iter().flat_map(|it| &it.entries).map(|it| config_path(it.key(), &[]));
        Some((How::Layer, self.files_covering(&keys.collect::<Vec<_>>())))
    }

    /// `place` is that of a key in a config map, `inside` the way to a part of its value.
    fn used_key(&self, place: &Place, inside: &[Step]) -> Option<(How, Vec<String>)> {
        let entry = self.applied().flat_map(|it| &it.entries).find(|it| it.place == *place)?;
        let key = entry.key();
        let whole = || history(self.layers, &self.ids, self.precedence, key, &[]);
        let history =
            history(self.layers, &self.ids, self.precedence, key, inside).or_else(whole)?;
        let said = history.says.iter().find(|it| it.entry.place == *place);
        let fate = said.map_or(Fate::Lost, |it| it.fate);
        let files = if fate == Fate::Lost {
            vec![]
        } else {
            self.files_covering(&[config_path(key, inside)])
        };
        Some((How::Config { key: key.clone(), fate }, files))
    }

    fn used_template(
        &self,
        name: &str,
        part: Option<(&Place, Option<Span>)>,
    ) -> Option<(How, Vec<String>)> {
        let spec = &self.cluster_type;
        let names = [&spec.reconciler, &spec.namespace_service, &spec.config_type];
        let canonical = |name: &str| crate::builtin::find(name).map(|it| it.rule.name().to_owned());
        let is_it = |it: &str| {
            it == name
                || !self.model.templates.contains_key(it)
                    && canonical(it).is_some_and(|it| canonical(name) == Some(it))
        };
        if !names.iter().any(|it| is_it(it)) {
            return None;
        }
        if self.inputs.is_none() {
            return Some((How::Template, vec![]));
        }
        let wrote = |file: &File<'_>| {
            part.is_none_or(|(place, content)| {
                self.traced(file).iter().any(|it| wrote(it, place, content))
            })
        };
        let files = self.files().into_iter().filter(|it| is_it(it.template.name()) && wrote(it));
        let files: Vec<String> = files.map(|it| it.name).collect();
        (part.is_none() || !files.is_empty()).then_some((How::Template, files))
    }

    /// Returns the ConfigSchemas that the config is checked against.
    fn schemas(&self) -> impl Iterator<Item = &ConfigSchema> {
        let subject = queries::subject(self.cluster_type, self.target);
        let is_for =
            move |it: &&ConfigSchema| label_match(&it.labels, &subject, SpecialLabels::KALYPSO);
        self.model.config_schemas.iter().filter(is_for)
    }

    fn applied(&self) -> impl Iterator<Item = &Layer> {
        self.ids.iter().filter_map(|it| self.layers.get(*it))
    }

    fn files_of_cluster_type(&self, place: &Place) -> Vec<String> {
        let mut files = self.files_reading(place);
        if self.inputs.is_some() {
            let spec = self.cluster_type.meta.place.key("spec");
            let chosen = self.files().into_iter().filter(|it| below(&spec.key(it.role), place));
            files.extend(chosen.map(|it| it.name));
        }
        files.sort();
        files.dedup();
        files
    }

    /// Returns the files that read one of these values.
    fn files_covering(&self, paths: &[DataPath]) -> Vec<String> {
        self.files_where(|_, read| {
            paths.iter().any(|path| path.starts_with(read) || read.starts_with(path))
        })
    }

    /// Returns the files that read a value which is said in or around `place`.
    fn files_reading(&self, place: &Place) -> Vec<String> {
        self.files_where(|file, read| self.is_said_at(file, read, place))
    }

    fn is_said_at(&self, file: &File<'_>, read: &DataPath, place: &Place) -> bool {
        let input = self.input(read, file.template);
        match &input.descent {
            Descent::Several => {
                let Some(value) = input.value.filter(is_container) else { return false };
                let keys = value.as_map().into_iter().flat_map(|it| it.keys());
                keys.filter(|it| !matches!(&***it, "ConfigData" | "ConfigTexts" | "params")).any(
                    |key| {
                        let path: DataPath =
                            read.iter().cloned().chain([Step::Key(key.clone())]).collect();
                        self.is_said_at(file, &path, place)
                    },
                )
            }
            Descent::Said(it) => below(it, place) || below(place, it),
            Descent::Made { of, .. } => of.iter().any(|it| match &it.descent {
                Descent::Said(it) => below(it, place) || below(place, it),
                Descent::Made { .. } => self.is_said_at(file, &it.path, place),
                Descent::Config(_)
                | Descent::Parameter { .. }
                | Descent::Several
                | Descent::Unset => false,
            }),
            Descent::Config(_) | Descent::Parameter { .. } | Descent::Unset => false,
        }
    }

    fn files_where(&self, is_wanted: impl Fn(&File<'_>, &DataPath) -> bool) -> Vec<String> {
        if self.inputs.is_none() {
            return vec![];
        }
        let reads = |file: &File<'_>| {
            let reads = all_reads(&self.traced(file));
            reads.into_iter().any(|mut read| {
                if let Some(Step::Key(first)) = read.first_mut()
                    && **first == *"ConfigTexts"
                {
                    *first = "ConfigData".into();
                }
                is_wanted(file, &read)
            })
        };
        self.files().into_iter().filter(reads).map(|it| it.name).collect()
    }
}

/// Says whether the template's part at `place`, or these bytes of its text, wrote or decided anything in a manifest.
fn wrote(manifest: &TracedManifest, place: &Place, content: Option<Span>) -> bool {
    let touches = |span: Span| {
        content.is_none_or(|it| {
            span.start < it.end && it.start < span.end
                || span.is_empty() && it.start <= span.start && span.start <= it.end
        })
    };
    let traced = |traced: &wob_template::Traced| {
        traced.pieces.iter().any(|piece| {
            touches(piece.template) || piece.conditions.iter().any(|it| touches(it.template))
        })
    };
    match manifest {
        TracedManifest::Text { traced: text, template, .. } => match template {
            TemplateText::Source(it) if it == place => traced(text),
            TemplateText::Source(it) => below(place, it),
            TemplateText::Rule { .. } => false,
        },
        TracedManifest::Object { value } => wrote_value(value, place),
    }
}

fn wrote_value(value: &TracedValue, place: &Place) -> bool {
    match value {
        TracedValue::Plain(_, it) | TracedValue::Text(_, it) => below(place, it),
        TracedValue::List(items) => items.iter().any(|it| wrote_value(it, place)),
        TracedValue::Map(entries) => entries.values().any(|it| wrote_value(it, place)),
    }
}

fn config_path(key: &Arc<str>, inside: &[Step]) -> DataPath {
    let keys = [Step::Key("ConfigData".into()), Step::Key(key.clone())];
    // Lists of several layers are joined, so an item has another index in each of them.
    let inside = inside.iter().take_while(|it| matches!(it, Step::Key(_)));
    keys.into_iter().chain(inside.cloned()).collect()
}

/// Returns the way to what stands at these bytes of a config value.
fn inside_of(text: &str, content: Option<Span>) -> Vec<Step> {
    let mut path = vec![];
    if let Some(content) = content {
        let index = LineIndex::new(text);
        let line = index.line_column(text, content.start).line;
        let parsed = yaml::parse(text, &yaml::Limits::default());
        if let Some(document) = parsed.documents.first() {
            node_on(&document.root, text, &index, line, &mut path);
        }
    }
    path
}

fn is_same_document(a: &Place, b: &Place) -> bool {
    let document = |place: &Place| match &place.at {
        At::Node { document, .. } | At::Text { document, .. } => Some(*document),
        At::File | At::Bytes(_) => None,
    };
    a.file == b.file && document(a) == document(b)
}

/// Says whether `inner` is `outer`, or a part of it.
fn below(outer: &Place, inner: &Place) -> bool {
    let path = |place: &Place| match &place.at {
        At::Node { path, .. } | At::Text { path, .. } => path.clone(),
        At::File | At::Bytes(_) => [].into(),
    };
    is_same_document(outer, inner) && path(inner).starts_with(&path(outer))
}

/// Looks for the innermost node on `line`; leaves the way to it in `path`.
fn node_on(
    node: &yaml::Node,
    text: &str,
    index: &LineIndex,
    line: u32,
    path: &mut Vec<Step>,
) -> bool {
    let first = |span: Span| index.line_column(text, span.start).line;
    let last = |span: Span| {
        let end = span.end.saturating_sub(u32::from(!span.is_empty()));
        index.line_column(text, end).line
    };
    match &node.kind {
        yaml::NodeKind::Scalar(_) => (first(node.span)..=last(node.span)).contains(&line),
        yaml::NodeKind::List(items) => {
            let spans = |it: &yaml::Node| (first(it.span)..=last(it.span)).contains(&line);
            let Some(at) = items.iter().position(spans) else { return false };
            path.push(Step::Index(Span::new(at, at).start));
            node_on(&items[at], text, index, line, path);
            true
        }
        yaml::NodeKind::Mapping(entries) => {
            let spans = |it: &yaml::Entry| {
                (first(it.key.span)..=last(it.value.span).max(last(it.key.span))).contains(&line)
            };
            let Some(entry) = entries.iter().find(|it| spans(it)) else { return false };
            path.push(Step::Key(entry.key.text.clone()));
            if first(entry.key.span) != line || entry.value.scalar().is_none() {
                node_on(&entry.value, text, index, line, path);
            }
            true
        }
    }
}

/// Returns which bytes of a text of several lines stand on `line`.
fn content_on(node: &yaml::Node, text: &str, index: &LineIndex, line: u32) -> Option<Span> {
    let content = &node.scalar()?.text;
    if !content.contains('\n') {
        return None;
    }
    let mut start = 0;
    for it in content.split_inclusive('\n') {
        let span = Span::new(start, start + it.trim_end_matches('\n').len());
        if index.line_column(text, node.content_span(text, span).start).line == line {
            return Some(span);
        }
        start += it.len();
    }
    None
}
