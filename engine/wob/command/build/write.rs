//! Writes one built environment: what failed or was not selected keeps its last good output.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Diagnostic, FilePath, Tree};
use wob_host::{Change, Counts, OutputError, OutputFolder, Overwrite, Plan, Previous};
use wob_rules::{EnvironmentInput, Record, SourceRecord};

use super::Destination;
use crate::{
    args::Common,
    exit::Exit,
    report::count,
    session::{BuiltTarget, Session},
};

/// How many files in the way are named.
const NAMED: usize = 10;

/// What became of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What the tree holds and what it was made from.
    pub(crate) record: Record,
    /// How many files changed.
    pub(crate) counts: Counts,
    /// The output folder.
    pub(crate) folder: Utf8PathBuf,
    /// The output folder as people see it.
    pub(crate) shown: Utf8PathBuf,
    /// Whether the tree was written.
    pub(crate) written: bool,
}

impl Destination {
    /// Writes the tree of `target` into `folder`; says why if that cannot be done.
    pub(super) fn write(
        &self,
        session: &Session<'_>,
        target: &BuiltTarget,
        folder: &Utf8Path,
        common: &Common,
    ) -> Result<Outcome, Exit> {
        let shown = shown(folder);
        let fail = |error: OutputError| {
            match error {
                OutputError::Interrupted(_) => return session.interrupted(),
                OutputError::Conflicts { .. }
                | OutputError::Link { .. }
                | OutputError::FolderInTheWay { .. }
                | OutputError::Path { .. }
                | OutputError::Manifest
                | OutputError::Busy { .. }
                | OutputError::Failed { .. }
                | OutputError::HalfWritten { .. } => session.streams.fail(&error.to_string()),
            }
            Exit::Local
        };
        let output = self.output(session, folder);
        let previous = output.previous().map_err(fail)?;
        let tree = kept(target, &output, &previous).map_err(fail)?;
        let record = record(session, target, &tree);
        let plan = output.plan(&tree, &record.to_json(), &session.interrupt).map_err(fail)?;
        let counts = plan.counts();
        tell_others(session, &plan, &shown);
        let has_errors = target.built.diagnostics.iter().any(Diagnostic::is_error);
        if common.strict && has_errors {
            session
                .streams
                .say(&format!("nothing is written to `{shown}`: --strict, and there are errors"));
            let folder = folder.to_owned();
            return Ok(Outcome { record, counts, folder, shown, written: false });
        }
        let conflicts = counts.foreign + counts.edited;
        if conflicts > 0 && !self.force {
            tell_conflicts(session, &plan, &shown);
            return Err(Exit::Local);
        }
        let overwrite = if self.force { Overwrite::Conflicts } else { Overwrite::Nothing };
        let written = plan.apply(overwrite, &session.interrupt).map_err(fail)?;
        let folder = folder.to_owned();
        Ok(Outcome { record, counts: written.counts, folder, shown, written: true })
    }
}

impl Destination {
    /// Returns where the tree is written. A folder that the user names may be a link; `wob-out`, which came with the
    /// sources, may not.
    fn output(&self, session: &Session<'_>, folder: &Utf8Path) -> OutputFolder {
        let root = &session.workspace.root;
        let below = folder.strip_prefix(root).ok().filter(|_| self.out.is_none());
        let prefix = below.and_then(|it| FilePath::new(it.as_str()).ok());
        match prefix {
            Some(prefix) => OutputFolder::new(root, Some(&prefix)),
            None => OutputFolder::new(folder, None),
        }
    }
}

/// Returns the tree to write: what was built and selected, and of the rest what was written before.
fn kept(
    target: &BuiltTarget,
    output: &OutputFolder,
    previous: &Previous,
) -> Result<Tree, OutputError> {
    let built = &target.built;
    let left_out: BTreeSet<(&str, &str)> = built
        .assignments
        .iter()
        .enumerate()
        .filter(|(index, _)| !target.selected.has(*index))
        .map(|(_, it)| (it.assignment.cluster_type.as_str(), it.assignment.target.as_str()))
        .collect();
    let is_left_out =
        |path: &FilePath| built.assignment_of(path).is_some_and(|it| left_out.contains(&it));
    let mut tree = Tree::default();
    for (path, blob) in built.tree.files().filter(|(path, _)| !is_left_out(path)) {
        tree.insert(path.clone(), blob.clone());
    }
    for path in previous.manifest.paths() {
        if (is_left_out(&path) || built.keeps(&path))
            && let Some(blob) = output.read_owned(&path, previous)?
        {
            tree.insert(path, blob);
        }
    }
    Ok(tree)
}

fn record(session: &Session<'_>, target: &BuiltTarget, tree: &Tree) -> Record {
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

fn sources(session: &Session<'_>, input: EnvironmentInput) -> Vec<SourceRecord> {
    let db = &session.loaded.db;
    let mut records = vec![];
    for base in input.bases(db) {
        let name = base.repository.as_ref().map_or("base", |it| it.meta.name.as_str());
        let source = base.source.as_ref().ok();
        records.extend(source.map(|it| SourceRecord::new("base", name, it.origin(db))));
    }
    records.push(SourceRecord::new(
        "controlPlane",
        input.name(db),
        input.control_plane(db).origin(db),
    ));
    for workload in input.workloads(db) {
        let name = workload.registration.meta.name.as_str();
        let source = workload.source.as_ref().ok();
        records.extend(source.map(|it| SourceRecord::new("workload", name, it.origin(db))));
    }
    records
}

fn tell_others(session: &Session<'_>, plan: &Plan, shown: &Utf8Path) {
    if plan.others > 0 {
        let files = count(plan.others, "file", "files");
        let examples = plan.other_examples.join(", ");
        session
            .streams
            .say_more(&format!("`{shown}` also holds {files} that wob did not write: {examples}"));
    }
}

fn tell_conflicts(session: &Session<'_>, plan: &Plan, shown: &Utf8Path) {
    let conflicts = plan.changes.iter().filter(|(_, change)| change.is_conflict());
    let mut lines: Vec<String> = conflicts
        .map(|(path, change)| match change {
            Change::Edited => format!("    {path} (edited since wob wrote it)"),
            Change::Foreign | Change::Added | Change::Changed | Change::Deleted => {
                format!("    {path} (not written by wob)")
            }
        })
        .collect();
    let all = lines.len();
    if all > NAMED {
        lines.truncate(NAMED);
        lines.push(format!("    and {} more", all - NAMED));
    }
    session.streams.fail(&format!(
        "nothing was written to `{shown}`: {} would be lost\n{}\n  \
         help: move them away, or overwrite them with --force",
        count(all, "file", "files"),
        lines.join("\n")
    ));
}

/// Returns a folder as people write it: from where they are, if it is below.
fn shown(folder: &Utf8Path) -> Utf8PathBuf {
    let here = std::env::current_dir().ok().and_then(|it| Utf8PathBuf::from_path_buf(it).ok());
    let below = here.as_deref().and_then(|here| folder.strip_prefix(here).ok());
    below.unwrap_or(folder).to_owned()
}
