//! That a build which has nothing to do notices so without reading, and one that has something never misses it.

use std::{fs, path::Path};

use crate::{
    cli::{copy_example, edit},
    support::{contents, git, wob_in, write},
};

/// Builds, and says whether everything was found unchanged without rendering.
fn is_unchanged(at: &Path, args: &[&str]) -> bool {
    let args: Vec<&str> = ["build", "-v"].iter().chain(args).copied().collect();
    let seen = wob_in(at, &args);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let is_told = seen.contains("nothing has changed since the last run, so nothing was read\n");
    assert!(!is_told || seen.contains(", 0 rendered; 0 files written; … ms"), "{seen}");
    is_told
}

/// Builds twice: the first run leaves a journal that the second one relies on.
fn settle(at: &Path) {
    is_unchanged(at, &[]);
    assert!(is_unchanged(at, &[]), "nothing happened in between");
}

#[test]
fn nothing_changed_is_noticed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let first = wob_in(at, &["build"]);
    let second = wob_in(at, &["build"]);
    assert!(
        second.contains("29 assignments: 29 unchanged, 0 rendered; 0 files written"),
        "{second}"
    );
    let told = |it: &str| {
        it.replace(" added", " unchanged").split("29 assignments").next().map(str::to_owned)
    };
    assert_eq!(told(&first), told(&second), "what people read is the same");
    // Another command line has a journal of its own.
    assert!(!is_unchanged(at, &["//env:dev"]));
    assert!(is_unchanged(at, &["//env:dev"]));
}

/// Whatever may change what a build gives is noticed, and the tree is then what a fresh build gives.
#[test]
fn whatever_changes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let config = at.join("environments/dev/gitops-repo.yaml");
    let changes: [(&str, &dyn Fn()); 9] = [
        ("a new file", &|| fs::write(at.join("base/new.yaml"), "").unwrap()),
        ("a file that is gone", &|| fs::remove_file(at.join("base/new.yaml")).unwrap()),
        ("a comment", &|| {
            let text = fs::read_to_string(&config).unwrap();
            fs::write(&config, format!("# why\n{text}")).unwrap();
        }),
        ("a setting", &|| {
            let text = fs::read_to_string(at.join("wob.yaml")).unwrap();
            fs::write(at.join("wob.yaml"), format!("configFile: settings\n{text}")).unwrap();
        }),
        ("settings of this checkout", &|| fs::write(at.join("wob.local.yaml"), "").unwrap()),
        ("a deleted output file", &|| {
            let tree = contents(&at.join("wob-out/dev"));
            let file = tree.keys().find(|it| it.ends_with("settings.yaml")).unwrap();
            fs::remove_file(at.join("wob-out/dev").join(file)).unwrap();
        }),
        ("a lost record", &|| fs::remove_file(at.join("wob-out/dev/.wob/tree.json")).unwrap()),
        ("lost records of parts", &|| {
            fs::remove_dir_all(at.join("wob-out/dev/.wob/parts")).unwrap();
        }),
        ("an edited record of a part", &|| {
            let part = fs::read_dir(at.join("wob-out/dev/.wob/parts")).unwrap().next().unwrap();
            fs::write(part.unwrap().path(), "{}").unwrap();
        }),
    ];
    for (what, change) in changes {
        settle(at);
        change();
        assert!(!is_unchanged(at, &[]), "{what} was not noticed");
        let fresh = tempfile::tempdir().unwrap();
        let out = format!("{}/{{environment}}", fresh.path().display());
        wob_in(at, &["build", "-o", &out]);
        assert_eq!(
            contents(&at.join("wob-out/dev")),
            contents(&fresh.path().join("dev")),
            "{what}"
        );
        assert_eq!(
            contents(&at.join("wob-out/prod")),
            contents(&fresh.path().join("prod")),
            "{what}"
        );
    }
}

