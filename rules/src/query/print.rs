//! Prints expressions so that reading them again gives the same ones.

use std::fmt;

use super::{
    Argument, Expression, ExpressionKind, Operator, Word,
    lex::{KEYWORDS, is_bare},
};

impl Operator {
    /// Returns the sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Union => "+",
            Self::Except => "-",
            Self::Intersect => "^",
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExpressionKind::Word(text) => word(f, text),
            ExpressionKind::Variable(name) => write!(f, "${name}"),
            ExpressionKind::Let { name, value, body } => {
                write!(f, "let {name} = {value} in {body}")
            }
            ExpressionKind::Chain { first, rest } => {
                operand(f, first)?;
                for (index, (operator, it)) in rest.iter().enumerate() {
                    write!(f, " {} ", operator.as_str())?;
                    // Nothing stands to the right of the last one: brackets would only nest it deeper than it was.
                    let is_last = index + 1 == rest.len();
                    if is_last && matches!(it.kind, ExpressionKind::Let { .. }) {
                        write!(f, "{it}")?;
                    } else {
                        operand(f, it)?;
                    }
                }
                Ok(())
            }
            ExpressionKind::Set(words) => {
                f.write_str("set(")?;
                for (index, it) in words.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    word(f, &it.text)?;
                }
                f.write_str(")")
            }
            ExpressionKind::Call(function, arguments) => {
                write!(f, "{}(", function.signature().name)?;
                for (index, it) in arguments.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    match it {
                        Argument::Set(it) => write!(f, "{it}")?,
                        Argument::Word(Word { text, .. }) => word(f, text)?,
                        Argument::Number(it) => write!(f, "{it}")?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

/// What goes on to the right, or begins a chain of its own, needs brackets between operators.
fn operand(f: &mut fmt::Formatter<'_>, it: &Expression) -> fmt::Result {
    match it.kind {
        ExpressionKind::Let { .. } | ExpressionKind::Chain { .. } => write!(f, "({it})"),
        ExpressionKind::Word(_)
        | ExpressionKind::Variable(_)
        | ExpressionKind::Set(_)
        | ExpressionKind::Call(..) => write!(f, "{it}"),
    }
}

/// Words hold at most one kind of quote: there is no way to write both.
fn word(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let is_plain = !text.is_empty()
        && text.chars().all(is_bare)
        && !text.starts_with(['-', '*'])
        && !KEYWORDS.contains(&text);
    match (is_plain, text.contains('\'')) {
        (true, _) => f.write_str(text),
        (false, false) => write!(f, "'{text}'"),
        (false, true) => write!(f, "\"{text}\""),
    }
}
