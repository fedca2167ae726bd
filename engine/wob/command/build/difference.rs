//! `wob build --check`: how what lies there differs from what would be built, line by line; secrets are masked.

use std::fmt::Write as _;

use serde::Serialize;
use wob_engine::FilePath;
use wob_host::{Change, OutputError, Plan};

use crate::text_diff::unified;

/// Of how many files people are shown more than the name.
const FILES: usize = 20;

/// How one file differs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference {
    path: String,
    change: Change,
    /// A unified diff from what is there to what would be written; none if either is no text or is large.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    /// How many more lines the diff has.
    #[serde(skip_serializing_if = "is_zero")]
    more_lines: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Lists how what lies there differs from the tree of `plan`, by path.
pub(super) fn differences(plan: &Plan) -> Result<Vec<Difference>, OutputError> {
    plan.changes.iter().map(|(path, change)| Difference::of(plan, &path, change)).collect()
}

/// Returns what people read of `differences`.
pub(super) fn to_text(differences: &[Difference]) -> String {
    let mut text = String::new();
    for (index, it) in differences.iter().enumerate() {
        let name = match it.change {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Deleted => "deleted",
            Change::Foreign => "not written by wob",
            Change::Edited => "edited since wob wrote it",
        };
        writeln!(text, "  {} ({name})", it.path).expect("because a text can always grow");
        let diff = it.diff.as_deref().filter(|_| index < FILES).unwrap_or_default();
        for line in diff.lines() {
            writeln!(text, "    {line}").expect("because a text can always grow");
        }
        if index < FILES && it.more_lines > 0 {
            writeln!(text, "    … {} more lines", it.more_lines)
                .expect("because a text can always grow");
        }
    }
    text
}

impl Difference {
    fn of(plan: &Plan, path: &FilePath, change: Change) -> Result<Self, OutputError> {
        let before = plan.before(path)?.unwrap_or_default();
        let after = plan.after(path).unwrap_or_default();
        let (diff, more_lines) = unified(&before, &after).unzip();
        let more_lines = more_lines.unwrap_or_default();
        Ok(Self { path: path.to_string(), change, diff, more_lines })
    }
}
