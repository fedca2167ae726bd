//! What a build gives: the tree of an environment, what failed, and every diagnostic.

use std::sync::Arc;

use wob_engine::{Blob, Database, Diagnostic, Digest, FilePath, Folder, Node, Place, Tree};

use crate::{
    Files, Inputs, KnownFiles, Settings,
    known::Kept,
    model::{Doubt, Model},
    problems::problems,
    queries::{BaseSource, EnvironmentInput, environment_model, scheduled, shared_diagnostics},
    schedule::{self, Assignment, SchedulerRecord},
};

/// The text of every `<clusterType>/README.md` (design rule 3.4); it has no newline at its end.
const README: &str = "This folder contains deployment targets scheduled on the cluster type";

/// The longest name of a folder that has a record of its own: the name of that, with `.json`, must fit into the 255 bytes of a file's.
const LONGEST_PART: usize = 250;

/// Where the promoted commit is noted (design rule 3.8).
pub const PROMOTED_COMMIT: &str = ".github/tracking/Promoted_Commit_Id";

/// One assignment of a [`Built`] environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltAssignment {
    /// The pair, and the policies that made it.
    pub assignment: Assignment,
    /// Its namespace; `None` if its inputs could not be put together.
    pub namespace: Option<Arc<str>>,
    /// The digest of its inputs; `None` if they could not be put together.
    pub inputs: Option<Digest>,
    /// The inputs themselves.
    pub made_from: Option<Arc<Inputs>>,
    /// Its files by name; none if it failed.
    pub files: Files,
    /// Whether it could not be built: its last good output stays.
    pub failed: bool,
    /// When its files were rendered.
    pub made: Made,
    /// What there is to know of them, if they may be used again for the same inputs.
    pub kept: Option<Kept>,
    /// Its own problems.
    pub diagnostics: Vec<Diagnostic>,
}

impl BuiltAssignment {
    /// Returns one that failed because of what was `said` when its inputs were put together.
    pub(crate) fn without_inputs(assignment: Assignment, said: Vec<Diagnostic>) -> Self {
        Self {
            assignment,
            namespace: None,
            inputs: None,
            made_from: None,
            files: Files::default(),
            failed: true,
            made: Made::Nothing,
            kept: None,
            diagnostics: said,
        }
    }

    /// Returns what a later build needs so as not to render it; `None` if it must.
    pub fn known(&self) -> Option<KnownFiles> {
        self.kept.clone().map(|it| KnownFiles::of_files(&self.files, it))
    }
}

/// When the files of an assignment were rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// In this build.
    Now,
    /// Before it: the build was told what came out then.
    Before,
    /// Never: it could not be built.
    Nothing,
}

/// A built environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The environment's name.
    pub environment: String,
    /// The files, by their paths in the GitOps repository; without `.wob/tree.json` and without failed assignments.
    pub tree: Tree,
    /// Where the cluster types' folders lie in the GitOps repository; empty for the root.
    pub prefix: String,
    /// The assignments, sorted by cluster type, then target.
    pub assignments: Vec<BuiltAssignment>,
    /// Whether it is not fully known what is scheduled: then nothing of an earlier output may be deleted.
    pub unsure: bool,
    /// What decided which assignments there are; `None` if no scheduler is named.
    pub scheduler: Option<SchedulerRecord>,
    /// The problems that belong to no single assignment.
    pub(crate) shared: Vec<Diagnostic>,
    /// Every problem: errors first, then by place; each once.
    pub diagnostics: Vec<Diagnostic>,
}

impl Built {
    /// Joins the assignments of `environment` into its tree.
    pub(crate) fn join(
        db: &Database,
        environment: EnvironmentInput,
        mut assignments: Vec<BuiltAssignment>,
    ) -> Self {
        let model = environment_model(db, environment);
        refuse_shared_namespaces(&mut assignments, model, environment.settings(db));
        let prefix = model.gitops_path().to_owned();
        let (other, all) = (db.clone(), &assignments);
        let readme = (model.damage.doubt < Doubt::Destination).then(readme);
        let (mut tree, shared) = rayon::join(
            || tree_of(&prefix, all, readme.as_ref()),
            move || {
                let made_from = all.iter().map(|it| (&it.assignment, it.made_from.as_ref()));
                shared_diagnostics(&other, environment, made_from)
            },
        );
        if let Some((name, blob)) = readme {
            // Every cluster type has a folder, scheduled on or not.
            for cluster_type in model.cluster_types.keys() {
                let folder = joined(&[&prefix, cluster_type.as_str()]);
                if tree.folder_at(folder.as_str()).is_none() {
                    tree.insert(&joined(&[folder.as_str(), name]), blob.clone());
                }
            }
        }
        if let Some(commit) = promoted_commit(db, environment) {
            let path = FilePath::new(PROMOTED_COMMIT).expect("because it is well-formed");
            tree.insert(&path, Blob::new(commit.into_bytes()));
        }
        let doubt = model.damage.doubt.max(scheduled(db, environment).doubt);
        let mut built = Self {
            environment: environment.name(db).clone(),
            tree,
            prefix,
            assignments,
            unsure: doubt >= Doubt::Scheduling,
            scheduler: schedule::record(environment.scheduling(db)),
            shared,
            diagnostics: vec![],
        };
        built.diagnostics = problems([&built]);
        built
    }

