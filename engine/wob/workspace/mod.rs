//! Workspaces: finding the one that the user works in, and what its settings say.

mod at_commit;
mod checkouts;
mod input;
mod load;
mod locks;
mod overrides;
mod plane;
mod read;
mod revision;
mod schedule;
mod seen;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod trust;

use std::{collections::BTreeSet, io};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Content, Diagnostic, FileName};
use wob_host::{
    CacheError, FetchError, FolderError, GitError, GitId, Interrupt, Interrupted, LimitError,
    Policy, ReadLimits, Repository, read_file,
};
use wob_rules::{Name, WorkspaceFile, refused};

use self::{
    at_commit::AtCommit,
    locks::{Demand, LockTask, Mismatch},
    overrides::Overrides,
    settings::SettingsFile,
};
pub(crate) use self::{
    load::{Loaded, LoadedEnvironment, load},
    locks::{Asked, AskedLock, Home},
    plane::{BranchTips, Plane, branch_of},
    revision::RevisionError,
    seen::{Foreseen, Seen, SeenThing},
    state::{Start, State},
};
use crate::{
    args::Common,
    exit::Exit,
    lock::{BranchKey, LOCK_FILE, LockFile, ReadLock},
    report::FileTexts,
};

/// The name of the settings of a workspace.
pub(crate) const FILE: &str = "wob.yaml";
/// The name of the settings that hold for one checkout only and are never committed.
const LOCAL_FILE: &str = "wob.local.yaml";

/// A workspace: a git repository, or a plain folder.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its root; what settings and diagnostics name is relative to it.
    pub(crate) root: Utf8PathBuf,
    /// How environments are told apart.
    layout: Layout,
    /// What `wob.yaml` says.
    pub(crate) settings: WorkspaceFile,
    /// Where that comes from; none if there is no such file.
    settings_file: Option<SettingsFile>,
    /// What is read instead of other repositories.
    overrides: Overrides,
    /// Where sources are read.
    state: State,
    /// The commit that settings and folders are read at; none: as they lie on disk.
    at: Option<AtCommit>,
    /// Whether programs of any commit may run.
    runs_programs: bool,
    /// Whether the network may be used.
    policy: Policy,
    /// What lock files are for in this run.
    lock_task: LockTask,
    /// The lock file of the folders layout.
    lock: Option<LockFile>,
    /// The files read so far that no source holds: the settings.
    texts: FileTexts,
    /// What is wrong with the settings.
    diagnostics: Vec<Diagnostic>,
    /// What was looked at to find it.
    seen: Seen,
}

/// How environments are told apart.
#[derive(Debug)]
enum Layout {
    /// Each environment is a branch of this repository.
    Branches(Box<Repository>),
    /// Each environment is a folder that `wob.yaml` names.
    Folders,
}

/// Whether what is made from a source may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Everybody who gets the workspace can get it.
    Clean,
    /// It overrides something for this user only.
    Dirty,
}

