//! Builds into a branch of a bare repository, beside floors: rendering, hashing and compressing alone, and an edit of the
//! tree by git's library alone.

use std::{error::Error, fs, process::Command, time::Duration};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::{Beside, LEAF, Plan, RunReport, VALUES, Wob, best};
use crate::{
    fleet::{ENVIRONMENT, Fleet, Shape},
    floors::{commit, pack},
    launch::Took,
    stages,
};

/// What a floor took, as its own process prints it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct FloorTook {
    pub(super) seconds: f64,
    /// How many files it was done with.
    pub(super) files: usize,
}

/// Adds the runs to `report`.
pub(super) fn measure(
    plan: &Plan<'_>,
    wob: &Wob,
    report: &mut RunReport,
) -> Result<(), Box<dyn Error>> {
    let repository = wob.at.with_file_name("fleet.git");
    let into = format!("--into={repository}#{ENVIRONMENT}");
    let assignments = report.assignments.to_string();
    let seed = plan.seed.to_string();
    report.runs.push(best("cold, into a pack", plan.rounds, |_| {
        if repository.exists() {
            fs::remove_dir_all(&repository)?;
        }
        gix::init_bare(&repository)?;
        let took = wob.afresh()?.build(&[&into])?;
        let floor = floor(&["pack", "--assignments", &assignments, "--seed", &seed])?;
        let name = "rendering, hashing and compressing alone";
        Ok((took, Some(Beside::floor(name, floor.seconds))))
    })?);
    // The cache of the last of these rounds, so that nothing of the fleet is new to it.
    let wob = Wob { cache: wob.cache.with_file_name("cache-of-one-run"), ..wob.clone() };
    wob.build(&[&into])?;
    report.runs.push(best("nothing to do, into a branch", plan.rounds, |_| {
        Ok((wob.build(&[&into])?, None))
    })?);
    report.runs.push(best("one value changed, into a branch", plan.rounds, |round| {
        let value = VALUES[round % 2];
        let took = change(&wob, &into, &repository, value)?;
        let floor = floor(&["commit", "--folder", repository.as_str()])?;
        let name = format!("an edit of {} files' tree by gix alone", floor.files);
        Ok((took, Some(Beside::floor(&name, floor.seconds))))
    })?);
    Ok(())
}

/// Changes a value and builds; the value may be there already, as another part may have left it.
fn change(
    wob: &Wob,
    into: &str,
    repository: &Utf8Path,
    value: &str,
) -> Result<Took, Box<dyn Error>> {
    if LEAF.text(&wob.at, value)? == fs::read_to_string(wob.at.join(LEAF.file))? {
        let other = VALUES.iter().find(|it| **it != value).ok_or("there are two values")?;
        LEAF.make(&wob.at, other)?;
        wob.build(&[into])?;
    }
    LEAF.make(&wob.at, value)?;
    let before = tip(repository)?;
    let took = wob.build(&[into])?;
    if tip(repository)? == before {
        return Err("one value changed, and nothing was committed".into());
    }
    Ok(took)
}

/// Returns the last commit of the branch.
pub(super) fn tip(repository: &Utf8Path) -> Result<gix::ObjectId, Box<dyn Error>> {
    let repository = gix::open(repository)?;
    Ok(repository.find_reference(ENVIRONMENT)?.peel_to_id()?.detach())
}

/// Measures a floor in a process of its own.
pub(super) fn floor(arguments: &[&str]) -> Result<FloorTook, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("--only").args(arguments).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Measures in this process what a pack cannot do without.
///
/// # Errors
/// If the fleet does not build.
pub(crate) fn measure_pack(fleet: &Fleet, shape: Shape) -> Result<FloorTook, Box<dyn Error>> {
    let rendered = stages::files(fleet, shape)?;
    let files: Vec<_> = rendered.tree.files().map(|(_, blob)| blob).collect();
    Ok(took(pack::measure(&rendered.inputs, &files)?, files.len()))
}

/// Measures in this process what one change in a branch cannot do without.
///
/// # Errors
/// If the repository is damaged or has no change.
pub(crate) fn measure_commit(folder: &std::path::Path) -> Result<FloorTook, Box<dyn Error>> {
    let (time, files) = commit::measure(folder, ENVIRONMENT)?;
    Ok(took(time, files))
}

pub(super) fn took(time: Duration, files: usize) -> FloorTook {
    FloorTook { seconds: time.as_secs_f64(), files }
}
