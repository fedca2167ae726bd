//! Names as attacks: every way from a name to a path, with every name that must not become one.

use std::fs;

use super::surroundings::{SECRET, Surroundings};
use crate::support::{contents, write};

/// Names that no file or folder of a tree may have on any system.
const HOSTILE: [&str; 22] = [
    "../../escaped",
    "/tmp/escaped",
    "..",
    ".",
    ".git",
    ".wob",
    "a/b",
    "a\\\\b",
    "a\\u0007b",
    "a\\u001b[2Jb",
    "a\\0b",
    "a\\u202eb",
    "cafe\\u0301",
    "caf\\u00e9",
    "\\uff41",
    "a b",
    "a.",
    "a ",
    "-a",
    "{environment}",
    "$HOME",
    "",
];

/// Names that Kubernetes takes and some file system does not.
const RESERVED: [&str; 4] = ["con", "nul.x", "com1", "lpt9.a.b"];

/// A file of the workspace with `NAME` where an attack puts its own, in double quotes.
struct Way {
    name: &'static str,
    path: &'static str,
    text: &'static str,
}

const OURS: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\n";

/// Ways on which a name becomes a folder or a file.
const TO_PATHS: [Way; 5] = [
    Way {
        name: "cluster type",
        path: "environments/dev/cluster-types/small.yaml",
        text: "kind: ClusterType\nmetadata:\n  name: NAME\nspec:\n  reconciler: flux\n",
    },
    Way {
        name: "lone deployment target",
        path: "app/target.yaml",
        text: "kind: DeploymentTarget\nmetadata:\n  name: NAME\nspec:\n  environment: dev\n  manifests: {repo: r, branch: b, path: p}\n",
    },
    Way {
        name: "workload",
        path: "app/workload.yaml",
        text: "kind: Workload\nmetadata:\n  name: NAME\nspec:\n  deploymentTargets:\n  - name: x\n    environment: dev\n    manifests: {repo: r, branch: b, path: p}\n",
    },
    Way {
        name: "environment object",
        path: "base/environments/dev.yaml",
        text: "kind: Environment\nmetadata:\n  name: NAME\nspec:\n  controlPlane: {repo: r, branch: b, path: p}\n",
    },
    Way {
        name: "target",
        path: "app/workload.yaml",
        text: "kind: Workload\nmetadata:\n  name: hello\nspec:\n  deploymentTargets:\n  - name: NAME\n    environment: dev\n    manifests: {repo: r, branch: b, path: p}\n",
    },
];

/// Ways on which a text may seem to become a path.
const TO_TEXTS: [Way; 9] = [
    Way {
        name: "template",
        path: "base/template.yaml",
        text: "kind: Template\nmetadata:\n  name: NAME\nspec:\n  manifests: [{kind: A}]\n",
    },
    Way {
        name: "reference to a template",
        path: "environments/dev/cluster-types/small.yaml",
        text: "kind: ClusterType\nmetadata:\n  name: small\nspec:\n  reconciler: NAME\n  configType: NAME\n",
    },
    Way {
        name: "content type",
        path: "base/template.yaml",
        text: "kind: Template\nmetadata:\n  name: configmap\nspec:\n  contentType: NAME\n  manifests: ['kind: A']\n",
    },
    Way {
        name: "policy",
        path: "environments/dev/policy.yaml",
        text: "kind: SchedulingPolicy\nmetadata:\n  name: NAME\nspec: {}\n",
    },
    Way {
        name: "registration",
        path: "base/workloads/other.yaml",
        text: "kind: WorkloadRegistration\nmetadata:\n  name: NAME\nspec:\n  workspace: w\n  workload: {repo: 'https://github.com/example-org/hello', branch: main, path: .}\n",
    },
    Way {
        name: "workspace",
        path: "base/workloads/hello.yaml",
        text: "kind: WorkloadRegistration\nmetadata:\n  name: hello\nspec:\n  workspace: NAME\n  workload: {repo: 'https://github.com/example-org/hello', branch: main, path: .}\n",
    },
    Way {
        name: "environment of a target",
        path: "app/workload.yaml",
        text: "kind: Workload\nmetadata:\n  name: hello\nspec:\n  deploymentTargets:\n  - name: x\n    environment: NAME\n    manifests: {repo: NAME, branch: NAME, path: NAME}\n",
    },
    Way {
        name: "path of a workload",
        path: "base/workloads/hello.yaml",
        text: "kind: WorkloadRegistration\nmetadata:\n  name: hello\nspec:\n  workspace: w\n  workload: {repo: 'https://github.com/example-org/hello', branch: main, path: NAME}\n",
    },
    Way {
        name: "branch of a workload",
        path: "base/workloads/hello.yaml",
        text: "kind: WorkloadRegistration\nmetadata:\n  name: hello\nspec:\n  workspace: w\n  workload: {repo: NAME, branch: NAME, path: .}\n",
    },
];

