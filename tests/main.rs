//! The integration tests, as one binary.

mod broken;
mod cli;
mod conformance;
mod engine;
mod oracle;
mod property;
mod support;
mod tidy;
