//! Compares what lies there with its record and with what its sources give.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wob_engine::{Blob, Digest, FilePath, RECORD_PATH, Tree, part_path};
use wob_host::{Held, HeldFile, OutputError};
use wob_rules::{Built, Record, RecordTexts};

use super::{Author, Difference, How, Proof, Verdict, rebuild::Rebuilt};
use crate::{recorded::Recording, report::count, text_diff::unified};

/// What lies there, by path.
pub(super) type Files = BTreeMap<String, HeldFile>;

/// Notes what differs from the record: that was done by hand. `made` gives what the sources do, where they can be had.
pub(super) fn judge_hands(
    proof: &mut Proof,
    record: &Record,
    files: &Files,
    is_meant: &dyn Fn(&str) -> bool,
) {
    for (path, digest) in record.files.iter().filter(|(path, _)| is_meant(path)) {
        proof.files += 1;
        let change = match files.get(path) {
            Some(HeldFile::Plain(found)) if found == digest => continue,
            Some(HeldFile::Plain(_) | HeldFile::Other) => How::Changed,
            None => How::Deleted,
        };
        proof.differs(path, Author::Hand, change);
    }
    let folders = own_folders(record);
    for path in files.keys().filter(|it| !record.files.contains_key(*it)) {
        if !above(path).any(|it| folders.contains(it)) {
            proof.others += 1;
        } else if is_meant(path) {
            proof.differs(path, Author::Hand, How::Added);
        }
    }
}

/// Returns the folders that hold files of wob, the root and wob's own `.github` apart: a cluster pulls what lies there, whoever
/// wrote it.
fn own_folders(record: &Record) -> BTreeSet<&str> {
    let pulled = record.files.keys().filter(|it| !it.starts_with(".github/"));
    pulled.filter_map(|it| it.rsplit_once('/')).map(|(folder, _)| folder).collect()
}

/// Returns the folders above a path.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// What is compared when a tree was built again.
pub(super) struct Judge<'j> {
    pub(super) record: &'j Record,
    pub(super) texts: &'j RecordTexts,
    pub(super) files: &'j Files,
    pub(super) held: &'j Held,
    pub(super) before: Option<&'j Held>,
    pub(super) rebuilt: &'j Rebuilt<'j>,
}

