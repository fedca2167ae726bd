//! Reads expressions: the grammar of Bazel's query language.

use wob_engine::{Span, did_you_mean};

use super::{
    Argument, Expression, ExpressionKind, FUNCTIONS, Function, Parameter, QueryError, Word,
    lex::{Kind, Token, lex},
    shown,
};

/// How many brackets and `let` may stand inside each other.
const NESTING: u32 = 64;

/// How many functions may be called: each looks at the whole graph.
const CALLS: usize = 10_000;

/// Reads an expression.
///
/// # Errors
/// If `text` is none; the span says where.
pub fn parse(text: &str) -> Result<Expression, QueryError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, depth: 0, calls: 0 };
    let expression = parser.expression()?;
    let kind = &parser.token().kind;
    if *kind == Kind::End {
        return Ok(expression);
    }
    let help = if *kind == Kind::Close {
        "remove the `)`"
    } else {
        "join sets by `+`, `-` or `^`; put words that hold other characters in quotes"
    };
    Err(parser.unexpected("an operator or the end").help(help))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    calls: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn advance(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        // The end stays where it is.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn expect(&mut self, kind: &Kind) -> Result<Span, QueryError> {
        if self.token().kind == *kind {
            return Ok(self.advance().span);
        }
        Err(self.unexpected(&kind.noun()))
    }

    fn unexpected(&self, wanted: &str) -> QueryError {
        let Token { kind, span } = self.token();
        QueryError::new(format!("expected {wanted}, found {}", kind.noun()), *span)
    }

    /// `operand (operator operand)*`
    fn expression(&mut self) -> Result<Expression, QueryError> {
        self.depth += 1;
        if self.depth > NESTING {
            let message = format!("nested deeper than {NESTING} levels");
            return Err(QueryError::new(message, self.token().span).help("use `let` for parts"));
        }
        let first = self.operand()?;
        let mut rest = vec![];
        while let Kind::Operator(operator) = self.token().kind {
            self.advance();
            rest.push((operator, self.operand()?));
        }
        self.depth -= 1;
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let span = Span { start: first.span.start, end: last.span.end };
        Ok(Expression { kind: ExpressionKind::Chain { first: Box::new(first), rest }, span })
    }

    fn operand(&mut self) -> Result<Expression, QueryError> {
        let start = self.token().span;
        match self.token().kind.clone() {
            Kind::Open => {
                self.advance();
                let inner = self.expression()?;
                self.expect(&Kind::Close).map_err(|it| it.help("close the `(`"))?;
                Ok(inner)
            }
            Kind::Let => self.binding(start),
            Kind::Set => {
                self.advance();
                self.set(start)
            }
            Kind::Word(word) => {
                self.advance();
                if self.token().kind == Kind::Open {
                    return self.call(&word, start);
                }
                let kind = match word.strip_prefix('$') {
                    Some(name) => ExpressionKind::Variable(variable(name, start)?),
                    None => ExpressionKind::Word(word),
                };
                Ok(Expression { kind, span: start })
            }
            Kind::Operator(_) => Err(self.unexpected("a set").help(
                "an operator stands between two sets; labels that begin with `-` need quotes",
            )),
            Kind::Close | Kind::Comma | Kind::Equals | Kind::In | Kind::End => {
                Err(self.unexpected("a set").help("write a label, such as `//...`, or a function"))
            }
        }
    }

    /// `let name = value in body`: the body goes on as far as it can.
    fn binding(&mut self, start: Span) -> Result<Expression, QueryError> {
        self.advance();
        let Token { kind: Kind::Word(name), span } = self.token().clone() else {
            return Err(self.unexpected("the name of a variable").help("write `let x = … in …`"));
        };
        self.advance();
        let name = variable(&name, span)?;
        let usage = format!("write `let {name} = … in …`");
        self.expect(&Kind::Equals).map_err(|it| it.help(usage.clone()))?;
        let value = Box::new(self.expression()?);
        self.expect(&Kind::In).map_err(|it| it.help(usage))?;
        let body = Box::new(self.expression()?);
        let span = Span { start: start.start, end: body.span.end };
        Ok(Expression { kind: ExpressionKind::Let { name, value, body }, span })
    }

    /// `(word*)`
    fn set(&mut self, start: Span) -> Result<Expression, QueryError> {
        self.expect(&Kind::Open)?;
        let mut words = vec![];
        loop {
            match self.token().clone() {
                Token { kind: Kind::Word(text), span } => {
                    self.advance();
                    words.push(Word { text, span });
                }
                Token { kind: Kind::Close, span } => {
                    self.advance();
                    let span = Span { start: start.start, end: span.end };
                    return Ok(Expression { kind: ExpressionKind::Set(words), span });
                }
                _ => {
                    let help = "`set` takes labels with spaces between them; join others by `+`";
                    return Err(self.unexpected("a label or `)`").help(help));
                }
            }
        }
    }

    fn call(&mut self, name: &str, start: Span) -> Result<Expression, QueryError> {
        let function = Function::find(name).ok_or_else(|| unknown_function(name, start))?;
        self.calls += 1;
        if self.calls > CALLS {
            let message = format!("more than {CALLS} functions are called");
            return Err(QueryError::new(message, start).help("ask in several queries"));
        }
        self.advance();
        let signature = function.signature();
        let usage = format!("write `{}`", signature.usage);
        let mut arguments = vec![];
        for (index, parameter) in signature.parameters.iter().enumerate() {
            let is_optional = *parameter == Parameter::OptionalNumber;
            if is_optional && self.token().kind == Kind::Close {
                break;
            }
            if is_optional && self.token().kind != Kind::Comma {
                return Err(self.unexpected("`,` or `)`").help(usage));
            }
            if index > 0 {
                self.expect(&Kind::Comma).map_err(|it| it.help(usage.clone()))?;
            }
            arguments.push(self.argument(*parameter, &usage)?);
        }
        let end = self.expect(&Kind::Close).map_err(|it| it.help(usage))?;
        let span = Span { start: start.start, end: end.end };
        Ok(Expression { kind: ExpressionKind::Call(function, arguments), span })
    }

    fn argument(&mut self, parameter: Parameter, usage: &str) -> Result<Argument, QueryError> {
        if parameter == Parameter::Set {
            return self.expression().map(Argument::Set);
        }
        let wanted = if parameter == Parameter::Word { "a word" } else { "a number" };
        let Token { kind: Kind::Word(text), span } = self.token().clone() else {
            return Err(self.unexpected(wanted).help(usage));
        };
        if parameter == Parameter::Word {
            self.advance();
            return Ok(Argument::Word(Word { text, span }));
        }
        let number = text.parse().map_err(|_| self.unexpected("a number").help(usage))?;
        self.advance();
        Ok(Argument::Number(number))
    }
}

fn variable(name: &str, span: Span) -> Result<String, QueryError> {
    let is_letter = |it: char| it.is_ascii_alphabetic() || it == '_';
    let is_good =
        name.starts_with(is_letter) && name.chars().all(|it| is_letter(it) || it.is_ascii_digit());
    if is_good {
        return Ok(name.to_owned());
    }
    let message = format!("`{}` is not the name of a variable", shown(name));
    Err(QueryError::new(message, span).help("use letters, digits and `_`; read it as `$name`"))
}

fn unknown_function(name: &str, span: Span) -> QueryError {
    let names = || FUNCTIONS.iter().map(|it| it.name).chain(["set"]);
    let help = match did_you_mean(name, names()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    QueryError::new(format!("`{}` is not a function", shown(name)), span).help(help)
}
