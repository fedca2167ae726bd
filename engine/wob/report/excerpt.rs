//! Excerpts: the few lines of the few files that one diagnostic points at, as one text for miette.
//!
//! miette knows one source per diagnostic. An excerpt lays the marked lines of all files into one virtual text and
//! refuses spans that cross from one file, or one distant line, into another, so that miette draws them apart.

use miette::{LabeledSpan, MietteError, SourceCode, SourceSpan, SpanContents};
use wob_engine::mask_line;

use super::{Mark, text::printable};

/// A line longer than this is shown in part, in characters.
const LONGEST_LINE: usize = 160;
/// How much of a long line is shown before a mark, in characters.
const BEFORE_MARK: usize = 60;

/// The marked lines of one diagnostic.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The lines, in the order in which they are drawn.
    lines: Vec<Line>,
    /// The marks in the virtual text.
    pub(super) labels: Vec<LabeledSpan>,
}

/// One line of a file.
#[derive(Debug)]
struct Line {
    file: String,
    /// The line in its file, from 0.
    number: usize,
    /// The column of the first character shown, from 0.
    column: usize,
    /// Where the line begins in the virtual text.
    start: usize,
    text: String,
}

impl Excerpt {
    /// Lays out the lines that `marks` have a range in.
    pub(super) fn new(marks: &[Mark]) -> Self {
        let mut excerpt = Self { lines: vec![], labels: vec![] };
        for (index, mark) in marks.iter().enumerate() {
            let place = excerpt.place(mark);
            let label = if index == 0 {
                LabeledSpan::new_primary_with_span
            } else {
                LabeledSpan::new_with_span
            };
            excerpt.labels.extend(place.map(|(text, span)| label(text, span)));
        }
        excerpt
    }

    /// Returns the remark of `mark` and its span in the virtual text, to which its line is added.
    fn place(&mut self, mark: &Mark) -> Option<(Option<String>, SourceSpan)> {
        let range = mark.range.as_ref()?;
        let whole = &*range.line;
        let number = range.start.line as usize - 1;
        let start = range.start.column as usize - 1;
        let last = if range.end.line == range.start.line {
            range.end.column as usize - 1
        } else {
            whole.trim_end().chars().count()
        };
        let line = self.line(&printable(mark.file.as_str()), number, whole, start);
        // A mark may lie outside the part that another mark on the same line chose to show.
        let offset = |column: usize| {
            line.start + byte_offset(&line.text, column.saturating_sub(line.column))
        };
        let (from, to) = (offset(start), offset(last.max(start)));
        let text = printable(&mark.text).replace('\n', " ");
        Some(((!text.is_empty()).then_some(text), SourceSpan::from((from, to - from))))
    }

    /// Returns the line `number` of `file`, adding it if it is not there.
    fn line(&mut self, file: &str, number: usize, whole: &str, mark: usize) -> &Line {
        let known = self.lines.iter().position(|it| it.file == file && it.number == number);
        let index = known.unwrap_or_else(|| {
            let start = self.lines.last().map_or(0, |last| last.start + last.text.len() + 2);
            let (column, text) = shorten(whole, mark);
            self.lines.push(Line { file: file.to_owned(), number, column, start, text });
            self.lines.len() - 1
        });
        &self.lines[index]
    }
}

/// Returns the part of a line that is shown, without secrets, and its first column.
fn shorten(line: &str, mark: usize) -> (usize, String) {
    let line = &*mask_line(line);
    let length = line.chars().take(LONGEST_LINE + mark).count();
    let column = if length > LONGEST_LINE { mark.saturating_sub(BEFORE_MARK) } else { 0 };
    let shown: String = line.chars().skip(column).take(LONGEST_LINE).collect();
    (column, printable(&shown).into_owned())
}

fn byte_offset(text: &str, column: usize) -> usize {
    text.char_indices().nth(column).map_or(text.len(), |(at, _)| at)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (from, to) = (span.offset(), span.offset() + span.len());
        let holds = |line: &&Line| line.start <= from && to <= line.start + line.text.len();
        let line = self.lines.iter().find(holds).ok_or(MietteError::OutOfBounds)?;
        let column = line.column + line.text[..from - line.start].chars().count();
        let span = SourceSpan::from((line.start, line.text.len()));
        Ok(Box::new(Shown { line, span, column }))
    }
}

/// A line as miette reads it.
struct Shown<'a> {
    line: &'a Line,
    span: SourceSpan,
    column: usize,
}

impl<'a> SpanContents<'a> for Shown<'a> {
    fn data(&self) -> &'a [u8] {
        self.line.text.as_bytes()
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn line(&self) -> usize {
        self.line.number
    }

    fn column(&self) -> usize {
        self.column
    }

    fn line_count(&self) -> usize {
        1
    }

    fn name(&self) -> Option<&str> {
        Some(&self.line.file)
    }
}
