//! Footprints: what an output folder looked like when wob had written it, so that the next build need not read every file.
//!
//! It is a note in the user's cache, like the last build's. Without it, or if it does not hold, all files are read.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use wob_engine::{Digest, FilePath, Hasher};
use wob_host::{
    Cache, Imprint, Interrupt, Interrupted, MovedPaths, Others, Stamp, Stamper, Standing,
    read_note, write_note,
};

/// What makes notes of this shape.
const PURPOSE: &str = "footprint 2";
const PATHS_PURPOSE: &str = "paths of a footprint 2";

/// How sure one wants to be that nobody touched an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Every file is looked at.
    #[default]
    Nothing,
    /// If the tree's own record is as wob left it, then so is the tree.
    Record,
}

/// Where it is noted what is known of one environment in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PlaceNotes(Utf8PathBuf);

impl PlaceNotes {
    /// Finds the notes by the environment and the place that was built into: a folder, or a repository and a branch; `None` if
    /// there is no cache.
    pub(crate) fn find(environment: &str, folder: &str, branch: &str) -> Option<Self> {
        let place = Hasher::new("wob 2026-11 place of a build")
            .field(environment.as_bytes())
            .field(folder.as_bytes())
            .field(branch.as_bytes())
            .finish();
        let name = &place.to_string()[..40];
        Some(Self(Cache::of_user().ok()?.store().notes_folder().join(name)))
    }

    /// Returns the path of one kind of note.
    pub(crate) fn path(&self, kind: &str) -> Utf8PathBuf {
        self.0.with_extension(kind)
    }
}

/// What an output folder looked like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footprint {
    /// The record of the whole tree.
    record: Stamp,
    /// The files of the tree, and the records of its parts.
    files: Imprint,
    /// The digest of their paths, which are noted apart: most runs do not need them. Those of another build give another sum of files;
    /// the digest spares the look.
    paths: [u8; 32],
    /// How many files of others lie there.
    others: usize,
    other_examples: Vec<String>,
}

impl Footprint {
    /// Notes what lies in `folder` since a tree was written there; `paths` are those of its files and of its parts' records.
    pub(crate) fn new(
        notes: &PlaceNotes,
        folder: &Utf8Path,
        paths: &Paths,
        others: &Others,
        interrupt: &Interrupt,
    ) -> Option<Self> {
        let record = record_stamp(folder, interrupt)?;
        let files = Imprint::of(folder, &paths.list(), interrupt).ok()?;
        let footprint = Self {
            record,
            files,
            paths: paths.write(notes)?,
            others: others.count,
            other_examples: others.examples.clone(),
        };
        footprint.write(notes);
        Some(footprint)
    }

    /// Reads the note; `None` if there is none, or it is damaged.
    pub(crate) fn read(notes: &PlaceNotes) -> Option<Self> {
        postcard::from_bytes(&read_note(&notes.path("footprint"), PURPOSE)?).ok()
    }

    fn write(&self, notes: &PlaceNotes) {
        if let Ok(bytes) = postcard::to_stdvec(self) {
            // Without it the next build takes longer.
            write_note(&notes.path("footprint"), PURPOSE, &bytes).unwrap_or_default();
        }
    }

    /// Says whether it is about a tree whose record looked like `record`.
    pub(crate) fn is_of(&self, record: &Stamp) -> bool {
        self.record == *record
    }

    /// Returns what the tree's own record looked like.
    pub(crate) fn record(&self) -> &Stamp {
        &self.record
    }

    /// Says whether the tree in `folder` is as wob left it, and notes what it is known by from now on: files that were read because they
    /// had just been written need not be read the next time.
    ///
    /// # Errors
    /// Ctrl-C.
    pub(crate) fn still_holds(
        &self,
        notes: &PlaceNotes,
        folder: &Utf8Path,
        trust: Trust,
        interrupt: &Interrupt,
    ) -> Result<bool, Interrupted> {
        let record = record_stamp(folder, interrupt);
        if !record.is_some_and(|it| self.record.still_holds(&it)) {
            return Ok(false);
        }
        if trust == Trust::Record {
            return Ok(true);
        }
        let Some(paths) = Paths::read(notes, &self.paths) else { return Ok(false) };
        let files = self.files.renewed(folder, &paths.list(), interrupt)?;
        let holds = files.is_some();
        if let Some(files) = files.filter(|it| *it != self.files) {
            Self { files, ..self.clone() }.write(notes);
        }
        Ok(holds)
    }

