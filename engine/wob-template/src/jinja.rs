//! Jinja templates: compiled once, rendered many times, by minijinja with our rules.
//!
//! Missing values are errors, nothing is escaped, a trailing line break stays, and a tag that stands alone on its line
//! leaves no trace of it.

use std::{collections::BTreeMap, error::Error as _, io, sync::Arc};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind as Kind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
};
use wob_engine::{
    Span,
    yaml::{Style, emit},
};

use crate::{ErrorKind, Limits, TemplateError};

/// How deep macros and includes may be nested; minijinja counts ten for each.
const RECURSION: usize = 200;

/// The most bytes of one template.
const LONGEST: usize = 1 << 18;

/// Templates that may include each other by name.
///
/// They have minijinja's filters, and `toyaml`, `tojson` and `quote_yaml` for manifests.
#[derive(Debug)]
pub struct Jinja {
    environment: Environment<'static>,
    /// The most bytes of output.
    output: usize,
}

/// What a template sees, made once for many renders; cloning is cheap.
#[derive(Clone, Debug)]
pub struct JinjaData(Value);

impl From<&wob_engine::Value> for JinjaData {
    fn from(value: &wob_engine::Value) -> Self {
        Self(convert(value))
    }
}

impl Jinja {
    /// Returns a set without templates.
    pub fn new(limits: &Limits) -> Self {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .expect("because the delimiters are the default ones");
        environment.set_syntax(syntax);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(limits.steps));
        environment.set_recursion_limit(RECURSION);
        environment.add_filter("quote_yaml", quote_yaml);
        environment.add_filter("tojson", to_json);
        environment.add_filter("toyaml", to_yaml);
        // A namespace carries values from turn to turn of a loop, so that few steps could make a value as deep or as
        // long as one likes; and `debug` shows what no output should depend on.
        environment.remove_global("namespace");
        environment.remove_global("debug");
        Self { environment, output: limits.output }
    }

    /// Compiles `text` and adds it under `name`.
    ///
    /// # Errors
    /// The text is no template.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        if text.len() > LONGEST {
            return Err(TemplateError {
                kind: ErrorKind::Limit,
                message: format!("a jinja template of more than {LONGEST} bytes"),
                help: None,
                template: name.into(),
                span: Span::default(),
            });
        }
        let added = self.environment.add_template_owned(name.to_owned(), text.to_owned());
        added.map_err(|error| self.explain(name, text, &error))
    }

    /// Renders the template called `name`.
    ///
    /// # Errors
    /// There is no such template, it asks for something that the data does not have, or a limit is reached.
    pub fn render(&self, name: &str, data: &JinjaData) -> Result<String, TemplateError> {
        let template =
            self.environment.get_template(name).map_err(|error| self.explain(name, "", &error))?;
        let mut output = Output { bytes: vec![], limit: self.output };
        let rendered = template.render_captured_to(data.0.clone(), &mut output);
        if let Err(error) = rendered {
            return Err(self.explain(name, template.source(), &error));
        }
        Ok(String::from_utf8(output.bytes).expect("because minijinja writes texts"))
    }

    /// Finds the innermost error, which knows best what is wrong and where.
    fn explain(&self, name: &str, text: &str, error: &Error) -> TemplateError {
        let mut innermost = error;
        while let Some(cause) = innermost.source().and_then(|it| it.downcast_ref::<Error>()) {
            innermost = cause;
        }
        let template = innermost.name().unwrap_or(name);
        let included = self.environment.get_template(template).ok();
        let text = included.as_ref().map_or(text, |it| it.source());
        let message =
            innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
        TemplateError {
            kind: kind(innermost.kind()),
            message,
            help: help(innermost.kind()),
            template: Arc::from(template),
            span: span(innermost, text),
        }
    }
}

fn kind(kind: Kind) -> ErrorKind {
    if matches!(kind, Kind::SyntaxError | Kind::BadEscape | Kind::InvalidDelimiter) {
        ErrorKind::Syntax
    } else if matches!(
        kind,
        Kind::UnknownFilter | Kind::UnknownFunction | Kind::UnknownMethod | Kind::UnknownTest
    ) {
        ErrorKind::UnknownFunction
    } else if matches!(kind, Kind::TooManyArguments | Kind::MissingArgument) {
        ErrorKind::Function
    } else if matches!(kind, Kind::TemplateNotFound | Kind::UnknownBlock) {
        ErrorKind::UnknownTemplate
    } else if matches!(kind, Kind::OutOfFuel | Kind::WriteFailure) {
        ErrorKind::Limit
    } else if kind == Kind::UndefinedError {
        ErrorKind::MissingKey
    } else {
        ErrorKind::Value
    }
}

fn help(kind: Kind) -> Option<String> {
    (kind == Kind::UndefinedError)
        .then(|| "write `x is defined` to ask, or `x | default(…)` to choose".to_owned())
}

/// Returns the bytes that an error is about, or those of its line.
fn span(error: &Error, text: &str) -> Span {
    let whole = 0..text.len();
    let line = error.line().unwrap_or(1);
    let range = error.range().unwrap_or_else(|| {
        let mut lines = text.split_inclusive('\n');
        let start: usize = lines.by_ref().take(line - 1).map(str::len).sum();
        start..start + lines.next().map_or(0, |it| it.trim_end().len())
    });
    let offset = |at: usize| u32::try_from(at.clamp(whole.start, whole.end)).unwrap_or(u32::MAX);
    Span { start: offset(range.start), end: offset(range.end) }
}

/// A text that refuses to grow beyond a limit.
struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other(format!("more than {} bytes of output", self.limit)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn convert(value: &wob_engine::Value) -> Value {
    use wob_engine::Value as Plain;
    match value {
        Plain::Null => Value::from(()),
        Plain::Bool(it) => Value::from(*it),
        Plain::Int(it) => Value::from(*it),
        Plain::Float(it) => Value::from(*it),
        Plain::String(it) => Value::from(Arc::clone(it)),
        Plain::List(items) => items.iter().map(convert).collect(),
        Plain::Map(entries) => {
            let entries: BTreeMap<Arc<str>, Value> =
                entries.iter().map(|(key, value)| (Arc::clone(key), convert(value))).collect();
            Value::from(entries)
        }
    }
}

/// Writes a value as YAML without a line break at its end.
fn to_yaml(value: &Value) -> Result<String, Error> {
    let text = emit(&wob_engine::Value::from(to_plain(value)?), Style::Canonical);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Writes a value as JSON on one line.
fn to_json(value: &Value) -> Result<String, Error> {
    Ok(to_plain(value)?.to_string())
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

#[cfg(test)]
mod tests;
