//! What the last build of an environment into one place read, file by file, and what each part of the tree was made from, so
//! that the next build need read only a part of the sources.
//!
//! They are notes in the user's cache, like the last build's. Without them, everything is read.
//!
//! **Invariant:** who reads a part builds only what that part says, as it would if everything was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::{Content, Digest, FileName, SourceFile};
use wob_host::{NoteMark, PastFile, Since, Unneeded, read_marked_note, read_note, write_note};
use wob_rules::{EnvironmentInput, Reads, reads};

use crate::{
    footprint::PlaceNotes,
    ledger::Ledger,
    prior::Prior,
    report::{Report, Texts as _},
    session::Session,
    workspace::Loaded,
};

/// What makes notes of this shape, and of these rules: other ones may read more of the same sources.
const PURPOSE: &str = concat!("reads 4 of ", env!("WOB_RULES_DIGEST"));
const REACH_PURPOSE: &str = concat!("reach 2 of ", env!("WOB_RULES_DIGEST"));
const PLACES_PURPOSE: &str = "places 2";
/// If more files than these have changed, everything may as well be read.
const MOST_EDITED: usize = 64;

/// The files of folders that not everything needs, by where they really lie, and what they held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadsNote {
    files: Vec<(String, PastFile)>,
    /// The files that are always needed; where one of them holds something else, a part of the sources will not do. Nothing is known
    /// of one that is not what git has.
    always: Vec<(String, Option<PastFile>)>,
    /// The digest of the [`Reach`] that it is of.
    reach: [u8; 32],
    /// The files that were spoken of: who speaks of them again needs their text.
    named: BTreeSet<String>,
    /// The subtrees that are built each time.
    failing: Vec<usize>,
}

/// Who needs which files. It stays as long as nothing but values changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reach {
    /// For each subtree the positions of the files that it needs.
    subtrees: Vec<Vec<u32>>,
}

/// The places that a command line wrote to: for each environment and place, the notes of which any may be about what lies there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlacesNote(Vec<Vec<PlaceNotes>>);

impl PlacesNote {
    /// Takes some places, each with its notes.
    pub(crate) fn new(places: Vec<Vec<PlaceNotes>>) -> Self {
        Self(places)
    }

    /// Notes the places of a command line at `path`.
    pub(crate) fn write(&self, path: &Utf8Path) {
        if let Ok(bytes) = postcard::to_stdvec(self) {
            // Without it the next run reads everything.
            write_note(path, PLACES_PURPOSE, &bytes).unwrap_or_default();
        }
    }

    /// Reads the note at `path`; `None` if there is none, or it is damaged.
    pub(crate) fn read(path: &Utf8Path) -> Option<Self> {
        postcard::from_bytes(&read_note(path, PLACES_PURPOSE)?).ok()
    }

    /// Looks at the files that were read, and finds out which need not be read again; `None` if all should be.
    pub(crate) fn narrow(&self) -> Option<Narrowed> {
        let mut looked = vec![];
        for place in &self.0 {
            let known = place.iter().filter_map(|it| Some((it.clone(), Looked::at(it)?)));
            let known: Vec<(PlaceNotes, Looked)> = known.collect();
            if known.is_empty() {
                return None;
            }
            looked.extend(known);
        }
        let needed: BTreeSet<&str> = looked.iter().flat_map(|(_, it)| it.needed()).collect();
        let mut unneeded = Unneeded::default();
        for (path, past) in looked.iter().flat_map(|(_, it)| &it.note.files) {
            if !needed.contains(path.as_str()) {
                unneeded.add(Path::new(path), past.clone());
            }
        }
        // Then it is no part that would be read, and perhaps in vain.
        if unneeded.is_empty() {
            return None;
        }
        let part = |it: Looked| Part {
            mark: it.mark,
            edited: it.edited(),
            touched: (0..it.now.len()).filter(|index| it.now[*index] != Since::Same).collect(),
            subtrees: it.concerned,
        };
        let parts = looked.into_iter().map(|(notes, it)| (notes, part(it))).collect();
        Some(Narrowed {
            left_out: unneeded.len(),
            unneeded,
            told: vec![],
            parts,
            priors: Mutex::default(),
        })
    }
}

