//! Histories: which commit comes from which, and who made one.

use gix::bstr::ByteSlice as _;
use wob_engine::FilePath;

use super::{Commit, GitError, GitId, Repository};
use crate::Interrupt;

/// Who made a commit, when, and what they called it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitDetails {
    /// The commits that it was made from, as far as they are here.
    pub parents: Vec<GitId>,
    /// Whether it was made from commits of which none is here, for the history is cut off.
    pub is_cut: bool,
    /// Its author's name.
    pub author: String,
    /// Its author's address.
    pub email: String,
    /// When it was committed, in seconds since 1970.
    pub time_s: i64,
    /// The first line of its message.
    pub subject: String,
}

impl CommitDetails {
    /// Returns its author, as `name <mail>`.
    pub fn signature(&self) -> String {
        format!("{} <{}>", self.author, self.email)
    }

    /// Returns when it was committed, in UTC, as RFC 3339 writes it: `2026-01-01T00:00:00Z`.
    pub fn time(&self) -> String {
        let time = gix::date::Time::new(self.time_s, 0);
        let text = time.format(gix::date::time::format::ISO8601_STRICT).unwrap_or_default();
        text.replace("+00:00", "Z")
    }
}

impl Repository {
    /// Says whether `ancestor` is `descendant`, or one of the commits that it was made from.
    ///
    /// # Errors
    /// [`GitError::Shallow`] if the part of the history that is here does not tell; or if an object is missing.
    pub fn descends_from(&self, descendant: GitId, ancestor: GitId) -> Result<bool, GitError> {
        // What is not here leads nowhere.
        let found =
            self.has_commit(ancestor) && self.relation(descendant, ancestor)? == Relation::Holds;
        if !found && self.is_shallow() {
            return Err(GitError::Shallow {
                revision: ancestor.to_string(),
                repository: self.address.clone(),
            });
        }
        Ok(found)
    }

    /// Says how the history of `tip` and the commit `id` belong together.
    ///
    /// Of a shallow clone, only what is here counts.
    ///
    /// # Errors
    /// If an object is missing or damaged.
    pub fn relation(&self, tip: GitId, id: GitId) -> Result<Relation, GitError> {
        let local = self.local();
        let base = local.merge_base(tip.0, id.0).map_err(self.failed("walk the history"))?;
        Ok(match base {
            Some(base) if base.detach() == id.0 => Relation::Holds,
            Some(_) => Relation::Shares,
            None => Relation::Unrelated,
        })
    }

    /// Returns how many of the commits that lead to `descendant` do not lead to `ancestor`.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn commits_between(&self, ancestor: GitId, descendant: GitId) -> Result<usize, GitError> {
        let local = self.local();
        let count = || -> gix::Result<usize> {
            let walk = local.rev_walk([descendant.0]).with_hidden([ancestor.0]).all()?;
            let mut count = 0;
            for commit in walk {
                commit?;
                count += 1;
            }
            Ok(count)
        };
        count().map_err(self.failed("read the history"))
    }

    /// Lists the states that a branch with the last commit `tip` has had, the last one first: of a merge, only what was merged
    /// into. Each is given to `take` until that says to stop.
    ///
    /// # Errors
    /// What `take` fails with; or if an object is missing, or the user stops it.
    pub fn states<E: From<GitError>>(
        &self,
        tip: &Commit,
        interrupt: &Interrupt,
        take: &mut dyn FnMut(&Commit, &CommitDetails) -> Result<Next, E>,
    ) -> Result<(), E> {
        let mut next = Some(tip.id);
        while let Some(id) = next {
            interrupt.check().map_err(|it| self.limited()(it.into()))?;
            let commit = self.commit(&tip.revision, id)?;
            let details = self.details(&commit)?;
            if take(&commit, &details)? == Next::Stop {
                break;
            }
            next = details.parents.first().copied();
        }
        Ok(())
    }

    /// Returns who made `commit`, and what they called it.
    ///
    /// # Errors
    /// If its object is missing or damaged.
    pub fn details(&self, commit: &Commit) -> Result<CommitDetails, GitError> {
        let local = self.local();
        let read = || -> gix::Result<CommitDetails> {
            let found = local.find_commit(commit.id.0)?;
            let shallow = local.shallow_commits()?;
            let is_cut = shallow.is_some_and(|it| it.contains(&commit.id.0));
            let parents = found.parent_ids().map(|it| GitId(it.detach()));
            let author = found.author()?;
            Ok(CommitDetails {
                parents: if is_cut { vec![] } else { parents.collect() },
                is_cut,
                author: author.name.to_str_lossy().trim().to_owned(),
                email: author.email.to_str_lossy().trim().to_owned(),
                time_s: found.time()?.seconds,
                subject: found.message()?.summary().to_str_lossy().into_owned(),
            })
        };
        read().map_err(self.failed("read a commit"))
    }

    /// Returns the id of the file at `path` of `commit`; none if there is no plain file.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn file_id(&self, commit: &Commit, path: &FilePath) -> Result<Option<GitId>, GitError> {
        let local = self.local();
        let find = || local.find_tree(commit.tree.0)?.lookup_entry(path.as_str().split('/'));
        Ok(match find().map_err(self.failed("read a folder"))? {
            Some(entry) if entry.mode().is_blob() => Some(GitId(entry.object_id())),
            Some(_) | None => None,
        })
    }

    /// Lists the commits behind `first`, up to and with `last`, by first parents, oldest first; without `first`, all of them.
    ///
    /// # Errors
    /// [`GitError::NotBefore`] if `first` is not among them; [`GitError::Shallow`] if the history is cut off before.
    pub fn history(&self, first: Option<&Commit>, last: &Commit) -> Result<Vec<Commit>, GitError> {
        let (mut commits, mut found) = (vec![], first.is_none());
        let mut take = |commit: &Commit, details: &CommitDetails| {
            if first.is_some_and(|it| it.id == commit.id) {
                found = true;
                return Ok(Next::Stop);
            }
            if details.is_cut {
                let (revision, repository) = (format!("{}^", commit.id), self.address.clone());
                return Err(GitError::Shallow { revision, repository });
            }
            commits.push(Commit { revision: commit.id.to_string(), ..commit.clone() });
            Ok(Next::Before)
        };
        self.states(last, &Interrupt::default(), &mut take)?;
        if let (Some(first), false) = (first, found) {
            return Err(GitError::NotBefore {
                ancestor: first.revision.clone(),
                revision: last.revision.clone(),
                repository: self.address().to_owned(),
            });
        }
        commits.reverse();
        Ok(commits)
    }
}

/// How the history of a branch and a commit belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The commit is in the history.
    Holds,
    /// They have an ancestor in common.
    Shares,
    /// They have nothing in common.
    Unrelated,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// With the state before.
    Before,
    /// Not at all.
    Stop,
}
