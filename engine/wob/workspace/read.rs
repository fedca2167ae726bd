//! Reads sources and pushes them into the engine, each only once.

use std::{collections::BTreeMap, fmt, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use salsa::Setter as _;
use wob_engine::{Content, Database, Digest, FileName, FilePath, Origin, Source, SourceFile};
use wob_host::{
    BranchPlace, Commit, FolderError, GitError, GitId, Head, Interrupt, LeftOut, LimitError,
    ReadLimits, ReadOptions, Reference, Repository, Snapshot, SnapshotFile, Unneeded,
    is_source_name, read_folder, redact, resolve_inside,
};

use super::{
    Seen, Standing, WorkspaceError,
    at_commit::AtCommit,
    checkouts::{Checkouts, is_shared},
    locks::Home,
    schedule::Exported,
    seen::Noted,
};
use crate::{
    lock::LOCK_FILE,
    report::{FileTexts, count},
};

/// Reads sources into a database.
pub(super) struct Sources<'r> {
    /// Where they are pushed.
    pub(super) db: Database,
    /// The texts that diagnostics may point into.
    pub(super) texts: FileTexts,
    /// What the user should hear about what was read.
    pub(super) remarks: Vec<String>,
    /// What the user should hear even if the rest is known.
    notices: Vec<String>,
    /// What was looked at.
    pub(super) seen: Seen,
    limits: ReadLimits,
    unneeded: Option<&'r Unneeded>,
    pub(super) interrupt: &'r Interrupt,
    /// Folders that were read side by side, as it is foreseen that they are needed.
    ahead: BTreeMap<Utf8PathBuf, Snapshot>,
    /// What was read, by its name; the same name is not read twice.
    read: BTreeMap<String, Source>,
    /// The commit that was read first of each branch of another repository.
    commits: BTreeMap<String, String>,
    /// What the run before has read, by its name.
    before: BTreeMap<String, Source>,
    checkouts: Checkouts,
    /// The folders and programs that are not as their last commit has them.
    edited: Vec<String>,
    /// Where each source was read, and the lock file in it.
    homes: Vec<(Source, SourceHome)>,
    /// Those that are folders on disk, and where they really lie.
    folders: Vec<(Source, Utf8PathBuf)>,
    /// The files of commits, as far as a program needed them.
    pub(super) exported: BTreeMap<GitId, Exported>,
    /// Whether commits are states of what is chosen here, as far as that was asked.
    pub(super) chosen: BTreeMap<GitId, bool>,
}

/// Where a source was read.
#[derive(Clone, Debug)]
pub(super) struct SourceHome {
    /// Where a lock file of it lies.
    pub(super) home: Home,
    /// What people call the lock file.
    pub(super) lock_name: FileName,
    /// What the lock file holds; none if there is none.
    pub(super) lock: Option<Content>,
}

/// Which commit of a repository to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Revision {
    /// A branch, the user's own or that of `origin`; with uncommitted edits if it is checked out.
    Branch(String),
    /// A branch as a commit has it, whatever it points to now.
    At {
        /// The branch.
        branch: String,
        /// The commit.
        commit: GitId,
    },
    /// A commit.
    Commit(String),
    /// A branch, a tag or a commit: whatever the user wrote.
    Any(String),
}

impl Revision {
    /// Returns what to ask a repository for, one after the other; never empty.
    pub(super) fn references(&self) -> Vec<Reference> {
        match self {
            Self::Branch(name) => vec![Reference::Branch(name.clone())],
            Self::At { commit, .. } => vec![Reference::Commit(*commit)],
            Self::Commit(name) | Self::Any(name) => match GitId::parse(name) {
                Some(id) => vec![Reference::Commit(id)],
                None => vec![Reference::Branch(name.clone()), Reference::Tag(name.clone())],
            },
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::At { branch, commit } => write!(f, "branch `{branch}` at {commit}"),
            Self::Commit(name) => write!(f, "commit `{name}`"),
            Self::Any(name) => write!(f, "`{name}`"),
        }
    }
}

