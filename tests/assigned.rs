//! Builds where assignments came, went, are made by other policies, or have other values: what they write, say and explain is what a build
//! of everything does, and only what is concerned is composed.

use std::{collections::BTreeMap, fs, path::PathBuf};

use tempfile::TempDir;
use wob_rules::{Assignment, Name, subtrees};

use crate::{
    cli::{copy_example, edit},
    support::{contents, git, seen, wob_command, write},
};

/// A fleet below a folder that has a bare repository, too.
struct Fleet {
    folder: TempDir,
    /// The options that say where it is built to, and how.
    place: &'static [&'static str],
}

const FOLDER: &[&str] = &["-o", "../out"];
const TRUSTED: &[&str] = &["-o", "../out", "--trust-output"];
const BRANCH: &[&str] = &["--into=../gitops.git#prod"];
const PLACES: [&[&str]; 3] = [FOLDER, TRUSTED, BRANCH];

impl Fleet {
    fn new(place: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fleet = Self { folder, place };
        copy_example("fleet", &fleet.at("ws"));
        git(&fleet.at(""), &["init", "-q", "--bare", "gitops.git"]);
        fleet
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn source(&self, path: &str) -> PathBuf {
        self.at("ws").join(path)
    }

    fn wob(&self, args: &[&str]) -> String {
        let mut command = wob_command(&self.at("ws"), args);
        seen(&command.env("HOME", self.at("home")).output().unwrap())
    }

    /// Builds; returns what is said and explained, and whether everything was composed.
    fn build(&self) -> (String, bool) {
        let options = ["build", "//env:prod", "--timings=../t.json"];
        let said = self.wob(&[&options[..], self.place].concat());
        let all = fs::read_to_string(self.at("t.json")).unwrap().contains("\"compose\"");
        let explain = ["explain", "build", "//env:prod", "--output=json"];
        let place = self.place.iter().filter(|it| **it != "--trust-output").copied();
        let told = self.wob(&explain.into_iter().chain(place).collect::<Vec<_>>());
        // A commit tells the time.
        let said: Vec<&str> = said.lines().filter(|it| !it.starts_with("  commit: ")).collect();
        (format!("{}\n{told}", said.join("\n")), all)
    }

    /// Returns everything that is there of the place that is built to, as paths and what they hold.
    fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        if self.place != BRANCH {
            return contents(&self.at("out"));
        }
        let list = git(&self.at("gitops.git"), &["ls-tree", "-r", "prod"]);
        list.lines().map(|it| (it.to_owned(), vec![])).collect()
    }

    /// Has `run` done where everything is as it was, and nobody knows what that was made from; then all is as it is again, to each inode.
    fn elsewhen<T>(&self, before: &BTreeMap<String, Vec<u8>>, run: impl FnOnce() -> T) -> T {
        const ALL: [&str; 4] = ["ws", "home", "gitops.git", "out"];
        for it in ALL {
            fs::rename(self.at(it), self.at(&format!("aside-{it}"))).unwrap_or_default();
        }
        for (path, bytes) in before.iter().filter(|(path, _)| !path.ends_with(".ledger")) {
            fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
            fs::write(self.at(path), bytes).unwrap();
        }
        fs::create_dir_all(self.at("gitops.git/refs/heads")).unwrap();
        let result = run();
        for it in ALL {
            fs::remove_dir_all(self.at(it)).unwrap_or_default();
            fs::rename(self.at(&format!("aside-{it}")), self.at(it)).unwrap_or_default();
        }
        result
    }

    /// Builds from where everything is as the last build left it but for edits, and only what they concern is composed. Returns what is
    /// said.
    fn check(&self, what: &str) -> String {
        let (told, all) = self.compare(what);
        assert!(told.starts_with("exit: 0\n") && !all, "{what}: {told}");
        told
    }

