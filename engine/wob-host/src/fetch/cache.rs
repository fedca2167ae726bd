//! Where fetched repositories are kept: one bare repository for each address, shared by all workspaces of a user.

use std::{
    env,
    ffi::OsString,
    fs::{self, TryLockError},
    io,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::Digest;

use super::FetchError;
use crate::{
    Interrupt, Store,
    address::{Identity, identity},
};

/// How long to wait for another process that fetches the same repository.
const WAIT: Duration = Duration::from_mins(10);
/// How often to look whether it is done.
const LOOK: Duration = Duration::from_millis(20);
/// What tools that make backups look for, with the text that the specification of such tags asks for.
const TAG: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# Repositories that wob fetched. Deleting them costs time only.\n",
);

/// The repositories that wob fetched. Deleting the folder costs time, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: Utf8PathBuf,
    pub(super) git_config: Vec<String>,
}

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nothing says where it is.
    #[error("could not find a folder for the cache: set `WOB_CACHE_DIR`")]
    Homeless,
    /// The folder's path cannot be used.
    #[error("could not use the cache folder `{0}`: its path is not UTF-8")]
    NotUtf8(String),
}

impl Cache {
    /// Names the folder; it need not exist.
    pub fn new(folder: &Utf8Path) -> Self {
        Self { folder: folder.to_owned(), git_config: vec![] }
    }

    /// Names the user's cache: `WOB_CACHE_DIR`, or else `wob` in the folder that the operating system has for caches.
    ///
    /// # Errors
    /// If the environment names no such folder, or one whose path is not UTF-8.
    pub fn of_user() -> Result<Self, CacheError> {
        let variable = |name: &str| env::var_os(name);
        let folder = user_folder(&variable, env::home_dir()).ok_or(CacheError::Homeless)?;
        let utf8 = Utf8PathBuf::from_path_buf(folder);
        utf8.map(|it| Self::new(&it))
            .map_err(|it| CacheError::NotUtf8(it.to_string_lossy().into_owned()))
    }

    /// Adds git settings such as `core.sshCommand=ssh -i key`, as `git -c` does.
    #[must_use]
    pub fn with_git_config(mut self, setting: &str) -> Self {
        self.git_config.push(setting.to_owned());
        self
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns the store of what was rendered.
    pub fn store(&self) -> Store {
        Store::new(&self.folder.join("store"))
    }

    /// Lists the repositories that were fetched, sorted.
    pub fn repositories(&self) -> Vec<Utf8PathBuf> {
        let found = self.folder.join("git").read_dir_utf8();
        let folders = found.into_iter().flatten().flatten().map(|it| it.path().to_owned());
        let mut repositories: Vec<Utf8PathBuf> = folders.filter(|it| it.is_dir()).collect();
        repositories.sort();
        repositories
    }

    /// Returns where the repository at `url` is kept.
    pub(crate) fn repository(&self, url: &str) -> Utf8PathBuf {
        let identity = identity(url);
        let (Identity::Local { path } | Identity::Remote { path, .. }) = &identity;
        let name = path.rsplit('/').next().unwrap_or_default();
        let plain = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
        let name: String = name.chars().filter(plain).take(40).collect();
        let digest = Digest::of(format!("{identity:?}").as_bytes()).to_string();
        self.folder.join("git").join(format!("{name}-{}", &digest[..16]))
    }

    /// Waits until no other process writes into `repository`, and keeps others out until the result is dropped.
    ///
    /// The lock is the operating system's, so that it ends with the process that holds it, however that ends.
    pub(crate) fn lock(
        &self,
        repository: &Utf8Path,
        interrupt: &Interrupt,
    ) -> Result<fs::File, FetchError> {
        let path = Utf8PathBuf::from(format!("{repository}.lock"));
        let failed = |source| FetchError::Cache { path: path.clone(), source };
        let file = self.lock_file(&path).map_err(failed)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if begin.elapsed() > WAIT => {
                    return Err(FetchError::Locked { path });
                }
                Err(TryLockError::WouldBlock) => {
                    interrupt.check()?;
                    thread::sleep(LOOK);
                }
            }
        }
    }

    fn lock_file(&self, path: &Utf8Path) -> io::Result<fs::File> {
        fs::create_dir_all(self.folder.join("git"))?;
        let tag = self.folder.join(TAG.0);
        if !tag.exists() {
            fs::write(tag, TAG.1)?;
        }
        fs::File::options().create(true).truncate(false).write(true).open(path)
    }
}

/// Finds the cache folder from the environment; a relative path in it counts as none.
fn user_folder(
    variable: &dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    if let Some(folder) = variable("WOB_CACHE_DIR").filter(|it| !it.is_empty()) {
        return std::path::absolute(folder).ok();
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = home.filter(|it| it.is_absolute());
    if cfg!(windows) {
        return absolute("LOCALAPPDATA").map(|it| it.join("wob").join("cache"));
    }
    if let Some(folder) = absolute("XDG_CACHE_HOME") {
        return Some(folder.join("wob"));
    }
    let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    home.map(|it| it.join(caches).join("wob"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(any(windows, target_os = "macos")))]
    #[test]
    fn the_folder_follows_the_environment() {
        let find = |set: &[(&str, &str)], home: Option<&str>| {
            let variable = |name: &str| {
                set.iter().find(|(it, _)| *it == name).map(|(_, value)| OsString::from(value))
            };
            user_folder(&variable, home.map(PathBuf::from)).map(|it| it.display().to_string())
        };
        let some = |it: &str| Some(it.to_owned());
        let home = Some("/home/ada");
        assert_eq!(find(&[], home), some("/home/ada/.cache/wob"));
        assert_eq!(find(&[("XDG_CACHE_HOME", "/x")], home), some("/x/wob"));
        assert_eq!(find(&[("XDG_CACHE_HOME", "x")], home), some("/home/ada/.cache/wob"));
        assert_eq!(find(&[("WOB_CACHE_DIR", "/w"), ("XDG_CACHE_HOME", "/x")], home), some("/w"));
        assert_eq!(find(&[("WOB_CACHE_DIR", "")], home), some("/home/ada/.cache/wob"));
        assert_eq!(find(&[], None), None);
    }

    #[test]
    fn one_repository_has_one_place() {
        let cache = Cache::new(Utf8Path::new("/cache"));
        let place = |url| cache.repository(url);
        let app = place("https://github.com/org/app");
        assert!(app.as_str().starts_with("/cache/git/app-"), "{app}");
        assert_eq!(app, place("git@github.com:org/app.git"));
        assert_eq!(app, place("https://u:secret@github.com/org/app"));
        assert_ne!(app, place("https://github.com/org2/app"));
        let hostile = place("https://host/../../x/..%2f\u{0}");
        assert_eq!(hostile.parent().unwrap(), "/cache/git");
    }
}
