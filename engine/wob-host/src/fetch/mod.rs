//! Fetches commits of other repositories into the user's cache.

mod cache;
mod transfer;

use std::{fmt, io};

use camino::{Utf8Path, Utf8PathBuf};

use self::transfer::{Depth, Wanted};
use crate::{
    Commit, GitError, GitId, Interrupt, Interrupted, Repository,
    address::{Identity, identity, redact},
};

pub use cache::{Cache, CacheError};

/// Which commit of a repository is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The tip of a branch.
    Branch(String),
    /// The commit that a tag names.
    Tag(String),
    /// A commit.
    Commit(GitId),
}

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It may.
    Online,
    /// Only the cache and repositories on this machine are used; branches are as they were when fetched last.
    Offline,
}

/// A commit that can be read.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The repository that holds it: one in the cache, or the one on this machine that the address names.
    pub repository: Repository,
    /// The commit.
    pub commit: Commit,
}

/// Why a commit cannot be had. No message holds a secret of an address.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The network is forbidden, and the cache does not have it.
    #[error(
        "would fetch {reference} of `{url}`, which is not in the cache, but the network may not be used"
    )]
    Offline {
        /// The address.
        url: String,
        /// What was wanted.
        reference: Reference,
    },
    /// The host does not answer.
    #[error("could not reach `{url}`: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// There is no repository at the address.
    #[error("there is no git repository at `{url}`: {reason}")]
    NotFound {
        /// The address.
        url: String,
        /// What the host said.
        reason: String,
    },
    /// The host wants credentials, or other ones.
    #[error(
        "`{url}` refuses access: {reason}; git's credential helpers are asked, so `git fetch` must work first"
    )]
    Unauthorized {
        /// The address.
        url: String,
        /// What the host said.
        reason: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{url}` has no {reference}")]
    NoSuchReference {
        /// The address.
        url: String,
        /// What was wanted.
        reference: Reference,
    },
    /// The address cannot be understood.
    #[error("`{url}` is not an address of a git repository: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else went wrong between here and there.
    #[error("could not fetch {reference} of `{url}`: {reason}")]
    Failed {
        /// The address.
        url: String,
        /// What was wanted.
        reference: Reference,
        /// Why.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("could not use the cache at `{path}`: {source}")]
    Cache {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has been fetching for very long.
    #[error("gave up waiting for another wob that holds `{path}`")]
    Locked {
        /// The lock.
        path: Utf8PathBuf,
    },
    /// A repository on this machine, or in the cache, cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Cache {
    /// Finds the commit that `revision` names, as [`Cache::fetch`] does: a commit in 40 digits, a branch, or else a tag. In a
    /// repository on this machine it may be whatever git understands.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch_revision(
        &self,
        url: &str,
        revision: &str,
        policy: Policy,
        interrupt: &Interrupt,
    ) -> Result<Fetched, FetchError> {
        if let Some(id) = GitId::parse(revision) {
            return self.fetch(url, &Reference::Commit(id), policy, interrupt);
        }
        let branch = Reference::Branch(revision.to_owned());
        let error = match self.fetch(url, &branch, policy, interrupt) {
            Err(error @ (FetchError::NoSuchReference { .. } | FetchError::Offline { .. })) => error,
            result => return result,
        };
        let tag = Reference::Tag(revision.to_owned());
        match self.fetch(url, &tag, policy, interrupt) {
            Err(FetchError::NoSuchReference { .. } | FetchError::Offline { .. }) => {}
            result => return result,
        }
        if let Identity::Local { path } = identity(url) {
            let repository = Repository::open(Utf8Path::new(&path))?.called(url);
            let commit = repository.resolve(revision)?;
            return Ok(Fetched { repository, commit });
        }
        Err(error)
    }

    /// Finds the commit that `reference` names in the repository at `url`, fetching what is missing.
    ///
    /// Paths and `file://` addresses name repositories on this machine; they are read where they are. A commit that the
    /// cache has is taken from there; a branch or tag is asked for each time, unless offline.
    ///
    /// Git's own configuration applies: proxies, certificates, `url.<base>.insteadOf`, SSH commands, credential helpers.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch(
        &self,
        url: &str,
        reference: &Reference,
        policy: Policy,
        interrupt: &Interrupt,
    ) -> Result<Fetched, FetchError> {
        interrupt.check()?;
        if let Identity::Local { path } = identity(url) {
            return local(url, Utf8Path::new(&path), reference);
        }
        let folder = self.repository(url);
        let settled = matches!(reference, Reference::Commit(_)) || policy == Policy::Offline;
        if settled && let Some(fetched) = cached(&folder, url, reference) {
            return Ok(fetched);
        }
        if policy == Policy::Offline {
            return Err(FetchError::Offline { url: redact(url), reference: reference.clone() });
        }
        let lock = self.lock(&folder, interrupt)?;
        let used = folder.exists();
        let wanted = Wanted { url, reference, depth: Depth::Tip };
        let result = transfer::fetch(self, &folder, wanted, interrupt);
        let gone =
            || FetchError::NoSuchReference { url: redact(url), reference: reference.clone() };
        match result {
            Ok(()) => match cached(&folder, url, reference) {
                Some(fetched) => return Ok(fetched),
                // The cache is not to blame, and it may hold other commits that are gone elsewhere.
                None if is_gone(&folder, reference) => return Err(gone()),
                None => {}
            },
            Err(FetchError::Failed { .. }) if used => {}
            Err(error) => return Err(error),
        }
        // The cache may be damaged in a way that shows only now; a new one costs time only.
        transfer::discard(&folder)?;
        transfer::fetch(self, &folder, wanted, interrupt)?;
        drop(lock);
        cached(&folder, url, reference).ok_or_else(gone)
    }
}