    /// Builds once as what is known allows and once everything: both give the same. Returns what is said, and whether everything was
    /// composed.
    fn compare(&self, what: &str) -> (String, bool) {
        let before = contents(&self.at(""));
        let (told, composed) = self.build();
        let tree = self.tree();
        let (wanted, all, whole) = self.elsewhen(&before, || {
            let (wanted, all) = self.build();
            (wanted, all, self.tree())
        });
        assert!(all, "{what}: nobody knew what there was before");
        let difference = similar::TextDiff::from_lines(&wanted, &told);
        assert!(told == wanted, "{what} is told otherwise:\n{}", difference.unified_diff());
        let paths = whole.keys().chain(tree.keys());
        let differing: Vec<_> = paths.filter(|it| whole.get(*it) != tree.get(*it)).collect();
        assert!(differing.is_empty(), "{what}: {differing:?}");
        (told, composed)
    }

    /// Checks that, too, and that these words are said.
    fn tells(&self, what: &str, words: &str) {
        let told = self.check(what);
        assert!(told.contains(words), "{what}: {told}");
    }
}

const HUB: &str = "environments/prod/cluster-types/hub.yaml";
const AUDITS: &str = "environments/prod/scheduling/audits-on-large.yaml";
const PASSENGERS: &str = "environments/prod/scheduling/passengers-on-land.yaml";
const TIMETABLE: &str = "workloads/timetable/deploy/workload.yaml";

/// A policy that assigns some targets to some cluster types, by a label of each.
fn policy(name: &str, targets: &str, cluster_types: &str) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
         deploymentTargetSelector: {{labelSelector: {{matchLabels: {{{targets}}}}}}}\n  \
         clusterTypeSelector: {{labelSelector: {{matchLabels: {{{cluster_types}}}}}}}\n"
    )
}

/// A target of the workload `timetable`.
fn target(name: &str) -> String {
    format!(
        "    - name: {name}\n      environment: prod\n      labels: {{audience: passengers}}\n      \
         manifests: {{repo: https://example.org/m, branch: prod, path: ./{name}}}\n"
    )
}

fn of_values(fleet: &Fleet) {
    fleet.build();
    let audit = fleet.source("environments/prod/config/workload-night-audit.yaml");
    edit(&audit, "30 2 *", "31 2 *");
    fleet.tells("a value of some", "11 assignments: 9 unchanged, 2 rendered");
    edit(&audit, "31 2 *", "30 2 *");
    fleet.tells("it is back", "9 unchanged, 0 rendered, 2 from the store");
    edit(&audit, "\ndata:\n", "\n# As before.\ndata:\n");
    fleet.tells("a comment", "9 unchanged, 0 rendered, 2 cut off early");
    edit(&fleet.source("environments/prod/config/region-fjord.yaml"), "Fjord", "Fiord");
    fleet.tells("a value of a region", "rendered");
    let company = fleet.source("base/config/company.yaml");
    edit(&company, "Europe/Oslo", "Europe/Bergen");
    fleet.tells("a value of all", "11 assignments: 0 unchanged, 11 rendered");
    edit(&audit, "30 2 *", "32 2 *");
    edit(&company, "Europe/Bergen", "Europe/Oslo");
    fleet.tells("two at once", "11 assignments: 0 unchanged, 2 rendered, 9 from the store");
}

fn of_policies(fleet: &Fleet) {
    fleet.build();
    // The first one brings in everything that shall stay.
    edit(&fleet.source(AUDITS), "values: [large]", "values: [large, small]");
    fleet
        .tells("a policy selects more", "12 assignments: 9 unchanged, 1 rendered, 2 cut off early");
    edit(&fleet.source(AUDITS), "values: [large, small]", "values: [large]");
    fleet.tells("it selects less", "11 assignments: ");
    edit(&fleet.source(PASSENGERS), "name: passengers-on-land", "name: passengers");
    fleet.tells("a policy of another name", "0 rendered");
    let own = "environments/prod/scheduling/own.yaml";
    write(&fleet.at("ws"), &[(own, &policy("own", "purpose: live", "edge: \"true\""))]);
    fleet.tells("a new policy", "rendered");
    write(&fleet.at("ws"), &[(own, &policy("own", "audience: passengers", "region: fjord"))]);
    fleet.tells("it selects others, which are there already", "0 rendered");
    fs::remove_file(fleet.source(own)).unwrap();
    fleet.tells("it is gone, and nothing with it", "11 assignments: 11 unchanged, 0 rendered");
    write(&fleet.at("ws"), &[(own, &policy("own", "purpose: live", "nobody: here"))]);
    assert!(fleet.check("a policy of nobody").contains("policy-selects-nothing"));
    fs::remove_file(fleet.source(own)).unwrap();
    fleet.tells("it is gone", "11 unchanged");
}

