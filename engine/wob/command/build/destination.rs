//! Where trees go, and one round of building and writing them.

use std::{collections::BTreeMap, fs, io::Write as _, panic::resume_unwind, sync::mpsc, thread};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Diagnostic, Digest, Severity};
use wob_host::{OutputError, Overwrite};
use wob_rules::{
    EnvironmentInput, Frame, NotedObjects, Reads, SaidParts, fails_alone, reads, subtrees,
};

use super::{
    place::{Into, Place},
    write::{Outcome, Planned, Planning},
};
use crate::{
    args::Common,
    exit::Exit,
    footprint::{PlaceNotes, Trust},
    last::{Compared, Explanation, LastBuild, compare},
    ledger::{Failing, Ledger, Together},
    reads::{NextReads, Reader, ReadsNote},
    report::Report,
    session::{Ahead, BuiltTarget, Session, problems_of},
    timings,
};

/// Where trees go, and what becomes of what is there.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[expect(clippy::struct_field_names, reason = "they are called like their flags")]
pub(crate) struct Output {
    /// Write to DIR instead of wob-out/<environment>; may hold {environment}
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub(super) out: Option<Utf8PathBuf>,
    /// Commit to BRANCH of the git repository in the folder REPO, without a checkout; both may hold {environment}
    #[arg(long, value_name = "REPO#BRANCH", conflicts_with = "out")]
    pub(super) into: Option<Into>,
    /// Overwrite files that wob did not write, or that were edited since; move a branch that is checked out
    #[arg(long)]
    pub(super) force: bool,
    /// Exit with 9 if another build is writing to the same place, instead of waiting for it
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Do not look at every file of a tree whose own record is as wob left it
    ///
    /// Saves a look at each of them. Edits of single files are then not noticed.
    #[arg(long)]
    pub(super) trust_output: bool,
    /// Whether trees are written at all.
    #[arg(skip)]
    pub(super) mode: Mode,
    /// What is built.
    #[arg(skip)]
    pub(super) scope: Scope,
    /// When the output is looked at.
    #[arg(skip)]
    pub(super) looking: Looking,
}

/// What is done with trees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// They are written.
    #[default]
    Write,
    /// They are compared with what is there.
    Check,
}

/// What is built, if it is known from the start that little has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What has changed.
    #[default]
    Changes,
    /// All assignments, as somebody asks about those that have not.
    Everything,
}

/// When it is made sure that an output is as wob left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Looking {
    /// Before it is written to, as closely as the user wants.
    #[default]
    Before,
    /// After it was written to: whoever builds promises to look then.
    After,
}

/// Where trees go that nobody gave another place to.
pub(super) const DEFAULT_OUT: &str = "wob-out";

/// What one round of building and writing gave.
pub(crate) struct Round {
    /// What was built.
    pub(crate) built: Vec<BuiltTarget>,
    /// What became of it.
    pub(crate) outcomes: Vec<Outcome>,
    /// What is wrong.
    pub(crate) report: Report,
    /// How to end.
    pub(crate) exit: Exit,
}

impl Output {
    /// Names where trees go: to a folder, or to a branch, or where nobody said it.
    pub(crate) fn to(out: Option<Utf8PathBuf>, into: Option<Into>) -> Self {
        Self { out, into, mode: Mode::Check, ..Self::default() }
    }

    /// Builds only what is in `scope`.
    pub(crate) fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// Looks at the output when `looking` says.
    pub(crate) fn looking(self, looking: Looking) -> Self {
        Self { looking, ..self }
    }

    /// Says what becomes of files that are in the way.
    pub(super) fn overwrite(&self) -> Overwrite {
        if self.force { Overwrite::Conflicts } else { Overwrite::Nothing }
    }

    /// Says whether the user trusts what lies there.
    pub(crate) fn trusts(&self) -> bool {
        self.trust_output
    }

    /// Returns how sure the user wants to be of what lies there.
    pub(crate) fn trust(&self) -> Trust {
        let trusts = self.trust_output || self.looking == Looking::After;
        if trusts { Trust::Record } else { Trust::Nothing }
    }

    /// Says whether only what changed may be built, if that is little.
    pub(super) fn may_amend(&self) -> bool {
        self.mode == Mode::Write && self.scope == Scope::Changes
    }

