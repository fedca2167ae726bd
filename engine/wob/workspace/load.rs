//! Reads every source that a workspace needs: a base asks for control planes, those for bases, both for workloads.

use std::{collections::BTreeMap, sync::Arc};

use camino::Utf8PathBuf;
use salsa::Setter as _;
use wob_engine::{Content, Database, Diagnostic, FileName, FilePath, Place, Source, did_you_mean};
use wob_host::{BranchPlace, GitError, Interrupt, Repository, Unneeded};
use wob_rules::{
    BaseSource, EnvironmentEntry, EnvironmentInput, Name, ParameterSettings, Profile, Scheduling,
    Settings, Unavailable, ValidateSettings, Validation, WorkloadSource, decode_source, discover,
    graph::GraphEnvironment,
    promotion::chain,
    resource::{self, WorkloadRegistration},
};

use super::{
    AskedLock, FILE, Home, Layout, Seen, Workspace, WorkspaceError,
    input::{Inputs, Stop},
    plane::Plane,
    read::{Parts, Revision, SourceHome, Sources},
    schedule,
};
use crate::{
    lock::{LOCK_FILE, ReadLock},
    report::{FileTexts, Texts as _},
};

/// The branch that holds what is promoted, unless `wob.yaml` names another.
pub(super) const BASE_BRANCH: &str = "main";
/// The BaseRepo whose commit is promoted.
pub(super) const MAIN_BASE: &str = "main";
/// What to do about a folder that cannot be read.
const FOLDER_HELP: &str = "make the folder, or name another one; paths are relative to wob.yaml";

/// A workspace with all its sources.
pub(crate) struct Loaded {
    /// Where the sources are.
    pub(crate) db: Database,
    /// The sources, by names that mean the same in the next run.
    sources: BTreeMap<String, Source>,
    /// Those of them that are folders on disk, and where they really lie.
    pub(crate) folders: Vec<(Source, Utf8PathBuf)>,
    /// The texts that diagnostics may point into.
    pub(crate) texts: FileTexts,
    /// The environments, sorted by name.
    pub(crate) environments: Vec<LoadedEnvironment>,
    /// What is wrong with the settings, and with control planes that could not be read.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What the user should hear about what was read.
    pub(crate) remarks: Vec<String>,
    /// What the user should hear even if this is only what something is compared with.
    pub(crate) notices: Vec<String>,
    /// Whether a source is missing because a service that wob does not run failed.
    pub(crate) outside_failed: bool,
    /// What was looked at, so that the next run can tell whether it changed.
    pub(crate) seen: Seen,
    /// The lock files, with what was asked of them.
    pub(crate) locks: Vec<AskedLock>,
    /// The branches that a commit is promoted to; none where environments are folders.
    pub(crate) plane: Option<Plane>,
}

/// An environment of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct LoadedEnvironment {
    /// Its name.
    pub(crate) name: Name,
    /// What it is built from; none if it is not needed, or its control plane could not be read.
    pub(crate) input: Option<EnvironmentInput>,
    /// Where the workspace says that it exists, and what it is built like; empty if it is not needed.
    pub(crate) declared: Vec<Place>,
    /// The folders with schemas that `wob.yaml` names for it, by path.
    pub(crate) schemas: BTreeMap<FilePath, Source>,
}

impl LoadedEnvironment {
    /// Returns what a graph is made of.
    pub(crate) fn to_graph(&self) -> GraphEnvironment {
        let Self { name, input, declared, schemas: _ } = self;
        GraphEnvironment { name: name.clone(), input: *input, declared: declared.clone() }
    }
}

