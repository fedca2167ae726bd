//! Compares a tree with an output folder.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use camino::Utf8PathBuf;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::{Blob, Digest, FilePath, RECORD_PATH, Tree, folder_of_part, part_path};

use super::{
    Manifest, MovedPaths, OutputBranch, OutputError, OutputFolder, Previous, ReadPart, TEMPORARY,
    TreeRecord,
    changes::{Change, Changes, Counts},
    disk::Disk,
    ground::{Bytes, Ground, Kind},
    ignores_case,
    paths::{Case, check_paths},
    records::Records,
};
use crate::Interrupt;

/// How many files of others are named.
const EXAMPLES: usize = 10;

/// What writing a tree would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What happens to each file of the tree, and to each that wob wrote before, by path; those that stay as they are
    /// are left out.
    pub changes: Changes,
    /// How many files of the tree are there already, byte for byte; they are not touched, and are wob's from now on.
    pub unchanged: usize,
    /// The files of others in the folder; they stay.
    pub others: Others,
    /// Whether an earlier run did not end, so that this one finishes its work.
    pub unfinished: bool,
    pub(super) shape: Shape,
    pub(super) to: To,
    pub(super) message: String,
    pub(super) tree: Tree,
    pub(super) record: TreeRecord,
    pub(super) records: Records,
    pub(super) previous: Previous,
}

/// Where there will be files, records of parts included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Where there were some, but for these.
    Moved(MovedPaths),
    /// At the paths of the tree.
    Other,
}

/// What is known of a folder before it is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    #[default]
    Unknown,
    /// Every file that its own record lists is as that says, and so are these.
    AsRecorded(Others),
}

/// The files of others in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// How many there are.
    pub count: usize,
    /// The first few of them by name.
    pub examples: Vec<String>,
}

/// Where a plan writes.
#[derive(Clone, Debug)]
pub(super) enum To {
    Folder(OutputFolder),
    Branch(Box<OutputBranch>),
}

impl Plan {
    pub(super) fn new(
        (changes, others): (Changes, Others),
        to: To,
        tree: &Tree,
        (record, records): (&TreeRecord, Records),
        previous: Previous,
    ) -> Self {
        let is_known = |folder: &FilePath| previous.manifest.record_of(folder).is_some();
        let keeps_paths = records.removed.is_empty()
            && records.put.iter().all(|(_, folder)| is_known(folder))
            && changes.only_replace();
        Self {
            unchanged: changes.unchanged_of(tree),
            changes,
            others,
            unfinished: !previous.unfinished.is_empty(),
            shape: if keeps_paths { Shape::Moved(MovedPaths::default()) } else { Shape::Other },
            to,
            message: "wob build\n".to_owned(),
            tree: tree.clone(),
            record: record.clone(),
            records,
            previous,
        }
    }

