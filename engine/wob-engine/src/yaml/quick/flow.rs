//! JSON on one line, which becomes blocks.

use std::borrow::Cow;

use super::{
    form::{Form, Parent},
    scalars::{Key, LONGEST_KEY, Scalar, double_quoted, plain, strip},
};

/// What is left of the line.
pub(super) struct Flow<'t, 'f, 'o> {
    rest: &'t str,
    form: &'f mut Form<'t, 'o>,
}

impl<'t, 'f, 'o> Flow<'t, 'f, 'o> {
    /// Reads a list or mapping that fills the rest of its line, with at most `depth` levels.
    pub(super) fn read(
        written: &'t str,
        form: &'f mut Form<'t, 'o>,
        depth: usize,
        at: (usize, Parent),
    ) -> Option<()> {
        let mut flow = Self { rest: written, form };
        flow.value(depth, at)?;
        flow.rest.is_empty().then_some(())
    }

    /// Reads a value in a block at `column`.
    fn value(&mut self, depth: usize, (column, parent): (usize, Parent)) -> Option<()> {
        match self.rest.as_bytes().first()? {
            b'{' => return self.mapping(depth.checked_sub(1)?, column),
            b'[' => return self.list(depth.checked_sub(1)?, (column, parent)),
            b'"' => {
                let text = self.text()?;
                self.form.text(&text, column);
            }
            _ => {
                let is_word = |it: u8| it.is_ascii_alphanumeric() || b"+-._".contains(&it);
                let end = self.rest.bytes().position(|it| !is_word(it))?;
                let (word, rest) = self.rest.split_at(end);
                let begins = |it: u8| it.is_ascii_alphanumeric() || it == b'-' && word.len() > 1;
                word.bytes().next().filter(|it| begins(*it))?;
                // After a dash only a number is sure to be a plain scalar.
                let is_doubtful = word.starts_with('-') && !word.as_bytes()[1].is_ascii_digit();
                if is_doubtful {
                    return None;
                }
                self.rest = rest;
                self.form.scalar(&plain(word), column);
            }
        }
        Some(())
    }

    fn text(&mut self) -> Option<Cow<'t, str>> {
        let (text, rest) = double_quoted(self.rest)?;
        self.rest = rest;
        Some(text)
    }

    fn list(&mut self, depth: usize, (column, parent): (usize, Parent)) -> Option<()> {
        self.open();
        if self.take(b']') {
            self.form.scalar(&Scalar::Verbatim("[]"), column);
            return Some(());
        }
        let column = match parent {
            Parent::Value => column,
            Parent::Item => column + 2,
        };
        loop {
            self.form.item(column);
            self.value(depth, (column, Parent::Item))?;
            self.skip();
            if self.take(b']') {
                return Some(());
            }
            self.comma()?;
        }
    }

    fn mapping(&mut self, depth: usize, column: usize) -> Option<()> {
        self.open();
        if self.take(b'}') {
            self.form.scalar(&Scalar::Verbatim("{}"), column);
            return Some(());
        }
        let column = column + 2;
        let mapping = self.form.begin_mapping();
        loop {
            let key = self.text().filter(|it| it.len() <= LONGEST_KEY)?;
            self.rest = strip(self.rest, b':')?;
            self.skip();
            self.form.key(mapping, Key::quoted(key), column)?;
            self.value(depth, (column, Parent::Value))?;
            self.skip();
            if self.take(b'}') {
                return self.form.end_mapping(mapping, column);
            }
            self.comma()?;
        }
    }

    /// Goes past a bracket that stands here.
    fn open(&mut self) {
        self.rest = &self.rest[1..];
        self.skip();
    }

    fn take(&mut self, bracket: u8) -> bool {
        let has = self.rest.as_bytes().first() == Some(&bracket);
        if has {
            self.rest = &self.rest[1..];
        }
        has
    }

    fn comma(&mut self) -> Option<()> {
        let has = self.take(b',');
        self.skip();
        has.then_some(())
    }

    fn skip(&mut self) {
        let spaces = self.rest.bytes().take_while(|it| *it == b' ').count();
        self.rest = &self.rest[spaces..];
    }
}
