//! The queries of one environment, from parsed files to rendered assignments, and the build that joins them.
//!
//! Each query asks one question. Those per assignment depend on values that hold no offsets, so an edit that changes no
//! meaning stops at [`decode`], and an edit of one layer re-renders only the assignments that have it.
#![expect(
    missing_docs,
    unused_lifetimes,
    reason = "salsa's macros write methods without documentation, and take a lifetime that keys do not use"
)]

mod building;
mod checking;
mod choosing;
mod namespace;
mod shared;

use std::{collections::BTreeMap, sync::Arc};

use salsa::Setter as _;
use wob_engine::{Blob, Database, Diagnostic, Source};

pub(crate) use self::building::source_files;
pub use self::building::{
    Memory, build, build_some, build_with, decode_all, decode_source, prepare,
};
use self::checking::{Check, checked, schemas};
use self::choosing::chosen;
pub(crate) use self::choosing::{cluster_side, layer_ids, layers, layers_of, subject, target_side};
use self::namespace::namespace;
pub(crate) use self::namespace::namespace_text;
pub(crate) use self::shared::{
    cluster_type_digest, layer_warnings, shared_diagnostics, whole_diagnostics,
};
use crate::{
    Name, ParameterSettings, Settings,
    compose::{self, Composition, LayerId},
    decode::{Decoded, decode_file},
    model::{Definition, Doubt, Model, Part},
    render::{
        self, ClusterTypeFields, ClusterTypeInputs, CompiledTemplate, Config, HashedSettings,
        Inputs, Parameters, Rendered, TargetFields, TargetInputs,
    },
    resource::{Repository, WorkloadRegistration},
    rule_files,
    schedule::{self, Answer, Assignment, Candidates, Fleet, ProgramCall, Schedule, Scheduling},
    schemas::Validation,
};

/// Everything that one environment is built from.
#[salsa::input(debug)]
pub struct EnvironmentInput {
    /// The environment's name.
    #[returns(ref)]
    pub name: String,
    /// The conventions of its output.
    #[returns(ref)]
    pub settings: Arc<Settings>,
    /// What its BaseRepos name, the one called `main` first; in the folders layout, the base folder.
    #[returns(ref)]
    pub bases: Vec<BaseSource>,
    /// Its own cluster types, policies and config.
    #[returns(copy)]
    pub control_plane: Source,
    /// What its registrations name, sorted by registration.
    #[returns(ref)]
    pub workloads: Vec<WorkloadSource>,
    /// How its rendered files are checked.
    #[default]
    #[returns(ref)]
    pub validation: Arc<Validation>,
    /// Which scheduler decides, and what a program answered; the first scheduler if it is not set.
    #[default]
    #[returns(ref)]
    pub scheduling: Scheduling,
    /// The parameters of rules that the workspace sets for it.
    #[returns(ref)]
    #[default]
    pub parameters: Arc<ParameterSettings>,
}

/// A base, or why it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseSource {
    /// The BaseRepo that names it; none in the folders layout.
    pub repository: Option<Repository>,
    /// Its files.
    pub source: Result<Source, Unavailable>,
}

/// A workload repository, or why it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadSource {
    /// The registration that names it.
    pub registration: WorkloadRegistration,
    /// Its files.
    pub source: Result<Source, Unavailable>,
}

/// Why a source could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What went wrong: ``the repository `…` can't be reached``.
    pub reason: String,
    /// The way out.
    pub help: Option<String>,
}

/// One assignment of one environment, as a key of queries.
#[salsa::interned(debug, revisions = usize::MAX)]
struct Pair<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    cluster_type: Name,
    #[returns(ref)]
    target: Name,
}

/// A list of config layers of one environment, as a key: most assignments share theirs with others.
#[salsa::interned(debug, revisions = usize::MAX)]
struct LayerList<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    ids: Vec<LayerId>,
}

