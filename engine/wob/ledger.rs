//! Ledgers: what a tree was made from that wob wrote to a place, and what was said of it, so that the next build can tell
//! which assignments an edit concerns.
//!
//! It is a note in the user's cache, like the last build's. Without it, everything is composed again.
//!
//! The objects lie beside it: they are many, and an edit of a value neither reads nor changes them. The frame has their digest, so that
//! those of another build are not taken for its own.
//!
//! **Invariant:** what a ledger tells of is a whole tree in which nothing is wrong but assignments that fail, each by itself. These are
//! built each time, and what is said of them is found again. Where any config cannot be read, the ledger is that of before: what is edited
//! is told by what was well, and whoever mends it finds all else as it was.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use wob_engine::{Diagnostic, Digest, FileName, Hasher};
use wob_host::{NoteMark, read_marked_note, read_note, write_note};
use wob_rules::{BuiltAssignment, Frame, NotedObjects, SaidParts, Warning};

use crate::{footprint::PlaceNotes, last::LastBuild, session::Session};

/// What makes a note a ledger of this shape, and of these rules: other ones may say something else of the same sources.
const PURPOSE: &str = concat!("ledger 5 of ", env!("WOB_RULES_DIGEST"));

const OBJECTS_PURPOSE: &str = concat!("objects 1 of ", env!("WOB_RULES_DIGEST"));

/// What a tree was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Everything but what config says.
    pub(crate) frame: Frame,
    /// The digest of the tree's own record, which names those of its parts.
    head: [u8; 32],
    /// What was said of the environment alone.
    pub(crate) said: SaidParts,
    /// What was said of it together with the others that were built; none if they were not built as a whole.
    pub(crate) together: Option<Together>,
    /// What failed in the tree.
    pub(crate) failing: Failing,
    /// What became of it while config cannot be read; none if the tree is the one of which this tells.
    pub(crate) damaged: Option<Damaged>,
}

/// The targets of assignments that failed, by the position of their subtree among all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failing(BTreeMap<usize, BTreeSet<String>>);

impl Failing {
    /// Takes those that failed of what was built, subtree by subtree.
    pub(crate) fn of<'b>(built: impl Iterator<Item = (usize, &'b [BuiltAssignment])>) -> Self {
        let failed = |it: &&BuiltAssignment| it.failed;
        let targets = |it: &[BuiltAssignment]| -> BTreeSet<String> {
            it.iter().filter(failed).map(|it| it.assignment.target.to_string()).collect()
        };
        let all = built.map(|(position, it)| (position, targets(it)));
        Self(all.filter(|it| !it.1.is_empty()).collect())
    }

    /// Says whether nothing failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists the positions of subtrees in which any failed, in order.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        self.0.keys().copied()
    }

    /// Lists the targets that failed in a subtree.
    pub(crate) fn targets(&self, position: usize) -> impl Iterator<Item = &str> {
        self.0.get(&position).into_iter().flatten().map(String::as_str)
    }
}

/// What became of a tree while config cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Damaged {
    /// The cluster types of which the tree may say something else: there it failed, or another value was set meanwhile.
    pub(crate) on: BTreeSet<String>,
    /// The subtrees as they were: cluster type and digest, in the order of the assignments.
    subtrees: Vec<(String, [u8; 32])>,
}

impl Damaged {
    /// Takes the cluster types on which anything was built since, and the subtrees as they were.
    pub(crate) fn new(on: BTreeSet<String>, subtrees: &[(String, Digest)]) -> Self {
        let subtrees = subtrees.iter().map(|(on, it)| (on.clone(), *it.as_bytes())).collect();
        Self { on, subtrees }
    }
}

/// What was found by looking at environments together. No value of config has a part in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Together {
    /// The digest of all that it depends on.
    scope: [u8; 32],
    warnings: Vec<Warning>,
}

impl Ledger {
    /// Notes what the tree with the record `head` was made from, and what was said.
    pub(crate) fn new(
        frame: Frame,
        head: &str,
        said: SaidParts,
        together: Option<Together>,
    ) -> Self {
        let head = *Digest::of(head.as_bytes()).as_bytes();
        Self { frame, head, said, together, failing: Failing::default(), damaged: None }
    }

    /// Notes what failed in the tree: what is said of it is found again each time.
    pub(crate) fn with_failing(mut self, failing: Failing) -> Self {
        self.said.forget(failing.positions());
        Self { failing, ..self }
    }

