//! Gates: what a commit must have before it gets to an environment, by the forge's word or by git's.

use wob_host::{Commit, Forge, GitError, Next, StatusOutcome};
use wob_rules::{Name, PromotionGate, promotion::Pin};

use super::{Hosted, Lane, Opened, PromotionError, short, status_name};
use crate::workspace::Plane;

/// Whether an environment gets something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// It does, once the environment before has had it.
    Forwards,
    /// It gets what it had before.
    Backwards,
}

/// Why a commit does not get to an environment. All of these give way to --force.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It is no commit of the base.
    #[error(
        "{commit} is not on `{branch}`, so it is not promoted to `{environment}`\n  \
         help: merge it into `{branch}` first; --force promotes it anyway"
    )]
    NotOnBase { commit: String, branch: String, environment: Name },
    /// The environment before has not had it.
    #[error(
        "{commit} has not been promoted to `{before}`, which comes before `{environment}`\n  \
         help: `wob promote {commit} --to {before}` first; --force promotes it anyway"
    )]
    NotPassed { commit: String, before: Name, environment: Name },
    /// The environment before has gone back from it.
    #[error(
        "`{before}`, which comes before `{environment}`, had {commit} and went back to {after}\n  \
         help: mend it by a new commit; --force promotes it anyway"
    )]
    WentBack { commit: String, after: String, before: Name, environment: Name },
    /// The forge does not say that the environment before runs it.
    #[error(
        "{commit} is not known to run in `{before}`, which comes before `{environment}`: {why}\n  \
         help: `wob wait {before}` sets that status once its clusters have the commit; --force promotes it anyway"
    )]
    NotDeployed { commit: String, before: Name, environment: Name, why: String },
    /// Nobody can be asked whether the environment before runs it.
    #[error(
        "whether {commit} runs in `{before}`, which comes before `{environment}`, is not known: {why}\n  \
         help: --force promotes it anyway; `promotionGate: history` in wob.yaml asks git alone"
    )]
    NotAsked { commit: String, before: Name, environment: Name, why: &'static str },
    /// What is there comes after it.
    #[error(
        "`{environment}` has {now} already, which comes after {commit}\n  \
         help: to go back, `wob rollback {environment} --to {commit}`; --force promotes it anyway"
    )]
    Older { commit: String, now: String, environment: Name },
}

/// What an environment has had of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It never had it.
    Never,
    /// It has it, or had it before what came later.
    Had,
    /// It had it, and went back to this older one.
    WentBack(String),
}

