//! A walk over a value that always ends: a template can nest a map in itself, and can share one so often that its
//! tree is endless for all practical purposes.

use super::{arguments::failure, work};
use crate::FunctionError;

/// The deepest level that a walk visits.
const DEEPEST: usize = 128;

/// The most values that a walk visits.
const MOST_STEPS: usize = 1 << 20;

/// How far a walk has come.
#[derive(Default)]
pub(crate) struct Walk {
    depth: usize,
    steps: usize,
}

impl Walk {
    /// Starts at the root.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns how deep the walk is.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Counts one value.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn step(&mut self) -> Result<(), FunctionError> {
        self.steps += 1;
        work::count(1);
        if self.steps > MOST_STEPS {
            return Err(failure(format!("more than {MOST_STEPS} values to visit")));
        }
        Ok(())
    }

    /// Goes one level down.
    ///
    /// # Errors
    /// The value is nested too deeply.
    pub(crate) fn enter(&mut self) -> Result<(), FunctionError> {
        if self.depth == DEEPEST {
            return Err(failure(format!("the value is nested deeper than {DEEPEST} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    /// Goes back up.
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Visits the parts of a value.
    ///
    /// # Errors
    /// The value is nested too deeply, or what the visit says.
    pub(crate) fn within<T>(
        &mut self,
        visit: impl FnOnce(&mut Self) -> Result<T, FunctionError>,
    ) -> Result<T, FunctionError> {
        self.enter()?;
        let answer = visit(self);
        self.leave();
        answer
    }
}
