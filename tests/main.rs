//! The integration tests, as one binary.

mod conformance;
mod oracle;
mod tidy;
