//! What whoever works here has chosen: what is checked out and the default branch, each with what it was before; and what
//! another commit has that they do not.

use std::collections::BTreeMap;

use gix::{
    bstr::{BString, ByteSlice as _},
    objs::tree::EntryKind,
};

use super::{Commit, GitError, GitId, Repository};
use crate::{LimitError, ReadLimits};

/// The default branch where `origin` does not say which it is.
const DEFAULT_BRANCH: &str = "main";
/// Where git notes the default branch of `origin`.
const ORIGIN_HEAD: &str = "refs/remotes/origin/HEAD";
const OF_ORIGIN: &str = "refs/remotes/origin/";

/// A file or folder, without its name.
type Entry = (EntryKind, GitId);

impl Repository {
    /// Returns what is checked out, and the default branch as it is here and at `origin`, as far as they are there. Nobody but
    /// whoever works here chooses the first, and nobody gets a commit into the others without those who look after them.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn chosen(&self) -> Result<Vec<Commit>, GitError> {
        let local = self.local();
        let of_origin = local.find_reference(ORIGIN_HEAD).ok().and_then(|it| {
            let target = it.target().try_name()?.as_bstr().to_str().ok()?.to_owned();
            Some(target.strip_prefix(OF_ORIGIN)?.to_owned())
        });
        let default = of_origin.unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        let names = [
            ("HEAD", "HEAD".to_owned()),
            (&*default, format!("refs/heads/{default}")),
            (&format!("origin/{default}"), format!("{OF_ORIGIN}{default}")),
        ];
        let found = names.iter().filter_map(|(shown, name)| Some((shown, self.peel(name)?)));
        found.map(|(shown, id)| self.commit(shown, id)).collect()
    }

    /// Says whether `id` is one of `tips`, or was one before: of a merge, only what was merged into counts. Of a shallow clone,
    /// only what is here counts.
    ///
    /// # Errors
    /// If an object is missing.
    pub fn is_state_of(&self, id: GitId, tips: &[Commit]) -> Result<bool, GitError> {
        if tips.iter().any(|it| it.id == id) {
            return Ok(true);
        }
        let local = self.local();
        let found = || -> gix::Result<bool> {
            for commit in local.rev_walk(tips.iter().map(|it| it.id.0)).first_parent_only().all()? {
                if commit?.id == id.0 {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        found().map_err(self.failed("read the history"))
    }

    /// Returns the path of the first file of two trees that counts and is not the same in both, its right to be run included.
    /// Submodules are left out.
    ///
    /// # Errors
    /// If an object is missing, or folders are nested too deeply.
    pub fn first_difference(
        &self,
        trees: [GitId; 2],
        counts: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>, GitError> {
        let local = self.local();
        let trees = trees.map(Some);
        let compare = Compare { local: &local, counts, depth: ReadLimits::default().depth };
        compare.folders(trees, "", 0).map_err(|stop| match stop {
            Stop::Limit(error) => self.limited()(error),
            Stop::Failed(error) => self.failed("compare two commits")(error),
        })
    }
}

/// Why comparing ends early.
enum Stop {
    Limit(LimitError),
    Failed(gix::Error),
}

impl From<gix::Error> for Stop {
    fn from(error: gix::Error) -> Self {
        Self::Failed(error)
    }
}

struct Compare<'c> {
    local: &'c gix::Repository,
    counts: &'c dyn Fn(&str) -> bool,
    depth: usize,
}

impl Compare<'_> {
    fn folders(
        &self,
        trees: [Option<GitId>; 2],
        below: &str,
        depth: usize,
    ) -> Result<Option<String>, Stop> {
        if trees[0] == trees[1] {
            return Ok(None);
        }
        if depth > self.depth {
            let path = below.to_owned();
            return Err(Stop::Limit(LimitError::Depth { path, limit: self.depth }));
        }
        let mut entries: BTreeMap<BString, [Option<Entry>; 2]> = BTreeMap::new();
        for (side, tree) in trees.into_iter().enumerate() {
            let Some(tree) = tree else { continue };
            for entry in self.local.find_tree(tree.0)?.iter() {
                let entry = entry?;
                let found = (entry.kind(), GitId(entry.object_id()));
                entries.entry(entry.filename().to_owned()).or_default()[side] = Some(found);
            }
        }
        for (name, sides) in entries.into_iter().filter(|(_, it)| it[0] != it[1]) {
            let path = if below.is_empty() { name.to_string() } else { format!("{below}/{name}") };
            let folder =
                |it: Option<Entry>| it.filter(|it| it.0 == EntryKind::Tree).map(|(_, id)| id);
            let is_file = |it: &Option<Entry>| {
                it.is_some_and(|it| !matches!(it.0, EntryKind::Tree | EntryKind::Commit))
            };
            if sides.iter().any(is_file) && (self.counts)(&path) {
                return Ok(Some(path));
            }
            if let Some(found) = self.folders(sides.map(folder), &path, depth + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
