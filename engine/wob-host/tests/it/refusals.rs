//! Whichever calls to a disk fail while a tree is written: files of others stay, no tree is wrong, and the next build mends
//! what is half done.

use std::{collections::BTreeMap, fs, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::{Blob, FilePath, Tree};
use wob_host::{
    BranchName, Change, FileSystem, Interrupt, OutputBranch, OutputError, OutputFolder, Overwrite,
    Plan, Standing,
};

use crate::{
    failing::FailingDisk,
    simulated::{Calls, Loss, Refusal, SimulatedDisk},
    support::{Sandbox, git, path, record},
};

type Files = BTreeMap<String, Vec<u8>>;

/// EIO, ENOSPC, EACCES, EMFILE, EINTR.
const REFUSALS: [Refusal; 5] =
    [Refusal::Os(5), Refusal::Os(28), Refusal::Os(13), Refusal::Os(24), Refusal::Os(4)];

const BEFORE: [(&str, &str); 7] = [
    ("a/b/changed.yaml", "before\n"),
    ("a/b/deleted.yaml", "before\n"),
    ("a/same.yaml", "same\n"),
    ("folder-to-file/x.yaml", "before\n"),
    ("folder-to-file/y/z.yaml", "before\n"),
    ("file-to-folder", "before\n"),
    ("gone/gone.yaml", "before\n"),
];
const AFTER: [(&str, &str); 8] = [
    ("a/b/changed.yaml", "afterwards\n"),
    ("a/b/new/added.yaml", "afterwards\n"),
    ("a/same.yaml", "same\n"),
    ("file-to-folder/x.yaml", "afterwards\n"),
    ("folder-to-file", "afterwards\n"),
    ("new/deep/added.yaml", "afterwards\n"),
    ("new/empty.yaml", ""),
    ("zeroes", "\0\0\0"),
];
const FOREIGN: [(&str, &str); 3] =
    [("README.md", "mine\n"), ("a/b/mine.yaml", "mine\n"), ("gone/mine", "mine\n")];

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, text) in files {
        tree.insert(&path(name), Blob::new(text.as_bytes()));
    }
    tree
}

fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Everything that the folder must hold once `of` is built.
fn whole(of: &[(&str, &str)]) -> Files {
    let mut whole = files(of);
    whole.extend(files(&FOREIGN));
    let record = record(&tree(of));
    for (folder, text) in &*record.parts {
        whole.insert(format!(".wob/parts/{folder}.json"), text.bytes().into_owned());
    }
    whole.insert(".wob/tree.json".to_owned(), record.head.into_bytes());
    whole
}

/// Compares trees in few words.
fn assert_same(found: &Files, wanted: &Files, what: &str) {
    let both = || found.keys().chain(wanted.keys());
    let differing: Vec<_> = both().filter(|it| found.get(*it) != wanted.get(*it)).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}");
}

/// A disk with an output folder that may be written, may fail, and may be looked at.
trait Disk {
    fn files(&self) -> Arc<dyn FileSystem>;
    fn folder(&self) -> &Utf8Path;
    fn put(&self, path: &str, bytes: &[u8]);
    fn fail(&self, calls: Calls, refusal: Refusal);
    fn heal(&self) -> usize;
    fn contents(&self) -> Files;

    fn plan(&self, of: &[(&str, &str)]) -> Result<Plan, OutputError> {
        let tree = tree(of);
        let output = OutputFolder::on(self.files(), self.folder(), None);
        output.plan(&tree, &record(&tree), &Standing::Unknown, &Interrupt::default())
    }

    fn build(&self, of: &[(&str, &str)], overwrite: Overwrite) -> Result<(), OutputError> {
        self.plan(of)?.apply(overwrite, &Interrupt::default()).map(drop)
    }

    /// Builds the tree before, and puts files of others beside it.
    fn prepare(&self) {
        self.build(&BEFORE, Overwrite::Nothing).unwrap();
        for (path, text) in FOREIGN {
            self.put(path, text.as_bytes());
        }
    }
}

struct Simulated {
    disk: SimulatedDisk,
}

impl Disk for Simulated {
    fn files(&self) -> Arc<dyn FileSystem> {
        Arc::new(self.disk.clone())
    }

    fn folder(&self) -> &Utf8Path {
        Utf8Path::new("/gitops/out")
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        self.disk.put(&self.folder().join(path), bytes);
    }

