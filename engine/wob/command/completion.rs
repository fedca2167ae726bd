//! `wob completion SHELL`: what a shell needs to complete wob's command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Args, exit::Exit, stream::Streams};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints a script that teaches a shell to complete wob's commands and options.\n\n\
                  Load it once, or install it where your shell looks for completions.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  wob completion bash > ~/.local/share/bash-completion/completions/wob
  wob completion zsh > ~/.zfunc/_wob
  wob completion fish > ~/.config/fish/completions/wob.fish";

impl Completion {
    /// Prints the script.
    pub(crate) fn run(&self, streams: &Streams) -> Exit {
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut Args::command(), "wob", &mut script);
        streams.result(&String::from_utf8_lossy(&script));
        Exit::Ok
    }
}
