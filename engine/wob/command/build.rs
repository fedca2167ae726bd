//! `wob build`: renders environments and writes their trees.

mod amend;
mod destination;
mod difference;
mod explain;
mod ground;
mod place;
mod summary;
mod write;

use std::{collections::BTreeMap, time::Instant};

use camino::Utf8PathBuf;
use serde::Serialize;
use wob_host::{Counts, Interrupt};
use wob_rules::{AssignmentRecord, Built};

pub(crate) use self::{
    amend::{Amended, Candidate, together},
    destination::{Found, Looking, Output, Round, Scope},
    place::{Into, Locks, Place, Read},
    summary::Work,
    write::{Lying, Outcome, Planning, TreeEdit, fail, provenance},
};
use self::{
    destination::Mode,
    difference::Difference,
    summary::{TreeText, failed_text, tell_unchanged},
};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    footprint::PlaceNotes,
    journal::{Journal, JournalOutput, JournalPlace},
    reads::PlacesNote,
    recorded::TreeSummary,
    session::{Attempts, JsonResult, Remarks, Session},
    stream::{Drawn, Results, Streams, json_diagnostics, json_text},
    timings::{self, Timings},
    workspace::{Foreseen, Start},
};

/// Render environments and write their trees
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Build {
    /// What to build
    #[command(flatten)]
    patterns: Patterns,
    /// Where trees go
    #[command(flatten)]
    output: Output,
    /// Write nothing; show how what is there differs, and exit with 5 if it does
    #[arg(long, conflicts_with = "force")]
    check: bool,
    /// Write to FILE why each assignment was rendered or not, and what it was made from: the parts that are hashed
    #[arg(long, value_name = "FILE")]
    explain: Option<Utf8PathBuf>,
    /// Where the time goes
    #[command(flatten)]
    timings: Timings,
}

const LONG_ABOUT: &str = "\
Renders environments and writes their trees.

Without a pattern, every environment is built. Each tree goes to wob-out/<environment>, or to the folder that -o \
names, such as a checkout of the GitOps repository. Only files that differ are written, and only files that wob \
wrote are deleted. An assignment that fails keeps its last good output; the others go on.

With --into, the trees become commits of a repository that needs no checkout, and no file is written. A branch that \
does not exist is made, without history; without a change there is no commit.

Targets:
  //env:stage                        the whole tree of an environment
  //env/stage/large:all              every assignment on a cluster type
  //env/stage/large:app-test         one assignment
  //workload:app  //cluster-type/stage:large  //policy/stage:p  //config/stage:c  //template:t
  //target/stage:app-test  //registration:app  //schema/stage:s
                                     everything that depends on a source object
  //:templates/t.yaml                everything that depends on a source file
  //env/stage/...  //...             everything below";

const EXAMPLES: &str = "\
Examples:
  wob build //env:stage
  wob build //... -- -//env/prod/...
  wob build //env:prod -o ../gitops --strict
  wob build --into '../gitops.git#{environment}'";

/// An environment that was built, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonBuilt<'b> {
    environment: &'b str,
    /// Where the tree lies; absent if nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'b str>,
    /// The branch's commit; absent for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'b str>,
    /// The BLAKE3 Merkle root of the tree.
    root: String,
    git_tree: &'b str,
    dirty: bool,
    files: Counts,
    /// What `--check` compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_with: Option<&'b str>,
    /// How what is there differs; only of `--check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<&'b [Difference]>,
    assignments: &'b [AssignmentRecord],
}

#[derive(Debug, Serialize)]
struct JsonBuild<'b> {
    environments: Vec<JsonBuilt<'b>>,
    work: Work,
}

