//! Forges: the hosts of repositories that also keep pull requests, checks and issues.
//!
//! One trait, one implementation in a file of its own, one line in [`FORGES`]. What a forge calls a merge request is a pull
//! request here. **Invariant:** only pull requests and issues that carry wob's own [`Mark`] are ever changed.

mod api;
mod azure_devops;
mod gitea;
mod github;
mod gitlab;
mod mark;
mod own;
mod project;
mod token;

use std::fmt;

use serde::Serialize;

use crate::{GitId, HttpError, Interrupted};

pub use mark::Mark;
pub use own::{OwnPullRequests, Wanted};
pub use project::{FORGES, ForgeKind, Project};
pub use token::{TokenSources, find_credential};

/// A repository on a forge, with what the forge keeps beside it.
pub trait Forge: fmt::Debug + Send + Sync {
    /// Lists the open pull requests that are made from branches of this repository whose names begin with `heads`.
    ///
    /// Forks are left out. Sorted by number.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn open_pull_requests(&self, heads: &str) -> Result<Vec<PullRequest>, ForgeError>;

    /// Reads one pull request, in whatever state.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError>;

    /// Opens a pull request.
    ///
    /// # Errors
    /// [`ForgeError::Exists`] if one is open from this branch to that; see [`ForgeError`].
    fn open(&self, new: &NewPullRequest<'_>) -> Result<PullRequest, ForgeError>;

    /// Gives a pull request another title and body.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError>;

    /// Closes a pull request without merging it; one that is closed stays so.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn close(&self, number: u64) -> Result<(), ForgeError>;

    /// Gives a pull request a label; one that it has stays.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn add_label(&self, number: u64, label: &str) -> Result<(), ForgeError>;

    /// Takes a label from a pull request; one that it has not is no error.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError>;

    /// Lists the comments on a pull request, oldest first.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError>;

    /// Adds a comment to a pull request.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn add_comment(&self, number: u64, body: &str) -> Result<(), ForgeError>;

    /// Gives a comment on a pull request another body.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn edit_comment(&self, number: u64, comment: &Comment, body: &str) -> Result<(), ForgeError>;

    /// Merges a pull request once everything that the forge asks for has passed; now, if it has.
    ///
    /// Nothing is merged if its branch is not at `pull_request.head_commit` any more.
    ///
    /// # Errors
    /// See [`ForgeError`]. That the forge does not allow it is [`Merging::NotAllowed`], not an error.
    fn merge_when_ready(&self, pull_request: &PullRequest) -> Result<Merging, ForgeError>;

    /// Lists what programs say about a commit, the latest of each name, sorted by name.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn statuses(&self, commit: GitId) -> Result<Vec<CommitStatus>, ForgeError>;

    /// Says something about a commit; it replaces what was said under the same name.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn set_status(&self, commit: GitId, status: &CommitStatus) -> Result<(), ForgeError>;

    /// Lists the open issues with a label, sorted by number.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn open_issues(&self, label: &str) -> Result<Vec<Issue>, ForgeError>;

    /// Opens an issue with a label.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn open_issue(&self, title: &str, body: &str, label: &str) -> Result<Issue, ForgeError>;

    /// Closes an issue; one that is closed stays so.
    ///
    /// # Errors
    /// See [`ForgeError`].
    fn close_issue(&self, number: u64) -> Result<(), ForgeError>;

    /// Returns how many characters the body of a pull request may have.
    fn longest_body(&self) -> usize;
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in this repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// What it says; empty if nothing.
    pub body: String,
    /// The branch that it would merge.
    pub head: String,
    /// The branch that it would merge into.
    pub base: String,
    /// The last commit of the branch that it would merge.
    pub head_commit: String,
    /// What became of it.
    pub state: PullRequestState,
    /// The names of its labels, sorted.
    pub labels: Vec<String>,
    /// Where people see it.
    pub url: String,
    /// What the forge itself calls it, where that is not the number.
    pub id: String,
}

/// What became of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PullRequestState {
    /// It waits.
    Open,
    /// It was merged.
    Merged,
    /// It was closed without being merged.
    Closed,
}

/// A pull request to open.
#[derive(Clone, Copy, Debug)]
pub struct NewPullRequest<'n> {
    /// Its title.
    pub title: &'n str,
    /// What it says.
    pub body: &'n str,
    /// The branch to merge.
    pub head: &'n str,
    /// The branch to merge into.
    pub base: &'n str,
}

