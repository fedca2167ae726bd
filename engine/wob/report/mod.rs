//! Reports: diagnostics found their places, in the order and the shapes in which people and programs read them.

mod draw;
mod excerpt;
mod github;
mod json;
mod places;
mod shown;
#[cfg(test)]
mod tests;
mod text;

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use wob_engine::{
    At, Diagnostic, FileName, LineColumn, LineIndex, Place, Severity, looks_secret,
    yaml::{self, Limits, Parsed},
};

pub(crate) use draw::{Look, draw};
pub(crate) use github::annotations;
pub(crate) use json::JsonDiagnostic;
pub(crate) use places::{Places, Position};
pub(crate) use shown::{AtView, MASK, Secrecy, ValueView, around, shown};
pub(crate) use text::{count, printable};

/// Where reports look up the files that diagnostics point into.
pub(crate) trait Texts {
    /// Returns the text of `file` as it was built; `None` if it was not read as text.
    fn text(&self, file: &FileName) -> Option<Arc<str>>;
}

/// The texts of a run that has read nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileTexts(BTreeMap<FileName, Arc<str>>);

impl FileTexts {
    /// Remembers the text of a file.
    pub(crate) fn insert(&mut self, file: FileName, text: Arc<str>) {
        self.0.insert(file, text);
    }
}

impl Texts for FileTexts {
    fn text(&self, file: &FileName) -> Option<Arc<str>> {
        self.0.get(file).cloned()
    }
}

/// Diagnostics in the order in which they are reported: by file and position, equal ones once.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The diagnostics.
    pub(crate) items: Vec<Item>,
}

/// A diagnostic whose places have been found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// What is wrong.
    pub(crate) diagnostic: Diagnostic,
    /// Its labels, in the same order: the first is the main one.
    pub(crate) marks: Vec<Mark>,
    /// The lines between marks that are near each other, to draw those in one excerpt.
    pub(crate) between: Vec<FileLine>,
}

impl Item {
    /// Returns it in a line, with its place, and the way out below: `wob.yaml:3:5: there is no such file`.
    pub(crate) fn in_words(&self) -> String {
        let place = self.marks.first().map(|mark| {
            let file = printable(mark.file.as_str());
            match &mark.range {
                Some(Range { start, .. }) => format!("{file}:{}:{}: ", start.line, start.column),
                None => format!("{file}: "),
            }
        });
        let help = self.diagnostic.help.as_ref().map(|it| format!("\n  help: {it}"));
        let message = &self.diagnostic.message;
        format!("{}{message}{}", place.unwrap_or_default(), help.unwrap_or_default())
    }
}

/// How many lines apart two marks of one file may be to be drawn in one excerpt.
const NEAR: u32 = 5;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileLine {
    /// The file.
    pub(crate) file: FileName,
    /// The line, from 1.
    pub(crate) number: u32,
    /// Its text, without its end.
    pub(crate) text: Arc<str>,
}

/// A label that has been found in its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// The file.
    pub(crate) file: FileName,
    /// Where in the file; `None` for the file as a whole.
    pub(crate) range: Option<Range>,
    /// The remark; may be empty.
    pub(crate) text: String,
}

/// A range of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    /// Its first character.
    pub(crate) start: LineColumn,
    /// The character behind its last one.
    pub(crate) end: LineColumn,
    /// The first line, without its end: the only one that is drawn.
    pub(crate) line: Arc<str>,
}

impl Report {
    /// Finds the places of `diagnostics` in `texts`.
    pub(crate) fn new(diagnostics: Vec<Diagnostic>, texts: &dyn Texts) -> Self {
        let mut files = Files::new(texts);
        let mut items: Vec<Item> = diagnostics
            .into_iter()
            .map(|diagnostic| {
                let marks = diagnostic.labels.iter().map(|label| Mark {
                    file: label.place.file.clone(),
                    range: files.find(&label.place),
                    text: label.text.clone(),
                });
                let marks: Vec<Mark> = marks.collect();
                Item { between: files.between(&marks), marks, diagnostic }
            })
            .collect();
        items.sort_by(|a, b| (&a.marks, &a.diagnostic).cmp(&(&b.marks, &b.diagnostic)));
        items.dedup();
        Self { items }
    }

