//! What was noted of the last build of an environment into one place, but for what it read.

use wob_host::NoteMark;

use crate::{footprint::PlaceNotes, last::LastBuild, ledger::Ledger};

/// Both notes.
#[derive(Debug)]
pub(crate) struct Prior {
    /// What the tree was made from.
    pub(crate) ledger: Ledger,
    /// What it was made from part by part, to tell why something is rendered.
    pub(crate) last: LastBuild,
    marks: [NoteMark; 2],
}

impl Prior {
    /// Reads both; `None` if one is not there, or is damaged.
    pub(crate) fn read(notes: &PlaceNotes) -> Option<Self> {
        let (ledger, mark) = Ledger::read_marked(notes)?;
        let (last, other) = LastBuild::read_marked(notes)?;
        Some(Self { ledger, last, marks: [mark, other] })
    }

    /// Says whether they are what is noted now, too.
    pub(crate) fn is_current(&self, notes: &PlaceNotes) -> bool {
        let now = [Ledger::path(notes), LastBuild::path(notes)].map(|it| NoteMark::of(&it));
        now == self.marks.map(Some)
    }
}
