//! That nothing may be left out of a key: two builds that differ in one part only, and in what they give.
#![cfg(unix)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::edit,
    support::{contents, git, seen, wob_command, wob_in, write},
};

const API: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ";

/// A workspace with one assignment, whose templates write down everything that they can see.
pub(crate) fn workspace() -> TempDir {
    let temp = TempDir::new().unwrap();
    let template = |name: &str, kind: &str| {
        let text = "{{ .DeploymentTargetName }} {{ .Environment }} {{ .Workspace }} {{ .Workload }} {{ .ClusterType }} {{ .Labels | toJson }} {{ .Manifests | toJson }} {{ .ConfigData | toJson }}";
        format!(
            "{API}Template\nmetadata: {{name: {name}}}\nspec:\n  type: {kind}\n  manifests:\n  - |\n    apiVersion: v1\n    kind: Secret\n    metadata:\n      name: {name}\n      annotations:\n        namespace: '{{{{ .Namespace }}}}'\n        seen: '{text}'\n"
        )
    };
    let files = [
        (
            "wob.yaml",
            "version: 1\nbase: base\nnamespacePattern: fixed\nenvironments: {dev: own}\ninputs: [{url: 'https://example.org/app', path: app}]\n".to_owned(),
        ),
        (
            "base/registration.yaml",
            format!("{API}WorkloadRegistration\nmetadata: {{name: app}}\nspec:\n  workspace: team\n  workload: {{repo: 'https://example.org/app', branch: main, path: .}}\n"),
        ),
        ("base/sync.yaml", template("sync", "reconciler")),
        ("base/space.yaml", template("space", "namespace")),
        ("base/values.yaml", template("values", "config")),
        (
            "own/type.yaml",
            format!("{API}ClusterType\nmetadata: {{name: edge}}\nspec:\n  reconciler: sync\n  namespaceService: space\n  configType: values\n"),
        ),
        (
            "own/policy.yaml",
            format!("{API}SchedulingPolicy\nmetadata: {{name: all}}\nspec:\n  deploymentTargetSelector: {{labelSelector: {{}}}}\n  clusterTypeSelector: {{labelSelector: {{}}}}\n"),
        ),
        (
            "own/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, labels: {platform-config: 'true'}}\ndata: {VERSION: 'one'}\n".to_owned(),
        ),
        (
            "app/workload.yaml",
            format!("{API}Workload\nmetadata: {{name: shop}}\nspec:\n  deploymentTargets:\n  - name: web-live\n    labels: {{tier: front}}\n    environment: dev\n    manifests: {{repo: 'https://example.org/m', branch: dev, path: ./t}}\n"),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, &**text)).collect();
    write(temp.path(), &files);
    temp
}

/// Which text of which file becomes which.
type Edits = &'static [(&'static str, &'static str, &'static str)];

/// For each part of an action's key: what is made of the workspace first, and what is edited then.
const ACTIONS: [(&str, Edits, Edits); 13] = [
    ("settings", &[], &[("wob.yaml", "version: 1", "version: 1\nconfigFile: other")]),
    ("clusterType", &[], &[("own/type.yaml", "edge", "core")]),
    ("target", &[], &[("app/workload.yaml", "web-live", "web-next")]),
    (
        "workload",
        &[],
        &[
            ("app/workload.yaml", "{name: shop}", "{name: shop-web}"),
            ("app/workload.yaml", "web-live", "live"),
        ],
    ),
    (
        "environment",
        &[],
        &[
            ("wob.yaml", "dev: own", "test: own"),
            ("app/workload.yaml", "environment: dev", "environment: test"),
        ],
    ),
    ("workspace", &[], &[("base/registration.yaml", "team", "crew")]),
    ("label.tier", &[], &[("app/workload.yaml", "front", "back")]),
    ("manifests.branch", &[], &[("app/workload.yaml", "branch: dev", "branch: main")]),
    ("config.VERSION", &[], &[("own/config.yaml", "one", "two")]),
    ("template.reconciler", &[], &[("base/sync.yaml", "seen:", "here:")]),
    ("template.namespaceService", &[], &[("base/space.yaml", "seen:", "here:")]),
    ("template.configType", &[], &[("base/values.yaml", "seen:", "here:")]),
    (
        "param.flux.interval",
        &[
            ("own/type.yaml", "reconciler: sync", "reconciler: flux"),
            ("wob.yaml", "version: 1", "version: 1\nparameters: {flux: {interval: 10m}}"),
        ],
        &[("wob.yaml", "10m", "7m")],
    ),
];

