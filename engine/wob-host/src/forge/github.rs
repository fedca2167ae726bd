//! GitHub, on github.com, on ghe.com, and of an enterprise's own.
//!
//! Sources: docs.github.com/rest (pulls, issues, commits/statuses, checks) and docs.github.com/graphql, which alone can
//! enable auto-merge.

mod answer;

use serde_json::{Value, json};

use self::answer::{Combined, GraphAnswer, PullAnswer, RepositoryAnswer, Runs, StatusAnswer};
pub(super) use self::answer::{CommentAnswer, IssueAnswer, to_outcome, to_state};
use super::{
    Comment, CommitStatus, Forge, ForgeError, ForgeKind, Issue, Merging, NewPullRequest, Project,
    PullRequest, PullRequestState, StatusOutcome,
    api::{Api, Ask, encoded},
    by_name, by_number, issues_by_number,
    project::{begins_with, is_below},
};
use crate::{Credential, GitId, Method};

/// A repository on GitHub.
#[derive(Debug)]
pub(super) struct GitHub {
    api: Api,
    /// The address of the repository's REST interface.
    url: String,
    /// The address of the GraphQL interface.
    graph: String,
    owner: String,
}

/// How the merge of a pull request is written down: the first that the repository allows.
const METHODS: [&str; 3] = ["merge", "squash", "rebase"];

impl GitHub {
    pub(super) const KIND: ForgeKind = ForgeKind {
        name: "github",
        title: "GitHub",
        is_host: |host| {
            matches!(host, "github.com" | "ssh.github.com")
                || is_below(host, "ghe.com")
                || begins_with(host, "github")
        },
        is_public: |host| {
            matches!(host, "github.com" | "ssh.github.com") || is_below(host, "ghe.com")
        },
        tokens: &["GH_TOKEN", "GITHUB_TOKEN"],
        server: Some("GITHUB_SERVER_URL"),
        credential: |_, token| Credential::new("Authorization", "Bearer ", token),
        connect: |api, project| Some(Box::new(Self::connect(api, project)?)),
    };

    fn connect(api: Api, project: &Project) -> Option<Self> {
        let (owner, name) = project.path.split_once('/').filter(|(_, name)| !name.contains('/'))?;
        let (rest, graph) = match project.host.as_str() {
            "github.com" | "ssh.github.com" => {
                ("https://api.github.com".to_owned(), "https://api.github.com/graphql".to_owned())
            }
            host if is_below(host, "ghe.com") => {
                (format!("https://api.{host}"), format!("https://api.{host}/graphql"))
            }
            _ => (format!("{}/api/v3", project.web), format!("{}/api/graphql", project.web)),
        };
        let api = api
            .with_header("Accept", "application/vnd.github+json")
            .with_header("X-GitHub-Api-Version", "2022-11-28");
        let url = format!("{rest}/repos/{}/{}", encoded(owner), encoded(name));
        Some(Self { api, url, graph, owner: owner.to_owned() })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// Asks GitHub to merge by itself; what it says if it will not.
    fn enable_auto_merge(&self, id: &str, method: &str) -> Result<Option<String>, ForgeError> {
        const MUTATION: &str = "mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID) { \
            enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head}) { \
            clientMutationId } }";
        let (id, head) = id.split_once(' ').unwrap_or((id, ""));
        let attempt = "enable auto-merge";
        let ask = Ask { attempt, method: Method::Post, url: &self.graph };
        let variables = json!({ "id": id, "method": method.to_uppercase(), "head": head });
        let body = json!({ "query": MUTATION, "variables": variables });
        let answer: GraphAnswer = self.api.send(&ask, &body)?;
        Ok(answer.refusal())
    }

    /// Merges now, if GitHub allows it.
    fn merge(&self, number: u64, method: &str, head: &str) -> Result<Merging, ForgeError> {
        let url = self.url(&format!("pulls/{number}/merge"));
        let ask = Ask { attempt: "merge a pull request", method: Method::Put, url: &url };
        match self.api.tell(&ask, &json!({ "merge_method": method, "sha": head })) {
            Ok(()) => Ok(Merging::Merged),
            // 405 is what GitHub says of rules that are not met, 409 of a branch that moved.
            Err(ForgeError::Refused { reason, .. } | ForgeError::Exists { reason, .. }) => {
                // Perhaps it did merge, and only the answer was lost.
                let is_merged = self.pull_request(number)?.state == PullRequestState::Merged;
                Ok(if is_merged { Merging::Merged } else { Merging::NotAllowed(reason) })
            }
            Err(error) => Err(error),
        }
    }

    fn edit_issue(&self, attempt: &str, number: u64, body: &Value) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/{number}"));
        self.api.tell(&Ask { attempt, method: Method::Patch, url: &url }, body)
    }
}

