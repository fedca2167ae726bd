//! Go's text/template: compiled once, rendered many times.

use std::sync::Arc;

use crate::{ErrorKind, Functions, Options, Rendered, TemplateError, Traced, Value};

mod builtin;
mod compare;
mod escape;
mod eval;
mod helm;
mod lex;
mod literal;
mod parse;
mod reads;
mod tree;

pub use helm::helm_functions;
use parse::Definitions;

/// A compiled template, which any thread may render.
#[derive(Clone, Debug)]
pub struct Template {
    main: Arc<tree::Body>,
    definitions: Arc<Definitions>,
    /// Only if a function may compile more text.
    functions: Option<Arc<Functions>>,
}

impl Template {
    /// Compiles `text`; `name` stands in errors, and is what `template` and `include` may call it.
    ///
    /// # Errors
    /// The text is no template, or it calls a function that is neither in `functions` nor built in.
    pub fn compile(name: &str, text: &str, functions: &Functions) -> Result<Self, TemplateError> {
        let mut set = TemplateSet::default();
        set.add(name, text, functions)?;
        Ok(set.template(name).expect("because it was added"))
    }

    /// Renders the template with `data` as its dot.
    ///
    /// # Errors
    /// The template asks for something that the data cannot give, a function fails, or a limit is reached.
    pub fn render(&self, data: &Value, options: &Options) -> Result<Rendered, TemplateError> {
        eval::render(self, data, options)
    }

    /// Renders the template as [`Template::render`] does, and tells what made each part of the text.
    ///
    /// Pieces of definitions that came from another text, as in a chart, say so by their file.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn trace(&self, data: &Value, options: &Options) -> Result<Traced, TemplateError> {
        eval::trace(self, data, options)
    }

    /// Returns the name that the text was compiled under.
    pub fn name(&self) -> &str {
        &self.main.file
    }
}

/// Templates that see each other's definitions, as the files of a chart do.
#[derive(Clone, Debug, Default)]
pub struct TemplateSet {
    files: Arc<Definitions>,
    definitions: Arc<Definitions>,
    functions: Option<Arc<Functions>>,
}

impl TemplateSet {
    /// Compiles `text` and adds it with its definitions.
    ///
    /// Definitions replace those of the same name from texts before, unless they are blank.
    ///
    /// # Errors
    /// As [`Template::compile`]; then nothing was added.
    pub fn add(
        &mut self,
        name: &str,
        text: &str,
        functions: &Functions,
    ) -> Result<(), TemplateError> {
        let name = Arc::from(name);
        if u32::try_from(text.len()).is_err() {
            let message = "a template must be smaller than 4 GiB".to_owned();
            let span = wob_engine::Span::default();
            let kind = ErrorKind::Limit;
            return Err(TemplateError { kind, message, help: None, template: name, span });
        }
        let parsed = parse::parse(&name, &Arc::from(text), functions)?;
        if parsed.is_contextual && self.functions.is_none() {
            self.functions = Some(Arc::new(functions.clone()));
        }
        let main = Arc::new(parsed.main);
        let definitions = Arc::make_mut(&mut self.definitions);
        let all = parsed.definitions.into_iter();
        for (name, body) in all.chain([(Arc::clone(&name), Arc::clone(&main))]) {
            if !body.is_blank() || !definitions.contains_key(&name) {
                definitions.insert(name, body);
            }
        }
        Arc::make_mut(&mut self.files).insert(name, main);
        Ok(())
    }

    /// Returns the text that was added under `name`, with all definitions added so far.
    pub fn template(&self, name: &str) -> Option<Template> {
        Some(Template {
            main: Arc::clone(self.files.get(name)?),
            definitions: Arc::clone(&self.definitions),
            functions: self.functions.clone(),
        })
    }
}

/// Says whether `if` takes the value as true: it is not empty, zero or nil.
pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(it) => *it,
        Value::Int(it) | Value::Int64(it) => *it != 0,
        Value::Float(it) => *it != 0.0,
        Value::String(it) => !it.is_empty(),
        Value::List(it) => !it.is_empty(),
        Value::Map(it) => !it.entries.borrow().is_empty(),
        Value::Object(it) => it.truth(),
    }
}

#[cfg(test)]
mod tests;
