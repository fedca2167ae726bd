//! `wob version`: which wob this is.

use serde::Serialize;

use crate::{exit::Exit, stream::Streams};

/// Print the version of wob
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints the version of wob.\n\n\
                  The version is part of every tree's record (.wob/tree.json), because another version may render \
                  other bytes.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Version {}

const EXAMPLES: &str = "\
Examples:
  wob version
  wob version --output=json";

/// The version as programs read it.
#[derive(Debug, Serialize)]
struct JsonVersion {
    version: &'static str,
}

impl Version {
    /// Prints the version.
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, streams: &Streams) -> Exit {
        let version = env!("CARGO_PKG_VERSION");
        if streams.is_json() {
            streams.json(&JsonVersion { version });
        } else {
            streams.result(&format!("wob {version}\n"));
        }
        Exit::Ok
    }
}
