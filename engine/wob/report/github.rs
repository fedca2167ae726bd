//! GitHub annotations: workflow commands that put diagnostics beside the lines of a pull request.

use std::fmt::Write as _;

use wob_engine::Severity;

use super::{Item, Report};

/// Returns one workflow command per diagnostic, each on its own line.
///
/// `prefix` leads from the checkout's root to the workspace, `examples/fleet/` or empty. Files that are not in the
/// checkout (of other branches and repositories) are named in the message, where GitHub shows them without a link.
pub(crate) fn annotations(report: &Report, prefix: &str) -> String {
    let mut out = String::new();
    for item in &report.items {
        let _ = writeln!(out, "{}", annotation(item, prefix));
    }
    out
}

fn annotation(item: &Item, prefix: &str) -> String {
    let diagnostic = &item.diagnostic;
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "notice",
    };
    let mut properties = vec![];
    let mut message = diagnostic.message.clone();
    if let Some(mark) = item.marks.first() {
        let range = mark.range.as_ref();
        if mark.file.as_str().contains(':') {
            let at =
                range.map_or(String::new(), |it| format!(":{}:{}", it.start.line, it.start.column));
            message = format!("{}{at}: {message}", mark.file);
        } else {
            properties.push(format!("file={}", property(&format!("{prefix}{}", mark.file))));
            if let Some(range) = range {
                properties.push(format!("line={},col={}", range.start.line, range.start.column));
                properties
                    .push(format!("endLine={},endColumn={}", range.end.line, range.end.column));
            }
        }
    }
    properties.push(format!("title={}", property(diagnostic.code)));
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    for note in &diagnostic.notes {
        let _ = write!(message, "\nnote: {note}");
    }
    format!("::{command} {}::{}", properties.join(","), data(&message))
}

/// Escapes the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
