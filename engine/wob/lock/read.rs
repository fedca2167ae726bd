//! Reads a lock file: strictly, for it is written by wob; and with a place for every mistake, for it is merged by people.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Document, Item, Table};
use wob_engine::{At, Content, Diagnostic, Digest, FileName, FilePath, Place, Span, did_you_mean};
use wob_host::{BranchName, GitId, redact};
use wob_rules::refused;

use super::{InputKey, Lock, LockFile, LockedInput, Pin};

/// The fields of a block.
const FIELDS: [&str; 8] = ["name", "url", "ref", "path", "commit", "tree", "blake3", "time"];

/// What to do about a file that nobody should have changed by hand.
const AGAIN: &str = "take the file as it was committed, or delete this block and run `wob lock`";

/// What reading a file gave.
#[derive(Debug)]
pub(crate) struct ReadLock {
    /// The file; none if it has errors.
    pub(crate) file: Option<LockFile>,
    /// What is wrong with it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl ReadLock {
    /// Reads the content of the file called `name`.
    pub(crate) fn of(name: &FileName, content: &Content) -> Self {
        match content {
            Content::Text { text, .. } => Self::of_text(name, text),
            Content::Refused(refusal) => {
                Self { file: None, diagnostics: vec![refused(name, refusal)] }
            }
            Content::Unread { .. } => unreachable!("because only resources are left out"),
        }
    }

    /// Reads the text of the file called `name`.
    pub(crate) fn of_text(name: &FileName, text: &str) -> Self {
        let mut reader = Reader { name, text, diagnostics: vec![] };
        let found = reader.file();
        let diagnostics = reader.diagnostics;
        let has_errors = diagnostics.iter().any(Diagnostic::is_error);
        let file = (!has_errors).then(|| LockFile {
            lock: Lock {
                inputs: found.iter().map(|(key, it, _)| (key.clone(), it.clone())).collect(),
            },
            text: text.to_owned(),
            places: found.into_iter().map(|(key, _, place)| (key, place)).collect(),
        });
        Self { file, diagnostics }
    }
}

struct Reader<'r> {
    name: &'r FileName,
    text: &'r str,
    diagnostics: Vec<Diagnostic>,
}

type Found = (InputKey, LockedInput, Place);

