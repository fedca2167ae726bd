//! Stamps: whether a folder is as it was, told by what the operating system knows of its files, without reading them.
//!
//! **Invariant:** a stamp that still holds means equal bytes under equal names. It is made of device, inode, size, times of
//! change, and mode, compared for equality: a clock that was set back, a file that was copied with its times, and a file
//! system that was restored all show. Files that were changed so shortly before that a later change could look the same
//! are remembered by their contents.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wob_engine::{Digest, Hasher, OWN_FOLDER, RECORD_PATH};

use crate::{Interrupt, Interrupted};

/// How far apart two changes must be to have two times: clocks of file systems tick every few milliseconds.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// The same for file systems that keep whole seconds, or even ones.
const COARSE_TICK: Duration = Duration::from_secs(3);

/// More files than this that changed a moment ago are not read: then the stamp never holds.
pub(crate) const MOST_RACY: usize = 10_000;

/// What files and folders looked like at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Over names and stat records.
    digest: [u8; 32],
    /// The files that were changed a moment before, with the digest of their contents; none if something was changed that
    /// cannot be remembered, so that the stamp never holds.
    racy: Option<Vec<(Utf8PathBuf, [u8; 32])>>,
}

impl Stamp {
    /// Says whether what looked like this then looks the same `now`. It may hold something else.
    pub fn looks_like(&self, now: &Self) -> bool {
        self.digest == now.digest
    }

    /// Says whether files must be read to tell that nothing has changed, or that cannot be told at all.
    pub fn is_racy(&self) -> bool {
        self.racy.as_ref().is_none_or(|it| !it.is_empty())
    }

    /// Says whether what looked like this then, and looks like `now`, is the same byte for byte.
    pub fn still_holds(&self, now: &Self) -> bool {
        let is_same = |(path, digest): &(Utf8PathBuf, [u8; 32])| {
            fs::read(path).is_ok_and(|it| Digest::of(&it).as_bytes() == digest)
        };
        self.digest == now.digest && self.racy.as_ref().is_some_and(|it| it.iter().all(is_same))
    }
}

/// What the files of stamped folders looked like, by where they really lie: who wants to know that, too, need not look again.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// By folder the names of its files, sorted, and the numbers of their stat records. Names are compared as bytes, which takes less
    /// time than as paths.
    folders: BTreeMap<OsString, Vec<(OsString, [i128; 6])>>,
}

impl Looks {
    /// Takes what others looked like.
    pub fn join(&mut self, mut others: Self) {
        self.folders.append(&mut others.folders);
    }

    /// Returns the numbers of a file's stat record, if it was looked at.
    pub(crate) fn of(&self, path: &Path) -> Option<&[i128; 6]> {
        let files = self.folders.get(path.parent()?.as_os_str())?;
        let name: &OsStr = path.file_name()?;
        let found = files.binary_search_by(|it| it.0.as_os_str().cmp(name)).ok()?;
        Some(&files[found].1)
    }
}

/// Why there is no stamp.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// What cannot be looked at has no stamp.
    #[error("could not look at `{path}`: {source}")]
    Failed {
        /// Where.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Makes a stamp of one or more files and folders.
///
/// **Must be used before** what is stamped is read: what changes in between then shows in the next stamp.
#[derive(Debug)]
pub struct Stamper<'i> {
    hasher: Hasher,
    taken: SystemTime,
    racy: Option<Vec<(Utf8PathBuf, [u8; 32])>>,
    looks: Looks,
    interrupt: &'i Interrupt,
}

impl<'i> Stamper<'i> {
    /// Begins a stamp.
    pub fn new(interrupt: &'i Interrupt) -> Self {
        let hasher = Hasher::new("wob 2026-11 stamp");
        let (racy, looks) = (Some(vec![]), Looks::default());
        Self { hasher, taken: SystemTime::now(), racy, looks, interrupt }
    }

    /// Adds one file, which need not exist; a link counts as what it leads to.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn file(&mut self, path: &Utf8Path) -> Result<(), StampError> {
        self.add(path.as_str().as_bytes());
        match fs::metadata(path) {
            Ok(found) => {
                self.record(&found, || path.to_owned().into());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.add(b"missing"),
            Err(source) => return Err(failed(path.as_std_path(), source)),
        }
        Ok(())
    }

    /// Adds whether there is something at a path, whatever it is.
    pub fn presence(&mut self, path: &Utf8Path) {
        self.add(path.as_str().as_bytes());
        let is_there = fs::symlink_metadata(path).is_ok();
        self.add(if is_there { b"there" } else { b"missing" });
    }

