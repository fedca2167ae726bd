//! What each place of a jinja template depends on, read from its syntax.
//!
//! **Invariant:** a plan names too much rather than too little. Which item a loop is at is known only when it runs, so
//! paths may have steps that are still open.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::{
    Span,
    ast::{CallArg, Expr, ForLoop, IfCond, Stmt},
};

/// The longest path; what lies deeper counts as its container.
const LONGEST: usize = 16;

/// A step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Open {
    /// To this key, or item of a list.
    Key(String),
    /// To the key that this variable of a loop holds.
    Named(String),
    /// To the item at which this loop is; it is in the variable.
    Turn(usize, String),
}

pub(super) type OpenPath = Vec<Open>;
pub(super) type OpenReads = BTreeSet<OpenPath>;

/// What the places of a template depend on.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Every text and every expression that is written, in the order of the template.
    pub(super) sites: Vec<Site>,
    /// Every `if` and `for`.
    pub(super) decisions: Vec<Decision>,
}

/// A text or an expression.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) kind: SiteKind,
    pub(super) reads: OpenReads,
    /// The decisions around it: indices, outermost first.
    pub(super) decisions: Vec<usize>,
    /// The innermost loop around it.
    pub(super) turn: Option<usize>,
    /// Decisions right before it, which may have written into its first line.
    pub(super) before: Vec<usize>,
    /// Decisions right after it, which may have written into its last line.
    pub(super) after: Vec<usize>,
}

/// What a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SiteKind {
    Text,
    Value,
}

/// An `if`, `elif` or `for`.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) span: Span,
    pub(super) reads: OpenReads,
}

/// What the value of an expression is, or is made of.
#[derive(Clone, Debug, Default)]
struct Meaning {
    /// The values of the data that it may be.
    is: OpenReads,
    /// The values that it was made of.
    made_of: OpenReads,
}

impl Meaning {
    fn of(path: OpenPath) -> Self {
        Self { is: [path].into(), made_of: OpenReads::new() }
    }

    fn all(self) -> OpenReads {
        let mut all = self.is;
        all.extend(self.made_of);
        all
    }

    fn or(mut self, other: Self) -> Self {
        self.is.extend(other.is);
        self.made_of.extend(other.made_of);
        self
    }

    fn below(self, step: &Open) -> Self {
        let down = |mut path: OpenPath| {
            if path.len() < LONGEST {
                path.push(step.clone());
            }
            path
        };
        Self { is: self.is.into_iter().map(down).collect(), made_of: self.made_of }
    }

    /// Forgets which item `name` leads to, because another variable hides it.
    fn without(&self, name: &str) -> Self {
        let is_it = |step: &Open| match step {
            Open::Named(it) | Open::Turn(_, it) => it == name,
            Open::Key(_) => false,
        };
        let cut = |path: &OpenPath| -> OpenPath {
            path.iter().take_while(|it| !is_it(it)).cloned().collect()
        };
        Self {
            is: self.is.iter().map(cut).collect(),
            made_of: self.made_of.iter().map(cut).collect(),
        }
    }
}

/// Plans a template.
pub(super) fn plan(template: &Stmt<'_>) -> Plan {
    let mut planner = Planner::default();
    planner.scopes.push(Scope::default());
    planner.statement(template);
    planner.plan
}

#[derive(Default)]
struct Planner<'t> {
    plan: Plan,
    scopes: Vec<Scope<'t>>,
    /// The decisions around what comes.
    decisions: Vec<usize>,
    /// The loops around it.
    turns: Vec<usize>,
}

/// The names that a block binds.
#[derive(Default)]
struct Scope<'t> {
    names: BTreeMap<&'t str, Meaning>,
    /// How many decisions were around it when it began.
    decisions: usize,
}

