//! `wob watch` as a user runs it: after quiet, the trees are those of a fresh build.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    cli::copy_example,
    faults::send,
    support::{contents, git, wob_command, wob_in},
};

/// A watch that runs; dropping it ends it.
pub(crate) struct Watching {
    process: Child,
    lines: Receiver<String>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Watching {
    pub(crate) fn start(at: &Path, args: &[&str]) -> Self {
        Self::start_talking(at, args, Stdio::null())
    }

    /// Starts one whose talk goes to `talk`.
    fn start_talking(at: &Path, args: &[&str], talk: Stdio) -> Self {
        let args: Vec<&str> = ["watch", "--output=json"].iter().chain(args).copied().collect();
        let mut command = wob_command(at, &args);
        let mut process = command.stdout(Stdio::piped()).stderr(talk).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                send.send(line).unwrap_or_default();
            }
        });
        Self { process, lines }
    }

    /// Returns the next build; one must come.
    pub(crate) fn next(&self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_mins(1)).expect("a build must come");
        serde_json::from_str(&line).unwrap()
    }

    /// Waits until the trees below `at` are those of a fresh build.
    pub(crate) fn settle(&self, at: &Path) {
        self.settle_part(at, "//...");
    }

    /// Waits until the trees that `pattern` selects are those of a fresh build.
    fn settle_part(&self, at: &Path, pattern: &str) {
        let fresh = tempfile::tempdir().unwrap();
        let out = format!("{}/{{environment}}", fresh.path().display());
        wob_in(at, &["build", pattern, "-o", &out]);
        let wanted = with_ignore(contents(fresh.path()));
        let differing = || {
            let mut found = contents(&at.join("wob-out"));
            found.remove("dev/mine");
            for (path, bytes) in &wanted {
                if found.get(path) == Some(bytes) {
                    found.remove(path);
                } else {
                    found.insert(path.clone(), vec![]);
                }
            }
            found.into_keys().collect::<Vec<String>>()
        };
        // Nothing is asserted of time, only that the end is right: it has come when nothing is said any more.
        let mut silent = 0;
        while silent < 600 {
            if differing().is_empty() {
                return;
            }
            if self.lines.recv_timeout(Duration::from_millis(100)).is_err() {
                silent += 1;
            }
        }
        assert_eq!(differing(), Vec::<String>::new());
    }
}

/// The default output folder hides itself from git.
fn with_ignore(
    mut files: std::collections::BTreeMap<String, Vec<u8>>,
) -> std::collections::BTreeMap<String, Vec<u8>> {
    files.insert(".gitignore".to_owned(), b"*\n".to_vec());
    files
}

fn fleet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_example("fleet", folder.path());
    folder
}

fn some_config(at: &Path) -> std::path::PathBuf {
    let folder = at.join("environments/dev/config");
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    files.filter(|it| it.extension().is_some_and(|it| it == "yaml")).min().unwrap()
}

/// Writes a file at one blow: one that is written in place may be noticed while it is empty, and one that is written beside its
/// place before it is moved; what is built of either is told, too.
fn save(file: &Path, text: &str) {
    let new = tempfile::NamedTempFile::new().unwrap();
    fs::write(&new, text).unwrap();
    new.persist(file).unwrap();
}

fn save_edited(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    save(file, &text.replace(from, to));
}

#[test]
fn an_edit_is_built_and_said() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &[]);
    let first = watching.next();
    assert_eq!((&first["build"], &first["exitCode"]), (&1.into(), &0.into()), "{first}");
    assert!(
        first["environments"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["changes"] == Value::Array(vec![]))
    );

    save_edited(&at.join("environments/dev/gitops-repo.yaml"), "kind:", "# why\nkind:");
    let comment = watching.next();
    assert!(comment.to_string().contains("\"changes\":[]"), "{comment}");
    assert!(!comment.to_string().contains("\"change\":"), "a comment changes nothing: {comment}");

    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    save(&config, &text.replace("data:\n", "data:\n  WATCHED: \"yes\"\n"));
    let edited = watching.next();
    assert!(edited.to_string().contains("\"change\":\"changed\""), "{edited}");
    watching.settle(at);
}

#[test]
fn what_comes_and_goes_is_said() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &["//env:prod"]);
    watching.next();
    let vessel = at.join("environments/prod/cluster-types/vessel.yaml");
    let text = fs::read_to_string(&vessel).unwrap();
    for (change, other) in [("deleted", "added"), ("added", "deleted"), ("deleted", "added")] {
        if change == "deleted" {
            fs::remove_file(&vessel).unwrap();
        } else {
            fs::write(&vessel, &text).unwrap();
        }
        let said = watching.next().to_string();
        let has = |change: &str| said.matches(&format!("\"change\":\"{change}\"")).count();
        assert_eq!((has(change), has(other)), (4, 0), "{said}");
        assert!(said.contains("vessel/README.md"), "{said}");
        watching.settle_part(at, "//env:prod");
    }
}

