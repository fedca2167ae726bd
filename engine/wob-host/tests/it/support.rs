//! What every test of this crate needs: folders to fill, repositories to make, and one door for reading.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, Content, FilePath, Tree};
use wob_host::{
    Interrupt, ReadLimits, ReadOptions, Snapshot, SnapshotFile, TreeRecord, is_manifest_name,
};

/// A folder that is deleted at the end of the test.
pub(crate) struct Sandbox {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The system's temporary folder may be a link.
        let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
        Self { _folder: folder, path }
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub(crate) fn join(&self, path: &str) -> Utf8PathBuf {
        self.path.join(path)
    }
}

/// Writes `files` below `folder`; a content that begins with `-> ` makes a link.
pub(crate) fn write(folder: &Utf8Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("-> ") {
            #[cfg(unix)]
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            #[cfg(not(unix))]
            Some(_) => panic!("this test needs links"),
            None => fs::write(path, content).unwrap(),
        }
    }
}

/// Runs git with an identity and without anyone's configuration; returns what it printed.
pub(crate) fn git(folder: &Utf8Path, arguments: &[&str]) -> String {
    let output = git_command(folder).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn git_command(folder: &Utf8Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).stdin(Stdio::null()).env_remove("GIT_DIR");
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@example.com"),
        ("GIT_COMMITTER_NAME", "Ada"),
        ("GIT_COMMITTER_EMAIL", "ada@example.com"),
        ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ("GIT_COMMITTER_DATE", "1700000000 +0000"),
    ] {
        command.env(name, value);
    }
    command
}

/// Makes a repository on branch `main` with one commit of `files`.
pub(crate) fn repository(folder: &Utf8Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "-q", "-b", "main"]);
    commit(folder, files);
}

/// Writes `files` and commits everything; returns the commit.
pub(crate) fn commit(folder: &Utf8Path, files: &[(&str, &str)]) -> String {
    write(folder, files);
    git(folder, &["add", "-A", "-f"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", "a commit"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Options for reading all manifests.
pub(crate) fn options(interrupt: &Interrupt) -> ReadOptions<'_> {
    ReadOptions {
        wanted: &is_manifest_name,
        limits: ReadLimits::default(),
        unneeded: None,
        interrupt,
    }
}

/// Lists the files of a snapshot with their contents on one line each, hidden ones marked `#`.
pub(crate) fn listing(snapshot: &Snapshot) -> Vec<String> {
    let line = |mark: &str, file: &SnapshotFile| match &file.content {
        Content::Text { text, .. } => format!("{mark}{}: {}", file.path, text.trim_end()),
        Content::Unread { digest, .. } => format!("{mark}{}: {digest}", file.path),
        Content::Refused(refusal) => format!("{mark}{}! {refusal:?}", file.path),
    };
    let visible = snapshot.files.iter().map(|it| line("", it));
    visible.chain(snapshot.ignored.iter().map(|it| line("#", it))).collect()
}

pub(crate) fn path(path: &str) -> FilePath {
    FilePath::new(path).unwrap()
}

/// Says that the rest of a test does not run here.
#[expect(clippy::print_stdout, reason = "a test that skips must say so")]
pub(crate) fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// Returns a record of `tree` that says no more than what wob owns; each folder at the top is a part.
pub(crate) fn record(tree: &Tree) -> TreeRecord {
    let mut files = BTreeMap::new();
    let mut parts: BTreeMap<FilePath, BTreeMap<String, String>> = BTreeMap::new();
    for (at, blob) in tree.files() {
        let digest = blob.digest().to_string();
        let part = at.as_str().split_once('/').filter(|(folder, _)| !folder.starts_with('.'));
        match part {
            Some((folder, below)) => {
                parts.entry(path(folder)).or_default().insert(below.to_owned(), digest);
            }
            None => drop(files.insert(at.to_string(), digest)),
        }
    }
    let text = |files| Blob::new(serde_json::json!({ "files": files }).to_string().into_bytes());
    let parts: BTreeMap<FilePath, Blob> =
        parts.into_iter().map(|(folder, files)| (folder, text(files))).collect();
    let digest = |text: &Blob| serde_json::json!({ "record": text.digest() });
    let named: BTreeMap<&str, serde_json::Value> =
        parts.iter().map(|(folder, text)| (folder.as_str(), digest(text))).collect();
    let head = serde_json::json!({ "files": files, "parts": named }).to_string();
    TreeRecord { head, parts: Arc::new(parts) }
}
