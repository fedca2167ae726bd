//! Same sources, same bytes: the outputs of runs that differ in everything but the sources are compared byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use crate::{
    cli::{branches, copy_example},
    support::{contents, seen, wob_command},
};

type Files = BTreeMap<String, Vec<u8>>;

/// A kind of workspace that is built in many ways.
#[derive(Clone, Copy)]
struct Case {
    /// Makes the workspace in a folder that exists and is empty.
    fill: fn(&Path),
    /// Where in that folder it is.
    below: &'static str,
    /// What it needs on the command line.
    args: &'static [&'static str],
    /// What a plain build with one thread writes.
    reference: &'static OnceLock<Files>,
}

static OF_FOLDERS: OnceLock<Files> = OnceLock::new();
static OF_PLACEMENT: OnceLock<Files> = OnceLock::new();
static OF_BRANCHES: OnceLock<Files> = OnceLock::new();

const FOLDERS: Case =
    Case { fill: |it| copy_example("fleet", it), below: ".", args: &[], reference: &OF_FOLDERS };
/// One of its environments is scheduled by a program.
const PLACEMENT: Case = Case {
    fill: |it| copy_example("placement", it),
    below: ".",
    args: &[],
    reference: &OF_PLACEMENT,
};
const BRANCHES: Case = Case {
    fill: branches::fill,
    below: "fleet",
    args: &[branches::OVERRIDE],
    reference: &OF_BRANCHES,
};

impl Case {
    fn filled(self) -> TempDir {
        let temp = TempDir::new().expect("because tests have a temporary folder");
        (self.fill)(temp.path());
        temp
    }

    /// Returns a build of everything that lies in `at`, with more arguments.
    fn build(self, at: &Path, more: &[&str]) -> Command {
        let args = [&["build"], self.args, more].concat();
        wob_command(&at.join(self.below), &args)
    }

    /// Returns what `command`, a build of everything that lies in `at`, writes.
    fn outputs(self, at: &Path, command: &mut Command) -> Files {
        succeeds(command);
        contents(&at.join(self.below).join("wob-out"))
    }

    /// Returns what a plain build with one thread writes.
    fn reference(self) -> Files {
        let build = || {
            let temp = self.filled();
            self.outputs(temp.path(), &mut self.build(temp.path(), &["--jobs=1"]))
        };
        let files = self.reference.get_or_init(build).clone();
        assert!(files.keys().any(|it| it.ends_with(".wob/tree.json")), "{:?}", files.keys());
        files
    }

    /// Checks that a build which `change` made different in some way writes the same.
    fn check(self, what: &str, change: impl FnOnce(&mut Command, &Path)) {
        let temp = self.filled();
        let mut command = self.build(temp.path(), &[]);
        change(&mut command, temp.path());
        assert_same(what, &self.outputs(temp.path(), &mut command), &self.reference());
    }
}

fn succeeds(command: &mut Command) {
    let seen = seen(&command.output().expect("because the command is there"));
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

/// Compares paths first, so that a failure is short.
fn assert_same(what: &str, found: &Files, wanted: &Files) {
    assert!(found.keys().eq(wanted.keys()), "{what}: {:?}, {:?}", found.keys(), wanted.keys());
    for (path, bytes) in wanted {
        let (found, wanted) =
            (String::from_utf8_lossy(&found[path]), String::from_utf8_lossy(bytes));
        assert_eq!(found, wanted, "{what}: {path}");
    }
}

#[test]
fn threads_do_not_matter() {
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        for jobs in ["--jobs=2", "--jobs=16"] {
            case.check(jobs, |it, _| {
                it.arg(jobs);
            });
        }
    }
}

#[test]
fn where_wob_is_started_does_not_matter() {
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        let temp = case.filled();
        let elsewhere = TempDir::new().unwrap();
        let workspace = temp.path().join(case.below);
        let mut command = Command::new(env!("CARGO_BIN_EXE_wob"));
        command.current_dir(elsewhere.path()).env_clear().env("HOME", elsewhere.path());
        command.arg("-C").arg(&workspace).arg("build");
        if case.below == "fleet" {
            let app = temp.path().join("app");
            let url = "https://github.com/example-org/app";
            command.arg(format!("--override-input={url}={}", app.display()));
        }
        let mut found = case.outputs(temp.path(), &mut command);
        let mut wanted = case.reference();
        if case.below == "fleet" {
            // The record names an override as the user wrote it, here by another path.
            for files in [&mut found, &mut wanted] {
                files.retain(|path, _| !path.contains("/.wob/"));
            }
        }
        assert_same("another working folder", &found, &wanted);
    }
}

