//! Notices that something below some folders moved.
//!
//! What comes from here is a hint, never a fact: events get lost, doubled, reordered and delayed. Whoever gets one looks at
//! the folders; whoever gets none for a while looks, too.

mod debounce;
mod lookout;

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use notify::{
    Error, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};

use self::debounce::Debounce;
pub use self::lookout::{Hints, Lookout};

/// Watches folders.
#[derive(Debug)]
pub struct Watcher {
    /// None if the operating system has no more watches: then it is only polled.
    inner: Option<RecommendedWatcher>,
    receive: Receiver<notify::Result<Event>>,
    /// What is watched: path, and which folder lay there then.
    watched: BTreeSet<(Utf8PathBuf, Option<u64>)>,
    /// What lies in these folders is wob's own doing.
    own: Vec<Utf8PathBuf>,
    polling: Option<String>,
}

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Something moved.
    Moved,
    /// Events were lost: anything may have moved.
    Lost,
    /// Nothing was noticed.
    Nothing,
}

impl Watcher {
    /// Returns a watcher that watches nothing yet, and passes over what happens in the folders of `own`.
    pub fn new(own: Vec<Utf8PathBuf>) -> Self {
        let (send, receive) = channel();
        let handler = move |event| {
            // Nobody listens once the watcher is dropped.
            send.send(event).unwrap_or_default();
        };
        let (inner, polling) = match notify::recommended_watcher(handler) {
            Ok(inner) => (Some(inner), None),
            Err(error) => (None, Some(reason(&error))),
        };
        Self { inner, receive, watched: BTreeSet::new(), own, polling }
    }

    /// Watches exactly these folders, and files, from now on; those that are not there are watched by the next call.
    pub fn watch(&mut self, paths: &BTreeSet<Utf8PathBuf>) {
        // A folder that was replaced by another is another.
        let wanted: BTreeSet<_> = paths.iter().map(|it| (it.clone(), inode(it))).collect();
        if wanted == self.watched {
            return;
        }
        let Some(inner) = &mut self.inner else { return };
        for (path, _) in self.watched.difference(&wanted) {
            // It may be gone, and its watch with it.
            inner.unwatch(path.as_std_path()).unwrap_or_default();
        }
        let new: Vec<_> = wanted.difference(&self.watched).cloned().collect();
        for (path, inode) in new {
            if inode.is_none() {
                continue;
            }
            if let Err(error) = inner.watch(path.as_std_path(), RecursiveMode::Recursive)
                && !is_missing(&error)
            {
                self.polling = Some(reason(&error));
                self.inner = None;
                break;
            }
        }
        self.watched = wanted;
    }

    /// Says why folders are only looked at now and then; `None` if they are watched.
    pub fn polling(&self) -> Option<&str> {
        self.polling.as_deref()
    }

    /// Waits until something moves, at most until `until`.
    pub fn wait(&self, until: Instant) -> Hint {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.receive.recv_timeout(left) {
                Ok(Ok(event)) if event.need_rescan() => return Hint::Lost,
                Ok(Ok(event)) if self.counts(&event) => return Hint::Moved,
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Hint::Lost,
                Err(RecvTimeoutError::Timeout) => return Hint::Nothing,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(left.min(Duration::from_millis(200)));
                    return Hint::Nothing;
                }
            }
        }
    }

    /// Reading is no change, and neither is what wob wrote itself.
    fn counts(&self, event: &Event) -> bool {
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let is_read = matches!(event.kind, EventKind::Access(_)) && event.kind != closed;
        let is_own = |path: &Path| self.own.iter().any(|it| path.starts_with(it));
        let all_own = !event.paths.is_empty() && event.paths.iter().all(|it| is_own(it));
        !is_read && !all_own
    }
}

fn reason(error: &Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached (fs.inotify.max_user_watches)"
                .to_owned()
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(EMFILE) => {
            "the system's limit of watchers is reached (fs.inotify.max_user_instances)".to_owned()
        }
        ErrorKind::Generic(_)
        | ErrorKind::Io(_)
        | ErrorKind::PathNotFound
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_) => error.to_string(),
    }
}

/// Too many open files, which is how Linux refuses one more inotify instance.
const EMFILE: i32 = 24;

fn is_missing(error: &Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        ErrorKind::Generic(_)
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_)
        | ErrorKind::MaxFilesWatch => false,
    }
}

#[cfg(unix)]
fn inode(path: &Utf8PathBuf) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(std::fs::metadata(path).ok()?.ino())
}

#[cfg(not(unix))]
fn inode(path: &Utf8PathBuf) -> Option<u64> {
    path.exists().then_some(0)
}
