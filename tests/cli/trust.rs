//! Whose programs run: nothing of a commit is started that nobody here has chosen, however it came into the clone; and whose
//! program an environment has that is a branch.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    edit,
    program::{READS, affected, program, repository},
};
use crate::{
    plane::Plane,
    support::{commit, git, wob_in, write},
};

/// The example of programs, and a file that is there once a program of somebody else was run.
struct Clone {
    temp: TempDir,
}

impl Clone {
    fn new() -> Self {
        Self { temp: repository() }
    }

    fn at(&self) -> PathBuf {
        self.temp.path().join("fleet")
    }

    fn mark(&self) -> PathBuf {
        self.temp.path().join("was-run")
    }

    /// A line of shell that leaves the mark.
    fn leaves_mark(&self) -> String {
        format!("touch '{}'", self.mark().display())
    }

    /// Makes a commit on top of `main` that is on no branch.
    fn somebody(&self, edit: impl FnOnce(&Path)) -> String {
        git(&self.at(), &["checkout", "-q", "--detach", "main"]);
        edit(&self.at());
        let id = commit(&self.at(), &[]);
        git(&self.at(), &["checkout", "-q", "main"]);
        id
    }

    fn wob(&self, args: &[&str]) -> String {
        wob_in(&self.at(), args)
    }

    /// Wants that nothing of the commit is run, whatever it is compared with, and that it is said why.
    fn refuses(&self, id: &str, reason: &str) {
        for args in [
            &["diff", id, "main"][..],
            &["diff", "main", id],
            &["diff", "main", id, "--exit-code"],
            &["affected", "--base", id],
            &["affected", "--base", "main", "--head", id],
        ] {
            let seen = self.wob(args);
            // Diagnostics are wrapped.
            let words = seen.replace("\n  │ ", " ").replace("\n        ", " ");
            assert!(seen.contains("this is not compared: //env:edge"), "{seen}");
            assert!(words.contains("it is not run as commit") && seen.contains(id), "{seen}");
            assert!(words.contains(reason), "{reason}: {seen}");
            assert!(seen.contains("--run-programs"), "{seen}");
            assert!(!self.mark().exists(), "{seen}");
        }
        let seen = self.wob(&["diff", "main", id, "--exit-code"]);
        assert!(seen.starts_with("exit: 1\n"), "{seen}");
        let seen = self.wob(&["diff", id, "main", "--exit-code"]);
        assert!(!seen.starts_with("exit: 0\n"), "{seen}");
    }
}

/// A fork's commit comes into a clone in many ways, and none of them is anybody's consent.
#[test]
fn a_program_is_not_run_because_its_commit_was_fetched() {
    let clone = Clone::new();
    let at = clone.at();
    let theirs = clone.somebody(|at| {
        program(at, &format!("#!/bin/sh\n{}\nexec cat answers/now.txt\n", clone.leaves_mark()));
    });
    let reason = "and `scheduler.sh` is not as `HEAD` has it";
    clone.refuses(&theirs, reason);
    git(&at, &["remote", "add", "origin", "../nowhere"]);
    for reference in [
        "refs/pull/1/head",
        "refs/remotes/origin/pr/1",
        "refs/remotes/origin/team/feature",
        "refs/heads/pr-1",
        "refs/tags/v9",
    ] {
        git(&at, &["update-ref", reference, &theirs]);
        clone.refuses(&theirs, reason);
        git(&at, &["update-ref", "-d", reference]);
    }
    // What was merged and taken back in one pull request was never the state of the branch.
    git(&at, &["checkout", "-q", "--detach", &theirs]);
    program(&at, READS);
    let mended = commit(&at, &[]);
    git(&at, &["checkout", "-q", "main"]);
    git(&at, &["merge", "-q", "--no-ff", "-m", "a pull request", &mended]);
    clone.refuses(&theirs, reason);
    assert_eq!(affected(&at, &["--base", "main~1"]), "");
    // Whoever works here may say so, for this once.
    assert_eq!(affected(&at, &["--base", "main", "--head", &theirs, "--run-programs"]), "");
    assert!(clone.mark().exists());
    fs::remove_file(clone.mark()).unwrap();
    clone.refuses(&theirs, reason);
    // What is checked out runs with every build, so it runs here too.
    git(&at, &["checkout", "-q", "--detach", &theirs]);
    assert_eq!(affected(&at, &["--base", &theirs]), "");
    assert!(clone.mark().exists());
}

