//! Builds again what a record tells of, from the sources that it names.
//!
//! **Invariant:** sources are told by commit and tree, not by where they are read. What was read is compared with what is
//! recorded before anything that was built from it counts.

use std::sync::Arc;

use wob_engine::Source;
use wob_host::{GitError, GitId, Interrupt, RepositoryId};
use wob_rules::{
    EnvironmentInput, Memory, Name, Record, SchedulerRecord, SourceRecord, SourceRole,
};

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    recorded,
    selection::{Selection, SelectionError},
    session::{BuiltTarget, Session, Target},
    stream::Streams,
    workspace::{self, Loaded, Start, State, Workspace, WorkspaceError},
};

/// What building again takes beside the record.
pub(crate) struct Rebuild<'r> {
    /// The options.
    pub(crate) common: &'r Common,
    /// What is built; without any, all of the tree.
    pub(crate) patterns: &'r Patterns,
    /// Where to write.
    pub(crate) streams: &'r Streams,
    /// Ends work early.
    pub(crate) interrupt: &'r Interrupt,
}

/// A tree that was built again.
pub(crate) struct Rebuilt<'r> {
    /// What it was built in.
    pub(crate) session: Session<'r>,
    /// What was built.
    pub(crate) target: BuiltTarget,
    /// Whether the record says which settings held then, or there are none.
    pub(crate) knows_settings: bool,
}

/// Why a tree cannot be built again.
pub(crate) enum Stop {
    /// A source cannot be had, or is not known.
    Missing {
        /// Which, and why.
        reason: String,
        /// Whether a service that wob does not run failed.
        outside: bool,
    },
    /// Nothing can be built; it was said why.
    Exit(Exit),
}

impl Stop {
    fn missing(reason: impl Into<String>) -> Self {
        Self::Missing { reason: reason.into(), outside: false }
    }
}

impl<'r> Rebuild<'r> {
    /// Builds what `record` tells of. What is the same as in `before` is not made again.
    pub(crate) fn run(
        &self,
        record: &Record,
        before: &mut Option<Loaded>,
    ) -> Result<Rebuilt<'r>, Stop> {
        check_sources(&record.sources).map_err(Stop::missing)?;
        let own = own_commit(&record.sources);
        let probe = self.find(State { own, ..State::default() })?;
        let mut last = None;
        for state in states(record, own, &probe)? {
            match self.run_in(record, state, before) {
                Err(Stop::Missing { reason, outside }) => {
                    last = Some(Stop::Missing { reason, outside });
                }
                other => return other,
            }
        }
        Err(last.expect("because there is at least one state"))
    }

    fn run_in(
        &self,
        record: &Record,
        state: State,
        before: &mut Option<Loaded>,
    ) -> Result<Rebuilt<'r>, Stop> {
        let common = Common { profile: Some(record.profile), ..self.common.clone() };
        let needed = |it: &Name| it.as_str() == record.environment;
        let start = Start { state, before: before.take(), ..Start::default() };
        let opened = workspace::open(&common, &needed, start, self.interrupt);
        let (workspace, loaded) = opened.map_err(|it| self.stop(&it))?;
        let mut session = Session {
            narrowed: None,
            workspace,
            loaded,
            stored: Arc::default(),
            targets: vec![],
            selection: self.selection(record)?,
            interrupt: self.interrupt.clone(),
            streams: self.streams,
            memory: Memory::Kept,
        };
        let built = self.build(record, &mut session, &common);
        match built {
            Ok(target) => {
                let has_settings = session.workspace.settings_record().is_some();
                let knows_settings = settings_of(&record.sources).is_some() || !has_settings;
                Ok(Rebuilt { session, target, knows_settings })
            }
            Err(stop) => {
                *before = Some(session.loaded);
                Err(stop)
            }
        }
    }

    fn build(
        &self,
        record: &Record,
        session: &mut Session<'r>,
        common: &Common,
    ) -> Result<BuiltTarget, Stop> {
        let environment = &record.environment;
        let environments = &session.loaded.environments;
        let Some(index) = environments.iter().position(|it| it.name.as_str() == environment) else {
            return Err(Stop::missing(format!(
                "no environment is called `{environment}` where its sources were looked for"
            )));
        };
        let Some(input) = environments[index].input else {
            return Err(unavailable(session));
        };
        let selected = session.selection.resolve(&session.loaded.db, environments);
        let selected = selected.map_err(|it| self.wrong_selection(&it))?.swap_remove(index);
        let Some(selected) = selected else {
            return Err(self.wrong_selection(&SelectionError::Nothing));
        };
        let name = environments[index].name.clone();
        check_read(record, session, input)?;
        session.targets = vec![Target { name, input: Some(input), selected }];
        let mut built = session.build(common).map_err(Stop::Exit)?;
        let built = built.pop().expect("because one target is selected, and it has sources");
        check_program(record, &built)?;
        Ok(built)
    }

    fn selection(&self, record: &Record) -> Result<Selection, Stop> {
        let whole = Patterns {
            wanted: vec![format!("//env:{}", record.environment)],
            trailing: self.patterns.trailing.clone(),
        };
        let patterns = if self.patterns.wanted.is_empty() { &whole } else { self.patterns };
        Selection::parse(patterns).map_err(|it| self.wrong_selection(&it))
    }

    fn wrong_selection(&self, error: &SelectionError) -> Stop {
        self.streams.fail(&error.to_string());
        Stop::Exit(match error {
            SelectionError::Unknown { .. } => Exit::Usage,
            SelectionError::Nothing => Exit::Nothing,
        })
    }

    fn find(&self, state: State) -> Result<Workspace, Stop> {
        Workspace::find(self.common, state, self.interrupt).map_err(|it| self.stop(&it))
    }

    fn stop(&self, error: &WorkspaceError) -> Stop {
        match (error, error.exit()) {
            (WorkspaceError::NotFound(_), exit) | (_, exit @ Exit::Interrupted) => {
                self.streams.fail(&error.to_string());
                Stop::Exit(exit)
            }
            (WorkspaceError::Git(GitError::Shallow { .. }), _) => {
                Stop::missing(format!("{error}; `git fetch --unshallow` gets the rest of it"))
            }
            (_, exit) => {
                Stop::Missing { reason: error.to_string(), outside: exit == Exit::Outside }
            }
        }
    }
}

