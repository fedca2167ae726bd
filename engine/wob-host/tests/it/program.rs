//! Programs of a workspace: what they are given, and what becomes of those that misbehave.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    thread,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use wob_engine::{Digest, FilePath};
use wob_host::{Interrupt, Program, ProgramError, ProgramLimits, ProgramOutput, Surroundings};

use crate::support::{Sandbox, write};

const LIMITS: ProgramLimits =
    ProgramLimits { time: Duration::from_secs(30), output_bytes: 1 << 16 };

/// Makes `run.sh` with this body below `root`.
fn script(root: &Utf8Path, body: &str) {
    write(root, &[("run.sh", &format!("#!/bin/sh\n{body}\n"))]);
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(
    root: &Utf8Path,
    input: &str,
    arguments: &[&str],
    limits: ProgramLimits,
) -> Result<ProgramOutput, ProgramError> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let path = FilePath::new("run.sh").unwrap();
    let program = Program {
        root,
        path: &path,
        arguments: &arguments,
        limits,
        surroundings: Surroundings::None,
    };
    program.run(input.as_bytes(), &Interrupt::default())
}

/// Runs a script that must fail, and says how.
fn failure(body: &str, limits: ProgramLimits) -> ProgramError {
    let sandbox = Sandbox::new();
    script(sandbox.path(), body);
    run(sandbox.path(), &"x".repeat(1 << 20), &[], limits).unwrap_err()
}

#[test]
fn input_goes_in_and_output_comes_out() {
    let sandbox = Sandbox::new();
    script(sandbox.path(), "tr a-z A-Z; echo \"$# $1 $2\"; echo ignored >&2");
    let ran = run(sandbox.path(), "hello\n", &["one word", "*"], LIMITS).unwrap();
    assert_eq!(str::from_utf8(&ran.output).unwrap(), "HELLO\n2 one word *\n");
    assert_eq!(ran.program, Digest::of(&fs::read(sandbox.join("run.sh")).unwrap()));
}

#[test]
fn its_folder_and_environment_are_known() {
    let sandbox = Sandbox::new();
    script(
        sandbox.path(),
        "pwd; env | grep -v -e '^PWD=' -e '^_=' -e '^SHLVL=' -e '^OLDPWD=' | sort",
    );
    let ran = run(sandbox.path(), "", &[], LIMITS).unwrap();
    let path = std::env::var("PATH").unwrap();
    let expected = format!("{}\nLC_ALL=C\nPATH={path}\nTZ=UTC\n", sandbox.path());
    assert_eq!(str::from_utf8(&ran.output).unwrap(), expected);
}

#[test]
fn one_that_looks_at_the_world_sees_what_wob_sees() {
    let sandbox = Sandbox::new();
    script(sandbox.path(), "env | grep -c -e '^PATH=' -e '^CARGO_PKG_NAME='");
    let path = FilePath::new("run.sh").unwrap();
    let with = |surroundings| {
        let program = Program {
            root: sandbox.path(),
            path: &path,
            arguments: &[],
            limits: LIMITS,
            surroundings,
        };
        program.run(b"", &Interrupt::default()).unwrap().output
    };
    // Cargo sets the second of them for tests.
    assert_eq!(with(Surroundings::All), b"2\n");
    assert_eq!(with(Surroundings::None), b"1\n");
}

#[test]
fn a_program_need_not_read_its_input() {
    let sandbox = Sandbox::new();
    script(sandbox.path(), "echo done");
    let ran = run(sandbox.path(), &"x".repeat(1 << 20), &[], LIMITS).unwrap();
    assert_eq!(ran.output, b"done\n");
}

#[test]
fn a_failure_brings_its_last_words() {
    let body = "i=0; while [ $i -lt 2000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; exit 3";
    let error = failure(body, LIMITS);
    assert_eq!(error.to_string(), "it ended with exit status: 3");
    let words = error.last_words();
    assert_eq!((words.len(), words[0].as_str(), words[9].as_str()), (10, "line 1990", "line 1999"));
    assert_eq!(failure("kill -9 $$", LIMITS).to_string(), "it ended with signal: 9 (SIGKILL)");
}

