//! `wob build --into` and `--check`: commits without a checkout, as git sees them, and what a crash leaves.

use std::{collections::BTreeMap, fs, path::Path};

use tempfile::TempDir;

use crate::{
    cli::{copy, copy_example, edit},
    support::{commit, contents, git, seen, with_snapshots_in, wob_command, wob_in, write},
};

fn fleet() -> TempDir {
    let temp = TempDir::new().unwrap();
    copy_example("fleet", temp.path());
    git(temp.path(), &["init", "-q", "--bare", "gitops.git"]);
    temp
}

/// Compares everything a user sees with `snapshots/cli/<name>.snap`; commits of the branch have no stable name.
fn check(name: &str, at: &Path, args: &[&str]) {
    let mut text = format!("$ wob {}\n{}", args.join(" "), wob_in(at, args));
    let commits = git(&at.join("gitops.git"), &["rev-list", "--all", "--reverse"]);
    for (index, commit) in commits.lines().enumerate() {
        text = text.replace(commit, &format!("<commit {}>", index + 1));
    }
    with_snapshots_in("cli", || insta::assert_snapshot!(name, text));
}

fn built(at: &Path, args: &[&str]) -> String {
    let seen = wob_in(at, args);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    seen
}

const INTO: [&str; 4] = ["build", "//env:dev", "--into", "gitops.git#dev"];

#[test]
fn a_branch_holds_what_a_folder_would() {
    let fleet = fleet();
    check("build-into", fleet.path(), &INTO);
    assert!(!fleet.path().join("wob-out").exists());
    let message =
        git(&fleet.path().join("gitops.git"), &["log", "-1", "--format=%an <%ae>%n%B", "dev"]);
    let root = message.lines().find(|it| it.starts_with("Root: ")).unwrap();
    assert_eq!(root.len(), "Root: ".len() + 64);
    let start = "wob <wob@localhost>\nBuild dev\n\nRoot: ";
    assert!(
        message.starts_with(start) && message.contains("\nSource: controlPlane dev "),
        "{message}"
    );
    built(fleet.path(), &["build", "//env:dev", "-o", "folder"]);
    git(fleet.path(), &["clone", "-q", "-b", "dev", "gitops.git", "clone"]);
    fs::remove_dir_all(fleet.path().join("clone/.git")).unwrap();
    assert_eq!(contents(&fleet.path().join("clone")), contents(&fleet.path().join("folder")));
    check("build-into-again", fleet.path(), &INTO);
    edit(&fleet.path().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    check("build-into-changed", fleet.path(), &INTO);
    assert_eq!(git(&fleet.path().join("gitops.git"), &["fsck", "--strict"]), "");
}

#[test]
fn each_environment_has_a_branch() {
    let fleet = fleet();
    check("build-into-ambiguous", fleet.path(), &["build", "--into", "gitops.git#all"]);
    built(fleet.path(), &["build", "--into", "gitops.git#env/{environment}"]);
    let branches = git(&fleet.path().join("gitops.git"), &["branch", "--format=%(refname:short)"]);
    assert_eq!(branches, "env/dev\nenv/prod\nenv/stage");
}

#[test]
fn what_cannot_be_a_place_is_refused() {
    let fleet = fleet();
    for (name, into) in [
        ("no-branch", "gitops.git"),
        ("bad-branch", "gitops.git#a b"),
        ("url", "https://example.org/gitops#dev"),
        ("no-repository", "elsewhere.git#dev"),
    ] {
        let name = format!("build-into-{name}");
        check(&name, fleet.path(), &["build", "//env:dev", "--into", into]);
    }
}

#[test]
fn a_part_and_a_failure_keep_what_the_branch_has() {
    let fleet = fleet();
    let (at, repository) = (fleet.path(), fleet.path().join("gitops.git"));
    let into = |target| built(at, &["build", target, "--into", "gitops.git#prod"]);
    let show = |path: &str| git(&repository, &["show", &format!("prod:{path}")]);
    into("//env:prod");
    let (hub, kiosk) = ("hub/ticketing-live/config.yaml", "kiosk/ticketing-live/config.sh");
    let before = show(hub);
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    into("//env/prod/kiosk:all");
    assert_eq!(show(hub), before);
    assert!(show(kiosk).contains("Bergen"));
    edit(&at.join("environments/prod/config/ticketing-live-on-large.yaml"), "\"12\"", "\"many\"");
    let seen = wob_in(at, &["build", "//env:prod", "--into", "gitops.git#prod"]);
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("stays: depot:ticketing-live, hub:"),
        "{seen}"
    );
    assert_eq!(show(hub), before);
    assert!(show("hub/timetable-live/config.yaml").contains("Bergen"));
    let tip = git(&repository, &["rev-parse", "prod"]);
    edit(&at.join("base/config/company.yaml"), "Europe/Bergen", "Europe/Paris");
    wob_in(at, &["build", "//env:prod", "--into", "gitops.git#prod", "--strict"]);
    assert_eq!(git(&repository, &["rev-parse", "prod"]), tip);
}

