//! What differs between two builds, and the first thing that made it so.

use std::{collections::BTreeMap, fmt, fs};

use serde::{Deserialize, Serialize};

use super::condition::{AuditError, Run};

/// One file that two builds made differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference {
    /// Its path below the environment's name.
    pub(super) path: String,
    /// The build that differs from the first.
    pub(super) build: &'static str,
    /// What made it so.
    pub(super) cause: Cause,
}

/// What made a file differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Cause {
    /// Only the first build has the assignment, or only the other.
    Scheduled {
        /// The label of the assignment.
        assignment: String,
        /// Which build has it.
        only: &'static str,
    },
    /// Its assignment was made from other inputs: these parts differ.
    Inputs {
        /// The label of the assignment.
        assignment: String,
        /// The names of the parts.
        parts: Vec<String>,
    },
    /// The inputs were the same, and still the template made another text.
    Rendered {
        /// The first line that differs, from 1; none if one build has no such file.
        line: Option<usize>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, build, cause } = self;
        write!(f, "{path}: the build {build} differs: ")?;
        match cause {
            Cause::Scheduled { assignment, only } => {
                write!(f, "only the build {only} has {assignment}")
            }
            Cause::Inputs { assignment, parts } => {
                write!(f, "inputs of {assignment}: {}", parts.join(", "))
            }
            Cause::Rendered { line: Some(line) } => {
                write!(f, "the same inputs give another line {line}")
            }
            Cause::Rendered { line: None } => write!(f, "only one build has it"),
        }
    }
}

/// What `wob build --explain` writes, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Actions {
    assignments: Vec<Action>,
}

#[derive(Debug, Deserialize)]
struct Action {
    label: String,
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    name: String,
    digest: String,
}

/// The parts of the inputs of each assignment, by its label.
type Inputs = BTreeMap<String, BTreeMap<String, String>>;

/// Compares the trees of two builds, and of what differs what they were made from.
pub(super) fn compare(first: &Run, other: &Run) -> Result<Vec<Difference>, AuditError> {
    let (before, after) = (first.files()?, other.files()?);
    let differing: Vec<&String> = before
        .keys()
        .chain(after.keys().filter(|it| !before.contains_key(*it)))
        .filter(|it| before.get(*it) != after.get(*it))
        .collect();
    if differing.is_empty() {
        return Ok(vec![]);
    }
    let (inputs_before, inputs_after) = (inputs(first)?, inputs(other)?);
    let difference = |path: &String| {
        let label = label_of(path);
        let both = label.as_ref().map(|it| (inputs_before.get(it), inputs_after.get(it)));
        let cause = match (label, both) {
            (Some(assignment), Some((Some(_), None))) => {
                Cause::Scheduled { assignment, only: first.condition.name() }
            }
            (Some(assignment), Some((None, Some(_)))) => {
                Cause::Scheduled { assignment, only: other.condition.name() }
            }
            (Some(assignment), Some((Some(a), Some(b)))) if a != b => {
                Cause::Inputs { assignment, parts: differing_parts(a, b) }
            }
            _ => Cause::Rendered { line: first_line(before.get(path), after.get(path)) },
        };
        Difference { path: path.clone(), build: other.condition.name(), cause }
    };
    Ok(differing.into_iter().map(difference).collect())
}

fn inputs(run: &Run) -> Result<Inputs, AuditError> {
    let text = fs::read(&run.actions).map_err(AuditError::failed("read", &run.actions))?;
    let actions: Actions = serde_json::from_slice(&text)
        .map_err(|it| AuditError::failed("read", &run.actions)(it.into()))?;
    let parts = |it: Action| it.parts.into_iter().map(|it| (it.name, it.digest)).collect();
    Ok(actions.assignments.into_iter().map(|it| (it.label.clone(), parts(it))).collect())
}

/// Returns the label of the assignment that a file belongs to, if its folders look like one.
fn label_of(path: &str) -> Option<String> {
    let mut folders = path.split('/').rev().skip(1);
    let (target, cluster_type) = (folders.next()?, folders.next()?);
    let environment = path.split('/').next()?;
    Some(format!("//env/{environment}/{cluster_type}:{target}"))
}

fn differing_parts(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<String> {
    let names = a.keys().chain(b.keys().filter(|it| !a.contains_key(*it)));
    names.filter(|it| a.get(*it) != b.get(*it)).cloned().collect()
}

fn first_line(a: Option<&Vec<u8>>, b: Option<&Vec<u8>>) -> Option<usize> {
    let (a, b) = (a?.split(|it| *it == b'\n'), b?.split(|it| *it == b'\n'));
    let same = a.zip(b).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_assignment_and_its_first_line_that_differs() {
        assert_eq!(
            label_of("dev/large/app-x/config.yaml").as_deref(),
            Some("//env/dev/large:app-x")
        );
        assert_eq!(
            label_of("dev/clusters/large/app-x/a").as_deref(),
            Some("//env/dev/large:app-x")
        );
        assert_eq!(label_of("README.md"), None);
        let line = |a: &str, b: &str| first_line(Some(&a.into()), Some(&b.into()));
        assert_eq!(line("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(line("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_line(None, Some(&vec![])), None);
    }
}
