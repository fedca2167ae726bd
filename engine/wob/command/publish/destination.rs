//! Where an environment is published, whose pull requests are opened there, and what is merged without asking.

use wob_host::{BranchName, ForgeKind, Project, TokenSources, redact, same_repository};
use wob_rules::{EnvironmentInput, Model, PublishSettings, environment_model};

use super::{How, failure::Refusal};
use crate::{
    args::Common,
    exit::Exit,
    gitops::{self, GitOpsBranch},
    report::place_name,
    session::Session,
};

/// A branch of a repository that a tree is published to.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// The address of the repository, or its folder.
    pub(super) url: String,
    /// The branch that clusters read.
    pub(super) branch: BranchName,
    /// What its deployments are called, beside the environment; none for the main branch of each repository.
    pub(super) suffix: Option<String>,
    /// What keeps its pull requests; none if it is only pushed to.
    pub(super) forge: Option<(&'static ForgeKind, Project)>,
    /// Whether it is merged without anybody's consent.
    pub(super) auto_merge: bool,
    /// What else the settings say.
    pub(super) settings: PublishSettings,
}

/// Finds where `environment` is published; says why if that is not known.
pub(super) fn destinations(
    how: &How,
    session: &Session<'_>,
    common: &Common,
    (environment, input): (&str, EnvironmentInput),
) -> Result<Vec<Destination>, Refusal> {
    let settings = &session.workspace.settings;
    let own = settings.environments.iter().find(|it| it.0.as_str() == environment);
    let own = own.map(|it| &it.1.publish);
    let mut resolved = settings.publish_of(environment);
    resolved.issues = Some(how.issues || resolved.issues == Some(true));
    let model = environment_model(&session.loaded.db, input);
    let choose = |of_repository: Option<bool>| {
        how.auto_merge
            || own
                .and_then(|it| it.auto_merge)
                .or(of_repository)
                .or(settings.publish.auto_merge)
                .unwrap_or(false)
    };
    let found = match (&how.repo, &resolved.repo) {
        (Some(repo), _) => vec![GitOpsBranch::named(repo, model, &gitops::start(common))],
        (None, set) => {
            if set.is_none() {
                check_paths(session, model, environment)?;
            }
            GitOpsBranch::all(model, set.as_deref(), &session.workspace.root)
        }
    };
    if found.is_empty() {
        let reason = format!(
            "`{environment}` has no GitOpsRepo, so nothing says where to publish it\n  \
             help: add one to the environment, set `publish.repo` in wob.yaml, or give --repo=URL#BRANCH"
        );
        return Err(Refusal::plain(&reason, Exit::Sources));
    }
    let mut found = named_apart(found);
    found.sort();
    found.dedup();
    if common.offline
        && let Some((it, _)) = found.iter().find(|(it, _)| Project::of(&it.url).is_some())
    {
        let reason =
            format!("`{environment}` is published to `{}`, which --offline forbids", it.shown);
        return Err(Refusal::plain(&reason, Exit::Usage));
    }
    let forge = how.forge.as_deref().or(resolved.forge.as_deref());
    found
        .into_iter()
        .map(|(GitOpsBranch { url, branch, auto_merge, .. }, suffix)| {
            let auto_merge = choose(auto_merge);
            let forge = forge_of(&url, forge)?;
            let branch = BranchName::new(&branch).ok_or_else(|| {
                let reason = format!("`{branch}` cannot be the name of a branch");
                Refusal::plain(&reason, Exit::Sources)
            })?;
            let settings = resolved.clone();
            Ok(Destination { url, branch, suffix, forge, auto_merge, settings })
        })
        .collect()
}

/// Says what deployments are called: where several branches of one repository get the tree, all but the first have their own name
/// in it, or each would clear away what another one has proposed.
fn named_apart(all: Vec<GitOpsBranch>) -> Vec<(GitOpsBranch, Option<String>)> {
    let is_further = |index: usize, it: &GitOpsBranch| {
        let mut before = all[..index].iter();
        before.any(|other| other.branch != it.branch && same_repository(&other.url, &it.url))
    };
    let further: Vec<bool> = all.iter().enumerate().map(|(i, it)| is_further(i, it)).collect();
    let suffix = |(it, is_further): (GitOpsBranch, bool)| {
        let suffix = is_further.then(|| it.branch.clone());
        (it, suffix)
    };
    all.into_iter().zip(further).map(suffix).collect()
}

/// One tree cannot lie in two folders.
fn check_paths(session: &Session<'_>, model: &Model, environment: &str) -> Result<(), Refusal> {
    let path = model.gitops_path();
    let Some(other) = model.gitops_repos.values().find(|it| it.reference.path != path) else {
        return Ok(());
    };
    let place = place_name(&other.meta.place, &session.loaded.texts);
    let reason = format!(
        "GitOpsRepo `{}` ({place}) wants `{environment}` in the folder `{}`, another one in `{path}`\n  \
         help: give all GitOpsRepos of an environment the same `path`",
        other.meta.name, other.reference.path
    );
    Err(Refusal::plain(&reason, Exit::Sources))
}

/// Finds what keeps the pull requests of the repository at `url`.
fn forge_of(
    url: &str,
    name: Option<&str>,
) -> Result<Option<(&'static ForgeKind, Project)>, Refusal> {
    let Some(project) = Project::of(url) else {
        // On this machine there are no pull requests.
        return Ok(None);
    };
    let kind = match name {
        Some("none") => return Ok(None),
        Some(name) => ForgeKind::named(name),
        None => project.kind(&TokenSources::of_process()),
    };
    let unknown = || {
        let reason = format!(
            "`{}` does not tell what forge it lies on\n  \
             help: name it by --forge or by `publish.forge` in wob.yaml; `none` only pushes",
            redact(url)
        );
        Refusal::plain(&reason, Exit::Usage)
    };
    Ok(Some((kind.ok_or_else(unknown)?, project)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_names_of_settings_are_those_of_forges() {
        let names: Vec<&str> = wob_host::FORGES.iter().map(|it| it.name).chain(["none"]).collect();
        assert_eq!(names, wob_rules::FORGE_NAMES);
    }
}