/// Reads the sources of those environments of `workspace` that are `needed`; a `profile` wins over the settings.
pub(crate) fn load(
    workspace: &Workspace,
    profile: Option<Profile>,
    needed: &dyn Fn(&Name) -> bool,
    (before, unneeded): (Option<Loaded>, Option<&Unneeded>),
    interrupt: &Interrupt,
) -> Result<Loaded, WorkspaceError> {
    let limit = workspace.settings.file_bytes;
    let mut sources = Sources::new(workspace.texts.clone(), limit, unneeded, interrupt);
    sources.seen = workspace.seen.clone();
    sources.read_ahead();
    let mut inputs_before = BTreeMap::new();
    if let Some(Loaded { db, sources: before, environments, .. }) = before {
        let input = |it: LoadedEnvironment| Some((it.name, it.input?));
        inputs_before = environments.into_iter().filter_map(input).collect();
        sources = sources.after(db, before);
    }
    let inputs = Inputs::new(workspace, sources);
    let diagnostics = workspace.diagnostics.clone();
    let environments = vec![];
    let plane = None;
    let mut loader = Loader {
        workspace,
        profile,
        needed,
        inputs,
        inputs_before,
        environments,
        diagnostics,
        plane,
    };
    match &workspace.layout {
        Layout::Folders => loader.folders()?,
        // It may be that settings which could not be read say where the environments are.
        Layout::Branches(_) if workspace.is_misread() => {}
        Layout::Branches(repository) => loader.branches(repository)?,
    }
    let Loader { mut environments, diagnostics, inputs, plane, .. } = loader;
    if workspace.is_misread() {
        // What would be built is not what is meant.
        for it in &mut environments {
            it.input = None;
        }
    }
    let Inputs { mut sources, outside_failed, locks, .. } = inputs;
    locks.remarks().into_iter().for_each(|it| sources.remark(it));
    let locks = locks.all;
    let seen = sources.seen.clone();
    let Parts { db, sources, folders, texts, remarks, notices } = sources.into_parts();
    Ok(Loaded {
        db,
        sources,
        folders,
        texts,
        environments,
        diagnostics,
        remarks,
        notices,
        outside_failed,
        seen,
        locks,
        plane,
    })
}

/// Whether a lock file can be relied on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// It can, or there is none.
    Whole,
    /// It has errors.
    Broken,
}

/// What an environment is built from.
struct Environment {
    bases: Vec<BaseSource>,
    control_plane: Source,
    workloads: Vec<WorkloadSource>,
    validation: Arc<Validation>,
    scheduling: Scheduling,
    parameters: Arc<ParameterSettings>,
}

struct Loader<'w> {
    workspace: &'w Workspace,
    profile: Option<Profile>,
    needed: &'w dyn Fn(&Name) -> bool,
    inputs: Inputs<'w>,
    /// What the run before has built from, by environment.
    inputs_before: BTreeMap<Name, EnvironmentInput>,
    environments: Vec<LoadedEnvironment>,
    diagnostics: Vec<Diagnostic>,
    plane: Option<Plane>,
}

impl<'w> Loader<'w> {
    fn folders(&mut self) -> Result<(), WorkspaceError> {
        let workspace = self.workspace;
        self.inputs.locks.open(AskedLock {
            home: Home::Folder(workspace.root.clone()),
            environment: None,
            name: FileName::new(LOCK_FILE),
            file: workspace.lock.clone(),
            asked: BTreeMap::new(),
        });
        let base = match &workspace.settings.base {
            Some(base) => vec![self.base_folder(base)?],
            None => vec![],
        };
        for (name, entry) in &workspace.settings.environments {
            if self.passes_over(name) {
                continue;
            }
            let source = self.environment_folder(entry);
            self.environment(name, &entry.place, source, |_, _| Ok(base.clone()))?;
        }
        Ok(())
    }

    fn base_folder(&mut self, base: &str) -> Result<BaseSource, WorkspaceError> {
        let source = available(self.inputs.folder(base, FOLDER_HELP))?;
        if let Err(why) = &source {
            let place = Place::document(&FileName::new(FILE), 0).key("base");
            let message = format!("the base: {}", why.reason);
            let diagnostic = Diagnostic::error("input-unavailable", message);
            self.diagnostics.push(diagnostic.at(place, "named here").help(FOLDER_HELP));
        }
        Ok(BaseSource { repository: None, source })
    }

