//! `scheduler:` of `wob.yaml`: which scheduler decides, and which program it asks.

use std::sync::Arc;

use wob_engine::{
    Diagnostic, FilePath, Origin, Place, did_you_mean,
    yaml::{Node, NodeKind},
};

use super::{Answer, Fleet, Needs, SCHEDULERS, Schedule, Scheduler};
use crate::{
    decode::{Fields, Problems, as_text, shown},
    model::Doubt,
};

/// How long a program may take, in seconds, if the setting does not say.
const TIMEOUT_SECONDS: u32 = 30;
/// The longest that a program may take, in seconds.
const MAX_TIMEOUT_SECONDS: u32 = 3600;

/// What a workspace says of the scheduler, for all environments or for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerSetting {
    /// Its name, one of [`SCHEDULERS`]; `None` if what is written is wrong: then nothing is decided.
    pub name: Option<&'static str>,
    /// The program; `Some` for schedulers that need one, and for no others.
    pub program: Option<ProgramSetting>,
    /// Where it is said.
    pub place: Place,
}

/// The program that a scheduler asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSetting {
    /// Its file, relative to the workspace.
    pub path: FilePath,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may take, in seconds.
    pub timeout_seconds: u32,
    /// Where the command is said.
    pub place: Place,
}

/// Which scheduler decides for an environment, and what it was told from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// What the workspace says; `None` for the first scheduler.
    pub setting: Option<SchedulerSetting>,
    /// What the program answered; `None` as long as it was not asked.
    pub answer: Option<Answer>,
}

impl Scheduling {
    /// Returns the program that decided, with where it comes from; `None` if none did.
    pub fn program(&self) -> Option<(&ProgramSetting, &Origin)> {
        let program = self.setting.as_ref()?.program.as_ref()?;
        match self.answer.as_ref()? {
            Answer::Said { origin, .. } => Some((program, origin)),
            Answer::Failed { .. } => None,
        }
    }

    /// Returns the scheduler.
    pub fn scheduler(&self) -> &'static dyn Scheduler {
        match &self.setting {
            None => SCHEDULERS[0],
            Some(setting) => setting.name.and_then(find).unwrap_or(&Undecided),
        }
    }
}

impl SchedulerSetting {
    /// Returns a setting that is there, but cannot be read.
    pub(crate) fn unreadable(place: Place) -> Self {
        Self { name: None, program: None, place }
    }
}

/// Stands in for a scheduler that is named wrongly: another one in its place would move everything.
#[derive(Debug)]
struct Undecided;

impl Scheduler for Undecided {
    fn name(&self) -> &'static str {
        "unknown"
    }

    fn schedule(&self, _: Fleet<'_>) -> Schedule {
        Schedule { doubt: Doubt::Scheduling, ..Schedule::default() }
    }
}

fn find(name: &str) -> Option<&'static dyn Scheduler> {
    SCHEDULERS.into_iter().find(|it| it.name() == name)
}

