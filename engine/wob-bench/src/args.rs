//! The arguments of the bench.

use std::{ffi::OsString, path::PathBuf};

use camino::Utf8PathBuf;

use crate::runs::Part;

/// Measure wob on generated fleets, each stage beside its floor of the same run
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "wob-bench", version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Sizes of the fleets, in assignments
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    pub(crate) assignments: Vec<usize>,
    /// How often to measure; the best counts
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Threads of the build; the other stages use one
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Seed of the fleets
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write no files: the other stages are measured alone
    #[arg(long)]
    pub(crate) no_write: bool,
    /// Where files are written to and deleted again
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    pub(crate) folder: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// Write the sources of the first fleet into DIR, as a workspace, and measure nothing
    #[arg(long, value_name = "DIR")]
    pub(crate) generate: Option<Utf8PathBuf>,
    /// Measure runs of this command instead, beside floors, ninja, jrsonnet and kubectl
    #[arg(long, value_name = "WOB")]
    pub(crate) runs: Option<PathBuf>,
    /// Which runs to measure
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        requires = "runs",
        default_values_t = [Part::Files, Part::Branch, Part::Publish, Part::Watch, Part::Peers]
    )]
    pub(crate) parts: Vec<Part>,
    /// How many edits to watch; less if they take more than a minute
    #[arg(long, default_value_t = 200, requires = "runs")]
    pub(crate) edits: usize,
    /// Measure one thing in this process, and print it as JSON
    #[arg(long, hide = true)]
    pub(crate) only: Option<Only>,
    /// Where to write what the launched command prints
    #[arg(long, hide = true)]
    pub(crate) into: Option<PathBuf>,
    /// The exit code that the launched command ends with
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) code: i32,
    #[arg(last = true, hide = true)]
    pub(crate) command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  wob-bench --assignments 1000,10000 --no-write --output json
  wob-bench --assignments 1000000 --rounds 1 --no-write
  wob-bench --assignments 10000 --generate fleet
  wob-bench --runs target/release/wob --parts branch,watch";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// What a process of its own measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Only {
    Stages,
    Build,
    /// What a pack cannot do without.
    Pack,
    /// What one change in a repository cannot do without.
    Commit,
    /// What it takes to find what one change in a repository is.
    Diff,
    /// The command after `--`.
    Launch,
}
