//! The integration tests, as one binary.

mod cli;
mod conformance;
mod oracle;
mod support;
mod tidy;
