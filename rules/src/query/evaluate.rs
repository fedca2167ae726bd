//! Evaluates expressions: each function takes one pass over the graph, whatever its arguments.

use regex::{Regex, RegexBuilder};
use wob_engine::{Span, did_you_mean};

use super::{
    Argument, Expression, ExpressionKind, Function, Operator, QueryError, Word,
    attributes::{ATTRIBUTES, REFERENCES, attribute, is_attribute, referred},
    shown,
};
use crate::graph::{Direction, Graph, Missing, Node, NodeId, NodeKind, NodeSet, Scope};

/// The most bytes that a compiled regular expression may take.
const PATTERN_BYTES: usize = 1 << 20;

/// What an expression stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The nodes.
    pub nodes: NodeSet,
    /// The same nodes in the order of the path, if the expression asks for one.
    pub path: Option<Vec<NodeId>>,
}

/// Evaluates `expression` in `graph`.
///
/// # Errors
/// If a word of it names nothing, or is no regular expression where one is needed.
pub fn evaluate(graph: &Graph<'_>, expression: &Expression) -> Result<Answer, QueryError> {
    Evaluator { graph, variables: vec![] }.answer(expression)
}

pub(super) struct Evaluator<'g, 'd> {
    pub(super) graph: &'g Graph<'d>,
    /// The innermost one last.
    variables: Vec<(String, NodeSet)>,
}

impl Evaluator<'_, '_> {
    /// Evaluates what is asked for: of a path, the order counts.
    fn answer(&mut self, it: &Expression) -> Result<Answer, QueryError> {
        match &it.kind {
            ExpressionKind::Call(Function::SomePath, arguments) => {
                let path = self.some_path(arguments)?;
                Ok(Answer { nodes: self.nodes(path.iter().copied()), path: Some(path) })
            }
            ExpressionKind::Let { name, value, body } => {
                let value = self.set(value)?;
                self.variables.push((name.clone(), value));
                self.answer(body)
            }
            ExpressionKind::Word(_)
            | ExpressionKind::Variable(_)
            | ExpressionKind::Chain { .. }
            | ExpressionKind::Set(_)
            | ExpressionKind::Call(..) => Ok(Answer { nodes: self.set(it)?, path: None }),
        }
    }

    fn set(&mut self, it: &Expression) -> Result<NodeSet, QueryError> {
        match &it.kind {
            ExpressionKind::Word(text) => self.label(text, it.span),
            ExpressionKind::Variable(name) => self.variable(name, it.span),
            ExpressionKind::Let { name, value, body } => {
                let value = self.set(value)?;
                self.variables.push((name.clone(), value));
                let result = self.set(body);
                self.variables.pop();
                result
            }
            ExpressionKind::Chain { first, rest } => {
                let mut set = self.set(first)?;
                for (operator, operand) in rest {
                    let other = self.set(operand)?;
                    match operator {
                        Operator::Union => set.unite(&other),
                        Operator::Except => set.subtract(&other),
                        Operator::Intersect => set.intersect(&other),
                    }
                }
                Ok(set)
            }
            ExpressionKind::Set(words) => {
                let mut set = NodeSet::empty(self.graph.len());
                for word in words {
                    match word.text.strip_prefix('$') {
                        Some(name) => set.unite(&self.variable(name, word.span)?),
                        None => set.unite(&self.label(&word.text, word.span)?),
                    }
                }
                Ok(set)
            }
            ExpressionKind::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn call(&mut self, function: Function, them: &[Argument]) -> Result<NodeSet, QueryError> {
        match function {
            Function::Deps => self.deps(them),
            Function::Rdeps => self.rdeps(them),
            Function::AllRdeps => self.all_rdeps(them),
            Function::SomePath => self.some_path(them).map(|it| self.nodes(it)),
            Function::AllPaths => self.all_paths(them),
            Function::Kind => self.matching(them, |it| Some(it.kind.as_str())),
            Function::Filter => self.matching(them, |it| Some(&it.label)),
            Function::Attr => self.attr(them),
            Function::Labels => self.labels(them),
            Function::Some => self.some(them),
            Function::Owner => self.owner(them),
            Function::Assignments => self.assignments(them),
            Function::SelectedBy => self.selected_by(them),
            Function::Selects => self.selects(them),
            Function::Unassigned => self.unassigned(them),
            Function::Env => self.env(them),
        }
    }

    fn deps(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 0)?;
        Ok(self.graph.reach(&set, Direction::Dependencies, number(them, 1), None))
    }

    fn rdeps(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let universe = self.argument(them, 0)?;
        let universe = self.graph.reach(&universe, Direction::Dependencies, None, None);
        let set = self.argument(them, 1)?;
        Ok(self.graph.reach(&set, Direction::Dependents, number(them, 2), Some(&universe)))
    }

    fn all_rdeps(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 0)?;
        let mut universe = self.graph.filter(|it| it.kind != NodeKind::OutputFile);
        universe.unite(&set);
        Ok(self.graph.reach(&set, Direction::Dependents, number(them, 1), Some(&universe)))
    }

