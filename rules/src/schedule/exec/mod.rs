//! The scheduler `exec`: a program of the workspace decides.
//!
//! **Invariant:** an answer counts as a whole or not at all. Without a sound one it is in doubt what is scheduled, so
//! nothing is built and nothing is deleted.

mod request;
mod response;

use std::{borrow::Cow, sync::Arc};

use wob_engine::{Diagnostic, Digest, FilePath, Hasher, Origin};

pub(crate) use self::request::scheduler_call;
use super::{Fleet, Needs, ProgramSetting, Schedule, Scheduler, Scheduling};
use crate::model::Doubt;

/// The JSON Schema of what a program reads on its standard input.
pub const SCHEDULER_REQUEST_SCHEMA: &str = include_str!("scheduler-request.schema.json");
/// The JSON Schema of what a program writes on its standard output.
pub const SCHEDULER_RESPONSE_SCHEMA: &str = include_str!("scheduler-response.schema.json");

/// Does what a program says; the host asks it beforehand.
#[derive(Debug)]
pub struct ExecScheduler;

/// What the host is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCall {
    /// The program's file, relative to the workspace.
    pub path: FilePath,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may take, in seconds.
    pub timeout_seconds: u32,
    /// Its standard input.
    pub request: Arc<str>,
}

/// What came of running a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It ended well.
    Said {
        /// What it was asked.
        request: Digest,
        /// Its file.
        program: Digest,
        /// Where its file comes from.
        origin: Origin,
        /// What it wrote on standard output.
        output: Arc<[u8]>,
    },
    /// It could not be run, or failed.
    Failed {
        /// What went wrong: ``it ended with exit code 3``.
        reason: String,
        /// The way out.
        help: String,
        /// What else one should know, such as its last words.
        notes: Vec<String>,
    },
}

/// What decided, for the record of a tree.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerRecord {
    /// The scheduler's name.
    pub name: Cow<'static, str>,
    /// The digest of everything that a program's answer depends on: its file, its arguments and the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Digest>,
    /// BLAKE3 of what the program answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
}

impl Scheduler for ExecScheduler {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn needs(&self) -> Needs {
        Needs::Program
    }

    fn schedule(&self, fleet: Fleet<'_>) -> Schedule {
        let doubt = Schedule { doubt: Doubt::Scheduling, ..Schedule::default() };
        let program = fleet.scheduling.setting.as_ref().and_then(|it| it.program.as_ref());
        match (&fleet.scheduling.answer, program) {
            (Some(Answer::Said { output, .. }), Some(program)) => {
                match response::read(output, fleet) {
                    Ok(schedule) => schedule,
                    Err(wrong) => {
                        let diagnostics = wrong.into_iter().map(|it| it.diagnostic(program));
                        Schedule { diagnostics: diagnostics.collect(), ..doubt }
                    }
                }
            }
            (Some(Answer::Failed { reason, help, notes }), Some(program)) => {
                let message = format!("the scheduler `{}` failed: {reason}", program.path);
                let mut diagnostic = Diagnostic::error("scheduler-failed", message)
                    .at(program.place.clone(), "this program decides what runs where")
                    .help(help);
                diagnostic.notes.clone_from(notes);
                Schedule { diagnostics: vec![diagnostic], ..doubt }
            }
            // It is not asked while a cluster type may be missing; why one is, is said elsewhere.
            (None, _) | (_, None) => doubt,
        }
    }
}

/// Returns what decided; `None` for the scheduler that is used if none is named, which has nothing to tell.
pub(crate) fn record(scheduling: &Scheduling) -> Option<SchedulerRecord> {
    let setting = scheduling.setting.as_ref()?;
    let mut record = SchedulerRecord { name: setting.name?.into(), inputs: None, answer: None };
    if let (Some(program), Some(Answer::Said { request, program: file, output, .. })) =
        (&setting.program, &scheduling.answer)
    {
        record.inputs = Some(key(program, request, file));
        record.answer = Some(Digest::of(output));
    }
    Some(record)
}

/// Returns the key of one run of a program.
fn key(program: &ProgramSetting, request: &Digest, file: &Digest) -> Digest {
    let hasher = Hasher::new("wob 2026-11 scheduler")
        .field(file.as_bytes())
        .field(request.as_bytes())
        .field(&(program.arguments.len() as u64).to_le_bytes());
    program.arguments.iter().fold(hasher, |it, word| it.field(word.as_bytes())).finish()
}
