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
use wob_engine::{Content, Database, Digest, FileName, Source, SourceFile};
use wob_host::{
    Looks, NoteMark, PastFile, Since, Unneeded, read_marked_note, read_note, write_note,
};
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
const PURPOSE: &str = concat!("reads 5 of ", env!("WOB_RULES_DIGEST"));
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

    /// Looks at the files that were read, but for those that were just looked at, and finds out which need not be read again; `None`
    /// if all should be.
    pub(crate) fn narrow(&self, looks: &Looks) -> Option<Narrowed> {
        let mut looked = vec![];
        for place in &self.0 {
            let known = place.iter().filter_map(|it| Some((it.clone(), Looked::at(it, looks)?)));
            let known: Vec<(PlaceNotes, Looked)> = known.collect();
            if known.is_empty() {
                return None;
            }
            looked.extend(known);
        }
        let needed: BTreeSet<String> =
            looked.iter().flat_map(|(_, it)| it.needed()).map(str::to_owned).collect();
        let part = |it: &mut Looked| Part {
            mark: it.mark,
            edited: it.edited(),
            touched: (0..it.now.len()).filter(|index| it.now[*index] != Since::Same).collect(),
            subtrees: std::mem::take(&mut it.concerned),
        };
        let parts = looked.iter_mut().map(|(notes, it)| (notes.clone(), part(it))).collect();
        let mut unneeded = vec![];
        for (_, it) in looked {
            unneeded.extend(it.note.files.into_iter().filter(|(path, _)| !needed.contains(path)));
        }
        // Then it is no part that would be read, and perhaps in vain.
        if unneeded.is_empty() {
            return None;
        }
        let unneeded = Unneeded::new(unneeded);
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
    fn at(notes: &PlaceNotes, looks: &Looks) -> Option<Self> {
        let (note, mark) = ReadsNote::read_marked(notes)?;
        let is_other = |(path, past): &(String, Option<PastFile>)| {
            let since = past.as_ref().map(|it| it.compare_after(looks, Path::new(path)));
            since == Some(Since::Changed)
        };
        if note.always.par_iter().with_min_len(256).any(is_other) {
            return None;
        }
        let reach: Reach = postcard::from_bytes(&note.read_reach(notes)?).ok()?;
        let compare =
            |(path, past): &(String, PastFile)| past.compare_after(looks, Path::new(path));
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
    /// Returns what is to be noted where everything was read: `reads`, if that is known, of an environment of whose tree the `ledger` is.
    pub(crate) fn renewed(reader: &Reader<'_>, reads: Option<Reads>, ledger: &Ledger) -> NextReads {
        NextReads::of(reads.and_then(|it| Self::try_renew(reader, &it, ledger)))
    }

    fn try_renew(reader: &Reader<'_>, reads: &Reads, ledger: &Ledger) -> Option<NewNote> {
        let paths = reader.paths();
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
        let named = paths_of(&ledger.named(), &paths);
        let failing = ledger.failing.positions().collect();
        let digest = *Digest::of(&reach).as_bytes();
        let note = Self { files, always, reach: digest, named, failing };
        Some(NewNote { note, reach: Some(reach) })
    }

    /// Returns what is to be noted at `to` of an environment in which nothing but values has changed since what is noted at `from`, if
    /// anything is, and of which the `ledger` tells.
    pub(crate) fn amended(
        reader: &Reader<'_>,
        input: EnvironmentInput,
        (from, to): (&PlaceNotes, &PlaceNotes),
        ledger: &Ledger,
    ) -> NextReads {
        let amended = Self::try_amend(reader, (from, to), ledger);
        if amended.is_none() && reader.narrowed.is_none() {
            return Self::renewed(reader, reads(&reader.db, input), ledger);
        }
        NextReads::of(amended)
    }

    fn try_amend(
        reader: &Reader<'_>,
        (from, to): (&PlaceNotes, &PlaceNotes),
        ledger: &Ledger,
    ) -> Option<NewNote> {
        let mut note = Self::read(from)?;
        let paths = reader.paths();
        note.named = paths_of(&ledger.named(), &paths);
        note.failing = ledger.failing.positions().collect();
        let now: BTreeMap<&str, Digest> =
            paths.values().map(|(path, digest)| (path.as_str(), *digest)).collect();
        let part = reader.narrowed.and_then(|it| it.parts.get(from));
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
        let reach = if from == to { None } else { Some(note.read_reach(from)?) };
        Some(NewNote { note, reach })
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
}

/// What is to be noted of what was read.
pub(crate) enum NextReads {
    /// What is noted stays.
    Same,
    /// This is another.
    New(Box<NewNote>),
    /// Nothing: a note that tells of other sources would only be looked at in vain.
    Nothing,
}

/// A note that is not written yet.
pub(crate) struct NewNote {
    note: ReadsNote,
    /// Who needs which files; none if that is noted there.
    reach: Option<Vec<u8>>,
}

impl NextReads {
    fn of(new: Option<NewNote>) -> Self {
        new.map_or(Self::Nothing, |it| Self::New(Box::new(it)))
    }

    /// Notes it at `to`.
    pub(crate) fn write(&self, to: &PlaceNotes) {
        let written = match self {
            Self::Same => return,
            Self::New(it) => it.write(to),
            Self::Nothing => None,
        };
        if written.is_none() {
            fs::remove_file(ReadsNote::path(to)).unwrap_or_default();
        }
    }
}

impl NewNote {
    fn write(&self, to: &PlaceNotes) -> Option<()> {
        if let Some(reach) = &self.reach {
            write_note(&to.path("reach"), REACH_PURPOSE, reach).ok()?;
        }
        self.note.write(to)
    }
}

/// What is needed of a session to tell what it has read: unlike that, it can be given to another thread.
pub(crate) struct Reader<'r> {
    db: Database,
    /// The sources that are folders, and where they really lie.
    folders: &'r [(Source, Utf8PathBuf)],
    /// None if everything was read.
    narrowed: Option<&'r Narrowed>,
}

impl<'r> Reader<'r> {
    /// Takes what is needed of `session`.
    pub(crate) fn of(session: &'r Session<'_>) -> Self {
        let Loaded { db, folders, .. } = &session.loaded;
        Self { db: db.clone(), folders, narrowed: session.narrowed.as_ref() }
    }

    /// Returns the database.
    pub(crate) fn db(&self) -> &Database {
        &self.db
    }

    /// Returns where the files of folders lie that were read, and the digests of what they hold. Left out is what has the name of
    /// another file.
    fn paths(&self) -> BTreeMap<&FileName, (String, Digest)> {
        let db = &self.db;
        let mut paths: BTreeMap<&FileName, (String, Digest)> = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for (source, root) in self.folders {
            for file in source.files(db) {
                let (Content::Text { digest, .. } | Content::Unread { digest, .. }) =
                    file.content(db)
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