impl<'t> Planner<'t> {
    fn statements(&mut self, statements: &[Stmt<'t>]) {
        let mut waiting: Option<usize> = None;
        for (index, statement) in statements.iter().enumerate() {
            let from = self.plan.sites.len();
            if is_site(statement)
                && let Some(decision) = waiting.take()
            {
                self.statement(statement);
                self.plan.sites[from].before.push(decision);
                continue;
            }
            let first = self.plan.decisions.len();
            self.statement(statement);
            if self.plan.decisions.len() == first {
                continue;
            }
            let before = index.checked_sub(1).map(|it| &statements[it]);
            if before.is_some_and(|it| is_site(it) && !ends_a_line(it)) && !starts_a_line(statement)
            {
                self.plan.sites[from - 1].after.push(first);
            }
            waiting = (!ends_a_line(statement)).then_some(first);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "wob refuses all other statements")]
    fn statement(&mut self, statement: &Stmt<'t>) {
        match statement {
            Stmt::Template(it) => self.statements(&it.children),
            Stmt::EmitRaw(_) => self.site(SiteKind::Text, OpenReads::new()),
            Stmt::EmitExpr(it) => {
                let reads = self.meaning(&it.expr).all();
                self.site(SiteKind::Value, reads);
            }
            Stmt::ForLoop(it) => self.for_loop(it),
            Stmt::IfCond(it) => self.if_cond(it),
            Stmt::WithBlock(it) => {
                self.scopes.push(Scope { decisions: self.decisions.len(), ..Scope::default() });
                for (target, value) in &it.assignments {
                    let meaning = self.meaning(value);
                    self.bind(target, &meaning);
                }
                self.statements(&it.body);
                self.scopes.pop();
            }
            Stmt::Set(it) => {
                let mut meaning = self.meaning(&it.expr);
                let scope = self.scopes.last().expect("because the outermost scope stays");
                // What decides whether it is set is in the value, and so is what it was before.
                for decision in &self.decisions[scope.decisions..] {
                    meaning.made_of.extend(self.plan.decisions[*decision].reads.iter().cloned());
                }
                if self.decisions.len() > scope.decisions
                    && let Expr::Var(name) = &it.target
                {
                    meaning = meaning.or(self.name(name.id));
                }
                self.bind(&it.target, &meaning);
            }
            _ => {}
        }
    }

    fn site(&mut self, kind: SiteKind, reads: OpenReads) {
        self.plan.sites.push(Site {
            kind,
            reads,
            decisions: self.decisions.clone(),
            turn: self.turns.last().copied(),
            before: vec![],
            after: vec![],
        });
    }

    fn decide(&mut self, span: Span, reads: OpenReads) {
        self.decisions.push(self.plan.decisions.len());
        self.plan.decisions.push(Decision { span, reads });
    }

    fn if_cond(&mut self, it: &IfCond<'t>) {
        let reads = self.meaning(&it.expr).all();
        self.decide(whole(&it.expr), reads);
        self.statements(&it.true_body);
        self.statements(&it.false_body);
        self.decisions.pop();
    }

    fn for_loop(&mut self, it: &ForLoop<'t>) {
        let (list, pairs) = pairs(&it.iter);
        let meaning = self.meaning(list);
        let turn = self.plan.decisions.len();
        self.scopes.push(Scope { decisions: self.decisions.len() + 1, ..Scope::default() });
        let is_plain = it.filter_expr.is_none();
        let item = match (&it.target, pairs) {
            (Expr::List(names), true) => match names.items.as_slice() {
                [Expr::Var(key), _] if is_plain => Some(Open::Named(key.id.to_owned())),
                _ => None,
            },
            (Expr::Tuple(names), true) => match names.items.as_slice() {
                [Expr::Var(key), _] if is_plain => Some(Open::Named(key.id.to_owned())),
                _ => None,
            },
            (Expr::Var(name), false) if is_plain => Some(Open::Turn(turn, name.id.to_owned())),
            _ => None,
        };
        let mut names = vec![];
        collect(&it.target, &mut names);
        for name in &names {
            self.hide(name);
        }
        let bound = item.as_ref().map_or_else(
            || Meaning { is: OpenReads::new(), made_of: meaning.clone().all() },
            |step| meaning.clone().below(step),
        );
        self.bind(&it.target, &bound);
        let as_whole = Meaning { is: OpenReads::new(), made_of: meaning.clone().all() };
        self.scopes.last_mut().expect("because it was pushed above").names.insert("loop", as_whole);
        let mut reads = bound.all();
        if let Some(filter) = &it.filter_expr {
            reads.extend(self.meaning(filter).all());
        }
        self.decide(whole(&it.iter), reads);
        self.turns.push(turn);
        self.statements(&it.body);
        self.turns.pop();
        self.decisions.pop();
        self.scopes.pop();
        // Whether there is any item is what decides of the rest.
        self.decide(whole(&it.iter), meaning.all());
        self.statements(&it.else_body);
        self.decisions.pop();
    }

    /// Makes what is known through an outer variable of this name less exact, as it can't be asked any more.
    fn hide(&mut self, name: &str) {
        let mut less = BTreeMap::new();
        for scope in &self.scopes {
            for (bound, meaning) in &scope.names {
                less.insert(*bound, meaning.without(name));
            }
        }
        let scope = self.scopes.last_mut().expect("because the outermost scope stays");
        scope.names.extend(less);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "few expressions are targets")]
    fn bind(&mut self, target: &Expr<'t>, meaning: &Meaning) {
        match target {
            Expr::Var(it) => {
                let scope = self.scopes.last_mut().expect("because the outermost scope stays");
                scope.names.insert(it.id, meaning.clone());
            }
            Expr::List(it) => it.items.iter().for_each(|it| self.bind(it, meaning)),
            Expr::Tuple(it) => it.items.iter().for_each(|it| self.bind(it, meaning)),
            _ => {}
        }
    }

