//! Amends what the record of a part says.

use wob_engine::{Blob, Digest, FilePath, FolderIds, Outline};
use wob_rules::{BuiltAssignment, PartEntry, PartText, readme};

use crate::stored::KnownFolder;

/// A part in which some assignments were built anew, came or went.
pub(super) struct AmendedPart {
    pub(super) folder: FilePath,
    /// None if it is no part any more.
    pub(super) record: Option<Record>,
    /// The files that change, with the digests of what they held, and those that come.
    pub(super) changed: Vec<(FilePath, Blob, Option<Digest>)>,
    /// The files that go, with the digests of what they held.
    pub(super) deleted: Vec<(FilePath, Digest)>,
}

/// What is recorded of a part.
pub(super) struct Record {
    /// What the head says of it.
    pub(super) entry: PartEntry,
    /// Its own record.
    pub(super) text: Blob,
}

/// An assignment that was built anew.
pub(super) struct Anew<'b> {
    pub(super) built: &'b BuiltAssignment,
    /// Whether an edit may have given it other inputs.
    pub(super) is_concerned: bool,
}

/// An assignment of a part.
pub(super) enum Member<'b> {
    Known(KnownFolder),
    Built(Anew<'b>),
}

/// The assignments of a subtree, in order.
pub(super) struct Piece<'b>(pub(super) Vec<Member<'b>>);

impl Piece<'_> {
    /// Lists what was built.
    fn built(&self) -> impl Iterator<Item = &Anew<'_>> {
        self.0.iter().filter_map(|it| match it {
            Member::Known(_) => None,
            Member::Built(it) => Some(it),
        })
    }

    /// Lists the targets of which nothing could be built.
    pub(super) fn failed(&self) -> impl Iterator<Item = &str> {
        let failed = self.built().filter(|it| it.built.failed);
        failed.map(|it| it.built.assignment.target.as_str())
    }

    /// Says whether there are any.
    pub(super) fn has_failed(&self) -> bool {
        self.failed().next().is_some()
    }

    /// Says whether any may have other files than before.
    pub(super) fn may_change(&self) -> bool {
        self.built().any(|it| it.is_concerned && !it.built.failed)
    }

    /// Lists how many files each assignment has, and what their folder is called.
    fn folders(&self) -> impl Iterator<Item = (usize, FolderIds)> {
        self.0.iter().map(|it| match it {
            Member::Known(it) => (it.files, it.ids),
            Member::Built(it) => (it.built.files.len(), it.built.files.folder().ids()),
        })
    }
}

/// Takes what was built into the part in `folder`, whose record is `text` and which has these `pieces`; `None` if that is not the
/// record that `entry` names, if more changes than the contents of files, or if an assignment has other inputs that no edit
/// concerns.
pub(super) fn amend_part(
    folder: FilePath,
    entry: &PartEntry,
    text: Vec<u8>,
    pieces: &[Piece<'_>],
) -> Option<AmendedPart> {
    if Digest::of(&text) != entry.record {
        return None;
    }
    let text = PartText::new(text)?;
    let mut part = Amending { targets: targets(&text)?, text, changed: vec![], files: 0 };
    let mut index = 0;
    for it in pieces.iter().flat_map(|it| &it.0) {
        match it {
            Member::Known(it) => part.keep(index, it)?,
            Member::Built(it) => part.take(index, it, &folder)?,
        }
        index += 1;
    }
    let Amending { targets, text, changed, files } = part;
    let (name, blob) = readme();
    let is_whole = index == targets.len() && text.files() == files + 1;
    if !is_whole || text.file(name) != Some(blob.digest()) {
        return None;
    }
    let text = Blob::new(text.into_text());
    let mut amended = PartEntry { record: text.digest(), ..entry.clone() };
    // Who has the same files is called the same.
    if !changed.is_empty() {
        let mut outline = outline(targets, pieces);
        outline.add_file(FilePath::new(name).ok()?, &blob);
        let ids = outline.ids();
        (amended.root, amended.git_tree) = (ids.root, ids.git_id.to_string());
    }
    let record = Some(Record { entry: amended, text });
    Some(AmendedPart { folder, record, changed, deleted: vec![] })
}

fn targets(text: &PartText) -> Option<Vec<FilePath>> {
    let path = |it: &[u8]| FilePath::new(std::str::from_utf8(it).ok()?).ok();
    text.targets().map(path).collect()
}

/// Returns the tree of the folders of these `targets`, of which these `pieces` tell in the same order.
fn outline(targets: Vec<FilePath>, pieces: &[Piece<'_>]) -> Outline {
    let mut outline = Outline::default();
    let folders = pieces.iter().flat_map(Piece::folders);
    for (target, (files, ids)) in targets.into_iter().zip(folders) {
        if files > 0 {
            outline.add_folder(target, ids);
        }
    }
    outline
}

/// A part while it is amended.
struct Amending {
    targets: Vec<FilePath>,
    text: PartText,
    changed: Vec<(FilePath, Blob, Option<Digest>)>,
    files: usize,
}

impl Amending {
    /// Keeps the assignment at `index`; `None` if it is not the one that is known.
    fn keep(&mut self, index: usize, known: &KnownFolder) -> Option<()> {
        if !self.text.has_inputs(index, &known.inputs) {
            return None;
        }
        self.files += known.files;
        Some(())
    }

    /// Takes what was built of the assignment at `index` of the part in `folder`.
    fn take(&mut self, index: usize, anew: &Anew<'_>, folder: &FilePath) -> Option<()> {
        let Anew { built, is_concerned } = anew;
        let target = self.targets.get(index)?;
        let inputs = built.inputs?;
        if built.assignment.target.as_str() != target.as_str() {
            return None;
        }
        if !self.text.has_inputs(index, &inputs) {
            if !is_concerned {
                return None;
            }
            self.text.set_inputs(index, &inputs)?;
        }
        for (name, blob) in built.files.iter() {
            let path = format!("{target}/{name}");
            if !self.text.has_file(&path, &blob.digest())? {
                let recorded = self.text.file(&path)?;
                let full = FilePath::new(&format!("{folder}/{path}")).ok()?;
                self.changed.push((full, blob.clone(), Some(recorded)));
                self.text.set_file(&path, &blob.digest())?;
            }
            self.files += 1;
        }
        Some(())
    }
}