    /// Adds everything below a folder that reading it would look at: not `.git`, and not what wob or another tool wrote
    /// and marked.
    ///
    /// # Errors
    /// If a part of it cannot be looked at.
    pub fn folder(&mut self, folder: &Utf8Path) -> Result<(), StampError> {
        self.walk(folder.as_std_path(), Skip::Marked)
    }

    /// Adds everything below a folder. One that does not exist is noted as such.
    ///
    /// # Errors
    /// If a part of it cannot be looked at.
    pub fn whole_folder(&mut self, folder: &Utf8Path) -> Result<(), StampError> {
        if !folder.exists() {
            self.add(folder.as_str().as_bytes());
            self.add(b"missing");
            return Ok(());
        }
        self.walk(folder.as_std_path(), Skip::Nothing)
    }

    /// Adds the files of a folder, but none of the folders in it.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn files_of(&mut self, folder: &Utf8Path) -> Result<(), StampError> {
        let folder = folder.as_std_path();
        for (name, entry) in entries(folder)? {
            let found = entry.metadata().map_err(|it| failed(&entry.path(), it))?;
            if !found.is_dir() {
                self.add(name.as_encoded_bytes());
                self.record(&found, || entry.path());
            }
        }
        Ok(())
    }

    /// Adds files below a folder by their paths; links are not followed.
    ///
    /// # Errors
    /// Ctrl-C.
    pub fn files<'p>(
        &mut self,
        folder: &Utf8Path,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<(), StampError> {
        let mut full = folder.to_string();
        for (index, path) in paths.enumerate() {
            if index % 1024 == 0 {
                self.interrupt.check()?;
            }
            full.truncate(folder.as_str().len());
            full.push('/');
            full.push_str(path);
            match fs::symlink_metadata(&full) {
                Ok(found) => {
                    self.record(&found, || PathBuf::from(&full));
                }
                Err(_) => self.add(b"missing"),
            }
        }
        Ok(())
    }

    /// Ends the stamp.
    pub fn finish(self) -> Stamp {
        self.finish_looking().0
    }

    /// Ends the stamp, and returns what files of folders looked like that it is of.
    pub fn finish_looking(self) -> (Stamp, Looks) {
        (Stamp { digest: *self.hasher.finish().as_bytes(), racy: self.racy }, self.looks)
    }

    fn walk(&mut self, top: &Path, skip: Skip) -> Result<(), StampError> {
        // The folder itself may be a link, and be moved to another place.
        let top = fs::canonicalize(top).map_err(|it| failed(top, it))?;
        self.add(top.as_os_str().as_encoded_bytes());
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            self.interrupt.check()?;
            let below = entries(&folder)?;
            if skip == Skip::Marked && folder != top && is_marked(&folder, &below) {
                self.add(b"marked");
                continue;
            }
            self.add(folder.as_os_str().as_encoded_bytes());
            let is_looked_at =
                |(name, _): &(OsString, DirEntry)| skip == Skip::Nothing || name != ".git";
            let below: Vec<_> = below.into_iter().filter(is_looked_at).collect();
            let found = look_at(&below);
            let mut files = vec![];
            for ((name, entry), found) in below.into_iter().zip(found) {
                let found = found.map_err(|it| failed(&entry.path(), it))?;
                self.add(name.as_encoded_bytes());
                if found.is_dir() {
                    folders.push(entry.path());
                } else {
                    let numbers = self.record(&found, || entry.path());
                    self.link(&entry, &found);
                    files.extend(found.is_file().then_some((name, numbers)));
                }
            }
            self.looks.folders.insert(folder.into_os_string(), files);
            self.add(b"end");
        }
        Ok(())
    }

    /// A link may lead into a folder that is passed over: what it leads to counts, and a whole folder is not worth the walk.
    fn link(&mut self, entry: &DirEntry, found: &fs::Metadata) {
        if !found.is_symlink() {
            return;
        }
        match fs::metadata(entry.path()) {
            Ok(target) if target.is_dir() => self.racy = None,
            Ok(target) => {
                self.record(&target, || entry.path());
            }
            Err(_) => self.add(b"leads nowhere"),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.add(bytes);
    }

    /// Adds what the file at `path` looks like, and returns the numbers of it.
    fn record(&mut self, found: &fs::Metadata, path: impl FnOnce() -> PathBuf) -> [i128; 6] {
        let record = StatRecord::of(found);
        // One field of fixed length: many short ones take longer to hash than a file takes to look at.
        let mut bytes = [0; 96];
        for (place, number) in bytes.chunks_exact_mut(16).zip(record.numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        self.hasher.add(&bytes);
        // What is no file has no contents that matter, and reading it might never end.
        if found.is_file() && record.is_racy(self.taken) {
            self.remember(path());
        }
        record.numbers
    }

    /// Remembers a file by its contents.
    fn remember(&mut self, path: PathBuf) {
        let Some(racy) = &mut self.racy else { return };
        let path = Utf8PathBuf::try_from(path).ok().filter(|_| racy.len() < MOST_RACY);
        let bytes = path.as_ref().and_then(|path| fs::read(path).ok());
        match path.zip(bytes) {
            Some((path, bytes)) => racy.push((path, *Digest::of(&bytes).as_bytes())),
            None => self.racy = None,
        }
    }
}

/// What is not stamped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    Marked,
}

