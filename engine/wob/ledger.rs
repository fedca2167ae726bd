//! Ledgers: what a tree was made from that wob wrote to a place, so that the next build can tell that only values changed.
//!
//! It is a note in the user's cache, like the last build's. Without it, everything is composed again.
//!
//! **Invariant:** a ledger is written only of a whole tree about which there is nothing to say.

use serde::{Deserialize, Serialize};
use wob_engine::Digest;
use wob_host::{read_note, write_note};
use wob_rules::Frame;

use crate::footprint::PlaceNotes;

/// What makes a note a ledger of this shape, and of these rules: other ones may say something else of the same sources.
const PURPOSE: &str = concat!("ledger 1 of ", env!("WOB_RULES_DIGEST"));

/// What a tree was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Everything but what config says.
    pub(crate) frame: Frame,
    /// The digest of the tree's own record, which names those of its parts.
    head: [u8; 32],
}

impl Ledger {
    /// Notes what the tree with the record `head` was made from.
    pub(crate) fn new(frame: Frame, head: &str) -> Self {
        Self { frame, head: *Digest::of(head.as_bytes()).as_bytes() }
    }

    /// Says whether it is about the tree with the record `head`.
    pub(crate) fn is_of(&self, head: &str) -> bool {
        Digest::of(head.as_bytes()).as_bytes() == &self.head
    }

    /// Reads the note; `None` if there is none, or it is damaged.
    pub(crate) fn read(notes: &PlaceNotes) -> Option<Self> {
        postcard::from_bytes(&read_note(&notes.path("ledger"), PURPOSE)?).ok()
    }

    /// Replaces the note.
    pub(crate) fn write(&self, notes: &PlaceNotes) {
        if let Ok(bytes) = postcard::to_stdvec(self) {
            // Without it the next build takes longer.
            write_note(&notes.path("ledger"), PURPOSE, &bytes).unwrap_or_default();
        }
    }
}
