//! Tests against real folders and real repositories, made by the `git` program.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only `#[test]` functions for tests, not what they call"
)]

mod cgi;
mod checkout;
mod content;
mod export;
mod failing;
mod fetch;
mod folder;
mod forge;
mod git;
mod held;
mod history;
mod http;
mod into;
mod line;
mod lookout;
mod new_folders;
mod output;
mod program;
mod refusals;
mod signing;
mod simulated;
mod stamp;
mod store;
mod support;
mod watch;
mod wire;
mod working;
