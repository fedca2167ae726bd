//! Selections: what patterns of targets mean in a workspace.

use std::collections::BTreeSet;

use wob_engine::{Database, FileName, did_you_mean};
use wob_rules::{
    Assignment, Definition, EnvironmentInput, Layers, Model, Name, ObjectKind, Pattern, Profile,
    Reading, Subject, assignments, environment_model, merge, select,
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
        let all = Candidates::new(db, input);
        let matches =
            |patterns: &[Pattern], index| patterns.iter().any(|it| all.matches(it, index));
        let indices: BTreeSet<usize> = (0..all.assignments.len())
            .filter(|it| (is_whole || matches(&self.wanted, *it)) && !matches(&self.excluded, *it))
            .collect();
        match indices.len() {
            left if is_whole && left == all.assignments.len() => Some(Selected::Whole),
            0 => None,
            _ => Some(Selected::Part(indices)),
        }
    }
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
    model: &'d Model,
    assignments: &'d [Assignment],
    layers: Layers,
}

impl<'d> Candidates<'d> {
    fn new(db: &'d Database, input: EnvironmentInput) -> Self {
        let model = environment_model(db, input);
        let reading = match input.settings(db).profile {
            Profile::Standard => Reading::Standard,
            Profile::Kalypso => Reading::Kalypso,
        };
        let layers = Layers::new(&model.config_maps, reading);
        Self { environment: input.name(db), model, assignments: assignments(db, input), layers }
    }

    fn matches(&self, pattern: &Pattern, index: usize) -> bool {
        let assignment = &self.assignments[index];
        let here = |environment: &str| environment == self.environment;
        match pattern {
            Pattern::Everything => true,
            Pattern::Environment(environment) => here(environment),
            Pattern::ClusterType { environment, cluster_type } => {
                here(environment) && assignment.cluster_type.as_str() == cluster_type
            }
            Pattern::Assignment { environment, cluster_type, target }
            | Pattern::OutputFile { environment, cluster_type, target, .. } => {
                here(environment)
                    && assignment.cluster_type.as_str() == cluster_type
                    && assignment.target.as_str() == target
            }
            Pattern::Object { kind, environment, name } => {
                let is_it = |object: &Object<'_>| {
                    object.kind == *kind && name.as_ref().is_none_or(|it| it == object.name)
                };
                environment.as_deref().is_none_or(here)
                    && self.objects(assignment).iter().any(is_it)
            }
            Pattern::SourceFile(path) => {
                self.objects(assignment).iter().any(|it| is_file(&it.file, path))
            }
        }
    }

    /// Returns the objects that an assignment is made of.
    fn objects(&self, assignment: &Assignment) -> Vec<Object<'_>> {
        let model = self.model;
        let (Some(cluster_type), Some(target)) = (
            model.cluster_types.get(&assignment.cluster_type),
            model.targets.get(&assignment.target),
        ) else {
            return vec![];
        };
        let object = |kind, name, file: &FileName| Object { kind, name, file: file.clone() };
        let mut objects = vec![
            object(
                ObjectKind::ClusterType,
                cluster_type.meta.name.as_str(),
                &cluster_type.meta.place.file,
            ),
            object(ObjectKind::Workload, &target.workload, &target.place.file),
        ];
        let policies = assignment.policies.iter().filter_map(|it| model.policies.get(it));
        objects.extend(
            policies
                .map(|it| object(ObjectKind::Policy, it.meta.name.as_str(), &it.meta.place.file)),
        );
        for name in cluster_type.templates() {
            let file = |name, it: &FileName| object(ObjectKind::Template, name, it);
            let definition = model.definition(name);
            // A built-in rule has a name, but no place in the sources.
            let own = &cluster_type.meta.place.file;
            match definition {
                Some(Definition::Template(it)) => objects.push(file(name, &it.meta.place.file)),
                Some(Definition::Rule(it)) => {
                    objects.push(file(name, &it.meta.place.file));
                    let beside = it.templates().into_iter().map(|of| it.beside(&of.name));
                    objects.extend(beside.map(|it| file(name, &it)));
                }
                Some(Definition::Builtin(_)) | None => objects.push(file(name, own)),
            }
            // The cluster type may use another name of it.
            objects.extend(definition.and_then(Definition::rule).map(|it| file(it.name(), own)));
        }
        let subject = Subject {
            cluster_type: cluster_type.meta.name.as_str(),
            cluster_labels: &cluster_type.meta.labels,
            target: target.name.as_str(),
            target_labels: &target.labels,
            workload: &target.workload,
        };
        let ids = select(&self.layers, &subject);
        let applied = merge(&self.layers, &ids, wob_rules::Precedence::Name).layers;
        let maps = model
            .config_maps
            .iter()
            .filter(|it| applied.iter().any(|layer| layer.place == it.place));
        objects.extend(maps.map(|it| object(ObjectKind::Config, it.name.as_str(), &it.place.file)));
        objects
    }
}

/// An object that an assignment is made of.
struct Object<'m> {
    kind: ObjectKind,
    name: &'m str,
    file: FileName,
}

/// Says whether a file is the one at `path`, of whichever branch or repository.
fn is_file(file: &FileName, path: &str) -> bool {
    let name = file.as_str();
    name == path || name.rsplit_once(':').is_some_and(|(_, it)| it == path)
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
            let files: BTreeSet<&str> = inputs
                .iter()
                .flat_map(|it| files_of(db, *it))
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