    /// Notes that the tree has the record `head` since config cannot be read.
    pub(crate) fn with_damage(self, head: &str, damaged: Damaged) -> Self {
        Self { head: *Digest::of(head.as_bytes()).as_bytes(), damaged: Some(damaged), ..self }
    }

    /// Returns the subtrees of the tree of which this tells, if `last` is the last build.
    pub(crate) fn subtrees(&self, last: &LastBuild) -> Vec<(String, Digest)> {
        let of = |it: &Damaged| -> Vec<(String, Digest)> {
            let digest = |it: &[u8; 32]| Digest::from_bytes(*it);
            it.subtrees.iter().map(|(on, it)| (on.clone(), digest(it))).collect()
        };
        self.damaged.as_ref().map_or_else(|| last.subtrees(), of)
    }

    /// Says whether it is about the tree with the record `head`.
    pub(crate) fn is_of(&self, head: &str) -> bool {
        Digest::of(head.as_bytes()).as_bytes() == &self.head
    }

    /// Returns the files that are spoken of.
    pub(crate) fn named(&self) -> BTreeSet<&FileName> {
        let together = self.together.iter().flat_map(|it| &it.warnings).map(|it| &it.0);
        let labels = self.said.diagnostics().chain(together).flat_map(|it| &it.labels);
        labels.map(|it| &it.place.file).collect()
    }

    /// Reads the note with its mark; `None` if there is none, or it is damaged.
    pub(crate) fn read_marked(notes: &PlaceNotes) -> Option<(Self, NoteMark)> {
        let (bytes, mark) = read_marked_note(&Self::path(notes), PURPOSE)?;
        Some((postcard::from_bytes(&bytes).ok()?, mark))
    }

    /// Returns where the note lies.
    pub(crate) fn path(notes: &PlaceNotes) -> Utf8PathBuf {
        notes.path("ledger")
    }

    /// Reads the objects that it was written with; `None` if there are none. Whether they are these, its frame tells.
    pub(crate) fn objects(notes: &PlaceNotes) -> Option<NotedObjects> {
        read_note(&notes.path("objects"), OBJECTS_PURPOSE).map(NotedObjects::from_bytes)
    }

    /// Replaces the note, and that of the objects.
    pub(crate) fn write(&self, objects: &NotedObjects, notes: &PlaceNotes) {
        // Without it the next build takes longer.
        write_note(&notes.path("objects"), OBJECTS_PURPOSE, objects.bytes()).unwrap_or_default();
        self.write_alone(notes);
    }

    /// Replaces the note at `to`; the objects are those that are noted at `from`.
    pub(crate) fn write_beside(&self, from: &PlaceNotes, to: &PlaceNotes) {
        if from != to
            && let Some(objects) = Self::objects(from)
        {
            return self.write(&objects, to);
        }
        self.write_alone(to);
    }

    /// Replaces the note alone: the objects are those that are noted there.
    pub(crate) fn write_alone(&self, notes: &PlaceNotes) {
        if let Ok(bytes) = postcard::to_stdvec(self) {
            write_note(&Self::path(notes), PURPOSE, &bytes).unwrap_or_default();
        }
    }
}

impl Together {
    /// Takes what was found by looking at the environments of `scope` together.
    pub(crate) fn new(scope: Digest, warnings: Vec<Diagnostic>) -> Self {
        let warnings = warnings.into_iter().map(Warning).collect();
        Self { scope: *scope.as_bytes(), warnings }
    }

    /// Says whether it is about the environments of `scope`, as they are.
    pub(crate) fn is_of(&self, scope: &Digest) -> bool {
        &self.scope == scope.as_bytes()
    }

    /// Returns what was found.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        self.warnings.iter().map(|it| it.0.clone()).collect()
    }

    /// Returns the digest of all that is looked at where environments with these names and frames are built as a whole, and no
    /// others.
    pub(crate) fn scope<'f>(
        session: &Session<'_>,
        frames: impl Fn(&str) -> Option<&'f Frame>,
    ) -> Digest {
        let settings = session.settings_text();
        let mut hasher = Hasher::new("wob 2026-11 what is built together");
        for it in &session.loaded.environments {
            // Each has a digest of its own kind, in which its name is. Of one that is passed over it counts only that it is there.
            match (frames(it.name.as_str()), it.input) {
                (Some(frame), _) => hasher.add(frame.shape().as_bytes()),
                // What the settings say in vain is known by all that is read.
                (None, Some(input)) => {
                    let state = Frame::state(&session.loaded.db, input, &settings);
                    hasher.add(state.as_bytes());
                }
                (None, None) => hasher.add(b"passed over"),
            }
        }
        hasher.finish()
    }
}
