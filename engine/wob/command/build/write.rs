//! Writes one built environment: what failed or was not selected keeps its last good output.

use std::{borrow::Cow, collections::BTreeSet};

use camino::Utf8PathBuf;
use wob_engine::{Diagnostic, Digest, FilePath, Tree};
use wob_host::{Change, Counts, Destination, GitError, Interrupt, OutputError, Plan, Standing};
use wob_rules::{Record, SourceRecord};

use super::{
    destination::{Mode, Output},
    difference::{Difference, differences},
    ground::Ground,
    place::Place,
};
use crate::{
    args::Common,
    exit::Exit,
    footprint::{Footprint, PlaceNotes},
    last::Explanation,
    recorded::{Recording, TreeSummary, written},
    report::count,
    session::{BuiltTarget, Session},
    timings,
};

/// How many files in the way are named.
const NAMED: usize = 10;

/// How often a branch may move before the build gives up.
const ATTEMPTS: usize = 5;

/// What became of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What the tree holds.
    pub(crate) tree: TreeSummary,
    /// The text of its record.
    pub(super) head: String,
    /// How many files changed.
    pub(crate) counts: Counts,
    /// The folder on disk; none for a branch.
    pub(crate) folder: Option<Utf8PathBuf>,
    /// The place as people see it.
    pub(crate) shown: String,
    /// Whether the tree was written.
    pub(crate) written: bool,
    /// The branch's commit, new or as before.
    pub(crate) commit: Option<String>,
    /// Why each assignment was rendered, or not.
    pub(crate) explanation: Explanation,
    /// What the folder looks like now, if that is noted.
    pub(super) footprint: Option<(PlaceNotes, Footprint)>,
    /// What lies there now, if it was written.
    pub(crate) lies: Lying,
    /// How what is there differs, if that was asked for.
    pub(super) differences: Option<Vec<Difference>>,
}

/// What lies at a place that was written to.
#[derive(Clone, Debug)]
pub(crate) enum Lying {
    /// This tree, in which what failed or was not selected has its last good output.
    Whole(Tree),
    /// What lay there before, but for this.
    Edited(TreeEdit),
}

/// How a tree differs from the one before.
#[derive(Clone, Debug)]
pub(crate) struct TreeEdit {
    /// The files that are new, or hold something else.
    pub(crate) files: Tree,
    /// Those that are not there any more.
    pub(crate) gone: Vec<FilePath>,
}

impl TreeEdit {
    /// Takes what `plan`, which amends a tree, changes.
    pub(super) fn of(plan: &Plan) -> Self {
        let gone = plan.changes.iter().filter(|(_, it)| *it == Change::Deleted);
        let gone = gone.map(|(path, _)| path).collect();
        Self { files: plan.tree().clone(), gone }
    }
}

/// Why an environment was not written.
enum Failure {
    World(OutputError),
    /// It was said already.
    Said(Exit),
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::World(error)
    }
}

/// What shall be done to a place, and what is known of it.
pub(super) struct Planned {
    record: Record<Tree>,
    plan: Plan,
    ground: Ground,
}

impl Output {
    /// Compares what was built with what lies at `place`.
    pub(super) fn plan(
        &self,
        planning: &Planning<'_>,
        place: &Place,
    ) -> Result<Planned, OutputError> {
        let target = planning.recording.target;
        let environment = &target.built.environment;
        let _span = timings::span_of("plan", environment);
        let ground = Ground::of(place, environment, self, &planning.interrupt);
        let destination = place.open()?.with_early(target.early.clone());
        let (record, plan) = planning.compare(&destination, &ground.standing)?;
        Ok(Planned { record, plan, ground })
    }

    /// Writes the tree of `target` to `place` as it was `planned`; says why if that cannot be done.
    pub(super) fn write(
        &self,
        session: &Session<'_>,
        (target, mut planned): (&BuiltTarget, Result<Planned, OutputError>),
        place: &Place,
        common: &Common,
    ) -> Result<Outcome, Exit> {
        for attempt in 1.. {
            let written = planned
                .map_err(Failure::World)
                .and_then(|it| self.try_write(session, (target, it), place, common));
            match written {
                Ok(outcome) => return Ok(outcome),
                Err(Failure::Said(exit)) => return Err(exit),
                // What was built is still right; only what stays of the branch must be looked at again.
                Err(Failure::World(OutputError::Moved { branch })) if attempt < ATTEMPTS => {
                    session.streams.say_more(&format!("`{branch}` moved; trying again on top"));
                    planned = self.plan(&Planning::of(session, target), place);
                }
                Err(Failure::World(error)) => return Err(fail(session, &place.shown(), &error)),
            }
        }
        unreachable!("because the last attempt returns")
    }

