//! Rules end to end: what an edit of one reaches, the branches layout, and the script that really pulls.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    support::{commit, git, record, wob_in, write},
};

/// The example with every reconciler, built.
struct Example {
    folder: TempDir,
}

impl Example {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy_example("reconcilers", folder.path());
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Builds and returns the digests of the inputs of each assignment, by its label.
    fn inputs(&self) -> BTreeMap<String, String> {
        let seen = wob_in(self.folder.path(), &["build"]);
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        let mut inputs = BTreeMap::new();
        for environment in ["test", "live"] {
            let record = record(&self.path(&format!("wob-out/{environment}")));
            for it in record["assignments"].as_array().unwrap() {
                let text = |key: &str| it[key].as_str().unwrap();
                let label = format!("{environment}/{}:{}", text("clusterType"), text("target"));
                inputs.insert(label, text("inputs").to_owned());
            }
        }
        inputs
    }

    /// Edits a file, builds again, and returns the cluster types of which an assignment has other inputs.
    fn changed_by(&self, file: &str, from: &str, to: &str) -> Vec<String> {
        let before = self.inputs();
        edit(&self.path(file), from, to);
        let after = self.inputs();
        assert!(before.keys().eq(after.keys()), "an edit of a rule schedules nothing");
        let changed = before.iter().filter(|(label, digest)| after[*label] != **digest);
        let cluster_types = changed.map(|(label, _)| label.split(':').next().unwrap().to_owned());
        let mut cluster_types: Vec<String> = cluster_types.collect();
        cluster_types.dedup();
        cluster_types
    }
}

#[test]
fn an_edit_reaches_what_uses_the_rule_and_nothing_else() {
    let cases: [(&str, &str, &str, &[&str]); 8] = [
        (
            "wob.yaml",
            "    wait: true",
            "    wait: false",
            &["live/large", "test/cloud", "test/large"],
        ),
        ("wob.yaml", "interval: 1h", "interval: 2h", &["live/large"]),
        ("wob.yaml", "pods: \"50\"", "pods: \"60\"", &["test/cloud"]),
        ("wob.yaml", "architecture: arm64", "architecture: amd64", &["live/vessel"]),
        ("wob.yaml", "# Every", "# Really every", &[]),
        ("base/rules/properties/config-map.yaml.j2", "    # {{", "    # of {{", &["test/small"]),
        (
            "environments/live/rules/properties/config-map.yaml.j2",
            "# {{",
            "# of {{",
            &["live/large"],
        ),
        ("base/rules/properties/rule.yaml", "The name of the file", "What the file is called", &[]),
    ];
    for (file, from, to, expected) in cases {
        assert_eq!(Example::new().changed_by(file, from, to), expected, "{file}: {to}");
    }
}

#[test]
fn a_template_file_is_a_label_of_what_uses_it() {
    let example = Example::new();
    let label = "//:base/rules/properties/config-map.yaml.j2";
    let seen = wob_in(example.folder.path(), &["list", label]);
    assert!(seen.contains("assignments: 4\n") && seen.contains("//env/test/small:"), "{seen}");
    assert!(!seen.contains("//env:live"), "the environment has a rule of its own: {seen}");
    let seen = wob_in(example.folder.path(), &["list", "//template/test:namespace"]);
    assert!(seen.contains("//env/test/large:") && !seen.contains("//env/test/kiosk:"), "{seen}");
}

