//! What a build gives: the tree of an environment, what failed, and every diagnostic.

use std::sync::Arc;

use rayon::prelude::*;
use wob_engine::{Blob, Database, Diagnostic, Digest, FilePath, Place, Tree};

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
        let (mut tree, shared) = rayon::join(
            || tree_of(&prefix, all),
            move || {
                let made_from = all.iter().map(|it| (&it.assignment, it.made_from.as_ref()));
                shared_diagnostics(&other, environment, made_from)
            },
        );
        if model.damage.doubt < Doubt::Destination {
            add_readmes(&mut tree, &prefix, model);
        }
        if let Some(commit) = promoted_commit(db, environment) {
            let path = FilePath::new(PROMOTED_COMMIT).expect("because it is well-formed");
            tree.insert(path, Blob::new(commit.into_bytes()));
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
            tree: tree_of(&prefix, &assignments),
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
    /// A folder whose name leaves no room for its record's has none.
    pub fn part_of<'p>(&self, path: &'p FilePath) -> Option<&'p str> {
        let text = path.as_str();
        let start = match self.prefix.len() {
            0 => 0,
            length => text.strip_prefix(&self.prefix)?.starts_with('/').then_some(length + 1)?,
        };
        let length = text[start..].find('/').filter(|it| *it <= LONGEST_PART)?;
        // Names of cluster types begin with a letter or a digit.
        (!text[start..].starts_with('.')).then_some(&text[..start + length])
    }

    /// Returns the number of assignments that failed.
    pub fn failed(&self) -> usize {
        self.assignments.iter().filter(|it| it.failed).count()
    }
}

/// Joins the parts of a path, but for those that are empty.
fn joined(parts: &[&str], path: &mut String) -> FilePath {
    path.clear();
    for part in parts.iter().filter(|it| !it.is_empty()) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    FilePath::new(path).expect("because names and prefixes were checked when they were decoded")
}

/// Returns the files of all assignments, by their paths in the tree.
fn tree_of(prefix: &str, assignments: &[BuiltAssignment]) -> Tree {
    /// How many assignments one thread takes at a time.
    const SHARE: usize = 512;
    let of_some = |some: &[BuiltAssignment]| {
        let mut files = Vec::with_capacity(some.iter().map(|it| it.files.iter().len()).sum());
        let mut path = String::new();
        for built in some {
            let Assignment { cluster_type, target, .. } = &built.assignment;
            for (name, blob) in built.files.iter() {
                let parts = [prefix, cluster_type.as_str(), target.as_str(), name];
                files.push((joined(&parts, &mut path), blob.clone()));
            }
        }
        files
    };
    if assignments.len() <= SHARE {
        // No thread is needed, nor started if there is none yet.
        return of_some(assignments).into_iter().collect();
    }
    let files: Vec<Vec<(FilePath, Blob)>> =
        assignments.par_chunks(SHARE).with_max_len(1).map(of_some).collect();
    files.into_iter().flatten().collect()
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
    has_record.then(|| joined(&[prefix, cluster_type], &mut String::new()))
}

/// Every cluster type has a folder, scheduled on or not.
fn add_readmes(tree: &mut Tree, prefix: &str, model: &Model) {
    let (name, blob) = readme();
    for cluster_type in model.cluster_types.keys() {
        let parts = [prefix, cluster_type.as_str(), name];
        tree.insert(joined(&parts, &mut String::new()), blob.clone());
    }
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
