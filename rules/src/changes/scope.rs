//! Compares two trees folder by folder: an assignment's folder is one scope, whose objects may move between its files.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{FilePath, Tree};

use super::{
    Change, Class, Differing, Edit, FieldPath, FieldStep, ObjectName, Pairing, Position, Side,
    Site, Spot, What, class,
    content::{Content, Document},
    differing,
    fields::field_changes,
};

/// Two trees that are being compared.
pub(super) struct Comparison<'t> {
    environment: Arc<str>,
    old: Cow<'t, Tree>,
    new: &'t Tree,
    prefix: &'t str,
    pairing: Pairing,
}

/// A folder whose objects are compared with each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    cluster_type: Option<Arc<str>>,
    target: Option<Arc<str>>,
    folder: String,
}

/// An object of one side that the other side does not have as it is.
struct Found {
    path: String,
    document: Document,
}

/// The documents of one side, by name; those of one name in their order.
type Objects = BTreeMap<(ObjectName, usize), Found>;

impl<'t> Comparison<'t> {
    pub(super) fn new(environment: &str, old: Side<'t>, new: Side<'t>, pairing: Pairing) -> Self {
        let tree = if old.prefix == new.prefix {
            Cow::Borrowed(old.tree)
        } else {
            Cow::Owned(moved(old.tree, old.prefix, new.prefix))
        };
        let (new, prefix) = (new.tree, new.prefix);
        Self { environment: environment.into(), old: tree, new, prefix, pairing }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let mut scopes: BTreeMap<Scope, Vec<Differing<'_>>> = BTreeMap::new();
        for file in differing(&self.old, self.new) {
            scopes.entry(self.scope(&file.path)).or_default().push(file);
        }
        let mut all = vec![];
        for (scope, files) in &scopes {
            let moved = self.moved(scope, files);
            let mut found = InScope::new(self, scope, files).changes();
            if moved.is_some() {
                // What comes or goes with an assignment needs no mention, but for the namespace.
                found.retain(|it| is_namespace_deleted(&it.what, it.site.object.as_ref()));
            }
            all.extend(moved);
            all.extend(found);
        }
        self.judge_namespaces(&mut all);
        all.sort_by(|a, b| (a.class, &a.site).cmp(&(b.class, &b.site)));
        all
    }

    fn scope(&self, path: &FilePath) -> Scope {
        let text = path.as_str();
        let below = if self.prefix.is_empty() {
            Some(text)
        } else {
            text.strip_prefix(self.prefix).and_then(|it| it.strip_prefix('/'))
        };
        let parts: Vec<&str> = below.unwrap_or_default().split('/').collect();
        let start = text.len() - below.unwrap_or_default().len();
        match parts.as_slice() {
            [cluster_type, ..] if cluster_type.starts_with('.') => Scope::of_nobody(text),
            [cluster_type, target, _, ..] => Scope {
                cluster_type: Some((*cluster_type).into()),
                target: Some((*target).into()),
                folder: text[..start + cluster_type.len() + 1 + target.len()].to_owned(),
            },
            [cluster_type, _] => Scope {
                cluster_type: Some((*cluster_type).into()),
                target: None,
                folder: text[..start + cluster_type.len()].to_owned(),
            },
            [_] | [] => Scope::of_nobody(text),
        }
    }

    /// Says that the assignment or cluster type of a scope is new or gone, if it is.
    fn moved(&self, scope: &Scope, files: &[Differing<'_>]) -> Option<Change> {
        scope.cluster_type.as_ref()?;
        let is_in = |tree: &Tree| tree.below(&scope.folder).next().is_some();
        let edit = match (is_in(&self.old), is_in(self.new)) {
            (true, false) => Edit::Deleted,
            (false, true) => Edit::Added,
            (true, true) | (false, false) => return None,
        };
        debug_assert!(files.iter().all(|it| it.edit() == edit), "{scope:?}");
        let what = match scope.target {
            Some(_) => What::Assignment(edit),
            None => What::ClusterType(edit),
        };
        let site = Site { path: scope.folder.clone(), ..self.site(scope) };
        Some(Change { class: Class::WorkloadMoved, what, site })
    }

    fn site(&self, scope: &Scope) -> Site {
        Site {
            environment: self.environment.clone(),
            cluster_type: scope.cluster_type.clone(),
            target: scope.target.clone(),
            ..Site::default()
        }
    }

    /// A namespace is deleted only if no other file of the cluster type has it.
    fn judge_namespaces(&self, all: &mut [Change]) {
        let mut kept: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for change in all {
            if !is_namespace_deleted(&change.what, change.site.object.as_ref()) {
                continue;
            }
            let name = change.site.object.as_ref().map(|it| it.name.clone()).unwrap_or_default();
            let is_kept = change.site.cluster_type.clone().is_some_and(|cluster_type| {
                let kept = kept.entry(cluster_type).or_insert_with_key(|it| self.namespaces(it));
                kept.contains(&name)
            });
            change.class = if is_kept { Class::Other } else { Class::NamespaceDeleted };
        }
    }

    /// Returns the namespaces that a cluster type has in the new tree.
    fn namespaces(&self, cluster_type: &str) -> BTreeSet<Arc<str>> {
        let folder = match self.prefix {
            "" => cluster_type.to_owned(),
            prefix => format!("{prefix}/{cluster_type}"),
        };
        let mut found = BTreeSet::new();
        for (path, blob) in self.new.below(&folder) {
            if let Content::Documents(documents) = Content::read(&path, &blob.bytes()) {
                let namespaces = documents.into_iter().map(|it| it.name).filter(is_namespace);
                found.extend(namespaces.map(|it| it.name));
            }
        }
        found
    }
}

impl Scope {
    fn of_nobody(path: &str) -> Self {
        let folder = path.rsplit_once('/').map_or("", |it| it.0).to_owned();
        Self { cluster_type: None, target: None, folder }
    }
}

/// The files of one scope that differ.
struct InScope<'c, 't> {
    comparison: &'c Comparison<'t>,
    site: Site,
    files: &'c [Differing<'c>],
    found: Vec<Change>,
    /// The files that a change is about.
    told: BTreeSet<String>,
}

