//! Asks the program that decides what runs where, if `wob.yaml` names one.
//!
//! **Invariant:** only the settings of the workspace itself name programs, and a commit's program runs only if the commit is on
//! a branch of the workspace's own repository; nothing else that was fetched is run. Where the settings are those of a commit,
//! so is the program, with all files around it (docs/decisions/0046).

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Digest, Origin};
use wob_host::{
    GitError, Interrupt, Interrupted, LimitError, Program, ProgramError, ProgramLimits, ReadLimits,
    ReadOptions, Surroundings,
};
use wob_rules::{
    Answer, EnvironmentInput, ProgramCall, answer_scheduler, decode_all, scheduler_call,
};

use super::{Workspace, at_commit::AtCommit, read::Sources};

/// How many bytes a program may answer: more than a hundred thousand assignments take.
const ANSWER_BYTES: usize = 64 << 20;

/// Where programs run that a commit has: all its files of the workspace, in a folder that goes away with this.
pub(super) struct Exported {
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
    root: Utf8PathBuf,
}

/// Runs the program of `environment`, if it has one, and notes what came of it.
pub(super) fn ask(
    sources: &mut Sources<'_>,
    environment: EnvironmentInput,
    workspace: &Workspace,
) -> Result<(), Interrupted> {
    // What asks first makes it with one thread alone.
    decode_all(&sources.db, environment);
    let Some(call) = scheduler_call(&sources.db, environment) else { return Ok(()) };
    let answer = match &workspace.at {
        None => {
            let root = &workspace.root;
            // A program answers by what it is asked; so it is asked again if its file or the request is another.
            sources.see_program(&root.join(call.path.as_str()));
            match run(&call, root, sources.interrupt)? {
                Ok((program, output)) => {
                    said(&call, program, origin(&call, root, program, sources), output)
                }
                Err(error) => failed(&error, error.help()),
            }
        }
        Some(at) => ask_commit(sources, &call, at)?,
    };
    answer_scheduler(&mut sources.db, environment, answer);
    Ok(())
}

/// Runs the program as a commit has it.
fn ask_commit(
    sources: &mut Sources<'_>,
    call: &ProgramCall,
    at: &AtCommit,
) -> Result<Answer, Interrupted> {
    let not_run = |reason: String, help: &str| Answer::Failed {
        reason,
        help: help.to_owned(),
        notes: vec![],
    };
    let unreadable = |error: GitError| {
        if let GitError::Limit { source: LimitError::Interrupted(stop), .. } = error {
            return Err(stop);
        }
        let reason = format!("it cannot be run as commit {} has it: {error}", at.commit.id);
        Ok(not_run(reason, "check out that commit, and run wob there"))
    };
    match at.repository.is_on_own_branch(at.commit.id) {
        Ok(true) => {}
        Ok(false) => {
            return Ok(not_run(
                format!(
                    "it is not run as commit {} has it, which is on no branch of your own or of `origin`",
                    at.commit.id
                ),
                "fetch its branch, if it is one of `origin`; or check the commit out, if you trust it, and run wob there",
            ));
        }
        Err(error) => return unreadable(error),
    }
    if sources.exported.is_none() {
        match Exported::new(at, sources.interrupt) {
            Ok(exported) => sources.exported = Some(exported),
            Err(error) => return unreadable(error),
        }
    }
    let exported = sources.exported.as_ref().expect("because it was written before");
    Ok(match run(call, &exported.root, sources.interrupt)? {
        Ok((program, output)) => said(call, program, at.origin_called(call.path.as_str()), output),
        Err(error @ ProgramError::Start(_)) => failed(
            &error,
            "commit it as a file that can be run, and let TMPDIR name a folder where programs may run",
        ),
        Err(error @ ProgramError::Missing) => {
            failed(&error, "commit it, for it runs as the commit has it")
        }
        Err(error) => failed(&error, error.help()),
    })
}

impl Exported {
    /// Writes the files of the workspace as a commit has them.
    fn new(at: &AtCommit, interrupt: &Interrupt) -> Result<Self, GitError> {
        let failed = |reason: String| GitError::Failed {
            attempt: "write the files",
            repository: at.repository.address().to_owned(),
            reason,
        };
        // Only the user may look into it.
        let folder = tempfile::Builder::new().prefix("wob-").tempdir();
        let folder = folder.map_err(|it| failed(it.to_string()))?;
        let root = Utf8Path::from_path(folder.path());
        let root = root.ok_or_else(|| failed("TMPDIR is not UTF-8".to_owned()))?.to_owned();
        let below = at.path_of("").map_err(|it| failed(it.to_string()))?;
        let options = ReadOptions {
            wanted: &|_| true,
            limits: ReadLimits::default(),
            unneeded: None,
            interrupt,
        };
        at.repository.export(&at.commit, below.as_ref(), &root, &options)?;
        Ok(Self { _folder: folder, root })
    }
}

/// Returns the digest of the program's file, and what it wrote.
fn run(
    call: &ProgramCall,
    root: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<Result<(Digest, Vec<u8>), ProgramError>, Interrupted> {
    let time = Duration::from_secs(u64::from(call.timeout_seconds));
    let limits = ProgramLimits { time, output_bytes: ANSWER_BYTES };
    let program = Program {
        root,
        path: &call.path,
        arguments: &call.arguments,
        limits,
        surroundings: Surroundings::None,
    };
    match program.run(call.request.as_bytes(), interrupt) {
        Ok(ran) => Ok(Ok((ran.program, ran.output))),
        Err(ProgramError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => Ok(Err(error)),
    }
}

fn said(call: &ProgramCall, program: Digest, origin: Origin, output: Vec<u8>) -> Answer {
    let request = Digest::of(call.request.as_bytes());
    Answer::Said { request, program, origin, output: output.into() }
}

fn failed(error: &ProgramError, help: &str) -> Answer {
    Answer::Failed { reason: error.to_string(), help: help.to_owned(), notes: last_words(error) }
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
