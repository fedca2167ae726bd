//! Calls functions, and lets some of them call templates.

use std::{rc::Rc, sync::Arc};

use wob_engine::{LineIndex, Span};

use super::{Fallible, FunctionError, Output, Run, Slot, Stop, Watch, expression::Given};
use crate::{
    Context, ErrorKind, TemplateError, Value,
    go::{
        builtin::Builtin,
        parse::parse,
        tree::{Callee, CalleeBody},
        truth,
    },
    sprig,
};

/// How deep lists may be nested: dropping one recurses.
const LIST_DEPTH: u32 = 100;

/// How many bytes of text a function may make for one step.
const PER_STEP: u64 = 16;

impl<'r, W: Watch> Run<'r, W> {
    /// Calls a function with its arguments.
    pub(super) fn call(
        &mut self,
        callee: &'r Callee,
        span: Span,
        given: Given<'r, '_>,
    ) -> Fallible<Slot> {
        self.step(span)?;
        let count = given.operands.len() + usize::from(given.input.is_some());
        if count < callee.min || count > callee.max {
            return Err(self.wrong_count(callee, count, span));
        }
        if let CalleeBody::Builtin(builtin @ (Builtin::And | Builtin::Or)) = callee.body {
            return self.decide(builtin, given);
        }
        let start = self.arguments.len();
        for operand in given.operands {
            let value = self.operand(operand, given.dot)?;
            self.arguments.push(value.unwrap_or_default());
        }
        self.arguments.extend(given.input.map(Option::unwrap_or_default));
        let result = match callee.body {
            CalleeBody::Pure(body) => body(&self.arguments[start..]),
            CalleeBody::Builtin(it) => {
                it.call(&self.arguments[start..], self.options.limits.output)
            }
            CalleeBody::Contextual(body) => {
                let given = self.arguments.split_off(start);
                self.watch.used(given.first());
                let outer = std::mem::replace(&mut self.call, span);
                let result = body(self, &given);
                self.call = outer;
                result
            }
        };
        // A contextual function passes its data on; what is read of it counts where that happens.
        if !matches!(callee.body, CalleeBody::Contextual(_)) {
            self.watch.called(&callee.name, &self.arguments[start..], result.as_ref().ok());
        }
        self.arguments.truncate(start);
        if let Some(error) = self.nested.take() {
            return Err(error);
        }
        self.spend(sprig::work::take(), span)?;
        let value = result.map_err(|it| {
            let name = &callee.name;
            let help = if &**name == "fail" {
                "the template stops on purpose: mend what its message names".to_owned()
            } else {
                format!("give `{name}` what it can take, or call it only inside an `if`")
            };
            self.error(ErrorKind::Function, format!("`{name}`: {it}"), span).help(Some(help))
        })?;
        self.charge(&value, span)?;
        Ok(Some(value))
    }

    fn wrong_count(&self, callee: &Callee, count: usize, span: Span) -> Stop {
        let Callee { name, min, max, .. } = callee;
        let wanted = match (min, max) {
            _ if min == max => format!("{min}"),
            (_, &usize::MAX) => format!("at least {min}"),
            _ => format!("{min} to {max}"),
        };
        let message =
            format!("wrong number of arguments for `{name}`: wants {wanted}, got {count}");
        self.error(ErrorKind::Function, message, span)
    }

    /// `and` and `or`: the first argument that decides, or the last one.
    fn decide(&mut self, builtin: Builtin, given: Given<'r, '_>) -> Fallible<Slot> {
        let mut value = None;
        for operand in given.operands {
            value = self.operand(operand, given.dot)?;
            self.watch.used(value.as_ref());
            if value.as_ref().is_some_and(truth) == (builtin == Builtin::Or) {
                return Ok(value);
            }
        }
        Ok(given.input.unwrap_or(value))
    }

    /// Spends steps for what a function made, and refuses what would be dangerous to keep.
    pub(super) fn charge(&mut self, value: &Value, span: Span) -> Fallible<()> {
        if let Value::String(text) = value {
            if text.len() > self.options.limits.output {
                let most = self.options.limits.output;
                return Err(self.limit(format!("a text of more than {most} bytes"), span));
            }
            return self.spend(text.len() as u64 / PER_STEP, span);
        }
        if let Value::List(items) = value {
            return self.charge_list(items, LIST_DEPTH, span);
        }
        self.charge_map(value, LIST_DEPTH, span)
    }

