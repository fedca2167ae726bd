//! Runs a program of the workspace: bytes in, bytes out, within limits.
//!
//! **Invariant:** whatever the program does, [`Program::run`] returns in time, and no process of its group is left. It
//! is given nothing but its input, its arguments, the workspace as its folder, and [`ENVIRONMENT`]; or, if it looks at the
//! world, what wob itself was given.

mod group;

use std::{
    env, fs,
    io::{self, Read, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Digest, FilePath};

pub(crate) use self::group::Group;
use crate::{Interrupt, Interrupted};

/// What a program's environment holds beside `PATH`: the same on every machine.
const ENVIRONMENT: [(&str, &str); 2] = [("LC_ALL", "C"), ("TZ", "UTC")];
/// The `PATH` of those who have none.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// How often to look at the clock, the interrupt and the program.
const LOOK: Duration = Duration::from_millis(5);
/// How long to wait for somebody who still writes the program's file.
const BUSY: Duration = Duration::from_secs(2);
/// How many bytes of standard error are kept: the last ones.
const KEPT_ERRORS: usize = 8 << 10;
/// How many lines of standard error are told: the last ones.
const TOLD_LINES: usize = 10;

/// A program of a workspace.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p> {
    /// The workspace: where the program lies, and its working folder.
    pub root: &'p Utf8Path,
    /// The program's file.
    pub path: &'p FilePath,
    /// Its arguments.
    pub arguments: &'p [String],
    /// What it may use.
    pub limits: ProgramLimits,
    /// What it sees of its surroundings.
    pub surroundings: Surroundings,
}

/// What a program sees of its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// Nothing that differs from machine to machine, for it makes what is built.
    None,
    /// All variables that wob has, for it looks at the world, and may need to say who asks.
    All,
}

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramLimits {
    /// How long it may take.
    pub time: Duration,
    /// How many bytes it may write.
    pub output_bytes: usize,
}

/// What a program that ended well wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    /// Its standard output.
    pub output: Vec<u8>,
    /// BLAKE3 of the program's file.
    pub program: Digest,
}

/// Why a program gave no output.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Its file is not there, or no file.
    #[error("there is no such file in the workspace")]
    Missing,
    /// Its file is a link that leads out of the workspace.
    #[error("it is a link that leads out of the workspace")]
    Outside,
    /// Its file cannot be read.
    #[error("its file could not be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The operating system does not run it.
    #[error("it could not be started: {0}")]
    Start(#[source] io::Error),
    /// Its output could not be read.
    #[error("its output could not be read: {0}")]
    Output(#[source] io::Error),
    /// It did not end in time.
    #[error("it did not end within {0:?}, and was killed")]
    TimedOut(Duration),
    /// It wrote too much.
    #[error("it wrote more than {0} bytes, and was killed")]
    TooMuch(usize),
    /// It said that it failed.
    #[error("it ended with {status}")]
    Failed {
        /// The exit code, or the signal.
        status: ExitStatus,
        /// The last lines of its standard error.
        last_words: Vec<String>,
    },
    /// Its file was edited meanwhile, so it is not known which program answered.
    #[error("its file changed while it ran")]
    Changed,
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl ProgramError {
    /// Returns the way out.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing => "mend the path; it is relative to wob.yaml",
            Self::Outside => "copy the program into the workspace",
            Self::Unreadable(_) => "make the file readable",
            Self::Start(_) => "make the file executable, and begin a script with `#!/bin/sh`",
            Self::Output(_) | Self::Changed => "try again",
            Self::TimedOut(_) => "make it faster, or raise `timeoutSeconds`",
            Self::TooMuch(_) => "write the answer only",
            Self::Failed { .. } => "run it by hand, with the request as its input, to see why",
            Self::Interrupted(_) => "run wob again",
        }
    }

    /// Returns the last lines of what it wrote on standard error.
    pub fn last_words(&self) -> &[String] {
        match self {
            Self::Failed { last_words, .. } => last_words,
            Self::Missing
            | Self::Outside
            | Self::Unreadable(_)
            | Self::Start(_)
            | Self::Output(_)
            | Self::TimedOut(_)
            | Self::TooMuch(_)
            | Self::Changed
            | Self::Interrupted(_) => &[],
        }
    }
}

