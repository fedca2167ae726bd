//! The tutorial once more, on a forge: every promotion and every deployment is a pull request, and clusters say how it went. See
//! `flow.rs` for the same by git alone.

use serde_json::Value;

use crate::{
    flow::{cluster_type, expected, policy},
    forge::server::Pull,
    plane::{Plane, base_repo, config, object},
    publish::{look, merge},
    served::{Forge, on_a_forge},
    support::git,
};

const SETTINGS: &str = "promotion: [dev, stage]\n\
    publish: {forge: github}\n\
    wait: {statuses: [clusters], subscribers: 1, tolerateSeconds: 0}\n";

struct Story {
    plane: Plane,
    forge: Forge,
}

impl Story {
    /// A platform without any application, of which nothing is deployed; `None` where git has no server program.
    fn begin() -> Option<Self> {
        let (plane, forge) = on_a_forge(SETTINGS)?;
        let repository = plane.folder().join("served/org/gitops.git");
        let (merging, looking) = (repository.clone(), repository);
        forge.server.model(|it| {
            it.on_merge = Some(Box::new(move |pull| merge(&merging, pull)));
            it.before = Some(Box::new(move |model| look(&looking, model)));
        });
        let story = Self { plane, forge };
        story.plane.git(&["rm", "-q", "app.yaml", "config.yaml"]);
        let empty = story.plane.commit("a platform without applications", &[]);
        story.plane.git(&["push", "-q", "origin", "main", "dev", "stage"]);
        for environment in ["dev", "stage"] {
            story.plane.git(&["checkout", "-q", environment]);
            story.plane.git(&["rm", "-q", "policy.yaml", "clusters/large.yaml"]);
            story.commit(
                environment,
                "a cluster type",
                &[
                    ("clusters/drone.yaml", &cluster_type("drone")),
                    ("base-repo.yaml", &base_repo(&empty)),
                ],
            );
            let tree = story.there(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
            let first = story.there(&["commit-tree", &tree, "-m", "an empty branch"]);
            story.there(&["update-ref", &format!("refs/heads/gitops-{environment}"), &first]);
        }
        Some(story)
    }

    fn there(&self, args: &[&str]) -> String {
        git(&self.plane.folder().join("served/org/gitops.git"), args)
    }

    fn wob(&self, args: &[&str]) -> String {
        self.forge.wob(&self.plane, args)
    }

    fn run(&self, args: &[&str]) -> String {
        let seen = self.wob(args);
        assert!(seen.starts_with("exit: 0\n"), "wob {args:?}: {seen}");
        seen
    }

    /// Commits files to a branch of the control plane, and pushes it.
    fn commit(&self, branch: &str, subject: &str, files: &[(&str, &str)]) -> String {
        self.plane.git(&["checkout", "-q", branch]);
        self.plane.git(&["fetch", "-q", "origin"]);
        self.plane.git(&["merge", "-q", "--ff-only", &format!("origin/{branch}")]);
        let commit = self.plane.commit(subject, files);
        self.plane.git(&["push", "-q", "origin", branch]);
        self.plane.git(&["checkout", "-q", "main"]);
        commit
    }

    fn pulls(&self) -> Vec<Pull> {
        self.forge.server.model(|it| it.pulls.clone())
    }

    /// Returns the one pull request that is open into `base`.
    fn open(&self, base: &str) -> Pull {
        let mut open = self.pulls();
        open.retain(|it| it.state == "open" && it.base == base);
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    /// Merges it, as whoever approves of it does.
    fn approve(&self, base: &str) -> Pull {
        let pull = self.open(base);
        self.forge.server.model(|it| it.merge(pull.number));
        self.plane.git(&["fetch", "-q", "--prune", "origin"]);
        if ["dev", "stage"].contains(&base) {
            // What is built is the user's own branch, where there is one.
            self.plane.git(&["fetch", "-q", "origin", &format!("{base}:{base}")]);
        }
        pull
    }

    /// Promotes a commit by a pull request that somebody approves of.
    fn promote(&self, environment: &str, commit: &str) {
        let before = self.there(&["rev-parse", environment]);
        self.run(&["promote", commit, "--to", environment, "--pull-request"]);
        assert_eq!(self.there(&["rev-parse", environment]), before, "nothing is promoted before");
        let pull = self.approve(environment);
        assert_eq!(pull.head, format!("promote/{environment}/{}", &commit[..10]));
        assert_eq!(pull.title, format!("Promote {} to {environment}", &commit[..10]));
        let pin = self.there(&["show", &format!("{environment}:base-repo.yaml")]);
        assert_eq!(pin, base_repo(commit).trim_end());
    }

    /// Publishes an environment by a pull request that somebody approves of, which carries these labels.
    fn deploy(&self, environment: &str, labels: &[&str]) -> Pull {
        let branch = format!("gitops-{environment}");
        let before = self.there(&["rev-parse", &branch]);
        self.run(&["publish", &format!("//env:{environment}")]);
        assert_eq!(self.there(&["rev-parse", &branch]), before, "nothing is deployed before");
        let status = self.status(environment);
        assert_eq!(status["gitops"][0]["drift"], "unpublished", "{status}");
        let pull = self.approve(&branch);
        let listed = &status["gitops"][0]["pullRequests"];
        assert_eq!(listed[0]["number"], pull.number, "{status}");
        assert_eq!(pull.labels.iter().map(String::as_str).collect::<Vec<_>>(), labels, "{pull:?}");
        assert!(pull.head.starts_with(&format!("deployment/{environment}/")), "{pull:?}");
        let status = self.status(environment);
        assert_eq!(status["gitops"][0]["drift"], "none", "{status}");
        assert_eq!(status["gitops"][0]["pullRequests"], Value::Array(vec![]), "{status}");
        pull
    }

    /// Lets clusters report what is deployed, and waits for it; returns what is then said of the promoted commit.
    fn report(&self, environment: &str, state: &str) -> (String, Vec<String>) {
        let commit = self.there(&["rev-parse", &format!("gitops-{environment}")]);
        self.forge.say(&commit, "clusters", state, "");
        let seen = self.wob(&["wait", environment, "--interval=1ms"]);
        let base = self.read(environment, ".github/tracking/Promoted_Commit_Id");
        (seen.lines().next().unwrap().to_owned(), self.forge.said(&base))
    }

    /// Lets clusters run what is deployed.
    fn runs(&self, environment: &str) {
        let (code, said) = self.report(environment, "success");
        let short = &self.there(&["rev-parse", &format!("gitops-{environment}")])[..10];
        let own = format!("{environment} environment: success: Deployed {short}");
        assert!(code == "exit: 0" && said.contains(&own), "{code} {said:?}");
        assert_eq!(self.status(environment)["compliance"]["state"], "success");
    }

    fn status(&self, environment: &str) -> Value {
        let seen = self.run(&["status", environment, "--output=json"]);
        let json = seen.split("----- stdout -----\n").nth(1).unwrap();
        let status: Value =
            serde_json::from_str(json.split("----- stderr -----").next().unwrap()).unwrap();
        status["environments"][0].clone()
    }

    fn files(&self, environment: &str) -> Vec<String> {
        let all = self.there(&["ls-tree", "-r", "--name-only", &format!("gitops-{environment}")]);
        all.lines().filter(|it| !it.starts_with(".wob/")).map(str::to_owned).collect()
    }

    fn read(&self, environment: &str, path: &str) -> String {
        self.there(&["show", &format!("gitops-{environment}:{path}")])
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the steps of one story, which depend on each other")]
fn each_step_is_a_pull_request_and_a_status() {
    let Some(story) = Story::begin() else { return };
    for environment in ["dev", "stage"] {
        story.deploy(environment, &["promoted"]);
        assert_eq!(story.files(environment), expected(&["drone"], &[]));
    }

    // An application is onboarded: first in dev, where nothing runs before a policy says so.
    let app = story.plane.folder().join("app").display().to_string();
    let spec =
        format!("  workspace: team\n  workload: {{repo: {app}, branch: main, path: deploy}}\n");
    let onboarded = story.commit(
        "main",
        "onboard app",
        &[("workloads/app.yaml", &object("WorkloadRegistration", "app", &spec))],
    );
    story.promote("dev", &onboarded);
    let pull = story.deploy("dev", &["promoted"]);
    assert!(pull.body.contains(&onboarded), "{}", pull.body);
    assert_eq!(story.read("dev", ".github/tracking/Promoted_Commit_Id"), onboarded);
    assert_eq!(story.files("dev"), expected(&["drone"], &[]));

    // Policies on dev are dev's own, so nothing is promoted. A second one renews the pull request that is open.
    story.commit(
        "dev",
        "functional tests",
        &[("policies/functional.yaml", &policy("functional", "functional-test", "drone"))],
    );
    story.run(&["publish", "//env:dev"]);
    let first = story.open("gitops-dev");
    assert!(first.body.contains("drone:app-functional-test"), "{}", first.body);
    story.commit(
        "dev",
        "performance tests",
        &[("policies/performance.yaml", &policy("performance", "performance-test", "drone"))],
    );
    let pull = story.deploy("dev", &[]);
    let earlier = story.pulls().into_iter().find(|it| it.number == first.number).unwrap();
    assert!(pull.number > first.number && earlier.state == "closed", "{earlier:?}");
    let both = ["drone/app-functional-test", "drone/app-performance-test"];
    assert_eq!(story.files("dev"), expected(&["drone"], &both));

    // Stage gets it once dev runs it, and not while a cluster of dev fails.
    let refused = || {
        let seen = story.wob(&["promote", &onboarded, "--to", "stage", "--pull-request"]);
        assert!(seen.starts_with("exit: 1\n"), "{seen}");
        assert!(!story.pulls().iter().any(|it| it.base == "stage"), "{seen}");
        seen
    };
    assert!(refused().contains("it has no status `dev environment`"));
    let (code, said) = story.report("dev", "failure");
    assert!(
        code == "exit: 1" && said[0].starts_with("dev environment: failure"),
        "{code} {said:?}"
    );
    assert!(refused().contains("its status `dev environment` is failure"));
    story.runs("dev");
    story.promote("stage", &onboarded);
    story.deploy("stage", &["promoted"]);
    assert_eq!(story.files("stage"), expected(&["drone"], &[]));

    // A policy for the user acceptance test.
    story.commit(
        "stage",
        "acceptance tests",
        &[("policies/uat.yaml", &policy("uat", "uat-test", "drone"))],
    );
    story.deploy("stage", &[]);
    assert_eq!(story.files("stage"), expected(&["drone"], &["drone/app-uat-test"]));
    story.runs("stage");

    // A change of config on the base goes through both.
    let shared = config("shared", ", region: west-us", "REGION: west-us");
    let configured = story.commit("main", "config of west-us", &[("config.yaml", &shared)]);
    let seen = story.run(&["publish", "//env:dev"]);
    assert!(seen.contains("is as it should be"), "what is not promoted changes nothing: {seen}");
    for (environment, targets) in [("dev", &both[..]), ("stage", &["drone/app-uat-test"])] {
        story.promote(environment, &configured);
        let pull = story.deploy(environment, &["promoted"]);
        assert!(pull.body.contains("REGION") && pull.body.contains("config.yaml"), "{}", pull.body);
        for target in targets {
            let text = story.read(environment, &format!("{target}/config.yaml"));
            assert!(text.contains("REGION: west-us"), "{text}");
        }
        story.runs(environment);
    }

    // A new cluster type on dev, with a policy that wants it.
    story.commit(
        "dev",
        "large clusters",
        &[
            ("clusters/large.yaml", &cluster_type("large")),
            ("policies/large.yaml", &policy("large", "performance-test", "large")),
        ],
    );
    story.deploy("dev", &[]);
    let three = [both[0], both[1], "large/app-performance-test"];
    assert_eq!(story.files("dev"), expected(&["drone", "large"], &three));
    assert_eq!(story.files("stage"), expected(&["drone"], &["drone/app-uat-test"]));
    story.runs("dev");

    // Stage goes back by a pull request, too.
    story.run(&["rollback", "stage", "--pull-request"]);
    story.approve("stage");
    story.deploy("stage", &["promoted"]);
    let text = story.read("stage", "drone/app-uat-test/config.yaml");
    assert!(!text.contains("REGION"), "{text}");
    assert_eq!(story.read("stage", ".github/tracking/Promoted_Commit_Id"), onboarded);

    // Nothing is left open, nothing drifts, and what clusters read is all wob's.
    let open: Vec<Pull> = story.pulls().into_iter().filter(|it| it.state == "open").collect();
    assert_eq!(open, []);
    story.run(&["status", "--exit-code"]);
    for environment in ["dev", "stage"] {
        let log =
            story.there(&["log", "--no-merges", "--format=%s", &format!("gitops-{environment}")]);
        let own = format!("Deploy {environment}: ");
        assert!(log.lines().all(|it| it.starts_with(&own) || it == "an empty branch"), "{log}");
        let said = story.forge.said(&configured);
        assert_eq!(said.iter().filter(|it| it.contains(": success: ")).count(), 2, "{said:?}");
    }
    assert_eq!(story.there(&["fsck", "--strict", "--no-dangling"]), "");
}