/// Applies edits.
fn apply(at: &Path, edits: Edits) {
    for (file, from, to) in edits {
        edit(&at.join(file), from, to);
    }
}

/// Builds into the folder `out`; returns the digests of the parts that the one assignment was made from, and how it ended.
fn build(at: &Path, out: &str) -> (BTreeMap<String, Value>, i64) {
    let explain = format!("{out}.json");
    let args = ["build", "-o", out, "--explain", &explain, "--output=json"];
    let output = wob_command(at, &args).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = fs::read_to_string(at.join(&explain)).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["assignments"].as_array().unwrap().len(), 1, "{document:#}");
    let parts = told["assignments"][0]["parts"].as_array().unwrap();
    let part = |it: &Value| (it["name"].as_str().unwrap().to_owned(), it["digest"].clone());
    (parts.iter().map(part).collect(), document["exitCode"].as_i64().unwrap())
}

/// Builds before and after some edits with one store, and then with an empty one; returns the names of the parts that differ.
fn differing(at: &Path, edits: Edits, what: &str) -> BTreeSet<String> {
    let (parts, _) = build(at, "before");
    apply(at, edits);
    let (parts_after, exit) = build(at, "after");
    fs::remove_dir_all(at.join("home")).unwrap();
    let (_, exit_anew) = build(at, "anew");
    let tree = |out: &str| {
        let mut files = contents(&at.join(out));
        files.retain(|path, _| !path.starts_with(".wob/"));
        files
    };
    assert_ne!(tree("before"), tree("after"), "{what} makes no difference");
    assert!(tree("after") == tree("anew"), "{what}: what was stored is not what is made");
    assert_eq!(exit, exit_anew, "{what}");
    let names = parts.keys().chain(parts_after.keys());
    names.filter(|it| parts.get(*it) != parts_after.get(*it)).cloned().collect()
}

#[test]
fn an_action_without_any_part_of_its_key_gives_what_another_gave() {
    for (part, first, then) in ACTIONS {
        let temp = workspace();
        apply(temp.path(), first);
        let differing = differing(temp.path(), then, part);
        // What a target belongs to is among its labels, too.
        let label = format!("label.{part}");
        let names: Vec<&String> = differing.iter().filter(|it| **it != label).collect();
        assert_eq!(names, [part]);
    }
}

/// What is valid for one check is not for another.
#[test]
fn what_was_not_checked_is_not_taken_for_checked() {
    let temp = workspace();
    let at = temp.path();
    edit(
        &at.join("base/space.yaml"),
        "      annotations:",
        "      nonsense: 1\n      annotations:",
    );
    let differing =
        differing(at, &[("wob.yaml", "version: 1", "version: 1\nvalidate: on")], "check");
    assert_eq!(differing.into_iter().collect::<Vec<_>>(), ["check"]);
}

/// Where, with which arguments and variables.
type Run<'r> = (&'r Path, &'r [&'r str], &'r [(&'r str, &'r str)]);

/// A run, and whether another run that differs from it in one thing says the same at once.
fn says(at: &Path, args: &[&str], variables: &[(&str, &str)]) -> (String, bool) {
    let mut command = wob_command(at, args);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let seen = seen(&output);
    let at_once = "nothing has changed since the last run, so nothing was read\n";
    (seen.replace(at_once, ""), seen.contains(at_once))
}

