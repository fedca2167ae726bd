//! What there is to publish: found out by a build of everything, or by one of what has changed since the tree that is replaced.

use camino::Utf8PathBuf;
use rayon::ThreadPool;
use serde_json::Value;
use wob_engine::{Diagnostic, Digest, Severity, Tree};
use wob_host::{Destination as Place, GitId, Interrupt, OutputError, Overwrite, Plan, Standing};
use wob_rules::{
    Built, EnvironmentInput, Head, Record, Said, SourceRecord,
    lint::{self, Coverage},
    problems,
};

use super::{
    notes::{TreeMark, TreeNotes},
    push::Seen,
};
use crate::{
    command::build::{Amended, Candidate, Found, Planning},
    ledger::Together,
    selection::Selected,
    session::{BuiltTarget, Session, Target},
    timings,
};

/// An environment of which everything was built.
pub(super) struct Whole<'w> {
    pub(super) target: &'w BuiltTarget,
    /// What the next publication can go on from.
    pub(super) found: &'w Found,
    /// What is legal but surely wrong, as far as it alone tells.
    pub(super) alone: Vec<Diagnostic>,
}

/// What there is to publish.
pub(super) enum Made<'m> {
    Whole { whole: &'m Whole<'m>, record: Box<Record<Tree>>, plan: Box<Plan> },
    Amended(Box<MadeOfChanges<'m>>),
}

/// What there is to publish, of which only what has changed was built.
pub(super) struct MadeOfChanges<'m> {
    amended: Amended<'m>,
    /// What changes.
    plan: Plan,
    /// What is said of all environments together.
    together: Together,
    /// What is legal but surely wrong, as far as this one alone tells.
    alone: Together,
    target: BuiltTarget,
    pool: &'m ThreadPool,
}

/// Where a tree goes, and what is noted of it.
pub(super) struct BranchState<'g> {
    pub(super) session: &'g Session<'g>,
    /// The folder of the copy in the cache.
    pub(super) folder: Utf8PathBuf,
    /// What the repository holds.
    pub(super) seen: Seen,
    /// The branch, as it is now.
    pub(super) place: Place,
    /// The text of the record of the tree that it has; none if it has none.
    pub(super) head: Option<String>,
    /// What tells that tree from any other.
    pub(super) mark: Option<TreeMark>,
    /// None if there is no cache.
    pub(super) notes: Option<TreeNotes>,
}

impl BranchState<'_> {
    /// Returns the record of the tree that is there.
    pub(super) fn before(&self) -> Option<Value> {
        self.head.as_deref().and_then(|it| serde_json::from_str(it).ok())
    }

    /// Looks at what has changed of `target` since the tree was made that is there; `None` if it is not known what that was made
    /// from, or if more than values have changed.
    pub(super) fn candidate<'c>(
        &self,
        target: &'c Target,
    ) -> Result<Option<Candidate<'c>>, OutputError> {
        let known = self.notes.as_ref().zip(self.mark.as_ref());
        let Some(notes) = known.and_then(|(notes, mark)| notes.of(mark)) else { return Ok(None) };
        Candidate::find(self.session, target, notes.clone(), || Ok(self.place.clone()))
    }
}

impl<'m> MadeOfChanges<'m> {
    /// Builds what has changed; `None` if anything is wrong, or cannot be told from what has changed. `together` is what is said of
    /// all environments together.
    pub(super) fn build(
        state: &BranchState<'_>,
        candidate: Candidate<'m>,
        together: Together,
        pool: &'m ThreadPool,
    ) -> Result<Option<Self>, OutputError> {
        let BranchState { session, mark, notes, .. } = state;
        let (input, shape) = (candidate.input(), candidate.shape());
        let known = notes.as_ref().zip(mark.as_ref());
        let alone = known.and_then(|(notes, mark)| notes.alone(mark, &shape));
        // Where only a part was read, nobody can find it anew.
        let is_read = session.narrowed.is_none();
        let alone =
            alone.or_else(|| is_read.then(|| Together::new(shape, alone_of(session, input))));
        let amended = candidate.build(session, pool, &Standing::Unknown)?;
        let amended = amended.filter(|(it, _)| it.is_right());
        Ok(amended.zip(alone).map(|((amended, plan), alone)| {
            let built = Built::of_some(&session.loaded.db, input, amended.built.clone());
            let target = BuiltTarget { input, selected: Selected::Whole, built, early: None };
            Self { amended, plan, together, alone, target, pool }
        }))
    }

    /// Returns what is said of the environment.
    pub(super) fn said(&self) -> Said {
        self.amended.said.all()
    }
}

impl<'m> Made<'m> {
    /// Compares what was built of everything with what is there.
    pub(super) fn whole(
        state: &BranchState<'_>,
        whole: &'m Whole<'m>,
    ) -> Result<Self, OutputError> {
        let target = whole.target;
        let _span = timings::span_of("plan", &target.built.environment);
        let place = state.place.clone().with_early(target.early.clone());
        let (record, plan) =
            Planning::of(state.session, target).compare(&place, &Standing::Unknown)?;
        Ok(Self::Whole { whole, record: Box::new(record), plan: Box::new(plan) })
    }

