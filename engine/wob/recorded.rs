//! What the record of a tree says: what was built, and from which sources.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{Digest, Tree};
use wob_host::TreeRecord;
use wob_rules::{
    AssignmentRecord, EnvironmentInput, Profile, Record, RecordTexts, SourceRecord, SourceRole,
};

use crate::session::{BuiltTarget, Session};

/// What a tree holds, in few words.
#[derive(Clone, Debug)]
pub(crate) struct TreeSummary {
    /// The environment.
    pub(crate) environment: String,
    /// The BLAKE3 Merkle root.
    pub(crate) root: Digest,
    /// What git calls it.
    pub(crate) git_tree: String,
    /// Whether a source was overridden or edited.
    pub(crate) dirty: bool,
    /// How many files it has.
    pub(crate) files: usize,
    /// How many assignments each cluster type has.
    pub(crate) on: BTreeMap<String, usize>,
    /// The assignments that failed, as `<cluster type>:<target>`.
    pub(crate) failed: Vec<String>,
    /// The assignments; none if only changes were built.
    pub(crate) assignments: Arc<Vec<AssignmentRecord>>,
}

impl TreeSummary {
    /// Takes what a record says.
    pub(crate) fn of(record: Record<Tree>) -> Self {
        let mut on: BTreeMap<String, usize> = BTreeMap::new();
        for it in record.assignments.chunk_by(|a, b| a.cluster_type == b.cluster_type) {
            *on.entry(it[0].cluster_type.to_string()).or_default() += it.len();
        }
        let failed = record.assignments.iter().filter(|it| it.failed);
        let failed = failed.map(|it| format!("{}:{}", it.cluster_type, it.target)).collect();
        Self {
            environment: record.environment,
            root: record.root,
            git_tree: record.git_tree,
            dirty: record.dirty,
            files: record.files.len(),
            on,
            failed,
            assignments: record.assignments,
        }
    }

    /// Returns how many assignments there are.
    pub(crate) fn assigned(&self) -> usize {
        self.on.values().sum()
    }
}

/// What is recorded of whatever tree is made of `target`. It can be lent to another thread, unlike a session.
pub(crate) struct Recording<'t> {
    pub(crate) target: &'t BuiltTarget,
    profile: Profile,
    sources: Vec<SourceRecord>,
}

impl<'t> Recording<'t> {
    /// Takes what is needed of `session`, in which `target` was built.
    pub(crate) fn of(session: &Session<'_>, target: &'t BuiltTarget) -> Self {
        let profile = target.input.settings(&session.loaded.db).profile;
        Self { target, profile, sources: sources(session, target.input) }
    }

    /// Returns the record of `tree`, which holds what was built and what stays of an earlier build.
    pub(crate) fn record(&self, tree: &Tree) -> Record<Tree> {
        let Self { target, profile, sources } = self;
        let mut record = Record::new(&target.built, tree, *profile, sources.clone());
        if target.selected.is_whole() {
            return record;
        }
        for (index, it) in Arc::make_mut(&mut record.assignments).iter_mut().enumerate() {
            if !target.selected.has(index) {
                // Its files are those of another build, made from inputs that are not these.
                it.inputs = None;
            }
        }
        record
    }
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
