//! Measures wob on generated fleets, each stage beside its floor of the same run.
//!
//! Every measurement happens in a process of its own, so that one does not use the memory that another freed.

mod args;
mod fleet;
mod floors;
mod growth;
mod launch;
mod load;
mod meter;
mod peers;
mod report;
mod runs;
mod stages;
mod texts;

use std::{
    error::Error,
    io::Write as _,
    process::{Command, ExitCode, Stdio},
};

use clap::Parser as _;
use serde::Serialize;

use crate::{
    args::{Args, Only, Output},
    fleet::{Fleet, Shape},
    report::{FleetReport, Report},
    runs::{Plan, RunsReport, branch, publish},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        return measure_only(args, only, first);
    }
    let fleets = args.assignments.iter().map(|it| measure(args, *it));
    let fleets: Vec<FleetReport> = fleets.collect::<Result<_, _>>()?;
    let report = Report {
        version: 1,
        wob: env!("CARGO_PKG_VERSION").to_owned(),
        threads: args.threads,
        rounds: args.rounds.max(1),
        seed: args.seed,
        growth: report::growth_of(&fleets),
        fleets,
    };
    match args.output {
        Output::Text => print(report.to_text().trim_end()),
        Output::Json => print(&serde_json::to_string_pretty(&report)?),
    }
}

/// Measures one thing in this process, which others do not use.
fn measure_only(args: &Args, only: Only, shape: Shape) -> Result<(), Box<dyn Error>> {
    let fleet = || Fleet::generate(shape, args.seed);
    match only {
        Only::Stages => {
            let folder = (!args.no_write).then_some(args.folder.as_path());
            print_json(&stages::measure(&fleet(), shape, folder)?)
        }
        Only::Build => print_json(&stages::measure_build(&fleet(), args.threads)?),
        Only::Pack => print_json(&branch::measure_pack(&fleet(), shape)?),
        Only::Launch => {
            print_json(&launch::launch(&args.command, args.into.as_deref(), args.code)?)
        }
        Only::Commit => print_json(&branch::measure_commit(&args.folder)?),
        Only::Diff => print_json(&publish::measure_diff(&args.folder)?),
    }
}

/// Measures runs of the command `wob` on each fleet.
fn measure_runs(args: &Args, wob: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let rounds = args.rounds.max(1);
    let plan = Plan {
        wob,
        parts: &args.parts,
        rounds,
        edits: args.edits.max(1),
        seed: args.seed,
        folder: &args.folder,
    };
    let is_text = args.output == Output::Text;
    let mut fleets = vec![];
    for assignments in &args.assignments {
        let fleet = runs::measure(&plan, *assignments)?;
        if is_text {
            // Large fleets take long: what was measured is not lost if a later one fails.
            print(&fleet.to_text())?;
        }
        fleets.push(fleet);
    }
    let report = RunsReport::new(rounds, args.seed, fleets);
    if is_text {
        return print(report.end().trim_end());
    }
    print(&serde_json::to_string_pretty(&report)?)
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

fn print_json(value: &impl Serialize) -> Result<(), Box<dyn Error>> {
    print(&serde_json::to_string(value)?)
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

#[expect(clippy::print_stderr, reason = "errors are talk")]
fn print_error(error: &dyn Error) {
    eprintln!("error: {error}");
}
