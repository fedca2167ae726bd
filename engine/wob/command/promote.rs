//! `wob promote`: pins a commit of the base in an environment, once the environment before has had it.

mod history;

use wob_host::{Commit, Interrupt};
use wob_rules::Name;

use crate::{
    args::Common,
    exit::Exit,
    promotion::{Gate, Landing, Lane, PromotionError, Request, open, short},
    stream::Streams,
    workspace::Plane,
};

/// Give an environment a commit of the base
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    group = clap::ArgGroup::new("what").args(["to", "next", "history"]).required(true)
)]
pub(crate) struct Promote {
    /// The commit of the base branch: an id, its beginning, a tag, or a branch
    #[arg(value_name = "COMMIT", conflicts_with = "history")]
    commit: Option<String>,
    /// The environment that gets it
    #[arg(long, value_name = "ENV")]
    to: Option<String>,
    /// Take the commit that is promoted to this environment
    #[arg(long, value_name = "ENV", conflicts_with_all = ["commit", "history"])]
    from: Option<String>,
    /// Give it to the first environment of the chain that has not had it
    #[arg(long)]
    next: bool,
    /// List what was promoted to an environment, the last one first
    #[arg(long, value_name = "ENV")]
    history: Option<String>,
    /// What becomes of it
    #[command(flatten)]
    landing: Landing,
}

const LONG_ABOUT: &str = "\
Gives an environment a commit of the base: templates, workload registrations and shared config as that commit has \
them.

The commit is pinned in the environment's BaseRepo `main`, by a commit on the environment's branch that changes this \
one line. Nothing is checked out. What is shown before it lands is what becomes different: the environment is built \
as it is and as it would be.

Refused is a commit that is not on the base branch, that the environment before has not had, that is older than what \
is there, or that breaks an assignment. --force overrides. Which environment comes before which, `promotion` in \
wob.yaml says, or the annotation wob.dev/next-environment of each Environment.

Without COMMIT, --next takes the last commit of the base branch, or with --from ENV what ENV has.";

const EXAMPLES: &str = "\
Examples:
  wob promote 4f2a91c --to dev
  wob promote --from dev --to stage --dry-run
  wob promote --next
  wob promote --history stage";

impl Promote {
    /// Promotes.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.promote(common, streams).unwrap_or_else(|exit| exit)
    }

    fn promote(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let (plane, interrupt) = open(common, streams)?;
        let fail = |error: PromotionError| {
            streams.fail(&error.to_string());
            error.exit()
        };
        if let Some(name) = &self.history {
            let lane = Lane::open(&plane, name).map_err(fail)?;
            return history::show(&lane, streams, &interrupt).map_err(fail);
        }
        let base = self.base(&plane, &interrupt).map_err(fail)?;
        let name = match &self.to {
            Some(name) => name.clone(),
            None => match self.next(&plane, &base, streams, &interrupt)? {
                Some(name) => name.to_string(),
                None => {
                    let id = base.id.to_string();
                    streams.say(&format!("every environment has had {}", short(&id)));
                    return Ok(Exit::Ok);
                }
            },
        };
        let lane = Lane::open(&plane, &name).map_err(fail)?;
        let request = Request { lane, base, gate: Gate::Forwards };
        request.carry_out(&self.landing, common, streams, &interrupt)
    }

    /// Finds the commit.
    fn base(&self, plane: &Plane, interrupt: &Interrupt) -> Result<Commit, PromotionError> {
        if let Some(from) = &self.from {
            let lane = Lane::open(plane, from)?;
            let place = lane.place(&lane.tip, interrupt)?;
            let commit = place.and_then(|it| it.pin.commit);
            let commit =
                commit.ok_or_else(|| PromotionError::Nothing { environment: from.clone() })?;
            return Ok(plane.repository.resolve(&commit)?);
        }
        match &self.commit {
            Some(commit) => Ok(plane.repository.resolve(commit)?),
            None => plane.base_tip(),
        }
    }

    /// Returns the environment that gets `base` next; none if all have had it.
    fn next<'p>(
        &self,
        plane: &'p Plane,
        base: &Commit,
        streams: &Streams,
        interrupt: &Interrupt,
    ) -> Result<Option<&'p Name>, Exit> {
        let environments = plane.chain.environments();
        let fail = |error: PromotionError| {
            streams.fail(&error.to_string());
            error.exit()
        };
        if environments.is_empty() {
            return Err(fail(PromotionError::NoChain));
        }
        if let Some(from) = &self.from {
            let lane = Lane::open(plane, from).map_err(fail)?;
            return Ok(plane.chain.behind(lane.name()));
        }
        for name in environments {
            let lane = Lane::open(plane, name.as_str()).map_err(fail)?;
            if !lane.has_had(base, interrupt).map_err(fail)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}
