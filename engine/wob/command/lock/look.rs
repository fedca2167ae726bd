//! Reads a workspace to find out what is to be locked.

use std::collections::BTreeSet;

use wob_engine::did_you_mean;
use wob_host::Interrupt;
use wob_rules::Name;

use crate::{
    args::Common,
    exit::Exit,
    lock::BranchKey,
    progress::Progress,
    session::Session,
    stream::Streams,
    workspace::{Loaded, State, Workspace, load},
};

/// For which environments.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Environments {
    /// Only the file of this environment's branch; repeatable
    #[arg(long = "env", value_name = "ENVIRONMENT", value_parser = parse_name)]
    pub(crate) names: Vec<Name>,
}

/// What every look at a workspace has in common.
pub(crate) struct Looking<'l> {
    environments: &'l Environments,
    common: &'l Common,
    streams: &'l Streams,
    pub(crate) interrupt: Interrupt,
}

impl<'l> Looking<'l> {
    /// Checks the command line.
    pub(crate) fn start(
        environments: &'l Environments,
        common: &'l Common,
        streams: &'l Streams,
    ) -> Result<Self, Exit> {
        if !common.override_input.is_empty() {
            streams.fail(
                "`--override-input` is for one run, and wob.lock is for everybody\n  \
                 help: leave it out",
            );
            return Err(Exit::Usage);
        }
        let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        Ok(Self { environments, common, streams, interrupt })
    }

    /// Reads everything; `renewed` branches as they are now, whatever is locked.
    pub(crate) fn look(
        &self,
        renewed: BTreeSet<BranchKey>,
        before: Option<Loaded>,
    ) -> Result<Session<'l>, Exit> {
        let streams = self.streams;
        let fail = |error: crate::workspace::WorkspaceError| {
            streams.fail(&error.to_string());
            error.exit()
        };
        let mut workspace =
            Workspace::find(self.common, State::default(), &self.interrupt).map_err(fail)?;
        if workspace.branches().is_none() && !self.environments.names.is_empty() {
            streams.fail(
                "`--env` is for environments with a branch each: here, all share one wob.lock\n  \
                 help: leave it out",
            );
            return Err(Exit::Usage);
        }
        workspace.lock_anew(renewed);
        let names = &self.environments.names;
        let needed = |it: &Name| names.is_empty() || names.contains(it);
        let progress = Progress::start(streams.wants_progress(), "reading sources");
        let profile = self.common.profile;
        let is_first = before.is_none();
        let loaded =
            load(&workspace, profile, &needed, (before, None), &self.interrupt).map_err(fail)?;
        drop(progress);
        self.check_names(&loaded)?;
        // A second look says the same.
        for remark in loaded.remarks.iter().filter(|_| is_first) {
            streams.say(&format!("note: {remark}"));
        }
        Ok(Session::of_all(workspace, loaded, self.interrupt.clone(), streams))
    }

    fn check_names(&self, loaded: &Loaded) -> Result<(), Exit> {
        let known = || loaded.environments.iter().map(|it| it.name.as_str());
        for name in &self.environments.names {
            if known().any(|it| it == name.as_str()) {
                continue;
            }
            let help = match did_you_mean(name.as_str(), known()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => "`wob list` shows the environments".to_owned(),
            };
            self.streams.fail(&format!("there is no environment `{name}`\n  help: {help}"));
            return Err(Exit::Usage);
        }
        Ok(())
    }
}

fn parse_name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|_| "expected the name of an environment".to_owned())
}
