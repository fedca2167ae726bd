//! `wob wait`: waits until the clusters of an environment report a commit of the GitOps repository.

mod found;
mod tell;

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use wob_engine::{FileName, FilePath, Place};
use wob_host::{GitId, Interrupt, Interrupted, StatusOutcome};
use wob_rules::{ProgramSetting, WaitSource};

use self::{found::Found, tell::Teller};
use crate::{
    args::{Common, parse_duration, parse_environment},
    exit::Exit,
    promotion::short,
    stream::Streams,
    waiting::{Aim, Clock, Rhythm, Verdict, source, wait},
};

/// How long a failure may last, unless it is said.
const TOLERATE: Duration = Duration::from_mins(2);
/// How long to wait, unless it is said.
const TIMEOUT: Duration = Duration::from_mins(15);
/// How long a program may take that the command line names, in seconds.
const PROGRAM_SECONDS: u32 = 30;

/// Wait until the clusters of an environment report a commit
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Wait {
    /// The environment
    #[arg(value_name = "ENV", value_parser = parse_environment)]
    environment: String,
    /// The full id of the commit of the GitOps repository; by default the last one of the branch
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    commit: Option<GitId>,
    /// The GitOps repository that is waited for, where the tree goes to several: the name of a GitOpsRepo, or an address
    #[arg(long, value_name = "NAME|URL[#BRANCH]")]
    repo: Option<String>,
    /// How many subscribers must report it
    #[arg(long, value_name = "N")]
    subscribers: Option<u32>,
    /// It is fine if nobody reports anything
    #[arg(long, conflicts_with = "subscribers")]
    allow_none: bool,
    /// Who says what clusters run: `forge`, a JSON file of the workspace, or an http address
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// A program of the workspace that says it
    #[arg(long, value_name = "PROGRAM", conflicts_with = "source")]
    exec: Option<Utf8PathBuf>,
    /// How long a failure may last before it counts [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    tolerate: Option<Duration>,
    /// How long to wait in all [default: 15m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    interval: Duration,
    /// Do not set the status of the commit of the base on the forge
    #[arg(long)]
    no_status: bool,
}

const LONG_ABOUT: &str = "\
Waits until every subscriber of an environment reports exactly this commit of the GitOps repository, and there are \
enough of them. A subscriber is a cluster, or a part of one that reports by itself.

It ends with 0 if they do, with 1 if one of them fails for longer than --tolerate, and with 32 if time is over or \
nobody answers. That nobody reports is no success unless --allow-none says so: say how many there are with \
--subscribers, or in wob.yaml.

The commit is one of the repository that `wob publish` brings the tree to. If there are several GitOpsRepos, it is that of the \
one named like the environment, or else of the first by name; --repo names another.