    fn try_write(
        &self,
        session: &Session<'_>,
        (target, planned): (&BuiltTarget, Planned),
        place: &Place,
        common: &Common,
    ) -> Result<Outcome, Failure> {
        let shown = place.shown();
        let Planned { record, plan, ground } = planned;
        let counts = plan.counts();
        let text = message(&record.environment, &record.root, &record.sources);
        let outcome = Outcome {
            tree: TreeSummary::of(record),
            head: plan.head().to_owned(),
            counts,
            folder: place.folder(),
            shown,
            written: false,
            commit: None,
            explanation: Explanation::default(),
            footprint: None,
            lies: Lying::Whole(plan.tree().clone()),
            differences: None,
        };
        if self.mode == Mode::Check {
            return Ok(Outcome { differences: Some(differences(&plan)?), ..outcome });
        }
        let shown = &outcome.shown;
        tell_others(session, &plan, shown);
        let has_errors = target.built.diagnostics.iter().any(Diagnostic::is_error);
        if common.strict && has_errors {
            session
                .streams
                .say(&format!("nothing is written to `{shown}`: --strict, and there are errors"));
            return Ok(outcome);
        }
        let conflicts = counts.foreign + counts.edited;
        if conflicts > 0 && !self.force {
            tell_conflicts(session, &plan, shown);
            return Err(Failure::Said(Exit::Local));
        }
        let plan = plan.with_message(&text);
        let _span = timings::span_of("write", target.built.environment.as_str());
        let (written, footprint) = ground.write(plan, self.overwrite(), &session.interrupt)?;
        let commit = written.commit.map(|it| it.to_string());
        Ok(Outcome { counts: written.counts, written: true, commit, footprint, ..outcome })
    }
}

/// What is needed to compare what was built with what lies somewhere: unlike a session, it can be lent to another thread.
pub(crate) struct Planning<'t> {
    recording: Recording<'t>,
    interrupt: Interrupt,
}

impl<'t> Planning<'t> {
    /// Takes what is needed of `session`, in which `target` was built.
    pub(crate) fn of(session: &Session<'_>, target: &'t BuiltTarget) -> Self {
        let recording = Recording::of(session, target);
        Self { recording, interrupt: session.interrupt.clone() }
    }

    /// Compares what was built with what lies at `destination`; returns what would be recorded there, too.
    pub(crate) fn compare(
        &self,
        destination: &Destination,
        standing: &Standing,
    ) -> Result<(Record<Tree>, Plan), OutputError> {
        let tree = kept(self.recording.target, destination)?;
        let record = self.recording.record(&tree);
        let early = self.recording.target.early.as_deref();
        let texts = record.texts_given(&|text| match early {
            Some(early) => early.take_file(text),
            // They are written last, if they differ at all, and made again for it: of many assignments they take as much as the rest of a plan.
            None => drop(text.take_made()),
        });
        let texts = written(texts);
        let plan = destination.plan(&tree, &texts, standing, &self.interrupt)?;
        Ok((record, plan))
    }
}

/// Says why nothing was written to the place that people call `shown`, and returns how to end.
pub(crate) fn fail(session: &Session<'_>, shown: &str, error: &OutputError) -> Exit {
    let (help, exit) = match error {
        OutputError::Interrupted(_) => return session.interrupted(),
        OutputError::Locked { holder, .. } => {
            session.streams.fail(&format!(
                "{holder} is writing to `{shown}`\n  help: wait for it by leaving out --no-wait"
            ));
            return Exit::Locked;
        }
        OutputError::CheckedOut { folder, .. } => (
            format!(
                "\n  help: build into the checkout with `-o {folder}`, check out another branch, or move this one with \
                 --force; then the checkout shows the difference as edits"
            ),
            Exit::Local,
        ),
        OutputError::Git(GitError::NoRepository { folder }) => {
            (format!("\n  help: make one with `git init --bare {folder}`"), Exit::Local)
        }
        OutputError::Git(GitError::Failed { reason, .. }) if reason.contains(".lock") => {
            ("\n  help: if no git is at work there, delete the lock".to_owned(), Exit::Local)
        }
        OutputError::Conflicts { .. }
        | OutputError::Moved { .. }
        | OutputError::Git(_)
        | OutputError::Link { .. }
        | OutputError::FolderInTheWay { .. }
        | OutputError::Path { .. }
        | OutputError::Busy { .. }
        | OutputError::Failed { .. }
        | OutputError::HalfWritten { .. } => (String::new(), Exit::Local),
    };
    session.streams.fail(&format!("{error}{help}"));
    exit
}