/// Why a workspace cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// No workspace around the folder.
    #[error(
        "there is no workspace in `{0}` or above: neither a wob.yaml nor a git repository\n  \
         help: `wob init` writes one; `-C DIR` works elsewhere"
    )]
    NotFound(Utf8PathBuf),
    /// Something that must be read cannot be.
    #[error("could not read `{path}`: {source}")]
    Unreadable {
        /// What.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The repository has no base branch.
    #[error(
        "`{repository}` has no branch `{branch}`, which holds what all environments share\n  \
         help: name another one by `baseBranch` in wob.yaml; there are {known}"
    )]
    NoBase {
        /// The repository.
        repository: String,
        /// The branch.
        branch: String,
        /// The branches that are there.
        known: String,
    },
    /// The repository itself fails.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A folder of the workspace fails.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another repository fails.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A commit that is locked is neither where it was nor in the cache.
    #[error(
        "commit {commit} of `{url}`, at which branch `{branch}` is locked, is gone: neither the repository nor the cache has it"
    )]
    Gone {
        /// The address, without secrets.
        url: String,
        /// The branch.
        branch: String,
        /// The commit.
        commit: GitId,
    },
    /// A commit does not hold what was locked.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// There is no place to keep other repositories.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The user stopped a program that was asked.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl WorkspaceError {
    /// Returns how wob ends for this reason.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NotFound(_) | Self::NoBase { .. } => Exit::Usage,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Git(_) | Self::Folder(_) | Self::Fetch(_) | Self::Cache(_)
                if self.is_interrupted() =>
            {
                Exit::Interrupted
            }
            Self::Fetch(FetchError::Unreachable { .. } | FetchError::Unauthorized { .. })
            | Self::Gone { .. } => Exit::Outside,
            Self::Mismatch(_) => Exit::Integrity,
            Self::Unreadable { .. }
            | Self::Git(_)
            | Self::Folder(_)
            | Self::Fetch(_)
            | Self::Cache(_) => Exit::Local,
        }
    }

    /// Says whether the user stopped it.
    fn is_interrupted(&self) -> bool {
        match self {
            Self::Git(GitError::Limit { source, .. })
            | Self::Folder(FolderError::Limit { source, .. })
            | Self::Fetch(FetchError::Git(GitError::Limit { source, .. })) => {
                matches!(source, LimitError::Interrupted(_))
            }
            Self::Fetch(error) => matches!(error, FetchError::Interrupted(_)),
            Self::Interrupted(_) => true,
            Self::NotFound(_)
            | Self::Unreadable { .. }
            | Self::NoBase { .. }
            | Self::Git(_)
            | Self::Folder(_)
            | Self::Gone { .. }
            | Self::Mismatch(_)
            | Self::Cache(_) => false,
        }
    }
}

impl Workspace {
    /// Finds the workspace of the folder that `common` names: the nearest `wob.yaml`, or else the git repository. It is read in
    /// `state`.
    pub(crate) fn find(
        common: &Common,
        state: State,
        interrupt: &Interrupt,
    ) -> Result<Self, WorkspaceError> {
        Self::find_after(Seen::default(), common, state, interrupt)
    }

    /// Finds it as [`Workspace::find`] does, and adds what is looked at to what was `seen`.
    fn find_after(
        mut seen: Seen,
        common: &Common,
        state: State,
        interrupt: &Interrupt,
    ) -> Result<Self, WorkspaceError> {
        let start = common.directory.clone().unwrap_or_else(|| ".".into());
        let unreadable = |source| WorkspaceError::Unreadable { path: start.clone(), source };
        let folder = start.canonicalize_utf8().map_err(unreadable)?;
        for above in folder.ancestors() {
            seen.presence(&above.join(FILE), interrupt);
            seen.presence(&above.join(".git"), interrupt);
        }
        let with_settings = folder
            .ancestors()
            // A repository's settings are its own: those of a folder around it say nothing.
            .scan(false, |outside, it| {
                (!std::mem::replace(outside, it.join(".git").exists())).then_some(it)
            })
            .find(|it| it.join(FILE).symlink_metadata().is_ok());
        let repository = discover(with_settings.unwrap_or(&folder), &mut seen, interrupt)?;
        let work_folder = repository.as_ref().and_then(Repository::work_folder);
        let root = match (with_settings, &repository) {
            (Some(root), _) => root.to_owned(),
            (None, Some(_)) => work_folder.unwrap_or(folder),
            (None, None) => return Err(WorkspaceError::NotFound(start)),
        };
        let policy = if common.offline { Policy::Offline } else { Policy::Online };
        let mut workspace = Self {
            layout: Layout::Folders,
            settings: WorkspaceFile::default(),
            settings_file: None,
            overrides: Overrides::default(),
            at: state.own.map(|it| AtCommit::new(&root, it)).transpose()?,
            state,
            runs_programs: common.run_programs,
            policy,
            lock_task: LockTask::Build(Demand::of(common)),
            lock: None,
            texts: FileTexts::default(),
            diagnostics: vec![],
            seen,
            root,
        };
        workspace.seen.file(&workspace.root.join(FILE), interrupt);
        let shared = match &workspace.at {
            Some(at) => at.file(FILE)?,
            None => read_file(&workspace.root, FILE, &ReadLimits::default()),
        };
        let at = workspace.at.as_ref();
        workspace.settings_file =
            SettingsFile::new(shared.as_ref(), at, repository.as_ref(), &workspace.root);
        workspace.settings = workspace.read_settings(FILE, shared);
        workspace.seen.file(&workspace.root.join(LOCAL_FILE), interrupt);
        let local = read_file(&workspace.root, LOCAL_FILE, &ReadLimits::default());
        let local = workspace.read_settings(LOCAL_FILE, local);
        workspace.overrides =
            Overrides::new(&workspace.root, common, &local.inputs, &workspace.settings.inputs);
        if let Some(repository) = repository
            && workspace.settings.base.is_none()
            && workspace.settings.environments.values().all(|it| it.path.is_none())
        {
            workspace.layout = Layout::Branches(Box::new(repository));
        } else {
            workspace.read_lock(interrupt)?;
        }
        Ok(workspace)
    }

