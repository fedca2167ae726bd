//! Reading commits, and finding them.

use std::fs;

use wob_host::{
    Branch, BranchPlace, GitError, GitId, Head, Interrupt, LimitError, ReadLimits, ReadOptions,
    Relation, Repository,
};

use crate::support::{Sandbox, commit, git, listing, options, path, repository, write};

fn branch_names(repository: &Repository) -> Vec<String> {
    let show = |it: Branch| match it.place {
        BranchPlace::Local => it.name,
        BranchPlace::Remote(remote) => format!("{remote}: {}", it.name),
    };
    repository.branches().unwrap().into_iter().map(show).collect()
}

#[test]
fn a_commit_is_read_without_a_checkout() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "old"), ("b/c.yaml", "c"), ("README.md", "no")]);
    git(sandbox.path(), &["branch", "stage"]);
    commit(sandbox.path(), &[("a.yaml", "new")]);
    write(sandbox.path(), &[("a.yaml", "edited")]);

    let repository = Repository::discover(&sandbox.join("b")).unwrap();
    let interrupt = Interrupt::default();
    let stage = repository.resolve("stage").unwrap();
    let read = repository.read(&stage, None, &options(&interrupt)).unwrap();
    assert_eq!(listing(&read), ["a.yaml: old", "b/c.yaml: c"]);
    let main = repository.resolve("main").unwrap();
    let read = repository.read(&main, None, &options(&interrupt)).unwrap();
    assert_eq!(listing(&read), ["a.yaml: new", "b/c.yaml: c"]);
    assert_eq!(fs::read_to_string(sandbox.join("a.yaml")).unwrap(), "edited");
}

#[test]
fn histories_are_related_as_git_says() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1")]);
    let first = git(sandbox.path(), &["rev-parse", "HEAD"]);
    git(sandbox.path(), &["checkout", "-q", "-b", "side"]);
    commit(sandbox.path(), &[("a.yaml", "2")]);
    git(sandbox.path(), &["checkout", "-q", "main"]);
    commit(sandbox.path(), &[("a.yaml", "3")]);
    git(sandbox.path(), &["checkout", "-q", "--orphan", "alone"]);
    commit(sandbox.path(), &[("a.yaml", "4")]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let id = |revision: &str| repository.resolve(revision).unwrap().id;
    let relation = |tip: &str, commit: &str| repository.relation(id(tip), id(commit)).unwrap();
    for (tip, commit, expected) in [
        ("main", first.as_str(), Relation::Holds),
        ("main", "main", Relation::Holds),
        ("side", "main", Relation::Shares),
        ("side", "main~1", Relation::Holds),
        ("main~1", "main", Relation::Shares),
        ("alone", "main", Relation::Unrelated),
    ] {
        assert_eq!(relation(tip, commit), expected, "{tip} {commit}");
        let git = std::process::Command::new("git")
            .current_dir(sandbox.path())
            .args(["merge-base", "--is-ancestor", commit, tip])
            .status();
        assert_eq!(git.unwrap().success(), expected == Relation::Holds, "{tip} {commit}");
    }
}

#[test]
fn ids_are_those_of_git() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "a"), ("b/c.yaml", "c")]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let head = repository.resolve("HEAD").unwrap();
    assert_eq!(head.id.to_string(), git(sandbox.path(), &["rev-parse", "HEAD"]));
    assert_eq!(head.tree.to_string(), git(sandbox.path(), &["rev-parse", "HEAD^{tree}"]));
    assert_eq!(head.time_s, 1_700_000_000);
    let interrupt = Interrupt::default();
    let read = repository.read(&head, Some(&path("b")), &options(&interrupt)).unwrap();
    assert_eq!(read.origin.tree.unwrap(), git(sandbox.path(), &["rev-parse", "HEAD:b"]));
    assert_eq!(read.origin.commit.unwrap(), head.id.to_string());
    assert_eq!(read.origin.reference.unwrap(), "HEAD");
    assert_eq!(read.origin.url, sandbox.path());
    assert_eq!(read.files[0].path, path("c.yaml"), "paths begin at the folder");
    for missing in ["x", "a.yaml", "b/c.yaml"] {
        let error = repository.read(&head, Some(&path(missing)), &options(&interrupt)).unwrap_err();
        assert!(matches!(error, GitError::NoSuchFolder { .. }), "{error}");
    }
}

