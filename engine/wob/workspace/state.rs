//! States: a workspace as it lies here now, or as commits had it.

use std::collections::BTreeMap;

use wob_host::{GitId, RepositoryId, Unneeded};
use wob_rules::Name;

use super::{Foreseen, Loaded, read::Revision};

/// Where sources are read: as folders and branches are now, or at commits.
///
/// Overrides win, as they always do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The commit of the repository around the workspace at which settings and folders are read; none: as they lie on disk.
    pub(crate) own: Option<GitId>,
    /// The commits at which branches of the workspace's own repository are read, by branch.
    pub(crate) branches: BTreeMap<String, GitId>,
    /// The commits at which branches of other repositories are read, by repository and branch.
    pub(crate) inputs: BTreeMap<(RepositoryId, String), GitId>,
    /// The commits that environments promote instead of those that their BaseRepos named `main` say.
    pub(crate) promoted: BTreeMap<Name, String>,
}

/// What reading a workspace begins with.
#[derive(Default)]
pub(crate) struct Start {
    /// Where sources are read.
    pub(crate) state: State,
    /// What a run before has read and made; it is used again, as far as it is still the same.
    pub(crate) before: Option<Loaded>,
    /// Files of folders that are not read, as long as they are as they were.
    pub(crate) unneeded: Option<Unneeded>,
    /// What this process has told the user of what was read.
    pub(crate) told: Vec<String>,
    /// What things looked like a moment ago.
    pub(crate) foreseen: Foreseen,
}

impl State {
    /// Returns where a branch of the workspace's own repository is read, if it is pinned; any other revision as it is.
    pub(super) fn of_own(&self, revision: Revision) -> Revision {
        pinned(revision, |branch| self.branches.get(branch))
    }

    /// Returns where a branch of the repository at `url` is read, if it is pinned; any other revision as it is.
    pub(super) fn of_input(&self, url: &str, revision: Revision) -> Revision {
        pinned(revision, |branch| self.inputs.get(&(RepositoryId::of(url), branch.to_owned())))
    }
}

fn pinned<'p>(revision: Revision, find: impl FnOnce(&str) -> Option<&'p GitId>) -> Revision {
    match &revision {
        Revision::Branch(branch) => match find(branch) {
            Some(commit) => Revision::At { branch: branch.clone(), commit: *commit },
            None => revision,
        },
        Revision::At { .. } | Revision::Commit(_) | Revision::Any(_) => revision,
    }
}