    /// Notes an environment of which nothing is wanted, so that its sources need not be read.
    fn passes_over(&mut self, name: &Name) -> bool {
        let passes = !(self.needed)(name);
        if passes {
            self.environments.push(LoadedEnvironment {
                name: name.clone(),
                input: None,
                declared: vec![],
                schemas: BTreeMap::new(),
            });
        }
        passes
    }

    fn environment_folder(&mut self, entry: &EnvironmentEntry) -> Result<Source, Stop> {
        let Some(path) = &entry.path else {
            let help = Some("add `path:` with its folder".to_owned());
            return Err(Stop::Unavailable(Unavailable {
                reason: "it has no folder".to_owned(),
                help,
            }));
        };
        self.inputs.folder(path, FOLDER_HELP)
    }

    fn branches(&mut self, repository: &'w Repository) -> Result<(), WorkspaceError> {
        let branch = self.workspace.settings.base_branch.as_deref().unwrap_or(BASE_BRANCH);
        let revision = self.workspace.state.of_own(Revision::Branch(branch.to_owned()));
        let base = self.inputs.sources.git(repository, &revision, None);
        let base = match base {
            Ok(base) => base,
            Err(GitError::NoSuchRevision { .. }) => return Err(no_base(repository, branch)?),
            Err(error) => return Err(error.into()),
        };
        let (declared, problems) = discover::environments(&self.inputs.sources.db, base);
        self.diagnostics.extend(problems);
        self.undeclared(&declared);
        let (chain, problems) = chain(&self.workspace.settings.promotion, &declared);
        self.diagnostics.extend(problems);
        self.plane = Some(Plane {
            repository: repository.clone(),
            base_branch: branch.to_owned(),
            environments: declared.clone(),
            chain,
        });
        let lock = self.open_lock(None, base);
        let own = self.inputs.locks.current;
        for it in &declared {
            let name = &it.meta.name;
            if self.passes_over(name) {
                continue;
            }
            let place = it.meta.place.key("spec").key("controlPlane").key("repo");
            if lock == Opened::Broken {
                self.unread(name, &place);
                continue;
            }
            let source = self.inputs.own(name, &it.control_plane);
            if let Ok(source) = source
                && self.open_lock(Some(name), source) == Opened::Broken
            {
                self.unread(name, &place);
            } else {
                self.environment(name, &place, source, |loader, source| {
                    loader.bases(name, source, base)
                })?;
            }
            self.inputs.locks.current = own;
        }
        Ok(())
    }

    /// Makes the lock file of `source` the one that counts: that of an environment, or of the base.
    fn open_lock(&mut self, environment: Option<&Name>, source: Source) -> Opened {
        let home = self.inputs.sources.home(source).cloned();
        let SourceHome { home, lock_name: name, lock } = home.expect("because it was read");
        let mut file = None;
        let mut opened = Opened::Whole;
        if let Some(content) = lock {
            let read = ReadLock::of(&name, &content);
            if read.file.is_none() {
                opened = Opened::Broken;
            }
            file = read.file;
            self.diagnostics.extend(read.diagnostics);
            if let Content::Text { text, .. } = content {
                self.inputs.sources.texts.insert(name.clone(), text);
            }
        }
        let environment = environment.cloned();
        let asked = BTreeMap::new();
        self.inputs.locks.open(AskedLock { home, environment, name, file, asked });
        opened
    }

    /// Notes an environment of which nothing is built; why was said already.
    fn unread(&mut self, name: &Name, place: &Place) {
        let declared = self.declared(place);
        let schemas = BTreeMap::new();
        let name = name.clone();
        self.environments.push(LoadedEnvironment { name, input: None, declared, schemas });
    }

