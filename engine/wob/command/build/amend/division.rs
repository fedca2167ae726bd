//! Which subtrees an environment has, where each stood when it was built last, and which of them are built anew.

use std::{collections::BTreeSet, ops::Range};

use wob_engine::Digest;
use wob_rules::{Assignment, BuiltAssignment, Edit, Subtree, subtrees};

use crate::{
    ledger::Failing,
    session::Session,
    stored::{PartsRecord, Stored},
};

/// The subtrees of an environment.
pub(super) struct Division {
    /// All of them, in order.
    pub(super) all: Vec<Slot>,
    /// Those that are built: their positions among all, and the assignments that they are of.
    pub(super) built: Vec<(usize, Range<usize>)>,
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
        let built = all.iter().enumerate().filter_map(of).filter(is_built).collect();
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
        built.retain(|(position, range)| {
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
        for (position, range) in &self.built {
            let (of_subtree, others) = built.split_at(range.len());
            subtrees.push((*position, of_subtree));
            built = others;
        }
        subtrees
    }

    /// Lists where each subtree stood before, if it did.
    pub(super) fn before(&self) -> Vec<Option<usize>> {
        self.all.iter().map(|it| Some(it.before?.position)).collect()
    }

    /// Lists the cluster types and digests of the subtrees that are not built, and nothing for those that are.
    pub(super) fn kept(&self) -> Vec<Option<(String, Digest)>> {
        let mut kept: Vec<Option<(String, Digest)>> =
            self.all.iter().map(|it| Some((it.on.clone(), it.before?.digest))).collect();
        for (position, _) in &self.built {
            kept[*position] = None;
        }
        kept
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
) -> Option<Vec<(usize, Range<usize>)>> {
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
    positions.iter().zip(&fetched).map(find).collect()
}