impl Forge for GitHub {
    fn open_pull_requests(&self, heads: &str) -> Result<Vec<PullRequest>, ForgeError> {
        // A filter by head takes a whole name only.
        let url = self.url("pulls?state=open&sort=created&direction=asc&per_page=100");
        let all = self.api.list("list pull requests", &url, |page: Vec<PullAnswer>| page)?;
        let is_own =
            |it: &PullAnswer| it.head.is_of(&self.owner) && it.head.name.starts_with(heads);
        Ok(by_number(all.into_iter().filter(is_own).map(PullAnswer::read)))
    }

    fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let url = self.url(&format!("pulls/{number}"));
        Ok(self.api.get::<PullAnswer>("read a pull request", &url)?.read())
    }

    fn open(&self, new: &NewPullRequest<'_>) -> Result<PullRequest, ForgeError> {
        let NewPullRequest { title, body, head, base } = new;
        let attempt = "open a pull request";
        let url = self.url("pulls");
        let ask = Ask { attempt, method: Method::Post, url: &url };
        let body = json!({ "title": title, "body": body, "head": head, "base": base });
        match self.api.send::<PullAnswer>(&ask, &body) {
            Ok(answer) => Ok(answer.read()),
            // It has no status of its own for this.
            Err(ForgeError::Refused { host, attempt, status: 422, reason })
                if reason.contains("already exists") =>
            {
                Err(ForgeError::Exists { host, attempt, reason })
            }
            Err(error) => Err(error),
        }
    }

    fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("pulls/{number}"));
        let ask = Ask { attempt: "edit a pull request", method: Method::Patch, url: &url };
        self.api.tell(&ask, &json!({ "title": title, "body": body }))
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        let url = self.url(&format!("pulls/{number}"));
        let ask = Ask { attempt: "close a pull request", method: Method::Patch, url: &url };
        match self.api.tell(&ask, &json!({ "state": "closed" })) {
            // Some of its servers refuse to close what is closed.
            Err(ForgeError::Refused { .. })
                if self.pull_request(number)?.state != PullRequestState::Open =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn add_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/{number}/labels"));
        let ask = Ask { attempt: "add a label", method: Method::Post, url: &url };
        self.api.tell(&ask, &json!({ "labels": [label] }))
    }

    fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/{number}/labels/{}", encoded(label)));
        self.api.delete("remove a label", &url)
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let url = self.url(&format!("issues/{number}/comments?per_page=100"));
        let all = self.api.list("list comments", &url, |page: Vec<CommentAnswer>| page)?;
        Ok(all.into_iter().map(CommentAnswer::read).collect())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/{number}/comments"));
        let ask = Ask { attempt: "add a comment", method: Method::Post, url: &url };
        self.api.tell(&ask, &json!({ "body": body }))
    }

    fn edit_comment(&self, _: u64, comment: &Comment, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/comments/{}", encoded(&comment.id)));
        let ask = Ask { attempt: "edit a comment", method: Method::Patch, url: &url };
        self.api.tell(&ask, &json!({ "body": body }))
    }

    fn merge_when_ready(&self, pull_request: &PullRequest) -> Result<Merging, ForgeError> {
        let number = pull_request.number;
        let url = self.url(&format!("pulls/{number}"));
        let now: PullAnswer = self.api.get("read a pull request", &url)?;
        let will_merge = now.auto_merge.is_some();
        let now = now.read();
        match now.state {
            PullRequestState::Merged => return Ok(Merging::Merged),
            PullRequestState::Closed => return Ok(Merging::NotAllowed("it is closed".to_owned())),
            PullRequestState::Open if now.head_commit != pull_request.head_commit => {
                return Ok(Merging::NotAllowed("its branch has moved".to_owned()));
            }
            PullRequestState::Open if will_merge => return Ok(Merging::WhenReady),
            PullRequestState::Open => {}
        }
        let repository: RepositoryAnswer = self.api.get("read the repository", &self.url)?;
        let method = METHODS.into_iter().find(|it| repository.allows(it)).unwrap_or(METHODS[0]);
        let id = format!("{} {}", now.id, now.head_commit);
        if self.enable_auto_merge(&id, method)?.is_none() {
            return Ok(Merging::WhenReady);
        }
        // Nothing to wait for, or a repository that does not allow it. Rules are kept by GitHub either way; what says
        // that it fails is respected even if no rule asks for it.
        let commit = GitId::parse(&now.head_commit)
            .ok_or_else(|| self.api.garbage("read a pull request", "its head is no commit"))?;
        if let Some(it) =
            self.statuses(commit)?.into_iter().find(|it| it.outcome != StatusOutcome::Success)
        {
            let reason = format!("`{}` has not passed, and auto-merge is off", it.name);
            return Ok(Merging::NotAllowed(reason));
        }
        self.merge(number, method, &now.head_commit)
    }

    fn statuses(&self, commit: GitId) -> Result<Vec<CommitStatus>, ForgeError> {
        let attempt = "read the statuses of a commit";
        let url = self.url(&format!("commits/{commit}/status?per_page=100"));
        let statuses = self.api.list(attempt, &url, |page: Combined| page.statuses)?;
        let url = self.url(&format!("commits/{commit}/check-runs?per_page=100"));
        let runs = self.api.list(attempt, &url, |page: Runs| page.check_runs)?;
        let statuses = statuses.into_iter().map(StatusAnswer::read);
        Ok(by_name(statuses.chain(runs.into_iter().map(answer::Run::read))))
    }

    fn set_status(&self, commit: GitId, status: &CommitStatus) -> Result<(), ForgeError> {
        /// How long a description may be.
        const MOST: usize = 140;
        let url = self.url(&format!("statuses/{commit}"));
        let ask = Ask { attempt: "set a commit's status", method: Method::Post, url: &url };
        let description: String = status.description.chars().take(MOST).collect();
        let mut body = json!({
            "state": to_outcome(status.outcome),
            "context": status.name,
            "description": description,
        });
        if !status.url.is_empty() {
            body["target_url"] = json!(status.url);
        }
        self.api.tell(&ask, &body)
    }

    fn open_issues(&self, label: &str) -> Result<Vec<Issue>, ForgeError> {
        let label = encoded(label);
        let url = self.url(&format!("issues?state=open&labels={label}&per_page=100"));
        let all = self.api.list("list issues", &url, |page: Vec<IssueAnswer>| page)?;
        // It counts pull requests among the issues.
        let issues = all.into_iter().filter(|it| it.pull_request.is_none());
        Ok(issues_by_number(issues.map(IssueAnswer::read)))
    }

    fn open_issue(&self, title: &str, body: &str, label: &str) -> Result<Issue, ForgeError> {
        let url = self.url("issues");
        let ask = Ask { attempt: "open an issue", method: Method::Post, url: &url };
        let body = json!({ "title": title, "body": body, "labels": [label] });
        Ok(self.api.send::<IssueAnswer>(&ask, &body)?.read())
    }

    fn close_issue(&self, number: u64) -> Result<(), ForgeError> {
        let body = json!({ "state": "closed", "state_reason": "completed" });
        self.edit_issue("close an issue", number, &body)
    }

    fn longest_body(&self) -> usize {
        65_536
    }
}
