//! The integration tests, as one binary.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may be as blunt as tests")]

mod amended;
mod assigned;
mod branches;
mod broken;
#[path = "../engine/wob-host/tests/it/cgi.rs"]
mod cgi;
mod cli;
mod conformance;
mod crowd;
mod determinism;
mod engine;
mod examples;
mod faults;
mod fetching;
mod flow;
mod forge;
mod frame;
mod fuzz;
mod git_server;
mod hostile;
mod into;
mod journal;
mod keys;
mod lock;
mod locks;
mod malformed;
mod nix;
mod objects;
mod oracle;
mod outages;
mod plane;
mod proof;
mod property;
mod publish;
mod reads;
mod records;
mod refusals;
mod rules;
mod schemas;
mod served;
mod sources;
mod steps;
mod store;
mod support;
mod tidy;
mod timings;
mod tutorial;
mod warned;
mod watch;
#[path = "../engine/wob-host/tests/it/wire.rs"]
mod wire;
mod workflows;
