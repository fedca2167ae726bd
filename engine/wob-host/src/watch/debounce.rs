//! When to look, after something moved: not at once, since editors write in many steps, and not never.

use std::time::{Duration, Instant};

/// So long nothing may move before one looks.
const QUIET: Duration = Duration::from_millis(10);
/// So long one waits at most, however much moves.
const LONGEST: Duration = Duration::from_millis(400);

/// Gathers hints that something moved. It has no clock of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debounce {
    /// The first and the last hint that nobody has looked after.
    pending: Option<(Instant, Instant)>,
}

impl Debounce {
    /// Notes that something moved.
    pub(super) fn note(&mut self, now: Instant) {
        let first = self.pending.map_or(now, |(first, _)| first);
        self.pending = Some((first, now));
    }

    /// Returns when it is time to look; `None` if nothing has moved.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.map(|(first, last)| (last + QUIET).min(first + LONGEST))
    }

    /// Says whether it is time to look; then everything noted so far counts as seen.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|it| it <= now);
        if is_due {
            self.pending = None;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_looks_after_quiet_and_at_the_latest_after_a_while() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut debounce = Debounce::default();
        assert!(!debounce.take(at(0)), "nothing moved");
        debounce.note(at(0));
        assert!(!debounce.take(at(9)));
        assert!(debounce.take(at(10)));
        assert!(!debounce.take(at(11)), "it was seen");
        for step in 0..200 {
            debounce.note(at(1000 + 5 * step));
            let is_due = debounce.take(at(1000 + 5 * step));
            assert_eq!(is_due, step == 80 || step == 161, "step {step}");
        }
    }
}
