//! Promotion: moving one commit of the base from environment to environment, with git as the only memory.

mod effect;
mod error;
mod forge;
mod gate;
mod land;
mod lane;
mod pins;
mod push;
mod told;

use wob_engine::Diagnostic;
use wob_host::{Commit, Forge, GitError, Interrupt};
use wob_rules::{Name, WorkspaceFile};

use crate::{
    args::Common,
    exit::Exit,
    session,
    stream::Streams,
    workspace::{Plane, Start},
};

use self::effect::{Effect, effect};
pub(crate) use self::{
    error::PromotionError,
    forge::{Hosted, say_status, status_name},
    gate::{Direction, Passage},
    land::{Landing, Request},
    lane::{Lane, guess},
    pins::Promotion,
    told::short,
};

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
    /// What wob.yaml says.
    pub(crate) settings: WorkspaceFile,
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
        let Some(plane) = loaded.plane else {
            streams.fail(&PromotionError::Folders.to_string());
            return Err(PromotionError::Folders.exit());
        };
        Ok(Self { common, streams, interrupt, plane, settings: workspace.settings })
    }

    /// Talks to the forge of the repository at `address`, which holds the base of `environment`; `None` if it is not known
    /// which.
    fn forge(&self, address: &str, environment: &Name) -> Option<Box<dyn Forge>> {
        let publish = self.settings.publish_of(environment.as_str());
        let hosted = Hosted { address, forge: publish.forge.as_deref() };
        hosted.connect(self.common, &self.interrupt)
    }

    /// Finds a commit of the base.
    pub(crate) fn resolve(&self, revision: &str) -> Result<Commit, PromotionError> {
        self.plane.repository.resolve(revision).map_err(|error| {
            if let GitError::NoSuchRevision { revision, repository } = error {
                let base = self.plane.base_branch.clone();
                return PromotionError::NoCommit { revision, repository, base };
            }
            error.into()
        })
    }

    /// Says why something was not done, and returns how to end.
    pub(crate) fn fail(&self, error: impl Into<PromotionError>) -> Exit {
        let error = error.into();
        self.streams.fail(&error.to_string());
        error.exit()
    }
}
