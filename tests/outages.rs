//! A network that dies at each request, and forges that are out of order, while wob promotes, waits, looks and updates: it ends
//! with a plain error, and running it again mends everything. For publishing, see `publish/failures.rs`.

use std::fs;

use serde_json::json;

use crate::{
    forge::{
        Death,
        server::{Answer, Fault},
    },
    git_server::GitServer,
    lock::{Fleet, new_version},
    plane::Plane,
    served::{Forge, on_a_forge},
    support::{git, seen, wob_command},
};

/// A control plane at a forge, its two commits of the base, and how far the branches were at the beginning.
struct Scene {
    plane: Plane,
    forge: Forge,
    begin: Vec<(String, String)>,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Git(usize, Death),
    Forge(usize, Death),
}

impl Scene {
    /// `None` where git has no server program.
    fn new() -> Option<Self> {
        let settings =
            "promotion: [dev, stage]\npromotionGate: history\nwait: {statuses: [clusters]}\n";
        let (plane, forge) = on_a_forge(settings)?;
        plane.git(&["push", "-q", "origin", "main", "dev", "stage"]);
        let references = ["refs/heads/dev", "refs/remotes/origin/dev"];
        let begin = references.map(|it| (it.to_owned(), plane.git(&["rev-parse", it]))).into();
        Some(Self { plane, forge, begin })
    }

    fn there(&self, args: &[&str]) -> String {
        git(&self.plane.folder().join("served/org/gitops.git"), args)
    }

    fn wob(&self, args: &[&str]) -> String {
        // The forge knows a branch once it is pushed, and here it is told of the one that will be.
        let branch = format!("promote/dev/{}", &self.two()[..10]);
        self.forge.server.model(|it| it.branches.entry(branch).or_default().clone());
        self.forge.wob(&self.plane, args)
    }

    /// Returns the commit of the base that is promoted.
    fn two(&self) -> String {
        self.plane.git(&["rev-parse", "main"])
    }

    /// Puts the branches back to where they were, here and there.
    fn again(&self) {
        for (reference, id) in &self.begin {
            self.plane.git(&["update-ref", reference, id]);
        }
        self.there(&["update-ref", "refs/heads/dev", &self.begin[0].1]);
        for it in self.there(&["for-each-ref", "--format=%(refname)", "refs/heads/promote"]).lines()
        {
            self.there(&["update-ref", "-d", it]);
        }
        self.forge.server.model(|it| {
            it.pulls.clear();
            // What clusters say stays.
            it.statuses.retain(|it| !it[1].ends_with(" environment"));
        });
    }

    /// Runs `args` as often as they make requests, each time with another one that dies, and once more after each; asks `holds`
    /// what must be so then.
    fn dies_at_each_request(&self, args: &[&str], holds: &dyn Fn(&str)) {
        self.again();
        self.forge.server.fail_always(None);
        let begin = self.forge.git.asked();
        let whole = self.wob(args);
        assert!(whole.starts_with("exit: 0\n"), "{whole}");
        let requests = (self.forge.git.asked() - begin, self.forge.server.log().len());
        assert!(requests.0 + requests.1 >= 2, "{args:?}: {requests:?}");
        holds("undisturbed");
        let both = |number| [(number, Death::Before), (number, Death::After)];
        let of_git = (0..requests.0).flat_map(both).map(|(number, it)| Outage::Git(number, it));
        let of_forge = (0..requests.1).flat_map(both).map(|(number, it)| Outage::Forge(number, it));
        for outage in of_git.chain(of_forge) {
            self.again();
            match outage {
                Outage::Git(number, death) => self.forge.git.dies(number, death),
                Outage::Forge(number, Death::Before) => {
                    self.forge.server.fail(number, Fault::DiesBefore);
                }
                Outage::Forge(number, Death::After) => {
                    self.forge.server.fail(number, Fault::DiesAfter);
                }
            }
            let first = self.wob(args);
            self.forge.git.lives();
            self.forge.server.fail_always(None);
            let code = first.lines().next().unwrap();
            assert!(matches!(code, "exit: 0" | "exit: 32"), "{args:?} {outage:?}: {first}");
            assert!(code == "exit: 0" || first.contains("error: "), "{outage:?}: {first}");
            let second = self.wob(args);
            assert!(second.starts_with("exit: 0\n"), "{args:?} {outage:?}: {first}\n{second}");
            holds(&format!("{args:?} {outage:?}: {first}\n{second}"));
        }
        for folder in [self.plane.fleet(), self.plane.folder().join("served/org/gitops.git")] {
            assert_eq!(git(&folder, &["fsck", "--strict", "--no-dangling"]), "");
        }
    }