    /// Returns some `assignments` of an environment, of which nothing is to be said, with their files alone.
    pub fn of_some(
        db: &dyn salsa::Database,
        environment: EnvironmentInput,
        assignments: Vec<BuiltAssignment>,
    ) -> Self {
        let prefix = environment_model(db, environment).gitops_path().to_owned();
        Self {
            environment: environment.name(db).clone(),
            tree: tree_of(&prefix, &assignments, None),
            prefix,
            assignments,
            unsure: false,
            scheduler: schedule::record(environment.scheduling(db)),
            shared: vec![],
            diagnostics: vec![],
        }
    }

    /// Says whether the file at `path` of an earlier output stays although this build did not make it.
    pub fn keeps(&self, path: &FilePath) -> bool {
        if self.tree.get(path).is_some() {
            return false;
        }
        let Some((cluster_type, target)) = self.assignment_of(path) else { return self.unsure };
        let key = |it: &BuiltAssignment| {
            let Assignment { cluster_type: own, target: its, .. } = &it.assignment;
            (own.as_str(), its.as_str()).cmp(&(cluster_type, target))
        };
        match self.assignments.binary_search_by(key) {
            Ok(index) => self.assignments[index].failed,
            Err(_) => self.unsure,
        }
    }

    /// Returns the cluster type and target in whose folder `path` lies, whether there is such an assignment or not.
    pub fn assignment_of<'p>(&self, path: &'p FilePath) -> Option<(&'p str, &'p str)> {
        let below = if self.prefix.is_empty() {
            path.as_str()
        } else {
            path.as_str().strip_prefix(&self.prefix)?.strip_prefix('/')?
        };
        let mut parts = below.split('/');
        let (cluster_type, target) = (parts.next()?, parts.next()?);
        parts.next().map(|_| (cluster_type, target))
    }

    /// Returns the folder of the cluster type in which `path` lies, which has a record of its own; none for what concerns all.
    pub fn part_of<'p>(&self, path: &'p FilePath) -> Option<&'p str> {
        let text = path.as_str();
        let mut above = text.match_indices('/').map(|(end, _)| &text[..end]);
        above.find(|it| self.is_part(it))
    }

    /// Says whether a cluster type's files lie in `folder`, and it has a record of its own: if its name leaves no room for that of the
    /// record, it has none.
    pub fn is_part(&self, folder: &str) -> bool {
        let name = match &*self.prefix {
            "" => Some(folder),
            prefix => folder.strip_prefix(prefix).and_then(|it| it.strip_prefix('/')),
        };
        // Names of cluster types begin with a letter or a digit.
        name.is_some_and(|it| !it.starts_with('.') && !it.contains('/') && it.len() <= LONGEST_PART)
    }

    /// Returns the number of assignments that failed.
    pub fn failed(&self) -> usize {
        self.assignments.iter().filter(|it| it.failed).count()
    }
}

/// Joins the parts of a path, but for those that are empty.
fn joined(parts: &[&str]) -> FilePath {
    let parts: Vec<&str> = parts.iter().copied().filter(|it| !it.is_empty()).collect();
    let path = FilePath::new(&parts.join("/"));
    path.expect("because names and prefixes were checked when they were decoded")
}

