//! Makes a tree of the tokens: actions, control structures, definitions.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a parser asks for a few tokens; every other one is unexpected"
)]

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::Span;

use super::{
    lex::{Kind, LexError, Token, lex},
    literal,
    tree::{Body, Choice, Invocation, Node, Pipe, Range},
};
use crate::{ErrorKind, Functions, TemplateError};

mod expression;

/// How many variables may be alive at once.
const VARIABLES: usize = 1000;

/// How many blocks and parentheses may stand inside each other.
const NESTING: usize = 100;

/// The definitions of one or more texts, by name.
pub(super) type Definitions = BTreeMap<Arc<str>, Arc<Body>>;

/// What a text compiles to.
pub(super) struct Parsed {
    pub(super) main: Body,
    pub(super) definitions: Definitions,
    /// Whether it calls a function that may compile more text.
    pub(super) is_contextual: bool,
}

/// Compiles `text`; each of its functions must be in `functions` or be built in.
pub(super) fn parse(
    file: &Arc<str>,
    text: &Arc<str>,
    functions: &Functions,
) -> Result<Parsed, TemplateError> {
    let (tokens, lex_error) = lex(text);
    let mut parser = Parser {
        file,
        text,
        tokens,
        lex_error,
        functions,
        at: 0,
        depth: 0,
        loops: 0,
        scope: Scope::default(),
        definitions: BTreeMap::new(),
        is_contextual: false,
    };
    let main = parser.main()?;
    if !main.is_blank() && parser.definitions.get(file).is_some_and(|it| !it.is_blank()) {
        let end = Span::new(text.len(), text.len());
        return Err(parser.defined_twice(file, end));
    }
    let Parser { definitions, is_contextual, .. } = parser;
    Ok(Parsed { main, definitions, is_contextual })
}

struct Parser<'t> {
    file: &'t Arc<str>,
    text: &'t Arc<str>,
    tokens: Vec<Token>,
    lex_error: Option<LexError>,
    functions: &'t Functions,
    at: usize,
    /// How many blocks and parentheses are open.
    depth: usize,
    /// How many loops are open.
    loops: usize,
    scope: Scope<'t>,
    definitions: Definitions,
    is_contextual: bool,
}

/// The variables that can be seen; a variable's slot is its index.
#[derive(Default)]
struct Scope<'t> {
    /// Names, and whether the declaration is complete.
    variables: Vec<(&'t str, bool)>,
    /// How many there were at once.
    most: usize,
}

impl<'t> Scope<'t> {
    /// Returns the scope at the beginning of a body.
    fn new() -> Self {
        Self { variables: vec![("$", true)], most: 1 }
    }

    fn push(&mut self, name: &'t str) -> usize {
        self.variables.push((name, false));
        self.most = self.most.max(self.variables.len());
        self.variables.len() - 1
    }
}

/// How a list of nodes ended.
enum Ending {
    End,
    /// An `else`, which more nodes must follow.
    Else(Else),
}

/// An `else` action.
#[derive(Clone, Copy)]
struct Else {
    span: Span,
    /// Whether `}}` is past; otherwise `if` or `with` is the next token.
    is_closed: bool,
}

impl<'t> Parser<'t> {
    fn main(&mut self) -> Result<Body, TemplateError> {
        self.scope = Scope::new();
        let mut nodes = vec![];
        loop {
            let token = self.next_solid();
            match token.kind {
                Kind::End => {
                    self.check_lexer()?;
                    return Ok(self.body(nodes));
                }
                Kind::Text => nodes.push(Node::Text(token.span)),
                Kind::Open if self.peek_word() == Some("define") => self.definition()?,
                _ => match self.action(token)? {
                    Ok(node) => nodes.push(node),
                    Err(Ending::End) => return Err(self.unexpected_clause("end")),
                    Err(Ending::Else(..)) => return Err(self.unexpected_clause("else")),
                },
            }
        }
    }

    fn unexpected_clause(&self, word: &str) -> TemplateError {
        let action = self.tokens[..self.at].iter().rfind(|it| it.kind == Kind::Open);
        let start = action.map_or(0, |it| it.span.start as usize);
        let span = Span::new(start, self.tokens[self.at - 1].span.end as usize);
        self.error(format!("unexpected `{{{{{word}}}}}`: no block is open"), span)
    }

    fn body(&self, nodes: Vec<Node>) -> Body {
        let (file, source) = (Arc::clone(self.file), Arc::clone(self.text));
        Body { file, source, nodes, slots: self.scope.most }
    }