impl Judge<'_> {
    /// Notes what differs from what the sources give, and what no source of this tree gives; returns what they give.
    pub(super) fn judge(&self, proof: &mut Proof) -> Result<Tree, OutputError> {
        let tree = self.tree(proof)?;
        let fresh = self.fresh(&tree);
        for (path, _) in self.record.files.iter().filter(|(path, _)| self.is_meant(path)) {
            let change = match FilePath::new(path).ok().and_then(|it| tree.get(&it)) {
                Some(it) if Some(&it.digest()) == self.record.files.get(path) => continue,
                Some(_) => How::Changed,
                None => How::Added,
            };
            proof.differs(path, Author::Wob, change);
        }
        for (path, _) in tree.files().filter(|(path, _)| self.is_meant(path.as_str())) {
            if !self.record.files.contains_key(path.as_str()) {
                proof.differs(path.as_str(), Author::Wob, How::Deleted);
            }
        }
        if self.is_whole() {
            self.judge_record(proof, &fresh);
        }
        self.add_diffs(proof, &fresh)?;
        if !self.rebuilt.knows_settings && proof.verdict == Verdict::NotReproducible {
            proof.verdict = Verdict::NotCheckable;
            proof.reasons.push(
                "the record does not say which settings held; with those of today, the sources give something else"
                    .to_owned(),
            );
        }
        Ok(tree)
    }

    fn built(&self) -> &Built {
        &self.rebuilt.target.built
    }

    /// Says whether everything is compared.
    fn is_whole(&self) -> bool {
        self.rebuilt.target.selected == crate::selection::Selected::Whole
    }

    /// Says whether the file at `path` is compared.
    pub(super) fn is_meant(&self, path: &str) -> bool {
        let Ok(path) = FilePath::new(path) else { return self.is_whole() };
        let Some((cluster_type, target)) = self.built().assignment_of(&path) else {
            return self.is_whole();
        };
        let is_it = |it: &wob_rules::BuiltAssignment| {
            it.assignment.cluster_type.as_str() == cluster_type
                && it.assignment.target.as_str() == target
        };
        match self.built().assignments.iter().position(is_it) {
            Some(index) => self.rebuilt.target.selected.has(index),
            None => self.is_whole(),
        }
    }

    /// Returns the tree that the sources give, with what the record says was kept from an earlier build.
    fn tree(&self, proof: &mut Proof) -> Result<Tree, OutputError> {
        let unbuilt: BTreeSet<(&str, &str)> = self
            .record
            .assignments
            .iter()
            .filter(|it| it.failed || it.inputs.is_none())
            .map(|it| (it.cluster_type.as_str(), it.target.as_str()))
            .collect();
        let built = self.built();
        let is_unbuilt =
            |path: &FilePath| built.assignment_of(path).is_some_and(|it| unbuilt.contains(&it));
        let mut tree: Tree = built
            .tree
            .files()
            .filter(|(path, _)| !is_unbuilt(path))
            .map(|(path, blob)| (path.clone(), blob.clone()))
            .collect();
        let mut unproven = 0;
        for (path, digest) in &self.record.files {
            let Ok(path) = FilePath::new(path) else { continue };
            let is_kept = is_unbuilt(&path) || (built.unsure && built.keeps(&path));
            if !is_kept || tree.get(&path).is_some() {
                continue;
            }
            proof.kept += usize::from(self.is_meant(path.as_str()));
            let earlier = Self::kept(self.before, &path, *digest)?;
            unproven += usize::from(earlier.is_none() && self.is_meant(path.as_str()));
            let blob = earlier
                .map_or_else(|| Self::kept(Some(self.held), &path, *digest), |it| Ok(Some(it)))?;
            if let Some(blob) = blob {
                tree.insert(&path, blob);
            }
        }
        if unproven > 0 {
            let files = count(unproven, "file was", "files were");
            proof.because(
                Verdict::NotCheckable,
                format!(
                    "{files} kept from an earlier build, and what was there before does not show it"
                ),
            );
        }
        Ok(tree)
    }

    /// Reads the file at `path` where it is as the record has it.
    fn kept(
        held: Option<&Held>,
        path: &FilePath,
        digest: Digest,
    ) -> Result<Option<Blob>, OutputError> {
        let Some(held) = held else { return Ok(None) };
        Ok(held.read(path)?.map(Blob::new).filter(|it| it.digest() == digest))
    }

    /// Returns the record that wob would write.
    fn fresh(&self, tree: &Tree) -> Record<Tree> {
        let Rebuilt { session, target, .. } = self.rebuilt;
        let mut fresh = Recording::of(session, target).record(tree);
        // The same commits and trees were read, whatever they are called here.
        fresh.sources.clone_from(&self.record.sources);
        fresh.dirty = fresh.sources.iter().any(|it| it.dirty);
        fresh.wob.clone_from(&self.record.wob);
        let unbuilt: BTreeSet<_> = self
            .record
            .assignments
            .iter()
            .filter(|it| it.inputs.is_none())
            .map(|it| (&it.cluster_type, &it.target))
            .collect();
        for it in Arc::make_mut(&mut fresh.assignments) {
            if unbuilt.contains(&(&it.cluster_type, &it.target)) {
                it.inputs = None;
            }
        }
        fresh
    }

    fn judge_record(&self, proof: &mut Proof, fresh: &Record<Tree>) {
        let texts = fresh.texts();
        if texts == *self.texts {
            return;
        }
        let mut fields = differing_fields(&texts.head, &self.texts.head);
        if fields.is_empty() {
            // Nothing else says it; wob never writes it so.
            return proof.differs(RECORD_PATH, Author::Hand, How::Changed);
        }
        proof.differs(RECORD_PATH, Author::Wob, How::Changed);
        let folders: BTreeSet<&FilePath> =
            texts.parts.keys().chain(self.texts.parts.keys()).collect();
        for folder in folders {
            let change = match (texts.parts.get(folder), self.texts.parts.get(folder)) {
                (Some(wanted), Some(found)) if wanted == found => continue,
                (Some(wanted), Some(found)) => {
                    let [wanted, found] = [wanted, found].map(|it| it.bytes());
                    let text = |it| String::from_utf8_lossy(it);
                    fields.extend(differing_fields(&text(&wanted), &text(&found)));
                    How::Changed
                }
                // As seen by who has what is there.
                (Some(_), None) => How::Deleted,
                (None, _) => How::Added,
            };
            proof.differs(part_path(folder).as_str(), Author::Wob, change);
        }
        // That a part is another says its digest too.
        if fields.len() > 1 {
            fields.remove("parts");
        }
        let fields: Vec<String> = fields.iter().map(|it| format!("`{it}`")).collect();
        proof.reasons.push(format!("the record says something else in {}", fields.join(", ")));
    }

    /// Adds to each difference what it is, line by line.
    fn add_diffs(&self, proof: &mut Proof, fresh: &Record<Tree>) -> Result<(), OutputError> {
        for it in &mut proof.differences {
            let Ok(path) = FilePath::new(&it.path) else { continue };
            let (wanted, found) = if it.path == RECORD_PATH {
                let (wanted, found) = (fresh.texts().head, self.texts.head.clone());
                (Some(wanted.into_bytes()), Some(found.into_bytes()))
            } else if it.path.starts_with(".wob/") {
                let text = |texts: &RecordTexts| {
                    let mut parts = texts.parts.iter();
                    let part = parts.find(|(folder, _)| part_path(folder) == path);
                    part.map(|(_, text)| text.bytes().into_owned())
                };
                (text(&fresh.texts()), text(self.texts))
            } else {
                let wanted = fresh.files.get(&path).map(|it| it.bytes().into_owned());
                (wanted, self.held.read(&path)?)
            };
            // Of a file that cannot be read, there is nothing to show.
            if found.is_none() && self.files.contains_key(&it.path) {
                continue;
            }
            if let Some((diff, more)) =
                unified(&wanted.unwrap_or_default(), &found.unwrap_or_default())
            {
                it.diff = Some(diff);
                it.more_lines = more;
            }
        }
        Ok(())
    }
}

/// Names the fields of the record that are not what they should be.
fn differing_fields(wanted: &str, found: &str) -> BTreeSet<String> {
    let parse = |text: &str| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text);
    let wanted = parse(wanted).unwrap_or_default();
    let found = parse(found).unwrap_or_default();
    let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    names.into_iter().filter(|it| wanted.get(*it) != found.get(*it)).cloned().collect()
}

impl Proof {
    /// Notes a file that is not what it should be.
    fn differs(&mut self, path: &str, by: Author, change: How) {
        let verdict = match by {
            Author::Hand => Verdict::Edited,
            Author::Wob => Verdict::NotReproducible,
        };
        self.verdict = self.verdict.max(verdict);
        let path = path.to_owned();
        self.differences.push(Difference { path, by, change, diff: None, more_lines: 0 });
    }
}
