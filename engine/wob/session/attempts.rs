//! Sessions of one command, one after the other: the first reads only what edits concern, if that is known, and each later one
//! goes on from what the one before has left.

use std::sync::Arc;

use wob_host::Interrupt;

use super::{Remarks, Session};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    reads::Narrowed,
    stored::Stored,
    stream::Streams,
    workspace::Start,
};

/// How a command reads its sources, as often as it must.
pub(crate) struct Attempts<'a, 's> {
    common: &'a Common,
    patterns: &'a Patterns,
    streams: &'s Streams,
    interrupt: Interrupt,
    /// The part to begin with.
    part: Option<(Narrowed, Start)>,
    start: Start,
    stored: Option<Arc<Stored>>,
}

impl<'a, 's> Attempts<'a, 's> {
    /// Begins with a `part` of the sources, if it is known which one; says why if Ctrl-C cannot be caught.
    pub(crate) fn new(
        common: &'a Common,
        patterns: &'a Patterns,
        streams: &'s Streams,
        part: Option<(Narrowed, Start)>,
    ) -> Result<Self, Exit> {
        let interrupt = Session::interrupt(streams)?;
        let (start, stored) = (Start::default(), None);
        Ok(Self { common, patterns, streams, interrupt, part, start, stored })
    }

    /// Reads the sources; says why if that cannot be done.
    pub(crate) fn next(&mut self) -> Result<Session<'s>, Exit> {
        let Self { common, patterns, streams, interrupt, .. } = self;
        if let Some(part) = self.part.take()
            && let Some(session) =
                Session::start_narrowed(common, patterns, streams, part, interrupt)?
        {
            return Ok(session.sparing());
        }
        let start = std::mem::take(&mut self.start);
        let session =
            Session::start_from(common, patterns, streams, start, interrupt.clone())?.sparing();
        Ok(session.storing(self.stored.take()))
    }

    /// Lets the next one go on from what `session` has left, of which the user has heard these `remarks`.
    pub(crate) fn go_on(&mut self, session: Session<'_>, remarks: Remarks) {
        // A part of the sources is nothing to go on from.
        if session.narrowed.is_none() {
            let left = session.leave();
            (self.start.before, self.stored) = (Some(left.loaded), Some(left.stored));
        } else if remarks == Remarks::Told {
            self.start.told = session.remarks();
        }
    }
}
