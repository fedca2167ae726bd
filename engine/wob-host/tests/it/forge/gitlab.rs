//! GitLab's way of speaking, as docs.gitlab.com/api describes it.

use serde_json::{Value, json};

use super::server::{Answer, Call, Dialect, Issue, Model, Pull, TOKEN};

pub(crate) const DIALECT: Dialect = Dialect {
    authorization: || format!("Bearer {TOKEN}"),
    prefix: "/api/",
    answer,
    error: |message| json!({ "message": message }),
};

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, &(DIALECT.error)(message))
}

fn answer(model: &mut Model, call: &Call) -> Answer {
    let parts = call.parts();
    let Some(path) = parts.strip_prefix(&["v4", "projects", "org/gitops"]) else {
        return error(404, "404 Project Not Found");
    };
    match (call.method.as_str(), path) {
        ("GET", ["merge_requests"]) => {
            let open = model.pulls.iter().filter(|it| it.state == "open");
            let open: Vec<Value> = open.map(|it| request(it, "mergeable")).collect();
            model.page(call, "per_page", &open)
        }
        ("POST", ["merge_requests"]) => {
            let new = ["title", "description", "source_branch", "target_branch"];
            match model.open(new.map(|it| call.text(it))) {
                Ok(number) => {
                    let it = model.pull(&number.to_string()).unwrap();
                    Answer::new(201, &request(it, "checking"))
                }
                Err(409) => {
                    let message =
                        "Another open merge request already exists for this source branch: !1";
                    Answer::new(409, &json!({ "message": [message] }))
                }
                Err(_) => error(400, "source_branch is missing"),
            }
        }
        ("PUT", ["merge_requests", number, "merge"]) => merge(model, number, call),
        ("GET" | "PUT", ["merge_requests", number]) => {
            let is_seen = !model.unseen.remove(&number.parse().unwrap());
            let Some(it) = model.pull(number) else { return error(404, "404 Not found") };
            if call.method == "PUT" {
                edit(it, call);
            }
            Answer::new(200, &request(it, if is_seen { "mergeable" } else { "checking" }))
        }
        (_, ["merge_requests", number, "notes", ..]) => notes(model, number, path, call),
        ("GET", ["repository", "commits", commit, "statuses"]) => {
            let said = model.latest(commit).into_iter().map(|[_, name, state, description, url]| {
                json!({ "name": name, "status": state, "description": description, "target_url": url })
            });
            let said: Vec<Value> = said.collect();
            model.page(call, "per_page", &said)
        }
        ("POST", ["statuses", commit]) => {
            let [name, state, description, url] =
                ["name", "state", "description", "target_url"].map(|it| call.text(it));
            if model
                .latest(commit)
                .iter()
                .any(|it| Some(&it[1]) == name.as_ref() && Some(&it[2]) == state.as_ref())
            {
                return error(
                    400,
                    "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")",
                );
            }
            let commit = Some((*commit).to_owned());
            model.say([commit, name, state, description, url], "success");
            Answer::new(201, &json!({}))
        }
        (_, ["issues", ..]) => issues(model, path, call),
        _ => error(404, "404 Not Found"),
    }
}

fn request(it: &Pull, status: &str) -> Value {
    json!({
        "iid": it.number,
        "title": it.title,
        "description": it.body,
        "source_branch": it.head,
        "target_branch": it.base,
        "source_project_id": if it.is_fork { 2 } else { 1 },
        "target_project_id": 1,
        "sha": it.commit,
        "state": if it.state == "open" { "opened" } else { it.state },
        "labels": it.labels,
        "web_url": format!("https://forge.example/org/gitops/-/merge_requests/{}", it.number),
        "merge_when_pipeline_succeeds": it.will_merge,
        "detailed_merge_status": status,
    })
}

fn edit(it: &mut Pull, call: &Call) {
    it.title = call.text("title").unwrap_or(it.title.clone());
    it.body = call.text("description").unwrap_or(it.body.clone());
    it.labels.extend(call.text("add_labels"));
    if let Some(label) = call.text("remove_labels") {
        it.labels.remove(&label);
    }
    if call.text("state_event").as_deref() == Some("close") && it.state == "open" {
        it.state = "closed";
    }
}

fn merge(model: &mut Model, number: &str, call: &Call) -> Answer {
    let Some(it) = model.pull(number).cloned() else { return error(404, "404 Not found") };
    if it.state != "open" || model.unseen.contains(&it.number) {
        return error(405, "405 Method Not Allowed");
    }
    if call.text("sha").is_some_and(|sha| sha != it.commit) {
        return error(409, "SHA does not match HEAD of source branch: 1234");
    }
    match (model.is_ready(&it, "success"), model.auto_merge) {
        (true, _) => model.merge(it.number),
        (false, true) => model.pull(number).unwrap().will_merge = true,
        (false, false) => return error(405, "405 Method Not Allowed"),
    }
    Answer::new(200, &request(model.pull(number).unwrap(), "mergeable"))
}

fn notes(model: &mut Model, number: &str, path: &[&str], call: &Call) -> Answer {
    let number: u64 = number.parse().unwrap();
    match (call.method.as_str(), path) {
        ("GET", [_, _, "notes"]) => {
            let all = model.comments.iter().enumerate().filter(|(_, it)| it.0 == number);
            let all = all.map(|(id, it)| json!({ "id": id, "body": it.1, "system": false }));
            // What it says by itself is among them.
            let own = json!({ "id": 10_000, "body": "added 1 commit", "system": true });
            let all: Vec<Value> = [own].into_iter().chain(all).collect();
            model.page(call, "per_page", &all)
        }
        ("POST", [_, _, "notes"]) => {
            model.comments.push((number, call.text("body").unwrap()));
            Answer::new(201, &json!({}))
        }
        ("PUT", [_, _, "notes", id]) => {
            model.edit_comment(id, call.text("body"));
            Answer::new(200, &json!({}))
        }
        _ => error(404, "404 Not Found"),
    }
}

fn issues(model: &mut Model, path: &[&str], call: &Call) -> Answer {
    let shown = |it: &Issue| {
        let url = format!("https://forge.example/org/gitops/-/issues/{}", it.number);
        json!({ "iid": it.number, "title": it.title, "description": it.body, "web_url": url })
    };
    match (call.method.as_str(), path) {
        ("GET", ["issues"]) => {
            let open: Vec<Value> = model.open_issues(call).into_iter().map(shown).collect();
            model.page(call, "per_page", &open)
        }
        ("POST", ["issues"]) => {
            let label = call.text("labels").unwrap();
            let [title, body] = ["title", "description"].map(|it| call.text(it).unwrap());
            Answer::new(201, &shown(model.open_issue(title, body, label)))
        }
        ("PUT", ["issues", number]) => {
            let Some(it) = model.issue(number) else { return error(404, "not found") };
            it.is_open = call.text("state_event").as_deref() != Some("close");
            Answer::new(200, &shown(it))
        }
        _ => error(404, "404 Not Found"),
    }
}
