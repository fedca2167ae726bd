//! Words, operators and brackets of a query, with Bazel's rules for words that need no quotes.

use wob_engine::Span;

use super::{Operator, QueryError};

/// The longest text that is read: room for a set of ten thousand files.
const LONGEST: usize = 1 << 20;

/// The words that can't be labels unless they are quoted.
pub(super) const KEYWORDS: [&str; 6] = ["except", "in", "intersect", "let", "set", "union"];

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    Equals,
    Operator(Operator),
    Let,
    In,
    Set,
    /// A label, a name, a number or a regular expression.
    Word(String),
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

impl Kind {
    /// Returns how messages call it.
    pub(super) fn noun(&self) -> String {
        match self {
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::Comma => "`,`".to_owned(),
            Self::Equals => "`=`".to_owned(),
            Self::Operator(it) => format!("`{}`", it.as_str()),
            Self::Let => "`let`".to_owned(),
            Self::In => "`in`".to_owned(),
            Self::Set => "`set`".to_owned(),
            Self::Word(it) => format!("`{}`", super::shown(it)),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Says whether a word may hold `it` without quotes.
pub(super) fn is_bare(it: char) -> bool {
    it.is_ascii_alphanumeric() || "*/@.-_:$~[]".contains(it)
}

/// Splits `text` into tokens; the last one is the end.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, QueryError> {
    if text.len() > LONGEST {
        let message = format!("a query of more than {LONGEST} bytes");
        return Err(QueryError::new(message, Span::new(0, 0)).help("ask in several queries"));
    }
    let mut tokens = vec![];
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        at += first.len_utf8();
        let kind = match first {
            _ if first.is_whitespace() => continue,
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '=' => Kind::Equals,
            '+' => Kind::Operator(Operator::Union),
            '-' => Kind::Operator(Operator::Except),
            '^' => Kind::Operator(Operator::Intersect),
            '\'' | '"' => {
                let Some(length) = text[at..].find(first) else {
                    let span = Span::new(start, text.len());
                    return Err(QueryError::new("a quote is never closed", span)
                        .help(format!("add `{first}` where the word ends")));
                };
                let word = text[at..at + length].to_owned();
                at += length + 1;
                Kind::Word(word)
            }
            // A word may not begin with a star, so that a stray one is not taken for a pattern.
            _ if is_bare(first) && first != '*' => {
                let rest = &text[at..];
                at += rest.find(|it| !is_bare(it)).unwrap_or(rest.len());
                bare(&text[start..at])
            }
            _ => {
                let message = format!("`{}` must stand in quotes", first.escape_debug());
                return Err(QueryError::new(message, Span::new(start, at))
                    .help("put the word that it belongs to between `'` and `'`"));
            }
        };
        tokens.push(Token { kind, span: Span::new(start, at) });
    }
    tokens.push(Token { kind: Kind::End, span: Span::new(text.len(), text.len()) });
    Ok(tokens)
}

fn bare(word: &str) -> Kind {
    match word {
        "union" => Kind::Operator(Operator::Union),
        "except" => Kind::Operator(Operator::Except),
        "intersect" => Kind::Operator(Operator::Intersect),
        "let" => Kind::Let,
        "in" => Kind::In,
        "set" => Kind::Set,
        _ => Kind::Word(word.to_owned()),
    }
}
