//! `wob update [INPUT…]`: locks the commits that branches point to now, and says what that changes.

mod effect;

use std::collections::BTreeSet;

use clap::builder::NonEmptyStringValueParser;
use wob_engine::did_you_mean;
use wob_host::RepositoryId;

use self::effect::{Affected, Histories, affected};
use super::lock::{Environments, LockPlan, Looking, Told, tell, write_all};
use crate::{args::Common, exit::Exit, lock::BranchKey, session::Session, stream::Streams};

/// Lock the commits that branches point to now, and say what that changes
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Update {
    /// Which inputs: names of registrations and the like, or addresses; all if none is named
    #[arg(value_name = "INPUT", value_parser = NonEmptyStringValueParser::new())]
    inputs: Vec<String>,
    /// Where, and for which environments
    #[command(flatten)]
    environments: Environments,
    /// Write nothing; only say what would change
    #[arg(long, conflicts_with = "commit")]
    dry_run: bool,
    /// Commit onto the branches of environments that are not checked out
    #[arg(long)]
    commit: bool,
}

const LONG_ABOUT: &str = "\
Locks the commits that branches of other repositories point to now, in wob.lock.

It also adds what is missing and removes what is unused, as `wob lock` does. For each input that moves it says from \
which commit to which, how many commits that are, if the history is here, and how many assignments come out \
differently: both states are rendered and compared. An assignment counts for the input that its workload comes from, and \
for every base or control plane of its environment that moves too.

Folders of one branch move together. The file is written even if what is locked then has errors, which are reported.";

const EXAMPLES: &str = "\
Examples:
  wob update
  wob update hello-world-app --env=dev
  wob update --dry-run --output=json";

impl Update {
    /// Locks anew.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.update(common, streams).unwrap_or_else(|exit| exit)
    }

    fn update(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let looking = Looking::start(&self.environments, common, streams)?;
        let before = looking.look(BTreeSet::new(), None)?;
        let renewed = self.renewed(&before)?;
        let built_before = before.build(common)?;
        let affected_before = Affected::of(&before, &built_before);
        let after = looking.look(renewed, Some(before.loaded))?;
        let built = after.build(common)?;
        let mut report = after.diagnose(&built);
        // Warnings are for `wob check`.
        report.items.retain(|it| it.diagnostic.is_error());
        let plans = LockPlan::all(&after);
        let differing = affected(&affected_before, &Affected::of(&after, &built));
        let histories = Histories::of_user(&looking.interrupt);
        let mut told = vec![];
        for plan in &plans {
            let mut it = Told::of(plan);
            for (moved, effect) in &mut it.moved {
                *effect = histories.between(&moved.from, &moved.to);
                effect.affected = Some(differing.count(plan.lock, moved));
            }
            told.push(it);
        }
        let mut exit = after.verdict(&report, common);
        if !self.dry_run {
            let what = match &*self.inputs {
                [] => "update inputs".to_owned(),
                some => format!("update {}", some.join(", ")),
            };
            exit = exit.or(write_all(&after, &plans, self.commit.then_some(&*what), &mut told));
        }
        tell(&told, Told::to_text, &report, exit, streams);
        Ok(exit)
    }

    /// Returns the branches that the command line names.
    fn renewed(&self, session: &Session<'_>) -> Result<BTreeSet<BranchKey>, Exit> {
        let asked = || session.loaded.locks.iter().flat_map(|it| &it.asked);
        if self.inputs.is_empty() {
            return Ok(asked().map(|(key, _)| key.branch.clone()).collect());
        }
        let mut renewed = BTreeSet::new();
        for input in &self.inputs {
            let id = RepositoryId::of(input);
            let found = asked().filter(|(key, asked)| {
                asked.names.contains(input.as_str()) || key.branch.repository == id
            });
            let found: Vec<BranchKey> = found.map(|(key, _)| key.branch.clone()).collect();
            if found.is_empty() {
                return Err(unknown(input, session));
            }
            renewed.extend(found);
        }
        Ok(renewed)
    }
}

fn unknown(input: &str, session: &Session<'_>) -> Exit {
    let locks = session.loaded.locks.iter();
    let names: BTreeSet<&str> = locks
        .flat_map(|it| it.asked.values())
        .flat_map(|it| it.names.iter().map(String::as_str))
        .collect();
    let help = match did_you_mean(input, names.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None if names.is_empty() => "no source names a branch of another repository".to_owned(),
        None => {
            let some: Vec<String> = names.iter().take(10).map(|it| format!("`{it}`")).collect();
            format!("there are {}", some.join(", "))
        }
    };
    let input = wob_host::redact(input);
    session.streams.fail(&format!("no input is called `{input}`\n  help: {help}"));
    Exit::Usage
}
