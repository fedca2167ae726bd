//! Writing trees into branches of real repositories, without a checkout; git itself says whether they are right.

use std::{fs, io::Write as _, process::Stdio, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, Recipe, Tree};
use wob_host::{
    BranchName, Counts, EarlyFiles, GitId, Interrupt, Manifest, OutputBranch, OutputError,
    Overwrite, Plan, TreeRecord, Written,
};

use crate::support::{Sandbox, commit, git, git_command, path, record, repository};

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, text) in files {
        tree.insert(&path(name), Blob::new(text.as_bytes()));
    }
    tree
}

/// Makes a tree of `folders` folders with ten files each, all different.
fn large(folders: usize, text: &str) -> Tree {
    let mut tree = Tree::default();
    for index in 0..folders * 10 {
        let name = format!("f{}/x{}.yaml", index / 10, index % 10);
        tree.insert(&path(&name), Blob::new(format!("{text} {index}\n").into_bytes()));
    }
    tree
}

fn branch(repository: &Utf8Path, name: &str) -> OutputBranch {
    OutputBranch::open(repository, &BranchName::new(name).unwrap()).unwrap()
}

fn plan(output: &OutputBranch, tree: &Tree) -> Result<Plan, OutputError> {
    let head = serde_json::to_string(&Manifest::of(tree)).unwrap();
    let record = TreeRecord { head, ..TreeRecord::default() };
    Ok(output.plan(tree, &record, &Interrupt::default())?.with_message("a build\n\nof it\n"))
}

fn try_write(output: &OutputBranch, tree: &Tree) -> Result<Written, OutputError> {
    plan(output, tree)?.apply(Overwrite::Nothing, &Interrupt::default())
}

fn build(repository: &Utf8Path, tree: &Tree) -> Counts {
    try_write(&branch(repository, "dev"), tree).unwrap().counts
}

fn bare(sandbox: &Sandbox) -> Utf8PathBuf {
    let folder = sandbox.join("gitops.git");
    git(sandbox.path(), &["init", "-q", "--bare", "gitops.git"]);
    folder
}

/// Returns the id that the branch's tree has without `.wob`; what is written for it goes elsewhere.
fn tree_id(repository: &Utf8Path) -> String {
    let listing = git(repository, &["ls-tree", "dev"]);
    let own: Vec<&str> = listing.lines().filter(|it| !it.ends_with("\t.wob")).collect();
    let scratch = Sandbox::new();
    let mut mktree = git_command(repository);
    mktree.env("GIT_OBJECT_DIRECTORY", scratch.path());
    mktree.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", repository.join("objects"));
    let mut mktree =
        mktree.arg("mktree").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    mktree.stdin.take().unwrap().write_all((own.join("\n") + "\n").as_bytes()).unwrap();
    let output = mktree.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn objects(repository: &Utf8Path) -> (usize, usize) {
    let text = git(repository, &["count-objects", "-v"]);
    let number = |name: &str| {
        let line = text.lines().find_map(|it| it.strip_prefix(name)).unwrap();
        line.trim().parse::<usize>().unwrap()
    };
    assert_eq!(number("garbage:"), 0, "{text}");
    (number("count:"), number("in-pack:"))
}

fn assert_whole(repository: &Utf8Path) {
    // Objects without a reference would be dangling.
    assert_eq!(git(repository, &["fsck", "--strict", "--full"]), "");
}

#[test]
fn a_branch_gets_one_commit_for_each_change() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let first = tree(&[("a/b/x.yaml", "1"), ("a/c.yaml", "1"), ("d.yaml", "1"), ("e/f.yaml", "1")]);
    assert_eq!(build(&repository, &first), Counts { added: 4, ..Counts::default() });
    assert_eq!(tree_id(&repository), first.git_id().to_string());
    assert_eq!(git(&repository, &["log", "--format=%s|%b|%P", "dev"]), "a build|of it\n|");
    // One content, three folders, the record with its folder, the root and the commit.
    assert_eq!(objects(&repository).0, 8);

    let second = tree(&[("a/c.yaml", "2"), ("d.yaml", "1"), ("e/f.yaml", "1"), ("g", "")]);
    let counts = Counts { added: 1, changed: 1, unchanged: 2, deleted: 1, ..Counts::default() };
    assert_eq!(build(&repository, &second), counts);
    assert_eq!(tree_id(&repository), second.git_id().to_string());
    assert_eq!(git(&repository, &["rev-list", "--count", "dev"]), "2");
    let before = git(&repository, &["rev-parse", "dev"]);
    let again = try_write(&branch(&repository, "dev"), &second).unwrap();
    assert_eq!(again.counts, Counts { unchanged: 4, ..Counts::default() });
    assert_eq!(again.commit.unwrap().to_string(), before);
    assert_eq!(git(&repository, &["rev-parse", "dev"]), before);
    assert_whole(&repository);
    let cloned = git(sandbox.path(), &["clone", "-q", "-b", "dev", "gitops.git", "clone"]);
    assert_eq!(cloned, "");
    assert_eq!(fs::read_to_string(sandbox.join("clone/a/c.yaml")).unwrap(), "2");
    assert!(!sandbox.join("clone/a/b").exists());
}

