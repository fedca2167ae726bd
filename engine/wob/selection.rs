//! Selections: what patterns of targets mean in a workspace.

use std::collections::BTreeSet;

use wob_engine::{Database, did_you_mean};
use wob_rules::{
    Assignment, EnvironmentInput, Model, Name, ObjectKind, Pattern, assignments, environment_model,
    graph::{Direction, Graph, OutputFiles, Scope},
};

use crate::{args::Patterns, workspace::LoadedEnvironment};

/// Patterns of targets: those that are wanted, and those that are left out again.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    wanted: Vec<Pattern>,
    excluded: Vec<Pattern>,
}

/// Why nothing can be selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectionError {
    /// A pattern is not in the grammar, or names what is not there.
    #[error("{reason}\n  help: {help}")]
    Unknown {
        /// What is wrong.
        reason: String,
        /// The way out.
        help: String,
    },
    /// Every pattern is fine, but nothing is left.
    #[error("nothing matches these patterns")]
    Nothing,
}

/// What is selected of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    /// All of it, also what belongs to no assignment.
    Whole,
    /// These assignments: indices into those of the environment.
    Part(BTreeSet<usize>),
}

impl Selected {
    /// Says whether all of the environment is selected.
    pub(crate) fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// Says whether the assignment at `index` is selected.
    pub(crate) fn has(&self, index: usize) -> bool {
        match self {
            Self::Whole => true,
            Self::Part(indices) => indices.contains(&index),
        }
    }
}

impl Selection {
    /// Reads patterns; none at all means everything.
    pub(crate) fn parse(patterns: &Patterns) -> Result<Self, SelectionError> {
        let read = |text: &str| {
            Pattern::parse(text)
                .map_err(|error| SelectionError::Unknown { reason: error.reason, help: error.help })
        };
        let (excluded, more): (Vec<&String>, Vec<&String>) =
            patterns.trailing.iter().partition(|it| it.starts_with('-'));
        let wanted: Vec<Pattern> =
            patterns.wanted.iter().chain(more).map(|it| read(it)).collect::<Result<_, _>>()?;
        let excluded = excluded.iter().map(|it| read(&it[1..])).collect::<Result<_, _>>()?;
        Ok(Self {
            wanted: if wanted.is_empty() { vec![Pattern::Everything] } else { wanted },
            excluded,
        })
    }

    /// Returns the patterns that are wanted.
    pub(crate) fn wanted(&self) -> &[Pattern] {
        &self.wanted
    }

    /// Says whether the sources of this environment must be read to know what is selected.
    pub(crate) fn needs(&self, environment: &Name) -> bool {
        self.wanted.iter().any(|pattern| match pattern {
            Pattern::Everything | Pattern::SourceFile(_) => true,
            Pattern::Environment(name)
            | Pattern::ClusterType { environment: name, .. }
            | Pattern::Assignment { environment: name, .. }
            | Pattern::OutputFile { environment: name, .. } => name == environment.as_str(),
            Pattern::Object { environment: name, .. } => {
                name.as_ref().is_none_or(|it| it == environment.as_str())
            }
        })
    }

    /// Returns what is selected of each of `environments`, in their order; `None` for nothing.
    ///
    /// # Errors
    /// If a wanted pattern names what is not there, or nothing is left.
    pub(crate) fn resolve(
        &self,
        db: &Database,
        environments: &[LoadedEnvironment],
    ) -> Result<Vec<Option<Selected>>, SelectionError> {
        for pattern in &self.wanted {
            check(db, environments, pattern)?;
        }
        let selected: Vec<Option<Selected>> =
            environments.iter().map(|it| self.of(db, it)).collect();
        if selected.iter().all(Option::is_none) {
            return Err(SelectionError::Nothing);
        }
        Ok(selected)
    }

    fn of(&self, db: &Database, environment: &LoadedEnvironment) -> Option<Selected> {
        let name = environment.name.as_str();
        if self.excluded.iter().any(|it| is_whole(it, name)) {
            return None;
        }
        let is_whole = self.wanted.iter().any(|it| is_whole(it, name));
        let Some(input) = environment.input else { return is_whole.then_some(Selected::Whole) };
        let all = Candidates::new(db, environment, input, &[&self.wanted, &self.excluded]);
        let excluded = all.matching(&self.excluded);
        let wanted = if is_whole {
            (0..all.assignments.len()).collect()
        } else {
            all.matching(&self.wanted)
        };
        let indices: BTreeSet<usize> = wanted.difference(&excluded).copied().collect();
        match indices.len() {
            left if is_whole && left == all.assignments.len() => Some(Selected::Whole),
            0 => None,
            _ => Some(Selected::Part(indices)),
        }
    }
}