/// What a program runs beside its own file is told by no list, so all that it could run must be the same.
#[test]
fn what_a_program_could_run_counts_as_much_as_itself() {
    let clone = Clone::new();
    let at = clone.at();
    write(&at, &[("lib/words.sh", "answer() { cat answers/now.txt; }\n")]);
    write(&at, &[("other.sh", "#!/bin/sh\neval \"$1\"; exec cat answers/now.txt\n")]);
    fs::set_permissions(at.join("other.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    program(&at, "#!/bin/sh\n. ./lib/words.sh\nanswer\n");
    commit(&at, &[]);
    let library = clone.somebody(|at| {
        let text = format!("{}\nanswer() {{ cat answers/now.txt; }}\n", clone.leaves_mark());
        write(at, &[("lib/words.sh", &text)]);
    });
    clone.refuses(&library, "and `lib/words.sh` is not as `HEAD` has it");
    // Settings that nobody has chosen name a program that is there, with arguments of their own.
    let settings = clone.somebody(|at| {
        let command = format!("[./other.sh, \"{}\"]", clone.leaves_mark());
        edit(&at.join("wob.yaml"), "[./scheduler.sh]", &command);
    });
    clone.refuses(&settings, "and the scheduler in `wob.yaml` is not as `HEAD` has it");
    let right = clone.somebody(|at| {
        write(at, &[("lib/new.sh", "")]);
    });
    clone.refuses(&right, "and `lib/new.sh` is not as `HEAD` has it");
}

/// Most pull requests change what wob reads. They are compared, with the program that was chosen.
#[test]
fn the_same_program_is_asked_what_a_pull_request_changes() {
    let clone = Clone::new();
    let at = clone.at();
    // It even runs what no program should: then it is that of the commit that was chosen.
    write(&at, &[("run.yaml", "true\n")]);
    program(
        &at,
        r#"#!/bin/sh
request=$(cat)
. ./run.yaml
for it in store-1 store-3 store-9; do
    case $request in *"\"$it\""*) last=$it ;; esac
done
sed "s/store-1/$last/" answers/now.txt
"#,
    );
    commit(&at, &[]);
    let theirs = clone.somebody(|at| {
        let file = at.join("environments/edge/cluster-types/store-3.yaml");
        edit(&file, "name: store-3", "name: store-9");
        write(at, &[("run.yaml", &format!("{}\n", clone.leaves_mark()))]);
    });
    git(&at, &["update-ref", "refs/pull/1/head", &theirs]);
    let labels = affected(&at, &["--base", "main", "--head", &theirs]);
    assert_eq!(labels, "//env/edge/store-3:shop-till\n//env/edge/store-9:shop-till\n//env:edge\n");
    let seen = clone.wob(&["diff", "main", &theirs, "//env:edge"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("store-9"), "{seen}");
    assert!(
        seen.contains(&format!(
            "note: `scheduler.sh` is run as `HEAD` has it, for {theirs} is no state of"
        )),
        "{seen}"
    );
    // It is told of the old side too, once.
    let seen = clone.wob(&["diff", &theirs, "main", "//env:edge"]);
    assert_eq!(seen.matches("is run as `HEAD` has it").count(), 1, "{seen}");
    assert!(!clone.mark().exists());
    // The side that is asked its own says the same where the program does not look elsewhere.
    let own = affected(&at, &["--base", "main", "--head", &theirs, "--run-programs"]);
    assert_eq!(own, labels);
    assert!(clone.mark().exists());
}

/// What lies in a clone that lacks the base is another program, so it does not stand in for it.
#[test]
fn a_clone_that_lacks_the_base_asks_no_other_program() {
    let temp = TempDir::new().unwrap();
    let fleet = temp.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    let url = format!("file://{}", fleet.display());
    let object = |kind: &str, name: &str, spec: &str| crate::plane::object(kind, name, spec);
    git(&fleet, &["init", "-q", "-b", "main"]);
    program(&fleet, "#!/bin/sh\necho '{\"version\": 1, \"assignments\": []}'\n");
    let place =
        |branch: &str| format!("  controlPlane: {{repo: '{url}', branch: {branch}, path: .}}\n");
    let pinned = commit(
        &fleet,
        &[
            ("wob.yaml", "scheduler: {name: exec, command: [./scheduler.sh]}\n"),
            ("dev.yaml", &object("Environment", "dev", &place("dev"))),
        ],
    );
    program(&fleet, "#!/bin/sh\nexit 9\n");
    commit(&fleet, &[]);
    git(&fleet, &["checkout", "-q", "--orphan", "dev"]);
    git(&fleet, &["rm", "-rqf", "."]);
    let base = format!("  repo: '{url}'\n  branch: main\n  path: .\n  commit: {pinned}\n");
    commit(&fleet, &[("base.yaml", &object("BaseRepo", "main", &base))]);
    git(&fleet, &["checkout", "-q", "main"]);
    let list = |at: &Path| wob_in(at, &["list", "//env:dev"]);
    assert!(list(&fleet).starts_with("exit: 0\n"), "{}", list(&fleet));
    git(temp.path(), &["clone", "-q", "--depth=1", "--no-single-branch", &url, "clone"]);
    let clone = temp.path().join("clone");
    let seen = list(&clone);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("is not in this"), "{seen}");
    assert!(!seen.contains("exit status: 9") && seen.contains("git fetch --unshallow"), "{seen}");
    git(&clone, &["fetch", "-q", "--unshallow"]);
    assert!(list(&clone).starts_with("exit: 0\n"), "{}", list(&clone));
}

/// Where no commit of the base is pinned, the program is built with its uncommitted edits, like the rest of the base; but what a
/// commit is compared with is what was committed.
#[test]
fn an_edit_of_a_program_is_an_edit_of_the_base() {
    let temp = TempDir::new().unwrap();
    let fleet = temp.path().join("fleet");
    fs::create_dir(&fleet).unwrap();
    let answers = "#!/bin/sh\necho '{\"version\": 1, \"assignments\": []}'\n";
    let place = "  controlPlane: {repo: 'https://git.example.org/o/fleet', branch: dev, path: .}\n";
    git(&fleet, &["init", "-q", "-b", "main"]);
    git(&fleet, &["remote", "add", "origin", "https://git.example.org/o/fleet"]);
    write(&fleet, &[(".git/info/exclude", "home/\n")]);
    program(&fleet, "#!/bin/sh\nexit 9\n");
    commit(
        &fleet,
        &[
            ("wob.yaml", "scheduler: {name: exec, command: [./scheduler.sh]}\n"),
            ("dev.yaml", &crate::plane::object("Environment", "dev", place)),
        ],
    );
    git(&fleet, &["checkout", "-q", "--orphan", "dev"]);
    git(&fleet, &["rm", "-rqf", "."]);
    commit(&fleet, &[("README", "dev\n")]);
    git(&fleet, &["checkout", "-q", "main"]);
    program(&fleet, answers);
    let seen = wob_in(&fleet, &["list", "//env:dev"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    for args in [&["diff"][..], &["diff", "main"], &["diff", "main@HEAD"]] {
        let seen = wob_in(&fleet, args);
        let old = "note: on the old side, wob.yaml:1:34: the scheduler `scheduler.sh` failed: it ended with exit status: 9";
        assert!(seen.starts_with("exit: 0\n") && seen.contains(old), "{args:?}: {seen}");
    }
}

/// Where environments are branches, the program is promoted with the base, and a plan tells what a build will give.
#[test]
fn a_program_is_promoted_with_the_base() {
    let settings = "scheduler: {name: exec, command: [./scheduler.sh]}\n";
    let plane = Plane::with_settings(settings);
    let answers = |targets: &[&str]| {
        let all: Vec<String> = targets
            .iter()
            .map(|it| format!("{{\"clusterType\": \"large\", \"target\": \"app-{it}\"}}"))
            .collect();
        let text = format!("{{\"version\": 1, \"assignments\": [{}]}}", all.join(", "));
        program(&plane.fleet(), &format!("#!/bin/sh\necho '{text}'\n"));
    };
    let build = |out: &str| plane.wob(&["build", "//env:dev", "-o", out]);
    // The base that is pinned is older than the program.
    answers(&["functional-test"]);
    let first = plane.commit("a program", &[]);
    let seen = build("../out");
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("promote a commit of the base"),
        "{seen}"
    );
    let promote = |commit: &str| {
        let seen = plane.wob(&["promote", commit, "--to", "dev", "--force"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
    };
    promote(&first);
    answers(&["performance-test"]);
    let second = plane.commit("another program", &[]);
    // Neither what lies here nor what is not promoted yet decides.
    answers(&[]);
    let seen = build("../out");
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let has =
        |target: &str| plane.folder().join("out/large").join(format!("app-{target}")).exists();
    assert!(has("functional-test") && !has("performance-test"));
    let record = fs::read_to_string(plane.folder().join("out/.wob/tree.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let source = record["sources"].as_array().unwrap().iter().find(|it| it["role"] == "scheduler");
    assert_eq!(
        (&source.unwrap()["commit"], &source.unwrap()["dirty"]),
        (&first.clone().into(), &false.into())
    );
    let plan =
        |commit: &str| plane.wob(&["plan", "--promote", commit, "--to", "dev", "--exit-code"]);
    let seen = plan(&second);
    assert!(
        seen.starts_with("exit: 5\n")
            && seen.contains("- workload app-functional-test")
            && seen.contains("+ workload app-performance-test"),
        "{seen}"
    );
    assert!(plan(&first).starts_with("exit: 0\n"));
    // It is what the promotion then does.
    let seen = plane.wob(&["promote", &second, "--to", "dev", "--force", "--dry-run"]);
    assert!(seen.contains("+ //env/dev/large:app-performance-test"), "{seen}");
    promote(&second);
    let seen = build("../out");
    assert!(
        seen.starts_with("exit: 0\n") && !has("functional-test") && has("performance-test"),
        "{seen}"
    );
    // A pin on what somebody else made is no way to have it run.
    plane.git(&["checkout", "-q", "-f", "--detach", "main"]);
    let mark = plane.folder().join("was-run");
    program(&plane.fleet(), &format!("#!/bin/sh\ntouch '{}'\n", mark.display()));
    let theirs = plane.commit("theirs", &[]);
    plane.git(&["checkout", "-q", "main"]);
    let seen = plan(&theirs);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("not run as commit"), "{seen}");
    plane.git(&["checkout", "-q", "dev"]);
    edit(&plane.fleet().join("base-repo.yaml"), &second, &theirs);
    plane.commit("a pin by hand", &[]);
    plane.git(&["checkout", "-q", "main"]);
    let seen = build("../out");
    assert!(seen.starts_with("exit: 1\n") && !mark.exists(), "{seen}");
    assert!(has("performance-test"));
}
