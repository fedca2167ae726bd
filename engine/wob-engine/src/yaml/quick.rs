//! A quick reader of plain YAML, such as templates of manifests give: block mappings and lists, scalars and JSON on one line.
//!
//! **Invariant:** a text is either read exactly as [`super::parse`] reads it, and has no error there, or not at all.
//! Whatever is rare, doubtful or wrong (anchors, tags, folded or many-line scalars, keys twice, characters beyond ASCII) is
//! left to the parser, which knows all of YAML and explains what is wrong.

mod scalars;

use std::borrow::Cow;

use self::scalars::Flow;
use super::{
    emit::{Data, Style, View, emit_data},
    scalar::{self, Reading},
};

/// The longest text that is read quickly; far below every limit of the parser.
const LONGEST: usize = 1 << 16;
/// The deepest nesting; below the parser's limit too.
const DEEPEST: usize = 24;
/// Up to this many entries, a key is looked for in all of them.
const MOST_ENTRIES: usize = 256;

/// A value that borrows from the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Quick<'t> {
    /// A null, boolean or number.
    Plain(Reading),
    /// A text.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in written order.
    Map(Vec<(Cow<'t, str>, Self)>),
}

/// Reads `text` and writes each of its documents in canonical form, those that are null left out.
///
/// `None` if the text is not plain enough; [`super::parse`] and [`super::emit`] then do the same, slowly.
pub fn canonical(text: &str) -> Option<Vec<String>> {
    let documents = read(text)?;
    let documents = documents.iter().filter(|it| **it != Quick::Plain(Reading::Null));
    Some(documents.map(|it| emit_data(it, Style::Canonical)).collect())
}

/// Reads every document of `text` that is not empty.
pub(super) fn read(text: &str) -> Option<Vec<Quick<'_>>> {
    let plain = text.bytes().all(|it| matches!(it, b'\n' | b' '..=b'~'));
    if !plain || !text.ends_with('\n') || text.len() > LONGEST {
        return None;
    }
    let mut reader = Reader { text, at: 0, line: None };
    reader.next_line()?;
    let mut documents = vec![];
    loop {
        while reader.line.is_some_and(Line::is_separator) {
            reader.next_line()?;
        }
        let Some(line) = reader.line else { return Some(documents) };
        if line.indent != 0 {
            return None;
        }
        documents.push(reader.block(0, 0)?);
        // Whatever follows a document begins with a separator.
        if reader.line.is_some_and(|it| !it.is_separator()) {
            return None;
        }
    }
}

/// A line that is neither empty nor a comment.
#[derive(Clone, Copy)]
struct Line<'t> {
    /// The spaces before it.
    indent: usize,
    /// What is written, without white space around it.
    written: &'t str,
}

impl Line<'_> {
    fn is_separator(self) -> bool {
        self.indent == 0 && self.written == "---"
    }

    fn is_item(self) -> bool {
        self.written == "-" || self.written.starts_with("- ")
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Where the line after the current one begins.
    at: usize,
    /// The current line; none at the end.
    line: Option<Line<'t>>,
}

