//! Runs a compiled template.
//!
//! Recursion is bounded: blocks and parentheses by the parser, templates by the options, all of them by `LEVELS`.

use std::sync::Arc;

use wob_engine::{Span, did_you_mean};

use super::{
    Template, builtin,
    parse::Definitions,
    tree::{Body, Choice, Invocation, Node, Range, Target},
    truth,
};
use crate::{
    ErrorKind, FunctionError, Functions, MissingKey, MissingKeyWarning, Options, Rendered,
    TemplateError, Traced, Value, gofmt::Output,
};

mod call;
mod expression;
mod recorder;
mod watch;

use recorder::Recorder;
use watch::{Unwatched, Watch, assigned, jumps, starts_a_line};

/// How many blocks, pipelines and templates may run inside each other.
const LEVELS: u32 = 400;

/// What a variable or the dot holds; `None` is what Go calls an invalid value.
///
/// A missing key and a nil that went through a pipeline are invalid: their fields are nothing.
/// A nil straight out of a map is [`Value::Nil`]: it is an error to read its fields.
type Slot = Option<Value>;

type Fallible<T> = Result<T, Stop>;

/// Why a render stops; boxed, because every step returns one or not.
struct Stop(Box<TemplateError>);

impl Stop {
    fn help(mut self, help: Option<String>) -> Self {
        self.0.help = help;
        self
    }
}

/// Renders `template` with `data` as its dot.
pub(super) fn render(
    template: &Template,
    data: &Value,
    options: &Options,
) -> Result<Rendered, TemplateError> {
    run(template, data, options, Unwatched).map(|it| it.0)
}

/// Does the same, and tells what made each part of the text.
pub(super) fn trace(
    template: &Template,
    data: &Value,
    options: &Options,
) -> Result<Traced, TemplateError> {
    let (rendered, recorder) = run(template, data, options, Recorder::new(data))?;
    Ok(Traced { text: rendered.text, pieces: recorder.pieces() })
}

fn run<W: Watch>(
    template: &Template,
    data: &Value,
    options: &Options,
    watch: W,
) -> Result<(Rendered, W), TemplateError> {
    let mut run = Run {
        definitions: &template.definitions,
        functions: template.functions.as_deref(),
        options,
        file: &template.main.file,
        source: "",
        out: Output::new(options.limits.output),
        variables: vec![],
        base: 0,
        arguments: vec![],
        budget: Budget { steps: options.limits.steps, templates: 0, levels: 0 },
        missing: None,
        warnings: vec![],
        call: Span::default(),
        nested: None,
        watch,
    };
    // Most output is the text itself, and somewhat longer.
    let likely = template.main.source.len().saturating_mul(5) / 4;
    run.out.text.reserve(likely.min(options.limits.output));
    let dot = Some(data.clone()).filter(|it| !matches!(it, Value::Nil));
    run.body(&template.main, &dot).map_err(|it| *it.0)?;
    Ok((Rendered { text: run.out.text, warnings: run.warnings }, run.watch))
}

/// The state of a render.
struct Run<'r, W> {
    definitions: &'r Definitions,
    functions: Option<&'r Functions>,
    options: &'r Options,
    /// The name of the text that the running node is from.
    file: &'r Arc<str>,
    /// That text.
    source: &'r str,
    out: Output,
    /// The variables of all running templates; those of the innermost one begin at `base`.
    variables: Vec<Slot>,
    base: usize,
    /// The arguments of all calls that are being prepared.
    arguments: Vec<Value>,
    budget: Budget,
    /// The last missing key of the action that is running.
    missing: Option<(Span, Box<str>)>,
    warnings: Vec<MissingKeyWarning>,
    /// The contextual call that is running.
    call: Span,
    /// Why a template that a contextual function called has failed.
    nested: Option<Stop>,
    /// Who looks on.
    watch: W,
}

