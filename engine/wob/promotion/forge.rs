//! The forge of a repository, if it is known which, and the statuses by which environments say how a commit fares there.

use wob_host::{
    CommitStatus, Forge, ForgeError, ForgeKind, GitId, Interrupt, Patience, Project, StatusOutcome,
    TokenSources,
};

use crate::{args::Common, exit::Exit, stream::Streams};

/// The address of a repository, and the kind of forge that `publish.forge` names where the address does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosted<'h> {
    /// The address.
    pub(crate) address: &'h str,
    /// The name of the kind; `none` is none.
    pub(crate) forge: Option<&'h str>,
}

impl Hosted<'_> {
    /// Says whether it is known what forge it is on.
    pub(crate) fn is_known(&self) -> bool {
        self.find().is_some()
    }

    /// Talks to the forge; `None` if it is on none, or the network may not be used.
    pub(crate) fn connect(&self, common: &Common, interrupt: &Interrupt) -> Option<Box<dyn Forge>> {
        if common.offline {
            return None;
        }
        let (kind, project) = self.find()?;
        kind.connect(&project, &TokenSources::of_process(), Patience::default(), interrupt)
    }

    fn find(&self) -> Option<(&'static ForgeKind, Project)> {
        let project = Project::of(self.address)?;
        let kind = match self.forge {
            Some("none") => None,
            name => project
                .kind(&TokenSources::of_process())
                .or_else(|| name.and_then(ForgeKind::named)),
        };
        Some((kind?, project))
    }
}

/// Returns the name of the status that says how a commit of the base fares in an environment; Kalypso's workflows use the same.
pub(crate) fn status_name(environment: &str) -> String {
    format!("{environment} environment")
}

/// Says on the forge how `commit` fares in `environment`. That it cannot be said is no reason to fail.
pub(crate) fn say_status(
    forge: &dyn Forge,
    commit: GitId,
    environment: &str,
    (outcome, description): (StatusOutcome, &str),
    streams: &Streams,
) -> Result<(), Exit> {
    let status = CommitStatus {
        name: status_name(environment),
        outcome,
        description: description.to_owned(),
        url: String::new(),
    };
    match forge.set_status(commit, &status) {
        Ok(()) => Ok(()),
        Err(ForgeError::Interrupted(_)) => Err(Exit::Interrupted),
        Err(error) => {
            streams.say(&format!("warning: the commit's status was not set: {error}"));
            let help = error.help();
            if !help.is_empty() {
                streams.say(&format!("  help: {help}"));
            }
            Ok(())
        }
    }
}
