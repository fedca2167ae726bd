//! `wob publish [PATTERN]`: brings trees to their GitOps repositories, as one pull request for each environment.

mod body;
mod changes;
mod copies;
mod deletions;
mod destination;
mod failure;
mod issues;
mod made;
mod notes;
mod proposal;
mod push;
mod result;
mod round;

use camino::Utf8Path;
use clap::builder::PossibleValuesParser;
use wob_host::Looks;
use wob_rules::FORGE_NAMES;

use self::{
    result::Published,
    round::{Ended, Round},
};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    journal::JournalPlace,
    reads::{Narrowed, PlacesNote},
    session::{Attempts, JsonResult, Remarks, Session},
    stream::{Results, Streams, json_diagnostics},
    timings::{self, Timings},
    workspace::Start,
};

/// Bring trees to their GitOps repositories, as pull requests
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Publish {
    /// What to publish: whole environments
    #[command(flatten)]
    patterns: Patterns,
    /// How
    #[command(flatten)]
    how: How,
    /// Where the time goes
    #[command(flatten)]
    timings: Timings,
}

/// How trees are published.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct How {
    /// Publish to this repository instead of those that GitOpsRepos name
    #[arg(long, value_name = "URL[#BRANCH]")]
    repo: Option<String>,
    /// What the repository lies on, where its address does not tell; `none` only pushes
    #[arg(long, value_name = "FORGE", value_parser = PossibleValuesParser::new(FORGE_NAMES))]
    forge: Option<String>,
    /// Merge once the checks of the pull request have passed
    #[arg(long)]
    auto_merge: bool,
    /// Delete more than `maxDeletions` and `maxNamespaceDeletions` of wob.yaml allow
    #[arg(long)]
    allow_deletions: bool,
    /// Open an issue for each assignment that fails, and close those of what is mended
    #[arg(long)]
    issues: bool,
    /// Show what would be published; push nothing
    #[arg(long)]
    dry_run: bool,
}

const LONG_ABOUT: &str = "\
Brings trees to their GitOps repositories, as one pull request for each environment.

Each tree becomes one commit on the branch that the environment's GitOpsRepo names, pushed as a branch \
deployment/<environment>/<tree>, from which a pull request is opened. There is one at a time: what the same tree needs is \
updated in place, and another tree closes the older pull request and deletes its branch. Only what wob made is ever \
touched. If nothing has changed, nothing is pushed.

The repository is fetched into the user's cache, never checked out. git pushes, with its own credentials; nobody is asked \
for a password. Sources must be committed and not overridden; a source that cannot be reached publishes nothing (32). An \
assignment that fails keeps what is published of it, is named in the pull request, and wob ends with 1.

Commits on the GitOps branch that wob did not make are reported, and refused under --strict. More deletions than \
`maxDeletions` of wob.yaml allows are refused, unless --allow-deletions.

Forges: GitHub, GitLab, Gitea and Forgejo, Azure DevOps; `none` pushes only, with --auto-merge onto the GitOps branch \
itself. A forge is known by its address, or named by --forge or by `publish.forge` in wob.yaml. A token comes from \
GH_TOKEN or GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN or FORGEJO_TOKEN, AZURE_DEVOPS_TOKEN or SYSTEM_ACCESSTOKEN, and is \
sent only to the public host, or to the one that CI names; WOB_FORGE_URL names another one, and WOB_FORGE_TOKEN is its \
token. Otherwise git's credential helpers are asked.";

const EXAMPLES: &str = "\
Examples:
  wob publish //env:stage
  wob publish //env:stage --dry-run
  wob publish //env:dev --auto-merge --output=json
  wob publish //env:prod --repo=https://github.com/org/gitops#prod --strict";

/// How often sources and repositories are read again because somebody else was faster.
const ATTEMPTS: usize = 5;

/// What programs read.
#[derive(serde::Serialize)]
struct JsonPublish<'p> {
    published: &'p [Published],
}

impl Publish {
    /// Publishes what is selected.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.publish(common, streams).unwrap_or_else(|exit| exit)
    }

    fn publish(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        self.timings.start(streams)?;
        let place = JournalPlace::find(streams).map(|it| it.beside("places"));
        let part = place.as_deref().and_then(narrow).map(|it| (it, Start::default()));
        let mut attempts = Attempts::new(common, &self.patterns, streams, part)?;
        let (mut begun, mut attempt) = (None, 1);
        loop {
            let session = attempts.next()?;
            let round = begun.take().unwrap_or_else(|| Round::new(&session));
            let round = match round::publish(&self.how, &session, common, round)? {
                Ended::Round(round) => round,
                Ended::NeedsAll(round) => {
                    attempts.go_on(session, round.remarks);
                    begun = Some(round);
                    continue;
                }
            };
            if !round.raced || attempt >= ATTEMPTS {
                if let Some(place) = place {
                    PlacesNote::new(round.places.clone()).write(&place);
                }
                let exit = tell(&round, &session, common);
                // To give all of it back, piece by piece, takes longer than to end.
                std::mem::forget(session.leave());
                return Ok(exit);
            }
            attempt += 1;
            streams.say("somebody else is publishing; reading everything again");
            attempts.go_on(session, Remarks::Told);
        }
    }
}

/// Finds out which sources need not be read, from what the last run of the same command line noted at `place`.
fn narrow(place: &Utf8Path) -> Option<Narrowed> {
    let _span = timings::span("look");
    PlacesNote::read(place)?.narrow(&Looks::default())
}

/// Tells what was done, and returns how to end.
fn tell(round: &Round, session: &Session<'_>, common: &Common) -> Exit {
    let streams = session.streams;
    if streams.is_json() {
        streams.json(&JsonResult {
            result: JsonPublish { published: &round.published },
            diagnostics: json_diagnostics(&round.report),
            exit_code: round.exit.number(),
        });
    }
    session.finish(&round.report, common, Results::Talk);
    if !streams.is_json() {
        for text in round.published.iter().filter_map(Published::to_text) {
            streams.result(&text);
        }
    }
    round.exit
}
