//! Git repositories on this machine: branches, revisions and trees, read from and written to the object store without
//! touching the checkout. Nothing outside this folder and `fetch` knows which library reads them.

mod checkout;
mod commit;
mod compare;
mod content;
mod deflate;
mod early;
mod edit;
mod export;
mod files;
mod history;
mod line;
mod objects;
mod pack;
mod revision;
mod tree;
mod working;

use std::{collections::BTreeSet, fmt};

use camino::{Utf8Path, Utf8PathBuf};
use gix::bstr::ByteSlice as _;
use wob_engine::{Blob, FilePath, GitObjectId};

use crate::{LimitError, StampError, Stamper, address::redact};

pub use commit::{BranchName, Edit, Moved};
pub(crate) use commit::{CommitFiles, NewCommit};
pub(crate) use compare::{Comparison, Leaf};
pub use early::EarlyFiles;
pub use history::{CommitDetails, Next, Relation};
pub use revision::{Branch, BranchPlace, Commit, Head};
pub use working::WorkingTree;

/// A repository: bare, or with a checkout, which may be a linked worktree.
#[derive(Clone)]
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    /// What origins call it: no secrets in it.
    address: String,
}

/// The name that git gives an object, printed as 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitId(gix::ObjectId);

impl GitId {
    /// Returns what git calls a file with these contents.
    pub(crate) fn of(blob: &Blob) -> Self {
        Self(object_id(blob.git_id()))
    }
}

/// Returns an id as git's library has it.
fn object_id(id: GitObjectId) -> gix::ObjectId {
    gix::ObjectId::Sha1(*id.as_bytes())
}

/// A named remote of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its name, such as `origin`.
    pub name: String,
    /// Where it is fetched from, without secrets.
    pub url: String,
}

/// Why something cannot be read from a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("`{folder}` is not in a git repository")]
    NoRepository {
        /// Where the search began.
        folder: Utf8PathBuf,
    },
    /// There is something like a repository that cannot be used.
    #[error("could not open the git repository of `{folder}`: {reason}")]
    Open {
        /// Where the search began.
        folder: Utf8PathBuf,
        /// Why.
        reason: String,
    },
    /// The branch that is checked out has no commit yet.
    #[error("the branch `{branch}` of `{repository}` has no commit yet")]
    Unborn {
        /// The branch.
        branch: String,
        /// The repository.
        repository: String,
    },
    /// No branch, tag or commit of this name.
    #[error("`{repository}` has no branch, tag or commit `{revision}`")]
    NoSuchRevision {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: String,
    },
    /// No such commit in a clone that holds only a part of the history.
    #[error(
        "`{revision}` is not in `{repository}`, which is a shallow clone: fetch more of its history"
    )]
    Shallow {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: String,
    },
    /// An abbreviation of more than one object.
    #[error("`{revision}` is ambiguous in `{repository}`: {reason}")]
    Ambiguous {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: String,
        /// Which it could be.
        reason: String,
    },
    /// A commit is not in the history of another one, as far as first parents lead.
    #[error("`{ancestor}` is not before `{revision}` in `{repository}`, by first parents")]
    NotBefore {
        /// The commit that should come first.
        ancestor: String,
        /// Where the history was looked at.
        revision: String,
        /// The repository.
        repository: String,
    },
    /// The commit has no such folder.
    #[error("commit {commit} of `{repository}` has no folder `{path}`")]
    NoSuchFolder {
        /// The commit.
        commit: GitId,
        /// The folder.
        path: FilePath,
        /// The repository.
        repository: String,
    },
    /// The repository has no checkout.
    #[error("`{repository}` has no working tree")]
    Bare {
        /// The repository.
        repository: String,
    },
    /// The repository is damaged, or the operating system refuses.
    #[error("could not {attempt} of `{repository}`: {reason}")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// The repository.
        repository: String,
        /// Why it failed.
        reason: String,
    },
    /// It holds too much, or Ctrl-C.
    #[error("could not read `{repository}`: {source}")]
    Limit {
        /// The repository.
        repository: String,
        /// Which limit.
        source: LimitError,
    },
}

impl Repository {
    /// Finds the repository that `folder` lies in: the folder itself, or the nearest one above.
    ///
    /// # Errors
    /// [`GitError::NoRepository`], or [`GitError::Open`] if one is there and cannot be used.
    pub fn discover(folder: &Utf8Path) -> Result<Self, GitError> {
        // What cannot be listed is no repository; git says the same.
        let Ok(_) = gix::discover::upwards(folder.as_std_path()) else {
            return Err(GitError::NoRepository { folder: folder.to_owned() });
        };
        let inner = gix::ThreadSafeRepository::discover(folder).map_err(|error| {
            GitError::Open { folder: folder.to_owned(), reason: reason(&error) }
        })?;
        Ok(Self::with_address(inner, folder))
    }