/// What a render may still spend.
#[derive(Clone, Copy)]
struct Budget {
    steps: u64,
    templates: u32,
    levels: u32,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// What the dot is inside `if` or `with`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dot {
    Kept,
    Replaced,
}

impl<'r, W: Watch> Run<'r, W> {
    /// Runs a template with its own variables.
    fn body(&mut self, body: &'r Body, dot: &Slot) -> Fallible<()> {
        let file = std::mem::replace(&mut self.file, &body.file);
        let source = std::mem::replace(&mut self.source, &body.source);
        let base = std::mem::replace(&mut self.base, self.variables.len());
        self.variables.resize(self.base + body.slots, None);
        self.variables[self.base].clone_from(dot);
        self.watch.body(self.base);
        self.nodes(&body.nodes, dot)?;
        self.variables.truncate(self.base);
        self.base = base;
        self.source = source;
        self.file = file;
        Ok(())
    }

    fn nodes(&mut self, nodes: &'r [Node], dot: &Slot) -> Fallible<Flow> {
        for node in nodes {
            let flow = match node {
                Node::Text(span) => {
                    self.step(*span)?;
                    let (start, end) = (span.start as usize, span.end as usize);
                    let from = self.out.text.len();
                    let pushed = self.out.push(&self.source[start..end]);
                    pushed.map_err(|it| self.limit(it.0, *span))?;
                    self.watch.copied(self.file, *span, Span::new(from, self.out.text.len()));
                    Flow::Next
                }
                Node::Action(pipe) => {
                    self.watch.begin();
                    let value = self.pipe(pipe, dot)?;
                    if pipe.targets.is_empty() {
                        let from = self.out.text.len();
                        self.print(value.as_ref(), pipe.span)?;
                        self.watch.used(value.as_ref());
                        let reads = self.watch.end();
                        let output = Span::new(from, self.out.text.len());
                        self.watch.printed(self.file, pipe.span, output, reads);
                    } else {
                        self.watch.end();
                    }
                    Flow::Next
                }
                Node::If(choice) => self.choice(choice, dot, Dot::Kept)?,
                Node::With(choice) => self.choice(choice, dot, Dot::Replaced)?,
                Node::Range(range) => self.range(range, dot)?,
                Node::Template(invocation) => {
                    self.invoke(invocation, dot)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: Option<&Value>, span: Span) -> Fallible<()> {
        let Some(value) = value else {
            self.out.text.push_str("<no value>");
            if self.options.missing_key == MissingKey::Warn {
                let (span, key) = self.missing.take().unwrap_or((span, Box::default()));
                let template = Arc::clone(self.file);
                self.warnings.push(MissingKeyWarning { template, span, key: key.into() });
            }
            return Ok(());
        };
        crate::gofmt::write(&mut self.out, value).map_err(|it| self.limit(it.0, span))
    }

    fn choice(&mut self, choice: &'r Choice, dot: &Slot, inside: Dot) -> Fallible<Flow> {
        let from = self.out.text.len();
        self.watch.begin();
        for (pipe, nodes) in &choice.arms {
            let value = self.pipe(pipe, dot)?;
            self.watch.used(value.as_ref());
            if value.as_ref().is_some_and(truth) {
                self.enter(pipe.span)?;
                let reads = self.watch.end();
                let condition = self.watch.push(self.file, pipe.span, reads);
                let dot = if inside == Dot::Replaced { &value } else { dot };
                let flow = self.nodes(nodes, dot)?;
                self.chose(choice, condition, from);
                self.budget.levels -= 1;
                return Ok(flow);
            }
        }
        let reads = self.watch.end();
        let Some((pipe, _)) = choice.arms.first() else { return Ok(Flow::Next) };
        let condition = self.watch.push(self.file, pipe.span, reads);
        if choice.otherwise.is_empty() {
            self.chose(choice, condition, from);
            return Ok(Flow::Next);
        }
        self.enter(pipe.span)?;
        let flow = self.nodes(&choice.otherwise, dot)?;
        self.chose(choice, condition, from);
        self.budget.levels -= 1;
        Ok(flow)
    }

    /// Tells who looks on that a choice is over, which began at `from` in the output.
    fn chose(&mut self, choice: &'r Choice, condition: W::Condition, from: usize) {
        if !W::ACTIVE {
            return;
        }
        let bodies = choice.arms.iter().map(|it| &it.1).chain([&choice.otherwise]);
        let to = self.out.text.len();
        if from == to && !bodies.clone().all(|it| starts_a_line(it, self.source)) {
            self.watch.silent(self.file, Span::new(from, to));
        }
        for nodes in bodies.clone() {
            self.watch.taint(&condition, self.base, &assigned(nodes));
        }
        // Where it may end a turn of a loop, it decides about all that comes.
        if bodies.clone().any(|it| jumps(it)) {
            self.watch.keep(condition);
        } else {
            self.watch.pop(condition);
        }
    }

    fn range(&mut self, range: &'r Range, dot: &Slot) -> Fallible<Flow> {
        let from = self.out.text.len();
        self.watch.begin();
        let value = self.pipe(&range.pipe, dot)?;
        let reads = self.watch.end();
        self.enter(range.pipe.span)?;
        let turns = self.watch.loops(self.file, range.pipe.span, reads, value.as_ref());
        let count = self.turns(range, &value, &turns)?;
        let mut flow = Flow::Next;
        if count == 0 {
            self.watch.no_turn(&turns);
            flow = self.nodes(&range.otherwise, dot)?;
        }
        if W::ACTIVE {
            let to = self.out.text.len();
            if from == to && !starts_a_line(&range.body, self.source) {
                self.watch.no_turn(&turns);
                self.watch.silent(self.file, Span::new(from, to));
            }
            self.watch.looped(turns, self.base, &assigned(&range.body));
        }
        self.budget.levels -= 1;
        Ok(flow)
    }

    /// Runs the body of a loop for each item of `value`; returns how often.
    fn turns(&mut self, range: &'r Range, value: &Slot, turns: &W::Turns) -> Fallible<usize> {
        let mut count = 0;
        match value {
            None => {}
            Some(Value::List(items)) => {
                for (i, item) in items.iter().enumerate() {
                    count += 1;
                    let key = Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
                    if self.turn(range, turns, key, item.clone())? == Flow::Break {
                        break;
                    }
                }
            }
            Some(Value::Map(map)) => {
                // The body may change the map, so it runs over a copy.
                let entries: Vec<_> =
                    map.entries.borrow().iter().map(|it| (it.0.clone(), it.1.clone())).collect();
                for (key, item) in entries {
                    count += 1;
                    if self.turn(range, turns, Value::String(key), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Some(Value::Int(most) | Value::Int64(most)) if range.pipe.targets.len() < 2 => {
                for i in 0..*most {
                    count += 1;
                    if self.turn(range, turns, Value::Int(i), Value::Int(i))? == Flow::Break {
                        break;
                    }
                }
            }
            Some(other) => {
                let message = format!("cannot range over {}", builtin::kind(other));
                return Err(self.error(ErrorKind::Value, message, range.pipe.span));
            }
        }
        Ok(count)
    }

    /// Runs the body of a loop once.
    fn turn(
        &mut self,
        range: &'r Range,
        turns: &W::Turns,
        key: Value,
        item: Value,
    ) -> Fallible<Flow> {
        self.step(range.pipe.span)?;
        let condition = self.watch.turn(turns, &key);
        let item = Some(item);
        match &*range.pipe.targets {
            [] => {}
            [of_item] => self.set(*of_item, item.clone())?,
            [of_key, of_item, ..] => {
                self.set(*of_key, Some(key))?;
                self.set(*of_item, item.clone())?;
            }
        }
        let flow = self.nodes(&range.body, &item)?;
        self.watch.pop(condition);
        Ok(flow)
    }

    fn invoke(&mut self, invocation: &'r Invocation, dot: &Slot) -> Fallible<()> {
        self.watch.begin();
        let data = match &invocation.data {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => None,
        };
        let reads = self.watch.end();
        let condition = self.watch.push(self.file, invocation.span, reads);
        self.invoke_named(&invocation.name, &data, invocation.span)?;
        self.watch.pop(condition);
        Ok(())
    }

    fn invoke_named(&mut self, name: &str, data: &Slot, span: Span) -> Fallible<()> {
        let Some(body) = self.definitions.get(name) else {
            let message = format!("template `{name}` is not defined");
            let names: Vec<&str> = self.definitions.keys().map(|it| &**it).collect();
            let help = guess_or_list(name, "template", &names);
            return Err(self.error(ErrorKind::UnknownTemplate, message, span).help(help));
        };
        self.enter_template(span)?;
        self.body(body, data)?;
        self.leave_template();
        Ok(())
    }

    fn enter_template(&mut self, span: Span) -> Fallible<()> {
        self.enter(span)?;
        self.budget.templates += 1;
        if self.budget.templates > self.options.limits.depth {
            let most = self.options.limits.depth;
            let message = format!("templates call each other more than {most} deep");
            let help = "let a template call itself only inside an `if` that comes to an end";
            return Err(self.limit(message, span).help(Some(help.to_owned())));
        }
        Ok(())
    }

    fn leave_template(&mut self) {
        self.budget.templates -= 1;
        self.budget.levels -= 1;
    }

    fn set(&mut self, target: Target, value: Slot) -> Fallible<()> {
        match target {
            Target::Slot(slot) => {
                self.variables[self.base + slot] = value;
                self.watch.set(self.base + slot);
            }
            Target::Undeclared(span) => return Err(self.undeclared(span)),
        }
        Ok(())
    }

    fn undeclared(&self, span: Span) -> Stop {
        self.error(ErrorKind::Value, "undefined variable: declare it with `:=` first", span)
    }

    /// Spends a step.
    fn step(&mut self, span: Span) -> Fallible<()> {
        self.spend(1, span)
    }

    fn spend(&mut self, steps: u64, span: Span) -> Fallible<()> {
        let Some(left) = self.budget.steps.checked_sub(steps) else {
            let most = self.options.limits.steps;
            let message = format!("the template takes more than {most} steps");
            let help = "range over fewer items, or split the template into several";
            return Err(self.limit(message, span).help(Some(help.to_owned())));
        };
        self.budget.steps = left;
        Ok(())
    }

    /// Goes one level deeper; who leaves it takes one from `levels`.
    fn enter(&mut self, span: Span) -> Fallible<()> {
        self.budget.levels += 1;
        if self.budget.levels > LEVELS {
            let message = format!("blocks and templates run more than {LEVELS} deep");
            let help = "nest fewer blocks, or end the recursion with an `if`";
            return Err(self.limit(message, span).help(Some(help.to_owned())));
        }
        Ok(())
    }

    fn limit(&self, message: String, span: Span) -> Stop {
        self.error(ErrorKind::Limit, message, span)
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>, span: Span) -> Stop {
        let template = Arc::clone(self.file);
        Stop(Box::new(TemplateError { kind, message: message.into(), help: None, template, span }))
    }
}

/// Returns the help for an unknown `name`: the one that was meant, or those that there are.
fn guess_or_list(name: &str, noun: &str, known: &[&str]) -> Option<String> {
    const LISTED: usize = 12;
    if let Some(guess) = did_you_mean(name, known.iter().copied()) {
        return Some(format!("did you mean `{guess}`?"));
    }
    let list: Vec<String> = known.iter().take(LISTED).map(|it| format!("`{it}`")).collect();
    let more = known.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!list.is_empty()).then(|| format!("known {noun}s: {}{more}", list.join(", ")))
}