/// Reads `scheduler`: a name, or a mapping with the settings of a scheduler; `None` if there is none.
pub(crate) fn scheduler_setting(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<SchedulerSetting> {
    let (node, place) = fields.node("scheduler")?;
    let setting = match node.kind {
        NodeKind::Mapping(_) => of_mapping(node, &place, problems),
        NodeKind::Scalar(_) | NodeKind::List(_) => {
            let name = as_text(node, place.clone(), "scheduler", fields.owner(), problems);
            name.and_then(|it| {
                complete(known(&it, place.clone(), problems)?, None, &place, problems)
            })
        }
    };
    Some(setting.unwrap_or_else(|| SchedulerSetting::unreadable(place)))
}

fn of_mapping(node: &Node, place: &Place, problems: &mut Problems) -> Option<SchedulerSetting> {
    let owner: Arc<str> = "the scheduler".into();
    let mut fields = Fields::open(node, place.clone(), "", &owner, problems)?;
    let name = fields.text("name", problems)?;
    let scheduler = known(&name, fields.place.key("name"), problems)?;
    let program = match scheduler.needs() {
        Needs::Nothing => None,
        // How long it may take is read all the same: it is no unknown field.
        Needs::Program if fields.node("command").is_none() => {
            timeout(&mut fields, problems).and(None)
        }
        // What is wrong with a command that is there is said where it is.
        Needs::Program => Some(program(&mut fields, "the scheduler", problems)?),
    };
    fields.finish(&[], problems);
    complete(scheduler, program, place, problems)
}

/// A scheduler that needs a program is nothing without one.
fn complete(
    scheduler: &'static dyn Scheduler,
    program: Option<ProgramSetting>,
    place: &Place,
    problems: &mut Problems,
) -> Option<SchedulerSetting> {
    let name = scheduler.name();
    if scheduler.needs() == Needs::Program && program.is_none() {
        let message = format!("the scheduler `{name}` has no `command`");
        let help = format!("write `scheduler: {{name: {name}, command: [./path/to/program]}}`");
        let missing = Diagnostic::error("missing-field", message);
        problems.push(missing.at(place.clone(), "which program?").help(help));
        return None;
    }
    Some(SchedulerSetting { name: Some(name), program, place: place.clone() })
}

fn known(name: &str, place: Place, problems: &mut Problems) -> Option<&'static dyn Scheduler> {
    let found = find(name);
    if found.is_none() {
        let names = SCHEDULERS.map(Scheduler::name);
        let list = names.map(|it| format!("`{it}`")).join(", ");
        let help = match did_you_mean(name, names) {
            Some(guess) => format!("did you mean `{guess}`? Known schedulers: {list}"),
            None => format!("known schedulers: {list}"),
        };
        let message = format!("unknown scheduler `{}`", shown(name));
        let diagnostic = Diagnostic::error("unknown-value", message);
        problems.push(diagnostic.at(place, "no scheduler has this name").help(help));
    }
    found
}

/// Reads `command` and `timeoutSeconds` of what messages call `owner`.
pub(crate) fn program(
    fields: &mut Fields<'_>,
    owner: &str,
    problems: &mut Problems,
) -> Option<ProgramSetting> {
    let timeout_seconds = timeout(fields, problems);
    let place = fields.place.key("command");
    let items = fields.list("command", problems).into_iter();
    let words: Vec<Option<Arc<str>>> =
        items.map(|(node, place)| as_text(node, place, "command", owner, problems)).collect();
    // A command is not run without one of its arguments.
    let words: Vec<Arc<str>> = words.into_iter().collect::<Option<_>>()?;
    let Some((first, arguments)) = words.split_first() else {
        if !problems.has_errors() {
            let message = format!("`command` of {owner} is empty");
            let empty = Diagnostic::error("missing-field", message);
            let help = "write the path of a program, relative to wob.yaml";
            problems.push(empty.at(place, "which program?").help(help));
        }
        return None;
    };
    let relative = first.strip_prefix("./").unwrap_or(first);
    let Ok(path) = FilePath::new(relative) else {
        let message = format!("`{}` is not a path inside of the workspace", shown(first));
        problems.push(
            Diagnostic::error("bad-path", message)
                .at(place.index(0), "the program")
                .help("write a path relative to wob.yaml, such as `./scheduler.sh`"),
        );
        return None;
    };
    let arguments = arguments.iter().map(ToString::to_string).collect();
    Some(ProgramSetting { path, arguments, timeout_seconds: timeout_seconds?, place })
}

/// Returns how long the program may take; `None` if what is written is wrong.
fn timeout(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u32> {
    let Some((node, place)) = fields.node("timeoutSeconds") else { return Some(TIMEOUT_SECONDS) };
    let seconds = node.to_value().as_int().and_then(|it| u32::try_from(it).ok());
    let seconds = seconds.filter(|it| (1..=MAX_TIMEOUT_SECONDS).contains(it));
    if seconds.is_none() {
        let message = format!(
            "`timeoutSeconds` must be a whole number from 1 to {MAX_TIMEOUT_SECONDS}, without quotes"
        );
        let wrong = Diagnostic::error("wrong-type", message);
        problems.push(wrong.at(place, "here").help("write `30`"));
    }
    seconds
}
