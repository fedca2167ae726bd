//! `wob lock`: pins the branches of other repositories to commits.

mod look;
mod merge;
mod plan;
mod tell;
mod write;

use std::collections::BTreeSet;

pub(crate) use self::{
    look::{Environments, Looking},
    plan::{Fit, LockPlan, MovedInput},
    tell::{Effect, Told, tell},
    write::write_all,
};
use crate::{args::Common, exit::Exit, stream::Streams};
use camino::Utf8PathBuf;

/// Pin the branches of other repositories to commits, in wob.lock
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Lock {
    #[command(subcommand)]
    task: Option<Task>,
    /// Where, and for which environments
    #[command(flatten)]
    pub(crate) environments: Environments,
    /// Write nothing; say what is missing and what nobody uses, and exit with 5 if anything is
    #[arg(long, conflicts_with = "commit")]
    check: bool,
    /// Commit onto the branches of environments that are not checked out
    #[arg(long)]
    commit: bool,
}

const LONG_ABOUT: &str = "\
Pins the branches of other repositories to commits, in wob.lock.

Workload registrations, BaseRepos and Environments may name a branch of another repository. `wob lock` adds each that \
is not in the file yet, at the commit that the branch points to now, and removes what no source names any more. It \
never moves what is locked: `wob update` does.

With environments in folders, the file lies beside wob.yaml. With a branch for each environment, it lies on that \
branch; it is written into the checkout of the branch, or with --commit becomes a commit. Overrides in wob.local.yaml do \
not count: the file is for everybody.";

const EXAMPLES: &str = "\
Examples:
  wob lock
  wob lock --check
  wob lock --env=dev --commit
  wob lock merge BASE OURS THEIRS   # by git: see docs/guides/lock.md";

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Join two versions of wob.lock input by input, as a merge driver of git
    ///
    /// The result replaces OURS. Of an input that both sides moved, the later commit stays, which is said. Set it up by
    /// `git config merge.wob-lock.driver "wob lock merge %O %A %B"` and `wob.lock merge=wob-lock` in .gitattributes.
    #[command(after_long_help = "Examples:\n  wob lock merge %O %A %B")]
    Merge {
        /// The version that both sides began with; may be empty
        #[arg(value_name = "BASE")]
        base: Utf8PathBuf,
        /// Our version, which is replaced
        #[arg(value_name = "OURS")]
        ours: Utf8PathBuf,
        /// Their version
        #[arg(value_name = "THEIRS")]
        theirs: Utf8PathBuf,
    },
}

impl Lock {
    /// Locks what is not locked.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        if let Some(Task::Merge { base, ours, theirs }) = &self.task {
            return merge::run(base, ours, theirs, streams);
        }
        self.lock(common, streams).unwrap_or_else(|exit| exit)
    }

    fn lock(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let looking = Looking::start(&self.environments, common, streams)?;
        let session = looking.look(BTreeSet::new(), None)?;
        let report = plan::diagnose(&session);
        let plans = LockPlan::all(&session);
        let mut exit = session.verdict(&report, common);
        let mut told: Vec<Told> = plans.iter().map(Told::of).collect();
        if !self.check {
            exit = exit.or(write_all(
                &session,
                &plans,
                self.commit.then_some("pin inputs"),
                &mut told,
            ));
        } else if plans.iter().any(|it| it.fit() != Fit::Same) {
            exit = Exit::Difference;
        }
        let text = if self.check { Told::to_check } else { Told::to_text };
        tell(&told, text, &report, exit, streams);
        Ok(exit)
    }
}
