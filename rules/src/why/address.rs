//! Addresses: how people name a part of a rendered file, `reconciler.yaml#1/spec/path` or `config.sh:3`.

use wob_engine::{Step, Value, did_you_mean};

use super::{Unknown, pointer};

/// A part of a file of an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The file's name.
    pub file: String,
    /// The part.
    pub part: Part,
}

/// What of a file is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The line of this number, from 1.
    Line(u32),
    /// The node at a JSON pointer.
    Node {
        /// Of which document.
        document: Which,
        /// The pointer, as written; empty for the root.
        pointer: String,
    },
}

/// Which document of a file is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that has such a node.
    Any,
    /// The one at this index, from 0.
    Index(usize),
    /// The one of this kind, and of this name if there is one.
    Object(String, Option<String>),
}

impl Address {
    /// Reads `FILE`, `FILE:LINE`, `FILE#/pointer`, `FILE#INDEX/pointer` or `FILE#KIND[.NAME]/pointer`.
    pub fn parse(text: &str) -> Self {
        if let Some((file, rest)) = text.split_once('#') {
            let (which, pointer) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let document = match (which, which.parse()) {
                ("", _) => Which::Any,
                (_, Ok(index)) => Which::Index(index),
                (kind, Err(_)) => match kind.split_once('.') {
                    Some((kind, name)) => Which::Object(kind.to_owned(), Some(name.to_owned())),
                    None => Which::Object(kind.to_owned(), None),
                },
            };
            let part = Part::Node { document, pointer: pointer.to_owned() };
            return Self { file: file.to_owned(), part };
        }
        if let Some((file, line)) = text.rsplit_once(':')
            && let Ok(line) = line.parse()
        {
            return Self { file: file.to_owned(), part: Part::Line(line) };
        }
        Self { file: text.to_owned(), part: Part::Whole }
    }
}

/// Follows a JSON pointer in `value`.
///
/// # Errors
/// It is no pointer, or leads to nothing.
pub(super) fn steps(value: &Value, asked: &str) -> Result<Vec<Step>, Unknown> {
    if !asked.is_empty() && !asked.starts_with('/') {
        return Err(Unknown {
            reason: format!("`{}` is no JSON pointer", asked.escape_debug()),
            help: "a pointer begins with `/`, such as `/spec/url` or `/items/0/name`".to_owned(),
        });
    }
    let mut at = value;
    let mut path = vec![];
    for token in asked.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let (step, next) = match at {
            Value::Map(entries) => (Step::Key(token.as_str().into()), entries.get(&*token)),
            Value::List(items) => match token.parse::<u32>() {
                Ok(index) => (Step::Index(index), items.get(index as usize)),
                Err(_) => return Err(missing(at, &path, &token)),
            },
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
                return Err(missing(at, &path, &token));
            }
        };
        at = next.ok_or_else(|| missing(at, &path, &token))?;
        path.push(step);
    }
    Ok(path)
}

fn missing(value: &Value, path: &[Step], token: &str) -> Unknown {
    let place =
        if path.is_empty() { "the root".to_owned() } else { format!("`{}`", pointer(path)) };
    let token = token.escape_debug();
    match value {
        Value::Map(entries) => {
            let keys: Vec<&str> = entries.keys().map(|it| &**it).collect();
            let help = guess_or_list(&token.to_string(), &keys, "keys");
            Unknown { reason: format!("there is no `{token}` in {place}"), help }
        }
        Value::List(items) => Unknown {
            reason: format!("there is no item `{token}` in {place}"),
            help: format!("it is a list of {}; items count from 0", items.len()),
        },
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => {
            Unknown {
                reason: format!("there is no `{token}` in {place}: it is {}", value.kind()),
                help: format!("leave out `/{token}` and what follows"),
            }
        }
    }
}

/// Returns the help for an unknown name: what was meant, or what there is.
pub(super) fn guess_or_list(name: &str, known: &[&str], noun: &str) -> String {
    const SHOWN: usize = 12;
    if let Some(guess) = did_you_mean(name, known.iter().copied()) {
        return format!("did you mean `{guess}`?");
    }
    let shown: Vec<String> =
        known.iter().take(SHOWN).map(|it| format!("`{}`", it.escape_debug())).collect();
    match known.len() {
        0 => "there are none".to_owned(),
        1..=SHOWN => format!("known {noun}: {}", shown.join(", ")),
        many => format!("known {noun}: {} and {} more", shown.join(", "), many - SHOWN),
    }
}