impl Cache {
    /// Finds the commit that `revision` names as [`Cache::fetch_revision`] does, with all commits before it.
    ///
    /// Offline, the history is as far there as it was fetched before.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn fetch_history(
        &self,
        url: &str,
        revision: &str,
        policy: Policy,
        interrupt: &Interrupt,
    ) -> Result<Fetched, FetchError> {
        if matches!(identity(url), Identity::Local { .. }) || policy == Policy::Offline {
            return self.fetch_revision(url, revision, policy, interrupt);
        }
        interrupt.check()?;
        let folder = self.repository(url);
        let lock = self.lock(&folder, interrupt)?;
        let references = match GitId::parse(revision) {
            Some(id) => vec![Reference::Commit(id)],
            None => {
                vec![Reference::Branch(revision.to_owned()), Reference::Tag(revision.to_owned())]
            }
        };
        let mut missing = None;
        for reference in references {
            let wanted = Wanted { url, reference: &reference, depth: Depth::Whole };
            match transfer::fetch(self, &folder, wanted, interrupt) {
                Ok(()) => {
                    if let Some(fetched) = cached(&folder, url, &reference) {
                        return Ok(fetched);
                    }
                }
                Err(FetchError::NoSuchReference { .. }) => {}
                Err(error) => return Err(error),
            }
            missing.get_or_insert(reference);
        }
        drop(lock);
        let reference = missing.expect("because each reference that was not found is noted");
        Err(FetchError::NoSuchReference { url: redact(url), reference })
    }
}

impl Cache {
    /// Returns where the repository at `url` is read from, and whether what it holds may change elsewhere: on this machine
    /// it is the repository itself, else the one in the cache.
    pub fn place_of(&self, url: &str) -> (Utf8PathBuf, Elsewhere) {
        match identity(url) {
            Identity::Local { path } => (path.into(), Elsewhere::No),
            Identity::Remote { .. } => (self.repository(url), Elsewhere::Yes),
        }
    }
}

/// Whether a repository may change where nobody here sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// It lies on this machine.
    No,
    /// It lies on a host.
    Yes,
}

/// Says whether it is a commit that is missing, in a cache that has all that it says it has.
fn is_gone(folder: &Utf8Path, reference: &Reference) -> bool {
    matches!(reference, Reference::Commit(_))
        && Repository::open(folder).is_ok_and(|it| it.has_all("refs/wob/"))
}

/// Finds what the cache already has. A damaged cache is as good as none.
fn cached(folder: &Utf8Path, url: &str, reference: &Reference) -> Option<Fetched> {
    let repository = Repository::open(folder).ok()?.called(url);
    let id = repository.cached_id(reference)?;
    let commit = repository.commit(&reference.revision(), id).ok()?;
    Some(Fetched { repository, commit })
}

impl Reference {
    /// Returns the branch, the tag, or the commit, as a revision.
    pub fn revision(&self) -> String {
        match self {
            Self::Branch(name) | Self::Tag(name) => name.clone(),
            Self::Commit(id) => id.to_string(),
        }
    }

    /// Returns the full name that git gives a branch or a tag; none for a commit.
    fn full_name(&self) -> Option<String> {
        match self {
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Commit(_) => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::Tag(name) => write!(f, "tag `{name}`"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}

/// Reads a repository on this machine.
fn local(url: &str, path: &Utf8Path, reference: &Reference) -> Result<Fetched, FetchError> {
    let repository = match Repository::open(path) {
        Ok(repository) => repository.called(url),
        Err(GitError::NoRepository { .. }) => {
            let reason = "there is none on this machine".to_owned();
            return Err(FetchError::NotFound { url: redact(url), reason });
        }
        Err(error) => return Err(error.into()),
    };
    let wanted = reference.full_name().unwrap_or_else(|| reference.revision());
    match repository.resolve(&wanted) {
        Ok(commit) => {
            let commit = Commit { revision: reference.revision(), ..commit };
            Ok(Fetched { repository, commit })
        }
        Err(GitError::NoSuchRevision { .. }) => {
            Err(FetchError::NoSuchReference { url: redact(url), reference: reference.clone() })
        }
        Err(error) => Err(error.into()),
    }
}
