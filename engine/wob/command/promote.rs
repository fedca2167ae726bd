//! `wob promote`: pins a commit of the base in an environment, once the environment before has had it.

mod history;

use serde::Serialize;
use wob_host::Commit;
use wob_rules::Name;

use crate::{
    args::{Common, parse_environment},
    exit::Exit,
    promotion::{Direction, Landing, Lane, Opened, Passage, PromotionError, Request, short},
    stream::Streams,
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
    #[arg(value_name = "COMMIT")]
    commit: Option<String>,
    /// The environment that gets it
    #[arg(long, value_name = "ENV", value_parser = parse_environment)]
    to: Option<String>,
    /// Take the commit that is promoted to this environment
    #[arg(long, value_name = "ENV", value_parser = parse_environment, conflicts_with = "commit")]
    from: Option<String>,
    /// Give it to the first environment of the chain that has not had it
    #[arg(long)]
    next: bool,
    /// List what was promoted to an environment, the last one first
    #[arg(long, value_name = "ENV", value_parser = parse_environment, conflicts_with_all = ["commit", "from", "dry_run", "force", "push", "pull_request"])]
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
as it is and as it would be. It lands on the branch here; with --push at `origin`, with --pull-request beside it, for \
others to merge.

Refused is a commit that is not on the base branch, that is not known to run in the environment before, that is older \
than what is there, or that breaks an assignment; --force overrides. What runs there, the status \"<env> environment\" of \
the commit says, which `wob wait` sets; where no forge is known, or wob.yaml says `promotionGate: history`, it is enough \
that it was promoted there. Which environment comes before which, `promotion` in \
wob.yaml says, or the annotation wob.dev/next-environment of each Environment.

Without COMMIT and --from, it is the last commit of the base branch. --next finds the first environment of the chain \
that has not had the commit; with --from ENV, the one behind ENV.";

const EXAMPLES: &str = "\
Examples:
  wob promote 4f2a91c --to dev
  wob promote --from dev --to stage --dry-run
  wob promote --next --pull-request
  wob promote --history stage";

/// That there was nothing to do, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonDone {
    commit: String,
    promoted: bool,
    exit_code: u8,
}

impl Promote {
    /// Promotes.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.promote(common, streams).unwrap_or_else(|exit| exit)
    }

    fn promote(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let opened = Opened::open(common, streams)?;
        let fail = |error: PromotionError| opened.fail(error);
        if let Some(name) = &self.history {
            let lane = Lane::open(&opened.plane, name).map_err(fail)?;
            return history::show(&lane, streams, &opened.interrupt).map_err(fail);
        }
        let base = self.base(&opened).map_err(fail)?;
        let name = match &self.to {
            Some(name) => name.clone(),
            None => match self.next(&opened, &base).map_err(fail)? {
                Some(name) => name.to_string(),
                None => return Ok(self.done(&base, streams)),
            },
        };
        let lane = Lane::open(&opened.plane, &name).map_err(fail)?;
        let request = Request { lane, base, direction: Direction::Forwards };
        request.carry_out(&opened, &self.landing)
    }

    /// Finds the commit.
    fn base(&self, opened: &Opened<'_>) -> Result<Commit, PromotionError> {
        if let Some(from) = &self.from {
            let lane = Lane::open(&opened.plane, from)?;
            let pinned = lane.place(&lane.tip, &opened.interrupt)?.and_then(|it| it.pin.commit);
            let nothing = || PromotionError::Nothing { environment: from.clone() };
            return opened.resolve(&pinned.ok_or_else(nothing)?);
        }
        match &self.commit {
            Some(commit) => opened.resolve(commit),
            None => opened.plane.base_tip(),
        }
    }

    /// Returns the environment that gets `base` next; none if all have had it.
    fn next<'o>(
        &self,
        opened: &'o Opened<'_>,
        base: &Commit,
    ) -> Result<Option<&'o Name>, PromotionError> {
        let plane = &opened.plane;
        let environments = plane.chain.environments();
        if environments.is_empty() {
            return Err(PromotionError::NoChain);
        }
        if let Some(from) = &self.from {
            let lane = Lane::open(plane, from)?;
            return Ok(plane.chain.behind(lane.name()));
        }
        for name in environments {
            let lane = Lane::open(plane, name.as_str())?;
            if opened.passage(&lane, base)? == Passage::Never {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Says that there is no next environment.
    fn done(&self, base: &Commit, streams: &Streams) -> Exit {
        let id = base.id.to_string();
        match &self.from {
            Some(from) => streams.say(&format!("no environment comes behind `{from}`")),
            None => streams.say(&format!("every environment has had {}", short(&id))),
        }
        if streams.is_json() {
            let exit_code = Exit::Ok.number();
            streams.json(&JsonDone { commit: id, promoted: false, exit_code });
        }
        Exit::Ok
    }
}
