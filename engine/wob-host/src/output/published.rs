//! What a commit holds that wob wrote, and what of it somebody else has changed since.

use std::collections::BTreeMap;

use wob_engine::{Digest, FilePath};

use super::{MANIFEST, Manifest, OutputError, ground::FILE_BYTES};
use crate::{Commit, Repository};

/// What wob wrote into a tree, as a commit has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedTree {
    /// The text of `.wob/tree.json`; none if there is none.
    pub record: Option<String>,
    /// What it owns; nothing if the record is missing or damaged.
    pub manifest: Manifest,
    /// The files that it owns and that are not as wob wrote them, sorted.
    pub edited: Vec<FilePath>,
}

impl PublishedTree {
    /// Reads the tree of `commit`.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn read(repository: &Repository, commit: &Commit) -> Result<Self, OutputError> {
        let path = FilePath::new(MANIFEST).expect("because the name is constant");
        let mut record = None;
        let mut take =
            |_, bytes: Vec<u8>| record = Some(String::from_utf8_lossy(&bytes).into_owned());
        repository.read_files(commit.tree, [path].into_iter(), FILE_BYTES, &mut take)?;
        let manifest = record.as_deref().and_then(Manifest::parse).unwrap_or_default();
        let mut found: BTreeMap<FilePath, Digest> = BTreeMap::new();
        let mut take = |path, bytes: Vec<u8>| {
            found.insert(path, Digest::of(&bytes));
        };
        let paths = manifest.paths().cloned();
        repository.read_files(commit.tree, paths, FILE_BYTES, &mut take)?;
        let is_edited = |it: &&FilePath| found.get(*it).copied() != manifest.digest(it);
        let edited = manifest.paths().filter(is_edited).cloned().collect();
        Ok(Self { record, manifest, edited })
    }
}
