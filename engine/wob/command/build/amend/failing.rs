//! Writes the record of a part anew in which assignments fail, or did when it was written last. These have no inputs there, and keep the
//! files that they had when they were built last.

use std::collections::BTreeMap;

use wob_engine::{Blob, Digest, FilePath, FolderIds, GitObjectId, Outline, Tree};
use wob_rules::{Part, PartAssignment, PartEntry, readme};

use super::parts::{AmendedPart, Anew, Member, Piece, Record};
use crate::stored::KnownFolder;

/// A part with the same assignments as before, some of which fail or did.
pub(super) struct FailingPart<'p> {
    pub(super) folder: FilePath,
    /// What the head says of it.
    pub(super) entry: PartEntry,
    /// Its record.
    pub(super) text: Vec<u8>,
    /// What there is now, in order.
    pub(super) pieces: Vec<Piece<'p>>,
    /// The files of those that fail now, by their paths in the part's folder, if any other's may change.
    pub(super) kept: Tree,
}

impl FailingPart<'_> {
    /// Writes it anew; `None` if its record is not the one that the head names, if an assignment that did not fail has other inputs
    /// that no edit concerns, or if more changes than the contents of files.
    pub(super) fn write(self) -> Option<AmendedPart> {
        let Self { folder, entry, text, pieces, kept } = self;
        if Digest::of(&text) != entry.record {
            return None;
        }
        let Part { files, assignments, cluster_type, .. } = Part::parse(&text).ok()?;
        let mut part = Failing {
            folder: &folder,
            kept,
            files,
            counted: 0,
            rows: vec![],
            folders: vec![],
            changed: vec![],
        };
        let mut rows = assignments.into_iter();
        for it in pieces.iter().flat_map(|it| &it.0) {
            match it {
                Member::Known(it) => part.keep(rows.next()?, it)?,
                Member::Built(it) => part.take(rows.next()?, it)?,
            }
        }
        let Failing { folders, files, counted, rows: written, changed, .. } = part;
        let (name, blob) = readme();
        let is_whole = rows.next().is_none() && files.len() == counted + 1;
        if !is_whole || files.get(name) != Some(&blob.digest()) {
            return None;
        }
        // Who has the same files is called the same.
        let ids = if changed.is_empty() {
            FolderIds { root: entry.root, git_id: GitObjectId::parse(&entry.git_tree)? }
        } else {
            let mut outline = Outline::default();
            for (target, ids) in folders {
                outline.add_folder(target, ids?);
            }
            outline.add_file(FilePath::new(name).ok()?, &blob);
            outline.ids()
        };
        let (text, entry) = Part::write(&cluster_type, &files, &written, ids);
        let record = Some(Record { entry, text: Blob::new(text.into_bytes()) });
        Some(AmendedPart { folder, record, changed, deleted: vec![] })
    }
}

/// Lists the files of a target among those of its part, with their digests.
pub(super) fn files_of<'f>(
    files: &'f BTreeMap<String, Digest>,
    target: &str,
) -> impl Iterator<Item = (&'f str, Digest)> {
    // The character after the slash ends its folder.
    let range = files.range(format!("{target}/")..format!("{target}0"));
    range.map(|(path, digest)| (path.as_str(), *digest))
}

/// A part while its record is written anew.
struct Failing<'p> {
    folder: &'p FilePath,
    kept: Tree,
    files: BTreeMap<String, Digest>,
    /// How many of them the assignments have that were taken.
    counted: usize,
    rows: Vec<PartAssignment>,
    /// The folders of those that have files, with what each is called; none if that is not known.
    folders: Vec<(FilePath, Option<FolderIds>)>,
    changed: Vec<(FilePath, Blob, Option<Digest>)>,
}

impl Failing<'_> {
    /// Keeps an assignment that is as it was when nothing failed; `None` if its files are not.
    fn keep(&mut self, mut row: PartAssignment, known: &KnownFolder) -> Option<()> {
        let files = self.files_of(&row)?;
        let is_same = if row.failed {
            // Which of its outputs was its last good one, only they tell.
            files.is_empty() == (known.files == 0)
                && (files.is_empty() || Tree::root_of(&files) == known.ids.root)
        } else {
            row.inputs == Some(known.inputs) && files.len() == known.files
        };
        if !is_same {
            return None;
        }
        if known.files > 0 {
            self.folders.push((FilePath::new(row.target.as_str()).ok()?, Some(known.ids)));
        }
        row.inputs = Some(known.inputs);
        row.failed = false;
        self.add(row);
        Some(())
    }

    /// Takes what was built, or failed.
    fn take(&mut self, mut row: PartAssignment, anew: &Anew<'_>) -> Option<()> {
        let Anew { built, is_concerned } = anew;
        if row.target != built.assignment.target || row.policies != built.assignment.policies {
            return None;
        }
        if built.failed {
            row.inputs = built.inputs;
            return self.fail(row);
        }
        let inputs = Some(built.inputs?);
        if row.inputs != inputs && !row.failed && !is_concerned {
            return None;
        }
        let mut old: BTreeMap<String, Digest> = files_of(&self.files, row.target.as_str())
            .map(|(path, it)| (path.to_owned(), it))
            .collect();
        for (name, blob) in built.files.iter() {
            let path = format!("{}/{name}", row.target);
            // Other files of an assignment are looked at with everything.
            let recorded = old.remove(&path)?;
            if recorded != blob.digest() {
                let full = FilePath::new(&format!("{}/{path}", self.folder)).ok()?;
                self.changed.push((full, blob.clone(), Some(recorded)));
                self.files.insert(path, blob.digest());
            }
        }
        if !old.is_empty() {
            return None;
        }
        if !built.files.is_empty() {
            let target = FilePath::new(row.target.as_str()).ok()?;
            self.folders.push((target, Some(built.files.folder().ids())));
        }
        row.inputs = inputs;
        row.failed = false;
        self.add(row);
        Some(())
    }

    /// Takes an assignment that failed; `None` if its files are not those that are recorded.
    fn fail(&mut self, mut row: PartAssignment) -> Option<()> {
        let files = self.files_of(&row)?;
        if !files.is_empty() {
            let target = FilePath::new(row.target.as_str()).ok()?;
            let kept = self.kept.folder_at(target.as_str()).map(|it| it.ids());
            // Somebody may have edited them.
            let ids = kept.filter(|it| it.root == Tree::root_of(&files));
            self.folders.push((target, ids));
        }
        row.failed = true;
        self.add(row);
        Some(())
    }

    /// Returns the files that are recorded of an assignment, by their paths in its folder.
    fn files_of(&self, row: &PartAssignment) -> Option<BTreeMap<FilePath, Digest>> {
        let below = row.target.as_str().len() + 1;
        let files = files_of(&self.files, row.target.as_str());
        files.map(|(path, it)| Some((FilePath::new(&path[below..]).ok()?, it))).collect()
    }

    fn add(&mut self, row: PartAssignment) {
        self.counted += files_of(&self.files, row.target.as_str()).count();
        self.rows.push(row);
    }
}
