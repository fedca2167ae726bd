//! Asks the program that decides what runs where, if `wob.yaml` names one.
//!
//! **Invariant:** only the settings of the workspace itself name programs; nothing that was fetched is run.

use std::time::Duration;

use camino::Utf8Path;
use wob_engine::{Digest, Origin};
use wob_host::{Interrupted, Program, ProgramError, ProgramLimits, Surroundings};
use wob_rules::{
    Answer, EnvironmentInput, ProgramCall, answer_scheduler, decode_all, scheduler_call,
};

use super::read::Sources;

/// How many bytes a program may answer: more than a hundred thousand assignments take.
const ANSWER_BYTES: usize = 64 << 20;

/// Runs the program of `environment`, if it has one, in the workspace at `root`, and notes what came of it.
pub(super) fn ask(
    sources: &mut Sources<'_>,
    environment: EnvironmentInput,
    root: &Utf8Path,
) -> Result<(), Interrupted> {
    // What asks first makes it with one thread alone.
    decode_all(&sources.db, environment);
    if let Some(call) = scheduler_call(&sources.db, environment) {
        // A program answers by what it is asked; so it is asked again if its file or the request is another.
        sources.see_program(&root.join(call.path.as_str()));
        let answer = run(&call, root, sources)?;
        answer_scheduler(&mut sources.db, environment, answer);
    }
    Ok(())
}

fn run(
    call: &ProgramCall,
    root: &Utf8Path,
    sources: &mut Sources<'_>,
) -> Result<Answer, Interrupted> {
    let time = Duration::from_secs(u64::from(call.timeout_seconds));
    let limits = ProgramLimits { time, output_bytes: ANSWER_BYTES };
    let program = Program {
        root,
        path: &call.path,
        arguments: &call.arguments,
        limits,
        surroundings: Surroundings::None,
    };
    let request = call.request.as_bytes();
    match program.run(request, sources.interrupt) {
        Ok(ran) => Ok(Answer::Said {
            request: Digest::of(request),
            program: ran.program,
            origin: origin(call, root, ran.program, sources),
            output: ran.output.into(),
        }),
        Err(ProgramError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Answer::Failed {
            reason: error.to_string(),
            help: error.help().to_owned(),
            notes: last_words(&error),
        }),
    }
}

/// Says where the program comes from; its file is a source like any other.
fn origin(
    call: &ProgramCall,
    root: &Utf8Path,
    digest: Digest,
    sources: &mut Sources<'_>,
) -> Origin {
    // It was run from there a moment ago.
    let root = root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned());
    sources.program_origin(&root.join(call.path.as_str()), call.path.as_str(), digest)
}

fn last_words(error: &ProgramError) -> Vec<String> {
    match error.last_words() {
        [] => vec![],
        lines => vec![format!("it wrote on standard error:\n{}", lines.join("\n"))],
    }
}
