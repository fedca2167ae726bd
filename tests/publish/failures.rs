//! A world that fails: hooks, moved and deleted branches, a network that dies, a forge that is out of order.

use std::fs;

use serde_json::{Value, json};

use super::{DEV, Forge, World, look};
use crate::{
    cli::copy,
    forge::{
        Death,
        server::{Answer, Fault},
    },
    support::git,
};

#[cfg(unix)]
#[test]
fn a_hook_that_says_no_is_quoted() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::by_path();
    let before = world.references();
    let hook = world.gitops().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho 'no deployments on Friday' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    world.check("publish-hook", &[DEV]);
    world.check("publish-hook-direct", &[DEV, "--auto-merge"]);
    assert_eq!(world.references(), before);
    fs::remove_file(hook).unwrap();
    world.published(&[DEV]);
}

#[test]
fn a_base_that_was_rewritten_is_built_upon_anew() {
    let Some(world) = World::on_forge() else { return };
    world.published(&[DEV]);
    world.server().model(|it| it.merge(1));
    world.change("Bergen");
    world.published(&[DEV]);
    let pending = git(&world.gitops(), &["rev-parse", &world.head()]);
    // Somebody takes back what was merged, history and all.
    let tree = git(&world.gitops(), &["rev-parse", "dev~1^{tree}"]);
    let rewritten = git(&world.gitops(), &["commit-tree", &tree, "-m", "another beginning"]);
    git(&world.gitops(), &["update-ref", "refs/heads/dev", &rewritten]);
    world.published(&[DEV]);
    let head = git(&world.gitops(), &["rev-parse", &world.head()]);
    assert_ne!(head, pending);
    assert_eq!(git(&world.gitops(), &["rev-parse", &format!("{head}^")]), rewritten);
    let open: Vec<_> = world.pulls().into_iter().filter(|it| it.state == "open").collect();
    assert_eq!((open.len(), &open[0].commit), (1, &head));
}

#[test]
fn branches_that_were_deleted_are_made_again_or_missed() {
    let Some(world) = World::on_forge() else { return };
    world.published(&[DEV]);
    let head = world.head();
    git(&world.gitops(), &["branch", "-D", &head]);
    world.server().model(|it| look(&world.gitops(), it));
    world.published(&[DEV]);
    assert_eq!(world.head(), head);
    // The forge closed the first one with its branch.
    assert_eq!(world.told(), ["1 closed", "2 open"]);
    git(&world.gitops(), &["update-ref", "-d", "refs/wob/deployment/dev"]);
    world.published(&[DEV]);
    assert_eq!(
        (world.head(), world.told()),
        (head, vec!["1 closed".to_owned(), "2 open".to_owned()])
    );
    git(&world.gitops(), &["branch", "-D", "dev"]);
    let text = world.publish(&[DEV]);
    assert!(text.starts_with("exit: 1\n") && text.contains("has no branch `dev`"), "{text}");
    assert_eq!(world.told(), ["1 closed", "2 open"]);
}

