//! How a promotion lands: checked, shown, and then made a commit of the environment's branch.

use wob_host::{Commit, Moved};
use wob_rules::promotion::Pin;

use super::{
    Direction, Lane, Opened, PromotionError, effect,
    gate::names,
    push::{Proposal, Words},
    told::{Told, short},
};
use crate::exit::Exit;

/// What becomes of a promotion.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Landing {
    /// Change nothing; show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Push it to the branch of the environment at `origin`
    #[arg(long, conflicts_with = "pull_request")]
    push: bool,
    /// Push it to a branch promote/<env>/<commit> at `origin`, and open a pull request from there
    #[arg(long)]
    pull_request: bool,
    /// Do not set the status of the commit on the forge
    #[arg(long)]
    no_status: bool,
    /// Go on although the commit is not on the base branch, has not passed the environment before, is older than what is there, or breaks an assignment
    #[arg(long)]
    pub(crate) force: bool,
}

/// A commit on its way to an environment.
#[derive(Clone, Debug)]
pub(crate) struct Request<'p> {
    /// The environment's branch.
    pub(crate) lane: Lane<'p>,
    /// The commit of the base.
    pub(crate) base: Commit,
    /// Whether it is new there.
    pub(crate) direction: Direction,
}

/// What became of a promotion.
#[derive(Debug)]
pub(super) enum Landed {
    /// The environment's branch here has it.
    Here(Commit),
    /// The environment's branch at `origin` has it.
    Pushed(Commit),
    /// It is proposed.
    Proposed(Proposal),
}

impl Request<'_> {
    /// Checks, shows and does what is requested.
    pub(crate) fn carry_out(&self, opened: &Opened<'_>, landing: &Landing) -> Result<Exit, Exit> {
        let fail = |error: PromotionError| opened.fail(error);
        let (streams, interrupt) = (opened.streams, &opened.interrupt);
        let place = self.lane.place(&self.lane.tip, interrupt).map_err(fail)?;
        let before = place.as_ref().and_then(|it| it.pin.commit.clone());
        let details = opened.plane.repository.details(&self.base).map_err(|it| fail(it.into()))?;
        let told = Told { request: self, details: &details, before: before.as_deref(), streams };
        if before.as_deref().is_some_and(|it| names(it, &self.base)) {
            let name = self.lane.name();
            streams.say(&format!("`{name}` has {} already", short(&self.base.id.to_string())));
            told.json(None, None, Exit::Ok);
            if landing.push && !landing.no_status && self.lane.unpushed() == Some(0) {
                opened.announce_if_unheard(&self.lane, &self.base)?;
            }
            return Ok(Exit::Ok);
        }
        self.check(opened, landing, &told, place.as_ref().map(|it| &it.pin))?;
        let commit = self.lane.pin(place.as_ref(), self.base.id, &told.message(), interrupt);
        let commit = commit.map_err(fail)?;
        let (effect, report) = effect(opened, &self.lane, &commit)?;
        told.text(&effect);
        if !effect.broken.is_empty() && !landing.force {
            streams.fail(
                "nothing is promoted: assignments that are built now would not be any more\n  \
                 help: mend what is reported above; --force promotes it anyway",
            );
            told.json(Some((&effect, &report)), None, Exit::Sources);
            return Err(Exit::Sources);
        }
        if landing.dry_run {
            streams.say("nothing was changed: --dry-run");
            told.json(Some((&effect, &report)), None, Exit::Ok);
            return Ok(Exit::Ok);
        }
        let landed = self.land(opened, landing, commit, &told.words(&effect))?;
        told.landed(&landed);
        told.json(Some((&effect, &report)), Some(&landed), Exit::Ok);
        if matches!(landed, Landed::Pushed(_)) && !landing.no_status {
            opened.announce(&self.lane, &self.base)?;
        }
        Ok(Exit::Ok)
    }

    /// Refuses what must not land, and what could not.
    fn check(
        &self,
        opened: &Opened<'_>,
        landing: &Landing,
        told: &Told<'_, '_>,
        pin: Option<&Pin>,
    ) -> Result<(), Exit> {
        let refusal = opened.refusal(&self.lane, &self.base, pin, self.direction);
        if let Some(refusal) = refusal.map_err(|it| opened.fail(it))? {
            let reason = refusal.to_string();
            if !landing.force {
                opened.streams.fail(&reason);
                told.json(None, None, Exit::Sources);
                return Err(Exit::Sources);
            }
            let reason = reason.lines().next().unwrap_or_default();
            opened.streams.say(&format!("warning: {reason}"));
        }
        let is_here = !(landing.dry_run || landing.push || landing.pull_request);
        let branch = self.lane.branch();
        match opened.plane.repository.checkout_of(self.lane.branch_name()) {
            Some(folder) if is_here => {
                opened.streams.fail(&format!(
                    "`{branch}` is checked out in `{folder}`, where a promotion would look like an edit: nothing was promoted\n  \
                     help: check out another branch there; --push and --pull-request leave it alone"
                ));
                Err(Exit::Local)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn land(
        &self,
        opened: &Opened<'_>,
        landing: &Landing,
        commit: Commit,
        words: &Words,
    ) -> Result<Landed, Exit> {
        let fail = |error: PromotionError| opened.fail(error);
        if landing.pull_request {
            let proposal = opened.propose(&self.lane, &self.base, &commit, words);
            return Ok(Landed::Proposed(proposal.map_err(fail)?));
        }
        if landing.push {
            opened.push(&self.lane, &commit).map_err(fail)?;
            return Ok(Landed::Pushed(commit));
        }
        match self.lane.move_to(&commit, &words.title).map_err(fail)? {
            Moved::Yes => Ok(Landed::Here(commit)),
            Moved::Raced => {
                let branch = self.lane.branch();
                opened.streams.fail(&format!(
                    "`{branch}` moved meanwhile: nothing was promoted\n  help: run it again"
                ));
                Err(Exit::Local)
            }
        }
    }
}
