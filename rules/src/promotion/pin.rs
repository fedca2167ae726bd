//! Pins: the commit of the base that an environment's BaseRepo names, read and written in its file.
//!
//! **Invariant:** what [`Pin::set`] returns says the same as before, but for the commit; every other byte that can stay does.

use std::fmt;

use wob_engine::{
    FilePath, Map, Span, Value,
    yaml::{self, Entry, Limits, Node, NodeKind, ScalarStyle},
};

use crate::decode::API_VERSION;

/// The name of the BaseRepo that is promoted (rule 3.9).
const MAIN: &str = "main";

/// The BaseRepo `main` in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Which document of the file, from 0.
    document: usize,
    /// `spec.commit`, if it is a text.
    pub commit: Option<String>,
    /// `spec.branch`; empty if it is left out.
    pub branch: String,
}

/// Why a commit cannot be pinned in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinError {
    /// There is more than one BaseRepo `main` in it.
    Twice,
    /// It cannot be read, or its `spec` is no mapping with something in it.
    Unreadable,
    /// The commit is written in a way that only a person can edit: by an alias, or in a block.
    Unedited,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Twice => "it holds more than one BaseRepo `main`",
            Self::Unreadable => "it cannot be read, or lacks a `spec`",
            Self::Unedited => {
                "its commit is written in a way that wob cannot edit, such as by an alias"
            }
        })
    }
}

impl std::error::Error for PinError {}

impl Pin {
    /// Finds the BaseRepo `main` in the text of a file; none if there is none.
    ///
    /// # Errors
    /// If there are two.
    pub fn find(text: &str) -> Result<Option<Self>, PinError> {
        // Files are many, and this one word is in few of them.
        if !text.contains("BaseRepo") {
            return Ok(None);
        }
        let parsed = yaml::parse(text, &Limits::default());
        let is_main = |root: &Node| {
            let name = root.get("metadata").and_then(|it| it.get("name"));
            is(root.get("kind"), "BaseRepo")
                && is(root.get("apiVersion"), API_VERSION)
                && is(name, MAIN)
        };
        let roots = parsed.documents.iter().map(|it| &it.root).enumerate();
        let mut found = roots.filter(|(_, root)| is_main(root));
        let Some((document, root)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(PinError::Twice);
        }
        let text = |key| root.get("spec").and_then(|it| it.get(key)).and_then(text_of);
        let (commit, branch) = (text("commit"), text("branch").unwrap_or_default());
        Ok(Some(Self { document, commit, branch }))
    }

    /// Returns the file's `text` with `commit` in place of the one that is pinned there.
    ///
    /// # Errors
    /// If that cannot be done without changing what else the file says.
    pub fn set(&self, text: &str, commit: &str) -> Result<String, PinError> {
        let before = values(text).ok_or(PinError::Unreadable)?;
        let mut wanted = before;
        let Some(Value::Map(object)) = wanted.get_mut(self.document) else {
            return Err(PinError::Unreadable);
        };
        *object = pinned(object, commit).ok_or(PinError::Unreadable)?;
        let parsed = yaml::parse(text, &Limits::default());
        let spec = parsed.documents.get(self.document).and_then(|it| it.root.get("spec"));
        let spec = spec.ok_or(PinError::Unreadable)?;
        let edits = match spec.entry("commit") {
            Some(entry) => replacements(text, entry, commit),
            None => insertions(text, spec, commit),
        };
        // Whatever layout was met, the result is read again, and taken only if it says what it should.
        let edited = edits.into_iter().map(|(span, new)| {
            let (before, after) = (&text[..span.start as usize], &text[span.end as usize..]);
            format!("{before}{new}{after}")
        });
        let mut fitting = edited.filter(|it| values(it).as_ref() == Some(&wanted));
        fitting.next().ok_or(PinError::Unedited)
    }

