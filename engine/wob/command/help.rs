//! `wob help [COMMAND|CODE]`: the manual, and the page of every diagnostic.

use clap::CommandFactory as _;
use wob_engine::did_you_mean;

use crate::{args::Args, exit::Exit, pages, stream::Streams};

/// Explain a command, or the code of a diagnostic
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explains a command, or the code of a diagnostic.\n\n\
                  Every error and warning begins with a code, such as unknown-reconciler. Its page says what it \
                  means, shows an example, and how to mend it.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Help {
    /// A command, a code, or `codes` for the list of all codes
    #[arg(value_name = "COMMAND|CODE")]
    topic: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  wob help build
  wob help unknown-reconciler
  wob help codes";

impl Help {
    /// Prints the help of a topic.
    pub(crate) fn run(&self, streams: &Streams) -> Exit {
        let mut wob = Args::command();
        wob.build();
        let Some(topic) = &self.topic else {
            streams.result(&format!("{}\n", wob.render_long_help()));
            return Exit::Ok;
        };
        if let Some(command) = wob.find_subcommand_mut(topic) {
            streams.result(&format!("{}\n", command.render_long_help()));
        } else if topic == "codes" {
            for page in pages::PAGES {
                streams.result(&format!("{}\n", page.code));
            }
        } else if let Some(page) = pages::find(topic) {
            streams.result(page.text);
        } else {
            let codes = pages::PAGES.iter().map(|page| page.code);
            let known: Vec<&str> =
                wob.get_subcommands().map(clap::Command::get_name).chain(codes).collect();
            let guess = did_you_mean(topic, known).map(|it| format!("; did you mean `{it}`?"));
            streams.fail(&format!(
                "`{topic}` is neither a command nor the code of a diagnostic{}",
                guess.unwrap_or_else(|| "; `wob help` and `wob help codes` list them".to_owned())
            ));
            return Exit::Usage;
        }
        Exit::Ok
    }
}
