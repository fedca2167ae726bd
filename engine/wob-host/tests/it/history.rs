//! Histories, compared with what git says of the same repositories.

use camino::Utf8Path;
use wob_host::{
    BranchName, Commit, CommitDetails, Edit, GitError, GitId, Interrupt, Moved, Next, Repository,
};

use crate::support::{Sandbox, commit, git, git_command, path, repository};

fn id(hex: &str) -> GitId {
    GitId::parse(hex).unwrap()
}

/// A history with a merge: `side` leaves after the second commit and comes back.
fn forked(folder: &Utf8Path) {
    repository(folder, &[("a", "1")]);
    commit(folder, &[("a", "2")]);
    git(folder, &["checkout", "-q", "-b", "side"]);
    commit(folder, &[("b", "side")]);
    git(folder, &["checkout", "-q", "main"]);
    commit(folder, &[("a", "3")]);
    git(folder, &["merge", "-q", "--no-ff", "-m", "a merge\n\nwith more", "side"]);
    commit(folder, &[("a", "4")]);
    git(folder, &["branch", "-q", "other", "main~3"]);
    git(folder, &["checkout", "-q", "other"]);
    commit(folder, &[("c", "other")]);
}

fn all_commits(folder: &Utf8Path) -> Vec<String> {
    git(folder, &["rev-list", "--all"]).lines().map(str::to_owned).collect()
}

#[test]
fn descent_is_what_git_says() {
    let sandbox = Sandbox::new();
    forked(sandbox.path());
    let repository = Repository::open(sandbox.path()).unwrap();
    let all = all_commits(sandbox.path());
    let mut counts = [0, 0];
    for ancestor in &all {
        for descendant in &all {
            let args = ["merge-base", "--is-ancestor", ancestor, descendant];
            let theirs = git_command(sandbox.path()).args(args).status().unwrap().success();
            let ours = repository.descends_from(id(descendant), id(ancestor)).unwrap();
            assert_eq!(ours, theirs, "{ancestor} before {descendant}");
            let range = format!("{ancestor}..{descendant}");
            let theirs = git(sandbox.path(), &["rev-list", "--count", &range]);
            let ours = repository.commits_between(id(ancestor), id(descendant)).unwrap();
            assert_eq!(ours.to_string(), theirs, "{range}");
            counts[usize::from(repository.descends_from(id(descendant), id(ancestor)).unwrap())] +=
                1;
        }
    }
    assert!(counts.iter().all(|it| *it > 5), "{counts:?}");
}

#[test]
fn states_are_the_first_parents() {
    let sandbox = Sandbox::new();
    forked(sandbox.path());
    let repository = Repository::open(sandbox.path()).unwrap();
    let tip = repository.resolve("main").unwrap();
    let mut lines = vec![];
    let mut take = |commit: &Commit, details: &CommitDetails| -> Result<Next, GitError> {
        let CommitDetails { author, time_s, subject, .. } = details;
        lines.push(format!("{} {author} {time_s} {subject}", commit.id));
        Ok(Next::Before)
    };
    repository.states(&tip, &Interrupt::default(), &mut take).unwrap();
    let theirs = git(sandbox.path(), &["log", "--first-parent", "--format=%H %an %ct %s", "main"]);
    assert_eq!(lines.join("\n"), theirs);
    assert_eq!(lines.len(), 5);

    let times = git(sandbox.path(), &["log", "--first-parent", "--format=%cI", "main"]);
    let details = repository.details(&tip).unwrap();
    assert_eq!(details.time(), times.lines().next().unwrap().replace("+00:00", "Z"));

    let mut first = None;
    let mut take = |commit: &Commit, _: &CommitDetails| -> Result<Next, GitError> {
        assert_eq!(first.replace(commit.id), None);
        Ok(Next::Stop)
    };
    repository.states(&tip, &Interrupt::default(), &mut take).unwrap();
    assert_eq!(first, Some(tip.id));
    let interrupt = Interrupt::default();
    interrupt.set();
    let mut take = |_: &Commit, _: &CommitDetails| -> Result<Next, GitError> { Ok(Next::Before) };
    repository.states(&tip, &interrupt, &mut take).unwrap_err();
}

