//! `wob explain WHAT`: why something is as it is.

mod assignment;
mod build;
mod shown;

use self::{assignment::Assignment, build::Build};
use crate::{args::Common, exit::Exit, stream::Streams};

/// Explain why a target runs on a cluster type or not, and why the last build rendered what it did
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explains why something is as it is.\n\n\
                  `wob explain assignment` goes through the policies of an environment, clause by clause, and says \
                  which of them select a cluster type and a target; of those that do not, which clause fails, the \
                  nearest miss first.\n\n\
                  `wob explain build` says what the last build rendered, and which edits were the reason.",
    after_long_help = EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Explain {
    /// What to explain
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples:
  wob explain assignment stage large shop-web-uat
  wob explain assignment stage large shop-web-uat --output=json
  wob explain build //env:stage";

#[derive(Debug, clap::Subcommand)]
enum What {
    Assignment(Assignment),
    Build(Build),
}

impl Explain {
    /// Explains what was asked for.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        match &self.what {
            What::Assignment(it) => it.run(common, streams),
            What::Build(it) => it.run(common, streams),
        }
    }
}
