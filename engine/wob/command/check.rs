//! `wob check`: finds every problem, and writes nothing.

use serde::Serialize;
use wob_engine::Database;
use wob_rules::{CheckMode, check_always};

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::count,
    session::{BuiltTarget, JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Find every problem of the sources; write nothing
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Finds every problem of all files in one run, and writes nothing.\n\n\
                  Everything is read, scheduled, composed, validated and rendered as `wob build` does it. \
                  With --schemas, or `validate` in wob.yaml, each rendered file is checked against the schemas of \
                  the public APIs and of the folders that wob.yaml names; nothing is fetched.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Check {
    /// What to check
    #[command(flatten)]
    patterns: Patterns,
    /// Check every rendered file against the schemas of what it holds, even where wob.yaml does not say `validate`
    #[arg(long)]
    schemas: bool,
}

const EXAMPLES: &str = "\
Examples:
  wob check
  wob check //env:stage
  wob check --schemas
  wob check --output=json --offline";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonCheck {
    environments: Vec<JsonChecked>,
}

#[derive(Debug, Serialize)]
struct JsonChecked {
    environment: String,
    assignments: usize,
    failed: usize,
    /// How many of them were checked against schemas, the failed ones included.
    validated: usize,
}

impl Check {
    /// Checks what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.check(common, streams).unwrap_or_else(|exit| exit)
    }

    fn check(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let mut session = Session::start(common, &self.patterns, streams)?;
        if self.schemas {
            for input in session.targets.iter().filter_map(|it| it.input) {
                check_always(&mut session.loaded.db, input);
            }
        }
        let built = session.build(common)?;
        let report = session.diagnose_closely(&built);
        let environments: Vec<JsonChecked> = built
            .iter()
            .map(|it| JsonChecked {
                environment: it.built.environment.clone(),
                assignments: it.built.assignments.len(),
                failed: it.built.failed(),
                validated: validated(&session.loaded.db, it),
            })
            .collect();
        let assignments: usize = environments.iter().map(|it| it.assignments).sum();
        let validated_in_all: usize = environments.iter().map(|it| it.validated).sum();
        let names = count(session.targets.len(), "environment", "environments");
        let exit = session.finish(&report, common, Results::Talk);
        if streams.is_json() {
            streams.json(&JsonResult {
                result: JsonCheck { environments },
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
        } else if exit == Exit::Ok {
            let by_schemas = match validated_in_all {
                0 => String::new(),
                all if all == assignments => ", by their schemas too".to_owned(),
                some => format!(", {some} by their schemas too"),
            };
            let assignments = count(assignments, "assignment", "assignments");
            streams.result(&format!("checked {names} with {assignments}{by_schemas}: no errors\n"));
        }
        Ok(exit)
    }
}

/// Returns how many assignments were checked against schemas.
fn validated(db: &Database, target: &BuiltTarget) -> usize {
    let validation = target.input.validation(db);
    let is_checked = |it: &&wob_rules::BuiltAssignment| {
        validation.of(&it.assignment.cluster_type).mode == CheckMode::On && it.inputs.is_some()
    };
    target.built.assignments.iter().filter(is_checked).count()
}
