//! The journal: what the last run of a command line looked at and wrote, so that the next one can tell in a moment that there
//! is nothing to do.
//!
//! **Invariant:** a journal is written only after a build that the same sources would repeat: one without an error, or whose errors are
//! all in the sources; and only of sources whose every change would show. It is a note: a torn, foreign or missing one costs time only.

use std::{collections::BTreeMap, env, fs};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use wob_engine::{Digest, Hasher};
use wob_host::{Cache, Interrupt, Stamp, Store, has_output_lock, read_note, write_note};

use crate::{
    exit::Exit,
    footprint::{Footprint, PlaceNotes, Trust},
    recorded::TreeSummary,
    stream::{Drawn, Streams},
    workspace::{Foreseen, SeenThing},
};

/// What makes a note a journal of this shape.
const PURPOSE: &str = "journal 4";

/// What a run looked at and wrote.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// What was looked at.
    pub(crate) things: Vec<SeenThing>,
    /// What the user heard about it.
    pub(crate) remarks: Vec<String>,
    /// How the run ended.
    pub(crate) exit: Exit,
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
    /// The assignments that failed, as `<cluster type>:<target>`.
    pub(crate) failed: Vec<String>,
    /// How many files the tree has.
    pub(crate) files: usize,
    /// What the tree's own record looked like.
    record: Stamp,
    /// Where the tree's footprint is noted.
    notes: PlaceNotes,
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

    /// Returns the path of another note about the same command line.
    pub(crate) fn beside(&self, kind: &str) -> Utf8PathBuf {
        self.path.with_extension(kind)
    }

    /// Returns the journal, if nothing that it tells of has changed since, or else what the things look like now that the last
    /// run looked at.
    pub(crate) fn read(&self, trust: Trust, interrupt: &Interrupt) -> Result<Journal, Foreseen> {
        let read = || -> Option<Journal> {
            let bytes = read_note(&self.path, PURPOSE)?;
            postcard::from_bytes(&bytes).ok()
        };
        let Some(mut journal) = read() else { return Err(Foreseen::default()) };
        let now = Foreseen::look(&journal.things, interrupt);
        let same = now.are_as_they_were(&journal.things)
            && journal.outputs.iter().all(|it| it.still_holds(trust, interrupt));
        if !same {
            return Err(now);
        }
        if now.settle(&mut journal.things) {
            self.write(&journal);
        }
        Ok(journal)
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
    /// Notes a tree that was just written, and left this footprint.
    pub(crate) fn new(
        tree: &TreeSummary,
        folder: &Utf8Path,
        shown: &str,
        (notes, footprint): &(PlaceNotes, Footprint),
    ) -> Option<Self> {
        Some(Self {
            environment: tree.environment.clone(),
            shown: shown.to_owned(),
            root: tree.root.to_string(),
            dirty: tree.dirty,
            assignments: tree.on.clone(),
            failed: tree.failed.clone(),
            record: footprint.record().clone(),
            notes: notes.clone(),
            files: tree.files,
            folder: camino::absolute_utf8(folder).ok()?,
        })
    }

    fn still_holds(&self, trust: Trust, interrupt: &Interrupt) -> bool {
        // Another command line may have been at work there, and was killed.
        if has_output_lock(&self.folder) {
            return false;
        }
        let footprint = Footprint::read(&self.notes).filter(|it| it.is_of(&self.record));
        let holds = |it: Footprint| it.still_holds(&self.notes, &self.folder, trust, interrupt);
        footprint.map(holds).is_some_and(|it| it.unwrap_or(false))
    }
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