impl Build {
    /// Builds what is selected, unless nothing has changed since the last run of the same command line.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        let begin = Instant::now();
        if let Err(exit) = self.timings.start(streams) {
            return exit;
        }
        // A journal tells of folders that were written, and nothing of what they were made from.
        let is_special = self.explain.is_some() || self.check || self.output.into.is_some();
        let place = JournalPlace::find(streams);
        let span = timings::span("journal");
        let trust = self.output.trust();
        let read = |it: &JournalPlace| it.read(trust, &Interrupt::default());
        let foreseen = match place.as_ref().filter(|_| !is_special).map(read) {
            Some(Ok(journal)) => {
                drop(span);
                tell_unchanged(&journal, begin, streams);
                return journal.exit;
            }
            Some(Err(foreseen)) => foreseen,
            None => Foreseen::default(),
        };
        drop(span);
        self.build(common, streams, (place.as_ref(), foreseen), begin).unwrap_or_else(|exit| exit)
    }

    fn build(
        &self,
        common: &Common,
        streams: &Streams,
        (place, foreseen): (Option<&JournalPlace>, Foreseen),
        begin: Instant,
    ) -> Result<Exit, Exit> {
        let mode = if self.check { Mode::Check } else { Mode::Write };
        let asks_of_all = self.explain.is_some() || streams.is_json();
        let scope = if asks_of_all { Scope::Everything } else { Scope::Changes };
        let output = Output { mode, scope, ..self.output.clone() };
        let mut locks = Locks::default();
        let (session, places, Round { built, outcomes, report, exit }) =
            self.round(common, streams, (place, foreseen), (&output, &mut locks))?;
        if let Some(path) = &self.explain
            && let Err(error) = explain::write(&built, &outcomes, path)
        {
            streams.fail(&format!("could not write `{path}`: {error}"));
            return Err(Exit::Local);
        }
        let json = |work, told: &dyn Fn(&Outcome) -> Counts| {
            let environments = outcomes.iter().map(|it| it.to_json(told(it))).collect();
            let result = JsonBuild { environments, work };
            let diagnostics = json_diagnostics(&report);
            json_text(&JsonResult { result, diagnostics, exit_code: exit.number() })
        };
        if streams.is_json() {
            streams.result(&json(Work::of(&outcomes), &|it| it.counts));
        }
        session.finish(&report, common, Results::Talk);
        if !streams.is_json() {
            for outcome in &outcomes {
                streams.result(&outcome.to_text());
            }
        }
        // Of what was refused as a whole, or stopped, there is nothing to count.
        if exit == Exit::Ok || !outcomes.is_empty() {
            streams.say(&Work::of(&outcomes).to_text(begin));
        }
        if is_repeatable(&session, &outcomes, exit) {
            let all = |of: fn(&TreeSummary) -> usize| outcomes.iter().map(|it| of(&it.tree)).sum();
            let work = Work::nothing(all(TreeSummary::assigned), all(|it| it.failed.len()));
            let json = streams.is_json().then(|| json(work, &Outcome::counts_again));
            let drawn = session.drawn(&report, Results::Talk);
            let _span = timings::span("journal");
            keep_journal(&session, &outcomes, (exit, drawn, json), place);
        }
        // Where nothing was written, there is nothing to amend.
        let may_be_amended = output.may_amend() && outcomes.iter().any(|it| it.written);
        if let Some(path) = place.map(|it| it.beside("places")).filter(|_| may_be_amended) {
            Place::all_notes(&places).write(&path);
        }
        // To give all of it back, piece by piece, takes longer than to end.
        let trees: Vec<Built> = built.into_iter().map(|it| it.built).collect();
        std::mem::forget((session.leave(), trees));
        Ok(exit)
    }

    /// Builds and writes once nobody else writes to the same places; `locks` keep others out until they are dropped.
    fn round<'s>(
        &self,
        common: &Common,
        streams: &'s Streams,
        (place, foreseen): (Option<&JournalPlace>, Foreseen),
        (output, locks): (&Output, &mut Locks),
    ) -> Result<(Session<'s>, BTreeMap<String, Place>, Round), Exit> {
        let part = place.filter(|_| output.may_amend()).and_then(|it| {
            let _span = timings::span("look");
            let narrowed = PlacesNote::read(&it.beside("places"))?.narrow(&foreseen.looks)?;
            Some((narrowed, Start { foreseen, ..Start::default() }))
        });
        let mut attempts = Attempts::new(common, &self.patterns, streams, part)?;
        loop {
            let session = attempts.next()?;
            let places = output.places(common, &session)?;
            // Who waited read the sources before another build wrote; that one's may have been newer.
            if !self.check && locks.take(&places, &session, output)? == Read::BeforeAnother {
                attempts.go_on(session, Remarks::Kept);
                continue;
            }
            if session.narrowed.is_none() {
                let round = output.build(&session, &places, common)?;
                return Ok((session, places, round));
            }
            if let Some(round) = output.amend(&session, &places, common)? {
                session.say_remarks();
                return Ok((session, places, round));
            }
        }
    }
}

