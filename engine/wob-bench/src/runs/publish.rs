//! Publications to a bare repository by its path, beside what git's library alone needs to edit, commit and compare as many files
//! in as large a tree; and where their time goes.

#![expect(clippy::float_arithmetic, reason = "times are what a bench adds up")]

use std::{error::Error, fs, process::Command, time::Instant};

use camino::Utf8PathBuf;
use serde::Deserialize;

use super::{
    Beside, Edit, Plan, Run, RunReport, Wob, best,
    branch::{self, floor, tip},
};
use crate::{
    fleet::{ENVIRONMENT, Fleet},
    launch::{self, Took},
    load,
};

/// A value of one workload's config: in a large fleet it reaches a hundred assignments.
const VALUE: Edit = Edit { file: "prod/config/workload-app-0000.yaml", key: "TIMEOUT: " };
/// Both values that it has in turn; the fleet has another one.
const VALUES: [&str; 2] = ["7s", "9s"];
/// What a publication spends its time on, and what that is called in its trace.
const STAGES: [(&str, &[&str]); 6] = [
    ("looking at sources and reading them", &["look", "read", "prepare"]),
    ("git asked for references and history", &["look at the repository", "history"]),
    ("building and comparing", &["amend", "build", "plan"]),
    ("writing objects, commit and notes", &["write", "note"]),
    ("telling what changes", &["compare"]),
    ("git pushing", &["push", "propose"]),
];
/// The positions of two of them.
const TELLING: usize = 4;
const PUSHING: usize = 5;

/// A control plane under git, and a repository that it is published to.
struct World {
    wob: Wob,
    repository: Utf8PathBuf,
    trace: Utf8PathBuf,
    /// How often the value was edited.
    edits: usize,
    /// The least that each stage took when something had changed.
    stages: [f64; STAGES.len()],
}

/// An event of a trace, as far as it is needed.
#[derive(Deserialize)]
struct Event {
    name: String,
    /// In microseconds.
    dur: f64,
}

/// Adds the runs to `report`.
pub(super) fn measure(
    plan: &Plan<'_>,
    wob: &Wob,
    fleet: &Fleet,
    report: &mut RunReport,
) -> Result<(), Box<dyn Error>> {
    let mut world = World::new(wob, fleet)?;
    report
        .runs
        .push(best("all published for the first time", 1, |_| Ok((world.publish(&[])?, None)))?);
    report.runs.push(best("nothing to publish", plan.rounds, |_| Ok((world.publish(&[])?, None)))?);
    let mut without_push = vec![];
    report.runs.push(best("one value changed, published", plan.rounds, |_| {
        world.edit()?;
        let before = tip(&world.repository)?;
        let took = world.publish(&[])?;
        if tip(&world.repository)? == before {
            return Err("values changed, and nothing was published".into());
        }
        let stages = world.take_stages()?;
        let floor = floor(&["commit", "--folder", world.repository.as_str()])?;
        let name = format!("an edit of {} files' tree by gix alone", floor.files);
        let beside = Beside::floor(&name, floor.seconds);
        let rest = Took { seconds: took.seconds - stages[PUSHING], peak_bytes: None };
        without_push.push((rest, Some(beside.clone())));
        Ok((took, Some(beside)))
    })?);
    report.runs.push(best(
        "one value changed, published, but for the push",
        plan.rounds,
        |round| Ok(without_push[round].clone()),
    )?);
    let mut told = vec![];
    report.runs.push(best("one value changed, proposed", plan.rounds, |_| {
        world.edit()?;
        let took = world.publish(&["--dry-run"])?;
        let stages = world.take_stages()?;
        world.publish(&[])?;
        let floor = floor(&["diff", "--folder", world.repository.as_str()])?;
        let name = format!("{} files of two trees found by gix alone", floor.files);
        let telling = Took { seconds: stages[TELLING], peak_bytes: None };
        told.push((telling, Some(Beside::floor(&name, floor.seconds))));
        Ok((took, None))
    })?);
    report
        .runs
        .push(best("telling what changes in it", plan.rounds, |round| Ok(told[round].clone()))?);
    for ((name, _), seconds) in STAGES.iter().zip(world.stages) {
        let took = Took { seconds, peak_bytes: None };
        report.runs.push(Run::new(&format!("of all that, {name}"), took, None));
    }
    Ok(())
}

