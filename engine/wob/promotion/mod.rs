//! Promotion: moving one commit of the base from environment to environment, with git as the only memory.

mod effect;
mod forge;
mod gate;
mod land;
mod lane;
mod pins;
mod push;
mod told;

use wob_engine::Diagnostic;
use wob_host::{Commit, ForgeError, GitError, Interrupt, LimitError, PushError};
use wob_rules::{Name, PromotionGate, promotion::PinError};

use crate::{
    args::Common,
    exit::Exit,
    session,
    stream::Streams,
    workspace::{Plane, Start},
};

use self::effect::{Effect, effect};
pub(crate) use self::{
    forge::{forge_of, say_status, status_name},
    gate::{Direction, Passage},
    land::{Landing, Request},
    lane::Lane,
    pins::Promotion,
    told::short,
};

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
            Self::Folders | Self::Unknown { .. } | Self::NoCommit { .. } | Self::NoChain => {
                Exit::Usage
            }
            Self::Nothing { .. } | Self::NothingBefore { .. } => Exit::Nothing,
            Self::NeverThere { .. } => Exit::Usage,
            Self::Offline | Self::NoOrigin => Exit::Usage,
            Self::NoBranch { .. }
            | Self::Elsewhere { .. }
            | Self::Diverged { .. }
            | Self::NotAtOrigin { .. }
            | Self::Behind { .. } => Exit::Local,
            Self::Push(PushError::Interrupted(_)) => Exit::Interrupted,
            Self::Push(PushError::Raced { .. } | PushError::Cache(_) | PushError::Program(_)) => {
                Exit::Local
            }
            Self::Push(_) => Exit::Outside,
            Self::TwoPins { .. } | Self::Pin { .. } | Self::InTheWay { .. } => Exit::Sources,
            Self::Git(GitError::Limit { source: LimitError::Interrupted(_), .. }) => {
                Exit::Interrupted
            }
            Self::Git(GitError::Ambiguous { .. }) => Exit::Usage,
            Self::Git(_) => Exit::Local,
            Self::Forge { error: ForgeError::Interrupted(_) } => Exit::Interrupted,
            Self::Forge { .. } => Exit::Outside,
        }
    }
}

/// A control plane in branches, and how the user wants to hear of it.
pub(crate) struct Opened<'c> {
    /// What every command understands.
    pub(crate) common: &'c Common,
    /// Where to write.
    pub(crate) streams: &'c Streams,
    /// Ends work early.
    pub(crate) interrupt: Interrupt,
    /// The branches.
    pub(crate) plane: Plane,
    /// What a commit must have before it gets to the next environment, if the settings say it.
    pub(crate) gate: Option<PromotionGate>,
}

impl<'c> Opened<'c> {
    /// Reads the base branch of the control plane that `common` names; says why if that cannot be done.
    pub(crate) fn open(common: &'c Common, streams: &'c Streams) -> Result<Self, Exit> {
        let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        let nothing = |_: &Name| false;
        let start = Start::default();
        let (workspace, loaded) = session::read(common, &nothing, streams, start, &interrupt)?;
        if loaded.diagnostics.iter().any(Diagnostic::is_error) {
            session::report_settings(&loaded, streams);
            return Err(Exit::Sources);
        }
        let gate = workspace.settings.promotion_gate;
        match loaded.plane {
            Some(plane) => Ok(Self { common, streams, interrupt, plane, gate }),
            None => {
                streams.fail(&PromotionError::Folders.to_string());
                Err(PromotionError::Folders.exit())
            }
        }
    }

    /// Finds a commit of the base.
    pub(crate) fn resolve(&self, revision: &str) -> Result<Commit, PromotionError> {
        self.plane.repository.resolve(revision).map_err(|error| match error {
            GitError::NoSuchRevision { revision, repository } => {
                let base = self.plane.base_branch.clone();
                PromotionError::NoCommit { revision, repository, base }
            }
            error => error.into(),
        })
    }

    /// Says why something was not done, and returns how to end.
    pub(crate) fn fail(&self, error: impl Into<PromotionError>) -> Exit {
        let error = error.into();
        self.streams.fail(&error.to_string());
        error.exit()
    }
}