impl<'c, 't> InScope<'c, 't> {
    fn new(comparison: &'c Comparison<'t>, scope: &Scope, files: &'c [Differing<'c>]) -> Self {
        let site = comparison.site(scope);
        Self { comparison, site, files, found: vec![], told: BTreeSet::new() }
    }

    fn changes(mut self) -> Vec<Change> {
        let (mut olds, mut news) = (Objects::new(), Objects::new());
        for file in self.files {
            let read = |blob: Option<&wob_engine::Blob>| {
                blob.map(|it| Content::read(&file.path, &it.bytes()))
            };
            let (before, after) = (read(file.before), read(file.after));
            self.scripts(file, before.as_ref(), after.as_ref());
            self.texts(file, before.as_ref(), after.as_ref());
            add(&mut olds, &file.path, before);
            add(&mut news, &file.path, after);
        }
        self.objects(olds, news);
        for file in self.files {
            if !self.told.contains(file.path.as_str()) {
                let site = Site { path: file.path.to_string(), ..self.site.clone() };
                let what = What::Noise(file.edit());
                self.found.push(Change { class: Class::Noise, what, site });
            }
        }
        self.found
    }

    /// Compares the variables of scripts.
    fn scripts(&mut self, file: &Differing<'_>, before: Option<&Content>, after: Option<&Content>) {
        let empty = BTreeMap::new();
        let variables = |content: Option<&'_ Content>| match content {
            Some(Content::Variables(it)) => it.clone(),
            Some(Content::Documents(_) | Content::Text(_) | Content::Bytes) | None => empty.clone(),
        };
        let (a, b) = (variables(before), variables(after));
        let keys: BTreeSet<&Arc<str>> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let (a, b) = (a.get(key), b.get(key));
            if a.map(|it| &it.0) == b.map(|it| &it.0) {
                continue;
            }
            let value = |it: &(Arc<str>, u32)| wob_engine::Value::String(it.0.clone());
            let at = |it: &(Arc<str>, u32)| Position {
                path: file.path.to_string(),
                at: Spot::Line(it.1),
            };
            let path: FieldPath = [FieldStep::Key(key.clone())].into_iter().collect();
            let what = What::Field { path, before: a.map(value), after: b.map(value) };
            self.push(Class::ConfigValue, what, None, (a.map(at), b.map(at)));
        }
    }

    /// Compares what has no structure.
    fn texts(&mut self, file: &Differing<'_>, before: Option<&Content>, after: Option<&Content>) {
        let text = |content: Option<&Content>| match content {
            Some(Content::Text(text)) => Some(text.clone()),
            Some(Content::Documents(_) | Content::Variables(_) | Content::Bytes) | None => None,
        };
        let (a, b) = (text(before), text(after));
        let line =
            first_other_line(a.as_deref().unwrap_or_default(), b.as_deref().unwrap_or_default());
        let at = || Some(Position { path: file.path.to_string(), at: Spot::Line(line) });
        if a.is_some() || b.is_some() {
            let class = of_text(&file.path);
            let (before, after) = (a.as_ref().and_then(|_| at()), b.as_ref().and_then(|_| at()));
            self.push(class, What::Text { before: a, after: b }, None, (before, after));
        }
        let is_bytes = |it: Option<&Content>| matches!(it, Some(Content::Bytes));
        if is_bytes(before) || is_bytes(after) {
            let what = What::Bytes(file.edit());
            let (before, after) = (file.before.and_then(|_| at()), file.after.and_then(|_| at()));
            self.push(Class::Other, what, None, (before, after));
        }
    }

    fn objects(&mut self, mut olds: Objects, mut news: Objects) {
        let common: Vec<_> = olds.keys().filter(|it| news.contains_key(*it)).cloned().collect();
        for key in common {
            if let (Some(old), Some(new)) = (olds.remove(&key), news.remove(&key)) {
                self.both(&old, &new);
            }
        }
        if self.comparison.pairing == Pairing::Kind {
            for (old, new) in alone_of_their_kind(&mut olds, &mut news) {
                self.both(&old, &new);
            }
        }
        for (found, edit) in olds
            .into_values()
            .map(|it| (it, Edit::Deleted))
            .chain(news.into_values().map(|it| (it, Edit::Added)))
        {
            let at = Some(found.at(vec![]));
            let (before, after) = if edit == Edit::Deleted { (at, None) } else { (None, at) };
            let class = class::of_object(&found.document.name);
            let what = What::Object(edit);
            self.push(class, what, Some(found.document.name), (before, after));
        }
    }

    /// Compares an object that both sides have.
    fn both(&mut self, old: &Found, new: &Found) {
        let name = &new.document.name;
        for it in field_changes(name, &old.document.value, &new.document.value) {
            let class = class::of_field(name, &it.path);
            let (before, value_before) = it.before.map(|(way, it)| (old.at(way), it)).unzip();
            let (after, value_after) = it.after.map(|(way, it)| (new.at(way), it)).unzip();
            let what = What::Field { path: it.path, before: value_before, after: value_after };
            self.push(class, what, Some(name.clone()), (before, after));
        }
    }

    fn push(
        &mut self,
        class: Class,
        what: What,
        object: Option<ObjectName>,
        (before, after): (Option<Position>, Option<Position>),
    ) {
        let path = after.as_ref().or(before.as_ref()).map(|it| it.path.clone()).unwrap_or_default();
        self.told.extend([&before, &after].into_iter().flatten().map(|it| it.path.clone()));
        let site = Site { path, object, before, after, ..self.site.clone() };
        self.found.push(Change { class, what, site });
    }
}

