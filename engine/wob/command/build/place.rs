//! Where trees go: one place for each environment, and one build at a time in it.

use std::{
    collections::BTreeMap,
    fs,
    path::{self, PathBuf},
    str::FromStr,
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::FilePath;
use wob_host::{
    BranchName, Destination, EarlyFiles, Holder, OutputBranch, OutputError, OutputFolder,
    OutputLock, Waiting,
};

use super::destination::{DEFAULT_OUT, Output};
use crate::{
    args::Common, exit::Exit, footprint::PlaceNotes, reads::PlacesNote, report::count,
    session::Session,
};

/// Stands for the name of each environment.
const PLACEHOLDER: &str = "{environment}";

/// A branch of a repository on this machine, as the user wrote it: `REPO#BRANCH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Into {
    repository: String,
    branch: String,
}

/// Where the tree of one environment goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Folder(Utf8PathBuf),
    /// A folder that came with the workspace, or might have: no part of it below `root` may be a link.
    Own {
        root: Utf8PathBuf,
        below: FilePath,
    },
    Branch {
        repository: Utf8PathBuf,
        branch: BranchName,
    },
}

/// The places that no other build may write to.
#[derive(Debug, Default)]
pub(crate) struct Locks(BTreeMap<Place, OutputLock>);

/// Whether what was read may be old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Fresh,
    /// Another build was in the same place since.
    BeforeAnother,
}

impl FromStr for Into {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A folder's name may hold a `#` too; a branch whose name does can be put behind another one.
        let (repository, branch) = text
            .rsplit_once('#')
            .filter(|(repository, branch)| !repository.is_empty() && !branch.is_empty())
            .ok_or("expected REPO#BRANCH, such as ../gitops.git#stage")?;
        if repository.contains("://") {
            return Err(
                "the repository must be a folder on this machine: clone it first".to_owned()
            );
        }
        BranchName::new(&branch.replace(PLACEHOLDER, "x"))
            .ok_or_else(|| format!("`{branch}` cannot be the name of a branch"))?;
        Ok(Self { repository: repository.to_owned(), branch: branch.to_owned() })
    }
}

impl Into {
    fn has_placeholder(&self) -> bool {
        self.repository.contains(PLACEHOLDER) || self.branch.contains(PLACEHOLDER)
    }
}

impl Output {
    /// Returns the place of each selected environment.
    pub(crate) fn places(
        &self,
        common: &Common,
        session: &Session<'_>,
    ) -> Result<BTreeMap<String, Place>, Exit> {
        let start = common.directory.clone().unwrap_or_default();
        let (option, text, each) = match (&self.into, &self.out) {
            (Some(it), _) => {
                ("--into", format!("{}#{}", it.repository, it.branch), it.has_placeholder())
            }
            (None, Some(it)) => ("-o", it.to_string(), it.as_str().contains(PLACEHOLDER)),
            (None, None) => ("-o", DEFAULT_OUT.to_owned(), true),
        };
        if session.targets.len() > 1 && !each {
            let environments = count(session.targets.len(), "environment", "environments");
            let example = match &self.into {
                Some(it) => format!("{}#{PLACEHOLDER}", it.repository),
                None => format!("{text}/{PLACEHOLDER}"),
            };
            let what = if self.into.is_some() { "branch" } else { "folder" };
            session.streams.fail(&format!(
                "{environments} would be written to one {what} `{text}`\n  \
                 help: select one, or write `{option} '{example}'`"
            ));
            return Err(Exit::Usage);
        }
        let place = |name: &str| match (&self.into, &self.out) {
            (Some(into), _) => {
                let branch = BranchName::new(&into.branch.replace(PLACEHOLDER, name));
                let repository = start.join(into.repository.replace(PLACEHOLDER, name));
                branch.map(|branch| Place::Branch { repository, branch })
            }
            (None, Some(out)) => {
                Some(Place::Folder(start.join(out.as_str().replace(PLACEHOLDER, name))))
            }
            (None, None) => {
                let below = FilePath::new(&format!("{DEFAULT_OUT}/{name}")).ok()?;
                Some(Place::Own { root: session.workspace.root.clone(), below })
            }
        };
        let mut places = BTreeMap::new();
        for name in session.targets.iter().map(|it| it.name.as_str()) {
            let Some(place) = place(name) else {
                session.streams.fail(&format!("`{name}` cannot be part of a branch's name"));
                return Err(Exit::Usage);
            };
            places.insert(name.to_owned(), place);
        }
        Ok(places)
    }
}

