//! The query database, and the inputs that the host pushes into it: sources, which are sets of files.
#![expect(missing_docs, reason = "salsa's macros write methods that carry no documentation")]

use crate::{Content, FileName, FilePath, Origin};

/// The query database of one process. Cloning it shares all memoized results (one clone per thread).
#[salsa::db]
#[derive(Clone, Default)]
pub struct Database {
    storage: salsa::Storage<Self>,
}

#[salsa::db]
impl salsa::Database for Database {}

/// One file as the host read it: once, whole.
#[salsa::input(debug)]
pub struct SourceFile {
    /// The name that people see.
    #[returns(ref)]
    pub name: FileName,
    /// Where it lies in its source.
    #[returns(ref)]
    pub path: FilePath,
    /// What it holds.
    #[returns(ref)]
    pub content: Content,
}

/// A folder or a git tree.
#[salsa::input(debug)]
pub struct Source {
    /// Where it comes from.
    #[returns(ref)]
    pub origin: Origin,
    /// Its files, sorted by path; those that `.sourceignore` hides are not among them.
    #[returns(ref)]
    pub files: Vec<SourceFile>,
    /// The files that `.sourceignore` hides, sorted by path.
    #[returns(ref)]
    pub ignored_files: Vec<SourceFile>,
}