    /// Spends steps for a new map and what is new in it: what others hold too was spent for before.
    fn charge_map(&mut self, value: &Value, depth: u32, span: Span) -> Fallible<()> {
        let Value::Map(map) = value else {
            return Ok(());
        };
        if Rc::strong_count(map) > 1 || depth == 0 {
            return Ok(());
        }
        let entries = map.entries.borrow();
        self.spend(entries.len() as u64, span)?;
        for item in entries.values() {
            self.charge_map(item, depth - 1, span)?;
        }
        Ok(())
    }

    fn charge_list(&mut self, items: &[Value], depth: u32, span: Span) -> Fallible<()> {
        self.spend(1 + items.len() as u64, span)?;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.limit(format!("lists are nested more than {LIST_DEPTH} deep"), span));
        };
        for item in items {
            if let Value::List(items) = item {
                self.charge_list(items, depth, span)?;
            } else {
                self.charge_map(item, depth, span)?;
            }
        }
        Ok(())
    }

    /// Runs `work` with an output of its own, and returns what that got.
    fn captured(&mut self, work: impl FnOnce(&mut Self) -> Fallible<()>) -> Fallible<String> {
        let outer = std::mem::replace(&mut self.out, Output::new(self.options.limits.output));
        self.watch.capture();
        work(self)?;
        self.watch.release();
        Ok(std::mem::replace(&mut self.out, outer).text)
    }

    /// Compiles and runs `text`; it sees the definitions of the running template, and may add its own.
    fn run_text(&mut self, text: &str, data: &Slot) -> Fallible<String> {
        let span = self.call;
        let Some(functions) = self.functions else {
            return Err(self.error(ErrorKind::Value, "no functions are known here", span));
        };
        self.spend((text.len() + self.definitions.len()) as u64, span)?;
        self.enter_template(span)?;
        // A name of its own tells errors in this text from errors in the templates that it calls.
        let name = Arc::from(&**self.file);
        let parsed =
            parse(&name, &Arc::from(text), functions).map_err(|it| self.inside(it, &name, text))?;
        let mut definitions = self.definitions.clone();
        definitions.extend(parsed.definitions);
        let mut run = Run {
            definitions: &definitions,
            functions: self.functions,
            options: self.options,
            file: &name,
            source: "",
            out: Output::new(self.options.limits.output),
            variables: vec![],
            base: 0,
            arguments: vec![],
            budget: self.budget,
            missing: None,
            warnings: vec![],
            call: span,
            nested: None,
            watch: std::mem::take(&mut self.watch),
        };
        run.watch.capture();
        run.body(&parsed.main, data).map_err(|it| self.inside(*it.0, &name, text))?;
        run.watch.release();
        let Run { out, budget, warnings, watch, .. } = run;
        self.budget = budget;
        self.watch = watch;
        self.warnings.extend(warnings.into_iter().map(|mut it| {
            if Arc::ptr_eq(&it.template, &name) {
                it.span = span;
            }
            it
        }));
        self.leave_template();
        Ok(out.text)
    }

    /// Moves an error inside a computed text to the call that computed it.
    fn inside(&self, mut error: TemplateError, name: &Arc<str>, text: &str) -> Stop {
        if !Arc::ptr_eq(&error.template, name) {
            return Stop(Box::new(error));
        }
        let place = LineIndex::new(text).line_column(text, error.span.start);
        let (line, column) = (place.line, place.column);
        error.message = format!("{} (line {line}, column {column} of the text)", error.message);
        error.span = self.call;
        Stop(Box::new(error))
    }

    /// Keeps an error until the contextual function has returned.
    fn keep<T>(&mut self, result: Fallible<T>) -> Result<T, FunctionError> {
        result.map_err(|error| {
            let text = error.0.message.clone();
            self.nested = Some(error);
            FunctionError(text)
        })
    }
}

impl<W: Watch> Context for Run<'_, W> {
    fn include(&mut self, name: &str, data: &Value) -> Result<String, FunctionError> {
        let data = Some(data.clone()).filter(|it| !matches!(it, Value::Nil));
        let span = self.call;
        let result = self.captured(|run| run.invoke_named(name, &data, span));
        self.keep(result)
    }

    fn tpl(&mut self, text: &str, data: &Value) -> Result<String, FunctionError> {
        let data = Some(data.clone()).filter(|it| !matches!(it, Value::Nil));
        let result = self.run_text(text, &data);
        self.keep(result)
    }
}
