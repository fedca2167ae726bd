//! `wob promote --push` and `--pull-request`: to a real repository over HTTP, and to a forge that keeps pull requests.

use crate::{
    plane::{Plane, config},
    served::{Forge, on_a_forge},
    support::{git, with_snapshots_in},
};

/// A plane at a forge that knows its branches, and the commits of its base.
struct Scene {
    plane: Plane,
    forge: Forge,
}

impl Scene {
    /// `None` where git has no server program.
    fn new() -> Option<Self> {
        let (plane, forge) = on_a_forge("promotion: [dev, stage]\npromotionGate: history\n")?;
        plane.git(&["push", "-q", "origin", "main", "dev", "stage"]);
        Some(Self { plane, forge })
    }

    /// Runs git in the repository on the forge.
    fn there(&self, args: &[&str]) -> String {
        git(&self.plane.folder().join("served/org/gitops.git"), args)
    }

    fn wob(&self, args: &[&str]) -> String {
        // The forge knows a branch once it is pushed, and here it is told of those that will be.
        for commit in self.plane.git(&["rev-list", "main"]).lines() {
            let branch = format!("promote/dev/{}", &commit[..10]);
            self.forge.server.model(|it| it.branches.entry(branch).or_default().clone());
        }
        let seen = self.forge.wob(&self.plane, args);
        seen.replace(&self.forge.server.url(), "http://forge.example")
    }

    fn check(&self, name: &str, args: &[&str]) {
        let seen = self.wob(args);
        // Commits of wob have the time of the run in them.
        let proposed =
            self.there(&["for-each-ref", "--format=%(objectname)", "refs/heads/promote"]);
        let seen = proposed.lines().fold(seen, |seen, id| seen.replace(id, "<proposed>"));
        let seen = format!("$ wob {}\n{seen}", args.join(" "));
        with_snapshots_in("cli", || insta::assert_snapshot!(name, seen));
    }

    /// Lists the pull requests: number, state, from where, to where.
    fn requests(&self) -> Vec<String> {
        let line = |it: &crate::forge::server::Pull| {
            let (head, base) = (self.plane.named(&it.head), &it.base);
            format!("#{} {} {head} -> {base}: {}", it.number, it.state, self.plane.named(&it.title))
        };
        self.forge.server.model(|it| it.pulls.iter().map(line).collect())
    }

    fn branches(&self) -> String {
        let all = self.there(&["for-each-ref", "--format=%(refname:short)", "refs/heads/promote"]);
        self.plane.named(&all)
    }
}

const PROPOSE: [&str; 5] = ["promote", "main", "--to", "dev", "--pull-request"];

#[test]
fn a_promotion_is_proposed_by_one_pull_request() {
    let Some(mut scene) = Scene::new() else { return };
    let dev = scene.there(&["rev-parse", "dev"]);
    scene.check("promote-pull-request", &PROPOSE);
    assert_eq!(scene.there(&["rev-parse", "dev"]), dev);
    let first = ["#1 open promote/dev/<base two…> -> dev: Promote <base two…> to dev"];
    assert_eq!(scene.requests(), first);
    let body = scene.forge.server.model(|it| it.pulls[0].body.clone());
    assert!(
        body.contains("Promoted: ") && body.contains("~ //env/dev/large:app-functional-test"),
        "{body}"
    );
    let proposed = scene.there(&["rev-parse", "--branches=promote"]);
    assert_eq!(scene.there(&["diff", "--name-only", "dev", &proposed]), "base-repo.yaml");
    // The same again is the same pull request, from the same commit.
    scene.check("promote-pull-request-again", &[&PROPOSE[..], &["--output=json"]].concat());
    assert_eq!(scene.requests(), first);
    assert_eq!(scene.there(&["rev-parse", "--branches=promote"]), proposed);
    // A newer commit takes its place; the branch of the older one goes.
    scene.forge.server.model(|it| {
        it.branches.insert("promote/dev/mine".to_owned(), dev.clone());
        let mine = ["mine", "not wob's", "promote/dev/mine", "dev"].map(|it| Some(it.to_owned()));
        it.open(mine).unwrap()
    });
    let three =
        scene.plane.commit("base three", &[("more.yaml", &config("more", "", "MORE: more"))]);
    scene.plane.call(&three, "<base three>");
    let seen = scene.wob(&PROPOSE);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("#3 "), "{seen}");
    let expected = [
        "#1 closed promote/dev/<base two…> -> dev: Promote <base two…> to dev",
        "#2 open promote/dev/mine -> dev: mine",
        "#3 open promote/dev/<base three…> -> dev: Promote <base three…> to dev",
    ];
    assert_eq!(scene.requests(), expected);
    assert_eq!(scene.branches(), "promote/dev/<base three…>");
    // Once somebody has merged it, there is nothing left to do.
    let proposed = scene.there(&["rev-parse", "--branches=promote"]);
    scene.there(&["update-ref", "refs/heads/dev", &proposed]);
    scene.plane.git(&["fetch", "-q", "origin"]);
    let seen = scene.wob(&PROPOSE);
    assert!(
        seen.starts_with("exit: 0\n") && seen.contains("`dev` has <base three…> already"),
        "{seen}"
    );
}

