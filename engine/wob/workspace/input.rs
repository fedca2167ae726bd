//! Inputs: finds the source that an object refers to, or says why it cannot be had.

use std::collections::BTreeMap;

use wob_engine::{Digest, FilePath, Source};
use wob_host::{
    Cache, Commit, Elsewhere, FetchError, Fetched, GitError, GitId, Policy, Repository, redact,
    same_repository,
};
use wob_rules::{Name, Unavailable, resource::GitReference};

use super::{
    Layout, Standing, Workspace, WorkspaceError,
    locks::{Locked, Locks},
    overrides::Override,
    read::{Foreign, Revision, Sources},
};
use crate::{
    exit::Exit,
    input_override::Instead,
    lock::{BranchKey, InputKey, Pin, clamped},
};

/// Reads inputs.
pub(super) struct Inputs<'w> {
    workspace: &'w Workspace,
    cache: Option<Cache>,
    /// What was read.
    pub(super) sources: Sources<'w>,
    /// What pins inputs, and what was asked of it.
    pub(super) locks: Locks,
    /// The commits of branches that are not locked, as they were when they were asked for first.
    tips: BTreeMap<BranchKey, GitId>,
    /// The digests of the trees that were looked at.
    digests: BTreeMap<GitId, Digest>,
    /// Whether a source is missing because a service that wob does not run failed.
    pub(super) outside_failed: bool,
}

/// Why there is no source.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be had, but others can.
    Unavailable(Unavailable),
    /// It cannot be had as it is locked, and nothing else will do.
    Locked(Unavailable),
    /// Nothing can be read any more.
    Fatal(Box<WorkspaceError>),
}

impl<'w> Inputs<'w> {
    pub(super) fn new(workspace: &'w Workspace, sources: Sources<'w>) -> Self {
        Self {
            workspace,
            cache: None,
            sources,
            locks: Locks::new(workspace.lock_task.clone()),
            tips: BTreeMap::new(),
            digests: BTreeMap::new(),
            outside_failed: false,
        }
    }

    /// Reads a control plane or a base, which the object `name` refers to. If its repository cannot be reached, and nothing of
    /// it is locked, the workspace's own branch is used.
    pub(super) fn own(&mut self, name: &Name, reference: &GitReference) -> Result<Source, Stop> {
        let failed_before = self.outside_failed;
        let read = self.input(name, reference);
        let (Err(Stop::Unavailable(_)), Layout::Branches(repository)) =
            (&read, &self.workspace.layout)
        else {
            return read;
        };
        let (revision, folder) = wanted(reference)?;
        let path = folder.as_ref().map_or("", FilePath::as_str);
        let key = match &revision {
            Revision::Branch(branch) => Some(InputKey::new(&reference.repo, branch, path)),
            Revision::At { .. } | Revision::Commit(_) | Revision::Any(_) => None,
        };
        let revision = self.workspace.state.of_own(revision);
        let Ok(source) = self.sources.git(repository, &revision, folder.as_ref()) else {
            return read;
        };
        self.outside_failed = failed_before;
        if let Some(key) = &key {
            self.locks.forget(key);
        }
        let url = redact(&reference.repo);
        let remark =
            format!("`{url}` cannot be read, so {revision} of this repository is used instead");
        self.sources.remark(remark);
        Ok(source)
    }

    /// Reads what the object `name` refers to: an override, this repository, or another one.
    pub(super) fn input(&mut self, name: &Name, reference: &GitReference) -> Result<Source, Stop> {
        let workspace = self.workspace;
        let (revision, folder) = wanted(reference)?;
        if let Some(found) = workspace.overrides.find(&reference.repo) {
            return self.overridden(found, revision, folder.as_ref());
        }
        let foreign = Foreign { url: &reference.repo, standing: Standing::Clean };
        let pinned = workspace.state.of_input(&reference.repo, revision.clone());
        let own = match &workspace.layout {
            Layout::Branches(own) => Some(own),
            Layout::Folders => None,
        };
        let is_own = own.is_some_and(|it| is_at(it, &reference.repo));
        if let Revision::Branch(branch) = &pinned
            && !is_own
        {
            return self.branch(name, &foreign, branch, folder.as_ref());
        }
        let Some(own) = own else {
            return self.fetch(&foreign, &pinned, folder.as_ref());
        };
        let revision = if is_own { workspace.state.of_own(revision) } else { pinned };
        // A commit has the same files wherever it comes from, so one that is here need not be fetched.
        let is_here = match &revision {
            Revision::Commit(it) => own.resolve(it).is_ok(),
            Revision::At { commit, .. } => own.resolve(&commit.to_string()).is_ok(),
            Revision::Branch(_) | Revision::Any(_) => false,
        };
        if !is_here && !is_own {
            return self.fetch(&foreign, &revision, folder.as_ref());
        }
        match self.sources.git(own, &revision, folder.as_ref()) {
            Ok(source) => Ok(source),
            // What was never fetched into this clone may still be had from where it came from.
            Err(GitError::NoSuchRevision { .. } | GitError::Shallow { .. }) => {
                self.fetch(&foreign, &revision, folder.as_ref())
            }
            Err(error) => {
                Err(self.stop(error, "mend the branch, the commit or the path that is named here"))
            }
        }
    }