/// Says whether a build of the same sources would say and write the same: whatever can be built was, and its sources alone are to
/// blame for the rest.
fn is_repeatable(session: &Session<'_>, outcomes: &[Outcome], exit: Exit) -> bool {
    let is_all_written =
        outcomes.len() == session.targets.len() && outcomes.iter().all(|it| it.written);
    match exit {
        Exit::Ok => true,
        Exit::Sources | Exit::Partial => is_all_written && !session.workspace.is_misread(),
        Exit::Usage
        | Exit::Nothing
        | Exit::NotReproducible
        | Exit::Difference
        | Exit::Interrupted
        | Exit::Locked
        | Exit::Outside
        | Exit::Local
        | Exit::Internal
        | Exit::Integrity => false,
    }
}

/// Keeps what the next run needs to tell that nothing has changed; nothing, if that cannot be told.
fn keep_journal(
    session: &Session<'_>,
    outcomes: &[Outcome],
    (exit, report, json): (Exit, Drawn, Option<String>),
    place: Option<&JournalPlace>,
) {
    let (Some(place), Some(things)) = (place, session.loaded.seen.settled()) else { return };
    let output = |it: &Outcome| {
        let folder = it.folder.as_ref().filter(|_| it.written)?;
        JournalOutput::new(&it.tree, folder, &it.shown, it.footprint.as_ref()?)
    };
    let outputs: Option<Vec<JournalOutput>> = outcomes.iter().map(output).collect();
    if let Some(outputs) = outputs {
        let remarks = session.loaded.remarks.clone();
        place.write(&Journal { things: things.to_vec(), remarks, exit, report, json, outputs });
    }
}

impl Outcome {
    /// Returns what is noted of the output, and where it lies; `None` if that is no folder, or was not written.
    pub(crate) fn footing(&self) -> Option<(PlaceNotes, Utf8PathBuf)> {
        let (notes, _) = self.footprint.as_ref().filter(|_| self.written)?;
        Some((notes.clone(), camino::absolute_utf8(self.folder.as_ref()?).ok()?))
    }

    /// Returns the counts of a run that finds everything as this one left it.
    fn counts_again(&self) -> Counts {
        Counts { unchanged: self.tree.files, ..Counts::default() }
    }

    fn to_json(&self, files: Counts) -> JsonBuilt<'_> {
        JsonBuilt {
            environment: &self.tree.environment,
            output: self.written.then_some(self.shown.as_str()),
            commit: self.commit.as_deref(),
            root: self.tree.root.to_string(),
            git_tree: &self.tree.git_tree,
            dirty: self.tree.dirty,
            files,
            compared_with: self.differences.as_ref().map(|_| self.shown.as_str()),
            differences: self.differences.as_deref(),
            assignments: &self.tree.assignments,
        }
    }

    /// Says whether `--check` found a difference.
    fn differs(&self) -> bool {
        self.differences.as_ref().is_some_and(|it| !it.is_empty())
    }

    /// Returns what is said of the place behind the environment's name.
    fn place(&self) -> String {
        match &self.differences {
            Some(all) if all.is_empty() => format!(" is as {} has it", self.shown),
            Some(_) => format!(" differs from {}", self.shown),
            None if self.written => format!(" -> {}", self.shown),
            None => " not written".to_owned(),
        }
    }

    /// Returns what people read: what was assigned, and where it was written.
    fn to_text(&self) -> String {
        let Counts { added, changed, unchanged, deleted, foreign, edited } = self.counts;
        // What is in the way is said only where it stays.
        let is_check = usize::from(self.differences.is_some());
        let is_written = usize::from(self.written);
        let files = [
            (added, "added"),
            (changed, "changed"),
            ((edited + foreign) * is_written, "overwritten"),
            (deleted, "deleted"),
            (edited * is_check, "edited"),
            (foreign * is_check, "not written by wob"),
            (unchanged, "unchanged"),
        ];
        let files: Vec<String> = files
            .into_iter()
            .filter(|it| it.0 > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
        let TreeSummary { environment, root, dirty, on, .. } = &self.tree;
        let on = on.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        let tree = TreeText { environment, root: &root.to_string(), dirty: *dirty, on };
        let tree = tree.to_text(&self.place(), &failed_text(&self.tree.failed), &files);
        let commit = self.commit.as_ref().map(|it| format!("  commit: {it}\n"));
        let differences = difference::to_text(self.differences.as_deref().unwrap_or_default());
        tree + &commit.unwrap_or_default() + &differences
    }
}