    /// Runs `args` against a forge that answers each request with what no forge should; returns the codes.
    fn out_of_order(&self, args: &[&str]) -> Vec<String> {
        let says = |status| Fault::Says(Answer::new(status, &json!({ "message": "out of order" })));
        let limited = |seconds| {
            let answer = Answer::new(429, &json!({ "message": "slow down" }));
            Fault::Says(answer.with("Retry-After", seconds))
        };
        let mut codes = vec![];
        for fault in [says(500), limited("4000"), Fault::Garbles] {
            self.again();
            self.forge.server.fail_always(Some(fault));
            let seen = self.wob(args);
            self.forge.server.fail_always(None);
            codes.push(seen.lines().next().unwrap().replace("exit: ", ""));
            let second = self.wob(args);
            assert!(second.starts_with("exit: 0\n"), "{args:?}: {seen}\n{second}");
        }
        // Once is not always.
        self.again();
        self.forge.server.fail(0, limited("0"));
        let seen = self.wob(args);
        assert!(seen.starts_with("exit: 0\n"), "{args:?}: {seen}");
        codes
    }

    /// Publishes what dev renders to, and lets a cluster report it.
    fn deployed(&self) -> String {
        let into =
            format!("{}#gitops-dev", self.plane.folder().join("served/org/gitops.git").display());
        let seen = self.plane.wob(&["build", "//env:dev", "--into", &into]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        self.there(&["rev-parse", "gitops-dev"])
    }
}

const PUSH: [&str; 5] = ["promote", "main", "--to", "dev", "--push"];
const PROPOSE: [&str; 5] = ["promote", "main", "--to", "dev", "--pull-request"];

#[test]
fn a_promotion_that_is_pushed() {
    let Some(scene) = Scene::new() else { return };
    let before = scene.there(&["rev-parse", "dev"]);
    scene.dies_at_each_request(&PUSH, &|what| {
        assert_eq!(scene.there(&["rev-parse", "dev^"]), before, "once: {what}");
        let pin = scene.there(&["show", "dev:base-repo.yaml"]);
        assert!(pin.contains(&scene.two()), "{what}");
        assert_eq!(
            scene.forge.said(&scene.two()),
            ["dev environment: pending: Promoted"],
            "{what}"
        );
        assert_eq!(
            scene.plane.git(&["rev-parse", "origin/dev"]),
            scene.there(&["rev-parse", "dev"]),
            "{what}"
        );
    });
}

#[test]
fn a_promotion_that_is_proposed() {
    let Some(scene) = Scene::new() else { return };
    let holds = |what: &str| {
        let open = scene.forge.server.model(|it| {
            let open = it.pulls.iter().filter(|it| it.state == "open");
            open.map(|it| it.head.clone()).collect::<Vec<_>>()
        });
        let branches =
            scene.there(&["for-each-ref", "--format=%(refname:short)", "refs/heads/promote"]);
        assert_eq!(open, [&*branches], "{what}");
        assert_eq!(scene.there(&["rev-parse", "dev"]), scene.begin[0].1, "{what}");
        let pin = scene.there(&["show", &format!("{branches}:base-repo.yaml")]);
        assert!(pin.contains(&scene.two()), "{what}");
    };
    scene.dies_at_each_request(&PROPOSE, &holds);
    assert_eq!(scene.out_of_order(&PROPOSE), ["32", "32", "32"]);
    holds("a forge out of order");
}

#[test]
fn a_wait() {
    let Some(scene) = Scene::new() else { return };
    let commit = scene.deployed();
    let base = scene.plane.git(&["rev-parse", "main~1"]);
    let wait = ["wait", "dev", "--subscribers=1", "--tolerate=0", "--interval=1ms"];
    let short = &commit[..10];
    let heard = [format!("dev environment: success: Deployed {short}")];
    scene.forge.say(&commit, "clusters", "success", "applied");
    scene.dies_at_each_request(&wait, &|what| {
        assert_eq!(scene.forge.said(&base), heard, "{what}");
    });
    // Without the forge it is not known what runs.
    assert_eq!(scene.out_of_order(&wait), ["32", "32", "32"]);
}

#[test]
fn a_look() {
    let Some(scene) = Scene::new() else { return };
    scene.deployed();
    scene.dies_at_each_request(&["status", "dev"], &|_| {});
    assert_eq!(scene.out_of_order(&["status", "dev"]), ["32", "32", "32"]);
}

/// Promotions side by side: the branch gets one of them after the other or one at all, and whoever lost is told.
#[test]
fn promotions_side_by_side() {
    let Some(scene) = Scene::new() else { return };
    let before = scene.there(&["rev-parse", "dev"]);
    for _ in 0..3 {
        scene.again();
        let copies: Vec<_> =
            (0..3).map(|it| scene.plane.folder().join(format!("copy-{it}"))).collect();
        let running: Vec<_> = copies
            .iter()
            .map(|at| {
                fs::remove_dir_all(at).unwrap_or_default();
                crate::cli::copy(&scene.plane.fleet(), at);
                let mut command = wob_command(at, &PUSH);
                command.arg("--override-input=https://git.example.org/example-org/app=../app");
                command.env("PATH", std::env::var("PATH").unwrap_or_default());
                command.env("HOME", at.with_extension("home"));
                command.envs(scene.forge.variables());
                command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        let ended: Vec<String> =
            running.into_iter().map(|it| seen(&it.wait_with_output().unwrap())).collect();
        assert!(ended.iter().any(|it| it.starts_with("exit: 0\n")), "{ended:?}");
        for it in &ended {
            let is_clean = it.starts_with("exit: 0\n")
                || it.contains("has moved at `origin`")
                || it.contains("error: ");
            let code = it.lines().next().unwrap();
            assert!(is_clean && matches!(code, "exit: 0" | "exit: 32" | "exit: 36"), "{it}");
        }
        assert_eq!(scene.there(&["rev-parse", "dev^"]), before, "{ended:?}");
    }
}

/// For every request that dies: the lock stays as it was or moves as a whole, and moves when it is run again.
#[test]
fn an_update() {
    let fleet = Fleet::new(&["app"]);
    let Some(server) = GitServer::start(fleet.at().parent().unwrap()) else { return };
    fleet.register_at("app", &server.url("app"), "main", "deploy");
    fleet.ends(0, &["lock"]);
    let old = fleet.lock();
    new_version(&fleet, "app", "2");
    let cache = || fs::remove_dir_all(fleet.at().join("home")).unwrap_or_default();
    cache();
    let begin = server.requests();
    fleet.ends(0, &["update"]);
    let (requests, new) = (server.requests() - begin, fleet.lock());
    assert!(requests >= 2 && new != old, "{requests} {new}");
    for number in 0..requests {
        for death in [Death::Before, Death::After] {
            fs::write(fleet.at().join("wob.lock"), &old).unwrap();
            cache();
            server.connections.dies(number, death);
            let first = fleet.wob(&["update"]);
            server.connections.lives();
            let code = first.lines().next().unwrap();
            assert!(
                matches!(code, "exit: 0" | "exit: 1" | "exit: 32"),
                "{number} {death:?}: {first}"
            );
            let lock = fleet.lock();
            assert!(lock == old || lock == new, "{number} {death:?}: {first}\n{lock}");
            assert!(code != "exit: 0" || lock == new, "{number} {death:?}: {first}");
            let second = fleet.wob(&["update"]);
            assert!(second.starts_with("exit: 0\n"), "{number} {death:?}: {first}\n{second}");
            assert_eq!(fleet.lock(), new, "{number} {death:?}: {first}\n{second}");
        }
    }
    // A branch that was deleted moves nothing, and is told.
    git(&fleet.app("app"), &["checkout", "-q", "--detach"]);
    git(&fleet.app("app"), &["branch", "-q", "-D", "main"]);
    let seen = fleet.wob(&["update"]);
    assert!(seen.starts_with("exit: 1\n") || seen.starts_with("exit: 32\n"), "{seen}");
    assert!(seen.contains("`main`"), "{seen}");
    assert_eq!(fleet.lock(), new);
}
