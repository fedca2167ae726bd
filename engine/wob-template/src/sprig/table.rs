//! How the files of this folder list their functions.

use crate::{Function, Pure};

/// A name and what it does.
pub(crate) type Entry = (&'static str, Function);

/// The number of arguments of a function without a limit.
pub(crate) const ANY: usize = usize::MAX;

/// Lists a pure function that takes from `min` to `max` arguments.
pub(crate) const fn pure(min: usize, max: usize, body: Pure) -> Function {
    Function::Pure { body, min, max }
}

/// Lists a function that is refused.
pub(crate) const fn refused(reason: &'static str, instead: &'static str) -> Function {
    Function::Refused { reason, instead }
}
