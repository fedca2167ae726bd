//! `wob wait`: waits until the clusters of an environment report a commit of the GitOps repository.

mod tell;

use std::{
    thread,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use wob_engine::{Content, FilePath};
use wob_host::{
    Cache, Commit, Forge, GitId, Interrupt, Interrupted, Policy, ReadLimits, Reference, Repository,
    StatusOutcome, redact,
};
use wob_rules::{
    ProgramSetting, WaitSettings, WaitSource, environment_model, resource::GitReference,
};

use self::tell::Teller;
use crate::{
    args::{Common, parse_duration},
    exit::Exit,
    promotion::{forge_of, say_status, short},
    session,
    stream::Streams,
    waiting::{Aim, Asked, Clock, Surroundings, Verdict, source, wait},
    workspace::{Loaded, Start, Workspace},
};

/// How long a failure may last, unless it is said.
const TOLERATE: Duration = Duration::from_secs(120);
/// How long to wait, unless it is said.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Where a tree notes the commit of the base that it was made from.
const PROMOTED_COMMIT: &str = ".github/tracking/Promoted_Commit_Id";
/// How long a program may take that the command line names, in seconds.
const PROGRAM_SECONDS: u32 = 30;

/// Wait until the clusters of an environment report a commit
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Wait {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The full id of the commit of the GitOps repository; by default the last one of the branch
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    commit: Option<GitId>,
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

Who says what clusters run is the forge (statuses and checks of the commit, as Flux and Argo CD write them), a JSON \
document, or a program, which gets the question as JSON on standard input. The document:
  {\"subscribers\": [{\"name\": \"west-1\", \"commit\": \"<id>\", \"state\": \"success\", \"message\": \"\"}]}
with the states pending, success and failure; a commit may be written as Flux does, dev@sha1:<id>.

Where the forge of the base is known, the status \"<env> environment\" of the commit that the tree was made from is set \
to pending, then to success or failure; `wob promote` asks for it.";

const EXAMPLES: &str = "\
Examples:
  wob wait stage --subscribers 12
  wob wait stage --commit 5f49141aa35ac6bb2b6ab6d5e7a0b1d9c3f4e7a8 --subscribers 12 --timeout 30m
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
        /// How often to look whether the user stopped it.
        const LOOK: Duration = Duration::from_millis(20);
        let end = Instant::now() + time;
        loop {
            interrupt.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

/// What is waited for, found in the workspace.
struct Found {
    workspace: Workspace,
    loaded: Loaded,
    /// Where the tree goes; none if nothing says it.
    gitops: Option<GitReference>,
    settings: WaitSettings,
    interrupt: Interrupt,
}

impl Wait {
    /// Waits.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.wait(common, streams).unwrap_or_else(|exit| exit)
    }

    fn wait(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let found = self.find(common, streams)?;
        let subscribers = self.expected(&found, streams)?;
        let gitops = GitOps::of(&found, common);
        let commit = self.commit(&gitops, streams, &found.interrupt)?;
        let seconds = |it: Option<u32>| it.map(|it| Duration::from_secs(u64::from(it)));
        let tolerate = self.tolerate.or_else(|| seconds(found.settings.tolerate_seconds));
        let timeout = self.timeout.or_else(|| seconds(found.settings.timeout_seconds));
        let aim = Aim {
            commit,
            subscribers,
            tolerate: tolerate.unwrap_or(TOLERATE),
            timeout: timeout.unwrap_or(TIMEOUT),
        };
        let surroundings = Surroundings {
            root: &found.workspace.root,
            forge: gitops.as_ref().and_then(|it| forge_of(&it.url, common, &found.interrupt)),
            statuses: found.settings.statuses.clone(),
            interrupt: &found.interrupt,
        };
        let setting = self.setting(&found, streams)?;
        let Some(source) = source(&setting, surroundings) else {
            let repository = gitops.as_ref().map_or("nothing", |it| &it.shown);
            streams.fail(&format!(
                "no forge is known that would say what clusters run: the GitOps repository is {repository}\n  \
                 help: name a file, an address or a program with --source or --exec"
            ));
            return Err(Exit::Usage);
        };
        let status = self.status(&found, gitops.as_ref(), commit, common, streams)?;
        let say = |outcome, text: &str| match &status {
            Some((forge, base)) => {
                say_status(forge.as_ref(), *base, &self.environment, (outcome, text), streams)
            }
            None => Ok(()),
        };
        let at = short(&commit.to_string()).to_owned();
        say(StatusOutcome::Pending, &format!("Deploying {at}"))?;
        let asked = Asked {
            environment: &self.environment,
            repository: gitops.as_ref().map_or("", |it| &it.shown),
            branch: gitops.as_ref().map_or("", |it| &it.branch),
            commit,
        };
        let mut teller = Teller::new(asked, aim, source.shown(), streams);
        let clock = WallClock { begin: Instant::now() };
        let interrupt = &found.interrupt;
        let mut ask = || source.ask(&asked, interrupt);
        let mut tell = |judge: &_, verdict: &_| teller.tell(judge, verdict);
        let ended = wait(aim, self.interval, &clock, interrupt, &mut ask, &mut tell);
        let Ok(verdict) = ended else {
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

    /// Reads the environment, and what is set for it.
    fn find(&self, common: &Common, streams: &Streams) -> Result<Found, Exit> {
        let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        let is_meant = |it: &wob_rules::Name| it.as_str() == self.environment;
        let start = Start::default();
        let (workspace, loaded) = session::read(common, &is_meant, streams, start, &interrupt)?;
        if workspace.is_misread() {
            session::report_settings(&loaded, streams);
            return Err(Exit::Sources);
        }
        let names: Vec<&str> = loaded.environments.iter().map(|it| it.name.as_str()).collect();
        if !names.contains(&self.environment.as_str()) {
            let names = names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
            let guess = wob_engine::did_you_mean(
                &self.environment,
                loaded.environments.iter().map(|it| it.name.as_str()),
            );
            let help =
                guess.map_or(format!("there are {names}"), |it| format!("did you mean `{it}`?"));
            let name = self.environment.escape_debug();
            streams.fail(&format!("there is no environment `{name}`\n  help: {help}"));
            return Err(Exit::Usage);
        }
        let found = loaded.environments.iter().find(|it| is_meant(&it.name));
        let Some(input) = found.and_then(|it| it.input) else {
            session::report_settings(&loaded, streams);
            return Err(if loaded.outside_failed { Exit::Outside } else { Exit::Sources });
        };
        let gitops = environment_model(&loaded.db, input).gitops_repo();
        let gitops = gitops.map(|it| it.reference.clone());
        let settings = workspace.settings.wait_of(&self.environment);
        Ok(Found { workspace, loaded, gitops, settings, interrupt })
    }

    /// Returns how many subscribers there must be.
    fn expected(&self, found: &Found, streams: &Streams) -> Result<usize, Exit> {
        let said = self.subscribers.or(found.settings.subscribers);
        match said {
            _ if self.allow_none => Ok(0),
            Some(number @ 1..) => Ok(number as usize),
            Some(0) => {
                streams.fail(
                    "nobody to wait for is no success\n  help: if that is meant, write --allow-none",
                );
                Err(Exit::Usage)
            }
            None => {
                streams.fail(&format!(
                    "it is not known how many subscribers `{}` has\n  \
                     help: say it with --subscribers, or as `wait: {{subscribers: N}}` in wob.yaml; --allow-none if there may be none",
                    self.environment
                ));
                Err(Exit::Usage)
            }
        }
    }

    fn setting(&self, found: &Found, streams: &Streams) -> Result<WaitSource, Exit> {
        if let Some(program) = &self.exec {
            let relative = program.as_str().strip_prefix("./").unwrap_or(program.as_str());
            let Ok(path) = FilePath::new(relative) else {
                streams.fail(&format!(
                    "`{program}` is not a path inside of the workspace\n  help: write it relative to `{}`",
                    found.workspace.root
                ));
                return Err(Exit::Usage);
            };
            return Ok(WaitSource::Program(ProgramSetting {
                path,
                arguments: vec![],
                timeout_seconds: PROGRAM_SECONDS,
                place: wob_engine::Place::file(&wob_engine::FileName::new("--exec")),
            }));
        }
        let named = self.source.as_deref().map(WaitSource::named);
        Ok(named.or_else(|| found.settings.source.clone()).unwrap_or(WaitSource::Forge))
    }

    /// Returns the commit to wait for.
    fn commit(
        &self,
        gitops: &Option<GitOps>,
        streams: &Streams,
        interrupt: &Interrupt,
    ) -> Result<GitId, Exit> {
        if let Some(commit) = self.commit {
            return Ok(commit);
        }
        let Some(gitops) = gitops else {
            streams.fail(&format!(
                "`{}` has no GitOpsRepo, so its last commit is not known\n  help: name one with --commit",
                self.environment
            ));
            return Err(Exit::Usage);
        };
        let reference = Reference::Branch(gitops.branch.clone());
        match gitops.fetch(&reference, interrupt) {
            Ok((_, commit)) => {
                let (id, branch) = (commit.id.to_string(), &gitops.branch);
                streams.say(&format!("waiting for {}, the last commit of `{branch}`", short(&id)));
                Ok(commit.id)
            }
            Err(error) => {
                streams.fail(&format!("{error}\n  help: name the commit with --commit"));
                Err(Exit::Outside)
            }
        }
    }

    /// Returns whose status is set, and on which forge; `None` if there is none, or it is not known.
    fn status(
        &self,
        found: &Found,
        gitops: Option<&GitOps>,
        commit: GitId,
        common: &Common,
        streams: &Streams,
    ) -> Result<Option<(Box<dyn Forge>, GitId)>, Exit> {
        if self.no_status {
            return Ok(None);
        }
        let Some(plane) = &found.loaded.plane else { return Ok(None) };
        let forge = forge_of(&plane.address(&self.environment), common, &found.interrupt);
        let (Some(forge), Some(gitops)) = (forge, gitops) else { return Ok(None) };
        match gitops.promoted(commit, &found.interrupt) {
            Ok(Some(base)) => Ok(Some((forge, base))),
            Ok(None) => {
                let shown = &gitops.shown;
                streams.say(&format!(
                    "note: {commit} of `{shown}` does not say what it was made from, so no status is set"
                ));
                Ok(None)
            }
            Err(_) if found.interrupt.is_set() => Err(Exit::Interrupted),
            Err(error) => {
                streams.say(&format!("note: no status is set: {error}"));
                Ok(None)
            }
        }
    }
}

/// The branch of a repository that the tree goes to.
struct GitOps {
    url: String,
    shown: String,
    branch: String,
    policy: Policy,
}

impl GitOps {
    fn of(found: &Found, common: &Common) -> Option<Self> {
        let reference = found.gitops.as_ref()?;
        let branch = if reference.branch.is_empty() { "main" } else { &reference.branch };
        Some(Self {
            url: reference.repo.clone(),
            shown: redact(&reference.repo),
            branch: branch.to_owned(),
            policy: if common.offline { Policy::Offline } else { Policy::Online },
        })
    }

    fn fetch(
        &self,
        reference: &Reference,
        interrupt: &Interrupt,
    ) -> Result<(Repository, Commit), crate::workspace::WorkspaceError> {
        let fetched = Cache::of_user()?.fetch(&self.url, reference, self.policy, interrupt)?;
        Ok((fetched.repository, fetched.commit))
    }

    /// Returns the commit of the base that the tree of `commit` was made from.
    fn promoted(
        &self,
        commit: GitId,
        interrupt: &Interrupt,
    ) -> Result<Option<GitId>, crate::workspace::WorkspaceError> {
        let (repository, commit) = self.fetch(&Reference::Commit(commit), interrupt)?;
        let path = FilePath::new(PROMOTED_COMMIT).expect("because it is constant");
        let content = repository.file(&commit, &path, &ReadLimits::default())?;
        let Some(Content::Text { text, .. }) = content else { return Ok(None) };
        Ok(GitId::parse(text.trim()))
    }
}

fn parse_id(text: &str) -> Result<GitId, String> {
    GitId::parse(&text.to_ascii_lowercase())
        .ok_or_else(|| "write the full id, 40 digits, as `git rev-parse` prints it".to_owned())
}
