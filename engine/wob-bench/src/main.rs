//! Measures wob on generated fleets, each stage beside its floor of the same run.
//!
//! Every measurement happens in a process of its own, so that one does not use the memory that another freed.

mod fleet;
mod floors;
mod load;
mod meter;
mod report;
mod runs;
mod stages;
mod texts;

use std::{
    error::Error,
    io::Write as _,
    process::{Command, ExitCode, Stdio},
};

use camino::Utf8PathBuf;
use clap::Parser as _;

use crate::{
    fleet::{Fleet, Shape},
    report::{FleetReport, Report},
    runs::RunReport,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure wob on generated fleets, each stage beside its floor of the same run
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "wob-bench", version)]
struct Args {
    /// Sizes of the fleets, in assignments
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    assignments: Vec<usize>,
    /// How often to measure; the best counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of the build; the other stages use one
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seed of the fleets
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write no files: the other stages are measured alone
    #[arg(long)]
    no_write: bool,
    /// Where files are written to and deleted again
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    folder: std::path::PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Write the sources of the first fleet into DIR, as a workspace, and measure nothing
    #[arg(long, value_name = "DIR")]
    generate: Option<Utf8PathBuf>,
    /// Measure runs of this command instead: nothing to do, one change, an edit to no effect; beside ninja
    #[arg(long, value_name = "WOB")]
    runs: Option<std::path::PathBuf>,
    /// Measure one thing in this process, and print it as JSON
    #[arg(long, hide = true)]
    only: Option<Only>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// What a process of its own measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Stages,
    Build,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&*error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let first = Shape::of(args.assignments.first().copied().unwrap_or(1_000));
    if let Some(folder) = &args.generate {
        load::write(&Fleet::generate(first, args.seed), folder)?;
        return Ok(());
    }
    if let Some(wob) = &args.runs {
        return measure_runs(args, &std::path::absolute(wob)?);
    }
    if let Some(only) = args.only {
        let fleet = Fleet::generate(first, args.seed);
        let report = match only {
            Only::Stages => {
                let folder = (!args.no_write).then_some(args.folder.as_path());
                stages::measure(&fleet, first, folder)?
            }
            Only::Build => stages::measure_build(&fleet, args.threads)?,
        };
        return print(&serde_json::to_string(&report)?);
    }
    let fleets = args.assignments.iter().map(|it| measure(args, *it));
    let report = Report {
        version: 1,
        wob: env!("CARGO_PKG_VERSION").to_owned(),
        threads: args.threads,
        rounds: args.rounds.max(1),
        seed: args.seed,
        fleets: fleets.collect::<Result<_, _>>()?,
    };
    match args.output {
        Output::Text => print(report.to_text().trim_end()),
        Output::Json => print(&serde_json::to_string_pretty(&report)?),
    }
}

/// Measures runs of the command `wob` on each fleet.
fn measure_runs(args: &Args, wob: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let rounds = args.rounds.max(1);
    let fleets = args.assignments.iter();
    let fleets = fleets.map(|it| runs::measure(wob, (*it, args.seed), rounds, &args.folder));
    let fleets: Vec<RunReport> = fleets.collect::<Result<_, _>>()?;
    match args.output {
        Output::Text => {
            let texts: Vec<String> = fleets.iter().map(RunReport::to_text).collect();
            print(texts.join("\n").trim_end())
        }
        Output::Json => print(&serde_json::to_string_pretty(&fleets)?),
    }
}

/// Measures a fleet in as many processes as there are rounds, and keeps the best of each stage.
fn measure(args: &Args, assignments: usize) -> Result<FleetReport, Box<dyn Error>> {
    let mut best: Option<(FleetReport, FleetReport)> = None;
    for _ in 0..args.rounds.max(1) {
        let stages: FleetReport = serde_json::from_str(&child(args, assignments, "stages")?)?;
        let build: FleetReport = serde_json::from_str(&child(args, assignments, "build")?)?;
        best = Some(match best {
            None => (stages, build),
            Some((a, b)) => (a.better(&stages), b.better(&build)),
        });
    }
    let (stages, mut build) = best.expect("because there is at least one round");
    let build = build.stages.pop().expect("because a build is one stage");
    Ok(stages.finish(build, args.threads))
}

fn child(args: &Args, assignments: usize, only: &str) -> Result<String, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--only", only, "--assignments", &assignments.to_string()]);
    command.args(["--threads", &args.threads.to_string(), "--seed", &args.seed.to_string()]);
    command.arg("--folder").arg(&args.folder).stderr(Stdio::inherit());
    if args.no_write {
        command.arg("--no-write");
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("measuring {only} of {assignments} assignments failed").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

#[expect(clippy::print_stderr, reason = "errors are talk")]
fn print_error(error: &dyn Error) {
    eprintln!("error: {error}");
}
