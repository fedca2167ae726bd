//! Gitea's way of speaking, as its Swagger description has it.

use serde_json::{Value, json};

use super::server::{Answer, Call, Dialect, Issue, Model, Pull, TOKEN};

pub(crate) const DIALECT: Dialect = Dialect {
    authorization: || format!("token {TOKEN}"),
    prefix: "/api/",
    answer,
    error: |message| json!({ "message": message, "url": "https://forge.example/api/swagger" }),
};

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, &(DIALECT.error)(message))
}

#[expect(clippy::too_many_lines, reason = "one arm for each address")]
fn answer(model: &mut Model, call: &Call) -> Answer {
    let parts = call.parts();
    let Some(path) = parts.strip_prefix(&["v1", "repos", "org", "gitops"]) else {
        return error(404, "The target couldn't be found.");
    };
    match (call.method.as_str(), path) {
        ("GET", ["pulls"]) => {
            let open = model.pulls.iter().filter(|it| it.state == "open");
            let open: Vec<Value> = open.map(|it| pull(model, it)).collect();
            model.page(call, "limit", &open)
        }
        ("POST", ["pulls"]) => {
            match model.open(["title", "body", "head", "base"].map(|it| call.text(it))) {
                Ok(number) => {
                    let it = model.pull(&number.to_string()).unwrap().clone();
                    Answer::new(201, &pull(model, &it))
                }
                Err(409) => {
                    error(409, "pull request already exists for these targets [id: 1, issue_id: 1]")
                }
                Err(_) => error(404, "The target couldn't be found."),
            }
        }
        ("GET" | "PATCH", ["pulls", number]) => {
            let Some(it) = model.pull(number) else { return error(404, "not found") };
            if call.method == "PATCH" {
                it.title = call.text("title").unwrap_or(it.title.clone());
                it.body = call.text("body").unwrap_or(it.body.clone());
                match (call.text("state").as_deref(), it.state) {
                    (Some("closed"), "open") => it.state = "closed",
                    (Some("closed"), "merged") => {
                        return error(
                            412,
                            "cannot change state of this pull request, it was already merged",
                        );
                    }
                    _ => {}
                }
            }
            let it = it.clone();
            Answer::new(if call.method == "GET" { 200 } else { 201 }, &pull(model, &it))
        }
        ("POST", ["pulls", number, "merge"]) => merge(model, number, call),
        ("GET", ["labels"]) => {
            let all = model.labels.iter().enumerate();
            let all: Vec<Value> = all.map(|(id, name)| json!({ "id": id, "name": name })).collect();
            model.page(call, "limit", &all)
        }
        ("POST", ["labels"]) => {
            let name = call.text("name").unwrap();
            model.labels.push(name.clone());
            Answer::new(201, &json!({ "id": model.labels.len() - 1, "name": name }))
        }
        ("POST", ["issues", number, "labels"]) => {
            let id = usize::try_from(call.body["labels"][0].as_u64().unwrap()).unwrap();
            let name = model.labels[id].clone();
            let Some(it) = model.pull(number) else { return error(404, "not found") };
            it.labels.insert(name);
            Answer::new(200, &json!([]))
        }
        ("DELETE", ["issues", number, "labels", id]) => {
            let Some(name) = model.labels.get(id.parse::<usize>().unwrap()).cloned() else {
                return error(422, "label does not exist");
            };
            let Some(it) = model.pull(number) else { return error(404, "not found") };
            it.labels.remove(&name);
            Answer { status: 204, headers: vec![], body: vec![] }
        }
        ("GET" | "POST" | "PATCH", ["issues", _, "comments"] | ["issues", "comments", _]) => {
            comments(model, path, call)
        }
        ("GET" | "POST" | "PATCH", ["issues", ..]) => issues(model, path, call),
        ("GET", ["commits", commit, "status"]) => {
            let said = model.latest(commit).into_iter().map(|[_, context, state, description, url]| {
                json!({ "context": context, "status": state, "description": description, "target_url": url })
            });
            let said: Vec<Value> = said.collect();
            let mut answer = model.page(call, "limit", &said);
            let items: Value = serde_json::from_slice(&answer.body).unwrap();
            // An empty list of Go's.
            let items = if said.is_empty() { Value::Null } else { items };
            answer.body = json!({ "state": "", "statuses": items }).to_string().into_bytes();
            answer
        }
        ("POST", ["statuses", commit]) => {
            let [context, state, description, url] =
                ["context", "state", "description", "target_url"].map(|it| call.text(it));
            let commit = Some((*commit).to_owned());
            model.say([commit, context, state, description, url], "success");
            Answer::new(201, &json!({}))
        }
        _ => error(404, "not found"),
    }
}

