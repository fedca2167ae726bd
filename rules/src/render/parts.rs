//! The parts of inputs, by name: what is hashed, and what is explained. They come in groups, of which most assignments share all but
//! one with others.

use std::collections::BTreeSet;

use wob_engine::{Digest, Hasher};

/// One named part of an action's inputs: what is hashed, and what is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InputPart {
    /// What it is: `config.DATABASE_URL`, `template.reconciler`.
    pub name: String,
    /// The digest of its value.
    pub digest: Digest,
}

impl InputPart {
    /// Takes the digest of a text.
    pub(super) fn of(name: impl Into<String>, text: &str) -> Self {
        Self { name: name.into(), digest: Digest::of(text.as_bytes()) }
    }

    /// Returns the digest of some parts.
    pub(super) fn digest_of(parts: &[Self]) -> Digest {
        let mut hasher = Hasher::new("wob 2026-11 parts of inputs");
        for it in parts {
            hasher.add(it.name.as_bytes());
            hasher.add(it.digest.as_bytes());
        }
        hasher.finish()
    }
}

/// Some parts of inputs that come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartGroup {
    /// Those of the cluster type, with its templates, parameters and conventions.
    ClusterType,
    /// Those of the target.
    Target,
    /// The namespace.
    Namespace,
    /// The values of config.
    Config,
}

impl PartGroup {
    /// All groups, in the order in which they are hashed and shown.
    pub const ALL: [Self; 4] = [Self::ClusterType, Self::Target, Self::Namespace, Self::Config];
}

/// The digests of the groups, in the order of [`PartGroup::ALL`]. Who has the same has the same parts.
pub type GroupDigests = [Digest; PartGroup::ALL.len()];

/// Knows the parts of some inputs.
pub trait Parts {
    /// Returns the digest of each group.
    fn digests(&self) -> GroupDigests;

    /// Hands over the name and digest of each part of a group, in a fixed order.
    fn each_part(&self, group: PartGroup, part: &mut dyn FnMut(&str, Digest));

    /// Lists the parts, in the order in which they are hashed.
    fn parts(&self) -> Vec<InputPart> {
        let mut parts = vec![];
        for group in PartGroup::ALL {
            self.each_part(group, &mut |name, digest| {
                parts.push(InputPart { name: name.to_owned(), digest });
            });
        }
        parts
    }

    /// Returns the names of the parts that are not among those of `before`, with the same digests, and of those that are there no
    /// more.
    fn changes_since(&self, before: &dyn Parts) -> BTreeSet<String> {
        let (now, then) = (self.digests(), before.digests());
        let mut changed = BTreeSet::new();
        for ((group, now), then) in PartGroup::ALL.into_iter().zip(now).zip(then) {
            if now != then {
                self.group_changes(group, before, &mut changed);
            }
        }
        changed
    }

    /// Adds the names of those parts of a group that are not as they were `before`.
    fn group_changes(&self, group: PartGroup, before: &dyn Parts, changed: &mut BTreeSet<String>) {
        let mut old = vec![];
        before.each_part(group, &mut |name, digest| old.push((name.to_owned(), digest)));
        // They are in the same order, but for those that are new or gone.
        let mut rest = &*old;
        self.each_part(group, &mut |name, digest| {
            let at = rest.iter().position(|it| it.0 == name);
            let (gone, behind) = rest.split_at(at.unwrap_or(0));
            changed.extend(gone.iter().map(|it| it.0.clone()));
            rest = behind;
            match at.and(rest.split_first()) {
                Some(((_, other), behind)) => {
                    rest = behind;
                    if *other != digest {
                        changed.insert(name.to_owned());
                    }
                }
                None => drop(changed.insert(name.to_owned())),
            }
        });
        changed.extend(rest.iter().map(|it| it.0.clone()));
    }
}
