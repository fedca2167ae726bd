//! Writes a tree into a folder, or into a branch of a git repository, that may hold files of others.
//!
//! Planning looks at what is there and changes nothing; applying does what the plan says. `.wob/tree.json` says which files
//! are wob's own. In a folder, `.wob/journal.json` is there while a tree is being written, so that the next run recognises
//! what a crash left, and `.wob/lock` names who builds.

mod amend;
mod apply;
mod branch;
mod changes;
mod destination;
mod disk;
mod drafts;
mod ground;
mod held;
mod lock;
mod manifest;
mod paths;
mod plan;
mod published;
mod records;
mod waiting;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    sync::{Arc, Mutex, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, FilePath, JOURNAL_PATH, OWN_FOLDER, RECORD_PATH, Tree};

use self::ground::{Ground as _, Kind};
use crate::{FileSystem, GitError, Interrupt, Interrupted, RealFileSystem};

pub use amend::{Amendment, MovedPaths};
pub use apply::{Overwrite, Written};
pub use branch::OutputBranch;
pub use changes::{Change, Changes, Counts};
pub use destination::Destination;
pub use held::{Digests, Held, HeldFile};
pub use lock::{Holder, OutputLock, Waiting, has_output_lock};
pub use manifest::{Manifest, ReadPart};
pub use plan::{Others, Plan, Standing};
pub use published::PublishedTree;

/// How the names of new contents begin that wait for their places.
const TEMPORARY: &str = ".wob-new-";

/// A folder that a tree is written into.
#[derive(Clone, Debug)]
pub struct OutputFolder {
    files: Arc<dyn FileSystem>,
    /// What no file may leave.
    folder: Utf8PathBuf,
    /// Where the tree begins.
    prefix: Option<FilePath>,
}

/// What a tree says of itself: the texts of its own record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeRecord {
    /// The text that `.wob/tree.json` shall have.
    pub head: String,
    /// The texts of the records of its parts, by folder.
    pub parts: Arc<BTreeMap<FilePath, Blob>>,
}

/// What wob wrote into a folder before.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// What it owns; nothing if `.wob/tree.json` is missing or damaged.
    pub manifest: Manifest,
    /// The text of `.wob/tree.json`, if there is one, damaged or not.
    pub text: Option<String>,
    /// What runs that crashed since were about to write, oldest first; what of it was written is wob's own too.
    pub unfinished: Vec<Manifest>,
    /// Why the record of a part could not be read, of which then nothing seems to be owned.
    failure: Failure,
}

/// The first thing that went wrong where nobody waits for an answer.
#[derive(Clone, Debug, Default)]
struct Failure(Arc<Mutex<Option<OutputError>>>);

impl Failure {
    /// Takes what there is of `found`.
    fn note<T>(&self, found: Result<Option<T>, OutputError>) -> Option<T> {
        found.unwrap_or_else(|error| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            None
        })
    }

    fn check(&self) -> Result<(), OutputError> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }
}

impl Previous {
    /// Says whether there is no sign of an earlier run.
    fn is_nothing(&self) -> bool {
        self.text.is_none() && self.unfinished.is_empty()
    }

    /// Makes sure that whatever was asked for could be read.
    ///
    /// # Errors
    /// If a part's record could not, so that what was learned from it is wrong.
    pub fn check(&self) -> Result<(), OutputError> {
        self.failure.check()
    }
}

