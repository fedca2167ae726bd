//! `--explain=FILE`: what was done about each assignment and why, and what it was made from, as it was hashed.

use std::io;

use camino::Utf8Path;
use serde::Serialize;
use wob_engine::Digest;
use wob_rules::{InputPart, Parts};

use super::write::Outcome;
use crate::{
    last::{Doing, Edited, ToldCause},
    session::BuiltTarget,
};

/// One assignment and its inputs.
#[derive(Debug, Serialize)]
struct JsonAction<'o> {
    label: String,
    doing: Doing,
    causes: &'o [ToldCause],
    /// The digest over `parts`; none if the inputs could not be put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Digest>,
    /// Whether it has no files of its own in this build.
    failed: bool,
    parts: Vec<InputPart>,
}

/// What changed since the build before.
#[derive(Debug, Serialize)]
struct JsonChanges<'o> {
    environment: &'o str,
    /// Absent if nothing is known of a build before.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<&'o [Edited]>,
    gone: Vec<String>,
}

#[derive(Debug, Serialize)]
struct JsonActions<'o> {
    environments: Vec<JsonChanges<'o>>,
    assignments: Vec<JsonAction<'o>>,
}

/// Writes what was done about every selected assignment of `built` to the file at `path`.
pub(super) fn write(
    built: &[BuiltTarget],
    outcomes: &[Outcome],
    path: &Utf8Path,
) -> io::Result<()> {
    let mut environments = vec![];
    let mut assignments = vec![];
    for outcome in outcomes {
        let environment = outcome.tree.environment.as_str();
        let explanation = &outcome.explanation;
        let gone = explanation.gone.iter().map(|it| label(environment, it)).collect();
        environments.push(JsonChanges { environment, edited: explanation.edited.as_deref(), gone });
        let groups = explanation.by_assignment();
        let mut targets = built.iter().filter(|it| it.built.environment == environment);
        let Some(target) = targets.next() else { continue };
        let selected = target.built.assignments.iter().enumerate();
        for (_, it) in selected.filter(|(index, _)| target.selected.has(*index)) {
            let inputs = it.made_from.as_ref();
            let name = format!("{}:{}", it.assignment.cluster_type, it.assignment.target);
            let group = groups.get(name.as_str());
            assignments.push(JsonAction {
                label: label(environment, &name),
                doing: group.map_or(Doing::Unchanged, |it| it.doing),
                causes: group.map_or(&[], |it| &it.causes),
                inputs: it.inputs,
                failed: it.failed,
                parts: inputs.map_or_else(Vec::new, |it| it.parts()),
            });
        }
    }
    let mut text = serde_json::to_vec_pretty(&JsonActions { environments, assignments })?;
    text.push(b'\n');
    std::fs::write(path, text)
}

fn label(environment: &str, name: &str) -> String {
    format!("//env/{environment}/{name}")
}
