//! `.wob/tree.json`: what a tree holds and what it was made from.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use wob_engine::{Digest, Origin, Tree};

use crate::{Name, Profile, built::Built, schedule::SchedulerRecord};

/// The path of the record in an output tree.
pub const RECORD_PATH: &str = ".wob/tree.json";

/// The version of the record's shape that is written and read.
const VERSION: u32 = 1;

/// What a tree holds and what it was made from. Printed as JSON with sorted keys, it is the tree's own record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// One source of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// What it is for.
    pub role: SourceRole,
    /// The BaseRepo, the environment or the registration; of settings and a program the file, of schemas the folder.
    pub name: String,
    /// The repository, folder or program.
    pub url: String,
    /// The branch, tag or revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The git id of the tree that was read; of settings and a program, none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// BLAKE3 of the file; of settings only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Whether it may not be published.
    pub dirty: bool,
}

/// What a source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceRole {
    /// What all environments share.
    Base,
    /// What is said of the environment.
    ControlPlane,
    /// A workload.
    Workload,
    /// The workspace's `wob.yaml`.
    Settings,
    /// A folder with schemas that rendered files were checked against.
    Schemas,
    /// The file of the program that schedules.
    Scheduler,
}

impl SourceRole {
    /// Returns the name that records have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::ControlPlane => "controlPlane",
            Self::Workload => "workload",
            Self::Settings => "settings",
            Self::Schemas => "schemas",
            Self::Scheduler => "scheduler",
        }
    }
}

impl fmt::Display for SourceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SourceRecord {
    /// Notes `origin` under its role and name.
    pub fn new(role: SourceRole, name: &str, origin: &Origin) -> Self {
        Self {
            role,
            name: name.to_owned(),
            url: origin.url.clone(),
            reference: origin.reference.clone(),
            commit: origin.commit.clone(),
            tree: origin.tree.clone(),
            digest: None,
            dirty: origin.dirty,
        }
    }
}

/// Why a text is not a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Another wob wrote it, in a shape that this one does not know.
    Foreign {
        /// The version of that wob.
        wob: String,
    },
    /// It is damaged, or was edited.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
}

impl Record {
    /// Records `tree`, which is `built`'s with the kept files of failed assignments.
    pub fn new(built: &Built, tree: &Tree, profile: Profile, sources: Vec<SourceRecord>) -> Self {
        let assignment = |it: &crate::built::BuiltAssignment| AssignmentRecord {
            cluster_type: it.assignment.cluster_type.clone(),
            target: it.assignment.target.clone(),
            policies: it.assignment.policies.to_vec(),
            inputs: it.inputs,
            failed: it.failed,
        };
        let (root, git_tree) = rayon::join(|| tree.root(), || tree.git_id());
        Self {
            version: VERSION,
            wob: Self::own_version().to_owned(),
            environment: built.environment.clone(),
            profile,
            root,
            git_tree: git_tree.to_string(),
            dirty: sources.iter().any(|it| it.dirty),
            scheduler: built.scheduler.clone(),
            files: tree.files().map(|(path, blob)| (path.to_string(), blob.digest())).collect(),
            assignments: built.assignments.iter().map(assignment).collect(),
            sources,
        }
    }

    /// Returns the version of wob that records name now.
    pub fn own_version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Reads the text of a record.
    ///
    /// # Errors
    /// If it is none, or one of a shape that is not known here.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        /// What every shape has.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
            wob: String,
        }
        let damaged = |error: &serde_json::Error| RecordError::Damaged { reason: shown(error) };
        let head: Head = serde_json::from_str(text).map_err(|it| damaged(&it))?;
        let foreign = head.version != VERSION || head.wob != Self::own_version();
        match serde_json::from_str(text) {
            Ok(record) if head.version == VERSION => Ok(record),
            Ok(_) | Err(_) if foreign => Err(RecordError::Foreign { wob: head.wob }),
            Ok(record) => Ok(record),
            Err(error) => Err(damaged(&error)),
        }
    }

    /// Prints the record: pretty JSON with a final newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("because a record is plain data");
        text.push('\n');
        text
    }
}

/// Returns an error of the JSON parser without what it quotes, which whoever edited the record wrote.
fn shown(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "cannot be read",
        serde_json::error::Category::Syntax => "is not JSON",
        serde_json::error::Category::Data => "does not hold what a record holds",
        serde_json::error::Category::Eof => "ends too early",
    };
    format!("it {what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let origin = Origin { url: "base".to_owned(), ..Origin::default() };
        Record {
            version: VERSION,
            wob: Record::own_version().to_owned(),
            environment: "dev".to_owned(),
            profile: Profile::Standard,
            root: Digest::of(b"root"),
            git_tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned(),
            dirty: false,
            scheduler: None,
            files: BTreeMap::from([("a".to_owned(), Digest::of(b"a"))]),
            assignments: vec![],
            sources: vec![SourceRecord::new(SourceRole::Base, "base", &origin)],
        }
    }

    #[test]
    fn a_record_reads_back() {
        assert_eq!(Record::parse(&record().to_json()), Ok(record()));
        let older = record().to_json().replace(Record::own_version(), "0.0.1");
        assert_eq!(Record::parse(&older).map(|it| it.wob).as_deref(), Ok("0.0.1"));
    }

    #[test]
    fn damage_and_other_shapes_are_told_apart() {
        let text = record().to_json();
        let of = |text: &str| Record::parse(text).unwrap_err();
        for damaged in [&text[..40], "[]", "{}", &text.replace("\"files\"", "\"file\"")] {
            assert!(matches!(of(damaged), RecordError::Damaged { .. }), "{damaged}");
        }
        let other = text.replace("\"version\": 1", "\"version\": 9");
        assert_eq!(of(&other), RecordError::Foreign { wob: Record::own_version().to_owned() });
        let other = text.replace(Record::own_version(), "9.0.0").replace("\"base\"", "\"new\"");
        assert_eq!(of(&other), RecordError::Foreign { wob: "9.0.0".to_owned() });
    }
}
