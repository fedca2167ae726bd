//! A text that is put together piece by piece.

use std::fmt::{self, Write as _};

/// A text that grows.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) String);

impl Lines {
    /// Adds a text.
    pub(super) fn push_str(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Adds text, as `format_args!` makes it.
    pub(super) fn add(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("because a string takes all");
    }
}
