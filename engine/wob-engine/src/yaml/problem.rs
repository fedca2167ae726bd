//! What can be wrong with a YAML text, before anyone asks what it means.

use crate::{Code, Severity, Span};

/// One problem of a YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// How bad it is: lints are warnings, all else is an error.
    pub severity: Severity,
    /// What is wrong, in the style of [`crate::Diagnostic::message`].
    pub message: String,
    /// The offending bytes.
    pub span: Span,
    /// The way out.
    pub help: Option<String>,
    /// A second place and a remark for it, such as the first of two equal keys.
    pub related: Option<(Span, String)>,
}

/// The kinds of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// Not well-formed; what follows in the text was not read.
    Syntax,
    /// A key stands twice in one mapping; the first one stays.
    DuplicateKey,
    /// A key that is not a text, number or boolean; its entry was dropped.
    Key,
    /// A merge key `<<` without a mapping to merge.
    Merge,
    /// A tag that cannot be honoured.
    Tag,
    /// An alias without an anchor before it, or inside its own anchor.
    UndefinedAlias,
    /// Nested deeper than the limit; what follows in the text was not read.
    Depth,
    /// More nodes than the limit; what follows in the text was not read.
    Nodes,
    /// Aliases stand for more nodes than the limit; what follows in the text was not read.
    AliasExpansion,
    /// A plain `on`, `no`, `y`, …: a boolean for Kubernetes, a text for YAML 1.2.
    AmbiguousBoolean,
    /// A plain number that readers read differently, or that loses digits.
    AmbiguousNumber,
}

/// How many problems of one text are kept.
const MOST: usize = 1000;

impl ProblemKind {
    /// Returns the code of the diagnostic that shows this problem.
    pub fn code(self) -> Code {
        match self {
            Self::Syntax => "yaml-syntax",
            Self::DuplicateKey => "yaml-duplicate-key",
            Self::Key => "yaml-key",
            Self::Merge => "yaml-merge",
            Self::Tag => "yaml-tag",
            Self::UndefinedAlias => "yaml-alias",
            Self::Depth | Self::Nodes | Self::AliasExpansion => "yaml-limit",
            Self::AmbiguousBoolean => "ambiguous-boolean",
            Self::AmbiguousNumber => "ambiguous-number",
        }
    }

    /// Says whether this is about style, not about the text being wrong.
    pub fn is_lint(self) -> bool {
        matches!(self, Self::AmbiguousBoolean | Self::AmbiguousNumber)
    }
}

impl Problem {
    /// Returns an error without help.
    pub(super) fn error(kind: ProblemKind, span: Span, message: String) -> Self {
        Self { kind, severity: Severity::Error, message, span, help: None, related: None }
    }

    /// Returns a warning without help.
    pub(super) fn warning(kind: ProblemKind, span: Span, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(kind, span, message) }
    }

    /// Sets the way out.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds this to `problems`, unless there are more than anyone would read.
    pub(super) fn push_to(self, problems: &mut Vec<Self>) {
        if problems.len() < MOST {
            problems.push(self);
        }
    }

    /// Says whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
