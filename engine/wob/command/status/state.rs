//! What is known of an environment, as programs read it.

use serde::Serialize;
use wob_host::StatusOutcome;

/// An environment.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvironmentState {
    pub(super) environment: String,
    /// The commit of the base; absent where none is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) promoted: Option<Promoted>,
    /// The branch of the control plane; absent where environments are folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<BranchState>,
    /// What would be published; absent if the control plane could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tree: Option<TreeState>,
    /// Where the tree goes, the main one first.
    pub(super) gitops: Vec<GitOpsState>,
    /// What clusters are said to run; absent if nobody was asked or nobody says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compliance: Option<Compliance>,
    /// What could not be had.
    pub(super) trouble: Vec<String>,
}

impl EnvironmentState {
    /// Says whether something is not where its sources want it: a GitOps branch, or commits that only one of here and `origin` has.
    pub(super) fn drifts(&self) -> bool {
        let is_off = |it: &GitOpsState| match it.drift {
            Drift::Unpublished | Drift::Edited | Drift::Both => true,
            Drift::None | Drift::Unknown => false,
        };
        let branch = self.branch.iter().flat_map(|it| [it.unpushed, it.unpulled]);
        branch.flatten().any(|it| it > 0) || self.gitops.iter().any(is_off)
    }
}

/// The commit of the base that is promoted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Promoted {
    pub(super) commit: String,
    /// What it is called; absent if it is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    /// How many commits of the base branch came after it; absent if it is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) behind: Option<usize>,
}

/// The branch of the control plane.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchState {
    pub(super) name: String,
    pub(super) commit: String,
    /// How many commits are not at `origin`, as it was fetched last; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unpushed: Option<usize>,
    /// How many commits at `origin`, as it was fetched last, the user's own branch lacks, which is what is built; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unpulled: Option<usize>,
}

/// What would be published.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TreeState {
    pub(super) root: String,
    pub(super) git_tree: String,
    pub(super) assignments: usize,
    pub(super) failed: usize,
}

/// A branch of a GitOps repository.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GitOpsState {
    pub(super) repository: String,
    pub(super) branch: String,
    /// Its last commit; absent if there is none, or it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The root of the tree that wob wrote there last; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<String>,
    pub(super) drift: Drift,
    /// The files that differ from what would be published.
    pub(super) unpublished: Vec<String>,
    /// The files that are not as wob wrote them.
    pub(super) edited: Vec<String>,
    /// Those that are open into this branch; absent if nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_requests: Option<Vec<PullRequestState>>,
}

/// Whether a GitOps branch holds what it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Drift {
    /// It does.
    None,
    /// Something else would be published now.
    Unpublished,
    /// Files are not as wob wrote them.
    Edited,
    /// Both.
    Both,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// A pull request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PullRequestState {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) url: String,
}

/// What clusters are said to run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Compliance {
    pub(super) state: StatusOutcome,
    pub(super) description: String,
}
