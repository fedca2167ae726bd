//! Places as `file:line:column`, for results that point into sources.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use wob_engine::Place;

use super::{Files, Texts, printable};

/// Finds places in the files of a run, each of which is read once.
pub(crate) struct Places<'t>(Files<'t>);

/// A place as people and programs read it; without numbers it is the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl<'t> Places<'t> {
    /// Looks places up in `texts`.
    pub(crate) fn new(texts: &'t dyn Texts) -> Self {
        Self(Files { texts, read: BTreeMap::new() })
    }

    /// Returns where `place` is.
    pub(crate) fn find(&mut self, place: &Place) -> Position {
        let start = self.0.find(place).map(|it| it.start);
        Position {
            file: place.file.to_string(),
            line: start.map(|it| it.line),
            column: start.map(|it| it.column),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file))?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            (Some(_) | None, _) => Ok(()),
        }
    }
}
