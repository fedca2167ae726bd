//! How a record is written down and read back: a head, and one text for each part.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::{
    Blob, Digest, FilePath, FolderIds, GitObjectId, Outline, Recipe, Tree, part_path,
};

use super::{AssignmentRecord, Record, RecordError, RecordTexts, SourceRecord, VERSION, divided};
use crate::{Name, Profile, compose::shorten, schedule::SchedulerRecord};

/// How much of a part's name is told: a record that somebody edited may have any.
const MOST_OF_A_NAME: usize = 80;

/// What every shape of a head has.
#[derive(Deserialize)]
struct Shape {
    version: u32,
    wob: String,
}

/// The text of `.wob/tree.json`: a [`Record`] but for what its parts say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    version: u32,
    wob: String,
    /// The environment.
    pub environment: String,
    profile: Profile,
    /// See [`Record::root`].
    pub root: Digest,
    /// See [`Record::git_tree`].
    pub git_tree: String,
    /// See [`Record::dirty`].
    pub dirty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduler: Option<SchedulerRecord>,
    /// The files that are in no part.
    pub files: BTreeMap<String, Digest>,
    /// What is said of each part, by folder.
    pub parts: BTreeMap<String, PartEntry>,
    /// Those that are in no part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<AssignmentRecord>,
    /// The sources.
    pub sources: Vec<SourceRecord>,
}

impl Head {
    /// Reads the text of a head that this version of wob has written; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let head = read_head(text).ok()?;
        (head.wob == Record::own_version()).then_some(head)
    }

    /// Returns how many assignments its parts have.
    pub fn assigned(&self) -> usize {
        self.parts.values().map(|it| it.assignments).sum()
    }

    /// Takes other sources.
    pub fn set_sources(&mut self, sources: Vec<SourceRecord>) {
        self.dirty = sources.iter().any(|it| it.dirty);
        self.sources = sources;
    }

    /// Works out what the tree is called, whose files outside of all parts are `files`; `None` if those are not the ones that
    /// the head has, or a part has no name that git could give it.
    pub fn name_tree(&mut self, files: &Tree) -> Option<()> {
        let digests = files.files().map(|(path, it)| (path.to_string(), it.digest()));
        if !self.files.iter().map(|(path, it)| (path.clone(), *it)).eq(digests) {
            return None;
        }
        let mut outline = Outline::default();
        for (path, blob) in files.files() {
            outline.add_file(path, blob);
        }
        for (folder, entry) in &self.parts {
            let git_id = GitObjectId::parse(&entry.git_tree)?;
            let ids = FolderIds { root: entry.root, git_id };
            outline.add_folder(FilePath::new(folder).ok()?, ids);
        }
        let ids = outline.ids();
        (self.root, self.git_tree) = (ids.root, ids.git_id.to_string());
        Some(())
    }

    /// Returns its text.
    pub fn to_json(&self) -> String {
        json(self)
    }
}

/// What the head says of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartEntry {
    /// The BLAKE3 Merkle root of its files.
    pub root: Digest,
    /// The id that git gives its folder.
    pub git_tree: String,
    /// BLAKE3 of its own record.
    pub record: Digest,
    /// How many assignments it has.
    pub assignments: usize,
    /// How many files.
    pub files: usize,
}

/// What the record of a part says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The version of this record's shape.
    version: u32,
    /// The cluster type.
    pub cluster_type: String,
    /// BLAKE3 of every file, by path in the part's folder.
    pub files: BTreeMap<String, Digest>,
    /// The assignments, sorted by target.
    pub assignments: Vec<PartAssignment>,
}

/// One assignment of a [`Part`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartAssignment {
    /// The target's full name.
    pub target: Name,
    /// See [`AssignmentRecord::policies`].
    pub policies: Arc<[Name]>,
    /// See [`AssignmentRecord::inputs`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Digest>,
    /// See [`AssignmentRecord::failed`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

impl Record<Tree> {
    /// Returns the texts that it is written down in: pretty JSON with a final newline.
    pub fn texts(&self) -> RecordTexts {
        self.texts_given(&|_| {})
    }

    /// Does the same, and gives each part's text to `take` as soon as it is made, on many threads: all of them together take much memory,
    /// and who has taken one need not keep it, as it can be made again.
    pub fn texts_given(&self, take: &(dyn Fn(&Blob) + Sync)) -> RecordTexts {
        let parts = self.parts.iter().map(|(folder, ids)| (folder.clone(), *ids)).collect();
        let texts =
            PartTexts { tree: self.files.clone(), assignments: self.assignments.clone(), parts };
        let texts = Arc::new(texts);
        let made = (0..texts.parts.len()).into_par_iter().map(|index| {
            let (text, entry) = texts.part(index);
            let recipe: Arc<dyn Recipe> = Arc::<PartTexts>::clone(&texts);
            let number = u32::try_from(index).expect("because there are not so many folders");
            let blob = Blob::made(text.into_bytes(), recipe, number);
            take(&blob);
            let folder = &texts.parts[index].0;
            ((folder.clone(), blob), (folder.to_string(), entry))
        });
        let (blobs, entries): (Vec<_>, Vec<_>) = made.unzip();
        let head = json(&self.head(entries.into_iter().collect()));
        RecordTexts { head, parts: blobs.into_iter().collect() }
    }

