//! Azure DevOps, the service and the server.
//!
//! Source: learn.microsoft.com/rest/api/azure/devops/git, version 7.0. It has work items instead of issues, whose types and
//! states each organisation makes up for itself, so wob leaves those alone.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Comment, CommitStatus, Forge, ForgeError, ForgeKind, Issue, Merging, NewPullRequest, Project,
    PullRequest, PullRequestState, StatusOutcome,
    api::{Api, Ask, encoded},
    by_name, by_number,
    project::is_below,
};
use crate::{Credential, GitId, Method};

/// A repository on Azure DevOps.
#[derive(Debug)]
pub(super) struct AzureDevOps {
    api: Api,
    /// The address of the repository's REST interface.
    url: String,
    /// The address at which people see the repository.
    web: String,
}

const TITLE: &str = "Azure DevOps";
/// The version of the interface that is asked for.
const VERSION: &str = "api-version=7.0";
/// How many items of a list are asked for at once.
const PAGE: usize = 100;
/// How many pages are read at most.
const MOST_PAGES: usize = 1000;

impl AzureDevOps {
    pub(super) const KIND: ForgeKind = ForgeKind {
        name: "azure-devops",
        title: TITLE,
        is_host: is_service,
        is_public: is_service,
        tokens: &["AZURE_DEVOPS_TOKEN", "AZURE_DEVOPS_EXT_PAT", "SYSTEM_ACCESSTOKEN"],
        server: Some("SYSTEM_COLLECTIONURI"),
        credential: |_, token| {
            let encoded = BASE64_STANDARD.encode(format!(":{token}"));
            Credential::new("Authorization", "Basic ", &encoded).hiding(token)
        },
        connect: |api, project| Some(Box::new(Self::connect(api, project)?)),
    };

    fn connect(api: Api, project: &Project) -> Option<Self> {
        // Paths are encoded already, as they are in every address that it gives people to copy.
        let path = project.path.replace(' ', "%20");
        let (web, above, name) = if let Some(path) = path.strip_prefix("v3/") {
            let (above, name) = path.rsplit_once('/')?;
            let (organisation, _) = above.split_once('/')?;
            let old =
                project.host != "ssh.dev.azure.com" && is_below(&project.host, "visualstudio.com");
            let web = if old {
                format!("https://{organisation}.visualstudio.com")
            } else {
                "https://dev.azure.com".to_owned()
            };
            let above = if old { above.split_once('/')?.1 } else { above };
            (web, above.to_owned(), name.to_owned())
        } else {
            let (above, name) =
                path.split_once("/_git/").or_else(|| Some(("", path.strip_prefix("_git/")?)))?;
            (project.web.clone(), above.to_owned(), name.to_owned())
        };
        // A repository that is called as its project is may leave that out.
        let is_project_named = if is_below(&project.host, "visualstudio.com") {
            !above.is_empty() && above != "DefaultCollection"
        } else {
            above.contains('/')
        };
        let above = match (is_project_named, above.as_str()) {
            (true, above) => above.to_owned(),
            (false, "") => name.clone(),
            (false, above) => format!("{above}/{name}"),
        };
        let url = format!("{web}/{above}/_apis/git/repositories/{name}");
        Some(Self { api, url, web: format!("{web}/{above}/_git/{name}") })
    }

    fn url(&self, path: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{}/{path}{mark}{VERSION}", self.url)
    }

    fn set(&self, attempt: &str, number: u64, body: &Value) -> Result<(), ForgeError> {
        let url = self.url(&format!("pullrequests/{number}"));
        self.api.tell(&Ask { attempt, method: Method::Patch, url: &url }, body)
    }

    fn read(&self, number: u64) -> Result<PullAnswer, ForgeError> {
        self.api.get("read a pull request", &self.url(&format!("pullrequests/{number}")))
    }

    /// Reads a list that is cut by numbers, not by links.
    fn list<T: for<'d> Deserialize<'d>>(
        &self,
        attempt: &str,
        path: &str,
        names: (&str, &str),
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = vec![];
        let mark = if path.contains('?') { '&' } else { '?' };
        for _ in 0..MOST_PAGES {
            let (top, skip) = names;
            let path = format!("{path}{mark}{top}={PAGE}&{skip}={}", all.len());
            let page: Values<T> = self.api.get(attempt, &self.url(&path))?;
            let is_last = page.value.len() < PAGE;
            all.extend(page.value);
            if is_last {
                return Ok(all);
            }
        }
        Err(self.api.garbage(attempt, "the list has no end"))
    }

    fn to_pull_request(&self, answer: PullAnswer) -> PullRequest {
        let short = |it: String| it.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(it);
        let state = match answer.status.as_str() {
            "completed" => PullRequestState::Merged,
            "active" => PullRequestState::Open,
            _ => PullRequestState::Closed,
        };
        let labels = answer.labels.unwrap_or_default();
        let mut labels: Vec<String> = labels.into_iter().map(|it| it.name).collect();
        labels.sort();
        PullRequest {
            number: answer.pull_request_id,
            title: answer.title,
            body: answer.description.unwrap_or_default(),
            head: short(answer.source_ref_name),
            base: short(answer.target_ref_name),
            head_commit: answer.last_merge_source_commit.map(|it| it.commit_id).unwrap_or_default(),
            state,
            labels,
            url: format!("{}/pullrequest/{}", self.web, answer.pull_request_id),
            id: answer.pull_request_id.to_string(),
        }
    }
}