/// A repository that is not the workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foreign<'u> {
    /// Its address.
    pub(super) url: &'u str,
    /// Whether its result may be published.
    pub(super) standing: Standing,
}

impl<'r> Sources<'r> {
    pub(super) fn new(
        texts: FileTexts,
        file_bytes: Option<u64>,
        unneeded: Option<&'r Unneeded>,
        interrupt: &'r Interrupt,
    ) -> Self {
        let mut limits = ReadLimits::default();
        limits.file_bytes = file_bytes.unwrap_or(limits.file_bytes);
        Self {
            db: Database::default(),
            texts,
            remarks: vec![],
            notices: vec![],
            seen: Seen::default(),
            limits,
            unneeded,
            interrupt,
            ahead: BTreeMap::new(),
            read: BTreeMap::new(),
            commits: BTreeMap::new(),
            before: BTreeMap::new(),
            checkouts: Checkouts::default(),
            edited: vec![],
            homes: vec![],
            folders: vec![],
            exported: BTreeMap::new(),
            chosen: BTreeMap::new(),
        }
    }

    /// Goes on in the database of the run before: what is the same there stays, with everything that was made of it.
    pub(super) fn after(mut self, db: Database, before: BTreeMap<String, Source>) -> Self {
        self.db = db;
        self.before = before;
        self
    }

    /// Reads the folders that were looked at before anything was read, and that the last run has read as folders, as files of them are
    /// left out. What cannot be read is asked for again, and then told.
    pub(super) fn read_ahead(&mut self) {
        let Some(unneeded) = self.unneeded else { return };
        let options = ReadOptions { unneeded: Some(LeftOut::Stamped(unneeded)), ..self.options() };
        let read = |it: &Utf8Path| Some((it.to_owned(), read_folder(it, &options).ok()?));
        let mut folders = self.seen.foreseen_folders();
        folders.retain(|it| unneeded.any_below(it));
        self.ahead = folders.into_par_iter().filter_map(read).collect();
    }

    /// Reads a folder as it lies on disk; its files are named below `shown`, and so is the source, unless a commit has it.
    ///
    /// Whatever links there are, the folder must be inside of `outer`.
    pub(super) fn folder(
        &mut self,
        outer: &Utf8Path,
        folder: &Utf8Path,
        shown: &str,
        standing: Standing,
    ) -> Result<Source, FolderError> {
        let key = format!("folder {folder}");
        if let Some(source) = self.read.get(&key) {
            return Ok(*source);
        }
        let noted = self.seen.folder(folder, self.interrupt);
        // Paths that were joined with nothing end with a slash.
        let shown = Some(shown.trim_end_matches('/')).filter(|it| !it.is_empty()).unwrap_or(shown);
        let real = resolve_inside(outer, folder).map_err(|error| named(error, shown))?;
        let real = Utf8PathBuf::try_from(real).ok();
        if let Some(real) = &real {
            self.checkouts.see(real, &mut self.seen, self.interrupt);
        }
        let ahead = self.ahead.remove(folder).filter(|_| noted == Noted::Foreseen);
        let mut snapshot = match ahead {
            Some(ahead) => ahead,
            None => read_folder(folder, &self.options()).map_err(|error| named(error, shown))?,
        };
        snapshot.origin = self.folder_origin((folder, real.as_deref()), shown, &snapshot)?;
        snapshot.origin.dirty |= standing == Standing::Dirty;
        let prefix = if shown == "." { String::new() } else { format!("{shown}/") };
        let source = self.push(key, snapshot, &prefix, Home::Folder(folder.to_owned()));
        self.folders.extend(real.map(|it| (source, it)));
        Ok(source)
    }