    /// Returns the path and the text of a file for an environment that has no BaseRepo yet.
    pub fn file(repo: &str, branch: &str, commit: &str) -> (FilePath, String) {
        let path = FilePath::new("base-repo.yaml").expect("because it is constant");
        let text = |it: &str| {
            let plain = it.bytes().all(|it| it.is_ascii_alphanumeric() || b"/.:@_-".contains(&it));
            if plain && yaml::parse_value(it) == Ok(Value::from(it)) {
                it.to_owned()
            } else {
                // JSON is YAML.
                serde_json::Value::from(it).to_string()
            }
        };
        let (repo, branch, commit) = (text(repo), text(branch), text(commit));
        let text = format!(
            "apiVersion: {API_VERSION}\nkind: BaseRepo\nmetadata:\n  name: {MAIN}\nspec:\n  \
             repo: {repo}\n  branch: {branch}\n  path: .\n  commit: {commit}\n"
        );
        (path, text)
    }
}

fn is(node: Option<&Node>, text: &str) -> bool {
    node.and_then(text_of).is_some_and(|it| it == text)
}

fn text_of(node: &Node) -> Option<String> {
    node.to_value().as_str().map(str::to_owned)
}

/// Returns what every document of `text` says; `None` if one cannot be read.
fn values(text: &str) -> Option<Vec<Value>> {
    let parsed = yaml::parse(text, &Limits::default());
    let is_whole = !parsed.problems.iter().any(yaml::Problem::is_error);
    is_whole.then(|| parsed.documents.iter().map(|it| it.root.to_value()).collect())
}

/// Returns `object` with `commit` pinned; `None` if it has no `spec` to pin it in.
fn pinned(object: &Map, commit: &str) -> Option<Map> {
    let Some(Value::Map(spec)) = object.get("spec") else { return None };
    let mut spec = spec.clone();
    spec.insert("commit".into(), Value::from(commit));
    let mut object = object.clone();
    object.insert("spec".into(), Value::Map(spec));
    Some(object)
}

/// Ways to write `commit` where there is one.
fn replacements(text: &str, entry: &Entry, commit: &str) -> Vec<(Span, String)> {
    let value = &entry.value;
    if value.span.is_empty() {
        // `commit:` and nothing behind it.
        let key = entry.key.span.end as usize;
        let colon = text[key..].find(':').map(|it| key + it + 1);
        return colon
            .map(|it| (Span::new(it, it), format!(" {}", plain(commit))))
            .into_iter()
            .collect();
    }
    let style = match &value.kind {
        NodeKind::Scalar(scalar) => scalar.style,
        NodeKind::List(_) | NodeKind::Mapping(_) => return vec![],
    };
    let new = match style {
        ScalarStyle::Plain => plain(commit),
        ScalarStyle::Single => format!("'{commit}'"),
        ScalarStyle::Double => format!("\"{commit}\""),
        ScalarStyle::Literal | ScalarStyle::Folded => commit.to_owned(),
    };
    vec![(value.span, new)]
}

/// Ways to write `commit` into a `spec` that has none: behind its last entry, or before its first.
fn insertions(text: &str, spec: &Node, commit: &str) -> Vec<(Span, String)> {
    let (Some(first), Some(last)) = (spec.entries().first(), spec.entries().last()) else {
        return vec![];
    };
    let at = |offset: usize| Span::new(offset, offset);
    let entry = format!("commit: {}", plain(commit));
    let end = last.value.span.end.max(last.key.span.end) as usize;
    if text[spec.span.start as usize..].starts_with('{') {
        return vec![(at(end), format!(", {entry}"))];
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let start = first.key.span.start as usize;
    let line = text[..start].rfind('\n').map_or(0, |it| it + 1);
    let indent = &text[line..start];
    let mut ways = vec![match text[end..].find('\n') {
        Some(offset) => (at(end + offset + 1), format!("{indent}{entry}{newline}")),
        None => (at(text.len()), format!("{newline}{indent}{entry}")),
    }];
    if indent.bytes().all(|it| it == b' ') {
        ways.push((at(line), format!("{indent}{entry}{newline}")));
    }
    ways
}

/// Returns `commit` as YAML, in quotes if it would be read as a number: `1234567`, `12e4567`.
fn plain(commit: &str) -> String {
    if yaml::parse_value(commit) == Ok(Value::from(commit)) {
        commit.to_owned()
    } else {
        format!("\"{commit}\"")
    }
}