/// Says what makes sources unfit to be found again.
pub(crate) fn check_sources(sources: &[SourceRecord]) -> Result<(), String> {
    for it in sources {
        let SourceRecord { role, name, url, .. } = it;
        if it.dirty {
            return Err(format!(
                "{role} `{name}` was overridden, or edited and not committed, so that nobody else has it"
            ));
        }
        let Some(commit) = &it.commit else {
            return Err(format!(
                "{role} `{name}` was read from `{url}`, which was in no git repository"
            ));
        };
        if GitId::parse(commit).is_none() {
            return Err(format!("{role} `{name}` has a commit that is none"));
        }
    }
    Ok(())
}

fn settings_of(sources: &[SourceRecord]) -> Option<&SourceRecord> {
    sources.iter().find(|it| it.role == SourceRole::Settings)
}

fn commit_of(source: &SourceRecord) -> Option<GitId> {
    GitId::parse(source.commit.as_deref()?)
}

/// Returns the commit of the repository around the workspace: that of its settings, or else of a folder of its own.
fn own_commit(sources: &[SourceRecord]) -> Option<GitId> {
    let is_folder = |it: &&SourceRecord| {
        it.reference.is_none() && matches!(it.role, SourceRole::Base | SourceRole::ControlPlane)
    };
    let source = settings_of(sources).or_else(|| sources.iter().find(is_folder))?;
    commit_of(source)
}

/// Returns the states that the sources may have been read in, the likeliest first; at least one.
fn states(record: &Record, own: Option<GitId>, probe: &Workspace) -> Result<Vec<State>, Stop> {
    let mut state = State { own, ..State::default() };
    let branches = probe.branches();
    let is_here = |id: GitId| branches.is_some_and(|(it, _)| it.resolve(&id.to_string()).is_ok());
    let is_own = |it: &SourceRecord| {
        branches
            .is_some_and(|(own, _)| RepositoryId::of(own.address()) == RepositoryId::of(&it.url))
    };
    for it in &record.sources {
        let (Some(reference), Some(id)) = (&it.reference, commit_of(it)) else { continue };
        state.inputs.insert((RepositoryId::of(&it.url), reference.clone()), id);
        // The repository may have had another address then; that of a workload may have a branch of the same name.
        let may_be_own = matches!(it.role, SourceRole::Base | SourceRole::ControlPlane);
        if is_own(it) || (may_be_own && is_here(id)) {
            state.branches.entry(reference.clone()).or_insert(id);
        }
    }
    let Some((repository, base)) = branches else { return Ok(vec![state]) };
    if let Some(id) = state.branches.get(base) {
        if !is_here(*id) {
            let address = repository.address();
            return Err(Stop::missing(if repository.is_shallow() {
                format!(
                    "commit {id} of branch `{base}` is not in `{address}`, which is a shallow clone: \
                     `git fetch --unshallow` gets the rest of it"
                )
            } else {
                format!(
                    "commit {id} of branch `{base}` is not in `{address}`: the branch was rewritten"
                )
            }));
        }
        return Ok(vec![state]);
    }
    // The base is pinned. Which environments there were was read from its branch, wherever that was then: any commit will do
    // that names the same control plane.
    let bases = record.sources.iter().filter(|it| it.role == SourceRole::Base);
    let pinned = bases.filter_map(commit_of).filter(|it| is_here(*it)).map(|id| {
        let mut pinned = state.clone();
        pinned.branches.insert(base.to_owned(), id);
        pinned
    });
    let mut states: Vec<State> = pinned.collect();
    states.push(state);
    Ok(states)
}

