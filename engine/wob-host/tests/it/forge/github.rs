//! GitHub's way of speaking, as docs.github.com/rest describes it.

use serde_json::{Value, json};

use super::server::{Answer, Call, Dialect, Issue, Model, Pull, TOKEN};

pub(crate) const DIALECT: Dialect = Dialect {
    authorization: || format!("Bearer {TOKEN}"),
    prefix: "/api/",
    answer,
    error: |message| json!({ "message": message, "documentation_url": "https://docs.github.com" }),
};

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, &(DIALECT.error)(message))
}

#[expect(clippy::too_many_lines, reason = "one arm for each address")]
fn answer(model: &mut Model, call: &Call) -> Answer {
    let parts = call.parts();
    if parts == ["graphql"] {
        return graph(model, call);
    }
    let Some(path) = parts.strip_prefix(&["v3", "repos", "org", "gitops"]) else {
        return error(404, "Not Found");
    };
    match (call.method.as_str(), path) {
        ("GET", []) => Answer::new(200, &json!({ "allow_merge_commit": true })),
        ("GET", ["pulls"]) => {
            let open = model.pulls.iter().filter(|it| it.state == "open");
            let open: Vec<Value> = open.map(pull).collect();
            model.page(call, "per_page", &open)
        }
        ("POST", ["pulls"]) => {
            let new = ["title", "body", "head", "base"].map(|it| call.text(it));
            let head = call.text("head").unwrap_or_default();
            match model.open(new) {
                Ok(number) => Answer::new(201, &pull(model.pull(&number.to_string()).unwrap())),
                Err(409) => {
                    let message = format!("A pull request already exists for org:{head}.");
                    let errors = json!([{ "resource": "PullRequest", "code": "custom", "message": message }]);
                    Answer::new(422, &json!({ "message": "Validation Failed", "errors": errors }))
                }
                Err(_) => error(422, "Validation Failed"),
            }
        }
        ("GET", ["pulls", number]) => match model.pull(number) {
            Some(it) => Answer::new(200, &pull(it)),
            None => error(404, "Not Found"),
        },
        ("PATCH", ["pulls", number]) => {
            let Some(it) = model.pull(number) else { return error(404, "Not Found") };
            it.title = call.text("title").unwrap_or(it.title.clone());
            it.body = call.text("body").unwrap_or(it.body.clone());
            if call.text("state").as_deref() == Some("closed") && it.state == "open" {
                it.state = "closed";
            }
            Answer::new(200, &pull(it))
        }
        ("PUT", ["pulls", number, "merge"]) => merge(model, number, call),
        ("POST", ["issues", number, "labels"]) => {
            let Some(it) = model.pull(number) else { return error(404, "Not Found") };
            let new = call.body["labels"].as_array().unwrap();
            it.labels.extend(new.iter().map(|it| it.as_str().unwrap().to_owned()));
            Answer::new(200, &pull(it)["labels"])
        }
        ("DELETE", ["issues", number, "labels", label]) => {
            let Some(it) = model.pull(number) else { return error(404, "Not Found") };
            if it.labels.remove(*label) {
                return Answer::new(200, &pull(it)["labels"]);
            }
            error(404, "Label does not exist")
        }
        ("GET" | "POST" | "PATCH", ["issues", _, "comments"] | ["issues", "comments", _]) => {
            comments(model, path, call)
        }
        ("GET" | "POST" | "PATCH", ["issues", ..]) => issues(model, path, call),
        ("GET", ["commits", commit, "status"]) => {
            let said = model.latest(commit).into_iter().map(|[_, context, state, description, url]| {
                json!({ "context": context, "state": state, "description": description, "target_url": url })
            });
            let said: Vec<Value> = said.collect();
            wrapped(model.page(call, "per_page", &said), "statuses", said.len())
        }
        ("GET", ["commits", _, "check-runs"]) => {
            wrapped(model.page(call, "per_page", &[]), "check_runs", 0)
        }
        ("POST", ["statuses", commit]) => {
            let [context, state, description, url] =
                ["context", "state", "description", "target_url"].map(|it| call.text(it));
            if !matches!(state.as_deref(), Some("pending" | "success" | "failure" | "error")) {
                return error(422, "Validation Failed");
            }
            let commit = Some((*commit).to_owned());
            model.say([commit, context, state, description, url], "success");
            Answer::new(201, &json!({}))
        }
        _ => error(404, "Not Found"),
    }
}

fn wrapped(mut answer: Answer, key: &str, all: usize) -> Answer {
    let items: Value = serde_json::from_slice(&answer.body).unwrap();
    answer.body = json!({ "total_count": all, key: items }).to_string().into_bytes();
    answer
}

