//! What is known of a place before a build writes to it, and after.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use wob_host::{Interrupt, OutputError, Overwrite, Plan, Standing, Written};

use super::{
    destination::{Mode, Output},
    place::Place,
};
use crate::footprint::{Footprint, Paths, PlaceNotes, Step};

/// What is known of a place.
pub(super) struct Ground {
    /// None where nothing is noted.
    notes: Option<(PlaceNotes, Utf8PathBuf)>,
    /// The footprint of the build before, if it still holds.
    before: Option<Footprint>,
    /// What is known of the files that lie there.
    pub(super) standing: Standing,
}

impl Ground {
    /// Looks at `place` as closely as the user wants.
    pub(super) fn of(
        place: &Place,
        environment: &str,
        output: &Output,
        interrupt: &Interrupt,
    ) -> Self {
        let nothing = Self { notes: None, before: None, standing: Standing::Unknown };
        let folder = place.folder().and_then(|it| camino::absolute_utf8(it).ok());
        let Some(notes) = place.notes(environment).zip(folder) else { return nothing };
        // Who checks wants every file to be looked at.
        let before = if output.mode == Mode::Check { None } else { Footprint::read(&notes.0) };
        let standing = before
            .as_ref()
            .and_then(|it| it.standing(&notes.0, &notes.1, output.trust(), interrupt).ok());
        let standing = standing.unwrap_or_default();
        let before = before.filter(|_| standing != Standing::Unknown);
        Self { notes: Some(notes), before, standing }
    }

    /// Writes what `plan` says, and notes what lies there then.
    pub(super) fn write(
        self,
        plan: Plan,
        overwrite: Overwrite,
        interrupt: &Interrupt,
    ) -> Result<(Written, Option<(PlaceNotes, Footprint)>), OutputError> {
        let Some((notes, folder)) = self.notes else {
            return Ok((plan.apply(overwrite, interrupt)?, None));
        };
        // The paths of the files are noted anew only where files come or go.
        let known = self.before.zip(plan.moved().cloned());
        let (written, footprint) = if let Some((before, moved)) = known {
            let touched: BTreeSet<String> = plan.touched().map(|it| it.to_string()).collect();
            let step = Step::begin(before, &folder, touched, interrupt);
            let written = plan.apply(overwrite, interrupt)?;
            (written, step.and_then(|it| it.end(&notes, &folder, &moved, interrupt)))
        } else {
            let (others, paths) = (plan.others.clone(), Paths::of(plan.paths()));
            let written = plan.apply(overwrite, interrupt)?;
            (written, Footprint::new(&notes, &folder, &paths, &others, interrupt))
        };
        Ok((written, footprint.map(|it| (notes, it))))
    }
}
