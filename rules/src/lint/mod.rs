//! Warnings about what is legal but surely wrong, of all environments together.
//!
//! **Invariant:** a warning is given only if it is certain: what damage, a source that is missing or an environment that
//! was not looked at could explain is passed over in silence.

mod facts;
mod idle_layer;
mod idle_schema;
mod lone_workload;
mod same_labels;
mod setting;
mod unused_key;
mod unused_label;

use std::collections::BTreeSet;

use wob_engine::{Code, Database, Diagnostic, FileName};

use self::facts::{Facts, Known};
pub(crate) use self::setting::silenced;
use crate::EnvironmentInput;

/// Whether all environments of a workspace are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of them.
    All,
    /// Some: what these do not use, others may.
    Some,
}

/// One rule of thumb.
struct Lint {
    code: Code,
    find: fn(&Fleet<'_>) -> Vec<Diagnostic>,
}

/// Every warning of this module, in the order of docs/diagnostics; to add one, add a file and a line.
static LINTS: [Lint; 6] = [
    Lint { code: "config-applies-nowhere", find: idle_layer::find },
    Lint { code: "config-shadowed", find: same_labels::find },
    Lint { code: "schema-applies-nowhere", find: idle_schema::find },
    Lint { code: "unused-config-key", find: unused_key::find },
    Lint { code: "unused-label", find: unused_label::find },
    Lint { code: "workload-without-target", find: lone_workload::find },
];

/// The codes of warnings that are given elsewhere, where it is known what they say.
const OTHERS: [Code; 12] = [
    "ambiguous-boolean",
    "ambiguous-number",
    "config-precedence",
    "empty-template",
    "missing-key",
    "placement-ignored",
    "placement-short",
    "policy-selects-nothing",
    "unknown-cluster-type",
    "unknown-field",
    "unknown-kind",
    "unknown-rule",
];

/// Returns the codes of all warnings, which `warnings` in wob.yaml may turn off; sorted.
pub fn codes() -> Vec<Code> {
    let mut codes: Vec<Code> = LINTS.iter().map(|it| it.code).chain(OTHERS).collect();
    codes.sort_unstable();
    codes
}

/// All environments that are looked at.
struct Fleet<'d> {
    db: &'d Database,
    coverage: Coverage,
    environments: Vec<Facts<'d>>,
}

/// Returns the warnings about `environments`, sorted, each once.
pub fn warnings(
    db: &Database,
    environments: &[EnvironmentInput],
    coverage: Coverage,
) -> Vec<Diagnostic> {
    let environments = environments.iter().map(|it| Facts::new(db, *it)).collect();
    let fleet = Fleet { db, coverage, environments };
    let mut warnings = BTreeSet::new();
    for lint in &LINTS {
        let found = (lint.find)(&fleet);
        assert!(found.iter().all(|it| it.code == lint.code), "the code that can be turned off");
        warnings.extend(found);
    }
    warnings.into_iter().collect()
}

impl<'d> Fleet<'d> {
    /// Says whether all environments are looked at, and each is known so well.
    fn is_known(&self, known: Known) -> bool {
        self.coverage == Coverage::All && self.environments.iter().all(|it| it.known >= known)
    }

    /// Says whether nobody but `users` may use an object that is said in `file`, and all of those are sure.
    ///
    /// What lies in an environment's own control plane is nobody else's; a base may be everybody's.
    fn is_judged(&self, file: &FileName, users: &[&Facts<'d>]) -> bool {
        let is_own = users.iter().all(|it| it.owns(file));
        let are_sure = users.iter().all(|it| it.known == Known::Sure);
        if is_own { are_sure } else { self.is_known(Known::Sure) }
    }
}
