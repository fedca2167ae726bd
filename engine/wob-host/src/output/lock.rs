//! One build at a time in one place: a file that the operating system locks, and that names its holder.
//!
//! The lock is the operating system's, so it ends with the process that holds it, however that ends; a file that a dead
//! process left keeps nobody out. The file is deleted when the lock is given back, so that it is never committed.

use std::{
    env,
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    process, thread,
    time::{Duration, Instant, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use wob_engine::OWN_FOLDER;

use super::{OutputError, OutputFolder, failed};
use crate::{Interrupt, redact};

/// Where the lock of an output folder lies.
pub(super) const FILE: &str = ".wob/lock";

/// How often to look whether the other build is done.
const LOOK: Duration = Duration::from_millis(20);
/// How often a folder may vanish that was just made.
const RACES: usize = 10;
/// How long a holder may take to write its name.
const PATIENCE: Duration = Duration::from_millis(200);
/// More than this is no name of a holder.
const HOLDER_BYTES: u64 = 1 << 16;

/// Who builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// The command line, without secrets.
    pub command: String,
    /// When it began, in seconds since 1970.
    pub start: u64,
}

/// What to do while another build is in the same place.
pub enum Waiting<'w> {
    /// Give up.
    Never,
    /// Wait, after telling once for whom.
    Tell(&'w mut dyn FnMut(&str)),
}

/// Keeps other builds out of a place until it is dropped.
#[derive(Debug)]
pub struct OutputLock {
    /// None if the place may not be written.
    file: Option<File>,
    path: Utf8PathBuf,
    /// The folders that were made for the file, outermost first.
    made: Vec<Utf8PathBuf>,
    waited: bool,
}

impl Holder {
    /// Names this process.
    pub fn this(command: &str) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            pid: process::id(),
            host: host(),
            command: redact(command),
            start: since.map_or(0, |it| it.as_secs()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn is_same_process(&self, other: &Self) -> bool {
        (self.pid, &self.host) == (other.pid, &other.host)
    }

    /// Returns what people are told.
    fn shown(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = now.map_or(0, |it| it.as_secs()).saturating_sub(self.start);
        // The file is no secret of wob's: anybody may have written it.
        let plain =
            |it: &str| it.chars().filter(|it| !it.is_control()).take(200).collect::<String>();
        let (command, host) = (plain(&self.command), plain(&self.host));
        format!("`{command}` (process {} on {host}, for {seconds} s)", self.pid)
    }
}

impl OutputFolder {
    pub(super) fn lock(
        &self,
        holder: &Holder,
        waiting: Waiting<'_>,
        interrupt: &Interrupt,
    ) -> Result<OutputLock, OutputError> {
        self.check_prefix()?;
        OutputLock::take(&self.root().join(FILE), holder, waiting, interrupt)
    }
}

/// Says whether a build is writing to the output folder at `root`, or was killed while it did: whoever locks it next tells which, and
/// removes what a killed one left.
pub fn has_output_lock(root: &Utf8Path) -> bool {
    fs::symlink_metadata(root.join(FILE)).is_ok()
}

impl OutputLock {
    /// Says whether another build was there first; then what was read before may be old.
    pub fn waited(&self) -> bool {
        self.waited
    }

    /// Locks the file at `path`, and makes it and its folder if need be.
    pub(super) fn take(
        path: &Utf8Path,
        holder: &Holder,
        mut waiting: Waiting<'_>,
        interrupt: &Interrupt,
    ) -> Result<Self, OutputError> {
        let mut lock = Self { file: None, path: path.to_owned(), made: vec![], waited: false };
        let mut first = None;
        let mut told = false;
        loop {
            interrupt.check()?;
            let Some(file) = lock.open()? else { return Ok(lock) };
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    lock.file = Some(file);
                    lock.sign(holder);
                    return Ok(lock);
                }
                // It was deleted by the build that held it.
                Ok(()) => continue,
                Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let other = read_holder(path);
            // One place may have two names; whoever waits for itself waits forever.
            if other.as_ref().is_some_and(|it| it.is_same_process(holder)) {
                return Ok(lock);
            }
            lock.waited = true;
            let begin = *first.get_or_insert_with(Instant::now);
            if !told && (other.is_some() || begin.elapsed() > PATIENCE) {
                let other = other.map_or("another build".to_owned(), |it| it.shown());
                match &mut waiting {
                    Waiting::Never => {
                        return Err(OutputError::Locked { path: path.to_owned(), holder: other });
                    }
                    Waiting::Tell(tell) => tell(&other),
                }
                told = true;
            }
            thread::sleep(LOOK);
        }
    }

    /// Opens the file; none if the place may not be written.
    fn open(&mut self) -> Result<Option<File>, OutputError> {
        let mut opened = self.try_open();
        // Another build may delete the folder at this moment.
        for _ in 0..RACES {
            if !opened.as_ref().is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
                break;
            }
            opened = self.try_open();
        }
        let error = match opened {
            Ok(file) => return Ok(Some(file)),
            Err(error) => error,
        };
        let refused = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        if refused.contains(&error.kind()) {
            // Somebody else's lock can be waited for all the same.
            return Ok(File::open(&self.path).ok());
        }
        Err(failed("lock", &self.path)(error))
    }

    fn try_open(&mut self) -> io::Result<File> {
        let folder = self.path.parent().expect("because a lock lies in a folder").to_owned();
        self.make(&folder)?;
        // What a link leads to is nobody's lock.
        for it in [&folder, &self.path] {
            if fs::symlink_metadata(it).is_ok_and(|it| it.is_symlink()) {
                return Err(io::Error::other("it is a link"));
            }
        }
        File::options().read(true).write(true).create(true).truncate(false).open(&self.path)
    }

    /// Makes `folder` and those above it, and remembers which were made.
    fn make(&mut self, folder: &Utf8Path) -> io::Result<()> {
        let missing: Vec<&Utf8Path> =
            folder.ancestors().take_while(|it| fs::symlink_metadata(it).is_err()).collect();
        for it in missing.into_iter().rev().filter(|it| !it.as_str().is_empty()) {
            match fs::create_dir(it) {
                Ok(()) => self.made.push(it.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes who holds the lock; that others cannot read it is no reason to build nothing.
    fn sign(&mut self, holder: &Holder) {
        let Some(file) = &mut self.file else { return };
        let text = serde_json::json!(holder).to_string() + "\n";
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .ok();
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && is_at(file, &self.path)
        {
            // Deleted before it is unlocked: whoever waits sees that the file is no longer at its place.
            fs::remove_file(&self.path).ok();
        }
        self.file = None;
        if let Some(folder) = self.path.parent().filter(|it| it.file_name() == Some(OWN_FOLDER)) {
            fs::remove_dir(folder).ok();
        }
        // They stay if anything was written into them.
        for folder in self.made.iter().rev() {
            fs::remove_dir(folder).ok();
        }
    }
}

/// Says whether `file` is the one that lies at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Utf8Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let key = |it: fs::Metadata| (it.dev(), it.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(found)) => key(file) == key(found),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Says whether a file lies at `path`: one that is open cannot be replaced here.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Utf8Path) -> bool {
    path.exists()
}

fn read_holder(path: &Utf8Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.take(HOLDER_BYTES).read_to_string(&mut text).ok()?;
    Holder::parse(&text)
}

/// Returns this machine's name, as far as it can be had without asking the network.
fn host() -> String {
    let file = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let file = file.iter().find_map(|it| fs::read_to_string(it).ok());
    let name = file.or_else(|| env::var("COMPUTERNAME").or_else(|_| env::var("HOSTNAME")).ok());
    let name = name.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    name.unwrap_or_else(|| "this machine".to_owned())
}
