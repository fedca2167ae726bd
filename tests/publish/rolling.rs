//! One rolling pull request: opened, updated in place, superseded, merged.

use std::{fs, thread};

use serde_json::Value;

use super::{DEV, World};
use crate::{
    branches::Fleet,
    cli::edit,
    support::{contents, git, wob_in},
};

#[test]
fn a_repository_by_path_is_pushed_to() {
    let world = World::by_path();
    world.check("publish-by-path", &[DEV]);
    let (before, head) = (world.references(), world.head());
    world.check("publish-by-path-again", &[DEV]);
    assert_eq!(world.references(), before);
    assert_eq!(
        before,
        [&format!("refs/heads/{head}"), "refs/heads/dev", "refs/wob/deployment/dev",]
    );
    // Straight onto the branch that clusters read.
    world.check("publish-by-path-merged", &[DEV, "--auto-merge"]);
    let tip = git(&world.gitops(), &["rev-parse", "dev"]);
    assert_eq!(git(&world.gitops(), &["rev-list", "--count", "dev"]), "2");
    world.check("publish-by-path-unchanged", &[DEV, "--auto-merge"]);
    assert_eq!(git(&world.gitops(), &["rev-parse", "dev"]), tip);
    // What was pushed to be merged by somebody is not wanted any more.
    assert_eq!(world.references(), ["refs/heads/dev"]);
    assert_eq!(git(&world.gitops(), &["fsck", "--strict", "--no-dangling"]), "");
    // Clusters get what a build gives.
    let seen = wob_in(&world.plane(), &["build", DEV, "-o", "../built"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    git(world.folder.path(), &["clone", "-q", "-b", "dev", "org/gitops.git", "clone"]);
    fs::remove_dir_all(world.path("clone/.git")).unwrap();
    assert_eq!(contents(&world.path("clone")), contents(&world.path("built")));
}

#[test]
fn one_pull_request_is_open_at_a_time() {
    let Some(world) = World::on_forge() else { return };
    world.check("publish-dry-run", &[DEV, "--dry-run"]);
    assert_eq!((world.references().len(), world.pulls().len()), (1, 0));
    world.check("publish", &[DEV]);
    let (head, first) = (world.head(), world.pulls());
    assert_eq!(world.told(), ["1 open"]);
    assert_eq!(first[0].head, head);
    let requests = world.references();
    world.check("publish-again", &[DEV]);
    assert_eq!((world.pulls(), world.references()), (first.clone(), requests));
    // Somebody edits what it says.
    world.server().model(|it| it.pulls[0].title = "mine".to_owned());
    world.published(&[DEV]);
    assert_eq!(world.pulls(), first);
    world.change("Bergen");
    world.check("publish-supersedes", &[DEV]);
    assert_eq!(world.told(), ["1 closed", "2 open"]);
    assert_ne!(world.head(), head);
    let comments = world.server().model(|it| it.comments.clone());
    assert!(comments.len() == 1 && comments[0].1.contains("Superseded by"), "{comments:?}");
    // The manifests are as before, the commits that they are made from are not.
    world.change("Oslo");
    world.published(&[DEV]);
    assert_ne!(world.head(), head);
    assert_eq!(world.told(), ["1 closed", "2 closed", "3 open"]);
    world.server().model(|it| it.merge(3));
    world.check("publish-merged", &[DEV]);
    assert_eq!(world.told(), ["1 closed", "2 closed", "3 merged"]);
    assert_eq!(world.references(), ["refs/heads/dev"]);
    assert_eq!(git(&world.gitops(), &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn what_the_branch_has_already_is_withdrawn() {
    let Some(world) = World::on_forge() else { return };
    world.published(&[DEV]);
    world.server().model(|it| it.merge(1));
    world.published(&[DEV]);
    world.change("Bergen");
    world.published(&[DEV]);
    // It tells which value changes where.
    let body = &world.pulls()[1].body;
    for words in ["Europe/Oslo", "Europe/Bergen", "/data/TIME_ZONE", "and 5 more"] {
        assert!(body.contains(words), "{words}: {body}");
    }
    world.change("Oslo");
    world.check("publish-withdrawn", &[DEV]);
    assert_eq!(world.told(), ["1 merged", "2 closed"]);
    assert_eq!(world.references(), ["refs/heads/dev"]);
}

#[test]
fn auto_merge_waits_for_checks() {
    let Some(world) = World::on_forge() else { return };
    let settings = world.plane().join("wob.yaml");
    edit(
        &settings,
        "dev: environments/dev",
        "dev: {path: environments/dev, publish: {autoMerge: true}}",
    );
    world.commit();
    world.server().model(|it| it.required.insert("ci".to_owned()));
    world.check("publish-auto-merge", &[DEV]);
    assert_eq!(world.told(), ["1 open"]);
    let commit = git(&world.gitops(), &["rev-parse", &world.head()]);
    let said = ["ci", "success", "", ""].map(|it| Some(it.to_owned()));
    let [name, state, description, url] = said;
    world.server().model(|it| it.say([Some(commit), name, state, description, url], "success"));
    assert_eq!(world.told(), ["1 merged"]);
    world.server().model(|it| it.required.clear());
    world.change("Bergen");
    let text = world.published(&[DEV]);
    assert!(text.contains("(new, merged)"), "{text}");
    assert!(world.show("dev:lab/telemetry-agent/config.yaml").contains("Bergen"));
    // It may be that nobody may merge by himself.
    world.change("Paris");
    world.server().model(|it| {
        it.required.insert("ci".to_owned());
        it.auto_merge = false;
    });
    let text = world.published(&[DEV]);
    assert!(text.contains("is not merged by itself: Required status check"), "{text}");
    assert_eq!(world.told(), ["1 merged", "2 merged", "3 open"]);
}

#[test]
fn programs_read_what_was_done() {
    let Some(world) = World::on_forge() else { return };
    let read = |args: &[&str]| -> Value {
        let args = [&["publish", "--output=json"], args].concat();
        let output = world.command(&world.plane(), &args).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let dry = read(&[DEV, "--dry-run"]);
    let told = read(&[DEV]);
    let (dry, it) = (&dry["published"][0], &told["published"][0]);
    assert_eq!((&dry["outcome"], &it["outcome"]), (&"dry-run".into(), &"pushed".into()));
    assert_eq!(dry["branch"], it["branch"]);
    assert_eq!(it["branch"], world.head());
    assert_eq!(it["commit"], git(&world.gitops(), &["rev-parse", &world.head()]));
    let tree = git(&world.gitops(), &["rev-parse", &format!("{}^{{tree}}", world.head())]);
    assert_eq!(it["gitTree"], tree);
    assert!(world.head().ends_with(&tree[..12]));
    assert_eq!(it["pullRequest"]["number"], 1);
    assert_eq!(it["pullRequest"]["state"], "open");
    assert_eq!(it["files"]["added"], 26);
    assert_eq!(told["exitCode"], 0);
    let mut keys: Vec<&String> = it.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "base",
            "branch",
            "commit",
            "deletions",
            "environment",
            "failing",
            "files",
            "gitTree",
            "manualCommits",
            "outcome",
            "pullRequest",
            "repository",
            "root",
            "superseded",
        ]
    );
    let documented =
        fs::read_to_string(format!("{}/docs/output.md", crate::support::ROOT)).unwrap();
    for key in keys {
        assert!(documented.contains(&format!("`{key}`")), "docs/output.md does not name `{key}`");
    }
    world.change("Bergen");
    let told = read(&[DEV]);
    assert_eq!(told["published"][0]["superseded"][0]["number"], 1);
}

#[test]
fn each_repository_gets_the_tree() {
    let Some(world) = World::on_forge() else { return };
    let second = world.path("second.git");
    git(world.folder.path(), &["clone", "-q", "--bare", "org/gitops.git", "second.git"]);
    let file = world.plane().join("environments/dev/gitops-repo.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let url = format!("{}/org/gitops.git", world.server().url());
    let other =
        text.replace(&url, &second.display().to_string()).replace("name: dev", "name: second");
    let other = other.replace("branch: dev", "branch: dev\n  autoMerge: 'true'");
    fs::write(world.plane().join("environments/dev/second.yaml"), other).unwrap();
    world.commit();
    let text = world.published(&[DEV]);
    assert_eq!(text.matches("//env:dev -> ").count(), 2, "{text}");
    let first = git(&world.gitops(), &["rev-parse", &format!("{}^{{tree}}", world.head())]);
    assert_eq!(git(&second, &["rev-parse", "dev^{tree}"]), first);
    assert_eq!(world.told(), ["1 open"]);
    // One that cannot be reached is no reason not to publish to the other.
    world.change("Bergen");
    fs::rename(&second, world.path("away.git")).unwrap();
    let text = world.publish(&[DEV]);
    assert!(text.starts_with("exit: 32\n"), "{text}");
    let which = format!("`dev` is not published to `{}#dev`: ", second.display());
    assert!(text.contains(&which), "{text}");
    assert_eq!(world.told(), ["1 closed", "2 open"]);
    // One tree cannot lie in two folders.
    edit(&world.plane().join("environments/dev/second.yaml"), "path: .", "path: ./below");
    world.commit();
    let text = world.publish(&[DEV]);
    assert!(text.starts_with("exit: 1\n") && text.contains("the same `path`"), "{text}");
}

/// What is legal but surely wrong is told where it is reviewed, and kept where it is recorded.
#[test]
fn warnings_are_carried() {
    let Some(world) = World::on_forge() else { return };
    let layer = "environments/dev/config/idle.yaml";
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: idle\n  labels: {platform-config: \"true\", zone: nowhere}\ndata: {A: b}\n";
    fs::write(world.plane().join(layer), text).unwrap();
    world.commit();
    world.published(&[DEV]);
    let pull = world.pulls()[0].clone();
    let told = "warning `config-applies-nowhere`: ";
    assert!(pull.body.contains(told), "{}", pull.body);
    let message = world.show(&pull.commit);
    assert!(message.contains("Warning: config-applies-nowhere: "), "{message}");
}

/// Two branches of one repository get the tree, such as one for each region; each has its own pull request.
#[test]
fn branches_of_one_repository_do_not_clear_each_other() {
    let Some(world) = World::on_forge() else { return };
    git(&world.gitops(), &["branch", "dev-eu", "dev"]);
    let file = world.plane().join("environments/dev/gitops-repo.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let other = text.replace("name: dev", "name: europe").replace("branch: dev", "branch: dev-eu");
    fs::write(world.plane().join("environments/dev/europe.yaml"), other).unwrap();
    world.commit();
    let open = || -> Vec<(u64, String)> {
        let open = world.pulls().into_iter().filter(|it| it.state == "open");
        open.map(|it| {
            (it.number, format!("{} -> {}", it.head.rsplit_once('/').unwrap().0, it.base))
        })
        .collect()
    };
    let expected = |numbers: [u64; 2]| {
        let sides = ["deployment/dev -> dev", "deployment/dev+dev-eu -> dev-eu"];
        numbers.into_iter().zip(sides.map(str::to_owned)).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        world.published(&[DEV]);
        assert_eq!(open(), expected([1, 2]));
    }
    world.change("Bergen");
    world.published(&[DEV]);
    assert_eq!(open(), expected([3, 4]));
    // What one has is no reason to withdraw what the other one lacks.
    world.server().model(|it| it.merge(3));
    world.published(&[DEV]);
    assert_eq!(open(), expected([3, 4])[1..]);
    world.server().model(|it| it.merge(4));
    world.published(&[DEV]);
    assert_eq!(open(), []);
    assert_eq!(world.references(), ["refs/heads/dev", "refs/heads/dev-eu"]);
    assert_eq!(world.show("dev:.wob/tree.json"), world.show("dev-eu:.wob/tree.json"));
}

/// Of what is published there are only files, but a reviewer of a deletion wants to know what made it.
#[test]
fn what_goes_is_told_with_what_removed_it() {
    let Some(world) = World::on_forge() else { return };
    world.published(&[DEV]);
    world.server().model(|it| it.merge(1));
    fs::remove_file(world.plane().join("environments/dev/cluster-types/lab.yaml")).unwrap();
    world.commit();
    world.published(&[DEV, "--allow-deletions"]);
    let body = &world.pulls()[1].body;
    assert!(body.contains("cluster type `lab`, which is nowhere any more"), "{body}");
}

/// The branches layout, where the base is pinned.
#[test]
fn a_promotion_is_labelled() {
    let Some(world) = World::on_forge() else { return };
    let fleet = Fleet::new();
    let plane = fleet.plane();
    let url = format!("{}/org/gitops.git#dev", world.server().url());
    let publish = || {
        let args = ["publish", DEV, "--forge=github", "--repo", &url];
        let output = world.command(&plane, &args).output().unwrap();
        crate::support::seen(&output)
    };
    let seen = publish();
    assert!(seen.starts_with("exit: 0\n") && seen.contains("  promotes: "), "{seen}");
    assert_eq!(world.told(), ["1 open promoted"]);
    world.server().model(|it| it.merge(1));
    // What is not promoted changes nothing.
    fs::write(plane.join("templates/README.md"), "unused").unwrap();
    git(&plane, &["add", "-A"]);
    git(&plane, &["commit", "-q", "-m", "more of the base"]);
    let seen = publish();
    assert!(seen.contains("is as it should be"), "{seen}");
    // Promoting it changes no manifest but the note of what is promoted.
    let commit = git(&plane, &["rev-parse", "main"]);
    git(&plane, &["checkout", "-q", "dev"]);
    let pinned = plane.join("base-repo.yaml");
    let text = fs::read_to_string(&pinned).unwrap();
    let lines = text.lines().map(|it| match it.split_once("commit: ") {
        Some((before, _)) => format!("{before}commit: {commit}\n"),
        None => format!("{it}\n"),
    });
    fs::write(&pinned, lines.collect::<Vec<_>>().concat()).unwrap();
    git(&plane, &["commit", "-qam", "promote"]);
    let seen = publish();
    assert!(seen.contains(&format!("  promotes: {commit}\n")), "{seen}");
    assert_eq!(world.told(), ["1 merged promoted", "2 open promoted"]);
    assert!(world.show(&world.head()).contains(&format!("Promoted: {commit}")));
    let pull = &world.pulls()[1];
    assert!(pull.title.contains(&commit[..7]) && pull.body.contains(&commit), "{pull:?}");
    // A change of the environment alone is no promotion.
    world.server().model(|it| it.merge(2));
    edit(&plane.join("config.yaml"), "STAGE: dev", "STAGE: other");
    git(&plane, &["commit", "-qam", "config"]);
    let seen = publish();
    assert!(!seen.contains("promotes"), "{seen}");
    assert_eq!(world.told(), ["1 merged promoted", "2 merged promoted", "3 open"]);
}

#[test]
fn publishers_side_by_side_leave_one_pull_request() {
    let Some(world) = World::on_forge() else { return };
    let zones = ["Bergen", "Paris", "Madrid"];
    // Each has a clone of its own, a cache of its own, and other sources.
    for zone in zones {
        git(world.folder.path(), &["clone", "-q", "plane", zone]);
        edit(
            &world.path(zone).join("base/config/company.yaml"),
            "Europe/Oslo",
            &format!("Europe/{zone}"),
        );
        git(&world.path(zone), &["commit", "-qam", "another zone"]);
    }
    for _ in 0..3 {
        let publishers = zones.map(|zone| {
            let mut command = world.command(&world.path(zone), &["publish", DEV]);
            command.env("HOME", world.path(&format!("home-{zone}")));
            thread::spawn(move || crate::support::seen(&command.output().unwrap()))
        });
        let texts = publishers.map(|it| it.join().unwrap());
        for text in &texts {
            assert!(text.starts_with("exit: 0\n"), "{texts:?}");
        }
        let open: Vec<_> = world.pulls().into_iter().filter(|it| it.state == "open").collect();
        assert_eq!(open.len(), 1, "{:?}\n{texts:?}", world.told());
        assert_eq!(open[0].head, world.head());
        let pointer = git(&world.gitops(), &["rev-parse", "refs/wob/deployment/dev"]);
        assert_eq!(open[0].commit, pointer);
        assert_eq!(
            git(&world.gitops(), &["rev-parse", &format!("{pointer}^")]),
            git(&world.gitops(), &["rev-parse", "dev"])
        );
    }
    assert_eq!(git(&world.gitops(), &["fsck", "--strict", "--no-dangling"]), "");
}
