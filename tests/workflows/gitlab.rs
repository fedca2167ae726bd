//! The grammar of GitLab's pipelines, as docs.gitlab.com/ci/yaml has it, as far as the example uses it.

use serde_json::Value;

use super::{keys, texts, unknown};

/// Keys of the file that are no jobs.
const GLOBAL: [&str; 6] = ["stages", "workflow", "default", "variables", "include", "image"];
const JOB: [&str; 16] = [
    "stage",
    "extends",
    "script",
    "before_script",
    "after_script",
    "rules",
    "variables",
    "artifacts",
    "needs",
    "image",
    "interruptible",
    "resource_group",
    "environment",
    "timeout",
    "retry",
    "allow_failure",
];
const DEFAULT: [&str; 8] = [
    "image",
    "before_script",
    "after_script",
    "interruptible",
    "timeout",
    "retry",
    "cache",
    "tags",
];
const RULE: [&str; 6] = ["if", "when", "changes", "exists", "allow_failure", "variables"];
const WHEN: [&str; 5] = ["on_success", "on_failure", "always", "never", "manual"];

/// Returns what is wrong with a pipeline.
pub(super) fn problems(pipeline: &Value) -> Vec<String> {
    let mut problems = unknown("default", &pipeline["default"], &DEFAULT);
    problems.extend(rules("workflow", &pipeline["workflow"]["rules"]));
    let stages = texts(&pipeline["stages"]);
    for (name, job) in jobs(pipeline) {
        problems.extend(unknown(name, job, &JOB));
        problems.extend(rules(name, &job["rules"]));
        let parents = texts(&job["extends"]);
        let missing = parents.iter().filter(|it| pipeline[it.as_str()].is_null());
        problems.extend(missing.map(|it| format!("{name} extends `{it}`, which is not there")));
        let inherited = |key: &str| {
            let own = std::iter::once(job);
            let all = own.chain(parents.iter().map(|it| &pipeline[it.as_str()]));
            all.map(|it| &it[key]).find(|it| !it.is_null()).cloned().unwrap_or_default()
        };
        if name.starts_with('.') {
            continue;
        }
        if texts(&inherited("script")).is_empty() {
            problems.push(format!("{name}: no script"));
        }
        let stage = inherited("stage");
        if stage.as_str().is_none_or(|it| !stages.iter().any(|stage| stage == it)) {
            problems.push(format!("{name}: unknown stage {stage}"));
        }
    }
    problems
}

/// Returns the scripts of all jobs, each with what comes before it.
pub(super) fn scripts(pipeline: &Value) -> Vec<String> {
    let before = texts(&pipeline["default"]["before_script"]);
    let script = |job: &Value| [before.clone(), texts(&job["script"])].concat().join("\n");
    jobs(pipeline).map(|(_, job)| script(job)).collect()
}

fn jobs(pipeline: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let names = keys(pipeline).into_iter().filter(|it| !GLOBAL.contains(it));
    names.map(|name| (name, &pipeline[name]))
}

fn rules(job: &str, rules: &Value) -> Vec<String> {
    let mut problems = vec![];
    for rule in rules.as_array().into_iter().flatten() {
        problems.extend(unknown(job, rule, &RULE));
        if rule["when"].as_str().is_some_and(|it| !WHEN.contains(&it)) {
            problems.push(format!("{job}: unknown `when` {}", rule["when"]));
        }
        let condition = rule["if"].as_str().unwrap_or_default();
        if condition.matches('"').count() % 2 == 1 || condition.matches('/').count() % 2 == 1 {
            problems.push(format!("{job}: a text has no end in {condition}"));
        }
    }
    problems
}
