//! The canonical form, written while the text is read: what `emit` writes in [`Style::Canonical`], without a tree.
//!
//! **Invariant:** between two calls, the last line has no line break yet, so that entries can change places.

use std::borrow::Cow;

use super::scalars::{Key, Scalar};
use crate::yaml::{
    emit::{self, Position},
    order::{self, KeyOrder},
    scalar::Reading,
};

/// The most entries of one mapping.
const MOST_ENTRIES: usize = 256;

/// What a list is in: the value of a key, below which it is not indented, or an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    Value,
    Item,
}

/// The documents so far, and the entries of the mappings that are open.
pub(super) struct Form<'t, 'o> {
    out: &'o mut String,
    /// Whether the next block begins on this line: at the beginning of a document, and after a dash.
    fresh: bool,
    /// The entries of all open mappings, those of the innermost one last.
    entries: Vec<Entry<'t>>,
    /// Room to sort entries in.
    sorted: String,
}

struct Entry<'t> {
    key: Cow<'t, str>,
    /// Where it begins in what is written.
    start: usize,
}

/// A mapping that is open.
#[derive(Clone, Copy)]
#[must_use]
pub(super) struct Mapping {
    /// Its first entry.
    first: usize,
}

impl<'t, 'o> Form<'t, 'o> {
    pub(super) fn new(out: &'o mut String) -> Self {
        Self { out, fresh: true, entries: Vec::with_capacity(16), sorted: String::new() }
    }

    pub(super) fn begin_document(&mut self) {
        super::separate(self.out);
        self.fresh = true;
    }

    pub(super) fn end_document(&mut self) {
        self.out.push('\n');
    }

    /// Begins an item of a list at `column`.
    pub(super) fn item(&mut self, column: usize) {
        self.begin_line(column);
        self.out.push_str("- ");
        self.fresh = true;
    }

    pub(super) fn begin_mapping(&mut self) -> Mapping {
        Mapping { first: self.entries.len() }
    }

    /// Begins an entry of the innermost mapping, which is at `column`; `None` if there are too many, or for a long key.
    pub(super) fn key(&mut self, mapping: Mapping, key: Key<'t>, column: usize) -> Option<()> {
        if self.entries.len() - mapping.first >= MOST_ENTRIES {
            return None;
        }
        let Key { text: key, is_plain } = key;
        if !(is_plain || emit::is_simple_key(&key)) {
            return None;
        }
        self.begin_line(column);
        let start = self.out.len();
        if is_plain {
            self.out.push_str(&key);
        } else {
            emit::write_text(self.out, &key, column + 2, Position::Key);
        }
        self.out.push(':');
        self.entries.push(Entry { key, start });
        Some(())
    }

    /// Ends the innermost mapping: brings its entries in order; `None` if two have one key.
    pub(super) fn end_mapping(&mut self, mapping: Mapping, column: usize) -> Option<()> {
        let entries = &self.entries[mapping.first..];
        let is_less = |a: &str, b: &str| order::compare(a, b, KeyOrder::Three).is_lt();
        if !entries.is_sorted_by(|a, b| is_less(&a.key, &b.key)) {
            let numbered = entries.iter().enumerate();
            let mut keys: Vec<(&str, usize)> = numbered.map(|(at, it)| (&*it.key, at)).collect();
            order::sort(&mut keys, KeyOrder::Three);
            if keys.windows(2).any(|it| it[0].0 == it[1].0) {
                return None;
            }
            self.sorted.clear();
            self.sorted.reserve(self.out.len() - entries[0].start);
            for (_, at) in keys {
                if !self.sorted.is_empty() {
                    new_line(&mut self.sorted, column);
                }
                // Between two entries are a line break and indentation.
                let end = entries.get(at + 1).map_or(self.out.len(), |it| it.start - 1 - column);
                self.sorted.push_str(&self.out[entries[at].start..end]);
            }
            self.out.truncate(entries[0].start);
            self.out.push_str(&self.sorted);
        }
        self.entries.truncate(mapping.first);
        Some(())
    }

    /// Writes a scalar in a block at `column`.
    pub(super) fn scalar(&mut self, scalar: &Scalar<'_>, column: usize) {
        match scalar {
            Scalar::Verbatim(text) => self.word(text),
            Scalar::Plain(Reading::Null | Reading::Text) => self.word("null"),
            Scalar::Plain(Reading::Bool(it)) => self.word(if *it { "true" } else { "false" }),
            Scalar::Plain(Reading::Int(it)) => self.word(&it.to_string()),
            Scalar::Plain(Reading::Float(it)) => self.word(&emit::canonical_float(*it)),
            Scalar::Text(text) => self.text(text, column),
        }
    }

    /// Writes a text in a block at `column`.
    pub(super) fn text(&mut self, text: &str, column: usize) {
        if emit::is_surely_plain(text.as_bytes()) {
            self.word(text);
            return;
        }
        self.space();
        emit::write_text(self.out, text, column + 2, Position::Value);
        // A block ends its own line.
        if self.out.ends_with('\n') {
            self.out.pop();
        }
    }

    fn word(&mut self, word: &str) {
        self.space();
        self.out.push_str(word);
    }

    fn space(&mut self) {
        if !self.fresh {
            self.out.push(' ');
        }
        self.fresh = false;
    }

    fn begin_line(&mut self, column: usize) {
        if !self.fresh {
            new_line(self.out, column);
        }
        self.fresh = false;
    }
}

fn new_line(text: &mut String, column: usize) {
    const SPACES: &str = "\n                                                                ";
    if let Some(line) = SPACES.get(..=column) {
        text.push_str(line);
    } else {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', column));
    }
}
