//! Gitea and Forgejo, Codeberg among them.
//!
//! It took over GitHub's words for comments and issues, for states and outcomes.
//! Source: the Swagger description that each of them serves at `/swagger.v1.json`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Comment, CommitStatus, Forge, ForgeError, ForgeKind, Issue, Merging, NewPullRequest, Project,
    PullRequest, PullRequestState, StatusOutcome,
    api::{Api, Ask, encoded},
    by_name, by_number,
    github::{CommentAnswer, IssueAnswer, to_outcome, to_state},
    issues_by_number,
    project::begins_with,
};
use crate::{Credential, GitId, Method};

/// A repository on Gitea or Forgejo.
#[derive(Debug)]
pub(super) struct Gitea {
    api: Api,
    /// The address of the repository's REST interface.
    url: String,
    /// The owner and the name of the repository.
    full_name: String,
}

/// How often to ask again whether something can be merged.
const CHECKS: u32 = 8;
/// The colour of a label that has to be made.
const COLOR: &str = "#0e8a16";

impl Gitea {
    pub(super) const KIND: ForgeKind = ForgeKind {
        name: "gitea",
        title: "Gitea",
        is_host: |host| {
            matches!(host, "gitea.com" | "codeberg.org")
                || begins_with(host, "gitea")
                || begins_with(host, "forgejo")
        },
        is_public: |host| matches!(host, "gitea.com" | "codeberg.org"),
        tokens: &["GITEA_TOKEN", "FORGEJO_TOKEN"],
        // Its Actions speak GitHub's language, this variable included; they are told from GitHub's by the host.
        server: None,
        credential: |_, token| Credential::new("Authorization", "token ", token),
        connect: |api, project| Some(Box::new(Self::connect(api, project)?)),
    };