/// A comment on a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What the forge calls it.
    pub id: String,
    /// What it says.
    pub body: String,
}

/// An issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number in this repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// What it says.
    pub body: String,
    /// Where people see it.
    pub url: String,
}

/// What became of the wish to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merging {
    /// The forge will merge once the checks have passed.
    WhenReady,
    /// It is merged.
    Merged,
    /// The forge does not merge by itself, and says why.
    NotAllowed(String),
}

/// What a program says about a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The name under which it says so.
    pub name: String,
    /// What it says.
    pub outcome: StatusOutcome,
    /// The same in words; may be empty.
    pub description: String,
    /// Where there is more to read; may be empty.
    pub url: String,
}

/// How something that looks at a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusOutcome {
    /// It has not ended.
    Pending,
    /// All is well, or there was nothing to do.
    Success,
    /// Something is wrong.
    Failure,
}

/// Why a forge did not do what it was asked for. No message holds a token.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// There is no answer.
    #[error(transparent)]
    Http(HttpError),
    /// The forge wants to know who asks, or does not let them.
    #[error("{host} does not let wob {attempt}: {reason}")]
    Unauthorized {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// What the forge says.
        reason: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The forge has no such thing, or hides it from those who may not see it.
    #[error("{host} could not {attempt}: not found ({reason})")]
    NotFound {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// What the forge says.
        reason: String,
    },
    /// There is one already.
    #[error("{host} could not {attempt}: there is one already ({reason})")]
    Exists {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// What the forge says.
        reason: String,
    },
    /// The forge understood and will not.
    #[error("{host} refused to {attempt}: {reason} (status {status})")]
    Refused {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// The status of the answer.
        status: u16,
        /// What the forge says.
        reason: String,
    },
    /// The forge is broken, or out of order.
    #[error("{host} failed to {attempt}: status {status}")]
    Broken {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// The status of the answer.
        status: u16,
    },
    /// The answer is not what the forge's documentation says.
    #[error("could not {attempt}: the answer of {host} is not understood: {reason}")]
    Garbage {
        /// The host.
        host: String,
        /// What was attempted.
        attempt: String,
        /// Why.
        reason: String,
    },
    /// The forge has nothing of the kind.
    #[error("{forge} has no {what} that wob could use")]
    Unsupported {
        /// The forge.
        forge: &'static str,
        /// What it has not.
        what: &'static str,
    },
}

/// Sorts pull requests by number.
fn by_number(all: impl Iterator<Item = PullRequest>) -> Vec<PullRequest> {
    let mut all: Vec<PullRequest> = all.collect();
    all.sort_by_key(|it| it.number);
    all
}

/// Sorts issues by number.
fn issues_by_number(all: impl Iterator<Item = Issue>) -> Vec<Issue> {
    let mut all: Vec<Issue> = all.collect();
    all.sort_by_key(|it| it.number);
    all
}

/// Sorts what is said of a commit by name.
fn by_name(all: impl Iterator<Item = CommitStatus>) -> Vec<CommitStatus> {
    let mut all: Vec<CommitStatus> = all.collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl ForgeError {
    /// Returns the way out; empty if there is none to name.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unauthorized { with_token: false, .. } => {
                "give wob a token: see `wob help publish` for where it looks"
            }
            Self::Unauthorized { with_token: true, .. } => {
                "the token must be able to write pull requests of this repository"
            }
            Self::NotFound { .. } => {
                "see that the address is right; forges say so too when a token may not see the repository"
            }
            Self::Http(HttpError::Busy { .. }) => "try again later, or with another token",
            Self::Http(_) | Self::Broken { .. } => {
                "run it again; what is done already is not done twice"
            }
            Self::Garbage { .. } => "see that the address and the kind of forge are right",
            Self::Interrupted(_)
            | Self::Exists { .. }
            | Self::Refused { .. }
            | Self::Unsupported { .. } => "",
        }
    }

    /// Says whether it is unknown if the forge did what it was asked for.
    fn is_doubtful(&self) -> bool {
        matches!(
            self,
            Self::Http(HttpError::Lost { .. }) | Self::Broken { .. } | Self::Garbage { .. }
        )
    }
}

impl From<HttpError> for ForgeError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Interrupted(it) => Self::Interrupted(it),
            error @ (HttpError::Unreachable { .. }
            | HttpError::Lost { .. }
            | HttpError::Busy { .. }
            | HttpError::Moved { .. }
            | HttpError::TooLong { .. }
            | HttpError::Failed { .. }) => Self::Http(error),
        }
    }
}