#[test]
fn what_the_branch_has_is_not_written_again() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let mut large = large(40, "one");
    build(&repository, &large);
    // 400 files, 40 folders, the root, the record, its folder and the commit.
    assert_eq!(objects(&repository), (444, 0));
    large.insert(&path("f7/x3.yaml"), Blob::new(b"two\n".as_slice()));
    build(&repository, &large);
    // The file, its folder, the root, the record, its folder and the commit.
    assert_eq!(objects(&repository), (450, 0));
    large.insert(&path("f7/x3.yaml"), Blob::new(b"one 73\n".as_slice()));
    build(&repository, &large);
    // All but the commit was there before.
    assert_eq!(objects(&repository), (451, 0));
    assert_eq!(tree_id(&repository), large.git_id().to_string());
    assert_whole(&repository);
}

#[test]
fn many_objects_go_into_one_pack() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let tree = large(50, "one");
    build(&repository, &tree);
    assert_eq!(objects(&repository), (0, 554));
    let packs = || {
        let entries = repository.join("objects/pack").read_dir_utf8().unwrap();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().path().extension().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(packs(), ["idx", "pack"]);
    assert_eq!(tree_id(&repository), tree.git_id().to_string());
    assert_whole(&repository);
    git(&repository, &["gc", "-q"]);
    let other = large(60, "two");
    assert_eq!(build(&repository, &other).changed, 500);
    assert_eq!(tree_id(&repository), other.git_id().to_string());
    assert_whole(&repository);
}

/// Makes no bytes.
struct Spent;

impl Recipe for Spent {
    fn make(&self, number: u32) -> Vec<u8> {
        panic!("file {number} is made again")
    }
}

/// Makes a tree of 600 files whose bytes are only what `early` keeps of them.
fn compressed(early: &EarlyFiles) -> Tree {
    let mut tree = Tree::default();
    for index in 0..600_u32 {
        // Some are equal.
        let text = format!("{}\n", index % 590).into_bytes();
        let blob = Blob::made(text, Arc::new(Spent), index);
        early.add(blob.git_id(), &blob.take_made().unwrap());
        tree.insert(&path(&format!("f{}/x{}.yaml", index / 10, index % 10)), blob);
    }
    tree
}

/// Writes such a tree.
fn write_compressed(repository: &Utf8Path) {
    let output = branch(repository, "dev");
    let early = Arc::new(output.early().unwrap());
    let tree = compressed(&early);
    let output = output.with_early(Some(early));
    assert_eq!(try_write(&output, &tree).unwrap().counts.added, 600);
    assert_eq!(tree_id(repository), tree.git_id().to_string());
}

#[test]
fn what_is_compressed_early_is_not_made_again() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    write_compressed(&repository);
    // 590 contents, 59 folders, of which one is there twice, the root, the record, its folder and the commit.
    assert_eq!(objects(&repository), (0, 653));
    assert_eq!(git(&repository, &["cat-file", "-p", "dev:f59/x9.yaml"]), "9");
    assert_whole(&repository);
    assert_eq!(folders_of_objects(&repository), ["info", "pack"]);
    assert!(branch(&repository, "dev").early().is_none(), "it has most of them");
}

#[test]
fn a_branch_without_a_tree_gets_what_is_compressed_early() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let tree = git(&repository, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let first = git(&repository, &["commit-tree", &tree, "-m", "an empty branch"]);
    git(&repository, &["update-ref", "refs/heads/dev", &first]);
    write_compressed(&repository);
    assert_eq!(git(&repository, &["rev-parse", "dev^"]), first);
    assert_whole(&repository);
    assert!(branch(&repository, "dev").early().is_none(), "it has a tree now");
}

#[test]
fn what_is_compressed_early_and_not_written_leaves_nothing() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let output = branch(&repository, "dev");
    let early = output.early().unwrap();
    compressed(&early);
    assert_eq!(folders_of_objects(&repository).len(), 3);
    // A process that is killed removes nothing; the next one does, whatever it writes.
    std::mem::forget(early);
    build(&repository, &large(60, "one"));
    assert_eq!(folders_of_objects(&repository), ["info", "pack"]);
    assert_whole(&repository);
}

