//! Git repositories whose trees hold what no checkout would write.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use super::surroundings::{SECRET, Surroundings};
use crate::support::{commit, contents, git, write};

const WORKLOAD: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\nkind: Workload\nmetadata: {name: evil}\nspec:\n  deploymentTargets:\n  - name: x\n    environment: dev\n    manifests: {repo: r, branch: b, path: p}\n";

/// Writes an object of any shape, and returns its id.
fn object(at: &Path, kind: &str, body: &[u8]) -> String {
    let mut child = Command::new("git")
        .current_dir(at)
        .args(["hash-object", "-w", "--literally", "--stdin", "-t", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn entry(mode: &str, name: &[u8], id: &str) -> Vec<u8> {
    let id: Vec<u8> = id
        .as_bytes()
        .chunks(2)
        .map(|it| u8::from_str_radix(str::from_utf8(it).unwrap(), 16).unwrap())
        .collect();
    [mode.as_bytes(), b" ", name, b"\0", &id].concat()
}

/// Each tree is that of the workload's repository, beside the good file it has.
#[test]
fn no_tree_of_git_leads_out_of_its_repository() {
    let names: [&[u8]; 14] = [
        b"..",
        b".",
        b".git",
        b".GIT",
        b"../../escaped.yaml",
        b"/tmp/escaped.yaml",
        b"a/b.yaml",
        b"a\\b.yaml",
        b"a\nb.yaml",
        b"\x1b[2J.yaml",
        b"\xff\xfe.yaml",
        "a\u{202e}lmay.yaml".as_bytes(),
        b"con.yaml",
        &[b'a'; 300],
    ];
    for name in names {
        for (mode, is_link) in
            [("100644", false), ("40000", false), ("120000", true), ("160000", false)]
        {
            let world = Surroundings::new();
            let repository = world.path().join("repository");
            fs::create_dir(&repository).unwrap();
            git(&repository, &["init", "-q"]);
            let good = fs::read_to_string(world.workspace().join("app/workload.yaml")).unwrap();
            commit(&repository, &[("workload.yaml", &good)]);
            let good = git(&repository, &["rev-parse", "HEAD:workload.yaml"]);
            let target: &[u8] =
                if is_link { b"../../secret/secret.yaml" } else { WORKLOAD.as_bytes() };
            let blob = object(&repository, "blob", target);
            let id = match mode {
                "40000" => object(&repository, "tree", &entry("100644", b"workload.yaml", &blob)),
                _ => blob,
            };
            let body = [entry(mode, name, &id), entry("100644", b"workload.yaml", &good)].concat();
            let tree = object(&repository, "tree", &body);
            let commit = git(&repository, &["commit-tree", "-m", "evil", &tree]);
            git(&repository, &["update-ref", "refs/heads/main", &commit]);
            let settings = fs::read_to_string(world.workspace().join("wob.yaml")).unwrap();
            let settings = settings.replace("path: app", "path: file:///REPOSITORY");
            let address = format!("file://{}", repository.display());
            write(
                &world.workspace(),
                &[("wob.yaml", &settings.replace("file:///REPOSITORY", &address))],
            );
            let what = format!("{mode} {:?}", String::from_utf8_lossy(name));
            let (code, said) = world.run(&what, &["build"]);
            assert!(matches!(code, 0 | 1), "{what}: {code} {said}");
            let written = contents(&world.out());
            let is_built = written.keys().any(|it| it.starts_with("small/hello-test/"));
            assert!(is_built, "{what}: the good file is still read: {said}");
            for (path, bytes) in written {
                assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{what}: {path}");
            }
        }
    }
}