    fn overridden(
        &mut self,
        found: &Override,
        revision: Revision,
        folder: Option<&FilePath>,
    ) -> Result<Source, Stop> {
        match &found.instead {
            Instead::Folder(path) => {
                let below = folder.map_or("", FilePath::as_str);
                let outer = self.workspace.root.join(path);
                let shown = found.shown.join(below);
                let help = "the address is overridden by this folder; mend the override";
                if self.workspace.at.is_some() && found.standing == Standing::Clean {
                    return self.folder(shown.as_str(), help);
                }
                let folder = outer.join(below);
                let read = self.sources.folder(&outer, &folder, shown.as_str(), found.standing);
                read.map_err(|error| self.stop(error, help))
            }
            Instead::Repository { url, revision: other } => {
                let revision = other.clone().map_or(revision, Revision::Any);
                self.fetch(&Foreign { url, standing: found.standing }, &revision, folder)
            }
        }
    }

    /// Reads a folder of a branch of another repository: at the commit that is locked, or else as the branch is now.
    fn branch(
        &mut self,
        name: &Name,
        foreign: &Foreign<'_>,
        branch: &str,
        folder: Option<&FilePath>,
    ) -> Result<Source, Stop> {
        let key = InputKey::new(foreign.url, branch, folder.map_or("", FilePath::as_str));
        let locked = self.locks.ask(name, foreign.url, &key);
        let at = |commit| Revision::At { branch: branch.to_owned(), commit };
        let mut help = "mend the path that is named here".to_owned();
        let (revision, pin) = match locked {
            Locked::At(it) => (at(it.pin.commit), Some(it.pin)),
            Locked::Beside(commit) => {
                help = format!(
                    "the branch is locked at this commit; `wob update {name}` locks what it is now"
                );
                (at(commit), None)
            }
            Locked::Refused { reason, help } => {
                return Err(Stop::Locked(Unavailable { reason, help: Some(help) }));
            }
            // Two folders of a branch are of one commit.
            Locked::Not => match self.tips.get(&key.branch) {
                Some(commit) => (at(*commit), None),
                None => (Revision::Branch(branch.to_owned()), None),
            },
        };
        let is_locked = pin.is_some() || self.locks.has(&key);
        let stop = |stop: Stop| match stop {
            Stop::Unavailable(why) if is_locked => Stop::Locked(why),
            Stop::Unavailable(_) | Stop::Locked(_) | Stop::Fatal(_) => stop,
        };
        let Fetched { repository, commit } =
            self.found(name, foreign, &revision, pin).map_err(stop)?;
        if let Revision::Branch(_) = revision {
            self.tips.insert(key.branch.clone(), commit.id);
        }
        let read = self.sources.commit(&repository, &commit, folder, foreign);
        let source = read.map_err(|error| stop(self.stop(error, &help)))?;
        if pin.is_some() || self.locks.is_noting() {
            let found = self.pin(&repository, &commit, folder)?;
            if let Some(pin) = pin {
                let checked = self.locks.check(&key, pin, found);
                checked.map_err(|it| Stop::Fatal(Box::new(WorkspaceError::Mismatch(it))))?;
            }
            self.locks.note(&key, found);
        }
        Ok(source)
    }

    /// Finds the commit of a branch that is, or is not, locked.
    fn found(
        &mut self,
        name: &Name,
        foreign: &Foreign<'_>,
        revision: &Revision,
        pin: Option<Pin>,
    ) -> Result<Fetched, Stop> {
        let url = redact(foreign.url);
        let instead = format!("to read a folder instead: `--override-input {url}=PATH`");
        self.fetched(foreign.url, revision).map_err(|error| match (error, revision) {
            (
                WorkspaceError::Fetch(FetchError::NoSuchReference { .. }),
                Revision::At { branch, commit },
            ) if pin.is_some() => {
                let branch = branch.clone();
                let help =
                    format!("`wob update {name}` locks what branch `{branch}` is now; {instead}");
                self.stop(WorkspaceError::Gone { url, branch, commit: *commit }, &help)
            }
            (error, _) => self.stop(error, &instead),
        })
    }

    /// Returns what lies in a folder of a commit.
    fn pin(
        &mut self,
        repository: &Repository,
        commit: &Commit,
        folder: Option<&FilePath>,
    ) -> Result<Pin, Stop> {
        let interrupt = self.sources.interrupt;
        let digests = &mut self.digests;
        let mut read = || -> Result<Pin, GitError> {
            let tree = repository.folder_id(commit, folder)?;
            let content = match digests.get(&tree) {
                Some(content) => *content,
                None => repository.content_digest(tree, interrupt)?,
            };
            digests.insert(tree, content);
            Ok(Pin { commit: commit.id, tree, content, time_s: clamped(commit.time_s) })
        };
        read().map_err(|it| self.stop(it, "mend the path that is named here"))
    }