fn of_cluster_types(fleet: &Fleet) {
    fleet.build();
    let gold = "environments/prod/cluster-types/gold.yaml";
    let hub = fs::read_to_string(fleet.source(HUB)).unwrap();
    write(&fleet.at("ws"), &[(gold, &hub.replace("name: hub", "name: gold"))]);
    fleet.tells("a cluster type", "15 assignments: 11 unchanged, 4 rendered");
    edit(&fleet.source(gold), "name: gold", "name: silver");
    fleet.tells("another name", "15 assignments: 11 unchanged, 4 rendered");
    fs::remove_file(fleet.source(gold)).unwrap();
    fleet.tells("it is gone", "11 assignments: 11 unchanged, 0 rendered");
    let idle = hub.replace("name: hub", "name: idle").replace("size: large", "edge: none");
    write(&fleet.at("ws"), &[(gold, &idle)]);
    fleet.tells("one with little", "12 assignments: 11 unchanged, 1 rendered");
    edit(&fleet.source(HUB), "size: large", "edge: none");
    fleet.tells("another label", "rendered");
    edit(&fleet.source(HUB), "edge: none", "size: large");
    fleet.tells("and back", "from the store");
    let platform = "environments/prod/scheduling/platform-everywhere.yaml";
    let text = fs::read_to_string(fleet.source(platform)).unwrap();
    fs::remove_file(fleet.source(platform)).unwrap();
    fleet.tells("nothing is everywhere", "7 assignments: ");
    fs::remove_file(fleet.source(gold)).unwrap();
    fleet.tells("a cluster type without anything is gone", "7 assignments: 7 unchanged");
    write(&fleet.at("ws"), &[(gold, &idle)]);
    fleet.tells("and back", "7 assignments: 7 unchanged");
    write(&fleet.at("ws"), &[(platform, &text)]);
    fleet.tells("everything has something", "from the store");
}

fn of_targets(fleet: &Fleet) {
    fleet.build();
    let text = fs::read_to_string(fleet.source(TIMETABLE)).unwrap();
    let more = format!("{text}{}", target("second"));
    write(&fleet.at("ws"), &[(TIMETABLE, &more)]);
    fleet.tells("a target", "13 assignments: 9 unchanged, 2 rendered, 2 cut off early");
    edit(&fleet.source(TIMETABLE), "name: second", "name: third");
    fleet.tells("of another name", "13 assignments: 9 unchanged, 2 rendered, 2 cut off early");
    // Those of the first target are cut off early in both.
    write(&fleet.at("ws"), &[(TIMETABLE, &text)]);
    fleet.tells("it is gone", "11 assignments: 9 unchanged, 0 rendered, 2 cut off early");
    edit(&fleet.source(TIMETABLE), "audience: passengers\n        purpose: live", "purpose: live");
    fleet.tells("a label by which it is selected", "9 assignments: ");
    let registration =
        fs::read_to_string(fleet.source("base/registrations/timetable.yaml")).unwrap();
    let registration = registration.replace("name: timetable", "name: extra");
    let extra = text.replace("name: timetable", "name: extra");
    write(
        &fleet.at("ws"),
        &[
            ("base/registrations/extra.yaml", &registration.replace("path: deploy", "path: extra")),
            ("workloads/timetable/extra/workload.yaml", &extra),
        ],
    );
    fleet.tells("a registration", "11 assignments: 9 unchanged, 2 rendered");
    edit(&fleet.source("base/registrations/extra.yaml"), "passenger-team", "crew");
    fleet.tells("of another workspace", "9 assignments: 9 unchanged, 0 rendered");
    edit(&fleet.source("base/registrations/extra.yaml"), "crew", "passenger-team");
    fleet.tells("and back", "2 from the store");
    fs::remove_file(fleet.source("base/registrations/extra.yaml")).unwrap();
    fleet.tells("no registration", "9 assignments: 9 unchanged, 0 rendered");
}