impl Program<'_> {
    /// Runs the program with `input` on its standard input.
    ///
    /// # Errors
    /// If it cannot be run, fails, or needs more than its limits; or once the interrupt is set.
    pub fn run(&self, input: &[u8], interrupt: &Interrupt) -> Result<ProgramOutput, ProgramError> {
        interrupt.check()?;
        let file = self.file()?;
        let program = digest(&file)?;
        let deadline = Instant::now() + self.limits.time;
        let mut child = self.start(&file)?;
        let receive = self.connect(&mut child, input);
        let mut running =
            Running { group: Group::new(child), receive, deadline, limits: self.limits };
        let (output, errors) = running.finish(interrupt)?;
        let status = running.group.wait().map_err(ProgramError::Output)?;
        if !status.success() {
            return Err(ProgramError::Failed { status, last_words: last_lines(&errors) });
        }
        if digest(&file)? != program {
            return Err(ProgramError::Changed);
        }
        Ok(ProgramOutput { output, program })
    }

    /// Returns where the file really is: inside of the workspace.
    fn file(&self) -> Result<Utf8PathBuf, ProgramError> {
        let root = self.root.canonicalize_utf8().map_err(ProgramError::Unreadable)?;
        let path = root.join(self.path.as_str());
        let is_missing = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        };
        let file = match path.canonicalize_utf8() {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Err(ProgramError::Missing),
            Err(error) => return Err(ProgramError::Unreadable(error)),
        };
        if !file.starts_with(&root) {
            return Err(ProgramError::Outside);
        }
        // It is called by the name that was written, which a script may ask for.
        if file.is_file() { Ok(path) } else { Err(ProgramError::Missing) }
    }

    fn start(&self, file: &Utf8Path) -> Result<Child, ProgramError> {
        let mut command = Command::new(file);
        command.args(self.arguments).current_dir(self.root);
        if self.surroundings == Surroundings::None {
            command.env_clear().envs(ENVIRONMENT);
        }
        command.env("PATH", env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Group::lead(&mut command);
        let patience = Instant::now() + BUSY.min(self.limits.time);
        loop {
            match command.spawn() {
                // An editor, or a checkout, may not have closed the file yet.
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy
                        && Instant::now() < patience =>
                {
                    thread::sleep(LOOK);
                }
                spawned => return spawned.map_err(ProgramError::Start),
            }
        }
    }

    /// Connects the three streams with threads of their own, which end when the streams do.
    fn connect(&self, child: &mut Child, input: &[u8]) -> Receiver<Event> {
        let (send, receive) = mpsc::channel();
        if let Some(mut stdin) = child.stdin.take() {
            let input = input.to_vec();
            // A program need not read all of its input, so a closed pipe is no failure.
            thread::spawn(move || stdin.write_all(&input).unwrap_or_default());
        }
        if let Some(stdout) = child.stdout.take() {
            let (send, most) = (send.clone(), self.limits.output_bytes);
            thread::spawn(move || tell(&send, Event::Output(read(stdout, most))));
        }
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || tell(&send, Event::Errors(read_last(stderr))));
        }
        receive
    }
}

/// What became of a stream.
enum Event {
    /// Standard output ended, or is too long (`None`).
    Output(io::Result<Option<Vec<u8>>>),
    /// Standard error ended; its last bytes.
    Errors(Vec<u8>),
}

/// Nobody listens any more once the program was killed.
fn tell(send: &Sender<Event>, event: Event) {
    send.send(event).unwrap_or_default();
}

/// A program that runs.
struct Running {
    group: Group,
    receive: Receiver<Event>,
    deadline: Instant,
    limits: ProgramLimits,
}

impl Running {
    /// Waits until the program and both of its streams ended; returns what it wrote. The group is killed in any case.
    fn finish(&mut self, interrupt: &Interrupt) -> Result<(Vec<u8>, Vec<u8>), ProgramError> {
        let (mut output, mut errors, mut ended) = (None, None, false);
        loop {
            match self.receive.recv_timeout(LOOK) {
                Ok(Event::Output(read)) => {
                    let read = read.map_err(ProgramError::Output)?;
                    output = Some(read.ok_or(ProgramError::TooMuch(self.limits.output_bytes))?);
                }
                Ok(Event::Errors(last)) => errors = Some(last),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
            }
            interrupt.check()?;
            if !ended && self.group.leader_ended().map_err(ProgramError::Output)? {
                ended = true;
                // What it left behind may hold the streams open.
                self.group.kill();
            }
            if ended && let (Some(output), Some(errors)) = (&mut output, &mut errors) {
                return Ok((std::mem::take(output), std::mem::take(errors)));
            }
            if Instant::now() >= self.deadline {
                return Err(ProgramError::TimedOut(self.limits.time));
            }
        }
    }
}

fn digest(file: &Utf8Path) -> Result<Digest, ProgramError> {
    fs::read(file).map(|it| Digest::of(&it)).map_err(ProgramError::Unreadable)
}

/// Reads all; `None` if there are more than `most` bytes.
fn read(stream: impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![];
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    stream.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Reads all and keeps the last bytes; what cannot be read is not missed.
fn read_last(mut stream: impl Read) -> Vec<u8> {
    let mut last = vec![];
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        last.extend_from_slice(&buffer[..count]);
        let surplus = last.len().saturating_sub(KEPT_ERRORS);
        last.drain(..surplus);
    }
    last
}

fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().filter(|it| !it.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(TOLD_LINES);
    lines[first..].iter().map(ToString::to_string).collect()
}