Who says what clusters run is the forge (statuses and checks of the commit, as Flux and Argo CD write them), a JSON \
document, or a program, which gets the question as JSON on standard input. The document:
  {\"subscribers\": [{\"name\": \"west-1\", \"commit\": \"<id>\", \"state\": \"success\", \"message\": \"\"}]}
with the states pending, success and failure; a commit may be written as Flux does, dev@sha1:<id>.

Where the forge of the base is known, the status \"<env> environment\" of the commit that the tree was made from is set \
to pending, then to success or failure; `wob promote` asks for it.";

const EXAMPLES: &str = "\
Examples:
  wob wait stage --subscribers 12 --timeout 30m
  wob wait prod --repo prod-europe --commit 5f49141aa35ac6bb2b6ab6d5e7a0b1d9c3f4e7a8 --subscribers 12
  wob wait dev --exec ./clusters.sh --subscribers 3 --tolerate 5m
  wob wait edge --source https://status.example.com/edge.json --allow-none";

/// The clock on the wall.
struct WallClock {
    begin: Instant,
}

impl Clock for WallClock {
    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    fn sleep(&self, time: Duration, interrupt: &Interrupt) -> Result<(), Interrupted> {
        interrupt.sleep(time)
    }
}

impl Wait {
    /// Waits.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.wait(common, streams).unwrap_or_else(|exit| exit)
    }

    fn wait(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let found = Found::find(&self.environment, self.repo.as_deref(), common, streams)?;
        let subscribers = self.expected(&found)?;
        let commit = self.commit.map_or_else(|| found.last_commit(), Ok)?;
        let aim = self.aim(&found, commit, subscribers);
        let setting = self.setting(&found)?;
        let Some(source) = source(&setting, found.surroundings()) else {
            let repository = found.gitops.as_ref().map_or("not known", |it| &it.shown);
            streams.fail(&format!(
                "no forge is known that would say what clusters run: the GitOps repository is {repository}\n  \
                 help: name a file, an address or a program with --source or --exec"
            ));
            return Err(Exit::Usage);
        };
        let hearer = if self.no_status { None } else { found.hearer(commit)? };
        let say = |outcome, text: &str| match &hearer {
            Some(hearer) => hearer.say(&found, (outcome, text)),
            None => Ok(()),
        };
        let at = short(&commit.to_string()).to_owned();
        say(StatusOutcome::Pending, &format!("Deploying {at}"))?;
        let asked = found.asked(commit);
        let mut teller = Teller::new(asked, aim, source.shown(), streams);
        let clock = WallClock { begin: Instant::now() };
        let interrupt = &found.interrupt;
        let rhythm = Rhythm { interval: self.interval, clock: &clock, interrupt };
        let mut ask = || source.ask(&asked, interrupt);
        let Ok(verdict) = wait(aim, rhythm, &mut ask, &mut |judge, it| teller.tell(judge, it))
        else {
            streams.fail("interrupted; the clusters go on");
            return Err(Exit::Interrupted);
        };
        match verdict {
            Verdict::Success => say(StatusOutcome::Success, &format!("Deployed {at}"))?,
            Verdict::Failure(_) => say(StatusOutcome::Failure, &format!("Failed to deploy {at}"))?,
            Verdict::TimedOut | Verdict::Silent(_) | Verdict::Waiting => {
                say(StatusOutcome::Failure, &format!("Not known to be deployed in time: {at}"))?;
            }
        }
        Ok(tell::exit(&verdict))
    }

    fn aim(&self, found: &Found<'_>, commit: GitId, subscribers: usize) -> Aim {
        let seconds = |it: Option<u32>| it.map(|it| Duration::from_secs(u64::from(it)));
        let tolerate = self.tolerate.or_else(|| seconds(found.settings.tolerate_seconds));
        let timeout = self.timeout.or_else(|| seconds(found.settings.timeout_seconds));
        Aim {
            commit,
            subscribers,
            tolerate: tolerate.unwrap_or(TOLERATE),
            timeout: timeout.unwrap_or(TIMEOUT),
        }
    }

    /// Returns how many subscribers there must be.
    fn expected(&self, found: &Found<'_>) -> Result<usize, Exit> {
        match self.subscribers.or(found.settings.subscribers) {
            _ if self.allow_none => Ok(0),
            Some(number @ 1..) => Ok(number as usize),
            Some(0) => {
                found.streams.fail(
                    "nobody to wait for is no success\n  help: if that is meant, write --allow-none",
                );
                Err(Exit::Usage)
            }
            None => {
                found.streams.fail(&format!(
                    "it is not known how many subscribers `{}` has\n  \
                     help: say it with --subscribers, or as `wait: {{subscribers: N}}` in wob.yaml; --allow-none if there may be none",
                    self.environment
                ));
                Err(Exit::Usage)
            }
        }
    }

    fn setting(&self, found: &Found<'_>) -> Result<WaitSource, Exit> {
        if let Some(program) = &self.exec {
            let relative = program.as_str().strip_prefix("./").unwrap_or(program.as_str());
            let Ok(path) = FilePath::new(relative) else {
                found.streams.fail(&format!(
                    "`{program}` is not a path inside of the workspace\n  help: write it relative to `{}`",
                    found.workspace.root
                ));
                return Err(Exit::Usage);
            };
            return Ok(WaitSource::Program(ProgramSetting {
                path,
                arguments: vec![],
                timeout_seconds: PROGRAM_SECONDS,
                place: Place::file(&FileName::new("--exec")),
            }));
        }
        let named = self.source.as_deref().map(WaitSource::named);
        Ok(named.or_else(|| found.settings.source.clone()).unwrap_or(WaitSource::Forge))
    }
}

fn parse_id(text: &str) -> Result<GitId, String> {
    GitId::parse(&text.to_ascii_lowercase())
        .ok_or_else(|| "write the full id, 40 digits, as `git rev-parse` prints it".to_owned())
}