#[test]
fn what_others_committed_is_not_lost() {
    let fleet = fleet();
    let clone = fleet.path().join("clone");
    built(fleet.path(), &INTO);
    git(fleet.path(), &["clone", "-q", "-b", "dev", "gitops.git", "clone"]);
    commit(&clone, &[("lab/README.md", "edited"), ("mine", "mine")]);
    git(&clone, &["push", "-q"]);
    check("build-into-conflict", fleet.path(), &INTO);
    built(fleet.path(), &[&INTO[..], &["--force"]].concat());
    git(&clone, &["pull", "-q"]);
    assert!(fs::read_to_string(clone.join("lab/README.md")).unwrap().starts_with("This folder"));
    assert_eq!(fs::read_to_string(clone.join("mine")).unwrap(), "mine");
    let seen = wob_in(fleet.path(), &["build", "//env:dev", "--into", "clone#dev"]);
    assert!(seen.starts_with("exit: 0\n"), "nothing to do is no reason to fail: {seen}");
    edit(&fleet.path().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    let seen = wob_in(fleet.path(), &["build", "//env:dev", "--into", "clone#dev"]);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("`dev` is checked out in `"), "{seen}");
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
}

#[test]
fn programs_read_the_commit() {
    let fleet = fleet();
    let args = [&INTO[..], &["--output=json"]].concat();
    let text = wob_command(fleet.path(), &args).output().unwrap().stdout;
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let built = &json["environments"][0];
    assert_eq!(built["output"], "gitops.git#dev");
    let tip = git(&fleet.path().join("gitops.git"), &["rev-parse", "dev"]);
    assert_eq!(built["commit"], tip);
}

#[test]
fn a_check_writes_nothing() {
    let fleet = fleet();
    let at = fleet.path();
    // What was rendered is kept in the cache.
    let all = || {
        let all = contents(at).into_iter();
        all.filter(|(path, _)| !path.starts_with("home/")).collect::<BTreeMap<_, _>>()
    };
    let before = all();
    let folder = ["build", "//env:dev", "--check", "--quiet"];
    let seen = wob_in(at, &folder);
    assert!(seen.starts_with("exit: 5\n") && seen.contains("lab/README.md (added)"), "{seen}");
    assert_eq!(all(), before);
    built(at, &["build", "//env:dev"]);
    built(at, &INTO);
    let before = all();
    check("build-check", at, &["build", "//env:dev", "--check"]);
    check("build-check-into", at, &[&INTO[..], &["--check"]].concat());
    assert_eq!(all(), before);
}

