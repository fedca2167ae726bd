//! Which subtrees an environment has, where each stood when it was built last, and which of them are built anew.

use std::{collections::BTreeSet, ops::Range};

use wob_engine::Digest;
use wob_rules::{Assignment, BuiltAssignment, Edit, Subtree, subtrees};

use crate::{
    last::BuiltSubtree,
    ledger::Failing,
    session::Session,
    stored::{Earlier, Member, NewSubtree, PartsRecord, Stored},
};

/// The subtrees of an environment.
pub(super) struct Division {
    /// All of them, in order.
    pub(super) all: Vec<Slot>,
    /// Those that are built anew, in order.
    pub(super) built: Vec<Rebuilt>,
}

/// A subtree.
pub(super) struct Slot {
    /// The cluster type.
    pub(super) on: String,
    /// What it was when its targets were the same; none if they never were.
    pub(super) before: Option<Past>,
    /// The positions of its assignments; none if not all sources were read, so that they need not be there.
    pub(super) assignments: Option<Range<usize>>,
}

/// The cluster type and the digest of a subtree.
type PastSubtree = (String, Digest);

/// A subtree as it was built last.
#[derive(Clone, Copy)]
pub(super) struct Past {
    /// Its position.
    pub(super) position: usize,
    pub(super) digest: Digest,
}

/// A subtree that is built anew, or a part of it.
pub(super) struct Rebuilt {
    /// Its position among all.
    pub(super) position: usize,
    /// The positions of its assignments.
    range: Range<usize>,
    /// What its assignments were made from, if that was fetched.
    parts: Option<PartsRecord>,
    /// None if all are built.
    graft: Option<Graft>,
}

/// What is known of a subtree of which only a part is built.
struct Graft {
    /// The positions of the assignments that are built, sorted.
    chosen: Vec<usize>,
    /// What all were.
    earlier: Earlier,
}

impl Rebuilt {
    fn whole((position, range): (usize, Range<usize>), parts: Option<PartsRecord>) -> Self {
        Self { position, range, parts, graft: None }
    }

    /// Lists the positions of the assignments that are built.
    pub(super) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        let all = self.graft.is_none().then(|| self.range.clone());
        let chosen = self.graft.iter().flat_map(|it| &it.chosen).copied();
        all.into_iter().flatten().chain(chosen)
    }

    fn count(&self) -> usize {
        self.graft.as_ref().map_or(self.range.len(), |it| it.chosen.len())
    }

    /// Lists its assignments with their positions, of which these were `built`, in order.
    fn members<'m>(
        &'m self,
        built: &'m [BuiltAssignment],
    ) -> impl Iterator<Item = (usize, Member<'m>)> {
        let start = self.range.start;
        let mut built = self.indices().zip(built).peekable();
        self.range.clone().filter_map(move |index| {
            let anew = built.next_if(|it| it.0 == index).map(|it| Member::Built(it.1));
            let graft = self.graft.as_ref();
            let earlier = || graft.map(|it| Member::Earlier(&it.earlier, index - start));
            Some((index, anew.or_else(earlier)?))
        })
    }
}