    fn name(&self, name: &str) -> Meaning {
        let bound = self.scopes.iter().rev().find_map(|it| it.names.get(name));
        bound.cloned().unwrap_or_else(|| Meaning::of(vec![Open::Key(name.to_owned())]))
    }

    fn meaning(&self, expression: &Expr<'t>) -> Meaning {
        match expression {
            Expr::Var(it) => self.name(it.id),
            Expr::Const(_) => Meaning::default(),
            Expr::GetAttr(it) => self.meaning(&it.expr).below(&Open::Key(it.name.to_owned())),
            Expr::GetItem(it) => {
                let container = self.meaning(&it.expr);
                if let Expr::Const(key) = &it.subscript_expr {
                    container.below(&Open::Key(key.value.to_string()))
                } else {
                    self.made_of(container, [&it.subscript_expr])
                }
            }
            Expr::Filter(it) => {
                let value = it.expr.as_ref().map(|it| self.meaning(it)).unwrap_or_default();
                if matches!(it.name, "default" | "d") {
                    let arguments = it.args.iter().map(|it| self.meaning(argument(it)));
                    return arguments.fold(value, Meaning::or);
                }
                self.made_of(value, it.args.iter().map(argument))
            }
            Expr::IfExpr(it) => {
                let test = self.made_of(Meaning::default(), [&it.test_expr]);
                let otherwise = it.false_expr.as_ref().map(|it| self.meaning(it));
                test.or(self.meaning(&it.true_expr)).or(otherwise.unwrap_or_default())
            }
            Expr::Slice(it) => {
                let bounds = [&it.start, &it.stop, &it.step].into_iter().filter_map(Option::as_ref);
                self.made_of(self.meaning(&it.expr), bounds)
            }
            Expr::UnaryOp(it) => self.made_of(Meaning::default(), [&it.expr]),
            Expr::BinOp(it) => self.made_of(Meaning::default(), [&it.left, &it.right]),
            Expr::Compare(it) => {
                let operands = it.ops.iter().map(|it| &it.expr);
                self.made_of(Meaning::default(), operands.chain([&it.expr]))
            }
            Expr::Test(it) => self.made_of(self.meaning(&it.expr), it.args.iter().map(argument)),
            Expr::Call(it) => {
                // A function's name is no value of the data; a method's is one of what it is called on.
                let of = if let Expr::GetAttr(method) = &it.expr {
                    self.meaning(&method.expr)
                } else if matches!(&it.expr, Expr::Var(name) if !self.is_bound(name.id)) {
                    Meaning::default()
                } else {
                    self.meaning(&it.expr)
                };
                self.made_of(of, it.args.iter().map(argument))
            }
            Expr::List(it) => self.made_of(Meaning::default(), &it.items),
            Expr::Tuple(it) => self.made_of(Meaning::default(), &it.items),
            Expr::Map(it) => self.made_of(Meaning::default(), it.keys.iter().chain(&it.values)),
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().any(|it| it.names.contains_key(name))
    }

    /// Returns the meaning of what is made of `value` and `parts`.
    fn made_of<'e>(&self, value: Meaning, parts: impl IntoIterator<Item = &'e Expr<'t>>) -> Meaning
    where
        't: 'e,
    {
        let mut made_of = value.all();
        for part in parts {
            made_of.extend(self.meaning(part).all());
        }
        Meaning { is: OpenReads::new(), made_of }
    }
}

fn argument<'e, 't>(argument: &'e CallArg<'t>) -> &'e Expr<'t> {
    let (CallArg::Pos(it)
    | CallArg::Kwarg(_, it)
    | CallArg::PosSplat(it)
    | CallArg::KwargSplat(it)) = argument;
    it
}

/// Returns what a loop runs over, and whether it is the pairs of that.
fn pairs<'e, 't>(iterated: &'e Expr<'t>) -> (&'e Expr<'t>, bool) {
    if let Expr::Filter(it) = iterated
        && matches!(it.name, "items" | "dictsort")
    {
        return (it.expr.as_ref().unwrap_or(iterated), true);
    }
    (iterated, false)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "few expressions are targets")]
