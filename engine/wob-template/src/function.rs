//! The function table: names, what each does, and why some are refused.

use std::{collections::BTreeMap, fmt};

use crate::Value;

/// A pure function of its arguments, piped value last.
pub type Pure = fn(&[Value]) -> Result<Value, FunctionError>;

/// One entry of the function table.
#[derive(Clone, Copy)]
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
    /// Known, but refused: its answer would depend on more than the sources.
    Refused {
        /// Why, in a few words: `reads the clock`.
        reason: &'static str,
    },
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
pub type Functions = BTreeMap<&'static str, Function>;
