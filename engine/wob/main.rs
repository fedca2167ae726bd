//! The `wob` command: reads the command line, runs one command, and ends with its exit code.

mod args;
mod command;
mod comparison;
mod exit;
mod footprint;
mod gitops;
mod id;
mod input_override;
mod journal;
mod last;
mod ledger;
mod lock;
mod pages;
mod prior;
mod progress;
mod promotion;
mod proof;
mod reads;
mod recorded;
mod report;
mod selection;
mod session;
mod stored;
mod stream;
mod text_diff;
mod timings;
mod tree_diff;
mod waiting;
mod workspace;

use std::{panic, process::ExitCode};

use clap::Parser as _;

use crate::{args::Args, exit::Exit, stream::Streams};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap ends the process itself for `--help` (0) and for a wrong command line (2).
    let args = Args::parse();
    let streams = Streams::new(&args.common);
    let run = panic::AssertUnwindSafe(|| command::run(&args, &streams));
    let exit = panic::catch_unwind(run).unwrap_or_else(|_| {
        streams.fail("this is a bug in wob; please report the lines above with what you ran");
        Exit::Internal
    });
    exit.into()
}
