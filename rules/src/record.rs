//! `.wob/tree.json`: what a tree holds and what it was made from.

use std::collections::BTreeMap;

use wob_engine::{Digest, Origin, Tree};

use crate::{Name, Profile, built::Built, schedule::SchedulerRecord};

/// The path of the record in an output tree.
pub const RECORD_PATH: &str = ".wob/tree.json";

/// What a tree holds and what it was made from. Printed as JSON with sorted keys, it is the tree's own record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The version of this record's shape.
    pub version: u32,
    /// The version of wob.
    pub wob: String,
    /// The environment.
    pub environment: String,
    /// The conventions of the output.
    pub profile: Profile,
    /// The BLAKE3 Merkle root of all files but this record.
    pub root: Digest,
    /// The id that git gives a tree of all files but this record.
    pub git_tree: String,
    /// Whether a source had uncommitted edits or was overridden.
    pub dirty: bool,
    /// What decided which assignments there are; absent if the workspace names no scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<SchedulerRecord>,
    /// BLAKE3 of every file but this record, by path.
    pub files: BTreeMap<String, Digest>,
    /// The assignments.
    pub assignments: Vec<AssignmentRecord>,
    /// The sources.
    pub sources: Vec<SourceRecord>,
}

/// One assignment of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRecord {
    /// The cluster type.
    pub cluster_type: Name,
    /// The target's full name.
    pub target: Name,
    /// The policies that made it.
    pub policies: Vec<Name>,
    /// The digest of everything that its files depend on; none if it failed and its last good output stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Digest>,
    /// Whether it failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// One source of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// `base`, `controlPlane`, `workload` or `scheduler`.
    pub role: &'static str,
    /// The BaseRepo, the environment, the registration or the program's file.
    pub name: String,
    /// The repository, folder or program.
    pub url: String,
    /// The branch, tag or revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The git id of the tree that was read; absent for a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Whether it may not be published.
    pub dirty: bool,
}

impl SourceRecord {
    /// Notes `origin` under its role and name.
    pub fn new(role: &'static str, name: &str, origin: &Origin) -> Self {
        Self {
            role,
            name: name.to_owned(),
            url: origin.url.clone(),
            reference: origin.reference.clone(),
            commit: origin.commit.clone(),
            tree: origin.tree.clone(),
            dirty: origin.dirty,
        }
    }
}

impl Record {
    /// Records `tree`, which is `built`'s with the kept files of failed assignments.
    pub fn new(built: &Built, tree: &Tree, profile: Profile, sources: Vec<SourceRecord>) -> Self {
        let assignment = |it: &crate::built::BuiltAssignment| AssignmentRecord {
            cluster_type: it.assignment.cluster_type.clone(),
            target: it.assignment.target.clone(),
            policies: it.assignment.policies.clone(),
            inputs: it.inputs,
            failed: it.failed,
        };
        Self {
            version: 1,
            wob: env!("CARGO_PKG_VERSION").to_owned(),
            environment: built.environment.clone(),
            profile,
            root: tree.root(),
            git_tree: tree.git_id().to_string(),
            dirty: sources.iter().any(|it| it.dirty),
            scheduler: built.scheduler.clone(),
            files: tree.files().map(|(path, blob)| (path.to_string(), blob.digest())).collect(),
            assignments: built.assignments.iter().map(assignment).collect(),
            sources,
        }
    }

    /// Prints the record: pretty JSON with a final newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("because a record is plain data");
        text.push('\n');
        text
    }
}
