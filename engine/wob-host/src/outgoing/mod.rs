//! A repository elsewhere that commits are pushed to, through a bare copy in the user's cache and the program `git`.
//!
//! The program is git's own because gix cannot push, and because nothing else has all of git's ways to log in. It asks nobody:
//! whoever has no terminal must not hang. **Invariant:** a reference there changes only from what it was seen to be.

mod program;
mod told;

use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};

use self::program::Git;
use crate::{
    BranchName, Cache, FetchError, GitId, Interrupt, Interrupted, Repository,
    address::{Identity, identity, redact},
};

/// A repository elsewhere, with its copy in the cache, which nobody else uses meanwhile.
#[derive(Debug)]
pub struct Outgoing {
    url: String,
    folder: Utf8PathBuf,
    interrupt: Interrupt,
    /// Keeps other processes out; none for a repository of the user.
    _lock: Option<fs::File>,
}

/// How a reference shall change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name, such as `refs/heads/stage`.
    pub name: String,
    /// What it points to now; none if there must be no such reference.
    pub from: Option<GitId>,
    /// What it shall point to; none to remove it.
    pub to: Option<GitId>,
}

/// A commit that somebody made by hand.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManualCommit {
    /// The commit.
    pub commit: String,
    /// Who wrote it: the name and the address.
    pub author: String,
    /// The first line of what it says.
    pub subject: String,
    /// The files that it changes, sorted.
    pub files: Vec<String>,
}

/// Why something cannot be had from, or brought to, a repository elsewhere. No message holds a secret of an address.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] FetchError),
    /// The program cannot be run.
    #[error("could not run `git`: {0}")]
    Program(#[source] std::io::Error),
    /// A reference is not what it was seen to be: somebody was faster.
    #[error("`{url}` has changed meanwhile: {reason}")]
    Raced {
        /// The address.
        url: String,
        /// What git says.
        reason: String,
    },
    /// The repository does not take it, such as a hook that says no.
    #[error("`{url}` refused the push: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// What it says.
        reason: String,
    },
    /// The host wants credentials, or other ones.
    #[error("`{url}` refuses access: {reason}")]
    Unauthorized {
        /// The address.
        url: String,
        /// What git says.
        reason: String,
    },
    /// The copy in the cache is damaged, or the disk refuses.
    #[error("could not {attempt} the copy `{folder}`: {reason}")]
    Copy {
        /// What was attempted.
        attempt: &'static str,
        /// The folder.
        folder: Utf8PathBuf,
        /// What git says.
        reason: String,
    },
    /// There is no repository, or the host does not answer.
    #[error("could not {attempt} `{url}`: {reason}")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// The address.
        url: String,
        /// What git says.
        reason: String,
    },
}

impl Outgoing {
    /// Opens the copy of the repository at `url`, or makes an empty one.
    ///
    /// # Errors
    /// If the cache cannot be used, or the user stops it while it waits for another process.
    pub fn open(cache: &Cache, url: &str, interrupt: &Interrupt) -> Result<Self, PushError> {
        let (url, folder) = (absolute(url), Self::folder_of(cache, url));
        let lock = cache.lock(&folder, interrupt)?;
        let outgoing = Self { url, folder, interrupt: interrupt.clone(), _lock: Some(lock) };
        if Repository::open(&outgoing.folder).is_err() {
            outgoing.renew()?;
        }
        Ok(outgoing)
    }