#[test]
fn what_is_compressed_early_and_abandoned_leaves_nothing() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let early = branch(&repository, "dev").early().unwrap();
    compressed(&early);
    early.abandon();
    assert_eq!(folders_of_objects(&repository), ["info", "pack"]);
    // A thread may still be at it.
    compressed(&early);
    assert_eq!(folders_of_objects(&repository), ["info", "pack"]);
}

fn folders_of_objects(repository: &Utf8Path) -> Vec<String> {
    let entries = repository.join("objects").read_dir_utf8().unwrap();
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn files_of_others_stay() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.join("gitops");
    repository(&checkout, &[("README.md", "mine"), ("a/mine.txt", "mine"), ("a/run.sh", "run")]);
    git(&checkout, &["update-index", "--chmod=+x", "a/run.sh"]);
    git(&checkout, &["commit", "-q", "-m", "more"]);
    git(&checkout, &["branch", "dev"]);
    let status = || git(&checkout, &["status", "--porcelain", "-b"]);
    let before = status();
    let output = branch(&checkout, "dev");
    let first = tree(&[("a/x.yaml", "1"), ("b.yaml", "1")]);
    assert_eq!(
        plan(&output, &first).unwrap().others.examples,
        ["README.md", "a/mine.txt", "a/run.sh"]
    );
    build(&checkout, &first);
    build(&checkout, &tree(&[("b.yaml", "2")]));
    let listing = git(&checkout, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "dev"]);
    let expected = "100644 .wob/tree.json\n100644 README.md\n100644 a/mine.txt\n100755 a/run.sh\n100644 b.yaml";
    assert_eq!(listing, expected);
    assert_eq!(status(), before);
    assert_whole(&checkout);
}

#[test]
fn what_others_changed_is_not_lost() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.join("gitops");
    repository(&checkout, &[("mine", "mine"), ("folder/mine", "mine"), ("same.yaml", "1")]);
    git(&checkout, &["branch", "dev"]);
    let dev = || branch(&checkout, "dev");
    let conflicts = |files: &[(&str, &str)]| {
        let plan = plan(&dev(), &tree(files)).map_err(|it| it.to_string())?;
        let lines = plan.conflicts().map(|(path, change)| format!("{path} {change:?}"));
        Ok::<_, String>(lines.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(conflicts(&[("mine", "1"), ("same.yaml", "1")]).unwrap(), "mine Foreign");
    assert_eq!(conflicts(&[("mine/x", "1")]).unwrap(), "mine Foreign");
    let shown = format!("`{checkout}#dev:folder` must become a file");
    assert!(conflicts(&[("folder", "1")]).unwrap_err().starts_with(&shown));
    build(&checkout, &tree(&[("a.yaml", "1"), ("same.yaml", "1"), ("x/run.yaml", "1")]));

    git(&checkout, &["checkout", "-q", "dev"]);
    commit(&checkout, &[("a.yaml", "edited")]);
    git(&checkout, &["update-index", "--chmod=+x", "x/run.yaml"]);
    git(&checkout, &["commit", "-q", "-m", "more"]);
    git(&checkout, &["checkout", "-q", "-f", "main"]);
    let next = [("a.yaml", "2"), ("x/run.yaml", "1")];
    assert_eq!(conflicts(&next).unwrap(), "a.yaml Edited, x/run.yaml Edited");
    let before = git(&checkout, &["rev-parse", "dev"]);
    let error = try_write(&dev(), &tree(&next)).unwrap_err();
    assert!(matches!(error, OutputError::Conflicts { count: 2, .. }), "{error}");
    assert_eq!(git(&checkout, &["rev-parse", "dev"]), before);
    let planned = plan(&dev(), &tree(&next)).unwrap();
    planned.apply(Overwrite::Conflicts, &Interrupt::default()).unwrap();
    assert_eq!(git(&checkout, &["show", "dev:a.yaml"]), "2");
    let listing = git(&checkout, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "dev"]);
    let expected =
        "100644 .wob/tree.json\n100644 a.yaml\n100644 folder/mine\n100644 mine\n100644 x/run.yaml";
    assert_eq!(listing, expected);
    assert_whole(&checkout);
}