impl Division {
    /// Divides `all` assignments of an environment of which everything was read, and which had the subtrees of the `past`; `None` if it
    /// was not divided before as is noted.
    pub(super) fn of_whole(
        all: &[Assignment],
        edit: &Edit,
        (past, failing): (&[PastSubtree], &Failing),
    ) -> Option<Self> {
        let divided = subtrees(all.iter().map(|it| (it, None)));
        let (before, count) = edit.reassigned.as_ref().map_or_else(
            || ((0..divided.len()).map(Some).collect(), divided.len()),
            |it| (it.subtrees.clone(), it.subtrees_before),
        );
        if count != past.len() || before.len() != divided.len() {
            return None;
        }
        let slot = |(subtree, position): (Subtree, &Option<usize>)| {
            let on = subtree.cluster_type.to_string();
            let before = match position {
                Some(position) => {
                    let (_, digest) = past.get(*position).filter(|it| it.0 == on)?;
                    Some(Past { position: *position, digest: *digest })
                }
                None => None,
            };
            Some(Slot { on, before, assignments: Some(subtree.assignments) })
        };
        let all: Vec<Slot> = divided.into_iter().zip(&before).map(slot).collect::<Option<_>>()?;
        let of = |(position, it): (usize, &Slot)| Some((position, it.assignments.clone()?));
        let is_built = |(position, range): &(usize, Range<usize>)| {
            all[*position].before.is_none()
                || has_any(range, &edit.concerned)
                || failing.targets(*position).next().is_some()
        };
        let built = all.iter().enumerate().filter_map(of).filter(is_built);
        let built = built.map(|it| Rebuilt::whole(it, None)).collect();
        Some(Self { all, built })
    }

    /// Returns the subtrees of the `past`, of which those at some `positions` were read, among `all` assignments that the
    /// sources say which were read; `None` if they do not say all of those that each had.
    pub(super) fn of_part(
        session: &Session<'_>,
        all: &[Assignment],
        (positions, edit): (&[usize], &Edit),
        (past, failing): (&[PastSubtree], &Failing),
    ) -> Option<Self> {
        let is_read = |it: usize| positions.binary_search(&it).is_ok();
        if !failing.positions().all(is_read) {
            return None;
        }
        let mut built = read_subtrees(&session.stored, all, positions, (past, failing))?;
        built.retain(|Rebuilt { position, range, .. }| {
            has_any(range, &edit.concerned) || failing.targets(*position).next().is_some()
        });
        let slot = |(position, (on, digest)): (usize, &PastSubtree)| Slot {
            on: on.clone(),
            before: Some(Past { position, digest: *digest }),
            assignments: None,
        };
        Some(Self { all: past.iter().enumerate().map(slot).collect(), built })
    }