    fn fail(&self, calls: Calls, refusal: Refusal) {
        self.disk.fail(calls, refusal);
    }

    fn heal(&self) -> usize {
        self.disk.heal()
    }

    fn contents(&self) -> Files {
        self.disk.contents(self.folder())
    }
}

struct Real {
    disk: FailingDisk,
    sandbox: Sandbox,
}

impl Disk for Real {
    fn files(&self) -> Arc<dyn FileSystem> {
        Arc::new(self.disk.clone())
    }

    fn folder(&self) -> &Utf8Path {
        self.sandbox.path()
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.sandbox.join(path), bytes).unwrap();
    }

    fn fail(&self, calls: Calls, refusal: Refusal) {
        self.disk.fail(calls, refusal);
    }

    fn heal(&self) -> usize {
        self.disk.heal()
    }

    fn contents(&self) -> Files {
        let mut found = Files::new();
        let mut folders = vec![self.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path().to_owned());
                } else {
                    let name = entry.path().strip_prefix(self.folder()).unwrap().to_string();
                    found.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
        found
    }
}

/// Says whether a file is wob's own note, or waits for its place.
fn is_scaffold(path: &str) -> bool {
    path.starts_with(".wob/") || path.split('/').any(|it| it.starts_with(".wob-new-"))
}