    /// Says what the commit shall say; a folder has none.
    #[must_use]
    pub fn with_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.message);
        self
    }

    /// Returns what people call the place.
    pub fn shown(&self) -> Utf8PathBuf {
        match &self.to {
            To::Folder(it) => it.root(),
            To::Branch(it) => it.shown(),
        }
    }

    /// Reads the file that lies at `path` now; none if none is there, or one that is too large.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn before(&self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        match &self.to {
            To::Folder(it) => it.read(path),
            To::Branch(it) => it.read(path),
        }
    }

    /// Returns the file that the tree has at `path`.
    pub fn after(&self, path: &FilePath) -> Option<Cow<'_, [u8]>> {
        self.tree.get(path).map(Blob::bytes)
    }

    /// Returns the text that `.wob/tree.json` shall have.
    pub fn head(&self) -> &str {
        &self.record.head
    }

    /// Returns the tree that would be written; of a plan that amends, what changes of it.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns what lies there now, of the paths of the tree and of what wob wrote before.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn tree_before(&self) -> Result<Tree, OutputError> {
        let mut before = self.read(self.changes.paths())?;
        for (path, blob) in self.tree.files().filter(|(path, _)| self.changes.get(path).is_none()) {
            before.insert(&path, blob.clone());
        }
        Ok(before)
    }

    /// Reads what lies there now at some paths, which are sorted.
    pub(super) fn read(&self, paths: impl Iterator<Item = FilePath>) -> Result<Tree, OutputError> {
        let mut tree = Tree::default();
        let mut take = |path: FilePath, bytes: Vec<u8>| drop(tree.insert(&path, Blob::new(bytes)));
        match &self.to {
            To::Folder(folder) => {
                let root = folder.root();
                let mut disk = Disk::new(&*folder.files, &root);
                for path in paths {
                    if let Some(bytes) = disk.read(&path)? {
                        take(path, bytes);
                    }
                }
            }
            To::Branch(it) => it.read_all(paths, &mut take)?,
        }
        Ok(tree)
    }

    /// Returns where files come and go, records of parts included, if there is one at every other path where there was one;
    /// `None` if that is not known.
    pub fn moved(&self) -> Option<&MovedPaths> {
        match &self.shape {
            Shape::Moved(moved) => Some(moved),
            Shape::Other => None,
        }
    }

    /// Lists the paths at which something changes, but for `.wob/tree.json`.
    pub fn touched(&self) -> impl Iterator<Item = FilePath> {
        let records = self.records.put.iter().map(|(path, _)| path);
        self.changes.paths().chain(records.chain(&self.records.removed).cloned())
    }

    /// Lists the paths of all files of the tree, and of the records of parts.
    pub fn paths(&self) -> impl Iterator<Item = FilePath> {
        let files = self.tree.files().map(|(path, _)| path);
        files.chain(self.record.parts.keys().map(part_path))
    }

    /// Counts the changes.
    pub fn counts(&self) -> Counts {
        self.changes.counts(self.unchanged)
    }

    /// Lists the files of others that would be lost, sorted by path.
    pub fn conflicts(&self) -> impl Iterator<Item = (&FilePath, Change)> {
        self.changes.conflicts()
    }

    /// Says whether any file of the tree, or of what wob wrote before, is not as it should be. `.wob/tree.json` does not
    /// count.
    pub fn differs(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Says whether applying would touch the disk at all.
    pub fn is_done(&self) -> bool {
        !self.unfinished && !self.differs() && self.records.is_empty() && !self.has_new_head()
    }

    /// Says whether the records of all parts are there already.
    pub fn keeps_records(&self) -> bool {
        self.records.is_empty()
    }

    fn has_new_head(&self) -> bool {
        self.previous.text.as_deref() != Some(self.record.head.as_str())
    }

    /// Lists the texts of the record that are not there yet, with their paths; that of `.wob/tree.json` is the first.
    pub(super) fn texts(&self) -> impl Iterator<Item = (FilePath, Blob)> {
        let head = self.has_new_head().then(|| {
            let path = FilePath::new(RECORD_PATH).expect("because the name is constant");
            (path, Blob::new(self.record.head.as_bytes()))
        });
        let parts = self.records.put.iter();
        let parts = parts.map(|(path, folder)| (path.clone(), self.record.parts[folder].clone()));
        head.into_iter().chain(parts)
    }
}

pub(super) fn plan(
    output: &OutputFolder,
    tree: &Tree,
    record: &TreeRecord,
    standing: &Standing,
    interrupt: &Interrupt,
) -> Result<Plan, OutputError> {
    let case = if ignores_case(&output.folder) { Case::Ignored } else { Case::Kept };
    let next = check(tree, record, case)?;
    let previous = output.previous()?;
    let root = output.root();
    let mut disk = Disk::new(&*output.files, &root);
    let changes = if previous.is_nothing() && disk.is_bare() {
        Changes::all_added(tree)
    } else {
        judge_folder(output, (&previous, &next, standing), (tree, &mut disk), interrupt)?.into()
    };
    let (others, records) = match standing {
        Standing::AsRecorded(others) => {
            (others.clone(), Records::new(&next, &previous.manifest, &|_| true))
        }
        Standing::Unknown => {
            let others = others(&disk, &previous, &changes, tree, interrupt)?;
            let is_there = |it: &FilePath| previous.manifest.is_whole(it);
            let mut records = Records::new(&next, &previous.manifest, &is_there);
            records.remove_strays(&next, &mut disk, interrupt)?;
            (others, records)
        }
    };
    previous.check()?;
    let to = To::Folder(output.clone());
    Ok(Plan::new((changes, others), to, tree, (record, records), previous))
}