fn pull(model: &Model, it: &Pull) -> Value {
    let id = |name: &String| model.labels.iter().position(|it| it == name);
    let labels: Vec<Value> =
        it.labels.iter().map(|name| json!({ "id": id(name), "name": name })).collect();
    let full_name = if it.is_fork { "somebody/gitops" } else { "org/gitops" };
    json!({
        "number": it.number,
        "html_url": format!("https://forge.example/org/gitops/pulls/{}", it.number),
        "title": it.title,
        "body": it.body,
        "state": if it.state == "open" { "open" } else { "closed" },
        "merged": it.state == "merged",
        "head": { "ref": it.head, "sha": it.commit, "repo": { "full_name": full_name } },
        "base": { "ref": it.base, "sha": "", "repo": { "full_name": "org/gitops" } },
        "labels": labels,
    })
}

fn merge(model: &mut Model, number: &str, call: &Call) -> Answer {
    let Some(it) = model.pull(number).cloned() else { return error(404, "not found") };
    if model.unseen.remove(&it.number) {
        return error(405, "Please try again later");
    }
    if it.state != "open" {
        return error(405, "The PR is already merged");
    }
    if call.text("head_commit_id").is_some_and(|sha| sha != it.commit) {
        return error(409, "head out of date");
    }
    let empty = |status| Answer { status, headers: vec![], body: vec![] };
    if model.is_ready(&it, "success") {
        model.merge(it.number);
        return empty(200);
    }
    if !model.auto_merge || call.body["merge_when_checks_succeed"] != json!(true) {
        return error(405, "Not all required status checks successful");
    }
    if it.will_merge {
        return error(409, "pull request is already scheduled to auto merge when checks succeed");
    }
    model.pull(number).unwrap().will_merge = true;
    empty(201)
}

fn comments(model: &mut Model, path: &[&str], call: &Call) -> Answer {
    match (call.method.as_str(), path) {
        ("GET", ["issues", number, "comments"]) => {
            let all = model.comments_on(number).into_iter();
            let all: Vec<Value> = all.map(|(id, it)| json!({ "id": id, "body": it })).collect();
            // It does not cut this list.
            Answer::new(200, &json!(all))
        }
        ("POST", ["issues", number, "comments"]) => {
            model.comments.push((number.parse().unwrap(), call.text("body").unwrap()));
            Answer::new(201, &json!({}))
        }
        ("PATCH", ["issues", "comments", id]) => {
            model.edit_comment(id, call.text("body"));
            Answer::new(200, &json!({}))
        }
        _ => error(404, "not found"),
    }
}

fn issues(model: &mut Model, path: &[&str], call: &Call) -> Answer {
    let shown = |it: &Issue| {
        let url = format!("https://forge.example/org/gitops/issues/{}", it.number);
        json!({ "number": it.number, "title": it.title, "body": it.body, "html_url": url })
    };
    match (call.method.as_str(), path) {
        ("GET", ["issues"]) => {
            let open: Vec<Value> = model.open_issues(call).into_iter().map(shown).collect();
            model.page(call, "limit", &open)
        }
        ("POST", ["issues"]) => {
            let id = usize::try_from(call.body["labels"][0].as_u64().unwrap()).unwrap();
            let label = model.labels[id].clone();
            let [title, body] = ["title", "body"].map(|it| call.text(it).unwrap());
            Answer::new(201, &shown(model.open_issue(title, body, label)))
        }
        ("PATCH", ["issues", number]) => {
            let Some(it) = model.issue(number) else { return error(404, "not found") };
            it.is_open = call.text("state").as_deref() != Some("closed");
            Answer::new(201, &shown(it))
        }
        _ => error(404, "not found"),
    }
}