/// A note, and what became of its files since.
struct Looked {
    note: ReadsNote,
    /// What tells the note from any other.
    mark: NoteMark,
    reach: Reach,
    now: Vec<Since>,
    /// The subtrees that need a file that changed.
    concerned: Vec<usize>,
}

impl Looked {
    /// Looks at the files of an environment; `None` if too many have changed, or one that nobody needs, or all do.
    fn at(notes: &PlaceNotes) -> Option<Self> {
        let (note, mark) = ReadsNote::read_marked(notes)?;
        let is_other = |(path, past): &(String, Option<PastFile>)| {
            past.as_ref().is_some_and(|it| it.compare(Path::new(path)) == Since::Changed)
        };
        if note.always.par_iter().with_min_len(256).any(is_other) {
            return None;
        }
        let reach: Reach = postcard::from_bytes(&note.read_reach(notes)?).ok()?;
        let compare = |(path, past): &(String, PastFile)| past.compare(Path::new(path));
        let now: Vec<Since> = note.files.par_iter().with_min_len(256).map(compare).collect();
        let edited: Vec<usize> = (0..now.len()).filter(|it| now[*it] == Since::Changed).collect();
        if edited.len() > MOST_EDITED {
            return None;
        }
        let has_edited = |it: &Vec<u32>| it.iter().any(|it| now[*it as usize] == Since::Changed);
        let concerned: Vec<usize> = if edited.is_empty() {
            note.failing.clone()
        } else {
            let is_failing = |it: &usize| note.failing.binary_search(it).is_ok();
            let is_concerned = |it: &usize| is_failing(it) || has_edited(&reach.subtrees[*it]);
            (0..reach.subtrees.len()).filter(is_concerned).collect()
        };
        if concerned.iter().any(|it| *it >= reach.subtrees.len()) {
            return None;
        }
        let needed: BTreeSet<u32> =
            concerned.iter().flat_map(|it| &reach.subtrees[*it]).copied().collect();
        // What nobody needs may still be spoken of.
        let is_needed = |it: &usize| u32::try_from(*it).is_ok_and(|it| needed.contains(&it));
        edited.iter().all(is_needed).then_some(Self { note, mark, reach, now, concerned })
    }

    /// Returns the files that are always needed, those that are spoken of, and those that the concerned subtrees need.
    fn needed(&self) -> impl Iterator<Item = &str> {
        let positions = self.concerned.iter().flat_map(|it| &self.reach.subtrees[*it]);
        let files = positions.map(|it| &*self.note.files[*it as usize].0);
        let always = self.note.always.iter().map(|(path, _)| path);
        always.chain(&self.note.named).map(String::as_str).chain(files)
    }

    /// Returns what those files held that hold something else now.
    fn edited(&self) -> BTreeSet<Digest> {
        let files = self.note.files.iter().zip(&self.now);
        files.filter(|(_, it)| **it == Since::Changed).map(|((_, past), _)| past.digest()).collect()
    }
}

/// A part of the sources that is read.
#[derive(Debug)]
pub(crate) struct Narrowed {
    unneeded: Unneeded,
    /// How many files that are.
    pub(crate) left_out: usize,
    /// What the user has heard before of what was read.
    pub(crate) told: Vec<String>,
    /// By the notes that tell of an environment.
    parts: BTreeMap<PlaceNotes, Part>,
    /// What else is noted of the same environments, as far as it was read ahead.
    priors: Mutex<BTreeMap<PlaceNotes, Prior>>,
}

/// A part of the sources of one environment.
#[derive(Debug)]
struct Part {
    /// What tells the note from any other.
    mark: NoteMark,
    /// What those files held that hold something else now.
    edited: BTreeSet<Digest>,
    /// The positions of the files that look different.
    touched: BTreeSet<usize>,
    /// The subtrees that need such a file; the sources of only these are read.
    subtrees: Vec<usize>,
}

impl Narrowed {
    /// Takes out the files that need not be read.
    pub(crate) fn take_unneeded(&mut self) -> Unneeded {
        std::mem::take(&mut self.unneeded)
    }

    /// Reads what else is noted of the environments: it can be done while their sources are read.
    pub(crate) fn read_ahead(&self) {
        for notes in self.parts.keys() {
            if let Some(prior) = Prior::read(notes) {
                self.priors().insert(notes.clone(), prior);
            }
        }
    }