/// Returns the tree to write: what was built and selected, and of the rest what was written before.
fn kept<'t>(
    target: &'t BuiltTarget,
    destination: &Destination,
) -> Result<Cow<'t, Tree>, OutputError> {
    let built = &target.built;
    if target.is_whole() {
        return Ok(Cow::Borrowed(&built.tree));
    }
    let previous = &destination.previous()?;
    let left_out: BTreeSet<(&str, &str)> = built
        .assignments
        .iter()
        .enumerate()
        .filter(|(index, _)| !target.selected.has(*index))
        .map(|(_, it)| (it.assignment.cluster_type.as_str(), it.assignment.target.as_str()))
        .collect();
    let is_left_out =
        |path: &FilePath| built.assignment_of(path).is_some_and(|it| left_out.contains(&it));
    let mut tree = Tree::default();
    for (path, blob) in built.tree.files().filter(|(path, _)| !is_left_out(path)) {
        tree.insert(&path, blob.clone());
    }
    let owned = previous.manifest.paths().into_iter();
    let stay = owned.filter(|it| is_left_out(it) || built.keeps(it));
    destination.read_owned(stay.cloned(), previous, &mut |path, blob| {
        tree.insert(&path, blob);
    })?;
    previous.check()?;
    Ok(Cow::Owned(tree))
}

/// Returns what the commit says: what was built, and from what.
pub(super) fn message(environment: &str, root: &Digest, sources: &[SourceRecord]) -> String {
    format!("Build {environment}\n\n{}", provenance(root, sources))
}

/// Returns the lines of a commit's message that say what it holds and from what that was made.
pub(crate) fn provenance(root: &Digest, sources: &[SourceRecord]) -> String {
    /// How many sources are named; all are in the record.
    const SOURCES: usize = 50;
    let mut lines = vec![format!("Root: {root}")];
    for source in sources.iter().take(SOURCES) {
        let commit = source.commit.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
        let dirty = if source.dirty { " (dirty)" } else { "" };
        lines
            .push(format!("Source: {} {}{commit} {}{dirty}", source.role, source.name, source.url));
    }
    if sources.len() > SOURCES {
        lines.push(format!("Sources: {} more", sources.len() - SOURCES));
    }
    let plain =
        |it: String| it.chars().filter(|it| !it.is_control()).chain(['\n']).collect::<String>();
    lines.into_iter().map(plain).collect()
}

/// Names files of others that lie in the place, if the user wants to hear more.
pub(super) fn tell_others(session: &Session<'_>, plan: &Plan, shown: &str) {
    if plan.others.count > 0 {
        let files = count(plan.others.count, "file", "files");
        let examples = plan.others.examples.join(", ");
        session
            .streams
            .say_more(&format!("`{shown}` also holds {files} that wob did not write: {examples}"));
    }
}

fn tell_conflicts(session: &Session<'_>, plan: &Plan, shown: &str) {
    let conflicts = plan.changes.iter().filter(|(_, change)| change.is_conflict());
    let mut lines: Vec<String> = conflicts
        .map(|(path, change)| match change {
            Change::Edited => format!("    {path} (edited since wob wrote it)"),
            Change::Foreign | Change::Added | Change::Changed | Change::Deleted => {
                format!("    {path} (not written by wob)")
            }
        })
        .collect();
    let all = lines.len();
    if all > NAMED {
        lines.truncate(NAMED);
        lines.push(format!("    and {} more", all - NAMED));
    }
    session.streams.fail(&format!(
        "nothing was written to `{shown}`: {} would be lost\n{}\n  \
         help: move them away, or overwrite them with --force",
        count(all, "file", "files"),
        lines.join("\n")
    ));
}
