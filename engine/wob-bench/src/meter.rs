//! What a stage takes: time by the clock, and memory by what the kernel says of this process.

use std::{
    fs,
    time::{Duration, Instant},
};

/// How long one piece of work took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    /// From begin to end.
    pub(crate) wall: Duration,
    /// Of all threads, while they ran: what others do on a busy machine counts less here. `None` where the kernel does
    /// not tell.
    pub(crate) cpu: Option<Duration>,
}

/// What one piece of work took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) times: Times,
    /// The greatest memory while it ran, beyond what there was before; `None` where the kernel does not tell.
    pub(crate) peak_bytes: Option<u64>,
    /// The memory when it was done, beyond what there was before.
    pub(crate) kept_bytes: Option<u64>,
}

/// Does `work` and measures it.
///
/// Memory that was freed before and is used again does not show: so each process measures few things, big ones last.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    reset_peak();
    let before = status("VmRSS:");
    let mut result = None;
    let times = time(|| result = Some(work()));
    let result = result.expect("because the work is done");
    let beyond = |now: Option<u64>| Some(now?.saturating_sub(before?));
    let cost =
        Cost { times, peak_bytes: beyond(status("VmHWM:")), kept_bytes: beyond(status("VmRSS:")) };
    (result, cost)
}

/// Returns how long `work` took.
pub(crate) fn time(work: impl FnOnce()) -> Times {
    let before = cpu();
    let start = Instant::now();
    work();
    let wall = start.elapsed();
    let cpu = before.zip(cpu()).map(|(before, after)| after.saturating_sub(before));
    Times { wall, cpu }
}

/// Returns how long the threads that live have run.
fn cpu() -> Option<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

/// Returns the greatest memory so far of a process that runs; none where the kernel does not tell.
pub(crate) fn peak_of(process: u32) -> Option<u64> {
    status_of(&process.to_string(), "VmHWM:")
}

/// Makes the kernel forget the greatest memory so far.
fn reset_peak() {
    // Elsewhere than on Linux there is no such file, and no peak is shown either.
    fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
}

fn status(name: &str) -> Option<u64> {
    status_of("self", name)
}

/// Returns a line of a process's `/proc/…/status`, in bytes.
fn status_of(process: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