#[test]
fn a_folder_becomes_a_file_and_a_file_a_folder() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    build(&repository, &tree(&[("a/b/c", "1"), ("d", "1"), ("e/f", "1")]));
    let second = tree(&[("a", "2"), ("d/x/y", "2"), ("e/f", "1")]);
    let counts = Counts { added: 2, unchanged: 1, deleted: 2, ..Counts::default() };
    assert_eq!(build(&repository, &second), counts);
    assert_eq!(tree_id(&repository), second.git_id().to_string());
    let third = tree(&[]);
    assert_eq!(build(&repository, &third).deleted, 3);
    assert_eq!(git(&repository, &["ls-tree", "-r", "--name-only", "dev"]), ".wob/tree.json");
    assert_whole(&repository);
}

#[test]
fn a_branch_that_moved_is_left_alone() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let (early, late) = (branch(&repository, "dev"), branch(&repository, "dev"));
    let (one, two) = (tree(&[("a", "1")]), tree(&[("a", "2")]));
    try_write(&early, &one).unwrap();
    let before = git(&repository, &["rev-parse", "dev"]);
    for output in [&early, &late] {
        let error = try_write(output, &two).unwrap_err();
        assert!(matches!(error, OutputError::Moved { .. }), "{error}");
        assert_eq!(git(&repository, &["rev-parse", "dev"]), before);
    }
    assert_eq!(build(&repository, &two).changed, 1);
    git(&repository, &["pack-refs", "--all"]);
    assert_eq!(build(&repository, &one).changed, 1);
    assert_eq!(git(&repository, &["rev-list", "--count", "dev"]), "3");
}

#[test]
fn a_checked_out_branch_is_not_moved_under_its_checkout() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.join("gitops");
    repository(&checkout, &[("mine", "mine")]);
    git(&checkout, &["worktree", "add", "-q", "-b", "dev", "../linked"]);
    let tree = tree(&[("a", "1")]);
    for (name, at) in [("main", &checkout), ("dev", &sandbox.join("linked"))] {
        for folder in [&checkout, &sandbox.join("linked")] {
            let error = try_write(&branch(folder, name), &tree).unwrap_err();
            let text = format!("`{name}` is checked out in `{at}`: nothing was written");
            assert_eq!(error.to_string(), text);
        }
    }
    // A branch that does not exist yet has nothing to lose, though a new repository points to it.
    let fresh = sandbox.join("fresh");
    git(sandbox.path(), &["init", "-q", "-b", "dev", "fresh"]);
    build(&fresh, &tree);
    assert_eq!(git(&fresh, &["show", "dev:a"]), "1");
    assert!(!fresh.join("a").exists());
}

#[test]
fn the_commit_names_whom_git_is_told() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let who = || git(&repository, &["log", "-1", "--format=%an <%ae> %cn <%ce>", "dev"]);
    git(&repository, &["config", "user.name", "Grace"]);
    git(&repository, &["config", "user.email", "grace@example.com"]);
    build(&repository, &tree(&[("a", "1")]));
    assert_eq!(who(), "Grace <grace@example.com> Grace <grace@example.com>");
}

#[test]
fn what_was_written_before_is_read_back() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let written = tree(&[("a/x", "1"), ("a/y", "2"), ("b/z", "3"), ("c", "4")]);
    build(&repository, &written);
    let output = branch(&repository, "dev");
    let previous = output.previous().unwrap();
    let mut read = vec![];
    let paths =
        previous.manifest.paths().into_iter().cloned().chain([path("a/none"), path("d/none")]);
    output.read_owned(paths, &previous, &mut |path, blob| read.push((path, blob))).unwrap();
    let expected: Vec<_> =
        written.files().map(|(path, blob)| (path.clone(), blob.clone())).collect();
    assert_eq!(read, expected);
    let planned = plan(&output, &tree(&[("a/x", "9")])).unwrap();
    assert_eq!(planned.before(&path("a/x")).unwrap().unwrap(), b"1");
    assert_eq!(*planned.after(&path("a/x")).unwrap(), *b"9");
}

#[test]
fn what_others_changed_in_a_commit_is_told() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let open = |revision: &str| {
        let repository = wob_host::Repository::open(&repository).unwrap();
        let commit = repository.resolve(revision).unwrap();
        wob_host::PublishedTree::read(&repository, &commit).unwrap()
    };
    build(&repository, &tree(&[("a/b", "1"), ("a/c", "2"), ("d", "3")]));
    let published = open("dev");
    assert!(published.record.is_some_and(|it| it.contains("\"a/b\"")));
    assert_eq!(published.manifest.paths().len(), 3);
    assert_eq!(published.edited, []);
    git(sandbox.path(), &["clone", "-q", "-b", "dev", repository.as_str(), "clone"]);
    let clone = sandbox.join("clone");
    git(&clone, &["rm", "-q", "a/c"]);
    commit(&clone, &[("d", "edited"), ("mine", "mine")]);
    git(&clone, &["push", "-q"]);
    let edited: Vec<String> = open("dev").edited.iter().map(ToString::to_string).collect();
    assert_eq!(edited, ["a/c", "d"]);
    git(&clone, &["rm", "-rq", ".wob"]);
    commit(&clone, &[]);
    git(&clone, &["push", "-q"]);
    let nothing = open("dev");
    assert!(nothing.record.is_none() && nothing.manifest.is_empty() && nothing.edited.is_empty());
}

