//! Checkouts: finds the commit that a folder or a program on disk belongs to.

use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Digest, Origin};
use wob_host::{GitError, Interrupt, ReadOptions, Repository, Snapshot};

use super::Seen;

/// The repositories that folders were found in, each opened only once.
#[derive(Debug, Default)]
pub(super) struct Checkouts {
    /// By the root of the checkout; none if there is only something that looks like a repository.
    opened: BTreeMap<Utf8PathBuf, Option<Repository>>,
    /// Whether there is anything called `.git` in a folder, as far as that was looked at: hundreds of sources lie side by side.
    probed: BTreeMap<Utf8PathBuf, bool>,
}

impl Checkouts {
    /// Notes the repositories around `folder`, a path without links, which are about to be asked where it comes from.
    pub(super) fn see(&mut self, folder: &Utf8Path, seen: &mut Seen, interrupt: &Interrupt) {
        for root in folder.ancestors() {
            // Whoever was looked at before was noted before.
            if self.probed.contains_key(root) {
                continue;
            }
            seen.presence(&root.join(".git"), interrupt);
            if self.has_git(root) {
                seen.repository(root, interrupt);
            }
        }
    }

    fn has_git(&mut self, root: &Utf8Path) -> bool {
        if let Some(known) = self.probed.get(root) {
            return *known;
        }
        let found = fs::symlink_metadata(root.join(".git")).is_ok();
        self.probed.insert(root.to_owned(), found);
        found
    }

    /// Says where `folder`, which is `real` without links, of which `snapshot` was read, and which people call `shown`, comes from;
    /// `None` without a commit.
    pub(super) fn origin(
        &mut self,
        (folder, real): (&Utf8Path, Option<&Utf8Path>),
        shown: &str,
        snapshot: &Snapshot,
        options: &ReadOptions<'_>,
    ) -> Result<Option<Origin>, GitError> {
        let Some(real) = real else { return Ok(None) };
        let Some(repository) = self.around(real)? else { return Ok(None) };
        let origin = repository.origin_of(folder, snapshot, options)?;
        Ok(origin.map(|it| told(it, repository, shown)))
    }

    /// Says where the program `file` comes from, whose bytes have `digest` and which people call `shown`; `None` without a
    /// commit.
    pub(super) fn program_origin(
        &mut self,
        file: &Utf8Path,
        shown: &str,
        digest: Digest,
    ) -> Result<Option<Origin>, GitError> {
        let folder = file.parent().and_then(|it| it.canonicalize_utf8().ok());
        let Some(folder) = folder else { return Ok(None) };
        let Some(repository) = self.around(&folder)? else { return Ok(None) };
        let origin = repository.origin_of_program(file, digest)?;
        Ok(origin.map(|it| told(it, repository, shown)))
    }

    /// Returns the repository whose checkout holds `folder`, a path without links: the nearest one above.
    fn around(&mut self, folder: &Utf8Path) -> Result<Option<&Repository>, GitError> {
        for root in folder.ancestors() {
            if !self.has_git(root) {
                continue;
            }
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

/// Says whether others can get the commits of `repository`, so that its address tells them something.
pub(super) fn is_shared(repository: &Repository) -> bool {
    repository.remotes().iter().any(|it| it.name == "origin")
}

/// Without an address, a path on this machine would tell others less than the name that people use.
fn told(origin: Origin, repository: &Repository, shown: &str) -> Origin {
    let url = if is_shared(repository) { origin.url } else { shown.to_owned() };
    Origin { url, ..origin }
}