#[test]
fn a_promotion_is_pushed_where_it_belongs() {
    let Some(scene) = Scene::new() else { return };
    let two = scene.plane.git(&["rev-parse", "main"]);
    let before = scene.there(&["rev-parse", "dev"]);
    scene.plane.git(&["checkout", "-q", "dev"]);
    let seen = scene.wob(&["promote", "main", "--to", "dev", "--push", "--profile=standard"]);
    assert!(seen.starts_with("exit: 0\n") && seen.contains("on `origin/dev`"), "{seen}");
    assert_eq!(scene.there(&["rev-parse", "dev^"]), before);
    let pushed = scene.there(&["rev-parse", "dev"]);
    assert_eq!(scene.plane.git(&["rev-parse", "origin/dev"]), pushed);
    // What is checked out is left alone, and counts as older.
    assert_eq!(scene.plane.git(&["rev-parse", "dev"]), before);
    assert_eq!(scene.plane.git(&["status", "--porcelain"]), "");
    assert_eq!(scene.forge.said(&two), ["dev environment: pending: Promoted"]);
    scene.plane.git(&["checkout", "-q", "main"]);
    scene.check("promote-push", &["promote", "--next", "--push", "--no-status", "--output=json"]);
    assert_eq!(scene.plane.git(&["rev-parse", "stage"]), scene.there(&["rev-parse", "stage"]));
    assert_eq!(scene.forge.said(&two), ["dev environment: pending: Promoted"]);
}

#[test]
fn what_moved_at_origin_is_not_overwritten() {
    let Some(scene) = Scene::new() else { return };
    let tree = scene.there(&["rev-parse", "dev^{tree}"]);
    let theirs = scene.there(&["commit-tree", "-m", "theirs", "-p", "dev", &tree]);
    scene.there(&["update-ref", "refs/heads/dev", &theirs]);
    scene.check("promote-behind", &["promote", "main", "--to", "dev", "--push"]);
    let seen = scene.wob(&PROPOSE);
    assert!(seen.starts_with("exit: 36\n") && seen.contains("has moved at `origin`"), "{seen}");
    assert_eq!(scene.there(&["rev-parse", "dev"]), theirs);
    assert_eq!(scene.requests(), Vec::<String>::new());
    scene.plane.git(&["fetch", "-q", "origin"]);
    let seen = scene.wob(&["promote", "main", "--to", "dev", "--push"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
    assert_eq!(scene.there(&["rev-parse", "dev^"]), theirs);
    // A hook that says no is heard.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let hook = scene.plane.folder().join("served/org/gitops.git/hooks/pre-receive");
        std::fs::write(&hook, "#!/bin/sh\necho freeze until Monday\nexit 1\n").unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let seen = scene.wob(&["promote", "main", "--to", "stage", "--push"]);
        assert!(seen.starts_with("exit: 32\n") && seen.contains("freeze until Monday"), "{seen}");
    }
}

#[test]
fn where_it_cannot_go_is_said() {
    let plane = Plane::new();
    let args = ["promote", "main", "--to", "dev"];
    let with = |more: &[&str], code: u8, reason: &str| {
        let seen = plane.wob(&[&args[..], more].concat());
        assert!(seen.starts_with(&format!("exit: {code}\n")) && seen.contains(reason), "{seen}");
    };
    with(&["--push", "--offline"], 2, "--offline forbids");
    with(&["--push", "--pull-request"], 2, "cannot be used with");
    let nowhere = plane.folder().join("nowhere").display().to_string();
    plane.git(&["remote", "add", "upstream", crate::plane::ADDRESS]);
    plane.git(&["remote", "set-url", "origin", &nowhere]);
    with(&["--push"], 32, "could not read the branches of");
    git(plane.folder(), &["init", "-q", "--bare", "nowhere"]);
    with(&["--push"], 36, "`origin` has no branch `dev`");
    plane.git(&["push", "-q", "origin", "dev", "stage", "main"]);
    // No forge is known there, so that only the branch is pushed.
    with(&["--pull-request"], 0, "pull request: none");
    let pushed = git(
        &plane.folder().join("nowhere"),
        &["for-each-ref", "--format=%(refname)", "refs/heads/promote"],
    );
    assert_eq!(plane.named(&pushed), "refs/heads/promote/dev/<base two…>");
    plane.git(&["remote", "remove", "origin"]);
    with(&["--push"], 2, "no remote `origin`");
}