/// A name of a template in one environment, as a key.
#[salsa::interned(debug, revisions = usize::MAX)]
struct TemplateKey<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    name: String,
}

/// A cluster type of one environment, as a key.
#[salsa::interned(debug, revisions = usize::MAX)]
struct ClusterTypeKey<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    name: Name,
}

/// A target of one environment, as a key.
#[salsa::interned(debug, revisions = usize::MAX)]
struct TargetKey<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    name: Name,
}

/// The model of an environment.
#[salsa::tracked(returns(ref))]
pub fn environment_model(db: &dyn salsa::Database, environment: EnvironmentInput) -> Model {
    let files = |source: Source| {
        source.files(db).iter().map(|it| decode_file(db, *it)).collect::<Vec<&Decoded>>()
    };
    let bases = environment.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let bases: Vec<Vec<&Decoded>> = bases.copied().map(files).collect();
    let control_plane = files(environment.control_plane(db));
    let workloads: Vec<(&WorkloadRegistration, Vec<&Decoded>)> = environment
        .workloads(db)
        .iter()
        .filter_map(|it| Some((&it.registration, files(*it.source.as_ref().ok()?))))
        .collect();
    let parts: Vec<Part<'_>> = bases
        .iter()
        .map(|files| Part::Base(files))
        .chain([Part::ControlPlane(&control_plane)])
        .chain(workloads.iter().map(|(registration, files)| Part::Workload(registration, files)))
        .collect();
    let mut model = Model::build(environment.name(db), &parts);
    report_unavailable(db, environment, &mut model);
    model
}

fn report_unavailable(db: &dyn salsa::Database, environment: EnvironmentInput, model: &mut Model) {
    for base in environment.bases(db) {
        if let Err(why) = &base.source {
            model.damage.doubt = model.damage.doubt.max(Doubt::Config);
            // A base may bring cluster types, too.
            model.damage.candidates = Candidates::Unsure;
            // What the base would define is not unknown.
            model.diagnostics.retain(|it| it.code != "unknown-template");
            // A base that no object names is reported by those who named it: the settings.
            if let Some(it) = &base.repository {
                let place = it.meta.place.key("spec").key("repo");
                model.diagnostics.push(unavailable("base", why, Some(place)));
            }
        }
    }
    for workload in environment.workloads(db) {
        if let Err(why) = &workload.source {
            model.damage.doubt = model.damage.doubt.max(Doubt::Scheduling);
            let place = workload.registration.meta.place.key("spec").key("workload").key("repo");
            let what = format!("workload `{}`", workload.registration.meta.name);
            model.diagnostics.push(unavailable(&what, why, Some(place)));
        }
    }
}

fn unavailable(what: &str, why: &Unavailable, place: Option<wob_engine::Place>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("input-unavailable", format!("{what}: {}", why.reason));
    if let Some(place) = place {
        diagnostic = diagnostic.at(place, "registered here");
    }
    match &why.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

/// What the scheduler of an environment decided.
#[salsa::tracked(returns(ref))]
pub fn scheduled(db: &dyn salsa::Database, environment: EnvironmentInput) -> Schedule {
    environment.scheduling(db).scheduler().schedule(fleet(db, environment))
}

/// The assignments of an environment, sorted by cluster type, then target.
pub fn assignments(db: &dyn salsa::Database, environment: EnvironmentInput) -> &[Assignment] {
    &scheduled(db, environment).assignments
}

/// What the scheduler of an environment decides about.
pub fn fleet(db: &dyn salsa::Database, environment: EnvironmentInput) -> Fleet<'_> {
    let model = environment_model(db, environment);
    Fleet {
        cluster_types: &model.cluster_types,
        targets: &model.targets,
        policies: &model.policies,
        candidates: model.damage.candidates,
        scheduling: environment.scheduling(db),
    }
}

