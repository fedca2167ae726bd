//! What a commit or a folder holds where wob may have written. It is only looked at, and each file is named by its digest.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Digest, FilePath, RECORD_PATH, Tree};

use super::{
    OutputError,
    disk::Disk,
    ground::{Bytes, FILE_BYTES, Ground as _, Kind},
};
use crate::{Commit, GitError, GitId, Interrupt, RealFileSystem, Repository, git::Leaf};

/// A place that is looked at.
#[derive(Clone, Debug)]
pub struct Held {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(Utf8PathBuf),
    Commit { repository: Box<Repository>, tree: GitId },
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldFile {
    /// A plain file with this BLAKE3.
    Plain(Digest),
    /// What wob never writes: a link, a submodule, an executable file, one that is too large.
    Other,
}

/// The digests of files in git, so that a file which many commits have is read once.
#[derive(Clone, Debug, Default)]
pub struct Digests(BTreeMap<GitId, HeldFile>);

impl Held {
    /// Names a folder on disk.
    pub fn folder(folder: &Utf8Path) -> Self {
        Self { place: Place::Folder(folder.to_owned()) }
    }

    /// Names a commit, or a folder in it.
    ///
    /// # Errors
    /// If the commit has no such folder.
    pub fn commit(
        repository: &Repository,
        commit: &Commit,
        folder: Option<&FilePath>,
    ) -> Result<Self, GitError> {
        let tree = repository.folder_id(commit, folder)?;
        Ok(Self { place: Place::Commit { repository: Box::new(repository.clone()), tree } })
    }

    /// Reads the record of the tree; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn record(&self) -> Result<Option<Vec<u8>>, OutputError> {
        self.read(&FilePath::new(RECORD_PATH).expect("because the name is constant"))
    }

    /// Reads the plain file at `path`; `None` if there is none, or one that is too large.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>, OutputError> {
        let mut found = None;
        match &self.place {
            Place::Folder(root) => found = Disk::new(&RealFileSystem, root).read(path)?,
            Place::Commit { repository, tree } => {
                let paths = std::iter::once(path.clone());
                repository.read_files(*tree, paths, FILE_BYTES, &mut |_, bytes| {
                    found = Some(bytes);
                })?;
            }
        }
        Ok(found)
    }

    /// Lists what is there by path, without `.git` and the root's `.wob`. Digests that are `known` are not made again.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn files(
        &self,
        known: &mut Digests,
        interrupt: &Interrupt,
    ) -> Result<BTreeMap<String, HeldFile>, OutputError> {
        match &self.place {
            Place::Folder(root) => on_disk(root, interrupt),
            Place::Commit { repository, tree } => committed(repository, *tree, known, interrupt),
        }
    }
}

fn on_disk(
    root: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<BTreeMap<String, HeldFile>, OutputError> {
    let mut disk = Disk::new(&RealFileSystem, root);
    let mut files = BTreeMap::new();
    for path in disk.files_below("", interrupt)? {
        interrupt.check()?;
        let file = match FilePath::new(&path) {
            Ok(path) if disk.kind(&path)? == Kind::File => match disk.bytes(&path)? {
                Bytes::Empty => HeldFile::Plain(Digest::of(b"")),
                Bytes::Zeroes(digest) | Bytes::Torn(digest) | Bytes::Digest(digest) => {
                    HeldFile::Plain(digest)
                }
                Bytes::TooLarge => HeldFile::Other,
            },
            Ok(_) | Err(_) => HeldFile::Other,
        };
        files.insert(path, file);
    }
    Ok(files)
}

fn committed(
    repository: &Repository,
    tree: GitId,
    Digests(known): &mut Digests,
    interrupt: &Interrupt,
) -> Result<BTreeMap<String, HeldFile>, OutputError> {
    let nothing = Tree::default();
    let found = repository.compare(tree, &nothing, interrupt)?.found;
    let id_of = |path: &str| match found.get(path) {
        Some(Leaf::File(id)) => Some(*id),
        Some(Leaf::Other) | None => None,
    };
    let unread = found.keys().filter(|it| id_of(it).is_some_and(|id| !known.contains_key(&id)));
    let paths: Vec<FilePath> = unread.filter_map(|it| FilePath::new(it).ok()).collect();
    let mut stopped = false;
    let mut take = |path: FilePath, bytes: Vec<u8>| {
        stopped = stopped || interrupt.is_set();
        if let Some(id) = id_of(path.as_str()).filter(|_| !stopped) {
            known.entry(id).or_insert_with(|| HeldFile::Plain(Digest::of(&bytes)));
        }
    };
    repository.read_files(tree, paths.into_iter(), FILE_BYTES, &mut take)?;
    interrupt.check()?;
    let file = |leaf: Leaf| match leaf {
        Leaf::File(id) => known.get(&id).copied().unwrap_or(HeldFile::Other),
        Leaf::Other => HeldFile::Other,
    };
    Ok(found.into_iter().map(|(path, leaf)| (path, file(leaf))).collect())
}