/// A journal is of one command line, in one folder and environment, drawn in one way.
#[test]
fn a_run_says_what_another_said_only_if_nothing_differs() {
    let (temp, other) = (workspace(), workspace());
    let at = temp.path();
    // Something is to be said, with places.
    for it in [&temp, &other] {
        edit(&it.path().join("own/type.yaml"), "reconciler: sync", "reconciler: nope");
    }
    edit(&other.path().join("own/type.yaml"), "nope", "none-such");
    let home = at.join("home").to_str().unwrap().to_owned();
    let elsewhere = at.join("elsewhere").to_str().unwrap().to_owned();
    let root = at.parent().unwrap().to_str().unwrap().to_owned();
    let args = ["build", "-v"];
    let of_home = [("HOME", &*home)];
    let of_action = [("HOME", &*home), ("GITHUB_ACTIONS", "true")];
    let of_checkout = [("GITHUB_WORKSPACE", &*root), of_action[0], of_action[1]];
    let of_another = [("GITHUB_WORKSPACE", "/other"), of_action[0], of_action[1]];
    let of_other_name = [("GITHUB_WORKSPACES", &*root), of_action[0], of_action[1]];
    let of_elsewhere = [("HOME", &*home), ("XDG_CONFIG_HOME", &*elsewhere)];
    let first: Run<'_> = (at, &args, &of_home);
    let checkout: Run<'_> = (at, &args, &of_checkout);
    let runs: [(&str, Run<'_>, Run<'_>); 7] = [
        ("how it is drawn", first, (at, &args, &of_action)),
        ("arguments", first, (at, &["build", "-v", "-o", "out"], &of_home)),
        ("folder", first, (other.path(), &args, &of_home)),
        ("environment", (at, &args, &of_action), checkout),
        ("value of a variable", checkout, (at, &args, &of_another)),
        ("name of a variable", checkout, (at, &args, &of_other_name)),
        ("place of git's settings", first, (at, &args, &of_elsewhere)),
    ];
    for (what, (at, args, variables), (other, other_args, other_variables)) in runs {
        says(at, args, variables);
        let (told, is_at_once) = says(at, args, variables);
        assert!(is_at_once, "{what}: {told}");
        let (anew, is_at_once) = says(other, other_args, other_variables);
        assert!(!is_at_once, "{what}: {anew}");
        assert!(other_variables == of_elsewhere || told != anew, "{what} makes no difference");
        assert_eq!(says(at, args, variables).0, told, "{what}");
    }
}

/// Runs, with settings of the terminal; returns what was said, and whether nothing was read.
#[cfg(target_os = "linux")]
type Draw<'d> = &'d dyn Fn(&str) -> (String, bool);

/// What is said on a terminal has colours, and its width: it is not what is said elsewhere.
#[cfg(target_os = "linux")]
#[test]
fn a_run_says_what_another_drew_only_where_it_is_drawn_alike() {
    let temp = workspace();
    let at = temp.path();
    edit(&at.join("own/type.yaml"), "reconciler: sync", "reconciler: nope");
    let wob = env!("CARGO_BIN_EXE_wob");
    let on_terminal = |settings: &str| -> (String, bool) {
        let line = format!("{settings} exec {wob} build -v");
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(at).env_clear();
        let path = std::env::var_os("PATH").unwrap();
        let output = command.env("PATH", path).env("HOME", at.join("home")).output().unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        let is_at_once = seen.contains("nothing has changed since the last run");
        (seen, is_at_once)
    };
    let in_pipe = |_: &str| says(at, &["build", "-v"], &[]);
    let runs: [(&str, Draw<'_>, &str); 4] = [
        ("a pipe", &in_pipe, ""),
        ("colours", &on_terminal, "stty rows 30 cols 100;"),
        ("no colours", &on_terminal, "stty rows 30 cols 100; NO_COLOR=1"),
        ("narrow", &on_terminal, "stty rows 30 cols 50;"),
    ];
    // The first run of all writes the tree, which the others find.
    in_pipe("");
    for (what, run, settings) in runs {
        assert!(!run(settings).1 || what == "a pipe", "{what} was drawn before");
        let (told, is_at_once) = run(settings);
        assert!(is_at_once && told.contains("nope"), "{what}: {told}");
        let has_colours = told.contains("\u{1b}[");
        assert_eq!(has_colours, matches!(what, "colours" | "narrow"), "{what}: {told}");
    }
}

/// A journal is of one program: another wob may have more to say.
#[test]
fn another_program_reads_what_another_has_read() {
    let temp = workspace();
    let at = temp.path();
    // Beside the workspace: a new file in it would be seen.
    let programs = TempDir::new().unwrap();
    // By processes of their own: whoever writes a program that another thread starts is in the way.
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(programs.path()).status().unwrap();
        assert!(done.success(), "{program} {args:?}");
    };
    let is_at_once = |program: &str| {
        let mut wob = Command::new(programs.path().join(program));
        wob.arg0("wob");
        let wob =
            wob.args(["build", "-v"]).current_dir(at).env_clear().env("HOME", at.join("home"));
        seen(&wob.output().unwrap()).contains("nothing has changed since the last run")
    };
    run("cp", &[env!("CARGO_BIN_EXE_wob"), "one"]);
    run("touch", &["-d", "2020-01-01 00:00:00 UTC", "one"]);
    let settle = || {
        is_at_once("one");
        assert!(is_at_once("one"));
    };
    settle();
    run("cp", &["-p", "one", "two"]);
    assert!(!is_at_once("two"), "another path");
    settle();
    run("truncate", &["-s", "+1", "one"]);
    run("touch", &["-d", "2020-01-01 00:00:00 UTC", "one"]);
    assert!(!is_at_once("one"), "another size");
    settle();
    run("touch", &["-d", "2020-01-01 00:00:01 UTC", "one"]);
    assert!(!is_at_once("one"), "another time");
}

