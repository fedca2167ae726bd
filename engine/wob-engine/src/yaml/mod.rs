//! YAML with places: parsing, Kubernetes' reading of scalars, and emitters whose output every reader reads alike.

mod emit;
mod extent;
mod lint;
mod locate;
mod mapping;
mod node;
mod number;
mod order;
mod parse;
mod position;
mod problem;
mod quick;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;

pub use emit::{Style, emit};
pub use locate::resolve;
pub use node::{Document, Entry, Key, Node, NodeKind, Scalar, ScalarStyle, Tag};
pub use parse::{Limits, Parsed, parse, parse_value};
pub use problem::{Problem, ProblemKind};
pub use quick::{canonical, separate};
