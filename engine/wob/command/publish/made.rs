//! What there is to publish: found out by a build of everything, or by one of what has changed since the tree that is replaced.

use std::cell::Cell;

use camino::Utf8Path;
use rayon::ThreadPool;
use wob_engine::Digest;
use wob_host::{Destination as Place, GitId, Interrupt, OutputError, Overwrite, Plan, Standing};
use wob_rules::{Built, Head, Record, SourceRecord};

use super::notes::{TreeMark, TreeNotes};
use crate::{
    command::build::{Amended, Candidate, note_published, planned, together},
    ledger::Together,
    report::Report,
    selection::Selected,
    session::{BuiltTarget, Session, Target},
    timings,
};

/// How a tree is found out.
#[derive(Clone, Copy)]
pub(super) enum By<'b> {
    /// From notes of the tree that is replaced, and what has changed since they were taken.
    Changes(&'b Changes),
    /// By what was built of everything, of which this is said.
    Everything(&'b BuiltTarget, &'b Report),
}

/// What is needed to build what has changed.
pub(super) struct Changes {
    pub(super) pool: ThreadPool,
    /// Whether the user has heard what was read.
    pub(super) has_told: Cell<bool>,
}

/// What there is to publish.
pub(super) enum Made<'m> {
    Whole {
        target: &'m BuiltTarget,
        report: &'m Report,
        record: Record,
        plan: Box<Plan>,
    },
    Amended {
        amended: Box<Amended<'m>>,
        /// It says nothing.
        together: Together,
        target: BuiltTarget,
        pool: &'m ThreadPool,
    },
}

/// Where a tree goes, and what is noted of it.
pub(super) struct BranchState<'g> {
    pub(super) session: &'g Session<'g>,
    /// The folder of the copy in the cache.
    pub(super) folder: &'g Utf8Path,
    /// The branch, as it is now.
    pub(super) place: &'g Place,
    /// The text of the record of the tree that it has; none if it has none.
    pub(super) head: Option<&'g str>,
    /// What tells that tree from any other.
    pub(super) mark: Option<TreeMark>,
    /// None if there is no cache.
    pub(super) notes: Option<&'g TreeNotes>,
}

impl<'m> Made<'m> {
    /// Compares what was built of everything with what is there.
    pub(super) fn whole(
        state: &BranchState<'_>,
        target: &'m BuiltTarget,
        report: &'m Report,
    ) -> Result<Self, OutputError> {
        let _span = timings::span_of("plan", &target.built.environment);
        let (record, plan) = planned(state.session, target, state.place, &Standing::Unknown)?;
        Ok(Self::Whole { target, report, record, plan: Box::new(plan) })
    }

    /// Builds what has changed since the tree was made that is there; `None` if it is not known what that was made from, if more than
    /// values have changed, or if there is anything to say.
    pub(super) fn amended(
        state: &BranchState<'_>,
        target: &'m Target,
        pool: &'m ThreadPool,
    ) -> Result<Option<Self>, OutputError> {
        let BranchState { session, place, mark, notes, .. } = state;
        let _span = timings::span_of("amend", target.name.as_str());
        let known = notes.zip(mark.as_ref()).and_then(|(notes, mark)| notes.of(mark));
        let (Some(notes), Some(input)) = (known, target.input) else { return Ok(None) };
        let open = || Ok((*place).clone());
        let Some(candidate) = Candidate::find(session, target, notes.clone(), open)? else {
            return Ok(None);
        };
        // What is said of several environments together is known once all are built, and then some would be published already.
        let together = match &*session.targets {
            [_] => together(session, [&candidate].into_iter()),
            _ => None,
        };
        let together = together.filter(|it| it.diagnostics().is_empty());
        let amended = candidate.build(session, pool, &Standing::Unknown)?;
        let amended = amended.filter(|it| it.said.diagnostics().next().is_none());
        Ok(amended.zip(together).map(|(amended, together)| {
            let built = Built::of_some(&session.loaded.db, input, amended.built.clone());
            let target = BuiltTarget { input, selected: Selected::Whole, built, early: None };
            Self::Amended { amended: Box::new(amended), together, target, pool }
        }))
    }

    /// Returns what was built: of everything, or of what has changed.
    pub(super) fn target(&self) -> &BuiltTarget {
        match self {
            Self::Whole { target, .. } => target,
            Self::Amended { target, .. } => target,
        }
    }

    /// Says whether nothing is to be said of the sources.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self, Self::Amended { .. })
    }

    /// Returns what changes.
    pub(super) fn plan(&self) -> &Plan {
        match self {
            Self::Whole { plan, .. } => plan,
            Self::Amended { amended, .. } => &amended.plan,
        }
    }

    /// Returns the BLAKE3 Merkle root of the tree.
    pub(super) fn root(&self) -> &Digest {
        match self {
            Self::Whole { record, .. } => &record.root,
            Self::Amended { amended, .. } => &amended.head.root,
        }
    }

    /// Lists what the tree is made from.
    pub(super) fn sources(&self) -> &[SourceRecord] {
        match self {
            Self::Whole { record, .. } => &record.sources,
            Self::Amended { amended, .. } => &amended.head.sources,
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
        let Some(notes) = notes.map(|it| it.beside(mark.as_ref())) else {
            return self.commit(state, message);
        };
        let commit = match self {
            Self::Whole { target, report, plan, .. } => {
                let commit = self.commit(state, message)?;
                note_published(session, target, report, plan.head(), notes);
                commit
            }
            Self::Amended { amended, together, pool, .. } => {
                let interrupt = &session.interrupt;
                let write = |plan| commit(plan, message, interrupt);
                amended.write(session, pool, (notes, together), write)?.0
            }
        };
        TreeMark::of(state.folder, commit, self.plan().head())?.write(notes);
        Ok(commit)
    }

    /// Notes that the tree which is there is that of the sources as they are now, if its record says the same of all assignments.
    pub(super) fn keep(&self, state: &BranchState<'_>) {
        let (Some(notes), Some(mark), Some(head)) = (state.notes, &state.mark, state.head) else {
            return;
        };
        match self {
            Self::Whole { target, report, record, plan }
                if plan.keeps_records() && is_but_for_sources(head, plan, &record.sources) =>
            {
                let notes = notes.of(mark).unwrap_or_else(|| notes.beside(None));
                note_published(state.session, target, report, head, notes);
                mark.write(notes);
            }
            Self::Amended { amended, together, .. } if amended.plan.keeps_records() => {
                if let Some(notes) = notes.of(mark).filter(|_| amended.has_news()) {
                    amended.keep(state.session, together, notes);
                }
            }
            Self::Whole { .. } | Self::Amended { .. } => {}
        }
    }
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
