//! What became of an environment, as people and programs read it.

use serde::Serialize;
use wob_host::{Counts, ManualCommit, PullRequest, PullRequestState};
use wob_rules::BuiltAssignment;

use super::{
    body::{self, Content},
    deletions::Deletions,
    destination::Destination,
};
use crate::session::Session;

/// What became of an environment in one repository.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Published {
    environment: String,
    /// The address, without secrets; none if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// The branch that clusters read.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    pub(super) outcome: Outcome,
    /// Why it is not published, or not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// The branch that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The git id of the commit's whole tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) git_tree: Option<String>,
    /// The BLAKE3 Merkle root of what wob writes; this and the next two are none if nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletions: Option<Deletions>,
    /// The commit of the base, if it is another than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_request: Option<PullRequestResult>,
    /// The pull requests that were closed.
    pub(super) superseded: Vec<Superseded>,
    manual_commits: Vec<ManualCommit>,
    failing: Vec<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// The branch has it all.
    Unchanged,
    /// It was pushed before, and waits to be merged.
    Pending,
    /// It is pushed.
    Pushed,
    /// It is on the branch that clusters read.
    Merged,
    /// Nothing was pushed.
    DryRun,
    /// Nothing was pushed, for a reason.
    Refused,
    /// Git has what it should, and the forge does not, for a reason.
    Unfinished,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field that programs read")]
pub(super) struct PullRequestResult {
    number: u64,
    url: String,
    title: String,
    labels: Vec<String>,
    /// Whether it was opened now.
    pub(super) new: bool,
    pub(super) state: PullRequestState,
    /// Whether the forge merges it once its checks have passed.
    pub(super) merges_when_ready: bool,
    /// Why it is not merged, although that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_merged: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Superseded {
    pub(super) number: u64,
    pub(super) url: String,
}

impl Published {
    /// Begins to tell what becomes of `content`; as long as nothing is done, it is refused.
    pub(super) fn new(content: &Content<'_>, repository: &str, destination: &Destination) -> Self {
        let label = |it: &BuiltAssignment| {
            format!("{}:{}", it.assignment.cluster_type, it.assignment.target)
        };
        Self {
            root: Some(content.made.root().to_string()),
            files: Some(content.made.plan().counts()),
            deletions: Some(content.deletions.clone()),
            promoted: content.promoted.clone(),
            manual_commits: content.manual.clone(),
            failing: content.failing().map(label).collect(),
            ..Self::nothing(content.environment(), Some((repository, destination.branch.as_str())))
        }
    }

    /// Tells that nothing becomes of `environment`, in a repository and its branch if it is known which.
    pub(super) fn nothing(environment: &str, to: Option<(&str, &str)>) -> Self {
        Self {
            environment: environment.to_owned(),
            repository: to.map(|it| it.0.to_owned()),
            base: to.map(|it| it.1.to_owned()),
            outcome: Outcome::Refused,
            reason: None,
            help: None,
            branch: None,
            commit: None,
            git_tree: None,
            root: None,
            files: None,
            deletions: None,
            promoted: None,
            pull_request: None,
            superseded: vec![],
            manual_commits: vec![],
            failing: vec![],
        }
    }

    /// Tells why it came no further.
    pub(super) fn refused(mut self, reason: &str) -> Self {
        if self.outcome != Outcome::Refused {
            self.outcome = Outcome::Unfinished;
        }
        let (reason, help) =
            reason.split_once("\n  help: ").map_or((reason, None), |it| (it.0, Some(it.1)));
        self.reason = Some(reason.to_owned());
        self.help = help.map(str::to_owned);
        self
    }

    /// Returns what people read; none of what was refused, which was said.
    pub(super) fn to_text(&self) -> Option<String> {
        let Counts { added, changed, unchanged, deleted, foreign, edited } =
            self.files.unwrap_or_default();
        let files = [
            (added, "added"),
            (changed, "changed"),
            (deleted, "deleted"),
            (edited, "edited by others"),
            (foreign, "not written by wob"),
            (unchanged, "unchanged"),
        ];
        let files = files.into_iter().filter(|it| it.0 > 0).map(|(n, what)| format!("{n} {what}"));
        let files: Vec<String> = files.collect();
        let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
        let what = match self.outcome {
            Outcome::Unchanged => "is as it should be",
            Outcome::Pending => "waits to be merged",
            Outcome::Pushed => "is pushed",
            Outcome::Merged => "is published",
            Outcome::DryRun => "would be published",
            Outcome::Refused | Outcome::Unfinished => return None,
        };
        let (repository, base) = self.repository.as_ref().zip(self.base.as_ref())?;
        let mut lines = vec![format!("//env:{} -> {repository}#{base} {what}", self.environment)];
        lines.push(format!("  files: {files}"));
        lines.extend(self.promoted.iter().map(|it| format!("  promotes: {it}")));
        if !self.failing.is_empty() {
            lines.push(format!(
                "  failing; what is published of it stays: {}",
                self.failing.join(", ")
            ));
        }
        lines.extend(self.branch.iter().map(|it| format!("  branch: {it}")));
        lines.extend(self.commit.iter().map(|it| format!("  commit: {it}")));
        if let Some(it) = &self.pull_request {
            let new = if it.new { "new, " } else { "" };
            let state = match (it.state, it.merges_when_ready) {
                (PullRequestState::Merged, _) => "merged",
                (PullRequestState::Closed, _) => "closed",
                (PullRequestState::Open, true) => "merges when its checks have passed",
                (PullRequestState::Open, false) => "open",
            };
            lines.push(format!("  pull request: {} ({new}{state})", it.url));
        }
        lines.extend(self.superseded.iter().map(|it| format!("  closed: {}", it.url)));
        lines.push(String::new());
        Some(lines.join("\n"))
    }
}

/// Shows people what a pull request would say.
pub(super) fn say_body(content: &Content<'_>, session: &Session<'_>) {
    let text = format!("{}\n\n{}", body::title(content), body::body(content));
    let lines = text.lines().map(|it| format!("  | {it}").trim_end().to_owned());
    session.streams.say(&lines.collect::<Vec<_>>().join("\n"));
}

impl PullRequestResult {
    pub(super) fn of(it: &PullRequest) -> Self {
        Self {
            number: it.number,
            url: it.url.clone(),
            title: it.title.clone(),
            labels: it.labels.clone(),
            new: false,
            state: it.state,
            merges_when_ready: false,
            not_merged: None,
        }
    }
}
