//! Template languages behind one door: Go text/template with sprig, and jinja.
//!
//! This crate is pure: a template sees its data and nothing else.
#![warn(clippy::disallowed_methods)]

mod convert;
mod error;
mod function;
mod go;
mod gofmt;
pub mod helm;
mod jinja;
pub mod kalypso;
mod options;
mod reads;
pub mod sprig;
mod toml;
mod trace;
mod value;

pub use error::{ErrorKind, TemplateError};
pub use function::{Context, Contextual, Function, FunctionError, Functions, Pure};
pub use go::{Template, TemplateSet, helm_functions};
pub use jinja::{Jinja, JinjaData, JinjaFields, JinjaMap};
pub use options::{Limits, MissingKey, MissingKeyWarning, Options, Rendered};
pub use reads::TemplateReads;
pub use trace::{Condition, DataPath, Piece, PieceKind, Reads, Traced};
pub use value::{List, ListOf, Map, MapOf, Object, Value};
