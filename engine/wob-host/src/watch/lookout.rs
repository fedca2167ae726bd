//! Lookouts: when to look whether something changed.
//!
//! **Invariant:** whatever hints come or do not come, one looks again before a pause has passed.

use std::time::{Duration, Instant};

use super::{Debounce, Hint};

/// What hints are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hints {
    /// One looks soon after them.
    Heeded,
    /// One looks only when a pause is over.
    Ignored,
}

/// Says when to look. It has no clock of its own.
#[derive(Clone, Copy, Debug)]
pub struct Lookout {
    debounce: Debounce,
    /// When to look at the latest.
    next: Instant,
    pause: Duration,
    hints: Hints,
}

impl Lookout {
    /// Begins after a look.
    pub fn new(now: Instant, pause: Duration, hints: Hints) -> Self {
        Self { debounce: Debounce::default(), next: now + pause, pause, hints }
    }

    /// Notes a hint.
    pub fn note(&mut self, hint: Hint, now: Instant) {
        match hint {
            Hint::Moved if self.hints == Hints::Heeded => self.debounce.note(now),
            Hint::Lost => self.next = now,
            Hint::Moved | Hint::Nothing => {}
        }
    }

    /// Returns until when there is nothing to do unless a hint comes.
    pub fn due(&self) -> Instant {
        self.debounce.due().map_or(self.next, |it| it.min(self.next))
    }

    /// Says whether it is time to look; then everything noted so far counts as seen.
    pub fn take(&mut self, now: Instant) -> bool {
        self.debounce.take(now) || now >= self.next
    }

    /// Notes that a look has ended and found nothing: a pause begins, however long the look took.
    pub fn looked(&mut self, now: Instant) {
        self.next = now + self.pause;
    }
}
