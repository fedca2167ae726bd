//! One build at a time in one place: real processes side by side.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
};

use crate::{
    cli::edit,
    faults::{World, end, send},
    support::{contents, git, wob_command, wob_in},
};

/// A place that can be built into.
struct Place {
    world: World,
    args: [&'static str; 3],
    /// The folder that the lock lies in, and how its name begins.
    lock: (&'static str, &'static str),
}

impl Place {
    fn folder() -> Self {
        Self { world: World::new(10, 20), args: ["build", "-o", "out"], lock: ("out/.wob", "lock") }
    }

    fn branch() -> Self {
        let world = World::new(10, 20);
        git(world.path(), &["init", "-q", "--bare", "gitops.git"]);
        Self { world, args: ["build", "--into", "gitops.git#dev"], lock: ("gitops.git", "wob-") }
    }

    fn at(&self) -> &Path {
        self.world.path()
    }

    fn lock_file(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.at().join(self.lock.0)).into_iter().flatten().flatten();
        entries.map(|it| it.path()).find(|it| {
            it.file_name().is_some_and(|it| it.to_string_lossy().starts_with(self.lock.1))
        })
    }

    fn spawn(&self) -> Child {
        let mut wob = wob_command(self.at(), &self.args);
        wob.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Builds while `holder` is stopped, lets that go on after `meanwhile`, and returns what was said.
    fn waits_for(&self, holder: Child, meanwhile: impl FnOnce()) -> String {
        let mut waiting = self.spawn();
        let mut talk = BufReader::new(waiting.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("waiting for ") {
            assert_ne!(talk.read_line(&mut said).unwrap(), 0, "{said}");
        }
        meanwhile();
        send("CONT", &holder);
        assert_eq!(end(holder).0, Some(0));
        talk.read_to_string(&mut said).unwrap();
        assert_eq!(waiting.wait().unwrap().code(), Some(0), "{said}");
        said
    }

    /// Begins a build and stops it while it holds the lock.
    fn hold(&self) -> Child {
        let mut wob = self.spawn();
        let named = || {
            let text = self.lock_file().and_then(|it| fs::read_to_string(it).ok());
            text.is_some_and(|it| it.ends_with("}\n"))
        };
        while !named() {
            assert_eq!(wob.try_wait().unwrap(), None, "the build ended too early");
            thread::yield_now();
        }
        send("STOP", &wob);
        assert!(named(), "the build was too fast");
        wob
    }
}

#[test]
fn a_second_build_waits_or_ends_with_9() {
    for place in [Place::folder(), Place::branch()] {
        let holder = place.hold();
        let args = [&place.args[..], &["--no-wait"]].concat();
        let seen = wob_in(place.at(), &args);
        assert!(seen.starts_with("exit: 9\n"), "{seen}");
        let name = format!("`wob {}` (process {} on ", place.args.join(" "), holder.id());
        assert!(seen.contains(&name) && seen.contains("--no-wait"), "{seen}");

        let wait = || {
            let mut waiting = place.spawn();
            let mut talk = BufReader::new(waiting.stderr.take().unwrap());
            let mut line = String::new();
            talk.read_line(&mut line).unwrap();
            assert!(line.starts_with(&format!("waiting for {name}")), "{line}");
            (waiting, talk)
        };
        let ((mut waiting, mut talk), (mut interrupted, _)) = (wait(), wait());
        send("INT", &interrupted);
        assert_eq!(interrupted.wait().unwrap().code(), Some(8));
        // What changes while it waits is built by it.
        place.world.change();
        send("CONT", &holder);
        assert_eq!(end(holder).0, Some(0));
        let mut rest = String::new();
        talk.read_to_string(&mut rest).unwrap();
        assert_eq!(waiting.wait().unwrap().code(), Some(0), "{rest}");
        assert_eq!(rest.matches("waiting").count(), 0, "{rest}");
        let checked = wob_in(place.at(), &[&place.args[..], &["--check"]].concat());
        assert!(checked.starts_with("exit: 0\n"), "{checked}");
        assert_eq!(place.lock_file(), None);
    }
}

#[test]
fn what_was_said_before_waiting_is_not_said_again() {
    for place in [Place::folder(), Place::branch()] {
        git(place.at(), &["init", "-q", "-b", "main"]);
        git(place.at(), &["add", "wob.yaml", "base", "dev", "app"]);
        git(place.at(), &["commit", "-qm", "sources"]);
        fs::write(place.at().join("base/new.yaml"), "# new\n").unwrap();
        let note = "note: uncommitted edits are built too: in";
        let notes = |said: &str| -> Vec<String> {
            said.lines().filter(|it| it.starts_with("note: ")).map(str::to_owned).collect()
        };
        let said = place.waits_for(place.hold(), || place.world.change());
        assert_eq!(notes(&said), [format!("{note} `base`"), format!("{note} `base`, `dev`")]);
        edit(&place.at().join("dev/types.yaml"), "{name: c2}", "{name: newer}");
        let said = place.waits_for(place.hold(), || {});
        assert_eq!(notes(&said), [format!("{note} `base`, `dev`")]);
    }
}

#[test]
fn who_only_looks_never_waits() {
    for place in [Place::folder(), Place::branch()] {
        let holder = place.hold();
        for (args, code) in [
            (&["list"][..], 0),
            (&["check"], 0),
            (&["render", "//env:dev"], 0),
            (&[place.args[0], place.args[1], place.args[2], "--check"], 5),
            (&["build", "-o", "elsewhere"], 0),
        ] {
            let seen = wob_in(place.at(), args);
            assert!(seen.starts_with(&format!("exit: {code}\n")), "{args:?}: {seen}");
        }
        send("CONT", &holder);
        assert_eq!(end(holder).0, Some(0));
    }
}

#[test]
fn a_dead_holder_keeps_nobody_out() {
    for place in [Place::folder(), Place::branch()] {
        let mut holder = place.hold();
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(place.lock_file().is_some(), "the killed build left its file");
        let seen = wob_in(place.at(), &[&place.args[..], &["--no-wait"]].concat());
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        assert_eq!(place.lock_file(), None);
    }
}

#[test]
fn eight_builds_at_once_write_one_tree() {
    for place in [Place::folder(), Place::branch()] {
        let all: Vec<Child> = (0..8).map(|_| place.spawn()).collect();
        for wob in all {
            let (code, talk) = end(wob);
            assert_eq!(code, Some(0), "{talk}");
        }
        let checked = wob_in(place.at(), &[&place.args[..], &["--check"]].concat());
        assert!(checked.starts_with("exit: 0\n"), "{checked}");
        assert_eq!(place.lock_file(), None);
        if place.args[1] == "--into" {
            let commits = git(&place.at().join("gitops.git"), &["rev-list", "--count", "dev"]);
            assert_eq!(commits, "1");
        }
    }
}

#[test]
fn nothing_is_left_where_nothing_was_written() {
    let place = Place::folder();
    fs::write(place.at().join("dev/bad.yaml"), "a: [").unwrap();
    let before = contents(place.at());
    let seen = wob_in(place.at(), &["build", "-o", "new/deep/out", "--strict"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    assert_eq!(contents(place.at()), before);
    assert!(!place.at().join("new").exists());
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let place = Place::folder();
    fs::create_dir_all(place.at().join("out/.wob")).unwrap();
    fs::write(place.at().join("precious"), "mine").unwrap();
    std::os::unix::fs::symlink("../../precious", place.at().join("out/.wob/lock")).unwrap();
    let seen = wob_in(place.at(), &place.args);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert_eq!(fs::read_to_string(place.at().join("precious")).unwrap(), "mine");
}

#[test]
fn two_names_of_one_place_do_not_wait_for_each_other() {
    let temp = tempfile::TempDir::new().unwrap();
    crate::cli::copy_example("fleet", temp.path());
    fs::create_dir_all(temp.path().join("out/dev")).unwrap();
    std::os::unix::fs::symlink("dev", temp.path().join("out/stage")).unwrap();
    let seen =
        wob_in(temp.path(), &["build", "//env:dev", "//env:stage", "-o", "out/{environment}"]);
    assert!(!seen.contains("waiting"), "{seen}");
}
