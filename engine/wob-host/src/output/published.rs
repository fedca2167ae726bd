//! What a commit holds that wob wrote, and what of it somebody else has changed since.

use std::collections::BTreeMap;

use wob_engine::{Digest, FilePath};

use super::{
    Failure, Manifest, OutputError,
    branch::{manifest_of, own_text},
    ground::FILE_BYTES,
};
use crate::{Commit, Repository};

/// What wob wrote into a tree, as a commit has it.
#[derive(Clone, Debug, Default)]
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
        let record = own_text(repository, commit)?;
        let failure = Failure::default();
        let parse = |it: &str| manifest_of(repository, commit, it, &failure);
        let manifest = record.as_deref().and_then(parse).unwrap_or_default();
        let mut found: BTreeMap<FilePath, Digest> = BTreeMap::new();
        let mut take = |path, bytes: Vec<u8>| {
            found.insert(path, Digest::of(&bytes));
        };
        let paths = manifest.paths().into_iter().cloned();
        repository.read_files(commit.tree, paths, FILE_BYTES, &mut take)?;
        let is_edited = |it: &&FilePath| found.get(*it).copied() != manifest.digest(it);
        let edited = manifest.paths().into_iter().filter(is_edited).cloned().collect();
        failure.check()?;
        Ok(Self { record, manifest, edited })
    }
}