/// Names of targets, so many that subtrees end among them.
fn many() -> Vec<String> {
    (0..160).map(|it| format!("t{it:03}")).collect()
}

/// Says whether a subtree ends behind a target.
fn ends(target: &str) -> bool {
    let assignment = |target: &str| Assignment {
        cluster_type: Name::new("hub").unwrap(),
        target: Name::new(target).unwrap(),
        policies: [].into(),
    };
    let both = [assignment(target), assignment("z")];
    subtrees(both.iter().map(|it| (it, None))).len() == 2
}

/// A policy that assigns to the hub all targets with a number but those that are left out.
fn but(left_out: &[&String]) -> String {
    format!(
        "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: SchedulingPolicy\nmetadata: {{name: numbered}}\nspec:\n  \
         deploymentTargetSelector: {{labelSelector: {{matchExpressions: [{{key: number, operator: Exists}}, \
         {{key: number, operator: NotIn, values: [none, {}]}}]}}}}\n  \
         clusterTypeSelector: {{labelSelector: {{matchLabels: {{region: fjord}}}}}}\n",
        left_out.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
    )
}

/// Where a subtree begins and ends is another place if the target comes or goes behind which it ends.
fn of_subtrees(fleet: &Fleet) {
    let text = fs::read_to_string(fleet.source(TIMETABLE)).unwrap();
    let all = many();
    let numbered = |it: &String| {
        target(it).replace("{audience: passengers}", &format!("{{number: {it}, team: x}}"))
    };
    let targets: String = all.iter().map(numbered).collect();
    let last = all.iter().position(|it| ends(&format!("timetable-{it}"))).unwrap();
    assert!(last > 3 && last < 140, "{last}");
    let put = |left_out: &[usize]| {
        let left_out: Vec<&String> = left_out.iter().map(|it| &all[*it]).collect();
        write(&fleet.at("ws"), &[("environments/prod/scheduling/numbered.yaml", &but(&left_out))]);
    };
    write(&fleet.at("ws"), &[(TIMETABLE, &format!("{text}{targets}"))]);
    put(&[]);
    fleet.build();
    for (what, left_out) in [
        ("the last of a subtree goes", vec![last]),
        ("it comes again, and one in the middle goes", vec![last - 2]),
        ("the first of a subtree goes", vec![last + 1]),
        ("many go", (last - 3..last + 9).collect()),
        ("a whole subtree goes", (0..=last).collect()),
        ("only the last one stays", (0..all.len() - 1).collect()),
        ("nobody is left out", vec![]),
    ] {
        put(&left_out);
        let told = fleet.check(what);
        let left = 11 + all.len() - left_out.len();
        assert!(told.contains(&format!("{left} assignments: ")), "{what}: {told}");
    }
}

/// What is said of assignments goes with them, and stays with those that stay, wherever they stand.
#[test]
fn warnings_come_and_go_with_their_assignments() {
    let fleet = Fleet::new(FOLDER);
    let map = |name: &str, labels: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{platform-config: 'true', workload: timetable{labels}}}}}\n\
             data: {{COMPANY: {name}}}\n"
        )
    };
    edit(&fleet.source("wob.yaml"), "configPrecedence: specificity", "configPrecedence: name");
    write(
        &fleet.at("ws"),
        &[
            ("base/config/wide.yaml", &map("zz-wide", "")),
            ("environments/prod/config/narrow.yaml", &map("aa-narrow", ", cluster-type: hub")),
        ],
    );
    fleet.build();
    let hub = fs::read_to_string(fleet.source(HUB)).unwrap();
    let first = "environments/prod/cluster-types/aaa.yaml";
    write(&fleet.at("ws"), &[(first, &hub.replace("name: hub", "name: aaa"))]);
    fleet.tells("subtrees stand elsewhere", "config-precedence");
    for name in ["depot", "kiosk", "vessel", "aaa"] {
        let file = fleet.source(&format!("environments/prod/cluster-types/{name}.yaml"));
        edit(&file, "  labels:\n", "  labels:\n    tier: gold\n");
        fleet.tells(&format!("{name} is built"), "config-precedence");
    }
    fs::remove_file(fleet.source(HUB)).unwrap();
    let told = fleet.check("who has it is gone");
    assert!(!told.contains("config-precedence"), "{told}");
}

