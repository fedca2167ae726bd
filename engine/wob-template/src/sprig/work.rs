//! How much a function did: a cheap call may hash megabytes, and a template may make it a million times.
//!
//! The evaluator takes the sum after each call and counts it as steps of the render.

use std::cell::Cell;

/// How many bytes of text count as one step.
const BYTES_PER_STEP: usize = 64;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts visited values.
pub(crate) fn count(values: usize) {
    STEPS.set(STEPS.get().saturating_add(values as u64));
}

/// Counts a text that is read to its end.
pub(crate) fn count_text(text: &str) {
    count(text.len() / BYTES_PER_STEP);
}

/// Returns the steps since the last time.
pub(crate) fn take() -> u64 {
    STEPS.take()
}