    /// Reads a folder of the workspace, whose path is relative to its root.
    pub(super) fn folder(&mut self, path: &str, help: &str) -> Result<Source, Stop> {
        let workspace = self.workspace;
        let root = &workspace.root;
        let read = match &workspace.at {
            Some(at) => self.sources.folder_at(at, path),
            None => self
                .sources
                .folder(root, &root.join(path), path, Standing::Clean)
                .map_err(WorkspaceError::from),
        };
        read.map_err(|error| self.stop(error, help))
    }

    fn fetch(
        &mut self,
        foreign: &Foreign<'_>,
        revision: &Revision,
        folder: Option<&FilePath>,
    ) -> Result<Source, Stop> {
        let fetched = self.fetched(foreign.url, revision).map_err(|error| {
            let url = redact(foreign.url);
            self.stop(error, &format!("to read a folder instead: `--override-input {url}=PATH`"))
        })?;
        let read = self.sources.commit(&fetched.repository, &fetched.commit, folder, foreign);
        read.map_err(|error| self.stop(error, "mend the path that is named here"))
    }

    fn fetched(&mut self, url: &str, revision: &Revision) -> Result<Fetched, WorkspaceError> {
        let mut fetched = self.fetched_as_named(url, revision)?;
        if let Revision::At { branch, .. } = revision {
            fetched.commit.revision.clone_from(branch);
        }
        Ok(fetched)
    }

    fn fetched_as_named(
        &mut self,
        url: &str,
        revision: &Revision,
    ) -> Result<Fetched, WorkspaceError> {
        let (policy, interrupt) = (self.workspace.policy, self.sources.interrupt);
        let cache = match &mut self.cache {
            Some(cache) => cache,
            none @ None => none.insert(Cache::of_user()?),
        };
        see(cache, url, revision, policy, &mut self.sources);
        let references = revision.references();
        let (last, others) =
            references.split_last().expect("because a revision is at least one reference");
        for reference in others {
            match cache.fetch(url, reference, policy, interrupt) {
                Err(FetchError::NoSuchReference { .. } | FetchError::Offline { .. }) => {}
                settled => return Ok(settled?),
            }
        }
        Ok(cache.fetch(url, last, policy, interrupt)?)
    }

    /// Returns why a source cannot be had; others can, unless the user interrupted us.
    pub(super) fn stop(&mut self, error: impl Into<WorkspaceError>, help: &str) -> Stop {
        let error = error.into();
        // What could not be had may be there the next time.
        self.sources.seen.unsettle();
        match error.exit() {
            Exit::Interrupted | Exit::Integrity => return Stop::Fatal(Box::new(error)),
            Exit::Outside => self.outside_failed = true,
            Exit::Ok
            | Exit::Sources
            | Exit::Usage
            | Exit::Partial
            | Exit::Nothing
            | Exit::NotReproducible
            | Exit::Difference
            | Exit::Locked
            | Exit::Local
            | Exit::Internal => {}
        }
        Stop::Unavailable(Unavailable { reason: error.to_string(), help: Some(help.to_owned()) })
    }
}

/// Notes where a repository is about to be read; what a host has may change unnoticed, unless a commit is named.
fn see(cache: &Cache, url: &str, revision: &Revision, policy: Policy, sources: &mut Sources<'_>) {
    match (cache.place_of(url), revision, policy) {
        ((place, Elsewhere::No), _, _) | ((place, Elsewhere::Yes), _, Policy::Offline) => {
            sources.seen.repository(&place, sources.interrupt);
        }
        ((_, Elsewhere::Yes), Revision::Commit(_) | Revision::At { .. }, Policy::Online) => {}
        ((_, Elsewhere::Yes), Revision::Branch(_) | Revision::Any(_), Policy::Online) => {
            sources.seen.unsettle();
        }
    }
}

fn wanted(reference: &GitReference) -> Result<(Revision, Option<FilePath>), Stop> {
    let revision = match &reference.commit {
        Some(commit) => Revision::Commit(commit.clone()),
        None if reference.branch.is_empty() => Revision::Branch("main".to_owned()),
        None => Revision::Branch(reference.branch.clone()),
    };
    if reference.path.is_empty() {
        return Ok((revision, None));
    }
    match FilePath::new(&reference.path) {
        Ok(path) => Ok((revision, Some(path))),
        Err(error) => {
            let reason = format!("the path `{}` cannot be read", error.component);
            let help =
                Some("write a path inside of the repository, such as `./workload`".to_owned());
            Err(Stop::Unavailable(Unavailable { reason, help }))
        }
    }
}

/// Says whether a repository is the one at `url`, by its own address or that of a remote.
pub(super) fn is_at(repository: &Repository, url: &str) -> bool {
    same_repository(repository.address(), url)
        || repository.remotes().iter().any(|it| same_repository(&it.url, url))
}