/// Measures in this process how git's library alone finds what the last commit changed.
///
/// # Errors
/// If the repository is damaged or has no change.
pub(crate) fn measure_diff(folder: &std::path::Path) -> Result<branch::FloorTook, Box<dyn Error>> {
    let repository = gix::open(folder)?;
    let tip = repository.find_reference(ENVIRONMENT)?.peel_to_id()?.object()?.try_into_commit()?;
    let parent = tip.parent_ids().next().ok_or("there is one commit only")?;
    let before = parent.object()?.try_into_commit()?.tree()?;
    let after = tip.tree()?;
    let begin = Instant::now();
    let changes = repository.diff_tree_to_tree(&before, &after, None)?;
    let time = begin.elapsed();
    let is_file = |it: &&gix::object::tree::diff::ChangeDetached| {
        it.entry_mode_and_id().0.is_blob() && !it.location().starts_with(b".wob/")
    };
    Ok(branch::took(time, changes.iter().filter(is_file).count()))
}

impl World {
    /// Commits the sources of `fleet`, and makes a repository whose branch is empty.
    fn new(wob: &Wob, fleet: &Fleet) -> Result<Self, Box<dyn Error>> {
        let at = wob.at.with_file_name("plane");
        load::write(fleet, &at)?;
        let repository = wob.at.with_file_name("published.git");
        gix::init_bare(&repository)?;
        let trace = wob.at.with_file_name("trace.json");
        let stages = [f64::INFINITY; STAGES.len()];
        let wob = Wob { at, ..wob.afresh()? };
        let world = Self { wob, repository, trace, edits: 0, stages };
        world.git(&["init", "--quiet"])?;
        world.commit()?;
        let repository = gix::open(&world.repository)?;
        let somebody = gix::actor::SignatureRef {
            name: "bench".into(),
            email: "bench@localhost".into(),
            time: "0 +0000",
        };
        let empty = repository.write_object(gix::objs::Tree::empty())?;
        let parents: [gix::ObjectId; 0] = [];
        let commit = repository.new_commit_as(somebody, somebody, "empty", empty, parents)?;
        let name = format!("refs/heads/{ENVIRONMENT}");
        repository.reference(
            name,
            commit.id,
            gix::refs::transaction::PreviousValue::Any,
            "bench",
        )?;
        Ok(world)
    }

    fn git(&self, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"]);
        let output = command.args(arguments).current_dir(&self.wob.at).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command:?}: {errors}").into());
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), Box<dyn Error>> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", "sources"])
    }

    /// Changes the value, and commits that.
    fn edit(&mut self) -> Result<(), Box<dyn Error>> {
        VALUE.make(&self.wob.at, VALUES[self.edits % 2])?;
        self.edits += 1;
        self.commit()
    }

    /// Publishes to the branch itself.
    fn publish(&self, more: &[&str]) -> Result<Took, Box<dyn Error>> {
        let environment = format!("//env:{ENVIRONMENT}");
        let repository = format!("--repo={}#{ENVIRONMENT}", self.repository);
        let timings = format!("--timings={}", self.trace);
        let arguments = ["publish", &environment, &repository, &timings, "--auto-merge"];
        launch::run(&self.wob.command(&[&arguments, more].concat()), None)
    }

    /// Returns how many seconds each stage of the last publication took.
    fn take_stages(&mut self) -> Result<[f64; STAGES.len()], Box<dyn Error>> {
        let events: Vec<Event> = serde_json::from_slice(&fs::read(&self.trace)?)?;
        let stages = STAGES.map(|(_, names)| {
            let own = events.iter().filter(|it| names.contains(&it.name.as_str()));
            own.map(|it| it.dur / 1e6).sum::<f64>()
        });
        for (least, now) in self.stages.iter_mut().zip(stages) {
            // Not every publication has every stage.
            if now > 0.0 {
                *least = least.min(now);
            }
        }
        Ok(stages)
    }
}