/// While one types the output is trusted; what others did to it meanwhile is found once it is calm.
#[test]
fn an_output_that_others_changed_is_mended_when_it_is_calm() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &[]);
    watching.next();
    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    save(&config, &text.replace("data:\n", "data:\n  WATCHED: \"yes\"\n"));
    watching.next();
    let stage = at.join("wob-out/stage");
    let files = contents(&stage);
    let victim = stage.join(files.keys().find(|it| it.ends_with("README.md")).unwrap());
    fs::remove_file(&victim).unwrap();
    // No source is edited.
    let mended = watching.next();
    assert!(mended.to_string().contains("\"changes\":[]"), "{mended}");
    assert!(victim.exists(), "{mended}");
    watching.settle(at);
}

/// Edits of values are built from a part of the sources, each from what the one before has left.
#[test]
fn what_was_read_is_told_once_and_no_edit_is_missed() {
    let folder = fleet();
    let at = folder.path();
    git(at, &["init", "--quiet"]);
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "-m", "fleet"]);
    let talk = tempfile::NamedTempFile::new().unwrap();
    let stderr = Stdio::from(talk.reopen().unwrap());
    let watching = Watching::start_talking(at, &["-v"], stderr);
    watching.next();
    let config = at.join("environments/dev/config/dev.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let levels = ["info", "warn", "info", "warn", "info"];
    for level in levels {
        let edited = text.replace("LOG_LEVEL: debug", &format!("LOG_LEVEL: {level}"));
        fs::write(at.join("edited"), edited).unwrap();
        fs::rename(at.join("edited"), &config).unwrap();
        let built = watching.next().to_string();
        assert_eq!(built.matches("\"change\":\"changed\"").count(), 8, "{level}: {built}");
        watching.settle(at);
    }
    let said = fs::read_to_string(talk.path()).unwrap();
    let count = |text: &str| said.matches(text).count();
    assert_eq!(count("not read, as no edit concerns them"), levels.len(), "{said}");
    assert_eq!(count("uncommitted edits are built too"), 1, "{said}");
}

#[test]
fn packs_are_joined_when_it_is_calm() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("minimal", at);
    let watching = Watching::start(at, &[]);
    watching.next();
    let packs = || fs::read_dir(at.join("home/.cache/wob/store/packs")).unwrap().count();
    let config = at.join("environments/dev/config/dev-config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let mut most = 0;
    for round in 0..80 {
        let key = format!("\ndata:\n  ROUND: \"{round}\"");
        save(&config, &text.replace("\ndata:", &key));
        watching.next();
        most = most.max(packs());
    }
    assert!(most > 64, "at {most} packs they were joined between two edits");
    for _ in 0..600 {
        if packs() < 10 {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{} packs are left", packs());
}

#[test]
fn a_mistake_is_said_and_mended() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &["//env:dev"]);
    watching.next();
    let config = some_config(at);
    let good = fs::read_to_string(&config).unwrap();
    save(&config, &format!("{good}\n  - broken: ["));
    let broken = watching.next();
    assert_eq!(broken["exitCode"], 1, "{broken}");
    assert!(!broken["diagnostics"].as_array().unwrap().is_empty());
    save(&config, &good);
    let mended = watching.next();
    assert_eq!(mended["exitCode"], 0, "{mended}");
    assert_eq!(mended["diagnostics"], Value::Array(vec![]));
    // What failed keeps its last good output.
    assert!(![&broken, &mended].iter().any(|it| it.to_string().contains("\"change\":")));

    let config = at.join("environments/dev/config/dev.yaml");
    save_edited(&config, "LOG_LEVEL: debug", "LOG_LEVEL: unheard-of");
    let broken = watching.next().to_string();
    assert!(broken.contains("config-invalid") && !broken.contains("\"change\":"), "{broken}");
    save_edited(&config, "LOG_LEVEL: unheard-of", "LOG_LEVEL: warn");
    let mended = watching.next().to_string();
    assert_eq!(mended.matches("\"change\":\"changed\"").count(), 8, "{mended}");
    assert_eq!(mended.matches("\"change\":").count(), 8, "{mended}");
    watching.settle_part(at, "//env:dev");
}

/// What was not selected stays as it lies there, and so it is told.
#[test]
fn only_what_is_selected_is_told() {
    let folder = fleet();
    let at = folder.path();
    wob_in(at, &["build", "//env:dev"]);
    let watching = Watching::start(at, &["//target/dev:ticketing-test"]);
    watching.next();
    let config = at.join("environments/dev/config/dev.yaml");
    save_edited(&config, "LOG_LEVEL: debug", "LOG_LEVEL: warn");
    let built = watching.next().to_string();
    let told = |path: &str| built.matches(path).count();
    assert_eq!((told("ticketing-test/config.yaml"), told("\"change\":")), (2, 2), "{built}");
}

