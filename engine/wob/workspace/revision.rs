//! Revisions: which state of a workspace a commit means.
//!
//! In the folders layout, a commit of the repository around holds settings and folders. In the branches layout it is a commit of
//! one of the branches that environments are read from; the others stay as they are now (docs/decisions/0038).

use wob_engine::did_you_mean;
use wob_host::{Commit, GitError, Head, Interrupt, Relation, Repository};
use wob_rules::discover;

use super::{
    FILE, Layout, State, Workspace, WorkspaceError,
    at_commit::AtCommit,
    load::BASE_BRANCH,
    read::{Revision, Sources},
};
use crate::exit::Exit;

/// Why a text names no state of a workspace.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevisionError {
    /// The text is wrong.
    #[error("{reason}\n  help: {help}")]
    Wrong {
        /// What is wrong.
        reason: String,
        /// The way out.
        help: String,
    },
    /// The commit may be in the part of the history that this clone does not have.
    #[error("{reason}\n  help: `{command}`")]
    Shallow {
        /// What is wrong.
        reason: String,
        /// What mends it.
        command: String,
    },
    /// Something that must be read cannot be.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

impl RevisionError {
    /// Returns how wob ends for this reason.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Wrong { .. } => Exit::Usage,
            Self::Shallow { .. } => Exit::Local,
            Self::Workspace(error) => error.exit(),
        }
    }

    fn wrong(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Wrong { reason: reason.into(), help: help.into() }
    }
}

impl Workspace {
    /// Returns the state that `text` names: a revision, or several `BRANCH@REVISION` with commas between them.
    pub(crate) fn state_at(
        &self,
        text: &str,
        interrupt: &Interrupt,
    ) -> Result<State, RevisionError> {
        match &self.layout {
            Layout::Folders => {
                let repository = self.repository_around()?;
                let own = resolve(&repository, text)?.id;
                let at = AtCommit::new(&self.root, own).map_err(WorkspaceError::from)?;
                if at.file(FILE)?.is_none() {
                    return Err(RevisionError::wrong(
                        format!(
                            "`{}` has no {FILE}, so it holds no workspace",
                            text.escape_debug()
                        ),
                        "name a revision since which it is there",
                    ));
                }
                Ok(State { own: Some(own), ..State::default() })
            }
            Layout::Branches(repository) => {
                let branches = self.branches_read(repository, interrupt);
                let mut state = State::default();
                for part in text.split(',') {
                    let (branch, commit) = at_branch(repository, &branches, part)?;
                    state.branches.insert(branch, commit.id);
                }
                Ok(state)
            }
        }
    }

    /// Returns the state of the last commit: without the edits that are not committed yet.
    pub(crate) fn last_commit(&self, interrupt: &Interrupt) -> Result<State, RevisionError> {
        let Layout::Branches(repository) = &self.layout else {
            return self.state_at("HEAD", interrupt);
        };
        let branches = self.branches_read(repository, interrupt);
        let head = checked_out(repository)?;
        match head.filter(|it| branches.contains(it)) {
            Some(branch) => {
                let commit = resolve(repository, "HEAD")?.id;
                Ok(State { branches: [(branch, commit)].into(), ..State::default() })
            }
            None => Err(RevisionError::wrong(
                "no environment is read from what is checked out, so nothing of it can be an edit",
                format!("name a revision, such as `{}~1`", branches[0]),
            )),
        }
    }

    /// Returns the commit that `text` names in the workspace's own repository, if there is one.
    pub(crate) fn own_commit(&self, text: &str) -> Result<Commit, RevisionError> {
        match &self.layout {
            Layout::Branches(repository) => resolve(repository, text),
            Layout::Folders => resolve(&self.repository_around()?, text),
        }
    }

    /// Says whether each environment is a branch.
    pub(crate) fn has_branches(&self) -> bool {
        matches!(self.layout, Layout::Branches(_))
    }