/// Selects what those of the patterns name that name anything here; of environments that were read, at least nothing.
pub(crate) fn lenient(
    patterns: &Patterns,
    db: &Database,
    environments: &[LoadedEnvironment],
) -> Vec<Option<Selected>> {
    let resolves = |pattern: &String| {
        let alone = Patterns { wanted: vec![pattern.clone()], trailing: vec![] };
        Selection::parse(&alone).is_ok_and(|it| it.resolve(db, environments).is_ok())
    };
    let wanted: Vec<String> = patterns.wanted.iter().filter(|it| resolves(it)).cloned().collect();
    let known = Patterns { wanted, trailing: patterns.trailing.clone() };
    let selection = Selection::parse(&known).and_then(|it| it.resolve(db, environments));
    let selected = match selection {
        Ok(selected) if !known.wanted.is_empty() => selected,
        Ok(_) | Err(_) => vec![None; environments.len()],
    };
    let nothing = || Selected::Part(BTreeSet::new());
    let read = environments.iter().map(|it| it.input.map(|_| nothing()));
    selected.into_iter().zip(read).map(|(selected, read)| selected.or(read)).collect()
}

/// Says whether a pattern names a whole environment.
fn is_whole(pattern: &Pattern, environment: &str) -> bool {
    match pattern {
        Pattern::Everything => true,
        Pattern::Environment(name) => name == environment,
        Pattern::ClusterType { .. }
        | Pattern::Assignment { .. }
        | Pattern::OutputFile { .. }
        | Pattern::Object { .. }
        | Pattern::SourceFile(_) => false,
    }
}

/// The assignments of an environment, to be matched with patterns.
struct Candidates<'d> {
    environment: &'d str,
    assignments: &'d [Assignment],
    /// What they depend on, if a pattern asks for that.
    graph: Option<Graph<'d>>,
}

impl<'d> Candidates<'d> {
    fn new(
        db: &'d Database,
        environment: &LoadedEnvironment,
        input: EnvironmentInput,
        patterns: &[&[Pattern]],
    ) -> Self {
        let is_source =
            |it: &&Pattern| matches!(it, Pattern::Object { .. } | Pattern::SourceFile(_));
        let graph = patterns
            .iter()
            .copied()
            .flatten()
            .any(|it| is_source(&it))
            .then(|| Graph::build(db, &[environment.to_graph()], OutputFiles::LeftOut));
        Self { environment: input.name(db), assignments: assignments(db, input), graph }
    }

    /// Returns the indices of the assignments that any of `patterns` names.
    fn matching(&self, patterns: &[Pattern]) -> BTreeSet<usize> {
        patterns.iter().flat_map(|it| self.named(it)).collect()
    }

    fn named(&self, pattern: &Pattern) -> Vec<usize> {
        let here = |environment: &str| environment == self.environment;
        match pattern {
            Pattern::Everything => self.filter(|_| true),
            Pattern::Environment(environment) => self.filter(|_| here(environment)),
            Pattern::ClusterType { environment, cluster_type } => {
                self.filter(|it| here(environment) && it.cluster_type.as_str() == cluster_type)
            }
            Pattern::Assignment { environment, cluster_type, target }
            | Pattern::OutputFile { environment, cluster_type, target, .. } => self.filter(|it| {
                here(environment)
                    && it.cluster_type.as_str() == cluster_type
                    && it.target.as_str() == target
            }),
            Pattern::Object { .. } | Pattern::SourceFile(_) => self.depending(pattern),
        }
    }

    fn filter(&self, is_in: impl Fn(&Assignment) -> bool) -> Vec<usize> {
        let all = self.assignments.iter().enumerate();
        all.filter(|(_, it)| is_in(it)).map(|(index, _)| index).collect()
    }

    /// Returns the assignments that depend on what `pattern` names.
    fn depending(&self, pattern: &Pattern) -> Vec<usize> {
        let Some(graph) = &self.graph else { return vec![] };
        // What another environment has is not here.
        let Ok(named) = graph.resolve(pattern, Scope::Below) else { return vec![] };
        let reached = graph.reach(&named, Direction::Dependents, None, None);
        let label = |it: &Assignment| {
            format!("//env/{}/{}:{}", self.environment, it.cluster_type, it.target)
        };
        self.filter(|it| graph.find(&label(it)).is_some_and(|it| reached.contains(it)))
    }
}

