//! The conditions of an audit, and a build under one of them.

use std::{
    collections::BTreeMap,
    fs, io,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::Session,
};

/// The conditions that a build runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// As the user would build.
    Usual,
    /// Everything else that must not matter is another.
    Varied,
    /// As the first, with what that one left in the cache.
    Again,
}

/// A build under one condition.
#[derive(Debug)]
pub(super) struct Run {
    /// The condition.
    pub(super) condition: Condition,
    /// Where the trees lie, a folder for each environment.
    pub(super) trees: Utf8PathBuf,
    /// Where it is written what each assignment was made from.
    pub(super) actions: Utf8PathBuf,
    /// How the build ended.
    pub(super) exit: Exit,
}

/// Why an audit cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    /// The operating system refuses.
    #[error("could not {attempt} `{path}`: {source}")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A build ended in a way that leaves no trees.
    #[error("the build {condition} failed:\n{said}")]
    Build {
        /// Under which condition.
        condition: &'static str,
        /// How.
        exit: Exit,
        /// What it said.
        said: String,
    },
}

impl AuditError {
    /// Returns how wob ends for this reason.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Failed { .. } => Exit::Local,
            Self::Build { exit, .. } => *exit,
        }
    }

    pub(super) fn failed(
        attempt: &'static str,
        path: &Utf8Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Failed { attempt, path, source }
    }
}

impl Condition {
    pub(super) const ALL: [Self; 3] = [Self::Usual, Self::Varied, Self::Again];

    /// Returns what people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Usual => "as usual",
            Self::Varied => "under other conditions",
            Self::Again => "again",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Varied => "varied",
            Self::Again => "again",
        }
    }
}

impl Run {
    /// Builds what `patterns` select, into a folder below `folder`.
    pub(super) fn build(
        condition: Condition,
        session: &Session<'_>,
        common: &Common,
        patterns: &Patterns,
        folder: &Utf8Path,
    ) -> Result<Self, AuditError> {
        let own = folder.join(condition.folder());
        fs::create_dir_all(&own).map_err(AuditError::failed("create", &own))?;
        let (trees, actions) = (own.join("trees"), own.join("actions.json"));
        let root = &session.workspace.root;
        let program = std::env::current_exe()
            .map_err(AuditError::failed("find", Utf8Path::new("the wob that runs")))?;
        let mut command = if condition == Condition::Varied && cfg!(unix) {
            let mut shell = Command::new("sh");
            shell.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(program);
            shell
        } else {
            Command::new(program)
        };
        let workspace = if condition == Condition::Varied {
            let elsewhere = own.join("another workspace");
            copy_backwards(root, &elsewhere, &mut Times::default())?;
            elsewhere
        } else {
            root.clone()
        };
        if condition == Condition::Varied {
            let home = own.join("home");
            fs::create_dir_all(&home).map_err(AuditError::failed("create", &home))?;
            command.current_dir("/").env("HOME", &home).env("WOB_CACHE_DIR", cache_of(&home)?);
            command.envs([
                ("TZ", "Pacific/Kiritimati"),
                ("LC_ALL", "tr_TR.UTF-8"),
                ("LANG", "tr_TR"),
                // What reproducible builds take for the time.
                ("SOURCE_DATE_EPOCH", "4000000000"),
            ]);
            command.args(["--jobs", "1"]);
        } else {
            command.args(["--jobs", "8"]);
        }
        command.args(["build", "-C", workspace.as_str(), "--quiet", "--explain", actions.as_str()]);
        command.args(["-o", &format!("{trees}/{{environment}}")]);
        command.args(options(common, session));
        command.args(&patterns.wanted).arg("--").args(&patterns.trailing);
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(AuditError::failed("run", Utf8Path::new("wob build")))?;
        let exit = match output.status.code() {
            Some(0) => Exit::Ok,
            // Wrong sources leave trees of what is right, which can be compared.
            Some(1) => Exit::Sources,
            Some(3) => Exit::Partial,
            Some(2) => Exit::Usage,
            Some(8) => Exit::Interrupted,
            Some(32) => Exit::Outside,
            Some(36) => Exit::Local,
            Some(_) | None => Exit::Internal,
        };
        if !matches!(exit, Exit::Ok | Exit::Sources | Exit::Partial) {
            let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            return Err(AuditError::Build { condition: condition.name(), exit, said });
        }
        Ok(Self { condition, trees, actions, exit })
    }

    /// Returns the bytes of every file of the trees by path, but for the trees' own records.
    pub(super) fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, AuditError> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.trees.clone()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let below = path.strip_prefix(&self.trees).unwrap_or(&path).to_string();
                if !below.ends_with(wob_engine::RECORD_PATH) {
                    let bytes = fs::read(&path).map_err(AuditError::failed("read", &path))?;
                    files.insert(below, bytes);
                }
            }
        }
        Ok(files)
    }
}

