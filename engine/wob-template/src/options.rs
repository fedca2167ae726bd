//! How a render is to behave, and what it gives.

use std::sync::Arc;

use wob_engine::Span;

/// How a render is to behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a missing map key does.
    pub missing_key: MissingKey,
    /// Where a render is stopped.
    pub limits: Limits,
}

/// What a template gets for a key that its map does not have.
///
/// A field that its value cannot have, such as a misspelt field of the data root, is always an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// Nothing, which prints as `<no value>`: Go's default.
    #[default]
    NoValue,
    /// The same, but each printed `<no value>` is reported in [`Rendered::warnings`].
    Warn,
    /// An error: Go's `missingkey=error`.
    Error,
}

/// Where a render is stopped, so that a hostile template ends in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of output, and of any one text on the way.
    pub output: usize,
    /// The most steps: a node, a call, a piece of a text that a function made.
    pub steps: u64,
    /// The most templates inside each other: `template`, `include`, `tpl`.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 16 << 20, steps: 20_000_000, depth: 100 }
    }
}

/// What a render gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The output.
    pub text: String,
    /// The missing keys that were printed, in the order of printing; only with [`MissingKey::Warn`].
    pub warnings: Vec<MissingKeyWarning>,
}

/// A place that printed `<no value>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingKeyWarning {
    /// The name that the text was compiled under.
    pub template: Arc<str>,
    /// Where in that text, in bytes.
    pub span: Span,
    /// The key that is missing; empty if the value was nil by itself.
    pub key: String,
}
