//! What `wob wait` finds in the workspace: where the tree of an environment goes, and who is to hear of it.

use camino::Utf8Path;
use wob_engine::{Content, FilePath};
use wob_host::{
    Cache, Commit, Forge, GitId, Interrupt, Policy, ReadLimits, Reference, Repository,
    StatusOutcome,
};
use wob_rules::{Model, Name, WaitSettings, environment_model};

use crate::{
    args::Common,
    exit::Exit,
    gitops::{self, GitOpsBranch},
    promotion::{Hosted, guess, say_status, short},
    session,
    stream::Streams,
    waiting::{Asked, Surroundings},
    workspace::{Loaded, Start, Workspace, WorkspaceError},
};

/// Where a tree notes the commit of the base that it was made from.
const PROMOTED_COMMIT: &str = ".github/tracking/Promoted_Commit_Id";

/// An environment whose clusters are waited for.
pub(super) struct Found<'f> {
    environment: &'f str,
    common: &'f Common,
    pub(super) streams: &'f Streams,
    pub(super) interrupt: Interrupt,
    pub(super) workspace: Workspace,
    loaded: Loaded,
    /// Where the tree goes; none if nothing says it.
    pub(super) gitops: Option<GitOpsBranch>,
    /// What the settings say of waiting.
    pub(super) settings: WaitSettings,
}

/// Who hears how a commit of the base fares.
pub(super) struct Hearer {
    forge: Box<dyn Forge>,
    base: GitId,
}

impl<'f> Found<'f> {
    /// Reads an environment, and what is set for it; `repo` is what the user says of the GitOps repository.
    pub(super) fn find(
        environment: &'f str,
        repo: Option<&str>,
        common: &'f Common,
        streams: &'f Streams,
    ) -> Result<Self, Exit> {
        let interrupt = Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        let is_meant = |it: &Name| it.as_str() == environment;
        let start = Start::default();
        let (workspace, loaded) = session::read(common, &is_meant, streams, start, &interrupt)?;
        if workspace.is_misread() {
            session::report_settings(&loaded, streams);
            return Err(Exit::Sources);
        }
        let Some(meant) = loaded.environments.iter().find(|it| is_meant(&it.name)) else {
            let names = loaded.environments.iter().map(|it| it.name.as_str()).collect();
            let (name, help) = (environment.escape_debug(), guess(environment, names));
            streams.fail(&format!("there is no environment `{name}`\n  help: {help}"));
            return Err(Exit::Usage);
        };
        let Some(input) = meant.input else {
            session::report_settings(&loaded, streams);
            return Err(if loaded.outside_failed { Exit::Outside } else { Exit::Sources });
        };
        let model = environment_model(&loaded.db, input);
        let set = workspace.settings.publish_of(environment).repo;
        let gitops = match (repo, set) {
            (Some(repo), _) => {
                Some(named(repo, model, &workspace.root, common).map_err(|reason| {
                    streams.fail(&reason);
                    Exit::Usage
                })?)
            }
            (None, set) => {
                GitOpsBranch::all(model, set.as_deref(), &workspace.root).into_iter().next()
            }
        };
        if let (None, Some(gitops), [_, _, ..]) = (repo, &gitops, &*names_of(model)) {
            let names: Vec<String> = names_of(model).iter().map(|it| format!("`{it}`")).collect();
            streams.say(&format!(
                "note: `{environment}` has several GitOpsRepos, {}; this waits for `{}#{}`, and --repo for another one",
                names.join(", "),
                gitops.shown,
                gitops.branch
            ));
        }
        let settings = workspace.settings.wait_of(environment);
        Ok(Self { environment, common, streams, interrupt, workspace, loaded, gitops, settings })
    }