#[test]
fn a_cache_that_is_damaged_is_made_anew() {
    let world = World::by_path();
    world.published(&[DEV]);
    let caches = world.path("home/.cache/wob/git");
    for entry in fs::read_dir(&caches).unwrap() {
        let head = entry.unwrap().path().join("HEAD");
        if head.exists() {
            fs::write(head, "garbage").unwrap();
        }
    }
    world.change("Bergen");
    world.published(&[DEV]);
    assert_eq!(git(&world.gitops(), &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn a_forge_that_is_out_of_order_costs_a_second_run() {
    let Some(world) = World::on_forge() else { return };
    let says = |status| Fault::Says(Answer::new(status, &json!({ "message": "out of order" })));
    let limited = Answer::new(403, &json!({ "message": "API rate limit exceeded" }));
    let limited = limited.with("Retry-After", "4000");
    for fault in [says(404), says(401), Fault::Says(limited), says(422), Fault::Garbles] {
        world.server().fail_always(Some(fault));
        let text = world.publish(&[DEV]);
        assert!(text.starts_with("exit: 32\n"), "{text}");
        assert!(
            text.contains("`dev` is pushed, but its pull request is not as it should be"),
            "{text}"
        );
        assert_eq!(world.pulls(), []);
    }
    world.server().fail_always(Some(says(500)));
    world.check("publish-forge-broken", &[DEV]);
    // Once is not always.
    let busy = Answer::new(429, &json!({ "message": "slow down" })).with("Retry-After", "0");
    world.server().fail(1, Fault::Says(busy));
    world.published(&[DEV]);
    assert_eq!(world.told(), ["1 open"]);
}

/// A publication that supersedes another, and what must hold after it has failed once and was run again.
struct Superseding {
    world: World,
    zones: std::iter::Cycle<std::array::IntoIter<&'static str, 2>>,
    /// How many requests git and the forge get.
    requests: (usize, usize),
}

impl Superseding {
    fn new() -> Option<Self> {
        let world = World::on_forge()?;
        world.published(&[DEV]);
        let forge = world.forge.as_ref().unwrap();
        forge.server.fail_always(None);
        let begin = forge.git.asked();
        world.change("Bergen");
        world.published(&[DEV]);
        let requests = (forge.git.asked() - begin, forge.server.log().len());
        assert!(requests.0 >= 5 && requests.1 >= 5, "{requests:?}");
        Some(Self { zones: ["Oslo", "Paris"].into_iter().cycle(), world, requests })
    }

    fn run(&mut self, what: &str, set: &dyn Fn(&Forge), clear: &dyn Fn(&Forge)) {
        let Self { world, zones, .. } = self;
        let forge = world.forge.as_ref().unwrap();
        world.change(zones.next().unwrap());
        set(forge);
        let first = world.publish(&[DEV]);
        clear(forge);
        let code = first.lines().next().unwrap();
        assert!(matches!(code, "exit: 0" | "exit: 32"), "{what}: {first}");
        let second = world.published(&[DEV]);
        let open: Vec<_> = world.pulls().into_iter().filter(|it| it.state == "open").collect();
        assert_eq!(open.len(), 1, "{what}: {first}\n{second}");
        assert_eq!(open[0].head, world.head(), "{what}");
        let pointer = git(&world.gitops(), &["rev-parse", "refs/wob/deployment/dev"]);
        assert_eq!(open[0].commit, pointer, "{what}");
    }
}

#[test]
fn a_git_host_that_dies_at_each_request_costs_a_second_run() {
    let Some(mut superseding) = Superseding::new() else { return };
    for number in 0..superseding.requests.0 {
        for death in [Death::Before, Death::After] {
            let set = |forge: &Forge| forge.git.dies(number, death);
            let clear = |forge: &Forge| forge.git.lives();
            superseding.run(&format!("git's request {number}, {death:?}"), &set, &clear);
        }
    }
    let gitops = superseding.world.gitops();
    assert_eq!(git(&gitops, &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn a_forge_that_dies_at_each_request_costs_a_second_run() {
    let Some(mut superseding) = Superseding::new() else { return };
    for number in 0..superseding.requests.1 {
        for fault in [Fault::DiesBefore, Fault::DiesAfter] {
            let set = |forge: &Forge| forge.server.fail(number, fault.clone());
            let clear = |forge: &Forge| forge.server.fail_always(None);
            superseding.run(&format!("the forge's request {number}"), &set, &clear);
        }
    }
}

/// Of two repositories the first gets its tree, and then the forge of the second is out of order, or gone.
#[test]
fn programs_read_what_a_forge_did_not_do() {
    let Some(world) = World::on_forge() else { return };
    copy(&world.gitops(), &world.path("apart.git"));
    let apart = world.path("apart.git").display().to_string();
    let own = world.plane().join("environments/dev/gitops-repo.yaml");
    let text = fs::read_to_string(&own).unwrap();
    let url = format!("{}/org/gitops.git", world.server().url());
    let other = text.replace("name: dev", "name: apart").replace(&url, &apart);
    fs::write(own.with_file_name("apart.yaml"), other).unwrap();
    world.commit();
    let read = || -> (Vec<Value>, Value) {
        let args = ["publish", DEV, "--output=json"];
        let output = world.command(&world.plane(), &args).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["exitCode"], output.status.code().unwrap(), "{told:#}");
        (told["published"].as_array().unwrap().clone(), told["exitCode"].clone())
    };
    let outcomes = |all: &[Value]| -> Vec<(Value, Value)> {
        all.iter().map(|it| (it["repository"].clone(), it["outcome"].clone())).collect()
    };
    let wanted =
        |apart_is: &str, is: &str| vec![(json!(apart), json!(apart_is)), (json!(url), json!(is))];
    let broken = Answer::new(500, &json!({ "message": "out of order" }));
    let mut first = "pushed";
    for (fault, reason) in
        [(Fault::Says(broken), "status 500"), (Fault::DiesBefore, "gave no answer")]
    {
        world.server().fail_always(Some(fault));
        let (published, exit) = read();
        assert_eq!(outcomes(&published), wanted(first, "unfinished"));
        assert_eq!(exit, 32);
        // git has it: what was pushed is told, and what became of it.
        let it = &published[1];
        let head = world.head();
        assert_eq!(it["branch"], head);
        assert_eq!(it["commit"], git(&world.gitops(), &["rev-parse", &head]));
        assert_eq!(
            it["gitTree"],
            git(&world.gitops(), &["rev-parse", &format!("{head}^{{tree}}")])
        );
        assert_eq!((&it["pullRequest"], &it["files"]), (&Value::Null, &published[0]["files"]));
        let told = it["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
        assert_eq!(published[0].get("reason"), None);
        first = "pending";
    }
    // The next run goes on from there.
    world.server().fail_always(None);
    let (published, exit) = read();
    assert_eq!((outcomes(&published), exit), (wanted("pending", "pending"), json!(0)));
    assert_eq!(published[1]["pullRequest"]["new"], true);
    assert_eq!(world.told(), ["1 open"]);
}
