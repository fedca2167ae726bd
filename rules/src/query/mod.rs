//! The query language: Bazel's algebra of sets over the graph of a workspace.
//!
//! **Invariant:** printing an expression and reading it again gives the same expression; both work within fixed bounds on
//! size and depth, whatever the input.

mod attributes;
mod evaluate;
mod fleet;
mod function;
mod lex;
mod parse;
mod print;
mod scope;
#[cfg(test)]
mod tests;

use wob_engine::Span;

pub use self::{
    evaluate::{Answer, evaluate},
    function::{FUNCTIONS, Function, Parameter, Signature},
    parse::parse,
    scope::Needs,
};

/// An expression; equal ones may stand at different places.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands in the text.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    /// A label, such as `//env:stage`.
    Word(String),
    /// `$name`.
    Variable(String),
    /// `let name = value in body`.
    Let {
        /// The variable, without its `$`.
        name: String,
        /// What it stands for.
        value: Box<Expression>,
        /// Where it does so.
        body: Box<Expression>,
    },
    /// Operands joined from left to right: all operators bind alike, as Bazel's do.
    Chain {
        /// The first operand.
        first: Box<Expression>,
        /// The others, with the operator in front of each; never empty.
        rest: Vec<(Operator, Expression)>,
    },
    /// `set(a b c)`.
    Set(Vec<Word>),
    /// A function of `FUNCTIONS` and its arguments.
    Call(Function, Vec<Argument>),
}

/// What joins two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+` or `union`.
    Union,
    /// `-` or `except`.
    Except,
    /// `^` or `intersect`.
    Intersect,
}

/// A word and where it stands; equal ones may stand at different places.
#[derive(Clone, Debug)]
pub struct Word {
    /// The word, without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An argument of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A set.
    Set(Expression),
    /// A name, a path or a regular expression.
    Word(Word),
    /// A depth or a number of nodes.
    Number(u32),
}

/// Why an expression has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What is wrong, in lower case without a full stop.
    pub message: String,
    /// Where in the text.
    pub span: Span,
    /// The way out.
    pub help: Option<String>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Expression {}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Word {}

impl QueryError {
    fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Returns `text` as messages show it: its beginning, without control characters.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