/// Returns the program that must be run before an environment is scheduled; `None` if it needs none, or may not be asked.
pub fn scheduler_call(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
) -> Option<ProgramCall> {
    let doubt = environment_model(db, environment).damage.doubt;
    schedule::scheduler_call(environment.name(db), fleet(db, environment), doubt)
}

/// Notes what came of the program that [`scheduler_call`] returned.
pub fn answer_scheduler(db: &mut Database, environment: EnvironmentInput, answer: Answer) {
    let mut scheduling = environment.scheduling(db).clone();
    scheduling.answer = Some(answer);
    environment.set_scheduling(db).to(scheduling);
}

/// What a list of layers adds up to, with the origin of everything: for those who explain, as it takes much memory.
#[salsa::tracked(returns(ref))]
fn composition<'db>(db: &'db dyn salsa::Database, list: LayerList<'db>) -> Composition {
    let environment = list.environment(db);
    compose::merge(
        layers(db, environment),
        list.ids(db),
        environment.settings(db).config_precedence,
    )
}

/// The values of a composition, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Merged {
    config: Arc<Config>,
    diagnostics: Vec<Diagnostic>,
}

/// The values of a list of layers, without their origins.
#[salsa::tracked(returns(ref))]
fn merged<'db>(db: &'db dyn salsa::Database, list: LayerList<'db>) -> Merged {
    let environment = list.environment(db);
    let precedence = environment.settings(db).config_precedence;
    let mut values = compose::values(layers(db, environment), list.ids(db), precedence);
    let diagnostics = std::mem::take(&mut values.diagnostics);
    Merged { config: Arc::new(Config::of(values)), diagnostics }
}

#[salsa::tracked(returns(ref))]
fn settings(db: &dyn salsa::Database, environment: EnvironmentInput) -> Arc<HashedSettings> {
    Arc::new(HashedSettings::new(environment.settings(db).clone()))
}

/// What a name stands for, ready to render; `None` if it can't be used.
#[salsa::tracked(returns(ref))]
fn compiled<'db>(
    db: &'db dyn salsa::Database,
    key: TemplateKey<'db>,
) -> Result<Arc<CompiledTemplate>, Vec<Diagnostic>> {
    let environment = key.environment(db);
    let model = environment_model(db, environment);
    let name = key.name(db);
    if model.is_damaged(name) {
        return Err(vec![]);
    }
    let compiled = match model.definition(name) {
        Some(Definition::Template(it)) => {
            render::compile_template(it, environment.settings(db).profile)
        }
        Some(Definition::Rule(it)) => {
            render::compile_rule(it, |file| rule_files::text(db, environment, it, file))
        }
        Some(Definition::Builtin(it)) => Ok(render::compile_builtin(it)),
        // An unknown name is reported once, where the cluster type says it.
        None => Err(vec![]),
    };
    compiled.map(Arc::new)
}

/// The parameters of the rules that a cluster type uses.
#[salsa::tracked(returns(ref))]
fn parameters<'db>(
    db: &'db dyn salsa::Database,
    key: ClusterTypeKey<'db>,
) -> Result<Arc<Parameters>, Vec<Diagnostic>> {
    let environment = key.environment(db);
    let model = environment_model(db, environment);
    let cluster_type = &model.cluster_types[key.name(db)];
    let user = cluster_type.meta.place.key("spec");
    let settings = environment.parameters(db);
    let mut values = BTreeMap::new();
    let mut diagnostics = vec![];
    for name in cluster_type.templates() {
        let Some(rule) = model.definition(name).and_then(Definition::rule) else { continue };
        match settings.resolve(rule, cluster_type.meta.name.as_str(), &user) {
            Ok(it) => drop(values.insert(rule.name().to_owned(), it)),
            Err(mut errors) => diagnostics.append(&mut errors),
        }
    }
    if diagnostics.is_empty() { Ok(Arc::new(Parameters::new(values))) } else { Err(diagnostics) }
}

