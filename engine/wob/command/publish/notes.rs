//! What is noted of published trees: of the one that a branch has, and of one that waits to be merged, so that the next
//! publication builds only what has changed since the tree that it replaces.
//!
//! **Invariant:** notes are taken for those of a tree only if its record is the one that was noted, and its parts' records are.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use wob_engine::{Digest, FilePath, PARTS_FOLDER};
use wob_host::{GitId, OutputError, Repository, read_note, write_note};

use super::destination::Destination;
use crate::{footprint::PlaceNotes, ledger::Together};

/// What makes a note tell which tree the others beside it are of.
const PURPOSE: &str = "published tree 2";

/// Where it is noted what trees of an environment were made from that were published to one branch.
#[derive(Clone, Debug)]
pub(super) struct TreeNotes([PlaceNotes; 2]);

/// What tells a published tree from any other one that was published to the same branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TreeMark {
    /// The digest of its own record.
    head: [u8; 32],
    /// What git calls the folder with the records of its parts.
    parts: String,
}

/// A mark, and what is said of the environment if nobody looks at others: warnings that a pull request quotes.
#[derive(Serialize, Deserialize)]
struct Marked {
    mark: TreeMark,
    /// None if anything is wrong.
    alone: Option<Together>,
}

impl TreeMark {
    /// Marks the tree of a commit in the repository at `folder`, whose own record is `head`.
    pub(super) fn of(folder: &Utf8Path, commit: GitId, head: &str) -> Result<Self, OutputError> {
        let repository = Repository::open(folder)?;
        let commit = repository.resolve(&commit.to_string())?;
        let parts = FilePath::new(PARTS_FOLDER).expect("because it is constant");
        // A tree without cluster types has no parts.
        let parts = repository.folder_id(&commit, Some(&parts)).ok();
        let parts = parts.map(|it| it.to_string()).unwrap_or_default();
        Ok(Self { head: *Digest::of(head.as_bytes()).as_bytes(), parts })
    }
}

impl TreeNotes {
    /// Finds the notes of what is published to `destination` from the copy in `folder`; `None` if there is no cache.
    pub(super) fn find(
        environment: &str,
        folder: &Utf8Path,
        destination: &Destination,
    ) -> Option<Self> {
        // No branch that is built into has a blank in its name.
        let branch = |slot: &str| format!("{} {slot}", destination.branch.as_str());
        let notes = |slot| PlaceNotes::find(environment, folder.as_str(), &branch(slot));
        Some(Self([notes("a")?, notes("b")?]))
    }

    /// Returns the notes of the tree with this mark; `None` if there are none.
    pub(super) fn of(&self, mark: &TreeMark) -> Option<&PlaceNotes> {
        self.0.iter().find(|it| Self::marked(it).is_some_and(|it| it.mark == *mark))
    }

    /// Returns what is said of the environment of the tree with this mark if nobody looks at others, as long as all but its values
    /// has this `shape`; `None` if that is not noted.
    pub(super) fn alone(&self, mark: &TreeMark, shape: &Digest) -> Option<Together> {
        let marked = Self::marked(self.of(mark)?)?;
        marked.alone.filter(|it| it.is_of(shape))
    }

    /// Says whether no tree is noted at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|it| Self::marked(it).is_none())
    }

    /// Returns where a tree is noted that shall replace the one with the mark `base`, whose notes stay: that tree may wait to be
    /// merged, or never be.
    pub(super) fn beside(&self, base: Option<&TreeMark>) -> &PlaceNotes {
        let of_base = base.and_then(|it| self.of(it));
        self.0.iter().find(|it| Some(*it) != of_base).unwrap_or(&self.0[0])
    }

    /// Returns all of them, as what a command line may need next.
    pub(super) fn into_places(self) -> Vec<PlaceNotes> {
        self.0.into()
    }

    fn marked(notes: &PlaceNotes) -> Option<Marked> {
        postcard::from_bytes(&read_note(&notes.path("tree"), PURPOSE)?).ok()
    }
}

impl TreeMark {
    /// Says that `notes` are about the tree with this mark, of whose environment this is said if nobody looks at others.
    pub(super) fn write(&self, alone: Option<Together>, notes: &PlaceNotes) {
        if let Ok(bytes) = postcard::to_stdvec(&Marked { mark: self.clone(), alone }) {
            // Without it the next publication builds everything.
            write_note(&notes.path("tree"), PURPOSE, &bytes).unwrap_or_default();
        }
    }
}
