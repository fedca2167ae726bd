//! The command line as its users see it: one file of tests per command, snapshots in snapshots/cli/.

mod audit;
pub(crate) mod branches;
mod build;
mod cache;
mod codes;
mod diff;
mod explain;
mod help;
mod init;
mod limits;
mod lines;
mod look;
mod program;
mod promote;
mod propose;
mod query;
mod rules;
mod schedule;
mod status;
mod trust;
mod wait;
mod warnings;
mod why;

use std::{fs, path::Path};

use crate::support::{ROOT, with_snapshots_in, wob_in};

/// Compares everything a user sees of `wob` in the folder `at` with `snapshots/cli/<name>.snap`.
fn check(name: &str, at: &Path, args: &[&str]) {
    let seen = format!("$ wob {}\n{}", args.join(" "), wob_in(at, args));
    with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
}

/// Copies an example into the folder `to`, so that a test may change it.
pub(crate) fn copy_example(name: &str, to: &Path) {
    copy(&Path::new(ROOT).join("examples").join(name), to);
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("because the folder is temporary");
    for entry in fs::read_dir(from).expect("because examples can be read") {
        let entry = entry.expect("because examples can be read");
        let target = to.join(entry.file_name());
        if !entry.path().is_dir() {
            fs::copy(entry.path(), target).expect("because the folder is temporary");
        } else if entry.file_name() != "wob-out" {
            copy(&entry.path(), &target);
        }
    }
}

/// Replaces `from` by `to` in a file, which must hold it.
pub(crate) fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("because the file is there");
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    fs::write(file, text.replace(from, to)).expect("because the folder is temporary");
}
