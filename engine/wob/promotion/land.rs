//! How a promotion lands: checked, shown, and then made a commit of the environment's branch.

use serde::Serialize;
use wob_host::{Commit, CommitDetails, Moved};

use super::{Direction, Effect, Lane, Opened, PromotionError, effect, gate::names};
use crate::{
    exit::Exit,
    report::{Report, count, printable},
    session::JsonResult,
    stream::{Streams, json_diagnostics},
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
    /// Whether it is new there.
    pub(crate) direction: Direction,
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

/// Returns a commit's id as people write it.
pub(crate) fn short(id: &str) -> &str {
    let is_id = id.len() == 40 && id.bytes().all(|it| it.is_ascii_hexdigit());
    if is_id { &id[..10] } else { id }
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
            return Ok(Exit::Ok);
        }
        let refusal = opened.refusal(&self.lane, &self.base, before.as_deref(), self.direction);
        if let Some(refusal) = refusal.map_err(fail)? {
            let reason = refusal.to_string();
            if !landing.force {
                streams.fail(&reason);
                told.json(None, None, Exit::Sources);
                return Err(Exit::Sources);
            }
            streams.say(&format!("warning: {}", reason.lines().next().unwrap_or_default()));
        }
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
        self.land(&commit, &told.subject(), streams)?;
        if !streams.is_json() {
            streams.result(&format!("  commit: {} on `{}`\n", commit.id, self.lane.branch()));
        }
        told.json(Some((&effect, &report)), Some(&commit), Exit::Ok);
        Ok(Exit::Ok)
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

/// A promotion, to be told.
struct Told<'t, 'p> {
    request: &'t Request<'p>,
    details: &'t CommitDetails,
    before: Option<&'t str>,
    streams: &'t Streams,
}

impl Told<'_, '_> {
    fn subject(&self) -> String {
        let (name, commit) = (self.request.lane.name(), self.request.base.id.to_string());
        match self.request.direction {
            Direction::Forwards => format!("Promote {} to {name}", short(&commit)),
            Direction::Backwards => format!("Roll {name} back to {}", short(&commit)),
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
        let commits = |n| count(n, "commit", "commits");
        Some(match (newer, older) {
            (newer, 0) => format!("{} newer", commits(newer)),
            (0, older) => format!("{} older", commits(older)),
            (newer, older) => format!("{} apart", commits(newer + older)),
        })
    }

    fn text(&self, effect: &Effect) {
        if self.streams.is_json() {
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
        self.streams.result(&printable(&text));
    }

    fn json(&self, effect: Option<(&Effect, &Report)>, commit: Option<&Commit>, exit: Exit) {
        if !self.streams.is_json() {
            return;
        }
        let Request { lane, base, .. } = self.request;
        let none = Report::default();
        self.streams.json(&JsonResult {
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
