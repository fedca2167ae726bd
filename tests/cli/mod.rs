//! The command line as its users see it: one file of tests per command, snapshots in snapshots/cli/.

mod help;
mod init;

use std::path::Path;

use crate::support::{with_snapshots_in, wob_in};

/// Compares everything a user sees of `wob` in the folder `at` with `snapshots/cli/<name>.snap`.
fn check(name: &str, at: &Path, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", args.join(" "), wob_in(at, args));
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}
