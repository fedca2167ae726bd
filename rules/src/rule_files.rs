//! Joins rules with the sources around them: their template files, what deployment targets ask of them, and parameters.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Content, Diagnostic, FileName, Place, Source, SourceFile, did_you_mean};

use crate::{
    Doubt, Model, Name, ParameterSettings, Rule, Target, ValidateSettings, builtin,
    decode::{refused, shown},
    queries::EnvironmentInput,
    render::{ClusterTypeInputs, CompiledTemplate, TemplateText},
    resource::ClusterType,
    rule::{ManifestSource, ParameterLevel, ParameterValues, is_template_name},
};

/// Reads a template file of a rule, which lies beside its `rule.yaml`.
///
/// # Errors
/// If it is not there, or can't be read.
pub(crate) fn text(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    rule: &Rule,
    file: &str,
) -> Result<TemplateText, Vec<Diagnostic>> {
    let name = rule.beside(file);
    let bases = environment.bases(db).iter().filter_map(|it| it.source.as_ref().ok());
    let sources: Vec<Source> = bases.copied().chain([environment.control_plane(db)]).collect();
    let found = sources.iter().find_map(|it| find(db, it.files(db), &name));
    match found.map(|it| it.content(db)) {
        Some(Content::Text { text, .. }) => {
            Ok(TemplateText { text: text.clone(), place: Some(Place::file(&name)) })
        }
        Some(Content::Refused(refusal)) => Err(vec![refused(&name, refusal)]),
        Some(Content::Unread { .. }) => unreachable!("because only resources are left out"),
        None => Err(vec![no_such_file(db, &sources, rule, file)]),
    }
}

fn find(db: &dyn salsa::Database, files: &[SourceFile], name: &FileName) -> Option<SourceFile> {
    files.iter().find(|it| it.name(db) == name).copied()
}

fn no_such_file(
    db: &dyn salsa::Database,
    sources: &[Source],
    rule: &Rule,
    file: &str,
) -> Diagnostic {
    let (name, folder) = (rule.beside(file), rule.beside(""));
    let templates = rule.templates();
    let named = templates.iter().find(|it| &*it.name == file);
    let place = named.map_or(&rule.meta.place, |it| &it.place).clone();
    let files = sources.iter().flat_map(|it| it.files(db));
    let below = files.filter_map(|it| it.name(db).as_str().strip_prefix(folder.as_str()));
    let known = below.filter(|it| !it.contains('/') && is_template_name(it));
    let is_hidden = sources.iter().any(|it| find(db, it.ignored_files(db), &name).is_some());
    let help = match did_you_mean(file, known) {
        _ if is_hidden => "show the file in .sourceignore".to_owned(),
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("add the file `{name}`"),
    };
    let message =
        format!("rule `{}` names a template `{}` that is not there", rule.name(), shown(file));
    Diagnostic::error("missing-template-file", message)
        .at(place, "no such file beside it")
        .help(help)
}

/// Reads the manifest source of `target`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn source(target: &Target) -> Result<ManifestSource, Vec<Diagnostic>> {
    let owner = format!("deployment target `{}`", target.name);
    ManifestSource::read(&target.manifests, &target.manifests_place, &owner)
}

/// If one of `uses` is a rule that looks at the manifest source of `target`, which is `source`: says what is wrong with
/// it, or which rule can't express it.
pub(crate) fn source_problems(
    uses: [&Arc<CompiledTemplate>; 3],
    cluster_type: &ClusterType,
    target: &Target,
    source: Option<&ManifestSource>,
) -> Vec<Diagnostic> {
    if uses.iter().all(|it| it.sources().is_empty()) {
        return vec![];
    }
    let Some(kind) = source.map(ManifestSource::kind) else {
        return self::source(target).err().unwrap_or_default();
    };
    let mut diagnostics = vec![];
    let fields = ["reconciler", "namespaceService", "configType"];
    for (template, field) in uses.into_iter().zip(fields) {
        let taken = template.sources();
        if taken.is_empty() || taken.contains(&kind) {
            continue;
        }
        let rule = template.name();
        let owner = format!("deployment target `{}`", target.name);
        let message = format!("rule `{rule}` can't express {}, as {owner} has it", kind.noun());
        let list: Vec<&str> = taken.iter().map(|it| it.noun()).collect();
        diagnostics.push(
            Diagnostic::error("unsupported-source", message)
                .at(target.manifests_place.clone(), format!("a source of kind `{kind}`"))
                .at(cluster_type.meta.place.key("spec").key(field), "uses the rule")
                .help(format!(
                    "`{rule}` takes {}; use another rule, or schedule the target elsewhere",
                    list.join(", ")
                )),
        );
    }
    diagnostics
}

