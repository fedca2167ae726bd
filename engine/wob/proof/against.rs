//! What is to be proven: `REPO#COMMIT`, `REPO#A..B`, or a folder.

use std::{convert::Infallible, str::FromStr};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{FilePath, RECORD_PATH};
use wob_host::{
    Cache, Commit, Elsewhere, FetchError, Fetched, GitError, Held, Interrupt, Policy, Repository,
};

use crate::{args::Common, exit::Exit, workspace::WorkspaceError};

/// Where trees lie that are to be proven, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Against {
    text: String,
    /// Or what is wrong with the text.
    place: Result<Place, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Folder(Utf8PathBuf),
    Commits { repository: String, commits: Commits, folder: Option<FilePath> },
}

/// Which commits of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Commits {
    One(String),
    /// Those behind the first, up to and with the last; without a first, all of them.
    Range(Option<String>, String),
}

/// A tree that is to be proven.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The commit; none for a folder on disk.
    pub(crate) commit: Option<Commit>,
    /// Who made the commit.
    pub(crate) author: Option<String>,
    /// What is there.
    pub(crate) held: Held,
    /// What was there before: the first parent.
    pub(crate) before: Option<Held>,
}

/// The trees that are to be proven.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// Oldest first.
    pub(crate) all: Vec<Subject>,
    /// Whether it is a history.
    pub(crate) is_range: bool,
}

impl FromStr for Against {
    type Err = Infallible;

    // What is wrong is said when it is opened: clap would quote an address with its secrets.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self { text: text.to_owned(), place: Place::parse(text) })
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        let Some((repository, rest)) = text.rsplit_once('#') else {
            if text.is_empty() {
                return Err("nothing is named".to_owned());
            }
            if text.contains("://") {
                return Err("no commit is named".to_owned());
            }
            return Ok(Self::Folder(text.into()));
        };
        if repository.is_empty() {
            return Err("no repository is named".to_owned());
        }
        // No name of a branch or tag holds a colon.
        let (commits, folder) = rest.split_once(':').map_or((rest, None), |(a, b)| (a, Some(b)));
        let folder = match folder.map(|it| it.trim_end_matches('/')) {
            None | Some("" | ".") => None,
            Some(path) => Some(FilePath::new(path).map_err(|it| {
                format!("`{}` cannot be part of a folder in a commit", it.component)
            })?),
        };
        let commits = match commits.split_once("..") {
            Some((_, last)) if last.is_empty() || last.starts_with('.') => {
                return Err("a history needs its last commit".to_owned());
            }
            Some((first, last)) => {
                let first = Some(first).filter(|it| !it.is_empty()).map(str::to_owned);
                Commits::Range(first, last.to_owned())
            }
            None if commits.is_empty() => return Err("no commit is named".to_owned()),
            None => Commits::One(commits.to_owned()),
        };
        Ok(Self::Commits { repository: repository.to_owned(), commits, folder })
    }
}

impl Against {
    /// Names a folder.
    pub(crate) fn folder(folder: &Utf8Path) -> Self {
        Self { text: folder.to_string(), place: Ok(Place::Folder(folder.to_owned())) }
    }

    /// Returns what people call it, without secrets.
    pub(crate) fn shown(&self) -> String {
        wob_host::redact(&self.text)
    }

    /// Finds the one tree that is meant; a history is refused.
    pub(crate) fn open_one(
        &self,
        common: &Common,
        interrupt: &Interrupt,
    ) -> Result<Subject, Failure> {
        let Subjects { mut all, is_range } = self.open(common, interrupt)?;
        match (all.pop(), is_range) {
            (Some(subject), false) => Ok(subject),
            (Some(_) | None, _) => Err(Failure::usage(format!(
                "`{}` is a history\n  help: name one commit of it",
                self.shown()
            ))),
        }
    }

