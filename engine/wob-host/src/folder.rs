//! Reads a folder on disk.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Content, Origin, Refusal};

use crate::{
    ReadLimits, ReadOptions, Snapshot,
    listing::{Folder, Node, Reader},
    snapshot::{LimitError, content_of},
};

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be listed: it does not exist, is no folder, or may not be read.
    #[error("could not read the folder `{path}`: {source}")]
    Unreadable {
        /// The folder.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A link on the way leads out of the folder that it must be in.
    #[error("could not read the folder `{path}`: a link leads out of what holds it")]
    Leaves {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// It holds too much, or Ctrl-C.
    #[error("could not read the folder `{path}`: {source}")]
    Limit {
        /// The folder.
        path: Utf8PathBuf,
        /// Which limit.
        source: LimitError,
    },
}

/// Reads the files below `folder` whose names are wanted.
///
/// Left out are `.git`, folders that wob wrote (they hold `.wob/tree.json`), and caches (they hold `CACHEDIR.TAG`, as
/// cargo's `target` does). Links are followed if they stay inside. What cannot be read is in the result, refused.
///
/// # Errors
/// If `folder` itself cannot be listed, or a limit on the whole is exceeded.
pub fn read_folder(folder: &Utf8Path, options: &ReadOptions<'_>) -> Result<Snapshot, FolderError> {
    let unreadable = |source| FolderError::Unreadable { path: folder.to_owned(), source };
    let limited = |source| FolderError::Limit { path: folder.to_owned(), source };
    // Absolute links are compared with where the folder really is.
    let root = fs::canonicalize(folder).map_err(unreadable)?;
    let mut lister = Lister { root: &root, options, entries: 0 };
    let listing = match lister.list(&root, 0).map_err(limited)? {
        Ok(listing) => listing,
        Err(source) => return Err(unreadable(source)),
    };
    let mut load = |DiskPath(path): &DiskPath| {
        let unread = options.unneeded.and_then(|it| it.content(path));
        unread.unwrap_or_else(|| load_file(path, &options.limits))
    };
    let files = Reader::new(*options, &mut load).read(&listing).map_err(limited)?;
    let origin = Origin { url: folder.to_string(), ..Origin::default() };
    Ok(Snapshot { origin, files: files.visible, ignored: files.ignored })
}

/// Returns where `folder` really lies, with every link on the way followed, if that is `outer` or below it.
///
/// # Errors
/// If it is elsewhere, or one of the two does not exist.
pub fn resolve_inside(outer: &Utf8Path, folder: &Utf8Path) -> Result<PathBuf, FolderError> {
    let real = |it: &Utf8Path| {
        fs::canonicalize(it)
            .map_err(|source| FolderError::Unreadable { path: it.to_owned(), source })
    };
    let found = real(folder)?;
    if outer == folder || found.starts_with(real(outer)?) {
        return Ok(found);
    }
    Err(FolderError::Leaves { path: folder.to_owned() })
}

/// Reads the file called `name` in `folder`, as if it belonged to a source; `None` if there is nothing.
pub fn read_file(folder: &Utf8Path, name: &str, limits: &ReadLimits) -> Option<Content> {
    let path = folder.join(name);
    let refused = |reason: String| Some(Content::Refused(Refusal::Unreadable { reason }));
    let real = match fs::canonicalize(&path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let dangling = fs::symlink_metadata(&path).is_ok();
            return if dangling { refused("it is a link to nothing".to_owned()) } else { None };
        }
        Err(error) => return refused(error.to_string()),
    };
    if !fs::canonicalize(folder).is_ok_and(|outer| real.starts_with(outer)) {
        let target = fs::read_link(&path).unwrap_or(real).to_string_lossy().into_owned();
        return Some(Content::Refused(Refusal::LinkLeaves { target }));
    }
    match fs::metadata(&real) {
        Ok(it) if it.is_file() => Some(load_file(&real, limits)),
        Ok(_) => refused("it is not a file".to_owned()),
        Err(error) => refused(error.to_string()),
    }
}

