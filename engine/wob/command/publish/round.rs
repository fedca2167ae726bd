//! One round of publishing what is selected, from sources that were read once: what has changed since it was published last, or
//! else a build of everything.

use std::collections::BTreeSet;

use wob_engine::{Diagnostic, Severity};
use wob_host::{Cache, Outgoing, Patience};
use wob_rules::{EnvironmentInput, problems};

use super::{
    How, changes,
    copies::{Copies, FirstTrees},
    destination::{Destination, destinations},
    failure::{Failure, Refusal},
    made::{Whole, alone_of},
    notes::TreeNotes,
    push::Push,
    result::Published,
};
use crate::{
    args::Common,
    command::build::Found,
    exit::Exit,
    footprint::PlaceNotes,
    recorded::sources,
    report::{Report, count},
    selection::Selected,
    session::{Ahead, BuiltTarget, Remarks, Session, Target, problems_of},
};

/// What one round gave.
pub(super) struct Round {
    pub(super) published: Vec<Published>,
    pub(super) report: Report,
    pub(super) exit: Exit,
    /// Whether somebody else was faster, so that everything is to be read again.
    pub(super) raced: bool,
    /// Whether the user heard what was read, if that was only a part.
    pub(super) remarks: Remarks,
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
    /// A part of the sources was read, and that is not enough for the rest.
    NeedsAll(Round),
}