    /// Returns how many diagnostics are this bad.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.items.iter().filter(|item| item.diagnostic.severity == severity).count()
    }

    /// Says how many problems there are in how many files; `None` if there is none.
    pub(crate) fn summary(&self) -> Option<String> {
        let counts = [
            (self.count(Severity::Error), "error", "errors"),
            (self.count(Severity::Warning), "warning", "warnings"),
            (self.count(Severity::Advice), "advice", "pieces of advice"),
        ];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|it| it.0 > 0)
            .map(|(n, one, many)| count(n, one, many))
            .collect();
        let mut files: Vec<&FileName> =
            self.items.iter().filter_map(|item| Some(&item.marks.first()?.file)).collect();
        files.sort();
        files.dedup();
        let place = match files.len() {
            0 => String::new(),
            n => format!(" in {}", count(n, "file", "files")),
        };
        (!counts.is_empty()).then(|| counts.join(", ") + &place)
    }
}

/// Returns a place as people read it: `wob.yaml:7`.
pub(crate) fn place_name(place: &Place, texts: &dyn Texts) -> String {
    let found = Files { texts, read: BTreeMap::new() }.find(place);
    let file = printable(place.file.as_str());
    found.map_or_else(|| file.to_string(), |it| format!("{file}:{}", it.start.line))
}

/// Finds where places are, and reads each file once.
pub(crate) struct Finder<'t>(Files<'t>);

impl<'t> Finder<'t> {
    /// Looks places up in `texts`.
    pub(crate) fn new(texts: &'t dyn Texts) -> Self {
        Self(Files { texts, read: BTreeMap::new() })
    }

    /// Returns where `place` begins; `None` if it is a file as a whole, or one that was not read as text.
    pub(crate) fn start(&mut self, place: &Place) -> Option<LineColumn> {
        self.0.find(place).map(|it| it.start)
    }
}

/// The files that places are found in, each read once.
pub(crate) struct Files<'t> {
    texts: &'t dyn Texts,
    read: BTreeMap<FileName, Option<File>>,
}

/// A file that a report points into.
struct File {
    text: Arc<str>,
    lines: LineIndex,
    parsed: OnceCell<Parsed>,
}

impl<'t> Files<'t> {
    /// Finds places in `texts`.
    pub(crate) fn new(texts: &'t dyn Texts) -> Self {
        Self { texts, read: BTreeMap::new() }
    }

    /// Returns where a place is; `None` for a file as a whole, or one that was not read.
    pub(crate) fn find(&mut self, place: &Place) -> Option<Range> {
        let texts = self.texts;
        let read = self.read.entry(place.file.clone()).or_insert_with(|| {
            let text = texts.text(&place.file)?;
            Some(File { lines: LineIndex::new(&text), text, parsed: OnceCell::new() })
        });
        read.as_ref()?.find(&place.at)
    }

    /// Returns the lines between those of `marks` that are near each other.
    fn between(&self, marks: &[Mark]) -> Vec<FileLine> {
        let lines = marks.iter().filter_map(|it| Some((&it.file, it.range.as_ref()?.start.line)));
        let mut lines: Vec<(&FileName, u32)> = lines.collect();
        lines.sort_unstable();
        let mut between = vec![];
        for pair in lines.windows(2) {
            let [(file, from), (other, to)] = *pair else { continue };
            if file != other || to - from > NEAR {
                continue;
            }
            let Some(read) = self.read.get(file).and_then(Option::as_ref) else { continue };
            let line = |number| {
                Some(FileLine { file: file.clone(), number, text: read.unmarked(number)? })
            };
            between.extend((from + 1..to).filter_map(line));
        }
        between
    }
}

impl File {
    /// Returns a line that is shown only because its neighbours are; empty if it may be part of a secret text block.
    fn unmarked(&self, number: u32) -> Option<Arc<str>> {
        /// How far above its key a line of a text block is looked for.
        const FARTHEST: u32 = 200;
        let indent = |it: &str| it.len() - it.trim_start().len();
        let text = self.lines.line(&self.text, number)?;
        let mut column = indent(text);
        for above in (number.saturating_sub(FARTHEST).max(1)..number).rev() {
            let line = self.lines.line(&self.text, above)?;
            if line.trim().is_empty() || indent(line) >= column {
                continue;
            }
            column = indent(line);
            let key = line.split(':').next().unwrap_or_default();
            if looks_secret(key) {
                return Some("".into());
            }
        }
        Some(text.into())
    }

    fn find(&self, at: &At) -> Option<Range> {
        let span = match at {
            At::File => return None,
            At::Bytes(span) => *span,
            At::Node { .. } | At::Text { .. } => {
                let parsed =
                    self.parsed.get_or_init(|| yaml::parse(&self.text, &Limits::default()));
                yaml::resolve(parsed, &self.text, at)
            }
        };
        let start = self.lines.line_column(&self.text, span.start);
        let end = self.lines.line_column(&self.text, span.end);
        Some(Range { start, end, line: self.lines.line(&self.text, start.line)?.into() })
    }
}
