//! The compiled template: a compact tree in which names are resolved.

use std::sync::Arc;

use wob_engine::Span;

use super::builtin::Builtin;
use crate::{Contextual, Pure};

/// A file's text, or what stands inside a `define` or a `block`.
#[derive(Debug)]
pub(super) struct Body {
    /// The name that the text was compiled under; its spans count in that text.
    pub(super) file: Arc<str>,
    /// That text.
    pub(super) source: Arc<str>,
    pub(super) nodes: Vec<Node>,
    /// How many variables are alive at once, at most; the first is `$`.
    pub(super) slots: usize,
}

impl Body {
    /// Says whether nothing but white space is there: then a definition replaces no other one.
    pub(super) fn is_blank(&self) -> bool {
        let blank = |it: &Node| {
            matches!(it, Node::Text(span)
                if self.text(*span).trim_matches([' ', '\t', '\r', '\n']).is_empty())
        };
        self.nodes.iter().all(blank)
    }

    /// Returns a part of the source.
    pub(super) fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text to be copied from the source.
    Text(Span),
    /// A value to be printed, or variables to be set.
    Action(Pipe),
    /// The first arm whose pipe is true.
    If(Choice),
    /// The same, with the pipe's value as the dot.
    With(Choice),
    /// A loop.
    Range(Box<Range>),
    /// A call of another template.
    Template(Box<Invocation>),
    /// The end of the loop.
    Break,
    /// The end of this turn of the loop.
    Continue,
}

/// `if`, `else if`, …, `else`; or the same of `with`.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) arms: Vec<(Pipe, Vec<Node>)>,
    pub(super) otherwise: Vec<Node>,
}

/// A loop: its pipe declares or sets no variable, or the item's, or the key's and the item's.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) pipe: Pipe,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `template "name" pipe`.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) name: Box<str>,
    pub(super) span: Span,
    pub(super) data: Option<Pipe>,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) span: Span,
    /// The variables that get the value: none, one, or two in a `range`.
    pub(super) targets: Box<[Target]>,
    pub(super) commands: Box<[Command]>,
}

/// A variable to be set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The variable in this slot.
    Slot(usize),
    /// A variable that is assigned but was never declared: an error when it is reached.
    Undeclared(Span),
}

/// A function, method or value, and its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) span: Span,
    pub(super) first: Operand,
    pub(super) arguments: Box<[Operand]>,
}

/// A term and the fields that are read from it.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) span: Span,
    pub(super) term: Term,
    pub(super) fields: Box<[Field]>,
}

/// `.name`
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) span: Span,
}

/// What an operand starts with.
#[derive(Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Constant(Constant),
    Text(Box<str>),
    Variable(usize),
    /// A variable that only its own declaration mentions: an error when it is reached.
    Undeclared,
    Function(Box<Callee>),
    Pipe(Box<Pipe>),
}

/// A constant that is no text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Constant {
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    /// An integer that only fits 64 bits without a sign: an error when it is reached.
    TooLarge,
}

/// A function that the template calls.
#[derive(Debug)]
pub(super) struct Callee {
    pub(super) name: Box<str>,
    pub(super) body: CalleeBody,
    /// The fewest arguments.
    pub(super) min: usize,
    /// The most arguments.
    pub(super) max: usize,
}

/// What calling a function means.
#[derive(Clone, Copy, Debug)]
pub(super) enum CalleeBody {
    Pure(Pure),
    Contextual(Contextual),
    Builtin(Builtin),
}
