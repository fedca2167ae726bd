//! Plans of builds that know which few files of a tree change: all others are left alone, and not even looked at.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Digest, FilePath, GitObjectId, Tree};

use super::{
    Destination, Manifest, OutputBranch, OutputError, OutputFolder, Previous, TreeRecord,
    branch::BranchPlan,
    disk::Disk,
    ground::Ground,
    manifest::part_path,
    plan::{self, Change, Others, Plan, Shape, To},
    records::Records,
};
use crate::Interrupt;

/// What changes in a tree: the contents of some files, and nothing else.
#[derive(Clone, Debug)]
pub struct Amendment {
    /// The text that `.wob/tree.json` has.
    pub head: String,
    /// What wob wrote into the files that change.
    pub before: BTreeMap<FilePath, Digest>,
    /// What they shall hold.
    pub files: Tree,
    /// What the record shall say, of the parts only where it changes.
    pub record: TreeRecord,
    /// What git calls the folders that have a record of their own: in a commit, where nothing else tells that nobody has
    /// changed them.
    pub folders: BTreeMap<FilePath, GitObjectId>,
    /// What wob wrote into the files that are in none of them.
    pub rest: BTreeMap<FilePath, Digest>,
    /// How many files the whole tree has.
    pub count: usize,
    /// The files of others that lie there, as far as it is known.
    pub others: Others,
}

impl Destination {
    /// Compares what changes with what lies there, and changes nothing; `None` if that is not what wob wrote there.
    ///
    /// # Errors
    /// If the place cannot be read.
    pub fn amend(
        &self,
        amendment: Amendment,
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
        amendment: Amendment,
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>, OutputError> {
        let now = self.previous()?;
        let root = self.root();
        let ground = &mut Disk::new(&*self.files, &root);
        amended(ground, &now, amendment, |_| Ok(To::Folder(self.clone())), interrupt)
    }
}

impl OutputBranch {
    fn amend(
        &self,
        amendment: Amendment,
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>, OutputError> {
        let now = self.previous()?;
        if !self.holds(&amendment)? {
            return Ok(None);
        }
        let paths = amendment.files.files().map(|(path, _)| path.clone());
        let mut ground = self.some(paths)?;
        let to = |files: &Tree| {
            let plan = BranchPlan::of(self.clone(), files);
            Ok(To::Branch(Box::new(plan)))
        };
        amended(&mut ground, &now, amendment, to, interrupt)
    }

    /// Says whether the last commit has the tree that is amended.
    fn holds(&self, amendment: &Amendment) -> Result<bool, OutputError> {
        let Some(tip) = &self.tip else { return Ok(false) };
        for (folder, id) in &amendment.folders {
            // One that is gone has been deleted.
            let found = self.repository.folder_id(tip, Some(folder)).ok();
            if found.is_none_or(|it| it.to_string() != id.to_string()) {
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
    amendment: Amendment,
    to: impl FnOnce(&Tree) -> Result<To, OutputError>,
    interrupt: &Interrupt,
) -> Result<Option<Plan>, OutputError> {
    let Amendment { head, before, files, record, count, others, .. } = amendment;
    if now.text.as_deref() != Some(&*head) || !now.unfinished.is_empty() {
        return Ok(None);
    }
    let manifest = Manifest::of_files(before.into_iter());
    let previous = Previous { manifest, text: Some(head), ..Previous::default() };
    let doubtful = files.files();
    let changes =
        plan::judge(ground, (&previous, &BTreeSet::new()), (&files, doubtful), interrupt)?;
    // What lies there already was written by hand.
    if changes.len() != files.len() || changes.values().any(|it| *it != Change::Changed) {
        return Ok(None);
    }
    let records = Records {
        put: record.parts.keys().map(|it| (part_path(it), it.clone())).collect(),
        removed: vec![],
    };
    let to = to(&files)?;
    let mut plan = Plan::new((changes, others), to, &files, (&record, records), previous);
    plan.unchanged = count - files.len();
    plan.shape = Shape::Same;
    Ok(Some(plan))
}
