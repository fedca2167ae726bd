//! Amends what the record of a part says.

use std::collections::BTreeMap;

use wob_engine::{Blob, Digest, FilePath, FolderIds, Outline};
use wob_rules::{BuiltAssignment, KnownFile, Part, PartEntry, readme};

use crate::stored::Stored;

/// A part in which some assignments were built anew.
pub(super) struct AmendedPart {
    pub(super) folder: FilePath,
    /// What the head says of it.
    pub(super) entry: PartEntry,
    /// Its own record.
    pub(super) text: String,
    /// The files that change, with the digests of what they held.
    pub(super) changed: Vec<(FilePath, Blob, Digest)>,
}

/// Takes what was `built` into the part whose record is `text`; `None` if that is not the one that `entry` names, or if more
/// changes than the contents of files.
pub(super) fn amend_part(
    folder: FilePath,
    entry: &PartEntry,
    text: &[u8],
    built: &[&BuiltAssignment],
    stored: &Stored,
) -> Option<AmendedPart> {
    if Digest::of(text) != entry.record {
        return None;
    }
    let mut part = Part::parse(text).ok()?;
    let mut outline = Outline::default();
    let mut changed = vec![];
    let built: BTreeMap<&str, &BuiltAssignment> =
        built.iter().map(|it| (it.assignment.target.as_str(), *it)).collect();
    let mut files = 0;
    let mut path = String::new();
    for assignment in &mut part.assignments {
        let target = assignment.target.as_str();
        let ids = if let Some(it) = built.get(target) {
            assignment.inputs = it.inputs;
            files += it.files.iter().len();
            let mut own = Outline::default();
            for (name, blob) in it.files.iter() {
                own.add_file(FilePath::new(name).ok()?, blob);
                path.clear();
                path.extend([target, "/", name]);
                let recorded = part.files.get_mut(path.as_str())?;
                if *recorded != blob.digest() {
                    let full = FilePath::new(&format!("{folder}/{path}")).ok()?;
                    changed.push((full, blob.clone(), *recorded));
                    *recorded = blob.digest();
                }
            }
            own.ids()
        } else {
            let known = stored.recalled(&assignment.inputs?)?;
            files += known.len();
            known_ids(&known, target, &part.files)?
        };
        outline.add_folder(FilePath::new(target).ok()?, ids);
    }
    let (name, blob) = readme();
    if part.files.len() != files + 1 || part.files.get(name) != Some(&blob.digest()) {
        return None;
    }
    outline.add_file(FilePath::new(name).ok()?, &blob);
    let text = part.to_json();
    let entry = part.entry(outline.ids(), Digest::of(text.as_bytes()));
    Some(AmendedPart { folder, entry, text, changed })
}

/// Returns what the folder of a target is called that holds what is known; `None` if the record says something else.
fn known_ids(
    known: &[KnownFile],
    target: &str,
    recorded: &BTreeMap<String, Digest>,
) -> Option<FolderIds> {
    let mut own = Outline::default();
    for it in known {
        if recorded.get(format!("{target}/{}", it.name).as_str()) != Some(&it.digest) {
            return None;
        }
        own.add_known(FilePath::new(&it.name).ok()?, it.digest, it.git_id);
    }
    Some(own.ids())
}
