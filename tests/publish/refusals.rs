//! What is not published: what nobody else has, what deletes too much, what goes over the work of others.

use std::fs;

use super::{DEV, World};
use crate::{
    cli::{copy_example, edit},
    support::{git, seen, wob_in},
};

/// Publishes onto the branch itself.
const DIRECT: [&str; 2] = [DEV, "--auto-merge"];

#[test]
fn sources_that_nobody_else_has_are_refused() {
    let world = World::by_path();
    let before = world.references();
    edit(&world.plane().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    world.check("publish-edited", &[DEV]);
    world.commit();
    let telemetry = "--override-input=https://github.com/example-org/telemetry=workloads/telemetry";
    world.check("publish-overridden", &[DEV, telemetry]);
    copy_example("fleet", &world.path("plain"));
    let args = ["publish", DEV, "--repo", "../org/gitops.git#dev", "--auto-merge"];
    let text = seen(&world.command(&world.path("plain"), &args).output().unwrap());
    assert!(text.starts_with("exit: 1\n") && text.contains("(in no commit)"), "{text}");
    assert_eq!(world.references(), before);
}

#[test]
fn what_is_not_known_is_told_with_a_way_out() {
    let world = World::by_path();
    world.check("publish-part", &["//env/dev/lab:all"]);
    world.check("publish-unknown", &["//env:devv"]);
    world.check("publish-forge-typo", &[DEV, "--forge=githb"]);
    let elsewhere = "--repo=https://git.example.org/org/gitops";
    world.check("publish-offline", &[DEV, elsewhere, "--offline"]);
    world.check("publish-no-branch", &[DEV, "--repo=../org/gitops.git#elsewhere"]);
    let text = world.publish(&[DEV, "--repo=../nothing.git#dev"]);
    assert!(
        text.starts_with("exit: 32\n") && text.contains("does not appear to be a git repository"),
        "{text}"
    );
    fs::remove_file(world.plane().join("environments/dev/gitops-repo.yaml")).unwrap();
    let settings = world.plane().join("wob.yaml");
    edit(&settings, "publish: {forge: none}", "publish: {}");
    world.commit();
    world.check("publish-nowhere", &[DEV]);
    let text = world.publish(&[DEV, elsewhere]);
    assert!(text.starts_with("exit: 2\n") && text.contains("does not tell what forge"), "{text}");
}

#[test]
fn no_address_runs_a_program() {
    let world = World::by_path();
    let file = world.plane().join("environments/dev/gitops-repo.yaml");
    let before = fs::read_to_string(&file).unwrap();
    let url = world.gitops().display().to_string();
    for address in [
        "ext::sh -c touch% pwned",
        "ssh://-oProxyCommand=touch pwned/x",
        "-oProxyCommand=touch pwned",
        "--upload-pack=touch pwned",
        "http://127.0.0.1:1/x --upload-pack=touch",
    ] {
        fs::write(&file, before.replace(&url, address)).unwrap();
        world.commit();
        let text = world.publish(&[DEV]);
        assert!(text.starts_with("exit: 1\n") || text.starts_with("exit: 32\n"), "{text}");
        assert!(!world.plane().join("pwned").exists(), "{address}");
        let caches = fs::read_dir(world.path("home/.cache/wob/git")).unwrap();
        for folder in caches.map(|it| it.unwrap().path()) {
            assert!(!folder.ends_with("pwned") && !folder.join("pwned").exists(), "{address}");
        }
    }
}

#[test]
fn a_source_that_cannot_be_reached_publishes_nothing() {
    let world = World::by_path();
    world.published(&DIRECT);
    let before = world.show("dev");
    // Nobody listens at this port.
    let settings = world.plane().join("wob.yaml");
    edit(&settings, "path: workloads/telemetry", "path: http://127.0.0.1:1/org/telemetry");
    world.commit();
    world.change("Bergen");
    for more in [&[][..], &["--allow-deletions"], &["--keep-going"]] {
        let text = world.publish(&[&DIRECT[..], more].concat());
        assert!(text.starts_with("exit: 32\n"), "{text}");
        assert!(text.contains("nothing is published: a source could not be reached"), "{text}");
    }
    assert_eq!(world.show("dev"), before);
}

#[test]
fn deletions_have_a_budget() {
    let world = World::by_path();
    let settings = world.plane().join("wob.yaml");
    edit(
        &settings,
        "publish: {forge: none}",
        "publish: {forge: none, maxDeletions: 11, maxNamespaceDeletions: 20}",
    );
    world.commit();
    world.published(&DIRECT);
    let before = world.show("dev");
    fs::remove_file(world.plane().join("environments/dev/cluster-types/lab.yaml")).unwrap();
    world.commit();
    world.check("publish-budget", &DIRECT);
    world.check("publish-budget-dry-run", &[DEV, "--auto-merge", "--dry-run"]);
    assert_eq!(world.show("dev"), before);
    edit(
        &settings,
        "maxDeletions: 11, maxNamespaceDeletions: 20",
        "maxDeletions: 100, maxNamespaceDeletions: 3",
    );
    world.commit();
    let text = world.publish(&DIRECT);
    assert!(text.starts_with("exit: 1\n"), "{text}");
    assert!(
        text.contains("4 namespaces would be deleted, and `maxNamespaceDeletions` is 3"),
        "{text}"
    );
    assert_eq!(world.show("dev"), before);
    let text = world.published(&[DEV, "--auto-merge", "--allow-deletions"]);
    assert!(text.contains("13 deleted"), "{text}");
}

#[test]
fn the_work_of_others_is_reported_and_not_gone_over_under_strict() {
    let world = World::by_path();
    world.published(&DIRECT);
    world.by_hand(&[("lab/README.md", "edited\n"), ("mine/notes.txt", "mine\n")]);
    world.by_hand(&[("mine/more.txt", "more\n")]);
    world.change("Bergen");
    let tip = git(&world.gitops(), &["rev-parse", "dev"]);
    world.check("publish-manual-strict", &[DEV, "--auto-merge", "--strict"]);
    assert_eq!(git(&world.gitops(), &["rev-parse", "dev"]), tip);
    world.check("publish-manual", &DIRECT);
    assert_eq!(git(&world.gitops(), &["rev-parse", "dev^"]), tip);
    assert!(world.show("dev:lab/README.md").starts_with("This folder"));
    assert_eq!(world.show("dev:mine/notes.txt"), "mine");
    // They are told once.
    world.change("Paris");
    let text = world.published(&[DEV, "--auto-merge", "--strict"]);
    assert!(!text.contains("did not make"), "{text}");
}

#[test]
fn what_fails_keeps_what_is_published_and_is_named() {
    let Some(world) = World::on_forge() else { return };
    let prod = "//env:prod";
    git(&world.gitops(), &["branch", "prod", "dev"]);
    world.published(&[prod]);
    world.server().model(|it| it.merge(1));
    let before = world.show("prod:hub/ticketing-live/config.yaml");
    let config = world.plane().join("environments/prod/config/ticketing-live-on-large.yaml");
    edit(&config, "\"12\"", "\"many\"");
    world.change("Bergen");
    let text = world.publish(&[prod, "--issues"]);
    assert!(text.starts_with("exit: 1\n"), "{text}");
    assert!(
        text.contains("failing; what is published of it stays: depot:ticketing-live, hub:"),
        "{text}"
    );
    let pull = world.pulls()[1].clone();
    assert!(pull.body.contains("* `//env/prod/hub:ticketing-live`"), "{}", pull.body);
    assert!(world.show(&pull.commit).contains("Failing: //env/prod/hub:ticketing-live"));
    let kept = world.show(&format!("{}:hub/ticketing-live/config.yaml", pull.commit));
    assert_eq!(kept, before);
    let open = || -> Vec<String> {
        let issues = world.server().model(|it| it.issues.clone());
        issues.into_iter().filter(|it| it.is_open).map(|it| it.title).collect()
    };
    assert_eq!(
        open(),
        [
            "`//env/prod/depot:ticketing-live` cannot be built",
            "`//env/prod/hub:ticketing-live` cannot be built",
        ]
    );
    world.publish(&[prod, "--issues"]);
    assert_eq!(open().len(), 2);
    let text = world.publish(&[prod, "--strict"]);
    assert!(
        text.starts_with("exit: 1\n") && text.contains("--strict, and there are errors"),
        "{text}"
    );
    edit(&config, "\"many\"", "\"12\"");
    world.commit();
    world.published(&[prod, "--issues"]);
    assert_eq!(open(), [""; 0]);
    // What fails keeps its files, so there may be nothing to publish, but something to say.
    world.server().model(|it| {
        let last = it.pulls.last().unwrap().number;
        it.merge(last);
    });
    edit(&config, "\"12\"", "\"many\"");
    world.commit();
    let text = world.publish(&[prod, "--issues"]);
    assert!(text.starts_with("exit: 1\n") && text.contains("is as it should be"), "{text}");
    assert_eq!(open().len(), 2);
    edit(&config, "\"many\"", "\"12\"");
    world.commit();
    let text = world.published(&[prod, "--issues"]);
    assert!(text.contains("is as it should be"), "{text}");
    assert_eq!(open(), [""; 0]);
}

#[test]
fn an_environment_does_not_replace_another() {
    let world = World::by_path();
    world.published(&DIRECT);
    let before = world.show("dev");
    let args = ["//env:stage", "--repo=../org/gitops.git#dev", "--auto-merge"];
    world.check("publish-other-environment", &args);
    assert_eq!(world.show("dev"), before);
    world.published(&[&args[..], &["--allow-deletions"]].concat());
    assert!(world.show("dev:.wob/tree.json").contains("\"environment\": \"stage\""));
}

#[test]
fn a_build_and_a_publication_hold_the_same_record() {
    let world = World::by_path();
    world.published(&DIRECT);
    wob_in(&world.plane(), &["build", DEV, "-o", "../built"]);
    let built = fs::read_to_string(world.path("built/.wob/tree.json")).unwrap();
    assert_eq!(world.show("dev:.wob/tree.json"), built.trim_end());
}

/// Programs are told of what is refused beside what is not, with the reason and the way out.
#[test]
fn programs_read_what_is_refused() {
    let world = World::by_path();
    let read = |args: &[&str]| -> serde_json::Value {
        let args = [&["publish", "--output=json"], args].concat();
        let output = world.command(&world.plane(), &args).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["exitCode"], output.status.code().unwrap());
        told
    };
    // One that is published, beside one whose branch does not exist.
    let told = read(&[DEV, "//env:prod"]);
    let [dev, prod] = [&told["published"][0], &told["published"][1]];
    assert_eq!((&dev["outcome"], &dev["reason"]), (&"pushed".into(), &serde_json::Value::Null));
    assert_eq!((&prod["environment"], &prod["outcome"]), (&"prod".into(), &"refused".into()));
    let has = |it: &serde_json::Value, field: &str, words: &str| {
        assert!(it[field].as_str().is_some_and(|it| it.contains(words)), "{words}: {it}");
    };
    has(prod, "reason", "has no branch `prod` to merge into");
    has(prod, "help", "make it, be it with one empty commit");
    assert_eq!(prod["repository"], dev["repository"]);
    assert!(prod["files"].is_null() && prod["base"] == "prod", "{prod}");
    assert_eq!(told["exitCode"], 1);

    // What would go is told with the reason.
    world.published(&DIRECT);
    edit(&world.plane().join("wob.yaml"), "forge: none", "forge: none, maxDeletions: 1");
    fs::remove_file(world.plane().join("environments/dev/cluster-types/lab.yaml")).unwrap();
    world.commit();
    let told = &read(&DIRECT)["published"][0];
    assert_eq!(told["outcome"], "refused");
    has(told, "reason", "files would be deleted, and `maxDeletions` is 1");
    has(told, "help", "--allow-deletions");
    let count = told["deletions"]["files"].as_array().unwrap().len();
    assert_eq!(told["files"]["deleted"], count);
    assert!(told["commit"].is_null(), "{told}");

    // Of what cannot be reached nothing more is known.
    let told = &read(&[DEV, "--repo=../nothing.git#dev"])["published"][0];
    assert_eq!((&told["outcome"], &told["base"]), (&"refused".into(), &"dev".into()));
    has(told, "reason", "does not appear to be a git repository");
    let strict = ["//env:dev", "--auto-merge", "--allow-deletions", "--strict"];
    world.by_hand(&[("lab/README.md", "by hand")]);
    let told = &read(&strict)["published"][0];
    has(told, "reason", "--strict, and `dev` has changes that wob did not make");
    assert_eq!(told["manualCommits"].as_array().unwrap().len(), 1);
    // An edit that nobody else has is no matter of any repository.
    edit(&world.plane().join("base/config/company.yaml"), "Europe/Oslo", "Europe/Bergen");
    let told = &read(&DIRECT)["published"][0];
    has(told, "reason", "nobody else could build it again");
    has(told, "help", "commit the edits");
    assert!(told["repository"].is_null(), "{told}");
    // A source that cannot be reached, of all.
    edit(
        &world.plane().join("wob.yaml"),
        "path: workloads/telemetry",
        "path: http://127.0.0.1:1/org/telemetry",
    );
    world.commit();
    let told = read(&[DEV]);
    has(&told["published"][0], "reason", "a source could not be reached");
    assert_eq!(
        (&told["published"][0]["outcome"], told["exitCode"].as_u64()),
        (&"refused".into(), Some(32))
    );
}
