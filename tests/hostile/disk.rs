//! Links and other traps where a tree is written, and where sources are read.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::surroundings::{SECRET, Surroundings};
use crate::support::{contents, write};

/// A trap in an output folder that wob wrote before.
struct Trap {
    name: &'static str,
    /// Sets it, in the output folder.
    set: fn(&Surroundings),
    /// How a build ends that overwrites nothing.
    code: i32,
    /// How one ends that overwrites.
    forced: i32,
}

fn replace_by_link(path: &Path, target: &str) {
    match fs::symlink_metadata(path) {
        Ok(it) if it.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => fs::create_dir_all(path.parent().unwrap()).unwrap(),
    }
    symlink(target, path).unwrap();
}

/// Returns a path that leads from the output folder to the folder of secrets.
fn secret(world: &Surroundings) -> String {
    world.path().join("secret").to_str().unwrap().to_owned()
}

const TRAPS: [Trap; 16] = [
    Trap {
        name: "the folder of all trees is a link",
        set: |it| replace_by_link(&it.workspace().join("wob-out"), &secret(it)),
        code: 36,
        forced: 36,
    },
    Trap {
        name: "the folder of the tree is a link",
        set: |it| replace_by_link(&it.out(), &secret(it)),
        code: 36,
        forced: 36,
    },
    Trap {
        name: "the folder of the tree is a link to nothing",
        set: |it| replace_by_link(&it.out(), "../../../nothing"),
        code: 36,
        forced: 36,
    },
    Trap {
        name: "the record's folder is a link",
        set: |it| replace_by_link(&it.out().join(".wob"), &secret(it)),
        code: 36,
        forced: 36,
    },
    Trap {
        name: "the record is a link",
        set: |it| {
            let target = format!("{}/secret.yaml", secret(it));
            replace_by_link(&it.out().join(".wob/tree.json"), &target);
        },
        code: 0,
        forced: 0,
    },
    Trap {
        name: "the journal is a link",
        set: |it| {
            let target = format!("{}/secret.yaml", secret(it));
            replace_by_link(&it.out().join(".wob/journal.json"), &target);
        },
        code: 0,
        forced: 0,
    },
    Trap {
        name: "a cluster type's folder is a link",
        set: |it| replace_by_link(&it.out().join("small"), &format!("{}/small", secret(it))),
        code: 36,
        forced: 36,
    },
    Trap {
        name: "a target's folder is a link",
        set: |it| {
            let target = format!("{}/small/hello-test", secret(it));
            replace_by_link(&it.out().join("small/hello-test"), &target);
        },
        code: 36,
        forced: 36,
    },
    Trap {
        name: "a file is a link",
        set: |it| {
            let target = format!("{}/small/hello-test/config.yaml", secret(it));
            replace_by_link(&it.out().join("small/hello-test/config.yaml"), &target);
        },
        code: 36,
        forced: 0,
    },
    Trap {
        name: "a file is a link to nothing",
        set: |it| replace_by_link(&it.out().join("small/README.md"), "../../../../nothing"),
        code: 36,
        forced: 0,
    },
    Trap {
        name: "a file is a hard link",
        set: |it| {
            let file = it.out().join("small/hello-test/config.yaml");
            fs::remove_file(&file).unwrap();
            fs::hard_link(it.path().join("secret/small/hello-test/config.yaml"), file).unwrap();
        },
        code: 36,
        forced: 0,
    },
    Trap {
        name: "a file is a pipe",
        set: |it| {
            let file = it.out().join("small/hello-test/config.yaml");
            fs::remove_file(&file).unwrap();
            assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        },
        code: 36,
        forced: 0,
    },
    Trap {
        name: "the record claims files elsewhere",
        set: |it| {
            let record = format!(
                "{{\"files\":{{\"../../../secret/secret.yaml\":\"{0}\",\"small/README.md\":\"{0}\"}}}}",
                "0".repeat(64)
            );
            fs::write(it.out().join(".wob/tree.json"), record).unwrap();
        },
        // Nothing is owned then, but what is there is as it shall be.
        code: 0,
        forced: 0,
    },
    Trap {
        name: "the record is as deep as a stack",
        set: |it| fs::write(it.out().join(".wob/tree.json"), "[".repeat(1 << 20)).unwrap(),
        code: 0,
        forced: 0,
    },
    Trap {
        name: "a file that waits is a link",
        set: |it| {
            fs::remove_file(it.out().join("small/README.md")).unwrap();
            // Named as the new content of this file is while it waits.
            let name = format!(
                ".wob-new-{}",
                &wob_engine::Digest::of(b"small/README.md").to_string()[..16]
            );
            symlink(format!("{}/secret.yaml", secret(it)), it.out().join("small").join(name))
                .unwrap();
        },
        code: 36,
        forced: 36,
    },
    Trap {
        name: "what hides trees from git is a link",
        set: |it| replace_by_link(&it.workspace().join("wob-out/.gitignore"), "../../written"),
        code: 0,
        forced: 0,
    },
];