    /// Builds what `session` selects, and writes it to `places`, which nobody else may write to meanwhile.
    pub(crate) fn build(
        &self,
        session: &Session<'_>,
        places: &BTreeMap<String, Place>,
        common: &Common,
    ) -> Result<Round, Exit> {
        if let Some(round) = self.amend(session, places, common)? {
            return Ok(round);
        }
        let pool = session.pool(common)?;
        let is_written = self.mode == Mode::Write;
        let notes = places.iter().filter_map(|(name, it)| Some((name.as_str(), it.notes(name)?)));
        let before: BTreeMap<&str, LastBuild> =
            notes.filter_map(|(name, it)| Some((name, LastBuild::read(&it)?))).collect();
        let ahead = |name: &str| Ahead {
            early: places[name].early().filter(|_| is_written),
            before: before.get(name).map(LastBuild::subtrees).unwrap_or_default(),
        };
        let built = session.build_on(&pool, &ahead)?;
        let saving = session.saving(&built);
        let (report, found, written, saved) = thread::scope(|scope| {
            let saving = scope.spawn(|| saving.run(&pool));
            let planned = self.plan_ahead(session, &built, places, scope);
            let inputs: Vec<EnvironmentInput> = built.iter().map(|it| it.input).collect();
            let lints = session.lint(&inputs);
            let report = session.report(problems_of(&built), lints.clone());
            let failures = if is_written { Failures::Noted } else { Failures::Refused };
            let found = Found::of(failures, session, (&built, &report), lints);
            let reading = found.reading(session, &built, scope);
            let written = self.write_all(session, (&built, planned, before), places, common);
            let saved = saving.join().unwrap_or_else(|bug| resume_unwind(bug));
            let reads = reading.join().unwrap_or_else(|bug| resume_unwind(bug));
            (report, (found, reads), written, saved)
        });
        let (found, mut reads) = found;
        session.tell_saved(saved);
        let mut outcomes = vec![];
        let mut failed = None;
        for (target, written) in built.iter().zip(written) {
            match written {
                Ok((outcome, last)) => {
                    let name = &target.built.environment;
                    let (notes, reads) = (places[name].notes(name), reads.remove(name));
                    if let Some(notes) = notes.filter(|_| outcome.written) {
                        last.write(&notes);
                        found.note(session, target, (&outcome.head, reads), &notes);
                    }
                    outcomes.push(Outcome { explanation: last.explanation, ..outcome });
                }
                Err(exit) => failed = failed.max(Some(exit)),
            }
        }
        let is_default = self.out.is_none() && self.into.is_none();
        if is_default && outcomes.iter().any(|it| it.written) {
            hide_from_git(&session.workspace.root.join(DEFAULT_OUT));
        }
        let verdict = session.verdict(&report, common);
        let differs = outcomes.iter().any(Outcome::differs);
        let verdict = if differs && verdict == Exit::Ok { Exit::Difference } else { verdict };
        Ok(Round { built, outcomes, report, exit: failed.unwrap_or(verdict) })
    }

    /// Compares what was `built` of each environment with what lies at its place, while others do what else is to be done. They are
    /// compared one after the other, each once the one before is taken, as a comparison holds much.
    fn plan_ahead<'scope>(
        &'scope self,
        session: &Session<'_>,
        built: &'scope [BuiltTarget],
        places: &'scope BTreeMap<String, Place>,
        scope: &'scope thread::Scope<'scope, '_>,
    ) -> mpsc::IntoIter<Result<Planned, OutputError>> {
        let plannings: Vec<Planning<'_>> =
            built.iter().map(|it| Planning::of(session, it)).collect();
        let (send, receive) = mpsc::sync_channel(0);
        scope.spawn(move || {
            for (planning, target) in plannings.iter().zip(built) {
                let planned = self.plan(planning, &places[&target.built.environment]);
                // Nobody takes it once the user stopped the build.
                if send.send(planned).is_err() {
                    break;
                }
            }
        });
        receive.into_iter()
    }

    /// Writes what was built as it was planned, until the user stops it; beside what became of each environment is what is to be
    /// noted of it. The last builds are those of `before`.
    fn write_all(
        &self,
        session: &Session<'_>,
        (built, mut planned, mut before): (
            &[BuiltTarget],
            impl Iterator<Item = Result<Planned, OutputError>>,
            BTreeMap<&str, LastBuild>,
        ),
        places: &BTreeMap<String, Place>,
        common: &Common,
    ) -> Vec<Result<(Outcome, LastBuild), Exit>> {
        let mut all = vec![];
        for target in built {
            let place = &places[&target.built.environment];
            let before = before.remove(target.built.environment.as_str());
            let span = timings::span_of("explain", &target.built.environment);
            let last = compare(session, Compared::whole(target), before);
            drop(span);
            let Some(planned) = planned.next() else { break };
            let written = self.write(session, (target, planned), place, common);
            let is_stopped = matches!(written, Err(Exit::Interrupted));
            all.push(written.map(|it| (it, last)));
            if is_stopped {
                break;
            }
        }
        all
    }
}

/// What becomes of an environment in which assignments failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failures {
    /// They are noted: what was built of them before stays.
    Noted,
    /// It is not written at all.
    Refused,
}

/// What a build found out that the next one can go on from.
pub(crate) struct Found {
    /// The frames of what was built as a whole, with the objects, by environment; none if anything is wrong but assignments that fail.
    frames: BTreeMap<String, (Frame, NotedObjects)>,
    together: Option<Together>,
    /// Whether anything was said.
    is_silent: bool,
}

