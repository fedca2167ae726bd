//! `wob schema WHAT`: the JSON Schemas of the files that people write for wob.

use clap::ValueEnum;

use crate::{exit::Exit, stream::Streams};

/// Print a JSON Schema, for editors
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints the JSON Schema of a file that people write for wob, or of what wob and a program say to \
                  each other.\n\n\
                  Editors that know it complete the file and find mistakes while it is written.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Schema {
    /// Of which file
    of: Of,
}

const EXAMPLES: &str = "\
Examples:
  wob schema workspace
  wob schema workspace > wob.schema.json   # then begin wob.yaml with:
                                           # yaml-language-server: $schema=wob.schema.json
  wob schema rule > rule.schema.json
  wob schema scheduler-request";

/// The files that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// wob.yaml, the workspace's settings
    Workspace,
    /// rule.yaml, a rule of the workspace
    Rule,
    /// What a program that schedules reads on standard input
    SchedulerRequest,
    /// What a program that schedules writes on standard output
    SchedulerResponse,
}

impl Schema {
    /// Prints the schema.
    pub(crate) fn run(&self, streams: &Streams) -> Exit {
        match self.of {
            Of::Workspace => streams.result(wob_rules::WORKSPACE_SCHEMA),
            Of::Rule => streams.result(wob_rules::RULE_SCHEMA),
            Of::SchedulerRequest => streams.result(wob_rules::SCHEDULER_REQUEST_SCHEMA),
            Of::SchedulerResponse => streams.result(wob_rules::SCHEDULER_RESPONSE_SCHEMA),
        }
        Exit::Ok
    }
}
