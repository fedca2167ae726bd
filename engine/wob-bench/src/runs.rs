//! Runs of the command, one process after another: with nothing to do, one value changed, a template changed to no effect;
//! beside ninja, if it is installed, with as many edges and output files.

use std::{
    error::Error,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use camino::Utf8Path;
use serde::Serialize;

use crate::{
    fleet::{Fleet, Shape},
    load,
};

/// A value of one target's config, and a line of a template.
const LEAF: (&str, &str) = ("prod/config/target-app-0000-canary.yaml", "LOG_LEVEL: ");
const TEMPLATE: (&str, &str) = ("base/templates/team-namespace.yaml", "kind: Namespace");

/// What was measured of one fleet; times in seconds, the best of all rounds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunReport {
    assignments: usize,
    runs: Vec<Run>,
}

/// One kind of run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    name: &'static str,
    seconds: f64,
    /// The same with ninja; none if it is not installed, or has no such run.
    #[serde(skip_serializing_if = "Option::is_none")]
    ninja_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

/// Measures runs of the command `wob` on a fleet, in folders below `folder`.
///
/// # Errors
/// If a run fails, or does not do what it should.
pub(crate) fn measure(
    wob: &Path,
    (assignments, seed): (usize, u64),
    rounds: usize,
    folder: &Path,
) -> Result<RunReport, Box<dyn Error>> {
    let shape = Shape::of(assignments);
    let temporary = tempfile::tempdir_in(folder)?;
    let at = Utf8Path::from_path(temporary.path()).ok_or("the folder is not UTF-8")?;
    load::write(&Fleet::generate(shape, seed), at)?;
    let beside = at.join("ninja");
    let ninja = Ninja::prepare(&beside, shape.assignments())?;
    let wob = Wob { program: wob, at };
    let mut runs =
        vec![Run::new("cold", wob.build(&[])?, ninja.as_ref().map(Ninja::run).transpose()?)];
    // The first run that finds nothing to do may still tidy up.
    wob.build(&[])?;
    let mut best = |name, run: &mut dyn FnMut(usize) -> Result<Run, Box<dyn Error>>| {
        let mut all: Vec<Run> = (0..rounds).map(run).collect::<Result<_, _>>()?;
        all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let ninja_seconds = all.iter().filter_map(|it| it.ninja_seconds).min_by(f64::total_cmp);
        let first = all.first().ok_or("there must be a round")?;
        runs.push(Run::new(name, first.seconds, ninja_seconds));
        Ok::<(), Box<dyn Error>>(())
    };
    let ninja_run = || ninja.as_ref().map(Ninja::run).transpose();
    best("nothing to do", &mut |_| Ok(Run::new("", wob.build(&[])?, ninja_run()?)))?;
    wob.build(&["--trust-output"])?;
    best("nothing to do, output trusted", &mut |_| {
        Ok(Run::new("", wob.build(&["--trust-output"])?, ninja_run()?))
    })?;
    best("one value changed", &mut |round| {
        edit(at, LEAF, if round % 2 == 0 { "info" } else { "debug" })?;
        let touched = ninja.as_ref().map(Ninja::touch).transpose()?;
        let seconds = wob.build(&[])?;
        Ok(Run::new("", seconds, touched.map(|()| ninja_run()).transpose()?.flatten()))
    })?;
    best("a template changed to no effect", &mut |round| {
        edit(at, TEMPLATE, &format!(" # {round}"))?;
        Ok(Run::new("", wob.build(&[])?, None))
    })?;
    Ok(RunReport { assignments: shape.assignments(), runs })
}

impl Run {
    #[expect(clippy::float_arithmetic, reason = "ratios of times are for people")]
    fn new(name: &'static str, seconds: f64, ninja_seconds: Option<f64>) -> Self {
        Self { name, seconds, ninja_seconds, ratio: ninja_seconds.map(|it| seconds / it) }
    }
}

impl RunReport {
    /// Returns the table that people read.
    #[expect(clippy::float_arithmetic, reason = "times are for people")]
    pub(crate) fn to_text(&self) -> String {
        let mut lines = vec![format!("{} assignments", self.assignments)];
        let milliseconds = |it: f64| format!("{:.1}", it * 1000.0);
        lines.push(format!("{:34}{:>10}{:>10}{:>8}", "run", "ms", "ninja ms", "ratio"));
        for it in &self.runs {
            let ninja = it.ninja_seconds.map_or_else(|| "-".to_owned(), milliseconds);
            let ratio = it.ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
            let own = milliseconds(it.seconds);
            lines.push(format!("{:34}{own:>10}{ninja:>10}{ratio:>8}", it.name));
        }
        if self.runs.iter().all(|it| it.ninja_seconds.is_none()) {
            lines.push("ninja is not installed, so nothing is compared with it".to_owned());
        }
        lines.join("\n") + "\n"
    }
}

/// Replaces what follows the text in its line.
fn edit(at: &Utf8Path, (file, text): (&str, &str), value: &str) -> io::Result<()> {
    let path = at.join(file);
    let lines = fs::read_to_string(&path)?;
    let line = |it: &str| match it.find(text) {
        Some(start) => format!("{}{value}\n", &it[..start + text.len()]),
        None => format!("{it}\n"),
    };
    fs::write(path, lines.lines().map(line).collect::<String>())
}

/// Runs a program and returns how long it took.
fn timed(command: &mut Command) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    let seconds = begin.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(seconds)
}

/// The command, and the workspace that it builds.
struct Wob<'w> {
    program: &'w Path,
    at: &'w Utf8Path,
}

impl Wob<'_> {
    fn build(&self, args: &[&str]) -> Result<f64, Box<dyn Error>> {
        let mut command = Command::new(self.program);
        command.arg("build").args(args).current_dir(self.at);
        timed(command.env("WOB_CACHE_DIR", self.at.join("cache")))
    }
}

/// As many edges as there are assignments, each with three output files.
struct Ninja<'n>(&'n Utf8Path);

impl<'n> Ninja<'n> {
    /// Writes what ninja builds; `None` if it is not installed.
    fn prepare(at: &'n Utf8Path, edges: usize) -> Result<Option<Self>, Box<dyn Error>> {
        let found = Command::new("ninja").arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|it| it.success()) {
            return Ok(None);
        }
        fs::create_dir_all(at)?;
        let mut lines =
            vec!["rule write\n  command = for it in $out; do cp leaf $$it; done".to_owned()];
        fs::write(at.join("base"), "")?;
        fs::write(at.join("leaf"), "")?;
        for edge in 0..edges {
            let source = if edge == 0 { "leaf" } else { "base" };
            lines.push(format!("build {edge}/a {edge}/b {edge}/c: write {source}"));
        }
        fs::write(at.join("build.ninja"), lines.join("\n") + "\n")?;
        Ok(Some(Self(at)))
    }

    fn run(&self) -> Result<f64, Box<dyn Error>> {
        timed(Command::new("ninja").current_dir(self.0))
    }

    /// Changes what one edge reads.
    fn touch(&self) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(self.0.join("leaf"), "changed\n")?)
    }
}
