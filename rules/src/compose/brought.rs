//! What each side of a pair brings of config layers: found once for each cluster type and each target, as all their pairs share it.

use std::sync::Arc;

use super::{LayerId, Layers, Side, SpecialLabels};

/// The layers that a cluster type, or a target, brings to its pairs. Those without labels are brought by cluster types.
///
/// **Invariant:** what applies to a pair is brought by one of its sides, or by both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Those that every pair has, sorted.
    always: Box<[LayerId]>,
    /// Those that a pair has if the other side has all the labels that this one lacks.
    perhaps: Box<[(LayerId, Lacking)]>,
}

/// Labels with their values.
type Lacking = Box<[(Arc<str>, Arc<str>)]>;

impl Brought {
    /// Finds what a side of pairs brings.
    pub(crate) fn by(layers: &Layers, side: Side<'_>) -> Self {
        let special = SpecialLabels::KALYPSO;
        let (named, unlabelled) = match side {
            Side::ClusterType { name, .. } => {
                (vec![(special.cluster_type, name)], layers.unlabelled())
            }
            Side::Target { name, workload, .. } => {
                (vec![(special.deployment_target, name), (special.workload, workload)], &[][..])
            }
        };
        let own = side.labels().iter().map(|(label, value)| (label.as_str(), value.as_str()));
        let own = own.chain(named);
        let own = own.filter(|(label, value)| special.holds_by(label, value, side));
        let found = own.flat_map(|(label, value)| layers.with_label(label, value));
        let mut found: Vec<LayerId> = unlabelled.iter().chain(found).copied().collect();
        found.sort_unstable();
        // A label may say the name that it stands for.
        found.dedup();
        let (mut always, mut perhaps) = (vec![], vec![]);
        for id in found {
            let labels = layers.get(id).into_iter().flat_map(|it| &it.labels);
            let lacking = labels.filter(|(label, value)| !special.holds_by(label, value, side));
            let lacking: Lacking = lacking.map(|(l, v)| (l.clone(), v.clone())).collect();
            if lacking.is_empty() {
                always.push(id);
            } else {
                perhaps.push((id, lacking));
            }
        }
        Self { always: always.into(), perhaps: perhaps.into() }
    }

    /// Joins what the cluster type of a pair brings with what its target does: the layers that apply, in the order of
    /// their precedence by name. The sides, in this order, are only asked for if a layer has labels of both.
    pub(crate) fn join<'s>(
        &self,
        target: &Self,
        sides: impl FnOnce() -> [Side<'s>; 2],
    ) -> Vec<LayerId> {
        let mut chosen = Vec::with_capacity(self.always.len() + target.always.len());
        chosen.extend(self.always.iter().chain(&target.always));
        if !self.perhaps.is_empty() || !target.perhaps.is_empty() {
            let [by_cluster_type, by_target] = sides();
            chosen.extend(self.perhaps_by(by_target).chain(target.perhaps_by(by_cluster_type)));
        }
        chosen.sort_unstable();
        // A label may be on both sides, and then its layers were found twice.
        chosen.dedup();
        chosen
    }

    /// Returns those layers of which the `other` side has what this one lacks.
    fn perhaps_by(&self, other: Side<'_>) -> impl Iterator<Item = LayerId> {
        let special = SpecialLabels::KALYPSO;
        let has_all = move |lacking: &Lacking| {
            lacking.iter().all(|(label, value)| special.holds_by(label, value, other))
        };
        self.perhaps.iter().filter(move |(_, it)| has_all(it)).map(|(id, _)| *id)
    }
}