    /// Adds the environment whose control plane is `source`, and which is named at `place`.
    fn environment(
        &mut self,
        name: &Name,
        place: &Place,
        source: Result<Source, Stop>,
        bases: impl FnOnce(&mut Self, Source) -> Result<Vec<BaseSource>, WorkspaceError>,
    ) -> Result<(), WorkspaceError> {
        let schemas = self.schemas(name)?;
        let input = match (available(source)?, &schemas) {
            (Ok(control_plane), Some(schemas)) => {
                let bases = bases(self, control_plane)?;
                let workloads = self.workloads(&bases, control_plane)?;
                let validation = Arc::new(self.validation(name, schemas));
                let scheduling = self.workspace.settings.scheduling(name);
                let parameters = Arc::new(self.workspace.settings.parameters_of(name.as_str()));
                let parts = Environment {
                    bases,
                    control_plane,
                    workloads,
                    validation,
                    scheduling,
                    parameters,
                };
                let input = self.push(name, parts);
                schedule::ask(&mut self.inputs.sources, input, name, self.workspace)?;
                Some(input)
            }
            // The folder that is missing has been reported.
            (Ok(_), None) => None,
            (Err(why), _) => {
                let message = format!("environment `{name}`: {}", why.reason);
                let mut diagnostic = Diagnostic::error("input-unavailable", message);
                diagnostic.help = why.help;
                self.diagnostics.push(diagnostic.at(place.clone(), "named here"));
                None
            }
        };
        let declared = self.declared(place);
        let schemas = schemas.unwrap_or_default();
        self.environments.push(LoadedEnvironment { name: name.clone(), input, declared, schemas });
        Ok(())
    }

    /// Pushes what an environment is built from, where the run before has pushed it, as far as it is another.
    fn push(&mut self, name: &Name, environment: Environment) -> EnvironmentInput {
        let settings = Arc::new(self.settings(name));
        let Environment { bases, control_plane, workloads, validation, scheduling, parameters } =
            environment;
        let before = self.inputs_before.get(name).copied();
        let db = &mut self.inputs.sources.db;
        let Some(input) = before else {
            let name = name.to_string();
            return EnvironmentInput::builder(name, settings, bases, control_plane, workloads)
                .validation(validation)
                .scheduling(scheduling)
                .parameters(parameters)
                .new(db);
        };
        // Setting an input starts a new revision even if it is equal, so look first.
        if *input.settings(db) != settings {
            input.set_settings(db).to(settings);
        }
        if *input.bases(db) != bases {
            input.set_bases(db).to(bases);
        }
        if input.control_plane(db) != control_plane {
            input.set_control_plane(db).to(control_plane);
        }
        if *input.workloads(db) != workloads {
            input.set_workloads(db).to(workloads);
        }
        if *input.parameters(db) != parameters {
            input.set_parameters(db).to(parameters);
        }
        if *input.scheduling(db) != scheduling {
            input.set_scheduling(db).to(scheduling);
        }
        if *input.validation(db) != validation {
            input.set_validation(db).to(validation);
        }
        input
    }

    /// Returns `place`, and the settings if they are elsewhere.
    fn declared(&self, place: &Place) -> Vec<Place> {
        let settings = FileName::new(FILE);
        let mut declared = vec![place.clone()];
        if place.file != settings && self.workspace.texts.text(&settings).is_some() {
            declared.push(Place::file(&settings));
        }
        declared
    }

    fn settings(&self, name: &Name) -> Settings {
        let settings = &self.workspace.settings;
        let own = settings.environments.get(name).map(|it| &it.output);
        settings.output.resolve(own, self.profile)
    }

    fn validation(&self, name: &Name, schemas: &BTreeMap<FilePath, Source>) -> Validation {
        let settings = &self.workspace.settings;
        let own = settings.environments.get(name).map(|it| &it.validate);
        settings.validate.resolve(own, schemas)
    }