#[test]
fn mass_edits_vanished_folders_and_polling_end_in_a_fresh_tree() {
    for args in [&[][..], &["--poll=20"]] {
        let folder = fleet();
        let at = folder.path();
        let watching = Watching::start(at, args);
        watching.next();
        let environment = at.join("environments/dev");
        fs::rename(&environment, at.join("away")).unwrap();
        assert_eq!(watching.next()["exitCode"], 1, "{args:?}");
        fs::rename(at.join("away"), &environment).unwrap();
        watching.settle(at);
        for number in 0..200 {
            let name = format!("config-{number}");
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{platform-config: \"true\"}}}}\n\
                 data: {{KEY_{number}: \"{number}\"}}\n"
            );
            fs::write(environment.join(format!("{name}.yaml")), text).unwrap();
        }
        watching.settle(at);
        for number in 0..199 {
            fs::remove_file(environment.join(format!("config-{number}.yaml"))).unwrap();
        }
        watching.settle(at);
    }
}

/// While the watch is stopped, more happens than the system remembers for it.
#[cfg(target_os = "linux")]
#[test]
fn events_that_overflow_and_come_late_end_in_a_fresh_tree() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &["//env:dev"]);
    watching.next();
    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    let edited = |value: &str| text.replace("data:\n", &format!("data:\n  WATCHED: \"{value}\"\n"));
    // As late as that, but for nothing that is lost; then beyond the limit, where that can be done in a moment.
    for events in [10, limit.min(20_000) + 1000] {
        send("STOP", &watching.process);
        // Two events each; the system joins equal ones that follow each other.
        for number in 0..events / 2 {
            let name = config.with_file_name(format!("noise-{}", number % 2));
            fs::write(&name, "").unwrap();
        }
        fs::write(&config, edited(&events.to_string())).unwrap();
        send("CONT", &watching.process);
        let out = fs::read_to_string(at.join("wob-out/dev/.wob/tree.json")).unwrap();
        watching.settle_part(at, "//env:dev");
        assert_ne!(fs::read_to_string(at.join("wob-out/dev/.wob/tree.json")).unwrap(), out);
    }
}

/// Whenever a watch is killed, what it leaves is mended by the next one, and by a build.
#[cfg(unix)]
#[test]
fn a_watch_that_is_killed_is_followed_by_another() {
    let folder = fleet();
    let at = folder.path();
    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    fs::create_dir_all(at.join("wob-out/dev")).unwrap();
    fs::write(at.join("wob-out/dev/mine"), "mine").unwrap();
    for round in 0..12_u64 {
        let mut watching = Watching::start(at, &["//env:dev"]);
        if round % 3 > 0 {
            watching.next();
        }
        let value = format!("data:\n  WATCHED: \"{round}\"\n");
        fs::write(config.with_extension("new"), text.replace("data:\n", &value)).unwrap();
        fs::rename(config.with_extension("new"), &config).unwrap();
        // Somewhere between the edit and the end of the build that it starts.
        watching.lines.recv_timeout(Duration::from_millis(round * 9)).unwrap_or_default();
        watching.process.kill().unwrap();
        if round % 2 == 0 {
            let seen = wob_in(at, &["build", "//env:dev", "--no-wait"]);
            assert!(seen.starts_with("exit: 0\n"), "round {round}: {seen}");
        }
    }
    let watching = Watching::start(at, &["//env:dev"]);
    watching.settle_part(at, "//env:dev");
    drop(watching);
    let seen = wob_in(at, &["build", "//env:dev", "--check"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert_eq!(fs::read_to_string(at.join("wob-out/dev/mine")).unwrap(), "mine");
}

#[test]
fn a_branch_switch_is_followed() {
    let folder = fleet();
    let at = folder.path();
    fs::write(at.join(".gitignore"), "home/\nwob-out/\n").unwrap();
    git(at, &["init", "-q"]);
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", "first"]);
    git(at, &["checkout", "-q", "-b", "other"]);
    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    save(&config, &text.replace("data:\n", "data:\n  OTHER: \"yes\"\n"));
    git(at, &["commit", "-q", "-a", "-m", "second"]);
    let watching = Watching::start(at, &[]);
    watching.next();
    git(at, &["checkout", "-q", "main"]);
    watching.settle(at);
    git(at, &["checkout", "-q", "other"]);
    watching.settle(at);
}

#[cfg(unix)]
#[test]
fn a_command_runs_after_a_change() {
    let folder = fleet();
    let at = folder.path();
    let watching = Watching::start(at, &["//env:dev", "--exec", "echo \"$WOB_CHANGED\" >> told"]);
    watching.next();
    assert!(!at.join("told").exists(), "nothing changed yet");
    let config = some_config(at);
    let text = fs::read_to_string(&config).unwrap();
    save(&config, &text.replace("data:\n", "data:\n  WATCHED: \"yes\"\n"));
    watching.next();
    for _ in 0..100 {
        if fs::read_to_string(at.join("told")).is_ok_and(|it| it == "//env:dev\n") {
            return;
        }
        watching.lines.recv_timeout(Duration::from_millis(50)).unwrap_or_default();
    }
    panic!("the command did not run");
}