#[test]
fn an_edited_output_is_noticed_unless_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    settle(at);
    is_unchanged(at, &["--trust-output"]);
    assert!(is_unchanged(at, &["--trust-output"]));
    let tree = contents(&at.join("wob-out/dev"));
    let file = tree.keys().find(|it| it.ends_with("config.yaml")).unwrap();
    fs::write(at.join("wob-out/dev").join(file), "edited: true\n").unwrap();
    assert!(is_unchanged(at, &["--trust-output"]), "that is what it is for");
    let seen = wob_in(at, &["build"]);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("edited since wob wrote it"), "{seen}");
}

#[test]
fn a_commit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    fs::write(at.join(".gitignore"), "home/\nwob-out/\n").unwrap();
    git(at, &["init", "-q"]);
    git(at, &["add", "-A"]);
    git(at, &["commit", "-q", "-m", "first"]);
    settle(at);
    let record = || fs::read_to_string(at.join("wob-out/dev/.wob/tree.json")).unwrap();
    let before = record();
    git(at, &["commit", "-q", "--allow-empty", "-m", "second"]);
    assert!(!is_unchanged(at, &[]), "the record names the commit");
    assert_ne!(record(), before);
    settle(at);
    git(at, &["checkout", "-q", "-b", "other"]);
    edit(&at.join("wob.yaml"), "environments:", "# why\nenvironments:");
    assert!(!is_unchanged(at, &[]));
}

/// What is to be said is said each time, whether it is found anew or not; so is what programs read.
#[test]
fn what_is_said_is_said_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let policy = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata: {name: idle}\nspec:\n  \
                  deploymentTargetSelector: {labelSelector: {matchLabels: {no: one}}}\n  clusterTypeSelector: {labelSelector: {}}\n";
    fs::write(at.join("environments/dev/idle.yaml"), policy).unwrap();
    for args in [&["build"][..], &["build", "--output=json"]] {
        let settled = wob_in(at, &[args, &["-v"]].concat());
        let noted = wob_in(at, &[args, &["-v"]].concat());
        let found = "nothing has changed since the last run, so nothing was read\n";
        assert!(noted.contains(found), "{noted}");
        // A build that looks at everything, and finds the same.
        fs::remove_dir_all(at.join("home/.cache/wob/store/notes")).unwrap();
        let anew = wob_in(at, &[args, &["-v"]].concat());
        for seen in [&settled, &noted, &anew] {
            assert!(seen.contains("policy-selects-nothing"), "{seen}");
        }
        // Without notes it is not known what was before, so what is known comes from the store.
        let anew = anew
            .replace("0 unchanged, 0 rendered, 29 from the store", "29 unchanged, 0 rendered")
            .replace("\"unchanged\": 0,\n    \"rendered\"", "\"unchanged\": 29,\n    \"rendered\"")
            .replace("\"fromStore\": 29", "\"fromStore\": 0");
        assert_eq!(noted.replace(found, ""), anew);
    }
}