    /// Reads a folder of the workspace as a commit has it; its files are named as they lie on disk, and so is the source, unless
    /// others can get the commit.
    pub(super) fn folder_at(
        &mut self,
        at: &AtCommit,
        path: &str,
    ) -> Result<Source, WorkspaceError> {
        let folder = at.path_of(path)?;
        // Of the run before, which may have read another commit, all files that are the same stay.
        let key = format!("folder {path} of a commit");
        if let Some(source) = self.read.get(&key) {
            return Ok(*source);
        }
        let mut snapshot = at.repository.read(&at.commit, folder.as_ref(), &self.options())?;
        snapshot.origin.reference = None;
        if !is_shared(&at.repository) {
            path.clone_into(&mut snapshot.origin.url);
        }
        let shown = path.trim_end_matches('/');
        let prefix = if shown == "." { String::new() } else { format!("{shown}/") };
        Ok(self.push(key, snapshot, &prefix, Home::Elsewhere(format!("{path} at a commit"))))
    }

    /// Says which commit a folder is; no source is refused because git cannot tell.
    fn folder_origin(
        &mut self,
        (folder, real): (&Utf8Path, Option<&Utf8Path>),
        shown: &str,
        snapshot: &Snapshot,
    ) -> Result<Origin, FolderError> {
        let options = self.options();
        let origin = self.checkouts.origin((folder, real), shown, snapshot, &options);
        if let Err(GitError::Limit { source: source @ LimitError::Interrupted(_), .. }) = origin {
            return Err(FolderError::Limit { path: shown.into(), source });
        }
        Ok(self.known_origin(origin, shown))
    }

    /// Says which commit a program is, whose bytes have `digest` and which people call `shown`.
    pub(super) fn program_origin(
        &mut self,
        file: &Utf8Path,
        shown: &str,
        digest: Digest,
    ) -> Origin {
        let origin = self.checkouts.program_origin(file, shown, digest);
        self.known_origin(origin, shown)
    }

    /// Notes that a program is about to be read, and asked where it comes from.
    pub(super) fn see_program(&mut self, file: &Utf8Path) {
        self.seen.file(file, self.interrupt);
        if let Some(folder) = file.parent().and_then(|it| it.canonicalize_utf8().ok()) {
            self.checkouts.see(&folder, &mut self.seen, self.interrupt);
        }
    }

    fn known_origin(&mut self, origin: Result<Option<Origin>, GitError>, shown: &str) -> Origin {
        let plain = Origin { url: shown.to_owned(), ..Origin::default() };
        match origin {
            Ok(Some(origin)) => {
                let name = format!("`{shown}`");
                if origin.dirty && !self.edited.contains(&name) {
                    self.edited.push(name);
                }
                origin
            }
            Ok(None) => plain,
            Err(error) => {
                self.remark(format!("the commit of `{shown}` is not known: {error}"));
                plain
            }
        }
    }

    /// Reads a folder of the workspace's own repository.
    pub(super) fn git(
        &mut self,
        repository: &Repository,
        revision: &Revision,
        folder: Option<&FilePath>,
    ) -> Result<Source, GitError> {
        let below = folder.map_or(String::new(), |it| format!("{it}/"));
        let key = match revision {
            // As above: where the branch was before does not matter.
            Revision::At { branch, .. } => format!("branch `{branch}` of a commit {below}"),
            Revision::Branch(_) | Revision::Commit(_) | Revision::Any(_) => {
                format!("{revision} {below}")
            }
        };
        if let Some(source) = self.read.get(&key) {
            return Ok(*source);
        }
        let on_branch =
            |name: &String| Home::Branch { name: name.clone(), folder: folder.cloned() };
        let (commit, shown, home) = match revision {
            Revision::Branch(name) if is_checked_out(repository, name)? => {
                if let Some(folder) = repository.work_folder() {
                    self.seen.folder(&folder, self.interrupt);
                }
                let working = repository.read_working(folder, &self.options())?;
                if !working.changed.is_empty() {
                    let files = count(working.changed.len(), "file", "files");
                    self.remark(format!(
                        "uncommitted edits of branch `{name}` are built too: {files}"
                    ));
                }
                // What is checked out is named as it lies on disk.
                return Ok(self.push(key, working.snapshot, &below, on_branch(name)));
            }
            Revision::Branch(name) => {
                let (commit, remote) = branch_tip(repository, name)?;
                if let Some(remote) = remote {
                    self.remark(format!(
                        "branch `{name}` is read as `{remote}/{name}`, as it was fetched last"
                    ));
                }
                (commit, name.clone(), on_branch(name))
            }
            Revision::At { branch, commit } => {
                let commit = repository.resolve(&commit.to_string())?;
                let home = Home::Elsewhere(revision.to_string());
                (Commit { revision: branch.clone(), ..commit }, branch.clone(), home)
            }
            Revision::Commit(name) | Revision::Any(name) => {
                let home = Home::Elsewhere(revision.to_string());
                (repository.resolve(name)?, short(name).to_owned(), home)
            }
        };
        let snapshot = repository.read(&commit, folder, &self.options())?;
        Ok(self.push(key, snapshot, &format!("{shown}:{below}"), home))
    }