/// Whose namespace is that of another one is refused with that, which no edit concerns.
#[test]
fn a_namespace_that_comes_to_be_shared_is_refused() {
    let fleet = Fleet::new(FOLDER);
    let settings = fs::read_to_string(fleet.source("wob.yaml")).unwrap();
    let pattern = "namespacePattern: '{workspace}-{deploymentTarget}'";
    let timetable = fs::read_to_string(fleet.source(TIMETABLE)).unwrap();
    let registration =
        fs::read_to_string(fleet.source("base/registrations/timetable.yaml")).unwrap();
    let registration = registration
        .replace("name: timetable", "name: team")
        .replace("path: deploy", "path: team")
        .replace("workspace: passenger-team", "workspace: passenger");
    let team = timetable.replace("name: timetable", "name: team-timetable");
    let wider = policy("wider", "workload: team-timetable", "size: large");
    write(
        &fleet.at("ws"),
        &[
            ("wob.yaml", &format!("{settings}\n{pattern}\n")),
            ("base/registrations/team.yaml", &registration),
            ("workloads/timetable/team/workload.yaml", &team),
            (
                "environments/prod/scheduling/wider.yaml",
                &wider.replace("size: large", "size: none"),
            ),
        ],
    );
    let (told, _) = fleet.build();
    assert!(told.starts_with("exit: 0\n"), "{told}");
    write(&fleet.at("ws"), &[("environments/prod/scheduling/wider.yaml", &wider)]);
    let (told, all) = fleet.compare("it shares one");
    assert!(told.starts_with("exit: 1\n") && all, "{told}");
    assert!(told.contains("shared-namespace"), "{told}");

    // Nobody sees it while one of the two fails by its config.
    let layer = |level: &str| {
        let labels = "    workload: team-timetable\n    platform-config: \"true\"\n";
        let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: team\n  labels:\n";
        format!("{head}{labels}data:\n  LOG_LEVEL: {level}\n")
    };
    let passengers = fs::read_to_string(fleet.source(PASSENGERS)).unwrap();
    let nobody = policy("passengers-on-land", "purpose: nobody", "size: large");
    for (passengers, level, said) in [
        (&nobody, "info", "policy-selects-nothing"),
        (&passengers, "loud", "config-invalid"),
        (&passengers, "info", "shared-namespace"),
    ] {
        let layer = layer(level);
        let config = ("environments/prod/config/team.yaml", &*layer);
        write(&fleet.at("ws"), &[config, (PASSENGERS, passengers)]);
        let (told, _) = fleet.compare(said);
        assert!(told.contains(said), "{told}");
    }
}

