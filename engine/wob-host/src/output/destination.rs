//! Where trees are written: a folder, or a branch of a git repository.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rayon::prelude::*;
use wob_engine::{Blob, FilePath, Tree};

use super::{OutputBranch, OutputError, OutputFolder, Plan, Previous, Standing, TreeRecord};
use crate::{EarlyFiles, Holder, Interrupt, OutputLock, Waiting};

/// A place that a tree is written to.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A folder on disk.
    Folder(OutputFolder),
    /// A branch, as it was when it was opened.
    Branch(Box<OutputBranch>),
}

impl Destination {
    /// See [`OutputBranch::early`]; none for a folder.
    pub fn early(&self) -> Option<EarlyFiles> {
        match self {
            Self::Folder(_) => None,
            Self::Branch(it) => it.early(),
        }
    }

    /// See [`OutputBranch::with_early`]; a folder stays as it is.
    #[must_use]
    pub fn with_early(self, early: Option<Arc<EarlyFiles>>) -> Self {
        match self {
            Self::Folder(_) => self,
            Self::Branch(it) => Self::Branch(Box::new(it.with_early(early))),
        }
    }

    /// Returns what people call it.
    pub fn shown(&self) -> Utf8PathBuf {
        match self {
            Self::Folder(it) => it.root(),
            Self::Branch(it) => it.shown(),
        }
    }

    /// Reads what wob wrote before.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn previous(&self) -> Result<Previous, OutputError> {
        match self {
            Self::Folder(it) => it.previous(),
            Self::Branch(it) => it.previous(),
        }
    }

    /// Reads the file at `path`; `None` if there is none, or one that is too large.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        match self {
            Self::Folder(it) => it.read(path),
            Self::Branch(it) => it.read(path),
        }
    }

    /// Reads the files at `paths` as [`Destination::read`] does; of a folder, with all the threads of the current rayon pool.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read_all(&self, paths: &[FilePath]) -> Result<Vec<Option<Vec<u8>>>, OutputError> {
        match self {
            Self::Folder(it) => paths.par_iter().map(|path| it.read(path)).collect(),
            Self::Branch(it) => paths.iter().map(|path| it.read(path)).collect(),
        }
    }

    /// Reads those of `paths` that are still as wob wrote them, and gives each to `take`.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read_owned(
        &self,
        paths: impl Iterator<Item = FilePath>,
        previous: &Previous,
        take: &mut dyn FnMut(FilePath, Blob),
    ) -> Result<(), OutputError> {
        match self {
            Self::Folder(folder) => {
                for path in paths {
                    if let Some(blob) = folder.read_owned(&path, previous)? {
                        take(path, blob);
                    }
                }
                Ok(())
            }
            Self::Branch(it) => it.read_owned(paths, previous, take),
        }
    }

    /// Compares `tree` with what lies there, and changes nothing. `record` is about the tree; of a folder, `standing` is known.
    ///
    /// # Errors
    /// If the tree cannot lie there at all, or the place cannot be read.
    pub fn plan(
        &self,
        tree: &Tree,
        record: &TreeRecord,
        standing: &Standing,
        interrupt: &Interrupt,
    ) -> Result<Plan, OutputError> {
        match self {
            Self::Folder(it) => it.plan(tree, record, standing, interrupt),
            Self::Branch(it) => it.plan(tree, record, interrupt),
        }
    }

    /// Keeps other builds out of this place until the result is dropped.
    ///
    /// A place that may not be written is not locked: whoever writes nothing is in nobody's way.
    ///
    /// # Errors
    /// [`OutputError::Locked`] if another build is there and `waiting` is not wanted; or what the operating system says.
    pub fn lock(
        &self,
        holder: &Holder,
        waiting: Waiting<'_>,
        interrupt: &Interrupt,
    ) -> Result<OutputLock, OutputError> {
        match self {
            Self::Folder(it) => it.lock(holder, waiting, interrupt),
            Self::Branch(it) => OutputLock::take(&it.lock_path(), holder, waiting, interrupt),
        }
    }
}