/// Returns the options of the command line that decide what is built.
fn options(common: &Common, session: &Session<'_>) -> Vec<String> {
    let mut options: Vec<String> = vec![];
    options.extend(common.profile.map(|it| format!("--profile={it}")));
    options.extend(common.offline.then(|| "--offline".to_owned()));
    options.extend(common.locked.then(|| "--locked".to_owned()));
    options.extend(common.no_locked.then(|| "--no-locked".to_owned()));
    options.extend(common.strict.then(|| "--strict".to_owned()));
    options.extend(common.keep_going.then(|| "--keep-going".to_owned()));
    // Folders are named from the root of the disk: the builds run in other folders.
    options.extend(session.workspace.overrides().map(|it| format!("--override-input={it}")));
    options
}

/// A cold cache still has the repositories, so that an audit needs no network beyond the first build's.
fn cache_of(home: &Utf8Path) -> Result<Utf8PathBuf, AuditError> {
    let cold = home.join("cache");
    let Ok(cache) = wob_host::Cache::of_user() else { return Ok(cold) };
    let warm = cache.folder().join("git");
    if warm.is_dir() {
        copy_backwards(&warm, &cold.join("git"), &mut Times::default())?;
    }
    Ok(cold)
}

/// Makes the folder of an audit, and marks it so that it is never taken for a source, wherever it lies.
pub(super) fn mark(folder: &Utf8Path) -> Result<(), AuditError> {
    const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# Trees of an audit by wob.\n";
    fs::create_dir_all(folder).map_err(AuditError::failed("create", folder))?;
    let tag = folder.join("CACHEDIR.TAG");
    fs::write(&tag, TAG).map_err(AuditError::failed("write", &tag))
}

/// Times of files, each years from the one before: they begin in 1970, reach 2096, and begin again.
#[derive(Debug, Default)]
struct Times {
    given: u64,
}

impl Times {
    /// Gives `path` the next time.
    fn set(&mut self, path: &Utf8Path) -> Result<(), AuditError> {
        const STEP_SECONDS: u64 = 99_999_989;
        const LAST_SECONDS: u64 = 4_000_000_000;
        self.given += 1;
        let seconds = self.given.wrapping_mul(STEP_SECONDS) % LAST_SECONDS;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // Whoever owns a file may set its times, even if nobody may write it.
        let file = if cfg!(unix) {
            fs::File::open(path)
        } else {
            fs::File::options().write(true).open(path)
        };
        let set = file.and_then(|it| it.set_modified(time));
        set.map_err(AuditError::failed("set the time of", path))
    }
}

/// Copies a folder with its links, the last name first, as if each file were of another time; what wob wrote, and what is
/// marked as a cache, stays behind.
fn copy_backwards(from: &Utf8Path, to: &Utf8Path, times: &mut Times) -> Result<(), AuditError> {
    fs::create_dir_all(to).map_err(AuditError::failed("create", to))?;
    let mut below = entries(from)?;
    below.sort();
    for path in below.into_iter().rev() {
        let target = to.join(path.file_name().unwrap_or_default());
        let kind = fs::symlink_metadata(&path).map_err(AuditError::failed("look at", &path))?;
        if kind.is_dir() {
            let is_passed =
                path.join(wob_engine::RECORD_PATH).exists() || path.join("CACHEDIR.TAG").exists();
            if !is_passed {
                copy_backwards(&path, &target, times)?;
            }
        } else if kind.is_symlink() {
            copy_link(&path, &target)?;
        } else if kind.is_file() {
            fs::copy(&path, &target).map_err(AuditError::failed("copy", &path))?;
            times.set(&target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Utf8Path, to: &Utf8Path) -> Result<(), AuditError> {
    let target = fs::read_link(from).map_err(AuditError::failed("read", from))?;
    std::os::unix::fs::symlink(target, to).map_err(AuditError::failed("create", to))
}

#[cfg(not(unix))]
fn copy_link(from: &Utf8Path, to: &Utf8Path) -> Result<(), AuditError> {
    fs::copy(from, to).map(drop).map_err(AuditError::failed("copy", from))
}

fn entries(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, AuditError> {
    let listed = match folder.read_dir_utf8() {
        Ok(listed) => listed,
        // Nothing was selected of it, or nothing was built.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(AuditError::failed("list", folder)(error)),
    };
    let paths =
        listed.map(|it| it.map(camino::Utf8DirEntry::into_path)).collect::<io::Result<Vec<_>>>();
    paths.map_err(AuditError::failed("list", folder))
}