impl Reader<'_> {
    fn file(&mut self) -> Vec<Found> {
        let document = match Document::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                self.syntax(&error);
                return vec![];
            }
        };
        self.version(&document);
        self.unknown(&document, "", &["version", "input"]);
        let Some(blocks) = document.get("input") else { return vec![] };
        let Some(blocks) = blocks.as_array_of_tables() else {
            self.wrong(blocks, "`input` is not a list of blocks", "write `[[input]]`");
            return vec![];
        };
        let found: Vec<Found> = blocks.iter().filter_map(|it| self.block(it)).collect();
        self.twice(&found);
        found
    }

    fn syntax(&mut self, error: &toml_edit::TomlError) {
        // What git leaves when it cannot merge is the likeliest reason.
        let conflict = self.text.lines().scan(0, |start, line| {
            let begin = *start;
            *start += line.len() + 1;
            Some((begin, line))
        });
        let mut conflict = conflict.filter(|(_, line)| line.starts_with("<<<<<<<"));
        if let Some((start, line)) = conflict.next() {
            let message = format!("`{}` has a conflict of a merge in it", self.name);
            let place = self.place(Some(start..start + line.len()));
            let help = "take one side and run `wob lock`; docs/guides/lock.md shows how git merges the \
                        file by itself";
            let diagnostic = Diagnostic::error("lock-invalid", message).at(place, "begins here");
            return self.diagnostics.push(diagnostic.help(help));
        }
        let reason = error.message().lines().map(str::trim).collect::<Vec<_>>().join("; ");
        let message = format!("`{}` is not TOML: {reason}", self.name);
        let place = self.place(error.span());
        let diagnostic = Diagnostic::error("lock-invalid", message).at(place, "here");
        self.diagnostics.push(diagnostic.help("take the file as it was committed"));
    }

    fn version(&mut self, document: &Table) {
        match document.get("version") {
            Some(version) if version.as_integer() == Some(1) => {}
            Some(version) => self.wrong(
                version,
                "this wob knows version 1 of the file only",
                "use the wob that wrote the file, or a newer one",
            ),
            None => {
                let message = format!("`{}` has no `version`", self.name);
                let place = Place::file(self.name);
                let diagnostic = Diagnostic::error("lock-invalid", message).at(place, "this file");
                self.diagnostics.push(diagnostic.help("begin the file with `version = 1`"));
            }
        }
    }

    fn block(&mut self, table: &Table) -> Option<Found> {
        self.unknown(table, "input.", &FIELDS);
        let place = self.place(table.span());
        let mut field = |name: &str| self.required(table, &place, name);
        let texts = ["name", "url", "ref", "commit", "tree", "blake3", "time"].map(&mut field);
        let [name, url, reference, commit, tree, blake3, time] = texts;
        let name = self.text(name?, "name", |it| (!it.is_empty()).then(|| it.to_owned()));
        let url = self.url(url?, &place);
        let branch = |it: &str| BranchName::new(it).filter(|name| name.as_str() == it);
        let reference = self.text(reference?, "ref", |it| branch(it).map(|_| it.to_owned()));
        let path = match table.get("path") {
            Some(path) => self.text(path, "path", |it| FilePath::new(it).ok())?.to_string(),
            None => String::new(),
        };
        let commit = self.text(commit?, "commit", git_id);
        let tree = self.text(tree?, "tree", git_id);
        let content = self.text(blake3?, "blake3", Digest::parse);
        let time_s = self.time(time?);
        let pin = Pin { commit: commit?, tree: tree?, content: content?, time_s: time_s? };
        let input = LockedInput { name: name?, url: url?, reference: reference?, path, pin };
        Some((input.key(), input, place))
    }

    fn required<'t>(&mut self, table: &'t Table, block: &Place, name: &str) -> Option<&'t Item> {
        let found = table.get(name);
        if found.is_none() {
            let message = format!("an input of `{}` has no `{name}`", self.name);
            let diagnostic = Diagnostic::error("lock-invalid", message);
            self.diagnostics
                .push(diagnostic.at(block.clone(), format!("`{name}` is missing")).help(AGAIN));
        }
        found
    }

    fn text<T>(&mut self, item: &Item, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let plain = |it: &&str| !it.contains(char::is_control);
        let found = item.as_str().filter(plain).and_then(read);
        if found.is_none() {
            let wanted = match name {
                "url" => "the address of a repository",
                "ref" => "the name of a branch",
                "path" => "a path inside of the repository; leave it out for the root",
                "commit" | "tree" => "40 hexadecimal digits",
                "blake3" => "64 hexadecimal digits",
                _ => "a text",
            };
            self.wrong(item, &format!("`{name}` is not {wanted}"), AGAIN);
        }
        found
    }

    /// Reads an address; one with secrets is not pointed at, for they would be shown.
    fn url(&mut self, item: &Item, block: &Place) -> Option<String> {
        let url = self.text(item, "url", |it| (!it.is_empty()).then(|| it.to_owned()))?;
        if redact(&url) == url {
            return Some(url);
        }
        let message = format!("`{}`: the `url` of an input holds a user or a secret", self.name);
        let diagnostic =
            Diagnostic::error("lock-invalid", message).at(block.clone(), "in this block");
        let help = format!("write `{}`: git's credential helpers know the rest", redact(&url));
        self.diagnostics.push(diagnostic.help(help));
        None
    }

    fn time(&mut self, item: &Item) -> Option<i64> {
        let text = item.as_datetime().map(ToString::to_string);
        let time: Option<jiff::Timestamp> = text.and_then(|it| it.parse().ok());
        if time.is_none() {
            self.wrong(item, "`time` is not a time such as 2026-01-31T12:00:00Z", AGAIN);
        }
        time.map(jiff::Timestamp::as_second)
    }

    fn twice(&mut self, found: &[Found]) {
        let mut first: BTreeMap<&InputKey, &Place> = BTreeMap::new();
        for (key, input, place) in found {
            let Some(before) = first.insert(key, place) else { continue };
            let LockedInput { url, reference, .. } = input;
            let message = format!("`{}` locks branch `{reference}` of `{url}` twice", self.name);
            let diagnostic = Diagnostic::error("lock-invalid", message)
                .at(place.clone(), "again here")
                .at(before.clone(), "first here");
            self.diagnostics.push(diagnostic.help("delete one of the two blocks"));
        }
    }

    fn unknown(&mut self, table: &Table, prefix: &str, known: &[&str]) {
        let known_ones: BTreeSet<&str> = known.iter().copied().collect();
        for (key, _) in table.iter().filter(|(key, _)| !known_ones.contains(key)) {
            let span = table.get_key_value(key).and_then(|(key, _)| key.span());
            let message =
                format!("`{}` has an unknown field `{prefix}{}`", self.name, key.escape_debug());
            let help = match did_you_mean(key, known.iter().copied()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => "a newer wob may have written it; this one does without".to_owned(),
            };
            let diagnostic = Diagnostic::warning("unknown-field", message);
            self.diagnostics.push(diagnostic.at(self.place(span), "not used").help(help));
        }
    }

    fn wrong(&mut self, item: &Item, message: &str, help: &str) {
        let message = format!("`{}`: {message}", self.name);
        let diagnostic = Diagnostic::error("lock-invalid", message);
        self.diagnostics.push(diagnostic.at(self.place(item.span()), "here").help(help));
    }

    fn place(&self, span: Option<std::ops::Range<usize>>) -> Place {
        let at = span.map_or(At::File, |it| At::Bytes(Span::new(it.start, it.end)));
        Place { file: self.name.clone(), at }
    }
}

/// Reads an id as wob writes it: two spellings would be two texts.
fn git_id(text: &str) -> Option<GitId> {
    GitId::parse(text).filter(|id| id.to_string() == text)
}