impl Opened<'_> {
    /// Returns why `base` does not get to the environment of `lane`, which has `pin`; `None` if it may.
    pub(super) fn refusal(
        &self,
        lane: &Lane<'_>,
        base: &Commit,
        pin: Option<&Pin>,
        direction: Direction,
    ) -> Result<Option<Refusal>, PromotionError> {
        let plane = &self.plane;
        let environment = lane.name().clone();
        let commit = short(&base.id.to_string()).to_owned();
        let branch = pin.map_or("", |it| &it.branch);
        let branch = if branch.is_empty() { &plane.base_branch } else { branch };
        if !is_on(plane, branch, base)? {
            let branch = branch.to_owned();
            return Ok(Some(Refusal::NotOnBase { commit, branch, environment }));
        }
        if direction == Direction::Backwards {
            return Ok(None);
        }
        if let Some(before) = plane.chain.before(&environment)
            && let Some(refusal) = self.not_passed(lane.name(), before, base)?
        {
            return Ok(Some(refusal));
        }
        let now = pin.and_then(|it| it.commit.as_deref());
        if let Some(now) = now.and_then(|it| plane.repository.resolve(it).ok())
            && plane.repository.descends_from(now.id, base.id)?
        {
            let now = short(&now.id.to_string()).to_owned();
            return Ok(Some(Refusal::Older { commit, now, environment }));
        }
        Ok(None)
    }

    fn not_passed(
        &self,
        environment: &Name,
        before: &Name,
        base: &Commit,
    ) -> Result<Option<Refusal>, PromotionError> {
        let commit = short(&base.id.to_string()).to_owned();
        let (environment, before) = (environment.clone(), before.clone());
        let address = self.plane.address(before.as_str());
        let publish = self.settings.publish_of(before.as_str());
        let hosted = Hosted { address: &address, forge: publish.forge.as_deref() };
        let gate = self.settings.promotion_gate.unwrap_or_else(|| {
            if hosted.is_known() { PromotionGate::Status } else { PromotionGate::History }
        });
        if gate == PromotionGate::Status {
            let why = if self.common.offline {
                "the forge may not be asked, because of --offline"
            } else {
                "it is not known which forge `origin` is on"
            };
            let Some(forge) = hosted.connect(self.common, &self.interrupt) else {
                return Ok(Some(Refusal::NotAsked { commit, before, environment, why }));
            };
            let why = not_deployed(forge.as_ref(), base, before.as_str())?;
            return Ok(why.map(|why| Refusal::NotDeployed { commit, before, environment, why }));
        }
        let lane = Lane::open(&self.plane, before.as_str())?;
        Ok(match self.passage(&lane, base)? {
            Passage::Had => None,
            Passage::Never => Some(Refusal::NotPassed { commit, before, environment }),
            Passage::WentBack(after) => {
                let after = short(&after).to_owned();
                Some(Refusal::WentBack { commit, after, before, environment })
            }
        })
    }

    /// Says what the environment of `lane` has had of `base`.
    pub(crate) fn passage(
        &self,
        lane: &Lane<'_>,
        base: &Commit,
    ) -> Result<Passage, PromotionError> {
        let mut found = false;
        // What came after the promotion that is looked at.
        let mut later: Option<String> = None;
        lane.promotions(&self.interrupt, &mut |promotion| {
            found = names(&promotion.commit, base);
            if found {
                return Next::Stop;
            }
            later = Some(promotion.commit);
            Next::Before
        })?;
        let repository = &self.plane.repository;
        if !found && repository.is_shallow() {
            let revision = format!("{} of `{}`", base.id, lane.branch());
            let repository = repository.address().to_owned();
            return Err(GitError::Shallow { revision, repository }.into());
        }
        if !found {
            return Ok(Passage::Never);
        }
        let Some(later) = later else { return Ok(Passage::Had) };
        let went_back = match repository.resolve(&later) {
            Ok(it) => repository.descends_from(base.id, it.id)?,
            Err(_) => false,
        };
        Ok(if went_back { Passage::WentBack(later) } else { Passage::Had })
    }
}

/// Returns why the forge does not say that `environment` runs `base`; `None` if it does.
fn not_deployed(
    forge: &dyn Forge,
    base: &Commit,
    environment: &str,
) -> Result<Option<String>, PromotionError> {
    let name = status_name(environment);
    let statuses = forge.statuses(base.id)?;
    let Some(status) = statuses.into_iter().find(|it| it.name == name) else {
        return Ok(Some(format!("it has no status `{name}`")));
    };
    let state = match status.outcome {
        StatusOutcome::Success => return Ok(None),
        StatusOutcome::Pending => "pending",
        StatusOutcome::Failure => "failure",
    };
    let words = status.description;
    let words = if words.is_empty() { words } else { format!(" ({words})") };
    Ok(Some(format!("its status `{name}` is {state}{words}")))
}

/// Says whether `written`, the text of a pin, is the id of `commit` or its beginning.
pub(super) fn names(written: &str, commit: &Commit) -> bool {
    written.len() >= 7 && commit.id.to_string().starts_with(&written.to_ascii_lowercase())
}

/// Says whether `branch` has `commit`, here or at `origin`.
fn is_on(plane: &Plane, branch: &str, commit: &Commit) -> Result<bool, PromotionError> {
    let Some(tips) = plane.tips(branch)? else { return Ok(false) };
    for tip in [tips.own, tips.origin].into_iter().flatten() {
        if plane.repository.descends_from(tip.id, commit.id)? {
            return Ok(true);
        }
    }
    Ok(false)
}