/// Why a tree is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Ctrl-C, before anything was changed.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Files that are not wob's, or were edited, would be lost.
    #[error(
        "`{folder}` holds {count} files that are not as wob wrote them, such as `{first}`: nothing was written"
    )]
    Conflicts {
        /// The output folder, or the repository and the branch.
        folder: Utf8PathBuf,
        /// How many files.
        count: usize,
        /// The first of them.
        first: FilePath,
    },
    /// A folder on the way is a link.
    #[error("`{path}` is a link or a file, not a folder, so nothing can be written below it")]
    Link {
        /// The link.
        path: Utf8PathBuf,
    },
    /// A folder that holds files of others stands where a file must be.
    #[error(
        "`{path}` must become a file, but is a folder that holds other files: nothing was written"
    )]
    FolderInTheWay {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// The tree has a file where its own folder must be, or a path that is reserved.
    #[error("the tree cannot be written: `{path}` {reason}")]
    Path {
        /// The path.
        path: FilePath,
        /// What is wrong with it.
        reason: String,
    },
    /// Another build holds the lock, and nobody wants to wait.
    #[error("another build is writing there: {holder}")]
    Locked {
        /// The file that is locked.
        path: Utf8PathBuf,
        /// Who holds the lock.
        holder: String,
    },
    /// The branch is not where it was when it was read.
    #[error("`{branch}` moved while it was being written: nothing was changed there; build again")]
    Moved {
        /// The repository and the branch.
        branch: Utf8PathBuf,
    },
    /// Moving the branch would make a checkout look as if everything in it had been edited.
    #[error("`{branch}` is checked out in `{folder}`: nothing was written")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// The checkout.
        folder: Utf8PathBuf,
    },
    /// The repository cannot be read or written.
    #[error(transparent)]
    Git(GitError),
    /// Another process is writing into the folder without the lock, which not all disks have; or one was killed there, and its `.wob` deleted.
    #[error("`{path}` exists: another wob is writing here; if none is, delete it")]
    Busy {
        /// The file or folder that the other one left or writes.
        path: Utf8PathBuf,
    },
    /// The operating system refuses; nothing was changed.
    #[error("could not {attempt} `{path}`: {source}")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused while files were being replaced.
    #[error(
        "could not {attempt} `{path}`: {source}; the tree is half written, and the next build will finish it"
    )]
    HalfWritten {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl OutputFolder {
    /// Names the folder; it need not exist. With a `prefix`, the tree and its `.wob` lie in that folder below it.
    ///
    /// `folder` itself may be a link; nothing below it may.
    pub fn new(folder: &Utf8Path, prefix: Option<&FilePath>) -> Self {
        Self::on(Arc::new(RealFileSystem), folder, prefix)
    }

    /// Names a folder of another file system.
    pub fn on(files: Arc<dyn FileSystem>, folder: &Utf8Path, prefix: Option<&FilePath>) -> Self {
        Self { files, folder: folder.to_owned(), prefix: prefix.cloned() }
    }

    /// Returns where the tree begins.
    pub fn root(&self) -> Utf8PathBuf {
        match &self.prefix {
            Some(prefix) => self.folder.join(prefix.as_str()),
            None => self.folder.clone(),
        }
    }

    /// Reads what wob wrote before.
    ///
    /// # Errors
    /// If a folder on the way is a link, or may not be read.
    pub fn previous(&self) -> Result<Previous, OutputError> {
        self.check_prefix()?;
        let text = self.read_own(RECORD_PATH)?;
        let journal = self.read_own(JOURNAL_PATH)?;
        let (files, root) = (self.files.clone(), self.root());
        let failure = Failure::default();
        let noted = failure.clone();
        let read: ReadPart =
            Arc::new(move |path| noted.note(disk::Disk::new(&*files, &root).read(path)));
        let manifest = text.as_deref().and_then(|it| Manifest::parse(it, &read));
        Ok(Previous {
            manifest: manifest.unwrap_or_default(),
            text,
            unfinished: journal.map(|it| manifest::parse_journal(&it)).unwrap_or_default(),
            failure,
        })
    }

    /// Reads a file that wob wrote, if it is still as wob wrote it.
    ///
    /// # Errors
    /// If a folder on the way is a link, or the file may not be read.
    pub fn read_owned(
        &self,
        path: &FilePath,
        previous: &Previous,
    ) -> Result<Option<Blob>, OutputError> {
        let Some(digest) = previous.manifest.digest(path) else { return Ok(None) };
        let found = self.read(path)?;
        Ok(found.map(Blob::new).filter(|it| it.digest() == digest))
    }

    /// Compares `tree` with what is on disk, of which `standing` is known, and changes nothing. `record` is about the tree.
    ///
    /// # Errors
    /// If the tree cannot lie in this folder at all, or the folder cannot be read.
    pub fn plan(
        &self,
        tree: &Tree,
        record: &TreeRecord,
        standing: &Standing,
        interrupt: &Interrupt,
    ) -> Result<Plan, OutputError> {
        plan::plan(self, tree, record, standing, interrupt)
    }

    fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        disk::Disk::new(&*self.files, &self.root()).read(path)
    }

    fn check_prefix(&self) -> Result<(), OutputError> {
        let Some(prefix) = &self.prefix else { return Ok(()) };
        match disk::Disk::new(&*self.files, &self.folder).kind(prefix)? {
            Kind::Absent | Kind::Folder => Ok(()),
            Kind::File | Kind::Other | Kind::Blocked(_) => {
                Err(OutputError::Link { path: self.root() })
            }
        }
    }

    /// Reads a file of `.wob`; `None` if there is none, or it is no text.
    fn read_own(&self, name: &str) -> Result<Option<String>, OutputError> {
        let path = FilePath::new(name).expect("because the names are constant");
        let bytes = self.read(&path)?;
        Ok(bytes.map(|it| String::from_utf8_lossy(&it).into_owned()))
    }
}

