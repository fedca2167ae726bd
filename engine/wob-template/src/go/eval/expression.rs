//! Evaluates pipelines, commands and operands.

use std::rc::Rc;

use wob_engine::Span;

use super::{Fallible, MissingKey, Run, Slot, Watch, builtin::kind, guess_or_list};
use crate::{
    ErrorKind, Object, Value,
    go::tree::{Command, Constant, Field, Operand, Pipe, Term},
};

/// What a command gives to its function: operands, and the value of the command before.
pub(super) struct Given<'r, 'd> {
    pub(super) operands: &'r [Operand],
    pub(super) dot: &'d Slot,
    pub(super) input: Option<Slot>,
}

impl<'r, W: Watch> Run<'r, W> {
    /// Returns the value of a pipeline; nil becomes invalid, as in Go.
    pub(super) fn pipe(&mut self, pipe: &'r Pipe, dot: &Slot) -> Fallible<Slot> {
        self.step(pipe.span)?;
        self.missing = None;
        let mut value = None;
        for (i, command) in pipe.commands.iter().enumerate() {
            let input = (i > 0).then(|| value.take());
            value = self.command(command, dot, input)?;
            if matches!(value, Some(Value::Nil)) {
                value = None;
            }
        }
        for target in &pipe.targets {
            self.set(*target, value.clone())?;
        }
        Ok(value)
    }

    /// Runs a command; `input` is what the pipeline gives it as its last argument.
    fn command(&mut self, command: &'r Command, dot: &Slot, input: Option<Slot>) -> Fallible<Slot> {
        let Command { span, first, arguments } = command;
        if let Term::Function(callee) = &first.term
            && first.fields.is_empty()
        {
            return self.call(callee, *span, Given { operands: arguments, dot, input });
        }
        if first.fields.is_empty() {
            if !arguments.is_empty() || input.is_some() {
                let message = "this is not a function: it takes no arguments";
                return Err(self.error(ErrorKind::Value, message, first.span));
            }
            if matches!(first.term, Term::Nil) {
                return Err(self.error(ErrorKind::Value, "nil is not a command", first.span));
            }
        }
        self.chain(first, Given { operands: arguments, dot, input })
    }

    /// Returns the value of an operand that stands among the arguments.
    pub(super) fn operand(&mut self, operand: &'r Operand, dot: &Slot) -> Fallible<Slot> {
        self.chain(operand, Given { operands: &[], dot, input: None })
    }

