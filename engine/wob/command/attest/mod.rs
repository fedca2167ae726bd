//! `wob attest`: says, and signs, what a tree was made from; `wob attest verify` checks it.

mod make;
mod verify;

use crate::{args::Common, exit::Exit, stream::Streams};

/// Attest what a tree was made from, or verify an attestation
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Attest {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    make: make::Make,
}

const LONG_ABOUT: &str = "\
Attests what a tree was made from, on standard output: an in-toto statement with SLSA provenance, version 1. Its subjects are \
the tree's git id and BLAKE3 root, its dependencies are every source with address, commit and tree. There is no time in \
it: who attests the same tree again gets the same bytes.

Without --against or -o, the environment is built in memory, as `wob build` would write it now. With one of them, the tree \
that lies there is proven first, as `wob audit --against` does it, and attested only if it is proven, all of it.

With --key, the statement is signed with ed25519 and put into a DSSE envelope. The key is PKCS #8 in PEM, as \
`openssl genpkey -algorithm ed25519` makes it, without a password.";

const EXAMPLES: &str = "\
Examples:
  wob attest //env:stage
  wob attest --against=../gitops#stage --key=build.pem > stage.intoto.json
  wob attest verify stage.intoto.json --key=build.pub --against=../gitops#stage";

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Check the signature of an attestation, and that a tree and its record are what it says
    Verify(verify::Verify),
}

impl Attest {
    /// Attests or verifies.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        let done = match &self.task {
            Some(Task::Verify(verify)) => verify.run(common, streams),
            None => self.make.run(common, streams),
        };
        done.unwrap_or_else(|exit| exit)
    }
}
