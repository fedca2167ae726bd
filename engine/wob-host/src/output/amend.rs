//! Plans of builds that know which few files of a tree change, come or go: all others are left alone, and not even looked at.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Digest, FilePath, GitObjectId, Tree, part_path};

use super::{
    Destination, Manifest, OutputBranch, OutputError, OutputFolder, Previous, TreeRecord,
    changes::Change,
    disk::Disk,
    ground::Ground,
    ignores_case,
    paths::{Case, check_paths},
    plan::{self, Others, Plan, Shape, To},
    records::Records,
};
use crate::Interrupt;

/// What changes in a tree: some files, and nothing else.
#[derive(Clone, Debug)]
pub struct Amendment {
    /// The text that `.wob/tree.json` has.
    pub head: String,
    /// What wob wrote into the files that change, or go.
    pub before: BTreeMap<FilePath, Digest>,
    /// What those hold that change, and those that come.
    pub files: Tree,
    /// What the record shall say, of the parts only where it changes.
    pub record: TreeRecord,
    /// The folders that have a record of their own no more.
    pub gone: BTreeSet<FilePath>,
    /// What git calls the folders that had a record of their own: in a commit, where nothing else tells that nobody has
    /// changed them.
    pub folders: BTreeMap<FilePath, GitObjectId>,
    /// What wob wrote into the files that are in none of them.
    pub rest: BTreeMap<FilePath, Digest>,
    /// How many files the whole tree has.
    pub count: usize,
    /// The files of others that lie there, as far as it is known.
    pub others: Others,
}

/// Where files come and go, records of parts included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedPaths {
    /// Where there were none before.
    pub added: Vec<String>,
    /// Where there are none any more.
    pub gone: BTreeSet<String>,
}

impl Amendment {
    /// Says whether files come.
    fn adds(&self) -> bool {
        self.files.files().any(|(path, _)| !self.before.contains_key(&path))
    }

    /// Returns the folders that have a record of their own, and had none before.
    fn new_folders(&self) -> impl Iterator<Item = &FilePath> {
        self.record.parts.keys().filter(|it| !self.folders.contains_key(*it))
    }

    /// Returns what must become of each file, if all that lies there is what wob wrote.
    fn changes(&self) -> BTreeMap<FilePath, Change> {
        let of = |path: &FilePath| {
            if self.before.contains_key(path) { Change::Changed } else { Change::Added }
        };
        let files = self.files.files().map(|(path, _)| (path.clone(), of(&path)));
        let gone = self.before.keys().filter(|it| self.files.get(it).is_none());
        files.chain(gone.map(|it| (it.clone(), Change::Deleted))).collect()
    }

    fn moved(&self, changes: &BTreeMap<FilePath, Change>) -> MovedPaths {
        let those = |wanted: Change| {
            let paths = changes.iter().filter(move |(_, it)| **it == wanted);
            paths.map(|(path, _)| path.to_string())
        };
        let record = |it: &FilePath| part_path(it).to_string();
        MovedPaths {
            added: those(Change::Added).chain(self.new_folders().map(record)).collect(),
            gone: those(Change::Deleted).chain(self.gone.iter().map(record)).collect(),
        }
    }
}

impl Plan {
    /// Reads those files that wob wrote into `folders`, which have records of their own, and that stay as they are.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn unchanged_in<'f>(
        &self,
        folders: impl Iterator<Item = &'f FilePath>,
    ) -> Result<Tree, OutputError> {
        let previous = match &self.to {
            To::Folder(it) => it.previous()?,
            To::Branch(it) => it.previous()?,
        };
        let paths: BTreeSet<FilePath> = folders
            .flat_map(|it| previous.manifest.paths_of(it))
            .filter(|it| self.changes.get(it).is_none())
            .cloned()
            .collect();
        previous.check()?;
        self.read(paths.into_iter())
    }
}

impl Destination {
    /// Compares what changes with what lies there, and changes nothing; `None` if that is not what wob wrote there.
    ///
    /// # Errors
    /// If the place cannot be read.
    pub fn amend(
        &self,
        amendment: &Amendment,
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>, OutputError> {
        match self {
            Self::Folder(it) => it.amend(amendment, interrupt),
            Self::Branch(it) => it.amend(amendment, interrupt),
        }
    }
}

impl OutputFolder {
    fn amend(
        &self,
        amendment: &Amendment,
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>, OutputError> {
        if amendment.adds() {
            // What lies there already may differ from what comes in case only.
            if ignores_case(&self.folder) {
                return Ok(None);
            }
            check_paths(&amendment.files, Case::Kept)?;
        }
        let now = self.previous()?;
        let root = self.root();
        let ground = &mut Disk::new(&*self.files, &root);
        amended(ground, &now, amendment, To::Folder(self.clone()), interrupt)
    }
}

impl OutputBranch {
    fn amend(
        &self,
        amendment: &Amendment,
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>, OutputError> {
        check_paths(&amendment.files, Case::Kept)?;
        let now = self.previous()?;
        if !self.holds(amendment)? {
            return Ok(None);
        }
        let paths = amendment.files.files().map(|(path, _)| path);
        let paths: BTreeSet<FilePath> = paths.chain(amendment.before.keys().cloned()).collect();
        let mut ground = self.some(paths.into_iter())?;
        let to = To::Branch(Box::new(self.clone()));
        amended(&mut ground, &now, amendment, to, interrupt)
    }

    /// Says whether the last commit has the tree that is amended, and room for what comes.
    fn holds(&self, amendment: &Amendment) -> Result<bool, OutputError> {
        let Some(tip) = &self.tip else { return Ok(false) };
        for (folder, id) in &amendment.folders {
            // One that is gone has been deleted.
            let found = self.repository.folder_id(tip, Some(folder)).ok();
            if found.is_none_or(|it| it.to_string() != id.to_string()) {
                return Ok(false);
            }
        }
        for folder in amendment.new_folders() {
            if !self.repository.is_free(tip, folder)? {
                return Ok(false);
            }
        }
        let mut rest = amendment.rest.clone();
        let mut take = |path: FilePath, bytes: Vec<u8>| {
            if rest.get(&path) == Some(&Digest::of(&bytes)) {
                rest.remove(&path);
            }
        };
        self.read_all(amendment.rest.keys().cloned(), &mut take)?;
        Ok(rest.is_empty())
    }
}

fn amended(
    ground: &mut impl Ground,
    now: &Previous,
    amendment: &Amendment,
    to: To,
    interrupt: &Interrupt,
) -> Result<Option<Plan>, OutputError> {
    if now.text.as_deref() != Some(&*amendment.head) || !now.unfinished.is_empty() {
        return Ok(None);
    }
    let (files, record) = (&amendment.files, &amendment.record);
    let manifest = Manifest::of_files(amendment.before.clone().into_iter());
    let text = Some(amendment.head.clone());
    let previous = Previous { manifest, text, ..Previous::default() };
    let before = (&previous, &BTreeSet::new());
    let changes = plan::judge(ground, before, (files, files.files()), interrupt)?;
    // Something else was written by hand, or lies in the way.
    if changes != amendment.changes() {
        return Ok(None);
    }
    let records = Records {
        put: record.parts.keys().map(|it| (part_path(it), it.clone())).collect(),
        removed: amendment.gone.iter().map(part_path).collect(),
    };
    let moved = amendment.moved(&changes);
    let others = amendment.others.clone();
    let mut plan = Plan::new((changes.into(), others), to, files, (record, records), previous);
    plan.unchanged = amendment.count - files.len();
    plan.shape = Shape::Moved(moved);
    Ok(Some(plan))
}
