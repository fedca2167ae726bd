//! Excerpts: the few lines of the few files that one diagnostic points at, as one text for miette.
//!
//! miette knows one source per diagnostic. An excerpt lays the marked lines of all files into one virtual text and
//! refuses spans that cross from one file, or one distant line, into another, so that miette draws them apart.

use std::{collections::BTreeMap, ops::Range};

use miette::{LabeledSpan, MietteError, SourceCode, SourceSpan, SpanContents};
use wob_engine::{FileName, mask_line};

use super::{FileLine, Mark, text::printable};

/// A line longer than this is shown in part, in characters.
const LONGEST_LINE: usize = 160;
/// How much of a long line is shown before a mark, in characters.
const BEFORE_MARK: usize = 60;

/// The marked lines of one diagnostic.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The virtual text: the lines, joined by line feeds.
    text: String,
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
    /// Where the line lies in the virtual text.
    at: Range<usize>,
    /// Which excerpt the line belongs to: each is drawn in a box of its own.
    run: usize,
}

impl Excerpt {
    /// Lays out the lines that `marks` have a range in, and those of `between`, which join lines that are near.
    pub(super) fn new(marks: &[Mark], between: &[FileLine]) -> Self {
        let mut excerpt = Self { text: String::new(), lines: vec![], labels: vec![] };
        for (run, lines) in runs(marks, between).into_iter().enumerate() {
            for (line, mark) in lines {
                excerpt.add(&line, mark, run);
            }
        }
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

    /// Appends a line, of which the surroundings of the column `mark` are shown.
    fn add(&mut self, line: &FileLine, mark: usize, run: usize) {
        if !self.text.is_empty() || !self.lines.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len();
        let (column, shown) = shorten(&line.text, mark);
        self.text.push_str(&shown);
        let file = printable(line.file.as_str()).into_owned();
        let (number, at) = (line.number as usize - 1, start..self.text.len());
        self.lines.push(Line { file, number, column, at, run });
    }

    /// Returns the remark of `mark` and its span in the virtual text.
    fn place(&self, mark: &Mark) -> Option<(Option<String>, SourceSpan)> {
        let range = mark.range.as_ref()?;
        let file = printable(mark.file.as_str());
        let number = range.start.line as usize - 1;
        let line = self.lines.iter().find(|it| it.file == *file && it.number == number)?;
        let start = range.start.column as usize - 1;
        let last = if range.end.line == range.start.line {
            range.end.column as usize - 1
        } else {
            range.line.trim_end().chars().count()
        };
        // A mark may lie outside the part that another mark on the same line chose to show.
        let shown = &self.text[line.at.clone()];
        let offset =
            |column: usize| line.at.start + byte_offset(shown, column.saturating_sub(line.column));
        let (from, to) = (offset(start), offset(last.max(start)));
        let text = printable(&mark.text).replace('\n', " ");
        Some(((!text.is_empty()).then_some(text), SourceSpan::from((from, to - from))))
    }
}

/// Returns the lines to draw, each with the column that must be seen: runs of neighbours, that of the main mark first.
fn runs(marks: &[Mark], between: &[FileLine]) -> Vec<Vec<(FileLine, usize)>> {
    let mut lines: BTreeMap<(FileName, u32), (FileLine, usize, usize)> = BTreeMap::new();
    for (rank, mark) in marks.iter().enumerate() {
        let Some(range) = &mark.range else { continue };
        let (number, text) = (range.start.line, range.line.clone());
        let line = FileLine { file: mark.file.clone(), number, text };
        let column = range.start.column as usize - 1;
        lines.entry((mark.file.clone(), number)).or_insert((line, column, rank));
    }
    for line in between {
        let key = (line.file.clone(), line.number);
        lines.entry(key).or_insert_with(|| (line.clone(), 0, usize::MAX));
    }
    let mut runs: Vec<(usize, Vec<(FileLine, usize)>)> = vec![];
    for (line, column, rank) in lines.into_values() {
        let follows = |it: &FileLine| it.file == line.file && it.number + 1 == line.number;
        match runs.last_mut() {
            Some((first, run)) if run.last().is_some_and(|it| follows(&it.0)) => {
                *first = rank.min(*first);
                run.push((line, column));
            }
            _ => runs.push((rank, vec![(line, column)])),
        }
    }
    runs.sort_by_key(|it| it.0);
    runs.into_iter().map(|it| it.1).collect()
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
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (from, to) = (span.offset(), span.offset() + span.len());
        let holding = |offset: usize| {
            self.lines.iter().position(|it| it.at.start <= offset && offset <= it.at.end)
        };
        let bounds = holding(from).zip(holding(to));
        let (first, last) = bounds.ok_or(MietteError::OutOfBounds)?;
        let run = self.lines[first].run;
        if run != self.lines[last].run {
            return Err(MietteError::OutOfBounds);
        }
        let column =
            self.lines[first].column + self.text[self.lines[first].at.start..from].chars().count();
        let in_run = |it: &&Line| it.run == run;
        let before = self.lines[..first].iter().rev().take(lines_before).take_while(in_run);
        let first = first - before.count();
        let after = self.lines[last + 1..].iter().take(lines_after).take_while(in_run);
        let last = last + after.count();
        let lines = &self.lines[first..=last];
        let (start, end) = (lines[0].at.start, lines[lines.len() - 1].at.end);
        let span = SourceSpan::from((start, end - start));
        Ok(Box::new(Shown { excerpt: self, lines, column, span }))
    }
}

/// Some lines as miette reads them.
struct Shown<'a> {
    excerpt: &'a Excerpt,
    /// Never empty.
    lines: &'a [Line],
    column: usize,
    span: SourceSpan,
}

impl<'a> SpanContents<'a> for Shown<'a> {
    fn data(&self) -> &'a [u8] {
        let start = self.span.offset();
        &self.excerpt.text.as_bytes()[start..start + self.span.len()]
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn line(&self) -> usize {
        self.lines[0].number
    }

    fn column(&self) -> usize {
        self.column
    }

    fn line_count(&self) -> usize {
        self.lines.len()
    }

    fn name(&self) -> Option<&str> {
        Some(&self.lines[0].file)
    }
}
