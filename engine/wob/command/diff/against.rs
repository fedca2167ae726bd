//! What was published: a folder that trees were written to, or a branch or commit of a repository.

use std::{fmt, str::FromStr};

use camino::Utf8PathBuf;
use wob_host::{Destination, GitError, Interrupt, OutputBranch, OutputError, OutputFolder, redact};

use crate::{
    args::Common,
    command::build,
    exit::Exit,
    proof::{Depth, Origin},
    session::Session,
    stream::Streams,
};

/// Stands for the name of each environment.
const PLACEHOLDER: &str = "{environment}";

/// Where something was published; both parts may hold `{environment}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Against {
    Folder(String),
    Revision { repository: String, revision: String },
}

impl FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a folder, or REPO#REV such as ../gitops.git#stage".to_owned());
        }
        // What else is wrong is said when it is opened: clap would quote an address with its secrets.
        Ok(Self::of_repository(text).unwrap_or_else(|| Self::Folder(text.to_owned())))
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => f.write_str(folder),
            Self::Revision { repository, revision } => {
                write!(f, "{}#{revision}", redact(repository))
            }
        }
    }
}

impl Against {
    /// Reads `REPO#REV`; `None` for anything else.
    pub(super) fn of_repository(text: &str) -> Option<Self> {
        // A folder's name may hold a `#` too, a revision's hardly ever.
        let (repository, revision) = text.rsplit_once('#')?;
        let is_whole = !repository.is_empty() && !revision.is_empty();
        let (repository, revision) = (repository.to_owned(), revision.to_owned());
        is_whole.then_some(Self::Revision { repository, revision })
    }

    /// Opens what was published of an environment; says why if there is nothing.
    pub(super) fn open(
        &self,
        environment: &str,
        common: &Common,
        interrupt: &Interrupt,
        streams: &Streams,
    ) -> Result<Destination, Exit> {
        let start = common.directory.clone().unwrap_or_default();
        let filled = |text: &str| text.replace(PLACEHOLDER, environment);
        let refuse = |reason: String| {
            streams.fail(&reason);
            Exit::Usage
        };
        match self {
            Self::Folder(folder) if Origin::is_elsewhere(folder) => Err(refuse(format!(
                "`{}` is a repository, and no commit of it is named\n  \
                 help: write REPO#BRANCH or REPO#COMMIT",
                redact(folder)
            ))),
            Self::Folder(folder) => {
                let folder: Utf8PathBuf = start.join(filled(folder));
                if !folder.is_dir() {
                    return Err(refuse(format!(
                        "there is no folder `{folder}` to compare `//env:{environment}` with\n  \
                         help: name one that `wob build -o` wrote to, or REPO#BRANCH"
                    )));
                }
                Ok(Destination::Folder(OutputFolder::new(&folder, None)))
            }
            Self::Revision { repository, revision } if Origin::is_elsewhere(repository) => {
                let (address, revision) = (&*filled(repository), filled(revision));
                let origin = Origin { start: &start, address, common, interrupt };
                let fetched = origin.fetch(&revision, Depth::One).map_err(|failure| {
                    streams.fail(&failure.message);
                    failure.exit
                })?;
                let (place, id) = (fetched.repository.place(), fetched.commit.id.to_string());
                match OutputBranch::at(&place, &id) {
                    Ok(it) => Ok(Destination::Branch(Box::new(it))),
                    Err(error) => {
                        streams.fail(&error.to_string());
                        Err(Exit::Local)
                    }
                }
            }
            Self::Revision { repository, revision } => {
                let (repository, revision) = (start.join(filled(repository)), filled(revision));
                match OutputBranch::at(&repository, &revision) {
                    Ok(it) => Ok(Destination::Branch(Box::new(it))),
                    Err(OutputError::Git(
                        error @ (GitError::NoSuchRevision { .. } | GitError::NoRepository { .. }),
                    )) => Err(refuse(format!(
                        "{error}\n  help: write REPO#BRANCH or REPO#COMMIT, where REPO is a folder with a clone"
                    ))),
                    Err(error) => {
                        streams.fail(&error.to_string());
                        Err(Exit::Local)
                    }
                }
            }
        }
    }
}

/// Says why what was published cannot be read.
pub(super) fn fail(session: &Session<'_>, error: &OutputError) -> Exit {
    build::fail(session, "what is compared with", error)
}
