//! The grammar of GitHub's workflows, as docs.github.com/actions/reference/workflows-and-actions/workflow-syntax has it,
//! as far as the examples use it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{keys, texts, unknown};

const WORKFLOW: [&str; 9] =
    ["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs", "version"];
const EVENTS: [&str; 12] = [
    "push",
    "pull_request",
    "pull_request_target",
    "workflow_dispatch",
    "workflow_call",
    "schedule",
    "status",
    "check_run",
    "check_suite",
    "release",
    "repository_dispatch",
    "deployment_status",
];
const JOB: [&str; 17] = [
    "name",
    "needs",
    "if",
    "runs-on",
    "permissions",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
    "uses",
];
const STEP: [&str; 11] = [
    "id",
    "if",
    "name",
    "uses",
    "run",
    "with",
    "env",
    "shell",
    "working-directory",
    "continue-on-error",
    "timeout-minutes",
];
const PERMISSIONS: [&str; 8] = [
    "actions",
    "checks",
    "contents",
    "id-token",
    "issues",
    "packages",
    "pull-requests",
    "statuses",
];
const CONTEXTS: [&str; 12] = [
    "github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix",
    "needs", "inputs",
];
const FUNCTIONS: [&str; 11] = [
    "contains",
    "startsWith",
    "endsWith",
    "format",
    "join",
    "toJSON",
    "fromJSON",
    "hashFiles",
    "success",
    "always",
    "failure",
];

/// Returns what is wrong with a workflow.
pub(super) fn problems(workflow: &Value) -> Vec<String> {
    let mut problems = unknown("workflow", workflow, &WORKFLOW);
    let events = &workflow["on"];
    let named = keys(events).into_iter().map(str::to_owned);
    let events: BTreeSet<String> = named.chain(texts(events)).collect();
    if events.is_empty() {
        problems.push("it runs on nothing".to_owned());
    }
    let strange = events.iter().filter(|it| !EVENTS.contains(&it.as_str()));
    problems.extend(strange.map(|it| format!("unknown event `{it}`")));
    // Whoever says nothing gets what the repository's settings give, which may be everything.
    if keys(&workflow["permissions"]).is_empty() {
        problems.push("no `permissions`".to_owned());
    }
    problems.extend(permissions(&workflow["permissions"]));
    problems.extend(expressions(workflow, None, workflow));
    for (name, job) in workflow["jobs"].as_object().into_iter().flatten() {
        problems.extend(self::job(workflow, name, job));
    }
    problems
}

/// Returns the scripts of all steps.
pub(super) fn scripts(workflow: &Value) -> Vec<String> {
    let jobs = workflow["jobs"].as_object().unwrap().values();
    let steps = jobs.flat_map(|it| it["steps"].as_array().unwrap());
    steps.filter_map(|it| it["run"].as_str().map(str::to_owned)).collect()
}

fn permissions(value: &Value) -> Vec<String> {
    let mut problems = unknown("permissions", value, &PERMISSIONS);
    for (name, level) in value.as_object().into_iter().flatten() {
        if !matches!(level.as_str(), Some("read" | "write" | "none")) {
            problems.push(format!("permission `{name}` is `{level}`"));
        }
    }
    problems
}

fn job(workflow: &Value, name: &str, job: &Value) -> Vec<String> {
    let mut problems = unknown(name, job, &JOB);
    problems.extend(permissions(&job["permissions"]));
    if job["runs-on"].as_str().is_none_or(str::is_empty) {
        problems.push(format!("{name}: no `runs-on`"));
    }
    if !job["timeout-minutes"].is_u64() {
        problems.push(format!("{name}: no `timeout-minutes`"));
    }
    let jobs = keys(&workflow["jobs"]);
    let missing = texts(&job["needs"]).into_iter().filter(|it| !jobs.contains(it.as_str()));
    problems.extend(missing.map(|it| format!("{name} needs `{it}`, which is no job")));
    let steps = job["steps"].as_array().cloned().unwrap_or_default();
    if steps.is_empty() {
        problems.push(format!("{name}: no steps"));
    }
    let mut ids = BTreeSet::new();
    for step in &steps {
        problems.extend(self::step(name, step));
        if let Some(id) = step["id"].as_str()
            && !ids.insert(id)
        {
            problems.push(format!("{name}: two steps `{id}`"));
        }
    }
    problems
}

