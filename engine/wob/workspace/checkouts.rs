//! Checkouts: finds the commit that a folder on disk belongs to.

use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::Origin;
use wob_host::{GitError, ReadOptions, Repository, Snapshot};

/// The repositories that folders were found in, each opened only once.
#[derive(Debug, Default)]
pub(super) struct Checkouts {
    /// By the root of the checkout; none if there is only something that looks like a repository.
    opened: BTreeMap<Utf8PathBuf, Option<Repository>>,
}

impl Checkouts {
    /// Says where `folder`, of which `snapshot` was read and which people call `shown`, comes from; `None` without a commit.
    pub(super) fn origin(
        &mut self,
        folder: &Utf8Path,
        shown: &str,
        snapshot: &Snapshot,
        options: &ReadOptions<'_>,
    ) -> Result<Option<Origin>, GitError> {
        let Some(repository) = self.around(folder)? else { return Ok(None) };
        let origin = repository.origin_of(folder, snapshot, options)?;
        let is_shared = repository.remotes().iter().any(|it| it.name == "origin");
        Ok(origin.map(|origin| {
            // Without an address, a path on this machine would tell others less than the folder's name.
            let url = if is_shared { origin.url } else { shown.to_owned() };
            Origin { url, ..origin }
        }))
    }

    /// Returns the repository whose checkout holds `folder`: the nearest one above.
    fn around(&mut self, folder: &Utf8Path) -> Result<Option<&Repository>, GitError> {
        let Ok(folder) = folder.canonicalize_utf8() else { return Ok(None) };
        for root in folder.ancestors().filter(|it| fs::symlink_metadata(it.join(".git")).is_ok()) {
            if !self.opened.contains_key(root) {
                let opened = match Repository::open(root) {
                    Ok(repository) => Some(repository),
                    Err(GitError::NoRepository { .. }) => None,
                    Err(error) => return Err(error),
                };
                self.opened.insert(root.to_owned(), opened);
            }
            if matches!(self.opened.get(root), Some(Some(_))) {
                return Ok(self.opened[root].as_ref());
            }
        }
        Ok(None)
    }
}
