//! Which assignments there are, noted cluster type by cluster type, and what became of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde::{Deserialize, Serialize};

use super::reach::groups;
use crate::{Name, known::divide, schedule::Assignment};

/// The assignments of an environment, with the policies that made them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assigned {
    /// Lists of policies, each once: most assignments share theirs.
    policies: Vec<Vec<String>>,
    /// Lists of assignments, each once: targets by their positions among all, and policies by those of their lists.
    lists: Vec<Vec<(u32, u32)>>,
    /// For each cluster type that has assignments the position of their list.
    cluster_types: BTreeMap<String, u32>,
}

/// How the assignments of an environment, or its cluster types, are other ones than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reassigned {
    /// The cluster types that are new or gone, and those of which an assignment is, or is made by other policies; each with
    /// the targets that it has no more.
    pub on: BTreeMap<String, BTreeSet<String>>,
    /// Those of them that were not there before.
    pub new: BTreeSet<String>,
    /// Those that are not there any more.
    pub gone: BTreeSet<String>,
    /// For each [subtree](crate::subtrees) the position that the one with the same targets had before, if there was one.
    pub subtrees: Vec<Option<usize>>,
    /// How many subtrees there were before.
    pub subtrees_before: usize,
}

/// A target, and the policies that assign it.
type Entry<'e> = (&'e str, &'e [String]);

/// The assignments of a cluster type, in order.
type List<'l> = Vec<Entry<'l>>;

/// What a cluster type had before.
struct Past<'p> {
    list: &'p List<'p>,
    /// Its subtrees, by their positions in its list.
    subtrees: Vec<Range<usize>>,
    /// How many subtrees stood before them.
    start: usize,
}

impl Assigned {
    /// Notes the assignments of an environment with these `targets`, which are sorted.
    pub(super) fn of<'t>(all: &[Assignment], targets: impl Iterator<Item = &'t str>) -> Self {
        let positions: BTreeMap<&str, u32> = targets.zip(0..).collect();
        let mut known: BTreeMap<*const str, u32> = BTreeMap::new();
        let mut target = |it: &Name| {
            // Assignments share names, and a place is compared faster than a text.
            let place = std::ptr::from_ref(it.as_str());
            *known.entry(place).or_insert_with(|| positions[it.as_str()])
        };
        let (mut policies, mut lists) = (Numbered::default(), Numbered::default());
        let mut cluster_types = BTreeMap::new();
        for group in groups(all) {
            let name = all[group.start].cluster_type.to_string();
            let list =
                all[group].iter().map(|it| (target(&it.target), policies.number(&it.policies)));
            cluster_types.insert(name, lists.number(&list.collect::<Vec<(u32, u32)>>()));
        }
        let texts = |it: Vec<Name>| it.iter().map(Name::to_string).collect();
        Self {
            policies: policies.in_order.into_iter().map(texts).collect(),
            lists: lists.in_order,
            cluster_types,
        }
    }

    /// Reads it back, with the names of all `targets`; `None` if it makes no sense.
    fn named<'l>(&'l self, targets: &[&'l str]) -> Option<BTreeMap<&'l str, List<'l>>> {
        let one = |(target, policies): &(u32, u32)| {
            Some((*targets.get(*target as usize)?, &**self.policies.get(*policies as usize)?))
        };
        let list = |(name, list): (&'l String, &u32)| {
            let list = self.lists.get(*list as usize)?.iter().map(one);
            Some((name.as_str(), list.collect::<Option<List<'l>>>()?))
        };
        self.cluster_types.iter().map(list).collect()
    }

    /// Compares what there was, where all `targets` were these, with the assignments that there are now; adds the positions of those that
    /// are new, or made by other policies, to `found`. `None` if what was noted makes no sense.
    pub(super) fn compare(
        &self,
        targets: &[&str],
        all: &[Assignment],
        found: &mut Vec<usize>,
    ) -> Option<Reassigned> {
        let lists = self.named(targets)?;
        let mut start = 0;
        let mut before: BTreeMap<&str, Past<'_>> = BTreeMap::new();
        for (name, list) in &lists {
            let subtrees = divide(list.iter().map(|it| it.0));
            let count = subtrees.len();
            before.insert(name, Past { list, subtrees, start });
            start += count;
        }
        let mut reassigned = Reassigned { subtrees_before: start, ..Reassigned::default() };
        for group in groups(all) {
            let name = all[group.start].cluster_type.as_str();
            let past = before.remove(name);
            let list = past.as_ref().map_or(&[][..], |it| it.list);
            if let Some(gone) = differing(list, all, group.clone(), found) {
                reassigned.on.insert(name.to_owned(), gone);
            }
            reassigned.subtrees.extend(placed(past.as_ref(), &all[group]));
        }
        for (name, past) in before {
            let gone = past.list.iter().map(|(target, _)| (*target).to_owned());
            reassigned.on.insert(name.to_owned(), gone.collect());
        }
        Some(reassigned)
    }
}

/// Compares what a cluster type had with what it has, which is `group` of `all`: adds what is new or made by other policies to `found`,
/// and returns what is gone; `None` if nothing differs.
fn differing(
    list: &[Entry<'_>],
    all: &[Assignment],
    group: Range<usize>,
    found: &mut Vec<usize>,
) -> Option<BTreeSet<String>> {
    let is_same = |it: &Assignment, policies: &[String]| {
        it.policies.iter().map(Name::as_str).eq(policies.iter().map(String::as_str))
    };
    let are_same = |(it, (target, policies)): (&Assignment, &Entry<'_>)| {
        it.target.as_str() == *target && is_same(it, policies)
    };
    let now = &all[group.clone()];
    if now.len() == list.len() && now.iter().zip(list).all(are_same) {
        return None;
    }
    let mut rest: BTreeMap<&str, &[String]> = list.iter().copied().collect();
    for (index, it) in group.zip(now) {
        let before = rest.remove(it.target.as_str());
        if !before.is_some_and(|policies| is_same(it, policies)) {
            found.push(index);
        }
    }
    Some(rest.into_keys().map(str::to_owned).collect())
}

/// Returns for each subtree of a cluster type's assignments where the one with the same targets stood before.
fn placed(past: Option<&Past<'_>>, now: &[Assignment]) -> Vec<Option<usize>> {
    let mut known: BTreeMap<&str, (usize, &[Entry<'_>])> = BTreeMap::new();
    if let Some(past) = past {
        for (index, range) in past.subtrees.iter().enumerate() {
            let list = &past.list[range.clone()];
            known.insert(list[0].0, (past.start + index, list));
        }
    }
    let place = |range: Range<usize>| {
        let now = now[range].iter().map(|it| it.target.as_str());
        let (position, list) = known.get(now.clone().next()?)?;
        now.eq(list.iter().map(|it| it.0)).then_some(*position)
    };
    divide(now.iter().map(|it| it.target.as_str())).into_iter().map(place).collect()
}

/// Lists, each with a number by the order in which they came.
struct Numbered<T> {
    in_order: Vec<Vec<T>>,
    numbers: BTreeMap<Vec<T>, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { in_order: vec![], numbers: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> Numbered<T> {
    fn number(&mut self, list: &[T]) -> u32 {
        if let Some(number) = self.numbers.get(list) {
            return *number;
        }
        let number = u32::try_from(self.in_order.len()).expect("because memory is finite");
        self.in_order.push(list.to_vec());
        self.numbers.insert(list.to_vec(), number);
        number
    }
}
