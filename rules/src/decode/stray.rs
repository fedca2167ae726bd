//! Objects that would be ours but for a slip in `apiVersion` or `kind`.
//!
//! To pass over one in silence would be to delete what was built from it, so what is surely a slip is damage. Another
//! group's kinds are none of our business.

use wob_engine::{
    Diagnostic, Place, did_you_mean,
    yaml::{Node, NodeKind},
};

use crate::rule::{RULE_API_VERSION, RULE_KIND};

use super::{API_VERSION, Damage, damage::of_object_as, kinds::KINDS, shown, text_at};

/// What is to be said of an object that nobody reads.
pub(super) struct Stray {
    /// The problem.
    pub(super) diagnostic: Diagnostic,
    /// What the object would have defined.
    pub(super) damage: Option<Damage>,
}

/// The API group of every kind but ConfigMap.
const GROUP: &str = "scheduler.kalypso.io";
/// The API version of ConfigMaps.
const CORE: &str = "v1";

/// Judges an object whose `apiVersion` or `kind` is missing or no text; `None` if it may be anybody's.
pub(super) fn without_kind(root: &Node, place: &Place) -> Option<Stray> {
    let is_mapping =
        |key: &str| root.get(key).is_some_and(|it| matches!(it.kind, NodeKind::Mapping(_)));
    let text = |key: &str| text_at(root, &[key]).filter(|it| !it.is_empty());
    let (field, wanted, kind) = match (text("apiVersion"), text("kind")) {
        (Some(api), None) if is_our_group(&api) => ("kind", KINDS.join(", "), None),
        (Some(api), None) if &*api == CORE && is_mapping("metadata") && is_mapping("data") => {
            ("kind", "ConfigMap".to_owned(), Some("ConfigMap"))
        }
        (None, Some(kind)) if is_mapping("metadata") => {
            let kind = KINDS.into_iter().chain(["ConfigMap"]).find(|it| **it == *kind)?;
            ("apiVersion", api_of(kind).to_owned(), Some(kind))
        }
        _ => return None,
    };
    let message = format!("an object has no `{field}`, so nobody reads it");
    let diagnostic = Diagnostic::error("missing-field", message);
    let diagnostic = match root.get(field) {
        Some(_) => diagnostic.at(place.key(field), "this is no text, or says nothing"),
        None => diagnostic.at(place.clone(), format!("`{field}` is missing here")),
    };
    let damage = match kind {
        Some(kind) => of_object_as(Some(kind), root, place),
        None => Some(Damage::Config),
    };
    Some(Stray {
        diagnostic: diagnostic.help(format!("write `{field}: ` and one of: {wanted}")),
        damage,
    })
}

/// Judges an object of a kind that wob does not read.
pub(super) fn of_unknown_kind(
    root: &Node,
    (api_version, kind): (&str, &str),
    place: &Place,
) -> Option<Stray> {
    if api_version.is_empty() || kind.is_empty() {
        return without_kind(root, place);
    }
    if let Some(stray) = of_rule(root, (api_version, kind), place) {
        return Some(stray);
    }
    let known = KINDS.contains(&kind);
    let group = api_version.rsplit_once('/').map(|(group, _)| group);
    let near = group.is_none_or(|it| did_you_mean(it, [GROUP]).is_some());
    if known && (group == Some(GROUP) || near) {
        let message = format!("{kind} has an unknown API version `{}`", shown(api_version));
        let diagnostic = Diagnostic::error("unknown-kind", message)
            .at(place.key("apiVersion"), "nobody reads this object")
            .help(format!("write `apiVersion: {API_VERSION}`"));
        return Some(Stray { diagnostic, damage: of_object_as(Some(kind), root, place) });
    }
    if kind == "ConfigMap" && group.is_none() {
        let message = format!("ConfigMap has an unknown API version `{}`", shown(api_version));
        let diagnostic = Diagnostic::error("unknown-kind", message)
            .at(place.key("apiVersion"), "nobody reads this object")
            .help(format!("write `apiVersion: {CORE}`"));
        return Some(Stray { diagnostic, damage: of_object_as(Some(kind), root, place) });
    }
    let candidates: &[&str] = match api_version {
        CORE => &["ConfigMap"],
        _ if group == Some(GROUP) => &KINDS,
        _ => return None,
    };
    let guess = did_you_mean(kind, candidates.iter().copied());
    let message = format!("`{}` is not a kind of {}", shown(kind), shown(api_version));
    let (diagnostic, damage) = match guess {
        Some(guess) => (
            Diagnostic::error("unknown-kind", message)
                .at(place.key("kind"), "nobody reads this object")
                .help(format!("did you mean `{guess}`?")),
            of_object_as(Some(guess), root, place),
        ),
        // A kind that wob does not know yet is no slip of a hand.
        None if group == Some(GROUP) => (
            Diagnostic::warning("unknown-kind", message)
                .at(place.key("kind"), "this object is ignored")
                .help(format!("known kinds: {}", KINDS.join(", "))),
            None,
        ),
        None => return None,
    };
    Some(Stray { diagnostic, damage })
}

/// Judges an object of the group of rules, which has one kind.
fn of_rule(root: &Node, (api_version, kind): (&str, &str), place: &Place) -> Option<Stray> {
    let (group, _) = RULE_API_VERSION.split_once('/')?;
    if api_version.rsplit_once('/').is_none_or(|it| it.0 != group) {
        return None;
    }
    let damage = of_object_as(Some(RULE_KIND), root, place);
    let diagnostic = if kind == RULE_KIND {
        let message = format!("{kind} has an unknown API version `{}`", shown(api_version));
        Diagnostic::error("unknown-kind", message)
            .at(place.key("apiVersion"), "nobody reads this object")
            .help(format!("write `apiVersion: {RULE_API_VERSION}`"))
    } else {
        let message = format!("`{}` is not a kind of {}", shown(kind), shown(api_version));
        Diagnostic::error("unknown-kind", message)
            .at(place.key("kind"), "nobody reads this object")
            .help(format!("write `kind: {RULE_KIND}`, the only one"))
    };
    Some(Stray { diagnostic, damage })
}

fn is_our_group(api_version: &str) -> bool {
    api_version.rsplit_once('/').is_some_and(|(group, _)| group == GROUP)
}

fn api_of(kind: &str) -> &'static str {
    if kind == "ConfigMap" { CORE } else { API_VERSION }
}