    /// Returns the folder in which the copy of the repository at `url` lies, or would.
    pub fn folder_of(cache: &Cache, url: &str) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}-out", cache.repository(&absolute(url))))
    }

    /// Returns the address of the repository at `url` as it is shown once it was opened, without secrets.
    pub fn shown_at(url: &str) -> String {
        redact(&absolute(url))
    }

    /// Makes the copy anew: it may be damaged in a way that shows only when it is used, and costs time only.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn renew(&self) -> Result<(), PushError> {
        fs::remove_dir_all(&self.folder).ok();
        let folder = self.folder.parent().unwrap_or(Utf8Path::new("."));
        let name = self.folder.file_name().unwrap_or_default();
        let made =
            Git::new(folder, &self.interrupt).run(&["init", "--quiet", "--bare", "--", name])?;
        if made.is_ok { Ok(()) } else { Err(self.damaged("make", &made.errors)) }
    }

    /// Pushes from a repository of the user to the one at `url`, instead of from a copy.
    pub fn from(repository: &Repository, url: &str, interrupt: &Interrupt) -> Self {
        let (folder, interrupt) = (repository.place(), interrupt.clone());
        Self { url: url.trim().to_owned(), folder, interrupt, _lock: None }
    }

    /// Returns the address, without secrets.
    pub fn shown(&self) -> String {
        redact(&self.url)
    }

    /// Returns the folder of the copy.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Lists the references there whose full names begin with one of `prefixes`, as they are at one moment.
    ///
    /// # Errors
    /// See [`PushError`].
    pub fn references(&self, prefixes: &[&str]) -> Result<BTreeMap<String, GitId>, PushError> {
        let listed = self.git().run(&["ls-remote", "--refs", "--", &self.url])?;
        if !listed.is_ok {
            return Err(self.failed("read the branches of", &listed.errors));
        }
        let pairs = listed.output.lines().filter_map(|it| it.split_once('\t'));
        let wanted = pairs.filter(|(_, name)| prefixes.iter().any(|it| name.starts_with(it)));
        Ok(wanted.filter_map(|(id, name)| Some((name.to_owned(), GitId::parse(id)?))).collect())
    }

    /// Fetches commits with their whole history; those that are here are not fetched again.
    ///
    /// # Errors
    /// [`PushError::Raced`] if one is not there any more; see [`PushError`].
    pub fn fetch(&self, references: &[(&str, GitId)]) -> Result<(), PushError> {
        let repository = Repository::open(&self.folder).map_err(FetchError::from)?;
        let missing = references.iter().filter(|(_, id)| !repository.has_commit(*id));
        let specs: Vec<String> =
            missing.map(|(name, _)| format!("+{name}:refs/wob/fetched/{name}")).collect();
        if specs.is_empty() {
            return Ok(());
        }
        let mut arguments =
            vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", &self.url];
        arguments.extend(specs.iter().map(String::as_str));
        let fetched = self.git().run(&arguments)?;
        let repository = Repository::open(&self.folder).map_err(FetchError::from)?;
        let is_here = |(_, id): &(&str, GitId)| repository.has_commit(*id);
        if references.iter().all(is_here) {
            return Ok(());
        }
        if fetched.is_ok || fetched.errors.contains("couldn't find remote ref") {
            let reason = "a branch moved while it was fetched".to_owned();
            return Err(PushError::Raced { url: self.shown(), reason });
        }
        Err(self.failed("fetch from", &fetched.errors))
    }

    /// Points a branch of the copy to `commit`, or removes it.
    ///
    /// # Errors
    /// If the copy cannot be written.
    pub fn set_local(&self, branch: &BranchName, commit: Option<GitId>) -> Result<(), PushError> {
        let name = format!("refs/heads/{}", branch.as_str());
        let commit = commit.map(|it| it.to_string());
        let set = match &commit {
            Some(commit) => self.git().run(&["update-ref", &name, commit])?,
            None => self.git().run(&["update-ref", "-d", &name])?,
        };
        if set.is_ok { Ok(()) } else { Err(self.damaged("write", &set.errors)) }
    }

    /// Changes references there, each only if it is what `from` says; all of them or none, where the host can.
    ///
    /// # Errors
    /// [`PushError::Raced`] if one is not what it should be; see [`PushError`].
    pub fn push(&self, updates: &[RefUpdate]) -> Result<(), PushError> {
        if updates.is_empty() {
            return Ok(());
        }
        let told = self.try_push(updates, &["--atomic"])?;
        if told.lacks_atomic() {
            // In their order, so that the first decides who was faster.
            for update in updates {
                let update = std::slice::from_ref(update);
                let told = self.try_push(update, &[])?;
                self.judge(told, update)?;
            }
            return Ok(());
        }
        self.judge(told, updates)
    }

    fn try_push(&self, updates: &[RefUpdate], options: &[&str]) -> Result<told::Told, PushError> {
        let id = |it: Option<GitId>| it.map(|it| it.to_string()).unwrap_or_default();
        let mut arguments: Vec<String> = self.packing().iter().map(|it| (*it).to_owned()).collect();
        arguments.extend(["push".to_owned(), "--porcelain".to_owned()]);
        arguments.extend(options.iter().map(|it| (*it).to_owned()));
        for RefUpdate { name, from, .. } in updates {
            arguments.push(format!("--force-with-lease={name}:{}", id(*from)));
        }
        arguments.extend(["--".to_owned(), self.url.clone()]);
        arguments
            .extend(updates.iter().map(|RefUpdate { name, to, .. }| format!("{}:{name}", id(*to))));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let pushed = self.git().run(&arguments)?;
        Ok(told::Told::read(&pushed))
    }

    /// Returns how git packs what it pushes.
    fn packing(&self) -> &'static [&'static str] {
        match identity(&self.url) {
            // Differences are costly to find, save nothing on the way to a folder, and git writes them out there as whole objects.
            Identity::Local { .. } => &["-c", "pack.window=0", "-c", "pack.compression=1"],
            Identity::Remote { .. } => &[],
        }
    }

    fn judge(&self, told: told::Told, updates: &[RefUpdate]) -> Result<(), PushError> {
        let url = self.shown();
        match told {
            told::Told::Done => Ok(()),
            told::Told::Raced(reason) => Err(PushError::Raced { url, reason: redact(&reason) }),
            told::Told::Refused(reason) => Err(PushError::Refused { url, reason: redact(&reason) }),
            // The connection may have ended before the answer came, and after everything was done.
            told::Told::Failed(_) if self.has_arrived(updates) => Ok(()),
            told::Told::Failed(reason) => Err(self.failed("push to", &reason)),
        }
    }

    /// Says whether every reference is known to be what it shall be.
    fn has_arrived(&self, updates: &[RefUpdate]) -> bool {
        let names: Vec<&str> = updates.iter().map(|it| it.name.as_str()).collect();
        let there = self.references(&names);
        let is_there =
            |found: &BTreeMap<_, _>, it: &RefUpdate| found.get(&it.name).copied() == it.to;
        there.is_ok_and(|found| updates.iter().all(|it| is_there(&found, it)))
    }

    /// Returns the first parent of a commit that is here; none if it has none.
    ///
    /// # Errors
    /// If the program cannot be run.
    pub fn parent(&self, commit: GitId) -> Result<Option<GitId>, PushError> {
        let found =
            self.git().run(&["rev-parse", "--verify", "--quiet", &format!("{commit}^1")])?;
        Ok(GitId::parse(found.output.trim()))
    }

    /// Lists the commits on `tip` that wob did not make since it changed `record` last, newest first, at most `most`.
    ///
    /// # Errors
    /// If the copy cannot be read.
    pub fn manual_commits(
        &self,
        tip: GitId,
        record: &str,
        most: usize,
    ) -> Result<Vec<ManualCommit>, PushError> {
        let tip = tip.to_string();
        let last = self.git().run(&["log", "-1", "--format=%H", &tip, "--", record])?;
        let last = last.output.trim();
        if last.is_empty() {
            return Ok(vec![]);
        }
        let (hidden, most) = (format!("^{last}"), format!("--max-count={most}"));
        let format = "--format=%x01%H%x02%an <%ae>%x02%s";
        let log = self.git().run(&[
            "log",
            "--no-merges",
            "--name-only",
            "-z",
            &most,
            format,
            &tip,
            &hidden,
            "--",
        ])?;
        if !log.is_ok {
            return Err(self.damaged("read the history of", &log.errors));
        }
        Ok(log.output.split('\u{1}').filter_map(ManualCommit::read).collect())
    }

    fn git(&self) -> Git<'_> {
        Git::new(&self.folder, &self.interrupt)
    }

    fn damaged(&self, attempt: &'static str, errors: &str) -> PushError {
        let (folder, reason) = (self.folder.clone(), redact(&told::reason(errors)));
        PushError::Copy { attempt, folder, reason }
    }

    fn failed(&self, attempt: &'static str, errors: &str) -> PushError {
        let (url, reason) = (self.shown(), redact(&told::reason(errors)));
        if told::is_about_access(&reason) {
            return PushError::Unauthorized { url, reason };
        }
        PushError::Failed { attempt, url, reason }
    }
}

/// A path means the same from wherever git is started.
fn absolute(url: &str) -> String {
    match identity(url) {
        Identity::Local { path } => path,
        Identity::Remote { .. } => url.trim().to_owned(),
    }
}

impl ManualCommit {
    fn read(text: &str) -> Option<Self> {
        let plain = |it: &str| it.chars().filter(|it| !it.is_control()).collect::<String>();
        let (head, files) = text.split_once(['\n', '\0']).unwrap_or((text, ""));
        let mut parts = head.split('\u{2}');
        let (commit, author, subject) = (parts.next()?, parts.next()?, parts.next()?);
        let files = files.split(['\0', '\n']).filter(|it| !it.is_empty());
        let mut files: Vec<String> = files.map(plain).collect();
        files.sort();
        Some(Self {
            commit: commit.to_owned(),
            author: plain(author),
            subject: plain(subject),
            files,
        })
    }
}
