//! Writes a tree into a branch of a git repository, without a checkout.
//!
//! The tree of the branch's last commit is what a disk is for a folder: it may hold files of others, and its `.wob/tree.json`
//! says which are wob's own. An [`OutputBranch`] is what the branch was when it was opened; if it moves, applying fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use wob_engine::{Blob, Digest, FilePath, PARTS_FOLDER, RECORD_PATH, Tree};

use super::{
    Failure, Manifest, OutputError, Overwrite, Plan, Previous, ReadPart, TreeRecord,
    changes::{Change, Changes},
    ground::{FILE_BYTES, Ground, Kind},
    paths::Case,
    plan::{self, Others, To},
    records::Records,
};
use crate::{
    BranchName, Commit, EarlyFiles, FileSystem, GitError, GitId, Interrupt, LimitError,
    RealFileSystem, Repository,
    git::{CommitFiles, Comparison, Leaf, Moved, NewCommit},
};

/// A branch that a tree is written into, as it was when it was opened.
#[derive(Clone, Debug)]
pub struct OutputBranch {
    files: Arc<dyn FileSystem>,
    pub(super) repository: Repository,
    name: BranchName,
    /// The repository's folder as the user wrote it.
    folder: Utf8PathBuf,
    pub(super) tip: Option<Commit>,
    /// What of the tree is compressed already.
    early: Option<Arc<EarlyFiles>>,
}

impl OutputBranch {
    /// Opens a branch of the repository in `folder`, be it bare or with a checkout; the branch need not exist.
    ///
    /// # Errors
    /// If there is no repository in exactly this folder, or it is damaged.
    pub fn open(folder: &Utf8Path, name: &BranchName) -> Result<Self, OutputError> {
        Self::open_on(Arc::new(RealFileSystem), folder, name)
    }

    /// Opens a branch whose packs are written by `files`, which must write where git reads.
    ///
    /// # Errors
    /// See [`OutputBranch::open`].
    pub fn open_on(
        files: Arc<dyn FileSystem>,
        folder: &Utf8Path,
        name: &BranchName,
    ) -> Result<Self, OutputError> {
        let repository = Repository::open(folder)?;
        let tip = repository.tip_of(name)?;
        let (name, folder) = (name.clone(), folder.to_owned());
        Ok(Self { files, repository, name, folder, tip, early: None })
    }

    /// Opens what `revision` names as it is, to be compared with and never written to.
    ///
    /// # Errors
    /// If there is no repository in exactly this folder, or no such revision in it.
    pub fn at(folder: &Utf8Path, revision: &str) -> Result<Self, OutputError> {
        let repository = Repository::open(folder)?;
        let tip = repository.resolve(revision)?;
        let id = tip.id.to_string();
        let name = BranchName::new(&id).expect("because a branch may be named like a commit");
        let files = Arc::new(RealFileSystem);
        let folder = folder.to_owned();
        Ok(Self { files, repository, name, folder, tip: Some(tip), early: None })
    }

    /// Returns a place for files of the tree to be compressed in as soon as they are made, if surely every file will be new: a
    /// branch that has a tree of wob's has most of them.
    pub fn early(&self) -> Option<EarlyFiles> {
        let is_new = self.has_no_tree();
        is_new.then(|| self.repository.early(self.files.clone(), &self.own_name()))
    }

    /// Takes files from `early` instead of making them again, if the branch still has no tree.
    #[must_use]
    pub fn with_early(self, early: Option<Arc<EarlyFiles>>) -> Self {
        let early = early.filter(|_| self.has_no_tree());
        Self { early, ..self }
    }

    /// Says whether it is known that wob wrote no tree there.
    fn has_no_tree(&self) -> bool {
        let text = self.tip.as_ref().map(|it| own_text(&self.repository, it));
        matches!(text, None | Some(Ok(None)))
    }