/// Returns all that a trap may lead to; the hard link's count is the trap's own doing.
fn outside(world: &Surroundings) -> Vec<(PathBuf, String)> {
    let content = |(path, text): (PathBuf, String)| {
        let text = text.split_once(" links: ").map_or(text.clone(), |(_, it)| it.to_owned());
        (path, text)
    };
    world.listing(&[world.workspace()]).into_iter().map(content).collect()
}

#[test]
fn no_trap_in_an_output_folder_leads_out_of_it() {
    for trap in &TRAPS {
        for (args, code) in [(&["build"][..], trap.code), (&["build", "--force"], trap.forced)] {
            let world = Surroundings::new();
            let untouched = outside(&world);
            world.run("a build", &["build"]);
            (trap.set)(&world);
            let (found, said) = run_outside(&world, trap.name, args);
            assert_eq!(found, code, "{}: {said}", trap.name);
            assert_eq!(outside(&world), untouched, "{} with {args:?}", trap.name);
            // Nor do files go that the next build no longer has.
            fs::remove_file(world.workspace().join("environments/dev/cluster-types/small.yaml"))
                .unwrap();
            run_outside(&world, trap.name, args);
            assert_eq!(outside(&world), untouched, "{} with {args:?}, deleting", trap.name);
        }
    }
}

/// Runs wob where a trap may have made its own output a way out.
fn run_outside(world: &Surroundings, what: &str, args: &[&str]) -> (i32, String) {
    let output = crate::support::wob_command(&world.workspace(), args).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains(SECRET), "{what} shows a secret\n{said}");
    (output.status.code().unwrap(), said)
}

/// Links and odd files among the sources: their place, what they are, and whether the build goes on without them.
#[test]
fn no_source_leads_out_of_the_workspace() {
    let links = [
        ("base/secret.yaml", "../../secret/secret.yaml"),
        ("base/secret", "../../secret"),
        ("environments/dev/config/dev-config.yaml", "../../../../secret/secret.yaml"),
        ("environments/dev", "../../secret"),
        ("base", "../secret"),
        ("app", "../secret"),
        ("app/more.yaml", "/proc/self/environ"),
        ("app/even-more.yaml", "/dev/zero"),
        ("wob.yaml", "../secret/wob.yaml"),
        ("wob.local.yaml", "../secret/wob.yaml"),
        ("wob.local.yaml", "/dev/zero"),
        ("base/.sourceignore", "../../secret/secret.yaml"),
    ];
    for (path, target) in links {
        let world = Surroundings::new();
        replace_by_link(&world.workspace().join(path), target);
        let what = format!("{path} -> {target}");
        let (code, said) = world.run(&what, &["build", "--offline"]);
        let is_harmless = path.ends_with(".sourceignore") || path == "app";
        assert!(code == 1 || is_harmless, "{what}: {code} {said}");
        assert!(code == 0 || said.contains("help:"), "{what}: {said}");
        for (file, bytes) in contents(&world.workspace().join("wob-out")) {
            assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{what}: {file}");
        }
        if path == "app" {
            // A folder that is not of the workspace may be read, but nobody else would get the same.
            let record = fs::read_to_string(world.out().join(".wob/tree.json")).unwrap();
            assert!(record.contains("\"dirty\": true"), "{record}");
        }
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    for path in ["wob.local.yaml", "base/pipe.yaml", "app/pipe.yaml", "environments/dev/pipe.yaml"]
    {
        let world = Surroundings::new();
        let pipe = world.workspace().join(path);
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        let (code, said) = world.run(path, &["build"]);
        assert_eq!(code, i32::from(path == "wob.local.yaml"), "{path}: {said}");
    }
}

/// A registration names a repository; no spelling of one runs a program.
#[test]
fn no_address_runs_a_program() {
    let addresses = [
        "ext::sh -c 'touch escaped'",
        "ext::touch escaped",
        "ssh://-oProxyCommand=touch escaped/x",
        "-oProxyCommand=touch escaped:x",
        "--upload-pack=touch escaped",
        "file:///nowhere/../../escaped",
        "$(touch escaped)",
        "`touch escaped`",
        "fd::0",
        "https://localhost:1/$(touch escaped)",
        "\\u0000",
        "http://localhost:1/\\r\\nHost: x",
    ];
    let long = format!("https://localhost:1/{}", "a".repeat(100_000));
    for address in addresses.into_iter().chain([long.as_str()]) {
        for branch in
            ["main", "--upload-pack=touch escaped", "../../escaped", "a..b", "@{u}", ":/x"]
        {
            let world = Surroundings::new();
            let text = format!(
                "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: WorkloadRegistration\nmetadata: {{name: hello}}\nspec:\n  workspace: w\n  workload: {{repo: \"{address}\", branch: \"{branch}\", path: .}}\n"
            );
            write(&world.workspace(), &[("base/workloads/hello.yaml", &text)]);
            let what = format!("{address:.80} at {branch:?}");
            let (code, said) = world.run(&what, &["build"]);
            assert!(
                matches!(code, 1 | 32) && said.contains("hello.yaml:"),
                "{what}: {code} {said}"
            );
            let cached: Vec<String> =
                contents(&world.workspace().join("home")).into_keys().collect();
            let is_escaped = |it: &String| it.split('/').any(|part| part == "escaped");
            assert!(!cached.iter().any(is_escaped), "{what}: {cached:?}");
        }
    }
}
