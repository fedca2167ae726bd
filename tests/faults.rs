//! What real processes meet: signals, crashes, folders that cannot be written, readers that hang up.
#![cfg(unix)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{contents, seen, wob_command, wob_in, write},
};

type Files = BTreeMap<String, Vec<u8>>;

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}---\n"
    )
}

/// A workspace that is large enough to be caught in the middle of a build.
pub(crate) struct World {
    temp: TempDir,
}

impl World {
    /// Makes a workspace with one assignment for each cluster type and target.
    pub(crate) fn new(cluster_types: usize, targets: usize) -> Self {
        let world = Self { temp: TempDir::new().unwrap() };
        let mut types = String::new();
        for index in 0..cluster_types {
            types += &object("ClusterType", &format!("c{index}"), "  reconciler: flux\n");
        }
        let mut workload = "  deploymentTargets:\n".to_owned();
        for index in 0..targets {
            let manifests = "{repo: 'https://example.org/m', branch: dev, path: ./t}";
            writeln!(workload, "  - {{name: t{index}, environment: dev, manifests: {manifests}}}")
                .unwrap();
        }
        let registration = "  workspace: team\n  workload: {repo: 'https://example.org/app', branch: main, path: .}\n";
        let policy = "  deploymentTargetSelector: {labelSelector: {}}\n  clusterTypeSelector: {labelSelector: {}}\n";
        write(
            world.path(),
            &[
                (
                    "wob.yaml",
                    "version: 1\nbase: base\nenvironments: {dev: dev}\ninputs: [{url: 'https://example.org/app', path: app}]\n",
                ),
                ("base/registration.yaml", &object("WorkloadRegistration", "app", registration)),
                ("dev/policy.yaml", &object("SchedulingPolicy", "all", policy)),
                ("dev/types.yaml", &types),
                (
                    "dev/config.yaml",
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, labels: {platform-config: 'true'}}\ndata: {VERSION: 'one'}\n",
                ),
                ("app/workload.yaml", &object("Workload", "app", &workload)),
            ],
        );
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.temp.path()
    }

    fn out(&self) -> PathBuf {
        self.path().join("wob-out/dev")
    }

    fn builds(&self) {
        let seen = wob_in(self.path(), &["build", "--quiet"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
    }

    /// Changes the sources, so that the next build adds, changes and deletes files.
    pub(crate) fn change(&self) {
        edit(&self.path().join("dev/config.yaml"), "'one'", "'two'");
        edit(&self.path().join("dev/types.yaml"), "{name: c1}", "{name: new}");
    }

    /// Returns the tree before the change, which is built, and the one that the next build makes.
    fn changed(&self) -> (Files, Files) {
        self.builds();
        let before = contents(&self.out());
        self.change();
        let seen = wob_in(self.path(), &["build", "--quiet", "-o", "elsewhere"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let after = contents(&self.path().join("elsewhere"));
        let keys = |it: &Files| it.keys().cloned().collect::<Vec<_>>();
        assert_ne!(keys(&before), keys(&after));
        (before, after)
    }

    /// Begins a build.
    fn spawn(&self) -> Child {
        let mut wob = wob_command(self.path(), &["build"]);
        wob.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for `moment` in the life of `wob`, or for its end.
    fn wait_for(&self, moment: Moment, wob: &mut Child) {
        while wob.try_wait().unwrap().is_none() && !(moment.is)(self, wob) {
            thread::yield_now();
        }
    }

    fn assert_is(&self, wanted: &Files, what: &str) {
        let found = contents(&self.out());
        let both = || found.keys().chain(wanted.keys());
        let differing: Vec<&String> =
            both().filter(|it| found.get(*it) != wanted.get(*it)).take(5).collect();
        assert!(differing.is_empty(), "{what}: {differing:?}");
    }
}

/// A moment in the life of a build.
#[derive(Clone, Copy)]
struct Moment {
    name: &'static str,
    is: fn(&World, &Child) -> bool,
}

/// Files are being prepared: the first of them, and one of the last.
const STAGING: [Moment; 3] = [
    Moment { name: "journal", is: |it, _| it.out().join(".wob/journal.json").exists() },
    Moment { name: "first file waits", is: |it, _| waits(&it.out().join("c0/app-t0")) },
    Moment { name: "late file waits", is: |it, _| waits(&it.out().join("c9/app-t9")) },
];
/// Files are being replaced.
const REPLACING: [Moment; 3] = [
    Moment { name: "first file is new", is: |it, _| is_new(&it.out().join("c0/app-t0")) },
    Moment { name: "middle file is new", is: |it, _| is_new(&it.out().join("c4/app-t9")) },
    Moment { name: "late file is new", is: |it, _| is_new(&it.out().join("c9/app-t9")) },
];

/// The process is ready for signals.
#[cfg(target_os = "linux")]
const READY: Moment = Moment {
    name: "ready",
    is: |_, wob| {
        let status = fs::read_to_string(format!("/proc/{}/status", wob.id())).unwrap_or_default();
        let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:")).unwrap_or_default();
        // Bit 1 is SIGINT.
        u64::from_str_radix(caught.trim(), 16).is_ok_and(|it| it & 2 != 0)
    },
};

fn waits(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name());
    names.into_iter().any(|it| it.to_string_lossy().starts_with(".wob-new-"))
}

fn is_new(folder: &Path) -> bool {
    fs::read_to_string(folder.join("config.yaml")).is_ok_and(|it| it.contains("two"))
}

pub(crate) fn send(signal: &str, to: &Child) {
    let kill = format!("kill -{signal} {}", to.id());
    // It may have ended.
    Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap();
}

/// Waits for the end; returns the exit code and what was said.
pub(crate) fn end(mut wob: Child) -> (Option<i32>, String) {
    let mut talk = String::new();
    wob.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    (wob.wait().unwrap().code(), talk)
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_build_leaves_the_previous_tree() {
    let world = World::new(12, 20);
    let (before, after) = world.changed();
    for signal in ["INT", "TERM", "HUP"] {
        let mut wob = world.spawn();
        world.wait_for(READY, &mut wob);
        send(signal, &wob);
        let (code, talk) = end(wob);
        assert_eq!(code, Some(8), "{signal}: {talk}");
        assert_eq!(talk.matches("interrupted").count(), 1, "{talk}");
        world.assert_is(&before, signal);
    }
    world.builds();
    world.assert_is(&after, "the next build");
}

#[test]
fn an_interruption_while_files_are_written_leaves_one_of_both_trees() {
    let world = World::new(10, 10);
    let (before, after) = world.changed();
    for moment in STAGING.iter().chain(&REPLACING) {
        let mut wob = world.spawn();
        world.wait_for(*moment, &mut wob);
        send("INT", &wob);
        match end(wob) {
            (Some(8), talk) => {
                // Nobody counts what was not done.
                assert!(!talk.contains("assignments"), "{talk}");
                world.assert_is(&before, moment.name);
            }
            (code, talk) => {
                assert_eq!(code, Some(0), "{}: {talk}", moment.name);
                world.assert_is(&after, moment.name);
                edit(&world.path().join("dev/config.yaml"), "'two'", "'one'");
                edit(&world.path().join("dev/types.yaml"), "{name: new}", "{name: c1}");
                world.builds();
                world.assert_is(&before, "the way back");
                world.change();
            }
        }
    }
    world.builds();
    world.assert_is(&after, "the next build");
}

#[test]
fn a_crash_at_any_moment_is_repaired_by_the_next_build() {
    let world = World::new(10, 10);
    let (_, after) = world.changed();
    for moment in STAGING.iter().chain(&REPLACING) {
        fs::remove_dir_all(world.path().join("wob-out")).unwrap();
        edit(&world.path().join("dev/config.yaml"), "'two'", "'one'");
        edit(&world.path().join("dev/types.yaml"), "{name: new}", "{name: c1}");
        world.builds();
        world.change();
        // The build that repairs may crash too.
        for _ in 0..2 {
            let mut wob = world.spawn();
            world.wait_for(*moment, &mut wob);
            wob.kill().unwrap();
            let status = wob.wait().unwrap();
            assert!(status.signal() == Some(9) || status.success(), "{status}");
        }
        let seen = wob_in(world.path(), &["build"]);
        assert!(seen.starts_with("exit: 0\n"), "{}: {seen}", moment.name);
        world.assert_is(&after, moment.name);
    }
}

#[test]
fn what_a_crash_left_beside_the_record_is_removed() {
    let world = World::new(1, 1);
    world.builds();
    let wanted = contents(&world.out());
    let journal = r#"{"files":{}}"#;
    write(
        &world.out(),
        &[
            (".wob/journal.json", journal),
            (".wob/.tree-a1B2c3D4", "half a rec"),
            (".wob/.journal-a1B2c3D4", "half a jour"),
        ],
    );
    world.builds();
    world.assert_is(&wanted, "what a crash left");
}

/// Sets the permissions of everything below `folder`, and its own; sets its owner's right to write last or first.
fn permit(folder: &Path, folders: u32, files: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            permit(&path, folders, files);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(files)).unwrap();
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(folders)).unwrap();
}

/// Returns `wob` as somebody whom permissions bind: the administrator is bound by none.
fn bound(at: &Path, args: &[&str]) -> Command {
    let mut command = wob_command(at, args);
    if fs::metadata(at).unwrap().uid() != 0 {
        return command;
    }
    // Nobody else may look into the folder where cargo put it.
    let program = at.join("wob");
    if !program.exists() {
        let built = env!("CARGO_BIN_EXE_wob");
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(|_| ())).unwrap();
    }
    command = Command::new(program);
    command.args(args).current_dir(at).env_clear().env("HOME", at).uid(65534).gid(65534);
    command
}

#[test]
fn a_folder_that_may_not_be_written_stays_as_it_is() {
    let world = World::new(2, 3);
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (before, after) = world.changed();
    permit(&world.out(), 0o555, 0o444);
    let refused = |args: &[&str]| {
        let seen = seen(&bound(world.path(), args).output().unwrap());
        assert!(seen.starts_with("exit: 36\n"), "{seen}");
        assert!(seen.contains("Permission denied"), "{seen}");
        seen
    };
    let seen = refused(&["build"]);
    assert!(seen.contains("could not write `"), "{seen}");
    world.assert_is(&before, "a read-only folder");
    // Only a folder deep below may not be written.
    permit(&world.out(), 0o777, 0o666);
    permit(&world.out().join("c0/app-t2"), 0o555, 0o444);
    let seen = refused(&["build"]);
    assert!(seen.contains("c0/app-t2"), "{seen}");
    world.assert_is(&before, "a read-only folder below");
    // A folder that cannot be made.
    let seen = refused(&["build", "-o", "wob-out/dev/c0/app-t2/new/folder"]);
    assert!(seen.contains("could not create `"), "{seen}");
    permit(&world.out(), 0o755, 0o644);
    world.assert_is(&before, "a folder that cannot be made");
    world.builds();
    world.assert_is(&after, "the next build");
}

#[test]
fn a_file_that_cannot_be_written_whole_changes_nothing() {
    let world = World::new(2, 3);
    let (before, _) = world.changed();
    let long = "x".repeat(200_000);
    edit(&world.path().join("dev/config.yaml"), "'two'", &format!("'{long}'"));
    // Beyond the limit writing fails as on a full disk, in blocks of 512 or 1024 bytes: the journal, then a file.
    for (blocks, what) in [("0", "journal.json"), ("64", "config.yaml")] {
        let mut shell = Command::new("/bin/sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" build");
        shell.args(["-c", &script]).arg(env!("CARGO_BIN_EXE_wob")).current_dir(world.path());
        let seen = seen(&shell.output().unwrap());
        assert!(seen.starts_with("exit: 36\n"), "{seen}");
        assert!(seen.contains("could not write `") && seen.contains(what), "{seen}");
        assert!(seen.contains("File too large"), "{seen}");
        world.assert_is(&before, what);
    }
    world.builds();
    let config = fs::read_to_string(world.out().join("c0/app-t0/config.yaml")).unwrap();
    assert!(config.contains(&long));
}

/// After a power failure a file may end in zeroes though its build had ended. The next build writes it again, or removes it, whatever
/// it is to become; what may be somebody's edit is refused.
#[test]
fn a_file_that_was_torn_is_written_again() {
    type Tear = fn(&[u8]) -> Vec<u8>;
    let zeroes: Tear = |it| [&it[..it.len() / 2], &vec![0; it.len() - it.len() / 2]].concat();
    let short: Tear = |it| [&it[..it.len() / 3], &[0; 4]].concat();
    let edited: Tear = |it| [b"# mine\n", it, &[0; 4]].concat();
    let cut: Tear = |it| it[..it.len() / 2].to_vec();
    let (same, value, gone) = ("# c0", "'one'", "{name: c0}");
    for (tear, edit_of, code) in [
        (zeroes, same, 0),
        (zeroes, value, 0),
        (zeroes, gone, 0),
        (short, same, 0),
        (short, value, 0),
        ((|_| vec![]) as Tear, same, 0),
        ((|_| vec![]) as Tear, gone, 0),
        ((|it| vec![0; it.len()]) as Tear, value, 0),
        (edited, same, 36),
        (cut, same, 36),
        (cut, value, 36),
        (cut, gone, 36),
    ] {
        let world = World::new(2, 2);
        edit(&world.path().join("dev/types.yaml"), "{name: c1}", "{name: c1} # c0");
        world.builds();
        let file = world.out().join("c0/app-t0/config.yaml");
        let whole = fs::read(&file).unwrap();
        fs::write(&file, tear(&whole)).unwrap();
        let of = if edit_of == value { "dev/config.yaml" } else { "dev/types.yaml" };
        edit(&world.path().join(of), edit_of, &edit_of.replace("c0", "d0").replace("one", "two"));
        let seen = wob_in(world.path(), &["build"]);
        let what = format!("{:?} with {edit_of}", String::from_utf8_lossy(&tear(&whole)));
        assert!(seen.starts_with(&format!("exit: {code}\n")), "{what}: {seen}");
        if code == 0 {
            wob_in(world.path(), &["build", "-o", "elsewhere"]);
            world.assert_is(&contents(&world.path().join("elsewhere")), &what);
        } else {
            assert!(seen.contains("c0/app-t0/config.yaml (edited since"), "{what}: {seen}");
            assert_eq!(fs::read(&file).unwrap(), tear(&whole), "{what}");
        }
    }
}

#[test]
fn readers_may_hang_up() {
    let world = World::new(6, 20);
    for args in [&["build"][..], &["list"], &["render", "//env:dev"], &["list", "--output=json"]] {
        let mut wob = wob_command(world.path(), args);
        let mut wob = wob.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(wob.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{args:?}");
        let (code, talk) = end(wob);
        assert_eq!(code, Some(0), "{args:?}: {talk}");
        assert!(!talk.contains("panicked") && !talk.contains("bug"), "{args:?}: {talk}");
        // Nobody listens to the talk either.
        let mut wob = wob_command(world.path(), args);
        let mut wob = wob.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        drop(wob.stderr.take());
        assert_eq!(wob.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn without_a_terminal_nothing_is_drawn() {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    let plain = |args: &[&str]| {
        let output = wob_command(temp.path(), args).env("TERM", "xterm-256color").output().unwrap();
        for byte in output.stdout.iter().chain(&output.stderr) {
            assert!(*byte >= b' ' && *byte != 0x7f || *byte == b'\n', "{}", seen(&output));
        }
        seen(&output)
    };
    assert!(plain(&["build", "-vv"]).starts_with("exit: 0\n"));
    edit(
        &temp.path().join("environments/prod/cluster-types/kiosk.yaml"),
        "reconciler: ",
        "reconciler: \"\\e[31mx\\a\"# ",
    );
    let seen = plain(&["build"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("kiosk.yaml"), "{seen}");
    assert!(plain(&["check", "--output=json"]).starts_with("exit: 1\n"));
    assert!(plain(&["list"]).contains("kiosk"));
}