/// Reads one file, unless it is larger than the limit.
pub(crate) fn load_file(path: &Path, limits: &ReadLimits) -> Content {
    let limit = limits.file_bytes;
    let read = || -> io::Result<Result<Vec<u8>, u64>> {
        let file = fs::File::open(path)?;
        let size = file.metadata()?.len();
        if size > limit {
            return Ok(Err(size));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // The file may grow while it is read.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        let read = bytes.len() as u64;
        Ok(if read > limit { Err(read) } else { Ok(bytes) })
    };
    match read() {
        Ok(Ok(bytes)) => content_of(&bytes),
        Ok(Err(size)) => Content::Refused(Refusal::TooLarge { size, limit }),
        Err(error) => Content::Refused(unreadable(&error)),
    }
}

/// Where a file lies on disk. Its order is that of bytes, which takes less time than to compare the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiskPath(pub(crate) PathBuf);

impl DiskPath {
    fn bytes(&self) -> &[u8] {
        self.0.as_os_str().as_encoded_bytes()
    }
}

impl Ord for DiskPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for DiskPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Says what lies at `path`, without following it; `None` if nothing does, or something that holds no text (a socket).
pub(crate) fn node_at(root: &Path, path: &Path) -> io::Result<Option<Node<DiskPath>>> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        let written = fs::read_link(path)?;
        return Ok(Some(Node::Link {
            target: target_in(root, &written),
            written: written.to_string_lossy().into_owned(),
        }));
    }
    Ok(kind.is_file().then(|| Node::File(DiskPath(path.to_owned()))))
}

pub(crate) fn unreadable(error: &io::Error) -> Refusal {
    Refusal::Unreadable { reason: error.to_string() }
}

struct Lister<'l> {
    root: &'l Path,
    options: &'l ReadOptions<'l>,
    entries: usize,
}

impl Lister<'_> {
    fn list(
        &mut self,
        folder: &Path,
        depth: usize,
    ) -> Result<io::Result<Folder<DiskPath>>, LimitError> {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        self.entries += entries.len();
        let limits = &self.options.limits;
        if self.entries > limits.entries {
            return Err(LimitError::Entries { limit: limits.entries });
        }
        if depth > limits.depth {
            let path = folder.to_string_lossy().into_owned();
            return Err(LimitError::Depth { path, limit: limits.depth });
        }
        self.options.interrupt.check()?;
        let mut listing = Folder::new();
        for entry in entries {
            let name = entry.file_name();
            if name == ".git" {
                continue;
            }
            let node = self.node(&entry, depth)?;
            let Some(node) = node else { continue };
            match name.into_string() {
                Ok(name) => listing.insert(name, node),
                Err(name) => {
                    let reason = "its name is not UTF-8".to_owned();
                    let refused = Node::Refused(Refusal::Unreadable { reason });
                    listing.insert(name.to_string_lossy().into_owned(), refused)
                }
            };
        }
        Ok(Ok(listing))
    }

    fn node(
        &mut self,
        entry: &fs::DirEntry,
        depth: usize,
    ) -> Result<Option<Node<DiskPath>>, LimitError> {
        let path = entry.path();
        let node = match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                self.list(&path, depth + 1)?.map(|it| Some(Node::Folder(it)))
            }
            Ok(kind) if kind.is_file() => Ok(Some(Node::File(DiskPath(path)))),
            Ok(_) => node_at(self.root, &path),
            Err(error) => Err(error),
        };
        Ok(node.unwrap_or_else(|error| Some(Node::Refused(unreadable(&error)))))
    }
}

/// Returns a link's target with `/` for the root of the source; `None` if it is an absolute path elsewhere.
fn target_in(root: &Path, written: &Path) -> Option<String> {
    let (prefix, path) = match written.strip_prefix(root) {
        Ok(inside) => ("/", inside),
        Err(_) if written.has_root() => return None,
        Err(_) => ("", written),
    };
    let path = path.to_str()?;
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    Some(format!("{prefix}{path}"))
}
