//! How a promotion lands: checked, shown, and then made a commit of the environment's branch.

use serde::Serialize;
use wob_host::{Commit, CommitDetails, GitError, Interrupt, Moved, Next};
use wob_rules::Name;

use super::{Effect, Lane, PromotionError, effect};
use crate::{
    args::Common,
    exit::Exit,
    report::Report,
    session::JsonResult,
    stream::{Streams, json_diagnostics},
    workspace::Plane,
};

/// What becomes of a promotion.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Landing {
    /// Change nothing; show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
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
    /// What it must have passed.
    pub(crate) gate: Gate,
}

/// What a commit must have passed before it gets to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The environment before, and nothing newer is there yet.
    Forwards,
    /// Nothing: it was there before.
    Backwards,
}

/// A promotion as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPromotion<'p> {
    environment: &'p str,
    commit: String,
    subject: &'p str,
    /// What was promoted before.
    before: Option<&'p str>,
    branch: &'p str,
    /// The new commit of the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_commit: Option<String>,
    /// Absent if nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'p Effect>,
    /// Whether the branch has changed.
    promoted: bool,
}

/// Why a commit does not get to an environment. All of these give way to --force.
#[derive(Debug, thiserror::Error)]
enum Refusal {
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
    /// What is there comes after it.
    #[error(
        "`{environment}` has {now} already, which comes after {commit}\n  \
         help: to go back, `wob rollback {environment} --to {commit}`; --force promotes it anyway"
    )]
    Older { commit: String, now: String, environment: Name },
}

/// Returns a commit's id as people write it.
pub(crate) fn short(id: &str) -> &str {
    let is_id = id.len() == 40 && id.bytes().all(|it| it.is_ascii_hexdigit());
    if is_id { &id[..10] } else { id }
}

impl Request<'_> {
    /// Checks, shows and does what is requested.
    pub(crate) fn carry_out(
        &self,
        landing: &Landing,
        common: &Common,
        streams: &Streams,
        interrupt: &Interrupt,
    ) -> Result<Exit, Exit> {
        let fail = |error: PromotionError| {
            streams.fail(&error.to_string());
            error.exit()
        };
        let plane = self.lane.plane;
        let place = self.lane.place(&self.lane.tip, interrupt).map_err(fail)?;
        let before = place.as_ref().and_then(|it| it.pin.commit.clone());
        let details = plane.repository.details(&self.base).map_err(|it| fail(it.into()))?;
        let told = Told { request: self, details: &details, before: before.as_deref() };
        if before.as_deref().is_some_and(|it| names(it, &self.base)) {
            let name = self.lane.name();
            streams.say(&format!("`{name}` has {} already", short(&self.base.id.to_string())));
            told.json(streams, None, None, Exit::Ok);
            return Ok(Exit::Ok);
        }
        if let Some(refusal) = self.refusal(before.as_deref(), interrupt).map_err(fail)? {
            if !landing.force {
                streams.fail(&refusal.to_string());
                return Err(Exit::Sources);
            }
            let reason = refusal.to_string();
            streams.say(&format!("warning: {}", reason.lines().next().unwrap_or_default()));
        }
        let subject = told.subject();
        let message = told.message();
        let commit = self.lane.pin(place.as_ref(), self.base.id, &message, interrupt);
        let commit = commit.map_err(fail)?;
        let states = (&self.lane.tip, &commit);
        let (effect, report) = effect(common, streams, &self.lane, states, interrupt)?;
        told.text(streams, &effect);
        if !effect.broken.is_empty() && !landing.force {
            streams.fail(
                "nothing is promoted: assignments that are built now would not be any more\n  \
                 help: mend what is reported above; --force promotes it anyway",
            );
            told.json(streams, Some((&effect, &report)), None, Exit::Sources);
            return Err(Exit::Sources);
        }
        if landing.dry_run {
            streams.say("nothing was changed: --dry-run");
            told.json(streams, Some((&effect, &report)), None, Exit::Ok);
            return Ok(Exit::Ok);
        }
        self.land(&commit, &subject, streams)?;
        if !streams.is_json() {
            streams.result(&format!("  commit: {} on `{}`\n", commit.id, self.lane.branch()));
        }
        told.json(streams, Some((&effect, &report)), Some(&commit), Exit::Ok);
        Ok(Exit::Ok)
    }

    fn refusal(
        &self,
        before: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<Option<Refusal>, PromotionError> {
        let plane = self.lane.plane;
        let environment = self.lane.name().clone();
        let commit = short(&self.base.id.to_string()).to_owned();
        if !is_on_base(plane, &self.base)? {
            let branch = plane.base_branch.clone();
            return Ok(Some(Refusal::NotOnBase { commit, branch, environment }));
        }
        if self.gate == Gate::Backwards {
            return Ok(None);
        }
        if let Some(before) = plane.chain.before(&environment) {
            let lane = Lane::open(plane, before.as_str())?;
            if !lane.has_had(&self.base, interrupt)? {
                let before = before.clone();
                return Ok(Some(Refusal::NotPassed { commit, before, environment }));
            }
        }
        if let Some(now) = before.and_then(|it| plane.repository.resolve(it).ok())
            && plane.repository.descends_from(now.id, self.base.id)?
        {
            let now = short(&now.id.to_string()).to_owned();
            return Ok(Some(Refusal::Older { commit, now, environment }));
        }
        Ok(None)
    }

    /// Moves the environment's branch.
    fn land(&self, commit: &Commit, subject: &str, streams: &Streams) -> Result<(), Exit> {
        let branch = self.lane.branch();
        if let Some(folder) = self.lane.plane.repository.checkout_of(self.lane.branch_name()) {
            streams.fail(&format!(
                "`{branch}` is checked out in `{folder}`, where the promotion would look like an edit: nothing was promoted\n  \
                 help: check out another branch there"
            ));
            return Err(Exit::Local);
        }
        match self.lane.move_to(commit, subject) {
            Ok(Moved::Yes) => Ok(()),
            Ok(Moved::Raced) => {
                streams.fail(&format!(
                    "`{branch}` moved meanwhile: nothing was promoted\n  help: run it again"
                ));
                Err(Exit::Local)
            }
            Err(error) => {
                streams.fail(&error.to_string());
                Err(error.exit())
            }
        }
    }
}

