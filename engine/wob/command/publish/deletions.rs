//! What a publication deletes, and how much of that is allowed.

use std::collections::BTreeSet;

use wob_engine::{Value, yaml};
use wob_host::{Change, OutputError, Plan};
use wob_rules::PublishSettings;

use crate::report::count;

/// How many of what goes are shown.
const SHOWN: usize = 20;

/// What a publication deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deletions {
    /// The files, sorted.
    pub(super) files: Vec<String>,
    /// The namespaces that no other file of the change declares, sorted.
    pub(super) namespaces: Vec<String>,
}

impl Deletions {
    /// Looks at what `plan` deletes and changes.
    pub(super) fn of(plan: &Plan) -> Result<Self, OutputError> {
        let mut deletions = Self::default();
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        for (path, change) in plan.changes.iter() {
            if change == Change::Deleted {
                deletions.files.push(path.to_string());
            }
            if change != Change::Added {
                before.extend(namespaces(plan.before(&path)?.as_deref().unwrap_or_default()));
            }
            after.extend(namespaces(plan.after(&path).as_deref().unwrap_or_default()));
        }
        deletions.namespaces = before.difference(&after).cloned().collect();
        Ok(deletions)
    }

    /// Says what is not allowed by `settings`; none if all is.
    pub(super) fn refusal(&self, settings: &PublishSettings) -> Option<String> {
        let over = |found: usize, most: Option<u64>| {
            most.filter(|most| u64::try_from(found).unwrap_or(u64::MAX) > *most)
        };
        let files = over(self.files.len(), settings.max_deletions);
        let namespaces = over(self.namespaces.len(), settings.max_namespace_deletions);
        let mut reasons = vec![];
        if let Some(most) = files {
            let found = count(self.files.len(), "file", "files");
            reasons.push(format!("{found} would be deleted, and `maxDeletions` is {most}"));
        }
        if let Some(most) = namespaces {
            let found = count(self.namespaces.len(), "namespace", "namespaces");
            reasons
                .push(format!("{found} would be deleted, and `maxNamespaceDeletions` is {most}"));
        }
        if reasons.is_empty() {
            return None;
        }
        let namespaces = self.namespaces.iter().map(|it| format!("namespace {it}"));
        let all: Vec<String> = namespaces.chain(self.files.iter().cloned()).collect();
        let mut lines: Vec<String> = all.iter().take(SHOWN).map(|it| format!("    {it}")).collect();
        if all.len() > SHOWN {
            lines.push(format!("    and {} more", all.len() - SHOWN));
        }
        Some(format!("{}\n{}", reasons.join("; "), lines.join("\n")))
    }
}

/// Finds the namespaces that a manifest declares; nothing that cannot be read declares one.
fn namespaces(bytes: &[u8]) -> BTreeSet<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return BTreeSet::new() };
    // Most files hold none, and reading them all would cost more than writing them.
    if !text.contains("Namespace") {
        return BTreeSet::new();
    }
    let parsed = yaml::parse(text, &yaml::Limits::default());
    let objects = parsed.documents.iter().map(|it| it.root.to_value());
    objects.filter_map(|it| namespace(&it)).collect()
}

fn namespace(object: &Value) -> Option<String> {
    let Value::Map(fields) = object else { return None };
    let Value::String(kind) = fields.get("kind")? else { return None };
    let Value::Map(metadata) = fields.get("metadata")? else { return None };
    let Value::String(name) = metadata.get("name")? else { return None };
    (&**kind == "Namespace").then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_found_in_manifests() {
        let found = |text: &str| namespaces(text.as_bytes()).into_iter().collect::<Vec<_>>();
        let text = "kind: Namespace\nmetadata: {name: b}\n---\nkind: ConfigMap\nmetadata: {name: c, namespace: b}\n---\nkind: Namespace\nmetadata: {name: a}\n";
        assert_eq!(found(text), ["a", "b"]);
        assert_eq!(found("# Namespace\nkind: [\n"), [""; 0]);
        assert_eq!(found("kind: Namespace\nmetadata: {}\n"), [""; 0]);
    }

    #[test]
    fn each_budget_counts_for_itself() {
        let text = |it: &[&str]| it.iter().map(ToString::to_string).collect();
        let deletions = Deletions { files: text(&["a", "b", "c"]), namespaces: text(&["n"]) };
        let refusal = |max_deletions, max_namespace_deletions| {
            let settings = PublishSettings {
                max_deletions,
                max_namespace_deletions,
                ..PublishSettings::default()
            };
            deletions.refusal(&settings)
        };
        assert_eq!(refusal(None, None), None);
        assert_eq!(refusal(Some(3), Some(1)), None);
        let files = "3 files would be deleted, and `maxDeletions` is 2";
        assert!(refusal(Some(2), None).unwrap().starts_with(files));
        let namespace = "1 namespace would be deleted, and `maxNamespaceDeletions` is 0";
        assert!(refusal(Some(3), Some(0)).unwrap().starts_with(namespace));
    }
}
