//! One tree: it is proven, or it is found who made it different.

use std::{fs, path::Path};

use super::{
    check, json,
    plane::{Plane, put},
};
use crate::{
    cli::{copy_example, edit},
    support::{ROOT, commit, contents, git, wob_in, write},
};

const STAGE: [&str; 3] = ["audit", "--against", "../gitops.git#stage"];

#[test]
fn a_commit_is_proven_whatever_happened_since() {
    let plane = Plane::new();
    let built = plane.build();
    check("audit-against", &plane.root(), &STAGE);
    let (exit, seen) = json(&plane.root(), &STAGE);
    let tree = &seen["trees"][0];
    assert_eq!((exit, &tree["verdict"], &tree["commit"]), (0, &"proven".into(), &built.into()));
    let listed = git(&plane.path("gitops.git"), &["ls-tree", "-r", "--name-only", "stage"]);
    assert_eq!(tree["files"], listed.lines().filter(|it| !it.starts_with(".wob/")).count());
    // Every source moves on, and the edits of today are not built.
    plane.promote("second");
    commit(&plane.path("app"), &[("workload/workload.yaml", "kind: Nothing\n")]);
    plane.on_stage(&[("config.yaml", "not: a config\n")]);
    write(&plane.root(), &[("templates/agent.yaml", "broken: {{\n")]);
    assert_eq!(json(&plane.root(), &STAGE).0, 0);
    // A part of it, and the same by its id.
    let part = ["audit", "--against", "../gitops.git#stage", "//env/stage/large:app-uat"];
    let (exit, seen) = json(&plane.root(), &part);
    assert_eq!((exit, &seen["trees"][0]["files"]), (0, &3.into()));
}

