//! Makes trees of what stands inside an action: pipelines, commands, operands.

use wob_engine::{Span, did_you_mean};

use super::{Parser, VARIABLES, raw};
use crate::{
    ErrorKind, Function, TemplateError,
    go::{
        builtin::Builtin,
        lex::{Kind, Token},
        literal,
        tree::{Callee, CalleeBody, Command, Constant, Field, Operand, Pipe, Target, Term},
    },
};

impl Parser<'_> {
    /// Takes a pipeline and the `end` behind it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, TemplateError> {
        let start = self.peek_solid().span;
        let (targets, declared) = self.targets(context)?;
        let mut commands: Vec<Command> = vec![];
        let span = loop {
            let token = self.peek_solid();
            if token.kind == end {
                self.next();
                break Span::new(start.start as usize, token.span.start as usize);
            }
            if !starts_operand(token.kind) {
                let place = if context == "command" { "an action" } else { context };
                return Err(self.unexpected(token, place));
            }
            commands.push(self.command()?);
        };
        if commands.is_empty() {
            return Err(self.error(format!("missing value for {context}"), span));
        }
        let constant = |it: &&Command| {
            let term = &it.first.term;
            let value = matches!(term, Term::Constant(_) | Term::Text(_) | Term::Dot | Term::Nil);
            value && it.first.fields.is_empty()
        };
        if let Some(bad) = commands[1..].iter().find(constant) {
            return Err(self.error("a value cannot stand behind `|`: it takes no input", bad.span));
        }
        for slot in declared {
            self.scope.variables[slot].1 = true;
        }
        if self.scope.most > VARIABLES {
            let message = format!("more than {VARIABLES} variables are alive at once");
            return Err(TemplateError { kind: ErrorKind::Limit, ..self.error(message, span) });
        }
        Ok(Pipe { span, targets: targets.into(), commands: commands.into() })
    }

    /// Takes `$a :=`, `$a =` or `$a, $b :=`; returns also the slots to be opened behind the pipeline.
    fn targets(&mut self, context: &str) -> Result<(Vec<Target>, Vec<usize>), TemplateError> {
        let mut names: Vec<Token> = vec![];
        loop {
            let token = self.peek_solid();
            let before = self.at;
            if token.kind != Kind::Variable {
                return Ok(self.set(&names, Kind::Declare));
            }
            self.next();
            let next = self.peek_solid();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    self.next();
                    names.push(token);
                    return Ok(self.set(&names, next.kind));
                }
                Kind::Comma => {
                    self.next();
                    names.push(token);
                    if context != "range" || names.len() > 1 {
                        let message = format!("too many variables in {context}");
                        return Err(self.error(message, token.span));
                    }
                    let third = self.peek_solid();
                    if !matches!(third.kind, Kind::Variable | Kind::Close | Kind::RightParen) {
                        let message = "a range can only set variables";
                        return Err(self.error(message, third.span));
                    }
                }
                _ => {
                    self.at = before;
                    return Ok(self.set(&names, Kind::Declare));
                }
            }
        }
    }

    fn set(&mut self, names: &[Token], sign: Kind) -> (Vec<Target>, Vec<usize>) {
        let mut targets = vec![];
        let mut slots = vec![];
        for token in names {
            let name = self.source(token.span);
            if sign == Kind::Declare {
                slots.push(self.scope.push(name));
                targets.extend(slots.last().map(|slot| Target::Slot(*slot)));
            } else {
                let slot = self.find_variable(name).filter(|(_, declared)| *declared);
                targets.push(slot.map_or(Target::Undeclared(token.span), |it| Target::Slot(it.0)));
                if slot.is_none() {
                    self.scope.push(name);
                }
            }
        }
        (targets, slots)
    }

    /// Returns the slot of the innermost variable of this name, preferring complete declarations.
    fn find_variable(&self, name: &str) -> Option<(usize, bool)> {
        let all = self.scope.variables.iter().enumerate().rev();
        let mut named = all.filter(|(_, it)| it.0 == name).map(|(slot, it)| (slot, it.1));
        let first = named.next()?;
        if first.1 { Some(first) } else { named.find(|it| it.1).or(Some(first)) }
    }

    /// Takes operands up to a `|`, which it takes too, or the end of the pipeline.
    fn command(&mut self) -> Result<Command, TemplateError> {
        let mut operands = vec![];
        let start = self.peek_solid().span;
        let mut end = start;
        loop {
            self.peek_solid();
            if let Some(operand) = self.operand()? {
                end = operand.span;
                operands.push(operand);
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => {}
                Kind::Close | Kind::RightParen => break,
                Kind::Pipe => {
                    self.next();
                    break;
                }
                _ => return Err(self.unexpected(token, "an operand")),
            }
        }
        let span = Span::new(start.start as usize, end.end as usize);
        if operands.is_empty() {
            return Err(self.error("empty command", span));
        }
        let first = operands.remove(0);
        Ok(Command { span, first, arguments: operands.into() })
    }

    /// Takes a term and its fields; `None` if the next token cannot begin one.
    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let token = self.peek_solid();
        let Some(term) = self.term(token)? else {
            return Ok(None);
        };
        let mut fields = vec![];
        if token.kind == Kind::Field {
            fields.push(self.field(token));
        }
        while self.peek().kind == Kind::Field {
            let token = self.next();
            fields.push(self.field(token));
        }
        let constant = matches!(term, Term::Constant(_) | Term::Text(_) | Term::Nil);
        if (constant || token.kind == Kind::Dot)
            && let Some(field) = fields.first()
        {
            let value = self.source(token.span);
            let name = &field.name;
            return Err(self.error(format!("unexpected `.{name}` after `{value}`"), field.span));
        }
        let end = self.tokens[self.at - 1].span.end as usize;
        let span = Span::new(token.span.start as usize, end);
        Ok(Some(Operand { span, term, fields: fields.into() }))
    }

    fn field(&self, token: Token) -> Field {
        Field { name: self.source(token.span)[1..].into(), span: token.span }
    }

    fn term(&mut self, token: Token) -> Result<Option<Term>, TemplateError> {
        if !starts_operand(token.kind) {
            return Ok(None);
        }
        self.next();
        let source = self.source(token.span);
        let bad = |what: &str| self.error(format!("{what} `{source}`"), token.span);
        Ok(Some(match token.kind {
            Kind::Dot | Kind::Field => Term::Dot,
            Kind::Number => {
                Term::Constant(literal::number(source).ok_or_else(|| bad("illegal number"))?)
            }
            Kind::Char => Term::Constant(
                literal::character(source).ok_or_else(|| bad("malformed character constant"))?,
            ),
            Kind::Quoted => {
                Term::Text(literal::quoted(source).ok_or_else(|| bad("bad escape in"))?.into())
            }
            Kind::Raw => Term::Text(raw(source).into()),
            Kind::LeftParen => {
                self.deeper(token.span)?;
                let pipe = self.pipeline("parentheses", Kind::RightParen)?;
                self.depth -= 1;
                Term::Pipe(Box::new(pipe))
            }
            Kind::Variable => match self.find_variable(source) {
                Some((slot, true)) => Term::Variable(slot),
                Some((_, false)) => Term::Undeclared,
                None => return Err(self.undefined_variable(token)),
            },
            _ => self.word(token)?,
        }))
    }

    fn undefined_variable(&self, token: Token) -> TemplateError {
        let name = self.source(token.span);
        let mut error = self.error(format!("undefined variable `{name}`"), token.span);
        let known = self.scope.variables.iter().map(|it| it.0).filter(|it| *it != "$");
        error.help = did_you_mean(name, known).map(|it| format!("did you mean `{it}`?"));
        error
    }

    fn word(&mut self, token: Token) -> Result<Term, TemplateError> {
        let name = self.source(token.span);
        match name {
            "true" => return Ok(Term::Constant(Constant::Bool(true))),
            "false" => return Ok(Term::Constant(Constant::Bool(false))),
            "nil" => return Ok(Term::Nil),
            "block" | "define" | "else" | "end" | "if" | "range" | "template" | "with" => {
                return Err(self.unexpected(token, "an action"));
            }
            _ => {}
        }
        let (body, min, max) = match self.functions.get(name) {
            Some(Function::Pure { body, min, max }) => (CalleeBody::Pure(*body), *min, *max),
            Some(Function::Contextual { body, min, max }) => {
                self.is_contextual = true;
                (CalleeBody::Contextual(*body), *min, *max)
            }
            Some(Function::Refused { reason, instead }) => {
                let message = format!("function `{name}` is refused: it {reason}");
                return Err(TemplateError {
                    kind: ErrorKind::RefusedFunction,
                    help: Some((*instead).to_owned()),
                    ..self.error(message, token.span)
                });
            }
            None => {
                let builtin = Builtin::named(name).ok_or_else(|| self.unknown_function(token))?;
                let (min, max) = builtin.arity();
                (CalleeBody::Builtin(builtin), min, max)
            }
        };
        Ok(Term::Function(Box::new(Callee { name: name.into(), body, min, max })))
    }

    fn unknown_function(&self, token: Token) -> TemplateError {
        let name = self.source(token.span);
        let known = self.functions.keys().copied().chain(Builtin::names());
        TemplateError {
            kind: ErrorKind::UnknownFunction,
            help: did_you_mean(name, known).map(|it| format!("did you mean `{it}`?")),
            ..self.error(format!("function `{name}` is not defined"), token.span)
        }
    }
}

fn starts_operand(kind: Kind) -> bool {
    match kind {
        Kind::Dot
        | Kind::Field
        | Kind::Variable
        | Kind::Word
        | Kind::Number
        | Kind::Char
        | Kind::Quoted
        | Kind::Raw
        | Kind::LeftParen => true,
        Kind::Text
        | Kind::Open
        | Kind::Close
        | Kind::Space
        | Kind::Declare
        | Kind::Assign
        | Kind::Pipe
        | Kind::RightParen
        | Kind::Comma
        | Kind::Other
        | Kind::End => false,
    }
}