#[test]
fn a_shallow_clone_says_what_it_cannot_know() {
    let sandbox = Sandbox::new();
    forked(&sandbox.join("whole"));
    let first = git(&sandbox.join("whole"), &["rev-list", "--max-parents=0", "main"]);
    let url = format!("file://{}", sandbox.join("whole"));
    git(sandbox.path(), &["clone", "-q", "--depth=2", "-b", "main", &url, "shallow"]);
    let repository = Repository::open(&sandbox.join("shallow")).unwrap();
    let tip = repository.resolve("main").unwrap();
    let error = repository.descends_from(tip.id, id(&first)).unwrap_err();
    assert!(matches!(error, GitError::Shallow { .. }), "{error}");
    let mut count = 0;
    let mut take = |_: &Commit, _: &CommitDetails| -> Result<Next, GitError> {
        count += 1;
        Ok(Next::Before)
    };
    repository.states(&tip, &Interrupt::default(), &mut take).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn files_are_committed_before_the_branch_moves() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a", "1"), ("b/c", "2"), ("b/d", "3")]);
    git(sandbox.path(), &["branch", "stage"]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let stage = BranchName::new("stage").unwrap();
    let parent = repository.tip_of(&stage).unwrap().unwrap();
    let files = [(path("b/c"), b"new".to_vec()), (path("e/f"), b"more".to_vec())];
    let commit = || {
        let interrupt = Interrupt::default();
        let edit = Edit { parent: &parent, files: &files, message: "Change\n\nwhy\n" };
        repository.commit_files(&stage, &edit, &interrupt).unwrap()
    };
    let made = commit();
    assert_eq!(git(sandbox.path(), &["rev-parse", "stage"]), parent.id.to_string());
    let (from, to) = (Some(parent.id), made.id);
    assert_eq!(repository.move_branch(&stage, from, to, "Change").unwrap(), Moved::Yes);
    assert_eq!(git(sandbox.path(), &["rev-parse", "stage"]), made.id.to_string());
    let shown = git(sandbox.path(), &["show", "--format=%P%n%B", "--name-status", "stage"]);
    assert_eq!(shown, format!("{}\nChange\n\nwhy\n\n\nM\tb/c\nA\te/f", parent.id));
    assert_eq!(git(sandbox.path(), &["show", "stage:b/c"]), "new");
    assert_eq!(git(sandbox.path(), &["fsck", "--strict"]), "");
    // Whoever comes too late changes nothing.
    git(sandbox.path(), &["commit", "-q", "--allow-empty", "-m", "faster"]);
    git(sandbox.path(), &["branch", "-qf", "stage", "main"]);
    assert_eq!(repository.move_branch(&stage, from, to, "Change").unwrap(), Moved::Raced);
    git(sandbox.path(), &["branch", "-qf", "stage", &to.to_string()]);
    let made_new = BranchName::new("promote/stage/1").unwrap();
    assert_eq!(repository.move_branch(&made_new, None, to, "Change").unwrap(), Moved::Yes);
    assert_eq!(repository.move_branch(&made_new, None, parent.id, "Change").unwrap(), Moved::Raced);
    assert_eq!(git(sandbox.path(), &["rev-parse", "promote/stage/1"]), to.to_string());
    for (file, there) in [("b/c", true), ("b", false), ("x", false)] {
        let ours = repository.file_id(&made, &path(file)).unwrap().map(|it| it.to_string());
        let theirs = there.then(|| git(sandbox.path(), &["rev-parse", &format!("stage:{file}")]));
        assert_eq!(ours, theirs, "{file}");
    }
}