    fn repository_around(&self) -> Result<Repository, RevisionError> {
        Repository::discover(&self.root).map_err(|error| match error {
            GitError::NoRepository { .. } => RevisionError::wrong(
                "the workspace is in no git repository, so it has no revisions",
                "make one with `git init`, and commit",
            ),
            GitError::Open { .. }
            | GitError::Unborn { .. }
            | GitError::NoSuchRevision { .. }
            | GitError::Shallow { .. }
            | GitError::NotBefore { .. }
            | GitError::Ambiguous { .. }
            | GitError::NoSuchFolder { .. }
            | GitError::Bare { .. }
            | GitError::Failed { .. }
            | GitError::Limit { .. } => WorkspaceError::from(error).into(),
        })
    }

    /// Returns the branches that environments are read from, the base's first.
    fn branches_read(&self, repository: &Repository, interrupt: &Interrupt) -> Vec<String> {
        let base = self.settings.base_branch.as_deref().unwrap_or(BASE_BRANCH);
        let mut sources =
            Sources::new(self.texts.clone(), self.settings.file_bytes, None, interrupt);
        let mut branches = vec![base.to_owned()];
        // Whoever loads the workspace says why the base cannot be read.
        if let Ok(source) = sources.git(repository, &Revision::Branch(base.to_owned()), None) {
            let (environments, _) = discover::environments(&sources.db, source);
            for it in environments {
                let branch = it.control_plane.branch;
                if !branch.is_empty() && !branches.contains(&branch) {
                    branches.push(branch);
                }
            }
        }
        branches
    }
}

/// Returns the branch and the commit that `text` names.
fn at_branch(
    repository: &Repository,
    branches: &[String],
    text: &str,
) -> Result<(String, Commit), RevisionError> {
    // `main@{1}` is a revision of git's own.
    let explicit = text.split_once('@').filter(|(name, revision)| {
        !name.is_empty() && !revision.is_empty() && !revision.starts_with('{')
    });
    if let Some((name, revision)) = explicit {
        if let Some(branch) = branches.iter().find(|it| *it == name) {
            return Ok((branch.clone(), resolve(repository, revision)?));
        }
        // A branch or tag may have the sign in its own name.
        if repository.resolve(text).is_err() {
            let guess = did_you_mean(name, branches.iter().map(String::as_str));
            let help = match guess {
                Some(guess) => format!("did you mean `{guess}@{revision}`?"),
                None => format!("they are read from {}", listed(branches)),
            };
            let reason = format!("no environment is read from a branch `{}`", name.escape_debug());
            return Err(RevisionError::wrong(reason, help));
        }
    }
    let commit = resolve(repository, text)?;
    Ok((branch_of(repository, branches, text, &commit)?, commit))
}

/// Returns the branch whose commit this is: the one that is named or checked out, else the one whose history holds it.
fn branch_of(
    repository: &Repository,
    branches: &[String],
    text: &str,
    commit: &Commit,
) -> Result<String, RevisionError> {
    let head = checked_out(repository)?;
    let stem = &text[..text.find(['~', '^', ':', '@']).unwrap_or(text.len())];
    let stem = match stem {
        "HEAD" | "" => head.as_deref().unwrap_or_default(),
        other => other.strip_prefix("origin/").unwrap_or(other),
    };
    if let Some(named) = branches.iter().find(|it| *it == stem) {
        return Ok(named.clone());
    }
    let relation = |branch: &String| -> Result<Relation, RevisionError> {
        let Ok(tip) = repository.resolve(branch) else { return Ok(Relation::Unrelated) };
        // Where the history is cut off, nobody knows.
        Ok(repository.relation(tip.id, commit.id).unwrap_or(Relation::Unrelated))
    };
    let relations: Vec<(&String, Relation)> =
        branches.iter().map(|it| Ok((it, relation(it)?))).collect::<Result<_, RevisionError>>()?;
    for wanted in [Relation::Holds, Relation::Shares] {
        let found = relations.iter().filter(|it| it.1 == wanted).map(|it| it.0);
        let found: Vec<&String> = found.collect();
        if let Some(own) = found.iter().find(|it| Some(it.as_str()) == head.as_deref()) {
            return Ok((*own).clone());
        }
        match found.as_slice() {
            [] => {}
            [branch] => return Ok((*branch).clone()),
            several => {
                let reason = format!(
                    "`{}` is a commit of several branches that environments are read from: {}",
                    text.escape_debug(),
                    listed(several)
                );
                let help = format!("say which is meant, such as `{}@{text}`", several[0]);
                return Err(RevisionError::wrong(reason, help));
            }
        }
    }
    let reason = format!(
        "`{}` is a commit of none of the branches that environments are read from: {}",
        text.escape_debug(),
        listed(branches)
    );
    Err(RevisionError::wrong(
        reason,
        format!("say which it stands for, such as `{}@{text}`", branches[0]),
    ))
}

