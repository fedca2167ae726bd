//! The two streams: results go to standard output, talk to standard error. Nothing else in wob prints.

use std::io::{self, IsTerminal as _, Write};

use serde::{Deserialize, Serialize};
use wob_engine::Severity;

use crate::{
    args::{Color, Common, Output},
    pages,
    progress::Wanted,
    report::{JsonDiagnostic, Look, Report, annotations, draw, printable},
};

/// Wide enough for an excerpt, narrow enough to be quoted in a mail.
const WIDTH_WITHOUT_TERMINAL: usize = 80;

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Streams {
    output: Output,
    look: Look,
    talk: Talk,
    annotate: Annotate,
}

/// How much is said, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Talk {
    Errors,
    Normal,
    Verbose,
}

/// Whether diagnostics are written as annotations too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Annotate {
    GitHub,
    Nothing,
}

impl Streams {
    /// Looks at the options, the terminal and the environment.
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let colour = match common.color {
            Color::Auto => terminal && !no_colour,
            Color::Always => true,
            Color::Never => false,
        };
        let width = if terminal { terminal_width() } else { WIDTH_WITHOUT_TERMINAL };
        Self {
            output: common.output,
            look: Look { width, colour },
            talk: match (common.quiet, common.verbose) {
                (true, _) => Talk::Errors,
                (false, 0) => Talk::Normal,
                (false, _) => Talk::Verbose,
            },
            annotate: match std::env::var_os("GITHUB_ACTIONS") {
                Some(value) if value == "true" => Annotate::GitHub,
                Some(_) | None => Annotate::Nothing,
            },
        }
    }

    /// Says whether results are written for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Returns how results are to be written.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Writes a part of the result.
    #[expect(clippy::unused_self, reason = "whoever holds the streams may write, nobody else")]
    pub(crate) fn result(&self, text: &str) {
        write(io::stdout().lock(), text);
    }

    /// Writes the whole result as one JSON document.
    pub(crate) fn json(&self, result: &impl Serialize) {
        self.result(&json_text(result));
    }

    /// Writes one of many results as one line of JSON.
    pub(crate) fn json_line(&self, result: &impl Serialize) {
        let mut text = serde_json::to_string(result)
            .expect("because results are structs with text keys, which JSON can always hold");
        text.push('\n');
        self.result(&text);
    }

    /// Clears the terminal, so that what was said before is not taken for what holds now; elsewhere it does nothing.
    #[expect(clippy::unused_self, reason = "whoever holds the streams may write, nobody else")]
    pub(crate) fn begin_screen(&self) {
        if io::stdout().is_terminal() && io::stderr().is_terminal() {
            write(io::stdout().lock(), "\u{1b}[2J\u{1b}[H");
        }
    }

    /// Says whether the user wants to hear of progress.
    pub(crate) fn wants_progress(&self) -> Wanted {
        if self.talk > Talk::Errors { Wanted::Yes } else { Wanted::No }
    }

    /// Tells the user what happened; `--quiet` silences it.
    pub(crate) fn say(&self, text: &str) {
        if self.talk > Talk::Errors {
            write(io::stderr().lock(), &format!("{}\n", printable(text)));
        }
    }

    /// Tells the user a detail, under `--verbose` only.
    pub(crate) fn say_more(&self, text: &str) {
        if self.talk == Talk::Verbose {
            self.say(text);
        }
    }

    /// Tells the user why nothing more was done; never silenced.
    pub(crate) fn fail(&self, text: &str) {
        let text = printable(text);
        write(io::stderr().lock(), &format!("{}: {text}\n", self.bold_red("error")));
    }

    /// Tells the user what was decided and may not be meant; never silenced.
    #[expect(clippy::unused_self, reason = "whoever holds the streams may write, nobody else")]
    pub(crate) fn warn(&self, text: &str) {
        write(io::stderr().lock(), &format!("warning: {}\n", printable(text)));
    }

    /// Draws a report with its summary, and annotates the pull request when GitHub runs us.
    ///
    /// `results` keeps the annotations out of a standard output that is piped on.
    pub(crate) fn report(&self, report: &Report, results: Results, prefix: &str) {
        self.tell(&self.drawn(report, results, prefix));
    }

    /// Returns what [`Streams::report`] writes.
    pub(crate) fn drawn(&self, report: &Report, results: Results, prefix: &str) -> Drawn {
        let mut drawn = Drawn::default();
        for item in &report.items {
            let code = item.diagnostic.code;
            debug_assert!(pages::find(code).is_some(), "docs/diagnostics/{code}.md is missing");
        }
        if self.annotate == Annotate::GitHub {
            let text = annotations(report, prefix);
            match results {
                Results::Talk if !self.is_json() => drawn.results = text,
                Results::Talk | Results::Data => drawn.talk = text,
            }
        }
        let shown = |severity| self.talk > Talk::Errors || severity == Severity::Error;
        for item in report.items.iter().filter(|item| shown(item.diagnostic.severity)) {
            drawn.talk.extend([&draw(item, self.look), "\n"]);
        }
        if let Some(summary) = report.summary().filter(|_| self.talk > Talk::Errors) {
            drawn.talk.extend([&*printable(&summary), "\n"]);
        }
        drawn
    }

    /// Writes what was drawn, now or by an earlier run.
    pub(crate) fn tell(&self, drawn: &Drawn) {
        if !drawn.results.is_empty() {
            self.result(&drawn.results);
        }
        write(io::stderr().lock(), &drawn.talk);
    }

    fn bold_red(&self, text: &str) -> String {
        if self.look.colour { format!("\u{1b}[1;31m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A report as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    /// For standard output: annotations.
    results: String,
    /// For standard error.
    talk: String,
}

/// What a command's standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Results {
    /// A summary that people read.
    Talk,
    /// Something that other programs read, such as manifests.
    Data,
}

/// Returns a whole result as one JSON document.
pub(crate) fn json_text(result: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(result)
        .expect("because results are structs with text keys, which JSON can always hold");
    text.push('\n');
    text
}

/// Returns the diagnostics of `report` in the documented shape.
pub(crate) fn json_diagnostics(report: &Report) -> Vec<JsonDiagnostic<'_>> {
    report.items.iter().map(JsonDiagnostic::new).collect()
}

fn terminal_width() -> usize {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0)).clamp(40, 120)
}

/// A reader that has seen enough (`wob list | head -1`) closes the pipe; that is no failure of ours.
fn write(mut stream: impl Write, text: &str) {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).unwrap_or_default();
}
