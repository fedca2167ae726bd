//! The file system as stores and output trees see it: few calls, so that a test can stand in for a disk that fails.
//!
//! **Invariant:** nothing is durable before `sync`: a file's bytes by [`WriteFile::sync`], its name by
//! [`FileSystem::sync_folder`] of its folder.

mod real;

use std::{any::Any, fmt, io, time::SystemTime};

use camino::Utf8Path;

pub use real::RealFileSystem;

/// A file system.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Creates a file; one that exists already is an error.
    ///
    /// # Errors
    /// What the operating system says; so does every other call.
    fn create(&self, path: &Utf8Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file to read from it.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn open(&self, path: &Utf8Path) -> io::Result<Box<dyn ReadFile>>;

    /// Lists the names in a folder, unsorted; names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn list(&self, folder: &Utf8Path) -> io::Result<Vec<String>>;

    /// Lists what is in a folder, unsorted: each name and what it is of; names that are not UTF-8 as they can be shown.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn entries(&self, folder: &Utf8Path) -> io::Result<Vec<(String, StatKind)>>;

    /// Looks at what lies at `path`, without following a link.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn stat(&self, path: &Utf8Path) -> io::Result<Stat>;

    /// Moves a file over whatever file lies at `to`, or a folder to where nothing lies.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn remove_file(&self, path: &Utf8Path) -> io::Result<()>;

    /// Removes a folder, which must be empty.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn remove_folder(&self, path: &Utf8Path) -> io::Result<()>;

    /// Lets nobody write into a file any more.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn protect(&self, path: &Utf8Path) -> io::Result<()>;

    /// Creates a folder and those above it.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn create_folder(&self, path: &Utf8Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn sync_folder(&self, folder: &Utf8Path) -> io::Result<()>;

    /// Sets the time of a file's last change to now.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn touch(&self, path: &Utf8Path) -> io::Result<()>;

    /// Locks a file, creating it if it is not there; `None` if another process holds it. Dropping the answer unlocks.
    ///
    /// # Errors
    /// See [`FileSystem::create`].
    fn try_lock(&self, path: &Utf8Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>>;
}

/// A new file that is written from its beginning to its end.
pub trait WriteFile: Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// What the operating system says; some of the bytes may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// What the operating system says; then nothing is known to be durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file to read from, which stays readable even if its name is removed.
pub trait ReadFile: Send + Sync {
    /// Returns the number of bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn size(&self) -> io::Result<u64>;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the operating system says, or that the file ends before.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// Reads a file; `None` if it has more than `limit` bytes.
pub(crate) fn read(
    files: &dyn FileSystem,
    path: &Utf8Path,
    limit: u64,
) -> io::Result<Option<Vec<u8>>> {
    let file = files.open(path)?;
    let size = file.size()?;
    if size > limit {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    file.read_at(0, &mut bytes)?;
    Ok(Some(bytes))
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: StatKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub changed: SystemTime,
}

/// The kinds of thing that lie at paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a socket or a device.
    Other,
}
