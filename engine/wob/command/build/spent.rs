//! What was needed to build, and is not any more.

use std::any::Any;

/// Memory that a process which goes on gives back by dropping this. One that ends forgets it: to give it back piece by piece, of which
/// other threads made most, takes a fifth of the time of a small build.
#[derive(Default)]
pub(crate) struct Spent(Vec<Box<dyn Any + Send>>);

impl Spent {
    /// Keeps something until all is dropped or forgotten.
    pub(super) fn add(&mut self, it: impl Any + Send) {
        self.0.push(Box::new(it));
    }
}