    /// Reads a term and its fields, the last of which may be a method with arguments.
    fn chain(&mut self, operand: &'r Operand, given: Given<'r, '_>) -> Fallible<Slot> {
        let dot = given.dot;
        let mut value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Variable(slot) => {
                let value = self.variables[self.base + slot].clone();
                self.watch.variable(self.base + slot, value.as_ref());
                value
            }
            Term::Constant(constant) => Some(self.constant(*constant, operand.span)?),
            Term::Text(text) => Some(Value::from(&**text)),
            Term::Nil => Some(Value::Nil),
            Term::Undeclared => return Err(self.undeclared(operand.span)),
            Term::Function(callee) => {
                self.call(callee, operand.span, Given { operands: &[], dot, input: None })?
            }
            Term::Pipe(pipe) => {
                self.enter(pipe.span)?;
                let missing = self.missing.take();
                let value = self.pipe(pipe, dot)?;
                self.missing = self.missing.take().or(missing);
                self.budget.levels -= 1;
                value
            }
        };
        let Some((last, fields)) = operand.fields.split_last() else {
            return Ok(value);
        };
        let mut path = self.watch.path_of(value.as_ref());
        for field in fields {
            value = self.field(value, field)?;
            path = self.watch.below(path, &field.name, value.as_ref());
        }
        if given.operands.is_empty() && given.input.is_none() {
            let value = self.field(value, last)?;
            let path = self.watch.below(path, &last.name, value.as_ref());
            self.watch.reached(path, value.as_ref());
            return Ok(value);
        }
        self.method(value, last, given)
    }

    fn constant(&mut self, constant: Constant, span: Span) -> Fallible<Value> {
        Ok(match constant {
            Constant::Bool(it) => Value::Bool(it),
            Constant::Int(it) => Value::Int(it),
            Constant::Float(it) => Value::Float(it),
            Constant::Complex(re, im) => Value::Object(Rc::new(Complex { re, im })),
            Constant::TooLarge => {
                let message = "this number does not fit a signed 64-bit integer";
                return Err(self.error(ErrorKind::Value, message, span));
            }
        })
    }

    /// Reads a field without arguments.
    fn field(&mut self, value: Slot, field: &'r Field) -> Fallible<Slot> {
        match value {
            None if self.options.missing_key == MissingKey::Error => {
                let message = format!("no entry for key `{}`: the data is nil", field.name);
                Err(self.error(ErrorKind::MissingKey, message, field.span))
            }
            None => Ok(None),
            Some(Value::Map(map)) => {
                let entries = map.entries.borrow();
                if let Some(value) = entries.get(&*field.name) {
                    return Ok(Some(value.clone()));
                }
                match self.options.missing_key {
                    MissingKey::NoValue => {}
                    MissingKey::Warn => self.missing = Some((field.span, field.name.clone())),
                    MissingKey::Error => {
                        let message = format!("missing key `{}`", field.name);
                        let keys: Vec<&str> = entries.keys().map(|it| &**it).collect();
                        let help = guess_or_list(&field.name, "key", &keys);
                        let error = self.error(ErrorKind::MissingKey, message, field.span);
                        return Err(error.help(help));
                    }
                }
                Ok(None)
            }
            Some(Value::Object(object)) => {
                if let Some(value) = object.field(&field.name) {
                    return Ok(Some(value));
                }
                self.call_method(&*object, field, &[])
            }
            Some(Value::Nil) => {
                let message = format!("cannot read `{}` of nil", field.name);
                Err(self.error(ErrorKind::Value, message, field.span))
            }
            Some(other) => {
                let message = format!("cannot read `{}` of {}", field.name, kind(&other));
                Err(self.error(ErrorKind::UnknownField, message, field.span))
            }
        }
    }

    /// Calls a method with arguments.
    fn method(&mut self, value: Slot, field: &'r Field, given: Given<'r, '_>) -> Fallible<Slot> {
        let Some(Value::Object(object)) = &value else {
            if matches!(value, None | Some(Value::Nil)) {
                return self.field(value, field);
            }
            let message = format!("`{}` is not a method: it takes no arguments", field.name);
            return Err(self.error(ErrorKind::Value, message, field.span));
        };
        let mut arguments = vec![];
        for operand in given.operands {
            arguments.push(self.operand(operand, given.dot)?.unwrap_or_default());
        }
        arguments.extend(given.input.map(Option::unwrap_or_default));
        self.watch.called(&field.name, &arguments, None);
        self.call_method(&**object, field, &arguments)
    }

    fn call_method(
        &mut self,
        object: &dyn Object,
        field: &Field,
        arguments: &[Value],
    ) -> Fallible<Slot> {
        let name = &field.name;
        match object.call(name, arguments) {
            Some(Ok(value)) => {
                self.charge(&value, field.span)?;
                Ok(Some(value))
            }
            Some(Err(text)) => {
                let message = format!("`{name}`: {text}");
                Err(self.error(ErrorKind::Function, message, field.span))
            }
            None if !arguments.is_empty() && object.field(name).is_some() => {
                let message = format!("`{name}` is a field: it takes no arguments");
                Err(self.error(ErrorKind::Value, message, field.span))
            }
            None => {
                let message = format!("{} has no field `{name}`", object.noun());
                let help = guess_or_list(name, "field", object.field_names());
                Err(self.error(ErrorKind::UnknownField, message, field.span).help(help))
            }
        }
    }
}

/// A complex number, which can only be printed and compared.
#[derive(Debug)]
struct Complex {
    re: f64,
    im: f64,
}

impl Object for Complex {
    fn type_name(&self) -> &'static str {
        "complex128"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn display(&self) -> String {
        crate::gofmt::complex(self.re, self.im)
    }

    fn truth(&self) -> bool {
        self.re != 0.0 || self.im != 0.0
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