impl Lane<'_> {
    /// Says whether `base` was ever promoted to this environment.
    pub(crate) fn has_had(
        &self,
        base: &Commit,
        interrupt: &Interrupt,
    ) -> Result<bool, PromotionError> {
        let mut found = false;
        self.promotions(interrupt, &mut |promotion| {
            found = names(&promotion.commit, base);
            if found { Next::Stop } else { Next::Before }
        })?;
        if !found && self.plane.repository.is_shallow() {
            let repository = self.plane.repository.address().to_owned();
            let revision = format!("{} of `{}`", base.id, self.branch());
            return Err(GitError::Shallow { revision, repository }.into());
        }
        Ok(found)
    }
}

/// Says whether `written`, the text of a pin, is the id of `commit` or its beginning.
pub(crate) fn names(written: &str, commit: &Commit) -> bool {
    written.len() >= 7 && commit.id.to_string().starts_with(&written.to_ascii_lowercase())
}

/// Says whether the base branch has `commit`, here or at `origin`.
pub(crate) fn is_on_base(plane: &Plane, commit: &Commit) -> Result<bool, PromotionError> {
    let Some(tips) = plane.tips(&plane.base_branch)? else { return Ok(false) };
    for tip in [tips.own, tips.origin].into_iter().flatten() {
        if plane.repository.descends_from(tip.id, commit.id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A promotion, to be told.
struct Told<'t, 'p> {
    request: &'t Request<'p>,
    details: &'t CommitDetails,
    before: Option<&'t str>,
}

impl Told<'_, '_> {
    fn subject(&self) -> String {
        let (name, commit) = (self.request.lane.name(), self.request.base.id.to_string());
        match self.request.gate {
            Gate::Forwards => format!("Promote {} to {name}", short(&commit)),
            Gate::Backwards => format!("Roll {name} back to {}", short(&commit)),
        }
    }

    fn message(&self) -> String {
        let mut text = format!("{}\n\n{}\n\n", self.subject(), self.details.subject);
        text.push_str(&format!("Promoted: {}\n", self.request.base.id));
        if let Some(before) = self.before {
            text.push_str(&format!("Before: {before}\n"));
        }
        text
    }

    /// Returns how far the commit is from the one before: `3 commits newer`.
    fn distance(&self) -> Option<String> {
        let repository = &self.request.lane.plane.repository;
        let before = repository.resolve(self.before?).ok()?;
        let base = &self.request.base;
        let newer = repository.commits_between(before.id, base.id).ok()?;
        let older = repository.commits_between(base.id, before.id).ok()?;
        let commits = |n| crate::report::count(n, "commit", "commits");
        Some(match (newer, older) {
            (newer, 0) => format!("{} newer", commits(newer)),
            (0, older) => format!("{} older", commits(older)),
            (newer, older) => format!("{} apart", commits(newer + older)),
        })
    }

    fn text(&self, streams: &Streams, effect: &Effect) {
        if streams.is_json() {
            return;
        }
        let before = match self.before {
            Some(before) => {
                let distance = self.distance().map(|it| format!(", {it}")).unwrap_or_default();
                format!("instead of {}{distance}", short(before))
            }
            None => "the first one".to_owned(),
        };
        let subject = &self.details.subject;
        let text = format!("{}, {before}: {subject}\n{}", self.subject(), effect.to_text());
        streams.result(&crate::report::printable(&text));
    }

    fn json(
        &self,
        streams: &Streams,
        effect: Option<(&Effect, &Report)>,
        commit: Option<&Commit>,
        exit: Exit,
    ) {
        if !streams.is_json() {
            return;
        }
        let Request { lane, base, .. } = self.request;
        let none = Report::default();
        streams.json(&JsonResult {
            result: JsonPromotion {
                environment: lane.name().as_str(),
                commit: base.id.to_string(),
                subject: &self.details.subject,
                before: self.before,
                branch: lane.branch(),
                branch_commit: commit.map(|it| it.id.to_string()),
                effect: effect.map(|it| it.0),
                promoted: commit.is_some(),
            },
            diagnostics: json_diagnostics(effect.map_or(&none, |it| it.1)),
            exit_code: exit.number(),
        });
    }
}