/// What publishing one environment needs.
#[derive(Clone, Copy)]
struct Publishing<'p> {
    how: &'p How,
    session: &'p Session<'p>,
    common: &'p Common,
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
    let publishing = Publishing { how, session, common };
    let cache = Cache::of_user();
    // What was done already has its part in what is said.
    if let (Ok(cache), true) = (&cache, round.done.is_empty())
        && let Some(report) = round.changes(publishing, cache)?
    {
        session.tell_saved(session.stored.tidy());
        let verdict = session.verdict(&report, common);
        return Ok(Ended::Round(round.ended(report, verdict)));
    }
    if session.narrowed.is_some() {
        return Ok(Ended::NeedsAll(round));
    }
    let first = round.first_trees(publishing, cache.as_ref().ok())?;
    let ahead = |name: &str| Ahead { early: first.files.get(name).cloned(), ..Ahead::default() };
    let built = &*session.build_ahead(common, &ahead)?;
    let inputs: Vec<EnvironmentInput> = built.iter().map(|it| it.input).collect();
    let lints = session.lint(&inputs);
    let report = session.report(problems_of(built), lints.clone());
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
    let found = Found::of_published(session, (built, &report), lints);
    for target in &session.targets {
        let Some(built) = built.iter().find(|it| Some(it.input) == target.input) else { continue };
        let alone = alone_of(session, built.input);
        let whole = Whole { target: built, found: &found, alone };
        round.everything((publishing, &cache, &first.copies), target, &whole)?;
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
            remarks: Remarks::Kept,
            places: vec![],
            done: BTreeSet::new(),
            failed: None,
        }
    }

    fn ended(self, report: Report, verdict: Exit) -> Self {
        Self { report, exit: self.failed.unwrap_or(verdict), ..self }
    }

    /// Finds out which trees will be written as a whole.
    fn first_trees(
        &self,
        publishing: Publishing<'_>,
        cache: Option<&Cache>,
    ) -> Result<FirstTrees, Exit> {
        match (cache, self.pushes_if_fine(publishing)) {
            (Some(cache), Some(pushes)) => FirstTrees::find(cache, &pushes, publishing.session),
            _ => Ok(FirstTrees::default()),
        }
    }

    /// Publishes all environments by what has changed in them, and returns what there is to say; `None` if it could not be told
    /// so, or if a copy of a repository could not be used.
    fn changes(
        &mut self,
        publishing: Publishing<'_>,
        cache: &Cache,
    ) -> Result<Option<Report>, Exit> {
        let Publishing { session, common, .. } = publishing;
        let Some(pushes) = self.pushes_if_fine(publishing) else { return Ok(None) };
        let pool = session.pool(common)?;
        // While it is held, nothing is tidied up.
        let _lease = session.stored.lease();
        // Where nothing is noted, nobody need be asked.
        let is_known = pushes.iter().all(|it| it.is_noted(cache));
        let copies = is_known.then(|| Copies::open(cache, &pushes, session)).flatten();
        let prepared = match &copies {
            Some(copies) => changes::prepare(&pushes, (cache, copies), (session, &pool))?,
            None => None,
        };
        if session.interrupt.is_set() {
            return Err(session.interrupted());
        }
        let (Some(copies), Some((all, report))) = (&copies, prepared) else { return Ok(None) };
        if session.narrowed.is_some() {
            session.say_remarks();
            self.remarks = Remarks::Told;
        }
        for (push, ready) in pushes.iter().zip(&all) {
            let Some(copy) = copies.of(cache, push) else { return Ok(None) };
            match push.publish(copy, ready) {
                // Whoever builds everything makes it anew.
                Err(Failure::Copy(_)) => return Ok(None),
                result => self.take(cache, push, result)?,
            }
        }
        Ok(Some(report))
    }

    /// Lists where all environments are to be brought to; `None` if anything is wrong.
    fn pushes_if_fine<'p>(&self, publishing: Publishing<'p>) -> Option<Vec<Push<'p>>> {
        let Session { loaded, targets, .. } = publishing.session;
        let is_wrong = loaded.diagnostics.iter().any(|it| it.severity != Severity::Warning);
        if is_wrong || loaded.outside_failed {
            return None;
        }
        let mut all = vec![];
        for target in targets {
            let input = target.input?;
            if unknown_to_others(publishing.session, input).is_some() {
                return None;
            }
            all.extend(self.pushes(publishing, (target, input)).ok()?);
        }
        Some(all)
    }

    /// Publishes one environment, of which everything was built.
    fn everything(
        &mut self,
        (publishing, cache, copies): (Publishing<'_>, &Cache, &Copies),
        target: &Target,
        whole: &Whole<'_>,
    ) -> Result<(), Exit> {
        let Publishing { session, common, .. } = publishing;
        let name = target.name.as_str();
        let found = match refusal(session, common, whole.target) {
            Some(reason) => Err(Refusal::new(name, &reason, Exit::Sources)),
            None => self.pushes(publishing, (target, whole.target.input)),
        };
        match found {
            Ok(all) => {
                for push in &all {
                    self.take(cache, push, push.run((cache, copies), whole))?;
                }
            }
            Err(refusal) => self.refuse(session, refusal, || Published::nothing(name, None)),
        }
        Ok(())
    }

    /// Lists where an environment is to be brought to, but for where it was already; says why it must not be.
    fn pushes<'p>(
        &self,
        Publishing { how, session, common }: Publishing<'p>,
        (target, input): (&'p Target, EnvironmentInput),
    ) -> Result<Vec<Push<'p>>, Refusal> {
        let destinations = destinations(how, session, common, (target.name.as_str(), input))?;
        let are_many = destinations.len() > 1;
        let pushes = destinations.into_iter().map(|destination| {
            let Destination { url, branch, .. } = &destination;
            let apart =
                are_many.then(|| format!("{}#{}", Outgoing::shown_at(url), branch.as_str()));
            let patience = Patience::default();
            Push { how, session, common, target, input, destination, apart, patience }
        });
        Ok(pushes.filter(|it| !self.done.contains(&it.key())).collect())
    }

    /// Takes what became of a push.
    fn take(
        &mut self,
        cache: &Cache,
        push: &Push<'_>,
        result: Result<Published, Failure>,
    ) -> Result<(), Exit> {
        let (name, session) = (push.environment(), push.session);
        let Destination { url, branch, .. } = &push.destination;
        let shown = Outgoing::shown_at(url);
        let nothing = || Published::nothing(name, Some((&shown, branch.as_str())));
        match result {
            Ok(done) => self.published.push(done),
            Err(Failure::Stopped(exit)) => return Err(exit),
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
        self.places
            .extend(push.notes(&Outgoing::folder_of(cache, url)).map(TreeNotes::into_places));
        self.done.insert(push.key());
        Ok(())
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