#[test]
fn a_hand_edit_is_found_and_attributed() {
    let plane = Plane::new();
    plane.build();
    let reconciler = "large/app-uat/reconciler.yaml";
    let listed = git(&plane.path("gitops.git"), &["show", &format!("stage:{reconciler}")]);
    plane.by_hand(put(&[(reconciler, &listed.replace("first", "mine"))]));
    check("audit-against-edited", &plane.root(), &STAGE);
    let part = [&STAGE[..], &["//env/stage/large:app-load"]].concat();
    assert_eq!(json(&plane.root(), &part).0, 0, "the other assignment is as it was");
    plane.by_hand(|at| {
        fs::remove_file(at.join("large/app-load/config.yaml")).unwrap();
        write(at, &[("large/app-load/more.yaml", "kind: More\n"), ("README.md", "about this\n")]);
        write(at, &[(".github/workflows/ci.yaml", "on: push\n")]);
    });
    let (exit, seen) = json(&plane.root(), &STAGE);
    let tree = &seen["trees"][0];
    assert_eq!((exit, &tree["verdict"], &tree["others"]), (5, &"edited".into(), &2.into()));
    assert_eq!(tree["author"], "Ada <t@example.org>");
    let found: Vec<String> = tree["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it["path"], it["by"], it["change"]).replace('"', ""))
        .collect();
    assert_eq!(
        found,
        [
            "large/app-load/config.yaml hand deleted",
            "large/app-load/more.yaml hand added",
            "large/app-uat/reconciler.yaml hand changed",
        ]
    );
    let shown = seen.to_string();
    assert!(shown.contains("DB_PASSWORD") && !shown.contains("hunter2"), "secrets are masked");
}

#[cfg(unix)]
#[test]
fn a_link_or_another_mode_is_no_file_of_wob() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let plane = Plane::new();
    plane.build();
    let (mode, link) = ("large/app-uat/namespace.yaml", "large/app-uat/config.yaml");
    plane.by_hand(|at| {
        fs::set_permissions(at.join(mode), fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(at.join(link), at.join("large/moved.yaml")).unwrap();
        symlink("../moved.yaml", at.join(link)).unwrap();
    });
    let (exit, seen) = json(&plane.root(), &STAGE);
    let found = seen["trees"][0]["differences"].as_array().unwrap();
    let paths: Vec<&str> = found.iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!((exit, paths), (5, vec![link, mode, "large/moved.yaml"]));
}

/// What was committed is gone: nothing is proven, and nothing is blamed.
#[test]
fn a_source_that_was_rewritten_proves_nothing() {
    let plane = Plane::new();
    plane.build();
    let app = plane.path("app");
    git(&plane.path("."), &["clone", "-q", "--mirror", "app", "mirror"]);
    let built = git(&app, &["rev-parse", "main"]);
    let other = commit(&app, &[("workload/more.yaml", "# more\n")]);
    git(&app, &["reset", "-q", "--hard", "HEAD~1"]);
    git(&app, &["commit", "-q", "--amend", "-m", "rewritten"]);
    git(&plane.path("mirror"), &["fetch", "-q", &app.display().to_string(), &other]);
    forget(&app);
    check("audit-against-rewritten", &plane.root(), &STAGE);
    // Whoever has the commit proves it, and no other commit will do.
    for (commit, code) in [(built, 0), (other, 36)] {
        let mirror = plane.path("mirror").display().to_string();
        let instead = format!("--override-input={}=file://{mirror}@{commit}", app.display());
        let (exit, seen) = json(&plane.root(), &[&STAGE[..], &[&instead]].concat());
        assert_eq!(exit, code, "{seen}");
    }
    // A hand edit is still one, by the record.
    plane.by_hand(put(&[("large/app-uat/config.yaml", "mine: true\n")]));
    let (exit, seen) = json(&plane.root(), &STAGE);
    let tree = &seen["trees"][0];
    assert_eq!((exit, &tree["verdict"]), (36, &"notCheckable".into()));
    assert_eq!(tree["differences"][0]["by"], "hand");
}

#[test]
fn a_base_that_was_rewritten_proves_nothing() {
    let plane = Plane::new();
    plane.promote("second");
    plane.build();
    let base = git(&plane.root(), &["rev-parse", "main"]);
    git(&plane.root(), &["commit", "-q", "--amend", "-m", "rewritten"]);
    forget(&plane.root());
    let (exit, seen) = json(&plane.root(), &[&STAGE[..], &["--offline"]].concat());
    let reasons = seen["trees"][0]["reasons"].to_string();
    assert!(exit == 36 && reasons.contains(&base), "{seen}");
}

fn forget(at: &Path) {
    git(at, &["reflog", "expire", "--expire=now", "--all"]);
    git(at, &["gc", "-q", "--prune=now"]);
}

/// The application is fetched from a host that is gone afterwards.
#[test]
fn a_host_that_fails_is_told_apart() {
    let folder = tempfile::TempDir::new().unwrap();
    let app = folder.path().join("app").display().to_string();
    let plane = Plane::with_application(folder, "http://127.0.0.1:9/app");
    let instead = format!("[url \"file://{app}\"]\n\tinsteadOf = http://127.0.0.1:9/app\n");
    write(&plane.root(), &[("home/.gitconfig", &instead)]);
    plane.build();
    assert_eq!(json(&plane.root(), &STAGE).0, 0, "it is in the cache");
    fs::remove_dir_all(plane.root().join("home")).unwrap();
    let (exit, seen) = json(&plane.root(), &STAGE);
    assert_eq!((exit, &seen["trees"][0]["verdict"]), (32, &"notCheckable".into()), "{seen}");
    let (exit, seen) = json(&plane.root(), &[&STAGE[..], &["--offline"]].concat());
    assert_eq!(exit, 36, "{seen}");
}

/// Whoever has the same commits proves the same, wherever they are.
#[test]
fn a_clone_proves_it_too() {
    let plane = Plane::new();
    plane.promote("second");
    plane.build();
    plane.promote("third");
    let from = plane.path("plane").display().to_string();
    git(&plane.path("."), &["clone", "-q", &from, "elsewhere/clone"]);
    let against = plane.path("gitops.git").display().to_string() + "#stage";
    let (exit, seen) = json(&plane.path("elsewhere/clone"), &["audit", "--against", &against]);
    assert_eq!(exit, 0, "{seen}");
    let seen = plane.wob(&["audit", "-C", "..", "--against", "gitops.git#stage"]);
    assert!(seen.starts_with("exit: 2\n") && seen.contains("there is no workspace"), "{seen}");
    let seen =
        wob_in(&plane.path("."), &["audit", "-C", "plane", "--against", "../gitops.git#stage"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

#[test]
fn what_failed_is_kept_and_proven_so() {
    let plane = Plane::new();
    plane.build();
    let at = plane.root();
    let template = fs::read_to_string(at.join("templates/agent.yaml")).unwrap();
    let broken = template.replace(
        "kind: Agent",
        "{{ if eq .DeploymentTargetName \"app-load\" }}kind: [{{ end }}kind: Agent",
    );
    let base = commit(&at, &[("templates/agent.yaml", &broken)]);
    plane.pin(&base);
    let seen = plane.wob(&["build", "//env:stage", "--into=../gitops.git#stage"]);
    assert!(
        seen.starts_with("exit: 1\n") && seen.contains("what was built of them before stays"),
        "{seen}"
    );
    let (exit, seen) = json(&plane.root(), &STAGE);
    let tree = &seen["trees"][0];
    assert_eq!((exit, &tree["verdict"], &tree["kept"]), (0, &"proven".into(), &3.into()), "{seen}");
    let seen = plane.wob(&["attest", "--against=../gitops.git#stage"]);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("of an earlier build"), "{seen}");
}

/// What is kept from before is proven by the commit before, which must have it.
#[test]
fn what_was_kept_is_proven_by_what_was_there() {
    let plane = Plane::new();
    plane.build();
    let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\n  labels: {platform-config: 'true', size: none}\ndata:\n  MORE: '2'\n";
    plane.on_stage(&[("more.yaml", broken)]);
    let seen = plane.wob(&["build", "//env/stage/large:app-uat", "--into=../gitops.git#stage"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let (exit, seen) = json(&plane.root(), &STAGE);
    let tree = &seen["trees"][0];
    assert_eq!((exit, &tree["verdict"], &tree["kept"]), (0, &"proven".into(), &3.into()), "{seen}");
    // The same tree without what was before.
    let checkout = plane.path("alone");
    let from = plane.path("gitops.git").display().to_string();
    git(
        &plane.path("."),
        &["clone", "-q", "--depth=1", "-b", "stage", &format!("file://{from}"), "alone"],
    );
    let (exit, seen) = json(&plane.root(), &["audit", "--against", checkout.to_str().unwrap()]);
    let reasons = seen["trees"][0]["reasons"].to_string();
    assert!(exit == 36 && reasons.contains("kept from an earlier build"), "{seen}");
}

/// Every example, with everything that its settings say, is proven once it is committed.
#[test]
fn every_example_is_proven() {
    let mut proven = 0;
    for example in fs::read_dir(Path::new(ROOT).join("examples")).unwrap() {
        let example = example.unwrap().path();
        if !example.join("wob.yaml").exists() {
            continue;
        }
        let (temp, name) = (tempfile::tempdir().unwrap(), example.file_name().unwrap());
        let at = temp.path().join("example");
        copy_example(name.to_str().unwrap(), &at);
        git(&at, &["init", "-q"]);
        write(&at, &[(".git/info/exclude", "home/\n")]);
        commit(&at, &[]);
        wob_in(&at, &["build", "-o", "../out/{environment}"]);
        for tree in fs::read_dir(temp.path().join("out")).unwrap() {
            let tree = tree.unwrap().path();
            let (exit, seen) = json(&at, &["audit", "--against", tree.to_str().unwrap()]);
            assert_eq!(exit, 0, "{}: {seen}", tree.display());
            proven += 1;
        }
    }
    assert!(proven >= 6, "{proven}");
}

#[cfg(unix)]
#[test]
fn a_program_that_schedules_is_the_one_of_then() {
    let temp = tempfile::tempdir().unwrap();
    let at = temp.path().join("placement");
    copy_example("placement", &at);
    git(&at, &["init", "-q"]);
    write(&at, &[(".git/info/exclude", "home/\n")]);
    commit(&at, &[]);
    let build = || {
        let seen = wob_in(&at, &["build", "//env:edge", "-o", "../gitops"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
    };
    build();
    let audit = ["audit", "--against", "../gitops"];
    assert_eq!(json(&at, &audit).0, 0);
    // Whatever lies here now, and whatever was committed since.
    edit(&at.join("scheduler.sh"), "#!/bin/sh\n", "#!/bin/sh\n# another\n");
    assert_eq!(json(&at, &audit).0, 0);
    edit(&at.join("scheduler.sh"), "#!/bin/sh\n", "#!/bin/sh\nexit 3\n");
    commit(&at, &[]);
    assert_eq!(json(&at, &audit).0, 0);
    // A record may name any commit; but not everybody's program is run.
    git(&at, &["checkout", "-q", "--detach", "HEAD~1"]);
    edit(&at.join("scheduler.sh"), "#!/bin/sh\n", "#!/bin/sh\n# theirs\n");
    commit(&at, &[]);
    build();
    assert_eq!(json(&at, &audit).0, 0);
    git(&at, &["checkout", "-q", "main"]);
    let (exit, seen) = json(&at, &audit);
    let reasons = seen["trees"][0]["reasons"].to_string();
    assert!(exit == 36 && reasons.contains("which is no state of what is checked out"), "{seen}");
    // Whoever audits may trust it.
    let trusting = [&audit[..], &["--run-programs"]].concat();
    assert_eq!(json(&at, &trusting).0, 0);
}

/// The settings are read at the commit that the record names, whatever they are now.
#[test]
fn folders_are_proven_with_the_settings_of_then() {
    let temp = tempfile::tempdir().unwrap();
    let at = temp.path().join("fleet");
    copy_example("fleet", &at);
    git(&at, &["init", "-q"]);
    write(&at, &[(".git/info/exclude", "home/\nwob-out/\n")]);
    commit(&at, &[]);
    let seen = wob_in(&at, &["build", "//env:prod", "-o", "../gitops"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let audit = ["audit", "--against", "../gitops"];
    check("audit-against-folder", &at, &audit);
    let before = contents(&at.join("environments/prod"));
    // Everything is another now, the settings too.
    let text = fs::read_to_string(at.join("wob.yaml")).unwrap();
    let moved = text.replace("environments/prod", "environments/dev");
    assert_ne!(text, moved);
    fs::write(at.join("wob.yaml"), moved).unwrap();
    assert!(!before.is_empty());
    assert_eq!(json(&at, &audit).0, 0);
    commit(&at, &[]);
    assert_eq!(json(&at, &audit).0, 0);
    // What is not committed cannot be got again.
    fs::write(at.join("wob.yaml"), format!("{text}\n# mine\n")).unwrap();
    let seen = wob_in(&at, &["build", "//env:prod", "-o", "../gitops"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    let (exit, seen) = json(&at, &audit);
    let reasons = seen["trees"][0]["reasons"].to_string();
    assert!(
        exit == 36 && reasons.contains("settings `wob.yaml` was overridden, or edited"),
        "{seen}"
    );
}

#[test]
fn what_cannot_be_found_is_said() {
    let plane = Plane::new();
    plane.build();
    for (against, exit, says) in [
        ("../gitops.git#nope", 2, "has no branch"),
        ("../gitops.git#stage:nope", 2, "has no folder `nope`"),
        ("../nope#stage", 2, "no git repository"),
        ("../nope", 2, "there is no folder"),
        ("../gitops.git#", 2, "no commit is named"),
        ("../gitops.git", 2, "name a commit, such as ../gitops.git#main"),
        ("https://ada:secret@git.invalid/x", 2, "`https://git.invalid/x` cannot be compared with"),
        ("https://ada:secret@git.invalid/x#stage", 32, "could not reach `https://git.invalid/x`"),
        (".#main", 36, "there is no `.wob/tree.json`"),
        ("../gitops.git#stage..stage", 4, "there is no commit between"),
    ] {
        let seen = plane.wob(&["audit", "--against", against]);
        assert!(
            seen.starts_with(&format!("exit: {exit}\n")) && seen.contains(says),
            "{against}: {seen}"
        );
        assert!(!seen.contains("secret"), "{seen}");
    }
    let other = plane.wob(&[&STAGE[..], &["//env/stage/large:nope"]].concat());
    assert!(other.starts_with("exit: 2\n"), "{other}");
    let other = plane.wob(&[&STAGE[..], &["//env:dev"]].concat());
    assert!(other.starts_with("exit: 2\n") || other.starts_with("exit: 4\n"), "{other}");
    let other = plane.wob(&[&STAGE[..], &["--keep=x"]].concat());
    assert!(other.starts_with("exit: 2\n"), "{other}");
}