fn is_service(host: &str) -> bool {
    matches!(host, "dev.azure.com" | "ssh.dev.azure.com") || is_below(host, "visualstudio.com")
}

impl Forge for AzureDevOps {
    fn open_pull_requests(&self, heads: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let path = "pullrequests?searchCriteria.status=active";
        let all: Vec<PullAnswer> = self.list("list pull requests", path, ("$top", "$skip"))?;
        let prefix = format!("refs/heads/{heads}");
        let is_own =
            |it: &PullAnswer| it.fork_source.is_none() && it.source_ref_name.starts_with(&prefix);
        // Lists have only the first 400 characters of what each says.
        let own = all.into_iter().filter(is_own).map(|it| self.pull_request(it.pull_request_id));
        Ok(by_number(own.collect::<Result<Vec<_>, _>>()?.into_iter()))
    }

    fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        Ok(self.to_pull_request(self.read(number)?))
    }

    fn open(&self, new: &NewPullRequest<'_>) -> Result<PullRequest, ForgeError> {
        let NewPullRequest { title, body, head, base } = new;
        let url = self.url("pullrequests");
        let ask = Ask { attempt: "open a pull request", method: Method::Post, url: &url };
        let body = json!({
            "title": title,
            "description": body,
            "sourceRefName": format!("refs/heads/{head}"),
            "targetRefName": format!("refs/heads/{base}"),
        });
        Ok(self.to_pull_request(self.api.send(&ask, &body)?))
    }

    fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let body = json!({ "title": title, "description": body });
        self.set("edit a pull request", number, &body)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        match self.set("close a pull request", number, &json!({ "status": "abandoned" })) {
            // It refuses to change what is not active, with one status or another.
            Err(ForgeError::Refused { .. } | ForgeError::Exists { .. })
                if self.pull_request(number)?.state != PullRequestState::Open =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn add_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("pullRequests/{number}/labels"));
        let ask = Ask { attempt: "add a label", method: Method::Post, url: &url };
        self.api.tell(&ask, &json!({ "name": label }))
    }

    fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let path = format!("pullRequests/{number}/labels/{}", encoded(label));
        self.api.delete("remove a label", &self.url(&path))
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let url = self.url(&format!("pullRequests/{number}/threads"));
        let threads: Values<Thread> = self.api.get("list comments", &url)?;
        let mut all = vec![];
        for thread in threads.value.into_iter().filter(|it| !it.is_deleted) {
            let comments = thread
                .comments
                .into_iter()
                .filter(|it| !it.is_deleted && it.comment_type.as_deref() != Some("system"));
            all.extend(comments.map(|it| Comment {
                id: format!("{}/comments/{}", thread.id, it.id),
                body: it.content.unwrap_or_default(),
            }));
        }
        Ok(all)
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("pullRequests/{number}/threads"));
        let ask = Ask { attempt: "add a comment", method: Method::Post, url: &url };
        let comment = json!({ "parentCommentId": 0, "content": body, "commentType": "text" });
        // A thread that is closed asks nobody to resolve it.
        self.api.tell(&ask, &json!({ "comments": [comment], "status": "closed" }))
    }

    fn edit_comment(&self, number: u64, comment: &Comment, body: &str) -> Result<(), ForgeError> {
        let url = self.url(&format!("pullRequests/{number}/threads/{}", comment.id));
        let ask = Ask { attempt: "edit a comment", method: Method::Patch, url: &url };
        self.api.tell(&ask, &json!({ "content": body }))
    }

    fn merge_when_ready(&self, pull_request: &PullRequest) -> Result<Merging, ForgeError> {
        let number = pull_request.number;
        let answer = self.read(number)?;
        // It merges in the name of whoever opened it, which is whoever asks.
        let who = answer.created_by.as_ref().map(|it| it.id.clone()).unwrap_or_default();
        let now = self.to_pull_request(answer);
        match now.state {
            PullRequestState::Merged => return Ok(Merging::Merged),
            PullRequestState::Closed => {
                return Ok(Merging::NotAllowed("it is closed".to_owned()));
            }
            // It finds out what is to be merged only a while after it was opened.
            PullRequestState::Open
                if !now.head_commit.is_empty() && now.head_commit != pull_request.head_commit =>
            {
                return Ok(Merging::NotAllowed("its branch has moved".to_owned()));
            }
            PullRequestState::Open => {}
        }
        let body = json!({
            "autoCompleteSetBy": { "id": who },
            "completionOptions": { "deleteSourceBranch": true },
        });
        match self.set("set auto-complete", number, &body) {
            Ok(()) => {}
            Err(ForgeError::Refused { reason, .. } | ForgeError::Exists { reason, .. }) => {
                let is_merged = self.pull_request(number)?.state == PullRequestState::Merged;
                return Ok(if is_merged { Merging::Merged } else { Merging::NotAllowed(reason) });
            }
            Err(error) => return Err(error),
        }
        let is_merged = self.pull_request(number)?.state == PullRequestState::Merged;
        Ok(if is_merged { Merging::Merged } else { Merging::WhenReady })
    }

    fn statuses(&self, commit: GitId) -> Result<Vec<CommitStatus>, ForgeError> {
        let path = format!("commits/{commit}/statuses?latestOnly=true");
        let attempt = "read the statuses of a commit";
        let all: Vec<StatusAnswer> = self.list(attempt, &path, ("top", "skip"))?;
        Ok(by_name(all.into_iter().map(StatusAnswer::read)))
    }

    fn set_status(&self, commit: GitId, status: &CommitStatus) -> Result<(), ForgeError> {
        let url = self.url(&format!("commits/{commit}/statuses"));
        let ask = Ask { attempt: "set a commit's status", method: Method::Post, url: &url };
        let state = match status.outcome {
            StatusOutcome::Pending => "pending",
            StatusOutcome::Success => "succeeded",
            StatusOutcome::Failure => "failed",
        };
        let mut body = json!({
            "state": state,
            "description": status.description,
            "context": { "name": status.name },
        });
        if !status.url.is_empty() {
            body["targetUrl"] = json!(status.url);
        }
        self.api.tell(&ask, &body)
    }

    fn open_issues(&self, _: &str) -> Result<Vec<Issue>, ForgeError> {
        Err(ForgeError::Unsupported { forge: TITLE, what: "issues" })
    }

    fn open_issue(&self, _: &str, _: &str, _: &str) -> Result<Issue, ForgeError> {
        Err(ForgeError::Unsupported { forge: TITLE, what: "issues" })
    }

    fn close_issue(&self, _: u64) -> Result<(), ForgeError> {
        Err(ForgeError::Unsupported { forge: TITLE, what: "issues" })
    }

    fn longest_body(&self) -> usize {
        4000
    }
}

