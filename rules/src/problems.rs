//! Every problem of built environments, each once, however many assignments have it.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::Diagnostic;

use crate::{built::Built, schedule::Assignment};

/// How many assignments a note lists.
const LISTED: usize = 5;

/// Returns every problem of `environments`: errors first, then by place.
///
/// Problems that differ only by their notes are one, with a note that lists the assignments that have it.
pub fn problems<'b>(environments: impl IntoIterator<Item = &'b Built>) -> Vec<Diagnostic> {
    let mut groups: BTreeMap<Diagnostic, Group> = BTreeMap::new();
    for built in environments {
        for diagnostic in &built.shared {
            let group = groups.entry(without_notes(diagnostic)).or_default();
            group.common.extend(diagnostic.notes.iter().cloned());
        }
        for one in &built.assignments {
            for diagnostic in &one.diagnostics {
                let label = label(&built.environment, &one.assignment);
                let group = groups.entry(without_notes(diagnostic)).or_default();
                group.members.entry(label).or_insert_with(|| diagnostic.notes.clone());
            }
        }
    }
    let mut problems: Vec<Diagnostic> =
        groups.into_iter().map(|(diagnostic, group)| group.into_problem(diagnostic)).collect();
    problems.sort_by_key(|it| (it.severity, it.labels.first().map(|label| label.place.clone())));
    problems
}

/// What distinguishes equal problems.
#[derive(Debug, Default)]
struct Group {
    /// The notes of those that belong to no assignment.
    common: BTreeSet<String>,
    /// The assignments that have the problem, and its notes there.
    members: BTreeMap<String, Vec<String>>,
}

impl Group {
    fn into_problem(self, mut diagnostic: Diagnostic) -> Diagnostic {
        let mut notes: Vec<String> = self.common.into_iter().collect();
        if let Some((first, of_first)) = self.members.iter().next() {
            for note in of_first {
                let is_common = self.members.values().all(|it| it.contains(note));
                // What holds for one assignment only is still the best example that there is.
                notes.push(if is_common { note.clone() } else { format!("in `{first}`: {note}") });
            }
            notes.push(where_it_happens(self.members.keys()));
        }
        diagnostic.notes = notes;
        diagnostic
    }
}

fn without_notes(diagnostic: &Diagnostic) -> Diagnostic {
    Diagnostic { notes: vec![], ..diagnostic.clone() }
}

/// Returns the label of an assignment, as every command takes it.
fn label(environment: &str, assignment: &Assignment) -> String {
    let Assignment { cluster_type, target, .. } = assignment;
    format!("//env/{environment}/{cluster_type}:{target}")
}

fn where_it_happens<'l>(labels: impl ExactSizeIterator<Item = &'l String>) -> String {
    let all = labels.len();
    let shown: Vec<String> = labels.take(LISTED).map(|it| format!("`{it}`")).collect();
    let list = shown.join(", ");
    match all {
        1 => format!("in the assignment {list}"),
        few if few <= LISTED => format!("in {few} assignments: {list}"),
        many => format!("in {many} assignments: {list} and {} more", many - LISTED),
    }
}
