//! The workspace's folders and settings as a commit has them.

use camino::Utf8Path;
use wob_engine::{Content, FilePath, Origin};
use wob_host::{Commit, FolderError, GitError, GitId, ReadLimits, Repository};

use super::{WorkspaceError, checkouts::is_shared};

/// A commit of the repository around a workspace, which the workspace is read at.
#[derive(Debug)]
pub(super) struct AtCommit {
    /// The repository.
    pub(super) repository: Repository,
    /// The commit.
    pub(super) commit: Commit,
    /// The components of the workspace's root below that of the repository.
    below: Vec<String>,
}

impl AtCommit {
    /// Finds the commit `id` of the repository around the workspace at `root`.
    pub(super) fn new(root: &Utf8Path, id: GitId) -> Result<Self, GitError> {
        let repository = Repository::discover(root)?;
        let commit = repository.resolve(&id.to_string())?;
        let top = repository.work_folder().and_then(|it| it.canonicalize_utf8().ok());
        let below = top.as_deref().and_then(|it| root.strip_prefix(it).ok());
        let below = below.into_iter().flat_map(Utf8Path::components);
        let below = below.map(|it| it.as_str().to_owned()).collect();
        Ok(Self { repository, commit, below })
    }

    /// Returns the same workspace at another commit.
    pub(super) fn with(&self, commit: Commit) -> Self {
        Self { repository: self.repository.clone(), commit, below: self.below.clone() }
    }

    /// Returns where `path`, which is relative to the workspace, lies in the repository; none for all of it.
    pub(super) fn path_of(&self, path: &str) -> Result<Option<FilePath>, FolderError> {
        let own = path.split('/').filter(|it| !matches!(*it, "" | "."));
        let parts: Vec<&str> = self.below.iter().map(String::as_str).chain(own).collect();
        if parts.is_empty() {
            return Ok(None);
        }
        let leaves = |_| FolderError::Leaves { path: path.into() };
        FilePath::new(&parts.join("/")).map(Some).map_err(leaves)
    }

    /// Reads a file of the workspace; `None` if there is none.
    pub(super) fn file(&self, name: &str) -> Result<Option<Content>, WorkspaceError> {
        let Some(path) = self.path_of(name)? else { return Ok(None) };
        Ok(self.repository.file(&self.commit, &path, &ReadLimits::default())?)
    }

    /// Returns where a file comes from that this commit has, and that people call `shown`.
    pub(super) fn origin_called(&self, shown: &str) -> Origin {
        let url = if is_shared(&self.repository) { self.repository.address() } else { shown };
        let commit = Some(self.commit.id.to_string());
        Origin { url: url.to_owned(), reference: None, commit, tree: None, dirty: false }
    }
}
