//! What an edit concerns by which config cannot be read any more: whoever has it keeps the last good output.

use std::collections::BTreeSet;

use wob_engine::{Database, FileName, Hasher, SourceFile};

use super::{
    Edit, Extent, FileFrame, Frame, bytes, concerned, having, is_whole, outline, reach::LayerLabels,
};
use crate::{
    Doubt, SpecialLabels, assignments,
    compose::is_dotted,
    decode::{BrokenLayer, Damage, Decoded, decode_file},
    environment_model,
    queries::{EnvironmentInput, scheduled},
    resource::Resource,
};

impl Frame {
    /// Returns what has changed of an environment, in which all could be read when this frame was taken, if that is values of
    /// config, and some config cannot be read; `None` if it is more.
    ///
    /// The frame of the edit is no ground for another edit: it differs from any that is.
    pub fn edit_of_damage(
        &self,
        db: &Database,
        environment: EnvironmentInput,
        settings: &str,
    ) -> Option<Edit> {
        if !self.has_ground(db, environment, settings) {
            return None;
        }
        let known = |file: SourceFile, before: &FileFrame| {
            let decoded = decode_file(db, file);
            let is_known = if is_whole(decoded) {
                before.outline.is_some() && outline(db, file) == before.outline
            } else {
                before.holders.is_some() && has_same_holders(decoded, before)
            };
            let bytes = bytes(db, file);
            is_known.then_some(FileFrame { bytes, outline: None, holders: None })
        };
        let (mut frame, files) = self.edited(db, environment, known)?;
        frame.shape = super::shape([&frame.rest, &frame.workloads], &frame.files);
        let (extent, concerned) = concern(db, environment, &files)?;
        Some(Edit { frame, files, concerned, reassigned: None, extent, objects: None })
    }
}

/// Says whether what can be read of a file, and what cannot, is of those that had it before. Where that cannot be told, nothing can be
/// built.
fn has_same_holders(decoded: &Decoded, before: &FileFrame) -> bool {
    let is_config = decoded.resources.iter().all(|it| matches!(it, Resource::ConfigMap(_)));
    let is_doubt = is_config && decoded.damage.iter().all(|it| *it == Damage::Config);
    is_doubt && !decoded.damage.is_empty() || holders(decoded) == before.holders
}

/// Returns the digest of the names and labels of the config that a file says, whether it can be read or not; `None` if the file says
/// anything else, or nobody knows who has it.
pub(super) fn holders(decoded: &Decoded) -> Option<[u8; 32]> {
    let mut holders = vec![];
    for it in &decoded.resources {
        let Resource::ConfigMap(map) = it else { return None };
        holders.push((&map.name, &map.labels));
    }
    for it in &decoded.damage {
        let Damage::Layer(layer) = it else { return None };
        holders.push((&layer.name, &layer.labels));
    }
    // Keys of these say who has them.
    if holders.is_empty() || holders.iter().any(|(name, _)| is_dotted(name)) {
        return None;
    }
    holders.sort_unstable();
    let mut hasher = Hasher::new("wob 2026-11 holders of config");
    hasher.add(format!("{holders:?}").as_bytes());
    Some(*hasher.finish().as_bytes())
}

/// Returns how much it is that some `files` say other values, or say what cannot be read, and whom it concerns.
fn concern(
    db: &Database,
    environment: EnvironmentInput,
    files: &BTreeSet<FileName>,
) -> Option<(Extent, Vec<usize>)> {
    let damage = &environment_model(db, environment).damage;
    if scheduled(db, environment).doubt != Doubt::Nothing || !damage.templates.is_empty() {
        return None;
    }
    match damage.doubt {
        Doubt::Nothing => {
            let labels = |it: &BrokenLayer| -> LayerLabels {
                let counted = it.labels.iter().filter(|it| SpecialLabels::KALYPSO.counts(it.0));
                counted.map(|(label, value)| (label.clone(), value.clone())).collect()
            };
            let broken: Vec<LayerLabels> = damage.layers.iter().map(labels).collect();
            let mut found = concerned(db, environment, files)?;
            found.extend(having(db, environment, &broken));
            found.sort_unstable();
            found.dedup();
            Some((Extent::Damage, found))
        }
        // Nothing but config cannot be read, so that the place of the tree is in doubt only where nobody ever said it.
        Doubt::Config | Doubt::Destination => {
            Some((Extent::Doubt, (0..assignments(db, environment).len()).collect()))
        }
        Doubt::Scheduling => None,
    }
}