/// Checks what is there after a build of the tree afterwards that may have failed.
fn assert_sound(disk: &impl Disk, result: &Result<(), OutputError>, what: &str) {
    let mut found = disk.contents();
    for (path, bytes) in files(&FOREIGN) {
        assert_eq!(found.remove(&path), Some(bytes), "{what}: {path} of somebody else");
    }
    found.retain(|path, _| !is_scaffold(path));
    match result {
        Ok(()) => assert_same(&found, &files(&AFTER), what),
        Err(error @ OutputError::Failed { .. }) => {
            assert_same(&found, &files(&BEFORE), &format!("{what}, nothing changed by {error}"));
        }
        Err(OutputError::HalfWritten { .. }) => {
            let (before, after) = (files(&BEFORE), files(&AFTER));
            for (path, bytes) in &found {
                let known = [before.get(path), after.get(path)];
                assert!(known.contains(&Some(bytes)), "{what}: {path} is neither");
            }
            for (path, bytes) in &before {
                // What both have is never away.
                let stays = after.get(path) == Some(bytes);
                assert!(!stays || found.get(path) == Some(bytes), "{what}: {path} is lost");
            }
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

/// Builds while these calls fail, and again when none does; returns how many calls there were.
fn build_and_mend(disk: &impl Disk, calls: Calls, refusal: Refusal) -> usize {
    let what = format!("{calls:?} {refusal:?}");
    disk.prepare();
    disk.fail(calls, refusal);
    let result = disk.build(&AFTER, Overwrite::Nothing);
    let count = disk.heal();
    assert_sound(disk, &result, &what);
    disk.build(&AFTER, Overwrite::Nothing).unwrap_or_else(|it| panic!("{what}, then: {it}"));
    assert_same(&disk.contents(), &whole(&AFTER), &format!("{what}, mended"));
    count
}

/// Calls `test` with every number of a call, until there are no more; `test` returns how many there were.
fn for_all_calls(mut test: impl FnMut(usize) -> usize) -> usize {
    let mut call = 0;
    while test(call) > call {
        call += 1;
    }
    call
}

#[test]
fn a_call_that_fails_costs_a_build_at_most() {
    let simulated = || Simulated { disk: SimulatedDisk::default() };
    for refusal in REFUSALS {
        let all = for_all_calls(|it| build_and_mend(&simulated(), Calls::Only(it), refusal));
        assert!(all > 50, "{all} calls");
    }
    let mut turn = REFUSALS.iter().cycle();
    let mut next = || *turn.next().unwrap();
    for_all_calls(|it| build_and_mend(&simulated(), Calls::From(it), next()));
    for step in 1..100 {
        build_and_mend(&simulated(), Calls::Every(step), next());
    }
}

/// Where nothing lies everything is new, however much that is; what does lie there is met, and so is whatever fails.
#[test]
fn no_file_is_looked_for_in_a_bare_folder() {
    let planned = |put: &[&str], calls: Calls| {
        let simulated = Simulated { disk: SimulatedDisk::default() };
        for it in put {
            simulated.put(it, b"mine\n");
        }
        simulated.fail(calls, REFUSALS[0]);
        let plan = simulated.plan(&AFTER);
        (plan.map(|it| it.changes.iter().collect::<Vec<_>>()), simulated.heal())
    };
    let never = Calls::From(usize::MAX);
    let (added, calls) = planned(&[], never);
    let added = added.unwrap();
    assert!(added.iter().all(|it| it.1 == Change::Added) && added.len() == AFTER.len());
    let (locked, of_locked) = planned(&[".wob/lock"], never);
    assert_eq!(locked.unwrap(), added);
    let (beside, of_beside) = planned(&["mine"], never);
    assert_eq!(beside.unwrap(), added);
    let fewest = calls.max(of_locked) + AFTER.len();
    assert!(of_beside >= fewest, "{of_beside} calls where there is a file, {of_locked} where none");
    for file in ["a/same.yaml", "zeroes", ".wob/a"] {
        let (met, _) = planned(&[file], never);
        let is_met = |it: &(FilePath, Change)| it.0 == path(file) && it.1 == Change::Foreign;
        assert_eq!(met.unwrap().iter().any(is_met), file != ".wob/a", "{file}");
    }
    for call in 0..of_locked {
        let (plan, _) = planned(&[".wob/lock"], Calls::Only(call));
        assert!(plan.is_err() || plan.is_ok_and(|it| it == added), "{call}");
    }
}

/// The simulated disk may be wrong about what a real one does.
#[test]
fn a_real_disk_is_written_by_the_same_calls() {
    let never = Calls::From(usize::MAX);
    let simulated = Simulated { disk: SimulatedDisk::default() };
    let all = build_and_mend(&simulated, never, REFUSALS[0]);
    let mut turn = REFUSALS.iter().cycle();
    let mut real = |calls| {
        let disk = Real { disk: FailingDisk::default(), sandbox: Sandbox::new() };
        build_and_mend(&disk, calls, *turn.next().unwrap())
    };
    assert_eq!(real(never), all);
    for call in (0..all).step_by(7) {
        real(Calls::Only(call));
        real(Calls::From(call + 3));
    }
}

/// Another tree may be wanted by the time that the next build runs, and that one may fail as well.
#[test]
fn two_builds_may_fail_in_a_row() {
    for first in (0..120).step_by(3) {
        for second in (0..120).step_by(7) {
            let disk = Simulated { disk: SimulatedDisk::default() };
            disk.prepare();
            disk.fail(Calls::From(first), REFUSALS[0]);
            disk.build(&AFTER, Overwrite::Nothing).ok();
            disk.heal();
            disk.fail(Calls::From(second), REFUSALS[1]);
            disk.build(&BEFORE, Overwrite::Nothing).ok();
            disk.heal();
            let what = format!("{first}, {second}");
            disk.build(&AFTER, Overwrite::Nothing).unwrap_or_else(|it| panic!("{what}: {it}"));
            assert_same(&disk.contents(), &whole(&AFTER), &what);
        }
    }
}

/// What a build leaves that ended before its head was moved belongs to no tree, and goes with the next one.
#[test]
fn a_build_that_failed_leaves_no_records_of_parts() {
    let mut strays = 0;
    for_all_calls(|call| {
        let disk = Simulated { disk: SimulatedDisk::default() };
        disk.prepare();
        let known = disk.contents();
        disk.fail(Calls::From(call), REFUSALS[0]);
        disk.build(&AFTER, Overwrite::Nothing).ok();
        let count = disk.heal();
        let is_stray = |path: &String| path.starts_with(".wob/parts/") && !known.contains_key(path);
        strays += disk.contents().keys().filter(|it| is_stray(it)).count();
        disk.build(&BEFORE, Overwrite::Nothing).unwrap();
        let mut found = disk.contents();
        // A journal that was never there is looked for once something is written.
        found.retain(|path, _| !path.starts_with(".wob/.journal-"));
        assert_same(&found, &whole(&BEFORE), &format!("{call}"));
        count
    });
    assert!(strays > 0, "no build failed after it had written such a record");
}

/// After a power failure files may be torn. The next build knows those for its own that a build was writing which did not end, and
/// those that end in zeroes; whatever tree it makes, it writes them again or removes them. What only lacks its end, nobody can tell
/// from an edit, unless a build was writing just that.
#[test]
fn a_power_failure_is_mended_by_the_next_build() {
    let is_torn = |disk: &Simulated| {
        let known = [files(&BEFORE), files(&AFTER)];
        let found = disk.contents();
        found.iter().any(|(path, bytes)| {
            let mut of = known.iter().filter_map(|it| it.get(path)).peekable();
            of.peek().is_some() && of.all(|it| it != bytes) && bytes.iter().any(|it| *it != 0)
        })
    };
    let mut torn = [0; 2];
    for loss in [Loss::All, Loss::Half, Loss::Tail, Loss::Zeroes] {
        for_all_calls(|call| {
            let disk = Simulated { disk: SimulatedDisk::default() };
            disk.prepare();
            disk.disk.settle();
            disk.fail(Calls::From(call), REFUSALS[0]);
            let is_whole = disk.build(&AFTER, Overwrite::Nothing).is_ok();
            let crashed = Simulated { disk: disk.disk.crash(loss) };
            let count = disk.heal();
            let what = format!("{loss:?} at {call}");
            let found = crashed.contents();
            for (path, bytes) in files(&FOREIGN) {
                assert_eq!(found.get(&path), Some(&bytes), "{what}: {path}");
            }
            torn[usize::from(is_whole)] += usize::from(is_torn(&crashed));
            for (is_other, next) in [(false, &AFTER[..]), (true, &BEFORE[..])] {
                let crashed = Simulated { disk: crashed.disk.crash(Loss::All) };
                let mended = crashed.build(next, Overwrite::Nothing);
                let may_look_edited = loss == Loss::Half && (is_whole || is_other);
                if may_look_edited && matches!(mended, Err(OutputError::Conflicts { .. })) {
                    crashed.build(next, Overwrite::Conflicts).unwrap();
                } else {
                    mended.unwrap_or_else(|it| panic!("{what}: {it}"));
                }
                let mut found = crashed.contents();
                // A journal that was never there is looked for once something is written.
                found.retain(|path, _| !path.starts_with(".wob/.journal-"));
                assert_same(&found, &whole(next), &what);
            }
            count
        });
    }
    assert!(torn.iter().all(|it| *it > 0), "what was torn during a build and after one: {torn:?}");
}

/// What wob did not write is not taken for torn.
#[test]
fn what_was_edited_is_not_taken_for_torn() {
    let edits: [fn(&mut Vec<u8>); 5] = [
        |it| it.truncate(it.len() / 2),
        // As an editor does it, and so that zeroes are its end.
        |it| it.insert(0, b'#'),
        |it| *it = [b"# mine\n".as_slice(), &[0; 3]].concat(),
        |it| it.push(b'\n'),
        |it| it.push(0),
    ];
    for edit in edits {
        let disk = Simulated { disk: SimulatedDisk::default() };
        disk.prepare();
        disk.build(&AFTER, Overwrite::Nothing).unwrap();
        let path = files(&AFTER).into_keys().find(|it| files(&BEFORE).contains_key(it)).unwrap();
        disk.disk.tamper(&disk.folder().join(&path), edit);
        let seen = disk.build(&AFTER, Overwrite::Nothing);
        assert!(matches!(seen, Err(OutputError::Conflicts { .. })), "{path}: {seen:?}");
    }
    // A file that is shorter than it was, and newer than the record.
    let disk = Simulated { disk: SimulatedDisk::default() };
    disk.prepare();
    disk.build(&AFTER, Overwrite::Nothing).unwrap();
    let (path, bytes) = files(&AFTER).into_iter().find(|it| it.1.len() > 1).unwrap();
    let full = disk.folder().join(&path);
    disk.disk.put(&full, &bytes[..bytes.len() / 2]);
    disk.files().touch(&full).unwrap();
    let seen = disk.build(&AFTER, Overwrite::Nothing);
    assert!(matches!(seen, Err(OutputError::Conflicts { .. })), "{path}: {seen:?}");
}

/// The system may make the folder of the head durable before any other.
#[test]
fn a_head_that_outlives_a_power_failure_names_what_is_there() {
    for loss in [Loss::All, Loss::Half, Loss::Zeroes] {
        let disk = Simulated { disk: SimulatedDisk::default() };
        disk.prepare();
        disk.disk.settle();
        disk.build(&AFTER, Overwrite::Nothing).unwrap();
        disk.files().sync_folder(&disk.folder().join(".wob")).unwrap();
        let crashed = Simulated { disk: disk.disk.crash(loss) };
        let mut found = crashed.contents();
        found.retain(|path, _| path.starts_with(".wob/"));
        let mut wanted = whole(&AFTER);
        wanted.retain(|path, _| path.starts_with(".wob/"));
        let lost: Vec<&String> =
            wanted.keys().filter(|it| found.get(*it) != wanted.get(*it)).collect();
        assert!(lost.is_empty(), "{loss:?}: {lost:?}");
    }
}

/// Returns a tree that takes a pack, for it has so many files.
fn large(text: &str) -> Tree {
    let mut tree = Tree::default();
    for index in 0..520 {
        let name = format!("f{}/x{}.yaml", index / 20, index % 20);
        tree.insert(&path(&name), Blob::new(format!("{text} {index}\n").into_bytes()));
    }
    tree
}

fn commit(files: &FailingDisk, repository: &Utf8Path, tree: &Tree) -> Result<(), OutputError> {
    let name = BranchName::new("dev").unwrap();
    let output = OutputBranch::open_on(Arc::new(files.clone()), repository, &name)?;
    let early = output.early().map(Arc::new);
    if let Some(early) = &early {
        tree.files().for_each(|(_, blob)| early.add(blob.git_id(), &blob.bytes()));
    }
    let output = output.with_early(early);
    let plan = output.plan(tree, &record(tree), &Interrupt::default())?;
    plan.apply(Overwrite::Nothing, &Interrupt::default()).map(drop)
}

/// Lets calls fail, in every way, while `after` is committed to a branch that is brought to `first` before, and to where there is
/// none if that is empty.
fn check_commits(first: &str, repository: &Utf8Path, disk: &FailingDisk) {
    let tip = || git(repository, &["for-each-ref", "--format=%(objectname)", "refs/heads/dev"]);
    let mut turn = REFUSALS.iter().cycle();
    for (calls, step) in [(Calls::Only as fn(usize) -> Calls, 1), (Calls::From, 3)] {
        let all = for_all_calls(|index| {
            let (calls, refusal) = (calls(index * step), *turn.next().unwrap());
            let what = format!("{calls:?} {refusal:?} {first}");
            // What the repository has already is not written again.
            let after = large(&what);
            match first {
                "" => git(repository, &["update-ref", "-d", "refs/heads/dev"]),
                first => git(repository, &["update-ref", "refs/heads/dev", first]),
            };
            disk.fail(calls, refusal);
            let result = commit(disk, repository, &after);
            let count = disk.heal();
            match result {
                Ok(()) => assert_ne!(tip(), first, "{what}"),
                Err(OutputError::Git(error)) => assert_eq!(tip(), first, "{what}: {error}"),
                Err(error) => panic!("{what}: {error}"),
            }
            commit(disk, repository, &after).unwrap_or_else(|it| panic!("{what}, then: {it}"));
            let last = git(repository, &["cat-file", "-p", "dev:f25/x19.yaml"]);
            assert_eq!(last, format!("{what} 519"));
            assert_eq!(left_behind(repository), None, "{what}");
            count.div_ceil(step)
        });
        assert!(all * step > 20, "{all} calls");
    }
    assert_eq!(git(repository, &["fsck", "--strict", "--full", "--no-dangling"]), "");
}

#[test]
fn a_branch_is_moved_or_as_it_was() {
    let sandbox = Sandbox::new();
    git(sandbox.path(), &["init", "-q", "--bare", "gitops.git"]);
    let repository: Utf8PathBuf = sandbox.join("gitops.git");
    let disk = FailingDisk::default();
    commit(&disk, &repository, &large("before")).unwrap();
    let first = git(&repository, &["rev-parse", "dev"]);
    check_commits(&first, &repository, &disk);
}

#[test]
fn a_branch_is_made_or_not() {
    let sandbox = Sandbox::new();
    git(sandbox.path(), &["init", "-q", "--bare", "gitops.git"]);
    check_commits("", &sandbox.join("gitops.git"), &FailingDisk::default());
}

/// Returns what only a process that was killed leaves in a repository.
fn left_behind(repository: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_left = |it: &Utf8PathBuf| {
        let is_mark = matches!(it.extension(), Some("keep" | "lock"));
        is_mark || it.file_name().unwrap().starts_with("wob-")
    };
    let folders = ["objects", "objects/pack", "refs/heads", "."].into_iter();
    let entries = folders.flat_map(|it| repository.join(it).read_dir_utf8().unwrap());
    entries.map(|it| it.unwrap().into_path()).find(is_left)
}
