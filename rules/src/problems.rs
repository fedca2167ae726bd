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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wob_engine::Tree;

    use super::*;
    use crate::{BuiltAssignment, Files, Made, Name};

    /// An environment whose cluster types `c0`, `c1`, … each have `of(index)` as their problem.
    fn built(name: &str, count: usize, of: impl Fn(usize) -> Diagnostic) -> Built {
        let assignment = |index: usize| BuiltAssignment {
            assignment: Assignment {
                cluster_type: Name::new(&format!("c{index}")).unwrap(),
                target: Name::new("app-test").unwrap(),
                policies: Arc::default(),
            },
            namespace: None,
            inputs: None,
            files: Files::default(),
            failed: true,
            made: Made::Nothing,
            diagnostics: vec![of(index)],
        };
        Built {
            environment: name.to_owned(),
            tree: Tree::default(),
            prefix: String::new(),
            assignments: (0..count).map(assignment).collect(),
            unsure: false,
            scheduler: None,
            shared: vec![],
            diagnostics: vec![],
        }
    }

    #[test]
    fn a_problem_of_many_assignments_is_one_over_all_environments() {
        let wrong = |_| Diagnostic::error("config-invalid", "wrong");
        let environments = [built("dev", 2, wrong), built("prod", 400, wrong)];
        let found = problems(&environments);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].notes,
            ["in 402 assignments: `//env/dev/c0:app-test`, `//env/dev/c1:app-test`, \
              `//env/prod/c0:app-test`, `//env/prod/c100:app-test`, `//env/prod/c101:app-test` and 397 more"]
        );
    }

    #[test]
    fn labels_of_notes_are_patterns() {
        let one = built("stage", 1, |_| Diagnostic::error("code", "wrong"));
        let note = problems([&one])[0].notes[0].clone();
        let label = note.split('`').nth(1).unwrap();
        let expected = crate::Pattern::Assignment {
            environment: "stage".to_owned(),
            cluster_type: "c0".to_owned(),
            target: "app-test".to_owned(),
        };
        assert_eq!(crate::Pattern::parse(label), Ok(expected));
    }

    #[test]
    fn notes_that_differ_are_shown_of_the_first_assignment_only() {
        let wrong = |index| {
            Diagnostic::error("code", "wrong").note("always").note(format!("layers of {index}"))
        };
        assert_eq!(
            problems([&built("dev", 2, wrong)])[0].notes,
            [
                "always",
                "in `//env/dev/c0:app-test`: layers of 0",
                "in 2 assignments: `//env/dev/c0:app-test`, `//env/dev/c1:app-test`",
            ]
        );
    }

    #[test]
    fn a_problem_that_is_shared_too_is_shown_once() {
        let mut built = built("dev", 1, |_| Diagnostic::error("schema-invalid", "wrong"));
        built.shared = vec![Diagnostic::error("schema-invalid", "wrong")];
        let found = problems([&built]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].notes, ["in the assignment `//env/dev/c0:app-test`"]);
    }
}