/// Compares a tree with what lies in a folder, of which it looks at those files that may not be as they should.
fn judge_folder(
    output: &OutputFolder,
    (previous, next, standing): (&Previous, &Manifest, &Standing),
    (tree, disk): (&Tree, &mut Disk<'_>),
    interrupt: &Interrupt,
) -> Result<BTreeMap<FilePath, Change>, OutputError> {
    let other_parts = previous.manifest.parts_beside(next);
    let doubtful = match standing {
        Standing::AsRecorded(_) => {
            recorded_otherwise(tree, next, (&previous.manifest, &other_parts))
        }
        Standing::Unknown => {
            previous.manifest.read_parts();
            differing(output, tree, interrupt)?
        }
    };
    let doubtful = doubtful.into_iter();
    let changes = judge(disk, (previous, &other_parts), (tree, doubtful), interrupt);
    // What could not be read seems to be nobody's, which is wrong.
    previous.check()?;
    changes
}

/// Checks that `tree` can lie in a folder, and returns what `record` says of it.
pub(super) fn check(tree: &Tree, record: &TreeRecord, case: Case) -> Result<Manifest, OutputError> {
    check_paths(tree, case)?;
    let parts = record.parts.clone();
    let read: ReadPart =
        Arc::new(move |path| Some(parts.get(folder_of_part(path.as_str())?)?.bytes().into_owned()));
    let manifest = Manifest::parse(&record.head, &read);
    let manifest = manifest.expect("because whoever made the tree made its record");
    // It takes longer than all else.
    debug_assert!(manifest.lists(tree), "a record is about its tree");
    Ok(manifest)
}

/// Returns the files of `tree`, whose record says `next`, of which `previous` says something else, or nothing; it may do so only of
/// those that are in no part, in some of its parts, or in new ones. Looks at many at a time.
fn recorded_otherwise<'t>(
    tree: &'t Tree,
    next: &Manifest,
    (previous, other_parts): (&Manifest, &BTreeSet<&FilePath>),
) -> Vec<(FilePath, &'t Blob)> {
    let is_otherwise =
        |(path, blob): &(FilePath, &Blob)| previous.digest(path) != Some(blob.digest());
    let is_other = |it: &&FilePath| other_parts.contains(*it) || previous.record_of(it).is_none();
    let parts: Vec<&FilePath> = next.folders().filter(is_other).collect();
    let in_part = |folder: &&FilePath| -> Vec<_> {
        tree.below(folder.as_str()).filter(is_otherwise).collect()
    };
    let in_parts: Vec<Vec<_>> = parts.par_iter().map(in_part).collect();
    let loose = next.loose().filter_map(|path| Some((path.clone(), tree.get(path)?)));
    loose.filter(is_otherwise).chain(in_parts.into_iter().flatten()).collect()
}

/// Returns the files of `tree` that do not lie in the folder byte for byte; looks at many at a time.
fn differing<'t>(
    output: &OutputFolder,
    tree: &'t Tree,
    interrupt: &Interrupt,
) -> Result<Vec<(FilePath, &'t Blob)>, OutputError> {
    /// How many files of a folder are looked at by one thread: neighbours share the folders above them.
    const FILES: usize = 256;
    let root = output.root();
    let files: Vec<(FilePath, &Blob)> = tree.files().collect();
    let differing = files.par_chunks(FILES).map(|chunk| {
        let mut disk = Disk::new(&*output.files, &root);
        let mut differing = vec![];
        for (path, blob) in chunk {
            interrupt.check()?;
            let is_file = matches!(disk.kind(path), Ok(Kind::File));
            // Who judges them meets whatever is wrong again.
            if !is_file || !matches!(disk.bytes(path), Ok(it) if it.is(blob.digest())) {
                differing.push((path.clone(), *blob));
            }
        }
        Ok(differing)
    });
    let differing: Vec<Vec<(FilePath, &Blob)>> = differing.collect::<Result<_, OutputError>>()?;
    Ok(differing.into_iter().flatten().collect())
}