/// Lays out an attack, builds, and returns how it ended and what was said.
fn attack(way: &Way, name: &str) -> (i32, String) {
    let world = Surroundings::new();
    let text = format!("{OURS}{}", way.text.replace("NAME", &format!("\"{name}\"")));
    write(&world.workspace(), &[(way.path, &text)]);
    let what = format!("{name:?} as the name of a {}", way.name);
    let ended = world.run(&what, &["build", "--offline"]);
    for (path, bytes) in contents(&world.workspace().join("wob-out")) {
        let bytes = String::from_utf8_lossy(&bytes);
        assert!(!bytes.contains(SECRET), "{what}: {path} holds a secret");
        let odd = |it: char| it.is_control() || matches!(it, '\\' | ':' | '~' | ' ');
        assert!(!path.contains(odd), "{what} wrote {path:?}");
    }
    ended
}

#[test]
fn no_hostile_name_becomes_a_path() {
    let long = "a".repeat(300);
    for way in &TO_PATHS {
        for name in HOSTILE.into_iter().chain([long.as_str()]) {
            let (code, said) = attack(way, name);
            assert_eq!(code, 1, "{name:?} as {}: {said}", way.name);
            let is_placed = said.contains(&format!("[{}:", way.path));
            assert!(is_placed && said.contains("help:"), "{name:?} as {}: {said}", way.name);
        }
    }
}

#[test]
fn names_that_some_system_reserves_are_refused() {
    for way in &TO_PATHS[..4] {
        for name in RESERVED {
            let (code, said) = attack(way, name);
            // The full name of a workload's target ends in the target's, so only what has an extension is reserved.
            let is_reserved = way.name != "workload" || name.contains('.');
            assert_eq!(code, i32::from(is_reserved), "{name:?} as {}: {said}", way.name);
            assert_eq!(said.contains("bad-name"), is_reserved, "{name:?} as {}: {said}", way.name);
        }
    }
    let (code, said) = attack(&TO_PATHS[1], "readme.md");
    assert!(code == 1 && said.contains("only in case"), "{said}");
}

#[test]
fn texts_that_are_no_names_lead_nowhere() {
    let long = "a".repeat(300);
    let mut built = 0;
    for way in &TO_TEXTS {
        for name in HOSTILE.into_iter().chain([long.as_str()]) {
            let (code, said) = attack(way, name);
            built += usize::from(code == 0);
            assert!(matches!(code, 0 | 1 | 32), "{name:?} as {}: {said}", way.name);
        }
    }
    assert!((1..150).contains(&built), "{built} of them were built");
}