    /// Opens the repository whose checkout or bare folder is `folder`, without looking above it.
    ///
    /// # Errors
    /// [`GitError::NoRepository`], or [`GitError::Open`] if one is there and cannot be used.
    pub fn open(folder: &Utf8Path) -> Result<Self, GitError> {
        match gix::ThreadSafeRepository::open(folder.as_std_path()) {
            Ok(inner) => Ok(Self::with_address(inner, folder)),
            Err(_)
                if gix::discover::is_git(folder.as_std_path()).is_err()
                    && gix::discover::is_git(folder.join(".git").as_std_path()).is_err() =>
            {
                Err(GitError::NoRepository { folder: folder.to_owned() })
            }
            Err(error) => Err(GitError::Open { folder: folder.to_owned(), reason: reason(&error) }),
        }
    }

    fn with_address(inner: gix::ThreadSafeRepository, folder: &Utf8Path) -> Self {
        let mut repository = Self { inner, address: folder.to_string() };
        if let Some(origin) = repository.remotes().into_iter().find(|it| it.name == "origin") {
            repository.address = origin.url;
        }
        repository
    }

    /// Returns the same repository under the address that origins shall show; its secrets are left out.
    #[must_use]
    pub fn called(self, address: &str) -> Self {
        Self { inner: self.inner, address: redact(address) }
    }

    /// Returns the address that origins show: the URL of the remote `origin`, else the folder as the user wrote it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the root of the checkout; none in a bare repository.
    pub fn work_folder(&self) -> Option<Utf8PathBuf> {
        let folder = std::path::absolute(self.inner.work_dir()?).ok()?;
        Utf8PathBuf::from_path_buf(folder).ok()
    }

    /// Returns what [`Repository::open`] opens: the root of the checkout, or the bare folder.
    pub fn place(&self) -> Utf8PathBuf {
        self.work_folder().unwrap_or_else(|| {
            let folder = self.inner.refs.git_dir();
            std::path::absolute(folder)
                .ok()
                .and_then(|it| Utf8PathBuf::from_path_buf(it).ok())
                .unwrap_or_default()
        })
    }

    /// Says whether the history is cut off, as `git clone --depth` does.
    pub fn is_shallow(&self) -> bool {
        self.local().is_shallow().unwrap_or(false)
    }

    /// Lists the remotes by name, those with a URL.
    pub fn remotes(&self) -> Vec<Remote> {
        let local = self.local();
        let with_url = |name: &gix::bstr::BStr| {
            let remote = local.find_remote(name).ok()?;
            let url = remote.url(gix::remote::Direction::Fetch)?.to_bstring();
            Some(Remote { name: name.to_str_lossy().into(), url: redact(&url.to_str_lossy()) })
        };
        let names = local.remote_names();
        names.iter().filter_map(|name| with_url(name.as_bstr())).collect()
    }

    /// Returns where the remote `origin` is pushed to, as it is configured: what may be given to git, and shown to nobody.
    pub fn origin_for_pushing(&self) -> Option<String> {
        let local = self.local();
        let remote = local.find_remote("origin").ok()?;
        let url = remote.url(gix::remote::Direction::Push)?.to_bstring();
        Some(url.to_str().ok()?.to_owned())
    }

    /// Adds to a stamp what git keeps beside the objects: branches, what is checked out, the index, settings.
    ///
    /// Objects never change, so two equal stamps mean that every revision names the same files.
    ///
    /// # Errors
    /// If a part of it cannot be looked at.
    pub fn stamp(&self, stamper: &mut Stamper<'_>) -> Result<(), StampError> {
        let local = self.local();
        let mut folders = vec![local.git_dir(), local.common_dir()];
        folders.dedup();
        for folder in folders {
            let folder = Utf8Path::from_path(folder).unwrap_or(Utf8Path::new(""));
            stamper.files_of(folder)?;
            for below in ["refs", "reftable", "info", "objects/info"] {
                stamper.whole_folder(&folder.join(below))?;
            }
        }
        let config = local.config_snapshot();
        let files = config.sections().filter_map(|it| it.meta().path.as_deref());
        let files: BTreeSet<&Utf8Path> = files.filter_map(Utf8Path::from_path).collect();
        files.into_iter().try_for_each(|it| stamper.file(it))
    }

    fn local(&self) -> gix::Repository {
        let mut local = self.inner.to_thread_local();
        local.object_cache_size_if_unset(4 << 20);
        local
    }

    fn failed(&self, attempt: &'static str) -> impl Fn(gix::Error) -> GitError + '_ {
        move |error| GitError::Failed {
            attempt,
            repository: self.address.clone(),
            reason: reason(&error),
        }
    }

    fn limited(&self) -> impl Fn(LimitError) -> GitError + '_ {
        |source| GitError::Limit { repository: self.address.clone(), source }
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Repository").field(&self.address).finish()
    }
}

impl GitId {
    /// Reads 40 hexadecimal digits; `None` for anything else.
    pub fn parse(hex: &str) -> Option<Self> {
        gix::ObjectId::from_hex(hex.as_bytes()).ok().map(Self)
    }
}

impl fmt::Display for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns what went wrong on one line, from the outside in, without secrets.
pub(crate) fn reason(error: &gix::Error) -> String {
    let mut parts: Vec<String> = vec![];
    for error in error.iter_errors() {
        let part = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !part.is_empty() && !parts.iter().any(|it| it.contains(&part)) {
            parts.push(part);
        }
    }
    redact(&parts.join(": "))
}