impl<'t> Reader<'t> {
    /// Goes to the next line that says something; `None` if that is a directive or the end of a document.
    fn next_line(&mut self) -> Option<()> {
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('\n') else {
                self.line = None;
                return Some(());
            };
            self.at += end + 1;
            let written = rest[..end].trim_matches(' ');
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            let indent = rest.len() - rest.trim_start_matches(' ').len();
            let line = Line { indent, written };
            let marker = written.starts_with("---") && !line.is_separator()
                || written.starts_with("...")
                || written.starts_with('%');
            self.line = Some(line);
            return (indent > 0 || !marker).then_some(());
        }
    }

    /// Reads the list or mapping whose lines have `indent`.
    fn block(&mut self, indent: usize, depth: usize) -> Option<Quick<'t>> {
        if depth > DEEPEST {
            return None;
        }
        if self.line?.is_item() { self.list(indent, depth) } else { self.mapping(indent, depth) }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Quick<'t>> {
        let mut items = vec![];
        while let Some(line) = self.line.filter(|it| it.indent == indent && it.is_item()) {
            let written = line.written[1..].trim_start_matches(' ');
            if scalars::entry(written).is_some() {
                // The mapping of an item begins on its line: as if the dash were a space.
                let inner = indent + line.written.len() - written.len();
                self.line = Some(Line { indent: inner, written });
                items.push(self.mapping(inner, depth + 1)?);
            } else {
                items.push(self.value(written, indent, depth)?);
            }
        }
        self.ends_block(indent)?;
        Some(Quick::List(items))
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Option<Quick<'t>> {
        if depth > DEEPEST {
            return None;
        }
        let mut entries: Vec<(Cow<'t, str>, Quick<'t>)> = vec![];
        while let Some(line) = self.line.filter(|it| it.indent == indent && !it.is_separator()) {
            if line.is_item() {
                // After an item's mapping, the next item; anywhere else a mistake.
                return None;
            }
            let (key, written) = scalars::entry(line.written)?;
            if entries.len() >= MOST_ENTRIES || entries.iter().any(|(it, _)| *it == key) {
                return None;
            }
            let value = if written.is_empty() {
                self.next_line()?;
                self.below(indent, depth)?
            } else {
                self.value(written, indent, depth)?
            };
            entries.push((key, value));
        }
        self.ends_block(indent)?;
        Some(Quick::Map(entries))
    }

    /// Says whether the current line may follow a block of `indent`: one that is deeper would continue a scalar, or be wrong.
    fn ends_block(&self, indent: usize) -> Option<()> {
        self.line.is_none_or(|it| it.indent <= indent).then_some(())
    }

    /// Reads what lies below a key of `indent` that has nothing on its own line.
    fn below(&mut self, indent: usize, depth: usize) -> Option<Quick<'t>> {
        match self.line {
            Some(line) if line.indent > indent => self.block(line.indent, depth + 1),
            // A list may stand right below its key.
            Some(line) if line.indent == indent && line.is_item() => {
                self.list_at_key(indent, depth)
            }
            Some(_) | None => Some(Quick::Plain(Reading::Null)),
        }
    }

    fn list_at_key(&mut self, indent: usize, depth: usize) -> Option<Quick<'t>> {
        if depth >= DEEPEST { None } else { self.list(indent, depth + 1) }
    }

    /// Reads a value that begins on the current line, in a block of `indent`, and goes to the line after it.
    fn value(&mut self, written: &'t str, indent: usize, depth: usize) -> Option<Quick<'t>> {
        let value = match written.as_bytes().first()? {
            b'|' => return self.literal(written, indent),
            b'[' | b'{' => Flow::read(written, DEEPEST.checked_sub(depth)?)?,
            _ => scalars::scalar(written)?,
        };
        self.next_line()?;
        self.ends_block(indent)?;
        Some(value)
    }

    /// Reads a literal block, in a block of `indent`.
    fn literal(&mut self, header: &str, indent: usize) -> Option<Quick<'t>> {
        let keep_last = match header {
            "|" => true,
            "|-" => false,
            _ => return None,
        };
        let mut content = String::new();
        let mut step = None;
        let mut empty = 0;
        while let Some(end) = self.text[self.at..].find('\n') {
            let line = &self.text[self.at..self.at + end];
            let written = line.trim_start_matches(' ');
            let spaces = line.len() - written.len();
            if written.is_empty() {
                // Empty lines that are longer than the block is deep, or come first, are special.
                if spaces > step? {
                    return None;
                }
                empty += 1;
            } else {
                if spaces <= indent {
                    break;
                }
                let step = *step.get_or_insert(spaces);
                content.extend(std::iter::repeat_n('\n', empty));
                empty = 0;
                content.push_str(line.get(step..).filter(|_| spaces >= step)?);
                content.push('\n');
            }
            self.at += end + 1;
        }
        step?;
        if !keep_last {
            content.pop();
        }
        self.next_line()?;
        self.ends_block(indent)?;
        Some(Quick::Text(content.into()))
    }
}

impl Data for Quick<'_> {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Plain(Reading::Bool(it)) => View::Bool(*it),
            Self::Plain(Reading::Int(it)) => View::Int(*it),
            Self::Plain(Reading::Float(it)) => View::Float(*it),
            Self::Plain(Reading::Null | Reading::Text) => View::Null,
            Self::Text(it) => View::Text(it),
            Self::List(items) => View::List(items),
            Self::Map(entries) => View::Map(entries.iter().map(|(key, it)| (&**key, it)).collect()),
        }
    }
}

/// Returns what a plain scalar is.
fn plain(text: &str) -> Quick<'_> {
    match scalar::read(text) {
        Reading::Text => Quick::Text(text.into()),
        reading @ (Reading::Null | Reading::Bool(_) | Reading::Int(_) | Reading::Float(_)) => {
            Quick::Plain(reading)
        }
    }
}

#[cfg(test)]
mod tests;