    fn connect(api: Api, project: &Project) -> Option<Self> {
        let (owner, name) = project.path.split_once('/').filter(|(_, name)| !name.contains('/'))?;
        let url = format!("{}/api/v1/repos/{}/{}", project.web, encoded(owner), encoded(name));
        Some(Self { api, url, full_name: project.path.clone() })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// Finds the number of a label, or makes one.
    fn label(&self, name: &str) -> Result<u64, ForgeError> {
        if let Some(id) = self.known_label(name)? {
            return Ok(id);
        }
        let url = self.url("labels");
        let ask = Ask { attempt: "make a label", method: Method::Post, url: &url };
        let made = self.api.send::<Label>(&ask, &json!({ "name": name, "color": COLOR }));
        match made {
            Ok(label) => Ok(label.id),
            // Somebody else was faster, or it was made and the answer lost.
            Err(error) => self.known_label(name)?.ok_or(error),
        }
    }

    fn known_label(&self, name: &str) -> Result<Option<u64>, ForgeError> {
        let url = self.url("labels?limit=50");
        let all = self.api.list("list labels", &url, |page: Vec<Label>| page)?;
        Ok(all.into_iter().find(|it| it.name == name).map(|it| it.id))
    }

    fn set(&self, attempt: &str, path: &str, body: &Value) -> Result<(), ForgeError> {
        self.api.tell(&Ask { attempt, method: Method::Patch, url: &self.url(path) }, body)
    }

    fn add(&self, attempt: &str, path: &str, body: &Value) -> Result<(), ForgeError> {
        self.api.tell(&Ask { attempt, method: Method::Post, url: &self.url(path) }, body)
    }
}

impl Forge for Gitea {
    fn open_pull_requests(&self, heads: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let url = self.url("pulls?state=open&sort=oldest&limit=50");
        let all = self.api.list("list pull requests", &url, |page: Vec<PullAnswer>| page)?;
        let is_own = |it: &PullAnswer| {
            it.head.name.starts_with(heads)
                && it
                    .head
                    .repo
                    .as_ref()
                    .is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&self.full_name))
        };
        Ok(by_number(all.into_iter().filter(is_own).map(PullAnswer::read)))
    }

    fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let url = self.url(&format!("pulls/{number}"));
        Ok(self.api.get::<PullAnswer>("read a pull request", &url)?.read())
    }

    fn open(&self, new: &NewPullRequest<'_>) -> Result<PullRequest, ForgeError> {
        let NewPullRequest { title, body, head, base } = new;
        let url = self.url("pulls");
        let ask = Ask { attempt: "open a pull request", method: Method::Post, url: &url };
        let body = json!({ "title": title, "body": body, "head": head, "base": base });
        Ok(self.api.send::<PullAnswer>(&ask, &body)?.read())
    }

    fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let body = json!({ "title": title, "body": body });
        self.set("edit a pull request", &format!("pulls/{number}"), &body)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        let body = json!({ "state": "closed" });
        match self.set("close a pull request", &format!("pulls/{number}"), &body) {
            // One that is merged is closed in another way, which it calls a failure.
            Err(ForgeError::Refused { .. })
                if self.pull_request(number)?.state != PullRequestState::Open =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn add_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let id = self.label(label)?;
        self.add("add a label", &format!("issues/{number}/labels"), &json!({ "labels": [id] }))
    }

    fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let Some(id) = self.known_label(label)? else { return Ok(()) };
        self.api.delete("remove a label", &self.url(&format!("issues/{number}/labels/{id}")))
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let url = self.url(&format!("issues/{number}/comments"));
        let all = self.api.list("list comments", &url, |page: Vec<CommentAnswer>| page)?;
        Ok(all.into_iter().map(CommentAnswer::read).collect())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        self.add("add a comment", &format!("issues/{number}/comments"), &json!({ "body": body }))
    }

    fn edit_comment(&self, _: u64, comment: &Comment, body: &str) -> Result<(), ForgeError> {
        let path = format!("issues/comments/{}", encoded(&comment.id));
        self.set("edit a comment", &path, &json!({ "body": body }))
    }

    fn merge_when_ready(&self, pull_request: &PullRequest) -> Result<Merging, ForgeError> {
        let number = pull_request.number;
        let body = json!({
            "Do": "merge",
            "merge_when_checks_succeed": true,
            "head_commit_id": pull_request.head_commit,
            "delete_branch_after_merge": true,
        });
        for check in 0.. {
            let now = self.pull_request(number)?;
            match now.state {
                PullRequestState::Merged => return Ok(Merging::Merged),
                PullRequestState::Closed => {
                    return Ok(Merging::NotAllowed("it is closed".to_owned()));
                }
                PullRequestState::Open if now.head_commit != pull_request.head_commit => {
                    return Ok(Merging::NotAllowed("its branch has moved".to_owned()));
                }
                PullRequestState::Open => {}
            }
            match self.add("merge a pull request", &format!("pulls/{number}/merge"), &body) {
                Ok(()) => break,
                Err(ForgeError::Exists { reason, .. }) if reason.contains("scheduled") => break,
                // It has not found out yet whether it can be merged.
                Err(ForgeError::Refused { reason, .. })
                    if reason.contains("try again") && check < CHECKS =>
                {
                    self.api.pause(check)?;
                }
                Err(ForgeError::Refused { reason, .. } | ForgeError::Exists { reason, .. }) => {
                    return Ok(Merging::NotAllowed(reason));
                }
                Err(error) if !error.is_doubtful() || check >= CHECKS => return Err(error),
                // Perhaps it did, and only the answer was lost.
                Err(_) => {}
            }
        }
        let is_merged = self.pull_request(number)?.state == PullRequestState::Merged;
        Ok(if is_merged { Merging::Merged } else { Merging::WhenReady })
    }

    fn statuses(&self, commit: GitId) -> Result<Vec<CommitStatus>, ForgeError> {
        let url = self.url(&format!("commits/{commit}/status?limit=50"));
        let attempt = "read the statuses of a commit";
        let all = self.api.list(attempt, &url, |it: Combined| it.statuses.unwrap_or_default())?;
        Ok(by_name(all.into_iter().map(StatusAnswer::read)))
    }

    fn set_status(&self, commit: GitId, status: &CommitStatus) -> Result<(), ForgeError> {
        let body = json!({
            "state": to_outcome(status.outcome),
            "context": status.name,
            "description": status.description,
            "target_url": status.url,
        });
        self.add("set a commit's status", &format!("statuses/{commit}"), &body)
    }

    fn open_issues(&self, label: &str) -> Result<Vec<Issue>, ForgeError> {
        let label = encoded(label);
        let url = self.url(&format!("issues?type=issues&state=open&labels={label}&limit=50"));
        let all = self.api.list("list issues", &url, |page: Vec<IssueAnswer>| page)?;
        Ok(issues_by_number(all.into_iter().map(IssueAnswer::read)))
    }

    fn open_issue(&self, title: &str, body: &str, label: &str) -> Result<Issue, ForgeError> {
        let labels = [self.label(label)?];
        let url = self.url("issues");
        let ask = Ask { attempt: "open an issue", method: Method::Post, url: &url };
        let body = json!({ "title": title, "body": body, "labels": labels });
        Ok(self.api.send::<IssueAnswer>(&ask, &body)?.read())
    }

    fn close_issue(&self, number: u64) -> Result<(), ForgeError> {
        self.set("close an issue", &format!("issues/{number}"), &json!({ "state": "closed" }))
    }

    fn longest_body(&self) -> usize {
        65_535
    }
}

#[derive(Deserialize)]
struct PullAnswer {
    number: u64,
    title: String,
    body: Option<String>,
    state: String,
    #[serde(default)]
    merged: bool,
    head: Side,
    base: Side,
    labels: Option<Vec<Label>>,
    html_url: String,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    /// None if the fork was deleted.
    repo: Option<SideRepository>,
}

#[derive(Deserialize)]
struct SideRepository {
    full_name: String,
}

#[derive(Deserialize)]
struct Label {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Combined {
    statuses: Option<Vec<StatusAnswer>>,
}

#[derive(Deserialize)]
struct StatusAnswer {
    context: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

impl PullAnswer {
    fn read(self) -> PullRequest {
        let state = if self.merged { PullRequestState::Merged } else { to_state(&self.state) };
        let labels = self.labels.unwrap_or_default();
        let mut labels: Vec<String> = labels.into_iter().map(|it| it.name).collect();
        labels.sort();
        PullRequest {
            number: self.number,
            title: self.title,
            body: self.body.unwrap_or_default(),
            head: self.head.name,
            base: self.base.name,
            head_commit: self.head.sha,
            state,
            labels,
            url: self.html_url,
            id: self.number.to_string(),
        }
    }
}

impl StatusAnswer {
    fn read(self) -> CommitStatus {
        let outcome = match self.status.as_str() {
            // A warning does not keep it from merging.
            "success" | "warning" | "skipped" => StatusOutcome::Success,
            "pending" => StatusOutcome::Pending,
            _ => StatusOutcome::Failure,
        };
        CommitStatus {
            name: self.context,
            outcome,
            description: self.description.unwrap_or_default(),
            url: self.target_url.unwrap_or_default(),
        }
    }
}
