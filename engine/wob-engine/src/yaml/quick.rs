//! A quick way from plain YAML, such as templates of manifests give, to its canonical form: in one pass, without a tree.
//!
//! **Invariant:** a text either becomes exactly what [`super::parse`] and [`super::emit`] make of it, and has no error
//! there, or it is not read at all. Whatever is rare, doubtful or wrong (anchors, tags, folded or many-line scalars, keys
//! twice, characters beyond ASCII) is left to the parser, which knows all of YAML and explains what is wrong.

mod flow;
mod form;
mod scalars;

use memchr::memchr;

use self::{
    flow::Flow,
    form::{Form, Parent},
    scalars::Scalar,
};
use super::scalar::Reading;

/// The longest text that is read quickly; far below every limit of the parser.
const LONGEST: usize = 1 << 16;
/// The deepest nesting; below the parser's limit too.
const DEEPEST: usize = 24;

/// Appends each document of `text` to `documents` in canonical form, after a `---` unless it is the first one there.
///
/// If the text is not plain enough, says `false` and appends nothing; [`super::parse`] and [`super::emit`] then do the
/// same, slowly.
#[must_use]
pub fn canonical(text: &str, documents: &mut String) -> bool {
    let before = documents.len();
    // Quotes come and go, and list items move to the left.
    documents.reserve(text.len() + 16);
    let is_plain = is_plain(text.as_bytes()) && read(text, documents).is_some();
    if !is_plain {
        documents.truncate(before);
    }
    is_plain
}

/// Begins another document after those in `documents`, if there are any; one that lacks its last line break gets it.
pub fn separate(documents: &mut String) {
    if documents.is_empty() {
        return;
    }
    if !documents.ends_with('\n') {
        documents.push('\n');
    }
    documents.push_str("---\n");
}

/// Says whether there are only printable ASCII characters and whole lines, not too many.
fn is_plain(bytes: &[u8]) -> bool {
    // Without a way out of the inner loop, the compiler looks at many bytes at once.
    let all =
        |chunk: &[u8]| chunk.iter().fold(true, |all, it| all & matches!(it, b'\n' | b' '..=b'~'));
    bytes.len() <= LONGEST && bytes.ends_with(b"\n") && bytes.chunks(64).all(all)
}

/// Reads every document of `text` that is not empty.
fn read(text: &str, documents: &mut String) -> Option<()> {
    let mut reader =
        Reader { text, at: 0, line: None, form: Form::new(documents), content: String::new() };
    reader.next_line()?;
    loop {
        while reader.line.is_some_and(Line::is_separator) {
            reader.next_line()?;
        }
        let Some(line) = reader.line else { return Some(()) };
        if line.indent != 0 {
            return None;
        }
        reader.form.begin_document();
        reader.block(0, 0, 0)?;
        reader.form.end_document();
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
        self.indent == 0 && self.written.as_bytes() == b"---"
    }

    fn is_item(self) -> bool {
        matches!(self.written.as_bytes(), [b'-'] | [b'-', b' ', ..])
    }
}

/// What is read, line by line. Of each block, `indent` is where it stands in the text, and `column` in what is written.
struct Reader<'t, 'o> {
    text: &'t str,
    /// Where the line after the current one begins.
    at: usize,
    /// The current line; none at the end.
    line: Option<Line<'t>>,
    form: Form<'t, 'o>,
    /// Room for the content of a literal block.
    content: String,
}