#[test]
fn where_the_workspace_lies_does_not_matter() {
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        let temp = TempDir::new().unwrap();
        let deep = temp.path().join("ein Ordner/with 'quotes' & ünïcode/{{ braces }}");
        fs::create_dir_all(&deep).unwrap();
        (case.fill)(&deep);
        let found = case.outputs(&deep, &mut case.build(&deep, &[]));
        assert_same("another path", &found, &case.reference());
    }
}

#[test]
fn the_environment_does_not_matter() {
    let variables = [
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "de_DE.ISO-8859-1"),
        ("LC_COLLATE", "sv_SE.UTF-8"),
        ("USER", "ada"),
        ("HOSTNAME", "another"),
        ("RAYON_NUM_THREADS", "3"),
        ("SOURCE_DATE_EPOCH", "1"),
        ("TERM", "xterm-256color"),
        ("COLUMNS", "20"),
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
    ];
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        case.check("variables", |it, at| {
            it.envs(variables).env("HOME", at.join("another home"));
        });
        case.check("no home", |it, _| {
            it.env_remove("HOME");
        });
    }
}

#[cfg(unix)]
#[test]
fn the_umask_does_not_matter() {
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        for umask in ["077", "000"] {
            let temp = case.filled();
            let workspace = temp.path().join(case.below);
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$0\" build \"$@\"")]);
            shell.arg(env!("CARGO_BIN_EXE_wob")).args(case.args);
            shell.current_dir(workspace).env_clear().env("HOME", temp.path());
            let found = case.outputs(temp.path(), &mut shell);
            assert_same(umask, &found, &case.reference());
        }
    }
}

#[test]
fn the_order_and_the_times_of_files_do_not_matter() {
    let source = FOLDERS.filled();
    let files = contents(source.path());
    let temp = TempDir::new().unwrap();
    let epoch = SystemTime::UNIX_EPOCH;
    for (index, (path, bytes)) in files.iter().rev().enumerate() {
        let path = temp.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        // From 1970 to far in the future.
        let time = epoch + Duration::from_secs(index as u64 * 50_000_000);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    let found = FOLDERS.outputs(temp.path(), &mut FOLDERS.build(temp.path(), &[]));
    assert_same("another order", &found, &FOLDERS.reference());
}

#[cfg(unix)]
#[test]
fn sources_may_be_read_only() {
    use std::os::unix::fs::PermissionsExt as _;

    /// Lets nobody write what lies in `folder`, or lets its owner write again.
    fn set(folder: &Path, file: u32, below: u32) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_folder = path.is_dir();
            if is_folder && below & 0o200 == 0 {
                set(&path, file, below);
            }
            let mode = if is_folder { below } else { file };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if is_folder && below & 0o200 != 0 {
                set(&path, file, below);
            }
        }
    }
    // A program of the workspace must stay executable.
    for case in [FOLDERS, BRANCHES] {
        let (temp, out) = (case.filled(), TempDir::new().unwrap());
        set(temp.path(), 0o444, 0o555);
        let folder = out.path().join("{environment}").display().to_string();
        succeeds(&mut case.build(temp.path(), &["-o", &folder]));
        let found = contents(out.path());
        set(temp.path(), 0o644, 0o755);
        let mut wanted = case.reference();
        // Only the default output is hidden from git.
        wanted.remove(".gitignore");
        assert_same("read-only sources", &found, &wanted);
    }
}

#[test]
fn a_second_build_and_one_after_another_state_write_the_same() {
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        let temp = case.filled();
        let build = || case.outputs(temp.path(), &mut case.build(temp.path(), &[]));
        let first = build();
        assert_same("a second build", &build(), &first);
        // What the folder held before leaves no trace.
        let profile = ["--profile=kalypso", "--quiet"];
        let other = case.outputs(temp.path(), &mut case.build(temp.path(), &profile));
        assert_ne!(other, first, "another profile");
        assert_same("a build after another one", &build(), &first);
    }
}

#[test]
fn no_output_holds_the_time() {
    let begin = seconds();
    for case in [FOLDERS, PLACEMENT, BRANCHES] {
        let files = case.reference();
        for (path, bytes) in &files {
            let text = String::from_utf8_lossy(bytes);
            for second in begin..=seconds() {
                assert!(!text.contains(&second.to_string()), "{path} holds a time: {text}");
            }
            for format in ["+%Y-%m-%d", "+%b %e"] {
                assert!(!text.contains(&date(format)), "{path} holds a date: {text}");
            }
        }
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn date(format: &str) -> String {
    let output = Command::new("date").args(["-u", format]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