/// Returns the tree of some assignments, which are sorted by cluster type: each one's files are a folder of it. The folders of cluster types
/// have `readme`, too.
fn tree_of(
    prefix: &str,
    assignments: &[BuiltAssignment],
    readme: Option<&(&'static str, Blob)>,
) -> Tree {
    let mut tree = Tree::default();
    let is_same = |a: &BuiltAssignment, b: &BuiltAssignment| {
        a.assignment.cluster_type == b.assignment.cluster_type
    };
    for own in assignments.chunk_by(is_same) {
        let target = |it: &BuiltAssignment| {
            let folder = Node::Folder(it.files.folder().clone());
            (it.assignment.target.shared().clone(), folder)
        };
        let readme = readme.map(|(name, blob)| ((*name).into(), Node::File(blob.clone())));
        let folder = Folder::new(own.iter().map(target).chain(readme).collect());
        let on = own[0].assignment.cluster_type.as_str();
        tree.insert_folder(&joined(&[prefix, on]), Arc::new(folder));
    }
    tree
}

/// Returns the name and the contents of the file that every cluster type's folder has.
pub fn readme() -> (&'static str, Blob) {
    ("README.md", Blob::new(README.as_bytes()))
}

/// Returns the folder of a cluster type, if it has a record of its own; see [`Built::part_of`].
pub fn part_folder(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    cluster_type: &str,
) -> Option<FilePath> {
    let prefix = environment_model(db, environment).gitops_path();
    let has_record = cluster_type.len() <= LONGEST_PART;
    has_record.then(|| joined(&[prefix, cluster_type]))
}

/// Returns the commit of the BaseRepo named `main`: the one it pins, else the one that was read, if that was clean.
pub fn promoted_commit(db: &dyn salsa::Database, environment: EnvironmentInput) -> Option<String> {
    let model = environment_model(db, environment);
    let base_repo = model.base_repo()?;
    // What is read may be pinned to another commit than the BaseRepo says.
    let is_main =
        |it: &&BaseSource| it.repository.as_ref().is_some_and(|it| it.meta == base_repo.meta);
    let base = environment.bases(db).iter().find(is_main);
    let read = base.and_then(|it| it.repository.as_ref()).unwrap_or(base_repo);
    if let Some(commit) = &read.reference.commit {
        return Some(commit.clone());
    }
    let origin = base?.source.as_ref().ok()?.origin(db);
    if origin.dirty { None } else { origin.commit.clone() }
}

/// Two targets in one namespace of one cluster type would overwrite each other (design rules 1.12 and 6.2, replaced).
///
/// A pattern that leaves the target out shares namespaces on purpose.
fn refuse_shared_namespaces(
    assignments: &mut [BuiltAssignment],
    model: &Model,
    settings: &Settings,
) {
    if !settings.namespace_pattern.names_the_target() {
        return;
    }
    for (namespace, members) in shared_namespaces(assignments) {
        let places: Vec<Place> = members
            .iter()
            .map(|it| model.targets[&assignments[*it].assignment.target].place.clone())
            .collect();
        let message =
            format!("{} deployment targets share the namespace `{namespace}`", members.len());
        let diagnostic = Diagnostic::error("shared-namespace", message)
            .help("rename a target or a workspace, or set another `namespacePattern` in wob.yaml");
        let diagnostic =
            places.into_iter().fold(diagnostic, |it, place| it.at(place, "one of them"));
        for index in members {
            let built = &mut assignments[index];
            built.failed = true;
            built.made = Made::Nothing;
            built.kept = None;
            built.files = Files::default();
            built.diagnostics.push(diagnostic.clone());
        }
    }
}

/// Returns each namespace that several assignments of one cluster type have, with their indices.
///
/// `assignments` are sorted by cluster type.
fn shared_namespaces(assignments: &[BuiltAssignment]) -> Vec<(Arc<str>, Vec<usize>)> {
    let mut shared = vec![];
    let indexed: Vec<(usize, &BuiltAssignment)> = assignments.iter().enumerate().collect();
    let same = |a: &(usize, &BuiltAssignment), b: &(usize, &BuiltAssignment)| {
        a.1.assignment.cluster_type == b.1.assignment.cluster_type
    };
    for own in indexed.chunk_by(same) {
        let namespace = |(index, it): &(usize, &'_ BuiltAssignment)| {
            it.namespace.clone().map(|namespace| (namespace, *index))
        };
        let mut namespaces: Vec<(Arc<str>, usize)> = own.iter().filter_map(namespace).collect();
        namespaces.sort_unstable();
        for group in namespaces.chunk_by(|a, b| a.0 == b.0).filter(|it| it.len() > 1) {
            shared.push((group[0].0.clone(), group.iter().map(|(_, index)| *index).collect()));
        }
    }
    shared
}
