//! Where the tree of an environment goes: what the user says before wob.yaml, wob.yaml before what GitOpsRepos say.

use camino::{Utf8Path, Utf8PathBuf};
use wob_host::{redact, same_repository};
use wob_rules::{Model, resource::Repository};

use crate::args::Common;

/// The branch of a GitOpsRepo that names none.
const DEFAULT_BRANCH: &str = "main";

/// A branch of a repository that a tree goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GitOpsBranch {
    /// The address of the repository, or its folder.
    pub(crate) url: String,
    /// The branch that clusters read.
    pub(crate) branch: String,
    /// The address as it may be shown.
    pub(crate) shown: String,
    /// What the GitOpsRepo says of merging.
    pub(crate) auto_merge: Option<bool>,
}

impl GitOpsBranch {
    /// Returns where the tree of an environment goes, the main one first: to what `set`, the setting `publish.repo`, says, else
    /// to all of its GitOpsRepos. Folders are those below the workspace's `root`.
    pub(crate) fn all(model: &Model, set: Option<&str>, root: &Utf8Path) -> Vec<Self> {
        if let Some(set) = set {
            return vec![Self::named(set, model, root)];
        }
        let main = model.gitops_repo();
        let others = model.gitops_repos.values().filter(|it| Some(*it) != main);
        main.into_iter().chain(others).map(|it| Self::of(it, root)).collect()
    }

    /// The branch that a GitOpsRepo names.
    pub(crate) fn of(repository: &Repository, root: &Utf8Path) -> Self {
        let url = absolute(&repository.reference.repo, root);
        Self::new(url, branch_of(repository), repository.auto_merge)
    }

    /// The branch that `URL#BRANCH` names, folders below `below`. What it does not say is as the GitOpsRepo of the same address
    /// says it, or the only one.
    pub(crate) fn named(text: &str, model: &Model, below: &Utf8Path) -> Self {
        let (url, branch) = split(text);
        let url = absolute(url, below);
        let mut known = model.gitops_repos.values();
        let same = known.find(|it| same_repository(&it.reference.repo, &url));
        let only = model.gitops_repos.values().next().filter(|_| model.gitops_repos.len() == 1);
        let meant = same.or(only);
        let branch = branch.or_else(|| meant.map(branch_of)).unwrap_or(DEFAULT_BRANCH);
        Self::new(url, branch, meant.and_then(|it| it.auto_merge))
    }

    fn new(url: String, branch: &str, auto_merge: Option<bool>) -> Self {
        Self { shown: redact(&url), url, branch: branch.to_owned(), auto_merge }
    }
}

/// Returns the folder that words of the command line are relative to.
pub(crate) fn start(common: &Common) -> Utf8PathBuf {
    let start = common.directory.clone().unwrap_or_default();
    camino::absolute_utf8(start.join(".")).unwrap_or(start)
}

fn branch_of(repository: &Repository) -> &str {
    match repository.reference.branch.as_str() {
        "" => DEFAULT_BRANCH,
        branch => branch,
    }
}

/// Splits `URL#BRANCH`.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('#') {
        Some((url, branch)) if !branch.is_empty() => (url, Some(branch)),
        Some((url, _)) => (url, None),
        None => (text, None),
    }
}

/// Makes a folder mean the same from everywhere; an address stays as it is.
fn absolute(url: &str, below: &Utf8Path) -> String {
    let is_address = url.contains("://")
        || url.split_once(':').is_some_and(|(host, _)| host.len() > 1 && !host.contains('/'));
    if is_address { url.to_owned() } else { below.join(url).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read() {
        assert_eq!(split("https://h/o/r#b/c"), ("https://h/o/r", Some("b/c")));
        assert_eq!(split("https://h/o/r#"), ("https://h/o/r", None));
        assert_eq!(split("../r"), ("../r", None));
        let below = Utf8Path::new("/w");
        for address in ["https://h/o/r", "git@h:o/r", "file:///x", "/abs/r"] {
            assert_eq!(absolute(address, below), address);
        }
        assert_eq!(absolute("r.git", below), "/w/r.git");
    }
}
