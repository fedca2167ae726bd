//! JSON as Go reads it into an `interface{}`: every number is a float.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    arguments::{Answer, failure},
    walk::Walk,
};
use crate::{FunctionError, Value};

/// Reads a text that is one JSON value; the last of equal keys wins.
///
/// # Errors
/// It is no JSON, or nested too deeply.
pub(crate) fn read(text: &str) -> Answer {
    let mut reader = Reader { text, at: 0, walk: Walk::new() };
    let value = reader.value("looking for beginning of value")?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.unexpected("after top-level value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    walk: Walk,
}

impl Reader<'_> {
    fn value(&mut self, context: &str) -> Answer {
        self.walk.step()?;
        self.skip_space();
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => Ok(Value::from(self.string()?)),
            Some('-' | '0'..='9') => self.number(),
            Some('t') => self.literal("true", Value::Bool(true)),
            Some('f') => self.literal("false", Value::Bool(false)),
            Some('n') => self.literal("null", Value::Nil),
            _ => Err(self.unexpected(context)),
        }
    }

    fn object(&mut self) -> Answer {
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        self.at += 1;
        self.skip_space();
        if self.takes('}') {
            return Ok(entries.into_iter().collect());
        }
        self.walk.enter()?;
        loop {
            self.skip_space();
            if self.peek() != Some('"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.takes(':') {
                return Err(self.unexpected("after object key"));
            }
            let value = self.value("looking for beginning of value")?;
            entries.insert(key.into(), value);
            self.skip_space();
            if self.takes('}') {
                self.walk.leave();
                return Ok(entries.into_iter().collect());
            }
            if !self.takes(',') {
                return Err(self.unexpected("after object key:value pair"));
            }
        }
    }

    fn array(&mut self) -> Answer {
        let mut items = vec![];
        self.at += 1;
        self.skip_space();
        if self.takes(']') {
            return Ok(items.into_iter().collect());
        }
        self.walk.enter()?;
        loop {
            items.push(self.value("looking for beginning of value")?);
            self.skip_space();
            if self.takes(']') {
                self.walk.leave();
                return Ok(items.into_iter().collect());
            }
            if !self.takes(',') {
                return Err(self.unexpected("after array element"));
            }
        }
    }

    fn number(&mut self) -> Answer {
        let start = self.at;
        self.takes('-');
        if !self.takes('0') {
            self.digits("in numeric literal")?;
        }
        if self.takes('.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.takes('e') || self.takes('E') {
            let _signed = self.takes('+') || self.takes('-');
            self.digits("in exponent of numeric literal")?;
        }
        let literal = &self.text[start..self.at];
        match literal.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(failure(format!(
                "json: cannot unmarshal number {literal} into Go value of type float64"
            ))),
        }
    }

    fn digits(&mut self, context: &str) -> Result<(), FunctionError> {
        let rest = &self.text[self.at..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(self.unexpected(context));
        }
        self.at += digits;
        Ok(())
    }

    fn literal(&mut self, word: &str, value: Value) -> Answer {
        for c in word.chars() {
            if !self.takes(c) {
                return Err(self.unexpected(&format!("in literal {word}")));
            }
        }
        Ok(value)
    }

    fn string(&mut self) -> Result<String, FunctionError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(c) if c >= ' ' => {
                    self.at += c.len_utf8();
                    out.push(c);
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, FunctionError> {
        let Some(c) = self.peek() else { return Err(self.unexpected("")) };
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code(),
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Reads `u` and four digits, and a second such escape if the first is half of a pair.
    fn code(&mut self) -> Result<char, FunctionError> {
        let high = self.code_unit()?;
        let before = self.at;
        if (0xd800..0xdc00).contains(&high) && self.takes('\\') && self.peek() == Some('u') {
            let low = self.code_unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = before;
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&mut self) -> Result<u32, FunctionError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn takes(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn unexpected(&self, context: &str) -> FunctionError {
        match self.peek() {
            None => failure("unexpected end of JSON input"),
            Some(c) => failure(format!("invalid character '{c}' {context}")),
        }
    }
}
