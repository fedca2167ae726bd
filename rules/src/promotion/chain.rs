//! Chains: the order in which environments get a commit.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Diagnostic, Place, did_you_mean};

use crate::{Name, resource::Environment};

/// The annotation of an Environment that names the one behind it.
pub(crate) const NEXT: &str = "wob.dev/next-environment";

/// One of `promotion` in `wob.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// The environment.
    pub name: Name,
    /// Where it is named.
    pub place: Place,
}

/// The order in which environments get a commit of the base.
///
/// **Invariant:** no environment is in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<Name>);

impl Chain {
    /// Lists the environments, the first one first; none if nothing says in which order.
    pub fn environments(&self) -> &[Name] {
        &self.0
    }

    /// Returns the environment before `name`.
    pub fn before(&self, name: &Name) -> Option<&Name> {
        let position = self.0.iter().position(|it| it == name)?;
        self.0.get(position.checked_sub(1)?)
    }

    /// Returns the environment behind `name`.
    pub fn behind(&self, name: &Name) -> Option<&Name> {
        let position = self.0.iter().position(|it| it == name)?;
        self.0.get(position + 1)
    }
}

/// Returns the order that `entries` of `wob.yaml` give; without any, the one that the annotations of `environments` give.
/// What is wrong is left out and reported.
pub fn chain(entries: &[ChainEntry], environments: &[Environment]) -> (Chain, Vec<Diagnostic>) {
    if entries.is_empty() { annotated(environments) } else { listed(entries, environments) }
}

fn listed(entries: &[ChainEntry], environments: &[Environment]) -> (Chain, Vec<Diagnostic>) {
    let mut names = vec![];
    let mut diagnostics = vec![];
    for ChainEntry { name, place } in entries {
        if environments.iter().any(|it| it.meta.name == *name) {
            names.push(name.clone());
        } else {
            diagnostics.push(unknown(name.as_str(), place, environments));
        }
    }
    (Chain(names), diagnostics)
}

fn unknown(name: &str, place: &Place, environments: &[Environment]) -> Diagnostic {
    let known = environments.iter().map(|it| it.meta.name.as_str());
    let message = format!("there is no environment `{}` to promote to", name.escape_debug());
    let help = match did_you_mean(name, known) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => "declare it by an Environment of the base branch, or leave it out".to_owned(),
    };
    Diagnostic::error("unknown-environment", message).at(place.clone(), "not declared").help(help)
}

/// Follows the annotations.
fn annotated(environments: &[Environment]) -> (Chain, Vec<Diagnostic>) {
    let mut diagnostics = vec![];
    let mut next: BTreeMap<&Name, &Name> = BTreeMap::new();
    for environment in environments {
        let Some((name, place)) = &environment.next else { continue };
        match environments.iter().find(|it| it.meta.name.as_str() == &**name) {
            Some(found) => drop(next.insert(&environment.meta.name, &found.meta.name)),
            None => diagnostics.push(unknown(name, place, environments)),
        }
    }
    if !diagnostics.is_empty() {
        return (Chain::default(), diagnostics);
    }
    let followed: BTreeSet<&Name> = next.values().copied().collect();
    let mut chain: Vec<&Name> =
        next.keys().copied().find(|it| !followed.contains(it)).into_iter().collect();
    while let Some(name) = chain.last().and_then(|it| next.get(*it).copied()) {
        // A circle has no beginning, so only its end could lead back.
        if chain.contains(&name) {
            break;
        }
        chain.push(name);
    }
    // Two environments before one, two beginnings and circles all leave something out.
    if next.is_empty() || chain.len() == next.len() + 1 {
        return (Chain(chain.into_iter().cloned().collect()), vec![]);
    }
    (Chain::default(), vec![unclear(environments)])
}

fn unclear(environments: &[Environment]) -> Diagnostic {
    let message =
        "the environments do not follow each other in one line, so nothing is promoted in order";
    let diagnostic = Diagnostic::error("unclear-promotion", message).help(
        "name each environment at most once, and not the first one; or write `promotion: [dev, stage]` in wob.yaml",
    );
    let places = environments.iter().filter_map(|it| Some((&it.meta.name, &it.next.as_ref()?.1)));
    places.fold(diagnostic, |diagnostic, (name, place)| {
        diagnostic.at(place.clone(), format!("this is behind `{name}`"))
    })
}