/// A child that ignores what it can, and would outlive its parent, dies with the group.
#[test]
fn time_is_limited_for_the_whole_group() {
    let sandbox = Sandbox::new();
    let body = "trap '' TERM INT HUP; (trap '' TERM INT HUP; echo up > up; sleep 60; echo late > late) & sleep 60; wait";
    script(sandbox.path(), body);
    let before = Instant::now();
    let limits = ProgramLimits { time: Duration::from_secs(3), ..LIMITS };
    let error = run(sandbox.path(), "", &[], limits).unwrap_err();
    assert!(matches!(error, ProgramError::TimedOut(_)), "{error}");
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());
    assert!(sandbox.join("up").exists() && !is_left(sandbox.path()), "a process is left");
}

/// Says whether a process has its working folder in `folder`; one that was killed gets the time to die.
fn is_left(folder: &Utf8Path) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_running(folder) {
        if Instant::now() > deadline {
            return true;
        }
        thread::yield_now();
    }
    false
}

fn is_running(folder: &Utf8Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let folders = processes.filter_map(|it| fs::read_link(it.ok()?.path().join("cwd")).ok());
    folders.into_iter().any(|it| it == folder.as_std_path())
}

#[test]
fn what_a_program_leaves_behind_is_killed() {
    let sandbox = Sandbox::new();
    script(sandbox.path(), "(sleep 20; echo late) & echo done");
    let before = Instant::now();
    let ran = run(sandbox.path(), "", &[], LIMITS).unwrap();
    assert_eq!(ran.output, b"done\n");
    assert!(before.elapsed() < Duration::from_secs(10) && !is_left(sandbox.path()));
}

#[test]
fn output_is_limited() {
    let error = failure("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", LIMITS);
    assert!(matches!(error, ProgramError::TooMuch(65536)), "{error}");
}

#[test]
fn an_interrupt_ends_it() {
    let sandbox = Sandbox::new();
    script(sandbox.path(), "echo up > up; sleep 20");
    let interrupt = Interrupt::default();
    let (root, other) = (sandbox.path().to_owned(), interrupt.clone());
    let watcher = thread::spawn(move || {
        while !root.join("up").exists() {
            thread::yield_now();
        }
        other.set();
    });
    let path = FilePath::new("run.sh").unwrap();
    let program = Program {
        root: sandbox.path(),
        path: &path,
        arguments: &[],
        limits: LIMITS,
        surroundings: Surroundings::None,
    };
    let error = program.run(b"", &interrupt).unwrap_err();
    watcher.join().unwrap();
    assert!(matches!(error, ProgramError::Interrupted(_)), "{error}");
    assert!(!is_left(sandbox.path()), "a process is left");
}

#[test]
fn only_files_of_the_workspace_are_run() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("workspace");
    write(&sandbox.path().join("workspace"), &[("other", "x")]);
    let error = || run(&root, "", &[], LIMITS).unwrap_err();
    assert!(matches!(error(), ProgramError::Missing), "{}", error());
    fs::create_dir(root.join("run.sh")).unwrap();
    assert!(matches!(error(), ProgramError::Missing), "{}", error());
    fs::remove_dir(root.join("run.sh")).unwrap();
    script(sandbox.path(), "echo outside");
    write(&root, &[("run.sh", "-> ../run.sh")]);
    assert!(matches!(error(), ProgramError::Outside), "{}", error());
    fs::remove_file(root.join("run.sh")).unwrap();
    write(&root, &[("run.sh", "no program")]);
    assert!(matches!(error(), ProgramError::Start(_)), "{}", error());
}

#[test]
fn an_edit_meanwhile_is_noticed() {
    let error = failure("echo '# edited' >> \"$0\"; echo done", LIMITS);
    assert!(matches!(error, ProgramError::Changed), "{error}");
}
