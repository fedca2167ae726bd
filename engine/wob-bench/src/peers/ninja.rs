//! ninja: as many edges as there are assignments, each with three output files.

use std::{fs, io, process::Command};

use camino::Utf8Path;

use super::Peer;

/// The build system that does nothing the fastest.
pub(crate) struct Ninja;

impl Peer for Ninja {
    fn name(&self) -> &'static str {
        "ninja"
    }

    fn probe(&self) -> Command {
        let mut command = Command::new("ninja");
        command.arg("--version");
        command
    }

    fn command(&self, at: &Utf8Path) -> Command {
        let mut command = Command::new("ninja");
        command.current_dir(at);
        command
    }
}

impl Ninja {
    /// Writes into the folder `at` what it builds.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn write(at: &Utf8Path, edges: usize) -> io::Result<()> {
        fs::create_dir_all(at)?;
        let mut lines =
            vec!["rule write\n  command = for it in $out; do cp leaf $$it; done".to_owned()];
        fs::write(at.join("base"), "")?;
        fs::write(at.join("leaf"), "")?;
        for edge in 0..edges {
            let source = if edge == 0 { "leaf" } else { "base" };
            lines.push(format!("build {edge}/a {edge}/b {edge}/c: write {source}"));
        }
        fs::write(at.join("build.ninja"), lines.join("\n") + "\n")
    }

    /// Changes what one edge reads.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn touch(at: &Utf8Path) -> io::Result<()> {
        fs::write(at.join("leaf"), "changed\n")
    }
}