    /// Returns what is known of `folder`.
    ///
    /// # Errors
    /// Ctrl-C.
    pub(crate) fn standing(
        &self,
        notes: &PlaceNotes,
        folder: &Utf8Path,
        trust: Trust,
        interrupt: &Interrupt,
    ) -> Result<Standing, Interrupted> {
        let holds = self.still_holds(notes, folder, trust, interrupt)?;
        let (count, examples) = (self.others, self.other_examples.clone());
        Ok(if holds { Standing::AsRecorded(Others { count, examples }) } else { Standing::Unknown })
    }
}

/// Paths of files, each followed by a line break, which none of them holds: there can be very many.
pub(crate) struct Paths(String);

impl Paths {
    pub(crate) fn of(paths: impl Iterator<Item = FilePath>) -> Self {
        let mut text = String::new();
        for path in paths {
            text.push_str(path.as_str());
            text.push('\n');
        }
        Self(text)
    }

    fn list(&self) -> Vec<&str> {
        self.0.lines().collect()
    }

    /// Returns these paths without those that are `gone`, and with those that were `added`.
    fn moved(&self, moved: &MovedPaths) -> Self {
        let stays = self.0.lines().filter(|it| !moved.gone.contains(*it));
        let all = stays.chain(moved.added.iter().map(String::as_str));
        Self(all.flat_map(|it| [it, "\n"]).collect())
    }

    /// Reads those that are noted, if their digest is still this one.
    fn read(notes: &PlaceNotes, digest: &[u8; 32]) -> Option<Self> {
        let bytes = read_note(&notes.path("paths"), PATHS_PURPOSE)?;
        let is_right = Digest::of(&bytes).as_bytes() == digest;
        String::from_utf8(bytes).ok().filter(|_| is_right).map(Self)
    }

    /// Notes them, and returns their digest.
    fn write(&self, notes: &PlaceNotes) -> Option<[u8; 32]> {
        write_note(&notes.path("paths"), PATHS_PURPOSE, self.0.as_bytes()).ok()?;
        Some(*Digest::of(self.0.as_bytes()).as_bytes())
    }
}

/// What becomes of a footprint while some files are written.
pub(crate) struct Step {
    before: Footprint,
    paths: std::collections::BTreeSet<String>,
    files: Imprint,
}

impl Step {
    /// Begins one: `paths`, whose files may change, look as they did when the footprint was taken.
    pub(crate) fn begin(
        before: Footprint,
        folder: &Utf8Path,
        paths: std::collections::BTreeSet<String>,
        interrupt: &Interrupt,
    ) -> Option<Self> {
        let list: Vec<&String> = paths.iter().collect();
        let files = Imprint::of(folder, &list, interrupt).ok()?;
        Some(Self { before, paths, files })
    }

    /// Notes what lies in `folder` now, which has the same files as before, but for those that came or went.
    pub(crate) fn end(
        self,
        notes: &PlaceNotes,
        folder: &Utf8Path,
        moved: &MovedPaths,
        interrupt: &Interrupt,
    ) -> Option<Footprint> {
        let record = record_stamp(folder, interrupt)?;
        let list: Vec<&String> = self.paths.iter().collect();
        let now = Imprint::of(folder, &list, interrupt).ok()?;
        let files = self.before.files.clone().exchanged(folder, &self.paths, &self.files, now);
        let paths = if *moved == MovedPaths::default() {
            self.before.paths
        } else {
            Paths::read(notes, &self.before.paths)?.moved(moved).write(notes)?
        };
        let footprint = Footprint { record, files, paths, ..self.before };
        footprint.write(notes);
        Some(footprint)
    }
}

fn record_stamp(folder: &Utf8Path, interrupt: &Interrupt) -> Option<Stamp> {
    let mut stamper = Stamper::new(interrupt);
    // A run that was not finished, or one that runs now, is no state to rely on.
    stamper.presence(&folder.join(wob_engine::JOURNAL_PATH));
    stamper.files(folder, std::iter::once(wob_engine::RECORD_PATH)).ok()?;
    Some(stamper.finish())
}
