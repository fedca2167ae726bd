//! Which keys of a field of its data a Go template can read.
//!
//! The data itself is reached as the dot of the text, as `$`, or through a variable that was set to one of them. Whoever
//! uses it as a value may do anything with it, so then all keys are read; and so it is with the field.

use std::sync::Arc;

use super::{
    Template,
    tree::{Body, Choice, Command, Node, Operand, Pipe, Term},
};
use crate::TemplateReads;

/// Functions that read one key, which is their second argument, of a mapping, which is their first.
const LOOKUPS: [&str; 3] = ["index", "get", "hasKey"];

impl Template {
    /// Returns which keys of the data's `field` the template can read.
    pub fn reads(&self, field: &str) -> TemplateReads {
        let mut reader = Reader { field, reads: TemplateReads::default(), root: Root::Dot };
        reader.body(&self.main);
        // What a definition gets is known where it is called: giving it the data counts there.
        reader.root = Root::Elsewhere;
        let others = self.definitions.values().filter(|it| !Arc::ptr_eq(it, &self.main));
        others.for_each(|it| reader.body(it));
        reader.reads
    }
}

/// Where the data is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    /// It is the dot, and `$`.
    Dot,
    /// It is `$` only.
    Variable,
    /// It is not here, unless somebody gave it.
    Elsewhere,
}

struct Reader<'f> {
    field: &'f str,
    reads: TemplateReads,
    root: Root,
}

impl Reader<'_> {
    fn body(&mut self, body: &Body) {
        self.nodes(&body.nodes);
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipe) => self.pipe(pipe),
                Node::If(choice) => {
                    for (pipe, arm) in &choice.arms {
                        self.pipe(pipe);
                        self.nodes(arm);
                    }
                    self.nodes(&choice.otherwise);
                }
                Node::With(choice) => self.with(choice),
                Node::Range(range) => {
                    self.pipe(&range.pipe);
                    self.below(&range.body);
                    self.nodes(&range.otherwise);
                }
                Node::Template(call) => call.data.iter().for_each(|it| self.pipe(it)),
            }
        }
    }

    fn with(&mut self, choice: &Choice) {
        for (pipe, arm) in &choice.arms {
            self.pipe(pipe);
            self.below(arm);
        }
        self.nodes(&choice.otherwise);
    }

    /// Nodes whose dot is a value of the pipe in front, which counts as read already.
    fn below(&mut self, nodes: &[Node]) {
        let root = self.root;
        if root == Root::Dot {
            self.root = Root::Variable;
        }
        self.nodes(nodes);
        self.root = root;
    }

    fn pipe(&mut self, pipe: &Pipe) {
        pipe.commands.iter().for_each(|it| self.command(it));
    }

    fn command(&mut self, command: &Command) {
        if let Some((key, rest)) = self.lookup(command) {
            self.reads.add_key(key);
            for it in rest {
                self.operand(it);
            }
            return;
        }
        self.operand(&command.first);
        command.arguments.iter().for_each(|it| self.operand(it));
    }

    /// Returns the key that a command like `index .field "key"` reads, and its other arguments.
    fn lookup<'c>(&self, command: &'c Command) -> Option<(&'c str, &'c [Operand])> {
        let Term::Function(callee) = &command.first.term else { return None };
        let [mapping, key, rest @ ..] = &*command.arguments else { return None };
        let Term::Text(text) = &key.term else { return None };
        let is_field = matches!(mapping.term, Term::Dot | Term::Variable(0))
            && mapping.fields.len() == 1
            && *mapping.fields[0].name == *self.field;
        let is_plain = LOOKUPS.contains(&&*callee.name) && key.fields.is_empty();
        (is_plain && is_field).then_some((text, rest))
    }

    fn operand(&mut self, operand: &Operand) {
        let is_root = match &operand.term {
            Term::Dot => self.root == Root::Dot,
            Term::Variable(0) => self.root != Root::Elsewhere,
            Term::Pipe(pipe) => {
                self.pipe(pipe);
                false
            }
            Term::Nil
            | Term::Constant(_)
            | Term::Text(_)
            | Term::Variable(_)
            | Term::Undeclared
            | Term::Function(_) => false,
        };
        match operand.fields.iter().position(|it| *it.name == *self.field) {
            Some(at) => match operand.fields.get(at + 1) {
                Some(key) => self.reads.add_key(&key.name),
                None => self.reads = TemplateReads::All,
            },
            None if is_root && operand.fields.is_empty() => self.reads = TemplateReads::All,
            None => {}
        }
    }
}
