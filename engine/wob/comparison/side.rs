//! One side of a comparison: a workspace in a state, built, with what explanations need of it later.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::Diagnostic;
use wob_host::Interrupt;
use wob_rules::{Inputs, Name, environment_model, why::Deciding};

use super::aliases::Aliases;
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::{Item, Report},
    selection::SelectionError,
    session::{BuiltTarget, Remarks, Session},
    stream::Streams,
    workspace::{Loaded, Start, State},
};

/// What both sides share.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    /// The options.
    pub(crate) common: &'c Common,
    /// What is compared.
    pub(crate) patterns: &'c Patterns,
    /// Where to write.
    pub(crate) streams: &'c Streams,
    /// Ends work early.
    pub(crate) interrupt: &'c Interrupt,
}

/// What was built of one side.
#[derive(Default)]
pub(crate) struct Side {
    /// The environments, by name.
    pub(crate) environments: BTreeMap<Name, SideEnvironment>,
    /// Those that are selected, and could not be read.
    pub(crate) unread: Vec<Name>,
    known: Known,
}

/// What is known of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    /// Everything.
    #[default]
    All,
    /// What was read: there may be environments that could not be read at all.
    Some,
    /// Files, but not what decided about them.
    Files,
}

/// What was built of a side, and what is wrong with it.
pub(crate) struct Built {
    /// The side.
    pub(crate) side: Side,
    /// What is wrong.
    pub(crate) report: Report,
    /// How wob ends for that.
    pub(crate) exit: Exit,
    /// What the user should hear of it, even of an old side.
    notices: Vec<String>,
}

impl Built {
    /// Returns what the user should hear of this, the old side, beside the `new` one: how it was built, and, if anything is
    /// `uncompared`, why it cannot be, as far as the report of the new one does not say it.
    pub(crate) fn told_beside(&self, new: &Self, uncompared: &[String]) -> Vec<String> {
        /// How many reasons are told.
        const TOLD: usize = 3;
        let notices = self.notices.iter().filter(|it| !new.notices.contains(it)).cloned();
        let mut told: Vec<String> = notices.collect();
        if uncompared.is_empty() {
            return told;
        }
        let is_own = |it: &&Item| it.diagnostic.is_error() && !new.report.items.contains(*it);
        let own: Vec<&Item> = self.report.items.iter().filter(is_own).collect();
        told.extend(own.iter().take(TOLD).map(|it| format!("on the old side, {}", it.in_words())));
        let left = own.len().saturating_sub(TOLD);
        told.extend((left > 0).then(|| format!("on the old side, {left} more errors")));
        told
    }
}

/// One environment of a side.
pub(crate) struct SideEnvironment {
    /// What was built, and what of it is selected.
    pub(crate) target: BuiltTarget,
    /// What each assignment was made from, by cluster type and target; those that failed may have none.
    pub(crate) inputs: BTreeMap<(Name, Name), Arc<Inputs>>,
    /// What decides about assignments.
    pub(crate) deciding: Deciding,
    /// What its targets are called where it is compared with another environment.
    pub(super) aliases: Aliases,
}

impl Side {
    /// Says whether the environment, which the other side has, may be there although nothing of it was read.
    pub(crate) fn may_have(&self, name: &Name) -> bool {
        self.unread.contains(name)
            || (self.known == Known::Some && !self.environments.contains_key(name))
    }

    /// Says whether there are only files.
    pub(super) fn is_of_files(&self) -> bool {
        self.known == Known::Files
    }

    /// Says whether there may be more than what was read.
    pub(crate) fn may_have_more(&self) -> bool {
        self.known == Known::Some && self.environments.is_empty()
    }

    /// Returns a side of which there are only files.
    pub(super) fn of_files() -> Self {
        Self { known: Known::Files, ..Self::default() }
    }
}

/// A workspace in a state, and why its patterns select nothing, if so.
pub(crate) struct Opened<'s> {
    /// The session.
    pub(crate) session: Session<'s>,
    /// What the other side may know better.
    pub(crate) problem: Option<SelectionError>,
}

impl<'c> Context<'c> {
    /// Reads the workspace in `state`, on from what was read `before`. What a pattern names may be on the other side only.
    pub(crate) fn open(
        &self,
        state: State,
        before: Option<Loaded>,
        remarks: Remarks,
    ) -> Result<Opened<'c>, Exit> {
        let Self { common, patterns, streams, interrupt } = *self;
        let (told, start) = ((streams, remarks), Start { state, before, ..Start::default() });
        let (session, problem) = Session::open(common, patterns, told, start, interrupt.clone())?;
        Ok(Opened { session, problem })
    }

    /// Reads the workspace in `state`; says why if its patterns select nothing.
    pub(crate) fn open_only(&self, state: State, remarks: Remarks) -> Result<Session<'c>, Exit> {
        let Opened { session, problem } = self.open(state, None, remarks)?;
        match problem {
            None => Ok(session),
            Some(problem) => {
                self.streams.fail(&problem.to_string());
                Err(Exit::Usage)
            }
        }
    }

    /// Builds the workspace in two states, in one database; returns the old side, and the session of the new one with it.
    pub(crate) fn build_both(
        &self,
        before: State,
        after: State,
    ) -> Result<(Built, Session<'c>, Built), Exit> {
        let opened = self.open(before, None, Remarks::Kept)?;
        let is_unknown = opened.problem.is_some();
        let old = self.build(&opened.session)?;
        let opened = self.open(after, Some(opened.session.loaded), Remarks::Told)?;
        if let Some(problem) = opened.problem.filter(|_| is_unknown) {
            self.streams.fail(&problem.to_string());
            return Err(Exit::Usage);
        }
        let built = self.build(&opened.session)?;
        Ok((old, opened.session, built))
    }

    /// Builds what is selected.
    pub(crate) fn build(&self, session: &Session<'_>) -> Result<Built, Exit> {
        let built = session.build(self.common)?;
        let report = session.diagnose(&built);
        let exit = session.verdict(&report, self.common);
        let is_doubtful = session.workspace.is_misread()
            || session.loaded.diagnostics.iter().any(Diagnostic::is_error);
        let known = if is_doubtful { Known::Some } else { Known::All };
        let mut side = Side { known, ..Side::default() };
        for target in built {
            let (name, environment) = SideEnvironment::of(session, target);
            side.environments.insert(name, environment);
        }
        let unread = session.targets.iter().filter(|it| it.input.is_none());
        side.unread = unread.map(|it| it.name.clone()).collect();
        let notices = session.loaded.notices.clone();
        Ok(Built { side, report, exit, notices })
    }
}

impl SideEnvironment {
    /// Says what `target` was made from.
    pub(super) fn of(session: &Session<'_>, target: BuiltTarget) -> (Name, Self) {
        let db = &session.loaded.db;
        let name = Name::new(&target.built.environment);
        let name = name.expect("because environments are named by names");
        let mut inputs = BTreeMap::new();
        for it in &target.built.assignments {
            if let Some(made_from) = &it.made_from {
                let key = (it.assignment.cluster_type.clone(), it.assignment.target.clone());
                inputs.insert(key, made_from.clone());
            }
        }
        let deciding = Deciding::of(environment_model(db, target.input));
        (name, Self { target, inputs, deciding, aliases: Aliases::default() })
    }
}