fn collect<'t>(target: &Expr<'t>, names: &mut Vec<&'t str>) {
    match target {
        Expr::Var(it) => names.push(it.id),
        Expr::List(it) => it.items.iter().for_each(|it| collect(it, names)),
        Expr::Tuple(it) => it.items.iter().for_each(|it| collect(it, names)),
        _ => {}
    }
}

fn is_site(statement: &Stmt<'_>) -> bool {
    matches!(statement, Stmt::EmitRaw(_) | Stmt::EmitExpr(_))
}

/// Says whether whatever a block writes, it first ends the line.
fn starts_a_line(statement: &Stmt<'_>) -> bool {
    let starts = |body: &[Stmt<'_>]| match body.first() {
        None => true,
        Some(Stmt::EmitRaw(it)) => it.raw.starts_with('\n') || it.raw.starts_with("\r\n"),
        Some(other) => matches!(other, Stmt::IfCond(_)) && starts_a_line(other),
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "other statements decide nothing")]
    match statement {
        Stmt::IfCond(it) => starts(&it.true_body) && starts(&it.false_body),
        Stmt::ForLoop(it) => starts(&it.body) && starts(&it.else_body),
        _ => false,
    }
}

/// Says whether whatever a text or a block writes, it ends the line last.
fn ends_a_line(statement: &Stmt<'_>) -> bool {
    let ends = |body: &[Stmt<'_>]| body.last().is_none_or(ends_a_line);
    #[expect(clippy::wildcard_enum_match_arm, reason = "other statements decide nothing")]
    match statement {
        Stmt::EmitRaw(it) => it.raw.ends_with('\n'),
        Stmt::IfCond(it) => ends(&it.true_body) && ends(&it.false_body),
        Stmt::ForLoop(it) => ends(&it.body) && ends(&it.else_body),
        _ => false,
    }
}

/// Returns the span of all of an expression: its own begins at its operator.
fn whole(expression: &Expr<'_>) -> Span {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others begin with their first word")]
    let first = match expression {
        Expr::Filter(it) => it.expr.as_ref(),
        Expr::GetAttr(it) => Some(&it.expr),
        Expr::GetItem(it) => Some(&it.expr),
        Expr::BinOp(it) => Some(&it.left),
        Expr::Compare(it) => Some(&it.expr),
        Expr::Test(it) => Some(&it.expr),
        _ => None,
    };
    let own = expression.span();
    first.map_or(own, |it| Span {
        start_offset: whole(it).start_offset.min(own.start_offset),
        ..own
    })
}
