//! The pull request of an environment: one at a time, and the rest of what wob made before is cleared away.

use wob_host::{
    Forge, ForgeError, ForgeKind, GitId, Mark, Merging, Outgoing, OwnPullRequests, Project,
    PullRequestState, PushError, RefUpdate, TokenSources, Wanted,
};

use super::{
    body::{self, Content},
    failure::Failure,
    issues,
    push::Push,
    result::{Outcome, Published, PullRequestResult, Superseded},
};
use crate::exit::Exit;

/// The label of a pull request that brings another commit of the base.
const PROMOTED: &str = "promoted";

/// Opens or updates the pull request of what was pushed, and closes older ones.
pub(super) fn propose(
    push: &Push<'_>,
    outgoing: &Outgoing,
    forge: &(&'static ForgeKind, Project),
    content: &Content<'_>,
    published: &mut Published,
) -> Result<(), Failure> {
    let forge = connect(push, forge)?;
    let commit = published.commit.as_deref().and_then(GitId::parse);
    // Whoever was superseded finds the branch gone, or the pull request closed, and that is no failure of the forge.
    let failed = |error: &ForgeError| match outgoing.references(&[&push.pointer_name()]) {
        Ok(now) if now.get(&push.pointer_name()).copied() != commit => superseded(),
        Ok(_) | Err(_) => failed(push, error),
    };
    let mark = mark(push);
    let heads = push.heads();
    let base = push.destination.branch.as_str();
    let own = OwnPullRequests { forge: forge.as_ref(), mark: &mark, heads: &heads, base };
    let head = published.branch.clone().unwrap_or_default();
    let (title, body) = (body::title(content), body::body(content));
    let labels = [(PROMOTED, content.promoted.is_some())];
    let wanted = Wanted { head: &head, title: &title, body: &body, labels: &labels };
    let (pull_request, is_new) = own.open_or_update(&wanted).map_err(|it| failed(&it))?;
    // In this order: what is opened later than this list belongs to somebody who moved the reference before.
    let open = own.open().map_err(|it| failed(&it))?;
    let seen = outgoing.references(&[&push.pointer_name(), &push.heads_name()]);
    let seen = seen.map_err(|it| push.pushing(&it))?;
    let head_name = format!("refs/heads/{head}");
    if seen.get(&push.pointer_name()).copied() != commit {
        let reason = "Another tree was published meanwhile, so this one is not wanted any more.";
        own.comment(pull_request.number, reason).map_err(|it| failed(&it))?;
        forge.close(pull_request.number).map_err(|it| failed(&it))?;
        let ours = RefUpdate { name: head_name, from: commit, to: None };
        match outgoing.push(&[ours]) {
            Ok(()) | Err(PushError::Raced { .. }) => {}
            Err(error) => return Err(push.pushing(&error)),
        }
        return Err(superseded());
    }
    for it in open.iter().filter(|it| it.number != pull_request.number) {
        let reason = format!("Superseded by {}", pull_request.url);
        own.comment(it.number, &reason).map_err(|it| failed(&it))?;
        forge.close(it.number).map_err(|it| failed(&it))?;
        published.superseded.push(Superseded { number: it.number, url: it.url.clone() });
    }
    push.clear(outgoing, seen, Some(&head_name), (commit, commit))?;
    if push.destination.settings.issues == Some(true) {
        issues::update(forge.as_ref(), content, push.session).map_err(|it| failed(&it))?;
    }
    let mut result = PullRequestResult::of(&pull_request);
    result.new = is_new;
    if push.destination.auto_merge {
        result.merging(forge.merge_when_ready(&pull_request).map_err(|it| failed(&it))?);
        if let Some(reason) = &result.not_merged {
            push.session
                .streams
                .say(&format!("`{}` is not merged by itself: {reason}", pull_request.url));
        }
    }
    if result.state == PullRequestState::Merged {
        published.outcome = Outcome::Merged;
    }
    published.pull_request = Some(result);
    Ok(())
}

/// Closes what is open although the branch has it all: pull requests, and issues of what is mended.
pub(super) fn withdraw(
    push: &Push<'_>,
    outgoing: &Outgoing,
    (pointer, content): (Option<GitId>, &Content<'_>),
    forge: &(&'static ForgeKind, Project),
    published: &mut Published,
) -> Result<(), Failure> {
    let forge = connect(push, forge)?;
    let failed = |error: &ForgeError| failed(push, error);
    // What fails keeps its files, so that something may fail, or be mended, and no file differs.
    if push.destination.settings.issues == Some(true) {
        issues::update(forge.as_ref(), content, push.session).map_err(|it| failed(&it))?;
    }
    let mark = mark(push);
    let heads = push.heads();
    let base = push.destination.branch.as_str();
    let own = OwnPullRequests { forge: forge.as_ref(), mark: &mark, heads: &heads, base };
    let open = own.open().map_err(|it| failed(&it))?;
    if open.is_empty() {
        return Ok(());
    }
    let now = outgoing.references(&[&push.pointer_name()]).map_err(|it| push.pushing(&it))?;
    if now.get(&push.pointer_name()).copied() != pointer {
        return Err(superseded());
    }
    for it in open {
        let reason =
            format!("`{base}` holds what the sources give now, so there is nothing to merge.");
        own.comment(it.number, &reason).map_err(|it| failed(&it))?;
        forge.close(it.number).map_err(|it| failed(&it))?;
        published.superseded.push(Superseded { number: it.number, url: it.url });
    }
    Ok(())
}

/// Somebody moved the reference.
fn superseded() -> Failure {
    Failure::Raced("another tree was published meanwhile".to_owned())
}

impl PullRequestResult {
    fn merging(&mut self, merging: Merging) {
        match merging {
            Merging::Merged => self.state = PullRequestState::Merged,
            Merging::WhenReady => self.merges_when_ready = true,
            Merging::NotAllowed(reason) => self.not_merged = Some(reason),
        }
    }
}

fn mark(push: &Push<'_>) -> Mark {
    Mark::new("publish", push.environment())
}

fn connect(
    push: &Push<'_>,
    (kind, project): &(&'static ForgeKind, Project),
) -> Result<Box<dyn Forge>, Failure> {
    let sources = TokenSources::of_process();
    let forge = kind.connect(project, &sources, push.patience, &push.session.interrupt);
    forge.ok_or_else(|| {
        let (path, web) = (&project.path, &project.web);
        push.refused(
            &format!("`{path}` is no repository of {} at `{web}`", kind.title),
            Exit::Sources,
        )
    })
}

/// Says why the forge did not do it; what was pushed stays, and the next run finds it.
fn failed(push: &Push<'_>, error: &ForgeError) -> Failure {
    if matches!(error, ForgeError::Interrupted(_)) {
        return Failure::Stopped(push.session.interrupted());
    }
    let help = match error.help() {
        "" => String::new(),
        help => format!("\n  help: {help}"),
    };
    push.unfinished(&format!("{error}{help}"))
}
