//! What a jinja template may build, decided before it runs: minijinja bounds neither the size nor the depth of values.
//!
//! Each expression has a cost: a bound on the size of its value in pieces, each as large as a value of the data or as
//! the answer of a filter, and on the levels that it adds to them. What an assignment gives costs what it was built
//! from, so names can't double step by step. Tags that keep output in memory, or call back, are refused.

use std::collections::BTreeMap;

use minijinja::{
    Error,
    machinery::{
        Span, Token,
        ast::{BinOpKind, Call, CallArg, Expr, Filter, Stmt, UnaryOpKind},
        parse, tokenize,
    },
    syntax::SyntaxConfig,
};

use super::filters;
use crate::ErrorKind;

/// The most tokens of one tag: the parser and the compiler recurse along chains of operators.
const TOKENS: usize = 256;

/// The most brackets, or blocks, inside each other.
const NESTING: usize = 32;

/// The most `elif` of a template: the parser nests them.
const BRANCHES: usize = 64;

/// The size of a piece; constants are smaller.
const PIECE: usize = 1024;

/// How many bytes of a constant cost one.
const CONSTANT: usize = 1024;

/// The largest value that an expression may build.
const LARGEST: usize = 16 * PIECE;

/// The most that all assignments of a template may build together.
const MOST: usize = 64 * PIECE;

/// The most levels that a template may add to the data, views of lists included.
const DEEPEST: usize = 32;

/// Why a template is refused.
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) span: Span,
}

/// Checks a template; minijinja reports those that it can't parse.
pub(super) fn check(text: &str, syntax: &SyntaxConfig) -> Result<(), Refusal> {
    check_tokens(text, syntax)?;
    let Ok(template) = parse(text, "", syntax.clone()) else { return Ok(()) };
    let mut checker = Checker { names: BTreeMap::new(), built: 0 };
    checker.statement(&template)
}

fn limit<T>(span: Span, message: String, help: &str) -> Result<T, Refusal> {
    Err(Refusal { kind: ErrorKind::Limit, message, help: Some(help.to_owned()), span })
}

/// Bounds the recursion of minijinja's parser, and so has to come before it.
#[expect(clippy::wildcard_enum_match_arm, reason = "most tokens neither open nor close anything")]
fn check_tokens(text: &str, syntax: &SyntaxConfig) -> Result<(), Refusal> {
    let (mut tokens, mut brackets, mut blocks, mut branches) = (0, 0_usize, 0_usize, 0);
    let mut starts_block = false;
    for token in tokenize(text, false, syntax.clone()) {
        let Ok::<_, Error>((token, span)) = token else { return Ok(()) };
        let first = std::mem::take(&mut starts_block);
        tokens += 1;
        match token {
            Token::TemplateData(_) | Token::VariableStart => (tokens, brackets) = (0, 0),
            Token::BlockStart => {
                (tokens, brackets) = (0, 0);
                starts_block = true;
            }
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => brackets += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                brackets = brackets.saturating_sub(1);
            }
            Token::Ident("elif") if first => branches += 1,
            Token::Ident(name) if first && name.starts_with("end") => {
                blocks = blocks.saturating_sub(1);
            }
            Token::Ident("for" | "if" | "with") if first => blocks += 1,
            _ => {}
        }
        if tokens > TOKENS {
            return limit(
                span,
                format!("a tag of more than {TOKENS} words"),
                "use `set` for parts",
            );
        }
        if brackets > NESTING || blocks > NESTING {
            return limit(span, format!("nested deeper than {NESTING} levels"), "nest less");
        }
        if branches > BRANCHES {
            return limit(span, format!("more than {BRANCHES} `elif`"), "look it up in a mapping");
        }
    }
    Ok(())
}

/// A bound on what an expression builds.
#[derive(Clone, Copy)]
struct Cost {
    size: usize,
    depth: usize,
}

impl Cost {
    /// A value of the data.
    const LEAF: Self = Self { size: PIECE, depth: 0 };
    /// A number or a truth value.
    const SMALL: Self = Self { size: 1, depth: 0 };

    fn and(self, other: Self) -> Self {
        Self { size: self.size + other.size, depth: self.depth.max(other.depth) }
    }

    fn or(self, other: Self) -> Self {
        Self { size: self.size.max(other.size), depth: self.depth.max(other.depth) }
    }

    fn below(self, levels: usize) -> Self {
        Self { size: self.size + 1, depth: self.depth + levels }
    }
}

struct Checker<'t> {
    /// The greatest cost that a name has had so far: values reach only later places, as each turn of a loop forgets
    /// what it set.
    names: BTreeMap<&'t str, Cost>,
    /// What all assignments build.
    built: usize,
}

