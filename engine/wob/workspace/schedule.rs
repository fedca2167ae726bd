//! Asks the program that decides what runs where, if `wob.yaml` names one.
//!
//! **Invariant:** only the settings of the workspace itself name programs, and no file of a commit is run that is not to be trusted
//! (docs/decisions/0049). Where the settings are those of a commit, so is the program, with all files around it (0046); where
//! environments are branches, it is that of the environment's base (0050).

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Digest, Origin};
use wob_host::{
    GitError, Interrupt, Interrupted, LimitError, Program, ProgramError, ProgramLimits, ReadLimits,
    ReadOptions, Surroundings,
};
use wob_rules::{
    Answer, BaseSource, EnvironmentInput, Name, ProgramCall, answer_scheduler, decode_all,
    scheduler_call,
};

use super::{
    Layout, Workspace, at_commit::AtCommit, input::is_at, load::MAIN_BASE, read::Sources,
    trust::Trust,
};

/// How many bytes a program may answer: more than a hundred thousand assignments take.
const ANSWER_BYTES: usize = 64 << 20;

/// Where programs run that a commit has: all its files of the workspace, in a folder that goes away with this.
pub(super) struct Exported {
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
    root: Utf8PathBuf,
}

/// Runs the program of `environment`, which people call `name`, if it has one, and notes what came of it.
pub(super) fn ask(
    sources: &mut Sources<'_>,
    environment: EnvironmentInput,
    name: &Name,
    workspace: &Workspace,
) -> Result<(), Interrupted> {
    // What asks first makes it with one thread alone.
    decode_all(&sources.db, environment);
    let Some(call) = scheduler_call(&sources.db, environment) else { return Ok(()) };
    let of_base = match base_at(sources, environment, workspace) {
        Ok(of_base) => of_base,
        Err(reason) => {
            let help = "get it into this clone, such as by `git fetch --unshallow`".to_owned();
            let answer = Answer::Failed { reason, help, notes: vec![] };
            answer_scheduler(&mut sources.db, environment, answer);
            return Ok(());
        }
    };
    let answer = match of_base.as_ref().or(workspace.at.as_ref()) {
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
        Some(at) => {
            let missing = match of_base {
                Some(_) => {
                    "promote a commit of the base that has it, for it runs as the base has it"
                }
                None => "commit it, for it runs as the commit has it",
            };
            ask_commit(sources, (&call, name, missing), at, workspace)?
        }
    };
    answer_scheduler(&mut sources.db, environment, answer);
    Ok(())
}

/// Where environments are branches, returns the commit in which `environment` has its base, and so its program; `None` if that is
/// what lies here, or is not of this repository. Says why if it is of this repository, but not in this clone: what lies here
/// would be another program.
fn base_at(
    sources: &Sources<'_>,
    environment: EnvironmentInput,
    workspace: &Workspace,
) -> Result<Option<AtCommit>, String> {
    let Layout::Branches(repository) = &workspace.layout else { return Ok(None) };
    let bases = environment.bases(&sources.db);
    let is_main = |it: &&BaseSource| {
        it.repository.as_ref().is_some_and(|it| it.meta.name.as_str() == MAIN_BASE)
    };
    let Some(base) = bases.iter().find(is_main).or_else(|| bases.first()) else { return Ok(None) };
    let Ok(source) = &base.source else { return Ok(None) };
    let origin = source.origin(&sources.db);
    let Some(id) = origin.commit.as_deref().filter(|_| !origin.dirty) else { return Ok(None) };
    let reference = base.repository.as_ref().map(|it| &it.reference);
    let Ok(commit) = repository.resolve(id) else {
        let is_own = reference.is_none_or(|it| is_at(repository, &it.repo));
        let reason = format!("it runs as the base has it, whose commit {id} is not in this clone");
        return if is_own { Err(reason) } else { Ok(None) };
    };
    let is_pinned = reference.is_some_and(|it| it.commit.is_some())
        || workspace.state.branches.values().any(|it| *it == commit.id);
    let is_here = || repository.resolve("HEAD").is_ok_and(|it| it.id == commit.id);
    if !is_pinned && workspace.at.is_none() && is_here() {
        // What is checked out is built with its uncommitted edits.
        return Ok(None);
    }
    let at = AtCommit::new(&workspace.root, commit.id);
    at.map(Some).map_err(|error| format!("it runs as the base has it, which fails: {error}"))
}

/// Runs the program as a commit has it, if that may be run.
fn ask_commit(
    sources: &mut Sources<'_>,
    (call, name, missing): (&ProgramCall, &Name, &str),
    at: &AtCommit,
    workspace: &Workspace,
) -> Result<Answer, Interrupted> {
    let not_run = |reason: String, help: String| Ok(Answer::Failed { reason, help, notes: vec![] });
    let unreadable = |error: GitError| {
        if let GitError::Limit { source: LimitError::Interrupted(stop), .. } = error {
            return Err(stop);
        }
        let reason = format!("it cannot be run as commit {} has it: {error}", at.commit.id);
        not_run(reason, "check out that commit, and run wob there".to_owned())
    };
    let trust = match Trust::of(at, (call, name), workspace, &mut sources.chosen) {
        Ok(trust) => trust,
        Err(error) => return unreadable(error),
    };
    let run_at = match &trust {
        Trust::Own => at,
        Trust::Like(other) => {
            sources.notice(format!(
                "`{}` is run as `{}` has it, for {} is no state of what is checked out or of the default branch",
                call.path, other.commit.revision, at.commit.id
            ));
            other
        }
        Trust::None { reason, help } => return not_run(reason.clone(), help.clone()),
    };
    if !sources.exported.contains_key(&run_at.commit.id) {
        match Exported::new(run_at, sources.interrupt) {
            Ok(exported) => drop(sources.exported.insert(run_at.commit.id, exported)),
            Err(error) => return unreadable(error),
        }
    }
    let root = &sources.exported[&run_at.commit.id].root;
    Ok(match run(call, root, sources.interrupt)? {
        Ok((program, output)) => said(call, program, at.origin_called(call.path.as_str()), output),
        Err(error @ ProgramError::Start(_)) => failed(
            &error,
            "commit it as a file that can be run, and let TMPDIR name a folder where programs may run",
        ),
        Err(error @ ProgramError::Missing) => failed(&error, missing),
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
