//! Why a commit is not promoted, and how wob ends for it.

use wob_host::{ForgeError, GitError, LimitError, PushError};
use wob_rules::{Name, promotion::PinError};

use crate::exit::Exit;

/// Why a commit is not promoted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromotionError {
    /// Environments are folders.
    #[error(
        "the environments of this workspace are folders that share one base, so no commit is promoted from one to the other\n  \
         help: promote by merging, or give each environment a branch: see docs/guides/promotion.md"
    )]
    Folders,
    /// No environment of this name.
    #[error("there is no environment `{name}`\n  help: {help}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The way out.
        help: String,
    },
    /// The environment's branch is not in this repository.
    #[error(
        "the branch `{branch}` of environment `{environment}` is not in `{repository}`\n  \
         help: `git fetch` it, or run wob in a clone of the repository that has it"
    )]
    NoBranch {
        /// The branch.
        branch: String,
        /// The environment.
        environment: Name,
        /// The repository.
        repository: String,
    },
    /// The control plane was read from elsewhere.
    #[error(
        "the control plane of `{environment}` is read from `{url}`, not from the branch `{branch}` of this repository\n  \
         help: run wob in a clone of that repository; leave out overrides of it"
    )]
    Elsewhere {
        /// The environment.
        environment: Name,
        /// Where it was read.
        url: String,
        /// The branch.
        branch: String,
    },
    /// The user's own branch and that of `origin` have both moved.
    #[error(
        "`{branch}` and `origin/{branch}` have gone different ways\n  \
         help: bring them together first, as with `git fetch && git rebase origin/{branch} {branch}`"
    )]
    Diverged {
        /// The branch.
        branch: String,
    },
    /// The files that hold a BaseRepo `main` are more than one.
    #[error(
        "both `{first}` and `{second}` of `{branch}` hold a BaseRepo `main`\n  help: remove one"
    )]
    TwoPins {
        /// One file.
        first: String,
        /// The other one.
        second: String,
        /// The branch.
        branch: String,
    },
    /// The file that would get a pin cannot be edited.
    #[error(
        "`{path}` of `{branch}` cannot be edited: {reason}\n  help: edit it by hand and commit it"
    )]
    Pin {
        /// The file.
        path: String,
        /// The branch.
        branch: String,
        /// Why.
        reason: PinError,
    },
    /// There is something else where a new BaseRepo would be written.
    #[error(
        "`{branch}` has no BaseRepo `main`, and `{path}` holds something else\n  help: add a BaseRepo `main` by hand"
    )]
    InTheWay {
        /// The file.
        path: String,
        /// The branch.
        branch: String,
    },
    /// An environment has no commit that could be taken.
    #[error(
        "no commit is pinned in `{environment}`\n  help: `wob promote COMMIT --to {environment}` first"
    )]
    Nothing {
        /// The environment.
        environment: String,
    },
    /// An environment never had another commit.
    #[error(
        "nothing was promoted to `{environment}` before what it has now\n  \
         help: `wob promote --history {environment}` lists what was"
    )]
    NothingBefore {
        /// The environment.
        environment: String,
    },
    /// An environment never had this commit.
    #[error(
        "{commit} was never promoted to `{environment}`, so there is no way back to it\n  \
         help: `wob promote --history {environment}` lists what was; `wob promote` goes forwards"
    )]
    NeverThere {
        /// The commit, as it was written.
        commit: String,
        /// The environment.
        environment: String,
    },
    /// There is no such commit here.
    #[error(
        "`{repository}` has no branch, tag or commit `{revision}`\n  \
         help: `git fetch` it, or name another one; `git log {base}` lists those of the base"
    )]
    NoCommit {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: String,
        /// The base branch.
        base: String,
    },
    /// Nothing says in which order environments get a commit.
    #[error(
        "nothing says which environment is the next one\n  \
         help: write `promotion: [dev, stage]` in wob.yaml, or name one with --to"
    )]
    NoChain,
    /// The network may not be used.
    #[error("a promotion is pushed over the network, which --offline forbids")]
    Offline,
    /// There is nowhere to push to.
    #[error(
        "this repository has no remote `origin` to push to\n  help: `git remote add origin URL`, or leave out --push and --pull-request"
    )]
    NoOrigin,
    /// The environment's branch is not at `origin`.
    #[error("`origin` has no branch `{branch}`\n  help: `git push origin {branch}` first")]
    NotAtOrigin {
        /// The branch.
        branch: String,
    },
    /// The environment's branch is elsewhere at `origin`.
    #[error("`{branch}` has moved at `origin`\n  help: `git fetch`, then run it again")]
    Behind {
        /// The branch.
        branch: String,
    },
    /// What was to be pushed is not.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The repository itself fails.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The forge fails.
    #[error("{error}{}", help_of(.error))]
    Forge {
        /// How.
        #[from]
        error: ForgeError,
    },
}

fn help_of(error: &ForgeError) -> String {
    match error.help() {
        "" => String::new(),
        help => format!("\n  help: {help}"),
    }
}

impl PromotionError {
    /// Returns how wob ends for this reason.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Folders
            | Self::Unknown { .. }
            | Self::NoCommit { .. }
            | Self::NoChain
            | Self::NeverThere { .. }
            | Self::Offline
            | Self::NoOrigin
            | Self::Git(GitError::Ambiguous { .. }) => Exit::Usage,
            Self::Nothing { .. } | Self::NothingBefore { .. } => Exit::Nothing,
            Self::TwoPins { .. } | Self::Pin { .. } | Self::InTheWay { .. } => Exit::Sources,
            Self::Git(GitError::Limit { source: LimitError::Interrupted(_), .. })
            | Self::Push(PushError::Interrupted(_))
            | Self::Forge { error: ForgeError::Interrupted(_) } => Exit::Interrupted,
            Self::NoBranch { .. }
            | Self::Elsewhere { .. }
            | Self::Diverged { .. }
            | Self::NotAtOrigin { .. }
            | Self::Behind { .. }
            | Self::Push(PushError::Raced { .. } | PushError::Cache(_) | PushError::Program(_))
            | Self::Git(_) => Exit::Local,
            Self::Push(_) | Self::Forge { .. } => Exit::Outside,
        }
    }
}