/// Says whether a path leads where only git, or wob itself, writes.
fn is_reserved(path: &FilePath) -> bool {
    is_reserved_below(path.as_str(), 0)
}

/// Says whether a path leads where only git, or wob itself, writes: as any file system reads it, which may ignore case,
/// characters that are not visible, dots and spaces at the end, and what follows a colon; or know git's folder by its
/// short name. Its first `checked` bytes are folders of which it is known that they do not.
fn is_reserved_below(path: &str, checked: usize) -> bool {
    let is_any = |component: &str, names: &[&str]| {
        let read: Cow<'_, str> = if component.is_ascii() {
            component.into()
        } else {
            component.chars().filter(|it| !is_left_out(*it)).collect()
        };
        let read = read.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        names.iter().any(|it| read.eq_ignore_ascii_case(it))
    };
    let mut components = path[checked..].split('/');
    let is_git = components.clone().any(|it| is_any(it, &[".git", "git~1"]));
    is_git || checked == 0 && components.next().is_some_and(|it| is_any(it, &[OWN_FOLDER]))
}

/// Says whether HFS+ takes a name with this character for the same name without it.
fn is_left_out(it: char) -> bool {
    matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn failed(
    attempt: &'static str,
    path: impl AsRef<Utf8Path>,
) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.as_ref().to_owned();
    move |source| OutputError::Failed { attempt, path, source }
}

/// What [`failed`] says, where files are being replaced.
fn half_written(
    attempt: &'static str,
    path: impl AsRef<Utf8Path>,
) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.as_ref().to_owned();
    move |source| OutputError::HalfWritten { attempt, path, source }
}

/// Lists the folders above a path, the outermost first.
fn folders_above(path: &FilePath) -> impl Iterator<Item = &str> {
    let text = path.as_str();
    text.match_indices('/').map(|(end, _)| &text[..end])
}

/// Says whether `folder`, or the nearest folder above it that exists, takes `a` and `A` for the same name.
fn ignores_case(folder: &Utf8Path) -> bool {
    let Some(existing) = folder.ancestors().find_map(|it| fs::canonicalize(it).ok()) else {
        return false;
    };
    let Some(name) = existing.file_name().and_then(|it| it.to_str()) else { return false };
    let swap = |it: char| {
        if it.is_ascii_lowercase() { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() }
    };
    let swapped: String = name.chars().map(swap).collect();
    // Names without letters tell nothing; then ask what such systems do by default.
    if swapped == name {
        return cfg!(any(windows, target_os = "macos"));
    }
    let other = existing.with_file_name(swapped);
    fs::canonicalize(other).is_ok_and(|it| it == existing)
}