#[test]
fn every_kind_of_revision_is_found() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1")]);
    let first = git(sandbox.path(), &["rev-parse", "HEAD"]);
    git(sandbox.path(), &["tag", "light"]);
    git(sandbox.path(), &["tag", "-m", "a tag", "v1.0"]);
    let second = commit(sandbox.path(), &[("a.yaml", "2")]);
    git(sandbox.path(), &["branch", "team/x"]);
    for packing in ["loose", "packed"] {
        let repository = Repository::open(sandbox.path()).unwrap();
        for (revision, id) in [
            ("main", &second),
            ("team/x", &second),
            ("refs/heads/main", &second),
            ("HEAD", &second),
            ("main~1", &first),
            ("light", &first),
            ("v1.0", &first),
            (&second, &second),
            (&first[..7], &first),
        ] {
            let found = repository.resolve(revision).unwrap();
            assert_eq!(found.id.to_string(), *id, "{revision}, {packing}");
            assert_eq!(found.revision, revision);
        }
        let blob = git(sandbox.path(), &["rev-parse", "HEAD:a.yaml"]);
        let nowhere = "0123456789012345678901234567890123456789";
        for wrong in ["prod", "", "..", "main..team/x", "-x", "HEAD:a.yaml", &blob, nowhere, "a\0b"]
        {
            let error = repository.resolve(wrong).unwrap_err();
            assert!(matches!(error, GitError::NoSuchRevision { .. }), "{wrong}: {error}");
        }
        git(sandbox.path(), &["pack-refs", "--all"]);
        git(sandbox.path(), &["gc", "-q"]);
    }
}

#[test]
fn branches_are_listed_with_those_of_remotes() {
    let sandbox = Sandbox::new();
    let upstream = sandbox.join("upstream");
    repository(&upstream, &[("a.yaml", "1")]);
    for name in ["dev", "team/x"] {
        git(&upstream, &["branch", name]);
    }
    git(sandbox.path(), &["clone", "-q", upstream.as_str(), "clone"]);
    let clone = sandbox.join("clone");
    git(&clone, &["branch", "own"]);
    git(&clone, &["remote", "add", "team/mirror", "https://u:secret@example.com/x"]);
    git(&clone, &["update-ref", "refs/remotes/team/mirror/main", "HEAD"]);

    let repository = Repository::open(&clone).unwrap();
    let expected =
        ["origin: dev", "main", "origin: main", "team/mirror: main", "own", "origin: team/x"];
    assert_eq!(branch_names(&repository), expected);
    assert_eq!(repository.head().unwrap(), Head::Branch("main".to_owned()));
    let remotes = repository.remotes();
    let remotes: Vec<_> = remotes.iter().map(|it| (it.name.as_str(), it.url.as_str())).collect();
    assert_eq!(remotes, [("origin", upstream.as_str()), ("team/mirror", "https://example.com/x")]);
    assert_eq!(repository.address(), upstream);

    let dev = repository.branch("dev").unwrap().unwrap();
    assert_eq!(dev.place, BranchPlace::Remote("origin".to_owned()));
    assert_eq!(repository.resolve("dev").unwrap().id, dev.commit);
    assert_eq!(repository.tip(&dev).unwrap().id, dev.commit);
    assert_eq!(repository.branch("main").unwrap().unwrap().place, BranchPlace::Local);
    for missing in ["prod", "", "a..b", "-"] {
        assert_eq!(repository.branch(missing).unwrap(), None);
    }
}

#[test]
fn bare_detached_unborn_and_linked_repositories_are_understood() {
    let sandbox = Sandbox::new();
    let main = sandbox.join("main");
    repository(&main, &[("a.yaml", "1")]);
    let id = GitId::parse(&git(&main, &["rev-parse", "HEAD"])).unwrap();
    git(sandbox.path(), &["clone", "-q", "--bare", "main", "bare.git"]);
    let bare = Repository::open(&sandbox.join("bare.git")).unwrap();
    assert_eq!(bare.resolve("main").unwrap().id, id);
    assert_eq!(bare.work_folder(), None);
    let error = bare.read_working(None, &options(&Interrupt::default())).unwrap_err();
    assert!(matches!(error, GitError::Bare { .. }), "{error}");

    git(&main, &["worktree", "add", "-q", "-b", "other", "../linked"]);
    let linked = Repository::discover(&sandbox.join("linked")).unwrap();
    assert_eq!(linked.head().unwrap(), Head::Branch("other".to_owned()));
    assert_eq!(linked.work_folder().unwrap(), sandbox.join("linked"));
    assert_eq!(branch_names(&linked), ["main", "other"]);

    git(&main, &["checkout", "-q", "--detach"]);
    assert_eq!(Repository::open(&main).unwrap().head().unwrap(), Head::Detached(id));

    git(sandbox.path(), &["init", "-q", "-b", "trunk", "empty"]);
    let empty = Repository::open(&sandbox.join("empty")).unwrap();
    assert_eq!(empty.head().unwrap(), Head::Unborn("trunk".to_owned()));
    assert_eq!(branch_names(&empty), [""; 0]);
    assert!(matches!(empty.resolve("HEAD"), Err(GitError::Unborn { .. })));
    assert!(matches!(empty.resolve("trunk"), Err(GitError::NoSuchRevision { .. })));

    write(sandbox.path(), &[("plain/x", ""), ("broken/.git", "gitdir: nowhere")]);
    let error = Repository::discover(&sandbox.join("plain")).unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
    let error = Repository::open(&sandbox.join("plain")).unwrap_err();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
}

