//! The lock files of a workspace: which one pins what, what was asked of it, and what was found.
//!
//! **Invariant:** a lock file chooses among the commits of repositories that sources name; it never names one to fetch from.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use wob_engine::{FileName, FilePath, LineIndex};
use wob_host::{GitId, redact};
use wob_rules::Name;

use crate::{
    args::Common,
    lock::{BranchKey, InputKey, LockFile, LockedInput, Pin, time_text},
    report::count,
};

/// What a run does about inputs that are not locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LockTask {
    /// Builds, and demands a lock or not.
    Build(Demand),
    /// Finds out what is to be locked; these branches are read as they are now, whatever is locked.
    Lock(BTreeSet<BranchKey>),
}

/// Whether an input that is not locked is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// It is not.
    Never,
    /// It is, where there is a lock file.
    WhereThereIsOne,
    /// It is.
    Always,
}

/// Where a lock file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In a folder on disk.
    Folder(Utf8PathBuf),
    /// On a branch of the workspace's own repository.
    Branch {
        /// The branch.
        name: String,
        /// The folder; none for the root.
        folder: Option<FilePath>,
    },
    /// In another repository, or at a commit; what people call it.
    Elsewhere(String),
}

/// A lock file, and what was asked of it.
#[derive(Clone, Debug)]
pub(crate) struct AskedLock {
    /// Where it lies, or would lie.
    pub(crate) home: Home,
    /// The environment whose inputs it pins; none if it pins those of all, or control planes.
    pub(crate) environment: Option<Name>,
    /// What people call it.
    pub(crate) name: FileName,
    /// What it says; none if there is no such file.
    pub(crate) file: Option<LockFile>,
    /// The inputs that sources named by branch.
    pub(crate) asked: BTreeMap<InputKey, Asked>,
}

/// An input that sources named by branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The objects that name it.
    pub(crate) names: BTreeSet<String>,
    /// The address, without secrets.
    pub(crate) url: String,
    /// What was found there; none if it could not be read, or nobody wanted to know.
    pub(crate) found: Option<Pin>,
}

/// The lock files of a run.
#[derive(Debug)]
pub(super) struct Locks {
    /// All that were read, in the order in which they were opened.
    pub(super) all: Vec<AskedLock>,
    /// The one that counts now.
    pub(super) current: usize,
    task: LockTask,
}

/// A commit that does not hold what was locked.
#[derive(Debug, thiserror::Error)]
#[error(
    "{place}: commit {commit} of `{url}` is not what was locked: `{field}` is {found}, and should be {expected}\n  \
     help: if the block was edited or merged by hand, delete it and run `wob lock`; else the repository or the cache was tampered with"
)]
pub(crate) struct Mismatch {
    place: String,
    commit: GitId,
    url: String,
    field: &'static str,
    expected: String,
    found: String,
}

/// At which commit to read a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// As it is now.
    Not,
    /// At the commit at which another folder of it is locked.
    Beside(GitId),
    /// At the commit that is locked; what was found there must be the same.
    At(LockedInput),
    /// Nowhere: it must be locked first.
    Refused {
        /// Why.
        reason: String,
        /// The way out.
        help: String,
    },
}

impl Demand {
    /// Returns what the command line demands, and else the environment: continuous integration wants what is committed.
    pub(super) fn of(common: &Common) -> Self {
        let is_ci = || std::env::var_os("CI").is_some_and(|it| it == "true");
        if common.locked {
            Self::Always
        } else if !common.no_locked && is_ci() {
            Self::WhereThereIsOne
        } else {
            Self::Never
        }
    }
}

impl AskedLock {
    /// Returns what is locked for `key`.
    pub(crate) fn locked(&self, key: &InputKey) -> Option<&LockedInput> {
        self.file.as_ref()?.lock.inputs.get(key)
    }

    /// Returns where the block of `key` stands: `wob.lock:7`.
    fn place(&self, key: &InputKey) -> String {
        let name = self.name.as_str();
        let line = self.file.as_ref().and_then(|file| {
            let wob_engine::At::Bytes(span) = file.places.get(key)?.at else { return None };
            Some(LineIndex::new(&file.text).line_column(&file.text, span.start).line)
        });
        line.map_or_else(|| name.to_owned(), |it| format!("{name}:{it}"))
    }

    /// Lists what is asked for and not locked.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (&InputKey, &Asked)> {
        self.asked.iter().filter(|(key, _)| self.locked(key).is_none())
    }
}

impl Locks {
    pub(super) fn new(task: LockTask) -> Self {
        Self { all: vec![], current: 0, task }
    }

    /// Makes `lock` the one that counts.
    pub(super) fn open(&mut self, lock: AskedLock) {
        self.current = self.all.len();
        self.all.push(lock);
    }

