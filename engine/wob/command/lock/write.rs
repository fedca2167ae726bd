//! Writes lock files: into a folder, into a checkout, or as a commit.

use std::{fs, io, io::Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Content, FilePath};
use wob_host::{
    BranchName, Edit, FolderError, GitError, Moved, ReadLimits, Repository, resolve_inside,
};

use super::{
    plan::{Fit, LockPlan},
    tell::Told,
};
use crate::{exit::Exit, lock::LOCK_FILE, session::Session, workspace::Home};

/// Where a file was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// On disk; relative to the workspace, if it is in there.
    File(Utf8PathBuf),
    /// As this commit of a branch.
    Commit {
        /// The branch.
        branch: String,
        /// The commit.
        id: String,
    },
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("could not write `{path}`: {source}")]
    Failed { path: Utf8PathBuf, source: io::Error },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(
        "`{name}` was not written: branch `{branch}` is not checked out\n  \
         help: `--commit` commits it onto the branch, or `git switch {branch}` first"
    )]
    NotCheckedOut { name: String, branch: String },
    #[error(
        "`{name}` was not written: there is no branch `{branch}` of your own\n  \
         help: `git branch {branch} origin/{branch}` makes one"
    )]
    NoBranch { name: String, branch: String },
    #[error("`{branch}` moved meanwhile, so `{name}` was not written\n  help: run it again")]
    Raced { name: String, branch: String },
    #[error(
        "`{name}` was not written: it lies in {place}\n  \
         help: `--output=json` prints its text; commit it there as `wob.lock`"
    )]
    Elsewhere { name: String, place: String },
}

impl WriteError {
    fn exit(&self) -> Exit {
        match self {
            Self::Git(GitError::Limit { .. }) => Exit::Interrupted,
            Self::Failed { .. }
            | Self::Folder(_)
            | Self::Git(_)
            | Self::NotCheckedOut { .. }
            | Self::NoBranch { .. }
            | Self::Raced { .. }
            | Self::Elsewhere { .. } => Exit::Local,
        }
    }
}

/// Writes those files that change, and notes in `told` where. Commits are made only if they are told what to say.
pub(crate) fn write_all(
    session: &Session<'_>,
    plans: &[LockPlan<'_>],
    subject: Option<&str>,
    told: &mut [Told],
) -> Exit {
    let mut exit = Exit::Ok;
    for (plan, told) in plans.iter().zip(told).filter(|(plan, _)| plan.fit() == Fit::Stale) {
        let message = subject.map(|it| format!("wob.lock: {it}\n\n{}\n", told.lines().join("\n")));
        match write(session, plan, message.as_deref()) {
            Ok(Written::File(path)) => {
                let below = path.strip_prefix(&session.workspace.root);
                told.written = Some(Written::File(below.unwrap_or(&path).to_owned()));
            }
            Ok(written) => told.written = Some(written),
            Err(error) => {
                session.streams.fail(&error.to_string());
                exit = exit.or(error.exit());
            }
        }
    }
    exit
}

fn write(
    session: &Session<'_>,
    plan: &LockPlan<'_>,
    message: Option<&str>,
) -> Result<Written, WriteError> {
    let name = plan.lock.name.to_string();
    match (&plan.lock.home, session.workspace.branches().map(|(it, _)| it)) {
        (Home::Folder(folder), _) => {
            resolve_inside(&session.workspace.root, folder)?;
            replace(folder, &plan.next.to_text())
        }
        (Home::Branch { name: branch, folder }, Some(repository)) => {
            let checked = BranchName::new(branch).ok_or_else(|| WriteError::NoBranch {
                name: name.clone(),
                branch: branch.clone(),
            })?;
            if let Some(checkout) = repository.checkout_of(&checked) {
                let folder = folder.as_ref().map_or("", FilePath::as_str);
                return replace(checkout.join(folder).as_path(), &plan.next.to_text());
            }
            match message {
                Some(message) => committed(session, repository, plan, &checked, message),
                None => Err(WriteError::NotCheckedOut { name, branch: branch.clone() }),
            }
        }
        (Home::Branch { name: place, .. } | Home::Elsewhere(place), _) => {
            Err(WriteError::Elsewhere { name, place: place.clone() })
        }
    }
}

/// Replaces the file in `folder` at once: whoever reads it meanwhile gets the old one or the new one.
fn replace(folder: &Utf8Path, text: &str) -> Result<Written, WriteError> {
    let path = folder.join(LOCK_FILE);
    let new = folder.join(".wob.lock.new");
    let write = || {
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    match write() {
        Ok(()) => Ok(Written::File(path)),
        Err(source) => {
            fs::remove_file(&new).ok();
            Err(WriteError::Failed { path, source })
        }
    }
}

/// Commits the file onto a branch that is not checked out, if the branch still has the file that was read.
fn committed(
    session: &Session<'_>,
    repository: &Repository,
    plan: &LockPlan<'_>,
    branch: &BranchName,
    message: &str,
) -> Result<Written, WriteError> {
    let name = plan.lock.name.to_string();
    let shown = branch.as_str().to_owned();
    let Some(tip) = repository.tip_of(branch)? else {
        return Err(WriteError::NoBranch { name, branch: shown });
    };
    let Home::Branch { folder, .. } = &plan.lock.home else {
        unreachable!("because only a branch is committed to")
    };
    let path =
        folder.as_ref().map_or_else(|| LOCK_FILE.to_owned(), |it| format!("{it}/{LOCK_FILE}"));
    let path = FilePath::new(&path).expect("because both parts are paths");
    let found = match repository.file(&tip, &path, &ReadLimits::default())? {
        Some(Content::Text { text, .. }) => Some(text.to_string()),
        Some(Content::Refused(_) | Content::Unread { .. }) | None => None,
    };
    if found.as_ref() != plan.lock.file.as_ref().map(|it| &it.text) {
        return Err(WriteError::Raced { name, branch: shown });
    }
    let files = [(path, plan.next.to_text().into_bytes())];
    let edit = Edit { parent: &tip, files: &files, message };
    let new = repository.commit_files(branch, &edit, &session.interrupt)?;
    match repository.move_branch(branch, Some(tip.id), new.id, message)? {
        Moved::Yes => Ok(Written::Commit { branch: shown, id: new.id.to_string() }),
        Moved::Raced => Err(WriteError::Raced { name, branch: shown }),
    }
}
