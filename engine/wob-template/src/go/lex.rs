//! Cuts a template into tokens; comments and trimmed space are gone afterwards.

use std::borrow::Cow;

use wob_engine::Span;

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text between actions.
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// White space inside an action; it separates arguments.
    Space,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `|`
    Pipe,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `.name`
    Field,
    /// `$` or `$name`
    Variable,
    /// `name`, keywords too.
    Word,
    /// A number or a complex number.
    Number,
    /// `'a'`
    Char,
    /// `"text"`
    Quoted,
    /// A text between backquotes.
    Raw,
    /// Any other printable ASCII character.
    Other,
    /// The end of the text.
    End,
}

/// What stopped the lexer.
#[derive(Debug)]
pub(super) struct LexError {
    pub(super) message: Cow<'static, str>,
    pub(super) span: Span,
    /// The way out.
    pub(super) help: Option<&'static str>,
}

/// Cuts `text` into tokens, as far as it can; the last one is [`Kind::End`].
pub(super) fn lex(text: &str) -> (Vec<Token>, Option<LexError>) {
    let mut lexer = Lexer { text, at: 0, parens: 0, tokens: vec![] };
    let mut error = None;
    while error.is_none() && lexer.text_until_action() {
        error = lexer.action().err();
    }
    lexer.emit(Kind::End, lexer.at);
    (lexer.tokens, error)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    parens: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn emit(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.at) });
    }

    fn fail<T>(&self, message: impl Into<Cow<'static, str>>, start: usize) -> Result<T, LexError> {
        Err(LexError { message: message.into(), span: Span::new(start, self.at), help: None })
    }

    /// Takes the text before the next action, and says whether there is one.
    fn text_until_action(&mut self) -> bool {
        let start = self.at;
        let open = self.rest().find("{{").map(|at| start + at);
        let end = open.unwrap_or(self.text.len());
        self.at = end;
        if open.is_some() && self.opens_with_trim() {
            self.at = start + self.text[start..end].trim_end_matches(is_space).len();
        }
        if self.at > start {
            self.emit(Kind::Text, start);
        }
        self.at = end;
        open.is_some()
    }

    /// Says whether a `{{- ` begins here: the minus needs white space behind it.
    fn opens_with_trim(&self) -> bool {
        self.byte(2) == Some(b'-') && self.byte(3).is_some_and(is_space_byte)
    }

    /// Says whether a ` -}}` begins here.
    fn closes_with_trim(&self) -> bool {
        self.byte(0).is_some_and(is_space_byte) && self.rest()[1..].starts_with("-}}")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }

    /// Takes an action or a comment, from `{{` to `}}`.
    fn action(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let trimmed = if self.opens_with_trim() { 2 } else { 0 };
        self.at += 2;
        if self.text[self.at + trimmed..].starts_with("/*") {
            self.at += trimmed;
            return self.comment(start);
        }
        self.emit(Kind::Open, start);
        self.at += trimmed;
        self.parens = 0;
        loop {
            if self.rest().starts_with("}}") || self.closes_with_trim() {
                if self.parens > 0 {
                    return self.fail("unclosed left paren", start);
                }
                self.close(Some(Kind::Close));
                return Ok(());
            }
            self.inside(start)?;
        }
    }

    /// Takes `}}` or ` -}}`, and the white space that it trims.
    fn close(&mut self, kind: Option<Kind>) {
        let trims = !self.rest().starts_with("}}");
        let start = self.at + if trims { 2 } else { 0 };
        self.at = start + 2;
        if let Some(kind) = kind {
            self.emit(kind, start);
        }
        if trims {
            self.skip_space();
        }
    }

    fn comment(&mut self, start: usize) -> Result<(), LexError> {
        let Some(end) = self.rest()[2..].find("*/") else {
            return self.fail("unclosed comment", start);
        };
        self.at += end + 4;
        if !self.rest().starts_with("}}") && !self.closes_with_trim() {
            return self.fail("comment ends before closing delimiter", start);
        }
        self.close(None);
        Ok(())
    }

    /// Takes one token inside an action that began at `action`.
    fn inside(&mut self, action: usize) -> Result<(), LexError> {
        let start = self.at;
        let Some(first) = self.peek() else {
            let span = Span::new(action, action + 2);
            let help = Some("add `}}` where it ends");
            return Err(LexError { message: "`{{` is never closed".into(), span, help });
        };
        self.at += first.len_utf8();
        let kind = match first {
            _ if is_space(first) => {
                while self.peek().is_some_and(is_space) && !self.closes_with_trim() {
                    self.at += 1;
                }
                Kind::Space
            }
            '=' => Kind::Assign,
            ':' if self.byte(0) == Some(b'=') => {
                self.at += 1;
                Kind::Declare
            }
            ':' => return self.fail("expected `:=`", start),
            '|' => Kind::Pipe,
            ',' => Kind::Comma,
            '"' => self.quoted('"', start)?,
            '\'' => self.quoted('\'', start)?,
            '`' => {
                let Some(end) = self.rest().find('`') else {
                    return self.fail("unterminated raw quoted string", start);
                };
                self.at += end + 1;
                Kind::Raw
            }
            '(' => {
                self.parens += 1;
                Kind::LeftParen
            }
            ')' if self.parens == 0 => return self.fail("unexpected right paren", start),
            ')' => {
                self.parens -= 1;
                Kind::RightParen
            }
            '$' => self.name(Kind::Variable)?,
            '.' if !self.byte(0).is_some_and(|it| it.is_ascii_digit()) => {
                let alone = !self.peek().is_some_and(is_word);
                self.name(if alone { Kind::Dot } else { Kind::Field })?
            }
            '.' | '+' | '-' | '0'..='9' => self.number(start)?,
            _ if is_word(first) => self.name(Kind::Word)?,
            '!'..='~' => Kind::Other,
            _ => {
                return self.fail(
                    format!("unrecognized character `{}` in action", first.escape_debug()),
                    start,
                );
            }
        };
        self.emit(kind, start);
        Ok(())
    }

    /// Takes the letters and digits of a name, and checks that something fitting follows.
    fn name(&mut self, kind: Kind) -> Result<Kind, LexError> {
        while let Some(it) = self.peek().filter(|it| is_word(*it)) {
            self.at += it.len_utf8();
        }
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | '(' | ')') => Ok(kind),
            Some(it) if is_space(it) => Ok(kind),
            Some('}') if self.rest().starts_with("}}") => Ok(kind),
            Some(it) => {
                let start = self.at;
                self.at += it.len_utf8();
                self.fail(format!("bad character `{}` after a name", it.escape_debug()), start)
            }
        }
    }

    /// Takes a text or a character constant, whose first mark is past.
    fn quoted(&mut self, mark: char, start: usize) -> Result<Kind, LexError> {
        let mut escaped = false;
        for (at, it) in self.rest().char_indices() {
            match it {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if it == mark => {
                    self.at += at + 1;
                    return Ok(if mark == '"' { Kind::Quoted } else { Kind::Char });
                }
                _ => {}
            }
        }
        let what = if mark == '"' { "quoted string" } else { "character constant" };
        self.fail(format!("unterminated {what}"), start)
    }

    fn number(&mut self, start: usize) -> Result<Kind, LexError> {
        self.at = start;
        let mut good = self.scan_number();
        if good && matches!(self.byte(0), Some(b'+' | b'-')) {
            good = self.scan_number() && self.text[..self.at].ends_with('i');
        }
        if good {
            return Ok(Kind::Number);
        }
        let text = self.text[start..self.at].to_owned();
        self.fail(format!("illegal number `{text}`"), start)
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            digits = match self.byte(0) {
                Some(b'x' | b'X') => "0123456789abcdefABCDEF_",
                Some(b'o' | b'O') => "01234567_",
                Some(b'b' | b'B') => "01_",
                _ => digits,
            };
            if digits.len() != 11 {
                self.at += 1;
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        let exponent = match digits.len() {
            11 => self.accept("eE"),
            23 => self.accept("pP"),
            _ => false,
        };
        if exponent {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        let Some(next) = self.peek().filter(|it| is_word(*it)) else {
            return true;
        };
        self.at += next.len_utf8();
        false
    }

    fn accept(&mut self, any: &str) -> bool {
        let found = self.byte(0).is_some_and(|it| any.as_bytes().contains(&it));
        self.at += usize::from(found);
        found
    }
}

fn is_space(it: char) -> bool {
    matches!(it, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(it: u8) -> bool {
    is_space(char::from(it))
}

fn is_word(it: char) -> bool {
    it == '_' || it.is_alphanumeric()
}
