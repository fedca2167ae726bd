//! Branches and revisions: names that lead to commits.

use gix::bstr::ByteSlice as _;

use super::{GitError, GitId, Repository, reason};

/// A commit, found by a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// What was asked for, such as `main`, `v1.2` or `4f2a91c`.
    pub revision: String,
    /// The commit.
    pub id: GitId,
    /// Its whole tree.
    pub tree: GitId,
    /// When it was committed, in seconds since 1970.
    pub time_s: i64,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// Its name, such as `stage`.
    pub name: String,
    /// Whose it is.
    pub place: BranchPlace,
    /// What it points to.
    pub commit: GitId,
}

/// Whose a branch is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BranchPlace {
    /// The user's own.
    Local,
    /// The last known one of the remote of this name.
    Remote(String),
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch.
    Branch(String),
    /// A branch without a commit.
    Unborn(String),
    /// A commit without a branch.
    Detached(GitId),
}

impl Repository {
    /// Returns what is checked out; in a bare repository, its default branch.
    ///
    /// # Errors
    /// If the repository is damaged.
    pub fn head(&self) -> Result<Head, GitError> {
        let local = self.local();
        let head = local.head().map_err(self.failed("read HEAD"))?;
        let short = |name: &gix::refs::FullNameRef| name.shorten().to_str_lossy().into_owned();
        Ok(match &head.kind {
            gix::head::Kind::Symbolic(reference) => Head::Branch(short(reference.name.as_ref())),
            gix::head::Kind::Unborn(name) => Head::Unborn(short(name.as_ref())),
            gix::head::Kind::Detached { target, .. } => Head::Detached(GitId(*target)),
        })
    }

    /// Lists the branches, the user's own and those of remotes, sorted by name.
    ///
    /// Branches that point to no commit, and names that are not UTF-8, are left out.
    ///
    /// # Errors
    /// If the repository is damaged.
    pub fn branches(&self) -> Result<Vec<Branch>, GitError> {
        let local = self.local();
        let failed = || self.failed("list the branches");
        let remotes: Vec<String> = self.remotes().into_iter().map(|it| it.name).collect();
        let references = local.references().map_err(failed())?;
        let mut branches = vec![];
        let own = references
            .local_branches()
            .and_then(gix::reference::iter::Iter::peeled)
            .map_err(failed())?;
        let theirs = references
            .remote_branches()
            .and_then(gix::reference::iter::Iter::peeled)
            .map_err(failed())?;
        for reference in own.chain(theirs).flatten() {
            let name = reference.name();
            let Some(commit) = reference.try_id() else { continue };
            let Ok(short) = name.shorten().to_str() else { continue };
            let place = if name.as_bstr().starts_with(b"refs/heads/") {
                Some((BranchPlace::Local, short))
            } else {
                split_remote(&remotes, short)
            };
            let Some((place, name)) = place else { continue };
            branches.push(Branch { name: name.to_owned(), place, commit: GitId(commit.detach()) });
        }
        branches.sort();
        // `origin/HEAD` is a second name of another branch, under which it is listed.
        branches.dedup();
        Ok(branches)
    }

    /// Finds the user's own branch `name`, or else that of the remote `origin`.
    ///
    /// # Errors
    /// If the repository is damaged.
    pub fn branch(&self, name: &str) -> Result<Option<Branch>, GitError> {
        let local = self.local();
        let places = [
            (BranchPlace::Local, format!("refs/heads/{name}")),
            (BranchPlace::Remote("origin".to_owned()), format!("refs/remotes/origin/{name}")),
        ];
        for (place, reference) in places {
            // A text that cannot be a reference's name is the name of no branch.
            let Ok(Some(mut found)) = local.try_find_reference(reference.as_str()) else {
                continue;
            };
            let commit = found.peel_to_id().map_err(self.failed("read a branch"))?.detach();
            return Ok(Some(Branch { name: name.to_owned(), place, commit: GitId(commit) }));
        }
        Ok(None)
    }

    /// Finds the commit that `revision` names: a branch, a tag, a commit, an abbreviation of one, or what git makes of it,
    /// such as `main~1`. A branch that only the remote `origin` has is found by its short name too.
    ///
    /// # Errors
    /// If there is none, or more than one; [`GitError::Shallow`] if it may be in the part of the history that was cut off.
    pub fn resolve(&self, revision: &str) -> Result<Commit, GitError> {
        let local = self.local();
        let spec = format!("{revision}^{{commit}}");
        let id = match local.rev_parse_single(spec.as_str()) {
            Ok(id) => id.detach(),
            Err(error) => match self.branch(revision)? {
                Some(branch) => branch.commit.0,
                None => return Err(self.unresolved(revision, &error)?),
            },
        };
        self.commit(revision, GitId(id))
    }

    /// Returns the commit of a branch.
    ///
    /// # Errors
    /// If its object is missing or damaged.
    pub fn tip(&self, branch: &Branch) -> Result<Commit, GitError> {
        self.commit(&branch.name, branch.commit)
    }

    pub(crate) fn commit(&self, revision: &str, id: GitId) -> Result<Commit, GitError> {
        let local = self.local();
        let read = || -> gix::Result<(GitId, i64)> {
            let commit = local.find_commit(id.0)?;
            Ok((GitId(commit.tree_id()?.detach()), commit.time()?.seconds))
        };
        let (tree, time_s) = read().map_err(self.failed("read a commit"))?;
        Ok(Commit { revision: revision.to_owned(), id, tree, time_s })
    }

    /// Says whether the commit is here.
    pub(crate) fn has_commit(&self, id: GitId) -> bool {
        self.local().find_commit(id.0).is_ok()
    }

    /// Returns the commit that the reference of this full name leads to.
    pub(crate) fn peel(&self, name: &str) -> Option<GitId> {
        let local = self.local();
        let id = local.find_reference(name).ok()?.peel_to_commit().ok()?.id;
        self.has_commit(GitId(id)).then_some(GitId(id))
    }

    /// Says whether there is a commit behind every reference whose full name begins with `prefix`.
    pub(crate) fn has_all(&self, prefix: &str) -> bool {
        let local = self.local();
        let whole = || -> gix::Result<bool> {
            let references = local.references()?;
            for reference in references.prefixed(prefix)? {
                if !reference.is_ok_and(|mut it| it.peel_to_commit().is_ok()) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        whole().unwrap_or(false)
    }

    fn unresolved(&self, revision: &str, error: &gix::Error) -> Result<GitError, GitError> {
        let repository = self.address.clone();
        let revision = revision.to_owned();
        if matches!(&*revision, "HEAD" | "@")
            && let Head::Unborn(branch) = self.head()?
        {
            return Ok(GitError::Unborn { branch, repository });
        }
        let reason = reason(error);
        if reason.contains("ambiguous") {
            return Ok(GitError::Ambiguous { revision, repository, reason });
        }
        Ok(if self.is_shallow() {
            GitError::Shallow { revision, repository }
        } else {
            GitError::NoSuchRevision { revision, repository }
        })
    }
}

/// Splits `origin/team/x` into the remote and the branch; a remote's name may hold slashes.
fn split_remote<'n>(remotes: &[String], short: &'n str) -> Option<(BranchPlace, &'n str)> {
    let of = |remote: &str| short.strip_prefix(remote)?.strip_prefix('/');
    let known = remotes.iter().filter_map(|it| Some((it.as_str(), of(it)?)));
    let (remote, name) =
        known.max_by_key(|(remote, _)| remote.len()).or_else(|| short.split_once('/'))?;
    Some((BranchPlace::Remote(remote.to_owned()), name))
}
