//! The control plane in branches: which of them hold environments, and in which order a commit gets to them.

use wob_host::{BranchName, BranchPlace, Commit, GitError, Repository};
use wob_rules::{
    promotion::Chain,
    resource::{Environment, GitReference},
};

/// The branches of a control plane.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    /// Where they are.
    pub(crate) repository: Repository,
    /// The branch that holds what is promoted.
    pub(crate) base_branch: String,
    /// What the base branch declares, sorted by name.
    pub(crate) environments: Vec<Environment>,
    /// In which order environments get a commit.
    pub(crate) chain: Chain,
}

/// A branch, the user's own and the last known one of `origin`.
#[derive(Clone, Debug)]
pub(crate) struct BranchTips {
    /// Its name.
    pub(crate) name: BranchName,
    /// Where the user's own is, if there is one.
    pub(crate) own: Option<Commit>,
    /// Where that of `origin` was when it was fetched last.
    pub(crate) origin: Option<Commit>,
}

impl Plane {
    /// Returns the address under which others know the repository that the base is in: that of `origin`, or else what the
    /// Environment says.
    pub(crate) fn address(&self, environment: &str) -> String {
        let origin = self.repository.remotes().into_iter().find(|it| it.name == "origin");
        let environment =
            || self.environments.iter().find(|it| it.meta.name.as_str() == environment);
        match origin {
            Some(origin) => origin.url,
            None => environment().map_or_else(String::new, |it| it.control_plane.repo.clone()),
        }
    }

    /// Returns where a branch of this repository is; `None` if git allows no branch of that name.
    pub(crate) fn tips(&self, branch: &str) -> Result<Option<BranchTips>, GitError> {
        let Some(name) = BranchName::new(branch) else { return Ok(None) };
        let mut tips = BranchTips { own: self.repository.tip_of(&name)?, name, origin: None };
        for it in self.repository.branches()? {
            if it.name == branch && it.place == BranchPlace::Remote("origin".to_owned()) {
                tips.origin = Some(self.repository.tip(&it)?);
            }
        }
        Ok(Some(tips))
    }
}

/// Returns the branch that an environment's control plane is on.
pub(crate) fn branch_of(reference: &GitReference) -> &str {
    if reference.branch.is_empty() { "main" } else { &reference.branch }
}