/// Says which files two rules of a cluster type would write.
pub(crate) fn contested(inputs: &ClusterTypeInputs, cluster_type: &ClusterType) -> Vec<Diagnostic> {
    let diagnostic = |name: &String| {
        let owner = &cluster_type.meta.name;
        let message = format!("two rules of cluster type `{owner}` write a file `{name}`");
        Diagnostic::error("duplicate-file", message)
            .at(cluster_type.meta.place.key("spec"), "uses both")
            .help("use other rules together, or give the file another name in `files:` of a rule")
    };
    inputs.contested_names().iter().map(diagnostic).collect()
}

/// Returns what is wrong with the parameters that are set, for rules that are used and others alike.
///
/// Names that are set for the whole workspace may mean something in another environment: see [`unused_parameters`].
pub(crate) fn parameter_problems(model: &Model, settings: &ParameterSettings) -> Vec<Diagnostic> {
    let own = model.rules.values();
    let set = builtin::rule_names().filter(|it| settings.names(it));
    let builtin = set.filter_map(builtin::find).map(|it| &it.rule);
    let rules = own.chain(builtin.filter(|it| !model.rules.contains_key(it.name())));
    let mut diagnostics: Vec<Diagnostic> = rules.flat_map(|it| settings.problems(it)).collect();
    let environment = &settings.environment;
    let inner = &settings.environment_cluster_types;
    for values in [environment].into_iter().chain(inner.values()) {
        diagnostics.extend(unknown_rules(values, &[model]));
    }
    diagnostics.extend(unknown_cluster_types(PARAMETERS, named(inner), &[model]));
    diagnostics
}

/// Returns what the parameters of the whole workspace name that is in none of its environments.
pub fn unused_parameters(settings: &ParameterSettings, models: &[&Model]) -> Vec<Diagnostic> {
    let mut diagnostics = unknown_cluster_types(PARAMETERS, named(&settings.cluster_types), models);
    for (level, _, values) in settings.all() {
        if matches!(level, ParameterLevel::Workspace | ParameterLevel::ClusterType) {
            diagnostics.extend(unknown_rules(values, models));
        }
    }
    diagnostics
}

fn unknown_rules(values: &ParameterValues, models: &[&Model]) -> Vec<Diagnostic> {
    let own = models.iter().flat_map(|it| it.rules.keys()).map(Name::as_str);
    let known: BTreeSet<&str> = own.chain(builtin::rule_names().map(|it| -> &str { it })).collect();
    let damaged = |name: &str| models.iter().any(|it| it.damage.templates.contains(name));
    let unknown = values.0.iter().filter(|(name, _)| !known.contains(&***name) && !damaged(name));
    unknown
        .map(|(name, set)| {
            let is_template = models.iter().any(|it| it.templates.contains_key(&**name));
            let message = format!("parameters are set for `{}`, which is no rule", shown(name));
            let help = match (builtin::find(name), did_you_mean(name, known.iter().copied())) {
                _ if is_template => "Templates take no parameters; make it a Rule".to_owned(),
                (Some(it), _) => format!("write `{}`, of which it is another name", it.rule.name()),
                (None, Some(guess)) => format!("did you mean `{guess}`?"),
                (None, None) => "`wob rules list` shows what there is".to_owned(),
            };
            Diagnostic::warning("unknown-rule", message)
                .at(set.place.on_key(), "not used")
                .help(help)
        })
        .collect()
}

/// Returns which cluster types `settings` name that none of `models` has: all models for those of the workspace, that of
/// an environment for its own.
pub fn unknown_validations(settings: &ValidateSettings, models: &[&Model]) -> Vec<Diagnostic> {
    unknown_cluster_types("`validate` has settings for", settings.cluster_types(), models)
}

/// How a warning of parameters begins.
const PARAMETERS: &str = "parameters are set for";

/// Returns each cluster type that sets parameters, with the place of the first.
fn named(set: &BTreeMap<Name, ParameterValues>) -> impl Iterator<Item = (&Name, &Place)> {
    set.iter().filter_map(|(name, values)| Some((name, &values.0.values().next()?.place)))
}

fn unknown_cluster_types<'s>(
    what: &str,
    set: impl Iterator<Item = (&'s Name, &'s Place)>,
    models: &[&Model],
) -> Vec<Diagnostic> {
    if models.iter().any(|it| it.damage.doubt != Doubt::Nothing) {
        // What could not be read might be one of them.
        return vec![];
    }
    let known = || models.iter().flat_map(|it| it.cluster_types.keys()).map(Name::as_str);
    let unknown = set.filter(|(name, _)| !known().any(|it| it == name.as_str()));
    unknown
        .map(|(name, place)| {
            let message = format!("{what} the cluster type `{name}`, which does not exist");
            let help = did_you_mean(name.as_str(), known()).map_or_else(
                || "`wob list` shows what there is".to_owned(),
                |it| format!("did you mean `{it}`?"),
            );
            let diagnostic = Diagnostic::warning("unknown-cluster-type", message);
            diagnostic.at(place.on_key(), "not used").help(help)
        })
        .collect()
}
