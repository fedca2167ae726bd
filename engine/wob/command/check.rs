//! `wob check`: finds every problem, and writes nothing.

use serde::Serialize;

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    report::count,
    session::{JsonResult, Session},
    stream::{Results, Streams, json_diagnostics},
};

/// Find every problem of the sources; write nothing
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Finds every problem of all files in one run, and writes nothing.\n\n\
                  Everything is read, scheduled, composed, validated and rendered as `wob build` does it.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Check {
    /// What to check
    #[command(flatten)]
    patterns: Patterns,
}

const EXAMPLES: &str = "\
Examples:
  wob check
  wob check //env:stage
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
}

impl Check {
    /// Checks what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.check(common, streams).unwrap_or_else(|exit| exit)
    }

    fn check(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let session = Session::start(common, &self.patterns, streams)?;
        let built = session.build(common)?;
        let report = session.diagnose(&built);
        let environments: Vec<JsonChecked> = built
            .iter()
            .map(|it| JsonChecked {
                environment: it.built.environment.clone(),
                assignments: it.built.assignments.len(),
                failed: it.built.failed(),
            })
            .collect();
        let assignments: usize = environments.iter().map(|it| it.assignments).sum();
        let names = count(session.targets.len(), "environment", "environments");
        let exit = session.finish(&report, common, Results::Talk);
        if streams.is_json() {
            streams.json(&JsonResult {
                result: JsonCheck { environments },
                diagnostics: json_diagnostics(&report),
                exit_code: exit.number(),
            });
        } else if exit == Exit::Ok {
            let assignments = count(assignments, "assignment", "assignments");
            streams.result(&format!("checked {names} with {assignments}: no errors\n"));
        }
        Ok(exit)
    }
}