    /// Takes nodes until an `end` or `else`; `opener` is the action that opened the block.
    fn nodes(&mut self, opener: Span) -> Result<(Vec<Node>, Ending), TemplateError> {
        self.deeper(opener)?;
        let mut nodes = vec![];
        loop {
            let token = self.next_solid();
            match token.kind {
                Kind::End => {
                    self.check_lexer()?;
                    return Err(self.unclosed(opener));
                }
                Kind::Text => nodes.push(Node::Text(token.span)),
                _ => match self.action(token)? {
                    Ok(node) => nodes.push(node),
                    Err(ending) => {
                        self.depth -= 1;
                        return Ok((nodes, ending));
                    }
                },
            }
        }
    }

    fn unclosed(&self, opener: Span) -> TemplateError {
        let word = self.source(opener);
        let mut error = self.error(format!("`{{{{{word}}}}}` is never closed"), opener);
        error.help = Some("add `{{end}}` where it ends".to_owned());
        error
    }

    /// Takes an action: a node, or the end of a block.
    fn action(&mut self, open: Token) -> Result<Result<Node, Ending>, TemplateError> {
        if open.kind != Kind::Open {
            return Err(self.unexpected(open, "the text"));
        }
        let word = self.peek_solid();
        let keyword = self.peek_word().unwrap_or_default();
        if !matches!(
            keyword,
            "block" | "break" | "continue" | "else" | "end" | "if" | "range" | "template" | "with"
        ) || (matches!(keyword, "break" | "continue") && self.functions.contains_key(keyword))
        {
            return Ok(Ok(Node::Action(self.pipeline("command", Kind::Close)?)));
        }
        self.next_solid();
        Ok(Ok(match keyword {
            "if" => Node::If(self.choice(word.span, "if")?),
            "with" => Node::With(self.choice(word.span, "with")?),
            "range" => Node::Range(Box::new(self.range(word.span)?)),
            "template" => Node::Template(Box::new(self.invocation()?)),
            "block" => Node::Template(Box::new(self.block(word.span)?)),
            "break" => self.jump(word.span, Node::Break)?,
            "continue" => self.jump(word.span, Node::Continue)?,
            "end" => {
                self.expect_close("end")?;
                return Ok(Err(Ending::End));
            }
            _ => {
                let chained = matches!(self.peek_word(), Some("if" | "with"));
                if !chained {
                    self.expect_close("else")?;
                }
                return Ok(Err(Ending::Else(Else { span: word.span, is_closed: !chained })));
            }
        }))
    }

    /// Takes `if` or `with`, whose `keyword` is past, and all its `else`s.
    fn choice(&mut self, opener: Span, keyword: &str) -> Result<Choice, TemplateError> {
        let outside = self.scope.variables.len();
        let mut choice = Choice { arms: vec![], otherwise: vec![] };
        loop {
            let pipe = self.pipeline(keyword, Kind::Close)?;
            let (nodes, ending) = self.nodes(opener)?;
            choice.arms.push((pipe, nodes));
            match ending {
                Ending::End => break,
                Ending::Else(it) if !it.is_closed && self.peek_word() == Some(keyword) => {
                    self.next_solid();
                }
                Ending::Else(it) => {
                    choice.otherwise = self.otherwise(opener, it)?;
                    break;
                }
            }
        }
        self.scope.variables.truncate(outside);
        Ok(choice)
    }

    /// Takes what stands between the last `else` and `end`.
    fn otherwise(&mut self, opener: Span, it: Else) -> Result<Vec<Node>, TemplateError> {
        if !it.is_closed {
            let token = self.next_solid();
            return Err(self.unexpected(token, "`else` of this block"));
        }
        let (nodes, ending) = self.nodes(opener)?;
        match ending {
            Ending::End => Ok(nodes),
            Ending::Else(second) => {
                let message = "expected `{{end}}`, found a second `{{else}}`";
                let mut error = self.error(message, second.span);
                error.help =
                    Some("remove one `{{else}}`, or let the first be `{{else if}}`".to_owned());
                Err(error)
            }
        }
    }

    fn range(&mut self, opener: Span) -> Result<Range, TemplateError> {
        let outside = self.scope.variables.len();
        let pipe = self.pipeline("range", Kind::Close)?;
        self.loops += 1;
        let (body, ending) = self.nodes(opener)?;
        self.loops -= 1;
        let otherwise = match ending {
            Ending::End => vec![],
            Ending::Else(it) => self.otherwise(opener, it)?,
        };
        self.scope.variables.truncate(outside);
        Ok(Range { pipe, body, otherwise })
    }

    fn jump(&mut self, span: Span, node: Node) -> Result<Node, TemplateError> {
        let word = self.source(span);
        self.expect_close(word)?;
        if self.loops == 0 {
            return Err(self.error(format!("`{word}` outside of a `range`"), span));
        }
        Ok(node)
    }