/// Compares a tree with what lies on `ground`. Only `doubtful` files of the tree are looked at; the others are known to lie there
/// byte for byte. The parts that may have had other files, or files that are gone, are those in `other_parts`.
pub(super) fn judge<'t>(
    ground: &mut impl Ground,
    (previous, other_parts): (&Previous, &BTreeSet<&FilePath>),
    (tree, doubtful): (&'t Tree, impl Iterator<Item = (FilePath, &'t Blob)>),
    interrupt: &Interrupt,
) -> Result<BTreeMap<FilePath, Change>, OutputError> {
    let mut planner = Planner { ground, previous, changes: BTreeMap::new() };
    for (path, blob) in doubtful {
        interrupt.check()?;
        planner.file(&path, blob, interrupt)?;
    }
    let unfinished = previous.unfinished.iter().flat_map(Manifest::paths);
    let owned = previous.manifest.paths_in(other_parts).chain(unfinished);
    for path in owned.filter(|it| tree.get(it).is_none()) {
        interrupt.check()?;
        planner.owned(path)?;
    }
    Ok(planner.changes)
}

/// Lists the files of others on `ground`.
pub(super) fn others(
    ground: &impl Ground,
    previous: &Previous,
    changes: &Changes,
    tree: &Tree,
    interrupt: &Interrupt,
) -> Result<Others, OutputError> {
    let ours = |path: &str| {
        FilePath::new(path).is_ok_and(|it| {
            tree.get(&it).is_some() || changes.get(&it).is_some() || previous.owns(&it)
        })
    };
    let below = ground.files_below("", interrupt)?;
    let others: Vec<String> = below.into_iter().filter(|it| !ours(it) && !is_stale(it)).collect();
    Ok(Others { count: others.len(), examples: others.into_iter().take(EXAMPLES).collect() })
}

struct Planner<'p, G> {
    ground: &'p mut G,
    previous: &'p Previous,
    changes: BTreeMap<FilePath, Change>,
}