    fn some_path(&mut self, them: &[Argument]) -> Result<Vec<NodeId>, QueryError> {
        let (from, to) = (self.argument(them, 0)?, self.argument(them, 1)?);
        Ok(self.graph.some_path(&from, &to))
    }

    fn all_paths(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let (from, to) = (self.argument(them, 0)?, self.argument(them, 1)?);
        Ok(self.graph.all_paths(&from, &to))
    }

    /// Returns the nodes of which a text matches.
    fn matching(
        &mut self,
        them: &[Argument],
        text: impl Fn(&Node) -> Option<&str>,
    ) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 1)?;
        let regex = regex(word(them, 0))?;
        let graph = self.graph;
        let matches = |it: &NodeId| text(graph.node(*it)).is_some_and(|it| regex.is_match(it));
        Ok(self.nodes(set.iter().filter(matches)))
    }

    fn attr(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 2)?;
        let name = word(them, 0);
        if !is_attribute(&name.text) {
            known(name, ATTRIBUTES)?;
        }
        let regex = regex(word(them, 1))?;
        let graph = self.graph;
        let matches =
            |it: &NodeId| attribute(graph, *it, &name.text).is_some_and(|it| regex.is_match(&it));
        Ok(self.nodes(set.iter().filter(matches)))
    }

    fn labels(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 1)?;
        let name = word(them, 0);
        known(name, REFERENCES.iter().map(|it| it.0))?;
        Ok(self.nodes(set.iter().flat_map(|it| referred(self.graph, it, &name.text))))
    }

    fn some(&mut self, them: &[Argument]) -> Result<NodeSet, QueryError> {
        let set = self.argument(them, 0)?;
        Ok(self.nodes(set.iter().take(number(them, 1).unwrap_or(1) as usize)))
    }

    /// Evaluates the argument at `index`, which is a set.
    pub(super) fn argument(
        &mut self,
        them: &[Argument],
        index: usize,
    ) -> Result<NodeSet, QueryError> {
        let Some(Argument::Set(it)) = them.get(index) else {
            unreachable!("because the parser reads what the signature says")
        };
        self.set(it)
    }

    fn nodes(&self, ids: impl IntoIterator<Item = NodeId>) -> NodeSet {
        let mut set = NodeSet::empty(self.graph.len());
        for id in ids {
            set.insert(id);
        }
        set
    }

    fn variable(&self, name: &str, span: Span) -> Result<NodeSet, QueryError> {
        let found = self.variables.iter().rev().find(|it| it.0 == name);
        found.map(|it| it.1.clone()).ok_or_else(|| {
            let names = self.variables.iter().map(|it| it.0.as_str());
            let help = match did_you_mean(name, names) {
                Some(guess) => format!("did you mean `${guess}`?"),
                None => format!("bind it first: `let {} = … in …`", shown(name)),
            };
            QueryError::new(format!("no variable `${}` is bound here", shown(name)), span)
                .help(help)
        })
    }

    fn label(&self, text: &str, span: Span) -> Result<NodeSet, QueryError> {
        let (pattern, scope) =
            Scope::parse(text).map_err(|it| QueryError::new(it.reason, span).help(it.help))?;
        self.graph.resolve(&pattern, scope).map_err(|it| missing(&it, span))
    }
}

/// Returns the argument at `index`, which is a word.
pub(super) fn word(them: &[Argument], index: usize) -> &Word {
    let Some(Argument::Word(it)) = them.get(index) else {
        unreachable!("because the parser reads what the signature says")
    };
    it
}

fn number(them: &[Argument], index: usize) -> Option<u32> {
    them.get(index).map(|it| {
        let Argument::Number(it) = it else {
            unreachable!("because the parser reads what the signature says")
        };
        *it
    })
}

/// Compiles a regular expression, which may match anywhere, as Bazel's do.
fn regex(word: &Word) -> Result<Regex, QueryError> {
    RegexBuilder::new(&word.text).size_limit(PATTERN_BYTES).build().map_err(|error| {
        let text = error.to_string();
        // The last line says what; those before draw where, for a terminal.
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let is_large = matches!(error, regex::Error::CompiledTooBig(_));
        let reason = if is_large { "it is too large" } else { last };
        let message = format!("`{}` is not a regular expression: {reason}", shown(&word.text));
        QueryError::new(message, word.span).help("write `\\` before a sign that stands for itself")
    })
}

fn known<'n>(word: &Word, names: impl IntoIterator<Item = &'n str>) -> Result<(), QueryError> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.contains(&word.text.as_str()) {
        return Ok(());
    }
    let stem = word.text.split_once('.').map_or(word.text.as_str(), |it| it.0);
    let guess = did_you_mean(stem, names.iter().map(|it| it.trim_end_matches('.')));
    let help = match guess.and_then(|it| names.iter().find(|name| name.trim_end_matches('.') == it))
    {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    let message = format!("there is no attribute `{}`", shown(&word.text));
    Err(QueryError::new(message, word.span).help(help))
}

/// Says at `span` that a label names nothing.
pub(super) fn missing(missing: &Missing, span: Span) -> QueryError {
    let Missing { what, name, .. } = missing;
    QueryError::new(format!("there is no {what} `{}`", shown(name)), span).help(missing.help())
}