    /// Finds what is meant, fetching what is not here.
    pub(crate) fn open(&self, common: &Common, interrupt: &Interrupt) -> Result<Subjects, Failure> {
        let start = common.directory.clone().unwrap_or_default();
        let place = self.place.as_ref().map_err(|reason| {
            Failure::usage(format!(
                "`{}` cannot be compared with: {reason}\n  \
                 help: write REPO#COMMIT, REPO#A..B or a folder, such as ../gitops#stage",
                self.shown()
            ))
        })?;
        let (repository, commits, folder) = match place {
            Place::Folder(folder) => return self.folder_at(&start.join(folder)),
            Place::Commits { repository, commits, folder } => {
                (repository, commits, folder.as_ref())
            }
        };
        let source = Origin { start: &start, address: repository, common, interrupt };
        let (repository, found, is_range) = match commits {
            Commits::One(revision) => {
                let Fetched { repository, commit } = source.fetch(revision, Depth::One)?;
                (repository, vec![commit], false)
            }
            Commits::Range(first, last) => {
                let Fetched { repository, commit } = source.fetch(last, Depth::All)?;
                let first = match first {
                    // In the cache, branches have other names.
                    Some(it) => Some(
                        repository
                            .resolve(it)
                            .or_else(|_| source.fetch(it, Depth::All).map(|it| it.commit))?,
                    ),
                    None => None,
                };
                let mut found = repository.history(first.as_ref(), &commit)?;
                found.retain(|it| !is_beginning(&repository, it));
                (repository, found, true)
            }
        };
        let subject = |commit: Commit| -> Result<Subject, GitError> {
            Ok(Subject {
                author: Some(repository.details(&commit)?.signature()),
                held: Held::commit(&repository, &commit, folder)?,
                before: before(&repository, &commit, folder),
                commit: Some(commit),
            })
        };
        let all = found.into_iter().map(subject).collect::<Result<_, _>>()?;
        Ok(Subjects { all, is_range })
    }

    fn folder_at(&self, folder: &Utf8Path) -> Result<Subjects, Failure> {
        if !folder.is_dir() {
            return Err(Failure::usage(format!("there is no folder `{folder}`")));
        }
        if !folder.join(RECORD_PATH).exists() && Repository::open(folder).is_ok() {
            let shown = self.shown();
            return Err(Failure::usage(format!(
                "`{folder}` is a git repository, and no tree of wob is checked out there\n  \
                 help: name a commit, such as {shown}#main"
            )));
        }
        let subject =
            Subject { commit: None, author: None, held: Held::folder(folder), before: None };
        Ok(Subjects { all: vec![subject], is_range: false })
    }
}

/// Says whether a branch begins with this commit, and nothing is in it: that is how a branch is made which wob then writes to.
fn is_beginning(repository: &Repository, commit: &Commit) -> bool {
    /// What git calls a tree without files.
    const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let is_first = repository.details(commit).is_ok_and(|it| it.parents.is_empty() && !it.is_cut);
    is_first && commit.tree.to_string() == EMPTY
}

/// Returns what the commit before holds; none if there is none, or it is not here.
fn before(repository: &Repository, commit: &Commit, folder: Option<&FilePath>) -> Option<Held> {
    let parent = *repository.details(commit).ok()?.parents.first()?;
    let parent = repository.resolve(&parent.to_string()).ok()?;
    Held::commit(repository, &parent, folder).ok()
}

/// How much of a history is fetched.
#[derive(Clone, Copy)]
pub(crate) enum Depth {
    /// One commit.
    One,
    /// All that lead to it.
    All,
}

/// Where commits are fetched from.
pub(crate) struct Origin<'o> {
    /// The folder that paths are relative to.
    pub(crate) start: &'o Utf8Path,
    /// The address or path of the repository.
    pub(crate) address: &'o str,
    /// The options.
    pub(crate) common: &'o Common,
    /// Ends work early.
    pub(crate) interrupt: &'o Interrupt,
}

