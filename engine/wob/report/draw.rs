//! Draws reports for people, with miette.

use std::fmt::{self, Write as _};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use wob_engine::{FileName, Severity};

use super::{Item, NEAR, excerpt::Excerpt, text::printable};

/// What the reader's terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Its width in columns.
    pub(crate) width: usize,
    /// Whether it shows colours.
    pub(crate) colour: bool,
}

/// Returns `item` as people read it: code, message, excerpts, help and notes; it ends in a line feed.
pub(crate) fn draw(item: &Item, look: Look) -> String {
    let theme =
        if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_context_lines(NEAR as usize)
        .with_links(false)
        .with_wrap_lines(false)
        .without_syntax_highlighting();
    let mut drawn = String::new();
    let shown = Shown::new(item, look);
    let complete = writeln!(drawn, "{}", code(item, look)).is_ok()
        && handler.render_report(&mut drawn, &shown).is_ok();
    debug_assert!(complete, "an excerpt answers every span that it hands out");
    for note in &item.diagnostic.notes {
        let note = wrapped(note, 8, look).replace('\n', "\n        ");
        let _ = writeln!(drawn, "  note: {note}");
    }
    drawn
}

/// Returns the first line: the code, and how bad it is unless it is an error.
fn code(item: &Item, look: Look) -> String {
    let text = match item.diagnostic.severity {
        Severity::Error => item.diagnostic.code.to_owned(),
        severity @ (Severity::Warning | Severity::Advice) => {
            format!("{} ({severity})", item.diagnostic.code)
        }
    };
    let sgr = match item.diagnostic.severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Advice => 36,
    };
    if look.colour { format!("\u{1b}[{sgr}m{text}\u{1b}[0m") } else { text }
}

/// Breaks `text` at spaces so that `indent` more columns fit before each line: addresses and paths stay whole.
fn wrapped(text: &str, indent: usize, look: Look) -> String {
    let room = look.width.saturating_sub(indent).max(20);
    let mut lines = vec![];
    for paragraph in printable(text).split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// An item as miette sees it. The code is not part of it: miette would put an empty line behind it.
#[derive(Debug)]
struct Shown {
    message: String,
    severity: miette::Severity,
    help: Option<String>,
    excerpt: Excerpt,
    place: Option<InFile>,
}

impl Shown {
    fn new(item: &Item, look: Look) -> Self {
        let diagnostic = &item.diagnostic;
        let place = item.marks.first().filter(|mark| mark.range.is_none());
        Self {
            message: wrapped(&diagnostic.message, 6, look),
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
                Severity::Advice => miette::Severity::Advice,
            },
            help: diagnostic.help.as_deref().map(|it| wrapped(it, 10, look)),
            excerpt: Excerpt::new(&item.marks, &item.between),
            place: place.map(|mark| InFile { file: mark.file.clone(), text: mark.text.clone() }),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.place.as_ref().map(|it| it as &dyn std::error::Error)
    }
}

impl miette::Diagnostic for Shown {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|it| Box::new(it) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.excerpt.labels.is_empty()).then_some(&self.excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.excerpt.labels.is_empty()).then(|| {
            Box::new(self.excerpt.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>
        })
    }
}

/// A file as a whole: miette draws causes below the message, and the place is shown as one.
#[derive(Debug)]
struct InFile {
    file: FileName,
    text: String,
}

impl fmt::Display for InFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}", printable(self.file.as_str()))?;
        if self.text.is_empty() { Ok(()) } else { write!(f, ": {}", printable(&self.text)) }
    }
}

impl std::error::Error for InFile {}
