//! The forge of a repository, if it is known which, and the statuses by which environments say how a commit fares there.

use wob_host::{
    CommitStatus, Forge, ForgeError, GitId, Interrupt, Patience, Project, StatusOutcome,
    TokenSources,
};

use crate::{args::Common, exit::Exit, stream::Streams};

/// Talks to the forge of the repository at `address`; `None` if that is on none, or the network may not be used.
pub(crate) fn forge_of(
    address: &str,
    common: &Common,
    interrupt: &Interrupt,
) -> Option<Box<dyn Forge>> {
    if common.offline {
        return None;
    }
    let project = Project::of(address)?;
    let sources = TokenSources::of_process();
    let kind = project.kind(&sources)?;
    kind.connect(&project, &sources, Patience::default(), interrupt)
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
