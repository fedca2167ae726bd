//! `.wob/tree.json` and the records of its parts: what a tree holds and what it was made from.
//!
//! A part is the folder of a cluster type. What it holds has a file of its own, so that a change in one rewrites little, and
//! the head names that file by its digest.

mod amending;
mod text;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use wob_engine::{Blob, Digest, FilePath, Folder, FolderIds, Node, Origin, Tree};

pub use self::{
    amending::PartText,
    text::{Head, Part, PartAssignment, PartEntry},
};
use crate::{Name, Profile, built::Built, schedule::SchedulerRecord};

/// The version of the record's shape that is written and read.
const VERSION: u32 = 2;

/// What a tree holds and what it was made from: one that is there, as it was read, or a [`Tree`] that was built just now, which
/// [`Record::texts`] writes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<F = BTreeMap<String, Digest>> {
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
    pub scheduler: Option<SchedulerRecord>,
    /// Every file but this record, by path: BLAKE3 of it where it was read.
    pub files: F,
    /// The folders that have a record of their own.
    pub parts: BTreeMap<FilePath, FolderIds>,
    /// The assignments, sorted by cluster type, then target.
    pub assignments: Arc<Vec<AssignmentRecord>>,
    /// The sources.
    pub sources: Vec<SourceRecord>,
}

/// The texts that a record is written down in: one says what there is, and one for each part what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordTexts {
    /// The text of `.wob/tree.json`.
    pub head: String,
    /// The texts of the parts' own records, by folder; [`wob_engine::part_path`] says where they lie. Those of a tree that was built just now can be
    /// made again.
    pub parts: BTreeMap<FilePath, Blob>,
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
    pub policies: Arc<[Name]>,
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

impl Record<Tree> {
    /// Records `tree`, which is `built`'s with the kept files of failed assignments.
    pub fn new(built: &Built, tree: &Tree, profile: Profile, sources: Vec<SourceRecord>) -> Self {
        let assignment = |it: &crate::built::BuiltAssignment| AssignmentRecord {
            cluster_type: it.assignment.cluster_type.clone(),
            target: it.assignment.target.clone(),
            policies: it.assignment.policies.clone(),
            inputs: it.inputs,
            failed: it.failed,
        };
        let ids = tree.root_folder().ids();
        let parts = divided(tree, &|it| built.is_part(it)).0.into_iter();
        Self {
            version: VERSION,
            wob: Record::own_version().to_owned(),
            environment: built.environment.clone(),
            profile,
            root: ids.root,
            git_tree: ids.git_id.to_string(),
            dirty: sources.iter().any(|it| it.dirty),
            scheduler: built.scheduler.clone(),
            files: tree.clone(),
            parts: parts.map(|(path, folder)| (path, folder.ids())).collect(),
            assignments: Arc::new(built.assignments.iter().map(assignment).collect()),
            sources,
        }
    }
}

/// Divides a tree: returns the folders that have a record of their own, as `is_part` says by their paths, and the files that are in none of
/// them.
fn divided<'t>(tree: &'t Tree, is_part: &dyn Fn(&str) -> bool) -> Divided<'t> {
    let mut divided = (vec![], vec![]);
    divide(tree.root_folder(), &mut String::new(), is_part, &mut divided);
    divided
}

/// See [`divided`].
type Divided<'t> = (Vec<(FilePath, &'t Folder)>, Vec<(FilePath, &'t Blob)>);

fn divide<'t>(
    folder: &'t Folder,
    above: &mut String,
    is_part: &dyn Fn(&str) -> bool,
    divided: &mut Divided<'t>,
) {
    let whole = |it: &str| FilePath::new(it).expect("because a tree has paths only");
    for (name, node) in folder.entries() {
        let length = above.len();
        above.push_str(name);
        match node {
            Node::File(blob) => divided.1.push((whole(above), blob)),
            Node::Folder(it) if is_part(above) => divided.0.push((whole(above), it)),
            Node::Folder(it) => {
                above.push('/');
                divide(it, above, is_part, divided);
            }
        }
        above.truncate(length);
    }
}

impl Record {
    /// Returns the version of wob that records name now.
    pub fn own_version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

#[cfg(test)]
mod tests {
    use wob_engine::part_path;

    use super::*;

    fn record<F>(files: F) -> Record<F> {
        let origin = Origin { url: "base".to_owned(), ..Origin::default() };
        let name = |it: &str| Name::new(it).unwrap();
        let assignment = |on: &str, target: &str| AssignmentRecord {
            cluster_type: name(on),
            target: name(target),
            policies: [name("p")].into(),
            inputs: Some(Digest::of(target.as_bytes())),
            failed: false,
        };
        let ids = Tree::default().folder("");
        Record {
            version: VERSION,
            wob: Record::own_version().to_owned(),
            environment: "dev".to_owned(),
            profile: Profile::Standard,
            root: Digest::of(b"root"),
            git_tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned(),
            dirty: false,
            scheduler: None,
            files,
            parts: ["c/a", "c/b"].map(|it| (FilePath::new(it).unwrap(), ids)).into(),
            assignments: Arc::new(vec![
                assignment("a", "t"),
                assignment("b", "u"),
                assignment("new", "t"),
            ]),
            sources: vec![SourceRecord::new(SourceRole::Base, "base", &origin)],
        }
    }