impl<'t> Checker<'t> {
    fn statements(&mut self, statements: &[Stmt<'t>]) -> Result<(), Refusal> {
        statements.iter().try_for_each(|it| self.statement(it))
    }

    fn statement(&mut self, statement: &Stmt<'t>) -> Result<(), Refusal> {
        match statement {
            Stmt::Template(it) => self.statements(&it.children),
            Stmt::EmitExpr(it) => self.cost(&it.expr).map(drop),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => Ok(()),
            Stmt::ForLoop(it) => {
                if it.recursive {
                    return refuse("recursive loops", it.span());
                }
                self.assign(&it.target, &it.iter)?;
                if let Some(filter) = &it.filter_expr {
                    self.cost(filter)?;
                }
                self.statements(&it.body)?;
                self.statements(&it.else_body)
            }
            Stmt::IfCond(it) => {
                self.cost(&it.expr)?;
                self.statements(&it.true_body)?;
                self.statements(&it.false_body)
            }
            Stmt::WithBlock(it) => {
                for (target, expression) in &it.assignments {
                    self.assign(target, expression)?;
                }
                self.statements(&it.body)
            }
            Stmt::Set(it) => self.assign(&it.target, &it.expr),
            Stmt::SetBlock(it) => refuse("`set` blocks", it.span()),
            Stmt::AutoEscape(it) => refuse("`autoescape`", it.span()),
            Stmt::FilterBlock(it) => refuse("`filter` blocks", it.span()),
            Stmt::Block(it) => refuse("`block`", it.span()),
            Stmt::Import(it) => refuse("`import`", it.span()),
            Stmt::FromImport(it) => refuse("`import`", it.span()),
            Stmt::Extends(it) => refuse("`extends`", it.span()),
            Stmt::Include(it) => refuse("`include`", it.span()),
            Stmt::Macro(it) => refuse("macros", it.span()),
            Stmt::CallBlock(it) => refuse("`call` blocks", it.span()),
            Stmt::Do(it) => refuse("`do`", it.span()),
        }
    }

    fn assign(&mut self, target: &Expr<'t>, value: &Expr<'t>) -> Result<(), Refusal> {
        let cost = self.cost(value)?;
        if !is_selection(value) {
            self.built += cost.size;
        }
        if self.built > MOST {
            let message = "the assignments of this template build too much".to_owned();
            return limit(target.span(), message, "write values where they are needed");
        }
        self.bind(target, cost)
    }

    fn bind(&mut self, target: &Expr<'t>, cost: Cost) -> Result<(), Refusal> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "few expressions are targets")]
        match target {
            Expr::Var(it) => {
                let known = self.names.entry(it.id).or_insert(Cost::LEAF);
                *known = known.or(cost);
                Ok(())
            }
            Expr::List(it) => it.items.iter().try_for_each(|it| self.bind(it, cost)),
            Expr::Tuple(it) => it.items.iter().try_for_each(|it| self.bind(it, cost)),
            _ => refuse("assignments to attributes", target.span()),
        }
    }

    fn cost(&self, expression: &Expr<'t>) -> Result<Cost, Refusal> {
        let cost = self.unchecked_cost(expression)?;
        if cost.size > LARGEST {
            let message = "this may build a value that is too large".to_owned();
            return limit(expression.span(), message, "write its parts one after the other");
        }
        if cost.depth > DEEPEST {
            let message = format!("this may add more than {DEEPEST} levels to the data");
            return limit(expression.span(), message, "nest less");
        }
        Ok(cost)
    }

    fn unchecked_cost(&self, expression: &Expr<'t>) -> Result<Cost, Refusal> {
        Ok(match expression {
            Expr::Var(it) => self.names.get(it.id).copied().unwrap_or(Cost::LEAF),
            Expr::Const(it) => {
                let bytes = it.value.as_str().map_or(0, str::len);
                Cost { size: 1 + bytes / CONSTANT, depth: 0 }
            }
            Expr::Slice(it) => {
                for bound in [&it.start, &it.stop, &it.step].into_iter().flatten() {
                    self.cost(bound)?;
                }
                self.cost(&it.expr)?.below(1)
            }
            Expr::UnaryOp(it) => {
                self.cost(&it.expr)?;
                Cost::SMALL
            }
            Expr::BinOp(it) => self.binary(it.op, &it.left, &it.right)?,
            Expr::Compare(it) => {
                self.cost(&it.expr)?;
                it.ops.iter().try_for_each(|it| self.cost(&it.expr).map(drop))?;
                Cost::SMALL
            }
            Expr::IfExpr(it) => {
                self.cost(&it.test_expr)?;
                let otherwise = it.false_expr.as_ref().map(|it| self.cost(it)).transpose()?;
                self.cost(&it.true_expr)?.or(otherwise.unwrap_or(Cost::SMALL))
            }
            Expr::Filter(it) => self.filter(it, it.span())?,
            Expr::Test(it) => {
                self.cost(&it.expr)?;
                self.arguments(&it.args)?;
                Cost::SMALL
            }
            Expr::GetAttr(it) => self.cost(&it.expr)?,
            Expr::GetItem(it) => {
                self.cost(&it.subscript_expr)?;
                self.cost(&it.expr)?
            }
            Expr::Call(it) => self.call(it)?,
            Expr::List(it) => self.sum(&it.items)?.below(1),
            Expr::Tuple(it) => self.sum(&it.items)?.below(1),
            Expr::Map(it) => self.sum(&it.keys)?.and(self.sum(&it.values)?).below(1),
        })
    }

    fn binary(
        &self,
        operator: BinOpKind,
        left: &Expr<'t>,
        right: &Expr<'t>,
    ) -> Result<Cost, Refusal> {
        let (a, b) = (self.cost(left)?, self.cost(right)?);
        match operator {
            BinOpKind::Add | BinOpKind::Concat => Ok(a.and(b)),
            BinOpKind::ScAnd | BinOpKind::ScOr => Ok(a.or(b)),
            BinOpKind::Mul => {
                for operand in [left, right] {
                    if !is_number(operand) {
                        return Err(Refusal {
                            kind: ErrorKind::Value,
                            message: "`*` is for numbers only".to_owned(),
                            help: Some("write `x | int` for a number".to_owned()),
                            span: operand.span(),
                        });
                    }
                }
                Ok(Cost::SMALL)
            }
            BinOpKind::Eq
            | BinOpKind::Ne
            | BinOpKind::Lt
            | BinOpKind::Lte
            | BinOpKind::Gt
            | BinOpKind::Gte
            | BinOpKind::Sub
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow
            | BinOpKind::In => Ok(Cost::SMALL),
        }
    }

    fn filter(&self, filter: &Filter<'t>, span: Span) -> Result<Cost, Refusal> {
        let value = filter.expr.as_ref().map_or(Ok(Cost::SMALL), |it| self.cost(it))?;
        let cost = value.and(self.arguments(&filter.args)?);
        match filters::answer(filter.name) {
            Some(filters::Answer::Scalar) => Ok(Cost { size: cost.size.max(PIECE), depth: 0 }),
            Some(filters::Answer::Selection) => Ok(cost.below(2)),
            // A text of n bytes may become n texts, each of which takes more than its byte.
            Some(filters::Answer::Parts) => {
                Ok(Cost { size: cost.size.saturating_mul(3), ..cost.below(2) })
            }
            None => Err(Refusal {
                kind: ErrorKind::UnknownFunction,
                message: format!("there is no filter `{}`", filter.name),
                help: Some(format!(
                    "filters are {}",
                    filters::all().collect::<Vec<_>>().join(", ")
                )),
                span,
            }),
        }
    }

    fn call(&self, call: &Call<'t>) -> Result<Cost, Refusal> {
        self.cost(&call.expr)?;
        Ok(Cost::LEAF.and(self.arguments(&call.args)?).below(1))
    }

    fn arguments(&self, arguments: &[CallArg<'t>]) -> Result<Cost, Refusal> {
        let mut sum = Cost { size: 0, depth: 0 };
        for argument in arguments {
            let (CallArg::Pos(it)
            | CallArg::Kwarg(_, it)
            | CallArg::PosSplat(it)
            | CallArg::KwargSplat(it)) = argument;
            sum = sum.and(self.cost(it)?);
        }
        Ok(sum)
    }

    fn sum(&self, items: &[Expr<'t>]) -> Result<Cost, Refusal> {
        items.iter().try_fold(Cost { size: 0, depth: 0 }, |sum, it| Ok(sum.and(self.cost(it)?)))
    }
}

fn refuse<T>(what: &str, span: Span) -> Result<T, Refusal> {
    Err(Refusal {
        kind: ErrorKind::RefusedFunction,
        message: format!("{what} are not part of wob's jinja").replace("` are", "` is"),
        help: Some("write it out, or use a Go template".to_owned()),
        span,
    })
}

/// Says whether a value was there before, so that its name costs no memory.
#[expect(clippy::wildcard_enum_match_arm, reason = "a new expression is neither")]
fn is_selection(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Var(_) | Expr::Const(_) => true,
        Expr::GetAttr(it) => is_selection(&it.expr),
        Expr::GetItem(it) => is_selection(&it.expr),
        _ => false,
    }
}

/// Says whether an expression can give nothing but a number: `*` repeats texts and lists.
#[expect(clippy::wildcard_enum_match_arm, reason = "a new expression is neither")]
fn is_number(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(it) => it.value.is_number(),
        Expr::UnaryOp(it) => matches!(it.op, UnaryOpKind::Neg),
        Expr::BinOp(it) => matches!(
            it.op,
            BinOpKind::Sub
                | BinOpKind::Mul
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::Pow
        ),
        Expr::Filter(it) => {
            matches!(it.name, "abs" | "count" | "float" | "int" | "length" | "round")
        }
        _ => false,
    }
}
