//! The filters of jinja templates: those of minijinja that are bounded by what they are given, and ours.

use std::{borrow::Cow, cell::Cell, fmt::Write as _};

use minijinja::{
    Environment, Error, ErrorKind as Kind, Value,
    value::{Kwargs, Rest, ValueKind},
};
use wob_engine::yaml::{Style, emit};

/// The most bytes that one call of a filter makes.
const LONGEST: usize = 1 << 18;

/// The most bytes that the filters of one render make.
const MOST: usize = 1 << 26;

/// What a filter gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A number, a truth value, or a text that is not longer than a few times what the filter was given.
    Scalar,
    /// The value, some of it, its entries, or a view of it.
    Selection,
    /// A list of the parts of a text.
    Parts,
}

const FILTERS: &[(&str, Answer)] = &[
    ("abs", Answer::Scalar),
    ("attr", Answer::Selection),
    ("bool", Answer::Scalar),
    ("capitalize", Answer::Scalar),
    ("count", Answer::Scalar),
    ("d", Answer::Selection),
    ("default", Answer::Selection),
    ("dictsort", Answer::Selection),
    ("first", Answer::Selection),
    ("float", Answer::Scalar),
    ("indent", Answer::Scalar),
    ("int", Answer::Scalar),
    ("items", Answer::Selection),
    ("join", Answer::Scalar),
    ("last", Answer::Selection),
    ("length", Answer::Scalar),
    ("lines", Answer::Parts),
    ("list", Answer::Parts),
    ("lower", Answer::Scalar),
    ("map", Answer::Selection),
    ("max", Answer::Selection),
    ("min", Answer::Selection),
    ("quote_shell", Answer::Scalar),
    ("quote_yaml", Answer::Scalar),
    ("reject", Answer::Selection),
    ("rejectattr", Answer::Selection),
    ("replace", Answer::Scalar),
    ("reverse", Answer::Selection),
    ("round", Answer::Scalar),
    ("select", Answer::Selection),
    ("selectattr", Answer::Selection),
    ("sort", Answer::Selection),
    ("split", Answer::Parts),
    ("string", Answer::Scalar),
    ("title", Answer::Scalar),
    ("tojson", Answer::Scalar),
    ("toyaml", Answer::Scalar),
    ("trim", Answer::Scalar),
    ("unique", Answer::Selection),
    ("upper", Answer::Scalar),
];

/// Returns what the filter called `name` gives, if there is one.
pub(super) fn answer(name: &str) -> Option<Answer> {
    FILTERS.iter().find(|it| it.0 == name).map(|it| it.1)
}

/// Returns the names of all filters, in order.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|it| it.0)
}

/// Adds our filters, some in place of minijinja's, the function `fail` and the test `shell_name`.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_function("fail", fail);
    environment.add_test("shell_name", is_shell_name);
    environment.add_filter("indent", indent);
    environment.add_filter("join", join);
    environment.add_filter("map", map);
    environment.add_filter("quote_shell", quote_shell);
    environment.add_filter("quote_yaml", quote_yaml);
    environment.add_filter("replace", replace);
    environment.add_filter("string", string);
    environment.add_filter("tojson", to_json);
    environment.add_filter("toyaml", to_yaml);
}

thread_local! {
    /// The bytes that filters have made in this render.
    static MADE: Cell<usize> = const { Cell::new(0) };
}

/// Begins a render.
pub(super) fn reset() {
    MADE.set(0);
}

/// Counts bytes before they are made.
fn make(bytes: usize) -> Result<(), Error> {
    let made = MADE.get().saturating_add(bytes);
    MADE.set(made);
    if bytes > LONGEST || made > MOST {
        let message = format!("filters make more than {LONGEST} bytes at once, or {MOST} in all");
        return Err(Error::new(Kind::OutOfFuel, message));
    }
    Ok(())
}

/// A text that refuses to grow beyond what filters may make.
struct Text(String);

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Text {
    fn push(&mut self, value: &dyn std::fmt::Display) -> Result<(), Error> {
        let before = self.0.len();
        if write!(self, "{value}").is_err() {
            return make(usize::MAX);
        }
        make(self.0.len() - before)
    }
}

fn string(value: &Value) -> Result<String, Error> {
    let mut text = Text(String::new());
    text.push(value)?;
    Ok(text.0)
}

/// Returns the text of a value.
fn text(value: &Value) -> Result<Cow<'_, str>, Error> {
    if value.is_undefined() {
        return Err(Error::new(Kind::UndefinedError, "the value to filter is undefined"));
    }
    value.as_str().map_or_else(|| string(value).map(Cow::Owned), |it| Ok(Cow::Borrowed(it)))
}

fn replace(value: &Value, from: &Value, to: &Value) -> Result<String, Error> {
    let (value, from, to) = (text(value)?, text(from)?, text(to)?);
    let added = value.matches(&*from).count().saturating_mul(to.len());
    make(value.len().saturating_add(added))?;
    Ok(value.replace(&*from, &to))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja passes named arguments by value")]
fn join(value: &Value, joiner: Option<&str>, options: Kwargs) -> Result<String, Error> {
    let attribute: Option<String> = options.get("attribute")?;
    let joiner = match joiner {
        Some(joiner) => joiner.to_owned(),
        None => options.get::<Option<String>>("d")?.unwrap_or_default(),
    };
    options.assert_all_used()?;
    let mut text = Text(String::new());
    for (i, item) in value.try_iter()?.enumerate() {
        if i > 0 {
            text.push(&joiner)?;
        }
        match &attribute {
            Some(attribute) => text.push(&part(&item, attribute)?)?,
            None => text.push(&item)?,
        }
    }
    Ok(text.0)
}

/// Returns the attribute of each item; jinja's other way, with the name of a filter, is not bounded.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes named arguments by value")]
fn map(value: &Value, rest: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    if !rest.is_empty() {
        let message = "`map` takes `attribute='…'` only; use a loop for a filter";
        return Err(Error::new(Kind::InvalidOperation, message));
    }
    let attribute: String = options.get("attribute")?;
    options.assert_all_used()?;
    value
        .try_iter()?
        .map(|it| part(&it, &attribute))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::from)
}