/// What is known of the last build is of one environment, in one folder or branch.
#[test]
fn what_was_built_elsewhere_is_not_what_was_built_here() {
    let temp = workspace();
    let at = temp.path();
    git(at, &["init", "-q", "--bare", "gitops.git"]);
    edit(&at.join("wob.yaml"), "dev: own", "dev: own, test: own");
    let places: [&[&str]; 5] = [
        &["//env:dev", "-o", "here"],
        &["//env:test", "-o", "here"],
        &["//env:dev", "-o", "there"],
        &["//env:dev", "--into", "gitops.git#one"],
        &["//env:dev", "--into", "gitops.git#two"],
    ];
    let explain = |place: &[&str]| wob_in(at, &[&["explain", "build"], place].concat());
    for place in places {
        let before = explain(place);
        assert!(before.starts_with("exit: 2\n"), "{place:?} is known already: {before}");
        let seen = wob_in(at, &[&["build", "--force"], place].concat());
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        assert!(explain(place).starts_with("exit: 0\n"), "{}", explain(place));
    }
}

/// Makes sure that what lies in `out` is what a build from nothing gives, after a build that `said` something.
fn as_from_nothing(at: &Path, said: &str, out: &dyn Fn() -> BTreeMap<String, Vec<u8>>) {
    assert!(said.starts_with("exit: 0\n"), "{said}");
    let cache = TempDir::new().unwrap();
    let mut fresh = wob_command(at, &["build", "//env:dev", "-o", "fresh"]);
    let fresh = seen(&fresh.env("WOB_CACHE_DIR", cache.path()).output().unwrap());
    assert!(fresh.starts_with("exit: 0\n"), "{fresh}");
    let (found, wanted) = (out(), contents(&at.join("fresh")));
    fs::remove_dir_all(at.join("fresh")).unwrap();
    let is_same = |path: &&String| found.get(*path) == wanted.get(*path);
    let differing: Vec<&String> =
        found.keys().chain(wanted.keys()).filter(|it| !is_same(it)).collect();
    assert!(differing.is_empty(), "{differing:?} differ:\n{said}");
}

/// Config of one cluster type, and another cluster type beside it.
fn two_cluster_types(at: &Path) {
    edit(
        &at.join("own/config.yaml"),
        "{platform-config: 'true'}",
        "{platform-config: 'true', site: a}",
    );
    let of = |name: &str, site: &str| {
        fs::read_to_string(at.join("own/type.yaml"))
            .unwrap()
            .replace("{name: edge", &format!("{{name: {name}, labels: {{site: {site}}}"))
    };
    let (core, edge) = (of("core", "b"), of("edge", "a"));
    let config = fs::read_to_string(at.join("own/config.yaml")).unwrap();
    let config = config.replace("shared", "other").replace("site: a", "site: b");
    write(at, &[("own/core.yaml", &core), ("own/type.yaml", &edge), ("own/other.yaml", &config)]);
}

/// What is known of the tree that a branch had says nothing of the one that it was set back to.
#[test]
fn what_is_known_of_one_tree_is_not_said_of_another() {
    let temp = workspace();
    let at = temp.path();
    two_cluster_types(at);
    git(at, &["init", "-q", "--bare", "gitops.git"]);
    let gitops = at.join("gitops.git");
    let args = ["build", "//env:dev", "--into", "gitops.git#dev"];
    let out = || {
        let checkout = TempDir::new().unwrap();
        let folder = format!("--work-tree={}", checkout.path().display());
        git(&gitops, &["--git-dir=.", &folder, "checkout", "-q", "-f", "dev", "--", "."]);
        contents(checkout.path())
    };
    as_from_nothing(at, &wob_in(at, &args), &out);
    edit(&at.join("base/values.yaml"), "seen:", "here:");
    as_from_nothing(at, &wob_in(at, &args), &out);
    git(&gitops, &["update-ref", "refs/heads/dev", "refs/heads/dev~1"]);
    edit(&at.join("own/config.yaml"), "one", "two");
    as_from_nothing(at, &wob_in(at, &args), &out);
}