    fn invocation(&mut self) -> Result<Invocation, TemplateError> {
        let (name, span) = self.template_name("template")?;
        let mut data = None;
        if self.peek_solid().kind == Kind::Close {
            self.next_solid();
        } else {
            data = Some(self.pipeline("template", Kind::Close)?);
        }
        Ok(Invocation { name: name.into(), span, data })
    }

    /// Takes a definition and a call of it.
    fn block(&mut self, opener: Span) -> Result<Invocation, TemplateError> {
        let (name, span) = self.template_name("block")?;
        let data: Pipe = self.pipeline("block", Kind::Close)?;
        self.define(&name, span, opener)?;
        Ok(Invocation { name: name.into(), span, data: Some(data) })
    }

    fn definition(&mut self) -> Result<(), TemplateError> {
        let opener = self.next_solid().span;
        let (name, span) = self.template_name("define")?;
        self.expect_close("define")?;
        self.define(&name, span, opener)
    }

    /// Takes the body of a definition, which sees none of the variables around it.
    fn define(&mut self, name: &str, span: Span, opener: Span) -> Result<(), TemplateError> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let loops = std::mem::take(&mut self.loops);
        let (nodes, ending) = self.nodes(opener)?;
        if let Ending::Else(it) = ending {
            return Err(self.error("unexpected `{{else}}` in a definition", it.span));
        }
        let body = self.body(nodes);
        self.scope = outer;
        self.loops = loops;
        match self.definitions.get(name) {
            Some(before) if !before.is_blank() && !body.is_blank() => {
                return Err(self.defined_twice(name, span));
            }
            Some(before) if !before.is_blank() => {}
            _ => {
                self.definitions.insert(name.into(), Arc::new(body));
            }
        }
        Ok(())
    }

    fn defined_twice(&self, name: &str, span: Span) -> TemplateError {
        self.error(format!("template `{name}` is defined twice"), span)
    }

    fn template_name(&mut self, clause: &str) -> Result<(String, Span), TemplateError> {
        let token = self.next_solid();
        let name = match token.kind {
            Kind::Quoted => literal::quoted(self.source(token.span)),
            Kind::Raw => Some(raw(self.source(token.span))),
            _ => return Err(self.unexpected(token, &format!("`{clause}`, which needs a name"))),
        };
        let bad = || self.error("this text has a bad escape", token.span);
        Ok((name.ok_or_else(bad)?, token.span))
    }

    fn expect_close(&mut self, clause: &str) -> Result<(), TemplateError> {
        let token = self.next_solid();
        if token.kind == Kind::Close {
            return Ok(());
        }
        Err(self.unexpected(token, &format!("`{clause}`")))
    }

    fn source(&self, span: Span) -> &'t str {
        &self.text[span.start as usize..span.end as usize]
    }

    fn peek(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn next_solid(&mut self) -> Token {
        self.peek_solid();
        self.next()
    }

    fn peek_solid(&mut self) -> Token {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn peek_word(&mut self) -> Option<&'t str> {
        let token = self.peek_solid();
        (token.kind == Kind::Word).then(|| self.source(token.span))
    }

    fn deeper(&mut self, span: Span) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth <= NESTING {
            return Ok(());
        }
        let message = format!("blocks and parentheses are nested more than {NESTING} deep");
        Err(TemplateError { kind: ErrorKind::Limit, ..self.error(message, span) })
    }

    /// Fails if the lexer stopped here.
    fn check_lexer(&self) -> Result<(), TemplateError> {
        let Some(LexError { message, span, help }) = &self.lex_error else {
            return Ok(());
        };
        let mut error = self.error(message.as_ref(), *span);
        error.help = help.map(str::to_owned);
        Err(error)
    }

    fn unexpected(&self, token: Token, place: &str) -> TemplateError {
        if token.kind == Kind::End
            && let Err(error) = self.check_lexer()
        {
            return error;
        }
        let what = match token.kind {
            Kind::End => "end of the text".to_owned(),
            Kind::Text => "text".to_owned(),
            _ => format!("`{}`", self.source(token.span)),
        };
        self.error(format!("unexpected {what} in {place}"), token.span)
    }

    fn error(&self, message: impl Into<String>, span: Span) -> TemplateError {
        TemplateError {
            kind: ErrorKind::Syntax,
            message: message.into(),
            help: None,
            template: Arc::clone(self.file),
            span,
        }
    }
}

/// Returns what a text between backquotes means: Go drops carriage returns.
fn raw(text: &str) -> String {
    text.trim_matches('`').replace('\r', "")
}
