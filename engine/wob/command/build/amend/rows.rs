//! Writes the record of a part anew in which assignments come, go, or are made by other policies: from what the old one says of those
//! that stay, and from what was built.

use std::collections::{BTreeMap, BTreeSet};

use wob_engine::{Blob, Digest, FilePath, Outline};
use wob_rules::{Assignment, Name, Part, PartAssignment, PartEntry, readme};

use super::parts::{AmendedPart, Anew, Member, Piece, Record};
use crate::stored::KnownFolder;

/// A part of which the assignments are other ones than before.
pub(super) struct Renewed<'r> {
    /// The cluster type.
    pub(super) name: &'r str,
    pub(super) folder: FilePath,
    /// What the head says of it, and its record; none if it was not there before.
    pub(super) before: Option<(PartEntry, Vec<u8>)>,
    /// The targets that it has no more.
    pub(super) gone: &'r BTreeSet<String>,
    /// What there is now, subtree by subtree.
    pub(super) pieces: Vec<(&'r [Assignment], Piece<'r>)>,
}

impl Renewed<'_> {
    /// Writes it anew; `None` if its record is not the one that the head names, or not as was noted, if an existing assignment has
    /// other names of files, or other inputs that no edit concerns.
    pub(super) fn write(self) -> Option<AmendedPart> {
        let is_new = self.before.is_none();
        let mut renewing = Renewing::of(self.folder, self.before)?;
        for (assignments, piece) in &self.pieces {
            if piece.0.len() != assignments.len() {
                return None;
            }
            for (assignment, member) in assignments.iter().zip(&piece.0) {
                match member {
                    Member::Known(it) => renewing.keep(assignment, it)?,
                    Member::Built(it) => renewing.take(it)?,
                }
            }
        }
        let (name, blob) = readme();
        match renewing.readme {
            Some(digest) if digest == blob.digest() => {}
            None if is_new => {
                renewing.changed.push((path(&renewing.folder, name)?, blob.clone(), None));
            }
            Some(_) | None => return None,
        }
        renewing.files.insert(name.to_owned(), blob.digest());
        renewing.outline.add_file(FilePath::new(name).ok()?, &blob);
        renewing.leave(self.gone)?;
        let Renewing { folder, files, rows, outline, changed, deleted, .. } = renewing;
        let (text, entry) = Part::write(self.name, &files, &rows, outline.ids());
        Some(AmendedPart {
            folder,
            record: Some(Record { entry, text: Blob::new(text.into_bytes()) }),
            changed,
            deleted,
        })
    }
}

/// Takes a part away that was in `folder`, and had these targets, which are `gone`, and this record; `None` if that is not the one
/// that the head names.
pub(super) fn remove_part(
    folder: FilePath,
    before: (PartEntry, Vec<u8>),
    gone: &BTreeSet<String>,
) -> Option<AmendedPart> {
    let mut all = Renewing::of(folder, Some(before))?;
    let (name, _) = readme();
    all.deleted.push((path(&all.folder, name)?, all.readme?));
    all.leave(gone)?;
    let Renewing { folder, changed, deleted, .. } = all;
    Some(AmendedPart { folder, record: None, changed, deleted })
}

/// What the old record says of an assignment, with the digests of its files by their paths in the part's folder.
type Row = (PartAssignment, BTreeMap<String, Digest>);

/// A part while its record is written anew.
struct Renewing {
    folder: FilePath,
    /// What of the old record was not taken yet.
    before: BTreeMap<Name, Row>,
    readme: Option<Digest>,
    rows: Vec<PartAssignment>,
    files: BTreeMap<String, Digest>,
    outline: Outline,
    changed: Vec<(FilePath, Blob, Option<Digest>)>,
    deleted: Vec<(FilePath, Digest)>,
}

impl Renewing {
    fn of(folder: FilePath, before: Option<(PartEntry, Vec<u8>)>) -> Option<Self> {
        let mut renewing = Self {
            folder,
            before: BTreeMap::new(),
            readme: None,
            rows: vec![],
            files: BTreeMap::new(),
            outline: Outline::default(),
            changed: vec![],
            deleted: vec![],
        };
        let Some((entry, text)) = before else { return Some(renewing) };
        if Digest::of(&text) != entry.record {
            return None;
        }
        let part = Part::parse(&text).ok()?;
        let row = |it: PartAssignment| (it.target.clone(), (it, BTreeMap::new()));
        renewing.before = part.assignments.into_iter().map(row).collect();
        for (path, digest) in part.files {
            match path.split_once('/') {
                Some((target, _)) => {
                    let files = &mut renewing.before.get_mut(target)?.1;
                    files.insert(path, digest);
                }
                None if path == readme().0 => renewing.readme = Some(digest),
                None => return None,
            }
        }
        Some(renewing)
    }

    /// Keeps an assignment; `None` if it is not the one that is known.
    fn keep(&mut self, assignment: &Assignment, known: &KnownFolder) -> Option<()> {
        let (row, files) = self.before.remove(&assignment.target)?;
        let is_same = row.inputs == Some(known.inputs)
            && row.policies == assignment.policies
            && files.len() == known.files;
        if !is_same {
            return None;
        }
        if known.files > 0 {
            let target = FilePath::new(assignment.target.as_str()).ok()?;
            self.outline.add_folder(target, known.ids);
        }
        self.files.extend(files);
        self.rows.push(row);
        Some(())
    }

    /// Takes what was built.
    fn take(&mut self, anew: &Anew<'_>) -> Option<()> {
        let Anew { built, is_concerned } = anew;
        let Assignment { target, policies, .. } = &built.assignment;
        let before = self.before.remove(target);
        let is_same = before
            .as_ref()
            .is_some_and(|(row, _)| row.inputs == built.inputs && row.policies == *policies);
        if !is_same && !is_concerned {
            return None;
        }
        let is_new = before.is_none();
        let mut old = before.map(|it| it.1).unwrap_or_default();
        for (name, blob) in built.files.iter() {
            let short = format!("{target}/{name}");
            let recorded = old.remove(&short);
            // Other files of an assignment that was there are looked at with everything.
            if recorded.is_none() != is_new {
                return None;
            }
            if recorded != Some(blob.digest()) {
                self.changed.push((path(&self.folder, &short)?, blob.clone(), recorded));
            }
            self.files.insert(short, blob.digest());
        }
        if !old.is_empty() {
            return None;
        }
        if !built.files.is_empty() {
            let target = FilePath::new(target.as_str()).ok()?;
            self.outline.add_folder(target, built.files.folder().ids());
        }
        self.rows.push(PartAssignment {
            target: target.clone(),
            policies: policies.clone(),
            inputs: Some(built.inputs?),
            failed: false,
        });
        Some(())
    }

    /// Lets those go that were not taken; `None` if these are not the targets that are `gone`.
    fn leave(&mut self, gone: &BTreeSet<String>) -> Option<()> {
        let before = std::mem::take(&mut self.before);
        if !before.keys().map(Name::as_str).eq(gone.iter().map(String::as_str)) {
            return None;
        }
        for (short, digest) in before.into_values().flat_map(|it| it.1) {
            self.deleted.push((path(&self.folder, &short)?, digest));
        }
        Some(())
    }
}

fn path(folder: &FilePath, below: &str) -> Option<FilePath> {
    FilePath::new(&format!("{folder}/{below}")).ok()
}
