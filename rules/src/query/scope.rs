//! What an expression needs to be known before it can be evaluated, so that no more has to be read.

use std::collections::BTreeSet;

use super::{Argument, Expression, ExpressionKind, Function, Word};
use crate::{
    Pattern,
    graph::{OutputFiles, Scope},
};

/// What of a workspace an expression is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The environments that it names; `None` if it may be about any.
    pub environments: Option<BTreeSet<String>>,
    /// Whether it names files that are built.
    pub output_files: OutputFiles,
}

impl Needs {
    /// Looks at all labels and functions of `expression`.
    pub fn of(expression: &Expression) -> Self {
        let mut needs =
            Self { environments: Some(BTreeSet::new()), output_files: OutputFiles::LeftOut };
        needs.add(expression);
        needs
    }

    /// Says whether the sources of `environment` must be read.
    pub fn has(&self, environment: &str) -> bool {
        self.environments.as_ref().is_none_or(|it| it.contains(environment))
    }

    fn add(&mut self, expression: &Expression) {
        match &expression.kind {
            ExpressionKind::Word(text) => self.word(text),
            ExpressionKind::Variable(_) => {}
            ExpressionKind::Let { value, body, .. } => {
                self.add(value);
                self.add(body);
            }
            ExpressionKind::Chain { first, rest } => {
                self.add(first);
                for (_, it) in rest {
                    self.add(it);
                }
            }
            ExpressionKind::Set(words) => {
                for it in words {
                    self.word(&it.text);
                }
            }
            ExpressionKind::Call(function, arguments) => {
                match (function, arguments.first()) {
                    // Files and dependents may be anywhere.
                    (Function::Owner | Function::AllRdeps | Function::Assignments, _) => {
                        self.environments = None;
                    }
                    (Function::Env, Some(Argument::Word(Word { text, .. }))) => {
                        let name = text.strip_prefix("//env:").unwrap_or(text);
                        self.environment(name);
                    }
                    _ => {}
                }
                for argument in arguments {
                    if let Argument::Set(it) = argument {
                        self.add(it);
                    }
                }
            }
        }
    }

    fn word(&mut self, text: &str) {
        // What can't be read is refused when it is evaluated.
        let Ok((pattern, scope)) = Scope::parse(text) else { return };
        if scope == Scope::Files || matches!(pattern, Pattern::OutputFile { .. }) {
            self.output_files = OutputFiles::Added;
        }
        match pattern {
            Pattern::Environment(name)
            | Pattern::ClusterType { environment: name, .. }
            | Pattern::Assignment { environment: name, .. }
            | Pattern::OutputFile { environment: name, .. }
            | Pattern::Object { environment: Some(name), .. } => self.environment(&name),
            Pattern::Everything
            | Pattern::Object { environment: None, .. }
            | Pattern::SourceFile(_) => self.environments = None,
        }
    }

    fn environment(&mut self, name: &str) {
        if let Some(environments) = &mut self.environments {
            environments.insert(name.to_owned());
        }
    }
}