    /// Returns what people call it: the repository's folder, `#`, and the branch.
    pub fn shown(&self) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}#{}", self.folder, self.name.as_str()))
    }

    /// Returns its last commit; none if the branch does not exist yet.
    pub fn tip(&self) -> Option<GitId> {
        self.tip.as_ref().map(|it| it.id)
    }

    /// Reads what wob wrote before.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn previous(&self) -> Result<Previous, OutputError> {
        let Some(tip) = &self.tip else { return Ok(Previous::default()) };
        let text = own_text(&self.repository, tip)?;
        let failure = Failure::default();
        let parse = |it: &str| manifest_of(&self.repository, tip, it, &failure);
        let manifest = text.as_deref().and_then(parse).unwrap_or_default();
        Ok(Previous { manifest, text, unfinished: vec![], failure })
    }

    /// Reads those of `paths` that are still as wob wrote them, and gives each to `take`.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn read_owned(
        &self,
        paths: impl Iterator<Item = FilePath>,
        previous: &Previous,
        take: &mut dyn FnMut(FilePath, Blob),
    ) -> Result<(), OutputError> {
        let Some(tip) = &self.tip else { return Ok(()) };
        let mut owned = |path: FilePath, bytes: Vec<u8>| {
            let blob = Blob::new(bytes);
            if previous.manifest.digest(&path) == Some(blob.digest()) {
                take(path, blob);
            }
        };
        Ok(self.repository.read_files(tip.tree, paths, FILE_BYTES, &mut owned)?)
    }

    /// Compares `tree` with the branch's tree, and changes nothing. `record` is about the tree.
    ///
    /// # Errors
    /// If the tree cannot lie in a folder at all, or the branch cannot be read.
    pub fn plan(
        &self,
        tree: &Tree,
        record: &TreeRecord,
        interrupt: &Interrupt,
    ) -> Result<Plan, OutputError> {
        let next = plan::check(tree, record, Case::Kept)?;
        let previous = self.previous()?;
        let to = To::Branch(Box::new(self.clone()));
        let Some(tip) = &self.tip else {
            let all = (Changes::all_added(tree), Others::default());
            let records = Records::new(&next, &previous.manifest, &|_| false);
            return Ok(Plan::new(all, to, tree, (record, records), previous));
        };
        let Comparison { differing, found } = self.repository.compare(tip.tree, tree, interrupt)?;
        let mut ground = Committed { output: self, found };
        let doubtful = (tree, differing.into_iter());
        let other_parts = previous.manifest.parts_beside(&next);
        let judged = plan::judge(&mut ground, (&previous, &other_parts), doubtful, interrupt);
        previous.check()?;
        let judged = Changes::from(judged?);
        let others = plan::others(&ground, &previous, &judged, tree, interrupt)?;
        let whole = self.whole_parts((tip, record), interrupt)?;
        let records = Records::new(&next, &previous.manifest, &|it| whole.contains(it));
        previous.check()?;
        Ok(Plan::new((judged, others), to, tree, (record, records), previous))
    }

    /// Looks at what the last commit has at some paths, which are sorted.
    pub(super) fn some(
        &self,
        paths: impl Iterator<Item = FilePath>,
    ) -> Result<Committed<'_>, OutputError> {
        let mut found = BTreeMap::new();
        let mut take = |path: FilePath, bytes: Vec<u8>| {
            found.insert(path.to_string(), Leaf::File(id_of(&bytes)));
        };
        self.read_all(paths, &mut take)?;
        Ok(Committed { output: self, found })
    }

    /// Returns the folders of which the last commit, `tip`, has exactly the records that `record` has.
    fn whole_parts(
        &self,
        (tip, record): (&Commit, &TreeRecord),
        interrupt: &Interrupt,
    ) -> Result<BTreeSet<FilePath>, OutputError> {
        let folder = FilePath::new(PARTS_FOLDER).expect("because the name is constant");
        let folder = match self.repository.folder_id(tip, Some(&folder)) {
            // A record of another version has no parts; and somebody may have deleted them.
            Err(GitError::NoSuchFolder { .. }) => return Ok(BTreeSet::new()),
            found => found?,
        };
        let found = self.repository.compare(folder, &Tree::default(), interrupt)?.found;
        let is_whole = |(folder, text): &(&FilePath, &Blob)| {
            let path = format!("{folder}.json");
            matches!(found.get(&path), Some(Leaf::File(it)) if *it == GitId::of(text))
        };
        let whole = record.parts.par_iter().filter(is_whole);
        Ok(whole.map(|(folder, _)| folder.clone()).collect())
    }

    pub(super) fn lock_path(&self) -> Utf8PathBuf {
        self.repository.common_folder().join(format!("{}.lock", self.own_name()))
    }

    /// Reads the file at `path` in the last commit.
    pub(super) fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        let mut found = None;
        self.read_all([path.clone()].into_iter(), &mut |_, bytes| found = Some(bytes))?;
        Ok(found)
    }

    /// Reads those of `paths`, which are sorted, that are files of the last commit, and gives each to `take`.
    pub(super) fn read_all(
        &self,
        paths: impl Iterator<Item = FilePath>,
        take: &mut dyn FnMut(FilePath, Vec<u8>),
    ) -> Result<(), OutputError> {
        let Some(tip) = &self.tip else { return Ok(()) };
        Ok(self.repository.read_files(tip.tree, paths, FILE_BYTES, take)?)
    }

    /// Names what belongs to this branch alone in the repository's folder.
    fn own_name(&self) -> String {
        let digest = Digest::of(self.name.as_str().as_bytes()).to_string();
        format!("wob-{}", &digest[..16])
    }
}

impl OutputBranch {
    /// Commits what `plan` says; returns the branch's commit, new or not.
    pub(super) fn apply(
        &self,
        plan: &Plan,
        overwrite: Overwrite,
        interrupt: &Interrupt,
    ) -> Result<Option<GitId>, OutputError> {
        let Self { repository, name, tip, .. } = self;
        if plan.is_done() {
            // Whoever was killed after the branch had moved left something, and nobody else would look for it.
            repository.remove_remains(&*self.files, &self.own_name());
            return Ok(self.tip());
        }
        if overwrite == Overwrite::Nothing
            && tip.is_some()
            && let Some(folder) = repository.checkout_of(name)
        {
            return Err(OutputError::CheckedOut { branch: name.as_str().to_owned(), folder });
        }
        interrupt.check()?;
        match repository.write_commit(&self.commit(plan), interrupt)? {
            (Moved::Yes, new) => Ok(Some(new)),
            (Moved::Raced, _) => Err(OutputError::Moved { branch: self.shown() }),
        }
    }

