//! What real processes meet when the operating system refuses: strace lets one call after another fail, those of every
//! library included.
//!
//! In a normal run a part of the calls fails, another part in each place; `WOB_TEST_REFUSALS=all` takes all of them with
//! every error. Where there is no strace, or it may not trace, nothing is tested.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    cli::copy,
    faults::World,
    support::{contents, git, wob_in, write},
};

type Files = BTreeMap<String, Vec<u8>>;

/// Every call that looks at a disk or changes it.
const CALLS: &str = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,read,\
                     pread64,write,pwrite64,writev,fsync,fdatasync,ftruncate,chmod,fchmod,fchmodat,utimensat,getdents64,flock";
const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EACCES", "EMFILE", "EINTR"];

/// Says whether strace is there and may trace.
#[expect(clippy::print_stdout, reason = "a test that skips must say so")]
fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "true"]);
    let can = strace.stderr(Stdio::null()).status().is_ok_and(|it| it.success());
    if !can {
        println!("skipped: no strace that may trace");
    }
    can
}

/// How one traced run ended.
struct Ran {
    code: Option<i32>,
    talk: String,
    /// Whether a call failed.
    refused: bool,
}

/// Runs `wob` in `at` while call number `call`, counted from 1 in each thread, fails with `error`.
fn refused(at: &Path, args: &[&str], call: usize, error: &str) -> Ran {
    let log = at.join("strace.log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e"]).arg(format!("trace={CALLS}"));
    strace.arg("-e").arg(format!("inject={CALLS}:error={error}:when={call}"));
    strace.arg("-o").arg(&log).arg(env!("CARGO_BIN_EXE_wob")).args(args).arg("--jobs=1");
    strace.current_dir(at).env_clear().env("HOME", at.join("home"));
    // Strace itself is found by the path.
    strace.env("PATH", env::var_os("PATH").unwrap_or_default());
    let output = strace.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    // What a program that could not be started says is in no encoding that matters.
    let log = fs::read(&log).unwrap_or_default();
    let refused = String::from_utf8_lossy(&log).contains("(INJECTED)");
    Ran { code: output.status.code(), talk, refused }
}

/// Calls `test` with calls and errors, until it says that no call failed.
fn for_some_calls(first: usize, mut test: impl FnMut(usize, &str) -> bool) {
    let all = env::var("WOB_TEST_REFUSALS").is_ok_and(|it| it == "all");
    let (first, step) = if all { (1, 1) } else { (first, 13) };
    let mut count = 0;
    for (index, call) in (first..).step_by(step).enumerate() {
        let errors = if all { &ERRORS[..] } else { &ERRORS[index % 5..=index % 5] };
        if !errors.iter().all(|error| test(call, error)) {
            break;
        }
        count += 1;
    }
    assert!(count >= 5, "only {count} calls were let fail");
}

/// Checks that the run ended as the contract says: it may do without what was refused, or say what is in the way.
fn assert_ended(ran: &Ran, what: &str) {
    // 127: the system could not start the program.
    let is_known = matches!(ran.code, Some(0 | 1 | 2 | 36 | 127));
    assert!(is_known && !ran.talk.contains("panicked"), "{what}: {:?} {}", ran.code, ran.talk);
    let speaks = !ran.talk.is_empty() || matches!(ran.code, Some(0 | 127));
    assert!(speaks, "{what}: {:?}", ran.code);
}

fn succeeds(at: &Path, args: &[&str], what: &str) {
    let seen = wob_in(at, args);
    assert!(seen.starts_with("exit: 0\n"), "{what}: {seen}");
}

/// A workspace whose next build changes the tree, and the place as it is before that build.
fn changed(args: &[&str], place: &str) -> (World, PathBuf) {
    let world = World::new(2, 2);
    git(world.path(), &["init", "-q", "--bare", "gitops.git"]);
    succeeds(world.path(), args, "before");
    let pristine = world.path().join("pristine");
    copy(&world.path().join(place), &pristine);
    world.change();
    (world, pristine)
}

