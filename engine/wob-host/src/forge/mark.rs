//! The mark by which wob knows again what it made: a comment that people do not see.

/// A mark in the body of a pull request, comment or issue, such as `<!-- wob publish stage -->`.
///
/// **Invariant:** it has no line break and no `--`, so that it stays one comment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(String);

impl Mark {
    /// Makes the mark of what `purpose` makes about `subject`.
    pub fn new(purpose: &str, subject: &str) -> Self {
        let text = format!("{purpose} {subject}");
        let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        Self(format!("<!-- wob {} -->", plain.replace("--", "- -")))
    }

    /// Says whether `body` carries the mark.
    pub fn is_in(&self, body: &str) -> bool {
        body.lines().any(|line| line.trim() == self.0)
    }

    /// Returns `text` with the mark in front, cut to `most` characters.
    pub fn on(&self, text: &str, most: usize) -> String {
        const CUT: &str = "\n\n… the rest is left out: it is longer than the forge allows.\n";
        let marked = format!("{}\n{text}", self.0);
        if marked.chars().count() <= most {
            return marked;
        }
        let kept = most.saturating_sub(CUT.chars().count()).max(self.0.chars().count() + 1);
        let kept: String = marked.chars().take(kept).collect();
        // A line that is cut in the middle may be half of a table or a link.
        let end = kept.rfind('\n').filter(|it| *it > self.0.len()).unwrap_or(kept.len());
        format!("{}{CUT}", &kept[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_where_it_was_put_and_nowhere_else() {
        let mark = Mark::new("publish", "stage");
        assert!(mark.is_in(&mark.on("text", 1000)));
        assert!(mark.is_in("<!-- wob publish stage -->\r\ntext"));
        assert!(!mark.is_in(&Mark::new("publish", "stage2").on("", 1000)));
        assert!(!mark.is_in("> <!-- wob publish stage --> says somebody"));
        assert_eq!(Mark::new("publish", "a-->\nb").0, "<!-- wob publish a- -> b -->");
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_line() {
        let mark = Mark::new("publish", "stage");
        let text = "line ä\n".repeat(100);
        let cut = mark.on(&text, 200);
        assert!(cut.chars().count() <= 200 && mark.is_in(&cut), "{cut}");
        let lines: Vec<&str> = cut.lines().filter(|it| it.starts_with("line")).collect();
        assert!(!lines.is_empty() && lines.iter().all(|it| *it == "line ä"));
        assert!(mark.on(&"x".repeat(500), 200).chars().count() <= 200);
    }
}