#[test]
fn a_shallow_clone_says_what_it_lacks() {
    let sandbox = Sandbox::new();
    let upstream = sandbox.join("upstream");
    repository(&upstream, &[("a.yaml", "1")]);
    let first = git(&upstream, &["rev-parse", "HEAD"]);
    commit(&upstream, &[("a.yaml", "2")]);
    let url = format!("file://{upstream}");
    git(sandbox.path(), &["clone", "-q", "--depth", "1", &url, "clone"]);
    let clone = Repository::open(&sandbox.join("clone")).unwrap();
    assert!(clone.is_shallow());
    assert!(clone.resolve("main").is_ok());
    for missing in [first.as_str(), "main~1", "stage"] {
        let error = clone.resolve(missing).unwrap_err();
        assert!(matches!(error, GitError::Shallow { .. }), "{missing}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn links_and_ignores_in_a_tree_act_as_in_a_folder() {
    let sandbox = Sandbox::new();
    let files = [
        (".sourceignore", "/hidden\n"),
        ("hidden/x.yaml", "1"),
        ("real/x.yaml", "2"),
        ("file.yaml", "-> real/x.yaml"),
        ("folder", "-> real"),
        ("out.yaml", "-> ../out.yaml"),
        ("absolute.yaml", "-> /etc/passwd"),
        ("below/up.yaml", "-> ../real/x.yaml"),
        ("circle", "-> ."),
    ];
    repository(sandbox.path(), &files);
    let repository = Repository::open(sandbox.path()).unwrap();
    let head = repository.resolve("main").unwrap();
    let interrupt = Interrupt::default();
    let read = repository.read(&head, None, &options(&interrupt)).unwrap();
    let expected = [
        "absolute.yaml! LinkLeaves { target: \"/etc/passwd\" }",
        "below/up.yaml: 2",
        "circle! Unreadable { reason: \"the link to `.` is a circle\" }",
        "file.yaml: 2",
        "folder/x.yaml: 2",
        "out.yaml! LinkLeaves { target: \"../out.yaml\" }",
        "real/x.yaml: 2",
        "#hidden/x.yaml: 1",
    ];
    assert_eq!(listing(&read), expected);
    let below = repository.read(&head, Some(&path("below")), &options(&interrupt)).unwrap();
    let leaves = "up.yaml! LinkLeaves { target: \"../real/x.yaml\" }";
    assert_eq!(listing(&below), [leaves], "the folder is the source");
}

#[test]
fn submodules_are_left_out() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1")]);
    let head = git(sandbox.path(), &["rev-parse", "HEAD"]);
    let entry = format!("160000,{head},module");
    git(sandbox.path(), &["update-index", "--add", "--cacheinfo", &entry]);
    git(sandbox.path(), &["commit", "-q", "-m", "a submodule"]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let head = repository.resolve("main").unwrap();
    let interrupt = Interrupt::default();
    let read = repository.read(&head, None, &options(&interrupt)).unwrap();
    assert_eq!(listing(&read), ["a.yaml: 1"]);
    let working = repository.read_working(None, &options(&interrupt)).unwrap();
    assert_eq!(listing(&working.snapshot), ["a.yaml: 1"]);
    assert_eq!(working.changed, []);
}

/// A tree that holds the same tree ten times, and so on: ten objects that list 10^9 files.
#[test]
fn a_tree_that_multiplies_itself_stops_at_the_limit() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1")]);
    let mut tree = git(sandbox.path(), &["rev-parse", "HEAD^{tree}"]);
    for _ in 0..9 {
        let lines = (0..10).map(|it| format!("040000 tree {tree}\t{it}")).collect::<Vec<_>>();
        fs::write(sandbox.join("lines"), lines.join("\n") + "\n").unwrap();
        let mut command = crate::support::git_command(sandbox.path());
        let input = fs::File::open(sandbox.join("lines")).unwrap();
        let output = command.arg("mktree").stdin(input).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().clone_into(&mut tree);
    }
    let bomb = git(sandbox.path(), &["commit-tree", "-m", "bomb", &tree]);
    let repository = Repository::open(sandbox.path()).unwrap();
    let bomb = repository.resolve(&bomb).unwrap();
    let interrupt = Interrupt::default();
    let limits = ReadLimits { entries: 5000, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..options(&interrupt) };
    let error = repository.read(&bomb, None, &options).unwrap_err();
    assert!(matches!(error, GitError::Limit { source: LimitError::Entries { limit: 5000 }, .. }));
}

#[test]
fn a_missing_object_is_an_error() {
    let sandbox = Sandbox::new();
    repository(sandbox.path(), &[("a.yaml", "1")]);
    let blob = git(sandbox.path(), &["rev-parse", "HEAD:a.yaml"]);
    let object = sandbox.join(&format!(".git/objects/{}/{}", &blob[..2], &blob[2..]));
    fs::remove_file(object).unwrap();
    let repository = Repository::open(sandbox.path()).unwrap();
    let head = repository.resolve("main").unwrap();
    let error = repository.read(&head, None, &options(&Interrupt::default())).unwrap_err();
    assert!(matches!(error, GitError::Failed { attempt: "read a file", .. }), "{error}");
}