/// Checks that what `pattern` names is there.
fn check(
    db: &Database,
    environments: &[LoadedEnvironment],
    pattern: &Pattern,
) -> Result<(), SelectionError> {
    let names = || environments.iter().map(|it| it.name.as_str());
    let environment = match pattern {
        Pattern::Everything => return Ok(()),
        Pattern::Environment(environment)
        | Pattern::ClusterType { environment, .. }
        | Pattern::Assignment { environment, .. }
        | Pattern::OutputFile { environment, .. } => Some(environment),
        Pattern::Object { environment, .. } => environment.as_ref(),
        Pattern::SourceFile(_) => None,
    };
    if let Some(name) = environment
        && !names().any(|it| it == name)
    {
        return Err(unknown(pattern, "environment", name, names().collect()));
    }
    let chosen =
        environments.iter().filter(|it| environment.is_none_or(|name| it.name.as_str() == name));
    let inputs: Vec<EnvironmentInput> = chosen.filter_map(|it| it.input).collect();
    if inputs.is_empty() {
        // What cannot be read may hold it; a diagnostic says why it cannot be read.
        return Ok(());
    }
    match pattern {
        Pattern::Everything | Pattern::Environment(_) | Pattern::Object { name: None, .. } => {
            Ok(())
        }
        Pattern::ClusterType { cluster_type, .. } => {
            check_cluster_type(db, inputs[0], pattern, cluster_type)
        }
        Pattern::Assignment { cluster_type, target, .. }
        | Pattern::OutputFile { cluster_type, target, .. } => {
            check_cluster_type(db, inputs[0], pattern, cluster_type)?;
            let all = assignments(db, inputs[0]).iter();
            let here: Vec<&str> = all
                .filter(|it| it.cluster_type.as_str() == cluster_type)
                .map(|it| it.target.as_str())
                .collect();
            require(pattern, "assignment", target, here)
        }
        Pattern::Object { kind, name: Some(name), .. } => {
            let all = inputs.iter().flat_map(|it| objects_of(environment_model(db, *it), *kind));
            require(pattern, kind.as_str(), name, all.collect())
        }
        Pattern::SourceFile(path) => {
            let declared = environments.iter().flat_map(|it| &it.declared);
            let files: BTreeSet<&str> = inputs
                .iter()
                .flat_map(|it| files_of(db, *it))
                .chain(declared.map(|it| it.file.as_str()))
                .map(|name| name.rsplit_once(':').map_or(name, |(_, path)| path))
                .collect();
            require(pattern, "source file", path, files.into_iter().collect())
        }
    }
}

fn check_cluster_type(
    db: &Database,
    input: EnvironmentInput,
    pattern: &Pattern,
    name: &str,
) -> Result<(), SelectionError> {
    let known = environment_model(db, input).cluster_types.keys().map(Name::as_str).collect();
    require(pattern, "cluster type", name, known)
}

fn objects_of(model: &Model, kind: ObjectKind) -> Vec<&str> {
    match kind {
        ObjectKind::Workload => model.workloads.keys().map(Name::as_str).collect(),
        ObjectKind::ClusterType => model.cluster_types.keys().map(Name::as_str).collect(),
        ObjectKind::Policy => model.policies.keys().map(Name::as_str).collect(),
        ObjectKind::Config => model.config_maps.iter().map(|it| it.name.as_str()).collect(),
        ObjectKind::Template => {
            let mut names: Vec<&str> = model.templates.keys().map(Name::as_str).collect();
            names.extend(model.rules.keys().map(Name::as_str));
            names.extend(wob_rules::builtin::names().map(|it| -> &str { it }));
            names
        }
        ObjectKind::Target => model.targets.keys().map(Name::as_str).collect(),
        ObjectKind::Schema => model.config_schemas.iter().map(|it| it.name.as_str()).collect(),
        ObjectKind::Registration => model.registrations.keys().map(Name::as_str).collect(),
        ObjectKind::BaseRepo => model.base_repos.keys().map(Name::as_str).collect(),
        ObjectKind::GitOpsRepo => model.gitops_repos.keys().map(Name::as_str).collect(),
    }
}

fn files_of(db: &Database, input: EnvironmentInput) -> Vec<&str> {
    let bases = input.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let workloads = input.workloads(db).iter().filter_map(|it| it.source.as_ref().ok());
    let sources = bases.chain(workloads).copied().chain([input.control_plane(db)]);
    sources.flat_map(|it| it.files(db)).map(|it| it.name(db).as_str()).collect()
}

fn require(
    pattern: &Pattern,
    what: &str,
    name: &str,
    known: Vec<&str>,
) -> Result<(), SelectionError> {
    if known.contains(&name) { Ok(()) } else { Err(unknown(pattern, what, name, known)) }
}

fn unknown(pattern: &Pattern, what: &str, name: &str, mut known: Vec<&str>) -> SelectionError {
    const SHOWN: usize = 10;
    known.sort_unstable();
    known.dedup();
    let shown = |it: &&str| format!("`{}`", it.escape_debug());
    let help = match (did_you_mean(name, known.iter().copied()), known.len()) {
        (Some(guess), _) => format!("did you mean {}?", shown(&guess)),
        (None, 0) => "there is none".to_owned(),
        (None, 1..=SHOWN) => {
            format!("there are {}", known.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        (None, _) => "`wob list` shows what there is".to_owned(),
    };
    let reason = format!("`{pattern}`: there is no {what} `{}`", name.escape_debug());
    SelectionError::Unknown { reason, help }
}