    /// Returns what else is noted at `notes`; `None` if there is nothing, or it is damaged.
    pub(crate) fn prior(&self, notes: &PlaceNotes) -> Option<Prior> {
        let ahead = self.priors().remove(notes);
        ahead.filter(|it| it.is_current(notes)).or_else(|| Prior::read(notes))
    }

    fn priors(&self) -> MutexGuard<'_, BTreeMap<PlaceNotes, Prior>> {
        self.priors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether a file that `notes` know looks different.
    pub(crate) fn has_touched(&self, notes: &PlaceNotes) -> bool {
        self.parts.get(notes).is_none_or(|it| !it.touched.is_empty())
    }

    /// Returns the subtrees of which `notes` tell and whose sources were read, by their positions among all; `None` if a file was
    /// edited that held what has one of these digests `before`, and not everything was read that it concerns, or if another process
    /// has taken other notes since: it may have made another tree.
    pub(crate) fn subtrees(
        &self,
        notes: &PlaceNotes,
        mut before: impl Iterator<Item = Digest>,
    ) -> Option<&[usize]> {
        let part = self.parts.get(notes)?;
        (NoteMark::of(&ReadsNote::path(notes)) == Some(part.mark)).then_some(())?;
        before.all(|it| part.edited.contains(&it)).then_some(&part.subtrees)
    }
}

impl ReadsNote {
    /// Notes what `session`, which has read everything, has read of an environment of whose tree `notes` and the `ledger` are: `reads`,
    /// if that is known.
    pub(crate) fn renew(
        session: &Session<'_>,
        reads: Option<Reads>,
        notes: &PlaceNotes,
        ledger: &Ledger,
    ) {
        let renewed = reads.and_then(|it| Self::try_renew(session, &it, notes, ledger));
        if renewed.is_none() {
            Self::remove(notes);
        }
    }

    fn try_renew(
        session: &Session<'_>,
        reads: &Reads,
        notes: &PlaceNotes,
        ledger: &Ledger,
    ) -> Option<()> {
        let paths = paths(session);
        let always: Vec<&FileName> = reads.always.iter().collect();
        let look = |name: &FileName| {
            let (path, digest) = paths.get(name)?;
            Some((path.clone(), PastFile::of(Path::new(path), digest)))
        };
        let always = always.into_par_iter().filter_map(look).collect();
        let take = |name: &FileName| {
            let (path, past) = look(name)?;
            Some((path, past?))
        };
        let taken: Vec<Option<(String, PastFile)>> = reads.files.par_iter().map(take).collect();
        let mut positions = vec![];
        let mut files = vec![];
        for it in taken {
            positions.push(it.as_ref().and_then(|_| u32::try_from(files.len()).ok()));
            files.extend(it);
        }
        let of_subtree =
            |needs: &Vec<u32>| needs.iter().filter_map(|it| positions[*it as usize]).collect();
        let subtrees = reads.subtrees.iter().map(of_subtree).collect();
        let reach = postcard::to_stdvec(&Reach { subtrees }).ok()?;
        write_note(&notes.path("reach"), REACH_PURPOSE, &reach).ok()?;
        let named = paths_of(&ledger.named(), &paths);
        let failing = ledger.failing.positions().collect();
        Self { files, always, reach: *Digest::of(&reach).as_bytes(), named, failing }.write(notes)
    }

    /// Notes at `to` what `session` has read of an environment in which nothing but values has changed since what is noted at
    /// `from`, if anything is, and of which the `ledger` tells.
    pub(crate) fn amend(
        session: &Session<'_>,
        input: EnvironmentInput,
        (from, to): (&PlaceNotes, &PlaceNotes),
        ledger: &Ledger,
    ) {
        if Self::try_amend(session, (from, to), ledger).is_none() {
            match session.narrowed {
                Some(_) => Self::remove(to),
                None => Self::renew(session, reads(&session.loaded.db, input), to, ledger),
            }
        }
    }