    /// Makes this a run that finds out what is to be locked; `renewed` branches are read as they are now.
    ///
    /// What is read instead of an input on this machine only does not count then: a lock is for everybody.
    pub(crate) fn lock_anew(&mut self, renewed: BTreeSet<BranchKey>) {
        self.lock_task = LockTask::Lock(renewed);
        self.overrides = Overrides::shared(&self.root, &self.settings.inputs);
    }

    /// Reads the lock file beside `wob.yaml`.
    fn read_lock(&mut self, interrupt: &Interrupt) -> Result<(), WorkspaceError> {
        self.seen.file(&self.root.join(LOCK_FILE), interrupt);
        let content = match &self.at {
            Some(at) => at.file(LOCK_FILE)?,
            None => read_file(&self.root, LOCK_FILE, &ReadLimits::default()),
        };
        let Some(content) = content else { return Ok(()) };
        let name = FileName::new(LOCK_FILE);
        let ReadLock { file, diagnostics } = ReadLock::of(&name, &content);
        self.diagnostics.extend(diagnostics);
        if let Content::Text { text, .. } = content {
            self.texts.insert(name, text);
        }
        self.lock = file;
        Ok(())
    }

    /// Returns what is read instead of other repositories, as `--override-input` takes it from any folder.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = String> {
        self.overrides.absolute(&self.root)
    }

    /// Returns the repository whose branches are the environments, and the branch of the base; none if they are folders.
    pub(crate) fn branches(&self) -> Option<(&Repository, &str)> {
        match &self.layout {
            Layout::Branches(repository) => {
                let base = self.settings.base_branch.as_deref();
                Some((repository, base.unwrap_or(load::BASE_BRANCH)))
            }
            Layout::Folders => None,
        }
    }

    /// Returns what a file of settings says; what is wrong with it is noted.
    fn read_settings(&mut self, name: &str, content: Option<Content>) -> WorkspaceFile {
        let file = FileName::new(name);
        match content {
            None | Some(Content::Unread { .. }) => WorkspaceFile::default(),
            Some(Content::Refused(refusal)) => {
                self.diagnostics.push(refused(&file, &refusal));
                WorkspaceFile::default()
            }
            Some(Content::Text { text, .. }) => {
                let (settings, diagnostics) = WorkspaceFile::read(&file, &text);
                self.diagnostics.extend(diagnostics);
                self.texts.insert(file, text);
                settings
            }
        }
    }

    /// Says whether the settings are wrong, so that whatever would be built may not be what is meant.
    pub(crate) fn is_misread(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Opens the repository around `folder`, if there is one.
fn discover(
    folder: &Utf8Path,
    seen: &mut Seen,
    interrupt: &Interrupt,
) -> Result<Option<Repository>, WorkspaceError> {
    let open = || match Repository::discover(folder) {
        Ok(repository) => Ok(Some(repository)),
        Err(GitError::NoRepository { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(found) = open()? else { return Ok(None) };
    seen.repository(&found.place(), interrupt);
    // What is read now was stamped before.
    Ok(open()?)
}

/// Reads the workspace that `common` names, and every source that the environments need which are `needed`.
pub(crate) fn open(
    common: &Common,
    needed: &dyn Fn(&Name) -> bool,
    start: Start,
    interrupt: &Interrupt,
) -> Result<(Workspace, Loaded), WorkspaceError> {
    let Start { state, before, unneeded, told: _, foreseen } = start;
    let workspace = Workspace::find_after(Seen::after(foreseen), common, state, interrupt)?;
    let loaded = load(&workspace, common.profile, needed, (before, unneeded.as_ref()), interrupt)?;
    Ok((workspace, loaded))
}
