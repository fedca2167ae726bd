//! The `wob` command.

fn main() {}
