//! Which forge a repository's address belongs to, and how to talk to it.

use super::{
    Forge,
    api::Api,
    azure_devops::AzureDevOps,
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    token::{TokenSources, find_credential},
};
use crate::{Interrupt, Patience, address::Identity, address::identity, http::origin};

/// A kind of forge.
#[derive(Clone, Copy)]
pub struct ForgeKind {
    /// What settings call it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Says whether a host without a port is one, as far as its name tells.
    pub(super) is_host: fn(&str) -> bool,
    /// Says whether a host is the public one, whose tokens the variables hold.
    pub(super) is_public: fn(&str) -> bool,
    /// Environment variables that hold a token, the first that is set counts.
    pub(super) tokens: &'static [&'static str],
    /// The environment variable in which its own CI names its address.
    pub(super) server: Option<&'static str>,
    /// How a token is sent.
    pub(super) credential: fn(user: &str, token: &str) -> crate::Credential,
    /// Talks to it.
    pub(super) connect: fn(Api, &Project) -> Option<Box<dyn Forge>>,
}

/// The kinds of forges. A host whose name says nothing is asked for in the settings.
pub const FORGES: &[ForgeKind] = &[GitHub::KIND, GitLab::KIND, Gitea::KIND, AzureDevOps::KIND];

/// A repository on a host that may be a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The host's address, without a slash at the end, such as `https://git.example.com:8443`.
    pub web: String,
    /// The host, without a port, in lower case.
    pub host: String,
    /// The path of the repository, without slashes at its ends and without `.git`, such as `team/gitops`.
    pub path: String,
}

impl Project {
    /// Reads the address of a repository; none for one on this machine.
    pub fn of(address: &str) -> Option<Self> {
        let Identity::Remote { host, path, .. } = identity(address) else { return None };
        let is_http = |it: &str| {
            ["http:", "https:"].iter().any(|scheme| {
                it.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
            })
        };
        let web = if is_http(address.trim()) {
            let (scheme, rest) = origin(address.trim()).split_once("://")?;
            let authority = rest.rsplit_once('@').map_or(rest, |(_, it)| it);
            format!("{}://{}", scheme.to_lowercase(), authority.to_lowercase())
        } else {
            // What is reached by SSH has its pages at the usual port.
            format!("https://{host}")
        };
        Some(Self { web, host, path })
    }

    /// Finds the kind of forge by the host, and by what CI says of its own.
    pub fn kind(&self, sources: &TokenSources<'_>) -> Option<&'static ForgeKind> {
        let is_own = |kind: &&ForgeKind| {
            let server = kind.server.and_then(sources.variable);
            server.is_some_and(|it| origin(&it).eq_ignore_ascii_case(&self.web))
        };
        let by_host = FORGES.iter().find(|it| (it.is_host)(&self.host));
        by_host.or_else(|| FORGES.iter().find(is_own))
    }
}

impl ForgeKind {
    /// Finds a kind by the name that settings use.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORGES.iter().find(|it| it.name == name)
    }

    /// Talks to the forge of `project`, as whoever the environment or git's credential helpers say; none if its address is
    /// not that of a repository there.
    pub fn connect(
        &self,
        project: &Project,
        sources: &TokenSources<'_>,
        patience: Patience,
        interrupt: &Interrupt,
    ) -> Option<Box<dyn Forge>> {
        let credential = find_credential(self, project, sources);
        let http = crate::Http::new(patience, interrupt).with_credential(credential);
        (self.connect)(Api::new(http, self.title, project), project)
    }
}

impl std::fmt::Debug for ForgeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ForgeKind").field(&self.name).finish()
    }
}

/// Says whether `host` is `domain`, or one below it.
pub(super) fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|it| it.ends_with('.'))
}

/// Says whether the first part of a host's name is `name`, as in `gitlab.example.com`.
pub(super) fn begins_with(host: &str, name: &str) -> bool {
    host.split_once('.').is_some_and(|(first, _)| first == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_where_a_project_is() {
        for (address, web, path) in [
            ("https://github.com/org/gitops", "https://github.com", "org/gitops"),
            ("https://user:pw@GitHub.com/org/gitops.git/", "https://github.com", "org/gitops"),
            ("git@github.com:org/gitops.git", "https://github.com", "org/gitops"),
            ("ssh://git@git.corp:2222/team/x.git", "https://git.corp", "team/x"),
            ("http://127.0.0.1:8080/org/x.git", "http://127.0.0.1:8080", "org/x"),
            ("https://git.corp:8443/a/b/c", "https://git.corp:8443", "a/b/c"),
        ] {
            let project = Project::of(address).unwrap();
            assert_eq!((project.web.as_str(), project.path.as_str()), (web, path), "{address}");
        }
        for address in ["/srv/gitops.git", "../gitops", "file:///srv/gitops.git", ""] {
            assert_eq!(Project::of(address), None, "{address}");
        }
    }

    #[test]
    fn forges_are_known_by_their_hosts() {
        let nothing = |_: &str| None;
        let sources = TokenSources { variable: &nothing, git: None };
        let kind = |address: &str| Project::of(address)?.kind(&sources).map(|it| it.name);
        for kind in FORGES {
            assert_eq!(ForgeKind::named(kind.name).map(|it| it.name), Some(kind.name));
        }
        assert_eq!(kind("https://github.com/o/r"), Some("github"));
        assert_eq!(kind("https://notgithub.com/o/r"), None);
        assert_eq!(kind("https://git.example.com/o/r"), None);
        let ci = |name: &str| (name == "GITHUB_SERVER_URL").then(|| "https://git.corp/".to_owned());
        let sources = TokenSources { variable: &ci, git: None };
        let project = Project::of("git@git.corp:o/r").unwrap();
        assert_eq!(project.kind(&sources).map(|it| it.name), Some("github"));
    }
}