impl<G: Ground> Planner<'_, G> {
    fn file(
        &mut self,
        path: &FilePath,
        wanted: &Blob,
        interrupt: &Interrupt,
    ) -> Result<(), OutputError> {
        let change = match self.ground.kind(path)? {
            Kind::Absent => Change::Added,
            Kind::File => match self.ground.bytes(path)? {
                found if found.is(wanted.digest()) => return Ok(()),
                found => {
                    let standing = self.standing(path, found);
                    let is_torn =
                        standing == Change::Edited && self.is_torn(path, found, wanted)?;
                    if is_torn { Change::Changed } else { standing }
                }
            },
            Kind::Other if self.previous.owns(path) => Change::Edited,
            Kind::Other => Change::Foreign,
            // What stands in the way is judged as a file of its own.
            Kind::Blocked(depth) => {
                let components: Vec<&str> = path.as_str().split('/').take(depth).collect();
                let above = FilePath::new(&components.join("/"))
                    .expect("because the beginning of a path is a path");
                self.goes(&above)?;
                Change::Added
            }
            Kind::Folder => {
                self.check_folder_goes(path, interrupt)?;
                Change::Added
            }
        };
        self.changes.insert(path.clone(), change);
        Ok(())
    }

    /// Judges a file that wob wrote and the tree no longer has.
    fn owned(&mut self, path: &FilePath) -> Result<(), OutputError> {
        match self.ground.kind(path)? {
            Kind::File => self.goes(path)?,
            Kind::Other => {
                self.changes.entry(path.clone()).or_insert(Change::Edited);
            }
            // It is gone already; a folder in its place is somebody else's.
            Kind::Absent | Kind::Blocked(_) | Kind::Folder => {}
        }
        Ok(())
    }

    /// Judges a file that may not stay.
    fn goes(&mut self, path: &FilePath) -> Result<(), OutputError> {
        if self.changes.contains_key(path) {
            return Ok(());
        }
        let found = self.ground.bytes(path)?;
        let standing = self.standing(path, found);
        let is_torn = standing == Change::Edited && matches!(found, Bytes::Torn(_));
        let change =
            if standing == Change::Changed || is_torn { Change::Deleted } else { standing };
        self.changes.insert(path.clone(), change);
        Ok(())
    }

    /// Says whose a file is that may not stay as it is.
    fn standing(&self, path: &FilePath, found: Bytes) -> Change {
        match found {
            Bytes::Empty => Change::Changed,
            Bytes::Zeroes(_) if self.previous.owns(path) => Change::Changed,
            Bytes::Torn(digest) | Bytes::Digest(digest) if self.previous.wrote(path, digest) => {
                Change::Changed
            }
            Bytes::Torn(_) | Bytes::Digest(_) | Bytes::TooLarge if self.previous.owns(path) => {
                Change::Edited
            }
            Bytes::Zeroes(_) | Bytes::Torn(_) | Bytes::Digest(_) | Bytes::TooLarge => {
                Change::Foreign
            }
        }
    }

    /// Says whether a power failure left what was `found` at `path`, which wob owns, of bytes that wob wrote there. Where these can
    /// only be what is `wanted` now, it must be the beginning of them.
    fn is_torn(
        &mut self,
        path: &FilePath,
        found: Bytes,
        wanted: &Blob,
    ) -> Result<bool, OutputError> {
        let has_zeroes = matches!(found, Bytes::Torn(_));
        let may_be_other = self.previous.digests(path).any(|it| it != wanted.digest());
        if has_zeroes && may_be_other {
            return Ok(true);
        }
        // Somebody may have shortened a file by hand, unless a build was writing just then.
        let is_announced = self.previous.unfinished.iter().any(|it| it.digest(path).is_some());
        let is_written = is_announced && self.previous.wrote(path, wanted.digest());
        if !has_zeroes && !is_written {
            return Ok(false);
        }
        let found = self.ground.read(path)?;
        Ok(found.is_some_and(|it| is_rest_of(&it, &wanted.bytes())))
    }

    /// A folder can make place for a file if nothing in it is anybody else's.
    fn check_folder_goes(
        &mut self,
        path: &FilePath,
        interrupt: &Interrupt,
    ) -> Result<(), OutputError> {
        let below = self.ground.files_below(path.as_str(), interrupt)?;
        for below in below.into_iter().filter(|it| !is_stale(it)) {
            let in_the_way = || OutputError::FolderInTheWay { path: self.ground.shown(path) };
            let below = FilePath::new(&below).map_err(|_| in_the_way())?;
            if !self.previous.owns(&below) {
                return Err(in_the_way());
            }
        }
        Ok(())
    }
}

/// Says whether `found` is the beginning of `whole`, and zeroes where the rest of it should be, as far as there are any.
fn is_rest_of(found: &[u8], whole: &[u8]) -> bool {
    let zeroes = found.iter().rev().take_while(|it| **it == 0).count();
    found.len() <= whole.len() && whole.starts_with(&found[..found.len() - zeroes])
}

/// Says whether a file waited for its place in a run that crashed, by itself or in a new folder.
fn is_stale(path: &str) -> bool {
    path.split('/').any(|it| it.starts_with(TEMPORARY))
}

impl Previous {
    pub(super) fn owns(&self, path: &FilePath) -> bool {
        self.digests(path).next().is_some()
    }

    fn wrote(&self, path: &FilePath, digest: Digest) -> bool {
        self.digests(path).any(|it| it == digest)
    }

    fn digests(&self, path: &FilePath) -> impl Iterator<Item = Digest> {
        let manifests = [&self.manifest].into_iter().chain(&self.unfinished);
        manifests.filter_map(|it| it.digest(path))
    }
}
