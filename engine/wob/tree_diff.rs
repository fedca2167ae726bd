//! What differs between two trees, file by file and, for people, line by line.

use std::fmt::Write as _;

use serde::Serialize;
use wob_engine::{Blob, FilePath, Tree};

use crate::text_diff::hunks;

/// How many files are shown.
const FILES: usize = 10;
/// How many lines of each are shown.
const LINES: usize = 12;

/// One file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileChange {
    /// Its path in the tree.
    pub(crate) path: String,
    /// How it differs.
    pub(crate) change: ChangeKind,
    /// What people see of it.
    #[serde(skip)]
    lines: Vec<String>,
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeKind {
    /// Only the new tree has it.
    Added,
    /// Both have it, with other bytes.
    Changed,
    /// Only the old tree has it.
    Deleted,
}

/// Returns what differs between two trees, sorted by path.
pub(crate) fn tree_diff(old: &Tree, new: &Tree) -> Vec<FileChange> {
    let change = |(path, before, after): (FilePath, Option<&Blob>, Option<&Blob>)| {
        let (change, lines) = match (before, after) {
            (Some(a), Some(b)) => (ChangeKind::Changed, line_diff(&a.bytes(), &b.bytes())),
            (Some(_), None) => (ChangeKind::Deleted, vec![]),
            (None, _) => (ChangeKind::Added, vec![]),
        };
        FileChange { path: path.to_string(), change, lines }
    };
    new.changes_since(old).into_iter().map(change).collect()
}

/// Returns the lines that differ, each after `-` or `+`.
fn line_diff(old: &[u8], new: &[u8]) -> Vec<String> {
    let hunks = hunks(old, new, 0).unwrap_or_default();
    let lines = hunks.iter().flat_map(|it| &it.lines);
    lines.map(|it| format!("{} {}", it.sign, it.text.trim_end())).collect()
}

/// Returns what people read of `changes`: the first files, and of each the first lines.
pub(crate) fn shown(changes: &[FileChange]) -> String {
    let mut text = String::new();
    for it in changes.iter().take(FILES) {
        let mark = match it.change {
            ChangeKind::Added => '+',
            ChangeKind::Changed => '~',
            ChangeKind::Deleted => '-',
        };
        let _ = writeln!(text, "  {mark} {}", it.path);
        for line in it.lines.iter().take(LINES) {
            let _ = writeln!(text, "      {line}");
        }
        if it.lines.len() > LINES {
            let _ = writeln!(text, "      … {} more lines", it.lines.len() - LINES);
        }
    }
    if changes.len() > FILES {
        let _ = writeln!(text, "  … {} more files", changes.len() - FILES);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(&FilePath::new(path).unwrap(), Blob::new(text.as_bytes()));
        }
        tree
    }

    #[test]
    fn what_only_its_surroundings_make_a_secret_is_masked_too() {
        let secret = |word: &str| format!("kind: Secret\nstringData:\n  user: {word}\n");
        let changes = tree_diff(&tree(&[("a", &secret("anna"))]), &tree(&[("a", &secret("bert"))]));
        let shown = shown(&changes);
        assert!(shown.contains("user: ••••") && !shown.contains("anna"), "{shown}");
    }

    #[test]
    fn what_differs_is_shown() {
        let old = tree(&[("a", "x: 1\ny: 2\npassword: old\n"), ("b", "same\n"), ("c", "gone\n")]);
        let new = tree(&[("a", "x: 1\ny: 3\npassword: new\n"), ("b", "same\n"), ("d", "new\n")]);
        let changes = tree_diff(&old, &new);
        insta::assert_snapshot!(shown(&changes), @r"
          ~ a
              - y: 2
              - password: •••
              + y: 3
              + password: •••
          - c
          + d
        ");
        assert_eq!(tree_diff(&new, &new), []);
    }
}
