//! One round of building everything and publishing it, from sources that were read once.

use wob_engine::Diagnostic;
use wob_host::{Cache, Patience};
use wob_rules::problems;

use super::{
    How,
    destination::{Destination, destinations},
    push::{Failure, Push},
    result::Published,
};
use crate::{
    args::Common,
    exit::Exit,
    recorded::sources,
    report::{Report, count},
    selection::Selected,
    session::{BuiltTarget, Session},
};

/// What one round gave.
pub(super) struct Round {
    pub(super) published: Vec<Published>,
    pub(super) report: Report,
    pub(super) exit: Exit,
    /// Whether somebody else was faster, so that everything is to be read again.
    pub(super) raced: bool,
}

/// Builds what `session` selects, and publishes it.
pub(super) fn publish(how: &How, session: &Session<'_>, common: &Common) -> Result<Round, Exit> {
    let streams = session.streams;
    if let Some(part) = session.targets.iter().find(|it| !matches!(it.selected, Selected::Whole)) {
        streams.fail(&format!(
            "only a part of `{0}` is selected, and a tree is published as a whole\n  \
             help: select `//env:{0}`; what did not change stays as it is",
            part.name
        ));
        return Err(Exit::Usage);
    }
    let built = session.build(common)?;
    let report = session.diagnose_closely(&built);
    let verdict = session.verdict(&report, common);
    let mut round = Round { published: vec![], report, exit: verdict, raced: false };
    if session.loaded.outside_failed {
        streams.fail(
            "nothing is published: a source could not be reached, and what it holds is not known",
        );
        round.exit = Exit::Outside;
        return Ok(round);
    }
    let cache = Cache::of_user().map_err(|error| {
        streams.fail(&error.to_string());
        Exit::Local
    })?;
    let mut failed = None;
    for target in &built {
        let (published, failure) = one(how, session, common, target, &cache);
        round.published.extend(published);
        match failure {
            Some(Failure::Said(Exit::Interrupted)) => return Err(Exit::Interrupted),
            Some(Failure::Said(exit)) => failed = failed.max(Some(exit)),
            Some(Failure::Copy(_)) => failed = failed.max(Some(Exit::Local)),
            Some(Failure::Raced(reason)) => {
                streams.say_more(&reason);
                round.raced = true;
                failed = failed.max(Some(Exit::Outside));
            }
            None => {}
        }
    }
    round.exit = failed.unwrap_or(verdict);
    Ok(round)
}

/// Publishes one environment to all of its repositories.
fn one(
    how: &How,
    session: &Session<'_>,
    common: &Common,
    target: &BuiltTarget,
    cache: &Cache,
) -> (Vec<Published>, Option<Failure>) {
    let streams = session.streams;
    let environment = &target.built.environment;
    let refuse = |reason: &str, exit| {
        streams.fail(&format!("`{environment}` is not published: {reason}"));
        (vec![], Some(Failure::Said(exit)))
    };
    let errors = problems([&target.built]).into_iter().filter(Diagnostic::is_error);
    let errors: Vec<Diagnostic> = errors.collect();
    let unavailable = errors.iter().filter(|it| it.code == "input-unavailable").count();
    if unavailable > 0 {
        let reason = format!(
            "{} could not be read, and what is missing must not be taken for deleted",
            count(unavailable, "source", "sources")
        );
        return refuse(&reason, Exit::Sources);
    }
    if common.strict && !errors.is_empty() {
        return refuse("--strict, and there are errors", Exit::Sources);
    }
    if let Some(reason) = unknown_to_others(session, target) {
        return refuse(&reason, Exit::Sources);
    }
    let destinations = match destinations(how, session, common, target) {
        Ok(destinations) => destinations,
        Err(exit) => return (vec![], Some(Failure::Said(exit))),
    };
    let mut published = vec![];
    let mut failure: Option<Failure> = None;
    for destination in &destinations {
        let Destination { url, branch, .. } = destination;
        let url = wob_host::redact(url);
        streams.say_more(&format!("publishing `{environment}` to `{url}`"));
        let apart = (destinations.len() > 1).then(|| format!("{url}#{}", branch.as_str()));
        let patience = Patience::default();
        let push = Push { how, session, common, target, destination, apart, cache, patience };
        match push.run() {
            Ok(done) => published.push(done),
            Err(Failure::Said(Exit::Interrupted)) => {
                return (published, Some(Failure::Said(Exit::Interrupted)));
            }
            // The other repositories are published all the same.
            Err(error) => failure = Some(error.worse_than(failure)),
        }
    }
    (published, failure)
}

/// Says which sources nobody else could build again; none if everybody could.
fn unknown_to_others(session: &Session<'_>, target: &BuiltTarget) -> Option<String> {
    let sources = sources(session, target.input);
    let unknown = sources.iter().filter_map(|it| {
        let why = match (it.dirty, &it.commit) {
            (true, _) => "edited or overridden",
            (false, None) => "in no commit",
            (false, Some(_)) => return None,
        };
        Some(format!("\n    {} `{}`: {} ({why})", it.role, it.name, it.url))
    });
    let unknown: Vec<String> = unknown.collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "nobody else could build it again from its sources{}\n  \
             help: commit the edits, and leave out overrides",
            unknown.concat()
        )
    })
}
