//! Who has some config layers, found by asking each label of each cluster type and of each target once, as most pairs have none of
//! them.

use std::{collections::BTreeMap, ops::Range};

use wob_engine::Database;

use crate::{
    Layer, Name, SpecialLabels,
    compose::Side,
    environment_model,
    model::Target,
    queries::{EnvironmentInput, cluster_side, target_side},
    resource::ClusterType,
    schedule::Assignment,
};

/// The labels of a layer.
pub(super) type LayerLabels = Vec<(String, String)>;

/// Returns the labels of a layer.
pub(super) fn labels_of(layer: &Layer) -> LayerLabels {
    layer.labels.iter().map(|(label, value)| (label.to_string(), value.to_string())).collect()
}

/// Who has some layers.
pub(super) struct Reach<'r> {
    layers: Vec<LayerReach<'r>>,
}

/// Who has a layer, by its labels, of which each is a bit.
struct LayerReach<'r> {
    /// Which of them hold by each cluster type.
    types: BTreeMap<&'r Name, u64>,
    /// Which hold by each of those targets by which all of them can.
    targets: BTreeMap<&'r Name, u64>,
    /// All of them.
    wanted: u64,
}

impl<'r> Reach<'r> {
    /// Finds out who has the layers with these labels.
    pub(super) fn new(
        db: &'r Database,
        environment: EnvironmentInput,
        layers: &[LayerLabels],
    ) -> Self {
        let model = environment_model(db, environment);
        let reach = |labels: &LayerLabels| {
            // What either side has not, the other one must have.
            let own = |it: &'r ClusterType| bits(labels, cluster_side(it));
            let of_target = |it: &'r Target| bits(labels, target_side(it));
            let types: BTreeMap<&Name, u64> =
                model.cluster_types.iter().map(|(name, it)| (name, own(it))).collect();
            let wanted = if labels.len() >= 64 { u64::MAX } else { (1 << labels.len()) - 1 };
            let any = types.values().fold(0, |any, it| any | it);
            let targets = model.targets.iter().map(|(name, it)| (name, of_target(it)));
            let targets = targets.filter(|(_, it)| any | it == wanted).collect();
            LayerReach { types, targets, wanted }
        };
        Self { layers: layers.iter().map(reach).collect() }
    }

    /// Adds the positions of those of a cluster type's assignments, which are `group` of `all`, that have any of the layers.
    pub(super) fn find(&self, all: &[Assignment], group: Range<usize>, found: &mut Vec<usize>) {
        let cluster_type = &all[group.start].cluster_type;
        for LayerReach { types, targets, wanted } in &self.layers {
            let own = types.get(cluster_type).copied().unwrap_or(0);
            for (target, bits) in targets {
                if own | bits == *wanted
                    && let Ok(index) =
                        all[group.clone()].binary_search_by(|it| it.target.cmp(target))
                {
                    found.push(group.start + index);
                }
            }
        }
    }
}

/// Returns which labels of a layer hold by one side, one bit for each. Those beyond the sixty-fourth share its bit: too many may be found then,
/// and never too few.
fn bits(labels: &LayerLabels, side: Side<'_>) -> u64 {
    let mut bits = 0;
    let special = SpecialLabels::KALYPSO;
    for (index, (label, value)) in labels.iter().enumerate() {
        if special.holds_by(label, value, side) {
            bits |= 1 << index.min(63);
        }
    }
    bits
}

/// Returns the positions of the assignments on each cluster type.
pub(super) fn groups(all: &[Assignment]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    all.chunk_by(|a, b| a.cluster_type == b.cluster_type).map(move |chunk| {
        let range = start..start + chunk.len();
        start = range.end;
        range
    })
}

/// Returns those of some positions, which are sorted, that are in `range`.
pub(super) fn part_of<'p>(positions: &'p [usize], range: &Range<usize>) -> &'p [usize] {
    let place = |it: usize| positions.partition_point(|position| *position < it);
    &positions[place(range.start)..place(range.end)]
}
