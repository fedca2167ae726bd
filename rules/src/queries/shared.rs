//! What is wrong with an environment as a whole.

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{Diagnostic, Digest, Hasher};

use super::{
    ClusterTypeKey, ClusterTypeUse, EnvironmentInput, LayerList, TemplateKey, cluster_type_use,
    compiled, environment_model, fleet, layer_ids, merged, scheduled, schemas, source_files,
};
use crate::{
    Name,
    decode::decode_file,
    model::Doubt,
    render::Inputs,
    rule_files,
    schedule::{self, Assignment},
    schemas::own_schemas,
};

/// Every problem of the environment that belongs to no single assignment; `made_from` are all assignments, with their inputs.
pub(crate) fn shared_diagnostics<'a>(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    made_from: impl IntoIterator<Item = (&'a Assignment, Option<&'a Arc<Inputs>>)>,
) -> Vec<Diagnostic> {
    let mut diagnostics = whole_diagnostics(db, environment);
    for file in source_files(db, environment) {
        diagnostics.extend(decode_file(db, file).diagnostics.iter().cloned());
    }
    diagnostics.extend(layer_warnings(db, environment, made_from));
    diagnostics
}

/// Those problems of the environment that no value of config has a part in, as long as there are no errors.
pub(crate) fn whole_diagnostics(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
) -> Vec<Diagnostic> {
    let model = environment_model(db, environment);
    let mut diagnostics = model.diagnostics.clone();
    diagnostics.extend(schemas(db, environment).1.iter().cloned());
    for folder in environment.validation(db).folders() {
        diagnostics.extend(own_schemas(db, folder).diagnostics.iter().cloned());
    }
    for name in model.templates.keys().chain(model.rules.keys()) {
        let key = TemplateKey::new(db, environment, name.to_string());
        diagnostics.extend(compiled(db, key).as_ref().err().into_iter().flatten().cloned());
    }
    diagnostics.extend(rule_files::parameter_problems(model, environment.parameters(db)));
    // What could not be read might have been selected.
    if model.damage.doubt == Doubt::Nothing {
        let note = format!("in the environment `{}`", model.environment);
        let fleet = fleet(db, environment);
        diagnostics.extend(schedule::idle(fleet).into_iter().map(|it| it.note(&note)));
    }
    let decided = &scheduled(db, environment).diagnostics;
    diagnostics.extend(decided.iter().cloned().map(|it| {
        let note = format!("in the environment `{}`", model.environment);
        it.note(note)
    }));
    diagnostics
}

/// Warnings of the compositions of some assignments, whose inputs these are; each once, however many share the layers.
pub(crate) fn layer_warnings<'a>(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    of: impl IntoIterator<Item = (&'a Assignment, Option<&'a Arc<Inputs>>)>,
) -> Vec<Diagnostic> {
    let mut warnings = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut known = BTreeSet::new();
    for (assignment, inputs) in of {
        // Each list of layers has one config, and most assignments share it: choosing the layers again costs more.
        if let Some(inputs) = inputs
            && !known.insert(Arc::as_ptr(&inputs.config))
        {
            continue;
        }
        let ids = layer_ids(db, environment, assignment);
        if seen.insert(ids.clone()) {
            let merged = merged(db, LayerList::new(db, environment, ids));
            warnings.extend(merged.diagnostics.iter().filter(|it| !it.is_error()).cloned());
        }
    }
    warnings.into_iter().collect()
}

/// Returns the digest of a cluster type, of the templates and parameters that it uses, and of all else that its assignments share.
pub(crate) fn cluster_type_digest(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
    name: &Name,
) -> Digest {
    let cluster_type = &environment_model(db, environment).cluster_types[name];
    let key = ClusterTypeKey::new(db, environment, name.clone());
    let ClusterTypeUse { inputs, diagnostics, contested } = cluster_type_use(db, key);
    let mut hasher = Hasher::new("wob 2026-11 cluster type");
    hasher.add(format!("{:?}", (cluster_type, diagnostics, contested)).as_bytes());
    if let Some(inputs) = inputs {
        for it in inputs.templates() {
            hasher.add(it.digest().as_bytes());
            hasher.add(format!("{:?}", (it.name(), it.places())).as_bytes());
        }
        let shared = (inputs.parameters.parts(), &**inputs.settings, inputs.check);
        hasher.add(format!("{shared:?}").as_bytes());
    }
    hasher.finish()
}