    /// Reads a folder of a commit of another repository.
    pub(super) fn commit(
        &mut self,
        repository: &Repository,
        commit: &Commit,
        folder: Option<&FilePath>,
        foreign: &Foreign<'_>,
    ) -> Result<Source, GitError> {
        let below = folder.map_or(String::new(), |it| format!("{it}/"));
        let prefix = format!("{}@{}:{below}", redact(foreign.url), short(&commit.revision));
        let mut key =
            format!("{}@{}:{below} {:?}", redact(foreign.url), commit.revision, foreign.standing);
        let id = commit.id.to_string();
        // Where the branch was in the run before does not matter, but in this one it may be pinned to several commits.
        if *self.commits.entry(key.clone()).or_insert_with(|| id.clone()) != id {
            key.extend([" at ", &id]);
        }
        if let Some(source) = self.read.get(&key) {
            return Ok(*source);
        }
        let mut snapshot = repository.read(commit, folder, &self.options())?;
        snapshot.origin.dirty |= foreign.standing == Standing::Dirty;
        let home =
            Home::Elsewhere(format!("branch `{}` of `{}`", commit.revision, redact(foreign.url)));
        Ok(self.push(key, snapshot, &prefix, home))
    }

    /// Returns where `source` was read.
    pub(super) fn home(&self, source: Source) -> Option<&SourceHome> {
        self.homes.iter().find(|(it, _)| *it == source).map(|(_, home)| home)
    }

    /// Notes something that the user should hear, once.
    pub(super) fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Notes something that the user should hear, once, even if this is only what others are compared with.
    pub(super) fn notice(&mut self, notice: String) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Ends reading: returns where everything was pushed, the sources by their names, the texts, and what the user should
    /// hear.
    pub(super) fn into_parts(mut self) -> Parts {
        const NAMED: usize = 5;
        let rest = self.edited.len().saturating_sub(NAMED);
        self.edited.truncate(NAMED);
        if rest > 0 {
            self.edited.push(format!("{rest} more"));
        }
        if !self.edited.is_empty() {
            let folders = self.edited.join(", ");
            self.remark(format!("uncommitted edits are built too: in {folders}"));
        }
        let Self { db, read: sources, folders, texts, remarks, notices, .. } = self;
        Parts { db, sources, folders, texts, remarks, notices }
    }

