//! `wob.lock`: at which commits the branches of other repositories are read.
//!
//! **Invariant:** one set of inputs has one text. No digest covers the file as a whole, so that the lines of one input change
//! for no other.

mod merge;
mod read;

use std::{collections::BTreeMap, fmt::Write as _};

use wob_engine::{Digest, Place};
use wob_host::{GitId, RepositoryId, redact};

pub(crate) use self::{merge::Settled, read::ReadLock};

/// The name of the file.
pub(crate) const LOCK_FILE: &str = "wob.lock";

/// What the file begins with.
const HEAD: &str = "\
# At which commits the branches of other repositories are read. `wob lock` and `wob update` write it; commit it.
version = 1
";

/// What a lock file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    /// The inputs, by what they are asked for by.
    pub(crate) inputs: BTreeMap<InputKey, LockedInput>,
}

/// What an input is asked for by: a folder of a branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InputKey {
    /// The branch.
    pub(crate) branch: BranchKey,
    /// The folder; empty for the root.
    pub(crate) path: String,
}

/// A branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BranchKey {
    /// The repository, however its address is spelt.
    pub(crate) repository: RepositoryId,
    /// The branch.
    pub(crate) name: String,
}

/// An input and what it was when it was locked: what a block of the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockedInput {
    /// The first of the objects that name it.
    pub(crate) name: String,
    /// The address, without secrets.
    pub(crate) url: String,
    /// The branch.
    pub(crate) reference: String,
    /// The folder; empty for the root.
    pub(crate) path: String,
    /// What was found there.
    pub(crate) pin: Pin,
}

/// What a folder of a branch was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The commit.
    pub(crate) commit: GitId,
    /// The git id of the folder.
    pub(crate) tree: GitId,
    /// BLAKE3 over the files that wob reads.
    pub(crate) content: Digest,
    /// When the commit was made, in seconds since 1970.
    pub(crate) time_s: i64,
}

/// A lock file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct LockFile {
    /// What it says.
    pub(crate) lock: Lock,
    /// Its text.
    pub(crate) text: String,
    /// Where each input stands.
    pub(crate) places: BTreeMap<InputKey, Place>,
}

impl InputKey {
    /// Returns what the folder `path` of the branch `reference` of the repository at `url` is asked for by.
    pub(crate) fn new(url: &str, reference: &str, path: &str) -> Self {
        let branch = BranchKey { repository: RepositoryId::of(url), name: reference.to_owned() };
        Self { branch, path: path.to_owned() }
    }
}

impl LockedInput {
    /// Returns what it is asked for by.
    pub(crate) fn key(&self) -> InputKey {
        InputKey::new(&self.url, &self.reference, &self.path)
    }

    fn block(&self) -> String {
        let Self { name, url, reference, path, pin } = self;
        let Pin { commit, tree, content, time_s } = pin;
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        let mut block = "\n[[input]]\n".to_owned();
        let mut line = |key: &str, value: &str| {
            writeln!(block, "{key} = {value}").expect("because a text can always grow");
        };
        line("name", &quoted(name));
        line("url", &quoted(&redact(url)));
        line("ref", &quoted(reference));
        if !path.is_empty() {
            line("path", &quoted(path));
        }
        line("commit", &quoted(&commit.to_string()));
        line("tree", &quoted(&tree.to_string()));
        line("blake3", &quoted(&content.to_string()));
        line("time", &time_text(*time_s));
        block
    }
}

impl Lock {
    /// Returns the text of the file: the inputs by name, then address, branch and folder.
    pub(crate) fn to_text(&self) -> String {
        let mut inputs: Vec<&LockedInput> = self.inputs.values().collect();
        inputs.sort_by_key(|it| (&it.name, &it.url, &it.reference, &it.path));
        inputs.iter().fold(HEAD.to_owned(), |text, it| text + &it.block())
    }

    /// Lists the branches of which folders are locked at different commits, each with one input for each commit.
    pub(crate) fn apart(&self) -> Vec<Vec<&LockedInput>> {
        let mut branches: BTreeMap<&BranchKey, BTreeMap<GitId, &LockedInput>> = BTreeMap::new();
        for (key, input) in &self.inputs {
            branches.entry(&key.branch).or_default().entry(input.pin.commit).or_insert(input);
        }
        let apart = branches.into_values().filter(|it| it.len() > 1);
        apart.map(|it| it.into_values().collect()).collect()
    }

    /// Returns the commit at which another folder of the branch is locked.
    pub(crate) fn sibling(&self, branch: &BranchKey) -> Option<GitId> {
        self.inputs.iter().find(|(key, _)| key.branch == *branch).map(|(_, it)| it.pin.commit)
    }
}

/// Returns a time as the file has it; one that no calendar has becomes the nearest one.
pub(crate) fn time_text(time_s: i64) -> String {
    jiff::Timestamp::from_second(clamped(time_s))
        .expect("because it was clamped to what there is")
        .to_string()
}

/// Returns the nearest time that TOML can write: from the year 0 to 9999.
pub(crate) fn clamped(time_s: i64) -> i64 {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_207_200;
    time_s.clamp(FIRST, LAST)
}

#[cfg(test)]
mod tests;
