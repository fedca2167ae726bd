//! Every problem of built environments, each once, however many assignments have it.
//!
//! **Invariant:** what is said of parts, joined in any order, is what is said of the whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use wob_engine::{Diagnostic, Severity};

use crate::{
    built::{Built, BuiltAssignment},
    schedule::Assignment,
};

/// How many assignments a note lists.
const LISTED: usize = 5;

/// Returns every problem of `environments`: errors first, then by place.
///
/// Problems that differ only by their notes are one, with a note that lists the assignments that have it.
pub fn problems<'b>(environments: impl IntoIterator<Item = &'b Built>) -> Vec<Diagnostic> {
    let mut said = Said::default();
    for built in environments {
        said.add_all(&built.shared);
        for one in &built.assignments {
            said.add_assignment(&built.environment, one);
        }
    }
    said.into_problems()
}

/// Problems, each once, with who has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(pub(crate) BTreeMap<Arc<Diagnostic>, Group>);

impl Said {
    /// Adds problems that belong to no assignment.
    pub(crate) fn add_all<'d>(&mut self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for diagnostic in diagnostics {
            let group = self.0.entry(without_notes(diagnostic)).or_default();
            group.common.extend(diagnostic.notes.iter().cloned());
        }
    }

    /// Adds the problems of an assignment, which is not added twice.
    pub(crate) fn add_assignment(&mut self, environment: &str, built: &BuiltAssignment) {
        if built.diagnostics.is_empty() {
            return;
        }
        let label = label(environment, &built.assignment);
        let mut own: BTreeMap<Arc<Diagnostic>, &[String]> = BTreeMap::new();
        for diagnostic in &built.diagnostics {
            own.entry(without_notes(diagnostic)).or_insert(&diagnostic.notes);
        }
        for (diagnostic, notes) in own {
            let members = Members::one(label.clone(), notes);
            self.0.entry(diagnostic).or_default().join(Group::of(members));
        }
    }

    /// Adds what is said of other assignments, or of none.
    pub fn join(&mut self, other: Self) {
        for (diagnostic, group) in other.0 {
            self.0.entry(diagnostic).or_default().join(group);
        }
    }

    /// Says whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether it is nothing but warnings.
    pub fn is_only_warnings(&self) -> bool {
        self.0.keys().all(|it| it.severity == Severity::Warning)
    }

    /// Returns everything that is said: errors first, then by place.
    pub fn into_problems(self) -> Vec<Diagnostic> {
        let problem = |(diagnostic, group): (Arc<Diagnostic>, Group)| {
            group.into_problem(Arc::unwrap_or_clone(diagnostic))
        };
        let mut problems: Vec<Diagnostic> = self.0.into_iter().map(problem).collect();
        let key =
            |it: &Diagnostic| (it.severity, it.labels.first().map(|label| label.place.clone()));
        problems.sort_by_cached_key(key);
        problems
    }
}

/// What distinguishes equal problems.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The notes of those that belong to no assignment.
    common: BTreeSet<String>,
    /// The assignments that have the problem, if any has.
    members: Option<Members>,
}

/// Assignments that have the same problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Members {
    /// How many there are.
    count: usize,
    /// The first of them by their labels: as many as are listed.
    listed: BTreeSet<String>,
    /// The notes of the first.
    notes: Vec<String>,
    /// Those of them that all have.
    everywhere: BTreeSet<String>,
}

impl Members {
    fn one(label: String, notes: &[String]) -> Self {
        Self {
            count: 1,
            listed: BTreeSet::from([label]),
            notes: notes.to_vec(),
            everywhere: notes.iter().cloned().collect(),
        }
    }

    fn join(&mut self, other: Self) {
        let is_first = other.listed.first() < self.listed.first();
        self.count += other.count;
        self.everywhere.retain(|it| other.everywhere.contains(it));
        if is_first {
            self.notes = other.notes;
        }
        self.listed.extend(other.listed);
        while self.listed.len() > LISTED {
            self.listed.pop_last();
        }
    }

    fn where_it_happens(&self) -> String {
        let list: Vec<String> = self.listed.iter().map(|it| format!("`{it}`")).collect();
        let list = list.join(", ");
        match self.count {
            1 => format!("in the assignment {list}"),
            few if few <= LISTED => format!("in {few} assignments: {list}"),
            many => format!("in {many} assignments: {list} and {} more", many - LISTED),
        }
    }
}

impl Group {
    fn of(members: Members) -> Self {
        Self { common: BTreeSet::new(), members: Some(members) }
    }

    fn join(&mut self, other: Self) {
        self.common.extend(other.common);
        match (&mut self.members, other.members) {
            (Some(own), Some(others)) => own.join(others),
            (own @ None, others) => *own = others,
            (Some(_), None) => {}
        }
    }

    fn into_problem(self, mut diagnostic: Diagnostic) -> Diagnostic {
        let mut notes: Vec<String> = self.common.into_iter().collect();
        if let Some(members) = self.members {
            let first = members.listed.first().map_or("", |it| it);
            for note in &members.notes {
                let is_common = members.everywhere.contains(note);
                // What holds for one assignment only is still the best example that there is.
                notes.push(if is_common { note.clone() } else { format!("in `{first}`: {note}") });
            }
            notes.push(members.where_it_happens());
        }
        diagnostic.notes = notes;
        diagnostic
    }
}

fn without_notes(diagnostic: &Diagnostic) -> Arc<Diagnostic> {
    Arc::new(Diagnostic { notes: vec![], ..diagnostic.clone() })
}

/// Returns the label of an assignment, as every command takes it.
fn label(environment: &str, assignment: &Assignment) -> String {
    let Assignment { cluster_type, target, .. } = assignment;
    format!("//env/{environment}/{cluster_type}:{target}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wob_engine::Tree;

    use super::*;
    use crate::{BuiltAssignment, Name};

    /// An environment whose cluster types `c0`, `c1`, … each have `of(index)` as their problem.
    fn built(name: &str, count: usize, of: impl Fn(usize) -> Diagnostic) -> Built {
        let assignment = |index: usize| {
            let assignment = Assignment {
                cluster_type: Name::new(&format!("c{index}")).unwrap(),
                target: Name::new("app-test").unwrap(),
                policies: Arc::default(),
            };
            BuiltAssignment::without_inputs(assignment, vec![of(index)])
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

    /// What is said of parts, however an environment is divided, is what is said of it.
    #[test]
    fn parts_are_joined_to_the_whole() {
        let wrong = |index: usize| {
            let message = ["wrong", "worse"][index % 2];
            let it = Diagnostic::error("code", message).note(format!("of {}", index % 3));
            if index.is_multiple_of(5) { it } else { it.note("often") }
        };
        for count in [1, 2, 5, 6, 7, 40] {
            let mut built = built("dev", count, wrong);
            built.shared = vec![Diagnostic::error("code", "worse").note("in general")];
            let wanted = problems([&built]);
            for (start, step) in [(0, 1), (3, 2), (1, 7), (4, 11)] {
                let mut parts = vec![Said::default(); 7];
                parts[start].add_all(&built.shared);
                for (index, it) in built.assignments.iter().enumerate() {
                    parts[(start + index * step) % 7].add_assignment("dev", it);
                }
                let mut all = Said::default();
                for it in parts.into_iter().rev() {
                    all.join(it);
                }
                assert_eq!(all.into_problems(), wanted, "{count} from {start} by {step}");
            }
        }
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
