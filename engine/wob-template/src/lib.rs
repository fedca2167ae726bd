//! Template languages behind one door: Go text/template with sprig, and jinja.
//!
//! This crate is pure: a template sees its data and nothing else.
#![warn(clippy::disallowed_methods)]

mod function;
mod value;

pub use function::{Function, FunctionError, Functions, Pure};
pub use value::{Map, MapOf, Object, Value};