    fn try_amend(
        session: &Session<'_>,
        (from, to): (&PlaceNotes, &PlaceNotes),
        ledger: &Ledger,
    ) -> Option<()> {
        let mut note = Self::read(from)?;
        let paths = paths(session);
        note.named = paths_of(&ledger.named(), &paths);
        note.failing = ledger.failing.positions().collect();
        let now: BTreeMap<&str, Digest> =
            paths.values().map(|(path, digest)| (path.as_str(), *digest)).collect();
        let part = session.narrowed.as_ref().and_then(|it| it.parts.get(from));
        for (index, (path, past)) in note.files.iter_mut().enumerate() {
            let digest = now.get(path.as_str())?;
            let is_touched = || match part {
                Some(it) => it.touched.contains(&index),
                None => past.compare(Path::new(&*path)) != Since::Same,
            };
            if *digest != past.digest() || is_touched() {
                *past = PastFile::of(Path::new(&*path), digest)?;
            }
        }
        if from != to {
            write_note(&to.path("reach"), REACH_PURPOSE, &note.read_reach(from)?).ok()?;
        }
        note.write(to)
    }

    /// Reads the note; `None` if there is none, or it is damaged.
    fn read(notes: &PlaceNotes) -> Option<Self> {
        Self::read_marked(notes).map(|(note, _)| note)
    }

    /// Reads the note with what tells it from any other.
    fn read_marked(notes: &PlaceNotes) -> Option<(Self, NoteMark)> {
        let (bytes, mark) = read_marked_note(&Self::path(notes), PURPOSE)?;
        Some((postcard::from_bytes(&bytes).ok()?, mark))
    }

    fn path(notes: &PlaceNotes) -> Utf8PathBuf {
        notes.path("reads")
    }

    fn read_reach(&self, notes: &PlaceNotes) -> Option<Vec<u8>> {
        let bytes = read_note(&notes.path("reach"), REACH_PURPOSE)?;
        (Digest::of(&bytes).as_bytes() == &self.reach).then_some(bytes)
    }

    fn write(&self, notes: &PlaceNotes) -> Option<()> {
        let bytes = postcard::to_stdvec(self).ok()?;
        write_note(&Self::path(notes), PURPOSE, &bytes).ok()
    }

    /// Removes it: one that tells of other sources would only be looked at in vain.
    pub(crate) fn remove(notes: &PlaceNotes) {
        fs::remove_file(Self::path(notes)).unwrap_or_default();
    }
}

/// Says whether a report speaks of a file that was left out, so that nobody knows the lines of it.
pub(crate) fn speaks_of_unread(session: &Session<'_>, report: &Report) -> bool {
    let Loaded { db, texts, folders, .. } = &session.loaded;
    let files = report.items.iter().flat_map(|it| &it.marks).map(|it| &it.file);
    let lacking: BTreeSet<&FileName> = files.filter(|it| texts.text(it).is_none()).collect();
    let is_left_out = |it: &SourceFile| {
        matches!(it.content(db), Content::Unread { .. }) && lacking.contains(it.name(db))
    };
    !lacking.is_empty() && folders.iter().any(|(it, _)| it.files(db).iter().any(is_left_out))
}

/// Returns where some files lie, as far as that is known.
fn paths_of(
    names: &BTreeSet<&FileName>,
    paths: &BTreeMap<&FileName, (String, Digest)>,
) -> BTreeSet<String> {
    names.iter().filter_map(|it| Some(paths.get(*it)?.0.clone())).collect()
}

/// Returns where the files of folders lie that were read, and the digests of what they hold. Left out is what has the name of
/// another file.
fn paths<'d>(session: &'d Session<'_>) -> BTreeMap<&'d FileName, (String, Digest)> {
    let db = &session.loaded.db;
    let mut paths: BTreeMap<&FileName, (String, Digest)> = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for (source, folder) in &session.loaded.folders {
        let Ok(root) = folder.canonicalize_utf8() else { continue };
        for file in source.files(db) {
            let (Content::Text { digest, .. } | Content::Unread { digest, .. }) = file.content(db)
            else {
                continue;
            };
            let path = format!("{root}/{}", file.path(db));
            if let Some((other, _)) = paths.insert(file.name(db), (path.clone(), *digest))
                && other != path
            {
                twice.insert(file.name(db));
            }
        }
    }
    paths.retain(|name, _| !twice.contains(name));
    paths
}