impl Found {
    fn at(&self, path: Vec<wob_engine::Step>) -> Position {
        Position {
            path: self.path.clone(),
            at: Spot::Node { document: self.document.number, path },
        }
    }
}

fn add(objects: &mut Objects, path: &FilePath, content: Option<Content>) {
    let Some(Content::Documents(documents)) = content else { return };
    for mut document in documents {
        if document.name.kind.is_empty() {
            // What has no kind is known by its file.
            document.name.name = path.as_str().into();
        }
        let mut key = (document.name.clone(), 0);
        while objects.contains_key(&key) {
            key.1 += 1;
        }
        objects.insert(key, Found { path: path.to_string(), document });
    }
}

/// Takes out of both the objects that are the only ones of their kind in a file, in pairs.
fn alone_of_their_kind(olds: &mut Objects, news: &mut Objects) -> Vec<(Found, Found)> {
    let kind = |(key, it): (&(ObjectName, usize), &Found)| {
        ((it.path.clone(), key.0.api_version.clone(), key.0.kind.clone()), key.clone())
    };
    let alone = |objects: &Objects| {
        let mut alone = BTreeMap::new();
        for (kind, key) in objects.iter().map(kind) {
            alone.entry(kind).or_insert_with(Vec::new).push(key);
        }
        alone.retain(|_, keys| keys.len() == 1);
        alone
    };
    let (a, b) = (alone(olds), alone(news));
    let mut pairs = vec![];
    for (kind, old) in a {
        let Some(new) = b.get(&kind) else { continue };
        if let (Some(old), Some(new)) = (olds.remove(&old[0]), news.remove(&new[0])) {
            pairs.push((old, new));
        }
    }
    pairs
}

fn of_text(path: &FilePath) -> Class {
    let name = path.file_name();
    if path.as_str() == crate::built::PROMOTED_COMMIT {
        Class::ReconcilerSource
    } else if name.rsplit_once('.').is_some_and(|it| matches!(it.1, "sh" | "env")) {
        Class::ConfigValue
    } else {
        Class::Other
    }
}

/// Returns the number of the first line that is not the same, from 1.
fn first_other_line(a: &str, b: &str) -> u32 {
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    u32::try_from(same + 1).unwrap_or(u32::MAX)
}

fn is_namespace(object: &ObjectName) -> bool {
    &*object.api_version == "v1" && &*object.kind == "Namespace"
}

fn is_namespace_deleted(what: &What, object: Option<&ObjectName>) -> bool {
    *what == What::Object(Edit::Deleted) && object.is_some_and(is_namespace)
}

/// Returns a tree whose cluster types lie below `to` instead of `from`.
fn moved(tree: &Tree, from: &str, to: &str) -> Tree {
    let path = |path: &FilePath| {
        let text = path.as_str();
        let below = if from.is_empty() {
            Some(text).filter(|it| !it.starts_with('.'))
        } else {
            text.strip_prefix(from).and_then(|it| it.strip_prefix('/'))
        };
        let moved =
            below.map(|it| if to.is_empty() { it.to_owned() } else { format!("{to}/{it}") });
        moved.and_then(|it| FilePath::new(&it).ok()).unwrap_or_else(|| path.clone())
    };
    tree.files().map(|(it, blob)| (path(&it), blob.clone())).collect()
}
