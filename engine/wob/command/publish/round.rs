//! One round of publishing what is selected, from sources that were read once: what has changed since it was published last, or
//! else a build of everything.

use std::{cell::Cell, collections::BTreeSet};

use wob_engine::Diagnostic;
use wob_host::{Cache, Outgoing, Patience};
use wob_rules::{EnvironmentInput, problems};

use super::{
    How,
    destination::{Destination, destinations},
    failure::{Failure, Refusal},
    made::{By, Changes},
    notes::TreeNotes,
    push::Push,
    result::Published,
};
use crate::{
    args::Common,
    exit::Exit,
    footprint::PlaceNotes,
    recorded::sources,
    report::{Report, count},
    selection::Selected,
    session::{BuiltTarget, Session, Target},
};

/// What one round gave.
pub(super) struct Round {
    pub(super) published: Vec<Published>,
    pub(super) report: Report,
    pub(super) exit: Exit,
    /// Whether somebody else was faster, so that everything is to be read again.
    pub(super) raced: bool,
    /// What the next run of the same command line may go on from, for each repository.
    pub(super) places: Vec<Vec<PlaceNotes>>,
    /// What was brought somewhere already: environment, address and branch.
    done: BTreeSet<(String, String, String)>,
    /// How to end for what was refused.
    failed: Option<Exit>,
}

/// How far a round came.
pub(super) enum Ended {
    /// To its end.
    Round(Round),
    /// A part of the sources was read, and that is not enough for the rest; whether the user heard what was read.
    NeedsAll(Round, bool),
}

/// What publishing one environment needs.
#[derive(Clone, Copy)]
struct Publishing<'p> {
    how: &'p How,
    session: &'p Session<'p>,
    common: &'p Common,
    cache: &'p Cache,
}

/// Publishes what `session` selects, but for what `round` did before.
pub(super) fn publish(
    how: &How,
    session: &Session<'_>,
    common: &Common,
    mut round: Round,
) -> Result<Ended, Exit> {
    let streams = session.streams;
    if let Some(part) = session.targets.iter().find(|it| !matches!(it.selected, Selected::Whole)) {
        streams.fail(&format!(
            "only a part of `{0}` is selected, and a tree is published as a whole\n  \
             help: select `//env:{0}`; what did not change stays as it is",
            part.name
        ));
        return Err(Exit::Usage);
    }
    let cache = Cache::of_user();
    if let Ok(cache) = &cache
        && session.loaded.diagnostics.is_empty()
        && !session.loaded.outside_failed
    {
        let changes = Changes { pool: session.pool(common)?, has_told: Cell::new(false) };
        let publishing = Publishing { how, session, common, cache };
        if round.changes(publishing, &changes)? {
            return Ok(Ended::Round(
                round.ended(Report::new(vec![], &session.loaded.texts), Exit::Ok),
            ));
        }
        session.stored.forget();
        if session.narrowed.is_some() {
            return Ok(Ended::NeedsAll(round, changes.has_told.get()));
        }
    } else if session.narrowed.is_some() {
        return Ok(Ended::NeedsAll(round, false));
    }
    let built = session.build(common)?;
    let report = session.diagnose_closely(&built);
    let verdict = session.verdict(&report, common);
    if session.loaded.outside_failed {
        let reason = "a source could not be reached, and what it holds is not known";
        streams.fail(&format!("nothing is published: {reason}"));
        let refused = |it: &Target| Published::nothing(it.name.as_str(), None).refused(reason);
        round.published.extend(session.targets.iter().map(refused));
        round.failed = Some(Exit::Outside);
        return Ok(Ended::Round(round.ended(report, verdict)));
    }
    let cache = cache.map_err(|error| {
        streams.fail(&error.to_string());
        Exit::Local
    })?;
    let publishing = Publishing { how, session, common, cache: &cache };
    for target in &session.targets {
        let Some(built) = built.iter().find(|it| Some(it.input) == target.input) else { continue };
        round.everything(publishing, target, built, &report)?;
    }
    Ok(Ended::Round(round.ended(report, verdict)))
}

impl Round {
    /// Begins one in which nothing was done yet.
    pub(super) fn new(session: &Session<'_>) -> Self {
        Self {
            published: vec![],
            report: Report::new(vec![], &session.loaded.texts),
            exit: Exit::Ok,
            raced: false,
            places: vec![],
            done: BTreeSet::new(),
            failed: None,
        }
    }

    fn ended(self, report: Report, verdict: Exit) -> Self {
        Self { report, exit: self.failed.unwrap_or(verdict), ..self }
    }

