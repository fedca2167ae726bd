//! Eight processes on one workspace, one cache and the same places, while somebody edits: none fails, none waits for
//! ever, nothing of anybody is lost, and after quiet every tree is that of a fresh build.
//!
//! It takes five seconds; `WOB_CROWD_SECONDS` says how many others.
#![cfg(unix)]

use std::{
    env, fs,
    path::Path,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    cli::copy_example,
    faults::send,
    support::{contents, git, wob_command, wob_in},
};

/// What seven of them do, again and again; the eighth watches.
const TASKS: [&[&[&str]]; 7] = [
    // Two write into the same folders, and two into the same branches.
    &[&["build", "-o", "out/shared/{environment}"]],
    &[&["build", "-o", "out/shared/{environment}", "--jobs=1"]],
    &[&["build", "--into", "gitops.git#{environment}"]],
    &[&["build", "--into", "gitops.git#{environment}", "--jobs=2"]],
    &[&["build", "//env:prod", "-o", "out/own"], &["build", "//env:dev", "-o", "out/other"]],
    &[&["check"], &["list"], &["cache", "info"], &["build", "-o", "out/third/{environment}"]],
    &[
        &["cache", "gc", "--max-age=0s", "--keep=0B"],
        &["cache", "verify"],
        &["cache", "gc"],
        &["cache", "clear"],
    ],
];
/// Whoever takes longer waits for something that never comes.
const PATIENCE: Duration = Duration::from_mins(3);

fn seconds() -> u64 {
    env::var("WOB_CROWD_SECONDS").ok().and_then(|it| it.parse().ok()).unwrap_or(5)
}

fn spawn(at: &Path, args: &[&str]) -> Child {
    let mut wob = wob_command(at, args);
    wob.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs `wob` to its end, which must be a good one.
fn run(at: &Path, args: &[&str]) {
    let mut wob = spawn(at, args);
    let begin = Instant::now();
    // What it says is less than a pipe holds.
    while wob.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            wob.kill().unwrap();
            panic!("{args:?} waits for ever");
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = wob.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {talk}");
}

/// Changes a value of the config as editors do: at no moment is there half a file.
fn edit(at: &Path, turn: usize) {
    const PLACES: [&str; 3] = ["Europe/Oslo", "Europe/Bergen", "Europe/Paris"];
    let config = at.join("base/config/company.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let now = PLACES.into_iter().find(|it| text.contains(it)).unwrap();
    let next = text.replace(now, PLACES[turn % 3]);
    fs::write(at.join("draft"), next).unwrap();
    fs::rename(at.join("draft"), config).unwrap();
}

/// Files of others lie in every folder, and stay.
const FOLDERS: [&str; 4] = ["out/shared/prod", "out/own", "out/other", "out/watched/stage"];

#[test]
fn a_crowd_writes_what_each_would_write_alone() {
    let temp = TempDir::new().unwrap();
    let at = temp.path();
    copy_example("fleet", at);
    git(at, &["init", "-q", "--bare", "gitops.git"]);
    for folder in FOLDERS {
        fs::create_dir_all(at.join(folder)).unwrap();
        fs::write(at.join(folder).join("mine"), "mine").unwrap();
    }
    let mut watch = wob_command(at, &["watch", "-o", "out/watched/{environment}"]);
    let mut watching = Watch(watch.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let work = |runs: &'static [&[&str]]| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) || count == 0 {
                for args in runs {
                    run(at, args);
                }
                count += 1;
            }
        };
        let workers = TASKS.map(|runs| scope.spawn(move || work(runs)));
        let end = Instant::now() + Duration::from_secs(seconds());
        let mut turn = 0;
        while Instant::now() < end && !workers.iter().any(thread::ScopedJoinHandle::is_finished) {
            turn += 1;
            edit(at, turn);
            thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(watching.0.try_wait().unwrap().is_none(), "the watch has ended");
    after_quiet(at);
    send("INT", &watching.0);
    assert_eq!(watching.0.wait().unwrap().code(), Some(8));
}

/// A watch that ends with the test, however that ends.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        // It has ended already if the test went well.
        self.0.kill().unwrap_or_default();
        self.0.wait().unwrap();
    }
}

/// Compares everything with a build by somebody who has nothing of all this, his cache neither.
fn after_quiet(at: &Path) {
    for runs in TASKS {
        for args in runs {
            run(at, args);
        }
    }
    let fresh = TempDir::new().unwrap();
    let out = format!("{}/{{environment}}", fresh.path().display());
    let seen = wob_command(at, &["build", "-o", &out]).env("HOME", fresh.path()).output().unwrap();
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    let wanted = |environment: &str| contents(&fresh.path().join(environment));
    let differing = |folder: &str, environment: &str| {
        let (mut found, wanted) = (contents(&at.join(folder)), wanted(environment));
        if FOLDERS.contains(&folder) {
            assert_eq!(found.remove("mine"), Some(b"mine".to_vec()), "{folder}");
        }
        let both = found.keys().chain(wanted.keys());
        let differing = both.filter(|it| found.get(*it) != wanted.get(*it)).cloned();
        differing.collect::<Vec<String>>()
    };
    for environment in ["dev", "stage", "prod"] {
        for folder in ["out/shared", "out/third"] {
            let folder = format!("{folder}/{environment}");
            assert_eq!(differing(&folder, environment), [""; 0], "{folder}");
        }
        let folder = format!("out/watched/{environment}");
        let begin = Instant::now();
        while !differing(&folder, environment).is_empty() && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(differing(&folder, environment), [""; 0], "{folder}");
        let clone = fresh.path().join("clones").join(environment);
        git(at, &["clone", "-q", "-b", environment, "gitops.git", clone.to_str().unwrap()]);
        fs::remove_dir_all(clone.join(".git")).unwrap();
        assert!(contents(&clone) == wanted(environment), "branch {environment}");
    }
    for (folder, environment) in [("out/own", "prod"), ("out/other", "dev")] {
        assert_eq!(differing(folder, environment), [""; 0], "{folder}");
    }
    assert_eq!(git(&at.join("gitops.git"), &["fsck", "--strict", "--no-dangling"]), "");
    let verified = wob_in(at, &["cache", "verify"]);
    assert!(verified.starts_with("exit: 0\n"), "{verified}");
}