/// Follows a path such as `metadata.name`.
fn part(value: &Value, path: &str) -> Result<Value, Error> {
    let mut value = value.clone();
    for step in path.split('.') {
        value = match step.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index)?,
            Err(_) => value.get_attr(step)?,
        };
    }
    if value.is_undefined() {
        return Err(Error::new(Kind::UndefinedError, format!("an item has no `{path}`")));
    }
    Ok(value)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja passes named arguments by value")]
fn indent(
    value: &Value,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let width = width.or(options.get("width")?).unwrap_or(4);
    let first = first.or(options.get("first")?).unwrap_or(false);
    let blank = blank.or(options.get("blank")?).unwrap_or(false);
    options.assert_all_used()?;
    let text = text(value)?;
    let without_end = text.strip_suffix('\n').unwrap_or(&text);
    let text = without_end.strip_suffix('\r').unwrap_or(without_end);
    let lines = text.split('\n').count();
    make(text.len().saturating_add(lines.saturating_mul(width)))?;
    let indentation = " ".repeat(width);
    let mut out = String::new();
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let is_blank = line.is_empty() || line == "\r";
        if (i > 0 || first) && (blank || !is_blank) {
            out.push_str(&indentation);
        }
        out.push_str(line);
    }
    Ok(out)
}

/// Writes a text as one word of a POSIX shell: nothing in it is expanded.
fn quote_shell(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    if text.contains('\0') {
        return Err(Error::new(Kind::InvalidOperation, "a shell's word can't hold a NUL"));
    }
    make(text.len().saturating_mul(4).saturating_add(2))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Says whether a text may name a variable of a POSIX shell.
fn is_shell_name(text: &str) -> bool {
    let first = |it: char| it.is_ascii_alphabetic() || it == '_';
    text.starts_with(first) && text.chars().all(|it| first(it) || it.is_ascii_digit())
}

/// Ends the render: the way in which a template says what it can't do.
fn fail(message: String) -> Result<Value, Error> {
    Err(Error::new(Kind::InvalidOperation, message))
}

/// Writes a value as YAML without a line break at its end.
fn to_yaml(value: &Value) -> Result<String, Error> {
    let text = emit(&wob_engine::Value::from(to_plain(value)?), Style::Canonical);
    make(text.len())?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Writes a value as JSON on one line.
fn to_json(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    if write_json(value, &mut text).is_none() {
        text = to_plain(value)?.to_string();
    }
    make(text.len())?;
    Ok(text)
}

/// Writes texts, and mappings and lists of them, without a copy of them; `None` for what is left to serde.
fn write_json(value: &Value, out: &mut String) -> Option<()> {
    let kind = value.kind();
    if kind == ValueKind::String {
        write_json_text(value.as_str()?, out);
    } else if kind == ValueKind::Bool {
        out.push_str(if value.is_true() { "true" } else { "false" });
    } else if kind == ValueKind::None {
        out.push_str("null");
    } else if kind == ValueKind::Seq {
        out.push('[');
        for (at, item) in value.try_iter().ok()?.enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_json(&item, out)?;
        }
        out.push(']');
    } else if kind == ValueKind::Map {
        write_json_mapping(value, out)?;
    } else {
        return None;
    }
    Some(())
}

fn write_json_mapping(value: &Value, out: &mut String) -> Option<()> {
    let mut before: Option<Value> = None;
    out.push('{');
    for (key, item) in value.as_object()?.try_iter_pairs()? {
        // Serde brings keys in order, and keeps the last of two that are one text.
        if before.as_ref().is_some_and(|it| it.as_str() >= key.as_str()) {
            return None;
        }
        if before.is_some() {
            out.push(',');
        }
        write_json_text(key.as_str()?, out);
        out.push(':');
        write_json(&item, out)?;
        before = Some(key);
    }
    out.push('}');
    Some(())
}

fn write_json_text(text: &str, out: &mut String) {
    let is_special = |it: &u8| *it < b' ' || matches!(it, b'"' | b'\\');
    out.reserve(text.len() + 2);
    out.push('"');
    // Without a way out of the inner loop, the compiler looks at many bytes at once.
    let has_special = |chunk: &[u8]| chunk.iter().fold(false, |any, it| any | is_special(it));
    if text.as_bytes().chunks(32).any(has_special) {
        let quoted = serde_json::to_string(text).expect("because a text is JSON");
        out.push_str(&quoted[1..quoted.len() - 1]);
    } else {
        out.push_str(text);
    }
    out.push('"');
}

fn to_plain(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_undefined() {
        return Err(Error::new(Kind::UndefinedError, "the value to write is undefined"));
    }
    serde_json::to_value(value)
        .map_err(|error| Error::new(Kind::BadSerialization, error.to_string()))
}

/// Writes a scalar as a text in double quotes, which every YAML reader takes for that text.
fn quote_yaml(value: &Value) -> Result<String, Error> {
    let plain = to_plain(value)?;
    let text = match &plain {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => plain.to_string(),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            let message = "only a scalar can be quoted; use `toyaml` for lists and mappings";
            return Err(Error::new(Kind::InvalidOperation, message));
        }
    };
    make(text.len())?;
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let escape = format!("\\u{:04x}", u32::from(c));
                out.push_str(&escape);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    Ok(out)
}