#[test]
fn a_broken_rule_fails_its_users_only() {
    let example = Example::new();
    edit(&example.path("base/rules/properties/config-map.yaml.j2"), "{% endfor %}", "");
    let seen = wob_in(example.folder.path(), &["build"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    assert!(seen.contains("base/rules/properties/config-map.yaml.j2:"), "{seen}");
    assert!(example.path("wob-out/test/large/portal-web/reconciler.yaml").exists());
    assert!(example.path("wob-out/live/large/portal-web-live/config.yaml").exists());
    assert!(!example.path("wob-out/test/small/portal-web/reconciler.yaml").exists());
}

#[test]
fn what_sourceignore_hides_is_no_template_file() {
    let example = Example::new();
    write(example.folder.path(), &[("base/.sourceignore", "*.j2\n")]);
    let seen = wob_in(example.folder.path(), &["check"]);
    assert!(seen.contains("missing-template-file"), "{seen}");
    assert!(seen.contains("help: show the file in .sourceignore"), "{seen}");
}

#[test]
fn a_template_file_that_is_no_text_fails_its_users_only() {
    let example = Example::new();
    fs::write(example.path("base/rules/properties/config-map.yaml.j2"), b"a: \xff\n").unwrap();
    fs::write(example.path("base/unused.j2"), b"a: \xff\n").unwrap();
    let seen = wob_in(example.folder.path(), &["check", "//env:test"]);
    assert!(seen.contains("not-utf8") && seen.contains("config-map.yaml.j2"), "{seen}");
    assert!(!seen.contains("unused.j2"), "{seen}");
    let seen = wob_in(example.folder.path(), &["render", "//env/test/large:portal-web"]);
    assert!(seen.starts_with("exit: 0\n"), "{seen}");
}

fn object(kind: &str, name: &str, rest: &str) -> String {
    let head = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: ";
    format!("{head}{kind}\nmetadata:\n  name: {name}\n{rest}")
}

const RULE: &str = "\
apiVersion: wob.dev/v1alpha1
kind: Rule
metadata: {name: agent}
spec:
  type: reconciler
  description: Of a test.
  sources: [git]
  parameters:
    every: {type: string, default: 5m, description: How often.}
  manifests: [agent.yaml.j2]
";

/// A control plane with a rule in its base, which the environment `dev` may hide.
fn control_plane(at: &Path) {
    git(at, &["init", "-q"]);
    let plane =
        "spec:\n  controlPlane: {repo: 'https://example.invalid/plane', branch: dev, path: .}\n";
    let target = "spec:\n  environment: dev\n  manifests: {repo: r, tag: v1, path: p}\n";
    let files = [
        ("environments/dev.yaml", &*object("Environment", "dev", plane)),
        ("rules/agent/rule.yaml", RULE),
        (
            "rules/agent/agent.yaml.j2",
            "kind: Agent\nevery: {{ params.every }}\nref: {{ source.tag }}\n",
        ),
        ("target.yaml", &object("DeploymentTarget", "app-test", target)),
    ];
    let base = commit(at, &files);
    git(at, &["checkout", "-q", "--orphan", "dev"]);
    git(at, &["rm", "-rqf", "."]);
    let pin =
        format!("spec: {{repo: 'https://example.invalid/plane', branch: main, commit: {base}}}\n");
    let files = [
        ("base-repo.yaml", &*object("BaseRepo", "main", &pin)),
        ("small.yaml", &object("ClusterType", "small", "spec: {reconciler: agent}\n")),
        ("all.yaml", &object("SchedulingPolicy", "all", "spec: {}\n")),
    ];
    commit(at, &files);
    git(at, &["checkout", "-q", "main"]);
}

#[test]
fn rules_lie_in_branches_too() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    control_plane(at);
    let label = "//env/dev/small:app-test/reconciler.yaml";
    let seen = wob_in(at, &["render", label]);
    assert!(seen.contains("every: 5m\nkind: Agent\nref: v1\n"), "{seen}");
    write(at, &[("wob.yaml", "environments: {dev: {parameters: {agent: {every: 1h}}}}\n")]);
    assert!(wob_in(at, &["render", label]).contains("every: 1h\n"));
    // An edit of the checked-out base counts for what does not pin another commit of it; here one is pinned.
    write(at, &[("rules/agent/agent.yaml.j2", "kind: Other\n")]);
    assert!(wob_in(at, &["render", label]).contains("kind: Agent\n"));
    git(at, &["checkout", "-qf", "dev"]);
    let own = RULE.replace("Of a test", "Of the environment");
    let files = [("agent/rule.yaml", &*own), ("agent/agent.yaml.j2", "kind: Own\n")];
    write(at, &files);
    let seen = wob_in(at, &["render", label]);
    assert!(seen.contains("kind: Own\n") && seen.contains("uncommitted edits"), "{seen}");
    let seen = wob_in(at, &["rules", "show", "agent"]);
    assert!(seen.contains("Of the environment") && seen.contains("agent/rule.yaml:1"), "{seen}");
}

#[test]
fn the_script_pulls_applies_and_pulls_again() {
    let example = Example::new();
    let source = example.path("portal-manifests");
    write(&source, &[("test/greet.sh", "echo \"$GREETING|$STAGE\" > \"$OUT\"\n")]);
    git(&source, &["init", "-q"]);
    commit(&source, &[]);
    edit(
        &example.path("workloads/portal/workload.yaml"),
        "https://github.com/example-org/portal-manifests",
        source.to_str().unwrap(),
    );
    let apply =
        format!("applyCommand: sh ./greet.sh\n        folder: {}", example.path("opt").display());
    edit(&example.path("wob.yaml"), "applyCommand: docker compose up --detach", &apply);
    example.inputs();
    let out = example.path("out");
    let pull = || {
        let script = example.path("wob-out/test/kiosk/portal-web/pull.sh");
        let mut command = Command::new("sh");
        command.arg(script).env("OUT", &out).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(&out).unwrap()
    };
    assert_eq!(pull(), "it's $HOME|test\n");
    commit(&source, &[("test/greet.sh", "echo again > \"$OUT\"\n")]);
    assert_eq!(pull(), "again\n");
}