#[test]
fn what_a_killed_build_left_is_removed() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    build(&repository, &tree(&[("a", "1")]));
    let scratch = format!("wob-{}", &wob_engine::Digest::of(b"dev").to_string()[..16]);
    let remains = repository.join("objects").join(&scratch);
    fs::create_dir(&remains).unwrap();
    fs::write(remains.join(".tmpAbC"), "half a pack").unwrap();
    let packs = repository.join("objects/pack");
    fs::create_dir_all(&packs).unwrap();
    fs::write(packs.join("pack-1.keep"), &scratch).unwrap();
    fs::write(packs.join("pack-1.pack"), "a pack without an index").unwrap();
    fs::write(packs.join("pack-2.keep"), "somebody else's").unwrap();
    build(&repository, &tree(&[("a", "2")]));
    assert!(!remains.exists());
    assert!(!packs.join("pack-1.keep").exists());
    assert!(!packs.join("pack-1.pack").exists());
    assert!(packs.join("pack-2.keep").exists());
}

#[test]
fn only_names_that_git_allows_are_branches() {
    for name in ["dev", "clusters/west", "refs/heads/dev", "a#b", "{environment}"] {
        assert!(BranchName::new(name).is_some(), "{name}");
    }
    for name in
        ["", "a b", "a..b", "/a", "a/", "a.lock", "-a", "@{u}", "a\n", "a:b", "~", "../../x"]
    {
        assert!(BranchName::new(name).is_none(), "{name}");
    }
    assert_eq!(BranchName::new("refs/heads/dev").unwrap().as_str(), "dev");
}

#[test]
fn an_interruption_moves_nothing() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let interrupt = Interrupt::default();
    let planned = plan(&branch(&repository, "dev"), &large(80, "one")).unwrap();
    interrupt.set();
    let error = planned.apply(Overwrite::Nothing, &interrupt).unwrap_err();
    assert!(matches!(error, OutputError::Interrupted(_)), "{error}");
    assert_eq!(branch(&repository, "dev").tip(), None::<GitId>);
    assert_eq!(objects(&repository), (0, 0));
}

/// Whoever edits a branch may edit what it says of a part, too.
#[test]
fn a_damaged_record_of_a_part_is_mended() {
    let sandbox = Sandbox::new();
    let repository = bare(&sandbox);
    let tree = tree(&[("a/x.yaml", "1\n"), ("b/x.yaml", "2\n"), ("c.yaml", "1\n")]);
    let write = |tree: &Tree| {
        let plan = branch(&repository, "dev").plan(tree, &record(tree), &Interrupt::default());
        plan.unwrap().apply(Overwrite::Nothing, &Interrupt::default()).unwrap()
    };
    let first = write(&tree).commit;
    assert_eq!(write(&tree).commit, first, "nothing is to be done");
    let whole = git(&repository, &["rev-parse", "dev^{tree}"]);
    let checkout = sandbox.join("checkout");
    let changes: [&dyn Fn(); 4] = [
        &|| fs::write(checkout.join(".wob/parts/a.json"), "{}").unwrap(),
        &|| fs::remove_file(checkout.join(".wob/parts/a.json")).unwrap(),
        &|| fs::remove_dir_all(checkout.join(".wob/parts")).unwrap(),
        &|| drop(fs::copy(checkout.join(".wob/parts/b.json"), checkout.join(".wob/parts/a.json"))),
    ];
    for (number, change) in changes.iter().enumerate() {
        git(sandbox.path(), &["clone", "-q", "-b", "dev", "gitops.git", "checkout"]);
        change();
        commit(&checkout, &[]);
        git(&checkout, &["push", "-q", "origin", "dev"]);
        fs::remove_dir_all(&checkout).unwrap();
        assert_ne!(git(&repository, &["rev-parse", "dev^{tree}"]), whole, "{number}");
        let written = write(&tree);
        assert_eq!(written.counts.unchanged, 3, "{number}");
        assert_eq!(git(&repository, &["rev-parse", "dev^{tree}"]), whole, "{number}");
    }
}
