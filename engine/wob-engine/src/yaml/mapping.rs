//! What makes a mapping well-formed: keys that JSON can hold, none of them twice, merge keys applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Entry, Key, Node, NodeKind, Problem, ProblemKind, ScalarStyle,
    parse::shortened,
    scalar::{self, Reading},
};
use crate::Span;

/// Up to this many entries, comparing all pairs is faster than a map.
const FEW: usize = 16;

/// Says whether `key` is a merge key: a plain `<<`.
pub(super) fn is_merge_key(key: &Node) -> bool {
    key.scalar().is_some_and(|it| it.style == ScalarStyle::Plain && &*it.text == "<<")
}

/// Turns the node before a value into a key, unless Kubernetes could not hold it.
pub(super) fn key(text: &str, node: Node, problems: &mut Vec<Problem>) -> Option<Key> {
    let span = node.span;
    let NodeKind::Scalar(scalar) = node.kind else {
        complex_key(text, span).push_to(problems);
        return None;
    };
    let reading = scalar.reading();
    if reading == Reading::Text {
        return Some(Key { span, text: scalar.text });
    }
    if let Some(read) = scalar::key_text(reading) {
        return Some(Key { span, text: read.into() });
    }
    let message = "a key cannot be null".to_owned();
    let help = format!("quote it: `\"{}\"`", scalar.text);
    Problem::error(ProblemKind::Key, span, message).help(help).push_to(problems);
    None
}

fn complex_key(text: &str, span: Span) -> Problem {
    let bytes = text.as_bytes();
    let (start, end) = (span.start as usize, span.end as usize);
    let doubled = start > 0 && bytes[start - 1] == b'{' && bytes.get(start) == Some(&b'{');
    if !doubled {
        let message = "a list or mapping cannot be a key".to_owned();
        let help = "write a text before the colon; quote a text that holds brackets";
        return Problem::error(ProblemKind::Key, span, message).help(help);
    }
    let end = if bytes.get(end) == Some(&b'}') { end + 1 } else { end };
    let span = Span::new(start - 1, end);
    let written = shortened(&text[start - 1..end]);
    let message = "a value that begins with `{{` must be quoted".to_owned();
    Problem::error(ProblemKind::Key, span, message).help(format!("write `\"{written}\"`"))
}

/// Replaces each `<<` by what it merges: a key that the mapping has itself wins, then the earlier source.
pub(super) fn merge(entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut own: BTreeSet<Arc<str>> = BTreeSet::new();
    for entry in entries.iter().filter(|entry| &*entry.key.text != "<<") {
        own.insert(entry.key.text.clone());
    }
    let mut merged = Vec::with_capacity(entries.len());
    for entry in entries {
        if &*entry.key.text != "<<" {
            merged.push(entry);
            continue;
        }
        let span = entry.value.span;
        let sources = match entry.value.kind {
            NodeKind::Mapping(_) => vec![entry.value],
            NodeKind::List(items) => items,
            NodeKind::Scalar(_) => {
                not_a_mapping(span).push_to(problems);
                continue;
            }
        };
        for source in sources {
            let NodeKind::Mapping(entries) = source.kind else {
                not_a_mapping(source.span).push_to(problems);
                continue;
            };
            for entry in entries {
                if own.insert(entry.key.text.clone()) {
                    merged.push(entry);
                }
            }
        }
    }
    merged
}

fn not_a_mapping(span: Span) -> Problem {
    let message = "`<<` merges a mapping or a list of mappings, and this is neither".to_owned();
    Problem::error(ProblemKind::Merge, span, message)
        .help("name an anchored mapping: `<<: *defaults`; or quote the key: `\"<<\"`")
}

/// Drops every entry whose key stood before, and says so.
pub(super) fn refuse_duplicates(entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
    let duplicates = if entries.len() <= FEW {
        let first =
            |at: usize| entries[..at].iter().position(|it| it.key.text == entries[at].key.text);
        (0..entries.len()).filter_map(|at| first(at).map(|first| (at, first))).collect::<Vec<_>>()
    } else {
        duplicates_of_many(entries)
    };
    for (at, first) in &duplicates {
        let first = entries[*first].key.span;
        let Key { span, text } = &entries[*at].key;
        let message = format!("the key `{}` stands twice in one mapping", shortened(text));
        let mut problem = Problem::error(ProblemKind::DuplicateKey, *span, message);
        problem.related = Some((first, "first here".to_owned()));
        problem.help("keep one of them").push_to(problems);
    }
    let mut refused = duplicates.iter().map(|(at, _)| *at).peekable();
    let mut at = 0;
    entries.retain(|_| {
        at += 1;
        refused.next_if_eq(&(at - 1)).is_none()
    });
}

/// Returns pairs of a duplicate's index and its first one's, in order.
fn duplicates_of_many(entries: &[Entry]) -> Vec<(usize, usize)> {
    let mut firsts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut duplicates = vec![];
    for (at, entry) in entries.iter().enumerate() {
        let first = *firsts.entry(&entry.key.text).or_insert(at);
        if first != at {
            duplicates.push((at, first));
        }
    }
    duplicates
}
