//! What differs, as Markdown that fits a comment on a pull request. Names and values are not trusted: all are code.

use wob_rules::changes::Class;

use super::{Change, Compared, lines::Lines, view::CauseView};
use crate::report::{count, printable};

/// How many characters a comment may have; forges take a few more.
pub(crate) const COMMENT: usize = 60_000;

/// How many places of a change are named at once.
const PLACES: usize = 3;
/// How many are listed when asked for.
const LISTED: usize = 100;
/// How many causes of a change are named.
const CAUSES: usize = 4;
/// How many lines of a text are shown.
const LINES: usize = 40;
/// What is kept free for the last line.
const RESERVED: usize = 400;

impl Compared {
    /// Returns Markdown of at most `limit` characters; what does not fit is counted, and where it can be seen is said.
    pub(crate) fn to_markdown(&self, limit: usize) -> String {
        let names = self.names.iter().map(|it| code(it)).collect::<Vec<_>>().join(" → ");
        let uncompared = self.uncompared_in_words(code).map_or(String::new(), |it| {
            format!("\n**Not compared**, because one of the sides cannot be built: {it}\n")
        });
        if !self.differs() {
            return format!("### {names}: {}\n{uncompared}", self.nothing_in_words());
        }
        let mut text = Lines(format!("### {names}: {}\n\n", self.in_words()));
        let classes = Class::ALL.into_iter().filter_map(|class| {
            let count = self.summary.classes.get(&class)?;
            Some(format!("{}: {count}", class.title().split(':').next().unwrap_or_default()))
        });
        text.push_str(&classes.collect::<Vec<_>>().join(" · "));
        text.push_str("\n");
        text.push_str(&uncompared);
        let mut length = text.0.chars().count();
        let mut heading = None;
        for (index, change) in self.changes.iter().enumerate() {
            let mut item = Lines::default();
            if heading != Some(change.class) {
                item.add(format_args!("\n#### {}\n\n", change.class.title()));
            }
            heading = Some(change.class);
            item.push_str(&self.item(change));
            length += item.0.chars().count();
            if length + RESERVED > limit {
                let left = count(self.changes.len() - index, "more change does", "more changes do");
                text.add(format_args!(
                    "\n**{left} not fit here.** `wob diff` with the same arguments shows all.\n"
                ));
                break;
            }
            text.push_str(&item.0);
        }
        text.0
    }

    fn item(&self, change: &Change) -> String {
        let mut text = Lines(format!("- `{}` {}", change.sign(), code(&change.title())));
        let values = change.value_pair();
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|it| code(it)).collect();
            text.add(format_args!(": {}", values.join(" → ")));
        }
        text.push_str("\n");
        if !change.lines.is_empty() {
            text.push_str(&fenced(&change.lines));
        }
        let labels = change.labels();
        let first = labels.iter().take(PLACES).map(|it| code(it)).collect::<Vec<_>>().join(", ");
        let more = labels.len().saturating_sub(PLACES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        text.add(format_args!("  on {first}{more}\n"));
        for cause in change.causes.iter().take(CAUSES) {
            text.add(format_args!("  by {}\n", self.marked_cause(cause)));
        }
        let left = change.causes.len().saturating_sub(CAUSES);
        if left > 0 {
            text.add(format_args!("  by {}\n", count(left, "more line", "more lines")));
        }
        if labels.len() > PLACES {
            text.add(format_args!(
                "\n  <details><summary>all {} places</summary>\n\n",
                labels.len()
            ));
            for label in labels.iter().take(LISTED) {
                text.add(format_args!("  - {}\n", code(label)));
            }
            if labels.len() > LISTED {
                text.add(format_args!("  - {} more\n", labels.len() - LISTED));
            }
            text.push_str("\n  </details>\n\n");
        }
        text.0
    }

    fn marked_cause(&self, cause: &CauseView) -> String {
        code(&self.cause(cause))
    }
}

/// Returns `text` as code on one line, whatever signs it holds.
fn code(text: &str) -> String {
    let text = printable(text).replace('\n', "⏎").replace('\t', " ");
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A blank on both sides is taken away again, and keeps signs of the text apart from the fence.
    let is_bare = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    if is_bare { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

/// Returns lines of a difference as a block of code in a list.
fn fenced(lines: &[String]) -> String {
    let fence = "`".repeat(lines.iter().map(|it| longest_run(it) + 1).max().unwrap_or(0).max(3));
    let mut text = Lines(format!("\n  {fence}diff\n"));
    for line in lines.iter().take(LINES) {
        text.add(format_args!("  {}\n", printable(line)));
    }
    if lines.len() > LINES {
        text.add(format_args!("  … {} more lines\n", lines.len() - LINES));
    }
    text.add(format_args!("  {fence}\n\n"));
    text.0
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|it| it != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_gets_out_of_its_code() {
        for (text, expected) in [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("a\n# b", "`a⏎# b`"),
            ("<b>@x", "`<b>@x`"),
            ("``` x", "```` ``` x ````"),
        ] {
            assert_eq!(code(text), expected);
        }
        let lines = ["+```".to_owned(), "+</details>".to_owned()];
        assert_eq!(fenced(&lines), "\n  ````diff\n  +```\n  +</details>\n  ````\n\n");
    }
}
