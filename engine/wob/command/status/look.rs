//! Gathers what is known of an environment: here, in its GitOps repositories, and on forges.

use std::collections::BTreeSet;

use wob_engine::FilePath;
use wob_host::{
    Cache, FetchError, Forge, ForgeError, Interrupted, OutputError, Policy, PublishedTree,
    Reference,
};
use wob_rules::{Built, Name, environment_model};

use super::state::{
    BranchState, Compliance, Drift, EnvironmentState, GitOpsState, Promoted, PullRequestState,
    TreeState,
};
use crate::{
    args::Common,
    gitops::GitOpsBranch,
    promotion::{Hosted, Lane, status_name},
    session::{BuiltTarget, Session},
    workspace::Plane,
};

/// What environments are looked at with.
pub(super) struct Look<'l> {
    session: &'l Session<'l>,
    common: &'l Common,
    /// None if there is no place to keep other repositories.
    cache: Result<Cache, String>,
}

impl<'l> Look<'l> {
    pub(super) fn new(session: &'l Session<'l>, common: &'l Common) -> Self {
        Self { session, common, cache: Cache::of_user().map_err(|it| it.to_string()) }
    }

    /// Returns the environments that are wanted, in the order of promotion; those without one last.
    pub(super) fn in_order(&self) -> Vec<&'l Name> {
        let chain = self.plane().map_or(&[][..], |it| it.chain.environments());
        let position = |name: &Name| chain.iter().position(|it| it == name).unwrap_or(usize::MAX);
        let mut names: Vec<&Name> = self.session.targets.iter().map(|it| &it.name).collect();
        names.sort_by_key(|it| (position(it), it.as_str()));
        names
    }

    /// Looks at one environment; `built` is what it renders to, if its control plane could be read.
    pub(super) fn environment(
        &self,
        name: &Name,
        built: Option<&BuiltTarget>,
    ) -> Result<EnvironmentState, Interrupted> {
        let mut state =
            EnvironmentState { environment: name.to_string(), ..EnvironmentState::default() };
        if let Some(plane) = self.plane() {
            state.branch = branch(plane, name, &mut state.trouble);
        }
        let Some(built) = built else { return Ok(state) };
        let model = environment_model(&self.session.loaded.db, built.input);
        let pinned = model.base_repo().and_then(|it| it.reference.commit.as_deref());
        state.promoted = pinned.map(|it| promoted(self.plane(), it));
        state.tree = Some(TreeState {
            root: built.built.tree.root().to_string(),
            git_tree: built.built.tree.git_id().to_string(),
            assignments: built.built.assignments.len(),
            failed: built.built.failed(),
        });
        let workspace = &self.session.workspace;
        let set = workspace.settings.publish_of(name.as_str()).repo;
        for gitops in GitOpsBranch::all(model, set.as_deref(), &workspace.root) {
            state.gitops.push(self.gitops(gitops, &built.built, &mut state.trouble)?);
        }
        if let Some(promoted) = &state.promoted {
            let commit = promoted.commit.clone();
            state.compliance = self.compliance(name, &commit, &mut state.trouble)?;
        }
        Ok(state)
    }

    fn plane(&self) -> Option<&'l Plane> {
        self.session.loaded.plane.as_ref()
    }

    fn gitops(
        &self,
        gitops: GitOpsBranch,
        built: &Built,
        trouble: &mut Vec<String>,
    ) -> Result<GitOpsState, Interrupted> {
        let GitOpsBranch { url, branch, shown, .. } = gitops;
        let mut state = GitOpsState {
            repository: shown,
            branch: branch.clone(),
            commit: None,
            root: None,
            drift: Drift::Unknown,
            unpublished: vec![],
            edited: vec![],
            pull_requests: None,
        };
        match self.published(&url, &branch)? {
            Ok(Some((commit, published))) => {
                state.commit = Some(commit);
                compare(&mut state, &published, built);
            }
            Ok(None) => {
                state.unpublished = built.tree.files().map(|(path, _)| path.to_string()).collect();
                state.drift = Drift::Unpublished;
            }
            Err(reason) => trouble.push(reason),
        }
        if let Some(forge) = self.forge(&url, &built.environment) {
            match forge.open_pull_requests("") {
                Ok(all) => {
                    let here = all.into_iter().filter(|it| it.base == branch);
                    let short = |it: wob_host::PullRequest| PullRequestState {
                        number: it.number,
                        title: it.title,
                        url: it.url,
                    };
                    state.pull_requests = Some(here.map(short).collect());
                }
                Err(error) => trouble.push(told(&error)?),
            }
        }
        Ok(state)
    }

    fn forge(&self, address: &str, environment: &str) -> Option<Box<dyn Forge>> {
        let publish = self.session.workspace.settings.publish_of(environment);
        let hosted = Hosted { address, forge: publish.forge.as_deref() };
        hosted.connect(self.common, &self.session.interrupt)
    }

    /// Reads what a GitOps branch holds; `None` if there is no such branch.
    fn published(
        &self,
        url: &str,
        branch: &str,
    ) -> Result<Result<Option<(String, PublishedTree)>, String>, Interrupted> {
        let policy = if self.common.offline { Policy::Offline } else { Policy::Online };
        let cache = match &self.cache {
            Ok(cache) => cache,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        let reference = Reference::Branch(branch.to_owned());
        let fetched = match cache.fetch(url, &reference, policy, &self.session.interrupt) {
            Ok(fetched) => fetched,
            Err(FetchError::NoSuchReference { .. }) => return Ok(Ok(None)),
            Err(FetchError::Interrupted(stop)) => return Err(stop),
            Err(error) => return Ok(Err(error.to_string())),
        };
        match PublishedTree::read(&fetched.repository, &fetched.commit) {
            Ok(tree) => Ok(Ok(Some((fetched.commit.id.to_string(), tree)))),
            Err(OutputError::Interrupted(stop)) => Err(stop),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Asks the forge of the base what clusters are said to run.
    fn compliance(
        &self,
        name: &Name,
        commit: &str,
        trouble: &mut Vec<String>,
    ) -> Result<Option<Compliance>, Interrupted> {
        let Some(plane) = self.plane() else { return Ok(None) };
        let address = plane.address(name.as_str());
        let forge = self.forge(&address, name.as_str());
        // A commit that is not here has no id that a forge would understand.
        let (Some(forge), Ok(commit)) = (forge, plane.repository.resolve(commit)) else {
            return Ok(None);
        };
        let wanted = status_name(name.as_str());
        match forge.statuses(commit.id) {
            Ok(all) => Ok(all
                .into_iter()
                .find(|it| it.name == wanted)
                .map(|it| Compliance { state: it.outcome, description: it.description })),
            Err(error) => {
                trouble.push(told(&error)?);
                Ok(None)
            }
        }
    }
}

fn told(error: &ForgeError) -> Result<String, Interrupted> {
    if let ForgeError::Interrupted(stop) = error { Err(*stop) } else { Ok(error.to_string()) }
}

fn branch(plane: &Plane, name: &Name, trouble: &mut Vec<String>) -> Option<BranchState> {
    match Lane::open(plane, name.as_str()) {
        Ok(lane) => Some(BranchState {
            name: lane.branch().to_owned(),
            commit: lane.tip.id.to_string(),
            unpushed: lane.unpushed(),
            unpulled: lane.unpulled(),
        }),
        Err(error) => {
            trouble.push(error.to_string().lines().next().unwrap_or_default().to_owned());
            None
        }
    }
}

fn promoted(plane: Option<&Plane>, pinned: &str) -> Promoted {
    let found = plane.and_then(|plane| {
        let commit = plane.repository.resolve(pinned).ok()?;
        let subject = plane.repository.details(&commit).ok()?.subject;
        let tip = plane.base_tip().ok()?;
        Some((subject, plane.repository.commits_between(commit.id, tip.id).ok()))
    });
    let (subject, behind) = found.map_or((None, None), |(subject, n)| (Some(subject), n));
    Promoted { commit: pinned.to_owned(), subject, behind }
}

/// Compares what a GitOps branch holds with what would be published.
fn compare(state: &mut GitOpsState, published: &PublishedTree, built: &Built) {
    let root = published.record.as_deref().and_then(root_of);
    state.root = root;
    state.edited = published.edited.iter().map(ToString::to_string).collect();
    let manifest = &published.manifest;
    let differs = built
        .tree
        .files()
        .filter(|(path, blob)| manifest.digest(path).is_none_or(|digest| digest != blob.digest()));
    let mut paths: BTreeSet<FilePath> = differs.map(|(path, _)| path).collect();
    let is_gone = |it: &FilePath| built.tree.get(it).is_none() && !built.keeps(it);
    paths.extend(manifest.paths().into_iter().filter(|it| is_gone(it)).cloned());
    state.unpublished = paths.into_iter().map(|it| it.to_string()).collect();
    state.drift = match (state.unpublished.is_empty(), state.edited.is_empty()) {
        (true, true) => Drift::None,
        (false, true) => Drift::Unpublished,
        (true, false) => Drift::Edited,
        (false, false) => Drift::Both,
    };
}

/// Reads the root that a record notes.
fn root_of(record: &str) -> Option<String> {
    let record: serde_json::Value = serde_json::from_str(record).ok()?;
    Some(record.get("root")?.as_str()?.to_owned())
}