    /// Returns what was built: of everything, or of what has changed.
    pub(super) fn target(&self) -> &BuiltTarget {
        match self {
            Self::Whole { whole, .. } => whole.target,
            Self::Amended(it) => &it.target,
        }
    }

    /// Says whether only what has changed was built.
    pub(super) fn is_of_changes(&self) -> bool {
        matches!(self, Self::Amended(_))
    }

    /// Returns what is wrong with the environment, and what is legal but surely wrong, as far as it alone tells.
    pub(super) fn remarks(&self, session: &Session<'_>) -> Vec<Diagnostic> {
        let silenced = &session.workspace.settings.silenced;
        let mut all = match self {
            Self::Whole { whole, .. } => {
                let mut all = problems([&whole.target.built]);
                all.extend(whole.alone.iter().cloned());
                all
            }
            Self::Amended(it) => {
                let mut all = it.said().into_problems();
                all.extend(it.alone.diagnostics());
                all
            }
        };
        all.retain(|it| it.severity != Severity::Advice && !silenced.contains(it.code));
        all
    }

    /// Returns what changes.
    pub(super) fn plan(&self) -> &Plan {
        match self {
            Self::Whole { plan, .. } => plan,
            Self::Amended(it) => &it.plan,
        }
    }

    /// Returns the BLAKE3 Merkle root of the tree.
    pub(super) fn root(&self) -> &Digest {
        match self {
            Self::Whole { record, .. } => &record.root,
            Self::Amended(it) => &it.amended.head.root,
        }
    }

    /// Lists what the tree is made from.
    pub(super) fn sources(&self) -> &[SourceRecord] {
        match self {
            Self::Whole { record, .. } => &record.sources,
            Self::Amended(it) => &it.amended.head.sources,
        }
    }

    /// Commits the tree with `message`.
    pub(super) fn commit(
        &self,
        state: &BranchState<'_>,
        message: &str,
    ) -> Result<GitId, OutputError> {
        let _span = timings::span_of("write", &self.target().built.environment);
        commit(self.plan().clone(), message, &state.session.interrupt)
    }

    /// Does the same, and notes what the next publication needs.
    pub(super) fn commit_and_note(
        &self,
        state: &BranchState<'_>,
        message: &str,
    ) -> Result<GitId, OutputError> {
        let BranchState { session, mark, notes, .. } = state;
        let Some(notes) = notes.as_ref().map(|it| it.beside(mark.as_ref())) else {
            return self.commit(state, message);
        };
        let commit = match self {
            Self::Whole { whole, plan, .. } => {
                let commit = self.commit(state, message)?;
                whole.found.note_published(session, whole.target, plan.head(), notes);
                commit
            }
            Self::Amended(it) => {
                let interrupt = &session.interrupt;
                let write = || commit(it.plan.clone(), message, interrupt);
                let before = it.amended.last().clone();
                it.amended.write(session, it.pool, (notes, &it.together, before), write)?.0
            }
        };
        let mark = TreeMark::of(&state.folder, commit, self.plan().head())?;
        mark.write(self.alone(), notes);
        Ok(commit)
    }

    /// Notes that the tree which is there is that of the sources as they are now, if its record says the same of all assignments.
    pub(super) fn keep(&self, state: &BranchState<'_>) {
        let BranchState { session, mark: Some(mark), notes: Some(notes), head: Some(head), .. } =
            state
        else {
            return;
        };
        match self {
            Self::Whole { whole, record, plan }
                if plan.keeps_records() && is_but_for_sources(head, plan, &record.sources) =>
            {
                let notes = notes.of(mark).unwrap_or_else(|| notes.beside(None));
                whole.found.note_published(session, whole.target, head, notes);
                mark.write(self.alone(), notes);
            }
            Self::Amended(it) if it.plan.keeps_records() => {
                if let Some(notes) = notes.of(mark).filter(|_| it.amended.has_news()) {
                    it.amended.keep(session, &it.together, notes);
                    mark.write(self.alone(), notes);
                }
            }
            Self::Whole { .. } | Self::Amended(_) => {}
        }
    }

    /// Returns what is legal but surely wrong, as far as this environment alone tells, if that may be noted.
    fn alone(&self) -> Option<Together> {
        match self {
            Self::Whole { whole, .. } => {
                let shape = whole.found.shape(&whole.target.built.environment);
                shape.map(|it| Together::new(it, whole.alone.clone()))
            }
            Self::Amended(it) => Some(it.alone.clone()),
        }
    }
}

/// Returns what is legal but surely wrong with an environment, as far as it alone tells.
pub(super) fn alone_of(session: &Session<'_>, input: EnvironmentInput) -> Vec<Diagnostic> {
    lint::warnings(&session.loaded.db, &[input], Coverage::Some)
}

fn commit(plan: Plan, message: &str, interrupt: &Interrupt) -> Result<GitId, OutputError> {
    let written = plan.with_message(message).apply(Overwrite::Conflicts, interrupt)?;
    Ok(written.commit.expect("because a branch has a commit once a plan was applied to it"))
}

/// Says whether the record `head` says what that of `plan` does, but for the `sources`.
fn is_but_for_sources(head: &str, plan: &Plan, sources: &[SourceRecord]) -> bool {
    let Some(mut head) = Head::parse(head) else { return false };
    head.set_sources(sources.to_vec());
    head.to_json() == plan.head()
}
