//! Collapses a fleet's changes: the same change in many places is one group with its places.
//!
//! **Invariant:** the groups hold every change exactly once.

use std::{collections::BTreeMap, sync::Arc};

use super::{Change, Class, Site, What};

/// One change, and everywhere it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How much it matters.
    pub class: Class,
    /// What differs.
    pub what: What,
    /// Where, sorted; never empty.
    pub sites: Vec<Site>,
}

/// Puts together what is the same change: of one class, in files of one name, of objects of one kind, from the same to the same.
/// Groups are sorted by class, then by kind and file, then by what they change.
pub fn collapse(changes: impl IntoIterator<Item = Change>) -> Vec<Group> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for change in changes {
        let Change { class, what, site } = change;
        let group = groups.entry(Key::of(class, &what, &site));
        group.or_insert_with(|| Group { class, what, sites: vec![] }).sites.push(site);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group.sites.sort_unstable();
    }
    groups
}

/// What two changes that are the same have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    class: Class,
    kind: (Arc<str>, Arc<str>),
    /// The file's name; of an assignment, its target.
    file: String,
    /// What is changed: as text, because values have no order.
    what: String,
}

impl Key {
    fn of(class: Class, what: &What, site: &Site) -> Self {
        let object = site.object.as_ref();
        let kind = object.map(|it| (it.api_version.clone(), it.kind.clone())).unwrap_or_default();
        let file = match what {
            What::ClusterType(_) => site.environment.to_string(),
            What::Assignment(_) => site.target.as_deref().unwrap_or_default().to_owned(),
            What::Object(_)
            | What::Field { .. }
            | What::Text { .. }
            | What::Bytes(_)
            | What::Noise(_) => site.file_name().to_owned(),
        };
        // The debug form tells all values apart, which JSON does not.
        let what = format!("{what:?}");
        Self { class, kind, file, what }
    }
}
