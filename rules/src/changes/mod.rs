//! What differs between two trees, as a cluster sees it: by object and field, in the order of how much it matters.
//!
//! **Invariant:** nothing differs if and only if no change is found, and every file whose bytes differ is in one. Files with
//! equal digests are never looked into.

mod affected;
mod class;
mod collapse;
mod content;
mod fields;
mod lists;
mod path;
mod scope;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;
use wob_engine::{Blob, FilePath, RECORD_PATH, Step, Tree, Value};

pub use self::{
    affected::{Affected, affected},
    class::Class,
    collapse::{Group, collapse},
    path::{FieldPath, FieldStep},
};

/// A tree of one environment that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'t> {
    /// Its files.
    pub tree: &'t Tree,
    /// Where the cluster types' folders lie in it; empty for the root.
    pub prefix: &'t str,
}

/// Which objects of the two trees are taken for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pairing {
    /// Those with the same `apiVersion`, kind, namespace and name, as clusters do.
    #[default]
    Identity,
    /// Those too that are alone of their kind in a file: in two environments, names differ.
    Kind,
}

/// Whether something is new, other or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edit {
    /// Only the new tree has it.
    Added,
    /// Both have it, and it is not the same.
    Changed,
    /// Only the old tree has it.
    Deleted,
}

/// One thing that differs in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// How much it matters.
    pub class: Class,
    /// What differs.
    pub what: What,
    /// Where.
    pub site: Site,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A cluster type has files, or has none any more.
    ClusterType(Edit),
    /// A deployment target runs on a cluster type, or no longer does; its objects come or go with it.
    Assignment(Edit),
    /// An object as a whole.
    Object(Edit),
    /// A field of an object, or a variable of a shell script.
    Field {
        /// The field.
        path: FieldPath,
        /// What the old tree has there.
        before: Option<Value>,
        /// What the new tree has there.
        after: Option<Value>,
    },
    /// A file that holds neither objects nor variables.
    Text {
        /// What the old tree has; none if there is no such file.
        before: Option<Arc<str>>,
        /// What the new tree has.
        after: Option<Arc<str>>,
    },
    /// A file that is no text.
    Bytes(Edit),
    /// Bytes that mean nothing to a cluster: comments, order, white space.
    Noise(Edit),
}

/// Where something differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The environment.
    pub environment: Arc<str>,
    /// The cluster type in whose folder it is.
    pub cluster_type: Option<Arc<str>>,
    /// The deployment target in whose folder it is.
    pub target: Option<Arc<str>>,
    /// The file in the old or new tree; the folder of a cluster type or assignment.
    pub path: String,
    /// The object.
    pub object: Option<ObjectName>,
    /// Where it is in the old tree's file.
    pub before: Option<Position>,
    /// Where it is in the new tree's file.
    pub after: Option<Position>,
}

/// What names an object in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// The `apiVersion`; empty if it has none.
    pub api_version: Arc<str>,
    /// The kind; empty if it has none.
    pub kind: Arc<str>,
    /// The namespace; empty if it has none.
    pub namespace: Arc<str>,
    /// The name; empty if it has none.
    pub name: Arc<str>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The file's path in its tree.
    pub path: String,
    /// Where in it.
    pub at: Spot,
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// A node of a document, counted from 0 without those that are empty.
    Node {
        /// The document.
        document: usize,
        /// The way from its root.
        path: Vec<Step>,
    },
    /// A line, from 1.
    Line(u32),
}

impl Site {
    /// Returns the label of the assignment, of the cluster type, or of the environment if neither is concerned.
    pub fn label(&self) -> String {
        match (&self.cluster_type, &self.target) {
            (Some(cluster_type), Some(target)) => {
                format!("//env/{}/{cluster_type}:{target}", self.environment)
            }
            (Some(cluster_type), None) => format!("//env/{}/{cluster_type}:all", self.environment),
            (None, _) => format!("//env:{}", self.environment),
        }
    }

    /// Returns the name of the file.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// A file of two trees whose bytes differ.
#[derive(Clone, Debug)]
pub struct Differing<'t> {
    /// The path.
    pub path: FilePath,
    /// What the old tree has.
    pub before: Option<&'t Blob>,
    /// What the new tree has.
    pub after: Option<&'t Blob>,
}

impl Differing<'_> {
    /// Says how it differs.
    pub fn edit(&self) -> Edit {
        match (self.before, self.after) {
            (None, _) => Edit::Added,
            (Some(_), None) => Edit::Deleted,
            (Some(_), Some(_)) => Edit::Changed,
        }
    }
}

/// Lists the files of two trees that differ, by their digests and in the order of their paths; wob's own record is none.
pub fn differing<'t>(old: &'t Tree, new: &'t Tree) -> Vec<Differing<'t>> {
    let all = new.changes_since(old).into_iter();
    let differing = all.map(|(path, before, after)| Differing { path, before, after });
    differing.filter(|it| it.path.as_str() != RECORD_PATH).collect()
}

/// Lists everything that differs between two trees of `environment`, the most important first.
pub fn changes(environment: &str, old: Side<'_>, new: Side<'_>, pairing: Pairing) -> Vec<Change> {
    scope::Comparison::new(environment, old, new, pairing).changes()
}
