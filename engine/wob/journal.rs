//! The journal: what the last run of a command line looked at and wrote, so that the next one can tell in a moment that there
//! is nothing to do.
//!
//! **Invariant:** a journal is written only after a build without an error, of sources whose every change would show. It
//! is a note: a torn, foreign or missing one costs time only.

use std::{collections::BTreeMap, env, fs};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use wob_engine::{Digest, Hasher};
use wob_host::{Cache, Interrupt, Stamp, Stamper, Store, read_note, write_note};

use crate::{
    stream::{Drawn, Streams},
    workspace::SeenThing,
};

/// What makes a note a journal of this shape.
const PURPOSE: &str = "journal 2";

/// What a run looked at and wrote.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// What was looked at.
    pub(crate) things: Vec<SeenThing>,
    /// What the user heard about it.
    pub(crate) remarks: Vec<String>,
    /// What is wrong with the sources, as it was drawn.
    pub(crate) report: Drawn,
    /// The result as programs read it, if they do: that of a run which finds nothing to do.
    pub(crate) json: Option<String>,
    /// What was written.
    pub(crate) outputs: Vec<JournalOutput>,
}

/// One tree that was written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JournalOutput {
    /// The environment.
    pub(crate) environment: String,
    /// The output folder.
    pub(crate) folder: Utf8PathBuf,
    /// The output folder as people see it.
    pub(crate) shown: String,
    /// The root digest of the tree.
    pub(crate) root: String,
    /// Whether a source was overridden or edited.
    pub(crate) dirty: bool,
    /// How many assignments each cluster type has.
    pub(crate) assignments: BTreeMap<String, usize>,
    /// The files of the tree.
    files: Vec<String>,
    /// What the tree's own record looked like.
    record: Stamp,
    /// What all files looked like.
    stamp: Stamp,
}

/// How sure one wants to be that nobody touched an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Every file is looked at.
    Nothing,
    /// If the tree's own record is as wob left it, then so is the tree.
    Record,
}

/// Where the journal of this command line is kept.
#[derive(Debug)]
pub(crate) struct JournalPlace {
    path: Utf8PathBuf,
}

impl JournalPlace {
    /// Finds the place of what is told on `streams`; `None` if there is no cache.
    pub(crate) fn find(streams: &Streams) -> Option<Self> {
        let cache = Cache::of_user().ok()?;
        let store: Store = cache.store();
        let name = format!("{}.journal", &key(streams)?.to_string()[..40]);
        Some(Self { path: store.notes_folder().join(name) })
    }

    /// Returns the journal, if nothing that it tells of has changed since.
    pub(crate) fn read(&self, trust: Trust, interrupt: &Interrupt) -> Option<Journal> {
        let bytes = read_note(&self.path, PURPOSE)?;
        let journal: Journal = postcard::from_bytes(&bytes).ok()?;
        let same = journal.things.iter().all(|it| it.still_holds(interrupt))
            && journal.outputs.iter().all(|it| it.still_holds(trust, interrupt));
        same.then_some(journal)
    }

    /// Keeps a journal for the next run.
    pub(crate) fn write(&self, journal: &Journal) {
        if let Ok(bytes) = postcard::to_stdvec(journal) {
            // Without it the next run takes longer.
            write_note(&self.path, PURPOSE, &bytes).unwrap_or_default();
        }
    }
}

impl JournalOutput {
    /// Notes a tree that was just written, whose files are `files`.
    pub(crate) fn new(
        record: &wob_rules::Record,
        folder: &Utf8Path,
        shown: &str,
        interrupt: &Interrupt,
    ) -> Option<Self> {
        let mut assignments = BTreeMap::new();
        for it in &record.assignments {
            *assignments.entry(it.cluster_type.to_string()).or_default() += 1;
        }
        let folder = camino::absolute_utf8(folder).ok()?;
        let files: Vec<String> = record.files.keys().cloned().collect();
        Some(Self {
            environment: record.environment.clone(),
            shown: shown.to_owned(),
            root: record.root.to_string(),
            dirty: record.dirty,
            assignments,
            record: stamp(&folder, std::iter::once(wob_rules::RECORD_PATH), interrupt)?,
            stamp: stamp(&folder, files.iter().map(String::as_str), interrupt)?,
            files,
            folder,
        })
    }

    /// Returns the number of files.
    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    fn still_holds(&self, trust: Trust, interrupt: &Interrupt) -> bool {
        let holds = |then: &Stamp, now: Option<Stamp>| now.is_some_and(|it| then.still_holds(&it));
        let record = stamp(&self.folder, std::iter::once(wob_rules::RECORD_PATH), interrupt);
        if !holds(&self.record, record) {
            return false;
        }
        let files = self.files.iter().map(String::as_str);
        trust == Trust::Record || holds(&self.stamp, stamp(&self.folder, files, interrupt))
    }
}

fn stamp<'p>(
    folder: &Utf8Path,
    files: impl Iterator<Item = &'p str>,
    interrupt: &Interrupt,
) -> Option<Stamp> {
    let mut stamper = Stamper::new(interrupt);
    // A run that was not finished, or one that runs now, is no state to rely on.
    stamper.presence(&folder.join(".wob/journal.json"));
    stamper.files(folder, files).ok()?;
    Some(stamper.finish())
}

/// Returns the digest of everything but files that decides what a run does: the program, its arguments, the folder that it
/// is run in, its environment as far as wob and git look at it, and how things are drawn.
fn key(streams: &Streams) -> Option<Digest> {
    let mut hasher = Hasher::new("wob 2026-11 journal key");
    let program = env::current_exe().ok()?;
    let found = fs::metadata(&program).ok()?;
    hasher.add(program.as_os_str().as_encoded_bytes());
    hasher.add(&found.len().to_le_bytes());
    hasher.add(format!("{:?}", found.modified().ok()?).as_bytes());
    hasher.add(env::current_dir().ok()?.as_os_str().as_encoded_bytes());
    for argument in env::args_os() {
        hasher.add(argument.as_encoded_bytes());
    }
    hasher.add(format!("{streams:?}").as_bytes());
    hasher.add(b"environment");
    let counts = |name: &str| {
        ["GIT_", "GITHUB_", "WOB_", "XDG_"].iter().any(|it| name.starts_with(it))
            || matches!(name, "HOME" | "CI")
    };
    let variables: BTreeMap<_, _> =
        env::vars_os().filter(|(name, _)| name.to_str().is_some_and(counts)).collect();
    for (name, value) in variables {
        hasher.add(name.as_encoded_bytes());
        hasher.add(value.as_encoded_bytes());
    }
    Some(hasher.finish())
}
