//! Go's regular expression syntax, rewritten so that the `regex` crate reads it with Go's meaning.
//!
//! The two differ in corners: `\d`, `\w`, `\s` and `\b` are ASCII in Go; `{` that begins no repetition stands for
//! itself; classes know no set operations; repetitions do not stack; `\Q…\E` quotes.

use super::arguments::failure;
use crate::FunctionError;

const DIGITS: &str = "0-9";
const SPACES: &str = "\\t\\n\\x0C\\r ";
const WORDS: &str = "0-9A-Za-z_";

/// The most repetitions that Go allows.
const MOST_REPEATS: u32 = 1000;

/// Rewrites an expression.
///
/// # Errors
/// Go would refuse it for a reason that the `regex` crate would not.
pub(super) fn translate(pattern: &str) -> Result<String, FunctionError> {
    let mut translator =
        Translator { rest: pattern, out: String::with_capacity(pattern.len() * 2) };
    translator.all()?;
    Ok(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
}

impl Translator<'_> {
    fn all(&mut self) -> Result<(), FunctionError> {
        let mut after_repeat = false;
        while let Some(c) = self.rest.chars().next() {
            let repeats = self.repetition(c)?;
            if let Some(length) = repeats {
                if after_repeat {
                    return Err(wrong("invalid nested repetition operator", self.rest));
                }
                self.copy(length);
                if self.rest.starts_with('?') {
                    self.copy(1);
                }
            } else {
                self.one(c)?;
            }
            after_repeat = repeats.is_some();
        }
        Ok(())
    }

    /// Returns the length of a repetition operator, if one stands here.
    fn repetition(&self, c: char) -> Result<Option<usize>, FunctionError> {
        if matches!(c, '*' | '+' | '?') {
            return Ok(Some(1));
        }
        if c != '{' {
            return Ok(None);
        }
        let Some((inner, _)) = self.rest[1..].split_once('}') else { return Ok(None) };
        let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
        let is_number = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
        if !is_number(low) || !(high.is_empty() || is_number(high)) {
            return Ok(None);
        }
        let too_many =
            |it: &str| it.parse::<u32>().is_ok_and(|it| it > MOST_REPEATS) || it.len() > 4;
        if too_many(low) || too_many(high) {
            return Err(wrong("invalid repeat count", &self.rest[..inner.len() + 2]));
        }
        Ok(Some(inner.len() + 2))
    }

    fn one(&mut self, c: char) -> Result<(), FunctionError> {
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            '{' | '}' => {
                self.skip(1);
                self.literal(c);
                Ok(())
            }
            _ => {
                self.copy(c.len_utf8());
                Ok(())
            }
        }
    }

    fn group(&mut self) -> Result<(), FunctionError> {
        self.copy(1);
        let Some(options) = self.rest.strip_prefix('?') else { return Ok(()) };
        if options.starts_with("P<") || options.starts_with('<') {
            self.copy(options.find('>').map_or(1, |at| at + 2));
            return Ok(());
        }
        let flags = options.find([':', ')']).map_or(options, |at| &options[..at]);
        if !flags.chars().all(|c| "imsU-".contains(c)) {
            return Err(wrong("invalid or unsupported Perl syntax", self.rest));
        }
        self.copy(1 + flags.len());
        Ok(())
    }

    fn escape(&mut self) -> Result<(), FunctionError> {
        let letter = self.rest[1..].chars().next();
        match letter {
            Some('b') => self.replace("(?-u:\\b)"),
            Some('B') => self.replace("(?-u:\\B)"),
            Some('A' | 'z') => self.copy(2),
            Some('Q') => self.quoted(),
            Some('p' | 'P') => {
                let class = self.property()?;
                self.out.push_str(&class);
            }
            Some(c) => {
                if let Some(class) = perl_class(c) {
                    self.replace(&format!("[{class}]"));
                } else {
                    let c = self.escaped()?;
                    self.literal(c);
                }
            }
            None => {
                return Err(failure(
                    "error parsing regexp: trailing backslash at end of expression",
                ));
            }
        }
        Ok(())
    }

    fn quoted(&mut self) {
        self.skip(2);
        let (quoted, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.rest = after;
        quoted.chars().for_each(|c| self.literal(c));
    }

    /// Reads `\pL`, `\p{Greek}` or `\p{^Greek}`.
    fn property(&mut self) -> Result<String, FunctionError> {
        let negated = self.rest.starts_with("\\P");
        let body = &self.rest[2..];
        let (name, length) = if let Some(braced) = body.strip_prefix('{') {
            let Some((name, _)) = braced.split_once('}') else {
                return Err(wrong("invalid character class range", self.rest));
            };
            (name, name.len() + 2)
        } else {
            let length = body.chars().next().map_or(0, char::len_utf8);
            (&body[..length], length)
        };
        let positive = name.strip_prefix('^').unwrap_or(name);
        let negated = negated != (positive.len() < name.len());
        if positive.is_empty() || !positive.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Err(wrong("invalid character class range", self.rest));
        }
        let class = format!("\\{}{{{positive}}}", if negated { 'P' } else { 'p' });
        self.skip(2 + length);
        Ok(class)
    }

    /// Reads an escape that stands for one character.
    fn escaped(&mut self) -> Result<char, FunctionError> {
        let start = self.rest;
        let body = &start[1..];
        let Some(c) = body.chars().next() else {
            return Err(failure("error parsing regexp: trailing backslash at end of expression"));
        };
        let (code, length) = match c {
            'a' => (7, 1),
            'f' => (12, 1),
            'n' => (10, 1),
            'r' => (13, 1),
            't' => (9, 1),
            'v' => (11, 1),
            'x' => {
                hexadecimal(&body[1..]).map_or((u32::MAX, 1), |(code, length)| (code, length + 1))
            }
            '0'..='7' => octal(body),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => (u32::from(c), 1),
            _ => (u32::MAX, 1),
        };
        let Some(c) = char::from_u32(code) else {
            return Err(wrong("invalid escape sequence", start));
        };
        self.skip(1 + length);
        Ok(c)
    }

    fn class(&mut self) -> Result<(), FunctionError> {
        let start = self.rest;
        self.copy(1);
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.chars().next() else {
                return Err(wrong("missing closing ]", start));
            };
            if c == ']' && !first {
                self.copy(1);
                return Ok(());
            }
            first = false;
            if !self.set()? {
                self.range()?;
            }
        }
    }

    /// Reads a named set inside a class: `[:alpha:]`, `\d`, `\pL`.
    fn set(&mut self) -> Result<bool, FunctionError> {
        if self.rest.starts_with("[:")
            && let Some(end) = self.rest[2..].find(":]")
        {
            self.copy(end + 4);
            return Ok(true);
        }
        if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
            let class = self.property()?;
            self.out.push_str(&class);
            return Ok(true);
        }
        let escaped = self.rest.strip_prefix('\\').and_then(|it| it.chars().next());
        if let Some(class) = escaped.and_then(perl_class) {
            self.replace(&format!("[{class}]"));
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads a character or a range of them inside a class.
    fn range(&mut self) -> Result<(), FunctionError> {
        let start = self.rest;
        let low = self.member()?;
        self.literal(low);
        let is_range = self.rest.strip_prefix('-').is_some_and(|after| !after.starts_with(']'));
        if !is_range {
            return Ok(());
        }
        self.skip(1);
        let high = self.member()?;
        if high < low {
            return Err(wrong("invalid character class range", start));
        }
        self.out.push('-');
        self.literal(high);
        Ok(())
    }

    fn member(&mut self) -> Result<char, FunctionError> {
        if self.rest.starts_with('\\') {
            return self.escaped();
        }
        let Some(c) = self.rest.chars().next() else {
            return Err(failure("error parsing regexp: missing closing ]"));
        };
        self.skip(c.len_utf8());
        Ok(c)
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            let escape = format!("\\x{{{:x}}}", u32::from(c));
            self.out.push_str(&escape);
        }
    }

    /// Writes something else for a two-letter escape.
    fn replace(&mut self, by: &str) {
        self.out.push_str(by);
        self.skip(2);
    }

    fn copy(&mut self, bytes: usize) {
        let (copied, rest) = self.rest.split_at(bytes);
        self.out.push_str(copied);
        self.rest = rest;
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }
}

fn perl_class(letter: char) -> Option<String> {
    let class = match letter {
        'd' | 'D' => DIGITS,
        's' | 'S' => SPACES,
        'w' | 'W' => WORDS,
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { format!("^{class}") } else { class.to_owned() })
}

fn hexadecimal(digits: &str) -> Option<(u32, usize)> {
    let (code, length) = if let Some(braced) = digits.strip_prefix('{') {
        let (code, _) = braced.split_once('}')?;
        (code, code.len() + 2)
    } else {
        (digits.get(..2)?, 2)
    };
    if !code.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(code, 16).ok()?, length))
}

/// Reads up to three octal digits; a single one would be a back reference, which Go does not have.
fn octal(digits: &str) -> (u32, usize) {
    let length = digits.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if length < 2 && !digits.starts_with('0') {
        return (u32::MAX, 1);
    }
    (u32::from_str_radix(&digits[..length], 8).unwrap_or(u32::MAX), length)
}

fn wrong(what: &str, at: &str) -> FunctionError {
    let shown: String = at.chars().take(40).collect();
    failure(format!("error parsing regexp: {what}: `{shown}`"))
}