fn step(job: &str, step: &Value) -> Vec<String> {
    let mut problems = unknown(job, step, &STEP);
    match (step["uses"].as_str(), step["run"].as_str()) {
        (Some(action), None) => {
            let is_pinned = action.split_once('@').is_some_and(|(name, reference)| {
                name.split('/').count() >= 2 && !reference.is_empty()
            });
            if !is_pinned {
                problems.push(format!("{job}: action `{action}` has no version"));
            }
        }
        (None, Some(script)) => {
            // What others wrote, such as the name of a branch, would become a part of the script.
            if script.contains("${{") {
                problems.push(format!("{job}: a script holds an expression: {script}"));
            }
        }
        (Some(_), Some(_)) | (None, None) => {
            problems.push(format!("{job}: a step needs either `uses` or `run`"));
        }
    }
    problems
}

/// Looks into every expression below `value`, which may belong to a job.
fn expressions(workflow: &Value, job: Option<&Value>, value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => in_text(workflow, job, text),
        Value::Array(all) => all.iter().flat_map(|it| expressions(workflow, job, it)).collect(),
        Value::Object(all) => {
            let is_jobs = std::ptr::eq(value, &raw const workflow["jobs"]);
            let below = |it| expressions(workflow, if is_jobs { Some(it) } else { job }, it);
            let mut problems: Vec<String> = all.values().flat_map(below).collect();
            // Conditions are expressions without saying so.
            if let Some(Value::String(text)) = all.get("if")
                && !text.contains("${{")
            {
                problems.extend(expression(workflow, job, text));
            }
            problems
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![],
    }
}

fn in_text(workflow: &Value, job: Option<&Value>, text: &str) -> Vec<String> {
    let mut problems = vec![];
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${{") {
        let Some((inside, after)) = after.split_once("}}") else {
            problems.push(format!("an expression has no end: {text}"));
            break;
        };
        problems.extend(expression(workflow, job, inside));
        rest = after;
    }
    problems
}

fn expression(workflow: &Value, job: Option<&Value>, text: &str) -> Vec<String> {
    let mut problems = vec![];
    // Texts within it are no names.
    let code: String = text.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let words = code.split(|it: char| !(it.is_ascii_alphanumeric() || "._-".contains(it)));
    for word in words.filter(|it| it.starts_with(|it: char| it.is_ascii_alphabetic())) {
        let parts: Vec<&str> = word.split('.').collect();
        let is_known = if parts.len() == 1 {
            FUNCTIONS.contains(&word) || matches!(word, "true" | "false" | "null")
        } else {
            CONTEXTS.contains(&parts[0])
        };
        if !is_known {
            problems.push(format!("unknown name `{word}` in `{text}`"));
        }
        match (parts.as_slice(), job) {
            (["steps", id, ..], Some(job)) => {
                let steps = job["steps"].as_array().cloned().unwrap_or_default();
                if !steps.iter().any(|it| it["id"].as_str() == Some(id)) {
                    problems.push(format!("no step `{id}` for `{word}`"));
                }
            }
            (["needs", name, "outputs", output], Some(job)) => {
                let outputs = keys(&workflow["jobs"][name]["outputs"]);
                let is_needed = texts(&job["needs"]).iter().any(|it| it == name);
                if !is_needed || !outputs.contains(output) {
                    problems.push(format!("`{word}` is no output of a job that is needed"));
                }
            }
            _ => {}
        }
    }
    problems
}
