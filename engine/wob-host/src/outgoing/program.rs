//! Runs the program `git`, which asks nobody, until it ends or the user stops it.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use camino::Utf8Path;

use super::PushError;
use crate::{Interrupt, program::Group};

/// How often to look at the interrupt and the program.
const LOOK: Duration = Duration::from_millis(5);
/// What an environment says about a repository that is not ours: whoever runs wob in a hook has them.
const FOREIGN: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

/// The program in a folder.
pub(super) struct Git<'g> {
    folder: &'g Utf8Path,
    interrupt: &'g Interrupt,
}

/// What the program wrote.
pub(super) struct Ran {
    pub(super) is_ok: bool,
    pub(super) output: String,
    pub(super) errors: String,
}

impl<'g> Git<'g> {
    pub(super) fn new(folder: &'g Utf8Path, interrupt: &'g Interrupt) -> Self {
        Self { folder, interrupt }
    }

    /// Runs it to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Ran, PushError> {
        self.interrupt.check()?;
        let mut command = Command::new("git");
        // No hooks of a template folder, and no upkeep in the background: another process may delete the folder.
        command.args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
        ]);
        command.args(arguments).current_dir(self.folder);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GCM_INTERACTIVE", "never").env("LC_ALL", "C");
        if std::env::var_os("GIT_ALLOW_PROTOCOL").is_none() {
            // Others wrote the address, and git has helpers that run whatever it says.
            command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        }
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            // Git's configuration may name another program; then it must not ask either, which we cannot say for it.
            let configured = gix::config::File::from_globals().ok();
            if configured.is_none_or(|it| it.string("core.sshCommand").is_none()) {
                command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Group::lead(&mut command);
        let mut child = command.spawn().map_err(PushError::Program)?;
        let (send, receive) = mpsc::channel();
        let output = child.stdout.take().map(|it| Box::new(it) as Box<dyn Read + Send>);
        let errors = child.stderr.take().map(|it| Box::new(it) as Box<dyn Read + Send>);
        for (index, stream) in [output, errors].into_iter().enumerate() {
            let (send, stream) = (send.clone(), stream.expect("because both are pipes"));
            // Nobody listens any more once the program was killed.
            thread::spawn(move || send.send((index, read(stream))).unwrap_or_default());
        }
        let mut group = Group::new(child);
        let mut texts = [None, None];
        while texts.iter().any(Option::is_none) {
            self.interrupt.check()?;
            match receive.recv_timeout(LOOK) {
                Ok((index, text)) => texts[index] = Some(text.map_err(PushError::Program)?),
                Err(_) if group.leader_ended().map_err(PushError::Program)? => {
                    // What it left behind may hold the streams open.
                    group.kill();
                }
                Err(_) => {}
            }
        }
        let status = group.wait().map_err(PushError::Program)?;
        let [output, errors] = texts.map(Option::unwrap_or_default);
        Ok(Ran { is_ok: status.success(), output, errors })
    }
}

fn read(mut stream: Box<dyn Read + Send>) -> io::Result<String> {
    let mut bytes = vec![];
    stream.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