    fn tree() -> Tree {
        let file = |it: &str| (FilePath::new(it).unwrap(), Blob::new(it.as_bytes()));
        ["c/a/t/x", "c/a/\"x\"", "c/b/README.md", ".github/x"].map(file).into_iter().collect()
    }

    fn texts() -> RecordTexts {
        record(tree()).texts()
    }

    fn read(texts: &RecordTexts) -> Result<Record, RecordError> {
        Record::read(&texts.head, &mut |path| {
            let mut all = texts.parts.iter();
            Some(all.find(|(folder, _)| part_path(folder).as_str() == path)?.1.bytes().into_owned())
        })
    }

    #[test]
    fn a_record_reads_back() {
        let texts = texts();
        let tree = tree();
        let listed = tree.files().map(|(path, it)| (path.to_string(), it.digest())).collect();
        assert_eq!(read(&texts), Ok(record(listed)));
        for text in texts.parts.values() {
            let part: serde_json::Value = serde_json::from_slice(&text.bytes()).unwrap();
            let part: Part = serde_json::from_value(part).unwrap();
            let by_serde = serde_json::to_string_pretty(&part).unwrap() + "\n";
            assert_eq!(*text, Blob::new(by_serde.as_bytes()));
            assert!(text.take_made().is_some());
            assert_eq!(*text.bytes(), *by_serde.as_bytes(), "it can be made again");
        }
        let files: Vec<&str> = texts.parts.keys().map(FilePath::as_str).collect();
        assert_eq!(files, ["c/a", "c/b"]);
        let head = texts.head.replace(Record::own_version(), "0.0.1");
        let older = RecordTexts { head, ..texts };
        assert_eq!(read(&older).map(|it| it.wob).as_deref(), Ok("0.0.1"));
    }

    #[test]
    fn damage_and_other_shapes_are_told_apart() {
        let texts = texts();
        let text = &texts.head;
        let of =
            |text: &str| read(&RecordTexts { head: text.to_owned(), ..texts.clone() }).unwrap_err();
        for damaged in [&text[..40], "[]", "{}", &text.replace("\"files\"", "\"file\"")] {
            assert!(matches!(of(damaged), RecordError::Damaged { .. }), "{damaged}");
        }
        let other = text.replace("\"version\": 2", "\"version\": 9");
        assert_eq!(of(&other), RecordError::Foreign { wob: Record::own_version().to_owned() });
        let other = text.replace(Record::own_version(), "9.0.0").replace("\"base\"", "\"new\"");
        assert_eq!(of(&other), RecordError::Foreign { wob: "9.0.0".to_owned() });
    }

    #[test]
    fn a_part_that_is_not_as_the_head_has_it_is_damage() {
        let texts = texts();
        for damage in ["", "{}", "gone"] {
            let mut parts = texts.parts.clone();
            let part = parts.values_mut().next().unwrap();
            if damage == "gone" {
                parts.pop_first();
            } else {
                *part = Blob::new(damage.as_bytes());
            }
            let damaged = read(&RecordTexts { parts, ..texts.clone() });
            assert!(matches!(damaged, Err(RecordError::Damaged { .. })), "{damaged:?}");
        }
    }

    #[test]
    fn a_long_name_of_a_part_is_not_told_whole() {
        let texts = texts();
        for name in ["x".repeat(1000), "\u{1}".repeat(1000)] {
            let name = serde_json::to_string(&name).unwrap();
            let head = texts.head.replace("\"c/a\"", &name);
            let read = read(&RecordTexts { head, ..texts.clone() });
            let Err(RecordError::Damaged { reason }) = read else { panic!("{read:?}") };
            assert!(reason.len() < 200, "{reason}");
        }
    }

    #[test]
    fn a_part_without_anything_is_written_as_by_serde() {
        let assignment = |policies: &[Name]| PartAssignment {
            target: Name::new("t").unwrap(),
            policies: policies.into(),
            inputs: None,
            failed: false,
        };
        let files = BTreeMap::from([("x".to_owned(), Digest::of(b""))]);
        for (files, assignments) in [
            (BTreeMap::new(), vec![]),
            (files, vec![]),
            (BTreeMap::new(), vec![assignment(&[]), assignment(&[])]),
        ] {
            let ids = Tree::default().folder("");
            let (text, entry) = Part::write("c", &files, &assignments, ids);
            let part = Part::parse(text.as_bytes()).unwrap();
            assert_eq!(text, serde_json::to_string_pretty(&part).unwrap() + "\n");
            assert_eq!((entry.files, entry.assignments), (files.len(), assignments.len()));
            assert_eq!((part.files, part.assignments), (files, assignments));
        }
    }
}