impl Place {
    /// Opens the place as it is now.
    pub(super) fn open(&self) -> Result<Destination, OutputError> {
        Ok(match self {
            Self::Folder(folder) => Destination::Folder(OutputFolder::new(folder, None)),
            Self::Own { root, below } => Destination::Folder(OutputFolder::new(root, Some(below))),
            Self::Branch { repository, branch } => {
                Destination::Branch(Box::new(OutputBranch::open(repository, branch)?))
            }
        })
    }

    /// Returns where files shall be compressed as soon as they are rendered, if all of them will be written in that form.
    pub(super) fn early(&self) -> Option<Arc<EarlyFiles>> {
        // Only a branch needs to be opened, and what is wrong with it is told where it is written.
        let is_branch = matches!(self, Self::Branch { .. });
        is_branch.then(|| self.open().ok()?.early()).flatten().map(Arc::new)
    }

    /// Returns what all builds sort it by, however it is named.
    fn key(&self) -> (PathBuf, String) {
        let (folder, branch) = match self {
            Self::Folder(folder) => (folder.clone(), ""),
            Self::Own { root, below } => (root.join(below.as_str()), ""),
            Self::Branch { repository, branch } => (repository.clone(), branch.as_str()),
        };
        let absolute = fs::canonicalize(&folder).or_else(|_| path::absolute(&folder));
        (absolute.unwrap_or_default(), branch.to_owned())
    }

    /// Returns where it is noted what is known of `environment` in this place.
    pub(crate) fn notes(&self, environment: &str) -> Option<PlaceNotes> {
        let (folder, branch) = self.key();
        PlaceNotes::find(environment, &folder.to_string_lossy(), &branch)
    }

    /// Returns where it is noted what is known of all `places`, by environment.
    pub(crate) fn all_notes(places: &BTreeMap<String, Self>) -> PlacesNote {
        let notes = places.iter().filter_map(|(name, it)| Some(vec![it.notes(name)?]));
        PlacesNote::new(notes.collect())
    }

    /// Returns the folder on disk; none for a branch.
    pub(super) fn folder(&self) -> Option<Utf8PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.clone()),
            Self::Own { root, below } => Some(root.join(below.as_str())),
            Self::Branch { .. } => None,
        }
    }

    /// Returns what people call it: from where they are, if it is below.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => shown(folder).to_string(),
            Self::Own { root, below } => shown(&root.join(below.as_str())).to_string(),
            Self::Branch { repository, branch } => {
                format!("{}#{}", shown(repository), branch.as_str())
            }
        }
    }
}

impl Locks {
    /// Locks those of `places` that are not locked yet, always in the same order, so that no two builds wait for each other.
    pub(crate) fn take(
        &mut self,
        places: &BTreeMap<String, Place>,
        session: &Session<'_>,
        output: &Output,
    ) -> Result<Read, Exit> {
        let arguments = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned());
        let command: Vec<String> = ["wob".to_owned()].into_iter().chain(arguments).collect();
        let holder = Holder::this(&command.join(" "));
        let mut read = Read::Fresh;
        let mut sorted: Vec<&Place> = places.values().collect();
        sorted.sort_by_cached_key(|it| it.key());
        sorted.dedup();
        for place in sorted {
            if self.0.contains_key(place) {
                continue;
            }
            let shown = place.shown();
            let mut tell = |other: &str| {
                session.streams.say(&format!("waiting for {other}, which is writing to `{shown}`"));
            };
            let waiting = if output.no_wait { Waiting::Never } else { Waiting::Tell(&mut tell) };
            let lock = place.open().and_then(|it| it.lock(&holder, waiting, &session.interrupt));
            let lock = match lock {
                Ok(lock) => lock,
                Err(error @ (OutputError::Locked { .. } | OutputError::Interrupted(_))) => {
                    return Err(super::write::fail(session, &shown, &error));
                }
                // Writing will meet it again and say it, and the other environments are built.
                Err(_) => continue,
            };
            if lock.waited() {
                read = Read::BeforeAnother;
            }
            self.0.insert(place.clone(), lock);
        }
        Ok(read)
    }
}

/// Returns a folder as people write it: from where they are, if it is below.
fn shown(folder: &Utf8Path) -> Utf8PathBuf {
    let here = std::env::current_dir().ok().and_then(|it| Utf8PathBuf::from_path_buf(it).ok());
    let below = here.as_deref().and_then(|here| folder.strip_prefix(here).ok());
    below.unwrap_or(folder).to_owned()
}