    /// Returns the head, with what is in no part.
    fn head(&self, parts: BTreeMap<String, PartEntry>) -> Head {
        let names: BTreeSet<&str> = self.parts.keys().map(FilePath::file_name).collect();
        let (_, loose) = divided(&self.files, &|it| parts.contains_key(it));
        let assignments =
            self.assignments.iter().filter(|it| !names.contains(it.cluster_type.as_str()));
        Head {
            version: self.version,
            wob: self.wob.clone(),
            environment: self.environment.clone(),
            profile: self.profile,
            root: self.root,
            git_tree: self.git_tree.clone(),
            dirty: self.dirty,
            scheduler: self.scheduler.clone(),
            files: loose.into_iter().map(|(path, it)| (path.to_string(), it.digest())).collect(),
            assignments: assignments.cloned().collect(),
            sources: self.sources.clone(),
            parts,
        }
    }
}

/// What the texts of parts are made of.
struct PartTexts {
    tree: Tree,
    assignments: Arc<Vec<AssignmentRecord>>,
    /// The folders, with what each is called.
    parts: Vec<(FilePath, FolderIds)>,
}

impl PartTexts {
    /// Returns the text of the part at `index`, and what the head says of it.
    fn part(&self, index: usize) -> (String, PartEntry) {
        let (folder, ids) = &self.parts[index];
        let name = folder.file_name();
        let mut text = Text::of(name);
        let below = folder.as_str().len() + 1;
        for (path, blob) in self.tree.below(folder.as_str()) {
            text.file(&path.as_str()[below..], blob.digest());
        }
        let start = self.assignments.partition_point(|it| it.cluster_type.as_str() < name);
        let own = self.assignments[start..].iter();
        for it in own.take_while(|it| it.cluster_type.as_str() == name) {
            text.assignment(&it.target, &it.policies, (it.inputs, it.failed));
        }
        text.finish(*ids)
    }
}

impl Recipe for PartTexts {
    fn make(&self, number: u32) -> Vec<u8> {
        self.part(number as usize).0.into_bytes()
    }
}

impl Record {
    /// Reads a record by the text of its head; `part` reads what lies at a path of the tree.
    ///
    /// # Errors
    /// If it is none, or one of a shape that is not known here, or if a part is not as the head has it.
    pub fn read(
        head: &str,
        part: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, RecordError> {
        let head = read_head(head)?;
        let mut record = Self {
            version: head.version,
            wob: head.wob,
            environment: head.environment,
            profile: head.profile,
            root: head.root,
            git_tree: head.git_tree,
            dirty: head.dirty,
            scheduler: head.scheduler,
            files: head.files,
            parts: BTreeMap::new(),
            assignments: Arc::default(),
            sources: head.sources,
        };
        let mut assignments = head.assignments;
        for (folder, entry) in head.parts {
            let name = shorten(&folder.escape_default().to_string(), MOST_OF_A_NAME);
            let what = format!("the record of its part `{name}`");
            let damaged =
                |reason: &str| RecordError::Damaged { reason: format!("{what} {reason}") };
            let folder = FilePath::new(&folder).map_err(|_| damaged("cannot be one of wob's"))?;
            let bytes = part(part_path(&folder).as_str()).ok_or_else(|| damaged("is not there"))?;
            if Digest::of(&bytes) != entry.record {
                return Err(damaged("is not the one that it names"));
            }
            let git_id = GitObjectId::parse(&entry.git_tree);
            let git_id = git_id.ok_or_else(|| damaged("has an id that is none of git's"))?;
            record.parts.insert(folder.clone(), FolderIds { root: entry.root, git_id });
            let part = Part::parse(&bytes).map_err(|it| damaged(&it))?;
            assignments.extend(record.add(&folder, part, &damaged)?);
        }
        assignments.sort_by(|a, b| (&a.cluster_type, &a.target).cmp(&(&b.cluster_type, &b.target)));
        Ok(Self { assignments: Arc::new(assignments), ..record })
    }

    /// Takes the files of the part in `folder`, and returns its assignments.
    fn add(
        &mut self,
        folder: &FilePath,
        part: Part,
        damaged: &dyn Fn(&str) -> RecordError,
    ) -> Result<impl Iterator<Item = AssignmentRecord> + use<>, RecordError> {
        let cluster_type = Name::new(&part.cluster_type).ok();
        let cluster_type = cluster_type.filter(|it| it.as_str() == folder.file_name());
        let cluster_type = cluster_type.ok_or_else(|| damaged("is about something else"))?;
        self.files
            .extend(part.files.into_iter().map(|(path, it)| (format!("{folder}/{path}"), it)));
        Ok(part.assignments.into_iter().map(move |it| AssignmentRecord {
            cluster_type: cluster_type.clone(),
            target: it.target,
            policies: it.policies,
            inputs: it.inputs,
            failed: it.failed,
        }))
    }
}

impl Part {
    /// Reads its text; says in words what is wrong with it.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|it| what(&it))
    }

