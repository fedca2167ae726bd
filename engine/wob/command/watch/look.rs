//! A look at the outputs of a watch, beside everything else: what was trusted while one typed is made sure of when it is calm.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use camino::Utf8PathBuf;
use wob_host::Interrupt;

use crate::{
    footprint::{Footprint, PlaceNotes, Trust},
    stored::Stored,
};

/// Joins what many edits added to the store, beside everything else: to do it between two of them would delay the second one.
pub(super) fn tidy_aside(stored: Arc<Stored>) {
    // It costs time at most if it fails, and is tried again.
    thread::spawn(move || stored.tidy().unwrap_or_default());
}

/// A look at every file of some outputs, beside everything else; it ends early when it is dropped.
pub(super) struct Look {
    thread: Option<JoinHandle<bool>>,
    stop: Interrupt,
}

impl Look {
    /// Begins a look at the outputs of which something is noted, and that lie in these folders.
    pub(super) fn begin(outputs: Vec<(PlaceNotes, Utf8PathBuf)>) -> Self {
        let stop = Interrupt::default();
        let stopped = stop.clone();
        let holds = move || {
            outputs.iter().all(|(notes, folder)| {
                let Some(it) = Footprint::read(notes) else { return false };
                // Whoever stopped it does not ask.
                it.still_holds(notes, folder, Trust::Nothing, &stopped).unwrap_or(true)
            })
        };
        Self { thread: Some(thread::spawn(holds)), stop }
    }

    /// Says whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Says whether everything is as it was left; waits for the end.
    pub(super) fn holds(mut self) -> bool {
        self.thread.take().is_none_or(|it| it.join().unwrap_or(false))
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // What it would have said nobody asks any more.
            drop(thread.join());
        }
    }
}
