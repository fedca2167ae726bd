//! Other programs that do the like of what wob does, each run only if it is installed.
//!
//! Those that print manifests get the configs of the same fleet, in their own language, and make of each assignment three
//! manifests. They compare with `wob render`, which prints all manifests, too, from sources on disk and an empty cache, and
//! writes no files.

mod base;
mod jrsonnet;
mod kustomize;
mod ninja;

use std::{
    error::Error,
    fs,
    io::{self, BufRead as _, BufReader},
    process::{Command, Stdio},
};

use camino::Utf8Path;

pub(crate) use ninja::Ninja;

use crate::{
    fleet::{ENVIRONMENT, Fleet, Pair, Shape},
    launch::{self, Took},
    runs::{Beside, LeftOut, Run, RunReport, Wob},
};

/// Another program.
pub(crate) trait Peer {
    /// Returns the name that people know it by.
    fn name(&self) -> &'static str;

    /// Returns a command that succeeds if the program is there.
    fn probe(&self) -> Command;

    /// Returns the command that builds what was written into the folder `at`.
    fn command(&self, at: &Utf8Path) -> Command;
}

/// A program that prints the manifests of all assignments in one process.
pub(crate) trait Printer: Peer {
    /// Returns for how many assignments it is asked at most, since more would take minutes.
    fn most(&self) -> usize;

    /// Writes into the folder `at` what it reads.
    fn write(&self, at: &Utf8Path, fleet: &Fleet, pairs: &[Pair]) -> io::Result<()>;
}

/// In the order of the report.
const PRINTERS: [&dyn Printer; 2] = [&jrsonnet::Jrsonnet, &kustomize::Kustomize];

/// Says whether the program is there.
///
/// # Errors
/// If it is, and cannot be started.
pub(crate) fn is_found(peer: &dyn Peer) -> io::Result<bool> {
    match peer.probe().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds what `wob render` takes, and beside it the other programs.
///
/// # Errors
/// If one fails, or does not print as many manifests as there must be.
pub(crate) fn measure(
    wob: &Wob,
    (fleet, shape): (&Fleet, Shape),
    rounds: usize,
    report: &mut RunReport,
) -> Result<(), Box<dyn Error>> {
    let printed = wob.at.with_file_name("printed");
    let label = format!("//env:{ENVIRONMENT}");
    let own = least(rounds, || {
        launch::run(&wob.afresh()?.command(&["render", &label]), Some(printed.as_std_path()))
    })?;
    // Some files of a fleet hold several manifests.
    expect_manifests(&printed, shape.assignments() * 3, usize::MAX)?;
    report.runs.push(Run::new("cold, printed", own, None));
    let pairs: Vec<Pair> = shape.pairs().collect();
    for peer in PRINTERS {
        let name = peer.name();
        if !is_found(peer)? {
            report.left_out.push(LeftOut::missing(peer));
            continue;
        }
        if pairs.len() > peer.most() {
            let reason = format!("more than {} assignments take it minutes", peer.most());
            report.left_out.push(LeftOut { name, reason });
            continue;
        }
        let at = wob.at.with_file_name(name.replace(' ', "-"));
        peer.write(&at, fleet, &pairs)?;
        let took = least(rounds, || launch::run(&peer.command(&at), Some(printed.as_std_path())))?;
        let manifests = pairs.len() * base::MANIFESTS.len();
        expect_manifests(&printed, manifests, manifests)?;
        let name = format!("printed, beside {name}");
        report.runs.push(Run::new(&name, own, Some(Beside::new(peer.name(), took))));
    }
    Ok(())
}

fn least(
    rounds: usize,
    mut run: impl FnMut() -> Result<Took, Box<dyn Error>>,
) -> Result<Took, Box<dyn Error>> {
    let first = run()?;
    (1..rounds).try_fold(first, |least, _| Ok(least.least(run()?)))
}

/// Counts the manifests that were printed: whoever prints less did less.
fn expect_manifests(printed: &Utf8Path, least: usize, most: usize) -> Result<(), Box<dyn Error>> {
    let lines = BufReader::new(fs::File::open(printed)?).lines();
    let mut count = 0;
    for line in lines {
        count += usize::from(line?.starts_with("kind: "));
    }
    if !(least..=most).contains(&count) {
        return Err(format!("{count} manifests were printed, not {least}").into());
    }
    Ok(())
}
