//! Merges lock files, input by input, so that two branches which each lock something do not conflict.

use std::collections::BTreeSet;

use super::{InputKey, Lock, LockedInput};

/// What was decided where both sides changed one input, each in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Both moved it: the later commit stays.
    Later {
        /// What stays.
        kept: LockedInput,
        /// What does not.
        dropped: LockedInput,
    },
    /// One side moved it, the other one had no use for it: it stays.
    Kept(LockedInput),
}

impl Lock {
    /// Joins what `ours` and `theirs` changed since `base`.
    pub(crate) fn merge(base: &Self, ours: &Self, theirs: &Self) -> (Self, Vec<Settled>) {
        let mut merged = Self::default();
        let mut settled = vec![];
        let keys: BTreeSet<&InputKey> =
            [base, ours, theirs].into_iter().flat_map(|it| it.inputs.keys()).collect();
        for key in keys {
            let [base, ours, theirs] = [base, ours, theirs].map(|it| it.inputs.get(key));
            let input = match (ours, theirs) {
                _ if ours == theirs || theirs == base => ours.cloned(),
                _ if ours == base => theirs.cloned(),
                (Some(a), Some(b)) => Some(later(a, b, &mut settled)),
                (Some(moved), None) | (None, Some(moved)) => {
                    settled.push(Settled::Kept(moved.clone()));
                    Some(moved.clone())
                }
                (None, None) => None,
            };
            merged.inputs.extend(input.map(|it| (key.clone(), it)));
        }
        (merged, settled)
    }
}

/// Returns the one of the later commit; of two of one time that of the greater id, so that it does not matter who merges whom.
fn later(a: &LockedInput, b: &LockedInput, settled: &mut Vec<Settled>) -> LockedInput {
    let rank = |it: &LockedInput| (it.pin.time_s, it.pin.commit, it.name.clone(), it.url.clone());
    let (kept, dropped) = if rank(a) < rank(b) { (b, a) } else { (a, b) };
    if a.pin != b.pin {
        settled.push(Settled::Later { kept: kept.clone(), dropped: dropped.clone() });
    }
    kept.clone()
}
