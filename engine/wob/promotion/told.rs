//! What is told of a promotion: to people, to programs, in its commit and in its pull request.

use serde::Serialize;
use wob_host::CommitDetails;

use super::{
    Direction, Effect,
    land::{Landed, Request},
    push::Words,
};
use crate::{
    exit::Exit,
    report::{Report, count, printable},
    session::JsonResult,
    stream::{Streams, json_diagnostics},
};

/// A promotion, to be told.
pub(super) struct Told<'t, 'p> {
    pub(super) request: &'t Request<'p>,
    pub(super) details: &'t CommitDetails,
    pub(super) before: Option<&'t str>,
    pub(super) streams: &'t Streams,
}

/// A promotion as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each says what happened")]
struct JsonPromotion<'p> {
    environment: &'p str,
    commit: String,
    subject: &'p str,
    /// What was promoted before.
    before: Option<&'p str>,
    branch: &'p str,
    /// The new commit, on that branch or on the one of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_commit: Option<String>,
    /// The branch that proposes it, with --pull-request.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<JsonPullRequest<'p>>,
    /// Absent if nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'p Effect>,
    /// Whether the environment's branch has changed.
    promoted: bool,
    /// Whether it has changed at `origin`, too.
    pushed: bool,
}

#[derive(Debug, Serialize)]
struct JsonPullRequest<'p> {
    number: u64,
    url: &'p str,
    new: bool,
}

impl Told<'_, '_> {
    fn subject(&self) -> String {
        let (name, commit) = (self.request.lane.name(), self.request.base.id.to_string());
        match self.request.direction {
            Direction::Forwards => format!("Promote {} to {name}", short(&commit)),
            Direction::Backwards => format!("Roll {name} back to {}", short(&commit)),
        }
    }

    pub(super) fn message(&self) -> String {
        let (subject, base) = (&self.details.subject, self.request.base.id);
        let before = self.before.map(|it| format!("Before: {it}\n")).unwrap_or_default();
        format!("{}\n\n{subject}\n\nPromoted: {base}\n{before}", self.subject())
    }

    /// Returns what a pull request says: the same as the commit, and what becomes different.
    pub(super) fn words(&self, effect: &Effect) -> Words {
        let body = format!("{}\n```\n{}```\n", self.message(), effect.to_text());
        Words { title: self.subject(), body }
    }

    /// Says where it landed.
    pub(super) fn landed(&self, landed: &Landed) {
        if self.streams.is_json() {
            return;
        }
        let branch = self.request.lane.branch();
        let text = match landed {
            Landed::Here(commit) => format!("  commit: {} on `{branch}`\n", commit.id),
            Landed::Pushed(commit) => format!("  commit: {} on `origin/{branch}`\n", commit.id),
            Landed::Proposed(proposal) => {
                let commit =
                    format!("  commit: {} on `{}`\n", proposal.commit, proposal.branch.as_str());
                let request = match &proposal.request {
                    Some((request, true)) => format!("#{} {}", request.number, request.url),
                    Some((request, false)) => {
                        format!("#{} {}, brought up to date", request.number, request.url)
                    }
                    None => "none: it is not known which forge `origin` is on".to_owned(),
                };
                format!("{commit}  pull request: {request}\n")
            }
        };
        self.streams.result(&printable(&text));
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

    pub(super) fn text(&self, effect: &Effect) {
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

    pub(super) fn json(
        &self,
        effect: Option<(&Effect, &Report)>,
        landed: Option<&Landed>,
        exit: Exit,
    ) {
        if !self.streams.is_json() {
            return;
        }
        let Request { lane, base, .. } = self.request;
        let (commit, proposal) = match landed {
            None => (None, None),
            Some(Landed::Here(commit) | Landed::Pushed(commit)) => (Some(commit.id), None),
            Some(Landed::Proposed(proposal)) => (Some(proposal.commit), Some(proposal)),
        };
        let request = proposal.and_then(|it| it.request.as_ref());
        let none = Report::default();
        self.streams.json(&JsonResult {
            result: JsonPromotion {
                environment: lane.name().as_str(),
                commit: base.id.to_string(),
                subject: &self.details.subject,
                before: self.before,
                branch: lane.branch(),
                branch_commit: commit.map(|it| it.to_string()),
                proposal: proposal.map(|it| it.branch.as_str()),
                pull_request: request.map(|(it, new)| JsonPullRequest {
                    number: it.number,
                    url: &it.url,
                    new: *new,
                }),
                effect: effect.map(|it| it.0),
                promoted: commit.is_some() && proposal.is_none(),
                pushed: matches!(landed, Some(Landed::Pushed(_))),
            },
            diagnostics: json_diagnostics(effect.map_or(&none, |it| it.1)),
            exit_code: exit.number(),
        });
    }
}

/// Returns a commit's id as people write it.
pub(crate) fn short(id: &str) -> &str {
    let is_id = id.len() == 40 && id.bytes().all(|it| it.is_ascii_hexdigit());
    if is_id { &id[..10] } else { id }
}