fn checked_out(repository: &Repository) -> Result<Option<String>, RevisionError> {
    Ok(match repository.head().map_err(WorkspaceError::from)? {
        Head::Branch(name) if repository.work_folder().is_some() => Some(name),
        Head::Branch(_) | Head::Unborn(_) | Head::Detached(_) => None,
    })
}

fn resolve(repository: &Repository, text: &str) -> Result<Commit, RevisionError> {
    repository.resolve(text).map_err(|error| match error {
        GitError::Shallow { .. } => {
            let reason =
                format!("`{}` is not in this clone, which is shallow", text.escape_debug());
            RevisionError::Shallow { reason, command: deepening(text) }
        }
        GitError::NoSuchRevision { .. } => RevisionError::wrong(
            format!("there is no branch, tag or commit `{}`", text.escape_debug()),
            "`git fetch` gets what others have pushed; `git log` shows what is here",
        ),
        GitError::Ambiguous { reason, .. } => RevisionError::wrong(
            format!("`{}` is ambiguous: {reason}", text.escape_debug()),
            "write more of the commit's id",
        ),
        GitError::Unborn { branch, .. } => RevisionError::wrong(
            format!("the branch `{branch}` has no commit yet"),
            "commit what there is, and compare with that later",
        ),
        GitError::NoRepository { .. }
        | GitError::Open { .. }
        | GitError::NotBefore { .. }
        | GitError::NoSuchFolder { .. }
        | GitError::Bare { .. }
        | GitError::Failed { .. }
        | GitError::Limit { .. } => WorkspaceError::from(error).into(),
    })
}

/// Returns what fetches `text` into a shallow clone.
fn deepening(text: &str) -> String {
    let is_plain = !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"/._-".contains(&it));
    let is_id = text.len() == 40 && text.bytes().all(|it| it.is_ascii_hexdigit());
    match text.strip_prefix("origin/").unwrap_or(text) {
        name if is_plain && is_id => format!("git fetch --depth=1 origin {name}"),
        name if is_plain && !text.bytes().all(|it| it.is_ascii_hexdigit()) && name != "HEAD" => {
            format!("git fetch --depth=1 origin {name}:refs/remotes/origin/{name}")
        }
        // An abbreviation or an ancestor may be anywhere.
        _ => "git fetch --depth=2147483647 origin".to_owned(),
    }
}

fn listed<T: AsRef<str>>(branches: &[T]) -> String {
    const SHOWN: usize = 10;
    let mut names: Vec<String> =
        branches.iter().take(SHOWN).map(|it| format!("`{}`", it.as_ref())).collect();
    if branches.len() > SHOWN {
        names.push(format!("{} more", branches.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shallow_clone_is_deepened_by_what_is_missing() {
        for (text, command) in [
            ("origin/main", "git fetch --depth=1 origin main:refs/remotes/origin/main"),
            ("v1.2", "git fetch --depth=1 origin v1.2:refs/remotes/origin/v1.2"),
            ("HEAD~3", "git fetch --depth=2147483647 origin"),
            ("4f2a91c", "git fetch --depth=2147483647 origin"),
            ("$(rm -r .)", "git fetch --depth=2147483647 origin"),
            ("--upload-pack=x", "git fetch --depth=2147483647 origin"),
        ] {
            assert_eq!(deepening(text), command);
        }
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(deepening(id), format!("git fetch --depth=1 origin {id}"));
    }
}
