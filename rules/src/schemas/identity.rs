//! What API servers demand of every object, whatever its kind: a name, labels and a namespace of their syntax.

use serde_json::Value as Json;

use super::check::Finding;
use crate::{
    Name,
    name::{label_key_problem, label_value_problem},
};

/// Groups whose objects take any name that fits into a path, such as `system:node`.
const PATH_NAMED: &str = "rbac.authorization.k8s.io/";

/// Checks the metadata of `object`, which is of a kind that has some.
pub(super) fn findings(api_version: &str, kind: &str, object: &Json) -> Vec<Finding> {
    let mut findings = vec![];
    let metadata = &object["metadata"];
    let mut wrong = |pointer: String, reason: &str, help: &str| {
        findings.push(Finding::new(pointer, reason).help(help));
    };
    match metadata["name"].as_str() {
        Some(name) => {
            if let Some(reason) = name_problem(api_version, kind, name) {
                let help = "shorten a name, or change the template";
                wrong("/metadata/name".to_owned(), reason, help);
            }
        }
        None if metadata["generateName"].is_string() || !metadata["name"].is_null() => {}
        None => wrong("/metadata".to_owned(), "has no `name`", "set `metadata.name`"),
    }
    if let Some(reason) = metadata["namespace"].as_str().and_then(dns_label_problem) {
        let help = "shorten a name, or set `namespacePattern` in wob.yaml";
        wrong("/metadata/namespace".to_owned(), reason, help);
    }
    for (map, check_value) in [("labels", true), ("annotations", false)] {
        for (key, value) in metadata[map].as_object().into_iter().flatten() {
            let pointer = format!("/metadata/{map}/{}", escaped(key));
            if let Some(reason) = label_key_problem(key) {
                let reason = format!("has a key that {reason}");
                let help = "write at most 63 letters, digits, `-`, `_` and `.`, after an optional `example.com/`";
                wrong(pointer, &reason, help);
            } else if let Some(reason) =
                value.as_str().filter(|_| check_value).and_then(label_value_problem)
            {
                wrong(pointer, reason, "write at most 63 letters, digits, `-`, `_` and `.`");
            }
        }
    }
    findings
}

fn name_problem(api_version: &str, kind: &str, name: &str) -> Option<&'static str> {
    if api_version.starts_with(PATH_NAMED) {
        let fits = !matches!(name, "" | "." | "..") && !name.contains(['/', '%']);
        return (!fits).then_some("is empty, `.`, `..`, or holds a `/` or `%`");
    }
    match (api_version, kind) {
        ("v1", "Namespace" | "Service") => dns_label_problem(name),
        _ => Name::new(name).err(),
    }
}

fn dns_label_problem(text: &str) -> Option<&'static str> {
    match Name::new(text) {
        Err(reason) => Some(reason),
        Ok(_) if text.len() > 63 => Some("has more than 63 characters"),
        Ok(_) if text.contains('.') => Some("holds a `.`"),
        Ok(_) => None,
    }
}

/// Returns `key` as a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
