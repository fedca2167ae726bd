//! The forge that publishing is tried with: the server of wob-host's own laws, in front of real repositories.

#[path = "../engine/wob-host/tests/it/forge/github.rs"]
pub(crate) mod github;
#[path = "../engine/wob-host/tests/it/forge/server.rs"]
#[expect(dead_code, reason = "the laws of wob-host look at more of it")]
pub(crate) mod server;
