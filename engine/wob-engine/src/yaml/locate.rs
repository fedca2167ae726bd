//! From places back to bytes: where a [`crate::Place`] points in the text that was parsed.

use super::{Document, Node, NodeKind, Parsed, Scalar, ScalarStyle};
use crate::{At, Part, Span, Step};

/// Returns the bytes of `text` that `at` points at; `parsed` came from the same text.
///
/// If the node is gone, or a value was never there, its nearest ancestor answers, by its key. So does a mapping or list
/// of several lines, since nobody wants to see all of it underlined; one without a key answers with its first line.
pub fn resolve(parsed: &Parsed, text: &str, at: &At) -> Span {
    let (document, path) = match at {
        At::File => return Span::default(),
        At::Bytes(span) => return clamped(*span, text),
        At::Node { document, path, .. } | At::Text { document, path, .. } => (*document, path),
    };
    let Some(document) = parsed.documents.get(document as usize) else { return Span::default() };
    let found = walk(document, path);
    let span = match at {
        At::Text { span, .. } if found.whole => found.node.content_span(text, *span),
        At::Node { part: Part::Key, .. } => found.key.unwrap_or_else(|| found.in_one_line(text)),
        At::Node { part: Part::Value, .. } | At::Text { .. } | At::File | At::Bytes(_) => {
            found.in_one_line(text)
        }
    };
    clamped(span, text)
}

struct Found<'n> {
    node: &'n Node,
    key: Option<Span>,
    /// Whether the whole path was there.
    whole: bool,
}

fn walk<'n>(document: &'n Document, path: &[Step]) -> Found<'n> {
    let mut found = Found { node: &document.root, key: None, whole: true };
    for step in path {
        let Some((node, key)) = found.node.down(step) else {
            return Found { whole: false, ..found };
        };
        found = Found { node, key, whole: true };
    }
    found
}

impl Found<'_> {
    fn in_one_line(&self, text: &str) -> Span {
        let span = self.node.span;
        let written = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let block = !matches!(self.node.kind, NodeKind::Scalar(_)) && written.contains('\n');
        if (block || !self.whole || span.is_empty())
            && let Some(key) = self.key
        {
            return key;
        }
        if block {
            let line = written.lines().next().unwrap_or_default().trim_end();
            return Span::new(span.start as usize, span.start as usize + line.len());
        }
        span
    }
}

fn clamped(span: Span, text: &str) -> Span {
    let start = text.floor_char_boundary(span.start as usize);
    Span::new(start, text.ceil_char_boundary(span.end as usize).max(start))
}

impl Node {
    /// Maps a range of a scalar's content, in bytes, to the bytes of `text` that wrote it.
    ///
    /// Exact for everything written in one line, and for literal blocks; any other node answers with all of itself.
    pub fn content_span(&self, text: &str, content: Span) -> Span {
        let NodeKind::Scalar(scalar) = &self.kind else { return self.span };
        let written = text.get(self.span.start as usize..self.span.end as usize);
        let offsets = written.and_then(|written| match scalar.style {
            ScalarStyle::Plain => (*scalar.text == *written).then(|| of_plain(content)),
            ScalarStyle::Single | ScalarStyle::Double => of_quoted(scalar, written, content),
            ScalarStyle::Literal => of_literal(scalar, text, self.span, content),
            ScalarStyle::Folded => None,
        });
        offsets.map_or(self.span, |(start, end)| {
            let base = self.span.start as usize;
            clamped(Span::new(base + start, base + end.max(start)), text)
        })
    }
}

fn of_plain(content: Span) -> (usize, usize) {
    (content.start as usize, content.end as usize)
}

/// Walks a quoted scalar of one line and its content together.
fn of_quoted(scalar: &Scalar, written: &str, content: Span) -> Option<(usize, usize)> {
    if written.contains('\n') || written.len() < 2 {
        return None;
    }
    let inside = &written.as_bytes()[1..written.len() - 1];
    let mut at = 0;
    let (mut start, mut end) = (None, None);
    for (offset, character) in scalar.text.char_indices() {
        start = start.or((offset >= content.start as usize).then_some(at));
        end = end.or((offset >= content.end as usize).then_some(at));
        at += match (scalar.style, inside.get(at)?) {
            (ScalarStyle::Single, b'\'') => 2,
            (ScalarStyle::Double, b'\\') => match inside.get(at + 1)? {
                b'x' => 4,
                b'u' => 6,
                b'U' => 10,
                _ => 2,
            },
            _ => character.len_utf8(),
        };
    }
    Some((1 + start.unwrap_or(at), 1 + end.unwrap_or(at)))
}

/// Finds the lines of a literal block; its content is theirs without the indentation.
fn of_literal(scalar: &Scalar, text: &str, span: Span, content: Span) -> Option<(usize, usize)> {
    // A tag or anchor hides nothing: the span begins after both, at the `|` then, else at the first character of content.
    let mut first = span.start as usize;
    if text[first..].starts_with('|') && !scalar.text.trim_start_matches('\n').starts_with('|') {
        first += text[first..].find('\n')? + 1;
    } else {
        first = text[..first].rfind('\n')? + 1;
    }
    let leading = scalar.text.len() - scalar.text.trim_start_matches('\n').len();
    let line = scalar.text[leading..].lines().next()?;
    let mut begin = first;
    let mut lines = text[first..].split_inclusive('\n');
    let found = lines.find(|it| {
        let blank = it.trim().is_empty();
        begin += if blank { it.len() } else { 0 };
        !blank
    })?;
    let indent = found.trim_end_matches(['\r', '\n']).strip_suffix(line)?.len();
    // Leading empty lines lie before the first line that has content.
    for _ in 0..leading {
        begin = text[..begin.checked_sub(1)?].rfind('\n').map_or(0, |it| it + 1);
    }
    let locate = |offset: u32| {
        let before = scalar.text.get(..offset as usize)?;
        let line = before.bytes().filter(|it| *it == b'\n').count();
        let column = offset as usize - before.rfind('\n').map_or(0, |it| it + 1);
        let mut at = begin;
        for _ in 0..line {
            at += text[at..].find('\n')? + 1;
        }
        let length = text[at..].find('\n').unwrap_or(text.len() - at);
        Some(at + (indent + column).min(length))
    };
    let (start, end) = (locate(content.start)?, locate(content.end)?);
    let base = span.start as usize;
    Some((start.checked_sub(base)?, end.checked_sub(base)?))
}