/// What somebody else put where a file comes, or made of one that goes, is refused as ever.
#[test]
fn what_lies_in_the_way_is_refused() {
    for place in [FOLDER, TRUSTED] {
        let fleet = Fleet::new(place);
        let gold = "environments/prod/cluster-types/gold.yaml";
        let hub = fs::read_to_string(fleet.source(HUB)).unwrap();
        let with_gold =
            || write(&fleet.at("ws"), &[(gold, &hub.replace("name: hub", "name: gold"))]);
        let without = || fs::remove_file(fleet.source(gold)).unwrap();
        fleet.build();
        for (path, text) in [
            ("gold", "a file where a folder must be"),
            ("gold/README.md", "another text"),
            ("gold/telemetry-agent-prod", "a file where a folder must be"),
            ("gold/telemetry-agent-prod/reconciler.yaml/x", "a folder where a file must be"),
            (".wob/parts/gold.json/x", "a folder where a record must be"),
        ] {
            write(&fleet.at("out"), &[(path, text)]);
            with_gold();
            let (told, all) = fleet.compare(path);
            // wob's own folder is looked at only when it is written to.
            assert!(all || path.starts_with(".wob/"), "{path}: {told}");
            assert!(told.starts_with("exit: 36\n"), "{path}: {told}");
            fs::remove_file(fleet.at("out").join(path)).unwrap();
            let folder = path.split('/').take_while(|it| *it != "x").collect::<Vec<_>>().join("/");
            fs::remove_dir(fleet.at("out").join(folder)).unwrap_or_default();
            fs::remove_dir_all(fleet.at("out/gold")).unwrap_or_default();
            without();
            fleet.build();
        }
        // What is as it shall be is taken for wob's own, and what is nobody's stays.
        write(&fleet.at("out"), &[("gold/NOTES.md", "mine")]);
        let (_, readme) = wob_rules::readme();
        fs::write(fleet.at("out/gold/README.md"), &*readme.bytes()).unwrap();
        with_gold();
        let (told, _) = fleet.compare("there already");
        assert!(told.starts_with("exit: 0\n"), "{told}");
        for edited in [None, Some("")] {
            let file = fleet.at("out/gold/telemetry-agent-prod/reconciler.yaml");
            let text = fs::read_to_string(&file).unwrap();
            match edited {
                None => fs::write(&file, format!("{text}# mine\n")).unwrap(),
                Some(_) => fs::remove_file(&file).unwrap(),
            }
            without();
            let (told, all) = fleet.compare("a file that goes");
            let exit = if edited.is_none() { "exit: 36\n" } else { "exit: 0\n" };
            assert!(told.starts_with(exit) && all, "{told}");
            fs::write(&file, text).unwrap_or_default();
            with_gold();
            fleet.build();
        }
    }
}

/// So it is in a branch.
#[test]
fn what_lies_in_the_way_in_a_branch_is_refused() {
    let fleet = Fleet::new(BRANCH);
    let gold = "environments/prod/cluster-types/gold.yaml";
    let hub = fs::read_to_string(fleet.source(HUB)).unwrap();
    fleet.build();
    git(&fleet.at(""), &["clone", "-q", "gitops.git", "-b", "prod", "clone"]);
    let clone = fleet.at("clone");
    for (path, mode) in [
        ("gold", "100644"),
        ("gold/README.md", "100644"),
        ("gold/README.md", "100755"),
        ("gold/NOTES.md", "100644"),
        ("gold/telemetry-agent-prod", "120000"),
        ("hub/NOTES.md", "100644"),
    ] {
        git(&clone, &["fetch", "-q"]);
        git(&clone, &["reset", "-q", "--hard", "origin/prod"]);
        let blob = git(&clone, &["hash-object", "-w", "--", ".wob/tree.json"]);
        let entry = format!("{mode},{blob},{path}");
        git(&clone, &["update-index", "--add", "--cacheinfo", &entry]);
        git(&clone, &["commit", "-q", "-m", "by hand"]);
        git(&clone, &["push", "-q", "origin", "prod"]);
        write(&fleet.at("ws"), &[(gold, &hub.replace("name: hub", "name: gold"))]);
        let (told, all) = fleet.compare(path);
        assert!(all, "{path}: {told}");
        fs::remove_file(fleet.source(gold)).unwrap();
        git(&clone, &["reset", "-q", "--hard", "HEAD~1"]);
        git(&clone, &["push", "-q", "--force", "origin", "prod"]);
        fleet.build();
    }
}

#[test]
fn subtrees_come_and_go() {
    for place in PLACES {
        of_subtrees(&Fleet::new(place));
    }
}

#[test]
fn values_change() {
    for place in PLACES {
        of_values(&Fleet::new(place));
    }
}

#[test]
fn assignments_come_and_go() {
    for place in PLACES {
        of_policies(&Fleet::new(place));
    }
}

#[test]
fn cluster_types_come_and_go() {
    for place in PLACES {
        of_cluster_types(&Fleet::new(place));
    }
}

#[test]
fn targets_come_and_go() {
    for place in PLACES {
        of_targets(&Fleet::new(place));
    }
}