fn pull(it: &Pull) -> Value {
    let labels: Vec<Value> = it.labels.iter().map(|name| json!({ "name": name })).collect();
    let owner = if it.is_fork { "somebody" } else { "org" };
    json!({
        "number": it.number,
        "node_id": format!("PR_{}", it.number),
        "html_url": format!("https://forge.example/org/gitops/pull/{}", it.number),
        "title": it.title,
        "body": it.body,
        "state": if it.state == "open" { "open" } else { "closed" },
        "merged_at": (it.state == "merged").then_some("2026-01-01T00:00:00Z"),
        "head": { "ref": it.head, "sha": it.commit, "repo": { "owner": { "login": owner } } },
        "base": { "ref": it.base, "sha": "", "repo": { "owner": { "login": "org" } } },
        "labels": labels,
        "auto_merge": it.will_merge.then(|| json!({ "merge_method": "merge" })),
    })
}

fn graph(model: &mut Model, call: &Call) -> Answer {
    let refuse = |message: &str| {
        let error = json!({ "type": "UNPROCESSABLE", "message": message });
        Answer::new(200, &json!({ "data": null, "errors": [error] }))
    };
    let id = call.body["variables"]["id"].as_str().unwrap_or_default();
    let number = id.strip_prefix("PR_").unwrap_or_default().to_owned();
    let is_allowed = model.auto_merge;
    let Some(it) = model.pull(&number).cloned() else {
        return refuse("Could not resolve to a node with the global id");
    };
    if !is_allowed {
        return refuse("Pull request Auto merge is not allowed for this repository");
    }
    if model.is_ready(&it, "success") {
        return refuse("Pull request Pull request is in clean status");
    }
    model.pull(&number).unwrap().will_merge = true;
    Answer::new(
        200,
        &json!({ "data": { "enablePullRequestAutoMerge": { "clientMutationId": null } } }),
    )
}

fn merge(model: &mut Model, number: &str, call: &Call) -> Answer {
    let Some(it) = model.pull(number).cloned() else { return error(404, "Not Found") };
    if it.state != "open" {
        return error(405, "Pull Request is not mergeable");
    }
    if call.text("sha").is_some_and(|sha| sha != it.commit) {
        return error(409, "Head branch was modified. Review and try the merge again.");
    }
    if !model.is_ready(&it, "success") {
        return error(405, "Required status check \"ci\" is expected.");
    }
    model.merge(it.number);
    Answer::new(200, &json!({ "merged": true }))
}

fn comments(model: &mut Model, path: &[&str], call: &Call) -> Answer {
    match (call.method.as_str(), path) {
        ("GET", ["issues", number, "comments"]) => {
            let all = model.comments_on(number).into_iter();
            let all: Vec<Value> = all.map(|(id, it)| json!({ "id": id, "body": it })).collect();
            model.page(call, "per_page", &all)
        }
        ("POST", ["issues", number, "comments"]) => {
            model.comments.push((number.parse().unwrap(), call.text("body").unwrap()));
            Answer::new(201, &json!({}))
        }
        (_, ["issues", "comments", id]) => {
            model.edit_comment(id, call.text("body"));
            Answer::new(200, &json!({}))
        }
        _ => error(404, "Not Found"),
    }
}

fn issues(model: &mut Model, path: &[&str], call: &Call) -> Answer {
    let shown = |it: &Issue| {
        let url = format!("https://forge.example/org/gitops/issues/{}", it.number);
        json!({ "number": it.number, "title": it.title, "body": it.body, "html_url": url })
    };
    match (call.method.as_str(), path) {
        ("GET", ["issues"]) => {
            // Pull requests are issues too.
            let label = call.query.get("labels").cloned().unwrap_or_default();
            let pulls = model.pulls.iter().filter(|it| it.labels.contains(&label)).map(|it| {
                let mut value = pull(it);
                value["pull_request"] = json!({});
                value
            });
            let open = model.open_issues(call).into_iter().map(shown);
            let all: Vec<Value> = open.chain(pulls).collect();
            model.page(call, "per_page", &all)
        }
        ("POST", ["issues"]) => {
            let label = call.body["labels"][0].as_str().unwrap().to_owned();
            let [title, body] = ["title", "body"].map(|it| call.text(it).unwrap());
            Answer::new(201, &shown(model.open_issue(title, body, label)))
        }
        ("PATCH", ["issues", number]) => {
            let Some(it) = model.issue(number) else { return error(404, "not found") };
            it.is_open = call.text("state").as_deref() != Some("closed");
            Answer::new(200, &shown(it))
        }
        _ => error(404, "Not Found"),
    }
}