    /// Says whether what is found is to be noted.
    pub(super) fn is_noting(&self) -> bool {
        matches!(self.task, LockTask::Lock(_))
    }

    /// Notes that `name` asks for the folder `key` of the repository at `url`, and returns at which commit to read it.
    pub(super) fn ask(&mut self, name: &Name, url: &str, key: &InputKey) -> Locked {
        let Some(lock) = self.all.get_mut(self.current) else { return Locked::Not };
        let asked = lock.asked.entry(key.clone()).or_insert_with(|| Asked {
            names: BTreeSet::new(),
            url: redact(url),
            found: None,
        });
        asked.names.insert(name.to_string());
        let demand = match &self.task {
            LockTask::Lock(renewed) if renewed.contains(&key.branch) => return Locked::Not,
            LockTask::Lock(_) => Demand::Never,
            LockTask::Build(demand) => *demand,
        };
        if let Some(found) = lock.locked(key) {
            return Locked::At(found.clone());
        }
        let is_demanded = match demand {
            Demand::Never => false,
            Demand::WhereThereIsOne => lock.file.is_some(),
            Demand::Always => true,
        };
        if is_demanded {
            return refused(lock, url, key);
        }
        let sibling = lock.file.as_ref().and_then(|it| it.lock.sibling(&key.branch));
        sibling.map_or(Locked::Not, Locked::Beside)
    }

    /// Says whether `key` is locked, even if it is to be locked anew.
    pub(super) fn has(&self, key: &InputKey) -> bool {
        self.all.get(self.current).is_some_and(|it| it.locked(key).is_some())
    }

    /// Takes back what was asked: it was read where nothing need be locked.
    pub(super) fn forget(&mut self, key: &InputKey) {
        if let Some(lock) = self.all.get_mut(self.current) {
            lock.asked.remove(key);
        }
    }

    /// Compares what was found for `key` with what is locked.
    pub(super) fn check(
        &self,
        key: &InputKey,
        wanted: Pin,
        found: Pin,
    ) -> Result<(), Box<Mismatch>> {
        let differing = [
            ("tree", wanted.tree.to_string(), found.tree.to_string()),
            ("blake3", wanted.content.to_string(), found.content.to_string()),
            ("time", time_text(wanted.time_s), time_text(found.time_s)),
        ];
        let Some((field, expected, found)) = differing.into_iter().find(|it| it.1 != it.2) else {
            return Ok(());
        };
        let lock = &self.all[self.current];
        let url = lock.asked.get(key).map_or_else(String::new, |it| it.url.clone());
        let (place, commit) = (lock.place(key), wanted.commit);
        Err(Box::new(Mismatch { place, commit, url, field, expected, found }))
    }

    /// Notes what was found for `key`.
    pub(super) fn note(&mut self, key: &InputKey, found: Pin) {
        let lock = self.all.get_mut(self.current);
        if let Some(asked) = lock.and_then(|it| it.asked.get_mut(key)) {
            asked.found = Some(found);
        }
    }

    /// Returns what the user should hear of inputs that are not locked.
    pub(super) fn remarks(&self) -> Vec<String> {
        let LockTask::Build(demand) = self.task else { return vec![] };
        let remark = |lock: &AskedLock| {
            let names: BTreeSet<&String> = lock.missing().flat_map(|(_, it)| &it.names).collect();
            let first = names.first()?;
            let inputs = match names.len() {
                1 => format!("`{first}` is"),
                all => {
                    format!("`{first}` and {} are", count(all - 1, "other input", "other inputs"))
                }
            };
            match (&lock.file, demand) {
                (Some(_), _) => Some(format!(
                    "{inputs} not in `{}`, and read as the branch is now; `wob lock` adds what is missing",
                    lock.name
                )),
                (None, Demand::WhereThereIsOne) => Some(format!(
                    "{inputs} not locked: the next build may read other commits; `wob lock` pins them in `{}`",
                    lock.name
                )),
                (None, Demand::Never | Demand::Always) => None,
            }
        };
        // Refused ones were reported as errors.
        if demand == Demand::Always {
            return vec![];
        }
        let is_told = |it: &&AskedLock| demand == Demand::Never || it.file.is_none();
        self.all.iter().filter(is_told).filter_map(remark).collect()
    }
}

fn refused(lock: &AskedLock, url: &str, key: &InputKey) -> Locked {
    let (url, branch) = (redact(url), &key.branch.name);
    let reason = match lock.file {
        Some(_) => format!("branch `{branch}` of `{url}` is not locked in `{}`", lock.name),
        None => format!("branch `{branch}` of `{url}` is not locked: there is no `{}`", lock.name),
    };
    let help = "run `wob lock` and commit what it writes; `--no-locked` builds without".to_owned();
    Locked::Refused { reason, help }
}
