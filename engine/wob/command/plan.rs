//! `wob plan --promote COMMIT --to ENV`: what a promotion would change, without making it.

use clap::builder::NonEmptyStringValueParser;
use wob_host::GitId;
use wob_rules::{Name, environment_model};

use super::diff::{Ending, Revisions, interrupt, show};
use crate::{
    args::{Common, Patterns, Programs, parse_environment},
    comparison::{Compared, Context},
    exit::Exit,
    session::Remarks,
    stream::Streams,
    workspace::{RevisionError, State},
};

/// Show what a promotion would change
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Plan {
    /// The commit of the base that would be promoted: an id, or a branch or tag of this repository
    #[arg(long, value_name = "COMMIT", value_parser = NonEmptyStringValueParser::new())]
    promote: String,
    /// The environment that it would be promoted to
    #[arg(long, value_name = "ENV", value_parser = parse_environment)]
    to: String,
    /// What may run
    #[command(flatten)]
    programs: Programs,
    /// How to end
    #[command(flatten)]
    ending: Ending,
}

const LONG_ABOUT: &str = "\
Shows what promoting a commit of the base to an environment would change in its manifests: what `wob diff` would say after \
the commit in the environment's BaseRepo named `main` had been replaced. Nothing is changed. Where a program decides what runs \
where, each side asks the one that its commit of the base has.

It is for workspaces whose environments are branches. --output and --exit-code are as with `wob diff`.";

const EXAMPLES: &str = "\
Examples:
  wob plan --promote main --to stage
  wob plan --promote 4f2a91c --to prod --output=markdown
  wob plan --promote main --to dev --exit-code";

impl Plan {
    /// Compares the environment as it is with what it would be.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.compare(&self.programs.with(common), streams).unwrap_or_else(|exit| exit)
    }

    fn compare(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let fail = |reason: &str, help: &str| {
            streams.fail(&format!("{reason}\n  help: {help}"));
            Exit::Usage
        };
        let to = &self.to;
        let environment = Name::new(to).map_err(|reason| {
            let reason = format!("`{}` is no environment: the name {reason}", to.escape_debug());
            fail(&reason, "`wob list` shows what there is")
        })?;
        let interrupt = interrupt(streams)?;
        let revisions = Revisions::open(common, streams, &interrupt)?;
        if !revisions.workspace().has_branches() {
            return Err(fail(
                "environments that are folders have no commit that is promoted",
                "`wob diff A B` shows what a change of the base does to all of them",
            ));
        }
        let commit = self.commit(&revisions)?;
        let patterns = Patterns { wanted: vec![format!("//env:{environment}")], trailing: vec![] };
        let context = Context { common, patterns: &patterns, streams, interrupt: &interrupt };
        require_base_repo(&context, &environment)?;
        let promoted = [(environment.clone(), commit.clone())].into();
        let after = State { promoted, ..State::default() };
        let names = [format!("//env:{environment}"), format!("with {} promoted", self.promote)];
        let compared = Compared::states(&context, names, [State::default(), after])?;
        Ok(show(&compared, self.ending, streams))
    }

    /// Returns the whole id of the commit; one that is not here may still be fetched.
    fn commit(&self, revisions: &Revisions<'_>) -> Result<String, Exit> {
        match revisions.workspace().own_commit(&self.promote) {
            Ok(commit) => Ok(commit.id.to_string()),
            Err(RevisionError::Wrong { .. } | RevisionError::Shallow { .. })
                if GitId::parse(&self.promote).is_some() =>
            {
                Ok(self.promote.clone())
            }
            other => revisions.told(other).map(|it| it.id.to_string()),
        }
    }
}

/// Says so if nothing is promoted to the environment.
fn require_base_repo(context: &Context<'_>, environment: &Name) -> Result<(), Exit> {
    let session = context.open_only(State::default(), Remarks::Kept)?;
    let loaded = &session.loaded;
    let inputs = session.targets.iter().filter_map(|it| it.input);
    let is_promoted = |it| environment_model(&loaded.db, it).base_repo().is_some();
    if inputs.map(is_promoted).any(|it| !it) {
        context.streams.fail(&format!(
            "no commit is promoted to `{environment}`: it has no BaseRepo named `main`\n  \
             help: add one to the environment's branch, with the commit in `spec.commit`"
        ));
        return Err(Exit::Usage);
    }
    Ok(())
}