    fn options(&self) -> ReadOptions<'r> {
        ReadOptions {
            wanted: &is_wanted,
            limits: self.limits,
            unneeded: self.unneeded.map(LeftOut::LookAgain),
            interrupt: self.interrupt,
        }
    }

    fn push(&mut self, key: String, mut snapshot: Snapshot, prefix: &str, home: Home) -> Source {
        let lock = take_lock(&mut snapshot);
        let before = self.before.get(&key).copied();
        let mut known: BTreeMap<FilePath, SourceFile> = BTreeMap::new();
        if let Some(before) = before {
            let files = before.files(&self.db).iter().chain(before.ignored_files(&self.db));
            known.extend(files.map(|it| (it.path(&self.db).clone(), *it)));
        }
        let visible = self.push_files(snapshot.files, prefix, &known);
        let ignored = self.push_files(snapshot.ignored, prefix, &known);
        let source = match before {
            Some(source) => {
                self.update(source, snapshot.origin, visible, ignored);
                source
            }
            None => Source::new(&self.db, snapshot.origin, visible, ignored),
        };
        let lock_name = FileName::new(&format!("{prefix}{LOCK_FILE}"));
        self.homes.push((source, SourceHome { home, lock_name, lock }));
        self.read.insert(key, source);
        source
    }

    fn push_files(
        &mut self,
        files: Vec<SnapshotFile>,
        prefix: &str,
        known: &BTreeMap<FilePath, SourceFile>,
    ) -> Vec<SourceFile> {
        let mut pushed = Vec::with_capacity(files.len());
        for it in files {
            let name = FileName::new(&format!("{prefix}{}", it.path));
            if let Content::Text { text, .. } = &it.content {
                self.texts.insert(name.clone(), Arc::clone(text));
            }
            let file = known.get(&it.path).filter(|file| *file.name(&self.db) == name);
            pushed.push(match file {
                Some(file) => {
                    // Setting an input starts a new revision even if it is equal, so look first.
                    if *file.content(&self.db) != it.content {
                        file.set_content(&mut self.db).to(it.content);
                    }
                    *file
                }
                None => SourceFile::new(&self.db, name, it.path, it.content),
            });
        }
        pushed
    }

    fn update(
        &mut self,
        source: Source,
        origin: Origin,
        files: Vec<SourceFile>,
        ignored: Vec<SourceFile>,
    ) {
        if *source.origin(&self.db) != origin {
            source.set_origin(&mut self.db).to(origin);
        }
        if *source.files(&self.db) != files {
            source.set_files(&mut self.db).to(files);
        }
        if *source.ignored_files(&self.db) != ignored {
            source.set_ignored_files(&mut self.db).to(ignored);
        }
    }
}

/// Says whether files of this name are read: sources, and lock files, which are none.
fn is_wanted(name: &str) -> bool {
    is_source_name(name) || name == LOCK_FILE
}

/// Takes the lock files out of a source, and returns the content of its own.
fn take_lock(snapshot: &mut Snapshot) -> Option<Content> {
    let mut own = None;
    for files in [&mut snapshot.files, &mut snapshot.ignored] {
        files.retain_mut(|it| {
            if it.path.as_str() == LOCK_FILE {
                own = Some(it.content.clone());
            }
            it.path.file_name() != LOCK_FILE
        });
    }
    own
}

/// What reading gave.
pub(super) struct Parts {
    pub(super) db: Database,
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) folders: Vec<(Source, Utf8PathBuf)>,
    pub(super) texts: FileTexts,
    pub(super) remarks: Vec<String>,
    pub(super) notices: Vec<String>,
}

/// Names the folder in an error as people know it.
fn named(error: FolderError, shown: &str) -> FolderError {
    let path = shown.into();
    match error {
        FolderError::Unreadable { source, .. } => FolderError::Unreadable { path, source },
        FolderError::Leaves { .. } => FolderError::Leaves { path },
        FolderError::Limit { source, .. } => FolderError::Limit { path, source },
    }
}

/// Returns a revision as people read it: of a commit's id, the beginning.
fn short(revision: &str) -> &str {
    let is_id = revision.len() == 40 && revision.bytes().all(|it| it.is_ascii_hexdigit());
    if is_id { &revision[..10] } else { revision }
}

fn is_checked_out(repository: &Repository, branch: &str) -> Result<bool, GitError> {
    if repository.work_folder().is_none() {
        return Ok(false);
    }
    Ok(match repository.head()? {
        Head::Branch(head) => head == branch,
        Head::Unborn(_) | Head::Detached(_) => false,
    })
}

/// Returns the tip of a branch, and the remote if it is the last known one of a remote.
fn branch_tip(repository: &Repository, name: &str) -> Result<(Commit, Option<String>), GitError> {
    let Some(branch) = repository.branch(name)? else {
        return Ok((repository.resolve(name)?, None));
    };
    let remote = match &branch.place {
        BranchPlace::Local => None,
        BranchPlace::Remote(remote) => Some(remote.clone()),
    };
    Ok((repository.tip(&branch)?, remote))
}