/// The program that schedules is that of the commit of the settings, which may not have it, or be nobody's to trust.
fn check_program(record: &Record, built: &BuiltTarget) -> Result<(), Stop> {
    let inputs = |it: &Option<SchedulerRecord>| it.as_ref().and_then(|it| it.inputs);
    let (wanted, found) = (inputs(&record.scheduler), inputs(&built.built.scheduler));
    if wanted.is_none() || wanted == found {
        return Ok(());
    }
    let failure = built.built.diagnostics.iter().find(|it| it.code == "scheduler-failed");
    Err(Stop::missing(match failure {
        Some(failure) => failure.message.clone(),
        None => "the program that decides what runs where is not the one of then, or is asked something else".to_owned(),
    }))
}

/// Compares what was read with what is recorded.
fn check_read(record: &Record, session: &Session<'_>, input: EnvironmentInput) -> Result<(), Stop> {
    let found = recorded::sources(session, input);
    let same = |it: &SourceRecord| {
        let of = |other: &&SourceRecord| (other.role, &other.name) == (it.role, &it.name);
        found.iter().find(of)
    };
    // What a program says depends on its bytes, which `check_program` looks at, and on no commit.
    for wanted in record.sources.iter().filter(|it| it.role != SourceRole::Scheduler) {
        let SourceRecord { role, name, url, .. } = wanted;
        let commit = wanted.commit.as_deref().unwrap_or_default();
        let Some(found) = same(wanted) else {
            let missing = missing(session, input, wanted);
            return Err(Stop::Missing {
                reason: format!(
                    "{role} `{name}`, commit {commit} of `{url}`, cannot be had{missing}"
                ),
                outside: session.loaded.outside_failed,
            });
        };
        let key = |it: &SourceRecord| (it.commit.clone(), it.tree.clone(), it.digest);
        if key(found) != key(wanted) {
            let other = found.commit.as_deref().unwrap_or("what lies on disk");
            return Err(Stop::missing(format!(
                "{role} `{name}` was made from commit {commit} of `{url}`, but {other} is read now"
            )));
        }
    }
    let is_known = |it: &&SourceRecord| {
        record.sources.iter().any(|other| (other.role, &other.name) == (it.role, &it.name))
    };
    let is_setting = |it: &&SourceRecord| {
        matches!(it.role, SourceRole::Settings | SourceRole::Schemas | SourceRole::Scheduler)
    };
    match found.iter().find(|it| !is_known(it) && !is_setting(it)) {
        Some(more) => Err(Stop::missing(format!(
            "{} `{}` can be read now, but could not be when the tree was made",
            more.role, more.name
        ))),
        None => Ok(()),
    }
}

/// Returns why a source could not be read, as far as that is known; it begins with a colon.
fn missing(session: &Session<'_>, input: EnvironmentInput, wanted: &SourceRecord) -> String {
    let db = &session.loaded.db;
    let why = |source: &Result<Source, wob_rules::Unavailable>| {
        source.as_ref().err().map(|it| it.reason.clone())
    };
    let reason = match wanted.role {
        SourceRole::Workload => input
            .workloads(db)
            .iter()
            .find(|it| it.registration.meta.name.as_str() == wanted.name)
            .and_then(|it| why(&it.source)),
        SourceRole::Base => input.bases(db).iter().find_map(|it| why(&it.source)),
        SourceRole::ControlPlane
        | SourceRole::Settings
        | SourceRole::Schemas
        | SourceRole::Scheduler => None,
    };
    reason.map_or_else(String::new, |it| format!(": {it}"))
}

/// Says why there is nothing to build the environment from.
fn unavailable(session: &Session<'_>) -> Stop {
    let errors = session.loaded.diagnostics.iter().filter(|it| it.is_error());
    let reasons: Vec<&str> = errors.map(|it| it.message.as_str()).collect();
    Stop::Missing { reason: reasons.join("; "), outside: session.loaded.outside_failed }
}
