//! Jinja templates: compiled once, rendered many times, by minijinja with our rules.
//!
//! Missing values are errors, nothing is escaped, a trailing line break stays, and a tag that stands alone on its line
//! leaves no trace of it.

use std::{
    collections::BTreeMap,
    error::Error as _,
    fmt, io,
    ops::Range,
    sync::{Arc, OnceLock},
};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind as Kind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Enumerator, Object, ObjectExt as _},
};
use wob_engine::Span;

use crate::{ErrorKind, Limits, TemplateError};

/// The most instructions of one render: one may compare large texts, so they are dearer than a Go template's steps.
const STEPS: u64 = 500_000;

/// The most bytes of one template.
const LONGEST: usize = 1 << 18;

/// Templates by name: jinja without what keeps output in memory (macros, `include`, `extends`, blocks).
///
/// They have minijinja's filters that can be bounded, and `toyaml`, `tojson` and `quote_yaml` for manifests.
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

/// Data whose fields are made when a template asks for them.
pub trait JinjaFields: fmt::Debug + Send + Sync + 'static {
    /// Returns the names of all fields.
    fn names(&self) -> &'static [&'static str];

    /// Makes the field of that name; it is asked for once at most.
    fn field(&self, name: &str) -> JinjaData;
}

impl JinjaData {
    /// Returns data whose fields are made when a template asks for them.
    pub fn lazy(fields: impl JinjaFields) -> Self {
        let made = fields.names().iter().map(|_| OnceLock::new()).collect();
        Self(Value::from_object(Lazy { fields, made }))
    }

    /// Returns a mapping whose values are converted when they are looked at.
    pub fn mapping(map: impl JinjaMap) -> Self {
        Self(Value::from_object(Shared(map)))
    }

    /// Returns what a mapping of texts is.
    pub fn texts<'t>(entries: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let entries = entries.map(|(key, it)| (Arc::from(key), Value::from(it)));
        Self(Value::from(entries.collect::<BTreeMap<Arc<str>, Value>>()))
    }
}

impl From<Arc<str>> for JinjaData {
    fn from(text: Arc<str>) -> Self {
        Self(Value::from(text))
    }
}

/// A mapping whose values are converted when they are looked at.
pub trait JinjaMap: fmt::Debug + Send + Sync + 'static {
    /// Returns the value of `key`.
    fn get(&self, key: &str) -> Option<JinjaData>;

    /// Lists the keys with their values, in byte order.
    fn entries(&self) -> Box<dyn Iterator<Item = (Arc<str>, JinjaData)> + Send + Sync + '_>;
}

#[derive(Debug)]
struct Shared<M>(M);

impl<M: JinjaMap> Object for Shared<M> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).map(|it| it.0)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_key_value_enumerator(|it| {
            Box::new(it.0.entries().map(|(key, it)| (Value::from(key), it.0)))
        })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.entries().count())
    }
}

#[derive(Debug)]
struct Lazy<F> {
    fields: F,
    made: Box<[OnceLock<Value>]>,
}

impl<F: JinjaFields> Object for Lazy<F> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let at = self.fields.names().iter().position(|it| *it == name)?;
        Some(self.made[at].get_or_init(|| self.fields.field(name).0).clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(self.fields.names())
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
        environment.set_fuel(Some(limits.steps.min(STEPS)));
        filters::add_to(&mut environment);
        // A namespace carries values from turn to turn of a loop, so that few steps could make a value as deep or as
        // long as one likes; and `debug` shows what no output should depend on.
        environment.remove_global("namespace");
        environment.remove_global("debug");
        Self { environment, output: limits.output }
    }

    /// Compiles `text` and adds it under `name`.
    ///
    /// # Errors
    /// The text is no template, or one that could build values without bound: see `check.rs`.
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
        check::check(text, self.environment.syntax()).map_err(|refusal| TemplateError {
            kind: refusal.kind,
            message: refusal.message,
            help: refusal.help,
            template: name.into(),
            span: within(
                text,
                refusal.span.start_offset as usize..refusal.span.end_offset as usize,
            ),
        })?;
        let added = self.environment.add_template_owned(name.to_owned(), text.to_owned());
        added.map_err(|error| self.explain(name, text, &error))
    }

    /// Renders the template called `name`.
    ///
    /// # Errors
    /// There is no such template, it asks for something that the data does not have, or a limit is reached.
    pub fn render(&self, name: &str, data: &JinjaData) -> Result<String, TemplateError> {
        filters::reset();
        let template =
            self.environment.get_template(name).map_err(|error| self.explain(name, "", &error))?;
        // Most output is the text itself.
        let likely = template.source().len().min(self.output);
        let mut output = Output { bytes: Vec::with_capacity(likely), limit: self.output };
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
    let line = error.line().unwrap_or(1);
    let range = error.range().unwrap_or_else(|| {
        let mut lines = text.split_inclusive('\n');
        let start: usize = lines.by_ref().take(line - 1).map(str::len).sum();
        start..start + lines.next().map_or(0, |it| it.trim_end().len())
    });
    within(text, range)
}

/// Returns a span of whole characters: minijinja points into the middle of those that it does not expect.
fn within(text: &str, range: Range<usize>) -> Span {
    Span::new(text.floor_char_boundary(range.start), text.ceil_char_boundary(range.end))
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

mod check;
mod filters;
mod plan;
mod reads;
mod trace;

#[cfg(test)]
mod tests;
