//! `wob rollback`: gives an environment what it had before.

use wob_host::{Commit, Interrupt, Next};

use crate::{
    args::{Common, parse_environment},
    exit::Exit,
    promotion::{Direction, Landing, Lane, Opened, Passage, PromotionError, Request},
    stream::Streams,
};

/// Give an environment the commit that it had before
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Rollback {
    /// The environment
    #[arg(value_name = "ENV", value_parser = parse_environment)]
    environment: String,
    /// Go back to this commit, which must have been promoted there
    #[arg(long, value_name = "COMMIT")]
    to: Option<String>,
    /// What becomes of it
    #[command(flatten)]
    landing: Landing,
}

const LONG_ABOUT: &str = "\
Gives an environment the commit of the base that it had before: by a new commit on its branch, as `wob promote` does \
it. Only what is promoted goes back; what the environment's own branch says stays.

What was promoted before is read from the history of the branch. Without --to it is what was there before the commit \
of today came for the first time, so that a second rollback goes one further, not forth again.";

const EXAMPLES: &str = "\
Examples:
  wob rollback prod
  wob rollback prod --push
  wob rollback prod --to 4f2a91c";

impl Rollback {
    /// Goes back.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.roll_back(common, streams).unwrap_or_else(|exit| exit)
    }

    fn roll_back(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let opened = Opened::open(common, streams)?;
        let fail = |error: PromotionError| opened.fail(error);
        let lane = Lane::open(&opened.plane, &self.environment).map_err(fail)?;
        let base = self.base(&opened, &lane).map_err(fail)?;
        let request = Request { lane, base, direction: Direction::Backwards };
        request.carry_out(&opened, &self.landing)
    }

    /// Finds the commit to go back to.
    fn base(&self, opened: &Opened<'_>, lane: &Lane<'_>) -> Result<Commit, PromotionError> {
        let environment = self.environment.clone();
        let Some(to) = &self.to else {
            let before = before(lane, &opened.interrupt)?;
            let before = before.ok_or(PromotionError::NothingBefore { environment })?;
            return opened.resolve(&before);
        };
        let base = opened.resolve(to)?;
        if !self.landing.force && opened.passage(lane, &base)? == Passage::Never {
            return Err(PromotionError::NeverThere { commit: to.clone(), environment });
        }
        Ok(base)
    }
}

/// Returns what was promoted before the commit of today came for the first time.
fn before(lane: &Lane<'_>, interrupt: &Interrupt) -> Result<Option<String>, PromotionError> {
    let mut promotions = vec![];
    lane.promotions(interrupt, &mut |it| {
        promotions.push(it.commit);
        Next::Before
    })?;
    let Some(now) = promotions.first() else { return Ok(None) };
    let first = promotions.iter().rposition(|it| it == now).unwrap_or_default();
    Ok(promotions.get(first + 1).cloned())
}