    /// Publishes all environments by what has changed in them; says whether that could be done.
    fn changes(&mut self, publishing: Publishing<'_>, changes: &Changes) -> Result<bool, Exit> {
        let lease = publishing.session.stored.lease();
        for target in &publishing.session.targets {
            let Some(input) = target.input else { return Ok(false) };
            if unknown_to_others(publishing.session, input).is_some() {
                return Ok(false);
            }
            let Publishing { how, session, common, .. } = publishing;
            let Ok(all) = destinations(how, session, common, (target.name.as_str(), input)) else {
                return Ok(false);
            };
            if !self.bring(publishing, (target, input), &all, By::Changes(changes))? {
                return Ok(false);
            }
        }
        drop(lease);
        Ok(true)
    }

    /// Publishes one environment, of which everything was built.
    fn everything(
        &mut self,
        publishing: Publishing<'_>,
        target: &Target,
        built: &BuiltTarget,
        report: &Report,
    ) -> Result<(), Exit> {
        let Publishing { how, session, common, .. } = publishing;
        let (name, input) = (target.name.as_str(), built.input);
        let found = match refusal(session, common, built) {
            Some(reason) => Err(Refusal::new(name, &reason, Exit::Sources)),
            None => destinations(how, session, common, (name, input)),
        };
        match found {
            Ok(all) => {
                self.bring(publishing, (target, input), &all, By::Everything(built, report))?;
            }
            Err(refusal) => self.refuse(session, refusal, || Published::nothing(name, None)),
        }
        Ok(())
    }

    /// Brings an environment to all of its repositories; says whether that could be done by what it is found out `by`.
    fn bring(
        &mut self,
        publishing: Publishing<'_>,
        (target, input): (&Target, EnvironmentInput),
        destinations: &[Destination],
        by: By<'_>,
    ) -> Result<bool, Exit> {
        let Publishing { how, session, common, cache } = publishing;
        let name = target.name.as_str();
        for destination in destinations {
            let Destination { url, branch, .. } = destination;
            let key = (name.to_owned(), url.clone(), branch.as_str().to_owned());
            if self.done.contains(&key) {
                continue;
            }
            let shown = Outgoing::shown_at(url);
            let apart = (destinations.len() > 1).then(|| format!("{shown}#{}", branch.as_str()));
            let patience = Patience::default();
            let push = Push {
                how,
                session,
                common,
                target,
                input,
                by,
                destination,
                apart,
                cache,
                patience,
            };
            let nothing = || Published::nothing(name, Some((&shown, branch.as_str())));
            match push.run() {
                Ok(done) => self.published.push(done),
                Err(Failure::Stopped(exit)) => return Err(exit),
                Err(Failure::Doubtful) => return Ok(false),
                // The other repositories are published all the same.
                Err(Failure::Refused(refusal)) => self.refuse(session, refusal, nothing),
                Err(Failure::Copy(reason)) => {
                    let refusal = Refusal::new(name, &reason, Exit::Local);
                    self.refuse(session, refusal, nothing);
                }
                Err(Failure::Raced(reason)) => {
                    session.streams.say_more(&reason);
                    self.published.push(nothing().refused(&reason));
                    self.raced = true;
                    self.failed = self.failed.max(Some(Exit::Outside));
                }
            }
            let copy = Outgoing::folder_of(cache, url);
            let notes = TreeNotes::find(name, &copy, destination);
            self.places.extend(notes.map(TreeNotes::into_places));
            self.done.insert(key);
        }
        Ok(true)
    }

    fn refuse(
        &mut self,
        session: &Session<'_>,
        refusal: Refusal,
        nothing: impl FnOnce() -> Published,
    ) {
        session.streams.fail(&refusal.text());
        self.failed = self.failed.max(Some(refusal.exit));
        self.published.push(refusal.published(nothing));
    }
}

/// Says why an environment that was built must not be published at all; none if it may.
fn refusal(session: &Session<'_>, common: &Common, target: &BuiltTarget) -> Option<String> {
    let errors = problems([&target.built]).into_iter().filter(Diagnostic::is_error);
    let errors: Vec<Diagnostic> = errors.collect();
    let unavailable = errors.iter().filter(|it| it.code == "input-unavailable").count();
    if unavailable > 0 {
        return Some(format!(
            "{} could not be read, and what is missing must not be taken for deleted",
            count(unavailable, "source", "sources")
        ));
    }
    if common.strict && !errors.is_empty() {
        return Some("--strict, and there are errors".to_owned());
    }
    unknown_to_others(session, target.input)
}

/// Says which sources nobody else could build again; none if everybody could.
fn unknown_to_others(session: &Session<'_>, input: EnvironmentInput) -> Option<String> {
    let sources = sources(session, input);
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
