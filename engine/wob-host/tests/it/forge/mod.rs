//! Laws that hold for every forge: the real client against a server that keeps state and fails in every way.

mod azure_devops;
mod emulated;
mod gitea;
mod github;
mod gitlab;
mod laws;
mod server;

use std::time::Duration;

use wob_host::{
    Forge, ForgeKind, Interrupt, Mark, OwnPullRequests, Patience, Project, TokenSources,
};

use self::server::{Dialect, Server, TOKEN};

/// A kind of forge, with a server that speaks like it.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) kind: &'static str,
    dialect: Dialect,
    /// The path of the repository.
    path: &'static str,
}

const CASES: [Case; 4] = [
    Case { kind: "github", dialect: github::DIALECT, path: "org/gitops.git" },
    Case { kind: "gitlab", dialect: gitlab::DIALECT, path: "org/gitops.git" },
    Case { kind: "gitea", dialect: gitea::DIALECT, path: "org/gitops" },
    Case { kind: "azure-devops", dialect: azure_devops::DIALECT, path: "org/team/_git/gitops" },
];

/// A server with the branches that the laws use, and the client for it.
struct World {
    case: Case,
    server: Server,
    forge: Box<dyn Forge>,
    mark: Mark,
}

const BASE: &str = "stage";
const HEADS: &str = "deployment/stage/";

impl World {
    fn new(case: Case) -> Self {
        Self::with_token(case, TOKEN)
    }

    fn with_token(case: Case, token: &str) -> Self {
        let server = Server::start(case.dialect, None);
        server.model(|it| {
            for (name, digit) in
                [(BASE, '0'), ("deployment/stage/a", 'a'), ("deployment/stage/b", 'b')]
            {
                it.branches.insert(name.to_owned(), digit.to_string().repeat(40));
            }
        });
        let address = format!("{}/{}", server.url(), case.path);
        let url = server.url();
        let variable = |name: &str| match name {
            "WOB_FORGE_URL" => Some(url.clone()),
            "WOB_FORGE_TOKEN" => Some(token.to_owned()).filter(|it| !it.is_empty()),
            _ => None,
        };
        let sources = TokenSources { variable: &variable, git: None };
        let patience = Patience {
            attempts: 4,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_secs(5),
        };
        let project = Project::of(&address).unwrap();
        let kind = ForgeKind::named(case.kind).unwrap();
        let forge = kind.connect(&project, &sources, patience, &Interrupt::default()).unwrap();
        Self { case, server, forge, mark: Mark::new("publish", "stage") }
    }

    fn own(&self) -> OwnPullRequests<'_> {
        let (forge, mark) = (self.forge.as_ref(), &self.mark);
        OwnPullRequests { forge, mark, heads: HEADS, base: BASE }
    }
}

/// Runs a law for every kind of forge.
fn each(law: fn(&World)) {
    for case in CASES {
        law(&World::new(case));
    }
}
