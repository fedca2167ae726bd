//! Azure DevOps' way of speaking, as learn.microsoft.com/rest/api/azure/devops/git describes it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::server::{Answer, Call, Dialect, Model, Pull, TOKEN};

pub(crate) const DIALECT: Dialect = Dialect {
    authorization: || format!("Basic {}", BASE64_STANDARD.encode(format!(":{TOKEN}"))),
    prefix: "/org/team/_apis/",
    answer,
    error: |message| json!({ "$id": "1", "message": message, "typeKey": "GitException", "errorCode": 0 }),
};

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, &(DIALECT.error)(message))
}

#[expect(clippy::too_many_lines, reason = "one arm for each address")]
fn answer(model: &mut Model, call: &Call) -> Answer {
    if call.query.get("api-version").map(String::as_str) != Some("7.0") {
        return error(400, "No api-version was supplied for the request.");
    }
    let parts: Vec<String> = call.path.iter().map(|it| it.to_lowercase()).collect();
    let lower: Vec<&str> = parts.iter().map(String::as_str).collect();
    let Some(path) = lower.strip_prefix(&["git", "repositories", "gitops"]) else {
        return error(404, "TF401019: The Git repository with name or identifier does not exist.");
    };
    match (call.method.as_str(), path) {
        ("GET", ["pullrequests"]) => {
            let open = model.pulls.iter().filter(|it| it.state == "open").map(|it| {
                let mut value = pull(it);
                let short: String = it.body.chars().take(400).collect();
                value["description"] = json!(short);
                value
            });
            let open: Vec<Value> = open.collect();
            page(call, "$top", "$skip", &open)
        }
        ("POST", ["pullrequests"]) => {
            let branch = |it: &str| Some(call.text(it)?.strip_prefix("refs/heads/")?.to_owned());
            let new = [
                call.text("title"),
                call.text("description"),
                branch("sourceRefName"),
                branch("targetRefName"),
            ];
            match model.open(new) {
                Ok(number) => Answer::new(201, &pull(model.pull(&number.to_string()).unwrap())),
                Err(409) => error(
                    409,
                    "TF401179: An active pull request for the source and target branch already exists.",
                ),
                Err(_) => error(
                    400,
                    "TF401398: The pull request cannot be activated because the source and/or target branch no longer exists.",
                ),
            }
        }
        ("GET", ["pullrequests", number]) => match model.pull(number) {
            Some(it) => Answer::new(200, &pull(it)),
            None => error(404, "TF401180: The requested pull request was not found."),
        },
        ("PATCH", ["pullrequests", number]) => edit(model, number, call),
        ("POST", ["pullrequests", number, "labels"]) => {
            let name = call.text("name").unwrap();
            let Some(it) = model.pull(number) else { return error(404, "not found") };
            it.labels.insert(name);
            Answer::new(200, &json!({}))
        }
        ("DELETE", ["pullrequests", number, "labels", _]) => {
            let label = call.path.last().unwrap();
            let Some(it) = model.pull(number) else { return error(404, "not found") };
            it.labels.remove(label);
            Answer::new(200, &json!(null))
        }
        (_, ["pullrequests", number, "threads", rest @ ..]) => threads(model, number, rest, call),
        ("GET", ["commits", commit, "statuses"]) => {
            let said = model.latest(commit).into_iter().map(|[_, name, state, description, url]| {
                json!({ "state": state, "description": description, "targetUrl": url, "context": { "name": name, "genre": null } })
            });
            let said: Vec<Value> = said.collect();
            page(call, "top", "skip", &said)
        }
        ("POST", ["commits", commit, "statuses"]) => {
            let name = call.body["context"]["name"].as_str().map(str::to_owned);
            let [state, description, url] =
                ["state", "description", "targetUrl"].map(|it| call.text(it));
            model.say([Some((*commit).to_owned()), name, state, description, url], "succeeded");
            Answer::new(201, &json!({}))
        }
        _ => error(404, "not found"),
    }
}

fn page(call: &Call, top: &str, skip: &str, items: &[Value]) -> Answer {
    let top = call.number(top).unwrap_or(100);
    let shown: Vec<&Value> = items.iter().skip(call.number(skip).unwrap_or(0)).take(top).collect();
    Answer::new(200, &json!({ "value": shown, "count": shown.len() }))
}

fn pull(it: &Pull) -> Value {
    let labels: Vec<Value> =
        it.labels.iter().map(|name| json!({ "id": name, "name": name, "active": true })).collect();
    let status = match it.state {
        "open" => "active",
        "merged" => "completed",
        _ => "abandoned",
    };
    let mut value = json!({
        "pullRequestId": it.number,
        "title": it.title,
        "description": it.body,
        "sourceRefName": format!("refs/heads/{}", it.head),
        "targetRefName": format!("refs/heads/{}", it.base),
        "status": status,
        "lastMergeSourceCommit": { "commitId": it.commit },
        "createdBy": { "id": "6b1e" },
        "labels": labels,
    });
    if it.is_fork {
        value["forkSource"] = json!({ "name": "refs/heads/x" });
    }
    value
}

fn edit(model: &mut Model, number: &str, call: &Call) -> Answer {
    let Some(it) = model.pull(number) else { return error(404, "not found") };
    if it.state != "open" {
        return error(409, "TF401181: The pull request cannot be edited due to its state.");
    }
    it.title = call.text("title").unwrap_or(it.title.clone());
    it.body = call.text("description").unwrap_or(it.body.clone());
    if it.body.chars().count() > 4000 {
        return error(400, "The description is too long");
    }
    if call.text("status").as_deref() == Some("abandoned") {
        it.state = "closed";
    }
    let is_asked = call.body["autoCompleteSetBy"]["id"] == json!("6b1e");
    let it = it.clone();
    if is_asked && model.is_ready(&it, "succeeded") {
        model.merge(it.number);
    } else if is_asked && !model.auto_merge {
        return error(403, "TF401027: You need the Git 'PullRequestContribute' permission");
    } else if is_asked {
        model.pull(number).unwrap().will_merge = true;
    }
    Answer::new(200, &pull(model.pull(number).unwrap()))
}

fn threads(model: &mut Model, number: &str, rest: &[&str], call: &Call) -> Answer {
    let number: u64 = number.parse().unwrap();
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let all = model.comments.iter().enumerate().filter(|(_, it)| it.0 == number);
            let all = all.map(|(id, it)| {
                let comment = json!({ "id": 1, "content": it.1, "commentType": "text" });
                json!({ "id": id, "isDeleted": false, "comments": [comment] })
            });
            // What it says by itself is among them.
            let own = json!({ "id": 1, "content": "Ada joined", "commentType": "system" });
            let own = json!({ "id": 10_000, "isDeleted": false, "comments": [own] });
            let all: Vec<Value> = [own].into_iter().chain(all).collect();
            Answer::new(200, &json!({ "value": all, "count": all.len() }))
        }
        ("POST", []) => {
            let text = call.body["comments"][0]["content"].as_str().unwrap().to_owned();
            model.comments.push((number, text));
            Answer::new(200, &json!({}))
        }
        ("PATCH", [thread, "comments", "1"]) => {
            model.edit_comment(thread, call.text("content"));
            Answer::new(200, &json!({}))
        }
        _ => error(404, "not found"),
    }
}
