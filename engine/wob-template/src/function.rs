//! The function table: names, what each does, and why some are refused.

use std::{collections::BTreeMap, fmt};

use crate::Value;

/// A pure function of its arguments, piped value last.
pub type Pure = fn(&[Value]) -> Result<Value, FunctionError>;

/// A function that needs the running template too, such as Helm's `include`.
pub type Contextual = fn(&mut dyn Context, &[Value]) -> Result<Value, FunctionError>;

/// One entry of the function table.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// A pure function.
    Pure {
        /// Its body.
        body: Pure,
        /// The fewest arguments.
        min: usize,
        /// The most arguments; `usize::MAX` for variadic ones.
        max: usize,
    },
    /// A function that renders templates.
    Contextual {
        /// Its body.
        body: Contextual,
        /// The fewest arguments.
        min: usize,
        /// The most arguments; `usize::MAX` for variadic ones.
        max: usize,
    },
    /// Known, but refused: its answer would depend on more than the sources.
    Refused {
        /// Why, in a few words: `reads the clock`.
        reason: &'static str,
        /// What to do instead, as an imperative.
        instead: &'static str,
    },
}

/// What a contextual function may ask of the template that is running.
///
/// After an error the render is over: the function must return it.
pub trait Context {
    /// Renders the template called `name` with `data` as its dot.
    ///
    /// # Errors
    /// There is no such template, or it fails.
    fn include(&mut self, name: &str, data: &Value) -> Result<String, FunctionError>;

    /// Renders `text` as a template with `data` as its dot; it sees the definitions of the running one.
    ///
    /// # Errors
    /// The text is no template, or it fails.
    fn tpl(&mut self, text: &str, data: &Value) -> Result<String, FunctionError>;
}

/// What a function says when it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError(pub String);

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The functions that a template may call, by name.
///
/// They come before Go's own, so that sprig's `slice` hides the built-in one.
pub type Functions = BTreeMap<&'static str, Function>;