#[derive(Deserialize)]
struct Values<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullAnswer {
    pull_request_id: u64,
    title: String,
    description: Option<String>,
    source_ref_name: String,
    target_ref_name: String,
    status: String,
    last_merge_source_commit: Option<CommitAnswer>,
    labels: Option<Vec<Label>>,
    fork_source: Option<Value>,
    created_by: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitAnswer {
    commit_id: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    id: u64,
    comments: Vec<CommentAnswer>,
    #[serde(default)]
    is_deleted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommentAnswer {
    id: u64,
    content: Option<String>,
    comment_type: Option<String>,
    #[serde(default)]
    is_deleted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusAnswer {
    state: String,
    description: Option<String>,
    target_url: Option<String>,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    name: String,
    genre: Option<String>,
}

impl StatusAnswer {
    fn read(self) -> CommitStatus {
        let outcome = match self.state.as_str() {
            "succeeded" | "notApplicable" => StatusOutcome::Success,
            "failed" | "error" => StatusOutcome::Failure,
            _ => StatusOutcome::Pending,
        };
        let Context { name, genre } = self.context;
        let name = match genre.filter(|it| !it.is_empty()) {
            Some(genre) => format!("{genre}/{name}"),
            None => name,
        };
        CommitStatus {
            name,
            outcome,
            description: self.description.unwrap_or_default(),
            url: self.target_url.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Http, Interrupt, Patience};

    #[test]
    fn every_spelling_of_an_address_is_understood() {
        let url = |address: &str| {
            let project = Project::of(address)?;
            let api =
                Api::new(Http::new(Patience::default(), &Interrupt::default()), TITLE, &project);
            Some(AzureDevOps::connect(api, &project)?.url)
        };
        let api = "_apis/git/repositories";
        for (address, expected) in [
            (
                "https://dev.azure.com/org/team%20a/_git/x",
                format!("https://dev.azure.com/org/team%20a/{api}/x"),
            ),
            (
                "https://ada@dev.azure.com/org/team/_git/x",
                format!("https://dev.azure.com/org/team/{api}/x"),
            ),
            ("https://dev.azure.com/org/_git/x", format!("https://dev.azure.com/org/x/{api}/x")),
            (
                "git@ssh.dev.azure.com:v3/org/team/x",
                format!("https://dev.azure.com/org/team/{api}/x"),
            ),
            (
                "https://org.visualstudio.com/team/_git/x",
                format!("https://org.visualstudio.com/team/{api}/x"),
            ),
            (
                "https://org.visualstudio.com/_git/x",
                format!("https://org.visualstudio.com/x/{api}/x"),
            ),
            (
                "org@vs-ssh.visualstudio.com:v3/org/team/x",
                format!("https://org.visualstudio.com/team/{api}/x"),
            ),
            (
                "https://tfs.corp:8080/tfs/Main/team/_git/x",
                format!("https://tfs.corp:8080/tfs/Main/team/{api}/x"),
            ),
        ] {
            assert_eq!(url(address).as_deref(), Some(expected.as_str()), "{address}");
        }
        assert_eq!(url("https://dev.azure.com/org/team"), None);
    }
}