impl Origin<'_> {
    /// Says whether `address` names a repository on another machine.
    pub(crate) fn is_elsewhere(address: &str) -> bool {
        Cache::new(Utf8Path::new("")).place_of(address).1 == Elsewhere::Yes
    }

    /// Returns the commit that `revision` names, fetching what is not here.
    pub(crate) fn fetch(&self, revision: &str, depth: Depth) -> Result<Fetched, Failure> {
        let Self { start, address, common, interrupt } = self;
        let policy = if common.offline { Policy::Offline } else { Policy::Online };
        let (cache, address) = match !Self::is_elsewhere(address) {
            // It is read where it is, and no cache is needed.
            true if !address.contains("://") => {
                (Cache::new(Utf8Path::new("")), start.join(address).to_string())
            }
            true => (Cache::new(Utf8Path::new("")), (*address).to_owned()),
            false => (Cache::of_user().map_err(WorkspaceError::from)?, (*address).to_owned()),
        };
        let fetched = match depth {
            Depth::One => cache.fetch_revision(&address, revision, policy, interrupt),
            Depth::All => cache.fetch_history(&address, revision, policy, interrupt),
        };
        Ok(fetched?)
    }
}

/// Why there is nothing to prove.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What people read.
    pub(crate) message: String,
    /// How wob ends.
    pub(crate) exit: Exit,
}

impl Failure {
    fn usage(message: String) -> Self {
        Self { message, exit: Exit::Usage }
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        let shallow = matches!(
            &error,
            WorkspaceError::Fetch(FetchError::Git(GitError::Shallow { .. }))
                | WorkspaceError::Git(GitError::Shallow { .. })
        );
        // What was written on the command line is not there.
        let is_unknown = matches!(
            &error,
            WorkspaceError::Fetch(
                FetchError::NoSuchReference { .. }
                    | FetchError::NotFound { .. }
                    | FetchError::Address { .. }
                    | FetchError::Git(GitError::NoSuchRevision { .. }),
            ) | WorkspaceError::Git(
                GitError::NoSuchRevision { .. }
                    | GitError::NoSuchFolder { .. }
                    | GitError::NotBefore { .. },
            )
        );
        let help = "\n  help: `git fetch --unshallow` gets the rest of the history";
        Self {
            message: format!("{error}{}", if shallow { help } else { "" }),
            exit: if is_unknown { Exit::Usage } else { error.exit() },
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        WorkspaceError::from(error).into()
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        WorkspaceError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match Place::parse(text) {
            Ok(Place::Folder(folder)) => format!("folder {folder}"),
            Ok(Place::Commits { repository, commits, folder }) => {
                let commits = match commits {
                    Commits::One(revision) => revision,
                    Commits::Range(first, last) => {
                        format!("{} to {last}", first.as_deref().unwrap_or("the root"))
                    }
                };
                format!(
                    "{repository} | {commits} | {}",
                    folder.map_or("-".into(), |it| it.to_string())
                )
            }
            Err(error) => error,
        }
    }

    #[test]
    fn commits_histories_and_folders_are_told_apart() {
        for (text, meaning) in [
            ("../gitops", "folder ../gitops"),
            ("../gitops#stage", "../gitops | stage | -"),
            ("../a#b#stage", "../a#b | stage | -"),
            ("https://h/o/r#stage", "https://h/o/r | stage | -"),
            ("git@h:o/r#a/b..stage", "git@h:o/r | a/b to stage | -"),
            ("r#..stage", "r | the root to stage | -"),
            ("r#stage:clusters/west/", "r | stage | clusters/west"),
            ("r#a..b:.", "r | a to b | -"),
            ("", "nothing is named"),
            ("#stage", "no repository is named"),
            ("r#", "no commit is named"),
            ("r#a..", "a history needs its last commit"),
            ("r#a...b", "a history needs its last commit"),
            ("r#a:../b", "`..` cannot be part of a folder in a commit"),
            ("https://h/o/r", "no commit is named"),
        ] {
            assert_eq!(parse(text), meaning, "{text}");
        }
    }
}