/// What the assignments of a cluster type share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClusterTypeUse {
    /// None if a template can't be used.
    inputs: Option<Arc<ClusterTypeInputs>>,
    /// What forbids every assignment.
    diagnostics: Vec<Diagnostic>,
    /// What forbids one if nothing else does.
    contested: Vec<Diagnostic>,
}

/// What the assignments of a cluster type share of their inputs.
#[salsa::tracked(returns(ref))]
fn cluster_type_use<'db>(db: &'db dyn salsa::Database, key: ClusterTypeKey<'db>) -> ClusterTypeUse {
    let environment = key.environment(db);
    let cluster_type = &environment_model(db, environment).cluster_types[key.name(db)];
    let (parameters, diagnostics) = match parameters(db, key) {
        Ok(it) => (it.clone(), vec![]),
        Err(diagnostics) => (Arc::default(), diagnostics.clone()),
    };
    let template = |name: &str| template(db, environment, name);
    let templates = (
        template(&cluster_type.reconciler),
        template(&cluster_type.namespace_service),
        template(&cluster_type.config_type),
    );
    let (Some(reconciler), Some(namespace_service), Some(config_type)) = templates else {
        return ClusterTypeUse { inputs: None, diagnostics, contested: vec![] };
    };
    let inputs = ClusterTypeInputs::new(ClusterTypeFields {
        name: cluster_type.meta.name.clone(),
        reconciler,
        namespace_service,
        config_type,
        parameters,
        settings: settings(db, environment).clone(),
        check: environment.validation(db).of(&cluster_type.meta.name).digest(db),
    });
    let contested = rule_files::contested(&inputs, cluster_type);
    ClusterTypeUse { inputs: Some(Arc::new(inputs)), diagnostics, contested }
}

/// What the assignments of a target share of their inputs.
#[salsa::tracked(returns(ref))]
fn target_inputs<'db>(db: &'db dyn salsa::Database, key: TargetKey<'db>) -> Arc<TargetInputs> {
    let target = &environment_model(db, key.environment(db)).targets[key.name(db)];
    Arc::new(TargetInputs::new(TargetFields {
        name: target.name.clone(),
        environment: target.environment.clone(),
        workspace: target.workspace.clone(),
        workload: target.workload.clone(),
        labels: target.labels.clone(),
        manifests: target.manifests.clone(),
        source: rule_files::source(target).ok(),
    }))
}

/// The inputs of an assignment's render, or what forbids it.
#[salsa::tracked(returns(ref))]
fn inputs<'db>(
    db: &'db dyn salsa::Database,
    pair: Pair<'db>,
) -> Result<Arc<Inputs>, Vec<Diagnostic>> {
    inputs_of_pair(db, pair.environment(db), (pair.cluster_type(db), pair.target(db)))
}

/// Puts the inputs of an assignment together, as [`inputs_of`] returns them, and keeps nothing that is of this assignment alone.
fn inputs_of_pair(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    (cluster_type, target): (&Name, &Name),
) -> Result<Arc<Inputs>, Vec<Diagnostic>> {
    let model = environment_model(db, environment);
    let cluster_type = &model.cluster_types[cluster_type];
    let target = &model.targets[target];
    let subject = subject(cluster_type, target);
    if model.damage.doubt >= Doubt::Config
        || model.damage.layers.iter().any(|it| it.applies_to(&subject))
    {
        return Err(vec![]);
    }
    let mut diagnostics = vec![];
    let of_type = ClusterTypeKey::new(db, environment, cluster_type.meta.name.clone());
    let of_target = TargetKey::new(db, environment, target.name.clone());
    let list =
        LayerList::new(db, environment, chosen(db, (of_type, of_target), || subject.sides()));
    let merged = merged(db, list);
    diagnostics.extend(merged.diagnostics.iter().filter(|it| it.is_error()).cloned());
    let chosen = schemas(db, environment).0.matching(&subject);
    let check = Check::new(db, list, chosen, target.config_schemas.clone());
    diagnostics.extend(checked(db, check).iter().cloned());
    let settings = environment.settings(db);
    let namespace =
        namespace(settings, cluster_type, target).map_err(|it| diagnostics.push(*it)).ok();
    let uses = cluster_type_use(db, of_type);
    diagnostics.extend(uses.diagnostics.iter().cloned());
    let Some(of_cluster_type) = &uses.inputs else { return Err(diagnostics) };
    let of_target = target_inputs(db, of_target);
    let templates = of_cluster_type.templates();
    let source = of_target.source.as_ref();
    diagnostics.extend(rule_files::source_problems(templates, cluster_type, target, source));
    let Some(namespace) = namespace else { return Err(diagnostics) };
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    if !uses.contested.is_empty() {
        return Err(uses.contested.clone());
    }
    Ok(Arc::new(Inputs {
        cluster_type: of_cluster_type.clone(),
        target: of_target.clone(),
        namespace: namespace.into(),
        config: merged.config.clone(),
    }))
}

