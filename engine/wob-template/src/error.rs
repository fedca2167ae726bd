//! What goes wrong in a template, and where.

use std::{error, fmt, sync::Arc};

use wob_engine::Span;

/// The one error that stops a compilation or a render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What kind of problem it is.
    pub kind: ErrorKind,
    /// What is wrong: stands alone, in lower case, without a full stop, with names in backticks.
    pub message: String,
    /// The way out, if there is a guess.
    pub help: Option<String>,
    /// The name that the text was compiled under.
    pub template: Arc<str>,
    /// Where in that text, in bytes.
    pub span: Span,
}

/// The kinds of template errors, for callers that map them to diagnostic codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// The text is not a template.
    Syntax,
    /// It calls a function that does not exist.
    UnknownFunction,
    /// It calls a function whose answer would depend on more than the sources.
    RefusedFunction,
    /// It reads a key that its map does not have, and the options forbid that.
    MissingKey,
    /// It reads a field that its value cannot have.
    UnknownField,
    /// It calls a template that is not defined.
    UnknownTemplate,
    /// A function failed, or was called with arguments that it cannot take.
    Function,
    /// It does something with a value that the value cannot do.
    Value,
    /// It is too large, too deep or takes too long.
    Limit,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for TemplateError {}