/// A tree may begin anywhere but where it would do harm.
#[test]
fn no_tree_begins_in_a_hostile_folder() {
    let more =
        [".GIT/hooks", "a/.git./x", "git~1", "a:b", "a/con/b", ".github/workflows", "a\\u200bb"];
    // Kubernetes has no say here: what is merely unusual is fine.
    let fine = [
        "",
        ".",
        "/tmp/escaped",
        "a/b",
        "cafe\\u0301",
        "caf\\u00e9",
        "\\uff41",
        "a b",
        "-a",
        "$HOME",
        "{environment}",
    ];
    let long = "a".repeat(300);
    for name in HOSTILE.into_iter().chain(more).chain([long.as_str()]) {
        let way = Way {
            name: "folder of the tree",
            path: "environments/dev/gitops.yaml",
            text: "kind: GitOpsRepo\nmetadata:\n  name: dev\nspec: {repo: r, branch: b, path: NAME}\n",
        };
        let world = Surroundings::new();
        let text = format!("{OURS}{}", way.text.replace("NAME", &format!("\"{name}\"")));
        write(&world.workspace(), &[(way.path, &text)]);
        let (code, said) = world.run(&format!("{name:?} as the folder of a tree"), &["build"]);
        assert_eq!(code, i32::from(!fine.contains(&name)), "{name:?}: {said}");
        let written = contents(&world.out());
        assert_eq!(written.keys().any(|it| it.ends_with("reconciler.yaml")), code == 0, "{name:?}");
        assert!(code == 0 || said.contains("bad-path"), "{name:?}: {said}");
    }
}

#[test]
fn no_setting_leads_out_of_the_workspace() {
    let long = "a".repeat(300);
    let settings = [
        "base: NAME\nenvironments: {dev: environments/dev}\n",
        "base: base\nenvironments: {dev: NAME}\n",
        "base: base\nenvironments: {dev: {path: NAME}}\n",
        "base: base\nenvironments: {NAME: environments/dev}\n",
        "base: base\nconfigFile: NAME\nenvironments: {dev: environments/dev}\n",
        "base: base\nnamespacePattern: NAME\nenvironments: {dev: environments/dev}\n",
        "base: base\nenvironments: {dev: environments/dev}\ninputs: [{url: 'https://github.com/example-org/hello', path: NAME}]\n",
        "base: base\nenvironments: {dev: environments/dev}\ninputs: [{url: NAME, path: NAME}]\n",
        "baseBranch: NAME\n",
    ];
    let mine = ["../secret", "link", "link/../secret", "namespace", "reconciler", "con"];
    for setting in settings {
        for name in HOSTILE.into_iter().chain(RESERVED).chain(mine).chain([long.as_str()]) {
            let world = Surroundings::new();
            std::os::unix::fs::symlink("../secret", world.workspace().join("link")).unwrap();
            let text = format!("version: 1\n{}", setting.replace("NAME", &format!("\"{name}\"")));
            fs::write(world.workspace().join("wob.yaml"), text).unwrap();
            let what = format!("{name:?} in {setting:?}");
            let (code, said) = world.run(&what, &["build", "--offline"]);
            // The workspace's own folder is a fine base.
            let may_be_fine =
                matches!(name, "" | "." | "{environment}") || setting.contains("inputs");
            assert!(code != 0 || may_be_fine, "{what}: {said}");
            for (path, bytes) in contents(&world.workspace().join("wob-out")) {
                assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{what}: {path}");
            }
        }
    }
}

/// A command line is the user's own, and still no label is a path.
#[test]
fn no_label_leads_anywhere() {
    let world = Surroundings::new();
    for name in ["../../x", "/etc", "..", ".git", "a\u{7}b", "a\u{202e}b", "a\u{1b}[2J", "CON"] {
        for label in [
            format!("//env:{name}"),
            format!("//env/{name}"),
            format!("//env/dev/{name}:all"),
            format!("//env/dev/small:{name}"),
            format!("//env/dev/small:hello-test/{name}"),
            format!("//template:{name}"),
            format!("//:{name}"),
        ] {
            let (code, said) = world.run(&label, &["build", &label]);
            assert!(matches!(code, 2 | 4), "{label:?}: {code} {said}");
            world.run(&label, &["render", &label]);
        }
    }
    for text in ["https://github.com/example-org/hello=../secret\u{7}", "=", "a=b@", "ext::sh=x"] {
        world.run(text, &["build", "--offline", "--override-input", text]);
    }
}