/// The files of an assignment.
#[salsa::tracked(returns(ref))]
fn rendered<'db>(db: &'db dyn salsa::Database, pair: Pair<'db>) -> Rendered {
    match inputs(db, pair) {
        Ok(inputs) => render::render_digests(inputs),
        Err(_) => Rendered::default(),
    }
}

/// What is wrong with the files of an assignment, by the schemas of what they hold.
#[salsa::tracked(returns(ref))]
fn file_problems<'db>(db: &'db dyn salsa::Database, pair: Pair<'db>) -> Vec<Diagnostic> {
    let Ok(inputs) = inputs(db, pair) else { return vec![] };
    check_files(db, pair.environment(db), (inputs, rendered(db, pair)), &|_, _| true)
}

/// Returns what is wrong with those of the files that were rendered of `inputs` that are `wanted`, by their names and contents.
fn check_files(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    (inputs, rendered): (&Inputs, &Rendered),
    wanted: &dyn Fn(&str, &Blob) -> bool,
) -> Vec<Diagnostic> {
    let name = &inputs.cluster_type.name;
    let check = environment.validation(db).of(name);
    let Some(checker) = check.checker(db) else { return vec![] };
    let cluster_type = &environment_model(db, environment).cluster_types[name];
    let files = rendered.files.iter().filter(|(name, it)| wanted(name, it));
    checker.diagnostics(files, inputs, &cluster_type.meta.place)
}

/// Lets the rendered files of `environment` be checked, whatever its settings say.
pub fn check_always(db: &mut Database, environment: EnvironmentInput) {
    let validation = environment.validation(db).always();
    environment.set_validation(db).to(Arc::new(validation));
}

/// Returns everything that the files of `assignment` depend on, or what forbids to render them.
pub fn inputs_of<'db>(
    db: &'db dyn salsa::Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> &'db Result<Arc<Inputs>, Vec<Diagnostic>> {
    inputs(db, pair(db, environment, assignment))
}

fn pair<'db>(
    db: &'db dyn salsa::Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> Pair<'db> {
    Pair::new(db, environment, assignment.cluster_type.clone(), assignment.target.clone())
}

/// Returns the template or built-in rule of that name; `None` if it can't be used.
pub(crate) fn template(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    name: &str,
) -> Option<Arc<CompiledTemplate>> {
    compiled(db, TemplateKey::new(db, environment, name.to_owned())).as_ref().ok().cloned()
}

/// Returns the names of the files of an assignment; none if it fails.
pub(crate) fn output_files<'d>(
    db: &'d dyn salsa::Database,
    environment: EnvironmentInput,
    assignment: &Assignment,
) -> impl Iterator<Item = &'d str> {
    let Assignment { cluster_type, target, .. } = assignment;
    let pair = Pair::new(db, environment, cluster_type.clone(), target.clone());
    let files = &rendered(db, pair).files;
    files.let_go();
    files.iter().map(|(name, _)| name)
}
