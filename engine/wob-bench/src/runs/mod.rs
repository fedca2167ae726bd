//! Runs of the command, one process after another, each beside what it compares with in the same run: into folders, into a
//! branch, to a repository, while it watches, and beside other programs.

pub(crate) mod branch;
mod files;
pub(crate) mod publish;
mod report;
mod watch;

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use camino::{Utf8Path, Utf8PathBuf};

pub(crate) use report::{Beside, LeftOut, Run, RunReport, RunsReport, Watched};

use crate::{
    fleet::{Fleet, Shape},
    launch::{self, Took},
    load, peers,
};

/// A value of one target's config, and a line of a template.
const LEAF: Edit = Edit { file: "prod/config/target-app-0000-canary.yaml", key: "LOG_LEVEL: " };
const TEMPLATE: Edit = Edit { file: "base/templates/team-namespace.yaml", key: "kind: Namespace" };

/// A label of a cluster type, by which config layers apply.
const LABEL: Edit = Edit { file: "prod/cluster-types/site-000.yaml", key: "size: " };
/// Both values that it has in turn.
const SIZES: [&str; 2] = ["medium", "small"];

/// A policy that is there in every other round: it assigns the targets of one workload to the cluster types of another group and one region.
const POLICY: Spare = Spare {
    file: "prod/scheduling/spare.yaml",
    text: "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata: {name: spare}\nspec:\n  \
           deploymentTargetSelector: {labelSelector: {matchLabels: {workload: app-0001}}}\n  \
           clusterTypeSelector: {labelSelector: {matchLabels: {group: group-0, region: region-00}}}\n",
};

/// Both values that [`LEAF`] has in turn.
const VALUES: [&str; 2] = ["info", "debug"];

/// Values that the schema of the fleets refuses, and some that are no YAML.
const REFUSED: [&str; 2] = ["loud", "silent"];
const TORN: [&str; 2] = ["\"info", "[debug"];

/// What is measured of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Builds into folders
    Files,
    /// Builds into a branch of a git repository
    Branch,
    /// Publications to a repository by its path
    Publish,
    /// From a saved edit to the file of the output
    Watch,
    /// Other programs that do the like
    Peers,
}

/// How to measure.
#[derive(Clone, Debug)]
pub(crate) struct Plan<'p> {
    /// The command.
    pub(crate) wob: &'p Path,
    pub(crate) parts: &'p [Part],
    pub(crate) rounds: usize,
    /// How many edits are watched.
    pub(crate) edits: usize,
    pub(crate) seed: u64,
    /// Where fleets and outputs lie while they are measured.
    pub(crate) folder: &'p Path,
}

/// Measures runs of the command on a fleet.
///
/// # Errors
/// If a run fails, or does not do what it should.
pub(crate) fn measure(plan: &Plan<'_>, assignments: usize) -> Result<RunReport, Box<dyn Error>> {
    let shape = Shape::of(assignments);
    let temporary = tempfile::Builder::new().prefix("wob-bench-").tempdir_in(plan.folder)?;
    let at = Utf8Path::from_path(temporary.path()).ok_or("the folder is not UTF-8")?;
    let fleet = Fleet::generate(shape, plan.seed);
    let wob = Wob { program: plan.wob.to_owned(), at: at.join("fleet"), cache: at.join("cache") };
    load::write(&fleet, &wob.at)?;
    let mut report = RunReport::new(shape.assignments());
    for part in plan.parts {
        match part {
            Part::Files => files::measure(plan, &wob, shape, &mut report)?,
            Part::Branch => branch::measure(plan, &wob, &mut report)?,
            Part::Publish => publish::measure(plan, &wob, &fleet, &mut report)?,
            Part::Watch => report.watch = Some(watch::measure(plan, &wob)?),
            Part::Peers => peers::measure(&wob, (&fleet, shape), plan.rounds, &mut report)?,
        }
    }
    Ok(report)
}

/// The command, the workspace that it builds, and the cache that it uses.
#[derive(Clone, Debug)]
pub(crate) struct Wob {
    program: PathBuf,
    pub(crate) at: Utf8PathBuf,
    cache: Utf8PathBuf,
}

impl Wob {
    /// Returns the same with a cache that is empty.
    ///
    /// # Errors
    /// If the cache cannot be emptied.
    pub(crate) fn afresh(&self) -> io::Result<Self> {
        let cache = self.cache.with_file_name("cache-of-one-run");
        if cache.exists() {
            fs::remove_dir_all(&cache)?;
        }
        Ok(Self { cache, ..self.clone() })
    }

    /// Returns the command with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.at).env("WOB_CACHE_DIR", &self.cache);
        command
    }

    /// Builds with these arguments.
    fn build(&self, arguments: &[&str]) -> Result<Took, Box<dyn Error>> {
        launch::run(&self.command(&[&["build"], arguments].concat()), None)
    }

    /// Builds with these arguments from sources in which something is wrong.
    fn fail(&self, arguments: &[&str]) -> Result<Took, Box<dyn Error>> {
        launch::run_to(&self.command(&[&["build"], arguments].concat()), None, 1)
    }
}

/// What is edited in a fleet.
#[derive(Clone, Copy, Debug)]
struct Edit {
    file: &'static str,
    /// What stands before the edited text in its line.
    key: &'static str,
}

impl Edit {
    /// Returns the text of the file with `value` instead of what follows the key.
    fn text(self, at: &Utf8Path, value: &str) -> io::Result<String> {
        let text = fs::read_to_string(at.join(self.file))?;
        let line = |it: &str| match it.find(self.key) {
            Some(start) => format!("{}{value}\n", &it[..start + self.key.len()]),
            None => format!("{it}\n"),
        };
        Ok(text.lines().map(line).collect())
    }

    fn make(self, at: &Utf8Path, value: &str) -> io::Result<()> {
        fs::write(at.join(self.file), self.text(at, value)?)
    }

    /// Writes that of two values which is not there: an edit that changes nothing would be measured as one.
    fn flip(self, at: &Utf8Path, [one, other]: [&str; 2]) -> io::Result<()> {
        let is_there = self.text(at, one)? == fs::read_to_string(at.join(self.file))?;
        self.make(at, if is_there { other } else { one })
    }
}

/// A file that a fleet can be without.
#[derive(Clone, Copy, Debug)]
struct Spare {
    file: &'static str,
    text: &'static str,
}

impl Spare {
    /// Adds it, or removes it if it is there.
    fn toggle(self, at: &Utf8Path) -> io::Result<()> {
        let path = at.join(self.file);
        if path.exists() { fs::remove_file(path) } else { fs::write(path, self.text) }
    }
}

/// Measures once for each round, and keeps the best of both sides.
fn best(
    name: &str,
    rounds: usize,
    mut round: impl FnMut(usize) -> Result<(Took, Option<Beside>), Box<dyn Error>>,
) -> Result<Run, Box<dyn Error>> {
    let (mut took, mut beside) = round(0)?;
    for number in 1..rounds {
        let (other, other_beside) = round(number)?;
        took = took.least(other);
        beside = beside.zip(other_beside).map(|(a, b)| a.better(&b));
    }
    Ok(Run::new(name, took, beside))
}
