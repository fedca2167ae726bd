//! What of an environment fails by itself, so that a build of some of its parts finds the same.

use wob_engine::{Database, Diagnostic};

use super::objects::shares_namespaces;
use crate::{BuiltAssignment, built::Built, queries::EnvironmentInput};

/// Says whether nothing is wrong with a built environment but that some assignments failed, each by what it is made from alone.
pub fn fails_alone(db: &Database, environment: EnvironmentInput, built: &Built) -> bool {
    let is_wrong = |it: &[Diagnostic]| it.iter().any(Diagnostic::is_error);
    let is_unsound = |it: &BuiltAssignment| !it.failed && is_wrong(&it.diagnostics);
    let failed: Vec<usize> =
        (0..built.assignments.len()).filter(|index| built.assignments[*index].failed).collect();
    // Who has no inputs has no namespace either, and may share it as soon as it is mended.
    !built.unsure
        && !is_wrong(&built.shared)
        && !built.assignments.iter().any(is_unsound)
        && (failed.is_empty() || !shares_namespaces(db, environment, &failed))
}