    /// Reads the folders with schemas; `None` if one cannot be read, so that no output is taken for checked.
    fn schemas(
        &mut self,
        name: &Name,
    ) -> Result<Option<BTreeMap<FilePath, Source>>, WorkspaceError> {
        let workspace = self.workspace;
        let shared = &workspace.settings.validate;
        let own = workspace.settings.environments.get(name).map(|it| &it.validate);
        let mut sources = BTreeMap::new();
        let mut missing = false;
        for folder in shared.folders().chain(own.into_iter().flat_map(ValidateSettings::folders)) {
            match available(self.inputs.folder(folder.path.as_str(), FOLDER_HELP))? {
                Ok(source) => drop(sources.insert(folder.path.clone(), source)),
                Err(why) => {
                    let message = format!("schemas: {}", why.reason);
                    let mut diagnostic = Diagnostic::error("input-unavailable", message);
                    diagnostic.help = why.help;
                    self.diagnostics.push(diagnostic.at(folder.place.clone(), "named here"));
                    missing = true;
                }
            }
        }
        Ok((!missing).then_some(sources))
    }

    /// Says which environments `wob.yaml` has settings for, but the base does not declare.
    fn undeclared(&mut self, declared: &[resource::Environment]) {
        let names = || declared.iter().map(|it| it.meta.name.as_str());
        for (name, entry) in &self.workspace.settings.environments {
            if names().any(|it| it == name.as_str()) {
                continue;
            }
            let message = format!("no Environment of the base branch is named `{name}`");
            let help = match did_you_mean(name.as_str(), names()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => "declare it in the base branch, or remove these settings".to_owned(),
            };
            let diagnostic = Diagnostic::error("unknown-environment", message);
            self.diagnostics.push(diagnostic.at(entry.place.on_key(), "not declared").help(help));
        }
    }

    /// Reads the bases that a control plane pins; without any, `base` is it.
    fn bases(
        &mut self,
        environment: &Name,
        control_plane: Source,
        base: Source,
    ) -> Result<Vec<BaseSource>, WorkspaceError> {
        let mut bases = vec![];
        for mut it in discover::base_repos(&self.inputs.sources.db, control_plane) {
            if it.meta.name.as_str() == MAIN_BASE
                && let Some(commit) = self.workspace.state.promoted.get(environment)
            {
                it.reference.commit = Some(commit.clone());
            }
            let source = available(self.inputs.own(&it.meta.name, &it.reference))?;
            bases.push(BaseSource { repository: Some(it), source });
        }
        if bases.is_empty() {
            bases.push(BaseSource { repository: None, source: Ok(base) });
        }
        Ok(bases)
    }

    fn workloads(
        &mut self,
        bases: &[BaseSource],
        control_plane: Source,
    ) -> Result<Vec<WorkloadSource>, WorkspaceError> {
        let bases = bases.iter().filter_map(|it| it.source.as_ref().ok());
        let db = &self.inputs.sources.db;
        let sources = bases.copied().chain([control_plane]);
        let mut registrations: Vec<WorkloadRegistration> = sources
            .flat_map(|it| {
                decode_source(db, it);
                discover::registrations(db, it)
            })
            .collect();
        registrations.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        registrations.dedup_by(|b, a| a.meta.name == b.meta.name);
        let mut workloads = vec![];
        for registration in registrations {
            let source =
                available(self.inputs.input(&registration.meta.name, &registration.workload))?;
            workloads.push(WorkloadSource { registration, source });
        }
        Ok(workloads)
    }
}

/// Lets go on whoever can do without a source.
fn available(source: Result<Source, Stop>) -> Result<Result<Source, Unavailable>, WorkspaceError> {
    match source {
        Ok(source) => Ok(Ok(source)),
        Err(Stop::Unavailable(why) | Stop::Locked(why)) => Ok(Err(why)),
        Err(Stop::Fatal(error)) => Err(*error),
    }
}

fn no_base(repository: &Repository, branch: &str) -> Result<WorkspaceError, GitError> {
    let mut known: Vec<String> = repository
        .branches()?
        .into_iter()
        .map(|it| match it.place {
            BranchPlace::Local => format!("`{}`", it.name),
            BranchPlace::Remote(remote) => format!("`{remote}/{}`", it.name),
        })
        .take(20)
        .collect();
    if known.is_empty() {
        known.push("none".to_owned());
    }
    let repository = repository.address().to_owned();
    Ok(WorkspaceError::NoBase { repository, branch: branch.to_owned(), known: known.join(", ") })
}