#[test]
fn a_check_shows_what_differs() {
    let fleet = fleet();
    let at = fleet.path();
    built(at, &["build", "//env:dev"]);
    built(at, &INTO);
    edit(&at.join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    fs::write(at.join("wob-out/dev/lab/README.md"), "edited").unwrap();
    check("build-check-differs", at, &["build", "//env/dev/lab:all", "--check"]);
    check("build-check-into-differs", at, &[&INTO[..], &["--check"]].concat());
    check("build-check-json", at, &["build", "//env/dev/lab:all", "--check", "--output=json"]);
    edit(&at.join("environments/dev/config/dev.yaml"), "data:", "data:\n  DB_PASSWORD: hunter2");
    let seen = wob_in(at, &["build", "//env:dev", "--check"]);
    assert!(seen.starts_with("exit: 5\n"), "{seen}");
    assert!(seen.contains("DB_PASSWORD: •") && !seen.contains("hunter2"), "{seen}");
}

#[cfg(unix)]
mod crashes {
    use std::{
        process::{Child, Stdio},
        thread,
    };

    use super::*;
    use crate::faults::{World, end, send};

    const BUILD: [&str; 3] = ["build", "--into", "gitops.git#dev"];

    /// A moment in the life of a build, seen from outside: whether there is a file of this kind in a folder.
    struct Moment {
        folder: &'static str,
        prefix: &'static str,
        suffix: &'static str,
    }

    const MOMENTS: [Moment; 7] = [
        Moment { folder: "", prefix: "wob-", suffix: ".lock" },
        Moment { folder: "objects", prefix: "wob-", suffix: "" },
        Moment { folder: "objects/wob-", prefix: ".tmp", suffix: "" },
        Moment { folder: "objects/wob-", prefix: "pack-", suffix: ".idx" },
        Moment { folder: "objects/pack", prefix: "pack-", suffix: ".keep" },
        Moment { folder: "refs/heads", prefix: "dev", suffix: ".lock" },
        Moment { folder: "refs/heads", prefix: "dev", suffix: "dev" },
    ];

    impl Moment {
        fn is(&self, repository: &Path) -> bool {
            let names = |folder: &Path| {
                let entries = fs::read_dir(folder).into_iter().flatten().flatten();
                entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
            };
            let mut folder = repository.join(self.folder);
            if self.folder.ends_with('-') {
                let objects = repository.join("objects");
                let scratch = names(&objects).into_iter().find(|it| it.starts_with("wob-"));
                folder = objects.join(scratch.unwrap_or_default());
            }
            let is = |it: &String| it.starts_with(self.prefix) && it.ends_with(self.suffix);
            names(&folder).iter().any(is)
        }
    }

    fn spawn(world: &World) -> Child {
        let mut wob = wob_command(world.path(), &BUILD);
        wob.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Makes a workspace that gives enough objects for a pack, and a branch that holds a file of others.
    fn large_world() -> World {
        let world = World::new(1, 200);
        git(world.path(), &["init", "-q", "-b", "dev", "clone"]);
        commit(&world.path().join("clone"), &[("mine", "mine")]);
        git(world.path(), &["clone", "-q", "--bare", "clone", "gitops.git"]);
        world
    }

    #[test]
    fn a_build_that_is_stopped_at_any_moment_leaves_the_branch_old_or_new() {
        let world = large_world();
        let (pristine, repository) =
            (world.path().join("pristine.git"), world.path().join("gitops.git"));
        let tree = || git(&repository, &["rev-parse", "dev^{tree}"]);
        let old = tree();
        copy(&repository, &pristine);
        built(world.path(), &BUILD);
        let new = tree();
        assert_ne!(old, new);
        assert!(repository.join("objects/pack").read_dir().unwrap().count() > 0, "no pack");
        for (index, moment) in MOMENTS.iter().enumerate() {
            // Ctrl-C is looked at before and between, not while something is moved.
            let signals = if index % 2 == 0 { &["KILL"][..] } else { &["KILL", "INT"] };
            for signal in signals {
                fs::remove_dir_all(&repository).unwrap();
                copy(&pristine, &repository);
                fs::create_dir_all(repository.join("refs/heads")).unwrap();
                let mut wob = spawn(&world);
                while wob.try_wait().unwrap().is_none() && !moment.is(&repository) {
                    thread::yield_now();
                }
                send(signal, &wob);
                let (code, talk) = end(wob);
                assert!(matches!(code, None | Some(0 | 8)), "{talk}");
                let found = tree();
                assert!(found == old || found == new && code != Some(8), "{signal} at {index}");
                git(&repository, &["fsck", "--strict", "--connectivity-only", "--no-dangling"]);
                // A lock of git's own may be left; git would ask its user to delete it too.
                for lock in ["refs/heads/dev.lock", "packed-refs.lock"] {
                    fs::remove_file(repository.join(lock)).ok();
                }
                built(world.path(), &BUILD);
                assert_eq!(tree(), new, "{signal} at {index}");
                let count = git(&repository, &["count-objects", "-v"]);
                assert!(count.contains("garbage: 0"), "{count}");
                let left = |moment: usize| MOMENTS[moment].is(&repository);
                assert!(![0, 1, 4, 5].into_iter().any(left), "{signal} at {index}");
            }
        }
        assert_eq!(git(&repository, &["fsck", "--strict", "--no-dangling"]), "");
    }

    #[test]
    fn a_lock_of_git_is_named_with_the_way_out() {
        let world = World::new(1, 1);
        git(world.path(), &["init", "-q", "--bare", "gitops.git"]);
        let lock = world.path().join("gitops.git/refs/heads/dev.lock");
        fs::write(&lock, "").unwrap();
        let seen = wob_in(world.path(), &BUILD);
        assert!(seen.starts_with("exit: 36\n"), "{seen}");
        assert!(seen.contains("dev.lock") && seen.contains("if no git is at work there"), "{seen}");
        fs::remove_file(lock).unwrap();
        built(world.path(), &BUILD);
    }

    #[test]
    fn a_branch_that_moves_meanwhile_is_built_upon() {
        let world = large_world();
        let repository = world.path().join("gitops.git");
        let theirs = commit(&world.path().join("clone"), &[("mine", "changed")]);
        git(&world.path().join("clone"), &["push", "-q", "../gitops.git", "dev:more"]);
        let tip = || git(&repository, &["rev-parse", "dev"]);
        let before = tip();
        let stopped = || {
            let mut wob = spawn(&world);
            while wob.try_wait().unwrap().is_none() && !MOMENTS[1].is(&repository) {
                thread::yield_now();
            }
            send("STOP", &wob);
            let is_at_work = wob.try_wait().unwrap().is_none() && tip() == before;
            if is_at_work && !repository.join("refs/heads/dev.lock").exists() {
                return Some(wob);
            }
            // It was faster than the signal.
            send("CONT", &wob);
            end(wob);
            git(&repository, &["update-ref", "refs/heads/dev", &before]);
            None
        };
        let wob = std::iter::repeat_with(stopped).take(50).flatten().next();
        let wob = wob.expect("because a signal is in time now and then");
        git(&repository, &["update-ref", "refs/heads/dev", &theirs]);
        send("CONT", &wob);
        let (code, talk) = end(wob);
        assert_eq!(code, Some(0), "{talk}");
        assert_eq!(git(&repository, &["rev-parse", "dev^"]), theirs);
        assert_eq!(git(&repository, &["show", "dev:mine"]), "changed");
        let checked = wob_in(world.path(), &["build", "--into", "gitops.git#dev", "--check"]);
        assert!(checked.starts_with("exit: 0\n"), "{checked}");
    }

    #[test]
    fn a_repository_that_may_not_be_written_stays_as_it_is() {
        let world = World::new(2, 3);
        git(world.path(), &["init", "-q", "--bare", "gitops.git"]);
        built(world.path(), &BUILD);
        let tip = git(&world.path().join("gitops.git"), &["rev-parse", "dev"]);
        world.change();
        // Beyond the limit writing fails as on a full disk.
        let mut shell = std::process::Command::new("/bin/sh");
        let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" build --into gitops.git#dev";
        shell.args(["-c", script]).arg(env!("CARGO_BIN_EXE_wob")).current_dir(world.path());
        let seen = seen(&shell.output().unwrap());
        assert!(seen.starts_with("exit: 36\n"), "{seen}");
        assert!(seen.contains("could not write the objects"), "{seen}");
        assert_eq!(git(&world.path().join("gitops.git"), &["rev-parse", "dev"]), tip);
        built(world.path(), &BUILD);
        assert_eq!(git(&world.path().join("gitops.git"), &["fsck", "--strict"]), "");
    }
}

#[test]
fn the_repository_is_found_where_the_user_works() {
    let fleet = fleet();
    write(fleet.path(), &[("elsewhere/x", "")]);
    git(&fleet.path().join("elsewhere"), &["init", "-q", "--bare", "other#1.git"]);
    let args = ["-C", "elsewhere/..", "build", "//env:dev", "--into", "elsewhere/other#1.git#dev"];
    built(fleet.path(), &args);
    let tip = git(&fleet.path().join("elsewhere/other#1.git"), &["rev-list", "--count", "dev"]);
    assert_eq!(tip, "1");
}