/// Errors of the sources are said again, with the exit code that they have, and nothing is read for it.
#[test]
fn what_failed_fails_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    let template = at.join("base/templates/kiosk-app.yaml");
    let whole = fs::read_to_string(&template).unwrap();
    let found = "nothing has changed since the last run, so nothing was read\n";
    for (args, code) in [
        (&["build", "-v"][..], 1),
        (&["build", "-v", "--keep-going"], 3),
        (&["build", "-v", "--output=json"], 1),
    ] {
        assert!(wob_in(at, &["build"]).starts_with("exit: 0\n"));
        edit(&template, "manifests:", "manifests:\n    - \"{{ .Nothing.like.it }}\"");
        let first = wob_in(at, args);
        assert!(first.starts_with(&format!("exit: {code}\n")), "{first}");
        assert!(first.contains("Nothing"), "{first}");
        // The first one changed the tree; what another one says that looks at everything is said at once.
        let noted = wob_in(at, args);
        assert!(noted.contains(found), "{noted}");
        fs::remove_dir_all(at.join("home/.cache/wob/store/notes")).unwrap();
        let anew = wob_in(at, args);
        let in_common = |seen: &str| -> Vec<String> {
            let is_work = |it: &&str| it.contains("nchanged") || it.contains("fromStore");
            let seen = seen.replace(found, "");
            seen.lines().filter(|it| !is_work(it)).map(str::to_owned).collect()
        };
        assert_eq!(in_common(&noted), in_common(&anew));
        let failed = anew.lines().filter(|it| it.contains("failed")).count();
        assert!(failed > 0 && !anew.contains(found), "{anew}");
        // What was mended is built.
        fs::write(&template, &whole).unwrap();
        assert!(wob_in(at, args).starts_with("exit: 0\n"));
    }
    // What was not written because of errors is no tree to rely on.
    edit(&template, "manifests:", "manifests:\n    - \"{{ .Nothing.like.it }}\"");
    for _ in 0..2 {
        let seen = wob_in(at, &["build", "-v", "--strict"]);
        assert!(seen.starts_with("exit: 1\n") && !seen.contains(found), "{seen}");
    }
}

/// A journal that is torn, or of another machine, is none.
#[test]
fn a_damaged_journal_costs_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    settle(at);
    let notes = at.join("home/.cache/wob/store/notes");
    let journals = || fs::read_dir(&notes).unwrap().map(|it| it.unwrap().path());
    for journal in journals() {
        let bytes = fs::read(&journal).unwrap();
        fs::write(journal, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert!(!is_unchanged(at, &[]));
    assert!(is_unchanged(at, &[]));
    fs::remove_dir_all(at.join("home")).unwrap();
    assert!(!is_unchanged(at, &[]));
}

/// What another command line made in the same place is not what the journal tells of, though nobody touched it since.
#[test]
fn another_tree_in_the_same_place_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    settle(at);
    let tree = || contents(&at.join("wob-out"));
    let before = tree();
    assert!(!is_unchanged(at, &["--profile=kalypso"]));
    assert_ne!(tree(), before);
    assert!(!is_unchanged(at, &[]), "it lies there no more");
    assert!(tree() == before);
}

/// A power failure may leave the journal of the output without the lock of the build that was writing.
#[test]
fn a_build_that_did_not_end_is_noticed_though_the_output_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    is_unchanged(at, &["--trust-output"]);
    assert!(is_unchanged(at, &["--trust-output"]));
    fs::write(at.join("wob-out/dev/.wob/journal.json"), "").unwrap();
    assert!(!is_unchanged(at, &["--trust-output"]));
}

/// Files of others are named by each build that is asked to say more, be it one that looks at little.
#[test]
fn files_of_others_are_told_of_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    write(at, &[("wob-out/dev/mine.txt", "mine\n")]);
    for value in ["one", "two", "three"] {
        let text = fs::read_to_string(at.join("base/config/company.yaml")).unwrap();
        let line = text.lines().find(|it| it.contains("COMPANY:")).unwrap();
        edit(&at.join("base/config/company.yaml"), line, &format!("  COMPANY: {value}"));
        let seen = wob_in(at, &["build", "-v"]);
        let wanted = "`wob-out/dev` also holds 1 file that wob did not write: mine.txt\n";
        assert!(seen.starts_with("exit: 0\n") && seen.contains(wanted), "{seen}");
    }
}

/// A build by another command line, with a journal of its own, may be killed between two runs of one that has nothing to do.
#[test]
fn what_a_killed_build_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy_example("fleet", at);
    settle(at);
    let lock = at.join("wob-out/dev/.wob/lock");
    fs::write(&lock, "{\"pid\":1,\"host\":\"gone\",\"command\":\"wob build\",\"start\":0}\n")
        .unwrap();
    assert!(!is_unchanged(at, &[]));
    assert!(!lock.exists());
    assert!(is_unchanged(at, &[]));
}
