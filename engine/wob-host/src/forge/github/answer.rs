//! What GitHub answers, as far as wob reads it.

use serde::Deserialize;
use serde_json::Value;

use super::super::{Comment, CommitStatus, Issue, PullRequest, PullRequestState, StatusOutcome};

#[derive(Deserialize)]
pub(super) struct PullAnswer {
    number: u64,
    node_id: String,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    merged_at: Option<String>,
    pub(super) head: Side,
    base: Side,
    #[serde(default)]
    labels: Vec<Label>,
    pub(super) auto_merge: Option<Value>,
}

/// One of the two branches of a pull request.
#[derive(Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) name: String,
    sha: String,
    /// None if the fork was deleted.
    repo: Option<SideRepository>,
}

#[derive(Deserialize)]
struct SideRepository {
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    login: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
pub(in super::super) struct CommentAnswer {
    id: u64,
    body: Option<String>,
}

#[derive(Deserialize)]
pub(in super::super) struct IssueAnswer {
    number: u64,
    title: String,
    body: Option<String>,
    html_url: String,
    pub(super) pull_request: Option<Value>,
}

/// The latest statuses of a commit, one for each context.
#[derive(Deserialize)]
pub(super) struct Combined {
    pub(super) statuses: Vec<StatusAnswer>,
}

#[derive(Deserialize)]
pub(super) struct StatusAnswer {
    context: String,
    state: String,
    description: Option<String>,
    target_url: Option<String>,
}

/// The latest check runs of a commit.
#[derive(Deserialize)]
pub(super) struct Runs {
    pub(super) check_runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Run {
    name: String,
    /// None until it has completed.
    conclusion: Option<String>,
    html_url: Option<String>,
    #[serde(default)]
    output: RunOutput,
}

#[derive(Default, Deserialize)]
struct RunOutput {
    title: Option<String>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "GitHub's own names")]
pub(super) struct RepositoryAnswer {
    // Those who may not push are not told.
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct GraphAnswer {
    #[serde(default)]
    errors: Vec<GraphError>,
}

#[derive(Deserialize)]
struct GraphError {
    message: String,
}

impl PullAnswer {
    pub(super) fn read(self) -> PullRequest {
        let mut labels: Vec<String> = self.labels.into_iter().map(|it| it.name).collect();
        labels.sort();
        let state = match self.merged_at {
            Some(_) => PullRequestState::Merged,
            None => to_state(&self.state),
        };
        PullRequest {
            number: self.number,
            title: self.title,
            body: self.body.unwrap_or_default(),
            head: self.head.name,
            base: self.base.name,
            head_commit: self.head.sha,
            state,
            labels,
            url: self.html_url,
            id: self.node_id,
        }
    }
}

impl Side {
    pub(super) fn is_of(&self, owner: &str) -> bool {
        self.repo.as_ref().is_some_and(|it| it.owner.login.eq_ignore_ascii_case(owner))
    }
}

impl CommentAnswer {
    pub(in super::super) fn read(self) -> Comment {
        Comment { id: self.id.to_string(), body: self.body.unwrap_or_default() }
    }
}

impl IssueAnswer {
    pub(in super::super) fn read(self) -> Issue {
        let body = self.body.unwrap_or_default();
        Issue { number: self.number, title: self.title, body, url: self.html_url }
    }
}

impl StatusAnswer {
    pub(super) fn read(self) -> CommitStatus {
        let outcome = match self.state.as_str() {
            "success" => StatusOutcome::Success,
            "pending" => StatusOutcome::Pending,
            _ => StatusOutcome::Failure,
        };
        CommitStatus {
            name: self.context,
            outcome,
            description: self.description.unwrap_or_default(),
            url: self.target_url.unwrap_or_default(),
        }
    }
}

impl Run {
    pub(super) fn read(self) -> CommitStatus {
        let outcome = match self.conclusion.as_deref() {
            None => StatusOutcome::Pending,
            Some("success" | "neutral" | "skipped") => StatusOutcome::Success,
            Some(_) => StatusOutcome::Failure,
        };
        CommitStatus {
            name: self.name,
            outcome,
            description: self.output.title.unwrap_or_default(),
            url: self.html_url.unwrap_or_default(),
        }
    }
}

impl RepositoryAnswer {
    pub(super) fn allows(&self, method: &str) -> bool {
        let allowed = match method {
            "merge" => self.allow_merge_commit,
            "squash" => self.allow_squash_merge,
            _ => self.allow_rebase_merge,
        };
        allowed.unwrap_or(true)
    }
}

impl GraphAnswer {
    /// Returns why nothing was done; none if it was.
    pub(super) fn refusal(self) -> Option<String> {
        self.errors.into_iter().next().map(|it| it.message)
    }
}

/// Returns the state that is called so, of a pull request that is not merged.
pub(in super::super) fn to_state(state: &str) -> PullRequestState {
    if state == "open" { PullRequestState::Open } else { PullRequestState::Closed }
}

/// Returns GitHub's word for an outcome.
pub(in super::super) fn to_outcome(outcome: StatusOutcome) -> &'static str {
    match outcome {
        StatusOutcome::Pending => "pending",
        StatusOutcome::Success => "success",
        StatusOutcome::Failure => "failure",
    }
}
