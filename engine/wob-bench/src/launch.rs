//! Runs one command from a small process of its own, so that the greatest memory which the kernel tells of afterwards is
//! that of this command alone.

use std::{
    error::Error,
    ffi::OsString,
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde::{Deserialize, Serialize};

/// What one run of a command took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    /// The greatest memory of the command, or of one that it started; none where the kernel does not tell, and if it is
    /// less than the small process that started it has.
    pub(crate) peak_bytes: Option<u64>,
}

impl Took {
    /// Returns the less of each.
    pub(crate) fn least(self, other: Self) -> Self {
        let peaks = self.peak_bytes.zip(other.peak_bytes);
        Self { seconds: self.seconds.min(other.seconds), peak_bytes: peaks.map(|(a, b)| a.min(b)) }
    }
}

/// Runs `command` in another process; what it prints goes to the file `stdout`, or nowhere.
///
/// # Errors
/// If it does not start or does not succeed; the message has what it said.
pub(crate) fn run(command: &Command, stdout: Option<&Path>) -> Result<Took, Box<dyn Error>> {
    run_to(command, stdout, 0)
}

/// Does the same with a command that ends with this exit code.
///
/// # Errors
/// If it does not start, or ends with another one; the message has what it said.
pub(crate) fn run_to(
    command: &Command,
    stdout: Option<&Path>,
    code: i32,
) -> Result<Took, Box<dyn Error>> {
    let mut launcher = Command::new(std::env::current_exe()?);
    launcher.args(["--only", "launch", "--code", &code.to_string()]);
    if let Some(stdout) = stdout {
        launcher.arg("--into").arg(stdout);
    }
    launcher.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => launcher.env(name, value),
            None => launcher.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        launcher.current_dir(folder);
    }
    let output = launcher.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs a program with arguments from this process, which does nothing else.
///
/// # Errors
/// If it does not start, or ends with another exit code than this.
pub(crate) fn launch(
    command: &[OsString],
    stdout: Option<&Path>,
    code: i32,
) -> Result<Took, Box<dyn Error>> {
    let (program, arguments) = command.split_first().ok_or("there is no program to run")?;
    let stdout = stdout.map(File::create).transpose()?.map_or_else(Stdio::null, Stdio::from);
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout);
    let begin = Instant::now();
    let status = command.status()?;
    let seconds = begin.elapsed().as_secs_f64();
    if status.code() != Some(code) {
        return Err(status.to_string().into());
    }
    Ok(Took { seconds, peak_bytes: peak_of_children() })
}

/// A process begins with the memory of the one that started it, so what is less cannot be told.
#[cfg(unix)]
fn peak_of_children() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let peak = |who| getrusage(who).ok().map(|it| it.max_rss());
    let (own, child) = (peak(UsageWho::RUSAGE_SELF)?, peak(UsageWho::RUSAGE_CHILDREN)?);
    // Apple's systems count bytes, all others kilobytes.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    Some(u64::try_from(child).ok()? * unit).filter(|_| child > own)
}

#[cfg(not(unix))]
fn peak_of_children() -> Option<u64> {
    None
}
