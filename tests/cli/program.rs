//! Programs that schedule, where the workspace is read as commits had it: each commit's own program answers, or it is said why
//! not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

use super::{copy_example, edit};
use crate::support::{commit, git, wob_in, write};

/// A program that says what another file of the workspace holds.
pub(super) const READS: &str = "#!/bin/sh\nexec cat answers/now.txt\n";

fn answer(store: &str) -> String {
    format!(
        "{{\"version\": 1, \"assignments\": [{{\"clusterType\": \"{store}\", \"target\": \"shop-till\"}}]}}\n"
    )
}

/// Replaces the program of the workspace at `at`.
pub(super) fn program(at: &Path, text: &str) {
    let path = at.join("scheduler.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The example in a repository, below another folder of it; its program reads a file.
pub(super) fn repository() -> TempDir {
    let temp = TempDir::new().unwrap();
    let at = temp.path().join("fleet");
    copy_example("placement", &at);
    git(temp.path(), &["init", "-q", "-b", "main"]);
    write(temp.path(), &[(".git/info/exclude", "home/\nwob-out/\n")]);
    program(&at, READS);
    commit(&at, &[("answers/now.txt", &answer("store-1"))]);
    temp
}

pub(super) fn affected(at: &Path, args: &[&str]) -> String {
    let seen = wob_in(at, &[&["affected"], args].concat());
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let stdout = seen.split("----- stdout -----\n").nth(1).unwrap();
    stdout.split("----- stderr -----").next().unwrap().to_owned()
}

/// What a commit's program reads beside its input is that of the commit too.
#[test]
fn each_commit_is_asked_its_own_program() {
    let temp = repository();
    let at = temp.path().join("fleet");
    // Another file that it reads; then another program; then what is not committed.
    commit(&at, &[("answers/now.txt", &answer("store-2"))]);
    program(&at, &format!("#!/bin/sh\nprintf '%s' '{}'\n", answer("store-3").trim()));
    commit(&at, &[]);
    program(&at, "#!/bin/sh\nexit 7\n");
    for (base, head, gone, new) in
        [("main~2", "main~1", "store-1", "store-2"), ("main~1", "main", "store-2", "store-3")]
    {
        let labels = affected(&at, &["--base", base, "--head", head]);
        assert_eq!(
            labels,
            format!("//env/edge/{gone}:shop-till\n//env/edge/{new}:shop-till\n"),
            "{base} {head}"
        );
        let seen = wob_in(&at, &["diff", base, head, "//env:edge"]);
        assert!(
            seen.starts_with("exit: 0\n") && seen.contains(gone) && seen.contains(new),
            "{seen}"
        );
    }
    assert_eq!(affected(&at, &["--base", "main", "--head", "main"]), "");
    let seen = wob_in(&at, &["diff", "main", "//env:edge"]);
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("it ended with exit status: 7"),
        "{seen}"
    );
    // A program has its own folder: nothing of it stays, and nothing here is touched.
    assert_eq!(git(&at, &["status", "--porcelain"]), "M fleet/scheduler.sh");
}

/// Whatever a commit lacks: it is said, and nothing of the checkout stands in for it.
#[test]
fn what_a_commit_lacks_is_said() {
    let temp = repository();
    let at = temp.path().join("fleet");
    let whole = || commit(&at, &[]);
    git(&at, &["rm", "-q", "--cached", "scheduler.sh"]);
    git(&at, &["commit", "-q", "-m", "without the program"]);
    let missing = git(&at, &["rev-parse", "HEAD"]);
    let had = whole();
    git(&at, &["update-index", "--chmod=-x", "scheduler.sh"]);
    git(&at, &["commit", "-q", "-m", "without the right to run it"]);
    let not_run = git(&at, &["rev-parse", "HEAD"]);
    for (base, reason) in [(&missing, "there is no such file"), (&not_run, "could not be started")]
    {
        let seen = wob_in(&at, &["diff", base, &had, "//env:edge"]);
        assert!(
            seen.contains("this is not compared: //env:edge")
                && seen.contains(
                    "on the old side, wob.yaml:19:16: the scheduler `scheduler.sh` failed"
                )
                && seen.contains(reason),
            "{seen}"
        );
        assert!(seen.contains("nothing differs of what can be compared"), "{seen}");
    }
    edit(&at.join("answers/now.txt"), "store-1", "store-2");
    git(&at, &["checkout", "-q", &had, "--", "scheduler.sh"]);
    assert_eq!(
        affected(&at, &["--base", &had]),
        "//env/edge/store-1:shop-till\n//env/edge/store-2:shop-till\n"
    );
}