impl<'t> Reader<'t, '_> {
    /// Goes to the next line that says something; `None` if that is a directive or the end of a document.
    fn next_line(&mut self) -> Option<()> {
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = memchr(b'\n', rest.as_bytes()) else {
                self.line = None;
                return Some(());
            };
            self.at += end + 1;
            let indent = spaces(rest);
            if indent >= end || rest.as_bytes()[indent] == b'#' {
                continue;
            }
            let after = rest.as_bytes()[..end].iter().rev().take_while(|it| **it == b' ').count();
            let line = Line { indent, written: &rest[indent..end - after] };
            self.line = Some(line);
            return (indent > 0 || !is_marker(line.written)).then_some(());
        }
    }

    /// Reads the list or mapping whose lines have `indent`.
    fn block(&mut self, indent: usize, depth: usize, column: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        if self.line?.is_item() {
            self.list(indent, depth, column)
        } else {
            self.mapping(indent, depth, column)
        }
    }

    fn list(&mut self, indent: usize, depth: usize, column: usize) -> Option<()> {
        while let Some(line) = self.line.filter(|it| it.indent == indent && it.is_item()) {
            let written = line.written[1..].trim_start_matches(' ');
            self.form.item(column);
            if scalars::entry(written).is_some() {
                // The mapping of an item begins on its line: as if the dash were a space.
                let inner = indent + line.written.len() - written.len();
                self.line = Some(Line { indent: inner, written });
                self.mapping(inner, depth + 1, column + 2)?;
            } else {
                self.value(written, indent, depth, (column, Parent::Item))?;
            }
        }
        self.ends_block(indent)
    }

    fn mapping(&mut self, indent: usize, depth: usize, column: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let mapping = self.form.begin_mapping();
        while let Some(line) = self.line.filter(|it| it.indent == indent && !it.is_separator()) {
            if line.is_item() {
                // After an item's mapping, the next item; anywhere else a mistake.
                return None;
            }
            let (key, written) = scalars::entry(line.written)?;
            self.form.key(mapping, key, column)?;
            if written.is_empty() {
                self.next_line()?;
                self.below(indent, depth, column)?;
            } else {
                self.value(written, indent, depth, (column, Parent::Value))?;
            }
        }
        self.ends_block(indent)?;
        self.form.end_mapping(mapping, column)
    }

    /// Says whether the current line may follow a block of `indent`: one that is deeper would continue a scalar, or be wrong.
    fn ends_block(&self, indent: usize) -> Option<()> {
        self.line.is_none_or(|it| it.indent <= indent).then_some(())
    }

    /// Reads what lies below a key of `indent` that has nothing on its own line.
    fn below(&mut self, indent: usize, depth: usize, column: usize) -> Option<()> {
        match self.line {
            Some(line) if line.indent > indent => {
                // What is a list stands right below its key.
                let column = if line.is_item() { column } else { column + 2 };
                self.block(line.indent, depth + 1, column)
            }
            Some(line) if line.indent == indent && line.is_item() => {
                if depth >= DEEPEST {
                    None
                } else {
                    self.list(indent, depth + 1, column)
                }
            }
            Some(_) | None => {
                self.form.scalar(&Scalar::Plain(Reading::Null), column);
                Some(())
            }
        }
    }

    /// Reads a value that begins on the current line, in a block of `indent`, and goes to the line after it.
    fn value(
        &mut self,
        written: &'t str,
        indent: usize,
        depth: usize,
        (column, parent): (usize, Parent),
    ) -> Option<()> {
        match written.as_bytes().first()? {
            b'|' => return self.literal(written, indent, column),
            b'[' | b'{' => {
                Flow::read(written, &mut self.form, DEEPEST.checked_sub(depth)?, (column, parent))?;
            }
            _ => self.form.scalar(&scalars::scalar(written)?, column),
        }
        self.next_line()?;
        self.ends_block(indent)
    }
}

impl Reader<'_, '_> {
    /// Reads a literal block, in a block of `indent`.
    fn literal(&mut self, header: &str, indent: usize, column: usize) -> Option<()> {
        let keep_last = match header {
            "|" => true,
            "|-" => false,
            _ => return None,
        };
        self.content.clear();
        let mut step = None;
        let mut empty = 0;
        while let Some(end) = memchr(b'\n', &self.text.as_bytes()[self.at..]) {
            let line = &self.text[self.at..self.at + end];
            let spaces = spaces(line);
            if spaces == line.len() {
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
                self.content.extend(std::iter::repeat_n('\n', empty));
                empty = 0;
                self.content.push_str(line.get(step..).filter(|_| spaces >= step)?);
                self.content.push('\n');
            }
            self.at += end + 1;
        }
        step?;
        if !keep_last {
            self.content.pop();
        }
        self.form.text(&self.content, column);
        self.next_line()?;
        self.ends_block(indent)
    }
}

fn spaces(line: &str) -> usize {
    line.bytes().take_while(|it| *it == b' ').count()
}

/// Says whether a line at the left edge is a directive, the end of a document, or a separator with more on its line.
fn is_marker(written: &str) -> bool {
    matches!(written.as_bytes(), [b'-', b'-', b'-', _, ..] | [b'.', b'.', b'.', ..] | [b'%', ..])
}

#[cfg(test)]
mod tests;
