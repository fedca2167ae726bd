//! `--explain=FILE`: what each assignment was made from, as it was hashed.

use std::io;

use camino::Utf8Path;
use serde::Serialize;
use wob_engine::Digest;
use wob_rules::{InputPart, inputs_of};

use crate::session::{BuiltTarget, Session};

/// One assignment and its inputs.
#[derive(Debug, Serialize)]
struct JsonAction {
    label: String,
    /// The digest over `parts`; none if the inputs could not be put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Digest>,
    /// Whether it has no files of its own in this build.
    failed: bool,
    parts: Vec<InputPart>,
}

#[derive(Debug, Serialize)]
struct JsonActions {
    assignments: Vec<JsonAction>,
}

/// Writes the inputs of every selected assignment of `built` to the file at `path`.
pub(super) fn write(
    session: &Session<'_>,
    built: &[BuiltTarget],
    path: &Utf8Path,
) -> io::Result<()> {
    let db = &session.loaded.db;
    let mut assignments = vec![];
    for target in built {
        let selected = target.built.assignments.iter().enumerate();
        for (_, it) in selected.filter(|(index, _)| target.selected.has(*index)) {
            let inputs = inputs_of(db, target.input, &it.assignment).as_ref().ok();
            let (cluster_type, name) = (&it.assignment.cluster_type, &it.assignment.target);
            assignments.push(JsonAction {
                label: format!("//env/{}/{cluster_type}:{name}", target.built.environment),
                inputs: it.inputs,
                failed: it.failed,
                parts: inputs.map_or_else(Vec::new, |it| it.parts()),
            });
        }
    }
    let mut text = serde_json::to_vec_pretty(&JsonActions { assignments })?;
    text.push(b'\n');
    std::fs::write(path, text)
}
