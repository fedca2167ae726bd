//! `wob explain WHAT`: why something is as it is.

mod assignment;
mod shown;

use self::assignment::Assignment;
use crate::{args::Common, exit::Exit, stream::Streams};

/// Explain why a target runs on a cluster type, or why it does not
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explains why something is as it is.\n\n\
                  `wob explain assignment` goes through the policies of an environment, clause by clause, and says \
                  which of them select a cluster type and a target; of those that do not, which clause fails, the \
                  nearest miss first.",
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
  wob explain assignment stage large shop-web-uat --output=json";

#[derive(Debug, clap::Subcommand)]
enum What {
    Assignment(Assignment),
}

impl Explain {
    /// Explains what was asked for.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        match &self.what {
            What::Assignment(it) => it.run(common, streams),
        }
    }
}
