//! A flag that says: stop now, leave everything whole.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often whoever sleeps looks at the flag.
const LOOK: Duration = Duration::from_millis(20);

/// A flag that long operations look at, and that Ctrl-C sets.
///
/// Clones share one flag. Once set, it stays set.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

/// Why Ctrl-C cannot be caught.
#[derive(Debug, thiserror::Error)]
pub enum InterruptError {
    /// The handler could not be installed, mostly because there is one.
    #[error("could not install a handler for Ctrl-C: {0}")]
    Install(#[source] ctrlc::Error),
}

/// The operation saw that its [`Interrupt`] was set, and stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

impl Interrupt {
    /// Returns the flag that Ctrl-C, `SIGTERM` and `SIGHUP` set: one in a process.
    ///
    /// The second of them ends the process at once with exit code 8, for those who cannot wait. What is on disk then
    /// is what a crash would leave, and the next run deals with it.
    ///
    /// # Errors
    /// If the operating system refuses, or a handler is installed already.
    pub fn on_ctrl_c() -> Result<Self, InterruptError> {
        static FLAG: OnceLock<Interrupt> = OnceLock::new();
        if let Some(interrupt) = FLAG.get() {
            return Ok(interrupt.clone());
        }
        let interrupt = Self::default();
        let seen = interrupt.clone();
        let handler = move || {
            if seen.0.swap(true, Ordering::SeqCst) {
                std::process::exit(8);
            }
        };
        ctrlc::set_handler(handler).map_err(InterruptError::Install)?;
        Ok(FLAG.get_or_init(|| interrupt).clone())
    }

    /// Sets the flag.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Says whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns an error once the flag is set.
    ///
    /// # Errors
    /// If the flag is set.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_set() { Err(Interrupted) } else { Ok(()) }
    }

    /// Lets time pass, unless the flag is set meanwhile.
    ///
    /// # Errors
    /// If the flag is set.
    pub fn sleep(&self, time: Duration) -> Result<(), Interrupted> {
        // A time that no clock can name has no end.
        let end = Instant::now().checked_add(time);
        loop {
            self.check()?;
            let left = end.map_or(LOOK, |it| it.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
    }

    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    pub(crate) fn shared_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag() {
        let interrupt = Interrupt::default();
        let clone = interrupt.clone();
        assert_eq!(clone.check(), Ok(()));
        interrupt.set();
        assert_eq!(clone.check(), Err(Interrupted));
        assert_eq!(clone.sleep(Duration::MAX), Err(Interrupted));
    }
}
