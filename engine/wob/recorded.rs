//! What the record of a tree says: what was built, and from which sources.

use std::sync::Arc;

use wob_engine::Tree;
use wob_host::TreeRecord;
use wob_rules::{EnvironmentInput, Record, RecordTexts, SourceRecord, SourceRole};

use crate::session::{BuiltTarget, Session};

/// Returns the record of `tree`, which holds what was built of `target` and what stays of an earlier build.
pub(crate) fn record(session: &Session<'_>, target: &BuiltTarget, tree: &Tree) -> Record {
    let profile = target.input.settings(&session.loaded.db).profile;
    let mut record = Record::new(&target.built, tree, profile, sources(session, target.input));
    for (index, it) in record.assignments.iter_mut().enumerate() {
        if !target.selected.has(index) {
            // Its files are those of another build, made from inputs that are not these.
            it.inputs = None;
        }
    }
    record
}

/// Returns the texts of a record as they are written.
pub(crate) fn written(texts: RecordTexts) -> TreeRecord {
    TreeRecord { head: texts.head, parts: Arc::new(texts.parts) }
}

/// Lists the sources of an environment: bases, the control plane, workloads, the settings, schemas.
pub(crate) fn sources(session: &Session<'_>, input: EnvironmentInput) -> Vec<SourceRecord> {
    let db = &session.loaded.db;
    let mut records = vec![];
    for base in input.bases(db) {
        let name = base.repository.as_ref().map_or("base", |it| it.meta.name.as_str());
        let source = base.source.as_ref().ok();
        records.extend(source.map(|it| SourceRecord::new(SourceRole::Base, name, it.origin(db))));
    }
    let origin = input.control_plane(db).origin(db);
    records.push(SourceRecord::new(SourceRole::ControlPlane, input.name(db), origin));
    for workload in input.workloads(db) {
        let name = workload.registration.meta.name.as_str();
        let source = workload.source.as_ref().ok();
        let record =
            |it: &wob_engine::Source| SourceRecord::new(SourceRole::Workload, name, it.origin(db));
        records.extend(source.map(record));
    }
    records.extend(session.workspace.settings_record());
    let is_this = |it: &&crate::workspace::LoadedEnvironment| it.name.as_str() == input.name(db);
    let environment = session.loaded.environments.iter().find(is_this);
    let used = input.validation(db).folders();
    for (path, source) in environment.into_iter().flat_map(|it| &it.schemas) {
        if used.contains(source) {
            let origin = source.origin(db);
            records.push(SourceRecord::new(SourceRole::Schemas, path.as_str(), origin));
        }
    }
    if let Some((program, origin)) = input.scheduling(db).program() {
        records.push(SourceRecord::new(SourceRole::Scheduler, program.path.as_str(), origin));
    }
    records
}
