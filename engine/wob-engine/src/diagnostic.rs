//! What wob says about wrong sources: values that are collected, never errors that are thrown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Place;

/// The stable kebab-case name of a kind of problem; each has a page `docs/diagnostics/<code>.md`.
pub type Code = &'static str;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something will not be built, or not as written.
    Error,
    /// Legal, but surely not what was meant.
    Warning,
    /// Worth knowing.
    Advice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        })
    }
}

/// One problem in the sources.
///
/// The message stands alone, in lower case, without a full stop, with names in backticks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where: the first label is the main one. Empty only if no source is to blame.
    pub labels: Vec<Label>,
    /// The way out: an imperative or a guess.
    pub help: Option<String>,
    /// What else one should know, such as the assignment that a template error belongs to.
    pub notes: Vec<String>,
}

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What is to see there, in a few words; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// Returns an error without places.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// Returns a warning without places.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// Returns an advice without places.
    pub fn advice(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Advice, code, message.into())
    }

    fn new(severity: Severity, code: Code, message: String) -> Self {
        let message = bounded(message);
        Self { severity, code, message, labels: vec![], help: None, notes: vec![] }
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn at(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, text: bounded(text.into()) });
        self
    }

    /// Sets the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(help.into()));
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(bounded(note.into()));
        self
    }

    /// Says whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Cuts what nobody would read: a text may quote a value of any size.
fn bounded(mut text: String) -> String {
    /// Several screens, in bytes.
    const LONGEST: usize = 4000;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// Returns the candidate nearest to `name` by edit distance, if near enough to be a typo.
///
/// Ties go to the first candidate, so give them in a stable order. Of thousands of candidates the first count; a name
/// that is longer than any word has no typo.
pub fn did_you_mean<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    const LONGEST: usize = 300;
    const CANDIDATES: usize = 5000;
    if name.len() > LONGEST {
        return None;
    }
    let candidates = candidates.into_iter().take(CANDIDATES);
    let allowed = (name.chars().count() / 3).max(1);
    let scored = candidates.map(|it| (distance(name, it, allowed), it));
    scored.filter(|(score, _)| *score <= allowed).min_by_key(|(score, _)| *score).map(|(_, it)| it)
}

/// Returns the optimal string alignment distance (a swap of neighbours counts once), or `limit + 1` if it is larger.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    // An edit changes at most four bytes.
    if a.len().abs_diff(b.len()) > limit.saturating_mul(4) {
        return limit + 1;
    }
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = vec![];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitution = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_diagnostic_is_longer_than_anyone_would_read() {
        let long = "é".repeat(1 << 20);
        let place = Place::file(&crate::FileName::new("a"));
        let it = Diagnostic::error("code", &*long).at(place, &*long).help(&*long).note(&*long);
        let texts = [&it.message, &it.labels[0].text, it.help.as_ref().unwrap(), &it.notes[0]];
        assert!(texts.iter().all(|it| it.len() < 4010 && it.ends_with("é…")));
    }

    #[test]
    fn a_typo_finds_its_word_and_a_stranger_does_not() {
        let known = ["argocd", "flux"];
        assert_eq!(did_you_mean("fluxx", known), Some("flux"));
        assert_eq!(did_you_mean("flxu", known), Some("flux"));
        assert_eq!(did_you_mean("Argocd", known), Some("argocd"));
        assert_eq!(did_you_mean("fleet", known), None);
    }
}
