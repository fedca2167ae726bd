//! Format strings: Go's `fmt.Sprintf`.

use super::{
    Output, type_name,
    verb::{Flags, print_argument},
};
use crate::{FunctionError, Value};

/// Go refuses widths and precisions beyond this.
const MOST: usize = 1_000_000;

/// Returns the arguments printed as `template` says; a mistake shows in the text, as in Go.
///
/// # Errors
/// The text becomes longer than `limit`, or `%p` asks for an address.
pub(crate) fn sprintf(
    template: &str,
    arguments: &[Value],
    limit: usize,
) -> Result<String, FunctionError> {
    let mut out = Output::new(limit);
    let mut directives = Directives { rest: template, arguments, next: 0, indexed: false };
    while let Some(at) = directives.rest.find('%') {
        out.push(&directives.rest[..at])?;
        directives.rest = &directives.rest[at + 1..];
        directives.print_one(&mut out)?;
    }
    out.push(directives.rest)?;
    directives.print_extra(&mut out)?;
    Ok(out.text)
}

/// What is left of a format string, and of the arguments.
struct Directives<'t> {
    rest: &'t str,
    arguments: &'t [Value],
    next: usize,
    indexed: bool,
}

impl Directives<'_> {
    /// Prints what stands after a `%`.
    fn print_one(&mut self, out: &mut Output) -> Result<(), FunctionError> {
        let mut flags = self.flags();
        let mut good_index = true;
        let mut after_index = self.index(&mut good_index);
        self.width(out, &mut flags, &mut after_index, &mut good_index)?;
        if self.take('.') {
            good_index &= !after_index;
            after_index = self.index(&mut good_index);
            self.precision(out, &mut flags, &mut after_index)?;
        }
        if !after_index {
            self.index(&mut good_index);
        }
        let mut rest = self.rest.chars();
        let Some(verb) = rest.next() else {
            return out.push("%!(NOVERB)");
        };
        self.rest = rest.as_str();
        if verb == '%' {
            return out.push("%");
        }
        let argument = self.arguments.get(self.next);
        match argument {
            _ if !good_index => out.push(&format!("%!{verb}(BADINDEX)")),
            None => out.push(&format!("%!{verb}(MISSING)")),
            Some(argument) => {
                self.next += 1;
                flags.for_verb(verb);
                print_argument(out, argument, verb, &mut flags)
            }
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.rest.as_bytes().first() {
                Some(b'#') => flags.sharp = true,
                Some(b'0') => flags.zero = !flags.minus,
                Some(b'+') => flags.plus = true,
                Some(b'-') => {
                    flags.minus = true;
                    flags.zero = false;
                }
                Some(b' ') => flags.space = true,
                _ => return flags,
            }
            self.rest = &self.rest[1..];
        }
    }

    fn width(
        &mut self,
        out: &mut Output,
        flags: &mut Flags,
        after_index: &mut bool,
        good_index: &mut bool,
    ) -> Result<(), FunctionError> {
        if self.take('*') {
            *after_index = false;
            let width = self.integer_argument();
            if width.is_some_and(|it| it < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            flags.width = width.and_then(|it| usize::try_from(it.unsigned_abs()).ok());
            return if width.is_none() { out.push("%!(BADWIDTH)") } else { Ok(()) };
        }
        flags.width = self.number();
        *good_index &= !(*after_index && flags.width.is_some());
        Ok(())
    }

    fn precision(
        &mut self,
        out: &mut Output,
        flags: &mut Flags,
        after_index: &mut bool,
    ) -> Result<(), FunctionError> {
        if !self.take('*') {
            flags.precision = Some(self.number().unwrap_or(0));
            return Ok(());
        }
        *after_index = false;
        flags.precision = self.integer_argument().and_then(|it| usize::try_from(it).ok());
        if flags.precision.is_none() { out.push("%!(BADPREC)") } else { Ok(()) }
    }

    /// Takes an argument for a `*`.
    fn integer_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let (Value::Int(it) | Value::Int64(it)) = argument else {
            return None;
        };
        (it.unsigned_abs() <= MOST as u64).then_some(*it)
    }

    /// Takes an argument index such as `[2]`, and says whether there was a good one.
    fn index(&mut self, good: &mut bool) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.indexed = true;
        let Some(close) = self.rest.find(']').filter(|_| self.rest.len() >= 3) else {
            *good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let inside = &self.rest[1..close];
        self.rest = &self.rest[close + 1..];
        let digits = inside.bytes().all(|it| it.is_ascii_digit());
        let number = inside.parse::<usize>().ok().filter(|it| digits && *it <= MOST);
        match number.and_then(|it| it.checked_sub(1)) {
            Some(index) if index < self.arguments.len() => {
                self.next = index;
                true
            }
            _ => {
                *good = false;
                number.is_some()
            }
        }
    }

    /// Takes a number; one that is too large takes the rest of the format with it, as in Go.
    fn number(&mut self) -> Option<usize> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.is_empty() {
            return None;
        }
        let number = digits.parse().ok().filter(|it| *it <= MOST);
        if number.is_none() {
            self.rest = "";
        }
        number
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Prints the arguments that no directive used, unless some were picked by index.
    fn print_extra(&self, out: &mut Output) -> Result<(), FunctionError> {
        let extra = self.arguments.get(self.next..).unwrap_or_default();
        if self.indexed || extra.is_empty() {
            return Ok(());
        }
        for (i, argument) in extra.iter().enumerate() {
            out.push(if i == 0 { "%!(EXTRA " } else { ", " })?;
            out.push(type_name(argument))?;
            if !matches!(argument, Value::Nil) {
                out.push("=")?;
                super::write(out, argument)?;
            }
        }
        out.push(")")
    }
}