impl Found {
    /// Takes what was found out where everything that was selected is `built`, to be published.
    pub(crate) fn of_published(
        session: &Session<'_>,
        built: (&[BuiltTarget], &Report),
        lints: Vec<Diagnostic>,
    ) -> Self {
        Self::of(Failures::Refused, session, built, lints)
    }

    fn of(
        failures: Failures,
        session: &Session<'_>,
        (built, report): (&[BuiltTarget], &Report),
        lints: Vec<Diagnostic>,
    ) -> Self {
        let is_right = report.count(Severity::Warning) == report.items.len();
        let db = &session.loaded.db;
        let is_fine = is_right
            || failures == Failures::Noted
                && !session.loaded.diagnostics.iter().any(Diagnostic::is_error)
                && built.iter().all(|it| fails_alone(db, it.input, &it.built));
        let mut frames = BTreeMap::new();
        if is_fine {
            let settings = session.settings_text();
            for target in built.iter().filter(|it| it.selected.is_whole()) {
                let (db, input) = (&session.loaded.db, target.input);
                let objects = NotedObjects::of(db, input);
                let frame = Frame::of(db, input, &settings, &objects);
                frames.insert(target.built.environment.clone(), (frame, objects));
            }
        }
        let is_whole = !frames.is_empty() && frames.len() == session.targets.len();
        let scope = is_whole.then(|| Together::scope(session, |it| Some(&frames.get(it)?.0)));
        let together = scope.map(|it| Together::new(it, lints));
        Self { frames, together, is_silent: report.items.is_empty() }
    }

    /// Returns the digest of everything that an environment is built from but values; `None` if anything is wrong.
    pub(crate) fn shape(&self, environment: &str) -> Option<Digest> {
        self.frames.get(environment).map(|it| it.0.shape())
    }

    /// Notes the same of a tree that is published. Why it was rendered, nobody will ask.
    pub(crate) fn note_published(
        &self,
        session: &Session<'_>,
        target: &BuiltTarget,
        head: &str,
        notes: &PlaceNotes,
    ) {
        let _span = timings::span_of("note", &target.built.environment);
        if self.frames.contains_key(&target.built.environment) {
            let mut last = compare(session, Compared::whole(target), None);
            last.explanation = Explanation::default();
            last.write(notes);
        }
        let reads = reads(&session.loaded.db, target.input);
        self.note(session, target, (head, reads), notes);
    }

    /// Finds out, on a thread of its own, which files were read for which part of what was `built`, as far as that is noted.
    fn reading<'scope>(
        &self,
        session: &Session<'_>,
        built: &[BuiltTarget],
        scope: &'scope thread::Scope<'scope, '_>,
    ) -> thread::ScopedJoinHandle<'scope, BTreeMap<String, Reads>> {
        let names = built.iter().map(|it| (it.built.environment.clone(), it.input));
        let noted: Vec<(String, EnvironmentInput)> =
            names.filter(|(name, _)| self.frames.contains_key(name)).collect();
        let db = session.loaded.db.clone();
        let of = move |(name, input)| Some((name, reads(&db, input)?));
        scope.spawn(move || noted.into_iter().filter_map(of).collect())
    }

    /// Notes what a tree with the record `head` was made from, which files that `reads`, and what was said of it. What is wrong,
    /// another build must find again.
    fn note(
        &self,
        session: &Session<'_>,
        target: &BuiltTarget,
        (head, reads): (&str, Option<Reads>),
        notes: &PlaceNotes,
    ) {
        let Some((frame, objects)) = self.frames.get(&target.built.environment) else {
            return NextReads::Nothing.write(notes);
        };
        let said = if self.is_silent {
            SaidParts::default()
        } else {
            let silenced = &session.workspace.settings.silenced;
            let assignments = &target.built.assignments;
            SaidParts::of(&session.loaded.db, target.input, assignments, silenced)
        };
        let divided = subtrees(target.built.assignments.iter().map(|it| (&it.assignment, None)));
        let all = divided.into_iter().map(|it| &target.built.assignments[it.assignments]);
        let ledger = Ledger::new(frame.clone(), head, said, self.together.clone())
            .with_failing(Failing::of(all.enumerate()));
        ledger.write(objects, notes);
        ReadsNote::renewed(&Reader::of(session), reads, &ledger).write(notes);
    }
}

/// Lets git ignore the default output, so that a build leaves a clean checkout clean.
fn hide_from_git(folder: &Utf8Path) {
    // A link that somebody left at this name is not followed.
    let created = fs::File::create_new(folder.join(".gitignore"));
    // Without it the folder shows up in `git status`; that is no reason to fail a build.
    created.and_then(|mut it| it.write_all(b"*\n")).unwrap_or_default();
}