/// While a build waits to read its sources, of which it has chosen a part by the notes of the last one, another build makes a tree of
/// other sources and takes other notes; or a file changes that is in no part.
#[test]
fn what_changed_meanwhile_is_not_what_was_chosen_by() {
    for is_built in [true, false] {
        let waiting = Waiting::new();
        let at = waiting.temp.path();
        let (holder, gate) = waiting.hold();
        if is_built {
            // Another cluster type has the same config, which is the old one again.
            edit(&at.join("own/config.yaml"), "four", "three");
            let far = fs::read_to_string(at.join("own/type.yaml")).unwrap().replace("edge", "far");
            write(at, &[("own/far.yaml", &far)]);
            waiting.build(&waiting.free);
            edit(&at.join("own/config.yaml"), "three", "four");
        } else {
            edit(&at.join("own/other.yaml"), "one", "two");
        }
        fs::remove_file(waiting.held.path().join(GIT_SETTINGS)).unwrap();
        drop(gate);
        let said = seen(&holder.wait_with_output().unwrap());
        as_from_nothing(at, &said, &|| contents(&at.join("out")));
    }
}

const GIT_SETTINGS: &str = ".gitconfig";

/// A workspace with a place that two users build into, who share a cache.
struct Waiting {
    temp: TempDir,
    cache: TempDir,
    held: TempDir,
    free: TempDir,
}

impl Waiting {
    /// Builds until both know the place, and edits what one of two cluster types has.
    fn new() -> Self {
        let new = || TempDir::new().unwrap();
        let waiting = Self { temp: workspace(), cache: new(), held: new(), free: new() };
        let at = waiting.temp.path();
        two_cluster_types(at);
        write(at, &[(".gitignore", "/*\n")]);
        git(at, &["init", "-q"]);
        let config = at.join("own/config.yaml");
        waiting.build(&waiting.free);
        edit(&config, "one", "two");
        waiting.build(&waiting.held);
        edit(&config, "two", "three");
        let said = waiting.build(&waiting.held);
        assert!(said.contains("no edit concerns them: "), "{said}");
        edit(&config, "three", "four");
        waiting
    }

    fn wob(&self, home: &TempDir) -> Command {
        let mut wob = wob_command(self.temp.path(), &["build", "//env:dev", "-v", "-o", "out"]);
        wob.env("HOME", home.path()).env("WOB_CACHE_DIR", self.cache.path());
        wob
    }

    fn build(&self, home: &TempDir) -> String {
        let said = seen(&self.wob(home).output().unwrap());
        assert!(said.starts_with("exit: 0\n"), "{said}");
        said
    }

    /// Begins a build that stops where it first reads the settings of git, until the file is dropped: without a journal that is after it
    /// has looked at the other notes.
    fn hold(&self) -> (Child, fs::File) {
        for path in notes(self.cache.path(), "journal") {
            fs::remove_file(path).unwrap();
        }
        let settings = self.held.path().join(GIT_SETTINGS);
        assert!(Command::new("mkfifo").arg(&settings).status().unwrap().success());
        let mut wob = self.wob(&self.held);
        let holder = wob.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        (holder, fs::File::options().write(true).open(&settings).unwrap())
    }
}

/// Returns the notes of one kind in a cache.
fn notes(cache: &Path, kind: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(cache.join("store/notes")).unwrap().map(|it| it.unwrap().path());
    all.filter(|it| it.extension().is_some_and(|it| it == kind)).collect()
}

/// A crash may leave one note of a build beside another one of the build before.
#[test]
fn notes_of_two_builds_are_not_taken_for_those_of_one() {
    let waiting = Waiting::new();
    let at = waiting.temp.path();
    waiting.build(&waiting.held);
    let reach = notes(waiting.cache.path(), "reach").pop().unwrap();
    let before = fs::read(&reach).unwrap();
    let far = fs::read_to_string(at.join("own/type.yaml")).unwrap().replace("edge", "far");
    write(at, &[("own/zfar.yaml", &far)]);
    waiting.build(&waiting.held);
    fs::write(&reach, before).unwrap();
    edit(&at.join("own/config.yaml"), "four", "five");
    let said = waiting.build(&waiting.held);
    as_from_nothing(at, &said, &|| contents(&at.join("out")));
}