    /// Returns what sources are made of.
    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        let gitops = self.gitops.as_ref();
        Surroundings {
            root: &self.workspace.root,
            forge: gitops.and_then(|it| self.forge(&it.url)),
            statuses: self.settings.statuses.clone(),
            interrupt: &self.interrupt,
        }
    }

    /// Returns what a source is asked about `commit`.
    pub(super) fn asked(&self, commit: GitId) -> Asked<'_> {
        Asked {
            environment: self.environment,
            repository: self.gitops.as_ref().map_or("", |it| &it.shown),
            branch: self.gitops.as_ref().map_or("", |it| &it.branch),
            commit,
        }
    }

    /// Returns the last commit of the GitOps branch; says why if it is not known.
    pub(super) fn last_commit(&self) -> Result<GitId, Exit> {
        let Some(gitops) = &self.gitops else {
            self.streams.fail(&format!(
                "`{}` has no GitOpsRepo, so its last commit is not known\n  help: name one with --commit",
                self.environment
            ));
            return Err(Exit::Usage);
        };
        match self.fetch(gitops, &Reference::Branch(gitops.branch.clone())) {
            Ok((_, commit)) => {
                let (id, branch) = (commit.id.to_string(), &gitops.branch);
                let text = format!("waiting for {}, the last commit of `{branch}`", short(&id));
                self.streams.say(&text);
                Ok(commit.id)
            }
            Err(error) => {
                self.streams.fail(&format!("{error}\n  help: name the commit with --commit"));
                Err(if self.interrupt.is_set() { Exit::Interrupted } else { Exit::Outside })
            }
        }
    }

    /// Returns who hears how the commit of the base fares that `commit` was made from; `None` if nobody does, or it is not
    /// known.
    pub(super) fn hearer(&self, commit: GitId) -> Result<Option<Hearer>, Exit> {
        let Some(plane) = &self.loaded.plane else { return Ok(None) };
        let forge = self.forge(&plane.address(self.environment));
        let (Some(forge), Some(gitops)) = (forge, &self.gitops) else { return Ok(None) };
        match self.promoted(gitops, commit) {
            Ok(Some(base)) => Ok(Some(Hearer { forge, base })),
            Ok(None) => {
                let shown = &gitops.shown;
                self.streams.say(&format!(
                    "note: {commit} of `{shown}` does not say what it was made from, so no status is set"
                ));
                Ok(None)
            }
            Err(_) if self.interrupt.is_set() => Err(Exit::Interrupted),
            Err(error) => {
                self.streams.say(&format!("note: no status is set: {error}"));
                Ok(None)
            }
        }
    }

    fn forge(&self, address: &str) -> Option<Box<dyn Forge>> {
        let publish = self.workspace.settings.publish_of(self.environment);
        let hosted = Hosted { address, forge: publish.forge.as_deref() };
        hosted.connect(self.common, &self.interrupt)
    }

    /// Returns the commit of the base that the tree of `commit` was made from.
    fn promoted(
        &self,
        gitops: &GitOpsBranch,
        commit: GitId,
    ) -> Result<Option<GitId>, WorkspaceError> {
        let (repository, commit) = self.fetch(gitops, &Reference::Commit(commit))?;
        let path = FilePath::new(PROMOTED_COMMIT).expect("because it is constant");
        let content = repository.file(&commit, &path, &ReadLimits::default())?;
        let Some(Content::Text { text, .. }) = content else { return Ok(None) };
        Ok(GitId::parse(text.trim()))
    }

    fn fetch(
        &self,
        gitops: &GitOpsBranch,
        reference: &Reference,
    ) -> Result<(Repository, Commit), WorkspaceError> {
        let policy = if self.common.offline { Policy::Offline } else { Policy::Online };
        let cache = Cache::of_user()?;
        let fetched = cache.fetch(&gitops.url, reference, policy, &self.interrupt)?;
        Ok((fetched.repository, fetched.commit))
    }
}

/// Finds what the user names: a GitOpsRepo of the environment, or an address.
fn named(
    text: &str,
    model: &Model,
    root: &Utf8Path,
    common: &Common,
) -> Result<GitOpsBranch, String> {
    let by_name = model.gitops_repos.iter().find(|(name, _)| name.as_str() == text);
    if let Some((_, repository)) = by_name {
        return Ok(GitOpsBranch::of(repository, root));
    }
    // No name of an object holds these.
    if !text.contains(['/', ':', '#']) {
        let help = guess(text, names_of(model));
        return Err(format!(
            "`{}` names no GitOpsRepo of the environment, and is no address\n  help: {help}",
            text.escape_debug()
        ));
    }
    Ok(GitOpsBranch::named(text, model, &gitops::start(common)))
}

fn names_of(model: &Model) -> Vec<&str> {
    model.gitops_repos.keys().map(Name::as_str).collect()
}

impl Hearer {
    /// Says how it fares.
    pub(super) fn say(&self, found: &Found<'_>, said: (StatusOutcome, &str)) -> Result<(), Exit> {
        say_status(self.forge.as_ref(), self.base, found.environment, said, found.streams)
    }
}
