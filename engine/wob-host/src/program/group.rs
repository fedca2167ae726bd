//! A process with all that it starts: killed together, and never left behind.

use std::{
    io,
    process::{Child, Command, ExitStatus},
};

/// A process and its descendants, as far as these stay in its group. Dropping it kills them.
///
/// **Invariant:** the leader is waited for last, so that its number, which names the group, belongs to nobody else.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
}

impl Group {
    /// Takes over a process that was started by a command which [`Group::lead`] prepared.
    pub(crate) fn new(leader: Child) -> Self {
        Self { leader }
    }

    /// Kills what is left of the group, waits for the leader and returns how it ended.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.kill();
        self.leader.wait()
    }
}

#[cfg(unix)]
impl Group {
    /// Makes `command` start a group of its own.
    pub(crate) fn lead(command: &mut Command) {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }

    /// Says whether the leader ended. It stays to be waited for.
    pub(crate) fn leader_ended(&mut self) -> io::Result<bool> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.leader)), options)?.is_some())
    }

    /// Kills the group; one that is gone already is fine.
    pub(crate) fn kill(&self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        kill_process_group(Pid::from_child(&self.leader), Signal::KILL).unwrap_or_default();
    }
}

/// Elsewhere there are no groups, so only the process itself is killed.
#[cfg(not(unix))]
impl Group {
    pub(crate) fn lead(_: &mut Command) {}

    pub(crate) fn leader_ended(&mut self) -> io::Result<bool> {
        Ok(self.leader.try_wait()?.is_some())
    }

    pub(crate) fn kill(&mut self) {
        self.leader.kill().unwrap_or_default();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody asks any more how it ended.
        self.wait().map(drop).unwrap_or_default();
    }
}