    /// Writes down the record of a part with these `files`, and these `assignments`, sorted by target, whose folder is called `ids`; returns
    /// what the head says of it, too.
    pub fn write(
        cluster_type: &str,
        files: &BTreeMap<String, Digest>,
        assignments: &[PartAssignment],
        ids: FolderIds,
    ) -> (String, PartEntry) {
        let mut text = Text::of(cluster_type);
        for (path, digest) in files {
            text.file(path, *digest);
        }
        for it in assignments {
            text.assignment(&it.target, &it.policies, (it.inputs, it.failed));
        }
        text.finish(ids)
    }
}

/// The text of a [`Part`] while it is written, as serde would print it: there are millions of lines in the records of a large tree.
struct Text {
    written: String,
    files: usize,
    assignments: usize,
}

impl Text {
    fn of(cluster_type: &str) -> Self {
        let mut text = format!("{{\n  \"version\": {VERSION},\n  \"clusterType\": ");
        push_quoted(&mut text, cluster_type);
        text.push_str(",\n  \"files\": {");
        Self { written: text, files: 0, assignments: 0 }
    }

    /// Adds a file; they come sorted by path, before all assignments.
    fn file(&mut self, path: &str, digest: Digest) {
        self.written.push_str(if self.files == 0 { "\n    " } else { ",\n    " });
        push_quoted(&mut self.written, path);
        self.written.push_str(": ");
        push_digest(&mut self.written, digest);
        self.files += 1;
    }

    /// Adds an assignment, which was made from `inputs`, or `failed`.
    fn assignment(
        &mut self,
        target: &Name,
        policies: &[Name],
        (inputs, failed): (Option<Digest>, bool),
    ) {
        if self.assignments == 0 {
            self.end_files();
        }
        let text = &mut self.written;
        text.push_str(if self.assignments == 0 { "\n    {" } else { ",\n    {" });
        text.push_str("\n      \"target\": ");
        push_quoted(text, target.as_str());
        text.push_str(",\n      \"policies\": [");
        for (index, policy) in policies.iter().enumerate() {
            text.push_str(if index == 0 { "\n        " } else { ",\n        " });
            push_quoted(text, policy.as_str());
        }
        text.push_str(if policies.is_empty() { "]" } else { "\n      ]" });
        if let Some(inputs) = inputs {
            text.push_str(",\n      \"inputs\": ");
            push_digest(text, inputs);
        }
        if failed {
            text.push_str(",\n      \"failed\": true");
        }
        text.push_str("\n    }");
        self.assignments += 1;
    }

    fn end_files(&mut self) {
        self.written.push_str(if self.files == 0 { "}" } else { "\n  }" });
        self.written.push_str(",\n  \"assignments\": [");
    }

    fn finish(mut self, ids: FolderIds) -> (String, PartEntry) {
        if self.assignments == 0 {
            self.end_files();
        }
        self.written.push_str(if self.assignments == 0 { "]\n}\n" } else { "\n  ]\n}\n" });
        let entry = PartEntry {
            root: ids.root,
            git_tree: ids.git_id.to_string(),
            record: Digest::of(self.written.as_bytes()),
            assignments: self.assignments,
            files: self.files,
        };
        (self.written, entry)
    }
}

/// Adds `value` as JSON has it.
fn push_quoted(text: &mut String, value: &str) {
    if value.bytes().all(|it| it >= b' ' && it != b'"' && it != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        let quoted = serde_json::to_string(value);
        text.push_str(&quoted.expect("because a text is plain data"));
    }
}

fn push_digest(text: &mut String, digest: Digest) {
    text.push('"');
    text.push_str(std::str::from_utf8(&digest.hex()).expect("because digits are text"));
    text.push('"');
}

fn json(it: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(it).expect("because a record is plain data");
    text.push('\n');
    text
}

fn read_head(text: &str) -> Result<Head, RecordError> {
    let damaged =
        |error: &serde_json::Error| RecordError::Damaged { reason: format!("it {}", what(error)) };
    let shape: Shape = serde_json::from_str(text).map_err(|it| damaged(&it))?;
    let foreign = shape.version != VERSION || shape.wob != Record::own_version();
    match serde_json::from_str(text) {
        Ok(head) if shape.version == VERSION => Ok(head),
        Ok(_) | Err(_) if foreign => Err(RecordError::Foreign { wob: shape.wob }),
        Ok(head) => Ok(head),
        Err(error) => Err(damaged(&error)),
    }
}

/// Returns an error of the JSON parser without what it quotes, which whoever edited the record wrote.
fn what(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "cannot be read",
        serde_json::error::Category::Syntax => "is not JSON",
        serde_json::error::Category::Data => "does not hold what a record holds",
        serde_json::error::Category::Eof => "ends too early",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}
