//! Where snapshots go, how `wob` and git are run, and how folders are copied and compared.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// The workspace's root.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs `assert` with insta writing to `snapshots/<folder>/<name>.snap`.
pub(crate) fn with_snapshots_in(folder: &str, assert: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(ROOT).join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.remove_snapshot_suffix();
    settings.set_omit_expression(true);
    settings.bind(assert);
}

/// Returns `wob` in the folder `at`, with an environment that holds nothing but a cache folder below it.
pub(crate) fn wob_command(at: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wob"));
    // What is looked at where it lies stays as it is, or copies of it would come with a cache.
    let own = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = if at.starts_with(ROOT) { own.join("home") } else { at.join("home") };
    command.args(args).current_dir(at).env_clear().env("HOME", home);
    command
}

/// Runs `wob` in the folder `at` and returns everything a user would see, in one text.
pub(crate) fn wob_in(at: &Path, args: &[&str]) -> String {
    seen(&wob_command(at, args).output().expect("because cargo built wob"))
}

/// Returns everything a user would see of a run, in one text.
pub(crate) fn seen(output: &Output) -> String {
    let code = output.status.code().expect("because wob ends by itself");
    let stdout = str::from_utf8(&output.stdout).expect("because wob prints UTF-8");
    let stderr = str::from_utf8(&output.stderr).expect("because wob prints UTF-8");
    let stderr = untimed(stderr);
    format!("exit: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}")
}

/// Takes the time out of the line that ends a build.
fn untimed(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once("; ") {
        Some((rest, time)) if time.ends_with(" ms\n") => format!("{rest}; … ms\n"),
        Some(_) | None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Runs git in the folder `at` with an identity and a clock of its own; returns what it printed.
pub(crate) fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(at)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .output()
        .expect("because the tests need git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("because git prints UTF-8").trim().to_owned()
}

/// Writes `files`, by path and text, below the folder `at`.
pub(crate) fn write(at: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = at.join(path);
        fs::create_dir_all(path.parent().expect("because it is below `at`"))
            .expect("because it is temporary");
        fs::write(path, text).expect("because it is temporary");
    }
}

/// Writes `files` and commits everything; returns the commit.
pub(crate) fn commit(at: &Path, files: &[(&str, &str)]) -> String {
    write(at, files);
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", "a change"]);
    git(at, &["rev-parse", "HEAD"])
}

/// Returns the bytes of every file below `folder`, by path; a folder that is not there has none.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.expect("because the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("because it is below `folder`");
                match fs::read(&path) {
                    // Somebody may be writing there.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    bytes => {
                        let bytes = bytes.expect("because the file can be read");
                        files.insert(name.display().to_string(), bytes);
                    }
                }
            }
        }
    }
    files
}

/// Returns the whole record of the tree in `folder`, see [`joined`].
pub(crate) fn record(folder: &Path) -> Value {
    joined(&|path| fs::read(folder.join(path)).expect("because every tree has its whole record"))
}

/// Returns what the record of a tree says, as if it were one file: `files` and `assignments` are those of all its parts, too.
/// What lies at a path of the tree is had by `read`.
pub(crate) fn joined(read: &dyn Fn(&str) -> Vec<u8>) -> Value {
    let parsed = |path: &str| -> Value {
        serde_json::from_slice(&read(path)).expect("because wob writes JSON")
    };
    let mut record = parsed(".wob/tree.json");
    let mut assignments = record["assignments"].as_array().cloned().unwrap_or_default();
    let folders = record["parts"].as_object().expect("because a head names its parts").clone();
    for folder in folders.keys() {
        let part = parsed(&format!(".wob/parts/{folder}.json"));
        for (path, digest) in part["files"].as_object().expect("because a part lists its files") {
            record["files"][format!("{folder}/{path}")] = digest.clone();
        }
        for it in part["assignments"].as_array().expect("because a part lists its assignments") {
            let mut it = it.clone();
            it["clusterType"] = part["clusterType"].clone();
            assignments.push(it);
        }
    }
    let key = |it: &Value| ["clusterType", "target"].map(|name| it[name].to_string());
    assignments.sort_by_key(key);
    record["assignments"] = assignments.into();
    record
}

/// Leaves out of the files of a tree, which must have a record, all that wob says of it.
pub(crate) fn without_record(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    assert!(files.contains_key(".wob/tree.json"), "there is a record");
    files.retain(|path, _| !path.starts_with(".wob/"));
    files
}