    /// Divides what was built, in order: the position of each subtree, and its assignments.
    pub(super) fn subtrees<'b>(
        &self,
        mut built: &'b [BuiltAssignment],
    ) -> Vec<(usize, &'b [BuiltAssignment])> {
        let mut subtrees = vec![];
        for it in &self.built {
            let (of_subtree, others) = built.split_at(it.count());
            subtrees.push((it.position, of_subtree));
            built = others;
        }
        subtrees
    }

    /// Lets only those of `all` assignments be built that an edit of values has `concerned`, in subtrees of which the store has everything
    /// else, and that `may` be built in part.
    pub(super) fn graft(
        &mut self,
        stored: &Stored,
        (all, concerned): (&[Assignment], &[usize]),
        may: impl Fn(usize) -> bool,
    ) {
        let mut some: Vec<(Digest, &mut Rebuilt)> = vec![];
        let chosen = |range: &Range<usize>| {
            let at = |end: usize| concerned.partition_point(|it| *it < end);
            &concerned[at(range.start)..at(range.end)]
        };
        let is_part = |it: &Rebuilt| chosen(&it.range).len() < it.range.len();
        for it in self.built.iter_mut().filter(|it| is_part(it) && may(it.position)) {
            let before = self.all[it.position].before;
            some.extend(before.map(|before| (before.digest, it)));
        }
        let digests: Vec<Digest> = some.iter().map(|it| it.0).collect();
        let known = some.iter_mut().map(|(_, it)| it.parts.take());
        let mut parts: Vec<Option<PartsRecord>> = known.collect();
        if parts.iter().any(Option::is_none) {
            parts = stored.parts(&digests);
        }
        for ((_, it), earlier) in some.into_iter().zip(stored.earlier(&digests, parts)) {
            let here = all[it.range.clone()].iter().map(|it| it.target.as_str());
            let Some(earlier) = earlier.filter(|it| it.targets().eq(here)) else { continue };
            it.graft = Some(Graft { chosen: chosen(&it.range).to_vec(), earlier });
        }
    }

    /// Lists the subtrees of which some assignments were `built`: the position of each, and all its assignments with their positions.
    pub(super) fn members<'m>(
        &'m self,
        built: &'m [BuiltAssignment],
    ) -> impl Iterator<Item = (usize, Vec<(usize, Member<'m>)>)> {
        let subtrees = self.built.iter().zip(self.subtrees(built));
        subtrees.map(|(it, (position, built))| (position, it.members(built).collect()))
    }

    /// Lists the same as they are to be kept, with their cluster types.
    pub(super) fn renewed<'m>(
        &'m self,
        built: &'m [BuiltAssignment],
    ) -> impl Iterator<Item = (&'m str, NewSubtree<'m>)> {
        self.members(built).map(|(position, members)| {
            let members = members.into_iter().map(|it| it.1).collect();
            (self.all[position].on.as_str(), NewSubtree::new(members))
        })
    }

    /// Returns the names of all subtrees as they are now, and those of which some were `built`.
    pub(super) fn named<'m>(
        &'m self,
        built: &'m [BuiltAssignment],
    ) -> (Vec<PastSubtree>, Vec<BuiltSubtree<'m>>) {
        let mut start = 0;
        let mut renewed = vec![];
        for ((on, it), anew) in self.renewed(built).zip(&self.built) {
            let built = start..start + anew.count();
            start = built.end;
            let name = (on.to_owned(), it.digest);
            renewed.push(BuiltSubtree { name, built, kept: it.kept().collect() });
        }
        let mut anew = self.built.iter().zip(&renewed).peekable();
        let name = |(position, it): (usize, &Slot)| {
            let renewed = anew.next_if(|it| it.0.position == position);
            let renewed = renewed.map(|it| it.1.name.clone());
            let kept = || Some((it.on.clone(), it.before?.digest));
            renewed.or_else(kept).expect("because each was there before, or was built")
        };
        let all = self.all.iter().enumerate().map(name).collect();
        (all, renewed)
    }

    /// Lists where each subtree stood before, if it did.
    pub(super) fn before(&self) -> Vec<Option<usize>> {
        self.all.iter().map(|it| Some(it.before?.position)).collect()
    }
}

/// Says whether any of some positions, which are sorted, is in `range`.
fn has_any(range: &Range<usize>, positions: &[usize]) -> bool {
    let next = positions.partition_point(|it| *it < range.start);
    positions.get(next).is_some_and(|it| *it < range.end)
}

fn read_subtrees(
    stored: &Stored,
    all: &[Assignment],
    positions: &[usize],
    (before, failing): (&[PastSubtree], &Failing),
) -> Option<Vec<Rebuilt>> {
    let subtrees: Option<Vec<Digest>> =
        positions.iter().map(|it| Some(before.get(*it)?.1)).collect();
    let fetched = stored.parts(&subtrees?);
    let find = |(position, parts): (&usize, &Option<PartsRecord>)| {
        let (on, digest) = before.get(*position)?;
        // What is kept of a subtree does not tell of what failed.
        let mut targets: BTreeSet<&str> = failing.targets(*position).collect();
        match parts {
            Some(parts) => targets.extend(parts.targets()),
            None if *digest == Subtree::of_nothing() => {}
            None => return None,
        }
        let first = targets.first()?;
        let key = |it: &Assignment| (it.cluster_type.as_str(), it.target.as_str()) < (on, first);
        let start = all.partition_point(key);
        let here = all.get(start..start + targets.len())?;
        let is_same = |(it, target): (&Assignment, &&str)| {
            it.cluster_type.as_str() == on && it.target.as_str() == *target
        };
        let range = start..start + here.len();
        here.iter().zip(&targets).all(is_same).then_some((*position, range))
    };
    let found: Option<Vec<_>> = positions.iter().zip(&fetched).map(find).collect();
    Some(found?.into_iter().zip(fetched).map(|(it, parts)| Rebuilt::whole(it, parts)).collect())
}