    fn commit<'c>(&'c self, plan: &'c Plan) -> NewCommit<'c> {
        let files = if self.tip.is_some() {
            let file = |(path, _): (FilePath, Change)| {
                let blob = plan.tree.get(&path).cloned();
                (path, blob)
            };
            let removed = plan.records.removed.iter().map(|path| (path.clone(), None));
            let texts = plan.texts().map(|(path, text)| (path, Some(text)));
            CommitFiles::Edited(plan.changes.iter().map(file).chain(removed).chain(texts).collect())
        } else {
            // Whoever has no commit has no files of others.
            let mut tree = plan.tree.clone();
            for (path, text) in plan.texts() {
                tree.insert(&path, text);
            }
            CommitFiles::Whole(tree)
        };
        NewCommit {
            parent: self.tip.as_ref(),
            files,
            early: self.early.as_deref(),
            message: &plan.message,
            branch: &self.name,
            on: &*self.files,
            scratch: self.own_name(),
        }
    }
}

fn id_of(bytes: &[u8]) -> GitId {
    GitId::of(&Blob::new(bytes))
}

/// Returns the text of a commit's `.wob/tree.json`; none if there is none.
pub(super) fn own_text(
    repository: &Repository,
    commit: &Commit,
) -> Result<Option<String>, GitError> {
    let path = FilePath::new(RECORD_PATH).expect("because the name is constant");
    let mut text = None;
    let mut take = |_, bytes: Vec<u8>| text = Some(String::from_utf8_lossy(&bytes).into_owned());
    repository.read_files(commit.tree, [path].into_iter(), FILE_BYTES, &mut take)?;
    Ok(text)
}

/// Returns the manifest of a commit whose `.wob/tree.json` has this text; that a part cannot be read is noted in `failure`.
pub(super) fn manifest_of(
    repository: &Repository,
    commit: &Commit,
    text: &str,
    failure: &Failure,
) -> Option<Manifest> {
    let (repository, tree, failure) = (repository.clone(), commit.tree, failure.clone());
    let read: ReadPart = Arc::new(move |path| {
        let mut found = None;
        let mut take = |_, bytes: Vec<u8>| found = Some(bytes);
        let path = [path.clone()].into_iter();
        let read = repository.read_files(tree, path, FILE_BYTES, &mut take);
        failure.note(read.map(|()| found).map_err(OutputError::from))
    });
    Manifest::parse(text, &read)
}

/// What a commit holds where it differs from the tree.
pub(super) struct Committed<'c> {
    output: &'c OutputBranch,
    found: BTreeMap<String, Leaf>,
}

impl Ground for Committed<'_> {
    fn shown(&self, path: &FilePath) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}:{path}", self.output.shown()))
    }

    fn kind(&mut self, path: &FilePath) -> Result<Kind, OutputError> {
        let text = path.as_str();
        for (depth, (end, _)) in text.match_indices('/').enumerate() {
            match self.found.get(&text[..end]) {
                None => {}
                Some(Leaf::File(_)) => return Ok(Kind::Blocked(depth + 1)),
                Some(Leaf::Other) => {
                    let path =
                        Utf8PathBuf::from(format!("{}:{}", self.output.shown(), &text[..end]));
                    return Err(OutputError::Link { path });
                }
            }
        }
        let below = format!("{text}/");
        Ok(match self.found.get(text) {
            Some(Leaf::File(_)) => Kind::File,
            Some(Leaf::Other) => Kind::Other,
            None => match self.found.range(below.clone()..).next() {
                Some((next, _)) if next.starts_with(&below) => Kind::Folder,
                Some(_) | None => Kind::Absent,
            },
        })
    }

    fn read(&mut self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        match self.found.get(path.as_str()) {
            Some(Leaf::File(id)) => Ok(self.output.repository.blob(*id, FILE_BYTES)?),
            Some(Leaf::Other) | None => Ok(None),
        }
    }

    fn files_below(&self, top: &str, _: &Interrupt) -> Result<BTreeSet<String>, OutputError> {
        let below = if top.is_empty() { String::new() } else { format!("{top}/") };
        let all = self.found.range(below.clone()..).map(|(path, _)| path);
        Ok(all.take_while(|it| it.starts_with(&below)).cloned().collect())
    }
}

impl From<GitError> for OutputError {
    fn from(error: GitError) -> Self {
        if let GitError::Limit { source: LimitError::Interrupted(it), .. } = error {
            return Self::Interrupted(it);
        }
        Self::Git(error)
    }
}
