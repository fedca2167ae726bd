//! GitLab, on gitlab.com and elsewhere; its merge requests are pull requests here.
//!
//! Sources: docs.gitlab.com/api (merge requests, notes, commits, issues).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Comment, CommitStatus, Forge, ForgeError, ForgeKind, Issue, Merging, NewPullRequest, Project,
    PullRequest, PullRequestState, StatusOutcome,
    api::{Api, Ask, encoded},
    by_name, by_number, issues_by_number,
    project::begins_with,
};
use crate::{Credential, GitId, Method};

/// A project on GitLab.
#[derive(Debug)]
pub(super) struct GitLab {
    api: Api,
    /// The address of the project's REST interface.
    url: String,
}

/// What GitLab says while it has not found out whether something can be merged.
const CHECKING: [&str; 3] = ["checking", "preparing", "unchecked"];
/// How often to ask whether it has.
const CHECKS: u32 = 8;

impl GitLab {
    pub(super) const KIND: ForgeKind = ForgeKind {
        name: "gitlab",
        title: "GitLab",
        is_host: |host| {
            matches!(host, "gitlab.com" | "altssh.gitlab.com") || begins_with(host, "gitlab")
        },
        is_public: |host| matches!(host, "gitlab.com" | "altssh.gitlab.com"),
        tokens: &["GITLAB_TOKEN"],
        server: Some("CI_SERVER_URL"),
        // Personal, project and OAuth tokens alike.
        credential: |_, token| Credential::new("Authorization", "Bearer ", token),
        connect: |api, project| Some(Box::new(Self::connect(api, project)?)),
    };

    fn connect(api: Api, project: &Project) -> Option<Self> {
        let web = match project.host.as_str() {
            "altssh.gitlab.com" => "https://gitlab.com",
            _ => &project.web,
        };
        let url = format!("{web}/api/v4/projects/{}", encoded(&project.path));
        project.path.contains('/').then_some(Self { api, url })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    fn set(&self, attempt: &str, number: u64, body: &Value) -> Result<(), ForgeError> {
        let url = self.url(&format!("merge_requests/{number}"));
        self.api.tell(&Ask { attempt, method: Method::Put, url: &url }, body)
    }

    fn read(&self, number: u64) -> Result<MergeRequest, ForgeError> {
        self.api.get("read a merge request", &self.url(&format!("merge_requests/{number}")))
    }
}

impl Forge for GitLab {
    fn open_pull_requests(&self, heads: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let url = self
            .url("merge_requests?state=opened&scope=all&order_by=created_at&sort=asc&per_page=100");
        let all = self.api.list("list merge requests", &url, |page: Vec<MergeRequest>| page)?;
        let is_own = |it: &MergeRequest| {
            it.source_project_id == Some(it.target_project_id)
                && it.source_branch.starts_with(heads)
        };
        Ok(by_number(all.into_iter().filter(is_own).map(MergeRequest::read)))
    }

    fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        Ok(self.read(number)?.read())
    }

    fn open(&self, new: &NewPullRequest<'_>) -> Result<PullRequest, ForgeError> {
        let NewPullRequest { title, body, head, base } = new;
        let url = self.url("merge_requests");
        let ask = Ask { attempt: "open a merge request", method: Method::Post, url: &url };
        let body = json!({
            "title": title,
            "description": body,
            "source_branch": head,
            "target_branch": base,
            "remove_source_branch": true,
        });
        Ok(self.api.send::<MergeRequest>(&ask, &body)?.read())
    }

    fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let body = json!({ "title": title, "description": body });
        self.set("edit a merge request", number, &body)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        match self.set("close a merge request", number, &json!({ "state_event": "close" })) {
            Err(ForgeError::Refused { .. })
                if self.pull_request(number)?.state != PullRequestState::Open =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn add_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        self.set("add a label", number, &json!({ "add_labels": label }))
    }

    fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        self.set("remove a label", number, &json!({ "remove_labels": label }))
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let path =
            format!("merge_requests/{number}/notes?sort=asc&order_by=created_at&per_page=100");
        let all = self.api.list("list comments", &self.url(&path), |page: Vec<Note>| page)?;
        let notes = all.into_iter().filter(|it| !it.system);
        Ok(notes.map(|it| Comment { id: it.id.to_string(), body: it.body }).collect())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("merge_requests/{number}/notes"));
        let ask = Ask { attempt: "add a comment", method: Method::Post, url: &url };
        self.api.tell(&ask, &json!({ "body": body }))
    }

    fn edit_comment(&self, number: u64, comment: &Comment, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("merge_requests/{number}/notes/{}", encoded(&comment.id)));
        let ask = Ask { attempt: "edit a comment", method: Method::Put, url: &url };
        self.api.tell(&ask, &json!({ "body": body }))
    }

    fn merge_when_ready(&self, pull_request: &PullRequest) -> Result<Merging, ForgeError> {
        let number = pull_request.number;
        let mut now = self.read(number)?;
        for check in 0..CHECKS {
            if !now.detailed_merge_status.as_deref().is_some_and(|it| CHECKING.contains(&it)) {
                break;
            }
            self.api.pause(check)?;
            now = self.read(number)?;
        }
        if now.sha.as_deref() != Some(&pull_request.head_commit) && now.state == "opened" {
            return Ok(Merging::NotAllowed("its branch has moved".to_owned()));
        }
        if let Some(done) = now.merging() {
            return Ok(done);
        }
        let url = self.url(&format!("merge_requests/{number}/merge"));
        let ask = Ask { attempt: "merge a merge request", method: Method::Put, url: &url };
        // The second name is the one that older versions know.
        let body = json!({
            "auto_merge": true,
            "merge_when_pipeline_succeeds": true,
            "should_remove_source_branch": true,
            "sha": pull_request.head_commit,
        });
        let reason = match self.api.send::<MergeRequest>(&ask, &body) {
            Ok(answer) => return Ok(answer.merging().unwrap_or(Merging::WhenReady)),
            // What GitLab says of rules that are not met, of conflicts, and of a branch that moved. The documentation
            // has 401 for those who may not merge.
            Err(
                ForgeError::Refused { reason, .. }
                | ForgeError::Exists { reason, .. }
                | ForgeError::Unauthorized { reason, .. },
            ) => reason,
            Err(error) => return Err(error),
        };
        // Perhaps it did, and only the answer was lost.
        Ok(self.read(number)?.merging().unwrap_or(Merging::NotAllowed(reason)))
    }

    fn statuses(&self, commit: GitId) -> Result<Vec<CommitStatus>, ForgeError> {
        let url = self.url(&format!("repository/commits/{commit}/statuses?per_page=100"));
        let attempt = "read the statuses of a commit";
        let all = self.api.list(attempt, &url, |page: Vec<StatusAnswer>| page)?;
        Ok(by_name(all.into_iter().map(StatusAnswer::read)))
    }

    fn set_status(&self, commit: GitId, status: &CommitStatus) -> Result<(), ForgeError> {
        let url = self.url(&format!("statuses/{commit}"));
        let ask = Ask { attempt: "set a commit's status", method: Method::Post, url: &url };
        let state = match status.outcome {
            StatusOutcome::Pending => "pending",
            StatusOutcome::Success => "success",
            StatusOutcome::Failure => "failed",
        };
        let mut body =
            json!({ "state": state, "name": status.name, "description": status.description });
        if !status.url.is_empty() {
            body["target_url"] = json!(status.url);
        }
        match self.api.tell(&ask, &body) {
            // It refuses to say the same thing twice.
            Err(ForgeError::Refused { ref reason, .. })
                if reason.contains("Cannot transition status")
                    && self
                        .statuses(commit)?
                        .iter()
                        .any(|it| it.name == status.name && it.outcome == status.outcome) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn open_issues(&self, label: &str) -> Result<Vec<Issue>, ForgeError> {
        let label = encoded(label);
        let url = self.url(&format!("issues?state=opened&scope=all&labels={label}&per_page=100"));
        let all = self.api.list("list issues", &url, |page: Vec<IssueAnswer>| page)?;
        Ok(issues_by_number(all.into_iter().map(IssueAnswer::read)))
    }

    fn open_issue(&self, title: &str, body: &str, label: &str) -> Result<Issue, ForgeError> {
        let url = self.url("issues");
        let ask = Ask { attempt: "open an issue", method: Method::Post, url: &url };
        let body = json!({ "title": title, "description": body, "labels": label });
        Ok(self.api.send::<IssueAnswer>(&ask, &body)?.read())
    }

    fn close_issue(&self, number: u64) -> Result<(), ForgeError> {
        let url = self.url(&format!("issues/{number}"));
        let ask = Ask { attempt: "close an issue", method: Method::Put, url: &url };
        self.api.tell(&ask, &json!({ "state_event": "close" }))
    }

    fn longest_body(&self) -> usize {
        1_048_576
    }
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    title: String,
    description: Option<String>,
    source_branch: String,
    target_branch: String,
    /// None once the fork was deleted.
    source_project_id: Option<u64>,
    target_project_id: u64,
    /// None while the branch has no commit.
    sha: Option<String>,
    state: String,
    #[serde(default)]
    labels: Vec<String>,
    web_url: String,
    #[serde(default)]
    merge_when_pipeline_succeeds: bool,
    detailed_merge_status: Option<String>,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct StatusAnswer {
    name: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

#[derive(Deserialize)]
struct IssueAnswer {
    iid: u64,
    title: String,
    description: Option<String>,
    web_url: String,
}

impl MergeRequest {
    fn read(self) -> PullRequest {
        let state = match self.state.as_str() {
            "merged" => PullRequestState::Merged,
            // It is locked while it is merged.
            "opened" | "locked" => PullRequestState::Open,
            _ => PullRequestState::Closed,
        };
        let mut labels = self.labels;
        labels.sort();
        PullRequest {
            number: self.iid,
            title: self.title,
            body: self.description.unwrap_or_default(),
            head: self.source_branch,
            base: self.target_branch,
            head_commit: self.sha.unwrap_or_default(),
            state,
            labels,
            url: self.web_url,
            id: self.iid.to_string(),
        }
    }

    /// Returns what became of the wish to merge, if anything did.
    fn merging(&self) -> Option<Merging> {
        match self.state.as_str() {
            "merged" => Some(Merging::Merged),
            "closed" => Some(Merging::NotAllowed("it is closed".to_owned())),
            "locked" => Some(Merging::WhenReady),
            _ => self.merge_when_pipeline_succeeds.then_some(Merging::WhenReady),
        }
    }
}

impl StatusAnswer {
    fn read(self) -> CommitStatus {
        let outcome = match self.status.as_str() {
            "success" | "skipped" => StatusOutcome::Success,
            "failed" | "canceled" => StatusOutcome::Failure,
            _ => StatusOutcome::Pending,
        };
        CommitStatus {
            name: self.name,
            outcome,
            description: self.description.unwrap_or_default(),
            url: self.target_url.unwrap_or_default(),
        }
    }
}

impl IssueAnswer {
    fn read(self) -> Issue {
        let body = self.description.unwrap_or_default();
        Issue { number: self.iid, title: self.title, body, url: self.web_url }
    }
}
