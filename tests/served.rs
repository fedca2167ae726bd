//! A forge with a repository of git behind it: the server that wob-host's own tests talk to, beside git's CGI program.

use std::{fs, path::Path, sync::Arc};

use crate::{
    cgi,
    forge::{
        Mortal, github,
        server::{Beside, Server, TOKEN},
    },
    plane::{Plane, object},
    support::git,
    wire::Asked,
};

/// A forge that speaks like GitHub and has one repository, `org/gitops`.
pub(crate) struct Forge {
    pub(crate) server: Server,
    /// The git server behind it.
    pub(crate) git: Arc<Mortal>,
}

impl Forge {
    /// Serves the repositories below `folder`; `None` if this git has no server program.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let program = cgi::program()?;
        let mortal: Arc<Mortal> = Arc::default();
        let (folder, git) = (folder.to_owned(), Arc::clone(&mortal));
        let beside: Beside = Arc::new(move |asked: &Asked| {
            if let Some(file) = asked.path.strip_prefix('/').filter(|it| *it == "clusters.json") {
                return Ok(match fs::read(folder.join(file)) {
                    Ok(bytes) => ("200 OK".to_owned(), String::new(), bytes),
                    Err(_) => ("404 Not Found".to_owned(), String::new(), vec![]),
                });
            }
            mortal.answer(|| cgi::answer(asked, &folder, &program))
        });
        Some(Self { server: Server::start(github::DIALECT, Some(beside)), git })
    }

    /// Returns the address of the repository.
    pub(crate) fn repository(&self) -> String {
        format!("{}/org/gitops.git", self.server.url())
    }

    /// Runs wob in the control plane as CI of this forge does; returns everything a user sees.
    pub(crate) fn wob(&self, plane: &Plane, args: &[&str]) -> String {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let seen = plane.wob_with(args, &variables);
        assert!(!seen.contains(TOKEN), "{seen}");
        seen
    }

    /// Returns what CI tells of its forge.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        [("GITHUB_SERVER_URL", self.server.url()), ("GITHUB_TOKEN", TOKEN.to_owned())]
    }

    /// Says something about a commit, as a controller in a cluster does.
    pub(crate) fn say(&self, commit: &str, name: &str, state: &str, words: &str) {
        let said = [commit, name, state, words, ""].map(|it| Some(it.to_owned()));
        self.server.model(|it| it.say(said, "success"));
    }

    /// Lists what is said of a commit, sorted by name.
    pub(crate) fn said(&self, commit: &str) -> Vec<String> {
        let all = self.server.model(|it| it.latest(commit));
        let line = |[_, name, state, words, _]: [String; 5]| format!("{name}: {state}: {words}");
        all.into_iter().map(line).collect()
    }
}

/// A plane whose one repository, for the base and for GitOps, is on a forge.
pub(crate) fn on_a_forge(settings: &str) -> Option<(Plane, Forge)> {
    let plane = Plane::with_settings(settings);
    let folder = plane.folder().join("served/org");
    fs::create_dir_all(&folder).unwrap();
    git(&folder, &["init", "-q", "--bare", "gitops.git"]);
    git(&folder.join("gitops.git"), &["config", "http.receivepack", "true"]);
    let forge = Forge::start(&plane.folder().join("served"))?;
    plane.git(&["remote", "rename", "origin", "upstream"]);
    plane.git(&["remote", "add", "origin", &forge.repository()]);
    for name in ["dev", "stage"] {
        plane.git(&["checkout", "-q", name]);
        let spec = format!("  repo: {}\n  branch: gitops-{name}\n  path: .\n", forge.repository());
        plane.commit(
            "where the tree goes",
            &[("gitops-repo.yaml", &object("GitOpsRepo", name, &spec))],
        );
    }
    plane.git(&["checkout", "-q", "main"]);
    Some((plane, forge))
}