/// What the operating system knows of a file.
pub(crate) struct StatRecord {
    pub(crate) numbers: [i128; 6],
    changes: [SystemTime; 2],
}

impl StatRecord {
    /// Says whether the file was changed so shortly before `taken` that a later change could look the same.
    pub(crate) fn is_racy(&self, taken: SystemTime) -> bool {
        self.changes.into_iter().any(|it| is_racy(it, taken))
    }

    #[cfg(unix)]
    pub(crate) fn of(found: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let (modified, changed) = (
            nanoseconds(found.mtime(), found.mtime_nsec()),
            nanoseconds(found.ctime(), found.ctime_nsec()),
        );
        Self {
            numbers: [
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                modified,
                changed,
                found.mode().into(),
            ],
            changes: [modified, changed].map(moment),
        }
    }

    /// Takes what the system says by its own call.
    #[cfg(unix)]
    pub(crate) fn of_stat(found: &rustix::fs::Stat) -> Self {
        let nanoseconds =
            |seconds: i128, rest: i128| seconds.wrapping_mul(1_000_000_000).wrapping_add(rest);
        let (modified, changed) = (
            nanoseconds(found.st_mtime.into(), found.st_mtime_nsec.into()),
            nanoseconds(found.st_ctime.into(), found.st_ctime_nsec.into()),
        );
        Self {
            numbers: [
                found.st_dev.into(),
                found.st_ino.into(),
                found.st_size.into(),
                modified,
                changed,
                found.st_mode.into(),
            ],
            changes: [modified, changed].map(moment),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(found: &fs::Metadata) -> Self {
        let since = |it: io::Result<SystemTime>| {
            let it = it.unwrap_or(SystemTime::UNIX_EPOCH);
            it.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_nanos() as i128)
        };
        let (modified, created) = (since(found.modified()), since(found.created()));
        let kind = i128::from(found.is_file()) + 2 * i128::from(found.permissions().readonly());
        Self {
            numbers: [0, 0, found.len().into(), modified, created, kind],
            changes: [modified, created].map(moment),
        }
    }
}

fn moment(nanoseconds: i128) -> SystemTime {
    let since = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0));
    SystemTime::UNIX_EPOCH + since
}

/// Says whether a file that was changed then may be changed again without showing it.
fn is_racy(changed: SystemTime, taken: SystemTime) -> bool {
    let nanoseconds = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let tick = if nanoseconds.subsec_nanos() == 0 { COARSE_TICK } else { TICK };
    changed + tick >= taken
}

/// Lists a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<(OsString, DirEntry)>, StampError> {
    let listed = fs::read_dir(folder).map_err(|it| failed(folder, it))?;
    let mut entries = listed
        .map(|it| it.map(|it| (it.file_name(), it)))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|it| failed(folder, it))?;
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// Looks at all entries of a folder, many of them side by side; in their order. Links are not followed.
fn look_at(entries: &[(OsString, DirEntry)]) -> Vec<io::Result<fs::Metadata>> {
    /// To look at fewer takes less time than to hand them to a thread.
    const FEWEST: usize = 64;
    // By its name in the folder that was opened a file is found sooner than by its path.
    let look = |(_, entry): &(OsString, DirEntry)| entry.metadata();
    entries.par_iter().with_min_len(FEWEST).map(look).collect()
}

/// Says whether reading passes this folder over: see [`crate::read_folder`].
fn is_marked(folder: &Path, below: &[(OsString, DirEntry)]) -> bool {
    below.iter().any(|(name, _)| name == "CACHEDIR.TAG")
        || below.iter().any(|(name, _)| name == OWN_FOLDER) && folder.join(RECORD_PATH).exists()
}

fn failed(path: &Path, source: io::Error) -> StampError {
    StampError::Failed { path: path.to_string_lossy().into_owned(), source }
}