#[test]
fn a_folder_is_old_or_new_in_every_file() {
    if !can_trace() {
        return;
    }
    let args = ["build", "-o", "out"];
    let (world, pristine) = changed(&args, "out");
    write(&pristine, &[("mine", "mine")]);
    let (at, out) = (world.path(), world.path().join("out"));
    let before = contents(&pristine);
    succeeds(at, &["build", "-o", "elsewhere"], "after");
    let mut after = contents(&at.join("elsewhere"));
    after.insert("mine".to_owned(), b"mine".to_vec());
    for_some_calls(3, |call, error| {
        let what = format!("{error} at {call}");
        fs::remove_dir_all(&out).unwrap();
        copy(&pristine, &out);
        let ran = refused(at, &args, call, error);
        assert_ended(&ran, &what);
        assert_old_or_new(&contents(&out), &before, &after, &format!("{what}: {}", ran.talk));
        if ran.code == Some(0) {
            assert_eq!(differing(&contents(&out), &after), Vec::<&String>::new(), "{what}");
        }
        succeeds(at, &args, &what);
        assert_eq!(differing(&contents(&out), &after), Vec::<&String>::new(), "{what}, mended");
        ran.refused
    });
}

fn differing<'f>(found: &'f Files, wanted: &'f Files) -> Vec<&'f String> {
    let both = found.keys().chain(wanted.keys());
    both.filter(|it| found.get(*it) != wanted.get(*it)).collect()
}

fn assert_old_or_new(found: &Files, before: &Files, after: &Files, what: &str) {
    let is_scaffold =
        |it: &str| it.starts_with(".wob/") || it.split('/').any(|it| it.starts_with(".wob-new-"));
    for (path, bytes) in found.iter().filter(|(path, _)| !is_scaffold(path)) {
        let known = [before.get(path), after.get(path)];
        assert!(known.contains(&Some(bytes)), "{what}: {path} is neither");
    }
    for (path, bytes) in before.iter().filter(|(path, _)| !is_scaffold(path)) {
        let stays = after.get(path) == Some(bytes);
        assert!(!stays || found.get(path) == Some(bytes), "{what}: {path} is lost");
    }
}

#[test]
fn a_branch_is_old_or_new() {
    if !can_trace() {
        return;
    }
    let args = ["build", "--into", "gitops.git#dev"];
    let (world, pristine) = changed(&args, "gitops.git");
    let (at, repository) = (world.path(), world.path().join("gitops.git"));
    // By path, the ids of what the branch holds.
    let tree = || -> Files {
        let listing = git(&repository, &["ls-tree", "-r", "dev"]);
        let file = |it: &str| it.split_once('\t').map(|(id, path)| (path.to_owned(), id.into()));
        listing.lines().filter_map(file).collect()
    };
    let before = tree();
    succeeds(at, &args, "after");
    let after = tree();
    for_some_calls(11, |call, error| {
        let what = format!("{error} at {call}");
        fs::remove_dir_all(&repository).unwrap();
        copy(&pristine, &repository);
        let ran = refused(at, &args, call, error);
        assert_ended(&ran, &what);
        assert_old_or_new(&tree(), &before, &after, &format!("{what}: {}", ran.talk));
        if ran.code == Some(0) {
            assert_eq!(differing(&tree(), &after), Vec::<&String>::new(), "{what}");
        }
        if ran.code == Some(36) {
            assert_eq!(differing(&tree(), &before), Vec::<&String>::new(), "{what}: {}", ran.talk);
        }
        git(&repository, &["fsck", "--strict", "--connectivity-only", "--no-dangling"]);
        // A lock of git's own that could not be deleted is named, and git would ask its user for the same.
        for lock in ["refs/heads/dev.lock", "packed-refs.lock"] {
            fs::remove_file(repository.join(lock)).ok();
        }
        succeeds(at, &args, &what);
        assert_eq!(differing(&tree(), &after), Vec::<&String>::new(), "{what}, mended");
        ran.refused
    });
}
