//! What becomes of each part of a tree that is amended, and from which pieces.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use rayon::prelude::*;
use wob_engine::{Blob, Digest, FilePath, Tree, part_path};
use wob_host::OutputError;
use wob_rules::{Assignment, BuiltAssignment, Part, PartEntry, part_folder};

use super::{
    Candidate,
    failing::{FailingPart, files_of},
    parts::{AmendedPart, Anew, Member, Piece, amend_part},
    rows::{Renewed, remove_part},
};
use crate::{
    session::Session,
    stored::{self, KnownFolder, Stored},
};

/// A piece of a part, with the positions of its assignments, if everything was read.
type Placed<'b> = (Option<Range<usize>>, Piece<'b>);

/// The folder of a part, what the head says of it, and the text of its record; none if there is none.
type RecordedPart = (FilePath, PartEntry, Option<Vec<u8>>);

/// A part that changes.
enum Work<'w> {
    /// Other inputs and contents of files.
    Amend(FilePath, PartEntry, Vec<u8>, Vec<Piece<'w>>),
    /// The same, where an assignment fails, or did.
    Fail(FailingPart<'w>),
    /// Other assignments, or made by other policies.
    Renew(Renewed<'w>),
    Remove(FilePath, PartEntry, Vec<u8>, &'w BTreeSet<String>),
}

impl Work<'_> {
    fn run(self) -> Option<AmendedPart> {
        match self {
            Self::Amend(folder, entry, text, pieces) => amend_part(folder, &entry, text, &pieces),
            Self::Fail(it) => it.write(),
            Self::Renew(it) => it.write(),
            Self::Remove(folder, entry, text, gone) => remove_part(folder, (entry, text), gone),
        }
    }
}

/// What lies around the assignments that are built.
pub(super) struct Around {
    /// What the store has of the other subtrees of the same parts, in order.
    known: Vec<Vec<KnownFolder>>,
    /// The parts, in the order of their cluster types; none where there was no part.
    recorded: Vec<Option<RecordedPart>>,
}

impl Candidate<'_> {
    /// Fetches what lies around `some` assignments; it can be done while they are built. `None` if the store does not have it.
    pub(super) fn around(
        &self,
        stored: &Stored,
        some: &[Assignment],
        pool: &rayon::ThreadPool,
    ) -> Result<Option<Around>, OutputError> {
        let names = self.names(some.iter());
        let built = &self.division.built;
        let is_built = |at: usize| built.binary_search_by_key(&at, |it| it.position).is_ok();
        let slots = self.division.all.iter().enumerate();
        let others = slots.filter(|(at, it)| names.contains(it.on.as_str()) && !is_built(*at));
        let others: Option<Vec<Digest>> = others.map(|(_, it)| Some(it.before?.digest)).collect();
        let known = others.and_then(|it| pool.install(|| stored.folders(&it)));
        let Some(known) = known else { return Ok(None) };
        let mut folders = vec![];
        for name in names {
            let is = |it: &(&String, &PartEntry)| it.0.rsplit('/').next() == Some(name);
            let found = self.head.parts.iter().find(is);
            folders
                .push(found.and_then(|(it, entry)| Some((FilePath::new(it).ok()?, entry.clone()))));
        }
        let records: Vec<FilePath> = folders.iter().flatten().map(|it| part_path(&it.0)).collect();
        let mut texts = pool.install(|| self.destination.read_all(&records))?.into_iter();
        // Whatever has a folder has been read.
        let mut read = |(folder, entry)| (folder, entry, texts.next().flatten());
        let recorded = folders.into_iter().map(|it| it.map(&mut read)).collect();
        Ok(Some(Around { known, recorded }))
    }

    /// Returns the cluster types on which `some` assignments are built, others come or go, or failed.
    fn names<'n>(&'n self, some: impl Iterator<Item = &'n Assignment>) -> BTreeSet<&'n str> {
        let on = some.map(|it| it.cluster_type.as_str());
        let reassigned = self.edit.reassigned.iter().flat_map(|it| it.on.keys());
        on.chain(reassigned.chain(self.failed_on()).map(String::as_str)).collect()
    }

    /// Finds out what becomes of the parts in which something was `built`, came or went, `around` which this lies; `None` if that is
    /// doubtful.
    pub(super) fn parts(
        &self,
        session: &Session<'_>,
        (all, built, around): (&[Assignment], &[BuiltAssignment], Around),
        pool: &rayon::ThreadPool,
    ) -> Result<Option<Vec<AmendedPart>>, OutputError> {
        let Some(pieces) = self.pieces(built, around.known) else { return Ok(None) };
        let mut work = vec![];
        for ((name, pieces), before) in pieces.into_iter().zip(around.recorded) {
            let Some(it) = self.work(session, all, (name, pieces, before))? else {
                return Ok(None);
            };
            work.push(it);
        }
        Ok(pool.install(|| work.into_par_iter().map(Work::run).collect()))
    }

    /// Returns what is known of each subtree of those cluster types of which something was `built`, came or went, in order; `known` is
    /// what the store has of those that were not built.
    fn pieces<'b>(
        &'b self,
        built: &'b [BuiltAssignment],
        known: Vec<Vec<KnownFolder>>,
    ) -> Option<BTreeMap<&'b str, Vec<Placed<'b>>>> {
        let mut anew: BTreeMap<usize, Piece<'b>> = BTreeMap::new();
        for (position, members) in self.division.members(built) {
            anew.insert(position, self.piece(members)?);
        }
        let names = self.names(built.iter().map(|it| &it.assignment));
        let mut pieces: BTreeMap<&str, Vec<Placed<'b>>> =
            names.into_iter().map(|it| (it, vec![])).collect();
        let mut known = known.into_iter();
        for (position, slot) in self.division.all.iter().enumerate() {
            if !pieces.contains_key(slot.on.as_str()) {
                continue;
            }
            let piece = match anew.remove(&position) {
                Some(anew) => anew,
                None => Piece(known.next()?.into_iter().map(Member::Known).collect()),
            };
            let of = pieces.get_mut(slot.on.as_str())?;
            of.push((slot.assignments.clone(), piece));
        }
        Some(pieces)
    }

    /// Takes the assignments of a subtree in which some were built, with their positions; `None` if what is known of one is no sense.
    fn piece<'b>(&self, members: Vec<(usize, stored::Member<'b>)>) -> Option<Piece<'b>> {
        let mut folders: Option<Vec<KnownFolder>> = None;
        let mut piece = vec![];
        for (index, member) in members {
            piece.push(match member {
                stored::Member::Built(built) => {
                    let is_concerned = self.edit.concerned.binary_search(&index).is_ok();
                    Member::Built(Anew { built, is_concerned })
                }
                stored::Member::Earlier(earlier, index) => {
                    // All that are not built are of one.
                    let known = match &folders {
                        Some(known) => known,
                        None => folders.insert(earlier.folders()?),
                    };
                    Member::Known(*known.get(index)?)
                }
            });
        }
        Some(Piece(piece))
    }

    /// Lists the cluster types on which assignments failed, or of which the tree may not be what it was when all could be read.
    fn failed_on(&self) -> impl Iterator<Item = &String> {
        let failing = self.ledger.failing.positions().filter_map(|it| self.past.get(it));
        self.ledger.damaged.iter().flat_map(|it| &it.on).chain(failing.map(|it| &it.0))
    }

    /// Finds out what becomes of the part of the cluster type `name`, which has these `pieces` now, and of which this is recorded `before`;
    /// `None` if there is no such record.
    fn work<'w>(
        &'w self,
        session: &Session<'_>,
        all: &'w [Assignment],
        (name, pieces, before): (&'w str, Vec<Placed<'w>>, Option<RecordedPart>),
    ) -> Result<Option<Work<'w>>, OutputError> {
        let reassigned = self.edit.reassigned.as_ref();
        let gone = reassigned.and_then(|it| it.on.get(name));
        if let Some(gone) = gone
            && reassigned.is_some_and(|it| it.new.contains(name))
        {
            let folder = part_folder(&session.loaded.db, self.input, name);
            let folder = folder.filter(|it| !self.head.parts.contains_key(it.as_str()));
            return Ok(folder.and_then(|it| renew(name, it, None, (gone, all, pieces))));
        }
        let Some((folder, entry, Some(text))) = before else { return Ok(None) };
        let Some(gone) = gone else {
            let pieces: Vec<Piece<'_>> = pieces.into_iter().map(|it| it.1).collect();
            let has_failed = self.failed_on().any(|it| it == name);
            if !has_failed && !pieces.iter().any(Piece::has_failed) {
                return Ok(Some(Work::Amend(folder, entry, text, pieces)));
            }
            let kept = self.kept_files((&folder, &text), &pieces)?;
            return Ok(
                kept.map(|kept| Work::Fail(FailingPart { folder, entry, text, pieces, kept }))
            );
        };
        if reassigned.is_some_and(|it| it.gone.contains(name)) {
            return Ok(Some(Work::Remove(folder, entry, text, gone)));
        }
        Ok(renew(name, folder, Some((entry, text)), (gone, all, pieces)))
    }

    /// Reads the files that those have which fail now, of the part in `folder` with the record `text`; `None` if one is not there. They lie
    /// in the tree that is returned as in the folder.
    fn kept_files(
        &self,
        (folder, text): (&FilePath, &[u8]),
        pieces: &[Piece<'_>],
    ) -> Result<Option<Tree>, OutputError> {
        let mut kept = Tree::default();
        let failed: Vec<&str> = pieces.iter().flat_map(Piece::failed).collect();
        // Where no file changes, a folder is called as it was.
        if failed.is_empty() || !pieces.iter().any(Piece::may_change) {
            return Ok(Some(kept));
        }
        let Ok(part) = Part::parse(text) else { return Ok(None) };
        let files = failed.into_iter().flat_map(|it| files_of(&part.files, it));
        for (path, _) in files {
            let full = FilePath::new(&format!("{folder}/{path}"));
            let (Ok(path), Ok(full)) = (FilePath::new(path), full) else { return Ok(None) };
            let Some(bytes) = self.destination.read(&full)? else { return Ok(None) };
            kept.insert(&path, Blob::new(bytes));
        }
        Ok(Some(kept))
    }
}

fn renew<'w>(
    name: &'w str,
    folder: FilePath,
    before: Option<(PartEntry, Vec<u8>)>,
    (gone, all, pieces): (&'w BTreeSet<String>, &'w [Assignment], Vec<Placed<'w>>),
) -> Option<Work<'w>> {
    let placed = |(range, piece): Placed<'w>| Some((&all[range?], piece));
    let pieces = pieces.into_iter().map(placed).collect::<Option<_>>()?;
    Some(Work::Renew(Renewed { name, folder, before, gone, pieces }))
}
