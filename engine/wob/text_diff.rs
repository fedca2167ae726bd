//! How two texts differ, line by line, as people may see it: secrets are masked, and nothing moves the cursor.

use similar::{ChangeTag, TextDiff};
use wob_engine::mask_text;

use crate::report::printable;

/// Files that are larger are not compared line by line.
const BYTES: usize = 1 << 20;
/// How many lines around a difference a unified diff shows.
const AROUND: usize = 3;
/// How many lines of it are shown of one file.
const LINES: usize = 40;

/// Lines that differ, with those around them.
#[derive(Debug)]
pub(crate) struct Hunk {
    /// Which lines these are: `@@ -1,3 +1,3 @@`.
    pub(crate) header: String,
    /// The lines, in order.
    pub(crate) lines: Vec<Line>,
}

/// One line of a hunk.
#[derive(Debug)]
pub(crate) struct Line {
    /// `-` for one that is gone, `+` for a new one, a blank for one that both have.
    pub(crate) sign: char,
    /// The line without its end.
    pub(crate) text: String,
    /// Whether it is the last of its file, and has no end.
    pub(crate) is_open: bool,
}

/// Compares two files, and shows `around` lines around what differs; `None` if either is no text, or is large.
pub(crate) fn hunks(before: &[u8], after: &[u8], around: usize) -> Option<Vec<Hunk>> {
    let (before, after) = (text(before)?, text(after)?);
    // What is compared is not what is shown: two secrets may be masked alike.
    let masked = (mask_text(before), mask_text(after));
    let diff = TextDiff::from_lines(before, after);
    let line = |change: similar::Change<&str>| {
        let (sign, line) = match change.tag() {
            ChangeTag::Delete => ('-', change.old_index().and_then(|it| masked.0.get(it))),
            ChangeTag::Insert => ('+', change.new_index().and_then(|it| masked.1.get(it))),
            ChangeTag::Equal => (' ', change.new_index().and_then(|it| masked.1.get(it))),
        };
        let text = printable(line.map_or("", String::as_str)).into_owned();
        Line { sign, text, is_open: change.missing_newline() }
    };
    let hunks = diff.unified_diff().context_radius(around).iter_hunks().map(|it| Hunk {
        header: it.header().to_string(),
        lines: it.iter_changes().map(line).collect(),
    });
    Some(hunks.collect())
}

/// Returns the first lines of the unified diff from `before` to `after`, and how many follow; `None` where [`hunks`] is.
pub(crate) fn unified(before: &[u8], after: &[u8]) -> Option<(String, usize)> {
    hunks(before, after, AROUND).map(|it| cut(&it))
}

/// Returns the first lines of a unified diff, and how many follow.
fn cut(hunks: &[Hunk]) -> (String, usize) {
    let mut lines = vec![];
    for hunk in hunks {
        lines.push(hunk.header.clone());
        for line in &hunk.lines {
            lines.push(format!("{}{}", line.sign, line.text));
            if line.is_open {
                lines.push("\\ no newline at the end of the file".to_owned());
            }
        }
    }
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    // Each line ends, the last one too.
    lines.push(String::new());
    (lines.join("\n"), more)
}

fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > BYTES { None } else { str::from_utf8(bytes).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unified(before: &str, after: &str) -> (String, usize) {
        super::unified(before.as_bytes(), after.as_bytes()).unwrap()
    }

    #[test]
    fn a_changed_secret_shows_that_it_changed_but_not_what_it_is() {
        let before = "a: 1\nDB_PASSWORD: hunter2\nb: 2\n";
        let after = "a: 1\nDB_PASSWORD: hunter3\nb: 2";
        insta::assert_snapshot!(unified(before, after).0, @r"
        @@ -1,3 +1,3 @@
         a: 1
        -DB_PASSWORD: •••••••
        -b: 2
        +DB_PASSWORD: •••••••
        +b: 2
        \ no newline at the end of the file
        ");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let after = "line\n".repeat(100);
        let (diff, more) = unified("", &after);
        assert_eq!((diff.lines().count(), more), (LINES, 61));
        assert!(unified("\u{1b}[2J\n", "").0.contains("-\u{fffd}[2J"));
    }
}
