//! What becomes unsure when an object can't be read.

use wob_engine::{
    Place,
    yaml::{Document, Entry, Node, NodeKind},
};

use super::{kind_of, text_at};
use crate::{SpecialLabels, Subject, label_match, resource::Labels, rule::RULE_KIND};

/// What an unreadable object leaves unsure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// What is scheduled is not fully known.
    Scheduling,
    /// Any config may be missing, and what is scheduled is not fully known.
    Config,
    /// Where the tree goes is not known.
    Destination,
    /// An environment is declared, but not how.
    Environment,
    /// The template or rule of this name exists, but can't be used.
    Template(String),
    /// A config layer or schema with these labels exists, but can't be used.
    Layer(BrokenLayer),
}

/// A ConfigMap or ConfigSchema that can't be used; whatever its labels match can't be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLayer {
    /// Its name.
    pub name: String,
    /// Its document.
    pub place: Place,
    /// Its labels.
    pub labels: Labels,
}

impl BrokenLayer {
    /// Says whether the layer would apply to `subject`, so that nothing can be built for it.
    pub fn applies_to(&self, subject: &Subject<'_>) -> bool {
        label_match(&self.labels, subject, SpecialLabels::KALYPSO)
    }
}

/// Returns the damage of an object of a known kind that has errors.
pub(super) fn of_object(root: &Node, place: &Place) -> Option<Damage> {
    let kind = kind_of(root).map(|(_, kind)| kind);
    of_object_as(kind.as_deref(), root, place)
}

/// Returns the damage of an object that is surely meant to be of this kind, whatever it says.
pub(super) fn of_object_as(kind: Option<&str>, root: &Node, place: &Place) -> Option<Damage> {
    let name = text_at(root, &["metadata", "name"]);
    Some(match (kind, name) {
        (Some("ConfigMap"), Some(name)) if is_unrelated(root, &name) => return None,
        (Some("ConfigMap" | "ConfigSchema"), name) => match labels(root) {
            Some(labels) => {
                let name = name.map_or_else(String::new, |it| it.to_string());
                Damage::Layer(BrokenLayer { name, place: place.clone(), labels })
            }
            None => Damage::Config,
        },
        (Some("Template" | RULE_KIND), Some(name)) => Damage::Template(name.to_string()),
        (Some("GitOpsRepo"), _) => Damage::Destination,
        (Some("Environment"), _) => Damage::Environment,
        (Some(_), _) => Damage::Scheduling,
        (None, _) => Damage::Config,
    })
}

/// Returns the damage of a document that holds an error of YAML itself; its values can't be trusted.
pub(super) fn of_document(document: &Document) -> Option<Damage> {
    let (api_version, kind) = kind_of(&document.root)?;
    of_kind(&api_version, &kind, text_at(&document.root, &["metadata", "name"]).as_deref())
}

/// Returns the damage of text that could not be parsed, from the lines that look like `kind:` and `name:`.
pub(super) fn of_unreadable(text: &str) -> Vec<Damage> {
    let documents = text.split("\n---");
    let guess = |document: &str| {
        let field = |prefix: &str| {
            let line = document.lines().find_map(|it| it.strip_prefix(prefix))?;
            Some(line.trim().trim_matches(['"', '\'']).to_owned())
        };
        let (api_version, kind) = (field("apiVersion:"), field("kind:"));
        match (api_version, kind) {
            (Some(api_version), Some(kind)) => {
                of_kind(&api_version, &kind, field("  name:").as_deref())
            }
            _ if document.trim().is_empty() => None,
            _ => Some(Damage::Config),
        }
    };
    documents.filter_map(guess).collect()
}

/// A ConfigMap that is surely not a config layer: labels that can be read, and none of the two marks.
fn is_unrelated(root: &Node, name: &str) -> bool {
    let marked = |it: Labels| it.get("platform-config").is_some_and(|it| it == "true");
    !name.starts_with("azure-app-config") && labels(root).is_some_and(|it| !marked(it))
}

fn of_kind(api_version: &str, kind: &str, name: Option<&str>) -> Option<Damage> {
    match (kind, name) {
        _ if !super::is_known(api_version, kind) => None,
        ("Template" | RULE_KIND, Some(name)) => Some(Damage::Template(name.to_owned())),
        ("ConfigMap" | "ConfigSchema", _) => Some(Damage::Config),
        ("GitOpsRepo", _) => Some(Damage::Destination),
        ("Environment", _) => Some(Damage::Environment),
        _ => Some(Damage::Scheduling),
    }
}

/// Returns the labels if every one is a text: only then is it known what the object would match.
fn labels(root: &Node) -> Option<Labels> {
    let Some(node) = root.get("metadata")?.get("labels") else { return Some(Labels::new()) };
    let NodeKind::Mapping(entries) = &node.kind else {
        return node.is_null().then(Labels::new);
    };
    let label = |entry: &Entry| {
        Some((entry.key.text.to_string(), entry.value.to_value().as_str()?.to_owned()))
    };
    entries.iter().map(label).collect()
}
